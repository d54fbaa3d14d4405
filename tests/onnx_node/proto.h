/* SPDX-License-Identifier: Apache-2.0
 *
 * Models and tensors of ONNX's backend tests.
 */
#ifndef ONNX_NODE_PROTO_H
#define ONNX_NODE_PROTO_H

#include "rnm_base.h"

#include <stdbool.h>

#include "onnx.pb-c.h"

/* Most inputs or outputs of a test. */
#define MOST_VALUES 64

/* A tensor as the runtime would hold it; `data` is the caller's to free. */
typedef struct decoded {
    const char *name; /* the proto's or the model's */
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
    size_t bytes;
    void *data;
} decoded;

/* One test: its model, and what data set 0 gives to the graph inputs in order. */
typedef struct node_test {
    Onnx__ModelProto *model;
    Onnx__TensorProto *inputs[MOST_VALUES], *outputs[MOST_VALUES];
    int input_count, output_count;
} node_test;

/* Reads a test's folder; false, with everything given back, where a part is missing or broken. */
bool read_test(const char *folder, node_test *out);
void free_test(node_test *test);

/* False for a type that is none of ours. */
bool decode_tensor(const Onnx__TensorProto *proto, decoded *out);

/* Which graph inputs become initializers, besides those whose values the format has as attributes.
 */
typedef enum freeze { FREEZE_OPERANDS, FREEZE_WEIGHTS } freeze;

/* True where freezing weights differs from freezing operands. */
bool has_weights(const node_test *test);

/* True when graph input k, of those that are no initializers, is frozen. */
bool is_frozen(const node_test *test, int k, freeze what);

/* Writes the model with the inputs frozen to a file. */
bool write_frozen(const node_test *test, freeze what, const char *path);

/* Graph inputs that are no initializers: their number, and number k. */
int open_inputs(const node_test *test, Onnx__ValueInfoProto *out[MOST_VALUES]);

#endif
