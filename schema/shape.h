/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference: one definition of what every operator's output looks like, used by the compiler
 * when it builds a graph, by the reader when it checks one, and by the runtime when a context binds
 * the symbols.
 */
#ifndef RNM_SHAPE_H
#define RNM_SHAPE_H

#include "ops.h"
#include "rnm_base.h"

/* Dims in ONNX order. A negative dim -1 - k is symbol k: it passes through operators that do not
 * look at it and is refused (RNM_ERR_UNSUPPORTED) by those that must compute with it. */
typedef struct rnm_shape {
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
} rnm_shape;

/* The attributes of a node, decoded with ONNX's defaults filled in for `spatial` spatial axes. */
typedef struct rnm_node_attrs {
    int64_t kernel_shape[3];
    int64_t strides[3];
    int64_t pads[6]; /* begins, then ends, `spatial` of each */
    int64_t dilations[3];
    bool has_kernel_shape;
    int spatial;
    int64_t group;
    bool ceil_mode;
    bool count_include_pad;
    int64_t axis;
    float alpha; /* default by operator, as ONNX has it */
    float beta;
    rnm_op activation; /* RNM_OP_NONE where there is none */
    float activation_alpha;
    float activation_beta;
} rnm_node_attrs;

/* ONNX's defaults for an operator: strides and dilations 1, no padding, axis, alpha and beta as the
 * operator has them, no activation. `spatial` in 0..3. */
rnm_node_attrs rnm_attrs_default(rnm_op op, int spatial);

/* Spatial axes that the attributes of an operator speak of when its first input has that rank:
 * rank - 2 for convolution and pooling, 0 for the others and for ranks that they refuse. */
int rnm_op_spatial(rnm_op op, int rank);

/* Infers *out from the operator, its attributes and the shapes of its inputs (NULL entries are
 * absent optional ones). Checks ranks, dtypes, channel counts, kernel against weight, strides and
 * dilations >= 1, pads >= 0, group dividing, output sizes >= 1, overflow. The error says what was
 * expected and found, without the node's name, which the caller puts before it. */
rnm_status rnm_infer_shape(rnm_op op, const rnm_node_attrs *attrs, const rnm_shape *const *inputs,
                           int input_count, rnm_shape *out, rnm_error *err);

/* Writes "1x3x32x32" (symbol k as "?k") and a NUL into text, cut at `size`. Gives text. */
char *rnm_shape_text(const rnm_shape *shape, char *text, size_t size);
#define RNM_SHAPE_TEXT 104 /* room for any shape */

/* The same dtype, rank and dims, symbols included. */
bool rnm_shape_equal(const rnm_shape *a, const rnm_shape *b);

/* Elements of a shape with symbols counted as 1; false on overflow or over RNM_LIMIT_ELEMENTS. */
bool rnm_shape_elements(const rnm_shape *shape, int64_t *out);

#endif
