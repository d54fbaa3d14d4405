/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers with weights. A constant weight becomes a recipe, its own parent; one that the graph makes
 * of constants, or a function of our own export, becomes the recipe that says how. What follows the
 * layer in its epilogue is for later passes.
 */
#include "onnx/generator.h"

#include <string.h>

/* ---- weights --------------------------------------------------------------------------------- */

static bool taken(const rnc_import *im, const char *layer, const char *suffix) {
    char name[2 * RNM_LIMIT_NAME];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    return rnc_scope_find(&im->value_names, name) != NULL;
}

/* Parts of a layer are stored under its name: the recipe's, the initializer's without ".weight",
 * else the node's. */
static rnm_status layer_name(rnc_call *call, const rnc_onnx_value *weight, const char **out) {
    static const char *const parts[] = {".weight", ".betas", ".mask", ".zeros"};
    enum { PARTS = sizeof parts / sizeof *parts };
    rnc_import *im = call->import;
    size_t length = strlen(weight->name);
    const char *stem = weight->recipe != NULL ? weight->recipe->name : call->name;
    if (weight->recipe == NULL && length > 7 && strcmp(weight->name + length - 7, ".weight") == 0) {
        stem = rnc_arena_text(im->graph->arena, weight->name, length - 7, im->err);
        stem = stem == NULL ? NULL : rnc_join(im->graph, call->scope->prefix, stem, im->err);
    }
    bool free = false;
    for (unsigned number = 1; stem != NULL && !free; number++) {
        char suffix[16] = "";
        if (number > 1) {
            snprintf(suffix, sizeof suffix, "_%u", number);
        }
        const char *name = rnc_join(im->graph, stem, suffix, im->err);
        free = name != NULL;
        for (int k = 0; k < PARTS && name != NULL; k++) {
            free = free && !taken(im, name, parts[k]);
        }
        *out = name;
        stem = name == NULL ? NULL : stem;
    }
    for (int k = 0; k < PARTS && stem != NULL; k++) {
        const char *part = rnc_join(im->graph, *out, parts[k], im->err);
        stem = part == NULL || rnc_scope_add(im, &im->value_names, part) == NULL ? NULL : stem;
    }
    return stem == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static bool same_tensor(const rnc_tensor *a, const rnc_tensor *b) {
    bool same = a->data == b->data && a->dtype == b->dtype && a->rank == b->rank;
    for (int d = 0; d < a->rank && same; d++) {
        same = a->dims[d] == b->dims[d] && (a->dims[d] == 1 || a->strides[d] == b->strides[d]);
    }
    return same;
}

/* The same parent of a layer before, or this one: who shares a tensor shares what is stored. */
static const rnc_tensor *known_parent(const rnc_graph *graph, const rnc_tensor *parent) {
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        const rnc_value *weight = rnc_node_weighted(node) ? node->inputs[RNC_INPUT_WEIGHT] : NULL;
        if (weight != NULL && same_tensor(weight->child->parent, parent)) {
            return weight->child->parent;
        }
    }
    return parent;
}

/* A matrix with its axes exchanged: the same bytes. NULL without memory. */
static const rnc_tensor *turned_view(rnc_import *im, const rnc_tensor *tensor) {
    rnc_tensor *view = rnc_arena_alloc(im->graph->arena, sizeof *view, im->err);
    if (view != NULL) {
        *view = *tensor;
        view->dims[0] = tensor->dims[1];
        view->dims[1] = tensor->dims[0];
        view->strides[0] = tensor->strides[1];
        view->strides[1] = tensor->strides[0];
    }
    return view;
}

/* The weight [co, ci, kernel...] as a child that is its own parent. */
static rnm_status dense_child(rnc_call *call, const rnc_tensor *tensor, rnc_child **out) {
    rnc_import *im = call->import;
    uint64_t elements = 1;
    for (int d = 0; d < tensor->rank; d++) {
        elements *= (uint64_t)tensor->dims[d]; /* at most 2^40, as tensors are */
    }
    if (elements == 0 || elements > RNM_LIMIT_CHILD_BYTES / sizeof(float)) {
        return rnc_call_fail(call, RNM_ERR_LIMIT,
                             "its weight should have 1 to %llu elements, found %llu",
                             (unsigned long long)(RNM_LIMIT_CHILD_BYTES / sizeof(float)),
                             (unsigned long long)elements);
    }
    rnc_tensor *parent = rnc_arena_alloc(im->graph->arena, sizeof *parent, im->err);
    rnc_child *child = rnc_arena_alloc(im->graph->arena, sizeof *child, im->err);
    if (parent == NULL || child == NULL) {
        return RNM_ERR_MEMORY;
    }
    *parent = *tensor;
    for (int d = 0; d < 2; d++) { /* one number for all outputs, or inputs, is stored once */
        parent->dims[d] = tensor->strides[d] == 0 ? 1 : tensor->dims[d];
    }
    *child = (rnc_child){.rank = tensor->rank,
                         .co = (uint32_t)tensor->dims[0],
                         .ci = (uint32_t)tensor->dims[1],
                         .po = (uint32_t)parent->dims[0],
                         .pi = (uint32_t)parent->dims[1],
                         .parent = parent};
    child->taps = (uint32_t)(elements / child->co / child->ci);
    for (int d = 0; d < tensor->rank; d++) {
        child->dims[d] = (uint32_t)tensor->dims[d];
    }
    *out = child;
    return RNM_OK;
}

/* What a recipe saves is told, as recognise_repetition tells it. */
static void note_generator(const rnc_call *call, const rnc_child *child) {
    rnc_note(call->import->job, "%s: made in the graph of a block of %ux%u, %ux%u times%s",
             child->name, child->po, child->pi, (child->co + child->po - 1) / child->po,
             (child->ci + child->pi - 1) / child->pi,
             child->transform == RNC_S      ? ", by s"
             : child->transform == RNC_F    ? ", with signs"
             : child->transform == RNC_DROP ? ", with drops"
                                            : "");
}

/* The child that a constant, a recipe or a value of the graph is as a layer's weight, `turned`
 * where its matrix is [ci, co]; NULL where it is none. */
static rnm_status find_child(rnc_call *call, const rnc_onnx_value *weight, bool turned,
                             rnc_child **out) {
    rnc_import *im = call->import;
    rnm_status status = RNM_OK;
    *out = NULL;
    if (weight->tensor != NULL) {
        const rnc_tensor *tensor = turned ? turned_view(im, weight->tensor) : weight->tensor;
        return tensor == NULL ? RNM_ERR_MEMORY : dense_child(call, tensor, out);
    }
    if (weight->recipe != NULL && !turned) {
        *out = rnc_arena_alloc(im->graph->arena, sizeof **out, im->err);
        if (*out == NULL) {
            return RNM_ERR_MEMORY;
        }
        **out = weight->recipe->child;
        return RNM_OK;
    }
    rnc_value *value;
    status = rnc_call_value(call, 1, &value);
    return status == RNM_OK ? rnc_recognise_generator(call, value, turned, out) : status;
}

/* The weight of a layer whose child has all but a name. */
static rnm_status make_weight(rnc_call *call, const char *layer, rnc_child *child,
                              rnc_value **out) {
    rnc_import *im = call->import;
    const char *name = rnc_join(im->graph, layer, ".weight", im->err);
    rnc_value *weight =
        name == NULL ? NULL : rnc_value_create(im->graph, name, RNC_VALUE_WEIGHT, im->err);
    if (weight == NULL) {
        return RNM_ERR_MEMORY;
    }
    child->name = layer;
    child->parent = known_parent(im->graph, child->parent);
    weight->shape.rank = child->rank;
    for (int d = 0; d < child->rank; d++) {
        weight->shape.dims[d] = child->dims[d];
    }
    weight->child = child;
    *out = weight;
    return RNM_OK;
}

/* The numbers of a bias, of one element or one a channel, times `factor`. */
static rnm_status make_bias(rnc_call *call, const char *layer, const rnc_tensor *tensor,
                            int64_t channels, float factor, rnc_value **out) {
    rnc_import *im = call->import;
    int64_t elements = rnc_tensor_elements(tensor);
    const char *name = rnc_join(im->graph, layer, ".bias", im->err);
    name = name == NULL ? NULL : rnc_fresh_name(im, &im->value_names, name);
    *out = name == NULL ? NULL : rnc_channel_create(im->graph, name, channels, im->err);
    if (*out == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (int64_t c = 0; c < channels; c++) {
        float number;
        rnc_tensor_copy_f32(tensor, elements == 1 ? 0 : c, 1, &number);
        (*out)->channel[c] = factor * number;
    }
    return RNM_OK;
}

static bool is_float(const rnc_tensor *tensor) {
    return tensor->dtype == RNM_F32;
}

bool rnc_fits_bias(const rnc_onnx_value *bias, int64_t channels) {
    return bias == NULL || (bias->tensor != NULL && is_float(bias->tensor) &&
                            bias->tensor->rank == 1 && bias->tensor->dims[0] == channels);
}

/* The call's node, its weight the child. Input 1 gives it its name. */
static rnm_status emit_child(rnc_call *call, rnm_op op, const rnm_node_attrs *attrs, rnc_value *x,
                             rnc_child *child, const rnc_onnx_value *bias) {
    const char *layer;
    rnc_value *inputs[RNC_WEIGHTED_INPUTS] = {x};
    const rnc_onnx_value *weight = rnc_call_input(call, 1);
    rnm_status status = layer_name(call, weight, &layer);
    if (status == RNM_OK) {
        status = make_weight(call, layer, child, &inputs[RNC_INPUT_WEIGHT]);
    }
    if (status == RNM_OK && weight->tensor == NULL && weight->recipe == NULL) {
        note_generator(call, child);
    }
    if (status == RNM_OK && bias != NULL) {
        status = make_bias(call, layer, bias->tensor, child->co, 1.0f, &inputs[RNC_INPUT_BIAS]);
    }
    return status == RNM_OK ? rnc_emit_call(call, op, attrs, inputs, RNC_WEIGHTED_INPUTS) : status;
}

rnm_status rnc_emit_layer(rnc_call *call, rnm_op op, const rnm_node_attrs *attrs, rnc_value *x,
                          const rnc_tensor *weight, const rnc_onnx_value *bias) {
    rnc_child *child;
    rnm_status status = dense_child(call, weight, &child);
    return status == RNM_OK ? emit_child(call, op, attrs, x, child, bias) : status;
}

/* ---- Conv ------------------------------------------------------------------------------------ */

/* Weights that are computed or given at run time. */
static rnm_status dynamic_conv(rnc_call *call, rnm_node_attrs attrs) {
    rnm_op op = rnm_op_by_name("DynamicConv");
    rnc_value *inputs[3] = {NULL};
    int count = rnc_call_input(call, 2) != NULL ? 3 : 2;
    if (op == RNM_OP_NONE) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "its weight is no constant");
    }
    for (int k = 0; k < count; k++) {
        rnm_status status = rnc_call_value(call, (size_t)k, &inputs[k]);
        if (status != RNM_OK) {
            return status;
        }
    }
    attrs.has_kernel_shape = false;
    return rnc_emit_call(call, op, &attrs, inputs, count);
}

/* Where the node states its kernel, it must be the weight's. */
static rnm_status check_kernel(rnc_call *call, const rnm_shape *weight) {
    int64_t kernel[3];
    int given;
    rnm_status status = rnc_attr_ints(call, "kernel_shape", 3, kernel, &given);
    for (int d = 0; d < given && status == RNM_OK; d++) {
        if (given != weight->rank - 2 || kernel[d] != weight->dims[d + 2]) {
            return rnc_call_fail(call, RNM_ERR_SHAPE,
                                 "attribute kernel_shape is not that of the weight");
        }
    }
    return status;
}

static rnm_shape shape_of(const rnc_onnx_value *weight) {
    rnm_shape shape = {.rank = 0};
    if (weight->value != NULL) {
        shape = weight->value->shape;
    } else if (weight->tensor != NULL) {
        shape.dtype = weight->tensor->dtype;
        shape.rank = weight->tensor->rank;
        memcpy(shape.dims, weight->tensor->dims, sizeof shape.dims);
    } else if (weight->recipe != NULL) {
        shape.dtype = RNM_F32;
        shape.rank = weight->recipe->child.rank;
        for (int d = 0; d < shape.rank; d++) {
            shape.dims[d] = weight->recipe->child.dims[d];
        }
    }
    return shape;
}

rnm_status rnc_convert_conv(rnc_call *call) {
    rnc_onnx_value *weight;
    rnc_value *x;
    rnm_status status = rnc_call_value(call, 0, &x);
    if (status != RNM_OK || (status = rnc_call_need(call, 1, &weight)) != RNM_OK) {
        return status;
    }
    const rnm_shape shape = shape_of(weight);
    int spatial = rnm_op_spatial(RNM_OP_Conv, x->shape.rank);
    if (spatial == 0 || shape.rank != x->shape.rank || shape.dtype != RNM_F32) {
        return rnc_call_fail(call, RNM_ERR_SHAPE,
                             "expected an input of rank 3 to 5 and a float32 weight of the same "
                             "rank, found rank %d and %s of rank %d",
                             x->shape.rank, rnm_dtype_name(shape.dtype), shape.rank);
    }
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Conv, spatial);
    if ((status = check_kernel(call, &shape)) != RNM_OK ||
        (status = rnc_convert_window(call, RNM_OP_Conv, &x->shape, shape.dims + 2, &attrs)) !=
            RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    attrs.has_kernel_shape = false;
    const rnc_onnx_value *bias = rnc_call_input(call, 2);
    rnc_child *child = NULL;
    if (rnc_fits_bias(bias, shape.dims[0]) &&
        (status = find_child(call, weight, false, &child)) != RNM_OK) {
        return status;
    }
    return child == NULL ? dynamic_conv(call, attrs)
                         : emit_child(call, RNM_OP_Conv, &attrs, x, child, bias);
}

/* ---- Gemm and MatMul ------------------------------------------------------------------------- */

/* The sizes that a bias of a matrix product may have here: one number a column, or one. */
static bool row_bias(const rnc_onnx_value *bias, int64_t columns) {
    if (bias == NULL) {
        return true;
    }
    const rnc_tensor *tensor = bias->tensor;
    if (tensor == NULL || !is_float(tensor) || tensor->rank > 2 ||
        (tensor->rank == 2 && tensor->dims[0] != 1)) {
        return false;
    }
    int64_t elements = rnc_tensor_elements(tensor);
    return elements == 1 || elements == columns;
}

/* The product of matrices by the format's MatMul, with Gemm's attributes. */
static rnm_status dynamic_gemm(rnc_call *call, const rnm_node_attrs *given, bool gemm) {
    rnm_op op = rnm_op_by_name("MatMul");
    rnc_value *inputs[3];
    int count = gemm && rnc_call_input(call, 2) != NULL ? 3 : 2;
    if (op == RNM_OP_NONE) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "its second factor is no constant matrix");
    }
    for (int k = 0; k < count; k++) {
        rnm_status status = rnc_call_value(call, (size_t)k, &inputs[k]);
        if (status != RNM_OK) {
            return status;
        }
    }
    return rnc_emit_call(call, op, given, inputs, count);
}

/* A layer of weight [outputs, inputs]; *done tells whether the factor can be one. */
static rnm_status layer_of(rnc_call *call, const rnc_onnx_value *factor, bool transposed,
                           float alpha, const rnc_onnx_value *bias, float beta, bool *done) {
    rnc_import *im = call->import;
    rnc_value *inputs[RNC_WEIGHTED_INPUTS] = {NULL};
    const char *layer;
    rnc_child *child;
    rnm_status status = find_child(call, factor, !transposed, &child);
    *done = child != NULL;
    if (status != RNM_OK || !*done || (status = rnc_call_value(call, 0, &inputs[0])) != RNM_OK ||
        (status = layer_name(call, factor, &layer)) != RNM_OK ||
        (status = make_weight(call, layer, child, &inputs[RNC_INPUT_WEIGHT])) != RNM_OK) {
        return status;
    }
    if (factor->tensor == NULL && factor->recipe == NULL) {
        note_generator(call, child);
    }
    if (bias != NULL && (status = make_bias(call, layer, bias->tensor, child->co, beta,
                                            &inputs[RNC_INPUT_BIAS])) != RNM_OK) {
        return status;
    }
    if (alpha != 1.0f) {
        const char *name = rnc_join(im->graph, layer, ".scale", im->err);
        name = name == NULL ? NULL : rnc_fresh_name(im, &im->value_names, name);
        rnc_value *scale =
            name == NULL ? NULL : rnc_channel_create(im->graph, name, child->co, im->err);
        if (scale == NULL) {
            return RNM_ERR_MEMORY;
        }
        for (uint32_t c = 0; c < child->co; c++) {
            scale->channel[c] = alpha;
        }
        inputs[RNC_INPUT_SCALE] = scale;
    }
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Gemm, 0);
    return rnc_emit_call(call, RNM_OP_Gemm, &attrs, inputs, RNC_WEIGHTED_INPUTS);
}

/* True for a second factor that may be a layer's weight. */
static bool fits_weight(const rnc_onnx_value *factor) {
    const rnm_shape shape = shape_of(factor);
    return shape.dtype == RNM_F32 && shape.rank == 2 && shape.dims[0] > 0 && shape.dims[1] > 0;
}

rnm_status rnc_convert_gemm(rnc_call *call) {
    rnc_onnx_value *factor;
    rnc_value *x;
    float alpha;
    float beta;
    bool turn_a;
    bool turn_b;
    bool old; /* before opset 7 broadcasting was to be asked for */
    rnm_status status = rnc_call_value(call, 0, &x);
    if (status != RNM_OK || (status = rnc_call_need(call, 1, &factor)) != RNM_OK ||
        (status = rnc_attr_float(call, "alpha", 1.0f, &alpha)) != RNM_OK ||
        (status = rnc_attr_float(call, "beta", 1.0f, &beta)) != RNM_OK ||
        (status = rnc_attr_flag(call, "transA", false, &turn_a)) != RNM_OK ||
        (status = rnc_attr_flag(call, "transB", false, &turn_b)) != RNM_OK ||
        (call->opset < 7 && (status = rnc_attr_flag(call, "broadcast", false, &old)) != RNM_OK) ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    const rnc_onnx_value *bias = rnc_call_input(call, 2);
    if (!turn_a && x->shape.rank == 2 && x->kind == RNC_VALUE_ACTIVATION && fits_weight(factor) &&
        row_bias(bias, shape_of(factor).dims[turn_b ? 0 : 1])) {
        bool done;
        status = layer_of(call, factor, turn_b, alpha, bias, beta, &done);
        if (status != RNM_OK || done) {
            return status;
        }
    }
    rnm_op op = rnm_op_by_name("MatMul");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    attrs.alpha = alpha;
    attrs.beta = beta;
    if (op != RNM_OP_NONE) {
        rnc_set_int(&attrs, "transA", turn_a);
        rnc_set_int(&attrs, "transB", turn_b);
    }
    return dynamic_gemm(call, &attrs, true);
}

rnm_status rnc_convert_matmul(rnc_call *call) {
    rnc_onnx_value *factor;
    rnc_value *x;
    rnm_status status = rnc_call_value(call, 0, &x);
    if (status != RNM_OK || (status = rnc_call_need(call, 1, &factor)) != RNM_OK) {
        return status;
    }
    if (x->shape.rank == 2 && x->kind == RNC_VALUE_ACTIVATION && fits_weight(factor)) {
        bool done;
        status = layer_of(call, factor, false, 1.0f, NULL, 1.0f, &done);
        if (status != RNM_OK || done) {
            return status;
        }
    }
    rnm_node_attrs attrs = rnm_attrs_default(rnm_op_by_name("MatMul"), 0);
    return dynamic_gemm(call, &attrs, false);
}

/* ---- BatchNormalization ---------------------------------------------------------------------- */

rnm_status rnc_convert_batch_norm(rnc_call *call) {
    rnc_onnx_value *parts[RNC_NORM_TENSORS];
    rnc_value *inputs[1 + RNC_NORM_TENSORS];
    float epsilon;
    bool training;
    int64_t spatial;
    rnm_status status = rnc_call_value(call, 0, &inputs[0]);
    if (status != RNM_OK || (status = rnc_attr_float(call, "epsilon", 1e-5f, &epsilon)) != RNM_OK ||
        (status = rnc_attr_flag(call, "training_mode", false, &training)) != RNM_OK ||
        (status = rnc_attr_int(call, "spatial", 1, &spatial)) != RNM_OK) {
        return status;
    }
    rnc_attr_find(call, "momentum"); /* of training */
    if (call->opset < 7) {
        bool test;
        status = rnc_attr_flag(call, "is_test", false, &test);
        training = !test && call->proto->n_output > 1;
    }
    if (status != RNM_OK || (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    for (size_t k = 1; k < call->proto->n_output; k++) {
        training = training || rnc_call_wants(call, k);
    }
    if (training || spatial != 1) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "only the inference form with one statistic a channel is supported");
    }
    bool constant = inputs[0]->kind == RNC_VALUE_ACTIVATION && inputs[0]->shape.rank >= 2;
    for (int k = 0; k < RNC_NORM_TENSORS; k++) {
        status = rnc_call_need(call, (size_t)k + 1, &parts[k]);
        if (status != RNM_OK) {
            return status;
        }
        constant = constant && parts[k]->tensor != NULL && is_float(parts[k]->tensor);
        if (constant && (parts[k]->tensor->rank != 1 ||
                         parts[k]->tensor->dims[0] != inputs[0]->shape.dims[1])) {
            return rnc_call_fail(call, RNM_ERR_SHAPE,
                                 "input %d (%.100s) should have one number a channel", k + 1,
                                 parts[k]->name);
        }
    }
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_NONE, 0);
    if (!constant) {
        rnm_op op = rnm_op_by_name("BatchNormalization");
        if (op == RNM_OP_NONE) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "its statistics are no constants");
        }
        attrs = rnm_attrs_default(op, 0);
        for (size_t k = 1; k <= RNC_NORM_TENSORS && status == RNM_OK; k++) {
            status = rnc_call_value(call, k, &inputs[k]);
        }
        if (status != RNM_OK || (status = rnc_attrs_by_name(call, op, &attrs)) != RNM_OK) {
            return status;
        }
        return rnc_emit_call(call, op, &attrs, inputs, 1 + RNC_NORM_TENSORS);
    }
    inputs[1] = inputs[2] = NULL; /* scale and bias, by a later pass */
    if ((status = rnc_emit_call(call, RNC_OP_BATCH_NORM, &attrs, inputs, 3)) != RNM_OK) {
        return status;
    }
    rnc_node *node = call->import->graph->nodes[call->import->graph->node_count - 1];
    node->input_count = 1;
    node->epsilon = epsilon;
    for (int k = 0; k < RNC_NORM_TENSORS; k++) {
        node->norm[k] = parts[k]->tensor;
    }
    return RNM_OK;
}
