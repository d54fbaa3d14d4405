/* SPDX-License-Identifier: Apache-2.0
 *
 * How an operator takes part: it plans the node in hand, adding the steps that will run it.
 */
#ifndef RNM_OP_H
#define RNM_OP_H

#include "plan.h"

typedef rnm_status (*rnm_op_plan)(rnm_planner *planner, const rnm_node_attrs *attrs,
                                  rnm_error *err);

/* Of a function that plans, in a file that is compiled for speed: it is compiled for size. */
#define RNM_PLANS __attribute__((cold))

extern const rnm_op_plan rnm_op_plans[RNM_OP_COUNT];

/* True for operators that are planned as walks (strided.h). */
bool rnm_op_walks(rnm_op op);

rnm_status rnm_plan_conv(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_gemm(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_pool(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_activation(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_binary(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_scale_bias(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_concat(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_arithmetic(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_compare(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_where(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_unary(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_reduce(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_arg(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_cum_sum(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_top_k(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_along(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_batch_norm(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_normalise(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_lrn(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_quantize(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_dynamic_quantize(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_error *err);
rnm_status rnm_plan_integer_conv(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_integer_matmul(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err);
rnm_status rnm_plan_nms(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_cast(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_softmax(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_split(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_same_elements(rnm_planner *planner, const rnm_node_attrs *attrs,
                                  rnm_error *err);
rnm_status rnm_plan_transpose(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_slice(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_expand(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_tile(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_depth_space(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_shape(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_pad(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_resize(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_gather(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_elements_op(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_tuples(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_matmul(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);
rnm_status rnm_plan_conv_transpose(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err);
rnm_status rnm_plan_dynamic_conv(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err);

/* What operators of several families share. */

/* Adds a step that copies value x into y by dims, strides and starts in elements, which fit both;
 * none where nothing is left to copy, or where the bytes of both are the same. */
void rnm_plan_copy(rnm_planner *planner, uint32_t x, uint32_t y, rnm_copy_step copy);

/* The kernel of a convolution, from the shape of its weight. */
void rnm_op_kernel(rnm_window *window, const rnm_shape *weight);

/* The activation that the node's epilogue carries. */
rnm_activation rnm_op_epilogue(const rnm_node_attrs *attrs);

/* The window of a node over input 0: sizes of the maps, and the attributes but for the kernel. */
rnm_window rnm_op_window(const rnm_planner *planner, const rnm_node_attrs *attrs);

/* Attribute axes as a set of bits. */
uint32_t rnm_op_axes(const rnm_node_attrs *attrs, int rank);

/* The strides, in elements, of a value's dims in its layout. */
void rnm_op_strides(const rnm_planner *planner, uint32_t value, int64_t strides[RNM_MAX_RANK]);

#endif
