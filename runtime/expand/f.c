/* SPDX-License-Identifier: Apache-2.0
 *
 * f: the repeated parent with the sign inverted where the mask says so, and zeros (which keep that
 * sign) where the learned sign was zero.
 */
#include "mask_rows.h"

#include "half.h"
#include "mask.h"

/* Index of the first entry that is not below `position`. */
static uint32_t first_at_least(const uint32_t *list, uint32_t count, uint64_t position) {
    uint32_t low = 0;
    while (count > 0) {
        uint32_t half = count / 2;
        if (list[low + half] < position) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

/* The part of the list that holds the zeros of a panel's inputs in one of the mask's panels. */
typedef struct listed {
    uint32_t first, end;
    uint64_t base; /* position of the panel's first input in the mask's panel, lane 0 */
    uint32_t word_bits;
} listed;

static listed listed_in(const rnm_child *child, rnm_panel panel, uint32_t mask_panel) {
    uint64_t words = (uint64_t)child->ci * child->taps;
    listed l = {.word_bits = 8 * rnm_mask_word_bytes(child->co, mask_panel)};
    l.base = (uint64_t)mask_panel * words * RNM_PANEL +
             (uint64_t)panel.input * child->taps * l.word_bits;
    l.first = first_at_least(child->zero_list, child->zero_count, l.base);
    l.end = first_at_least(child->zero_list, child->zero_count,
                           l.base + (uint64_t)panel.inputs * child->taps * l.word_bits);
    return l;
}

bool rnm_f_has_zeros(const rnm_child *child, rnm_panel panel) {
    bool found = child->zero_plane != NULL;
    uint32_t last = (panel.output + panel.lanes - 1) / RNM_PANEL;
    for (uint32_t k = panel.output / RNM_PANEL; child->zero_list != NULL && k <= last; ++k) {
        listed l = listed_in(child, panel, k);
        found = found || l.first < l.end;
    }
    return found;
}

static void clear_listed(const rnm_child *child, rnm_panel panel, uint32_t mask_panel, float *dst) {
    listed l = listed_in(child, panel, mask_panel);
    for (uint32_t at = l.first; at < l.end; ++at) {
        uint64_t offset = child->zero_list[at] - l.base;
        uint32_t output = mask_panel * RNM_PANEL + (uint32_t)(offset % l.word_bits);
        if (output >= panel.output && output - panel.output < panel.lanes) {
            float *element = dst + offset / l.word_bits * RNM_PANEL + (output - panel.output);
            *element = rnm_f32_from_bits(rnm_f32_bits(*element) & 0x80000000u);
        }
    }
}

/* The plane's zeros; learned signs of zero are rare, and a plane of them rarer. */
static void clear_plane(const rnm_child *child, rnm_panel panel, float *dst) {
    rnm_mask_cursor zeros = rnm_mask_at(child, child->zero_plane, panel);
    uint64_t rows = (uint64_t)panel.inputs * child->taps;
    for (uint64_t r = 0; r < rows; ++r, dst += RNM_PANEL) {
        uint32_t bits = rnm_mask_next(&zeros);
        for (unsigned l = 0; l < panel.lanes; ++l) {
            uint32_t keep = ((bits >> l) & 1) - 1;
            dst[l] = rnm_f32_from_bits(rnm_f32_bits(dst[l]) & (keep | 0x80000000u));
        }
    }
}

void rnm_expand_f(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst) {
    rnm_expand_masked(kernels, kernels->flip, child, child->mask, panel, dst);
    if (child->zero_plane != NULL) {
        clear_plane(child, panel, dst);
    }
    if (child->zero_list != NULL) {
        uint32_t last = (panel.output + panel.lanes - 1) / RNM_PANEL;
        for (uint32_t p = panel.output / RNM_PANEL; p <= last; ++p) {
            clear_listed(child, panel, p, dst);
        }
    }
}
