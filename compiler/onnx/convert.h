/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions that table.c names, by family.
 */
#ifndef RNC_ONNX_CONVERT_H
#define RNC_ONNX_CONVERT_H

#include "onnx/import.h"

/* convert_simple.c: operators that the format has under ONNX's name with ONNX's attributes. */
rnc_onnx_convert rnc_convert_simple;
rnc_onnx_convert rnc_convert_binary;    /* of two inputs, broadcast */
rnc_onnx_convert rnc_convert_identity;  /* the first output is the first input */
rnc_onnx_convert rnc_convert_fold_list; /* Add, Sum, Max ... of any number, two at a time */
rnc_onnx_convert rnc_convert_clip;
rnc_onnx_convert rnc_convert_softmax;
rnc_onnx_convert rnc_convert_dropout;
rnc_onnx_convert rnc_convert_cast;
rnc_onnx_convert rnc_convert_mean;
rnc_onnx_convert rnc_convert_gelu;
rnc_onnx_convert rnc_convert_layer_norm;
/* Operators that fold.c computes, whose inputs are not constant. */
rnc_onnx_convert rnc_convert_constant_only;

/* convert_layers.c: what has weights. */
rnc_onnx_convert rnc_convert_conv;
rnc_onnx_convert rnc_convert_gemm;
rnc_onnx_convert rnc_convert_matmul;
rnc_onnx_convert rnc_convert_batch_norm;

/* convert_transposed.c */
rnc_onnx_convert rnc_convert_conv_transpose;

/* convert_pool.c */
rnc_onnx_convert rnc_convert_pool;
rnc_onnx_convert rnc_convert_integer_conv; /* ConvInteger, QLinearConv */

/* convert_shape.c: other shapes for the same elements. */
rnc_onnx_convert rnc_convert_reshape; /* Reshape, Flatten, Squeeze, Unsqueeze */

/* convert_move.c: elements moved about. */
rnc_onnx_convert rnc_convert_slice;
rnc_onnx_convert rnc_convert_split;
rnc_onnx_convert rnc_convert_pad;
rnc_onnx_convert rnc_convert_expand;
rnc_onnx_convert rnc_convert_tile;
rnc_onnx_convert rnc_convert_depth_to_space;
rnc_onnx_convert rnc_convert_col2im;
rnc_onnx_convert rnc_convert_resize;
rnc_onnx_convert rnc_convert_upsample;

/* convert_reduce.c: along axes. */
rnc_onnx_convert rnc_convert_reduce;
rnc_onnx_convert rnc_convert_top_k;
rnc_onnx_convert rnc_convert_cumsum;
rnc_onnx_convert rnc_convert_nms;

/* convert_layers.c: the call's node, its weight a recipe made of input 1 seen as `weight`, [co, ci,
 * kernel...]; `bias` may be NULL. */
rnm_status rnc_emit_layer(rnc_call *call, rnm_op op, const rnm_node_attrs *attrs, rnc_value *x,
                          const rnc_tensor *weight, const rnc_onnx_value *bias);

/* True for no bias, and for one that a layer can have: constant numbers, one a channel. */
bool rnc_fits_bias(const rnc_onnx_value *bias, int64_t channels);

/* The window of a node whose input has `shape`: attributes by name, auto_pad written out as pads.
 * `kernel` is the window's size, of attrs->spatial entries. */
rnm_status rnc_convert_window(rnc_call *call, rnm_op op, const rnm_shape *shape,
                              const int64_t *kernel, rnm_node_attrs *attrs);

/* The shape that a Reshape, Flatten, Squeeze or Unsqueeze gives one of `shape`. */
rnm_status rnc_reshaped(rnc_call *call, const rnm_shape *shape, rnm_shape *out);

/* The call's output 0 is `value` in another shape. */
rnm_status rnc_emit_reshape(rnc_call *call, rnc_value *value, const rnm_shape *shape);

/* Sets an attribute of the format by its name, which it must have. */
void rnc_set_ints(rnm_node_attrs *attrs, const char *name, const int64_t *list, int count);
void rnc_set_int(rnm_node_attrs *attrs, const char *name, int64_t number);
void rnc_set_floats(rnm_node_attrs *attrs, const char *name, const float *list, int count);

/* The number of an attribute's text among `names`, which end with NULL; `otherwise` where the node
 * has no such attribute. */
rnm_status rnc_attr_choice(rnc_call *call, const char *name, const char *const *names,
                           int64_t otherwise, int64_t *out);

#endif
