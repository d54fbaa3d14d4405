/* SPDX-License-Identifier: Apache-2.0
 *
 * What values are called, and the frame of a graph.
 */
#include "error.h"
#include "export/emission.h"

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

/* A graph output that is a Reorder's gives its name to the value behind it, unless that is a
 * constant, a graph input or an output already: then it stays a value of its own, made by an
 * Identity. */
static void name_outputs(rnc_exporter *x) {
    const rnm_view *view = x->view;
    for (uint32_t k = 0; k < view->graph->input_count; k++) {
        x->fixed[view->inputs[k]] = true;
    }
    for (uint32_t k = 0; k < view->graph->output_count; k++) {
        uint32_t output = view->outputs[k];
        x->fixed[output] = x->fixed[output] || x->roots[output] == output;
    }
    for (uint32_t k = 0; k < view->graph->output_count; k++) {
        uint32_t output = view->outputs[k];
        uint32_t root = x->roots[output];
        if (!x->fixed[root] && view->values[root].kind == RNM_VALUE_ACTIVATION) {
            x->names[root] = own_name(x, output);
            x->fixed[root] = true;
        }
    }
}

static void collect_names(rnc_exporter *x) {
    const rnm_view *view = x->view;
    for (uint32_t v = 0; v < view->graph->value_count; v++) {
        x->names[v] = own_name(x, v);
        x->taken[x->taken_count++] = x->names[v];
    }
    for (uint32_t t = 0; t < view->tensor_count; t++) {
        x->taken[x->taken_count++] = rnm_view_string(view, view->tensors[t].name);
    }
    for (uint32_t n = 0; n < view->graph->node_count; n++) {
        x->taken[x->taken_count++] = rnm_view_string(view, view->nodes[n].name);
    }
    qsort(x->taken, x->taken_count, sizeof *x->taken, compare_texts);
}

void rnc_exporter_begin(rnc_exporter *x, rnc_proto *model, const rnm_view *view, bool compact) {
    size_t values = (size_t)view->graph->value_count + 1;
    size_t tensors = (size_t)view->tensor_count + 1;
    size_t nodes = (size_t)view->graph->node_count + 1;
    *x = (rnc_exporter){.model = model,
                        .view = view,
                        .weight = compact ? rnc_compact_weight : rnc_dense_weight,
                        .compact = compact};
    x->roots = rnc_proto_alloc(model, values, sizeof *x->roots);
    x->fixed = rnc_proto_alloc(model, values, sizeof *x->fixed);
    x->names = rnc_proto_alloc(model, values, sizeof *x->names);
    x->taken = rnc_proto_alloc(model, values + tensors + nodes, sizeof *x->taken);
    x->tensor = rnc_proto_alloc(model, values, sizeof *x->tensor);
    x->made = rnc_proto_alloc(model, values, sizeof *x->made);
    x->stored = rnc_proto_alloc(model, tensors, sizeof *x->stored);
    x->users = rnc_proto_alloc(model, tensors, sizeof *x->users);
    x->readers = rnc_proto_alloc(model, values, sizeof *x->readers);
    if (model->status != RNM_OK) {
        return;
    }
    for (uint32_t r = 0; r < view->recipe_count; r++) {
        x->users[view->recipes[r].parent]++;
    }
    for (uint32_t n = 0; n < view->graph->node_count; n++) {
        const rnm_node_rec *node = &view->nodes[n];
        for (uint32_t k = 0; k < node->input_count; k++) {
            uint32_t input = view->refs[node->first_ref + k];
            if (input != RNM_NONE) {
                x->readers[input]++;
            }
        }
    }
    collect_names(x);
    find_roots(view, x->roots);
    name_outputs(x);
}

const char *rnc_exporter_name(const rnc_exporter *x, uint32_t value) {
    return x->names[x->roots[value]];
}

static const char **find_taken(const rnc_exporter *x, const char *name) {
    return bsearch(&name, x->taken, x->taken_count, sizeof *x->taken, compare_texts);
}

/* Underscores until it is free: what different stems and parts give stays different so. */
static const char *join(rnc_exporter *x, const char *stem, const char *part) {
    const char *name = rnc_proto_text(x->model, "%s/%s", stem, part);
    while (name != NULL && find_taken(x, name) != NULL) {
        name = rnc_proto_text(x->model, "%s_", name);
    }
    return name;
}

const char *rnc_exporter_call(rnc_exporter *x, const char *recipe) {
    return join(x, recipe, "weight");
}

const char *rnc_exporter_part(rnc_exporter *x, uint32_t value, const char *part) {
    return join(x, own_name(x, value), part);
}

const char *rnc_exporter_free_name(rnc_exporter *x, uint32_t tensor, const char *role) {
    const char *name = rnm_view_string(x->view, x->view->tensors[tensor].name);
    const char **at = find_taken(x, name);
    bool twice = (at > x->taken && strcmp(at[-1], name) == 0) ||
                 (at + 1 < x->taken + x->taken_count && strcmp(at[1], name) == 0);
    return twice ? join(x, name, role) : name;
}

/* ---- constants ------------------------------------------------------------------------------- */

const char *rnc_exporter_value(rnc_exporter *x, uint32_t value) {
    value = x->roots[value];
    const rnm_value_rec *record = &x->view->values[value];
    assert(record->kind != RNM_VALUE_RECIPE);
    if (record->kind == RNM_VALUE_TENSOR && x->tensor[value] == NULL) {
        rnm_shape shape = rnm_view_shape(x->view, value);
        x->tensor[value] = rnc_proto_initializer(x->model, own_name(x, value), &shape,
                                                 rnm_view_tensor(x->view, record->source));
    }
    return rnc_exporter_name(x, value);
}

const char *rnc_exporter_list(rnc_exporter *x, const char *name, int rank, const int64_t *values,
                              int64_t count) {
    const rnm_shape shape = {.dtype = RNM_I64, .rank = rank, .dims = {count}};
    int64_t *bytes = rnc_proto_alloc(x->model, (size_t)count + 1, sizeof *bytes);
    if (bytes != NULL) {
        memcpy(bytes, values, (size_t)count * sizeof *bytes);
        rnc_proto_initializer(x->model, name, &shape, bytes);
    }
    return name;
}

const char *rnc_exporter_scalar(rnc_exporter *x, const char *name, float value) {
    const rnm_shape shape = {.dtype = RNM_F32};
    float *bytes = rnc_proto_alloc(x->model, 1, sizeof *bytes);
    if (bytes != NULL) {
        *bytes = value;
        rnc_proto_initializer(x->model, name, &shape, bytes);
    }
    return name;
}

/* ---- weights of ConvTranspose ---------------------------------------------------------------- */

uint32_t rnc_exporter_groups(const rnc_exporter *x, uint32_t node) {
    bool transposed = x->view->nodes[node].op == RNM_OP_ConvTranspose;
    return transposed ? (uint32_t)rnm_view_attrs(x->view, node).group : 0;
}

void rnc_exporter_exchange(rnm_shape *shape, uint32_t groups) {
    if (groups > 0) {
        int64_t outputs = shape->dims[0];
        shape->dims[0] = shape->dims[1] * groups;
        shape->dims[1] = outputs / groups;
    }
}

/* ---- the frame ------------------------------------------------------------------------------- */

/* What NonMaxSuppression gives has as many rows as are found. */
static bool is_of_its_own_size(const rnm_view *view, uint32_t value) {
    bool found = false;
    for (uint32_t n = 0; n < view->graph->node_count; n++) {
        const rnm_node_rec *node = &view->nodes[n];
        found = found || (node->op == RNM_OP_NonMaxSuppression &&
                          view->refs[node->first_ref + node->input_count] == value);
    }
    return found;
}

static void describe_ends(rnc_exporter *x, rnc_proto_list *list, const uint32_t *values,
                          uint32_t count, const char *const *symbols) {
    for (uint32_t k = 0; k < count; k++) {
        rnm_shape shape = rnm_view_shape(x->view, values[k]);
        if (is_of_its_own_size(x->view, values[k])) {
            shape.dims[0] = RNM_DIM_COMPUTED;
        }
        rnc_proto_value(x->model, list, own_name(x, values[k]), &shape, symbols);
    }
}

/* Outputs that are one value under several names. */
static void copy_outputs(rnc_exporter *x) {
    for (uint32_t k = 0; k < x->view->graph->output_count; k++) {
        uint32_t output = x->view->outputs[k];
        const char *name = own_name(x, output);
        const char *source = rnc_exporter_value(x, output);
        if (strcmp(name, source) != 0) {
            rnc_proto_node(x->model, &x->model->nodes, "Identity", name, &source, 1, name);
        }
    }
}

rnm_status rnc_exporter_run(rnc_exporter *x) {
    const rnm_view *view = x->view;
    const rnm_graph_rec *graph = view->graph;
    const char **symbols = rnc_proto_alloc(x->model, graph->symbol_count + 1, sizeof *symbols);
    for (uint32_t k = 0; symbols != NULL && k < graph->symbol_count; k++) {
        symbols[k] = rnm_view_string(view, view->symbols[k]);
    }
    x->model->opset = rnc_exporter_opset(x, x->model->opset);
    describe_ends(x, &x->model->inputs, view->inputs, graph->input_count, symbols);
    describe_ends(x, &x->model->outputs, view->outputs, graph->output_count, symbols);
    for (uint32_t n = 0; n < graph->node_count && x->model->status == RNM_OK; n++) {
        rnc_exporter_node(x, n);
    }
    copy_outputs(x);
    rnc_exporter_tell(x);
    return x->model->status;
}
