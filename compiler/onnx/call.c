/* SPDX-License-Identifier: Apache-2.0
 *
 * What conversions are made of: inputs and outputs of a node by name, new nodes, errors.
 */
#include "onnx/import.h"

#include "half.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

rnm_status rnc_call_fail(const rnc_call *call, rnm_status status, const char *format, ...) {
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rnm_fail(call->import->err, status, "%s: node %.120s (%.40s, opset %" PRId64 "): %s",
                    call->import->job->source.weights->path, call->name, call->op, call->opset,
                    what);
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static const char *input_name(const rnc_call *call, size_t k) {
    return k < call->proto->n_input ? call->proto->input[k] : "";
}

rnc_onnx_value *rnc_call_input(const rnc_call *call, size_t k) {
    const char *name = input_name(call, k);
    return name[0] == '\0' ? NULL : rnc_scope_find(call->scope, name);
}

rnm_status rnc_call_need(const rnc_call *call, size_t k, rnc_onnx_value **out) {
    *out = rnc_call_input(call, k);
    return *out != NULL ? RNM_OK : rnc_call_fail(call, RNM_ERR_MODEL, "input %zu is missing", k);
}

rnm_status rnc_constant_value(const rnc_call *call, const char *name, const rnc_tensor *tensor,
                              rnc_value **out) {
    rnc_import *im = call->import;
    bool repeats = false;
    for (int d = 0; d < tensor->rank; d++) {
        repeats = repeats || (tensor->strides[d] == 0 && tensor->dims[d] > 1);
    }
    if (repeats && rnc_tensor_elements(tensor) > RNC_ONNX_MAX_FILLED) {
        return rnc_call_fail(call, RNM_ERR_LIMIT,
                             "its constant %.100s repeats one number %lld times, more than %d",
                             name, (long long)rnc_tensor_elements(tensor), RNC_ONNX_MAX_FILLED);
    }
    const char *fresh = rnc_fresh_name(im, &im->value_names, name);
    *out = fresh == NULL ? NULL : rnc_constant_create(im->graph, fresh, tensor, im->err);
    return *out == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

static rnm_status value_of(const rnc_call *call, rnc_onnx_value *input, rnc_value **out) {
    if (input->recipe != NULL) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "its input %.100s is a recipe, which can be the weight of a Conv or "
                             "Gemm alone",
                             input->name);
    }
    if (input->value == NULL && input->tensor == NULL) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "its input %.100s is an output of a node that is not computed",
                             input->name);
    }
    if (input->value == NULL) {
        if (input->symbolic != NULL) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "input %.100s is computed from symbolic dimensions, whose numbers "
                                 "the graph cannot ask for (--input-size fixes height and width)",
                                 input->name);
        }
        const char *name =
            rnc_join(call->import->graph, call->scope->prefix, input->name, call->import->err);
        if (name == NULL) {
            return RNM_ERR_MEMORY;
        }
        rnm_status status = rnc_constant_value(call, name, input->tensor, &input->value);
        if (status != RNM_OK) {
            return status;
        }
    }
    *out = input->value;
    return RNM_OK;
}

rnm_status rnc_call_value(const rnc_call *call, size_t k, rnc_value **out) {
    rnc_onnx_value *input;
    rnm_status status = rnc_call_need(call, k, &input);
    return status == RNM_OK ? value_of(call, input, out) : status;
}

bool rnc_is_symbol(const rnc_onnx_value *value, int64_t index, int64_t *out) {
    bool symbol = value->symbolic != NULL && value->symbolic[index];
    *out = rnc_tensor_integer(value->tensor, index);
    if (symbol && *out == (int32_t)RNM_DIM_COMPUTED) { /* cut to i32 on its way */
        *out = RNM_DIM_COMPUTED;
    }
    return symbol;
}

rnm_status rnc_call_ints(const rnc_call *call, size_t k, int most, int64_t *out, bool *symbolic,
                         int *count) {
    rnc_onnx_value *input;
    rnm_status status = rnc_call_need(call, k, &input);
    if (status != RNM_OK) {
        return status;
    }
    const rnc_tensor *tensor = input->tensor;
    if (tensor == NULL) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "input %zu (%.100s) should be a constant, but is computed at run time",
                             k, input->name);
    }
    int64_t elements = rnc_tensor_elements(tensor);
    if ((tensor->dtype != RNM_I64 && tensor->dtype != RNM_I32) || tensor->rank > 1 ||
        elements > most) {
        return rnc_call_fail(call, RNM_ERR_MODEL,
                             "input %zu (%.100s) should be a list of at most %d integers", k,
                             input->name, most);
    }
    *count = (int)elements;
    for (int i = 0; i < *count; i++) {
        bool symbol = rnc_is_symbol(input, i, &out[i]);
        if (symbol && symbolic == NULL) {
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                                 "input %zu (%.100s) is computed from symbolic dimensions "
                                 "(--input-size fixes height and width)",
                                 k, input->name);
        }
        if (symbolic != NULL) {
            symbolic[i] = symbol;
        }
    }
    return RNM_OK;
}

rnm_status rnc_call_number(const rnc_call *call, size_t k, double *out) {
    rnc_onnx_value *input;
    rnm_status status = rnc_call_need(call, k, &input);
    if (status != RNM_OK) {
        return status;
    }
    if (input->tensor == NULL || input->symbolic != NULL ||
        rnc_tensor_elements(input->tensor) != 1) {
        return rnc_call_fail(call, RNM_ERR_UNSUPPORTED,
                             "input %zu (%.100s) should be a constant number", k, input->name);
    }
    *out = rnc_tensor_number(input->tensor, 0);
    return RNM_OK;
}

/* ---- outputs --------------------------------------------------------------------------------- */

bool rnc_call_wants(const rnc_call *call, size_t k) {
    return k < call->proto->n_output && call->proto->output[k][0] != '\0';
}

static rnm_status bind(rnc_call *call, size_t k, rnc_onnx_value as) {
    if (!rnc_call_wants(call, k)) {
        return RNM_OK;
    }
    const char *name = call->proto->output[k];
    if (rnc_scope_find(call->scope, name) != NULL) {
        return rnc_call_fail(call, RNM_ERR_MODEL, "its output %.100s is the name of another value",
                             name);
    }
    rnc_onnx_value *entry = rnc_scope_add(call->import, call->scope, name);
    if (entry == NULL) {
        return RNM_ERR_MEMORY;
    }
    as.name = name;
    *entry = as;
    return RNM_OK;
}

rnm_status rnc_bind_value(rnc_call *call, size_t k, rnc_value *value) {
    return bind(call, k, (rnc_onnx_value){.value = value});
}

rnm_status rnc_bind_tensor(rnc_call *call, size_t k, const rnc_tensor *tensor,
                           const bool *symbolic) {
    return bind(call, k, (rnc_onnx_value){.tensor = tensor, .symbolic = symbolic});
}

rnm_status rnc_bind_same(rnc_call *call, size_t k, const rnc_onnx_value *as) {
    return bind(call, k, *as);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* The name that output k of the call has in the graph: its own where that is free. */
static const char *output_name(rnc_call *call, size_t k, const char *otherwise) {
    rnc_import *im = call->import;
    if (!rnc_call_wants(call, k)) {
        return rnc_fresh_name(im, &im->value_names, otherwise);
    }
    const char *name = rnc_join(im->graph, call->scope->prefix, call->proto->output[k], im->err);
    rnc_onnx_value *taken = name == NULL ? NULL : rnc_scope_find(&im->value_names, name);
    if (taken != NULL && taken->reserved && call->scope->depth == 0) {
        taken->reserved = false;
        return name;
    }
    return name == NULL ? NULL : rnc_fresh_name(im, &im->value_names, name);
}

static rnm_status emit(rnc_call *call, unsigned op, const rnm_node_attrs *attrs,
                       rnc_value *const *inputs, int input_count, int output_count, bool last,
                       rnc_node **out) {
    rnc_import *im = call->import;
    const char *outputs[RNM_MAX_OUTPUTS];
    const char *name = rnc_fresh_name(im, &im->node_names, call->name);
    for (int k = 0; name != NULL && k < output_count; k++) {
        outputs[k] =
            last ? output_name(call, (size_t)k, name) : rnc_fresh_name(im, &im->value_names, name);
        if (outputs[k] == NULL) {
            return RNM_ERR_MEMORY;
        }
    }
    rnc_node *node =
        name == NULL ? NULL : rnc_node_create(im->graph, name, (int)op, input_count, im->err);
    if (node == NULL ||
        rnc_node_add_outputs(im->graph, node, outputs, output_count, im->err) != RNM_OK) {
        return RNM_ERR_MEMORY;
    }
    node->outputs[0]->name = outputs[0];
    node->attrs = *attrs;
    if (input_count > 0) {
        memcpy(node->inputs, inputs, (size_t)input_count * sizeof *inputs);
    }
    rnm_error why;
    rnm_status status = rnc_node_infer(node, &why);
    if (status != RNM_OK) {
        return rnc_call_fail(
            call, status, "%s%s", why.text,
            status == RNM_ERR_UNSUPPORTED ? " (--input-size fixes height and width)" : "");
    }
    *out = node;
    return rnc_graph_insert(im->graph, im->graph->node_count, node, im->err);
}

rnm_status rnc_emit(rnc_call *call, unsigned op, const rnm_node_attrs *attrs,
                    rnc_value *const *inputs, int input_count, int output_count, rnc_node **out) {
    return emit(call, op, attrs, inputs, input_count, output_count, false, out);
}

rnm_status rnc_emit_call(rnc_call *call, unsigned op, const rnm_node_attrs *attrs,
                         rnc_value *const *inputs, int input_count) {
    rnc_node *node;
    int output_count = 1;
    for (size_t k = 0; k < call->proto->n_output && k < RNM_MAX_OUTPUTS; k++) {
        output_count = rnc_call_wants(call, k) ? (int)k + 1 : output_count;
    }
    rnm_status status = emit(call, op, attrs, inputs, input_count, output_count, true, &node);
    for (int k = 0; status == RNM_OK && k < output_count; k++) {
        status = rnc_bind_value(call, (size_t)k, node->outputs[k]);
    }
    return status;
}

/* ---- numbers --------------------------------------------------------------------------------- */

double rnc_tensor_number(const rnc_tensor *tensor, int64_t index) {
    if (tensor->dtype == RNM_I64 || tensor->dtype == RNM_I32) {
        return (double)rnc_tensor_integer(tensor, index);
    }
    if (tensor->dtype == RNM_F64) {
        double wide;
        rnc_tensor_copy(tensor, index, 1, &wide);
        return wide;
    }
    float number;
    rnc_tensor_copy_f32(tensor, index, 1, &number);
    return (double)number;
}

int64_t rnc_tensor_integer(const rnc_tensor *tensor, int64_t index) {
    int64_t wide = 0;
    int32_t narrow = 0;
    switch (tensor->dtype) {
    case RNM_I64:
        rnc_tensor_copy(tensor, index, 1, &wide);
        return wide;
    case RNM_I32:
        rnc_tensor_copy(tensor, index, 1, &narrow);
        return narrow;
    default: {
        double number = rnc_tensor_number(tensor, index);
        return number >= -0x1p62 && number <= 0x1p62 ? (int64_t)number : 0;
    }
    }
}

rnc_tensor *rnc_tensor_create(rnc_import *im, rnm_dtype dtype, int rank, const int64_t *dims,
                              void **data) {
    rnc_arena *arena = im->graph->arena;
    rnc_tensor *tensor = rnc_arena_alloc(arena, sizeof *tensor, im->err);
    if (tensor == NULL) {
        return NULL;
    }
    *tensor = (rnc_tensor){.name = "", .dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (int d = rank; d-- > 0;) {
        tensor->dims[d] = dims[d];
        tensor->strides[d] = stride;
        stride *= dims[d] != 0 ? dims[d] : 1;
    }
    *data = rnc_arena_array(arena, (size_t)stride, rnm_dtype_size(dtype), im->err);
    tensor->data = *data;
    return *data == NULL ? NULL : tensor;
}
