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

/* Inputs of operators whose weight is a child. */
enum {
    RNC_INPUT_X = 0,
    RNC_INPUT_WEIGHT = 1,
    RNC_INPUT_BIAS = 2,
    RNC_INPUT_SCALE = 3,
    RNC_INPUT_RESIDUAL = 4,
    RNC_WEIGHTED_INPUTS = 5,
};

/* Tensors of a batch norm. */
enum {
    RNC_NORM_SCALE = 0,
    RNC_NORM_BIAS = 1,
    RNC_NORM_MEAN = 2,
    RNC_NORM_VARIANCE = 3,
    RNC_NORM_TENSORS = 4,
};

typedef enum rnc_value_kind {
    RNC_VALUE_ACTIVATION,
    RNC_VALUE_CHANNEL,  /* a vector of f32, one a channel */
    RNC_VALUE_WEIGHT,   /* a child weight */
    RNC_VALUE_CONSTANT, /* a tensor of any type and shape, in the place of an activation */
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
    const rnc_tensor *tensor;  /* of a CONSTANT */
    uint32_t last_use;         /* set by pass lifetimes, as in rnm_value_rec */
    uint32_t source; /* tensor or recipe in the file, set by the writer; RNM_NONE before */
    uint32_t index;  /* value in the file, likewise */
    uint32_t mark;   /* scratch of whichever pass runs; means nothing to the next */
} rnc_value;

typedef struct rnc_node {
    const char *name;
    int op; /* rnm_op or RNC_OP_... */
    rnm_node_attrs attrs;
    rnc_value **inputs; /* input_count entries, NULL where an optional one is absent */
    int input_count;
    rnc_value **outputs; /* output_count entries, at least one */
    int output_count;
    const char *layer;  /* tensors of this node are called `layer`.weight, `layer`.bias, ... */
    const char *parent; /* the layer whose weight is borrowed, or NULL */
    float epsilon;      /* of a batch norm */
    const rnc_tensor *norm[RNC_NORM_TENSORS]; /* likewise */
    int64_t channels; /* outputs as the topology says; 0 = the tensors tell */
} rnc_node;

typedef struct rnc_graph {
    rnc_arena *arena;
    rnc_node **nodes;
    size_t node_count;
    size_t node_room;
    rnc_value **inputs; /* activations, each once; of a topology one, the image */
    size_t input_count;
    rnc_value **outputs; /* results of nodes, each once */
    size_t output_count;
    const char **symbols; /* the name of symbol k; of a topology one, the batch */
    size_t symbol_count;
} rnc_graph;

/* Room for the ends of a graph; its entries are NULL. */
rnm_status rnc_graph_reserve_ends(rnc_graph *graph, size_t inputs, size_t outputs, rnm_error *err);

/* Gives a symbolic dimension a name; *dim is what stands for it in a shape. */
rnm_status rnc_graph_add_symbol(rnc_graph *graph, const char *name, int64_t *dim, rnm_error *err);

/* True for a graph input or output. */
bool rnc_graph_is_input(const rnc_graph *graph, const rnc_value *value);
bool rnc_graph_is_output(const rnc_graph *graph, const rnc_value *value);

/* A node with room for `input_count` inputs, not yet in any list; NULL with *err set when there is
 * no memory. Its one output is a fresh activation of the node's name. */
rnc_node *rnc_node_create(rnc_graph *graph, const char *name, int op, int input_count,
                          rnm_error *err);

/* Gives the node `count` outputs; those behind the first are fresh activations of these names. */
rnm_status rnc_node_add_outputs(rnc_graph *graph, rnc_node *node, const char *const *names,
                                int count, rnm_error *err);

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

/* A tensor in the place of an activation, as above; the tensor must outlive the graph. */
rnc_value *rnc_constant_create(rnc_graph *graph, const char *name, const rnc_tensor *tensor,
                               rnm_error *err);

/* Makes every reader of `from` (the graph's outputs included) read `to`. */
void rnc_graph_replace(rnc_graph *graph, const rnc_value *from, rnc_value *to);

/* Takes out the nodes that `dead` tells, keeping the order of the rest. */
void rnc_graph_remove(rnc_graph *graph, const bool *dead);

/* True for operators whose weight is a child. */
bool rnc_node_weighted(const rnc_node *node);

/* "Conv", "BatchNormalization", ... */
const char *rnc_node_op_name(const rnc_node *node);

/* Computes the shapes of the node's outputs from its inputs' and names the node in the error. */
rnm_status rnc_node_infer(rnc_node *node, rnm_error *err);

/* The verifier, run between passes: order, single definition, arity, shapes. `pass` is named in
 * the error. A failure is the compiler's own fault and is reported as such. Uses marks. */
rnm_status rnc_graph_verify(const rnc_graph *graph, const char *pass, rnm_error *err);

/* The graph as text, one node a line. */
void rnc_graph_dump(const rnc_graph *graph, const char *pass, FILE *file);

#endif
