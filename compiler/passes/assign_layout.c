/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations of spatial operators become channels-last; a Reorder goes in where layouts meet,
 * once for each value that needs one. Graph inputs and outputs stay row-major.
 *
 * Requires: shapes.
 * Leaves:   every operator's layout rule (rnm_ops.def) kept.
 */
#include "job.h"

#include <string.h>

/* A Flatten of 1x1 maps moves no byte in either layout. */
static bool layouts_agree(const rnm_shape *shape) {
    for (int d = 2; d < shape->rank; d++) {
        if (shape->dims[d] != 1) {
            return false;
        }
    }
    return true;
}

static rnc_value *reordered_before(const rnc_graph *graph, size_t position, const rnc_value *value,
                                   uint8_t layout) {
    for (size_t n = 0; n < position; n++) {
        const rnc_node *node = graph->nodes[n];
        if (node->op == RNM_OP_Reorder && node->inputs[0] == value &&
            node->outputs[0]->layout == layout) {
            return node->outputs[0];
        }
    }
    return NULL;
}

/* The value in `layout`, for a reader at *position; a new Reorder moves the reader back by one. */
static rnc_value *in_layout(rnc_graph *graph, size_t *position, rnc_value *value, uint8_t layout,
                            rnm_error *err) {
    if (value->layout == layout) {
        return value;
    }
    rnc_value *known = reordered_before(graph, *position, value, layout);
    if (known != NULL) {
        return known;
    }
    const char *suffix = layout == RNM_LAYOUT_CHANNELS_LAST ? ".nhwc" : ".nchw";
    const char *name = rnc_join(graph, value->name, suffix, err);
    rnc_node *node = name == NULL ? NULL : rnc_node_create(graph, name, RNM_OP_Reorder, 1, err);
    if (node == NULL || rnc_graph_insert(graph, *position, node, err) != RNM_OK) {
        return NULL;
    }
    (*position)++;
    node->inputs[0] = value;
    node->outputs[0]->shape = value->shape;
    node->outputs[0]->layout = layout;
    return node->outputs[0];
}

static bool is_data(const rnc_value *value) {
    return value != NULL &&
           (value->kind == RNC_VALUE_ACTIVATION || value->kind == RNC_VALUE_CONSTANT);
}

static uint8_t spatial_layout(const rnm_shape *shape) {
    return shape->rank >= 3 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
}

/* Constants are row-major, and so is what must be laid out as one of them is. */
static uint8_t common_layout(const rnc_node *node) {
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != NULL && node->inputs[i]->kind == RNC_VALUE_CONSTANT) {
            return RNM_LAYOUT_ROWS;
        }
    }
    return node->inputs[0]->layout;
}

static bool same_dims(const rnm_shape *a, const rnm_shape *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

/* An operator that takes every layout gives channels-last where an input of its output's rank is
 * so: what comes from a spatial operator stays as the next one wants it. */
static uint8_t given_layout(const rnc_node *node) {
    for (int i = 0; i < node->input_count; i++) {
        const rnc_value *input = node->inputs[i];
        if (input != NULL && input->layout == RNM_LAYOUT_CHANNELS_LAST &&
            input->shape.rank == node->outputs[0]->shape.rank) {
            return RNM_LAYOUT_CHANNELS_LAST;
        }
    }
    return RNM_LAYOUT_ROWS;
}

/* The layout that the operator wants its input `k` in. */
static uint8_t wanted_layout(const rnc_node *node, int k) {
    const rnc_value *input = node->inputs[k];
    switch (rnm_op_find((unsigned)node->op)->layout_rule) {
    case RNM_RULE_SPATIAL:
        return spatial_layout(&input->shape);
    case RNM_RULE_FIRST:
        return k == 0 ? spatial_layout(&input->shape) : RNM_LAYOUT_ROWS;
    case RNM_RULE_ROWS:
        return node->op == RNM_OP_Flatten && layouts_agree(&input->shape) ? input->layout
                                                                          : RNM_LAYOUT_ROWS;
    case RNM_RULE_SAME:
        return common_layout(node);
    case RNM_RULE_EACH: /* side by side go best what lie alike; what is repeated is small */
        return same_dims(&input->shape, &node->outputs[0]->shape) ? given_layout(node)
                                                                  : input->layout;
    default:
        return input->layout;
    }
}

/* The layout of an output, once the inputs have theirs. */
static uint8_t output_layout(const rnc_node *node, const rnm_shape *shape) {
    const unsigned rule = rnm_op_find((unsigned)node->op)->layout_rule;
    if (shape->rank < 3 || rule == RNM_RULE_ROWS || rule == RNM_RULE_REORDER) {
        return RNM_LAYOUT_ROWS;
    }
    return rule == RNM_RULE_EACH ? given_layout(node) : node->inputs[0]->layout;
}

rnm_status rnc_assign_layout(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        rnc_node *node = graph->nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            if (is_data(node->inputs[i])) {
                node->inputs[i] =
                    in_layout(graph, &n, node->inputs[i], wanted_layout(node, i), err);
                if (node->inputs[i] == NULL) {
                    return RNM_ERR_MEMORY;
                }
            }
        }
        for (int k = 0; k < node->output_count; k++) {
            node->outputs[k]->layout = output_layout(node, &node->outputs[k]->shape);
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        size_t end = graph->node_count;
        rnc_value *before = graph->outputs[k];
        rnc_value *after = in_layout(graph, &end, before, RNM_LAYOUT_ROWS, err);
        if (after == NULL) {
            return RNM_ERR_MEMORY;
        }
        if (after != before) { /* the output keeps the name that it was given */
            after->name = before->name;
            before->name = rnc_join(graph, before->name, ".nhwc", err);
            graph->outputs[k] = after;
            if (before->name == NULL) {
                return RNM_ERR_MEMORY;
            }
        }
    }
    return RNM_OK;
}
