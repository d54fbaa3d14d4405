/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the two halves of the safetensors reader: what a header says.
 */
#ifndef RNC_READERS_SAFETENSORS_HEADER_H
#define RNC_READERS_SAFETENSORS_HEADER_H

#include "arena.h"
#include "rnm_base.h"

/* An element type; `dtype` is 0 where the rest of the compiler has no such type. */
typedef struct st_type {
    const char *name;
    uint8_t size;
    rnm_dtype dtype;
} st_type;

/* One tensor of a header, not yet compared with the file. */
typedef struct st_entry {
    const char *name;
    size_t name_length;
    const st_type *type;
    int rank;
    int64_t dims[RNM_MAX_RANK];
    int64_t begin, end; /* from the end of the header */
} st_entry;

typedef struct st_header {
    st_entry *entries;
    size_t count;
} st_header;

/* Parses `size` bytes of JSON. Numbers are at least 0. Texts and entries live in `arena`. */
rnm_status st_parse_header(const uint8_t *bytes, size_t size, rnc_arena *arena, st_header *out,
                           rnm_error *err);

#endif
