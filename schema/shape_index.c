/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of operators that read or write where indices say. What the indices are is only
 * known at run time.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

/* Adds a dim to the output. */
static rnm_status add_dim(rnm_shape_call *call, int64_t dim) {
    if (call->out->rank == RNM_MAX_RANK) {
        return rnm_fail(call->err, RNM_ERR_LIMIT, "output of %s has a rank over %d", call->name,
                        RNM_MAX_RANK);
    }
    call->out->dims[call->out->rank++] = dim;
    return RNM_OK;
}

/* Adds dims [first, past) of a shape. */
static rnm_status add_dims(rnm_shape_call *call, const rnm_shape *shape, int first, int past) {
    rnm_status status = RNM_OK;
    for (int axis = first; status == RNM_OK && axis < past; axis++) {
        status = add_dim(call, shape->dims[axis]);
    }
    return status;
}

rnm_status rnm_shape_gather(rnm_shape_call *call) {
    const rnm_shape *data = call->inputs[0], *indices = call->inputs[1];
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, data->rank, data->rank, &axis);
    }
    if (status == RNM_OK) {
        status = add_dims(call, data, 0, axis);
    }
    if (status == RNM_OK) {
        status = add_dims(call, indices, 0, indices->rank);
    }
    return status == RNM_OK ? add_dims(call, data, axis + 1, data->rank) : status;
}

/* That indices lie inside the data along all axes but that of the node. */
static rnm_status check_elements(const rnm_shape_call *call) {
    const rnm_shape *data = call->inputs[0], *indices = call->inputs[1];
    int own = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, 1, data->rank, data->rank);
    }
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, data->rank, data->rank, &own);
    }
    for (int axis = 0; status == RNM_OK && axis < data->rank; axis++) {
        bool fits = axis == own || data->dims[axis] == indices->dims[axis] ||
                    (data->dims[axis] >= 0 && indices->dims[axis] >= 0 &&
                     indices->dims[axis] <= data->dims[axis]);
        if (!fits) {
            char expected[RNM_SHAPE_TEXT];
            char found[RNM_SHAPE_TEXT];
            return rnm_fail(call->err, RNM_ERR_SHAPE,
                            "indices of %s must lie inside %s but for axis %d, found %s",
                            call->name, rnm_shape_text(data, expected, sizeof expected), own,
                            rnm_shape_text(indices, found, sizeof found));
        }
    }
    return status;
}

rnm_status rnm_shape_gather_elements(rnm_shape_call *call) {
    rnm_shape_dims(call->out, call->inputs[1]);
    return check_elements(call);
}

static rnm_status check_updates(const rnm_shape_call *call, rnm_shape wanted) {
    wanted.dtype = call->inputs[2]->dtype;
    if (!rnm_shape_equal(&wanted, call->inputs[2])) {
        char expected[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE, "updates of %s must have shape %s, found %s",
                        call->name, rnm_shape_text(&wanted, expected, sizeof expected),
                        rnm_shape_text(call->inputs[2], found, sizeof found));
    }
    return RNM_OK;
}

rnm_status rnm_shape_scatter_elements(rnm_shape_call *call) {
    rnm_shape_dims(call->out, call->inputs[0]);
    rnm_status status = check_elements(call);
    return status == RNM_OK ? check_updates(call, *call->inputs[1]) : status;
}

/* The dims of what tuples of indices name: those of the indices but the last, then those of the
 * data behind batch and tuple. */
static rnm_status name_slices(rnm_shape_call *call, int64_t batch) {
    const rnm_shape *data = call->inputs[0], *indices = call->inputs[1];
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, 1, 1, RNM_MAX_RANK);
    }
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 1, indices->rank - 1);
    }
    if (status != RNM_OK) {
        return status;
    }
    int64_t tuple = indices->dims[indices->rank - 1];
    if (batch < 0 || batch >= indices->rank || tuple < 1 || tuple > data->rank - batch) {
        return rnm_fail(
            call->err, RNM_ERR_SHAPE,
            "%s wants tuples of 1 to %lld indices behind %lld axes of batch, found %lld",
            call->name, (long long)(data->rank - batch), (long long)batch, (long long)tuple);
    }
    for (int axis = 0; axis < batch; axis++) {
        if (data->dims[axis] != indices->dims[axis]) {
            return rnm_fail(call->err, RNM_ERR_SHAPE,
                            "data and indices of %s must have equal batches", call->name);
        }
    }
    status = add_dims(call, indices, 0, indices->rank - 1);
    return status == RNM_OK ? add_dims(call, data, (int)(batch + tuple), data->rank) : status;
}

rnm_status rnm_shape_gather_nd(rnm_shape_call *call) {
    return name_slices(call, call->attrs->batch_dims);
}

rnm_status rnm_shape_scatter_nd(rnm_shape_call *call) {
    rnm_status status = name_slices(call, 0);
    if (status == RNM_OK) {
        status = check_updates(call, *call->out);
    }
    rnm_shape_dims(call->out, call->inputs[0]);
    return status;
}
