/* SPDX-License-Identifier: Apache-2.0
 *
 * One compilation: what is read, what is being built, and the passes over it.
 */
#ifndef RNC_JOB_H
#define RNC_JOB_H

#include "error.h"
#include "ir/graph.h"
#include "readers/map.h"
#include "rnc.h"
#include "topology/dataset.h"
#include "weights.h"

/* The checkpoint as passes see it: tensors by layer and suffix, and which of them were used. */
typedef struct rnc_source {
    const rnc_weights *weights;
    const char *prefix; /* of every tensor of the model, such as "model." */
    bool *used;         /* by tensor */
} rnc_source;

/* Another file that tensors point into. */
typedef struct rnc_job_file {
    const char *name;
    rnc_map map;
    struct rnc_job_file *next;
} rnc_job_file;

typedef struct rnc_job {
    rnc_arena arena;
    rnc_source source;
    rnc_graph graph;
    const rnc_options *options;
    const char *topology;      /* its name */
    bool known_topology;       /* one of the library's, not a file's or the checkpoint's */
    const char *const *ignore; /* patterns of tensors that the topology leaves alone */
    size_t ignore_count;
    bool quiet; /* trying topologies: no notes */
    bool has_dataset;
    rnc_dataset dataset;
    int64_t height, width; /* of the input; 0: the topology's */
    rnc_job_file *files;
    rnc_arena signs; /* masks that no file holds as they are stored */
} rnc_job;

typedef rnm_status rnc_pass(rnc_job *job, rnm_error *err);

/* passes/, in the order in which they run; each file says what it requires and leaves. */
rnc_pass rnc_resolve_weights;
rnc_pass rnc_choose_transform;
rnc_pass rnc_account_tensors;
rnc_pass rnc_check_values;
rnc_pass rnc_recognise_repetition;
rnc_pass rnc_fold_batch_norm;
rnc_pass rnc_fuse_epilogue;
rnc_pass rnc_assign_layout;
rnc_pass rnc_dead_code;
rnc_pass rnc_lifetimes;

/* Opens nothing, allocates nothing: a job over weights that are open. */
void rnc_job_begin(rnc_job *job, const rnc_weights *weights, const rnc_options *options);
void rnc_job_end(rnc_job *job);

/* Runs everything from topology to lifetimes. */
rnm_status rnc_job_run(rnc_job *job, rnm_error *err);

/* Tells a person. */
void rnc_note(const rnc_job *job, const char *format, ...) RNM_PRINTF(2, 3);

/* The tensor `prefix` + `layer` + "." + `suffix`, marked as used; NULL when there is none. */
const rnc_tensor *rnc_take(rnc_job *job, const char *layer, const char *suffix);

/* The same without marking, by the name behind the prefix. */
bool rnc_has(const rnc_job *job, const char *name);

/* True when the layer has a weight of its own. */
bool rnc_has_layer(const rnc_job *job, const char *layer);

/* RNM_ERR_MODEL, naming the checkpoint and the tensor. */
rnm_status rnc_fail_missing(const rnc_job *job, const char *layer, const char *suffix,
                            rnm_error *err);
rnm_status rnc_fail_tensor(const rnc_job *job, rnm_status status, const rnc_tensor *tensor,
                           rnm_error *err, const char *format, ...) RNM_PRINTF(5, 6);

/* Fails unless the tensor has a float type and exactly these dims. */
rnm_status rnc_expect_dims(const rnc_job *job, const rnc_tensor *tensor, int rank,
                           const uint32_t *dims, rnm_error *err);

/* Writes the graph and everything around it. */
rnm_status rnc_write_rnm(rnc_job *job, const char *target, rnm_error *err);

#endif
