/* SPDX-License-Identifier: Apache-2.0
 *
 * The expanded form of one layer's weight, and when it exists: kept from load or first use on, or
 * made anew in a shared scratch for every run.
 */
#ifndef RNM_WEIGHTS_H
#define RNM_WEIGHTS_H

#include "expand/expand.h"
#include "rnm.h"
#include "threads.h"

/* Panels of RNM_PANEL outputs, one after the other, each [ci][taps][RNM_PANEL]. A panel never
 * crosses a convolution group, so every group starts a new one. */
typedef struct rnm_weight {
    rnm_child child;
    uint32_t recipe;
    uint32_t group_outputs; /* co where panels may cross groups: depthwise */
    uint32_t group_panels;
    uint32_t panel_count;
    uint64_t panel_floats;
    uint64_t bytes; /* of all panels */
    rnm_form form;  /* NONE until the plan is complete */
    float *panels;  /* of its own, or the scratch that layers share; NULL: panelled */
    bool ready;     /* kept, and expanded */
} rnm_weight;

/* Cuts a child of `groups` groups into panels. RNM_ERR_LIMIT when the sizes overflow. */
rnm_status rnm_weight_cut(rnm_weight *weight, const rnm_child *child, uint32_t groups,
                          rnm_error *err);

/* Outputs of panel `index`; all inputs. */
rnm_panel rnm_weight_panel(const rnm_weight *weight, uint32_t index);

/* Expands what has memory of its own, or the shared scratch, and is not there yet. Nothing in
 * panel mode, where panels is NULL. */
void rnm_weight_prepare(rnm_weight *weight, const rnm_kernels *kernels, rnm_threads *threads);

/* Inputs [first, first + inputs) of panel `index`, [inputs][taps][RNM_PANEL]: where they stand, or
 * expanded into `scratch` now. */
const float *rnm_weight_block(const rnm_weight *weight, const rnm_kernels *kernels, uint32_t index,
                              uint32_t first, uint32_t inputs, float *scratch);

#endif
