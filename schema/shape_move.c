/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of operators that only move elements.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

/* ---- common ---------------------------------------------------------------------------------- */

/* Marks the axes of a list attribute, each in [-rank, rank) and there once. */
static rnm_status mark_axes(const rnm_shape_call *call, const rnm_int_list *axes, int rank,
                            bool marked[RNM_MAX_RANK]) {
    for (int k = 0; k < RNM_MAX_RANK; k++) {
        marked[k] = false;
    }
    for (int64_t k = 0; k < axes->count; k++) {
        int64_t axis = axes->at[k] < 0 ? axes->at[k] + rank : axes->at[k];
        if (axis < 0 || axis >= rank || marked[axis]) {
            return rnm_fail(call->err, RNM_ERR_VALUE,
                            "axes of %s must be different numbers in [%d, %d], found %lld",
                            call->name, -rank, rank - 1, (long long)axes->at[k]);
        }
        marked[axis] = true;
    }
    return RNM_OK;
}

/* That a list attribute has so many entries. */
static rnm_status check_count(const rnm_shape_call *call, const char *what, int64_t wanted,
                              int64_t found) {
    if (found != wanted) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "%s of %s must have %lld entries, found %lld",
                        what, call->name, (long long)wanted, (long long)found);
    }
    return RNM_OK;
}

/* ---- Reshape, Squeeze, Unsqueeze ------------------------------------------------------------- */

/* A product of dims: of its numbers, and how often each symbol stands in it. */
typedef struct product {
    int64_t numbers;
    int64_t symbols[RNM_MAX_RANK];
    int symbol_count;
} product;

static bool multiply(product *p, int64_t dim) {
    if (dim < 0) {
        p->symbols[p->symbol_count++] = dim;
        return true;
    }
    return !__builtin_mul_overflow(p->numbers, dim, &p->numbers);
}

/* Takes the symbols of `b` out of `a`; false where one is not there. */
static bool cancel(product *a, const product *b) {
    for (int k = 0; k < b->symbol_count; k++) {
        int at = 0;
        while (at < a->symbol_count && a->symbols[at] != b->symbols[k]) {
            at++;
        }
        if (at == a->symbol_count) {
            return false;
        }
        a->symbols[at] = a->symbols[--a->symbol_count];
    }
    return true;
}

/* The dim that -1 stands for, or 0 where there is none that fits. */
static int64_t missing_dim(const product *rest, int64_t known) {
    if (known == 0) {
        return 0;
    }
    if (rest->symbol_count > 0) {
        bool alone = rest->symbol_count == 1 && rest->numbers == known;
        return alone ? rest->symbols[0] : RNM_DIM_COMPUTED;
    }
    return rest->numbers % known == 0 ? rest->numbers / known : 0;
}

/* Output dims, -1 left as 0 in *missing, which is its axis or -1. */
static rnm_status read_shape(rnm_shape_call *call, product *known, int *missing) {
    const rnm_shape *in = call->inputs[0];
    const rnm_int_list *list = &call->attrs->shape;
    *missing = -1;
    call->out->rank = (int)list->count;
    for (int axis = 0; axis < call->out->rank; axis++) {
        int64_t dim = list->at[axis];
        if (dim == -1 && *missing < 0) {
            *missing = axis;
            continue;
        }
        bool copies = dim == 0 && !call->attrs->allowzero;
        if (dim < 0 || (copies && axis >= in->rank)) {
            return rnm_fail(call->err, RNM_ERR_VALUE,
                            "shape[%d] of Reshape must be a size, 0 for that of the same axis, or "
                            "one -1, found %lld",
                            axis, (long long)dim);
        }
        call->out->dims[axis] = copies ? in->dims[axis] : dim;
        if (!multiply(known, call->out->dims[axis])) {
            return rnm_fail(call->err, RNM_ERR_LIMIT, "the shape of Reshape overflows");
        }
    }
    return RNM_OK;
}

rnm_status rnm_shape_reshape(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    product rest = {.numbers = 1}, known = {.numbers = 1};
    int missing;
    if (call->attrs->shape.count > RNM_MAX_RANK) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "shape of Reshape must have at most %d entries",
                        RNM_MAX_RANK);
    }
    rnm_status status = read_shape(call, &known, &missing);
    if (status != RNM_OK) {
        return status;
    }
    for (int axis = 0; axis < in->rank; axis++) {
        if (!multiply(&rest, in->dims[axis])) {
            return rnm_fail(call->err, RNM_ERR_LIMIT, "the input of Reshape overflows");
        }
    }
    bool fits = cancel(&rest, &known);
    if (fits && missing >= 0) {
        int64_t dim = missing_dim(&rest, known.numbers);
        call->out->dims[missing] = dim;
        fits = dim != 0 || (rest.numbers == 0 && known.numbers != 0);
    } else if (fits) {
        fits = rest.symbol_count == 0 && rest.numbers == known.numbers;
    }
    if (!fits) {
        char from[RNM_SHAPE_TEXT];
        char to[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE, "Reshape cannot make %s of %s",
                        rnm_shape_text(call->out, to, sizeof to),
                        rnm_shape_text(in, from, sizeof from));
    }
    return RNM_OK;
}

rnm_status rnm_shape_squeeze(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    bool marked[RNM_MAX_RANK];
    rnm_status status = mark_axes(call, &call->attrs->axes, in->rank, marked);
    const bool all = call->attrs->axes.count == 0;
    for (int axis = 0; status == RNM_OK && all && axis < in->rank; axis++) {
        status = rnm_shape_check_fixed(call, 0, axis); /* or the rank would depend on it */
    }
    for (int axis = 0; status == RNM_OK && axis < in->rank; axis++) {
        if (marked[axis] && in->dims[axis] != 1) {
            char text[RNM_SHAPE_TEXT];
            return rnm_fail(call->err, RNM_ERR_SHAPE,
                            "Squeeze can take out axis %d only where it is 1, found %s", axis,
                            rnm_shape_text(in, text, sizeof text));
        }
        if (!marked[axis] && !(all && in->dims[axis] == 1)) {
            call->out->dims[call->out->rank++] = in->dims[axis];
        }
    }
    return status;
}

rnm_status rnm_shape_unsqueeze(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    bool marked[RNM_MAX_RANK];
    int64_t rank = in->rank + call->attrs->axes.count;
    if (rank > RNM_MAX_RANK) {
        return rnm_fail(call->err, RNM_ERR_LIMIT, "output of Unsqueeze has rank %lld, most is %d",
                        (long long)rank, RNM_MAX_RANK);
    }
    rnm_status status = mark_axes(call, &call->attrs->axes, (int)rank, marked);
    call->out->rank = (int)rank;
    for (int axis = 0, from = 0; status == RNM_OK && axis < rank; axis++) {
        call->out->dims[axis] = marked[axis] ? 1 : in->dims[from++];
    }
    return status;
}

/* ---- Transpose, DepthToSpace, SpaceToDepth --------------------------------------------------- */

rnm_status rnm_shape_transpose(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    const rnm_int_list *perm = &call->attrs->perm;
    bool marked[RNM_MAX_RANK];
    rnm_status status =
        perm->count == 0 ? RNM_OK : check_count(call, "perm", in->rank, perm->count);
    if (status == RNM_OK) {
        status = mark_axes(call, perm, in->rank, marked);
    }
    call->out->rank = in->rank;
    for (int axis = 0; status == RNM_OK && axis < in->rank; axis++) {
        int64_t from = perm->count == 0 ? in->rank - 1 - axis : perm->at[axis];
        if (from < 0) {
            return rnm_fail(call->err, RNM_ERR_VALUE, "perm of Transpose must not be negative");
        }
        call->out->dims[axis] = in->dims[from];
    }
    return status;
}

static rnm_status check_blocks(const rnm_shape_call *call) {
    int64_t block = call->attrs->blocksize;
    rnm_status status = rnm_shape_check_rank(call, 0, 4, 4);
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    if (status == RNM_OK && (block < 1 || block > INT16_MAX)) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "blocksize of %s must be from 1 to %d, found %lld", call->name, INT16_MAX,
                        (long long)block);
    }
    return status;
}

/* The dim times `by`. */
static int64_t times(int64_t dim, int64_t by) {
    return dim >= 0 ? dim * by : by == 1 ? dim : RNM_DIM_COMPUTED;
}

/* The dim divided by `by`, which must go. */
static rnm_status divide(rnm_shape_call *call, int axis, int64_t by) {
    int64_t dim = call->inputs[0]->dims[axis];
    if (dim < 0) {
        call->out->dims[axis] = by == 1 ? dim : RNM_DIM_COMPUTED;
        return RNM_OK;
    }
    if (dim % by != 0) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "dim %d of %s must be a multiple of %lld, is %lld", axis, call->name,
                        (long long)by, (long long)dim);
    }
    call->out->dims[axis] = dim / by;
    return RNM_OK;
}

rnm_status rnm_shape_depth_to_space(rnm_shape_call *call) {
    rnm_status status = check_blocks(call);
    if (status != RNM_OK) {
        return status;
    }
    int64_t block = call->attrs->blocksize;
    rnm_shape_dims(call->out, call->inputs[0]);
    call->out->dims[2] = times(call->out->dims[2], block);
    call->out->dims[3] = times(call->out->dims[3], block);
    return divide(call, 1, block * block);
}

rnm_status rnm_shape_space_to_depth(rnm_shape_call *call) {
    rnm_status status = check_blocks(call);
    if (status != RNM_OK) {
        return status;
    }
    int64_t block = call->attrs->blocksize;
    rnm_shape_dims(call->out, call->inputs[0]);
    call->out->dims[1] *= block * block;
    status = divide(call, 2, block);
    return status == RNM_OK ? divide(call, 3, block) : status;
}

/* ---- Slice, Split ---------------------------------------------------------------------------- */

static int64_t clamp(int64_t at, int64_t least, int64_t most) {
    return at < least ? least : at > most ? most : at;
}

rnm_range rnm_slice_range(const rnm_node_attrs *attrs, int64_t k, const rnm_shape *shape) {
    int64_t axis = attrs->axes.at[k];
    rnm_range range = {.axis = (int)(axis < 0 ? axis + shape->rank : axis), .step = 1};
    const int64_t dim = shape->dims[range.axis];
    int64_t start = attrs->starts.at[k], end = attrs->ends.at[k];
    if (attrs->steps.count > 0) {
        range.step = clamp(attrs->steps.at[k], -RNM_LIMIT_DIM, RNM_LIMIT_DIM);
    }
    start += start < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    if (range.step > 0) {
        range.start = clamp(start, 0, dim);
        int64_t past = clamp(end, 0, dim);
        range.count = past > range.start ? (past - range.start - 1) / range.step + 1 : 0;
    } else {
        range.start = start < 0 ? 0 : start > dim - 1 ? dim - 1 : start;
        int64_t past = clamp(end, -1, dim - 1);
        range.count = past < range.start ? (range.start - past - 1) / -range.step + 1 : 0;
    }
    if (range.count < 2) {
        range.start = range.count == 0 ? 0 : range.start;
        range.step = 1;
    }
    return range;
}

/* True where entry k takes all of its axis, whatever its size. */
static bool takes_all(const rnm_node_attrs *attrs, int64_t k) {
    return attrs->starts.at[k] == 0 && attrs->ends.at[k] >= RNM_LIMIT_DIM &&
           (attrs->steps.count == 0 || attrs->steps.at[k] == 1);
}

rnm_status rnm_shape_slice(rnm_shape_call *call) {
    const rnm_node_attrs *attrs = call->attrs;
    const rnm_shape *in = call->inputs[0];
    bool marked[RNM_MAX_RANK];
    rnm_status status = mark_axes(call, &attrs->axes, in->rank, marked);
    if (status == RNM_OK) {
        status = check_count(call, "starts", attrs->axes.count, attrs->starts.count);
    }
    if (status == RNM_OK) {
        status = check_count(call, "ends", attrs->axes.count, attrs->ends.count);
    }
    if (status == RNM_OK && attrs->steps.count > 0) {
        status = check_count(call, "steps", attrs->axes.count, attrs->steps.count);
    }
    rnm_shape_dims(call->out, in);
    for (int64_t k = 0; status == RNM_OK && k < attrs->axes.count; k++) {
        int64_t axis = attrs->axes.at[k] < 0 ? attrs->axes.at[k] + in->rank : attrs->axes.at[k];
        if (attrs->steps.count > 0 && attrs->steps.at[k] == 0) {
            return rnm_fail(call->err, RNM_ERR_VALUE, "steps of Slice must not be 0");
        }
        if (in->dims[axis] >= 0) {
            call->out->dims[axis] = rnm_slice_range(attrs, k, in).count;
        } else if (!takes_all(attrs, k)) {
            call->out->dims[axis] = RNM_DIM_COMPUTED;
        }
    }
    return status;
}

/* Whether the parts fill the axis tells when a context has its size. */
static rnm_status split_symbol(rnm_shape_call *call, int axis) {
    const rnm_int_list *split = &call->attrs->split;
    for (int k = 0; k < call->output_count; k++) {
        int64_t part = split->count > 0          ? split->at[k]
                       : call->output_count == 1 ? call->inputs[0]->dims[axis]
                                                 : RNM_DIM_COMPUTED;
        if (split->count > 0 && (part < 0 || part > RNM_LIMIT_DIM)) {
            return rnm_fail(call->err, RNM_ERR_VALUE,
                            "split of Split must be from 0 to %lld, found %lld",
                            (long long)RNM_LIMIT_DIM, (long long)part);
        }
        rnm_shape_dims(&call->out[k], call->inputs[0]);
        call->out[k].dims[axis] = part;
    }
    return RNM_OK;
}

rnm_status rnm_shape_split(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    const rnm_int_list *split = &call->attrs->split;
    const int count = call->output_count;
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, in->rank, in->rank, &axis);
    }
    if (status == RNM_OK && split->count > 0) {
        status = check_count(call, "split", count, split->count);
    }
    const int64_t dim = status == RNM_OK ? in->dims[axis] : 0;
    if (dim < 0) {
        return split_symbol(call, axis);
    }
    int64_t rest = dim;
    bool fits = split->count > 0 || rest % count == 0;
    for (int k = 0; status == RNM_OK && k < count; k++) {
        int64_t part = split->count > 0 ? split->at[k] : dim / count;
        fits = fits && part >= 0 && part <= rest;
        rest -= fits ? part : 0;
        rnm_shape_dims(&call->out[k], in);
        call->out[k].dims[axis] = part;
    }
    if (status == RNM_OK && (!fits || rest != 0)) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "split of Split must cut %lld elements into %d parts, none left over",
                        (long long)dim, count);
    }
    return status;
}

/* ---- Expand, Tile, Pad ----------------------------------------------------------------------- */

rnm_status rnm_shape_expand(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    const rnm_int_list *list = &call->attrs->shape;
    if (list->count > RNM_MAX_RANK) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "shape of Expand must have at most %d entries",
                        RNM_MAX_RANK);
    }
    int rank = in->rank > list->count ? in->rank : (int)list->count;
    call->out->rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        int own = axis - rank + in->rank;
        int64_t at = axis - rank + list->count;
        int64_t dim = own >= 0 ? in->dims[own] : 1;
        int64_t wanted = at >= 0 ? list->at[at] : 1;
        bool open = dim == RNM_DIM_COMPUTED;
        if (wanted < 0 || (wanted != 1 && dim != 1 && dim != wanted && !open)) {
            char text[RNM_SHAPE_TEXT];
            return rnm_fail(call->err, RNM_ERR_SHAPE, "Expand cannot make dim %d of %s %lld", axis,
                            rnm_shape_text(in, text, sizeof text), (long long)wanted);
        }
        call->out->dims[axis] = wanted == 1 ? dim : wanted;
    }
    return RNM_OK;
}

rnm_status rnm_shape_tile(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    const rnm_int_list *repeats = &call->attrs->repeats;
    rnm_status status = check_count(call, "repeats", in->rank, repeats->count);
    rnm_shape_dims(call->out, in);
    for (int axis = 0; status == RNM_OK && axis < in->rank; axis++) {
        int64_t repeat = repeats->at[axis];
        if (repeat < 0 || repeat > RNM_LIMIT_DIM) {
            return rnm_fail(call->err, RNM_ERR_VALUE,
                            "repeats[%d] of Tile must be from 0 to %lld, found %lld", axis,
                            (long long)RNM_LIMIT_DIM, (long long)repeat);
        }
        call->out->dims[axis] = times(in->dims[axis], repeat);
    }
    return status;
}

static rnm_status pad_axis(rnm_shape_call *call, int axis, int64_t before, int64_t after) {
    const int64_t dim = call->inputs[0]->dims[axis];
    const int64_t most = RNM_LIMIT_DIM;
    if (before < -most || before > most || after < -most || after > most) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "pad of Pad must be from %lld to %lld, found %lld and %lld",
                        (long long)-most, (long long)most, (long long)before, (long long)after);
    }
    if (before == 0 && after == 0) {
        return RNM_OK;
    }
    if (dim < 0) {
        call->out->dims[axis] = RNM_DIM_COMPUTED;
        return RNM_OK;
    }
    int64_t padded = dim + before + after;
    bool reflects = call->attrs->mode == RNM_PAD_REFLECT;
    bool outside = call->attrs->mode != RNM_PAD_CONSTANT && dim == 0 && padded > 0;
    if (padded < 0 || outside || (reflects && (before >= dim || after >= dim))) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "Pad cannot add %lld and %lld to the %lld elements of axis %d",
                        (long long)before, (long long)after, (long long)dim, axis);
    }
    call->out->dims[axis] = padded;
    return RNM_OK;
}

rnm_status rnm_shape_pad(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    const rnm_shape *value = rnm_shape_input(call, 1);
    const rnm_int_list *pad = &call->attrs->pad;
    int64_t elements = 1;
    if (value != NULL && (!rnm_shape_elements(value, &elements) || elements != 1)) {
        return rnm_fail(call->err, RNM_ERR_SHAPE, "input 1 of Pad must be one element");
    }
    if (call->attrs->mode < 0 || call->attrs->mode >= RNM_PAD_KNOWN) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "mode of Pad must be from 0 to %d, found %lld",
                        RNM_PAD_KNOWN - 1, (long long)call->attrs->mode);
    }
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = check_count(call, "pad", 2 * in->rank, pad->count);
    }
    rnm_shape_dims(call->out, in);
    for (int axis = 0; status == RNM_OK && axis < in->rank; axis++) {
        status = pad_axis(call, axis, pad->at[axis], pad->at[in->rank + axis]);
    }
    return status;
}

/* ---- Shape ----------------------------------------------------------------------------------- */

int64_t rnm_shape_bound(int64_t at, int rank) {
    at += at < 0 ? rank : 0;
    return clamp(at, 0, rank);
}

rnm_status rnm_shape_shape(rnm_shape_call *call) {
    int rank = call->inputs[0]->rank;
    int64_t start = rnm_shape_bound(call->attrs->start, rank);
    int64_t end = rnm_shape_bound(call->attrs->end, rank);
    call->out->rank = 1;
    call->out->dims[0] = end > start ? end - start : 0;
    return RNM_OK;
}
