/* SPDX-License-Identifier: Apache-2.0
 *
 * Expansion straight into a Winograd domain: the transform of the recipe happens in the registers
 * that the transform of the kernels starts from. Recipes that are rare (drop, learned zeros,
 * cascades) are expanded first and transformed after.
 */
#include "betas.h"
#include "mask.h"
#include "rows.h"

/* What a walk over a panel's runs carries along. */
typedef struct walk {
    const rnm_winograd *winograd;
    const rnm_child *child;
    rnm_panel panel;
    float *dst; /* of input panel.input */
    size_t stride;
} walk;

static bool in_registers(const rnm_child *child) {
    switch (child->transform) {
    case RNM_TRANSFORM_LINEAR:
        return true;
    case RNM_TRANSFORM_F:
        return child->zero_plane == NULL && child->zero_list == NULL;
    case RNM_TRANSFORM_S:
        return (child->flags & RNM_RECIPE_CASCADED) == 0;
    default:
        return false;
    }
}

static void flip_run(const walk *at, const rnm_row_run *run, rnm_mask_cursor *mask, float *dst) {
    enum { WORDS = 25 * 8 };
    const uint32_t lanes = UINT32_MAX >> (RNM_PANEL - at->panel.lanes);
    const size_t taps = at->child->taps, step = WORDS / taps, inputs = run->rows / taps;
    for (size_t i = 0; i < inputs; i += step) {
        uint32_t words[WORDS];
        size_t count = inputs - i < step ? inputs - i : step;
        rnm_kernel_rows rows = {.src = run->src + i * taps * run->stride, .stride = run->stride};
        rows.bits = rnm_mask_words(mask, count * taps, lanes, words);
        at->winograd->weights(&rows, count, dst + i * RNM_PANEL, at->stride);
    }
}

/* A run lies in one column of blocks. In interleaved recipes every input has pairs of its own. */
static void s_run(const walk *at, const rnm_row_run *run, float *dst) {
    const size_t taps = at->child->taps, inputs = run->rows / taps;
    size_t step = (at->child->flags & RNM_RECIPE_INTERLEAVED) != 0 ? 1 : inputs;
    for (size_t i = 0; i < inputs; i += step) {
        rnm_lane_betas betas;
        rnm_gather_betas(at->child, at->panel, run->input + (uint32_t)i, &betas);
        rnm_kernel_rows rows = {.src = run->src + i * taps * run->stride,
                                .stride = run->stride,
                                .b1 = betas.b1,
                                .b2 = betas.b2};
        at->winograd->weights(&rows, step, dst + i * RNM_PANEL, at->stride);
    }
}

static void make_runs(const rnm_kernels *kernels, const walk *at, float *scratch) {
    const rnm_child *child = at->child;
    rnm_row_runs runs = rnm_rows_begin(kernels, child, at->panel, scratch);
    rnm_mask_cursor mask = {0};
    if (child->transform == RNM_TRANSFORM_F) {
        mask = rnm_mask_at(child, child->mask, at->panel);
    }
    rnm_row_run run;
    while (rnm_rows_next(&runs, &run)) {
        float *dst = at->dst + (size_t)(run.input - at->panel.input) * RNM_PANEL;
        rnm_kernel_rows rows = {.src = run.src, .stride = run.stride};
        if (child->transform == RNM_TRANSFORM_F) {
            flip_run(at, &run, &mask, dst);
        } else if (child->transform == RNM_TRANSFORM_S) {
            s_run(at, &run, dst);
        } else {
            at->winograd->weights(&rows, run.rows / child->taps, dst, at->stride);
        }
    }
}

void rnm_expand_transformed(const rnm_kernels *kernels, const rnm_winograd *winograd,
                            const rnm_child *child, rnm_panel panel, float *scratch, float *dst,
                            size_t stride) {
    const bool fused = in_registers(child);
    const uint32_t end = panel.input + panel.inputs;
    const uint32_t step =
        fused && rnm_rows_readable(child, panel) ? panel.inputs : RNM_EXPAND_CHUNK;
    for (uint32_t i = panel.input; i < end; i += step) {
        walk at = {.winograd = winograd, .child = child, .panel = panel, .dst = dst};
        at.stride = stride;
        at.panel.input = i;
        at.panel.inputs = end - i < step ? end - i : step;
        if (fused) {
            make_runs(kernels, &at, scratch);
        } else {
            rnm_expanders[child->transform](kernels, child, at.panel, scratch);
            rnm_kernel_rows rows = {.src = scratch, .stride = RNM_PANEL};
            winograd->weights(&rows, at.panel.inputs, dst, stride);
        }
        dst += (size_t)step * RNM_PANEL;
    }
}
