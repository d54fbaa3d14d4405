/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the reader. rnm_view_open runs the parts below in this order; each may rely on what the
 * ones before it have checked. All of them return RNM_OK or the error they have set.
 */
#ifndef RNM_READ_RULES_H
#define RNM_READ_RULES_H

#include "error.h"
#include "rnm_read.h"

typedef struct rnm_reader {
    rnm_view view; /* filled in as parts pass */
    bool verify_digests;
    uint64_t max_child_bytes;
    uint64_t max_expanded_bytes;
    rnm_error *err;

    /* Scratch, cut from one allocation once all counts are known and within limits. */
    uint32_t *order;                /* a heap of names: as many as the longest table has records */
    float *parent_max;              /* largest |p| of each tensor of role parent */
    uint32_t *last_use;             /* of each value, as the nodes have it */
    uint8_t *defined;               /* of each value: something has made it */
    rnm_shape *shapes;              /* of one node's inputs */
    const rnm_shape **input_shapes; /* into shapes; NULL where absent */
} rnm_reader;

/* ---- the parts ------------------------------------------------------------------------------- */

/* read_frame.c: header, section table, padding, digests. */
rnm_status rnm_read_frame(rnm_reader *r);

/* read_strings.c: the strings section as a whole. */
rnm_status rnm_read_strings(rnm_reader *r);

/* read_counts.c: lengths of sections against counts and limits; pointers of the view. */
rnm_status rnm_read_counts(rnm_reader *r);

/* read_tensors.c, read_recipes.c */
rnm_status rnm_read_tensors(rnm_reader *r);
rnm_status rnm_read_recipes(rnm_reader *r);

/* read_values.c: symbols, values, graph inputs. */
rnm_status rnm_read_values(rnm_reader *r);

/* read_nodes.c: nodes, graph outputs, last uses. */
rnm_status rnm_read_nodes(rnm_reader *r);

/* read_attrs.c: the attributes of one node whose inputs and op are checked. */
rnm_status rnm_read_attrs(const rnm_reader *r, uint32_t node);

/* read_layout.c: the layout rule of one node whose inputs and outputs are checked. */
rnm_status rnm_read_layout(const rnm_reader *r, uint32_t node);

/* read_extra.c: preprocess, labels, provenance. */
rnm_status rnm_read_extra(const rnm_reader *r);

/* ---- what they share ------------------------------------------------------------------------- */

/* The record that an error is about. */
typedef struct rnm_where {
    const char *table; /* "tensors", "recipes", ... */
    uint32_t index;
    uint32_t name; /* offset of a checked name, or 0 */
} rnm_where;

/* Sets the error to: table[index] "name": formatted. Gives the status back. */
rnm_status rnm_reject(const rnm_reader *r, rnm_where where, rnm_status status, const char *format,
                      ...) RNM_PRINTF(4, 5);

/* True when bytes [from, to) of the file are all zero. */
bool rnm_read_is_zero(const rnm_reader *r, uint64_t from, uint64_t to);

/* That `offset` is the start of a string, and not of the empty one unless that is allowed. */
rnm_status rnm_read_string_offset(const rnm_reader *r, const char *table, uint32_t index,
                                  uint32_t offset, bool may_be_empty);

/* That the records of a table, `stride` bytes each and each beginning with a name, have good and
 * unique names. O(n log n). */
rnm_status rnm_read_names(rnm_reader *r, const char *table, const void *records, uint32_t count,
                          uint32_t stride);

#endif
