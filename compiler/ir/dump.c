/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph as text:
 *
 *     after fuse_epilogue
 *     input [N, 3, 32, 32]
 *     layer1.0.conv1: [N, 32, 32, 32] nhwc = Conv(conv1, f 32x16x9 of layer1.0.conv1.weight 16x16,
 *         bias, scale, -) strides=1,1 pads=1,1,1,1 activation=Relu until=3
 *     output logits
 *
 * one node a line (broken here only); weights are outputs x inputs x taps.
 */
#include "ir/graph.h"

#include <inttypes.h>

static void dump_shape(const rnc_graph *graph, const rnm_shape *shape, FILE *file) {
    fputc('[', file);
    for (int d = 0; d < shape->rank; d++) {
        fputs(d == 0 ? "" : ", ", file);
        if (shape->dims[d] < 0) {
            bool computed = shape->dims[d] == RNM_DIM_COMPUTED;
            fputs(computed ? "?" : graph->symbols[-1 - shape->dims[d]], file);
        } else {
            fprintf(file, "%" PRId64, shape->dims[d]);
        }
    }
    fputc(']', file);
}

static void dump_input(const rnc_value *value, int position, FILE *file) {
    static const char *const roles[RNC_WEIGHTED_INPUTS] = {"", "", "bias", "scale", "residual "};
    fputs(position == 0 ? "" : ", ", file);
    if (value == NULL) {
        fputc('-', file);
    } else if (value->kind == RNC_VALUE_WEIGHT) {
        const rnc_child *child = value->child;
        fprintf(file, "%s %ux%ux%u", rnc_transform_name(child->transform), child->co, child->ci,
                child->taps);
        if (child->parent != NULL) {
            fprintf(file, " of %s %ux%u", child->parent->name, child->po, child->pi);
        }
    } else if (value->kind == RNC_VALUE_CONSTANT) {
        fprintf(file, "constant %s", value->name);
    } else if (value->kind == RNC_VALUE_CHANNEL) {
        fputs(position < RNC_WEIGHTED_INPUTS ? roles[position] : "channel", file);
    } else {
        fprintf(file, "%s%s", position == RNC_INPUT_RESIDUAL ? roles[position] : "", value->name);
    }
}

static void dump_list(const char *name, const int64_t *list, int count, FILE *file) {
    fprintf(file, " %s=", name);
    for (int i = 0; i < count; i++) {
        fprintf(file, "%s%" PRId64, i == 0 ? "" : ",", list[i]);
    }
}

void rnc_graph_dump(const rnc_graph *graph, const char *pass, FILE *file) {
    fprintf(file, "after %s\n", pass);
    for (size_t k = 0; k < graph->input_count; k++) {
        fprintf(file, "%s ", graph->inputs[k]->name);
        dump_shape(graph, &graph->inputs[k]->shape, file);
        fputc('\n', file);
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        const rnm_node_attrs *attrs = &node->attrs;
        for (int k = 0; k < node->output_count; k++) {
            const rnc_value *output = node->outputs[k];
            fprintf(file, "%s%s: ", k == 0 ? "" : ", ", output->name);
            dump_shape(graph, &output->shape, file);
            fputs(output->layout == RNM_LAYOUT_CHANNELS_LAST ? " nhwc" : "", file);
        }
        fprintf(file, " = %s(", rnc_node_op_name(node));
        for (int i = 0; i < node->input_count; i++) {
            dump_input(node->inputs[i], i, file);
        }
        fputc(')', file);
        if (attrs->has_kernel_shape) {
            dump_list("kernel_shape", attrs->kernel_shape, attrs->spatial, file);
        }
        if (node->op == RNM_OP_Conv || attrs->has_kernel_shape) {
            dump_list("strides", attrs->strides, attrs->spatial, file);
            dump_list("pads", attrs->pads, 2 * attrs->spatial, file);
        }
        if (attrs->activation != RNM_OP_NONE) {
            fprintf(file, " activation=%s", rnm_op_find(attrs->activation)->name);
        }
        if (node->outputs[0]->last_use != RNM_NONE) {
            fprintf(file, " until=%" PRIu32, node->outputs[0]->last_use);
        }
        fputc('\n', file);
    }
    for (size_t k = 0; k < graph->output_count; k++) {
        fprintf(file, "output %s\n", graph->outputs[k]->name);
    }
}
