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
typedef struct rnc_proto_list {
    void **items;
    size_t count;
    size_t room;
} rnc_proto_list;

/* An initializer. */
typedef struct rnc_proto_tensor {
    const char *name;
    rnm_shape shape;
    uint64_t size;     /* bytes */
    const void *bytes; /* what it holds; NULL: `child`, expanded */
    rnm_child child;
    uint32_t groups;    /* not 0: outputs and inputs of `child` exchanged in each, as
                           ConvTranspose has them */
    const float *scale; /* multiplied into the outputs of `child`, one each, or NULL */
} rnc_proto_tensor;

typedef struct rnc_proto {
    rnc_arena arena;
    rnm_error *err;
    rnm_status status;
    int opset;
    rnc_proto_list nodes;        /* Onnx__NodeProto */
    rnc_proto_list initializers; /* rnc_proto_tensor */
    rnc_proto_list inputs;       /* Onnx__ValueInfoProto */
    rnc_proto_list outputs;
    rnc_proto_list functions; /* Onnx__FunctionProto */
    rnc_proto_list metadata;  /* Onnx__StringStringEntryProto */
} rnc_proto;

/* Opset 13, unless something asks for more. */
void rnc_proto_begin(rnc_proto *model, rnm_error *err);
void rnc_proto_end(rnc_proto *model);

/* Zeroed memory that lives as long as the model. */
void *rnc_proto_alloc(rnc_proto *model, size_t count, size_t size);

/* A formatted text that lives as long. */
const char *rnc_proto_text(rnc_proto *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void rnc_proto_append(rnc_proto *model, rnc_proto_list *list, void *item);

/* Appends a node. Texts are not copied; a NULL input is an absent optional one. */
Onnx__NodeProto *rnc_proto_node(rnc_proto *model, rnc_proto_list *nodes, const char *op,
                                const char *name, const char *const *inputs, size_t input_count,
                                const char *output);

/* Attributes, copied; at most 16 a node. */
void rnc_proto_set_int(rnc_proto *model, Onnx__NodeProto *node, const char *name, int64_t value);
void rnc_proto_set_float(rnc_proto *model, Onnx__NodeProto *node, const char *name, float value);
void rnc_proto_set_ints(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                        const int64_t *values, size_t count);

void rnc_proto_set_text(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                        const char *text);
void rnc_proto_set_tensor(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                          Onnx__TensorProto *tensor);

/* In a function's body: the attribute `source` of the function itself, a list of ints. */
void rnc_proto_set_reference(rnc_proto *model, Onnx__NodeProto *node, const char *name,
                             const char *source);

/* Appends a pair to the model's metadata. Texts are not copied. */
void rnc_proto_tell(rnc_proto *model, const char *key, const char *value);

/* Appends an initializer of `shape` whose bytes are at `bytes`, or that the caller fills in. */
rnc_proto_tensor *rnc_proto_initializer(rnc_proto *model, const char *name, const rnm_shape *shape,
                                        const void *bytes);

/* Appends a description of a graph input or output; symbol k has the name symbols[k]. */
void rnc_proto_value(rnc_proto *model, rnc_proto_list *list, const char *name,
                     const rnm_shape *shape, const char *const *symbols);

/* Writes the model; `target` is whole or untouched afterwards. RNM_ERR_LIMIT over the 2 GiB that a
 * protobuf message may have, RNM_ERR_VALUE where a scaled weight leaves the range of f32. */
rnm_status rnc_proto_write(const rnc_proto *model, const char *graph_name, const char *target,
                           const rnc_export_options *options, rnm_error *err);

#endif
