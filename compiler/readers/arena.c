/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once, with a ceiling.
 */
#include "arena.h"

#include "checked.h"
#include "error.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Small enough that a tiny checkpoint costs little, large enough that malloc is seldom asked. */
enum { BLOCK_SIZE = 32 * 1024 };

struct rnc_arena_block {
    struct rnc_arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

static void *over_ceiling(rnc_arena *arena, rnm_error *err) {
    arena->status = rnm_fail(err, RNM_ERR_LIMIT, "reading it takes more than the %zu KiB allowed",
                             arena->ceiling / 1024);
    return NULL;
}

static struct rnc_arena_block *add_block(rnc_arena *arena, size_t size, rnm_error *err) {
    size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    size_t whole = capacity + sizeof(struct rnc_arena_block);
    if (whole > arena->ceiling - arena->used) {
        return over_ceiling(arena, err);
    }
    struct rnc_arena_block *block = calloc(1, whole);
    if (block == NULL) {
        arena->status = rnm_fail(err, RNM_ERR_MEMORY, "out of memory: %zu bytes wanted", whole);
        return NULL;
    }
    block->size = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used += whole;
    return block;
}

void *rnc_arena_alloc(rnc_arena *arena, size_t size, rnm_error *err) {
    if (size > arena->ceiling) {
        return over_ceiling(arena, err);
    }
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct rnc_arena_block *block = arena->blocks;
    if (block == NULL || size > block->size - block->used) {
        block = add_block(arena, size, err);
        if (block == NULL) {
            return NULL;
        }
    }
    void *result = block->bytes + block->used;
    block->used += size;
    return result;
}

void *rnc_arena_array(rnc_arena *arena, size_t count, size_t size, rnm_error *err) {
    uint64_t total;
    if (!rnm_mul_u64(count, size, &total)) {
        total = SIZE_MAX;
    }
    return rnc_arena_alloc(arena, (size_t)total, err);
}

char *rnc_arena_text(rnc_arena *arena, const void *bytes, size_t length, rnm_error *err) {
    char *text = length < SIZE_MAX ? rnc_arena_alloc(arena, length + 1, err) : NULL;
    if (text != NULL) {
        memcpy(text, bytes, length);
        text[length] = '\0';
    }
    return text;
}

void rnc_arena_clear(rnc_arena *arena) {
    while (arena->blocks != NULL) {
        struct rnc_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}
