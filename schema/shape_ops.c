/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of everything that does not slide a window, and the checks that the operators
 * have in common.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

#include <string.h>

/* ---- common checks --------------------------------------------------------------------------- */

const rnm_shape *rnm_shape_input(const rnm_shape_call *call, int k) {
    return k < call->input_count ? call->inputs[k] : NULL;
}

rnm_status rnm_shape_check_rank(const rnm_shape_call *call, int k, int least, int most) {
    int rank = call->inputs[k]->rank;
    if (rank < least || rank > most) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "input %d of %s must have rank %d to %d, found %d", k, call->name, least,
                        most, rank);
    }
    return RNM_OK;
}

rnm_status rnm_shape_check_fixed(const rnm_shape_call *call, int k, int axis) {
    if (call->inputs[k]->dims[axis] < 0) {
        bool computed = call->inputs[k]->dims[axis] == RNM_DIM_COMPUTED;
        return rnm_fail(call->err, RNM_ERR_UNSUPPORTED,
                        "dim %d of input %d of %s must be a number, found %s", axis, k, call->name,
                        computed ? "one that depends on symbols" : "a symbol");
    }
    return RNM_OK;
}

rnm_status rnm_shape_check_channels(const rnm_shape_call *call, int k, int64_t channels) {
    const rnm_shape *input = rnm_shape_input(call, k);
    if (input != NULL && (input->rank != 1 || input->dims[0] != channels)) {
        char text[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "input %d of %s must have shape %lld, one for each channel, found %s", k,
                        call->name, (long long)channels, rnm_shape_text(input, text, sizeof text));
    }
    return RNM_OK;
}

rnm_status rnm_shape_check_residual(const rnm_shape_call *call, int k) {
    const rnm_shape *input = rnm_shape_input(call, k);
    if (input != NULL && !rnm_shape_meets(input, call->out)) {
        char expected[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "input %d of %s, the residual, must have the output's shape %s, found %s",
                        k, call->name, rnm_shape_text(call->out, expected, sizeof expected),
                        rnm_shape_text(input, found, sizeof found));
    }
    return RNM_OK;
}

rnm_status rnm_shape_axis_of(const rnm_shape_call *call, int64_t given, int rank, int past,
                             int *axis) {
    if (given < -rank || given >= past) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "axis of %s must be in [%d, %d], found %lld",
                        call->name, -rank, past - 1, (long long)given);
    }
    *axis = (int)(given < 0 ? given + rank : given);
    return RNM_OK;
}

rnm_status rnm_shape_axis(const rnm_shape_call *call, int rank, int past, int *axis) {
    return rnm_shape_axis_of(call, call->attrs->axis, rank, past, axis);
}

/* ---- element by element ---------------------------------------------------------------------- */

void rnm_shape_dims(rnm_shape *out, const rnm_shape *from) {
    out->rank = from->rank;
    memcpy(out->dims, from->dims, sizeof out->dims);
}

rnm_status rnm_shape_same(rnm_shape_call *call) {
    rnm_shape_dims(call->out, call->inputs[0]);
    return RNM_OK;
}

rnm_status rnm_shape_scale_bias(rnm_shape_call *call) {
    rnm_status status = rnm_shape_check_rank(call, 0, 2, 5);
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    for (int k = 1; status == RNM_OK && k < 3; k++) {
        status = rnm_shape_check_channels(call, k, call->inputs[0]->dims[1]);
    }
    return status == RNM_OK ? rnm_shape_same(call) : status;
}

rnm_status rnm_shape_along_axis(rnm_shape_call *call) {
    int rank = call->inputs[0]->rank;
    int axis;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, rank, rank, &axis);
    }
    return status == RNM_OK ? rnm_shape_same(call) : status;
}

/* ---- rearranging ----------------------------------------------------------------------------- */

/* Joins input k to the output along the axis. */
static rnm_status concat_one(rnm_shape_call *call, int k, int axis) {
    const rnm_shape *input = call->inputs[k];
    rnm_shape wanted = *call->out;
    if (input->rank == wanted.rank) {
        wanted.dims[axis] = input->dims[axis];
    }
    if (!rnm_shape_meets(input, &wanted)) {
        char first[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "input %d of Concat must equal input 0, %s, but for dim %d, found %s", k,
                        rnm_shape_text(call->inputs[0], first, sizeof first), axis,
                        rnm_shape_text(input, found, sizeof found));
    }
    const int64_t before = call->out->dims[axis], more = input->dims[axis];
    for (int other = 0; other < wanted.rank; other++) {
        rnm_dim_meet(wanted.dims[other], input->dims[other], &call->out->dims[other]);
    }
    /* At most 4096 inputs of 2^31 each: no overflow. */
    call->out->dims[axis] = before < 0 || more < 0 ? RNM_DIM_COMPUTED : before + more;
    return RNM_OK;
}

rnm_status rnm_shape_concat(rnm_shape_call *call) {
    int rank = call->inputs[0]->rank;
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, rank, rank, &axis);
    }
    if (status == RNM_OK) {
        *call->out = *call->inputs[0];
    }
    for (int k = 1; status == RNM_OK && k < call->input_count; k++) {
        status = concat_one(call, k, axis);
    }
    return status;
}

/* The product of dims [first, past). One symbol stays where everything else is 1. */
static rnm_status flatten_range(rnm_shape_call *call, int first, int past, int64_t *out) {
    int64_t product = 1;
    for (int axis = first; axis < past; axis++) {
        int64_t dim = call->inputs[0]->dims[axis];
        if (dim == 1) {
            continue;
        }
        if (product == 1) {
            product = dim;
            continue;
        }
        if (dim < 0 || product < 0) {
            product = RNM_DIM_COMPUTED;
            continue;
        }
        if (__builtin_mul_overflow(product, dim, &product)) {
            return rnm_fail(call->err, RNM_ERR_LIMIT,
                            "product of dims %d to %d of the input of Flatten overflows", first,
                            past - 1);
        }
    }
    *out = product;
    return RNM_OK;
}

rnm_status rnm_shape_flatten(rnm_shape_call *call) {
    int rank = call->inputs[0]->rank;
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, rank, rank + 1, &axis);
    }
    if (status == RNM_OK) {
        status = flatten_range(call, 0, axis, &call->out->dims[0]);
    }
    if (status == RNM_OK) {
        status = flatten_range(call, axis, rank, &call->out->dims[1]);
    }
    call->out->rank = 2;
    return status;
}

/* ---- Gemm ------------------------------------------------------------------------------------ */

rnm_status rnm_shape_gemm(rnm_shape_call *call) {
    const rnm_shape *a = call->inputs[0];
    const rnm_shape *w = call->inputs[1];
    rnm_status status = rnm_shape_check_rank(call, 0, 2, 2);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, 1, 2, 2);
    }
    for (int axis = 0; status == RNM_OK && axis < 2; axis++) {
        status = rnm_shape_check_fixed(call, 1, axis);
    }
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    if (status != RNM_OK) {
        return status;
    }
    if (a->dims[1] != w->dims[1]) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "Gemm's weight takes %lld inputs, found %lld columns",
                        (long long)w->dims[1], (long long)a->dims[1]);
    }
    call->out->rank = 2;
    call->out->dims[0] = a->dims[0];
    call->out->dims[1] = w->dims[0];
    for (int k = 2; status == RNM_OK && k < 4; k++) {
        status = rnm_shape_check_channels(call, k, w->dims[0]);
    }
    return status == RNM_OK ? rnm_shape_check_residual(call, 4) : status;
}
