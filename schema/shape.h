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
 * look at it. What others compute with it is RNM_DIM_COMPUTED, or refused (RNM_ERR_UNSUPPORTED)
 * where a number must be known. */
typedef struct rnm_shape {
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
} rnm_shape;

/* A list attribute that is no list of spatial axes. */
#define RNM_MAX_LIST 16
typedef struct rnm_int_list {
    int64_t count; /* 0: the attribute is absent */
    int64_t at[RNM_MAX_LIST];
} rnm_int_list;

typedef struct rnm_float_list {
    int64_t count;
    float at[RNM_MAX_LIST];
} rnm_float_list;

/* Values of attribute `mode` of Resize and of Pad, of `coordinates` and of `nearest_mode`. */
enum { RNM_RESIZE_NEAREST, RNM_RESIZE_LINEAR, RNM_RESIZE_CUBIC, RNM_RESIZE_KNOWN };
enum { RNM_PAD_CONSTANT, RNM_PAD_REFLECT, RNM_PAD_EDGE, RNM_PAD_WRAP, RNM_PAD_KNOWN };
enum {
    RNM_COORDINATES_HALF_PIXEL,
    RNM_COORDINATES_PYTORCH_HALF_PIXEL,
    RNM_COORDINATES_ALIGN_CORNERS,
    RNM_COORDINATES_ASYMMETRIC,
    RNM_COORDINATES_TF_CROP_AND_RESIZE,
    RNM_COORDINATES_TF_HALF_PIXEL_FOR_NN,
    RNM_COORDINATES_HALF_PIXEL_SYMMETRIC,
    RNM_COORDINATES_KNOWN,
};
enum {
    RNM_NEAREST_ROUND_PREFER_FLOOR,
    RNM_NEAREST_ROUND_PREFER_CEIL,
    RNM_NEAREST_FLOOR,
    RNM_NEAREST_CEIL,
    RNM_NEAREST_KNOWN,
};

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
    int64_t to; /* an rnm_dtype */
    rnm_int_list perm, shape, axes, starts, ends, steps, repeats, pad, split;
    rnm_float_list scales, roi;
    int64_t mode, coordinates, nearest_mode;
    int64_t blocksize;
    int64_t start, end;
    int64_t batch_dims;
    int64_t output_padding[3];
    float cubic_coeff_a;
    float extrapolation_value;
    bool crd;
    bool transA, transB;
    bool exclude_outside;
    bool storage_order; /* of MaxPool's indices: column-major */
    bool allowzero;
    int64_t k, size, p, max_output_boxes;
    float gamma, epsilon, bias;
    bool keepdims, select_last_index, exclusive, reverse, largest, sorted;
    bool fmod;        /* of Mod: C's, else with the divisor's sign */
    bool approximate; /* of Gelu: by tanh */
    bool detect_negative, detect_positive;
    bool center_point_box;
} rnm_node_attrs;

/* ONNX's defaults for an operator: strides and dilations 1, no padding, axis, alpha and beta as the
 * operator has them, no activation. `spatial` in 0..3. */
rnm_node_attrs rnm_attrs_default(rnm_op op, int spatial);

/* The attributes that an operator has, and those that must be there, as sets of bits by id. */
uint64_t rnm_op_attrs(rnm_op op);
uint64_t rnm_op_attrs_needed(rnm_op op);

/* True for an attribute that is 0 or 1. */
bool rnm_attr_is_flag(unsigned id);

/* An attribute between its field and the words of a file. Storing takes `count` words, which fit
 * the attribute; loading gives how many it wrote, for lists of spatial axes as many as
 * attrs->spatial says, 0 for an empty list. */
void rnm_attr_store(rnm_node_attrs *attrs, unsigned id, const uint64_t *words, uint32_t count);
uint32_t rnm_attr_load(const rnm_node_attrs *attrs, unsigned id, uint64_t words[RNM_MAX_LIST]);

/* Spatial axes that the attributes of an operator speak of when its first input has that rank:
 * rank - 2 for convolution and pooling, 0 for the others and for ranks that they refuse. */
int rnm_op_spatial(rnm_op op, int rank);

/* Infers the outputs (at most RNM_MAX_OUTPUTS; behind the first they may be left out from the end)
 * from the operator, its attributes and the shapes of its inputs (NULL entries are absent optional
 * ones). On failure `outs` is untouched. Checks ranks, dtypes, channel counts, kernel against
 * weight, strides and dilations >= 1, pads >= 0, group dividing, output sizes >= 1, overflow. The
 * error says what was expected and found, without the node's name, which the caller puts before it.
 */
rnm_status rnm_infer_shape(rnm_op op, const rnm_node_attrs *attrs, const rnm_shape *const *inputs,
                           int input_count, rnm_shape *outs, int output_count, rnm_error *err);

/* What Slice takes of one axis of an input of that shape, by entry k of its lists: `count` elements
 * from `start` on, `step` apart. The dim is a number. */
typedef struct rnm_range {
    int axis;
    int64_t start, step, count;
} rnm_range;
rnm_range rnm_slice_range(const rnm_node_attrs *attrs, int64_t k, const rnm_shape *shape);

/* A start or end of Shape, counted from the front and clamped to [0, rank]. */
int64_t rnm_shape_bound(int64_t at, int rank);

/* True when Resize changes anything along that axis of its input. */
bool rnm_resize_changes(const rnm_node_attrs *attrs, const rnm_shape *in, int axis);

/* Writes "1x3x32x32" (symbol k as "?k", a computed dim as "?") and a NUL into text, cut at `size`.
 * Gives text. */
char *rnm_shape_text(const rnm_shape *shape, char *text, size_t size);
#define RNM_SHAPE_TEXT 104 /* room for any shape */

/* The same dtype, rank and dims, symbols included. */
bool rnm_shape_equal(const rnm_shape *a, const rnm_shape *b);

/* What two dims come to that must be equal: false where they cannot be. A computed one may be equal
 * to any. */
bool rnm_dim_meet(int64_t a, int64_t b, int64_t *out);

/* The same of the dims of two shapes of one dtype. */
bool rnm_shape_meets(const rnm_shape *a, const rnm_shape *b);

/* Elements of a shape with symbols counted as 1; false on overflow or over RNM_LIMIT_ELEMENTS. */
bool rnm_shape_elements(const rnm_shape *shape, int64_t *out);

#endif
