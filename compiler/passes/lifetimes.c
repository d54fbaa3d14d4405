/* SPDX-License-Identifier: Apache-2.0
 *
 * For each activation, the last node that reads it.
 *
 * Requires: the final order of nodes.
 * Leaves:   last_use in every activation, as rnm_value_rec has it.
 */
#include "job.h"

rnm_status rnc_lifetimes(rnc_job *job, rnm_error *err) {
    (void)err;
    rnc_graph *graph = &job->graph;
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != NULL && node->inputs[i]->kind == RNC_VALUE_ACTIVATION) {
                node->inputs[i]->last_use = (uint32_t)n;
            }
        }
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        graph->outputs[k]->last_use = (uint32_t)graph->node_count;
    }
    return RNM_OK;
}
