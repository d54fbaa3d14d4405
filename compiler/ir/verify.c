/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier: what every pass may rely on and must leave behind.
 */
#include "error.h"
#include "ir/graph.h"

#include <string.h>

static bool defined_before(const rnc_graph *graph, size_t position, const rnc_value *value) {
    if (value == graph->input || value->kind != RNC_VALUE_ACTIVATION) {
        return true;
    }
    for (size_t n = 0; n < position; n++) {
        if (graph->nodes[n]->output == value) {
            return true;
        }
    }
    return false;
}

static bool same_shape(const rnm_shape *a, const rnm_shape *b) {
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static rnm_status verify_node(const rnc_graph *graph, size_t position, rnm_error *err) {
    rnc_node *node = graph->nodes[position];
    if (node->output->producer != node) {
        return rnm_fail(err, RNM_ERR_MODEL, "output of %s has another producer", node->name);
    }
    if (defined_before(graph, position, node->output)) {
        return rnm_fail(err, RNM_ERR_MODEL, "output of %s is defined twice", node->name);
    }
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != NULL && !defined_before(graph, position, node->inputs[i])) {
            return rnm_fail(err, RNM_ERR_MODEL, "input %d (%s) of %s is used before it is defined",
                            i, node->inputs[i]->name, node->name);
        }
    }
    rnm_shape stated = node->output->shape;
    rnm_status status = rnc_node_infer(node, err);
    if (status != RNM_OK) {
        return status;
    }
    if (!same_shape(&stated, &node->output->shape)) {
        return rnm_fail(err, RNM_ERR_MODEL, "output of %s has a stale shape", node->name);
    }
    return RNM_OK;
}

rnm_status rnc_graph_verify(const rnc_graph *graph, const char *pass, rnm_error *err) {
    rnm_status status = RNM_OK;
    for (size_t n = 0; n < graph->node_count && status == RNM_OK; n++) {
        status = verify_node(graph, n, err);
    }
    if (status == RNM_OK && !defined_before(graph, graph->node_count, graph->output)) {
        status = rnm_fail(err, RNM_ERR_MODEL, "the graph's output %s is defined by no node",
                          graph->output->name);
    }
    if (status != RNM_OK) {
        char prefix[128];
        snprintf(prefix, sizeof prefix, "internal error: the graph is wrong after pass %s", pass);
        return rnm_fail_in(err, status, prefix);
    }
    return RNM_OK;
}
