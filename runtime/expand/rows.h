/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a panel's parent rows lie. Child inputs that follow one another come from parent inputs
 * that do, until the parent is at its end: such a run is one stretch of rows at equal distances,
 * which kernels take at once. Where the panel's lanes lie side by side in the parent, the rows are
 * read in place, and by kernels that can fold them also where the parent ends between the halves of
 * the lanes; any other panel that wraps around the parent's end or is cut short, or a parent of
 * half floats, is written out first and then transformed in place.
 */
#ifndef RNM_EXPAND_ROWS_H
#define RNM_EXPAND_ROWS_H

#include "expand.h"

typedef struct rnm_row_run {
    const float *src;
    size_t stride;
    size_t fold;    /* as in rnm_kernel_rows */
    size_t rows;    /* inputs of the run times taps */
    float *dst;     /* [rows][RNM_PANEL] */
    uint32_t input; /* the run's first child input */
} rnm_row_run;

typedef struct rnm_row_runs {
    const rnm_child *child;
    rnm_panel panel;
    float *dst;
    size_t fold;   /* of every run */
    bool in_place; /* rows stand in dst already */
    uint32_t next; /* child input */
} rnm_row_runs;

/* Whether the panel's lanes lie side by side in the parent; in one of f32, where they can be read.
 */
bool rnm_lanes_adjoin(const rnm_child *child, rnm_panel panel);
bool rnm_rows_readable(const rnm_child *child, rnm_panel panel);

/* Where the parent is f32 and ends between the halves of the panel's lanes: how far before its
 * place the second half lies. 0 elsewhere. */
size_t rnm_rows_fold(const rnm_child *child, rnm_panel panel);

/* The parent's row of panel.input, its first tap, where the panel's rows can be read. */
const float *rnm_row_at(const rnm_child *child, rnm_panel panel);

/* Begins; writes linear rows to dst where they cannot be read in the parent, or only folded by who
 * does not fold, and else leaves it alone. It may be NULL where they can be read. */
rnm_row_runs rnm_rows_begin(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                            bool folds, float *dst);

/* The next run, of inputs of one column of blocks; false at the end. */
bool rnm_rows_next(rnm_row_runs *runs, rnm_row_run *run);

#endif
