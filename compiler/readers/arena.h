/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once, with a ceiling: what a hostile file can make a reader
 * allocate is decided here and not by the file.
 */
#ifndef RNC_READERS_ARENA_H
#define RNC_READERS_ARENA_H

#include "rnm_base.h"

typedef struct rnc_arena {
    struct rnc_arena_block *blocks; /* newest first */
    size_t used;                    /* bytes taken from the system */
    size_t ceiling;
    rnm_status status; /* why the last allocation that failed did */
} rnc_arena;

static inline rnc_arena rnc_arena_make(size_t ceiling) {
    return (rnc_arena){.blocks = NULL, .used = 0, .ceiling = ceiling};
}

/* `size` zeroed bytes aligned for any object, or NULL with *err and arena->status set:
 * RNM_ERR_LIMIT at the ceiling, RNM_ERR_MEMORY when the system has no more. */
void *rnc_arena_alloc(rnc_arena *arena, size_t size, rnm_error *err);

/* The same for `count` objects of `size` bytes; the product may not overflow silently. */
void *rnc_arena_array(rnc_arena *arena, size_t count, size_t size, rnm_error *err);

/* A NUL-terminated copy of `length` bytes. */
char *rnc_arena_text(rnc_arena *arena, const void *bytes, size_t length, rnm_error *err);

/* Releases everything; the arena may be used again. */
void rnc_arena_clear(rnc_arena *arena);

#endif
