/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a .rnm as nodes of ONNX, a row an operator. Epilogues are unfolded:
 * act(scale * acc + bias + residual) is the weighted operator with scale and bias in it, Add, act.
 */
#include "export/exporter.h"

#include <assert.h>

/* HardSwish is younger than the rest. */
enum { OPSET_HARD_SWISH = 14 };

/* A node on its way. */
typedef struct emission {
    rnc_exporter *x;
    uint32_t index;
    const rnm_node_rec *node;
    const uint32_t *inputs; /* values, RNM_NONE where absent */
    uint32_t output;
    const char *name;
    rnm_node_attrs attrs;
} emission;

/* The name of input k, NULL where there is none. */
static const char *input(const emission *e, uint32_t k) {
    return k < e->node->input_count && e->inputs[k] != RNM_NONE
               ? rnc_exporter_value(e->x, e->inputs[k])
               : NULL;
}

static bool has_activation(const emission *e) {
    return e->attrs.activation != RNM_OP_NONE;
}

/* The output's own name for the last of the nodes that make it, else one with the part's. */
static const char *output(const emission *e, bool last, const char *part) {
    return last ? e->x->names[e->output] : rnc_exporter_part(e->x, e->output, part);
}

static Onnx__NodeProto *add_node(const emission *e, const char *op, const char *name,
                                 const char *const *inputs, size_t count, const char *result) {
    return rnc_onnx_node(e->x->model, &e->x->model->nodes, op, name, inputs, count, result);
}

/* ---- activations ----------------------------------------------------------------------------- */

/* Activations whose parameters are attributes. Clip has inputs for them. */
static const struct {
    bool alpha, beta;
} parameters[RNM_OP_COUNT] = {
    [RNM_OP_LeakyRelu] = {.alpha = true},
    [RNM_OP_Elu] = {.alpha = true},
    [RNM_OP_HardSigmoid] = {.alpha = true, .beta = true},
};

static void add_activation(const emission *e, rnm_op op, float alpha, float beta, const char *name,
                           const char *from, const char *to) {
    rnc_onnx *model = e->x->model;
    const char *inputs[3] = {from};
    size_t count = 1;
    if (op == RNM_OP_Clip) {
        inputs[1] = rnc_exporter_scalar(e->x, rnc_exporter_part(e->x, e->output, "min"), alpha);
        inputs[2] = rnc_exporter_scalar(e->x, rnc_exporter_part(e->x, e->output, "max"), beta);
        count = 3;
    }
    if (op == RNM_OP_HardSwish && model->opset < OPSET_HARD_SWISH) {
        model->opset = OPSET_HARD_SWISH;
    }
    Onnx__NodeProto *node = add_node(e, rnm_op_find(op)->name, name, inputs, count, to);
    if (parameters[op].alpha) {
        rnc_onnx_set_float(model, node, "alpha", alpha);
    }
    if (parameters[op].beta) {
        rnc_onnx_set_float(model, node, "beta", beta);
    }
}

static void emit_activation(const emission *e) {
    add_activation(e, (rnm_op)e->node->op, e->attrs.alpha, e->attrs.beta, e->name, input(e, 0),
                   output(e, true, NULL));
}

/* The fused one, from `from`, where there is one. */
static void emit_fused(const emission *e, const char *from) {
    if (has_activation(e)) {
        const char *name = rnc_exporter_part(e->x, e->output, "activation");
        add_activation(e, e->attrs.activation, e->attrs.activation_alpha, e->attrs.activation_beta,
                       name, from, output(e, true, NULL));
    }
}

/* ---- convolution and product ----------------------------------------------------------------- */

/* Attributes of windows as they are, defaults included: not every reader knows these. */
static void set_window(const emission *e, Onnx__NodeProto *node, const int64_t *kernel) {
    rnc_onnx *model = e->x->model;
    size_t spatial = (size_t)e->attrs.spatial;
    rnc_onnx_set_ints(model, node, "kernel_shape", kernel, spatial);
    rnc_onnx_set_ints(model, node, "strides", e->attrs.strides, spatial);
    rnc_onnx_set_ints(model, node, "pads", e->attrs.pads, 2 * spatial);
    if (e->node->op != RNM_OP_AveragePool) {
        rnc_onnx_set_ints(model, node, "dilations", e->attrs.dilations, spatial);
    }
    if (e->attrs.ceil_mode) {
        rnc_onnx_set_int(model, node, "ceil_mode", 1);
    }
    if (e->attrs.count_include_pad) {
        rnc_onnx_set_int(model, node, "count_include_pad", 1);
    }
}

static void emit_weighted(const emission *e) {
    rnc_exporter *x = e->x;
    bool conv = e->node->op == RNM_OP_Conv;
    uint32_t scale = e->node->input_count > 3 ? e->inputs[3] : RNM_NONE;
    const char *inputs[3] = {input(e, 0), x->weight(x, e->index, e->inputs[1], scale), input(e, 2)};
    const char *residual = input(e, 4);
    const char *sum = output(e, residual == NULL && !has_activation(e), conv ? "conv" : "gemm");
    Onnx__NodeProto *node =
        add_node(e, conv ? "Conv" : "Gemm", e->name, inputs, inputs[2] == NULL ? 2 : 3, sum);
    if (conv) {
        rnm_shape weight = rnm_view_shape(x->view, e->inputs[1]);
        set_window(e, node, weight.dims + 2);
        rnc_onnx_set_int(x->model, node, "group", e->attrs.group);
    } else {
        rnc_onnx_set_int(x->model, node, "transB", 1);
    }
    if (residual != NULL) {
        const char *terms[] = {sum, residual};
        sum = output(e, !has_activation(e), "sum");
        add_node(e, "Add", rnc_exporter_part(x, e->output, "residual"), terms, 2, sum);
    }
    emit_fused(e, sum);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void emit_pool(const emission *e) {
    const char *from = input(e, 0);
    const char *op = rnm_op_find(e->node->op)->name;
    Onnx__NodeProto *node = add_node(e, op, e->name, &from, 1, output(e, true, NULL));
    set_window(e, node, e->attrs.kernel_shape);
}

/* The same operator with the same inputs, and an epilogue where it has one. */
static void emit_plain(const emission *e) {
    rnc_onnx *model = e->x->model;
    const char **inputs = rnc_onnx_alloc(model, e->node->input_count, sizeof *inputs);
    for (uint32_t k = 0; inputs != NULL && k < e->node->input_count; k++) {
        inputs[k] = input(e, k);
    }
    const char *op = rnm_op_find(e->node->op)->name;
    const char *result = output(e, !has_activation(e), "operands");
    if (inputs != NULL) {
        add_node(e, op, e->name, inputs, e->node->input_count, result);
    }
    emit_fused(e, result);
}

static void emit_axis(const emission *e) {
    emit_plain(e);
    rnc_onnx_list *nodes = &e->x->model->nodes;
    if (e->x->model->status == RNM_OK) {
        rnc_onnx_set_int(e->x->model, nodes->items[nodes->count - 1], "axis", e->attrs.axis);
    }
}

static void emit_cast(const emission *e) {
    emit_plain(e);
    rnc_onnx_list *nodes = &e->x->model->nodes;
    if (e->x->model->status == RNM_OK) {
        rnc_onnx_set_int(e->x->model, nodes->items[nodes->count - 1], "to", e->attrs.to);
    }
}

/* A batch norm of mean 0, variance 1 and no epsilon. */
static void emit_scale_bias(const emission *e) {
    rnc_onnx *model = e->x->model;
    rnm_shape shape = rnm_view_shape(e->x->view, e->inputs[1]);
    size_t count = (size_t)shape.dims[0];
    float *zeros = rnc_onnx_alloc(model, count, sizeof *zeros);
    float *ones = rnc_onnx_alloc(model, count, sizeof *ones);
    for (size_t k = 0; ones != NULL && k < count; k++) {
        ones[k] = 1.0f;
    }
    const char *inputs[5] = {input(e, 0), input(e, 1), input(e, 2),
                             rnc_exporter_part(e->x, e->output, "mean"),
                             rnc_exporter_part(e->x, e->output, "variance")};
    rnc_onnx_initializer(model, inputs[3], &shape, zeros);
    rnc_onnx_initializer(model, inputs[4], &shape, ones);
    const char *result = output(e, !has_activation(e), "operands");
    Onnx__NodeProto *node = add_node(e, "BatchNormalization", e->name, inputs, 5, result);
    rnc_onnx_set_float(model, node, "epsilon", 0.0f);
    emit_fused(e, result);
}

/* Storage orders are nothing to ONNX. */
static void emit_nothing(const emission *e) {
    (void)e;
}

static void (*const emitters[RNM_OP_COUNT])(const emission *) = {
    [RNM_OP_Conv] = emit_weighted,
    [RNM_OP_Gemm] = emit_weighted,
    [RNM_OP_MaxPool] = emit_pool,
    [RNM_OP_AveragePool] = emit_pool,
    [RNM_OP_GlobalAveragePool] = emit_plain,
    [RNM_OP_GlobalMaxPool] = emit_plain,
    [RNM_OP_Relu] = emit_activation,
    [RNM_OP_LeakyRelu] = emit_activation,
    [RNM_OP_Elu] = emit_activation,
    [RNM_OP_Sigmoid] = emit_activation,
    [RNM_OP_Tanh] = emit_activation,
    [RNM_OP_Clip] = emit_activation,
    [RNM_OP_HardSigmoid] = emit_activation,
    [RNM_OP_HardSwish] = emit_activation,
    [RNM_OP_Add] = emit_plain,
    [RNM_OP_Mul] = emit_plain,
    [RNM_OP_Concat] = emit_axis,
    [RNM_OP_Flatten] = emit_axis,
    [RNM_OP_Softmax] = emit_axis,
    [RNM_OP_Reorder] = emit_nothing,
    [RNM_OP_ScaleBias] = emit_scale_bias,
    [RNM_OP_Cast] = emit_cast,
};

bool rnc_exporter_node(rnc_exporter *x, uint32_t index) {
    const rnm_view *view = x->view;
    const rnm_node_rec *node = &view->nodes[index];
    const uint32_t *refs = view->refs + node->first_ref;
    if (emitters[node->op] == NULL) {
        return false;
    }
    const emission e = {.x = x,
                        .index = index,
                        .node = node,
                        .inputs = refs,
                        .output = refs[node->input_count],
                        .name = rnm_view_string(view, node->name),
                        .attrs = rnm_view_attrs(view, index)};
    emitters[node->op](&e);
    return true;
}
