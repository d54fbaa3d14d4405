/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of operators, and what several of them share.
 */
#include "op.h"

const rnm_op_plan rnm_op_plans[RNM_OP_COUNT] = {
    [RNM_OP_Conv] = rnm_plan_conv,
    [RNM_OP_Gemm] = rnm_plan_gemm,
    [RNM_OP_MaxPool] = rnm_plan_pool,
    [RNM_OP_AveragePool] = rnm_plan_pool,
    [RNM_OP_GlobalAveragePool] = rnm_plan_pool,
    [RNM_OP_GlobalMaxPool] = rnm_plan_pool,
    [RNM_OP_Relu] = rnm_plan_activation,
    [RNM_OP_LeakyRelu] = rnm_plan_activation,
    [RNM_OP_Elu] = rnm_plan_activation,
    [RNM_OP_Sigmoid] = rnm_plan_activation,
    [RNM_OP_Tanh] = rnm_plan_activation,
    [RNM_OP_Clip] = rnm_plan_activation,
    [RNM_OP_HardSigmoid] = rnm_plan_activation,
    [RNM_OP_HardSwish] = rnm_plan_activation,
    [RNM_OP_Add] = rnm_plan_binary,
    [RNM_OP_Mul] = rnm_plan_binary,
    [RNM_OP_Concat] = rnm_plan_concat,
    [RNM_OP_Flatten] = rnm_plan_same_elements,
    [RNM_OP_Softmax] = rnm_plan_softmax,
    [RNM_OP_Reorder] = rnm_plan_same_elements,
    [RNM_OP_ScaleBias] = rnm_plan_scale_bias,
    [RNM_OP_Cast] = rnm_plan_cast,
    [RNM_OP_ConvTranspose] = rnm_plan_conv_transpose,
    [RNM_OP_DynamicConv] = rnm_plan_dynamic_conv,
    [RNM_OP_DynamicConvTranspose] = rnm_plan_dynamic_conv,
    [RNM_OP_MatMul] = rnm_plan_matmul,
    [RNM_OP_Resize] = rnm_plan_resize,
    [RNM_OP_Pad] = rnm_plan_pad,
    [RNM_OP_Slice] = rnm_plan_slice,
    [RNM_OP_Split] = rnm_plan_split,
    [RNM_OP_Transpose] = rnm_plan_transpose,
    [RNM_OP_Expand] = rnm_plan_expand,
    [RNM_OP_Tile] = rnm_plan_tile,
    [RNM_OP_DepthToSpace] = rnm_plan_depth_space,
    [RNM_OP_SpaceToDepth] = rnm_plan_depth_space,
    [RNM_OP_Reshape] = rnm_plan_same_elements,
    [RNM_OP_Squeeze] = rnm_plan_same_elements,
    [RNM_OP_Unsqueeze] = rnm_plan_same_elements,
    [RNM_OP_Shape] = rnm_plan_shape,
    [RNM_OP_Gather] = rnm_plan_gather,
    [RNM_OP_GatherElements] = rnm_plan_elements_op,
    [RNM_OP_GatherND] = rnm_plan_tuples,
    [RNM_OP_ScatterElements] = rnm_plan_elements_op,
    [RNM_OP_ScatterND] = rnm_plan_tuples,
    [RNM_OP_Sub] = rnm_plan_arithmetic,
    [RNM_OP_Div] = rnm_plan_arithmetic,
    [RNM_OP_Pow] = rnm_plan_arithmetic,
    [RNM_OP_Min] = rnm_plan_arithmetic,
    [RNM_OP_Max] = rnm_plan_arithmetic,
    [RNM_OP_Mod] = rnm_plan_arithmetic,
    [RNM_OP_PRelu] = rnm_plan_arithmetic,
    [RNM_OP_Equal] = rnm_plan_compare,
    [RNM_OP_Less] = rnm_plan_compare,
    [RNM_OP_LessOrEqual] = rnm_plan_compare,
    [RNM_OP_Greater] = rnm_plan_compare,
    [RNM_OP_GreaterOrEqual] = rnm_plan_compare,
    [RNM_OP_And] = rnm_plan_compare,
    [RNM_OP_Or] = rnm_plan_compare,
    [RNM_OP_Xor] = rnm_plan_compare,
    [RNM_OP_Where] = rnm_plan_where,
    [RNM_OP_Not] = rnm_plan_unary,
    [RNM_OP_Abs] = rnm_plan_unary,
    [RNM_OP_Neg] = rnm_plan_unary,
    [RNM_OP_Sign] = rnm_plan_unary,
    [RNM_OP_Exp] = rnm_plan_unary,
    [RNM_OP_Log] = rnm_plan_unary,
    [RNM_OP_Sqrt] = rnm_plan_unary,
    [RNM_OP_Reciprocal] = rnm_plan_unary,
    [RNM_OP_Ceil] = rnm_plan_unary,
    [RNM_OP_Floor] = rnm_plan_unary,
    [RNM_OP_Round] = rnm_plan_unary,
    [RNM_OP_Erf] = rnm_plan_unary,
    [RNM_OP_Sin] = rnm_plan_unary,
    [RNM_OP_Cos] = rnm_plan_unary,
    [RNM_OP_Tan] = rnm_plan_unary,
    [RNM_OP_Asin] = rnm_plan_unary,
    [RNM_OP_Acos] = rnm_plan_unary,
    [RNM_OP_Atan] = rnm_plan_unary,
    [RNM_OP_Sinh] = rnm_plan_unary,
    [RNM_OP_Cosh] = rnm_plan_unary,
    [RNM_OP_Asinh] = rnm_plan_unary,
    [RNM_OP_Acosh] = rnm_plan_unary,
    [RNM_OP_Atanh] = rnm_plan_unary,
    [RNM_OP_Selu] = rnm_plan_unary,
    [RNM_OP_Celu] = rnm_plan_unary,
    [RNM_OP_Softplus] = rnm_plan_unary,
    [RNM_OP_Softsign] = rnm_plan_unary,
    [RNM_OP_ThresholdedRelu] = rnm_plan_unary,
    [RNM_OP_Mish] = rnm_plan_unary,
    [RNM_OP_Gelu] = rnm_plan_unary,
    [RNM_OP_IsNaN] = rnm_plan_unary,
    [RNM_OP_IsInf] = rnm_plan_unary,
    [RNM_OP_LogSoftmax] = rnm_plan_along,
    [RNM_OP_Hardmax] = rnm_plan_along,
    [RNM_OP_LpNormalization] = rnm_plan_along,
    [RNM_OP_ArgMax] = rnm_plan_arg,
    [RNM_OP_ArgMin] = rnm_plan_arg,
    [RNM_OP_CumSum] = rnm_plan_cum_sum,
    [RNM_OP_TopK] = rnm_plan_top_k,
    [RNM_OP_ReduceSum] = rnm_plan_reduce,
    [RNM_OP_ReduceMean] = rnm_plan_reduce,
    [RNM_OP_ReduceMax] = rnm_plan_reduce,
    [RNM_OP_ReduceMin] = rnm_plan_reduce,
    [RNM_OP_ReduceProd] = rnm_plan_reduce,
    [RNM_OP_ReduceL1] = rnm_plan_reduce,
    [RNM_OP_ReduceL2] = rnm_plan_reduce,
    [RNM_OP_ReduceLogSum] = rnm_plan_reduce,
    [RNM_OP_ReduceLogSumExp] = rnm_plan_reduce,
    [RNM_OP_ReduceSumSquare] = rnm_plan_reduce,
    [RNM_OP_BatchNormalization] = rnm_plan_batch_norm,
    [RNM_OP_InstanceNormalization] = rnm_plan_normalise,
    [RNM_OP_LayerNormalization] = rnm_plan_normalise,
    [RNM_OP_MeanVarianceNormalization] = rnm_plan_normalise,
    [RNM_OP_LRN] = rnm_plan_lrn,
    [RNM_OP_QuantizeLinear] = rnm_plan_quantize,
    [RNM_OP_DequantizeLinear] = rnm_plan_quantize,
    [RNM_OP_DynamicQuantizeLinear] = rnm_plan_dynamic_quantize,
    [RNM_OP_ConvInteger] = rnm_plan_integer_conv,
    [RNM_OP_QLinearConv] = rnm_plan_integer_conv,
    [RNM_OP_MatMulInteger] = rnm_plan_integer_matmul,
    [RNM_OP_QLinearMatMul] = rnm_plan_integer_matmul,
    [RNM_OP_NonMaxSuppression] = rnm_plan_nms,
};

bool rnm_op_walks(rnm_op op) {
    static const rnm_op_plan walks[] = {
        rnm_plan_binary, rnm_plan_arithmetic, rnm_plan_compare,
        rnm_plan_where,  rnm_plan_unary,      rnm_plan_reduce,
        rnm_plan_arg,    rnm_plan_cum_sum,    rnm_plan_top_k,
        rnm_plan_along,  rnm_plan_batch_norm, rnm_plan_normalise,
        rnm_plan_lrn,    rnm_plan_quantize,   rnm_plan_integer_matmul,
    };
    for (size_t k = 0; k < sizeof walks / sizeof *walks; ++k) {
        if (rnm_op_plans[op] == walks[k]) {
            return true;
        }
    }
    return false;
}

rnm_activation rnm_op_epilogue(const rnm_node_attrs *attrs) {
    return (rnm_activation){attrs->activation, attrs->activation_alpha, attrs->activation_beta};
}

rnm_window rnm_op_window(const rnm_planner *planner, const rnm_node_attrs *attrs) {
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    const rnm_shape *out = &planner->shapes[rnm_plan_output(planner)];
    rnm_window window = {
        .batch = in->dims[0], .in_channels = in->dims[1], .out_channels = out->dims[1]};
    int spatial = in->rank - 2;
    for (int axis = 0; axis < 3; ++axis) {
        int from = axis - (3 - spatial);
        window.in[axis] = from < 0 ? 1 : in->dims[2 + from];
        window.out[axis] = from < 0 ? 1 : out->dims[2 + from];
        window.kernel[axis] = from < 0 ? 1 : attrs->kernel_shape[from];
        window.strides[axis] = from < 0 ? 1 : attrs->strides[from];
        window.dilations[axis] = from < 0 ? 1 : attrs->dilations[from];
        window.pads[axis] = from < 0 ? 0 : attrs->pads[from];
        window.end_pads[axis] = from < 0 ? 0 : attrs->pads[spatial + from];
    }
    return window;
}

void rnm_op_kernel(rnm_window *window, const rnm_shape *weight) {
    int spatial = weight->rank - 2;
    for (int axis = 0; axis < spatial; ++axis) {
        window->kernel[3 - spatial + axis] = weight->dims[2 + axis];
    }
}

void rnm_op_strides(const rnm_planner *planner, uint32_t value, int64_t strides[RNM_MAX_RANK]) {
    const rnm_shape *shape = &planner->shapes[value];
    bool channels_last = planner->view->values[value].layout == RNM_LAYOUT_CHANNELS_LAST;
    int64_t stride = 1;
    if (channels_last) {
        strides[1] = 1;
        stride = shape->dims[1];
    }
    for (int axis = shape->rank - 1; axis >= 0; --axis) {
        if (!(channels_last && axis == 1)) {
            strides[axis] = stride;
            stride *= shape->dims[axis];
        }
    }
}

uint32_t rnm_op_axes(const rnm_node_attrs *attrs, int rank) {
    uint32_t set = attrs->axes.count == 0 ? (1u << rank) - 1 : 0;
    for (int64_t k = 0; k < attrs->axes.count; ++k) {
        int64_t axis = attrs->axes.at[k];
        set |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return set;
}
