/* SPDX-License-Identifier: Apache-2.0
 *
 * The way through a model: opsets and operators, inputs, initializers, nodes, outputs.
 */
#include "onnx/onnx.h"

#include "onnx/import.h"

#include <string.h>

static const char *path_of(const rnc_import *im) {
    return im->job->source.weights->path;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static rnm_status add_entry(rnc_import *im, rnc_onnx_scope *scope, const char *what,
                            const char *name, rnc_onnx_value **out) {
    if (name == NULL || name[0] == '\0') {
        return rnm_fail(im->err, RNM_ERR_FORMAT, "%s: an %s has no name", path_of(im), what);
    }
    if (rnc_scope_find(scope, name) != NULL) {
        return rnm_fail(im->err, RNM_ERR_FORMAT, "%s: %s %.100s: the name stands twice",
                        path_of(im), what, name);
    }
    *out = rnc_scope_add(im, scope, name);
    return *out == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static rnm_status add_initializers(rnc_import *im, rnc_onnx_scope *scope) {
    const Onnx__GraphProto *graph = im->onnx->model->graph;
    if (graph->n_sparse_initializer > 0) {
        return rnm_fail(im->err, RNM_ERR_UNSUPPORTED, "%s: sparse initializers are not supported",
                        path_of(im));
    }
    for (size_t k = 0; k < graph->n_initializer; k++) {
        rnc_onnx_value *entry;
        rnc_onnx_where where;
        rnc_arena *arena = im->graph->arena;
        rnm_error why;
        rnm_status status =
            add_entry(im, scope, "initializer", graph->initializer[k]->name, &entry);
        if (status != RNM_OK) {
            return status;
        }
        rnc_tensor *tensor = rnc_arena_alloc(arena, sizeof *tensor, im->err);
        if (tensor == NULL) {
            return RNM_ERR_MEMORY;
        }
        status = rnc_onnx_tensor(im->onnx, graph->initializer[k], arena, tensor, &where, &why);
        if (status != RNM_OK) {
            return rnm_fail(im->err, status, "%s: initializer %.100s: %s", path_of(im), entry->name,
                            why.text);
        }
        if (where == RNC_ONNX_EXTERNAL &&
            (status = rnc_onnx_external(im, graph->initializer[k], tensor)) != RNM_OK) {
            return status;
        }
        tensor->name = entry->name;
        entry->tensor = tensor;
    }
    return RNM_OK;
}

/* The symbol of a name, the same for the same name. */
static rnm_status symbol_of(rnc_import *im, const char *name, int64_t *dim) {
    for (size_t k = 0; k < im->graph->symbol_count; k++) {
        if (strcmp(im->graph->symbols[k], name) == 0) {
            *dim = -1 - (int64_t)k;
            return RNM_OK;
        }
    }
    return rnc_graph_add_symbol(im->graph, name, dim, im->err);
}

/* --input-size fixes height and width of images. */
static bool is_image(const rnm_shape *shape) {
    return shape->rank == 4 && shape->dtype == RNM_F32;
}

static rnm_status read_dim(rnc_import *im, const char *input, size_t axis,
                           const Onnx__TensorShapeProto__Dimension *dim, int64_t *out) {
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
        dim->dim_value >= 0) {
        *out = dim->dim_value;
        return dim->dim_value <= RNM_LIMIT_DIM
                   ? RNM_OK
                   : rnm_fail(im->err, RNM_ERR_LIMIT,
                              "%s: input %.100s: dimension %zu is %lld, more than 2^31 - 1",
                              path_of(im), input, axis, (long long)dim->dim_value);
    }
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
        dim->dim_param[0] != '\0') {
        return symbol_of(im, dim->dim_param, out);
    }
    char name[RNM_LIMIT_NAME + 32];
    snprintf(name, sizeof name, "%.1000s.%zu", input, axis);
    const char *kept = rnc_join(im->graph, name, "", im->err);
    return kept == NULL ? RNM_ERR_MEMORY : symbol_of(im, kept, out);
}

static rnm_status add_input(rnc_import *im, rnc_onnx_scope *scope, const Onnx__ValueInfoProto *info,
                            rnc_value **out) {
    rnc_onnx_value *entry;
    rnm_status status = add_entry(im, scope, "input", info->name, &entry);
    if (status != RNM_OK) {
        return status;
    }
    if (info->type == NULL || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        info->type->tensor_type->shape == NULL) {
        return rnm_fail(im->err, RNM_ERR_UNSUPPORTED,
                        "%s: input %.100s: expected a tensor whose shape the model states",
                        path_of(im), entry->name);
    }
    const Onnx__TypeProto__Tensor *type = info->type->tensor_type;
    rnm_error why;
    rnm_dtype dtype;
    if (!rnc_onnx_dtype(type->elem_type, &dtype, &why)) {
        return rnm_fail(im->err, RNM_ERR_UNSUPPORTED, "%s: input %.100s: %s", path_of(im),
                        entry->name, why.text);
    }
    if (type->shape->n_dim > RNM_MAX_RANK) {
        return rnm_fail(im->err, RNM_ERR_LIMIT,
                        "%s: input %.100s: expected at most %d dimensions, found %zu", path_of(im),
                        entry->name, RNM_MAX_RANK, type->shape->n_dim);
    }
    rnc_value *value = rnc_value_create(im->graph, entry->name, RNC_VALUE_ACTIVATION, im->err);
    if (value == NULL || rnc_scope_add(im, &im->value_names, entry->name) == NULL) {
        return RNM_ERR_MEMORY;
    }
    value->shape = (rnm_shape){.dtype = dtype, .rank = (int)type->shape->n_dim};
    for (size_t d = 0; d < type->shape->n_dim && status == RNM_OK; d++) {
        int64_t wanted = d == 2 ? im->job->height : im->job->width;
        if (is_image(&value->shape) && d >= 2 && wanted > 0) {
            value->shape.dims[d] = wanted;
        } else {
            status = read_dim(im, entry->name, d, type->shape->dim[d], &value->shape.dims[d]);
        }
    }
    entry->value = value;
    *out = value;
    return status;
}

/* Models of format version 3 and before list initializers as inputs too: constants all the same. */
static rnm_status add_inputs(rnc_import *im, rnc_onnx_scope *scope) {
    const Onnx__GraphProto *graph = im->onnx->model->graph;
    rnm_status status = RNM_OK;
    im->graph->input_count = 0;
    for (size_t k = 0; k < graph->n_input && status == RNM_OK; k++) {
        const char *name = graph->input[k]->name;
        const rnc_onnx_value *known = name == NULL ? NULL : rnc_scope_find(scope, name);
        if (known != NULL && known->tensor != NULL) {
            continue;
        }
        status = add_input(im, scope, graph->input[k], &im->graph->inputs[im->graph->input_count]);
        im->graph->input_count++;
    }
    return status;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Why an input is not there: a later node makes it, or none. */
static rnm_status check_inputs(const rnc_call *call, Onnx__NodeProto *const *nodes, size_t count) {
    for (size_t k = 0; k < call->proto->n_input; k++) {
        const char *name = call->proto->input[k];
        if (name[0] == '\0' || rnc_call_input(call, k) != NULL) {
            continue;
        }
        for (size_t n = 0; n < count; n++) {
            for (size_t o = 0; o < nodes[n]->n_output; o++) {
                if (strcmp(nodes[n]->output[o], name) == 0) {
                    return rnc_call_fail(call, RNM_ERR_MODEL,
                                         "its input %.100s is made by itself or by a later node: "
                                         "the graph has a cycle or is not in running order",
                                         name);
                }
            }
        }
        bool formal = false;
        for (size_t i = 0; call->function != NULL && i < call->function->n_input; i++) {
            formal = formal || strcmp(call->function->input[i], name) == 0;
        }
        if (!formal) {
            return rnc_call_fail(call, RNM_ERR_MODEL,
                                 "its input %.100s is no input of the graph, no initializer and "
                                 "no output of a node",
                                 name);
        }
    }
    return RNM_OK;
}

static rnm_status name_call(rnc_call *call) {
    const Onnx__NodeProto *node = call->proto;
    const char *own = node->name != NULL && node->name[0] != '\0'        ? node->name
                      : node->n_output > 0 && node->output[0][0] != '\0' ? node->output[0]
                                                                         : node->op_type;
    call->name = call->scope->prefix[0] == '\0'
                     ? own
                     : rnc_join(call->import->graph, call->scope->prefix, own, call->import->err);
    return call->name == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static rnm_status convert(rnc_call *call, Onnx__NodeProto *const *nodes, size_t count) {
    rnm_status status = name_call(call);
    if (status != RNM_OK || (status = check_inputs(call, nodes, count)) != RNM_OK) {
        return status;
    }
    const Onnx__FunctionProto *function = rnc_onnx_function(call->import, call->proto);
    if (function != NULL) {
        return call->scope->depth == 0 && rnc_onnx_is_recipe(call->import, function)
                   ? rnc_onnx_recipe_call(call, function)
                   : rnc_onnx_inline(call, function);
    }
    bool folded = false;
    status = rnc_onnx_fold(call, &folded);
    if (status != RNM_OK || folded) {
        return status;
    }
    call->seen = 0;
    return rnc_onnx_op_find(call->op)->convert(call);
}

rnm_status rnc_onnx_nodes(rnc_import *im, rnc_onnx_scope *scope, Onnx__NodeProto *const *nodes,
                          size_t count, const rnc_call *outer) {
    rnm_status status = RNM_OK;
    const Onnx__FunctionProto *function = outer == NULL ? NULL : outer->function;
    for (size_t n = 0; n < count && status == RNM_OK; n++) {
        rnc_call call = {.import = im,
                         .scope = scope,
                         .proto = nodes[n],
                         .op = nodes[n]->op_type,
                         .opset = rnc_onnx_opset(im, function, nodes[n]->domain),
                         .outer = outer,
                         .function = function};
        status = convert(&call, nodes, count);
    }
    return status;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static rnm_status reserve_outputs(rnc_import *im) {
    const Onnx__GraphProto *graph = im->onnx->model->graph;
    for (size_t k = 0; k < graph->n_output; k++) {
        const char *name = graph->output[k]->name;
        rnc_onnx_value *entry;
        rnm_status status = add_entry(im, &im->value_names, "output", name, &entry);
        if (status != RNM_OK) {
            return status;
        }
        entry->reserved = true;
    }
    return RNM_OK;
}

/* A copy of what is an input, a constant or another output already, under the output's name. */
static rnm_status copy_output(rnc_import *im, const char *name, rnc_onnx_value *made,
                              rnc_value **out) {
    rnc_onnx_scope scope = {.prefix = ""};
    char *input = (char *)(uintptr_t)made->name;
    char *output = (char *)(uintptr_t)name;
    const Onnx__NodeProto proto = {.n_input = 1, .input = &input, .n_output = 1, .output = &output};
    rnc_call call = {.import = im, .scope = &scope, .proto = &proto, .op = "output", .name = name};
    rnc_onnx_value *entry = rnc_scope_add(im, &scope, made->name);
    rnc_value *value;
    if (entry == NULL) {
        return RNM_ERR_MEMORY;
    }
    *entry = *made;
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Reorder, 0);
    rnm_status status = rnc_call_value(&call, 0, &value);
    rnc_node *node = NULL;
    if (status == RNM_OK) {
        status = rnc_emit(&call, RNM_OP_Reorder, &attrs, &value, 1, 1, &node);
    }
    if (status == RNM_OK) {
        node->outputs[0]->name = name;
        *out = node->outputs[0];
    }
    return status;
}

static rnm_status add_outputs(rnc_import *im, rnc_onnx_scope *scope) {
    const Onnx__GraphProto *graph = im->onnx->model->graph;
    for (size_t k = 0; k < graph->n_output; k++) {
        const char *name = graph->output[k]->name;
        rnc_onnx_value *made = rnc_scope_find(scope, name);
        if (made == NULL) {
            return rnm_fail(im->err, RNM_ERR_MODEL, "%s: nothing makes the graph's output %.100s",
                            path_of(im), name);
        }
        bool plain = made->value != NULL && made->value->producer != NULL;
        for (size_t j = 0; j < k; j++) {
            plain = plain && im->graph->outputs[j] != made->value;
        }
        if (plain) {
            made->value->name = name;
            im->graph->outputs[k] = made->value;
            continue;
        }
        rnm_status status = copy_output(im, name, made, &im->graph->outputs[k]);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status check_model(rnc_import *im) {
    const Onnx__ModelProto *model = im->onnx->model;
    if (model->graph->n_output == 0) {
        return rnm_fail(im->err, RNM_ERR_MODEL, "%s: the graph has no outputs", path_of(im));
    }
    if (model->graph->n_input > RNM_LIMIT_TENSORS || model->graph->n_output > RNM_LIMIT_OUTPUTS) {
        return rnm_fail(im->err, RNM_ERR_LIMIT, "%s: %zu inputs and %zu outputs are too many",
                        path_of(im), model->graph->n_input, model->graph->n_output);
    }
    return RNM_OK;
}

rnm_status rnc_onnx_import(rnc_job *job, rnm_error *err) {
    rnc_import im = {
        .job = job, .graph = &job->graph, .onnx = job->source.weights->onnx, .err = err};
    const Onnx__GraphProto *graph = im.onnx->model->graph;
    rnc_onnx_scope scope = {.prefix = ""};
    rnm_status status;
    job->source.prefix = "";
    if ((status = check_model(&im)) != RNM_OK || (status = rnc_onnx_metadata(&im)) != RNM_OK ||
        (status = rnc_onnx_find_recipes(&im)) != RNM_OK ||
        (status = rnc_onnx_check_operators(&im)) != RNM_OK ||
        (status = rnc_graph_reserve_ends(im.graph, graph->n_input, graph->n_output, err)) !=
            RNM_OK ||
        (status = add_initializers(&im, &scope)) != RNM_OK ||
        (status = add_inputs(&im, &scope)) != RNM_OK || (status = reserve_outputs(&im)) != RNM_OK ||
        (status = rnc_onnx_nodes(&im, &scope, graph->node, graph->n_node, NULL)) != RNM_OK) {
        return status;
    }
    return add_outputs(&im, &scope);
}
