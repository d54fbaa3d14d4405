/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of a whole, aligned panel are used where they lie in the file; others are put together
 * first, some rows at a time.
 */
#include "mask_rows.h"

#include "mask.h"

enum { ROWS = 128 };

static void apply_run(rnm_mask_kernel apply, const rnm_row_run *run, rnm_mask_cursor *mask,
                      uint32_t lanes) {
    if (mask->shift == 0 && mask->low_bytes == sizeof(uint32_t) && mask->high == NULL &&
        lanes == UINT32_MAX) {
        apply(run->src, run->stride, (const uint32_t *)(const void *)mask->low, run->rows,
              run->dst);
        mask->low += run->rows * sizeof(uint32_t);
        return;
    }
    for (size_t first = 0; first < run->rows; first += ROWS) {
        uint32_t bits[ROWS];
        size_t rows = run->rows - first < ROWS ? run->rows - first : ROWS;
        for (size_t r = 0; r < rows; ++r) {
            bits[r] = rnm_mask_next(mask) & lanes;
        }
        apply(run->src + first * run->stride, run->stride, bits, rows,
              run->dst + first * RNM_PANEL);
    }
}

void rnm_expand_masked(const rnm_kernels *kernels, rnm_mask_kernel apply, const rnm_child *child,
                       const uint8_t *mask, rnm_panel panel, float *dst) {
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, dst);
    rnm_mask_cursor at = rnm_mask_at(child, mask, panel);
    uint32_t lanes = UINT32_MAX >> (RNM_PANEL - panel.lanes);
    rnm_row_run run;
    while (rnm_rows_next(&runs, &run)) {
        apply_run(apply, &run, &at, lanes);
    }
}
