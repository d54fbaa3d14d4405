/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a .rnm as nodes of ONNX, a row an operator. Epilogues are unfolded:
 * act(scale * acc + bias + residual) is the weighted operator with bias (and, in a dense export,
 * the scale) in it, a batch norm where the scale is not, Add, act.
 */
#include "export/exporter.h"

#include <assert.h>

/* What is younger than the rest. */
enum { OPSET_HARD_SWISH = 14, OPSET_DILATED_AVERAGE = 19, IR_DILATED_AVERAGE = 9 };

/* A node on its way. */
typedef struct emission {
    rnc_exporter *x;
    uint32_t index;
    const rnm_node_rec *node;
    const uint32_t *inputs; /* values, RNM_NONE where absent */
    uint32_t output;
    const char *name;
    rnm_node_attrs attrs;
    int steps, done;    /* nodes that it takes, and that are there */
    const char *result; /* of the last one that is */
} emission;

/* The name of input k, NULL where there is none. */
static const char *input(const emission *e, uint32_t k) {
    return k < e->node->input_count && e->inputs[k] != RNM_NONE
               ? rnc_exporter_value(e->x, e->inputs[k])
               : NULL;
}

static Onnx__NodeProto *add_node(const emission *e, const char *op, const char *name,
                                 const char *const *inputs, size_t count, const char *result) {
    return rnc_proto_node(e->x->model, &e->x->model->nodes, op, name, inputs, count, result);
}

/* One node of those that make a fused node of the .rnm, the first of which has its name. The value
 * of the .rnm is the last one's. In a compact export the first one has that value's name too, as
 * the compiler names what it has fused by the first: so it comes back under the same name. */
static Onnx__NodeProto *add_step(emission *e, const char *op, const char *part,
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
    return add_node(e, op, name, inputs, count, result);
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

static void add_activation(emission *e, rnm_op op, float alpha, float beta, const char *from) {
    rnc_proto *model = e->x->model;
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
    Onnx__NodeProto *node = add_step(e, rnm_op_find(op)->name, "activation", inputs, count);
    if (parameters[op].alpha) {
        rnc_proto_set_float(model, node, "alpha", alpha);
    }
    if (parameters[op].beta) {
        rnc_proto_set_float(model, node, "beta", beta);
    }
}

static void emit_activation(emission *e) {
    add_activation(e, (rnm_op)e->node->op, e->attrs.alpha, e->attrs.beta, input(e, 0));
}

/* The fused one, where there is one. */
static void emit_fused(emission *e) {
    if (e->attrs.activation != RNM_OP_NONE) {
        add_activation(e, e->attrs.activation, e->attrs.activation_alpha, e->attrs.activation_beta,
                       e->result);
    }
}

/* scale * x + bias, as a batch norm of mean 0, variance 1 and no epsilon. */
static void add_norm(emission *e, const char *from, uint32_t scale, const char *bias) {
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
    Onnx__NodeProto *node = add_step(e, "BatchNormalization", "norm", inputs, 5);
    rnc_proto_set_float(model, node, "epsilon", 0.0f);
}

/* ---- convolution and product ----------------------------------------------------------------- */

/* Attributes of windows as they are, defaults included: not every reader knows these. */
static void set_window(const emission *e, Onnx__NodeProto *node, const int64_t *kernel) {
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
    if (e->node->op == RNM_OP_AveragePool && dilated) {
        model->opset = OPSET_DILATED_AVERAGE;
        model->ir_version = IR_DILATED_AVERAGE;
    }
    if (e->attrs.ceil_mode) {
        rnc_proto_set_int(model, node, "ceil_mode", 1);
    }
    if (e->attrs.count_include_pad) {
        rnc_proto_set_int(model, node, "count_include_pad", 1);
    }
}

static void emit_weighted(emission *e) {
    rnc_exporter *x = e->x;
    bool conv = e->node->op == RNM_OP_Conv;
    uint32_t scale = e->node->input_count > 3 ? e->inputs[3] : RNM_NONE;
    bool norm = scale != RNM_NONE && x->compact; /* else the scale is in the weight */
    const char *residual = input(e, 4);
    const char *bias = input(e, 2);
    const char *inputs[3] = {input(e, 0), x->weight(x, e->index, e->inputs[1], scale), bias};
    e->steps += norm + (residual != NULL);
    Onnx__NodeProto *node = add_step(e, conv ? "Conv" : "Gemm", conv ? "conv" : "gemm", inputs,
                                     norm || bias == NULL ? 2 : 3);
    if (conv) {
        rnm_shape weight = rnm_view_shape(x->view, e->inputs[1]);
        set_window(e, node, weight.dims + 2);
        rnc_proto_set_int(x->model, node, "group", e->attrs.group);
    } else {
        rnc_proto_set_int(x->model, node, "transB", 1);
    }
    if (norm) {
        add_norm(e, e->result, scale, bias);
    }
    if (residual != NULL) {
        const char *terms[] = {e->result, residual};
        add_step(e, "Add", "sum", terms, 2);
    }
    emit_fused(e);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void emit_pool(emission *e) {
    const char *from = input(e, 0);
    const char *op = rnm_op_find(e->node->op)->name;
    set_window(e, add_step(e, op, "pool", &from, 1), e->attrs.kernel_shape);
}

/* The same operator with the same inputs. */
static Onnx__NodeProto *add_same(emission *e) {
    rnc_proto *model = e->x->model;
    const char **inputs = rnc_proto_alloc(model, e->node->input_count, sizeof *inputs);
    for (uint32_t k = 0; inputs != NULL && k < e->node->input_count; k++) {
        inputs[k] = input(e, k);
    }
    return inputs == NULL ? NULL
                          : add_step(e, rnm_op_find(e->node->op)->name, "operands", inputs,
                                     e->node->input_count);
}

static void emit_plain(emission *e) {
    add_same(e);
    emit_fused(e);
}

static void emit_axis(emission *e) {
    rnc_proto_set_int(e->x->model, add_same(e), "axis", e->attrs.axis);
}

static void emit_cast(emission *e) {
    rnc_proto_set_int(e->x->model, add_same(e), "to", e->attrs.to);
}

static void emit_scale_bias(emission *e) {
    add_norm(e, input(e, 0), e->inputs[1], input(e, 2));
    emit_fused(e);
}

/* Storage orders are nothing to ONNX. */
static void emit_nothing(emission *e) {
    (void)e;
}

static void (*const emitters[RNM_OP_COUNT])(emission *) = {
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
    if (emitters[node->op] == NULL || node->output_count != 1) {
        return false;
    }
    emission e = {.x = x,
                  .index = index,
                  .node = node,
                  .inputs = refs,
                  .output = refs[node->input_count],
                  .name = rnm_view_string(view, node->name),
                  .attrs = rnm_view_attrs(view, index)};
    e.steps = e.attrs.activation != RNM_OP_NONE ? 2 : 1;
    emitters[node->op](&e);
    return true;
}
