/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading words of a mask for a panel that need not start at a multiple of 32: such a panel takes
 * the upper bits of one word and the lower bits of the next panel's.
 */
#ifndef RNM_EXPAND_MASK_H
#define RNM_EXPAND_MASK_H

#include "expand.h"

#include <assert.h>
#include <string.h>

typedef struct rnm_mask_cursor {
    const uint8_t *low;  /* the word of the first element, in the mask's panel of the first lane */
    const uint8_t *high; /* the same in the next one; NULL where the panel does not reach it */
    unsigned low_bytes, high_bytes;
    unsigned shift; /* number of the first lane's bit in the low word */
} rnm_mask_cursor;

/* Bytes of a word in that panel of the mask. */
static inline unsigned rnm_mask_word_bytes(uint32_t co, uint32_t mask_panel) {
    uint32_t rest = co - mask_panel * RNM_PANEL;
    return rest >= RNM_PANEL ? 4 : (rest + 7) / 8;
}

/* The word of (panel.input, tap 0). */
static inline rnm_mask_cursor rnm_mask_at(const rnm_child *child, const uint8_t *mask,
                                          rnm_panel panel) {
    uint64_t words = (uint64_t)child->ci * child->taps;
    uint64_t first = (uint64_t)panel.input * child->taps;
    uint32_t index = panel.output / RNM_PANEL;
    rnm_mask_cursor at = {.shift = panel.output % RNM_PANEL};
    at.low_bytes = rnm_mask_word_bytes(child->co, index);
    at.low = mask + index * words * 4 + first * at.low_bytes;
    if (at.shift + panel.lanes > RNM_PANEL) {
        at.high_bytes = rnm_mask_word_bytes(child->co, index + 1);
        at.high = mask + (index + 1) * words * 4 + first * at.high_bytes;
    }
    return at;
}

static inline uint32_t rnm_mask_load(const uint8_t *word, unsigned bytes) {
    uint32_t bits = 0;
    memcpy(&bits, word, bytes);
    return bits;
}

/* Bit l belongs to lane l; bits of lanes that do not exist are not defined. Steps to the next
 * word. */
static inline uint32_t rnm_mask_next(rnm_mask_cursor *at) {
    uint32_t bits = rnm_mask_load(at->low, at->low_bytes) >> at->shift;
    at->low += at->low_bytes;
    if (at->high != NULL) {
        bits |= rnm_mask_load(at->high, at->high_bytes) << (RNM_PANEL - at->shift);
        at->high += at->high_bytes;
    }
    return bits;
}

/* The words of a panel that is one of the mask's own and not cut short, where they stand. */
static inline const uint32_t *rnm_mask_of_whole(const rnm_child *child, const uint8_t *mask,
                                                rnm_panel panel) {
    const rnm_mask_cursor at = rnm_mask_at(child, mask, panel);
    assert(at.shift == 0 && at.low_bytes == sizeof(uint32_t) && at.high == NULL);
    return (const uint32_t *)(const void *)at.low;
}

/* The words of the next `rows` rows, where they stand in the file if they are those of a whole
 * panel, else put together in `words`. Bits of lanes that are not in `lanes` are zero. */
static inline const uint32_t *rnm_mask_words(rnm_mask_cursor *at, size_t rows, uint32_t lanes,
                                             uint32_t *words) {
    if (at->shift == 0 && at->low_bytes == sizeof(uint32_t) && at->high == NULL &&
        lanes == UINT32_MAX) {
        const uint32_t *there = (const uint32_t *)(const void *)at->low;
        at->low += rows * sizeof(uint32_t);
        return there;
    }
    for (size_t r = 0; r < rows; ++r) {
        words[r] = rnm_mask_next(at) & lanes;
    }
    return words;
}

#endif
