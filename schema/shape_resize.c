/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of Resize.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

#include <math.h>

/* Tables are made for a resized axis: longer outputs no image has. */
#define MOST_OUTPUT ((int64_t)1 << 20)
#define MOST_AXES 3

static bool crops(const rnm_node_attrs *attrs, const rnm_shape *in, int axis) {
    return attrs->coordinates == RNM_COORDINATES_TF_CROP_AND_RESIZE && attrs->roi.count > 0 &&
           (attrs->roi.at[axis] != 0.0f || attrs->roi.at[in->rank + axis] != 1.0f);
}

bool rnm_resize_changes(const rnm_node_attrs *attrs, const rnm_shape *in, int axis) {
    bool sized = attrs->scales.count > 0
                     ? attrs->scales.at[axis] != 1.0f
                     : attrs->shape.at[axis] != 0 && attrs->shape.at[axis] != in->dims[axis];
    return sized || crops(attrs, in, axis);
}

static rnm_status check_attrs(const rnm_shape_call *call) {
    const rnm_node_attrs *attrs = call->attrs;
    const int rank = call->inputs[0]->rank;
    bool known = attrs->mode >= 0 && attrs->mode < RNM_RESIZE_KNOWN && attrs->coordinates >= 0 &&
                 attrs->coordinates < RNM_COORDINATES_KNOWN && attrs->nearest_mode >= 0 &&
                 attrs->nearest_mode < RNM_NEAREST_KNOWN;
    if (!known) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "mode, coordinates and nearest_mode of Resize are %lld, %lld and %lld: one "
                        "of them is unknown",
                        (long long)attrs->mode, (long long)attrs->coordinates,
                        (long long)attrs->nearest_mode);
    }
    bool one = (attrs->scales.count == rank) != (attrs->shape.count == rank) &&
               attrs->scales.count + attrs->shape.count == rank;
    if (!one) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "Resize must have %d scales or sizes, found %lld and %lld", rank,
                        (long long)attrs->scales.count, (long long)attrs->shape.count);
    }
    if (attrs->roi.count != 0 && attrs->roi.count != 2 * rank) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "roi of Resize must have %d entries, found %lld",
                        2 * rank, (long long)attrs->roi.count);
    }
    bool extrapolates = attrs->coordinates == RNM_COORDINATES_TF_CROP_AND_RESIZE;
    if ((attrs->mode != RNM_RESIZE_NEAREST || extrapolates) && call->inputs[0]->dtype != RNM_F32) {
        return rnm_fail(call->err, RNM_ERR_UNSUPPORTED,
                        "input 0 of Resize must be f32 for linear, cubic and "
                        "tf_crop_and_resize, found %s",
                        rnm_dtype_name(call->inputs[0]->dtype));
    }
    return RNM_OK;
}

static rnm_status resize_axis(rnm_shape_call *call, int axis) {
    const rnm_node_attrs *attrs = call->attrs;
    const rnm_shape *in = call->inputs[0];
    double size;
    if (in->dims[axis] < 0) {
        bool sized = attrs->scales.count == 0 && attrs->shape.at[axis] != 0;
        bool grows = attrs->scales.count > 0 && attrs->scales.at[axis] > 0.0f &&
                     attrs->scales.at[axis] <= (float)MOST_OUTPUT;
        size = sized ? (double)attrs->shape.at[axis] : (double)grows;
        call->out->dims[axis] = sized ? attrs->shape.at[axis] : RNM_DIM_COMPUTED;
    } else if (attrs->scales.count > 0) {
        double extent = crops(attrs, in, axis)
                            ? (double)attrs->roi.at[in->rank + axis] - (double)attrs->roi.at[axis]
                            : 1.0;
        size = floor((double)in->dims[axis] * extent * (double)attrs->scales.at[axis]);
    } else {
        size = attrs->shape.at[axis] == 0 ? (double)in->dims[axis] : (double)attrs->shape.at[axis];
    }
    if (!(size >= 1 && size <= (double)MOST_OUTPUT) || in->dims[axis] == 0) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "Resize must make 1 to %lld elements of the %lld of axis %d, found %.6g",
                        (long long)MOST_OUTPUT, (long long)in->dims[axis], axis, size);
    }
    if (in->dims[axis] >= 0) {
        call->out->dims[axis] = (int64_t)size;
    }
    return RNM_OK;
}

rnm_status rnm_shape_resize(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    int changing = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = check_attrs(call);
    }
    rnm_shape_dims(call->out, in);
    for (int axis = 0; status == RNM_OK && axis < in->rank; axis++) {
        if (rnm_resize_changes(call->attrs, in, axis)) {
            changing++;
            status = resize_axis(call, axis);
        }
    }
    if (status == RNM_OK && changing > MOST_AXES) {
        return rnm_fail(call->err, RNM_ERR_UNSUPPORTED, "Resize changes at most %d axes, found %d",
                        MOST_AXES, changing);
    }
    return status;
}
