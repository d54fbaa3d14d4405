/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of the pickle reader: the machine's state (pickle.c), its opcodes
 * (pickle_ops.c) and the closed list of what may be named, called and built (pickle_build.c).
 */
#ifndef RNC_READERS_PICKLE_INTERNAL_H
#define RNC_READERS_PICKLE_INTERNAL_H

#include "error.h"
#include "pickle.h"

/* The ceilings on memory; with the arena's they keep a reader below 64 MB. A checkpoint with 500
 * tensors and its optimizer's state needs a stack of some 2000 values and a memo of some 15000. */
enum {
    PK_MAX_STACK = 1 << 18,
    PK_MAX_MEMO = 1 << 19,
    PK_MAX_MARKS = 1 << 10,
    PK_MAX_TEXT = 1 << 24,
    PK_MAX_GLOBAL = 512,
};

/* A growable array of values. */
typedef struct pk_values {
    pk_value *items;
    uint32_t count;
    uint32_t capacity;
} pk_values;

typedef struct pk_machine {
    const uint8_t *bytes;
    size_t size;
    size_t at;     /* next byte to read */
    size_t opcode; /* where the present opcode began */
    pk_values stack;
    pk_values memo; /* by index, PK_UNSET where never written; count: entries written */
    uint32_t marks[PK_MAX_MARKS]; /* stack depths */
    uint32_t mark_count;
    rnc_arena *arena;
    pk_storage *storages;
    pk_storage **storages_end;
    size_t storage_count;
    bool stopped;
    rnm_error *err;
} pk_machine;

/* An error at the present opcode: "byte 17: " and the sentence. */
rnm_status pk_fail(pk_machine *machine, rnm_status status, const char *format, ...)
    RNM_PRINTF(3, 4);

rnm_status pk_push(pk_machine *machine, pk_value value);

/* Takes the top value; never reaches below the last mark. */
rnm_status pk_pop(pk_machine *machine, pk_value *out);

/* The value under the top `above` ones, down to the last mark; NULL when there is none. */
pk_value *pk_peek(pk_machine *machine, uint32_t above);

rnm_status pk_memo_put(pk_machine *machine, uint32_t index, const pk_value *value);
rnm_status pk_memo_get(pk_machine *machine, uint32_t index, pk_value *out);

/* Runs one opcode; there is at least one byte left. */
rnm_status pk_step(pk_machine *machine);

/* A new, empty box of `kind`. */
rnm_status pk_new_box(pk_machine *machine, pk_kind kind, pk_value *out);

rnm_status pk_append(pk_machine *machine, pk_box *box, const pk_value *items, uint32_t count);

/* The value that stands for module.name, known or not. */
rnm_status pk_make_global(pk_machine *machine, const uint8_t *module, size_t module_length,
                          const uint8_t *name, size_t name_length, pk_value *out);

/* What `callable(*arguments)`, `class.__new__(class, *arguments)` and setting an object's state
 * come to; anything not on the list is refused. */
rnm_status pk_reduce(pk_machine *machine, const pk_value *callable, const pk_value *arguments,
                     pk_value *out);
rnm_status pk_new_object(pk_machine *machine, const pk_value *class, const pk_value *arguments,
                         pk_value *out);
rnm_status pk_set_state(pk_machine *machine, pk_value *object, const pk_value *state);

/* The storage a persistent id stands for. */
rnm_status pk_persistent(pk_machine *machine, const pk_value *id, pk_value *out);

#endif
