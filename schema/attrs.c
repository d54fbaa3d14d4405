/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes by operator, and where each is kept once it is decoded.
 */
#include "ops.h"
#include "rnm_format.h"
#include "shape.h"

#include <string.h>

/* ---- which operator has which ---------------------------------------------------------------- */

#define KEY(name) ((uint64_t)1 << RNM_ATTRIBUTE_##name)
#define EPILOGUE_KEYS (KEY(activation) | KEY(activation_alpha) | KEY(activation_beta))
#define REDUCE_KEYS (KEY(axes) | KEY(keepdims))
#define WINDOW_KEYS (KEY(kernel_shape) | KEY(strides) | KEY(pads) | KEY(dilations))
#define SLICE_KEYS (KEY(axes) | KEY(starts) | KEY(ends) | KEY(steps))

static const struct {
    uint64_t may, must;
} keys[RNM_OP_COUNT] = {
    [RNM_OP_Conv] = {WINDOW_KEYS | KEY(group) | EPILOGUE_KEYS, 0},
    [RNM_OP_Gemm] = {EPILOGUE_KEYS, 0},
    [RNM_OP_MaxPool] = {WINDOW_KEYS | KEY(ceil_mode) | KEY(storage_order), KEY(kernel_shape)},
    [RNM_OP_AveragePool] = {WINDOW_KEYS | KEY(ceil_mode) | KEY(count_include_pad),
                            KEY(kernel_shape)},
    [RNM_OP_LeakyRelu] = {KEY(alpha), 0},
    [RNM_OP_Elu] = {KEY(alpha), 0},
    [RNM_OP_Clip] = {KEY(alpha) | KEY(beta), 0},
    [RNM_OP_HardSigmoid] = {KEY(alpha) | KEY(beta), 0},
    [RNM_OP_Add] = {EPILOGUE_KEYS, 0},
    [RNM_OP_Mul] = {EPILOGUE_KEYS, 0},
    [RNM_OP_Concat] = {KEY(axis), KEY(axis)},
    [RNM_OP_Flatten] = {KEY(axis), 0},
    [RNM_OP_Softmax] = {KEY(axis), 0},
    [RNM_OP_ScaleBias] = {EPILOGUE_KEYS, 0},
    [RNM_OP_Cast] = {KEY(to), KEY(to)},
    [RNM_OP_ConvTranspose] = {WINDOW_KEYS | KEY(group) | KEY(output_padding) | EPILOGUE_KEYS, 0},
    [RNM_OP_DynamicConv] = {WINDOW_KEYS | KEY(group) | EPILOGUE_KEYS, 0},
    [RNM_OP_DynamicConvTranspose] = {WINDOW_KEYS | KEY(group) | KEY(output_padding) | EPILOGUE_KEYS,
                                     0},
    [RNM_OP_MatMul] = {KEY(alpha) | KEY(beta) | KEY(transA) | KEY(transB), 0},
    [RNM_OP_Resize] = {KEY(shape) | KEY(scales) | KEY(roi) | KEY(mode) | KEY(coordinates) |
                           KEY(nearest_mode) | KEY(cubic_coeff_a) | KEY(exclude_outside) |
                           KEY(extrapolation_value),
                       0},
    [RNM_OP_Pad] = {KEY(pad) | KEY(mode), KEY(pad)},
    [RNM_OP_Slice] = {SLICE_KEYS, KEY(axes) | KEY(starts) | KEY(ends)},
    [RNM_OP_Split] = {KEY(axis) | KEY(split), 0},
    [RNM_OP_Transpose] = {KEY(perm), 0},
    [RNM_OP_Expand] = {KEY(shape), 0},
    [RNM_OP_Tile] = {KEY(repeats), KEY(repeats)},
    [RNM_OP_DepthToSpace] = {KEY(blocksize) | KEY(crd), KEY(blocksize)},
    [RNM_OP_SpaceToDepth] = {KEY(blocksize), KEY(blocksize)},
    [RNM_OP_Reshape] = {KEY(shape) | KEY(allowzero), 0},
    [RNM_OP_Squeeze] = {KEY(axes), 0},
    [RNM_OP_Unsqueeze] = {KEY(axes), KEY(axes)},
    [RNM_OP_Shape] = {KEY(start) | KEY(end), 0},
    [RNM_OP_Gather] = {KEY(axis), 0},
    [RNM_OP_GatherElements] = {KEY(axis), 0},
    [RNM_OP_GatherND] = {KEY(batch_dims), 0},
    [RNM_OP_ScatterElements] = {KEY(axis), 0},
    [RNM_OP_Mod] = {KEY(fmod), 0},
    [RNM_OP_Selu] = {KEY(alpha) | KEY(gamma), 0},
    [RNM_OP_Celu] = {KEY(alpha), 0},
    [RNM_OP_ThresholdedRelu] = {KEY(alpha), 0},
    [RNM_OP_Gelu] = {KEY(approximate), 0},
    [RNM_OP_IsInf] = {KEY(detect_negative) | KEY(detect_positive), 0},
    [RNM_OP_LogSoftmax] = {KEY(axis), 0},
    [RNM_OP_Hardmax] = {KEY(axis), 0},
    [RNM_OP_ArgMax] = {KEY(axis) | KEY(keepdims) | KEY(select_last_index), 0},
    [RNM_OP_ArgMin] = {KEY(axis) | KEY(keepdims) | KEY(select_last_index), 0},
    [RNM_OP_CumSum] = {KEY(axis) | KEY(exclusive) | KEY(reverse), 0},
    [RNM_OP_TopK] = {KEY(axis) | KEY(k) | KEY(largest) | KEY(sorted), KEY(k)},
    [RNM_OP_ReduceSum] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceMean] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceMax] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceMin] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceProd] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceL1] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceL2] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceLogSum] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceLogSumExp] = {REDUCE_KEYS, 0},
    [RNM_OP_ReduceSumSquare] = {REDUCE_KEYS, 0},
    [RNM_OP_BatchNormalization] = {KEY(epsilon), 0},
    [RNM_OP_InstanceNormalization] = {KEY(epsilon), 0},
    [RNM_OP_LayerNormalization] = {KEY(axis) | KEY(epsilon), 0},
    [RNM_OP_LRN] = {KEY(size) | KEY(alpha) | KEY(beta) | KEY(bias), KEY(size)},
    [RNM_OP_LpNormalization] = {KEY(axis) | KEY(p), 0},
    [RNM_OP_MeanVarianceNormalization] = {KEY(axes), 0},
    [RNM_OP_QuantizeLinear] = {KEY(axis), 0},
    [RNM_OP_DequantizeLinear] = {KEY(axis), 0},
    [RNM_OP_ConvInteger] = {WINDOW_KEYS | KEY(group), 0},
    [RNM_OP_QLinearConv] = {WINDOW_KEYS | KEY(group), 0},
    [RNM_OP_NonMaxSuppression] = {KEY(center_point_box) | KEY(max_output_boxes), 0},
};

uint64_t rnm_op_attrs(rnm_op op) {
    return (unsigned)op < RNM_OP_COUNT ? keys[op].may : 0;
}

uint64_t rnm_op_attrs_needed(rnm_op op) {
    return (unsigned)op < RNM_OP_COUNT ? keys[op].must : 0;
}

/* ---- where each is kept ---------------------------------------------------------------------- */

typedef enum field_type { INTS, LIST, REAL, REALS, FLAG, OPERATOR } field_type;

static const struct {
    uint8_t type;
    uint16_t offset;
} fields[RNM_ATTRIBUTE_COUNT] = {
#define FIELD(name, type) [RNM_ATTRIBUTE_##name] = {type, offsetof(rnm_node_attrs, name)}
    FIELD(kernel_shape, INTS),
    FIELD(strides, INTS),
    FIELD(pads, INTS),
    FIELD(dilations, INTS),
    FIELD(group, INTS),
    FIELD(ceil_mode, FLAG),
    FIELD(count_include_pad, FLAG),
    FIELD(axis, INTS),
    FIELD(alpha, REAL),
    FIELD(beta, REAL),
    FIELD(activation, OPERATOR),
    FIELD(activation_alpha, REAL),
    FIELD(activation_beta, REAL),
    FIELD(to, INTS),
    FIELD(perm, LIST),
    FIELD(shape, LIST),
    FIELD(axes, LIST),
    FIELD(starts, LIST),
    FIELD(ends, LIST),
    FIELD(steps, LIST),
    FIELD(repeats, LIST),
    FIELD(pad, LIST),
    FIELD(split, LIST),
    FIELD(scales, REALS),
    FIELD(roi, REALS),
    FIELD(mode, INTS),
    FIELD(coordinates, INTS),
    FIELD(nearest_mode, INTS),
    FIELD(blocksize, INTS),
    FIELD(start, INTS),
    FIELD(end, INTS),
    FIELD(batch_dims, INTS),
    FIELD(output_padding, INTS),
    FIELD(cubic_coeff_a, REAL),
    FIELD(extrapolation_value, REAL),
    FIELD(crd, FLAG),
    FIELD(transA, FLAG),
    FIELD(transB, FLAG),
    FIELD(exclude_outside, FLAG),
    FIELD(storage_order, FLAG),
    FIELD(allowzero, FLAG),
    FIELD(keepdims, FLAG),
    FIELD(select_last_index, FLAG),
    FIELD(fmod, FLAG),
    FIELD(gamma, REAL),
    FIELD(approximate, FLAG),
    FIELD(exclusive, FLAG),
    FIELD(reverse, FLAG),
    FIELD(k, INTS),
    FIELD(largest, FLAG),
    FIELD(sorted, FLAG),
    FIELD(epsilon, REAL),
    FIELD(size, INTS),
    FIELD(bias, REAL),
    FIELD(p, INTS),
    FIELD(detect_negative, FLAG),
    FIELD(detect_positive, FLAG),
    FIELD(center_point_box, FLAG),
    FIELD(max_output_boxes, INTS),
#undef FIELD
};

bool rnm_attr_is_flag(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT && fields[id].type == FLAG;
}

void rnm_attr_store(rnm_node_attrs *attrs, unsigned id, const uint64_t *words, uint32_t count) {
    void *field = (uint8_t *)attrs + fields[id].offset;
    switch ((field_type)fields[id].type) {
    case INTS:
        memcpy(field, words, count * sizeof *words);
        break;
    case LIST: {
        rnm_int_list *list = field;
        list->count = count;
        memcpy(list->at, words, count * sizeof *words);
        break;
    }
    case REAL:
        memcpy(field, words, sizeof(float)); /* the low half comes first */
        break;
    case REALS: {
        rnm_float_list *list = field;
        list->count = count;
        for (uint32_t k = 0; k < count; k++) {
            memcpy(&list->at[k], &words[k], sizeof(float));
        }
        break;
    }
    case FLAG:
        *(bool *)field = words[0] != 0;
        break;
    case OPERATOR:
        *(rnm_op *)field = (rnm_op)words[0];
        break;
    }
    attrs->has_kernel_shape |= id == RNM_ATTRIBUTE_kernel_shape;
}

static uint32_t words_of(const rnm_node_attrs *attrs, unsigned id) {
    switch (rnm_attr_counted(id)) {
    case RNM_COUNT_SPATIAL:
        return (uint32_t)attrs->spatial;
    case RNM_COUNT_TWICE:
        return 2 * (uint32_t)attrs->spatial;
    default:
        return 1;
    }
}

uint32_t rnm_attr_load(const rnm_node_attrs *attrs, unsigned id, uint64_t words[RNM_MAX_LIST]) {
    const void *field = (const uint8_t *)attrs + fields[id].offset;
    uint32_t count = words_of(attrs, id);
    words[0] = 0;
    switch ((field_type)fields[id].type) {
    case INTS:
        memcpy(words, field, count * sizeof *words);
        break;
    case LIST: {
        const rnm_int_list *list = field;
        count = (uint32_t)list->count;
        memcpy(words, list->at, count * sizeof *words);
        break;
    }
    case REAL:
        memcpy(words, field, sizeof(float));
        break;
    case REALS: {
        const rnm_float_list *list = field;
        count = (uint32_t)list->count;
        for (uint32_t k = 0; k < count; k++) {
            words[k] = 0;
            memcpy(&words[k], &list->at[k], sizeof(float));
        }
        break;
    }
    case FLAG:
        words[0] = *(const bool *)field;
        break;
    case OPERATOR:
        words[0] = (uint64_t) * (const rnm_op *)field;
        break;
    }
    return count;
}
