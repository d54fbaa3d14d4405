/* SPDX-License-Identifier: Apache-2.0
 *
 * Building and rewiring the graph.
 */
#include "ir/graph.h"

#include "error.h"

#include <string.h>

rnc_value *rnc_value_create(rnc_graph *graph, const char *name, rnc_value_kind kind,
                            rnm_error *err) {
    rnc_value *value = rnc_arena_alloc(graph->arena, sizeof *value, err);
    if (value != NULL) {
        value->name = name;
        value->kind = kind;
        value->shape.dtype = RNM_F32;
        value->last_use = RNM_NONE;
        value->source = RNM_NONE;
        value->index = RNM_NONE;
    }
    return value;
}

rnc_value *rnc_channel_create(rnc_graph *graph, const char *name, int64_t count, rnm_error *err) {
    rnc_value *value = rnc_value_create(graph, name, RNC_VALUE_CHANNEL, err);
    if (value == NULL) {
        return NULL;
    }
    value->shape.rank = 1;
    value->shape.dims[0] = count;
    value->channel = rnc_arena_array(graph->arena, (size_t)count, sizeof(float), err);
    return value->channel == NULL ? NULL : value;
}

rnc_value *rnc_constant_create(rnc_graph *graph, const char *name, const rnc_tensor *tensor,
                               rnm_error *err) {
    rnc_value *value = rnc_value_create(graph, name, RNC_VALUE_CONSTANT, err);
    if (value != NULL) {
        value->tensor = tensor;
        value->shape.dtype = tensor->dtype;
        value->shape.rank = tensor->rank;
        memcpy(value->shape.dims, tensor->dims, sizeof tensor->dims);
    }
    return value;
}

rnm_status rnc_graph_reserve_ends(rnc_graph *graph, size_t inputs, size_t outputs, rnm_error *err) {
    graph->inputs = rnc_arena_array(graph->arena, inputs, sizeof(rnc_value *), err);
    graph->outputs = rnc_arena_array(graph->arena, outputs, sizeof(rnc_value *), err);
    graph->input_count = inputs;
    graph->output_count = outputs;
    return graph->inputs == NULL || graph->outputs == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

rnm_status rnc_graph_add_symbol(rnc_graph *graph, const char *name, int64_t *dim, rnm_error *err) {
    if (graph->symbol_count == RNM_LIMIT_SYMBOLS) {
        return rnm_fail(err, RNM_ERR_LIMIT, "more than %u symbolic dimensions", RNM_LIMIT_SYMBOLS);
    }
    const char **symbols =
        rnc_arena_array(graph->arena, graph->symbol_count + 1, sizeof *symbols, err);
    if (symbols == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t k = 0; k < graph->symbol_count; k++) {
        symbols[k] = graph->symbols[k];
    }
    symbols[graph->symbol_count] = name;
    graph->symbols = symbols;
    *dim = -1 - (int64_t)graph->symbol_count++;
    return RNM_OK;
}

static bool listed(rnc_value *const *values, size_t count, const rnc_value *value) {
    for (size_t k = 0; k < count; k++) {
        if (values[k] == value) {
            return true;
        }
    }
    return false;
}

bool rnc_graph_is_input(const rnc_graph *graph, const rnc_value *value) {
    return listed(graph->inputs, graph->input_count, value);
}

bool rnc_graph_is_output(const rnc_graph *graph, const rnc_value *value) {
    return listed(graph->outputs, graph->output_count, value);
}

const char *rnc_join(rnc_graph *graph, const char *first, const char *second, rnm_error *err) {
    size_t head = strlen(first);
    size_t tail = strlen(second);
    char *text = rnc_arena_alloc(graph->arena, head + tail + 1, err);
    if (text != NULL) {
        memcpy(text, first, head);
        memcpy(text + head, second, tail + 1);
    }
    return text;
}

rnc_node *rnc_node_create(rnc_graph *graph, const char *name, int op, int input_count,
                          rnm_error *err) {
    rnc_node *node = rnc_arena_alloc(graph->arena, sizeof *node, err);
    if (node == NULL) {
        return NULL;
    }
    node->name = name;
    node->op = op;
    node->input_count = input_count;
    node->inputs = rnc_arena_array(graph->arena, (size_t)input_count, sizeof(rnc_value *), err);
    return node->inputs == NULL || rnc_node_add_outputs(graph, node, &name, 1, err) != RNM_OK
               ? NULL
               : node;
}

rnm_status rnc_node_add_outputs(rnc_graph *graph, rnc_node *node, const char *const *names,
                                int count, rnm_error *err) {
    rnc_value **outputs = rnc_arena_array(graph->arena, (size_t)count, sizeof *outputs, err);
    for (int k = 0; outputs != NULL && k < count; k++) {
        outputs[k] = k < node->output_count
                         ? node->outputs[k]
                         : rnc_value_create(graph, names[k], RNC_VALUE_ACTIVATION, err);
        if (outputs[k] == NULL) {
            return RNM_ERR_MEMORY;
        }
        outputs[k]->producer = node;
    }
    node->outputs = outputs;
    node->output_count = count;
    return outputs == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

rnm_status rnc_graph_insert(rnc_graph *graph, size_t at, rnc_node *node, rnm_error *err) {
    if (graph->node_count == graph->node_room) {
        size_t room = graph->node_room == 0 ? 64 : 2 * graph->node_room;
        rnc_node **nodes = rnc_arena_array(graph->arena, room, sizeof(rnc_node *), err);
        if (nodes == NULL) {
            return RNM_ERR_MEMORY;
        }
        if (graph->node_count > 0) {
            memcpy(nodes, graph->nodes, graph->node_count * sizeof(rnc_node *));
        }
        graph->nodes = nodes;
        graph->node_room = room;
    }
    memmove(graph->nodes + at + 1, graph->nodes + at,
            (graph->node_count - at) * sizeof(rnc_node *));
    graph->nodes[at] = node;
    graph->node_count++;
    return RNM_OK;
}

size_t rnc_graph_readers(const rnc_graph *graph, const rnc_value *value) {
    size_t readers = rnc_graph_is_output(graph, value);
    for (size_t n = 0; n < graph->node_count; n++) {
        for (int i = 0; i < graph->nodes[n]->input_count; i++) {
            readers += graph->nodes[n]->inputs[i] == value;
        }
    }
    return readers;
}

void rnc_graph_replace(rnc_graph *graph, const rnc_value *from, rnc_value *to) {
    for (size_t n = 0; n < graph->node_count; n++) {
        for (int i = 0; i < graph->nodes[n]->input_count; i++) {
            if (graph->nodes[n]->inputs[i] == from) {
                graph->nodes[n]->inputs[i] = to;
            }
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        if (graph->outputs[k] == from) {
            graph->outputs[k] = to;
        }
    }
}

void rnc_graph_remove(rnc_graph *graph, const bool *dead) {
    size_t kept = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        if (!dead[n]) {
            graph->nodes[kept++] = graph->nodes[n];
        }
    }
    graph->node_count = kept;
}

bool rnc_node_weighted(const rnc_node *node) {
    return node->op == RNM_OP_Conv || node->op == RNM_OP_Gemm || node->op == RNM_OP_ConvTranspose;
}

const char *rnc_node_op_name(const rnc_node *node) {
    return node->op == RNC_OP_BATCH_NORM ? "BatchNormalization"
                                         : rnm_op_find((unsigned)node->op)->name;
}

rnm_status rnc_node_infer(rnc_node *node, rnm_error *err) {
    if (node->op == RNC_OP_BATCH_NORM) {
        node->outputs[0]->shape = node->inputs[0]->shape;
        return RNM_OK;
    }
    const rnm_shape *shapes[RNC_MAX_INPUTS];
    rnm_shape outs[RNM_MAX_OUTPUTS];
    for (int i = 0; i < node->input_count; i++) {
        shapes[i] = node->inputs[i] == NULL ? NULL : &node->inputs[i]->shape;
    }
    rnm_status status = rnm_infer_shape((rnm_op)node->op, &node->attrs, shapes, node->input_count,
                                        outs, node->output_count, err);
    for (int k = 0; k < node->output_count && status == RNM_OK; k++) {
        node->outputs[k]->shape = outs[k];
    }
    return status == RNM_OK ? RNM_OK : rnm_fail_in(err, status, node->name);
}
