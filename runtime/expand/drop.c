/* SPDX-License-Identifier: Apache-2.0
 *
 * drop: the repeated parent, with zeros of the parent's sign where the mask says so.
 */
#include "expand.h"

#include "half.h"
#include "mask.h"

void rnm_expand_drop(const rnm_child *child, rnm_panel panel, float *dst) {
    rnm_expand_linear(child, panel, dst);
    uint64_t rows = (uint64_t)panel.inputs * child->taps;
    rnm_mask_cursor mask = rnm_mask_at(child, child->mask, panel);
    for (uint64_t r = 0; r < rows; ++r, dst += RNM_PANEL) {
        uint32_t bits = rnm_mask_next(&mask);
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            uint32_t keep = ((bits >> l) & 1) - 1;
            dst[l] = rnm_f32_from_bits(rnm_f32_bits(dst[l]) & (keep | 0x80000000u));
        }
    }
}
