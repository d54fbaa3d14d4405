/* SPDX-License-Identifier: Apache-2.0
 *
 * An ONNX model in the making: nodes and everything small as protobuf-c structs in an arena,
 * initializers as descriptions whose bytes are made when the file is written.
 *
 * Helpers do nothing once one has failed, and what they return may then be NULL, which they all
 * take: a caller looks at `status` in the end.
 */
#ifndef RNC_EXPORT_MODEL_H
#define RNC_EXPORT_MODEL_H

#include "expand_ref.h"
#include "onnx.pb-c.h"
#include "readers/arena.h"
#include "rnc.h"
#include "shape.h"

/* A growing array of pointers. */
typedef struct rnc_onnx_list {
    void **items;
    size_t count;
    size_t room;
} rnc_onnx_list;

/* An initializer. */
typedef struct rnc_onnx_tensor {
    const char *name;
    rnm_shape shape;
    uint64_t size;     /* bytes */
    const void *bytes; /* what it holds; NULL: `child`, expanded */
    rnm_child child;
    const float *scale; /* multiplied into the outputs of `child`, one each, or NULL */
} rnc_onnx_tensor;

typedef struct rnc_onnx {
    rnc_arena arena;
    rnm_error *err;
    rnm_status status;
    int opset;
    rnc_onnx_list nodes;        /* Onnx__NodeProto */
    rnc_onnx_list initializers; /* rnc_onnx_tensor */
    rnc_onnx_list inputs;       /* Onnx__ValueInfoProto */
    rnc_onnx_list outputs;
} rnc_onnx;

void rnc_onnx_begin(rnc_onnx *model, int opset, rnm_error *err);
void rnc_onnx_end(rnc_onnx *model);

/* Zeroed memory that lives as long as the model. */
void *rnc_onnx_alloc(rnc_onnx *model, size_t count, size_t size);

/* A formatted text that lives as long. */
const char *rnc_onnx_text(rnc_onnx *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void rnc_onnx_append(rnc_onnx *model, rnc_onnx_list *list, void *item);

/* Appends a node. Texts are not copied; a NULL input is an absent optional one. */
Onnx__NodeProto *rnc_onnx_node(rnc_onnx *model, rnc_onnx_list *nodes, const char *op,
                               const char *name, const char *const *inputs, size_t input_count,
                               const char *output);

/* Attributes, copied; at most 16 a node. */
void rnc_onnx_set_int(rnc_onnx *model, Onnx__NodeProto *node, const char *name, int64_t value);
void rnc_onnx_set_float(rnc_onnx *model, Onnx__NodeProto *node, const char *name, float value);
void rnc_onnx_set_ints(rnc_onnx *model, Onnx__NodeProto *node, const char *name,
                       const int64_t *values, size_t count);

/* Appends an initializer of `shape` whose bytes are at `bytes`, or that the caller fills in. */
rnc_onnx_tensor *rnc_onnx_initializer(rnc_onnx *model, const char *name, const rnm_shape *shape,
                                      const void *bytes);

/* Appends a description of a graph input or output; symbol k has the name symbols[k]. */
void rnc_onnx_value(rnc_onnx *model, rnc_onnx_list *list, const char *name, const rnm_shape *shape,
                    const char *const *symbols);

/* Writes the model; `target` is whole or untouched afterwards. RNM_ERR_LIMIT over the 2 GiB that a
 * protobuf message may have, RNM_ERR_VALUE where a scaled weight leaves the range of f32. */
rnm_status rnc_onnx_write(const rnc_onnx *model, const char *graph_name, const char *target,
                          const rnc_export_options *options, rnm_error *err);

#endif
