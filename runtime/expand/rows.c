/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of parent rows.
 */
#include "rows.h"

bool rnm_lanes_adjoin(const rnm_child *child, rnm_panel panel) {
    return panel.lanes == RNM_PANEL && panel.output % child->po + RNM_PANEL <= child->po;
}

bool rnm_rows_readable(const rnm_child *child, rnm_panel panel) {
    return child->parent_dtype == RNM_F32 && rnm_lanes_adjoin(child, panel);
}

size_t rnm_rows_fold(const rnm_child *child, rnm_panel panel) {
    const uint32_t half = RNM_PANEL / 2, at = panel.output % child->po;
    const bool folds = child->parent_dtype == RNM_F32 && panel.lanes == RNM_PANEL &&
                       child->po >= half && child->po - at == half;
    return folds ? at + half : 0;
}

const float *rnm_row_at(const rnm_child *child, rnm_panel panel) {
    const size_t row = (size_t)(panel.input % child->pi) * child->taps;
    return (const float *)child->parent + row * child->po + panel.output % child->po;
}

rnm_rows_ahead rnm_expand_ahead(const rnm_child *child, rnm_panel panel) {
    rnm_rows_ahead ahead = {.stride = child->po};
    if (panel.inputs > 0 && rnm_rows_readable(child, panel)) {
        ahead.row = rnm_row_at(child, panel);
        ahead.rows = (size_t)panel.inputs * child->taps;
    }
    return ahead;
}

rnm_row_runs rnm_rows_begin(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                            bool folds, float *dst) {
    rnm_row_runs runs = {.child = child, .panel = panel, .dst = dst, .next = panel.input};
    runs.fold = folds ? rnm_rows_fold(child, panel) : 0;
    runs.in_place = !rnm_rows_readable(child, panel) && runs.fold == 0;
    if (runs.in_place) {
        rnm_expand_linear(kernels, child, panel, dst);
    }
    return runs;
}

bool rnm_rows_next(rnm_row_runs *runs, rnm_row_run *run) {
    const rnm_child *child = runs->child;
    uint32_t end = runs->panel.input + runs->panel.inputs;
    if (runs->next == end) {
        return false;
    }
    uint32_t parent_input = runs->next % child->pi;
    uint32_t inputs = child->pi - parent_input;
    inputs = inputs < end - runs->next ? inputs : end - runs->next;
    size_t before = (size_t)(runs->next - runs->panel.input) * child->taps;
    run->dst = runs->dst != NULL ? runs->dst + before * RNM_PANEL : NULL;
    run->rows = (size_t)inputs * child->taps;
    run->input = runs->next;
    run->fold = runs->fold;
    run->stride = runs->in_place ? RNM_PANEL : child->po;
    run->src = run->dst;
    if (!runs->in_place) {
        const rnm_panel here = {.output = runs->panel.output, .input = runs->next};
        run->src = rnm_row_at(child, here);
    }
    runs->next += inputs;
    return true;
}
