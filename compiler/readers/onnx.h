/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX files: the parsed model, and its tensors where they lie.
 */
#ifndef RNC_READERS_ONNX_H
#define RNC_READERS_ONNX_H

#include "weights_impl.h"

#include "onnx.pb-c.h"

/* A model whose protobuf is well-formed; what it says is not checked. Every `raw_data` in it is an
 * rnc_onnx_span (onnx_wire.h) of `bytes`. */
typedef struct rnc_onnx {
    const Onnx__ModelProto *model;
    const uint8_t *bytes;
    size_t size;
} rnc_onnx;

/* Reads the whole file into an empty set: set->onnx, no tensors. Errors do not name the file. */
rnm_status rnc_onnx_read(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err);

/* How a tensor proto's elements are held. */
typedef enum rnc_onnx_where {
    RNC_ONNX_INSIDE,   /* in this file */
    RNC_ONNX_EXTERNAL, /* in another: out->data is NULL */
} rnc_onnx_where;

/* The tensor of a proto, checked: type, rank, dims, that its data are as many as its dims say.
 * What typed fields hold is decoded into `arena`. The name of *out is the proto's, "" for none.
 * Errors do not name the tensor. */
rnm_status rnc_onnx_tensor(const rnc_onnx *onnx, const Onnx__TensorProto *proto, rnc_arena *arena,
                           rnc_tensor *out, rnc_onnx_where *where, rnm_error *err);

/* The element type of an ONNX number; false with an error for those that are none of ours. */
bool rnc_onnx_dtype(int32_t number, rnm_dtype *out, rnm_error *err);

#endif
