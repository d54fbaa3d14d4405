/* SPDX-License-Identifier: Apache-2.0
 *
 * The betas of a panel's lanes.
 */
#ifndef RNM_EXPAND_BETAS_H
#define RNM_EXPAND_BETAS_H

#include "expand.h"

typedef struct rnm_lane_betas {
    float b1[RNM_PANEL], b2[RNM_PANEL]; /* zeros where no lane is: s is a zero then */
} rnm_lane_betas;

/* The pairs of the panel's lanes for child input i; in the edges of a cascaded recipe, those of the
 * first transform. */
void rnm_gather_betas(const rnm_child *child, rnm_panel panel, uint32_t i, rnm_lane_betas *betas);

#endif
