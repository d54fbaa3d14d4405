/* SPDX-License-Identifier: Apache-2.0
 *
 * Laying out the activations. Greedy by size is within a few percent of the best for the chains
 * and short skips that networks are made of.
 */
#include "arena.h"

#include "checked.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

/* A place being laid out, apart from the values so that it can be sorted. */
typedef struct block {
    uint64_t bytes;
    uint64_t offset;
    uint32_t value;
    uint32_t first, last;
} block;

static rnm_place *root_of(const rnm_arena *arena, uint32_t value) {
    return &arena->places[arena->places[value].root];
}

void rnm_arena_alias(rnm_arena *arena, uint32_t from, uint32_t to) {
    rnm_place *root = root_of(arena, from);
    rnm_place *place = &arena->places[to];
    place->root = arena->places[from].root;
    if (place->last > root->last) {
        root->last = place->last;
    }
}

bool rnm_arena_ends(const rnm_arena *arena, uint32_t value, uint32_t now) {
    const rnm_place *root = root_of(arena, value);
    return root->bytes != 0 && root->last == now;
}

bool rnm_arena_shared(const rnm_arena *arena, uint32_t a, uint32_t b) {
    return arena->places[a].root == arena->places[b].root;
}

/* Largest first; the value's number makes the order total, and the layout the same everywhere. */
static int by_size(const void *left, const void *right) {
    const block *a = left;
    const block *b = right;
    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? 1 : -1;
    }
    return a->value < b->value ? -1 : 1;
}

/* The tightest gap between the `count` blocks, sorted by offset, that are alive with `new`. */
static uint64_t find_gap(const block *placed, uint32_t count, const block *new) {
    uint64_t end = 0, best = UINT64_MAX, best_gap = UINT64_MAX;
    for (uint32_t k = 0; k < count; ++k) {
        const block *other = &placed[k];
        if (other->last < new->first || new->last < other->first) {
            continue;
        }
        if (other->offset > end) {
            uint64_t gap = other->offset - end;
            if (gap >= new->bytes && gap < best_gap) {
                best = end;
                best_gap = gap;
            }
        }
        if (other->offset + other->bytes > end) {
            end = other->offset + other->bytes;
        }
    }
    return best != UINT64_MAX ? best : end;
}

/* Moves block `count` to its position among the blocks before it, which are sorted by offset. */
static void insert_by_offset(block *placed, uint32_t count) {
    block new = placed[count];
    uint32_t at = count;
    while (at > 0 && placed[at - 1].offset > new.offset) {
        --at;
    }
    memmove(&placed[at + 1], &placed[at], (count - at) * sizeof *placed);
    placed[at] = new;
}

rnm_status rnm_arena_layout(rnm_arena *arena, rnm_memory *memory, uint64_t *bytes, rnm_error *err) {
    uint64_t sum = 0;
    uint64_t room = (uint64_t)arena->count * sizeof(block);
    block *blocks = rnm_memory_take(memory, room);
    if (blocks == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory to lay out %u values", arena->count);
    }
    rnm_status status = RNM_OK;
    uint32_t count = 0;
    for (uint32_t v = 0; v < arena->count; ++v) {
        const rnm_place *place = &arena->places[v];
        if (place->bytes == 0 || place->root != v) {
            continue;
        }
        block *new = &blocks[count++];
        *new = (block){.value = v, .first = place->first, .last = place->last};
        if (!rnm_align_u64(place->bytes, RNM_MEMORY_ALIGNMENT, &new->bytes) ||
            !rnm_add_u64(new->bytes, RNM_ARENA_TAIL, &new->bytes) ||
            !rnm_add_u64(sum, new->bytes, &sum)) {
            status = rnm_fail(err, RNM_ERR_LIMIT, "activations pass 2^64 bytes");
            goto done;
        }
    }
    qsort(blocks, count, sizeof *blocks, by_size);
    *bytes = 0;
    for (uint32_t k = 0; k < count; ++k) {
        block *new = &blocks[k];
        new->offset = find_gap(blocks, k, new);
        arena->places[new->value].offset = new->offset;
        if (new->offset + new->bytes > *bytes) {
            *bytes = new->offset + new->bytes;
        }
        insert_by_offset(blocks, k);
    }
    for (uint32_t v = 0; v < arena->count; ++v) {
        arena->places[v].offset = root_of(arena, v)->offset;
    }
done:
    rnm_memory_give(memory, blocks, room);
    return status;
}
