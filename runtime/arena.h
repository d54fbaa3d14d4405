/* SPDX-License-Identifier: Apache-2.0
 *
 * Where activations lie: values that are never alive at the same time share memory, and an
 * operator may put its output where its input was.
 */
#ifndef RNM_ARENA_H
#define RNM_ARENA_H

#include "memory.h"
#include "rnm_read.h"

/* XNNPACK reads up to 16 bytes behind a tensor; a whole line keeps offsets aligned. */
#define RNM_ARENA_TAIL 64

/* Times are node indices; a value is alive from `first` to `last`, both included. */
typedef struct rnm_place {
    uint64_t bytes;
    uint64_t offset;
    uint32_t root; /* the value in whose place this one lies; itself when it has its own */
    uint32_t first, last;
} rnm_place;

typedef struct rnm_arena {
    rnm_place *places; /* by value; bytes 0 for constants */
    uint32_t count;
} rnm_arena;

/* Lets `to` lie where `from` lies: the same bytes under another name. */
void rnm_arena_alias(rnm_arena *arena, uint32_t from, uint32_t to);

/* True when nobody reads what lies in the value's place after node `now`, so that an operator
 * may write there. Never true of graph inputs and outputs and of constants. */
bool rnm_arena_ends(const rnm_arena *arena, uint32_t value, uint32_t now);

/* True when both lie in one place. */
bool rnm_arena_shared(const rnm_arena *arena, uint32_t a, uint32_t b);

/* Gives every value its offset; *bytes is the arena's size. Greedy, largest first, each into the
 * tightest gap. RNM_ERR_MEMORY, RNM_ERR_LIMIT. */
rnm_status rnm_arena_layout(rnm_arena *arena, rnm_memory *memory, uint64_t *bytes, rnm_error *err);

#endif
