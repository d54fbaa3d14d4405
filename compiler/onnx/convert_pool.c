/* SPDX-License-Identifier: Apache-2.0
 *
 * Pooling, and windows for all operators that slide one.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <string.h>

static const char *const same_upper = "SAME_UPPER";
static const char *const same_lower = "SAME_LOWER";

/* Pads so that there is one output for every `stride` inputs. */
static rnm_status pad_same(const rnc_call *call, const rnm_shape *shape, const int64_t *kernel,
                           bool upper, rnm_node_attrs *attrs) {
    for (int d = 0; d < attrs->spatial; d++) {
        int64_t in = shape->dims[2 + d];
        int64_t stride = attrs->strides[d];
        if (in < 0 && stride != 1) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "auto_pad over a symbolic dimension wants a stride of 1 "
                                 "(--input-size fixes height and width)");
        }
        if (stride < 1 || stride > RNM_LIMIT_DIM || kernel[d] < 1 || kernel[d] > RNM_LIMIT_DIM ||
            attrs->dilations[d] < 1 || attrs->dilations[d] > RNM_LIMIT_DIM) {
            return rnc_call_fail(call, RNM_ERR_VALUE,
                                 "kernel, strides and dilations should be 1 to 2^31 - 1");
        }
        int64_t reach = (kernel[d] - 1) * attrs->dilations[d] + 1;
        int64_t total = reach - 1; /* of stride 1, whatever the size */
        if (stride > 1) {
            int64_t out = (in + stride - 1) / stride;
            total = (out - 1) * stride + reach - in;
        }
        total = total < 0 ? 0 : total;
        int64_t less = total / 2;
        attrs->pads[d] = upper ? less : total - less;
        attrs->pads[attrs->spatial + d] = upper ? total - less : less;
    }
    return RNM_OK;
}

rnm_status rnc_convert_window(rnc_call *call, rnm_op op, const rnm_shape *shape,
                              const int64_t *kernel, rnm_node_attrs *attrs) {
    const char *mode;
    rnm_status status = rnc_attrs_by_name(call, op, attrs);
    if (status != RNM_OK || (status = rnc_attr_text(call, "auto_pad", &mode)) != RNM_OK ||
        mode == NULL || strcmp(mode, "NOTSET") == 0 || mode[0] == '\0') {
        return status;
    }
    memset(attrs->pads, 0, sizeof attrs->pads);
    if (strcmp(mode, "VALID") == 0) {
        return RNM_OK;
    }
    if (strcmp(mode, same_upper) != 0 && strcmp(mode, same_lower) != 0) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "auto_pad `%.40s` is none of ONNX's", mode);
    }
    return pad_same(call, shape, kernel, strcmp(mode, same_upper) == 0, attrs);
}

rnm_status rnc_convert_pool(rnc_call *call) {
    rnm_op op = rnm_op_by_name(call->op);
    rnc_value *input;
    int64_t kernel[3];
    int given;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK) {
        return status;
    }
    int spatial = rnm_op_spatial(op, input->shape.rank);
    rnm_node_attrs attrs = rnm_attrs_default(op, spatial);
    if ((status = rnc_attr_ints(call, "kernel_shape", 3, kernel, &given)) != RNM_OK) {
        return status;
    }
    if (spatial == 0 || given != spatial) {
        return rnc_call_fail(call, RNM_ERR_SHAPE,
                             "expected an input of rank 3 to 5 and a kernel_shape of its spatial "
                             "axes, found rank %d and %d entries",
                             input->shape.rank, given);
    }
    int64_t dilations[3];
    if ((rnm_op_attrs(op) >> RNM_ATTRIBUTE_dilations & 1) == 0) {
        status = rnc_attr_ints(call, "dilations", 3, dilations, &given);
        for (int d = 0; d < given && status == RNM_OK; d++) {
            if (dilations[d] != 1) {
                return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "dilations are not supported");
            }
        }
    }
    if (status != RNM_OK ||
        (status = rnc_convert_window(call, op, &input->shape, kernel, &attrs)) != RNM_OK) {
        return status;
    }
    if (call->op[0] == 'M' && !rnc_call_wants(call, 1)) {
        rnc_attr_find(call, "storage_order"); /* of the second output */
    }
    status = rnc_attr_all_seen(call);
    return status == RNM_OK ? rnc_emit_call(call, op, &attrs, &input, 1) : status;
}

/* Convolutions of integers: the weight is input 1, or 3 behind X's scale and zero point. */
rnm_status rnc_convert_integer_conv(rnc_call *call) {
    rnm_op op = rnm_op_by_name(call->op);
    size_t at = call->op[0] == 'Q' ? 3 : 1;
    rnc_value *inputs[9] = {NULL};
    rnm_status status = RNM_OK;
    int count = 0;
    for (size_t k = 0; k < call->proto->n_input && k < 9 && status == RNM_OK; k++) {
        if (rnc_call_input(call, k) != NULL) {
            status = rnc_call_value(call, k, &inputs[k]);
            count = (int)k + 1;
        }
    }
    if (status != RNM_OK) {
        return status;
    }
    if (inputs[0] == NULL || inputs[at] == NULL || inputs[0]->shape.rank < 3 ||
        inputs[at]->shape.rank != inputs[0]->shape.rank) {
        return rnc_call_fail(call, RNM_ERR_SHAPE,
                             "expected an input of rank 3 or more and a weight of the same rank");
    }
    rnm_node_attrs attrs = rnm_attrs_default(op, rnm_op_spatial(op, inputs[0]->shape.rank));
    if ((status = rnc_convert_window(call, op, &inputs[0]->shape, inputs[at]->shape.dims + 2,
                                     &attrs)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    attrs.has_kernel_shape = false;
    return rnc_emit_call(call, op, &attrs, inputs, count);
}
