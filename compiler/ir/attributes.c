/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of attributes by operator.
 */
#include "ir/attributes.h"

#include "ops.h"

static const unsigned char table[RNM_OP_COUNT] = {
    [RNM_OP_Conv] = RNC_HAS_STRIDES | RNC_HAS_GROUP,
    [RNM_OP_MaxPool] = RNC_HAS_WINDOW | RNC_HAS_STRIDES,
    [RNM_OP_AveragePool] = RNC_HAS_WINDOW | RNC_HAS_STRIDES | RNC_HAS_COUNT,
    [RNM_OP_LeakyRelu] = RNC_HAS_ALPHA,
    [RNM_OP_Elu] = RNC_HAS_ALPHA,
    [RNM_OP_Clip] = RNC_HAS_ALPHA | RNC_HAS_BETA,
    [RNM_OP_HardSigmoid] = RNC_HAS_ALPHA | RNC_HAS_BETA,
    [RNM_OP_Concat] = RNC_HAS_AXIS,
    [RNM_OP_Flatten] = RNC_HAS_AXIS,
    [RNM_OP_Softmax] = RNC_HAS_AXIS,
};

unsigned rnc_op_attributes(int op) {
    return op > 0 && op < RNM_OP_COUNT ? table[op] : 0;
}
