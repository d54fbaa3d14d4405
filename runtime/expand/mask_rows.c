/* SPDX-License-Identifier: Apache-2.0
 *
 * A kernel that takes words of bits, applied to a panel some rows at a time.
 */
#include "mask_rows.h"

#include "mask.h"

enum { ROWS = 128 };

static void apply_run(rnm_mask_kernel apply, const rnm_row_run *run, rnm_mask_cursor *mask,
                      uint32_t lanes) {
    for (size_t first = 0; first < run->rows; first += ROWS) {
        uint32_t words[ROWS];
        size_t rows = run->rows - first < ROWS ? run->rows - first : ROWS;
        apply(run->src + first * run->stride, run->stride, rnm_mask_words(mask, rows, lanes, words),
              rows, run->dst + first * RNM_PANEL);
    }
}

void rnm_expand_masked(const rnm_kernels *kernels, rnm_mask_kernel apply, const rnm_child *child,
                       const uint8_t *mask, rnm_panel panel, float *dst) {
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, false, dst);
    rnm_mask_cursor at = rnm_mask_at(child, mask, panel);
    uint32_t lanes = UINT32_MAX >> (RNM_PANEL - panel.lanes);
    rnm_row_run run;
    while (rnm_rows_next(&runs, &run)) {
        apply_run(apply, &run, &at, lanes);
    }
}
