/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of shape inference: one function an operator, and what they have in common. When they are
 * called the numbers of inputs and outputs are right, needed inputs are there, types are checked,
 * and the outputs have their types and rank 0.
 */
#ifndef RNM_SHAPE_RULES_H
#define RNM_SHAPE_RULES_H

#include "shape.h"

typedef struct rnm_shape_call {
    rnm_op op;
    const char *name; /* the operator's */
    const rnm_node_attrs *attrs;
    const rnm_shape *const *inputs;
    int input_count;
    rnm_shape *out; /* output 0; others behind it */
    int output_count;
    rnm_error *err;
} rnm_shape_call;

/* types.c: checks the types of the inputs and sets those of the outputs. */
rnm_status rnm_shape_types(rnm_shape_call *call, const char *types);

/* Gives an output the rank and dims of a shape. */
void rnm_shape_dims(rnm_shape *out, const rnm_shape *from);

/* shape_ops.c */
rnm_status rnm_shape_same(rnm_shape_call *call);
rnm_status rnm_shape_concat(rnm_shape_call *call);
rnm_status rnm_shape_flatten(rnm_shape_call *call);
rnm_status rnm_shape_along_axis(rnm_shape_call *call);
rnm_status rnm_shape_scale_bias(rnm_shape_call *call);
rnm_status rnm_shape_gemm(rnm_shape_call *call);

/* shape_broadcast.c */
rnm_status rnm_shape_broadcast(rnm_shape_call *call);
rnm_status rnm_shape_prelu(rnm_shape_call *call);

/* shape_reduce.c */
rnm_status rnm_shape_reduce(rnm_shape_call *call);
rnm_status rnm_shape_arg(rnm_shape_call *call);
rnm_status rnm_shape_top_k(rnm_shape_call *call);

/* shape_norm.c */
rnm_status rnm_shape_channels(rnm_shape_call *call);
rnm_status rnm_shape_layer_norm(rnm_shape_call *call);
rnm_status rnm_shape_lrn(rnm_shape_call *call);
rnm_status rnm_shape_mean_variance(rnm_shape_call *call);

/* shape_quant.c */
rnm_status rnm_shape_quantize(rnm_shape_call *call);
rnm_status rnm_shape_dynamic_quantize(rnm_shape_call *call);
rnm_status rnm_shape_integer_conv(rnm_shape_call *call);
rnm_status rnm_shape_integer_matmul(rnm_shape_call *call);
rnm_status rnm_shape_nms(rnm_shape_call *call);

/* shape_window.c */
rnm_status rnm_shape_conv(rnm_shape_call *call);
rnm_status rnm_shape_pool(rnm_shape_call *call);
rnm_status rnm_shape_global_pool(rnm_shape_call *call);

rnm_status rnm_shape_conv_transpose(rnm_shape_call *call);

/* shape_move.c */
rnm_status rnm_shape_reshape(rnm_shape_call *call);
rnm_status rnm_shape_squeeze(rnm_shape_call *call);
rnm_status rnm_shape_unsqueeze(rnm_shape_call *call);
rnm_status rnm_shape_transpose(rnm_shape_call *call);
rnm_status rnm_shape_depth_to_space(rnm_shape_call *call);
rnm_status rnm_shape_space_to_depth(rnm_shape_call *call);
rnm_status rnm_shape_slice(rnm_shape_call *call);
rnm_status rnm_shape_split(rnm_shape_call *call);
rnm_status rnm_shape_expand(rnm_shape_call *call);
rnm_status rnm_shape_tile(rnm_shape_call *call);
rnm_status rnm_shape_pad(rnm_shape_call *call);
rnm_status rnm_shape_shape(rnm_shape_call *call);

/* shape_index.c */
rnm_status rnm_shape_gather(rnm_shape_call *call);
rnm_status rnm_shape_gather_elements(rnm_shape_call *call);
rnm_status rnm_shape_gather_nd(rnm_shape_call *call);
rnm_status rnm_shape_scatter_elements(rnm_shape_call *call);
rnm_status rnm_shape_scatter_nd(rnm_shape_call *call);

/* shape_resize.c, shape_matmul.c */
rnm_status rnm_shape_resize(rnm_shape_call *call);
rnm_status rnm_shape_matmul(rnm_shape_call *call);

/* The axis attribute, which must be in [-rank, past - 1], counted from the front. */
rnm_status rnm_shape_axis(const rnm_shape_call *call, int rank, int past, int *axis);

/* Input k, or NULL where it is absent or behind the last one. */
const rnm_shape *rnm_shape_input(const rnm_shape_call *call, int k);

/* An axis in [-rank, past - 1], counted from the front on success. */
rnm_status rnm_shape_axis_of(const rnm_shape_call *call, int64_t given, int rank, int past,
                             int *axis);

/* The axes of attribute axes, as a set of bits: distinct, in range; all `rank` where it is absent.
 */
rnm_status rnm_shape_axes(const rnm_shape_call *call, int rank, uint32_t *set);

/* The shape that `count` shapes broadcast to, as numpy has it; the type is left alone. A symbol
 * meets itself and 1 only. */
rnm_status rnm_shape_broadcast_of(const rnm_shape_call *call, const rnm_shape *const *shapes,
                                  int count, rnm_shape *out);

/* That input k has a rank in [least, most]. */
rnm_status rnm_shape_check_rank(const rnm_shape_call *call, int k, int least, int most);

/* That dim `axis` of input k is a number: RNM_ERR_UNSUPPORTED for symbols. */
rnm_status rnm_shape_check_fixed(const rnm_shape_call *call, int k, int axis);

/* That input k, where there is one, is a vector of `channels`. */
rnm_status rnm_shape_check_channels(const rnm_shape_call *call, int k, int64_t channels);

/* That input k, where there is one, has the output's shape, which is known by now. */
rnm_status rnm_shape_check_residual(const rnm_shape_call *call, int k);

#endif
