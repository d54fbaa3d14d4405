/* SPDX-License-Identifier: Apache-2.0
 *
 * What every weight reader (PyTorch zip, PyTorch legacy, safetensors, ONNX) hands to the rest of
 * the compiler: named tensors that point into the mapped file, and the hints found beside them.
 * Readers validate everything here once; past this door there are only asserts.
 */
#ifndef RNC_WEIGHTS_H
#define RNC_WEIGHTS_H

#include "rnm_base.h"

#include <stdbool.h>

/* A tensor in a mapped file. `data` is the element at index (0, ..., 0), maybe unaligned; every
 * element reachable through dims and strides (in elements, may be 0 for expanded views, never
 * negative) lies inside the mapping. rank 0 is a scalar. */
typedef struct rnc_tensor {
    const char *name;
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
    int64_t strides[RNM_MAX_RANK];
    const uint8_t *data;
    uint64_t storage; /* identity of the underlying storage: equal for views of one storage */
} rnc_tensor;

/* What the checkpoint says of its own making; NULL or false where it says nothing. Hints break
 * ties and choose preprocessing; the tensors are the authority. */
typedef struct rnc_hints {
    const char *model_name;        /* hyper_parameters.args.model_name */
    const char *weight_activation; /* hyper_parameters.args.weight_activation */
    const char *dataset;           /* hyper_parameters.args.dataset */
    const char *topology;          /* hyper_parameters.rnc_topology: a whole YAML document */
    size_t topology_size;
    const char *dataset_document; /* hyper_parameters.rnc_dataset: likewise */
    size_t dataset_document_size;
    int64_t num_classes; /* hyper_parameters.args.num_classes; 0 = not said */
    bool has_args;       /* hyper_parameters.args is there */
    bool has_datapath;   /* ... and has a member `datapath` */
} rnc_hints;

/* Tensors in file order. Everything is owned by the set and lives until rnc_weights_close. */
typedef struct rnc_weights {
    const char *path;
    const char *container; /* "pytorch-zip", "pytorch-legacy", ... for reports */
    rnc_tensor *tensors;
    size_t count;
    rnc_hints hints;
    const char *const *skipped; /* what was passed over, one sentence each, for the report */
    size_t skipped_count;
    uint64_t file_size;
    uint64_t file_digest;        /* XXH3-64 of the whole file, for provenance */
    const struct rnc_onnx *onnx; /* the model of an ONNX file (readers/onnx.h), which has no tensors
                                    above; NULL for checkpoints */
    void *impl;
} rnc_weights;

/* Opens a checkpoint of any supported container, told apart by its first bytes, and maps it.
 * Tensor names lose nothing (a prefix such as "model." is still there). On failure *out is
 * untouched and nothing stays open. */
rnm_status rnc_weights_open(const char *path, rnc_weights *out, rnm_error *err);

void rnc_weights_close(rnc_weights *weights);

/* The tensor of that exact name, or NULL. Logarithmic or better. */
const rnc_tensor *rnc_weights_find(const rnc_weights *weights, const char *name);

/* Number of elements; never overflows (readers checked). A scalar has 1. */
int64_t rnc_tensor_elements(const rnc_tensor *tensor);

/* Copies `count` elements in logical row-major order, beginning at flat index `first`, as f32.
 * Integers and f64 are converted with one rounding; f16 and bf16 exactly. */
void rnc_tensor_copy_f32(const rnc_tensor *tensor, int64_t first, int64_t count, float *dst);

/* The same without conversion: elements of the tensor's own type. */
void rnc_tensor_copy(const rnc_tensor *tensor, int64_t first, int64_t count, void *dst);

#endif
