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
};

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
