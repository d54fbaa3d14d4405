/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that a model defines itself are written out where they are called.
 */
#include "onnx/import.h"

#include <string.h>

static bool same(const char *a, const char *b) {
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

const Onnx__FunctionProto *rnc_onnx_function(const rnc_import *im, const Onnx__NodeProto *node) {
    const Onnx__ModelProto *model = im->onnx->model;
    for (size_t k = 0; k < model->n_functions; k++) {
        if (same(model->functions[k]->name, node->op_type) &&
            same(model->functions[k]->domain, node->domain)) {
            return model->functions[k];
        }
    }
    return NULL;
}

rnm_status rnc_onnx_inline(rnc_call *call, const Onnx__FunctionProto *function) {
    rnc_import *im = call->import;
    rnc_onnx_scope inner = {.depth = call->scope->depth + 1};
    const char *stem = rnc_join(im->graph, call->name, "/", im->err);
    if (stem == NULL) {
        return RNM_ERR_MEMORY;
    }
    inner.prefix = stem;
    if (call->proto->n_input > function->n_input || call->proto->n_output > function->n_output) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "the function takes %zu inputs and gives %zu outputs, the node has "
                             "%zu and %zu",
                             function->n_input, function->n_output, call->proto->n_input,
                             call->proto->n_output);
    }
    for (size_t k = 0; k < function->n_input; k++) {
        const rnc_onnx_value *given = rnc_call_input(call, k);
        if (given == NULL) {
            continue; /* an optional one: whoever needs it says that it is missing */
        }
        if (rnc_scope_find(&inner, function->input[k]) != NULL) {
            return rnc_call_fail(call, RNM_ERR_MODEL, "the function's input %.100s stands twice",
                                 function->input[k]);
        }
        rnc_onnx_value *entry = rnc_scope_add(im, &inner, function->input[k]);
        if (entry == NULL) {
            return RNM_ERR_MEMORY;
        }
        const char *name = entry->name;
        *entry = *given;
        entry->name = name;
    }
    rnc_call body = *call;
    body.function = function;
    rnm_status status = rnc_onnx_nodes(im, &inner, function->node, function->n_node, &body);
    for (size_t k = 0; status == RNM_OK && k < call->proto->n_output; k++) {
        const rnc_onnx_value *made = rnc_scope_find(&inner, function->output[k]);
        if (made == NULL && rnc_call_wants(call, k)) {
            return rnc_call_fail(call, RNM_ERR_MODEL, "nothing in the function makes its output %s",
                                 function->output[k]);
        }
        if (made != NULL) {
            status = rnc_bind_same(call, k, made);
        }
    }
    return status;
}
