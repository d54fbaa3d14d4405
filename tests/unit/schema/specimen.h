/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the reader share: a small good file to break, one rule at a time, and the
 * expectation that it is refused for that rule.
 */
#ifndef SPECIMEN_H
#define SPECIMEN_H

#include "rnm_builder.h"
#include "rnm_read.h"

/* An allocator over malloc. */
extern const rnm_allocator specimen_allocator;

/* rnm_view_open with that allocator and no lower limits. `err` may be NULL. */
rnm_status specimen_open(const uint8_t *bytes, uint64_t size, bool verify_digests, rnm_view *view,
                         rnm_error *err);

/* Tables of a file whose records are found by name, and parts that are one record. */
typedef enum specimen_part {
    PART_HEADER,
    PART_STRINGS, /* the section's bytes */
    PART_TENSOR,
    PART_RECIPE,
    PART_GRAPH,
    PART_VALUE,
    PART_NODE,
    PART_ATTR, /* the first of the node of that name */
    PART_INPUTS,
    PART_OUTPUTS,
    PART_SYMBOLS,
    PART_PREPROCESS,
    PART_LABELS,
    PART_PROVENANCE,
    PART_DATA, /* the bytes of the tensor of that name */
} specimen_part;

/* The bytes of a part or record in a file that is still good. Fails the test where there is none.
 */
void *specimen_find(uint8_t *bytes, specimen_part part, const char *name);

/* The table entry of a section. */
rnm_section *specimen_section(uint8_t *bytes, uint32_t kind);

/* Index of the record of that name in its table (tensors, recipes, values or nodes). */
uint32_t specimen_index(uint8_t *bytes, specimen_part part, const char *name);

/* That the bytes are refused with that status and a sentence that holds `word`; frees nothing. */
void specimen_expect_refused(const char *what, const uint8_t *bytes, uint64_t size,
                             rnm_status status, const char *word);

/* Overwrites one little-endian field of the small network, and what must come of it. */
typedef struct specimen_poke {
    const char *what;
    specimen_part part;
    const char *name;
    size_t offset, size;
    uint64_t value;
    rnm_status status;
    const char *word;
} specimen_poke;

/* One row: field of a record type. */
#define POKE(part, type, name, field, value, status, word)                \
    {                                                                     \
#type "." #field " = " #value, part, name, offsetof(type, field), \
            sizeof(((type *)NULL)->field), value, status, word            \
    }

/* Tries every row on a fresh, resealed small network. */
void specimen_try_pokes(const specimen_poke *pokes, size_t count);

/* Changes that one field does not make: a function breaks the file. */
typedef struct specimen_break {
    const char *what;
    void (*apply)(uint8_t *bytes);
    rnm_status status;
    const char *word;
} specimen_break;

void specimen_try_breaks(const specimen_break *breaks, size_t count);

/* Files that the builder makes broken. */
typedef struct specimen_file {
    const char *what;
    uint8_t *(*make)(uint64_t *size);
    rnm_status status; /* RNM_OK: accepted */
    const char *word;
} specimen_file;

void specimen_try_files(const specimen_file *files, size_t count);

#endif
