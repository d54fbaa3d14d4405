/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes out nodes whose results nothing needs.
 *
 * Requires: nodes in running order.
 * Leaves:   every node on a way to the output.
 */
#include "job.h"

rnm_status rnc_dead_code(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    bool *dead = rnc_arena_array(&job->arena, graph->node_count, sizeof(bool), err);
    if (dead == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t n = graph->node_count; n-- > 0;) {
        const rnc_value *value = graph->nodes[n]->output;
        bool needed = graph->output == value;
        for (size_t m = n + 1; m < graph->node_count && !needed; m++) {
            for (int i = 0; !dead[m] && i < graph->nodes[m]->input_count; i++) {
                needed = needed || graph->nodes[m]->inputs[i] == value;
            }
        }
        dead[n] = !needed;
        if (dead[n]) {
            rnc_note(job, "%s is not needed for the output and was left out", value->name);
        }
    }
    rnc_graph_remove(graph, dead);
    return RNM_OK;
}
