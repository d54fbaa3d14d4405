/* SPDX-License-Identifier: Apache-2.0
 *
 * Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <string.h>

/* In the place of a computed dim that is the same axis's of the input: others cannot be told from
 * each other. */
#define COPIED_DIM (RNM_DIM_COMPUTED - 1)

/* Axes are an attribute before opset 13, an input from then on; *count = -1 where there are none.
 */
static rnm_status read_axes(rnc_call *call, int64_t *axes, int *count) {
    if (call->opset < 13) {
        bool given = rnc_attr_find(call, "axes") != NULL;
        rnm_status status = rnc_attr_ints(call, "axes", RNM_MAX_RANK, axes, count);
        *count = given ? *count : -1;
        return status;
    }
    *count = -1;
    return rnc_call_input(call, 1) == NULL
               ? RNM_OK
               : rnc_call_ints(call, 1, RNM_MAX_RANK, axes, NULL, count);
}

/* Axes as a set of `rank` flags, each once. */
static rnm_status mark_axes(const rnc_call *call, const int64_t *axes, int count, int rank,
                            bool *marked) {
    memset(marked, 0, RNM_MAX_RANK);
    for (int k = 0; k < count; k++) {
        int64_t axis = axes[k] < 0 ? axes[k] + rank : axes[k];
        if (axis < 0 || axis >= rank || marked[axis]) {
            return rnc_call_fail(call, RNM_ERR_VALUE,
                                 "axes should be different ones of %d, found %" PRId64, rank,
                                 axes[k]);
        }
        marked[axis] = true;
    }
    return RNM_OK;
}

static rnm_status squeezed(rnc_call *call, const rnm_shape *shape, rnm_shape *out) {
    int64_t axes[RNM_MAX_RANK];
    bool marked[RNM_MAX_RANK];
    int count;
    rnm_status status = read_axes(call, axes, &count);
    if (status == RNM_OK) {
        status = mark_axes(call, axes, count, shape->rank, marked);
    }
    if (status != RNM_OK) {
        return status;
    }
    out->rank = 0;
    for (int d = 0; d < shape->rank; d++) {
        if (count < 0 ? shape->dims[d] == 1 : marked[d]) {
            if (shape->dims[d] != 1) {
                return rnc_call_fail(call, RNM_ERR_SHAPE, "axis %d to squeeze is not 1", d);
            }
        } else {
            out->dims[out->rank++] = shape->dims[d];
        }
    }
    return RNM_OK;
}

static rnm_status unsqueezed(rnc_call *call, const rnm_shape *shape, rnm_shape *out) {
    int64_t axes[RNM_MAX_RANK];
    bool marked[RNM_MAX_RANK];
    int count;
    rnm_status status = read_axes(call, axes, &count);
    if (status == RNM_OK && (count < 0 || shape->rank + count > RNM_MAX_RANK)) {
        return rnc_call_fail(call, RNM_ERR_SHAPE,
                             "expected axes, and a result of at most %d of them", RNM_MAX_RANK);
    }
    out->rank = shape->rank + count;
    if (status != RNM_OK || (status = mark_axes(call, axes, count, out->rank, marked)) != RNM_OK) {
        return status;
    }
    for (int d = 0, from = 0; d < out->rank; d++) {
        out->dims[d] = marked[d] ? 1 : shape->dims[from++];
    }
    return RNM_OK;
}

/* The product of dims: that of the numbers, and of the others *symbol, 0 where there are none. */
static rnm_status product(const rnc_call *call, const int64_t *dims, int from, int to,
                          int64_t *number, int64_t *symbol) {
    *number = 1;
    *symbol = 0;
    for (int d = from; d < to; d++) {
        if (dims[d] < 0) {
            *symbol = *symbol == 0 && dims[d] > RNM_DIM_COMPUTED ? dims[d] : RNM_DIM_COMPUTED;
        } else if (__builtin_mul_overflow(*number, dims[d], number) ||
                   *number > RNM_LIMIT_ELEMENTS) {
            return rnc_call_fail(call, RNM_ERR_SHAPE, "its elements are too many to count");
        }
    }
    return RNM_OK;
}

/* A product as one dimension. */
static rnm_status one_dim(const rnc_call *call, int64_t number, int64_t symbol, int64_t *out) {
    *out = symbol == 0 ? number : number == 1 ? symbol : RNM_DIM_COMPUTED;
    return *out <= RNM_LIMIT_DIM ? RNM_OK
                                 : rnc_call_fail(call, RNM_ERR_SHAPE, "a dimension overflows");
}

static rnm_status flattened(rnc_call *call, const rnm_shape *shape, rnm_shape *out) {
    int64_t axis;
    rnm_status status = rnc_attr_int(call, "axis", 1, &axis);
    if (status != RNM_OK) {
        return status;
    }
    if (axis < -shape->rank || axis > shape->rank) {
        return rnc_call_fail(call, RNM_ERR_VALUE,
                             "attribute axis should be in the input's %d axes, found %" PRId64,
                             shape->rank, axis);
    }
    axis += axis < 0 ? shape->rank : 0;
    out->rank = 2;
    for (int half = 0; half < 2 && status == RNM_OK; half++) {
        int64_t number;
        int64_t symbol;
        status = product(call, shape->dims, half == 0 ? 0 : (int)axis,
                         half == 0 ? (int)axis : shape->rank, &number, &symbol);
        status = status == RNM_OK ? one_dim(call, number, symbol, &out->dims[half]) : status;
    }
    return status;
}

static rnm_status reshaped(rnc_call *call, const rnm_shape *shape, rnm_shape *out) {
    int64_t wanted[RNM_MAX_RANK];
    bool symbolic[RNM_MAX_RANK];
    bool allow_zero;
    int rest = -1;
    rnm_status status = rnc_call_ints(call, 1, RNM_MAX_RANK, wanted, symbolic, &out->rank);
    if (status != RNM_OK ||
        (status = rnc_attr_flag(call, "allowzero", false, &allow_zero)) != RNM_OK) {
        return status;
    }
    for (int d = 0; d < out->rank; d++) {
        bool copied = !symbolic[d] && wanted[d] == 0 && !allow_zero;
        if (symbolic[d] && wanted[d] == RNM_DIM_COMPUTED) { /* what is left, in a sound graph */
            symbolic[d] = false;
            wanted[d] = -1;
        }
        if (!symbolic[d] && wanted[d] == -1 && rest >= 0) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "more than one dimension of the new shape, %d and %d, is -1 or "
                                 "depends on symbols (--input-size fixes height and width)",
                                 rest, d);
        }
        if ((copied && d >= shape->rank) || (!symbolic[d] && wanted[d] < -1) ||
            wanted[d] > RNM_LIMIT_DIM) {
            return rnc_call_fail(call, RNM_ERR_VALUE,
                                 "dimension %d of the new shape, %" PRId64 ", means nothing here",
                                 d, wanted[d]);
        }
        out->dims[d] = !copied                              ? wanted[d]
                       : shape->dims[d] == RNM_DIM_COMPUTED ? COPIED_DIM
                                                            : shape->dims[d];
        rest = !symbolic[d] && wanted[d] == -1 ? d : rest;
    }
    int64_t old_number, old_symbol, new_number, new_symbol;
    if (rest >= 0) {
        out->dims[rest] = 1;
    }
    if ((status = product(call, shape->dims, 0, shape->rank, &old_number, &old_symbol)) != RNM_OK ||
        (status = product(call, out->dims, 0, out->rank, &new_number, &new_symbol)) != RNM_OK) {
        return status;
    }
    if (old_symbol == RNM_DIM_COMPUTED || new_symbol == RNM_DIM_COMPUTED) {
        if (rest >= 0) {
            out->dims[rest] = RNM_DIM_COMPUTED;
        }
        return RNM_OK; /* the format's rules tell whether it goes */
    }
    if (rest >= 0) {
        if (new_number == 0 || (old_symbol == new_symbol && old_number % new_number != 0) ||
            (new_symbol != 0 && new_symbol != old_symbol)) {
            return rnc_call_fail(call, RNM_ERR_SHAPE, "the elements do not fill the new shape");
        }
        if (old_symbol != new_symbol && old_number != new_number) {
            out->dims[rest] = RNM_DIM_COMPUTED;
            return RNM_OK;
        }
        return one_dim(call, old_number / new_number, new_symbol == 0 ? old_symbol : 0,
                       &out->dims[rest]);
    }
    return old_number == new_number && old_symbol == new_symbol
               ? RNM_OK
               : rnc_call_fail(call, RNM_ERR_SHAPE, "the elements do not fill the new shape");
}

rnm_status rnc_reshaped(rnc_call *call, const rnm_shape *shape, rnm_shape *out) {
    static const struct {
        const char *op;
        rnm_status (*shape)(rnc_call *, const rnm_shape *, rnm_shape *);
    } ways[] = {
        {"Reshape", reshaped},
        {"Flatten", flattened},
        {"Squeeze", squeezed},
        {"Unsqueeze", unsqueezed},
    };
    *out = (rnm_shape){.dtype = shape->dtype};
    size_t k = 0;
    while (strcmp(ways[k].op, call->op) != 0) {
        k++;
    }
    return ways[k].shape(call, shape, out);
}

/* True where a Reshape may not be able to say which dim goes where. */
static bool is_ambiguous(const rnm_shape *shape) {
    int open = 0;
    for (int d = 0; d < shape->rank; d++) {
        open += shape->dims[d] == RNM_DIM_COMPUTED ? 2 : shape->dims[d] < 0;
    }
    return open > 1;
}

/* Squeeze and Unsqueeze as such. */
static rnm_status emit_axes(rnc_call *call, rnc_value *input) {
    rnm_op op = rnm_op_by_name(call->op);
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t axes[RNM_MAX_RANK];
    int count;
    rnm_status status = read_axes(call, axes, &count);
    if (status != RNM_OK || (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    bool all = count < 0;
    for (int d = 0; all && d < input->shape.rank; d++) {
        if (input->shape.dims[d] == 1) {
            count = count < 0 ? 0 : count;
            axes[count++] = d;
        }
    }
    if (count <= 0) {
        return rnc_convert_identity(call);
    }
    rnc_set_ints(&attrs, "axes", axes, count);
    return rnc_emit_call(call, op, &attrs, &input, 1);
}

rnm_status rnc_convert_reshape(rnc_call *call) {
    rnc_value *input;
    rnm_shape shape;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status == RNM_OK && is_ambiguous(&input->shape) &&
        (call->op[0] == 'S' || call->op[0] == 'U')) {
        return emit_axes(call, input);
    }
    if (status != RNM_OK || (status = rnc_reshaped(call, &input->shape, &shape)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    return rnc_emit_reshape(call, input, &shape);
}

/* One of the wanted dims is 0 where it is copied, -1 where it is what is left: symbols are never
 * named. */
static bool reshape_list(const rnm_shape *from, const rnm_shape *to, int64_t *list) {
    bool rest = false;
    for (int d = 0; d < to->rank; d++) {
        list[d] = to->dims[d];
        if (to->dims[d] < 0) {
            bool copied =
                to->dims[d] == COPIED_DIM ||
                (to->dims[d] != RNM_DIM_COMPUTED && d < from->rank && from->dims[d] == to->dims[d]);
            if (!copied && rest) {
                return false;
            }
            list[d] = copied ? 0 : -1;
            rest = rest || !copied;
        }
    }
    return true;
}

rnm_status rnc_emit_reshape(rnc_call *call, rnc_value *value, const rnm_shape *shape) {
    const rnm_shape *from = &value->shape;
    if (rnm_shape_equal(from, shape)) {
        return rnc_bind_value(call, 0, value);
    }
    bool flat = shape->rank == 2 && from->rank >= 1 &&
                (from->dims[0] == shape->dims[0] || shape->dims[0] == COPIED_DIM);
    for (int d = 1; d < from->rank; d++) { /* a number in its place may be wrong */
        flat = flat && (from->dims[d] >= 0 || shape->dims[1] < 0);
    }
    if (flat) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Flatten, 0);
        return rnc_emit_call(call, RNM_OP_Flatten, &attrs, &value, 1);
    }
    rnm_op op = rnm_op_by_name("Reshape");
    int64_t list[RNM_MAX_RANK];
    if (op == RNM_OP_NONE || !reshape_list(from, shape, list)) {
        char old[RNM_SHAPE_TEXT];
        char new[RNM_SHAPE_TEXT];
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "%s cannot be given the shape %s",
                             rnm_shape_text(from, old, sizeof old),
                             rnm_shape_text(shape, new, sizeof new));
    }
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    bool zero = false;
    for (int d = 0; d < shape->rank; d++) {
        zero = zero || shape->dims[d] == 0;
    }
    rnc_set_ints(&attrs, "shape", list, shape->rank);
    rnc_set_int(&attrs, "allowzero", zero);
    return rnc_emit_call(call, op, &attrs, &value, 1);
}
