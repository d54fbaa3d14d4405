/* SPDX-License-Identifier: Apache-2.0
 *
 * ConvTranspose: pads out of auto_pad and output_shape, and the weight as a value.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <string.h>

/* Pads so that the output has the size wanted along each axis; ONNX's own formula. */
static rnm_status pads_for(const rnc_call *call, const rnm_shape *x, const int64_t *kernel,
                           const int64_t *extra, const int64_t *wanted, bool upper,
                           rnm_node_attrs *attrs) {
    int64_t more[3];
    memcpy(more, extra, sizeof more);
    for (int d = 0; d < attrs->spatial; d++) {
        int64_t in = x->dims[2 + d];
        if (in < 0 || attrs->strides[d] < 1 || attrs->strides[d] > RNM_LIMIT_DIM || kernel[d] < 1 ||
            attrs->dilations[d] < 1 || attrs->dilations[d] > RNM_LIMIT_DIM || wanted[d] < 0 ||
            wanted[d] > RNM_LIMIT_DIM || extra[d] < 0 || extra[d] > RNM_LIMIT_DIM) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "its pads cannot be told from its sizes, which should be fixed "
                                 "(--input-size fixes height and width)");
        }
        int64_t total = attrs->strides[d] * (in - 1) + extra[d] +
                        (kernel[d] - 1) * attrs->dilations[d] + 1 - wanted[d];
        if (total < 0) { /* more than the windows cover: what is missing is added behind */
            more[d] = extra[d] - total;
            total = 0;
        }
        int64_t less = total / 2;
        attrs->pads[d] = upper ? less : total - less;
        attrs->pads[attrs->spatial + d] = upper ? total - less : less;
    }
    rnc_set_ints(attrs, "output_padding", more, attrs->spatial);
    return RNM_OK;
}

/* A constant weight as a recipe has it, [co, ci / group, kernel...]: a view with the first two axes
 * exchanged, for one group or one input channel a group. NULL where there is none. */
static const rnc_tensor *exchanged(const rnc_call *call, const rnc_tensor *stored, int64_t group) {
    bool depthwise = stored->dims[0] == group && stored->dims[1] == 1;
    if (stored->dtype != RNM_F32 || (group != 1 && !depthwise)) {
        return NULL;
    }
    rnc_tensor *view = rnc_arena_alloc(call->import->graph->arena, sizeof *view, call->import->err);
    if (view != NULL) {
        *view = *stored;
        for (int axis = 0; axis < 2 && !depthwise; axis++) {
            view->dims[axis] = stored->dims[1 - axis];
            view->strides[axis] = stored->strides[1 - axis];
        }
    }
    return view;
}

/* The node, its weight a recipe where it can be one, else a value. */
static rnm_status emit(rnc_call *call, const rnm_node_attrs *attrs, rnc_value *x) {
    const rnc_onnx_value *weight = rnc_call_input(call, 1);
    const rnc_onnx_value *bias = rnc_call_input(call, 2);
    const rnc_tensor *view =
        weight->tensor != NULL ? exchanged(call, weight->tensor, attrs->group) : NULL;
    if (view != NULL && rnc_fits_bias(bias, view->dims[0])) {
        return rnc_emit_layer(call, RNM_OP_ConvTranspose, attrs, x, view, bias);
    }
    rnc_value *inputs[3] = {x};
    int count = bias != NULL ? 3 : 2;
    for (int k = 1; k < count; k++) {
        rnm_status status = rnc_call_value(call, (size_t)k, &inputs[k]);
        if (status != RNM_OK) {
            return status;
        }
    }
    return rnc_emit_call(call, RNM_OP_DynamicConvTranspose, attrs, inputs, count);
}

rnm_status rnc_convert_conv_transpose(rnc_call *call) {
    const rnm_op op = RNM_OP_ConvTranspose;
    int64_t wanted[3], extra[3] = {0}, kernel[3];
    int wanted_count, extra_count, kernel_count;
    const char *mode;
    rnc_value *input;
    rnc_onnx_value *weight;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK || (status = rnc_call_need(call, 1, &weight)) != RNM_OK) {
        return status;
    }
    const rnm_shape *x = &input->shape;
    rnm_shape w = weight->value != NULL ? weight->value->shape : (rnm_shape){.rank = 0};
    if (weight->tensor != NULL) {
        w.rank = weight->tensor->rank;
        memcpy(w.dims, weight->tensor->dims, sizeof w.dims);
    }
    int spatial = rnm_op_spatial(op, x->rank);
    if (spatial == 0 || w.rank != x->rank) {
        return rnc_call_fail(call, RNM_ERR_SHAPE,
                             "expected an input of rank 3 to 5 and a weight of the same rank, "
                             "found ranks %d and %d",
                             x->rank, w.rank);
    }
    rnm_node_attrs attrs = rnm_attrs_default(op, spatial);
    if ((status = rnc_attrs_by_name(call, op, &attrs)) != RNM_OK ||
        (status = rnc_attr_text(call, "auto_pad", &mode)) != RNM_OK ||
        (status = rnc_attr_ints(call, "output_shape", 3, wanted, &wanted_count)) != RNM_OK ||
        (status = rnc_attr_ints(call, "output_padding", 3, extra, &extra_count)) != RNM_OK ||
        (status = rnc_attr_ints(call, "kernel_shape", 3, kernel, &kernel_count)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    bool upper = mode == NULL || strcmp(mode, "SAME_LOWER") != 0;
    bool same = mode != NULL && strncmp(mode, "SAME", 4) == 0;
    attrs.has_kernel_shape = false;
    if (wanted_count != 0 && wanted_count != spatial) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "attribute output_shape should have %d entries",
                             spatial);
    }
    if (mode != NULL && strcmp(mode, "VALID") == 0) {
        memset(attrs.pads, 0, sizeof attrs.pads);
    }
    for (int d = 0; same && wanted_count == 0 && d < spatial; d++) {
        bool fits = x->dims[2 + d] >= 0 && attrs.strides[d] > 0 && attrs.strides[d] < 1 << 20 &&
                    x->dims[2 + d] < (int64_t)1 << 40;
        wanted[d] = fits ? x->dims[2 + d] * attrs.strides[d] : -1;
    }
    if (same || wanted_count != 0) {
        /* The specification halves the other way round where output_shape stands alone. */
        bool more_behind = same ? upper : false;
        status = pads_for(call, x, w.dims + 2, extra, wanted, more_behind, &attrs);
    }
    return status == RNM_OK ? emit(call, &attrs, input) : status;
}
