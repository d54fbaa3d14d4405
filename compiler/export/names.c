/* SPDX-License-Identifier: Apache-2.0
 *
 * What values are called, and the frame of a graph.
 */
#include "error.h"
#include "export/exporter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *own_name(const rnc_exporter *x, uint32_t value) {
    return rnm_view_string(x->view, x->view->values[value].name);
}

/* ---- Reorder --------------------------------------------------------------------------------- */

/* The value that `value` is another storage order of. Producers come first, so a chain is as long
 * as it has been resolved. */
static void find_roots(const rnm_view *view, uint32_t *roots) {
    for (uint32_t v = 0; v < view->graph->value_count; v++) {
        roots[v] = v;
    }
    for (uint32_t n = 0; n < view->graph->node_count; n++) {
        const rnm_node_rec *node = &view->nodes[n];
        const uint32_t *refs = view->refs + node->first_ref;
        if (node->op == RNM_OP_Reorder) {
            roots[refs[1]] = roots[refs[0]];
        }
    }
}

/* A graph output that is a Reorder's gives its name to the value behind it, unless that is a graph
 * input or an output already: then it stays a value of its own, made by an Identity. */
static void name_outputs(rnc_exporter *x, const uint32_t *roots, bool *named) {
    const rnm_view *view = x->view;
    for (uint32_t k = 0; k < view->graph->input_count; k++) {
        named[view->inputs[k]] = true;
    }
    for (uint32_t k = 0; k < view->graph->output_count; k++) {
        uint32_t output = view->outputs[k];
        named[output] = named[output] || roots[output] == output;
    }
    for (uint32_t k = 0; k < view->graph->output_count; k++) {
        uint32_t output = view->outputs[k];
        if (!named[roots[output]]) {
            x->names[roots[output]] = own_name(x, output);
            named[roots[output]] = true;
        }
    }
}

void rnc_exporter_begin(rnc_exporter *x, rnc_onnx *model, const rnm_view *view) {
    size_t count = view->graph->value_count;
    *x = (rnc_exporter){.model = model, .view = view, .weight = rnc_dense_weight};
    x->names = rnc_onnx_alloc(model, count + 1, sizeof *x->names);
    x->sorted = rnc_onnx_alloc(model, count + 1, sizeof *x->sorted);
    x->tensor = rnc_onnx_alloc(model, count + 1, sizeof *x->tensor);
    uint32_t *roots = rnc_onnx_alloc(model, count + 1, sizeof *roots);
    bool *named = rnc_onnx_alloc(model, count + 1, sizeof *named);
    if (named == NULL) {
        return;
    }
    for (uint32_t v = 0; v < count; v++) {
        x->names[v] = own_name(x, v);
        x->sorted[v] = x->names[v];
    }
    qsort(x->sorted, count, sizeof *x->sorted, compare_texts);
    find_roots(view, roots);
    name_outputs(x, roots, named);
    for (uint32_t v = 0; v < count; v++) {
        x->names[v] = x->names[roots[v]];
    }
}

const char *rnc_exporter_part(rnc_exporter *x, uint32_t value, const char *part) {
    const char *name = rnc_onnx_text(x->model, "%s/%s", x->names[value], part);
    while (name != NULL && bsearch(&name, x->sorted, x->view->graph->value_count, sizeof *x->sorted,
                                   compare_texts) != NULL) {
        name = rnc_onnx_text(x->model, "%s_", name);
    }
    return name;
}

/* ---- constants ------------------------------------------------------------------------------- */

const char *rnc_exporter_value(rnc_exporter *x, uint32_t value) {
    const rnm_value_rec *record = &x->view->values[value];
    assert(record->kind != RNM_VALUE_RECIPE);
    if (record->kind == RNM_VALUE_TENSOR && x->tensor[value] == NULL) {
        rnm_shape shape = rnm_view_shape(x->view, value);
        x->tensor[value] = rnc_onnx_initializer(x->model, x->names[value], &shape,
                                                rnm_view_tensor(x->view, record->source));
    }
    return x->names[value];
}

const char *rnc_exporter_scalar(rnc_exporter *x, const char *name, float value) {
    const rnm_shape shape = {.dtype = RNM_F32};
    float *bytes = rnc_onnx_alloc(x->model, 1, sizeof *bytes);
    if (bytes != NULL) {
        *bytes = value;
        rnc_onnx_initializer(x->model, name, &shape, bytes);
    }
    return name;
}

/* ---- the frame ------------------------------------------------------------------------------- */

static void describe_ends(rnc_exporter *x, rnc_onnx_list *list, const uint32_t *values,
                          uint32_t count, const char *const *symbols) {
    for (uint32_t k = 0; k < count; k++) {
        rnm_shape shape = rnm_view_shape(x->view, values[k]);
        rnc_onnx_value(x->model, list, own_name(x, values[k]), &shape, symbols);
    }
}

/* Outputs that are one value under several names. */
static void copy_outputs(rnc_exporter *x) {
    for (uint32_t k = 0; k < x->view->graph->output_count; k++) {
        uint32_t output = x->view->outputs[k];
        const char *name = own_name(x, output);
        if (strcmp(name, x->names[output]) != 0) {
            rnc_onnx_node(x->model, &x->model->nodes, "Identity", name, &x->names[output], 1, name);
        }
    }
}

rnm_status rnc_exporter_run(rnc_exporter *x) {
    const rnm_view *view = x->view;
    const rnm_graph_rec *graph = view->graph;
    const char **symbols = rnc_onnx_alloc(x->model, graph->symbol_count + 1, sizeof *symbols);
    for (uint32_t k = 0; symbols != NULL && k < graph->symbol_count; k++) {
        symbols[k] = rnm_view_string(view, view->symbols[k]);
    }
    describe_ends(x, &x->model->inputs, view->inputs, graph->input_count, symbols);
    describe_ends(x, &x->model->outputs, view->outputs, graph->output_count, symbols);
    for (uint32_t n = 0; n < graph->node_count && x->model->status == RNM_OK; n++) {
        if (!rnc_exporter_node(x, n)) {
            return rnm_fail(x->model->err, RNM_ERR_UNSUPPORTED,
                            "node %s: operator %s has no counterpart in ONNX that is known",
                            rnm_view_string(view, view->nodes[n].name),
                            rnm_op_find(view->nodes[n].op)->name);
        }
    }
    copy_outputs(x);
    return x->model->status;
}
