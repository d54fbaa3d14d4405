/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: the child is the parent, repeated.
 */
#include "expand.h"

#include "half.h"
#include "rows.h"

#include <assert.h>
#include <string.h>

enum { MOST_ROWS = 64 }; /* at a time: 8 KB */

const rnm_expander rnm_expanders[RNM_TRANSFORM_KNOWN] = {
    [RNM_TRANSFORM_LINEAR] = rnm_expand_linear,
    [RNM_TRANSFORM_S] = rnm_expand_s,
    [RNM_TRANSFORM_F] = rnm_expand_f,
    [RNM_TRANSFORM_DROP] = rnm_expand_drop,
};

/* Runs are no longer than a panel, and a call for each would take longer than the copy: two pieces
 * that overlap, or a few elements. */
static inline void copy_short(float *dst, const float *src, uint32_t count) {
#define ENDS(size)                                                                \
    do {                                                                          \
        memcpy(dst, src, (size) * sizeof *dst);                                   \
        memcpy(dst + count - (size), src + count - (size), (size) * sizeof *dst); \
    } while (0)
    if (count >= 16) {
        ENDS(16);
    } else if (count >= 8) {
        ENDS(8);
    } else if (count >= 4) {
        ENDS(4);
    } else {
        for (; count > 0; --count) {
            *dst++ = *src++;
        }
    }
#undef ENDS
    static_assert(RNM_PANEL <= 32, "two pieces of 16 are a panel");
}

/* `count` parent elements from `first` on, as f32, of so many rows. */
static void convert_rows(const rnm_child *child, uint64_t first, size_t rows, uint32_t count,
                         float *dst) {
    const size_t po = child->po;
    if (child->parent_dtype == RNM_F32) {
        const float *src = (const float *)child->parent + first;
        for (; rows > 0; --rows, src += po, dst += RNM_PANEL) {
            copy_short(dst, src, count);
        }
        return;
    }
    const uint16_t *half = (const uint16_t *)child->parent + first;
    const bool brain = child->parent_dtype == RNM_BF16;
    for (; rows > 0; --rows, half += po, dst += RNM_PANEL) {
        for (uint32_t k = 0; k < count; ++k) {
            dst[k] = brain ? rnm_bf16_to_f32(half[k]) : rnm_f16_to_f32(half[k]);
        }
    }
}

/* Rows of the parent from `row` on, piece by piece as the panel's lanes wrap around its end: each
 * piece is as long in all rows. */
static void write_rows(const rnm_child *child, rnm_panel panel, uint64_t row, size_t rows,
                       float *dst) {
    uint32_t lane = 0;
    for (uint32_t at = panel.output % child->po; lane < panel.lanes; at = 0) {
        uint32_t run = child->po - at;
        run = run < panel.lanes - lane ? run : panel.lanes - lane;
        convert_rows(child, row * child->po + at, rows, run, dst + lane);
        lane += run;
    }
    for (size_t r = 0; lane < RNM_PANEL && r < rows; ++r) {
        memset(dst + r * RNM_PANEL + lane, 0, (RNM_PANEL - lane) * sizeof *dst);
    }
}

/* The inputs of a panel whose lanes lie side by side in a parent of 16 bits. */
static void widen(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst) {
    const uint32_t end = panel.input + panel.inputs;
    const size_t input_size = (size_t)child->taps * child->po;
    const uint16_t *first = (const uint16_t *)child->parent + panel.output % child->po;
    for (uint32_t i = panel.input; i < end;) {
        const uint32_t at = i % child->pi;
        const uint32_t run = child->pi - at < end - i ? child->pi - at : end - i;
        const size_t rows = (size_t)run * child->taps;
        kernels->widen(first + at * input_size, child->po, child->parent_dtype == RNM_BF16, rows,
                       dst);
        dst += rows * RNM_PANEL;
        i += run;
    }
}

void rnm_expand_linear(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                       float *dst) {
    if (child->parent_dtype != RNM_F32 && rnm_lanes_adjoin(child, panel)) {
        widen(kernels, child, panel, dst);
        return;
    }
    const uint32_t end = panel.input + panel.inputs;
    for (uint32_t i = panel.input; i < end;) {
        const uint32_t at = i % child->pi;
        const uint32_t run = child->pi - at < end - i ? child->pi - at : end - i;
        const uint64_t last = (uint64_t)(at + run) * child->taps;
        for (uint64_t row = (uint64_t)at * child->taps; row < last;) {
            const size_t rows = last - row < MOST_ROWS ? (size_t)(last - row) : MOST_ROWS;
            write_rows(child, panel, row, rows, dst);
            dst += rows * RNM_PANEL;
            row += rows;
        }
        i += run;
    }
}
