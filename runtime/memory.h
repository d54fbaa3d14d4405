/* SPDX-License-Identifier: Apache-2.0
 *
 * Every byte that a model or a context holds is taken here and counted, so that the report is a
 * sum of what happened and not an estimate.
 */
#ifndef RNM_MEMORY_H
#define RNM_MEMORY_H

#include "rnm_base.h"

#include <stdbool.h>

/* Alignment of everything taken; also that of sections and tensors in a file. */
#define RNM_MEMORY_ALIGNMENT 64

typedef struct rnm_memory {
    rnm_allocator allocator;
    uint64_t taken; /* bytes held now */
    bool system;    /* the default one: address space may be reserved behind its back */
} rnm_memory;

/* NULL: aligned malloc, and from 2 MiB on pages of their own. */
rnm_memory rnm_memory_make(const rnm_allocator *allocator);

/* `size` bytes (0 is taken as 1) that hold anything, or NULL. */
void *rnm_memory_take(rnm_memory *memory, uint64_t size);

/* The same, zero-filled; NULL when count * size overflows. */
void *rnm_memory_take_zeroed(rnm_memory *memory, uint64_t count, uint64_t size);

/* NULL is fine. `size` as it was taken. */
void rnm_memory_give(rnm_memory *memory, void *pointer, uint64_t size);

/* What to take beside `size` bytes, so that the default allocator's last huge page is whole, where
 * less than half of one is missing; 0 from a caller's allocator. */
uint64_t rnm_memory_spare(const rnm_memory *memory, uint64_t size);

/* Writes into every page of something large that was just taken, of which threads can do the pieces
 * side by side, so that a run does not stop for them. What is beyond the first 64 MiB is left to
 * the run: its pages are not what a run of that size waits for. */
uint64_t rnm_memory_pieces(uint64_t size);
void rnm_memory_touch(void *pointer, uint64_t size, uint64_t piece);

/* Address space whose pages come into being when they are written. Counted only where it comes
 * from a caller's allocator, which has no notion of it and gives real memory. */
void *rnm_memory_reserve(rnm_memory *memory, uint64_t size);
void rnm_memory_unreserve(rnm_memory *memory, void *pointer, uint64_t size);

#endif
