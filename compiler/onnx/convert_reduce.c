/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators along axes.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <string.h>

/* The opset from which on axes are an input. */
static int axes_moved(const char *op) {
    return strcmp(op, "ReduceSum") == 0 ? 13 : 18;
}

rnm_status rnc_convert_reduce(rnc_call *call) {
    rnm_op op = rnm_op_by_name(call->op);
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t axes[RNM_MAX_RANK];
    int count = 0;
    bool keep;
    bool none;
    rnc_value *input;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK || (status = rnc_attr_flag(call, "keepdims", true, &keep)) != RNM_OK ||
        (status = rnc_attr_flag(call, "noop_with_empty_axes", false, &none)) != RNM_OK) {
        return status;
    }
    if (call->opset < axes_moved(call->op)) {
        status = rnc_attr_ints(call, "axes", RNM_MAX_RANK, axes, &count);
    } else if (rnc_call_input(call, 1) != NULL) {
        status = rnc_call_ints(call, 1, RNM_MAX_RANK, axes, NULL, &count);
    }
    if (status != RNM_OK || (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    bool alone = strcmp(call->op, "ReduceSum") == 0 || strcmp(call->op, "ReduceMean") == 0 ||
                 strcmp(call->op, "ReduceMax") == 0 || strcmp(call->op, "ReduceMin") == 0 ||
                 strcmp(call->op, "ReduceProd") == 0;
    if (count == 0 && none) {
        return alone ? rnc_convert_identity(call)
                     : rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                     "attribute noop_with_empty_axes is not supported");
    }
    rnc_set_ints(&attrs, "axes", axes, count);
    rnc_set_int(&attrs, "keepdims", keep);
    return rnc_emit_call(call, op, &attrs, &input, 1);
}

/* One number that ONNX has as an input. */
static rnm_status input_number(rnc_call *call, size_t k, int64_t *out) {
    double number;
    rnm_status status = rnc_call_number(call, k, &number);
    *out = status == RNM_OK ? (int64_t)number : 0;
    return status;
}

rnm_status rnc_convert_top_k(rnc_call *call) {
    rnm_op op = rnm_op_by_name("TopK");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t k;
    rnc_value *input;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK ||
        (status = call->opset < 10 ? rnc_attr_int(call, "k", 0, &k) : input_number(call, 1, &k)) !=
            RNM_OK ||
        (status = rnc_attrs_by_name(call, op, &attrs)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    rnc_set_int(&attrs, "k", k);
    return rnc_emit_call(call, op, &attrs, &input, 1);
}

rnm_status rnc_convert_cumsum(rnc_call *call) {
    rnm_op op = rnm_op_by_name("CumSum");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t axis;
    rnc_value *input;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK || (status = input_number(call, 1, &axis)) != RNM_OK ||
        (status = rnc_attrs_by_name(call, op, &attrs)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    attrs.axis = axis;
    return rnc_emit_call(call, op, &attrs, &input, 1);
}

/* At most so many boxes a class, a number; thresholds as inputs. */
rnm_status rnc_convert_nms(rnc_call *call) {
    rnm_op op = rnm_op_by_name("NonMaxSuppression");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    static const size_t from[] = {0, 1, 3, 4};
    rnc_value *inputs[4] = {NULL};
    int64_t most = 0;
    int count = 0;
    rnm_status status = RNM_OK;
    for (int k = 0; k < 4 && status == RNM_OK; k++) {
        if (rnc_call_input(call, from[k]) != NULL || k < 2) {
            status = rnc_call_value(call, from[k], &inputs[k]);
            count = k + 1;
        }
    }
    if (status == RNM_OK && rnc_call_input(call, 2) != NULL) {
        status = input_number(call, 2, &most);
    }
    if (status != RNM_OK || (status = rnc_attrs_by_name(call, op, &attrs)) != RNM_OK ||
        (status = rnc_attr_all_seen(call)) != RNM_OK) {
        return status;
    }
    rnc_set_int(&attrs, "max_output_boxes", most);
    return rnc_emit_call(call, op, &attrs, inputs, count);
}
