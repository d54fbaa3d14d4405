/* SPDX-License-Identifier: Apache-2.0
 *
 * A .rnm in the making: its tables in memory, and for each stored tensor what it is made from. The
 * bulk data is streamed later (emit.h).
 */
#ifndef RNC_TABLES_H
#define RNC_TABLES_H

#include "job.h"
#include "rnm_format.h"

/* A growing array. */
typedef struct rnc_list {
    void *items;
    size_t count;
    size_t room;
    size_t item_size;
} rnc_list;

/* Room for `count` more zeroed items; NULL without memory. */
void *rnc_list_add(rnc_list *list, size_t count, rnm_error *err);

/* Where the bytes of a stored tensor come from: a child's part, a channel vector, or a constant. */
typedef struct rnc_stored {
    const rnc_child *child;
    const float *channel;
    const rnc_tensor *tensor;
} rnc_stored;

typedef struct rnc_tables {
    rnc_list strings;    /* char */
    rnc_list tensors;    /* rnm_tensor_rec */
    rnc_list stored;     /* rnc_stored, one a tensor */
    rnc_list recipes;    /* rnm_recipe_rec */
    rnc_list values;     /* rnm_value_rec */
    rnc_list nodes;      /* rnm_node_rec */
    rnc_list attrs;      /* rnm_attr_rec */
    rnc_list words;      /* uint64_t */
    rnc_list refs;       /* uint32_t */
    rnc_list ends;       /* uint32_t: inputs, outputs, names of symbols */
    rnc_list preprocess; /* rnm_preprocess_rec */
    rnc_list labels;     /* uint32_t: count, names */
    rnc_list provenance; /* uint32_t: count, pairs */
    uint64_t data_size;
} rnc_tables;

/* Fills in everything from the job's graph; rnc_tables_free in any case. */
rnm_status rnc_tables_build(rnc_tables *tables, rnc_job *job, rnm_error *err);
void rnc_tables_free(rnc_tables *tables);

/* Parts of the above, a file each. */
rnm_status rnc_tables_add_string(rnc_tables *tables, const char *text, uint32_t *out,
                                 rnm_error *err);
rnm_status rnc_tables_add_weights(rnc_tables *tables, rnc_job *job, rnm_error *err);
rnm_status rnc_tables_add_graph(rnc_tables *tables, rnc_job *job, rnm_error *err);
rnm_status rnc_tables_add_ends(rnc_tables *tables, rnc_job *job, rnm_error *err);
rnm_status rnc_tables_add_extras(rnc_tables *tables, rnc_job *job, rnm_error *err);

/* The type that the job stores a child's parent in. */
static inline rnm_dtype rnc_parent_type(const rnc_job *job, const rnc_child *child) {
    return job->options->param_type != 0 ? job->options->param_type
           : child->parent_dtype != 0    ? child->parent_dtype
                                         : RNM_F32;
}

#endif
