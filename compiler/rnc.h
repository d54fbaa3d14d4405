/* SPDX-License-Identifier: Apache-2.0
 *
 * librnc: compiles trained checkpoints into .rnm files, describes such files and checks them
 * against the checkpoint they came from. The library keeps no global state, prints nothing and
 * never exits; any number of calls may run at the same time.
 */
#ifndef RNC_H
#define RNC_H

#include "rnm_base.h"

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which of the training code's generators made a checkpoint (it matters for s alone). */
typedef enum rnc_generator {
    RNC_GENERATOR_AUTO = 0,    /* by the tensors, the model's name and arguments; what was assumed
                                  is reported */
    RNC_GENERATOR_CURRENT,     /* one pair of betas a block, row-major */
    RNC_GENERATOR_INTERLEAVED, /* pair (o % r0) * r1 + i % r1 */
    RNC_GENERATOR_CASCADED,    /* edges of irregular sizes made from transformed blocks */
} rnc_generator;

typedef struct rnc_options {
    const char *topology; /* YAML file; NULL: found by the checkpoint's hints and tensors */
    const char *dataset;  /* name of a known data set or YAML file; NULL: the checkpoint's hint */
    int input_height;     /* 0: the data set's, else the topology's */
    int input_width;      /* 0: as input_height; counts only with it */
    rnc_generator generator;
    rnm_dtype param_type;     /* of parents: RNM_F32, RNM_F16, RNM_BF16; 0: as in a compact ONNX
                                 export, else RNM_F32 */
    bool no_recognise;        /* dense weights stay dense, whatever they repeat */
    bool allow_external_data; /* tensors of an ONNX model may be in other files of its folder */
    const char *dump_ir;      /* pass after which to dump the graph, "all", or NULL */
    FILE *dump_file;          /* where to; needed with dump_ir */
    void (*note)(void *user, const char *sentence); /* what a person should know; may be NULL */
    void (*progress)(void *user, double fraction);  /* 0 .. 1, seldom called; may be NULL */
    void *user;
} rnc_options;

/* Compiles the checkpoint `source` into `target`, which is whole or untouched afterwards. `options`
 * may be NULL. RNM_ERR_ARGUMENT, _IO, _FORMAT, _LIMIT, _UNSUPPORTED, _MODEL, _VALUE, _MEMORY,
 * _RESOURCE. */
RNM_API rnm_status rnc_compile(const char *source, const char *target, const rnc_options *options,
                               rnm_error *error);

/* A name of a pass for dump_ir, in order; NULL past the last. */
RNM_API const char *rnc_pass_name(int index);

/* A topology or data set that the library knows, in order; NULL past the last. */
RNM_API const char *rnc_topology_name(int index);
RNM_API const char *rnc_dataset_name(int index);

/* One weighted layer of a .rnm file. */
typedef struct rnc_layer_info {
    const char *name;
    const char *op;          /* "Conv", "Gemm" */
    const char *transform;   /* "dense", "linear", "s", "f", "drop" */
    const char *variant;     /* "", "cascaded", "interleaved" */
    const char *parent;      /* name of the parent tensor */
    const char *parent_type; /* "f32", ... */
    bool parent_shared;      /* an earlier layer uses it too: parent_bytes is 0 here */
    int rank;
    uint32_t child[5]; /* Co, Ci / group, kernel... */
    uint32_t parent_out, parent_in;
    uint64_t parent_bytes, beta_bytes, mask_bytes; /* mask_bytes: zeros included */
    uint64_t dense_bytes;                          /* of the expanded weight, f32 */
    uint64_t flips, zeros;                         /* set bits of the mask; signs of exactly zero */
} rnc_layer_info;

typedef struct rnc_model_info {
    uint64_t file_bytes;
    uint64_t digest; /* of header and section table: identifies the file */
    uint64_t parent_bytes, beta_bytes, mask_bytes,
        channel_bytes;       /* sums; channel: scales, biases */
    uint64_t overhead_bytes; /* tables, names, padding */
    uint64_t dense_bytes;    /* weights expanded, scales and biases, f32 */
    const rnc_layer_info *layers;
    size_t layer_count;
    const char *const *provenance; /* key, value, key, value, ... */
    size_t provenance_count;       /* pairs */
    const char *const *labels;
    size_t label_count;
} rnc_model_info;

/* Describes a .rnm file. The result is the caller's, freed by rnc_model_info_free. */
RNM_API rnm_status rnc_inspect(const char *path, rnc_model_info **out, rnm_error *error);
RNM_API void rnc_model_info_free(rnc_model_info *info);

typedef struct rnc_verify_result {
    uint64_t layers;    /* compared */
    uint64_t elements;  /* child weights compared */
    uint64_t different; /* of them */
    uint64_t channels;  /* scales and biases compared */
    uint64_t channels_different;
    uint64_t nodes; /* graph nodes compared */
    uint64_t nodes_different;
    const char *parent_type; /* "f32", ...: the checkpoint's parents were rounded to it first */
} rnc_verify_result;

/* Derives every child weight, scale, bias and node anew from the checkpoint and compares them with
 * what the .rnm file says, bit for bit. `options` as for compiling. RNM_ERR_MISMATCH when anything
 * differs: the error names the first difference, notes name those that follow, a layer each. */
RNM_API rnm_status rnc_verify(const char *path, const char *checkpoint, const rnc_options *options,
                              rnc_verify_result *result, rnm_error *error);

typedef struct rnc_export_options {
    void (*progress)(void *user, double fraction); /* 0 .. 1; may be NULL */
    void *user;
} rnc_export_options;

/* Writes the network of the .rnm file `source` to `target` as ONNX whose weights stay as compact as
 * they are: parents, betas and packed masks as initializers, and functions of standard operators
 * that make weights of them (docs/ONNX.md). Otherwise as rnc_export_dense. */
RNM_API rnm_status rnc_export(const char *source, const char *target,
                              const rnc_export_options *options, rnm_error *error);

/* Writes the network of the .rnm file `source` to `target` as plain ONNX, which any runtime for
 * ONNX takes: every weight expanded, with the scale of its outputs multiplied in, and what the .rnm
 * has fused as nodes of their own. `target` is whole or untouched afterwards. `options` may be
 * NULL. RNM_ERR_ARGUMENT, _IO, _FORMAT, _VERSION, _DIGEST, _LIMIT (the format's, or the 2 GiB of an
 * ONNX file), _UNSUPPORTED (an operator without counterpart), _VALUE, _MEMORY, _RESOURCE. */
RNM_API rnm_status rnc_export_dense(const char *source, const char *target,
                                    const rnc_export_options *options, rnm_error *error);

#ifdef __cplusplus
}
#endif
#endif
