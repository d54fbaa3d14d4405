/* SPDX-License-Identifier: Apache-2.0
 *
 * Expansion straight into a Winograd domain: a flip happens in the registers that the transform of
 * the kernels starts from, and is done anew for each group of points, which costs less than to
 * write it down. Everything else (s, drop, learned zeros, parents that cannot be read where they
 * lie) is expanded first, once for all groups.
 */
#include "mask.h"
#include "rows.h"

enum {
    WORDS = 25 * 16, /* of a mask, at a time */
    ASKING = 4,      /* inputs made between one request to memory and the next */
};

/* Flips cost little where a mask is an operand, as in AVX-512. */
static bool in_registers(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel) {
    return child->transform == RNM_TRANSFORM_LINEAR ||
           (child->transform == RNM_TRANSFORM_F && kernels->masks &&
            !rnm_f_has_zeros(child, panel));
}

const float *rnm_expand_beforehand(const rnm_kernels *kernels, const rnm_child *child,
                                   rnm_panel panel, float *scratch) {
    const bool readable = rnm_rows_readable(child, panel) || rnm_rows_fold(child, panel) > 0;
    if (readable && in_registers(kernels, child, panel)) {
        return NULL;
    }
    rnm_expanders[child->transform](kernels, child, panel, scratch);
    return scratch;
}

void rnm_expand_transformed(const rnm_kernels *kernels, const rnm_winograd *winograd,
                            const rnm_child *child, rnm_panel panel, rnm_rows_ahead ahead,
                            unsigned group, float *dst, size_t stride) {
    const size_t taps = child->taps;
    size_t most = WORDS / taps, asked = 0;
    if (ahead.rows > 0) {
        const size_t calls = (panel.inputs + ASKING - 1) / ASKING;
        most = ASKING;
        const size_t groups = winograd->weight_side / 2u;
        asked = (ahead.rows + calls * groups - 1) / (calls * groups);
        const size_t before =
            group * calls * asked < ahead.rows ? group * calls * asked : ahead.rows;
        ahead.rows -= before;
        ahead.row += ahead.rows > 0 ? before * ahead.stride : 0;
    }
    const bool flips = child->transform == RNM_TRANSFORM_F;
    rnm_mask_cursor mask = {0};
    if (flips) {
        mask = rnm_mask_at(child, child->mask, panel);
    }
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, true, NULL);
    for (rnm_row_run run; rnm_rows_next(&runs, &run);) {
        const size_t inputs = run.rows / taps;
        for (size_t i = 0; i < inputs; i += most) {
            uint32_t words[WORDS];
            const size_t count = inputs - i < most ? inputs - i : most;
            rnm_kernel_rows these = {
                .src = run.src + i * taps * run.stride, .stride = run.stride, .fold = run.fold};
            if (flips) {
                these.bits = rnm_mask_words(&mask, count * taps, UINT32_MAX, words);
            }
            winograd->weights(&these, count, group, dst, stride);
            dst += count * RNM_PANEL;
            rnm_ask_ahead(&ahead, asked);
        }
    }
}
