/* SPDX-License-Identifier: Apache-2.0
 *
 * s: b1 * p / (1 + exp(b2 * p)) with one pair of betas a block. A panel may straddle blocks, so
 * the pairs of its lanes are gathered once for each run of inputs that shares a column of blocks.
 */
#include "betas.h"
#include "rows.h"

void rnm_gather_betas(const rnm_child *child, rnm_panel panel, uint32_t i, rnm_lane_betas *betas) {
    bool interleaved = (child->flags & RNM_RECIPE_INTERLEAVED) != 0;
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    uint32_t rows = child->co / child->po;
    uint32_t columns = child->ci / child->pi;
    /* Only a plain recipe has pairs for blocks that the edge cuts. */
    uint32_t stride = columns + (!interleaved && !cascaded && child->ci % child->pi != 0);
    uint32_t column = interleaved ? i % columns : i / child->pi;
    uint32_t row = interleaved ? panel.output % rows : panel.output / child->po;
    uint32_t left = child->po - panel.output % child->po; /* lanes of this row of blocks */
    *betas = (rnm_lane_betas){.b1 = {0}};
    for (uint32_t l = 0; l < panel.lanes; ++l) {
        const float *pair = child->betas + 2 * ((uint64_t)row * stride + column);
        betas->b1[l] = pair[0];
        betas->b2[l] = pair[1];
        if (interleaved) {
            row = row + 1 == rows ? 0 : row + 1;
        } else if (--left == 0) {
            left = child->po;
            ++row;
        }
    }
}

/* Edges of cascaded recipes are transformed up to three times: rare enough for the reference. */
static void expand_by_reference(const rnm_child *child, rnm_panel panel, const rnm_row_run *run) {
    for (size_t r = 0; r < run->rows; ++r) {
        uint32_t input = run->input + (uint32_t)(r / child->taps);
        float *row = run->dst + r * RNM_PANEL;
        for (uint32_t l = 0; l < RNM_PANEL; ++l) {
            row[l] = l < panel.lanes ? rnm_expand_ref_at(child, panel.output + l, input,
                                                         (uint32_t)(r % child->taps))
                                     : 0.0f;
        }
    }
}

/* A run lies in one column of blocks. In interleaved recipes every input has pairs of its own. */
static void transform_run(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                          const rnm_row_run *run) {
    size_t step = child->flags & RNM_RECIPE_INTERLEAVED ? child->taps : run->rows;
    uint32_t input = run->input;
    for (size_t r = 0; r < run->rows; r += step, ++input) {
        rnm_lane_betas betas;
        rnm_gather_betas(child, panel, input, &betas);
        kernels->s(run->src + r * run->stride, run->stride, betas.b1, betas.b2, step,
                   run->dst + r * RNM_PANEL);
    }
}

void rnm_expand_s(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst) {
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    uint32_t whole_rows = child->co - child->co % child->po;
    uint32_t whole_columns = child->ci - child->ci % child->pi;
    bool row_edge = cascaded && panel.output + panel.lanes > whole_rows;
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, dst);
    rnm_row_run run;
    while (rnm_rows_next(&runs, &run)) {
        if (row_edge || (cascaded && run.input >= whole_columns)) {
            expand_by_reference(child, panel, &run);
        } else {
            transform_run(kernels, child, panel, &run);
        }
    }
}
