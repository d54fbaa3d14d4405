/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that go over as they are, or nearly.
 */
#include "onnx/convert.h"

#include <float.h>
#include <math.h>
#include <string.h>

rnm_status rnc_convert_simple(rnc_call *call) {
    rnc_value *inputs[RNC_MAX_INPUTS];
    rnm_op op = rnm_op_by_name(call->op);
    int count = (int)call->proto->n_input;
    if (call->proto->n_input > RNC_MAX_INPUTS) {
        return rnc_call_fail(call, RNM_ERR_LIMIT, "more than %d inputs", RNC_MAX_INPUTS);
    }
    while (count > 0 && call->proto->input[count - 1][0] == '\0') {
        count--;
    }
    for (int k = 0; k < count; k++) {
        inputs[k] = NULL;
        if (call->proto->input[k][0] != '\0') {
            rnm_status status = rnc_call_value(call, (size_t)k, &inputs[k]);
            if (status != RNM_OK) {
                return status;
            }
        }
    }
    if (count == 0 || inputs[0] == NULL) {
        return rnc_call_fail(call, RNM_ERR_MODEL, "input 0 is missing");
    }
    rnm_node_attrs attrs = rnm_attrs_default(op, rnm_op_spatial(op, inputs[0]->shape.rank));
    rnm_status status = rnc_attrs_by_name(call, op, &attrs);
    if (status == RNM_OK) {
        status = rnc_attr_all_seen(call);
    }
    return status == RNM_OK ? rnc_emit_call(call, op, &attrs, inputs, count) : status;
}

rnm_status rnc_convert_identity(rnc_call *call) {
    rnc_onnx_value *input;
    rnm_status status = rnc_call_need(call, 0, &input);
    return status == RNM_OK ? rnc_bind_same(call, 0, input) : status;
}

rnm_status rnc_convert_constant_only(rnc_call *call) {
    return rnc_call_fail(
        call, RNM_ERR_UNSUPPORTED,
        "it can be computed while compiling only, but its inputs are not constant, "
        "or its result has more than %d elements",
        RNC_ONNX_MAX_FOLDED);
}

/* Sum is a chain of Adds; Max and Min of themselves. */
rnm_status rnc_convert_fold_list(rnc_call *call) {
    const char *name = call->op[0] == 'S' ? "Add" : call->op;
    rnm_op op = rnm_op_by_name(name);
    size_t count = call->proto->n_input;
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    if (count == 1) {
        return rnc_convert_identity(call);
    }
    rnc_value *pair[2];
    rnm_status status = rnc_call_value(call, 0, &pair[0]);
    for (size_t k = 1; k < count && status == RNM_OK; k++) {
        status = rnc_call_value(call, k, &pair[1]);
        if (status != RNM_OK || k + 1 == count) {
            break;
        }
        rnc_node *node;
        status = rnc_emit(call, op, &attrs, pair, 2, 1, &node);
        pair[0] = status == RNM_OK ? node->outputs[0] : NULL;
    }
    return status == RNM_OK ? rnc_emit_call(call, op, &attrs, pair, 2) : status;
}

/* One bound of Clip as a node: Clip where it is known, else Max or Min. `last` makes the node that
 * of the call. */
static rnm_status clip_once(rnc_call *call, size_t k, bool last, rnc_value **value) {
    const rnc_onnx_value *bound = rnc_call_input(call, k);
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Clip, 0);
    rnc_value *pair[2] = {*value, NULL};
    rnc_node *node;
    rnm_op op = RNM_OP_Clip;
    rnm_status status = RNM_OK;
    if (bound->tensor != NULL) {
        double number;
        status = rnc_call_number(call, k, &number);
        if (status == RNM_OK && isnan(number)) {
            return rnc_call_fail(call, RNM_ERR_VALUE, "a bound is no number");
        }
        *(k == 1 ? &attrs.alpha : &attrs.beta) = status == RNM_OK ? (float)number : 0.0f;
    } else {
        op = k == 1 ? RNM_OP_Max : RNM_OP_Min;
        attrs = rnm_attrs_default(op, 0);
        status = rnc_call_value(call, k, &pair[1]);
    }
    int count = pair[1] != NULL ? 2 : 1;
    if (status != RNM_OK || last) {
        return status == RNM_OK ? rnc_emit_call(call, op, &attrs, pair, count) : status;
    }
    status = rnc_emit(call, op, &attrs, pair, count, 1, &node);
    *value = status == RNM_OK ? node->outputs[0] : NULL;
    return status;
}

/* Bounds are attributes before opset 11, inputs from then on, of which some may come at run time.
 */
rnm_status rnc_convert_clip(rnc_call *call) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Clip, 0);
    rnc_value *value;
    rnm_status status = rnc_call_value(call, 0, &value);
    if (status != RNM_OK) {
        return status;
    }
    if (call->opset < 11) {
        if ((status = rnc_attr_float(call, "min", -FLT_MAX, &attrs.alpha)) != RNM_OK ||
            (status = rnc_attr_float(call, "max", FLT_MAX, &attrs.beta)) != RNM_OK) {
            return status;
        }
        return rnc_emit_call(call, RNM_OP_Clip, &attrs, &value, 1);
    }
    const rnc_onnx_value *bounds[2] = {rnc_call_input(call, 1), rnc_call_input(call, 2)};
    double numbers[2] = {-FLT_MAX, FLT_MAX};
    bool known = true;
    for (size_t k = 0; k < 2 && status == RNM_OK; k++) {
        known = known && (bounds[k] == NULL || bounds[k]->tensor != NULL);
        if (bounds[k] != NULL && bounds[k]->tensor != NULL) {
            status = rnc_call_number(call, k + 1, &numbers[k]);
        }
    }
    if (status == RNM_OK && (isnan(numbers[0]) || isnan(numbers[1]))) {
        status = rnc_call_fail(call, RNM_ERR_VALUE, "a bound is no number");
    }
    if (status == RNM_OK && known) {
        attrs.alpha = (float)numbers[0];
        attrs.beta = (float)numbers[1];
        return rnc_emit_call(call, RNM_OP_Clip, &attrs, &value, 1);
    }
    for (size_t k = 0; k < 2 && status == RNM_OK; k++) {
        if (bounds[k] != NULL) {
            status = clip_once(call, k + 1, k == 1 || bounds[1] == NULL, &value);
        }
    }
    return status;
}

static bool ones_behind(const rnm_shape *shape, int64_t axis) {
    for (int64_t d = axis + 1; d < shape->rank; d++) {
        if (shape->dims[d] != 1) {
            return false;
        }
    }
    return true;
}

/* Before opset 13 the input counts as a matrix: the axes from `axis` on are one. */
rnm_status rnc_convert_softmax(rnc_call *call) {
    rnm_op op = rnm_op_by_name(call->op);
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    rnc_value *input;
    int64_t axis;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK ||
        (status = rnc_attr_int(call, "axis", call->opset < 13 ? 1 : -1, &axis)) != RNM_OK) {
        return status;
    }
    int rank = input->shape.rank;
    if (axis < -rank || axis >= (rank > 0 ? rank : 1)) {
        return rnc_call_fail(call, RNM_ERR_VALUE,
                             "attribute axis should be in the input's %d axes, found %lld", rank,
                             (long long)axis);
    }
    axis += axis < 0 ? rank : 0;
    attrs.axis = axis;
    if (call->opset >= 13 || ones_behind(&input->shape, axis)) {
        return rnc_emit_call(call, op, &attrs, &input, 1);
    }
    rnm_node_attrs flat = rnm_attrs_default(RNM_OP_Flatten, 0);
    rnc_node *matrix;
    rnc_node *result;
    flat.axis = axis;
    attrs.axis = 1;
    if ((status = rnc_emit(call, RNM_OP_Flatten, &flat, &input, 1, 1, &matrix)) != RNM_OK ||
        (status = rnc_emit(call, op, &attrs, matrix->outputs, 1, 1, &result)) != RNM_OK) {
        return status;
    }
    return rnc_emit_reshape(call, result->outputs[0], &input->shape);
}

/* The mask that tells what was dropped, nothing, is not computed: who reads it is refused. */
rnm_status rnc_convert_dropout(rnc_call *call) {
    const rnc_onnx_value *training = rnc_call_input(call, 2);
    if (training != NULL &&
        (training->tensor == NULL || rnc_tensor_elements(training->tensor) != 1 ||
         rnc_tensor_integer(training->tensor, 0) != 0)) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "training mode is not supported");
    }
    const rnc_onnx_value nothing = {.name = ""};
    rnm_status status = rnc_bind_same(call, 1, &nothing);
    return status == RNM_OK ? rnc_convert_identity(call) : status;
}

rnm_status rnc_convert_cast(rnc_call *call) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Cast, 0);
    rnc_value *input;
    rnm_dtype dtype;
    rnm_error why;
    int64_t to;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK || (status = rnc_attr_int(call, "to", 0, &to)) != RNM_OK) {
        return status;
    }
    if (!rnc_onnx_dtype(to > 0 && to < 1000 ? (int32_t)to : 0, &dtype, &why)) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "%s", why.text);
    }
    if (dtype == input->shape.dtype) {
        return rnc_convert_identity(call);
    }
    attrs.to = dtype;
    return rnc_emit_call(call, RNM_OP_Cast, &attrs, &input, 1);
}

/* The sum divided by the count. */
rnm_status rnc_convert_mean(rnc_call *call) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Add, 0);
    rnc_import *im = call->import;
    size_t count = call->proto->n_input;
    rnc_value *pair[2];
    if (count == 1) {
        return rnc_convert_identity(call);
    }
    rnm_status status = rnc_call_value(call, 0, &pair[0]);
    for (size_t k = 1; k < count && status == RNM_OK; k++) {
        rnc_node *node;
        status = rnc_call_value(call, k, &pair[1]);
        status = status == RNM_OK ? rnc_emit(call, RNM_OP_Add, &attrs, pair, 2, 1, &node) : status;
        pair[0] = status == RNM_OK ? node->outputs[0] : NULL;
    }
    void *data;
    rnc_tensor *tensor = rnc_tensor_create(im, RNM_F32, 0, NULL, &data);
    const char *name = rnc_join(im->graph, call->name, ".count", im->err);
    if (status != RNM_OK || tensor == NULL || name == NULL) {
        return status != RNM_OK ? status : RNM_ERR_MEMORY;
    }
    *(float *)data = (float)count;
    status = rnc_constant_value(call, name, tensor, &pair[1]);
    rnm_op op = rnm_op_by_name("Div");
    attrs = rnm_attrs_default(op, 0);
    return status == RNM_OK ? rnc_emit_call(call, op, &attrs, pair, 2) : status;
}

rnm_status rnc_convert_gelu(rnc_call *call) {
    static const char *const ways[] = {"none", "tanh", NULL};
    rnm_op op = rnm_op_by_name("Gelu");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t way;
    rnc_value *input;
    rnm_status status = rnc_call_value(call, 0, &input);
    if (status != RNM_OK ||
        (status = rnc_attr_choice(call, "approximate", ways, 0, &way)) != RNM_OK) {
        return status;
    }
    rnc_set_int(&attrs, "approximate", way);
    return rnc_emit_call(call, op, &attrs, &input, 1);
}

/* The type of the statistics on the way is ours to choose. */
rnm_status rnc_convert_layer_norm(rnc_call *call) {
    rnc_attr_find(call, "stash_type");
    return rnc_convert_simple(call);
}

/* Before opset 7: the second operand's axes are those of the first from `axis` on. What stands
 * behind them is 1. */
static rnm_status align(rnc_call *call, const rnm_shape *with, rnc_value **operand) {
    bool broadcast;
    int64_t axis;
    const rnm_shape *from = &(*operand)->shape;
    /* A slope is one a channel. */
    bool channels = strcmp(call->op, "PRelu") == 0 && from->rank == 1 && with->rank > 1;
    rnm_status status = rnc_attr_flag(call, "broadcast", channels, &broadcast);
    if (status != RNM_OK ||
        (status = rnc_attr_int(call, "axis", channels ? 1 : with->rank - from->rank, &axis)) !=
            RNM_OK) {
        return status;
    }
    axis += axis < 0 ? with->rank : 0;
    int64_t behind = with->rank - from->rank - axis;
    if (!broadcast || behind == 0 || from->rank == 0) {
        return RNM_OK;
    }
    if (axis < 0 || behind < 0) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "attribute axis does not fit its inputs");
    }
    rnm_op op = rnm_op_by_name("Unsqueeze");
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    int64_t axes[RNM_MAX_RANK];
    rnc_node *node;
    for (int64_t k = 0; k < behind; k++) {
        axes[k] = from->rank + k;
    }
    if (op == RNM_OP_NONE) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "attribute axis is not supported");
    }
    rnc_set_ints(&attrs, "axes", axes, (int)behind);
    status = rnc_emit(call, op, &attrs, operand, 1, 1, &node);
    *operand = status == RNM_OK ? node->outputs[0] : NULL;
    return status;
}

rnm_status rnc_convert_binary(rnc_call *call) {
    rnm_op op = rnm_op_by_name(call->op);
    rnm_node_attrs attrs = rnm_attrs_default(op, 0);
    rnc_value *pair[2];
    rnm_status status = rnc_call_value(call, 0, &pair[0]);
    if (status != RNM_OK || (status = rnc_call_value(call, 1, &pair[1])) != RNM_OK) {
        return status;
    }
    if (call->opset < 7 && (status = align(call, &pair[0]->shape, &pair[1])) != RNM_OK) {
        return status;
    }
    status = rnc_attr_all_seen(call);
    return status == RNM_OK ? rnc_emit_call(call, op, &attrs, pair, 2) : status;
}
