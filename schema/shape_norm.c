/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of normalisations: the output is as the input; what differs is what goes beside.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

/* All inputs behind the first are one number a channel. */
rnm_status rnm_shape_channels(rnm_shape_call *call) {
    int least = call->op == RNM_OP_InstanceNormalization ? 3 : 2;
    rnm_status status = rnm_shape_check_rank(call, 0, least, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    for (int k = 1; status == RNM_OK && k < call->input_count; k++) {
        status = rnm_shape_check_channels(call, k, call->inputs[0]->dims[1]);
    }
    return status == RNM_OK ? rnm_shape_same(call) : status;
}

/* Scale and bias broadcast to the input; mean and 1 / deviation have 1 from the axis on. */
rnm_status rnm_shape_layer_norm(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    int axis = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 1, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_axis(call, in->rank, in->rank, &axis);
    }
    for (int k = 1; status == RNM_OK && k < call->input_count; k++) {
        rnm_shape sum = {.dtype = RNM_F32};
        if (call->inputs[k] == NULL) {
            continue;
        }
        status = rnm_shape_broadcast_of(call, (const rnm_shape *[]){in, call->inputs[k]}, 2, &sum);
        if (status == RNM_OK && !rnm_shape_equal(&sum, in)) {
            char text[RNM_SHAPE_TEXT];
            return rnm_fail(call->err, RNM_ERR_SHAPE,
                            "input %d of %s must broadcast to input 0, found %s", k, call->name,
                            rnm_shape_text(call->inputs[k], text, sizeof text));
        }
    }
    for (int k = 0; status == RNM_OK && k < call->output_count; k++) {
        rnm_shape_dims(&call->out[k], in);
        for (int d = axis; k > 0 && d < in->rank; d++) {
            call->out[k].dims[d] = 1;
        }
    }
    return status;
}

rnm_status rnm_shape_lrn(rnm_shape_call *call) {
    rnm_status status = rnm_shape_check_rank(call, 0, 2, RNM_MAX_RANK);
    int64_t size = call->attrs->size;
    if (status == RNM_OK && (size < 1 || size > RNM_LIMIT_DIM)) {
        return rnm_fail(call->err, RNM_ERR_VALUE, "size of LRN must be from 1 to %lld, found %lld",
                        (long long)RNM_LIMIT_DIM, (long long)size);
    }
    return status == RNM_OK ? rnm_shape_same(call) : status;
}

rnm_status rnm_shape_mean_variance(rnm_shape_call *call) {
    uint32_t set;
    rnm_status status = rnm_shape_axes(call, call->inputs[0]->rank, &set);
    return status == RNM_OK ? rnm_shape_same(call) : status;
}
