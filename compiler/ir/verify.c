/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier: what every pass may rely on and must leave behind.
 */
#include "error.h"
#include "ir/graph.h"

#include <string.h>

/* A value's mark counts its definitions so far. */
static bool defined(const rnc_value *value) {
    return value->mark > 0 || value->kind != RNC_VALUE_ACTIVATION;
}

static void unmark(const rnc_graph *graph) {
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        for (int k = 0; k < node->output_count; k++) {
            node->outputs[k]->mark = 0;
        }
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != NULL) {
                node->inputs[i]->mark = 0;
            }
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        graph->outputs[k]->mark = 0;
    }
    for (size_t k = 0; k < graph->input_count; k++) {
        graph->inputs[k]->mark = 1;
    }
}

static bool same_shape(const rnm_shape *a, const rnm_shape *b) {
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static rnm_status verify_outputs(const rnc_node *node, rnm_error *err) {
    for (int k = 0; k < node->output_count; k++) {
        if (node->outputs[k]->producer != node) {
            return rnm_fail(err, RNM_ERR_MODEL, "output of %s has another producer", node->name);
        }
        if (node->outputs[k]->mark++ > 0) {
            return rnm_fail(err, RNM_ERR_MODEL, "output of %s is defined twice", node->name);
        }
    }
    return RNM_OK;
}

static rnm_status verify_node(rnc_node *node, rnm_error *err) {
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != NULL && !defined(node->inputs[i])) {
            return rnm_fail(err, RNM_ERR_MODEL, "input %d (%s) of %s is used before it is defined",
                            i, node->inputs[i]->name, node->name);
        }
    }
    rnm_shape stated[RNM_MAX_OUTPUTS];
    for (int k = 0; k < node->output_count; k++) {
        stated[k] = node->outputs[k]->shape;
    }
    rnm_status status = verify_outputs(node, err);
    if (status != RNM_OK || (status = rnc_node_infer(node, err)) != RNM_OK) {
        return status;
    }
    for (int k = 0; k < node->output_count; k++) {
        if (!same_shape(&stated[k], &node->outputs[k]->shape)) {
            return rnm_fail(err, RNM_ERR_MODEL, "output of %s has a stale shape", node->name);
        }
    }
    return RNM_OK;
}

rnm_status rnc_graph_verify(const rnc_graph *graph, const char *pass, rnm_error *err) {
    rnm_status status = RNM_OK;
    unmark(graph);
    for (size_t n = 0; n < graph->node_count && status == RNM_OK; n++) {
        status = verify_node(graph->nodes[n], err);
    }
    for (size_t k = 0; k < graph->output_count && status == RNM_OK; k++) {
        if (!defined(graph->outputs[k])) {
            status = rnm_fail(err, RNM_ERR_MODEL, "the graph's output %s is defined by no node",
                              graph->outputs[k]->name);
        }
    }
    if (status != RNM_OK) {
        char prefix[128];
        snprintf(prefix, sizeof prefix, "internal error: the graph is wrong after pass %s", pass);
        return rnm_fail_in(err, status, prefix);
    }
    return RNM_OK;
}
