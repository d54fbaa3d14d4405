/* SPDX-License-Identifier: Apache-2.0
 *
 * s: b1 * p / (1 + exp(b2 * p)) with one pair of betas a block. A panel may straddle blocks, so
 * the pairs of its lanes are gathered once for each run of inputs that shares a column of blocks.
 */
#include "expand.h"

typedef struct lane_betas {
    float b1[RNM_PANEL], b2[RNM_PANEL];
} lane_betas;

/* The pairs of the panel's lanes for child input i. */
static void gather(const rnm_child *child, rnm_panel panel, uint32_t i, lane_betas *betas) {
    bool interleaved = (child->flags & RNM_RECIPE_INTERLEAVED) != 0;
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    uint32_t rows = child->co / child->po;
    uint32_t columns = child->ci / child->pi;
    /* Only a plain recipe has pairs for blocks that the edge cuts. */
    uint32_t stride = columns + (!interleaved && !cascaded && child->ci % child->pi != 0);
    uint32_t column = interleaved ? i % columns : i / child->pi;
    for (uint32_t l = 0; l < panel.lanes; ++l) {
        uint32_t o = panel.output + l;
        uint32_t row = interleaved ? o % rows : o / child->po;
        const float *pair = child->betas + 2 * ((uint64_t)row * stride + column);
        betas->b1[l] = pair[0];
        betas->b2[l] = pair[1];
    }
}

static void transform_row(const lane_betas *betas, uint32_t lanes, float *row) {
    for (uint32_t l = 0; l < lanes; ++l) {
        row[l] = rnm_transform_s(row[l], betas->b1[l], betas->b2[l]);
    }
}

/* Edges of cascaded recipes are transformed up to three times: rare enough for the reference. */
static void expand_by_reference(const rnm_child *child, rnm_panel panel, uint32_t i, float *rows) {
    for (uint32_t t = 0; t < child->taps; ++t, rows += RNM_PANEL) {
        for (uint32_t l = 0; l < panel.lanes; ++l) {
            rows[l] = rnm_expand_ref_at(child, panel.output + l, i, t);
        }
    }
}

void rnm_expand_s(const rnm_child *child, rnm_panel panel, float *dst) {
    rnm_expand_linear(child, panel, dst);
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    bool interleaved = (child->flags & RNM_RECIPE_INTERLEAVED) != 0;
    uint32_t whole_rows = child->co - child->co % child->po;
    uint32_t whole_columns = child->ci - child->ci % child->pi;
    bool row_edge = cascaded && panel.output + panel.lanes > whole_rows;
    bool gathered = false;
    lane_betas betas;
    for (uint32_t i = panel.input; i < panel.input + panel.inputs; ++i) {
        float *rows = dst + (uint64_t)(i - panel.input) * child->taps * RNM_PANEL;
        if (row_edge || (cascaded && i >= whole_columns)) {
            expand_by_reference(child, panel, i, rows);
            continue;
        }
        if (!gathered || interleaved || i % child->pi == 0) {
            gather(child, panel, i, &betas);
            gathered = true;
        }
        for (uint32_t t = 0; t < child->taps; ++t) {
            transform_row(&betas, panel.lanes, rows + (uint64_t)t * RNM_PANEL);
        }
    }
}
