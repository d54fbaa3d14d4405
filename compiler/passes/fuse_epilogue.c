/* SPDX-License-Identifier: Apache-2.0
 *
 * Residual additions and activations move into the epilogue of the layer before them,
 * act(scale * acc + bias + residual), where that layer's result has no other reader.
 *
 * Requires: fold_batch_norm.
 * Leaves:   no activation behind a lone layer; no Add with a lone layer's result, unless the other
 *           operand comes later than the layer.
 */
#include "job.h"

static bool takes_epilogue(const rnc_graph *graph, const rnc_value *value) {
    const rnc_node *node = value->producer;
    return node != NULL && (rnm_op_find((unsigned)node->op)->flags & RNM_OPFLAG_EPILOGUE) != 0 &&
           node->attrs.activation == RNM_OP_NONE && value->shape.dtype == RNM_F32 &&
           rnc_graph_readers(graph, value) == 1;
}

static size_t position_of(const rnc_graph *graph, const rnc_value *value) {
    for (size_t n = 0; n < graph->node_count; n++) {
        if (graph->nodes[n] == value->producer) {
            return n + 1;
        }
    }
    return 0; /* graph inputs and constants come before everything */
}

/* The later operand of an Add is the layer that can take the earlier one as its residual. Returns
 * the value that stands for the sum then, or NULL. */
static rnc_value *fuse_residual(const rnc_graph *graph, const rnc_node *add) {
    rnc_value *a = add->inputs[0];
    rnc_value *b = add->inputs[1];
    rnc_value *later = position_of(graph, a) > position_of(graph, b) ? a : b;
    bool plain = a->kind == RNC_VALUE_ACTIVATION && b->kind == RNC_VALUE_ACTIVATION &&
                 rnm_shape_meets(&a->shape, &b->shape); /* else it broadcasts */
    if (a == b || !plain || add->attrs.activation != RNM_OP_NONE || !takes_epilogue(graph, later) ||
        !rnc_node_weighted(later->producer) ||
        later->producer->inputs[RNC_INPUT_RESIDUAL] != NULL) {
        return NULL;
    }
    later->producer->inputs[RNC_INPUT_RESIDUAL] = later == a ? b : a;
    return later;
}

/* Returns the value that stands for the activated one then, or NULL. */
static rnc_value *fuse_activation(const rnc_graph *graph, const rnc_node *node) {
    rnc_value *value = node->inputs[0];
    if ((rnm_op_find((unsigned)node->op)->flags & RNM_OPFLAG_ACT) == 0 ||
        !takes_epilogue(graph, value)) {
        return NULL;
    }
    value->producer->attrs.activation = (rnm_op)node->op;
    value->producer->attrs.activation_alpha = node->attrs.alpha;
    value->producer->attrs.activation_beta = node->attrs.beta;
    return value;
}

rnm_status rnc_fuse_epilogue(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    bool *fused = rnc_arena_array(&job->arena, graph->node_count, sizeof(bool), err);
    if (fused == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        rnc_node *node = graph->nodes[n];
        rnc_value *into =
            node->op == RNM_OP_Add ? fuse_residual(graph, node) : fuse_activation(graph, node);
        if (into == NULL) {
            continue;
        }
        if (rnc_graph_is_output(graph, node->outputs[0])) {
            into->name = node->outputs[0]->name; /* outputs keep the name that they were given */
        }
        rnc_graph_replace(graph, node->outputs[0], into);
        node->input_count = 0; /* it reads nothing any more: what it read may fuse further */
        fused[n] = true;
    }
    rnc_graph_remove(graph, fused);
    return RNM_OK;
}
