/* SPDX-License-Identifier: Apache-2.0
 *
 * s: b1 * p / (1 + exp(b2 * p)) with one pair of betas a block. A panel may straddle blocks, so
 * the pairs of its lanes are gathered once for each run of inputs that shares a column of blocks.
 * Cascaded recipes transform their edges once or twice more.
 */
#include "betas.h"
#include "rows.h"

#include <string.h>

void rnm_gather_betas(const rnm_child *child, rnm_panel panel, uint32_t i, rnm_lane_betas *betas) {
    bool interleaved = (child->flags & RNM_RECIPE_INTERLEAVED) != 0;
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    uint32_t rows = child->co / child->po;
    uint32_t columns = child->ci / child->pi;
    /* Only a plain recipe has pairs for blocks that the edge cuts. */
    uint32_t stride = columns + (!interleaved && !cascaded && child->ci % child->pi != 0);
    /* An edge of a cascaded recipe is the first block, transformed further. */
    uint32_t column = interleaved ? i % columns : i / child->pi;
    column = cascaded && column == columns ? 0 : column;
    uint32_t row = interleaved ? panel.output % rows : panel.output / child->po;
    uint32_t left = child->po - panel.output % child->po; /* lanes of this row of blocks */
    *betas = (rnm_lane_betas){.b1 = {0}};
    for (uint32_t l = 0; l < panel.lanes; ++l) {
        uint32_t from = cascaded && row == rows ? 0 : row;
        const float *pair = child->betas + 2 * ((uint64_t)from * stride + column);
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

/* A run lies in one column of blocks. In interleaved recipes every input has pairs of its own. */
static void transform_run(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                          const rnm_row_run *run) {
    size_t step = child->flags & RNM_RECIPE_INTERLEAVED ? child->taps : run->rows;
    uint32_t input = run->input;
    for (size_t r = 0; r < run->rows; r += step, ++input) {
        rnm_lane_betas betas;
        rnm_gather_betas(child, panel, input, &betas);
        kernels->s(run->src + r * run->stride, run->stride, run->fold, betas.b1, betas.b2, step,
                   run->dst + r * RNM_PANEL);
    }
}

/* Transforms the lanes of rows from `first` on again, with one pair for all. */
static void transform_again(const rnm_kernels *kernels, const float *pair, uint32_t first,
                            rnm_panel panel, size_t rows, float *dst) {
    enum { ROWS = 16 };
    float again[ROWS][RNM_PANEL];
    rnm_lane_betas betas = {.b1 = {0}};
    for (uint32_t l = first; l < panel.lanes; ++l) {
        betas.b1[l] = pair[0];
        betas.b2[l] = pair[1];
    }
    for (size_t r = 0; r < rows; r += ROWS) {
        const size_t count = rows - r < ROWS ? rows - r : ROWS;
        kernels->s(dst, RNM_PANEL, 0, betas.b1, betas.b2, count, again[0]);
        for (size_t k = 0; k < count; ++k, dst += RNM_PANEL) {
            memcpy(dst + first, again[k] + first, (RNM_PANEL - first) * sizeof *dst);
        }
    }
}

/* What the edges of a cascaded recipe do to a run: the row edge to its outputs, then the column
 * edge to all. Its pairs are the last ones. */
static void transform_edges(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                            const rnm_row_run *run) {
    const uint32_t whole_rows = child->co - child->co % child->po;
    const uint32_t whole_columns = child->ci - child->ci % child->pi;
    const float *pair =
        child->betas + 2 * (uint64_t)(child->co / child->po) * (child->ci / child->pi);
    if (whole_rows < child->co) {
        const uint32_t first = whole_rows > panel.output ? whole_rows - panel.output : 0;
        if (first < panel.lanes) {
            transform_again(kernels, pair, first, panel, run->rows, run->dst);
        }
        pair += 2;
    }
    if (run->input >= whole_columns) {
        transform_again(kernels, pair, 0, panel, run->rows, run->dst);
    }
}

void rnm_expand_s(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst) {
    const bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, true, dst);
    for (rnm_row_run run; rnm_rows_next(&runs, &run);) {
        transform_run(kernels, child, panel, &run);
        if (cascaded) {
            transform_edges(kernels, child, panel, &run);
        }
    }
}
