/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes out nodes whose results nothing needs, and says so, unless they compute with constants
 * alone: those made weights that are recipes now.
 *
 * Requires: nodes in running order.
 * Leaves:   every node on a way to the output.
 */
#include "job.h"

/* Marks of values: something alive needs it; it comes from an input of the graph. */
enum { NEEDED = 1, VARIES = 2 };

static void mark(const rnc_graph *graph) {
    for (size_t k = 0; k < graph->input_count; k++) {
        graph->inputs[k]->mark = VARIES;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        uint32_t varies = 0;
        for (int i = 0; i < node->input_count; i++) {
            const rnc_value *input = node->inputs[i];
            bool computed = input != NULL && input->kind == RNC_VALUE_ACTIVATION;
            varies |= computed ? input->mark & VARIES : 0;
        }
        for (int k = 0; k < node->output_count; k++) {
            node->outputs[k]->mark = varies;
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        graph->outputs[k]->mark |= NEEDED;
    }
}

rnm_status rnc_dead_code(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    bool *dead = rnc_arena_array(&job->arena, graph->node_count, sizeof(bool), err);
    if (dead == NULL) {
        return RNM_ERR_MEMORY;
    }
    mark(graph);
    for (size_t n = graph->node_count; n-- > 0;) {
        const rnc_node *node = graph->nodes[n];
        dead[n] = true;
        for (int k = 0; k < node->output_count; k++) {
            dead[n] = dead[n] && (node->outputs[k]->mark & NEEDED) == 0;
        }
        if (dead[n]) {
            if ((node->outputs[0]->mark & VARIES) != 0) {
                rnc_note(job, "%s is not needed for the output and was left out",
                         node->outputs[0]->name);
            }
            continue;
        }
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != NULL) {
                node->inputs[i]->mark |= NEEDED;
            }
        }
    }
    rnc_graph_remove(graph, dead);
    return RNM_OK;
}
