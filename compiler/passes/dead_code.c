/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes out nodes whose results nothing needs.
 *
 * Requires: nodes in running order.
 * Leaves:   every node on a way to the output.
 */
#include "job.h"

/* Marks are set on values that something alive needs. */
static void unmark(const rnc_graph *graph) {
    for (size_t n = 0; n < graph->node_count; n++) {
        for (int k = 0; k < graph->nodes[n]->output_count; k++) {
            graph->nodes[n]->outputs[k]->mark = 0;
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        graph->outputs[k]->mark = 1;
    }
}

rnm_status rnc_dead_code(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    bool *dead = rnc_arena_array(&job->arena, graph->node_count, sizeof(bool), err);
    if (dead == NULL) {
        return RNM_ERR_MEMORY;
    }
    unmark(graph);
    for (size_t n = graph->node_count; n-- > 0;) {
        const rnc_node *node = graph->nodes[n];
        dead[n] = true;
        for (int k = 0; k < node->output_count; k++) {
            dead[n] = dead[n] && node->outputs[k]->mark == 0;
        }
        if (dead[n]) {
            rnc_note(job, "%s is not needed for the output and was left out",
                     node->outputs[0]->name);
            continue;
        }
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != NULL) {
                node->inputs[i]->mark = 1;
            }
        }
    }
    rnc_graph_remove(graph, dead);
    return RNM_OK;
}
