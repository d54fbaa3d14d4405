/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a .rnm as nodes of ONNX, a row an operator. Epilogues are unfolded:
 * act(scale * acc + bias + residual) is the weighted operator with bias (and, in a dense export,
 * the scale) in it, a batch norm where the scale is not, Add, act.
 */
#include "export/emission.h"

const char *rnc_emission_input(const rnc_emission *e, uint32_t k) {
    return k < e->node->input_count && e->inputs[k] != RNM_NONE
               ? rnc_exporter_value(e->x, e->inputs[k])
               : NULL;
}

static Onnx__NodeProto *add_node(const rnc_emission *e, const char *op, const char *name,
                                 const char *const *inputs, size_t count, const char *result) {
    return rnc_proto_node(e->x->model, &e->x->model->nodes, op, name, inputs, count, result);
}

/* All outputs of a node that has several. */
static void add_outputs(const rnc_emission *e, Onnx__NodeProto *node) {
    const uint32_t *outputs = e->inputs + e->node->input_count;
    char **texts = rnc_proto_alloc(e->x->model, e->node->output_count, sizeof *texts);
    for (uint32_t k = 0; texts != NULL && k < e->node->output_count; k++) {
        texts[k] = (char *)rnc_exporter_name(e->x, outputs[k]);
    }
    if (texts != NULL && node != NULL) {
        node->output = texts;
        node->n_output = e->node->output_count;
    }
}

/* One node of those that make a fused node of the .rnm, the first of which has its name. The value
 * of the .rnm is the last one's. In a compact export the first one has that value's name too, as
 * the compiler names what it has fused by the first: so it comes back under the same name. */
Onnx__NodeProto *rnc_emission_step(rnc_emission *e, const char *op, const char *part,
                                   const char *const *inputs, size_t count) {
    rnc_exporter *x = e->x;
    uint32_t root = x->roots[e->output];
    bool first = e->done == 0;
    bool last = ++e->done == e->steps;
    bool keep = x->fixed[root] || !x->compact;
    const char *name = first ? e->name : rnc_exporter_part(x, e->output, part);
    const char *result = last && !first && !keep ? rnc_exporter_part(x, e->output, "result")
                         : last                  ? rnc_exporter_name(x, e->output)
                         : first && !keep        ? rnc_exporter_name(x, e->output)
                                                 : rnc_exporter_part(x, e->output, part);
    if (last) {
        x->names[root] = result;
    }
    e->result = result;
    Onnx__NodeProto *node = add_node(e, op, name, inputs, count, result);
    if (last && e->node->output_count > 1) {
        add_outputs(e, node);
    }
    return node;
}

const char *rnc_emission_ints(rnc_emission *e, const char *part, int rank, const int64_t *values,
                              int64_t count) {
    return rnc_exporter_list(e->x, rnc_exporter_part(e->x, e->output, part), rank, values, count);
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

static void add_activation(rnc_emission *e, rnm_op op, float alpha, float beta, const char *from) {
    rnc_proto *model = e->x->model;
    const char *inputs[3] = {from};
    size_t count = 1;
    if (op == RNM_OP_Clip) {
        inputs[1] = rnc_exporter_scalar(e->x, rnc_exporter_part(e->x, e->output, "min"), alpha);
        inputs[2] = rnc_exporter_scalar(e->x, rnc_exporter_part(e->x, e->output, "max"), beta);
        count = 3;
    }
    Onnx__NodeProto *node =
        rnc_emission_step(e, rnm_op_find(op)->name, "activation", inputs, count);
    if (parameters[op].alpha) {
        rnc_proto_set_float(model, node, "alpha", alpha);
    }
    if (parameters[op].beta) {
        rnc_proto_set_float(model, node, "beta", beta);
    }
}

static void emit_activation(rnc_emission *e) {
    add_activation(e, (rnm_op)e->node->op, e->attrs.alpha, e->attrs.beta, rnc_emission_input(e, 0));
}

/* The fused one, where there is one. */
static void emit_fused(rnc_emission *e) {
    if (e->attrs.activation != RNM_OP_NONE) {
        add_activation(e, e->attrs.activation, e->attrs.activation_alpha, e->attrs.activation_beta,
                       e->result);
    }
}

/* scale * x + bias, as a batch norm of mean 0, variance 1 and no epsilon. */
static void add_norm(rnc_emission *e, const char *from, uint32_t scale, const char *bias) {
    rnc_proto *model = e->x->model;
    rnm_shape shape = rnm_view_shape(e->x->view, scale);
    size_t count = (size_t)shape.dims[0];
    float *zeros = rnc_proto_alloc(model, count, sizeof *zeros);
    float *ones = rnc_proto_alloc(model, count, sizeof *ones);
    for (size_t k = 0; ones != NULL && k < count; k++) {
        ones[k] = 1.0f;
    }
    const char *inputs[5] = {from, rnc_exporter_value(e->x, scale), bias,
                             rnc_exporter_part(e->x, e->output, "mean"),
                             rnc_exporter_part(e->x, e->output, "variance")};
    rnc_proto_initializer(model, inputs[3], &shape, zeros);
    rnc_proto_initializer(model, inputs[4], &shape, ones);
    inputs[2] = bias != NULL ? bias : inputs[3];
    Onnx__NodeProto *node = rnc_emission_step(e, "BatchNormalization", "norm", inputs, 5);
    rnc_proto_set_float(model, node, "epsilon", 0.0f);
}

/* ---- convolution and product ----------------------------------------------------------------- */

void rnc_emission_window(const rnc_emission *e, Onnx__NodeProto *node, const int64_t *kernel) {
    rnc_proto *model = e->x->model;
    size_t spatial = (size_t)e->attrs.spatial;
    rnc_proto_set_ints(model, node, "kernel_shape", kernel, spatial);
    rnc_proto_set_ints(model, node, "strides", e->attrs.strides, spatial);
    rnc_proto_set_ints(model, node, "pads", e->attrs.pads, 2 * spatial);
    bool dilated = false;
    for (size_t axis = 0; axis < spatial; axis++) {
        dilated = dilated || e->attrs.dilations[axis] != 1;
    }
    if (e->node->op != RNM_OP_AveragePool || dilated) {
        rnc_proto_set_ints(model, node, "dilations", e->attrs.dilations, spatial);
    }
    if (e->attrs.ceil_mode) {
        rnc_proto_set_int(model, node, "ceil_mode", 1);
    }
    if (e->attrs.count_include_pad) {
        rnc_proto_set_int(model, node, "count_include_pad", 1);
    }
}

static void set_output_padding(const rnc_emission *e, Onnx__NodeProto *node) {
    if (e->node->op == RNM_OP_ConvTranspose || e->node->op == RNM_OP_DynamicConvTranspose) {
        rnc_proto_set_ints(e->x->model, node, "output_padding", e->attrs.output_padding,
                           (size_t)e->attrs.spatial);
    }
}

/* A convolution whose weight is any value, in ONNX's order. */
static void emit_dynamic(rnc_emission *e) {
    const char *inputs[3] = {rnc_emission_input(e, 0), rnc_emission_input(e, 1),
                             rnc_emission_input(e, 2)};
    bool conv = e->node->op == RNM_OP_DynamicConv;
    Onnx__NodeProto *node = rnc_emission_step(e, conv ? "Conv" : "ConvTranspose", "conv", inputs,
                                              inputs[2] != NULL ? 3 : 2);
    rnc_emission_window(e, node, rnm_view_shape(e->x->view, e->inputs[1]).dims + 2);
    rnc_proto_set_int(e->x->model, node, "group", e->attrs.group);
    set_output_padding(e, node);
    emit_fused(e);
}

static void emit_weighted(rnc_emission *e) {
    rnc_exporter *x = e->x;
    const char *op = rnm_op_find(e->node->op)->name;
    bool gemm = e->node->op == RNM_OP_Gemm;
    uint32_t scale = e->node->input_count > 3 ? e->inputs[3] : RNM_NONE;
    bool norm = scale != RNM_NONE && x->compact; /* else the scale is in the weight */
    const char *residual = rnc_emission_input(e, 4);
    const char *bias = rnc_emission_input(e, 2);
    const char *inputs[3] = {rnc_emission_input(e, 0), x->weight(x, e->index, e->inputs[1], scale),
                             bias};
    e->steps += norm + (residual != NULL);
    Onnx__NodeProto *node =
        rnc_emission_step(e, op, gemm ? "gemm" : "conv", inputs, norm || bias == NULL ? 2 : 3);
    if (gemm) {
        rnc_proto_set_int(x->model, node, "transB", 1);
    } else {
        rnm_shape weight = rnm_view_shape(x->view, e->inputs[1]);
        rnc_emission_window(e, node, weight.dims + 2);
        rnc_proto_set_int(x->model, node, "group", e->attrs.group);
        set_output_padding(e, node);
    }
    if (norm) {
        add_norm(e, e->result, scale, bias);
    }
    if (residual != NULL) {
        const char *terms[] = {e->result, residual};
        rnc_emission_step(e, "Add", "sum", terms, 2);
    }
    emit_fused(e);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void emit_pool(rnc_emission *e) {
    const char *from = rnc_emission_input(e, 0);
    const char *op = rnm_op_find(e->node->op)->name;
    Onnx__NodeProto *node = rnc_emission_step(e, op, "pool", &from, 1);
    rnc_emission_window(e, node, e->attrs.kernel_shape);
    if (e->attrs.storage_order) {
        rnc_proto_set_int(e->x->model, node, "storage_order", 1);
    }
}

/* The same operator with the same inputs. */
static Onnx__NodeProto *add_same(rnc_emission *e) {
    rnc_proto *model = e->x->model;
    const char **inputs = rnc_proto_alloc(model, e->node->input_count, sizeof *inputs);
    for (uint32_t k = 0; inputs != NULL && k < e->node->input_count; k++) {
        inputs[k] = rnc_emission_input(e, k);
    }
    return inputs == NULL ? NULL
                          : rnc_emission_step(e, rnm_op_find(e->node->op)->name, "operands", inputs,
                                              e->node->input_count);
}

static void emit_plain(rnc_emission *e) {
    add_same(e);
    emit_fused(e);
}

static void emit_axis(rnc_emission *e) {
    rnc_proto_set_int(e->x->model, add_same(e), "axis", e->attrs.axis);
}

static void emit_cast(rnc_emission *e) {
    rnc_proto_set_int(e->x->model, add_same(e), "to", e->attrs.to);
}

static void emit_scale_bias(rnc_emission *e) {
    add_norm(e, rnc_emission_input(e, 0), e->inputs[1], rnc_emission_input(e, 2));
    emit_fused(e);
}

/* Storage orders are nothing to ONNX. */
static void emit_nothing(rnc_emission *e) {
    (void)e;
}

static rnc_emit_node *const emitters[RNM_OP_COUNT] = {
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
    [RNM_OP_ConvTranspose] = emit_weighted,
    [RNM_OP_DynamicConv] = emit_dynamic,
    [RNM_OP_DynamicConvTranspose] = emit_dynamic,
    [RNM_OP_MatMul] = rnc_emit_matmul,
    [RNM_OP_Resize] = rnc_emit_resize,
    [RNM_OP_MeanVarianceNormalization] = rnc_emit_mean_variance,
};

/* What the table does not name ONNX has as it is. */

void rnc_exporter_node(rnc_exporter *x, uint32_t index) {
    const rnm_view *view = x->view;
    const rnm_node_rec *node = &view->nodes[index];
    const uint32_t *refs = view->refs + node->first_ref;
    rnc_emission e = {.x = x,
                      .index = index,
                      .node = node,
                      .inputs = refs,
                      .output = refs[node->input_count],
                      .name = rnm_view_string(view, node->name),
                      .attrs = rnm_view_attrs(view, index)};
    e.steps = e.attrs.activation != RNM_OP_NONE ? 2 : 1;
    (emitters[node->op] != NULL ? emitters[node->op] : rnc_emit_general)(&e);
}
