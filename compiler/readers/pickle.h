/* SPDX-License-Identifier: Apache-2.0
 *
 * A pickle read as data. Nothing is ever executed: of the pickle machine only the opcodes that
 * build plain values are known, and the few calls that PyTorch's own files make (tensor, parameter,
 * OrderedDict, Counter, Namespace) are recognised by name and turned into values here. Any other
 * call, construction or state is refused wherever it stands. A name that is merely mentioned, as
 * Lightning does with its callback classes, is carried along as a value.
 */
#ifndef RNC_READERS_PICKLE_H
#define RNC_READERS_PICKLE_H

#include "arena.h"

#include <stdbool.h>

typedef enum pk_kind {
    PK_UNSET, /* a memo entry never written; never a value */
    PK_NONE,
    PK_BOOL,
    PK_INT,
    PK_LONG, /* an integer of more than 8 bytes: little-endian two's complement */
    PK_FLOAT,
    PK_TEXT,
    PK_BYTES,
    PK_TUPLE,
    PK_LIST,
    PK_DICT,
    PK_ORDERED_DICT,
    PK_NAMESPACE,
    PK_GLOBAL, /* "module.name" */
    PK_STORAGE,
    PK_TENSOR,
} pk_kind;

typedef struct pk_value {
    uint8_t kind;    /* pk_kind */
    uint8_t global;  /* of PK_GLOBAL: row of the table of known globals */
    uint32_t length; /* of PK_LONG, PK_TEXT, PK_BYTES, PK_GLOBAL: bytes */
    union {
        int64_t integer; /* PK_BOOL, PK_INT */
        double real;
        const uint8_t *bytes; /* PK_LONG, PK_TEXT, PK_BYTES, PK_GLOBAL; not NUL-terminated */
        struct pk_box *box;   /* PK_TUPLE .. PK_NAMESPACE */
        struct pk_storage *storage;
        struct pk_tensor *tensor;
    } as;
} pk_value;

/* Items of a tuple or list, or keys and values by turns. Keys may repeat: the last one counts.
 * Values are shared as the file shares them, so a box may be reached by several ways and may even
 * contain itself; whoever walks boxes stamps them with `seen`. */
typedef struct pk_box {
    pk_value *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t seen;
    struct pk_box *next; /* used by walks */
} pk_box;

/* What a persistent id names, once for every mention in the file. */
typedef struct pk_storage {
    struct pk_storage *next; /* in file order */
    const uint8_t *key;
    uint32_t key_length;
    rnm_dtype dtype;
    int64_t count; /* elements of the whole storage */
    /* Legacy view: elements [view_offset, view_offset + view_count) of the storage are meant. */
    int64_t view_offset;
    int64_t view_count;
    /* Set by whoever finds the bytes: the first mention of the same key, and there the bytes. */
    struct pk_storage *owner;
    const uint8_t *data;
    uint64_t identity; /* position among the mentions, from 1 */
} pk_storage;

typedef struct pk_tensor {
    pk_storage *storage;
    int64_t offset;        /* in elements; not yet checked against the storage */
    const pk_box *dims;    /* PK_INTs */
    const pk_box *strides; /* PK_INTs, as many */
} pk_tensor;

typedef struct pk_pickle {
    pk_value root;
    size_t size; /* bytes up to and including STOP */
    pk_storage *storages;
    size_t storage_count;
} pk_pickle;

/* Reads the one pickle at the beginning of `bytes`. Values are made in `arena` and point into
 * `bytes`: both must outlive them. Errors say at which byte of the pickle and name the global at
 * fault; *out is then untouched. Memory beside the arena is bounded and released on return. */
rnm_status pk_read(const uint8_t *bytes, size_t size, rnc_arena *arena, pk_pickle *out,
                   rnm_error *err);

/* The value of a text key in a dict or namespace; NULL when absent or `of` is neither. */
const pk_value *pk_get(const pk_value *of, const char *key);

bool pk_is_text(const pk_value *value, const char *text);

/* Dict, OrderedDict or Namespace: items are keys and values by turns. */
bool pk_is_mapping(const pk_value *value);

/* Any value with a box. */
bool pk_is_container(const pk_value *value);

/* "a list", "None", ...: for errors. */
const char *pk_kind_text(const pk_value *value);

/* How many tensors can be reached from `root`, each box entered once. `stamp` is a number that no
 * walk over this pickle has used before; not 0. */
size_t pk_count_tensors(const pk_value *root, uint32_t stamp);

#endif
