/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph of one node, made from its attributes and inputs, and run.
 */
#ifndef RNM_ONE_NODE_H
#define RNM_ONE_NODE_H

#include "fixture.h"
#include "shape.h"

typedef struct node_value {
    rnm_shape shape;
    const void *data; /* row-major */
    bool stored;      /* a constant, else a graph input */
    uint8_t layout; /* what the node reads: a Reorder goes before it where that is not row-major */
} node_value;

typedef struct node_case {
    rnm_op op;
    const rnm_node_attrs *attrs;
    node_value inputs[4];
    int input_count;
    uint8_t layout; /* of the outputs that the node writes; a Reorder goes behind it likewise */
    int output_count;
} node_case;

/* What a node gave: shapes as inferred, and row-major data that the caller frees. */
typedef struct node_result {
    rnm_shape shapes[RNM_MAX_OUTPUTS];
    void *data[RNM_MAX_OUTPUTS];
} node_result;

/* Builds the graph, runs it in panel and load mode and with two threads, fails the test unless all
 * results are equal byte for byte, and gives one. */
node_result run_node(const node_case *c);
void free_result(node_result *result, int output_count);

/* The same where the run must end with that status and a sentence that has `word`. */
void refuse_node(const node_case *c, rnm_status status, const char *word);

size_t shape_count(const rnm_shape *shape);

/* Moves to the next index of a shape, in row-major order. */
void next_index(const rnm_shape *shape, int64_t at[RNM_MAX_RANK]);

/* Where an index lies in a row-major tensor. */
size_t index_of(const rnm_shape *shape, const int64_t at[RNM_MAX_RANK]);

/* Random dims of [1, most], and a layout that such a shape can have. */
rnm_shape random_shape(rng *r, int rank, uint32_t most);
uint8_t layout_for(rng *r, int rank);

/* Bytes for all elements, no two neighbours alike; the caller frees. */
void *numbered(const rnm_shape *shape);

/* Random f32 in [-1, 1); the caller frees. */
float *random_values(rng *r, const rnm_shape *shape);

#endif
