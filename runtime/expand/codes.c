/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of a mask, which are an input's signs for 32 outputs, as bytes of an output's signs for
 * some inputs.
 */
#include "codes.h"

#include "mask.h"

/* The words of one repeat: where they stand, or in `words`, with zeros for inputs that are not
 * there. NULL where none is. */
static const uint32_t *find_words(const rnm_child *child, rnm_panel panel, uint32_t repeat,
                                  uint32_t *words) {
    const uint64_t first = (uint64_t)repeat * child->pi + panel.input;
    if (first >= child->ci) {
        return NULL;
    }
    const uint64_t left = child->ci - first;
    const size_t all = (size_t)panel.inputs * child->taps;
    const size_t rows = (size_t)(left < panel.inputs ? left : panel.inputs) * child->taps;
    panel.input = (uint32_t)first;
    rnm_mask_cursor at = rnm_mask_at(child, child->mask, panel);
    const uint32_t *there = rnm_mask_words(&at, rows, UINT32_MAX, words);
    if (rows == all) {
        return there;
    }
    if (there != words) {
        memcpy(words, there, rows * sizeof *words);
    }
    memset(words + rows, 0, (all - rows) * sizeof *words);
    return words;
}

void rnm_make_codes(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                    uint32_t repeat, uint32_t *words) {
    const size_t rows = (size_t)panel.inputs * child->taps;
    const uint32_t *from[RNM_CODE_INPUTS];
    uint32_t *to[RNM_CODE_INPUTS];
    for (unsigned j = 0; j < RNM_CODE_INPUTS; ++j) {
        to[j] = words + j * rows;
        from[j] = find_words(child, panel, repeat + j, to[j]);
    }
    kernels->make_codes(from, rows, to);
}
