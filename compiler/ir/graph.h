/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler's graph: nodes in an order in which they can run, values between them. Built by
 * topology/, changed by passes/, written by write_rnm.c.
 */
#ifndef RNC_GRAPH_H
#define RNC_GRAPH_H

#include "child.h"
#include "readers/arena.h"
#include "rnm_base.h"
#include "rnm_format.h"
#include "shape.h"
#include "weights.h"

#include <stdio.h>

/* Operators that exist in the compiler only; a pass removes each before the writer sees it. */
enum {
    RNC_OP_BATCH_NORM = 0x1000, /* X; tensors of `layer` */
};

/* Inputs of one node; Concat alone comes near. */
#define RNC_MAX_INPUTS 256

/* Inputs of Conv and Gemm. */
enum {
    RNC_INPUT_X = 0,
    RNC_INPUT_WEIGHT = 1,
    RNC_INPUT_BIAS = 2,
    RNC_INPUT_SCALE = 3,
    RNC_INPUT_RESIDUAL = 4,
    RNC_WEIGHTED_INPUTS = 5,
};

typedef enum rnc_value_kind {
    RNC_VALUE_ACTIVATION,
    RNC_VALUE_CHANNEL, /* a vector of f32, one a channel */
    RNC_VALUE_WEIGHT,  /* a child weight */
} rnc_value_kind;

struct rnc_node;

typedef struct rnc_value {
    const char *name;
    rnc_value_kind kind;
    rnm_shape shape;
    uint8_t layout;            /* RNM_LAYOUT_... */
    struct rnc_node *producer; /* NULL for graph inputs and constants */
    rnc_child *child;          /* of a WEIGHT */
    float *channel;            /* of a CHANNEL: shape.dims[0] elements */
    uint32_t last_use;         /* set by pass lifetimes, as in rnm_value_rec */
    uint32_t index;            /* in the file, set by the writer */
} rnc_value;

typedef struct rnc_node {
    const char *name;
    int op; /* rnm_op or RNC_OP_... */
    rnm_node_attrs attrs;
    rnc_value **inputs; /* input_count entries, NULL where an optional one is absent */
    int input_count;
    rnc_value *output;
    const char *layer;  /* tensors of this node are called `layer`.weight, `layer`.bias, ... */
    const char *parent; /* the layer whose weight is borrowed, or NULL */
    float epsilon;      /* of a batch norm */
    int64_t channels;   /* outputs as the topology says; 0 = the tensors tell */
} rnc_node;

typedef struct rnc_graph {
    rnc_arena *arena;
    rnc_node **nodes;
    size_t node_count;
    size_t node_room;
    rnc_value *input; /* the image */
    rnc_value *output;
    const char *symbol; /* the name of symbol 0, the batch */
} rnc_graph;

/* A node with room for `input_count` inputs, not yet in any list; NULL with *err set when there is
 * no memory. Its output is a fresh activation of the node's name. */
rnc_node *rnc_node_create(rnc_graph *graph, const char *name, int op, int input_count,
                          rnm_error *err);

/* Puts a node before position `at` (node_count: at the end). */
rnm_status rnc_graph_insert(rnc_graph *graph, size_t at, rnc_node *node, rnm_error *err);

/* A value that nothing reads yet, f32, rank 0; NULL with *err set when there is no memory. */
rnc_value *rnc_value_create(rnc_graph *graph, const char *name, rnc_value_kind kind,
                            rnm_error *err);

/* A channel vector of `count` zeros, as above. */
rnc_value *rnc_channel_create(rnc_graph *graph, const char *name, int64_t count, rnm_error *err);

/* Two strings behind one another, as above. */
const char *rnc_join(rnc_graph *graph, const char *first, const char *second, rnm_error *err);

/* How many node inputs and graph outputs read the value. */
size_t rnc_graph_readers(const rnc_graph *graph, const rnc_value *value);

/* Makes every reader of `from` (the graph's output included) read `to`. */
void rnc_graph_replace(rnc_graph *graph, const rnc_value *from, rnc_value *to);

/* Takes out the nodes that `dead` tells, keeping the order of the rest. */
void rnc_graph_remove(rnc_graph *graph, const bool *dead);

/* True for Conv and Gemm. */
bool rnc_node_weighted(const rnc_node *node);

/* "Conv", "BatchNormalization", ... */
const char *rnc_node_op_name(const rnc_node *node);

/* Computes the node's output shape from its inputs' and names the node in the error. */
rnm_status rnc_node_infer(rnc_node *node, rnm_error *err);

/* The verifier, run between passes: order, single definition, arity, shapes. `pass` is named in
 * the error. A failure is the compiler's own fault and is reported as such. */
rnm_status rnc_graph_verify(const rnc_graph *graph, const char *pass, rnm_error *err);

/* The graph as text, one node a line. */
void rnc_graph_dump(const rnc_graph *graph, const char *pass, FILE *file);

#endif
