/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of operators that run along axes and make them shorter.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

rnm_status rnm_shape_axes(const rnm_shape_call *call, int rank, uint32_t *set) {
    const rnm_int_list *axes = &call->attrs->axes;
    *set = axes->count == 0 ? (1u << rank) - 1 : 0;
    for (int64_t k = 0; k < axes->count; k++) {
        int axis;
        rnm_status status = rnm_shape_axis_of(call, axes->at[k], rank, rank, &axis);
        if (status != RNM_OK) {
            return status;
        }
        if ((*set >> axis & 1) != 0) {
            return rnm_fail(call->err, RNM_ERR_VALUE, "axes of %s must be distinct, found %d twice",
                            call->name, axis);
        }
        *set |= 1u << axis;
    }
    return RNM_OK;
}

/* The input's shape without the axes of a set, or with 1 in their place. */
static void drop_axes(rnm_shape_call *call, uint32_t set) {
    const rnm_shape *in = call->inputs[0];
    for (int axis = 0; axis < in->rank; axis++) {
        bool gone = (set >> axis & 1) != 0;
        if (!gone || call->attrs->keepdims) {
            call->out->dims[call->out->rank++] = gone ? 1 : in->dims[axis];
        }
    }
}

/* What is reduced may be empty where the operator knows what nothing comes to. */
rnm_status rnm_shape_reduce(rnm_shape_call *call) {
    uint32_t set;
    rnm_status status = rnm_shape_axes(call, call->inputs[0]->rank, &set);
    if (status == RNM_OK) {
        drop_axes(call, set);
    }
    return status;
}

rnm_status rnm_shape_arg(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    int axis;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, in->rank, in->rank, &axis);
    }
    if (status == RNM_OK && in->dims[axis] == 0) {
        return rnm_fail(call->err, RNM_ERR_SHAPE, "axis %d of the input of %s must not be empty",
                        axis, call->name);
    }
    if (status == RNM_OK) {
        drop_axes(call, 1u << axis);
    }
    return status;
}

rnm_status rnm_shape_top_k(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, in->rank, in->rank, &axis);
    }
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, axis);
    }
    if (status == RNM_OK && (call->attrs->k < 0 || call->attrs->k > in->dims[axis])) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "k of TopK must be in [0, %lld], found %lld",
                        (long long)in->dims[axis], (long long)call->attrs->k);
    }
    for (int k = 0; status == RNM_OK && k < call->output_count; k++) {
        rnm_shape_dims(&call->out[k], in);
        call->out[k].dims[axis] = call->attrs->k;
    }
    return status;
}
