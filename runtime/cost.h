/* SPDX-License-Identifier: Apache-2.0
 *
 * What layers are expected to take, for choices that measurement would cost too much for: which
 * weights to keep expanded where memory is limited. Estimates; a tuning (tuning.h) replaces them.
 */
#ifndef RNM_COST_H
#define RNM_COST_H

#include "context.h"

/* What a weighted step is expected to cost. */
rnm_cost rnm_cost_step(const rnm_context *context, const rnm_conv_step *conv);

/* Fills in the cost of every weighted step of a plan. */
void rnm_cost_steps(rnm_context *context);

/* Seconds of a run of the layer, panelled, if it took that algorithm (and form of Winograd); 0
 * where it cannot. */
double rnm_cost_algorithm(const rnm_context *context, const rnm_conv_step *conv,
                          rnm_conv_algorithm algorithm, unsigned form);

#endif
