/* SPDX-License-Identifier: Apache-2.0
 *
 * What all measurements have in common: made-up input, the batch, medians.
 */
#ifndef RNRUN_TIMING_H
#define RNRUN_TIMING_H

#include "rnm.h"

/* Runs before those that count: caches, page tables and clocks settle. */
enum { TIMING_WARM_UP = 3 };

/* Fills an f32 tensor with numbers from -1 to 1, the same ones at every call; others stay zeros. */
void timing_input(rnm_tensor *tensor);

/* Ascending; the median is then times[count / 2]. */
void timing_sort(double *times, size_t count);

/* Runs a context made with `profile` on made-up input. medians[layer] are seconds, the one behind
 * the last layer is that of whole runs. RNM_ERR_MEMORY, _BACKEND. */
rnm_status timing_layers(const rnm_model *model, rnm_context *context, size_t runs, double *medians,
                         rnm_error *error);

#endif
