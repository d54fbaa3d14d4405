/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants computed while compiling: shape arithmetic on small integer tensors, a few vectors of
 * numbers, and views of tensors of any size, which cost nothing. Weights are never computed here:
 * what makes them from smaller ones is for the recogniser, or stays a computation.
 */
#include "onnx/fold.h"

#include <inttypes.h>
#include <string.h>

static const char *const views[] = {"Reshape",   "Flatten",  "Squeeze", "Unsqueeze",
                                    "Transpose", "Identity", "Dropout", NULL};

static bool is_view(const char *op) {
    size_t k = 0;
    while (views[k] != NULL && strcmp(views[k], op) != 0) {
        k++;
    }
    return views[k] != NULL;
}

/* ---- constants out of nothing ---------------------------------------------------------------- */

static rnm_status fold_proto(rnc_call *call, const Onnx__TensorProto *proto) {
    rnc_import *im = call->import;
    rnc_onnx_where where;
    rnm_error why;
    rnc_tensor *tensor = rnc_arena_alloc(im->graph->arena, sizeof *tensor, im->err);
    if (tensor == NULL) {
        return RNM_ERR_MEMORY;
    }
    rnm_status status = rnc_onnx_tensor(im->onnx, proto, im->graph->arena, tensor, &where, &why);
    if (status != RNM_OK) {
        return rnc_call_fail(call, status, "its tensor: %s", why.text);
    }
    if (where == RNC_ONNX_EXTERNAL) {
        status = rnc_onnx_external(im, proto, tensor);
    }
    return status == RNM_OK ? rnc_bind_tensor(call, 0, tensor, NULL) : status;
}

static rnm_status fold_constant(rnc_call *call) {
    const Onnx__AttributeProto *a;
    void *data;
    rnc_import *im = call->import;
    if ((a = rnc_attr_find(call, "value")) != NULL && a->t != NULL) {
        return fold_proto(call, a->t);
    }
    const struct {
        const char *name;
        rnm_dtype dtype;
        bool list;
    } forms[] = {{"value_float", RNM_F32, false},
                 {"value_int", RNM_I64, false},
                 {"value_floats", RNM_F32, true},
                 {"value_ints", RNM_I64, true}};
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        if ((a = rnc_attr_find(call, forms[k].name)) == NULL) {
            continue;
        }
        bool whole = forms[k].dtype == RNM_I64;
        const void *source = !forms[k].list ? (whole ? (const void *)&a->i : (const void *)&a->f)
                             : whole        ? (const void *)a->ints
                                            : (const void *)a->floats;
        size_t count = !forms[k].list ? 1 : whole ? a->n_ints : a->n_floats;
        int64_t dims[1] = {(int64_t)count};
        rnc_tensor *tensor = rnc_tensor_create(im, forms[k].dtype, forms[k].list, dims, &data);
        if (tensor == NULL) {
            return RNM_ERR_MEMORY;
        }
        if (count > 0) {
            memcpy(data, source, count * rnm_dtype_size(forms[k].dtype));
        }
        return rnc_bind_tensor(call, 0, tensor, NULL);
    }
    return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                         "a constant of this kind is not supported (a tensor or numbers are)");
}

/* One number at every place: a view that repeats it. */
static rnm_status fold_filled(rnc_call *call) {
    rnc_import *im = call->import;
    static const float zero;
    int64_t dims[RNM_MAX_RANK];
    int rank;
    uint64_t elements = 1;
    rnm_status status = rnc_call_ints(call, 0, RNM_MAX_RANK, dims, NULL, &rank);
    if (status != RNM_OK) {
        return status;
    }
    rnc_tensor *tensor = rnc_arena_alloc(im->graph->arena, sizeof *tensor, im->err);
    if (tensor == NULL) {
        return RNM_ERR_MEMORY;
    }
    *tensor =
        (rnc_tensor){.name = "", .dtype = RNM_F32, .rank = rank, .data = (const uint8_t *)&zero};
    const Onnx__AttributeProto *value = rnc_attr_find(call, "value");
    if (value != NULL && value->t != NULL) {
        rnc_onnx_where where;
        rnm_error why;
        rnc_tensor number;
        status = rnc_onnx_tensor(im->onnx, value->t, im->graph->arena, &number, &where, &why);
        if (status != RNM_OK || where != RNC_ONNX_INSIDE || rnc_tensor_elements(&number) != 1) {
            return rnc_call_fail(call, RNM_ERR_VALUE, "attribute value should be one number");
        }
        tensor->dtype = number.dtype;
        tensor->data = number.data;
    }
    for (int d = 0; d < rank; d++) {
        if (dims[d] < 0 || dims[d] > RNM_LIMIT_DIM ||
            (elements *= (uint64_t)(dims[d] != 0 ? dims[d] : 1)) > RNM_LIMIT_ELEMENTS) {
            return rnc_call_fail(call, RNM_ERR_LIMIT,
                                 "expected dimensions of a constant, found too many elements");
        }
        tensor->dims[d] = dims[d];
    }
    return rnc_bind_tensor(call, 0, tensor, NULL);
}

/* Dims of the input as a tensor of integers, symbols marked. */
static rnm_status fold_shape(rnc_call *call, const rnm_shape *shape) {
    rnc_import *im = call->import;
    int64_t start;
    int64_t end;
    rnm_status status = rnc_attr_int(call, "start", 0, &start);
    if (status != RNM_OK || (status = rnc_attr_int(call, "end", shape->rank, &end)) != RNM_OK) {
        return status;
    }
    int64_t rank = shape->rank;
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    int64_t count = end > start ? end - start : 0;
    void *data;
    rnc_tensor *tensor = rnc_tensor_create(im, RNM_I64, 1, &count, &data);
    bool *symbolic = rnc_arena_array(im->graph->arena, (size_t)count, sizeof(bool), im->err);
    if (tensor == NULL || symbolic == NULL) {
        return RNM_ERR_MEMORY;
    }
    bool any = false;
    for (int64_t k = 0; k < count; k++) {
        ((int64_t *)data)[k] = shape->dims[start + k];
        symbolic[k] = shape->dims[start + k] < 0;
        any = any || symbolic[k];
    }
    return rnc_bind_tensor(call, 0, tensor, any ? symbolic : NULL);
}

/* ---- views ----------------------------------------------------------------------------------- */

static bool contiguous(const rnc_tensor *tensor) {
    int64_t stride = 1;
    for (int d = tensor->rank; d-- > 0;) {
        if (tensor->dims[d] != 1 && tensor->strides[d] != stride) {
            return false;
        }
        stride *= tensor->dims[d];
    }
    return true;
}

static rnm_status transposed(rnc_call *call, const rnc_tensor *from, rnc_tensor *to) {
    int64_t perm[RNM_MAX_RANK];
    bool seen[RNM_MAX_RANK] = {false};
    int count;
    rnm_status status = rnc_attr_ints(call, "perm", RNM_MAX_RANK, perm, &count);
    if (status != RNM_OK) {
        return status;
    }
    bool given = count > 0;
    for (int d = 0; d < from->rank; d++) {
        int64_t axis = given ? (d < count ? perm[d] : -1) : from->rank - 1 - d;
        if (axis < 0 || axis >= from->rank || seen[axis] || (given && count != from->rank)) {
            return rnc_call_fail(call, RNM_ERR_VALUE,
                                 "attribute perm should be an order of the input's %d axes",
                                 from->rank);
        }
        seen[axis] = true;
        to->dims[d] = from->dims[axis];
        to->strides[d] = from->strides[axis];
    }
    return RNM_OK;
}

static rnm_status fold_view(rnc_call *call, const rnc_onnx_value *input, bool *done) {
    rnc_import *im = call->import;
    const rnc_tensor *from = input->tensor;
    rnm_status status;
    if (call->op[0] == 'I' || call->op[0] == 'D') {
        *done = call->op[0] == 'I';
        return *done ? rnc_bind_same(call, 0, input) : RNM_OK;
    }
    bool turns = strcmp(call->op, "Transpose") == 0;
    *done = turns ? input->symbolic == NULL : contiguous(from);
    if (!*done) {
        return RNM_OK;
    }
    rnc_tensor *to = rnc_arena_alloc(im->graph->arena, sizeof *to, im->err);
    if (to == NULL) {
        return RNM_ERR_MEMORY;
    }
    *to = *from;
    if (turns) {
        status = transposed(call, from, to);
    } else {
        rnm_shape old = {.dtype = from->dtype, .rank = from->rank};
        rnm_shape shape;
        memcpy(old.dims, from->dims, sizeof old.dims);
        status = rnc_reshaped(call, &old, &shape);
        if (status != RNM_OK) {
            return status;
        }
        int64_t stride = 1;
        to->rank = shape.rank;
        for (int d = shape.rank; d-- > 0;) {
            if (shape.dims[d] < 0) {
                return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                     "a constant cannot have symbolic dimensions");
            }
            to->dims[d] = shape.dims[d];
            to->strides[d] = stride;
            stride *= shape.dims[d] != 0 ? shape.dims[d] : 1;
        }
    }
    return status == RNM_OK ? rnc_bind_tensor(call, 0, to, input->symbolic) : status;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* A tensor small enough to compute with: integers, or numbers in a row. */
static bool is_small(const rnc_tensor *tensor) {
    bool whole = tensor->dtype == RNM_I64 || tensor->dtype == RNM_I32 || tensor->dtype == RNM_BOOL;
    int longer = 0;
    for (int d = 0; d < tensor->rank; d++) {
        longer += tensor->dims[d] > 1;
    }
    return rnc_tensor_elements(tensor) <= RNC_ONNX_MAX_FOLDED && (whole || longer <= 1);
}

rnm_status rnc_onnx_fold(rnc_call *call, bool *done) {
    const rnc_onnx_value *inputs[RNC_FOLD_INPUTS] = {NULL};
    *done = true;
    if (call->proto->n_output == 0) {
        return rnc_call_fail(call, RNM_ERR_FORMAT, "it has no outputs");
    }
    if (strcmp(call->op, "Constant") == 0) {
        return fold_constant(call);
    }
    bool constant = call->proto->n_input > 0 && call->proto->n_input <= RNC_FOLD_INPUTS;
    bool small = true;
    for (size_t k = 0; k < call->proto->n_input && constant; k++) {
        inputs[k] = rnc_call_input(call, k);
        constant = inputs[k] == NULL || inputs[k]->tensor != NULL;
        small = small && (inputs[k] == NULL || (constant && is_small(inputs[k]->tensor)));
    }
    if (strcmp(call->op, "Shape") == 0 && call->proto->n_input == 1 && inputs[0] != NULL &&
        (inputs[0]->value != NULL || inputs[0]->tensor != NULL)) {
        rnm_shape shape;
        if (inputs[0]->value != NULL) {
            shape = inputs[0]->value->shape;
        } else {
            shape = (rnm_shape){.rank = inputs[0]->tensor->rank};
            memcpy(shape.dims, inputs[0]->tensor->dims, sizeof shape.dims);
        }
        return fold_shape(call, &shape);
    }
    *done = false;
    if (!constant || inputs[0] == NULL) {
        return RNM_OK;
    }
    if (strcmp(call->op, "ConstantOfShape") == 0) {
        *done = true;
        return fold_filled(call);
    }
    if (is_view(call->op)) {
        rnm_status status = fold_view(call, inputs[0], done);
        if (status != RNM_OK || *done) {
            return status;
        }
        call->seen = 0;
    }
    return small ? rnc_fold_numbers(call, inputs, done) : RNM_OK;
}
