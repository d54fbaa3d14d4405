/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes as such, the defaults of attributes, and the entry of shape inference: what holds for
 * every operator is checked here, the rest by one function an operator (shape_ops.c,
 * shape_window.c).
 */
#include "shape.h"

#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

#include <assert.h>
#include <float.h>
#include <stdio.h>
#include <string.h>

/* ---- shapes ---------------------------------------------------------------------------------- */

bool rnm_shape_elements(const rnm_shape *shape, int64_t *out) {
    int64_t elements = 1;
    for (int axis = 0; axis < shape->rank; axis++) {
        int64_t dim = shape->dims[axis] < 0 ? 1 : shape->dims[axis];
        if (__builtin_mul_overflow(elements, dim, &elements) || elements > RNM_LIMIT_ELEMENTS) {
            return false;
        }
    }
    *out = elements;
    return true;
}

bool rnm_shape_equal(const rnm_shape *a, const rnm_shape *b) {
    if (a->dtype != b->dtype || a->rank != b->rank) {
        return false;
    }
    for (int axis = 0; axis < a->rank; axis++) {
        if (a->dims[axis] != b->dims[axis]) {
            return false;
        }
    }
    return true;
}

bool rnm_dim_meet(int64_t a, int64_t b, int64_t *out) {
    *out = a == RNM_DIM_COMPUTED ? b : a;
    return a == b || a == RNM_DIM_COMPUTED || b == RNM_DIM_COMPUTED;
}

bool rnm_shape_meets(const rnm_shape *a, const rnm_shape *b) {
    bool meets = a->dtype == b->dtype && a->rank == b->rank;
    for (int axis = 0; meets && axis < a->rank; axis++) {
        int64_t dim;
        meets = rnm_dim_meet(a->dims[axis], b->dims[axis], &dim);
    }
    return meets;
}

char *rnm_shape_text(const rnm_shape *shape, char *text, size_t size) {
    size_t used = 0;
    snprintf(text, size, "%s", shape->rank == 0 ? "scalar" : "");
    for (int axis = 0; axis < shape->rank && used < size; axis++) {
        int64_t dim = shape->dims[axis];
        int added =
            snprintf(text + used, size - used, "%s%s", axis == 0 ? "" : "x", dim < 0 ? "?" : "");
        used += (size_t)added;
        if (dim != RNM_DIM_COMPUTED && used < size) {
            added =
                snprintf(text + used, size - used, "%lld", (long long)(dim < 0 ? -1 - dim : dim));
            used += (size_t)added;
        }
    }
    return text;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* Operators whose defaults of axis, alpha or beta are not 0. */
static const struct {
    int64_t axis;
    float alpha, beta;
} defaults[RNM_OP_COUNT] = {
    [RNM_OP_LeakyRelu] = {.alpha = 0.01f},
    [RNM_OP_Elu] = {.alpha = 1.0f},
    [RNM_OP_HardSigmoid] = {.alpha = 0.2f, .beta = 0.5f},
    [RNM_OP_Clip] = {.alpha = -FLT_MAX, .beta = FLT_MAX},
    [RNM_OP_Flatten] = {.axis = 1},
    [RNM_OP_Softmax] = {.axis = -1},
    [RNM_OP_MatMul] = {.alpha = 1.0f, .beta = 1.0f},
    [RNM_OP_LogSoftmax] = {.axis = -1},
    [RNM_OP_Hardmax] = {.axis = -1},
    [RNM_OP_TopK] = {.axis = -1},
    [RNM_OP_LayerNormalization] = {.axis = -1},
    [RNM_OP_LpNormalization] = {.axis = -1},
    [RNM_OP_QuantizeLinear] = {.axis = 1},
    [RNM_OP_DequantizeLinear] = {.axis = 1},
    [RNM_OP_Selu] = {.alpha = 1.67326319217681884765625f},
    [RNM_OP_Celu] = {.alpha = 1.0f},
    [RNM_OP_ThresholdedRelu] = {.alpha = 1.0f},
    [RNM_OP_LRN] = {.alpha = 0.0001f, .beta = 0.75f},
};

rnm_node_attrs rnm_attrs_default(rnm_op op, int spatial) {
    assert(spatial >= 0 && spatial <= 3);
    rnm_node_attrs attrs = {
        .strides = {1, 1, 1},
        .dilations = {1, 1, 1},
        .spatial = spatial,
        .group = 1,
        .end = INT64_MAX,
        .cubic_coeff_a = -0.75f,
        .p = 2,
        .gamma = 1.05070102214813232421875f,
        .epsilon = 1e-5f,
        .bias = 1.0f,
        .keepdims = true,
        .largest = true,
        .sorted = true,
        .detect_negative = true,
        .detect_positive = true,
    };
    if ((unsigned)op < RNM_OP_COUNT) {
        attrs.axis = defaults[op].axis;
        attrs.alpha = defaults[op].alpha;
        attrs.beta = defaults[op].beta;
    }
    return attrs;
}

int rnm_op_spatial(rnm_op op, int rank) {
    bool windowed = op == RNM_OP_Conv || op == RNM_OP_MaxPool || op == RNM_OP_AveragePool ||
                    op == RNM_OP_ConvTranspose || op == RNM_OP_DynamicConv ||
                    op == RNM_OP_DynamicConvTranspose || op == RNM_OP_ConvInteger ||
                    op == RNM_OP_QLinearConv;
    return windowed && rank >= 3 && rank <= 5 ? rank - 2 : 0;
}

/* ---- inference ------------------------------------------------------------------------------- */

static rnm_status (*const rules[RNM_OP_COUNT])(rnm_shape_call *) = {
    [RNM_OP_Conv] = rnm_shape_conv,
    [RNM_OP_Gemm] = rnm_shape_gemm,
    [RNM_OP_MaxPool] = rnm_shape_pool,
    [RNM_OP_AveragePool] = rnm_shape_pool,
    [RNM_OP_GlobalAveragePool] = rnm_shape_global_pool,
    [RNM_OP_GlobalMaxPool] = rnm_shape_global_pool,
    [RNM_OP_Relu] = rnm_shape_same,
    [RNM_OP_LeakyRelu] = rnm_shape_same,
    [RNM_OP_Elu] = rnm_shape_same,
    [RNM_OP_Sigmoid] = rnm_shape_same,
    [RNM_OP_Tanh] = rnm_shape_same,
    [RNM_OP_Clip] = rnm_shape_same,
    [RNM_OP_HardSigmoid] = rnm_shape_same,
    [RNM_OP_HardSwish] = rnm_shape_same,
    [RNM_OP_Add] = rnm_shape_broadcast,
    [RNM_OP_Mul] = rnm_shape_broadcast,
    [RNM_OP_Concat] = rnm_shape_concat,
    [RNM_OP_Flatten] = rnm_shape_flatten,
    [RNM_OP_Softmax] = rnm_shape_along_axis,
    [RNM_OP_Reorder] = rnm_shape_same,
    [RNM_OP_ScaleBias] = rnm_shape_scale_bias,
    [RNM_OP_Cast] = rnm_shape_same,
    [RNM_OP_ConvTranspose] = rnm_shape_conv_transpose,
    [RNM_OP_DynamicConv] = rnm_shape_conv,
    [RNM_OP_DynamicConvTranspose] = rnm_shape_conv_transpose,
    [RNM_OP_MatMul] = rnm_shape_matmul,
    [RNM_OP_Resize] = rnm_shape_resize,
    [RNM_OP_Pad] = rnm_shape_pad,
    [RNM_OP_Slice] = rnm_shape_slice,
    [RNM_OP_Split] = rnm_shape_split,
    [RNM_OP_Transpose] = rnm_shape_transpose,
    [RNM_OP_Expand] = rnm_shape_expand,
    [RNM_OP_Tile] = rnm_shape_tile,
    [RNM_OP_DepthToSpace] = rnm_shape_depth_to_space,
    [RNM_OP_SpaceToDepth] = rnm_shape_space_to_depth,
    [RNM_OP_Reshape] = rnm_shape_reshape,
    [RNM_OP_Squeeze] = rnm_shape_squeeze,
    [RNM_OP_Unsqueeze] = rnm_shape_unsqueeze,
    [RNM_OP_Shape] = rnm_shape_shape,
    [RNM_OP_Gather] = rnm_shape_gather,
    [RNM_OP_GatherElements] = rnm_shape_gather_elements,
    [RNM_OP_GatherND] = rnm_shape_gather_nd,
    [RNM_OP_ScatterElements] = rnm_shape_scatter_elements,
    [RNM_OP_ScatterND] = rnm_shape_scatter_nd,
    [RNM_OP_Sub] = rnm_shape_broadcast,
    [RNM_OP_Div] = rnm_shape_broadcast,
    [RNM_OP_Pow] = rnm_shape_broadcast,
    [RNM_OP_Min] = rnm_shape_broadcast,
    [RNM_OP_Max] = rnm_shape_broadcast,
    [RNM_OP_Mod] = rnm_shape_broadcast,
    [RNM_OP_Equal] = rnm_shape_broadcast,
    [RNM_OP_Less] = rnm_shape_broadcast,
    [RNM_OP_LessOrEqual] = rnm_shape_broadcast,
    [RNM_OP_Greater] = rnm_shape_broadcast,
    [RNM_OP_GreaterOrEqual] = rnm_shape_broadcast,
    [RNM_OP_And] = rnm_shape_broadcast,
    [RNM_OP_Or] = rnm_shape_broadcast,
    [RNM_OP_Xor] = rnm_shape_broadcast,
    [RNM_OP_Where] = rnm_shape_broadcast,
    [RNM_OP_PRelu] = rnm_shape_prelu,
    [RNM_OP_Not] = rnm_shape_same,
    [RNM_OP_Abs] = rnm_shape_same,
    [RNM_OP_Neg] = rnm_shape_same,
    [RNM_OP_Sign] = rnm_shape_same,
    [RNM_OP_Exp] = rnm_shape_same,
    [RNM_OP_Log] = rnm_shape_same,
    [RNM_OP_Sqrt] = rnm_shape_same,
    [RNM_OP_Reciprocal] = rnm_shape_same,
    [RNM_OP_Ceil] = rnm_shape_same,
    [RNM_OP_Floor] = rnm_shape_same,
    [RNM_OP_Round] = rnm_shape_same,
    [RNM_OP_Erf] = rnm_shape_same,
    [RNM_OP_Sin] = rnm_shape_same,
    [RNM_OP_Cos] = rnm_shape_same,
    [RNM_OP_Tan] = rnm_shape_same,
    [RNM_OP_Asin] = rnm_shape_same,
    [RNM_OP_Acos] = rnm_shape_same,
    [RNM_OP_Atan] = rnm_shape_same,
    [RNM_OP_Sinh] = rnm_shape_same,
    [RNM_OP_Cosh] = rnm_shape_same,
    [RNM_OP_Asinh] = rnm_shape_same,
    [RNM_OP_Acosh] = rnm_shape_same,
    [RNM_OP_Atanh] = rnm_shape_same,
    [RNM_OP_Selu] = rnm_shape_same,
    [RNM_OP_Celu] = rnm_shape_same,
    [RNM_OP_Softplus] = rnm_shape_same,
    [RNM_OP_Softsign] = rnm_shape_same,
    [RNM_OP_ThresholdedRelu] = rnm_shape_same,
    [RNM_OP_Mish] = rnm_shape_same,
    [RNM_OP_Gelu] = rnm_shape_same,
    [RNM_OP_IsNaN] = rnm_shape_same,
    [RNM_OP_IsInf] = rnm_shape_same,
    [RNM_OP_LogSoftmax] = rnm_shape_along_axis,
    [RNM_OP_Hardmax] = rnm_shape_along_axis,
    [RNM_OP_CumSum] = rnm_shape_along_axis,
    [RNM_OP_LpNormalization] = rnm_shape_along_axis,
    [RNM_OP_ArgMax] = rnm_shape_arg,
    [RNM_OP_ArgMin] = rnm_shape_arg,
    [RNM_OP_TopK] = rnm_shape_top_k,
    [RNM_OP_ReduceSum] = rnm_shape_reduce,
    [RNM_OP_ReduceMean] = rnm_shape_reduce,
    [RNM_OP_ReduceMax] = rnm_shape_reduce,
    [RNM_OP_ReduceMin] = rnm_shape_reduce,
    [RNM_OP_ReduceProd] = rnm_shape_reduce,
    [RNM_OP_ReduceL1] = rnm_shape_reduce,
    [RNM_OP_ReduceL2] = rnm_shape_reduce,
    [RNM_OP_ReduceLogSum] = rnm_shape_reduce,
    [RNM_OP_ReduceLogSumExp] = rnm_shape_reduce,
    [RNM_OP_ReduceSumSquare] = rnm_shape_reduce,
    [RNM_OP_BatchNormalization] = rnm_shape_channels,
    [RNM_OP_InstanceNormalization] = rnm_shape_channels,
    [RNM_OP_LayerNormalization] = rnm_shape_layer_norm,
    [RNM_OP_LRN] = rnm_shape_lrn,
    [RNM_OP_MeanVarianceNormalization] = rnm_shape_mean_variance,
    [RNM_OP_QuantizeLinear] = rnm_shape_quantize,
    [RNM_OP_DequantizeLinear] = rnm_shape_quantize,
    [RNM_OP_DynamicQuantizeLinear] = rnm_shape_dynamic_quantize,
    [RNM_OP_ConvInteger] = rnm_shape_integer_conv,
    [RNM_OP_QLinearConv] = rnm_shape_integer_conv,
    [RNM_OP_MatMulInteger] = rnm_shape_integer_matmul,
    [RNM_OP_QLinearMatMul] = rnm_shape_integer_matmul,
    [RNM_OP_NonMaxSuppression] = rnm_shape_nms,
};

static bool is_empty(const rnm_shape *shape) {
    for (int axis = 0; axis < shape->rank; axis++) {
        if (shape->dims[axis] == 0) {
            return true;
        }
    }
    return false;
}

static rnm_status check_arity(const rnm_shape_call *call, const rnm_op_info *info) {
    if (call->input_count < info->least_inputs || call->input_count > info->most_inputs) {
        return rnm_fail(call->err, RNM_ERR_SHAPE, "%s takes %d to %d inputs, found %d", info->name,
                        info->least_inputs, info->most_inputs, call->input_count);
    }
    if (call->output_count < 1 || call->output_count > info->most_outputs) {
        return rnm_fail(call->err, RNM_ERR_SHAPE, "%s has 1 to %d outputs, found %d", info->name,
                        info->most_outputs, call->output_count);
    }
    for (int k = 0; k < call->input_count; k++) {
        const rnm_shape *input = call->inputs[k];
        if (input == NULL) {
            if (rnm_op_needs(info, (unsigned)k)) {
                return rnm_fail(call->err, RNM_ERR_SHAPE, "input %d of %s is absent", k,
                                info->name);
            }
        } else if ((info->layout_rule == RNM_RULE_SPATIAL || info->layout_rule == RNM_RULE_FIRST) &&
                   is_empty(input)) {
            return rnm_fail(call->err, RNM_ERR_SHAPE, "input %d of %s must not be empty", k,
                            info->name);
        }
    }
    return RNM_OK;
}

static rnm_status check_activation(const rnm_shape_call *call, const rnm_op_info *info) {
    rnm_op activation = call->attrs->activation;
    if (activation == RNM_OP_NONE) {
        return RNM_OK;
    }
    const rnm_op_info *found = rnm_op_find((unsigned)activation);
    if (found == NULL || (found->flags & RNM_OPFLAG_ACT) == 0) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "activation must be the id of an activation operator, found %d",
                        (int)activation);
    }
    if ((info->flags & RNM_OPFLAG_EPILOGUE) == 0) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "%s takes no activation, found %s", info->name,
                        found->name);
    }
    if (call->out->dtype != RNM_F32) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "%s of %s takes no activation, found %s",
                        info->name, rnm_dtype_name(call->out->dtype), found->name);
    }
    return RNM_OK;
}

static rnm_status check_size(const rnm_shape_call *call, const rnm_shape *out,
                             const rnm_op_info *info) {
    for (int axis = 0; axis < out->rank; axis++) {
        if (out->dims[axis] > RNM_LIMIT_DIM) {
            return rnm_fail(call->err, RNM_ERR_LIMIT, "output dim %d of %s is %lld, most is %lld",
                            axis, info->name, (long long)out->dims[axis], (long long)RNM_LIMIT_DIM);
        }
    }
    int64_t elements;
    if (!rnm_shape_elements(out, &elements)) {
        char text[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_LIMIT,
                        "output of %s has more than %lld elements, its shape is %s", info->name,
                        (long long)RNM_LIMIT_ELEMENTS, rnm_shape_text(out, text, sizeof text));
    }
    return RNM_OK;
}

rnm_status rnm_infer_shape(rnm_op op, const rnm_node_attrs *attrs, const rnm_shape *const *inputs,
                           int input_count, rnm_shape *outs, int output_count, rnm_error *err) {
    const rnm_op_info *info = rnm_op_find((unsigned)op);
    if (info == NULL) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED, "there is no operator %d", (int)op);
    }
    rnm_shape results[RNM_MAX_OUTPUTS];
    rnm_shape_call call = {op, info->name, attrs, inputs, input_count, results, output_count, err};
    rnm_status status = check_arity(&call, info);
    if (status == RNM_OK) {
        status = rnm_shape_types(&call, info->types);
    }
    if (status == RNM_OK) {
        status = check_activation(&call, info);
    }
    if (status == RNM_OK) {
        assert(rules[op] != NULL);
        status = rules[op](&call);
    }
    for (int k = 0; status == RNM_OK && k < output_count; k++) {
        status = check_size(&call, &results[k], info);
    }
    if (status == RNM_OK) {
        memcpy(outs, results, (size_t)output_count * sizeof *outs);
    }
    return status;
}
