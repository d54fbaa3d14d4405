/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing an ONNX model. protobuf-c packs everything small; the fields around initializers are
 * written here, so that their bytes are streamed and never exist as a whole.
 */
#include "error.h"
#include "export/functions.h"
#include "export/model.h"
#include "write/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of onnx.proto. */
enum { MODEL_GRAPH = 7, GRAPH_INITIALIZER = 5, TENSOR_RAW_DATA = 9 };

enum { WIRE_BYTES = 2, VARINT_SIZE = 10 };

/* The most that a protobuf message may have. */
static const uint64_t most_bytes = INT32_MAX;

typedef struct writer {
    ProtobufCBuffer base; /* first: protobuf-c's way of appending */
    rnc_file *file;
    rnm_status status;
    rnm_error *err;
    const rnc_export_options *options;
    uint64_t total;
} writer;

static void put(writer *w, const void *bytes, size_t size) {
    if (w->status == RNM_OK) {
        w->status = rnc_file_write(w->file, bytes, size, w->err);
    }
}

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes) {
    put((writer *)buffer, bytes, size);
}

static size_t varint(uint64_t value, uint8_t bytes[VARINT_SIZE]) {
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    return size;
}

/* Bytes of a field of `size` bytes, its number being below 16. */
static uint64_t field_size(uint64_t size) {
    uint8_t bytes[VARINT_SIZE];
    return 1 + varint(size, bytes) + size;
}

/* What stands before the bytes of such a field. */
static void put_field(writer *w, int number, uint64_t size) {
    uint8_t bytes[1 + VARINT_SIZE] = {(uint8_t)(number << 3 | WIRE_BYTES)};
    put(w, bytes, 1 + varint(size, bytes + 1));
}

/* ---- initializers ---------------------------------------------------------------------------- */

/* A tensor without its bytes. */
static Onnx__TensorProto tensor_head(const rnc_proto_tensor *tensor) {
    Onnx__TensorProto head = ONNX__TENSOR_PROTO__INIT;
    head.n_dims = (size_t)tensor->shape.rank;
    head.dims = (int64_t *)tensor->shape.dims;
    head.has_data_type = 1;
    head.data_type = (int32_t)tensor->shape.dtype;
    head.name = (char *)tensor->name;
    return head;
}

static uint64_t tensor_size(const rnc_proto_tensor *tensor) {
    Onnx__TensorProto head = tensor_head(tensor);
    return onnx__tensor_proto__get_packed_size(&head) + field_size(tensor->size);
}

/* Multiplies a row; false where the result is no number any more. */
static bool scale_row(float *row, size_t count, float scale) {
    bool finite = true;
    for (size_t k = 0; k < count; k++) {
        row[k] *= scale;
        finite &= isfinite(row[k]) != 0;
    }
    return finite;
}

/* [outputs][inputs][taps] of a group as [inputs][outputs][taps]. */
static void exchange(const float *from, float *to, size_t outputs, size_t inputs, size_t taps) {
    for (size_t i = 0; i < inputs; i++) {
        for (size_t o = 0; o < outputs; o++) {
            memcpy(to + (i * outputs + o) * taps, from + (o * inputs + i) * taps,
                   taps * sizeof *to);
        }
    }
}

/* Expands outputs from `first` on, scaled, behind each other; false where that failed. */
static bool expand_rows(writer *w, const rnc_proto_tensor *tensor, uint32_t first, uint32_t count,
                        float *rows) {
    const rnm_child *child = &tensor->child;
    const size_t length = (size_t)child->ci * child->taps;
    for (uint32_t k = 0; k < count && w->status == RNM_OK; k++) {
        const uint32_t o = first + k;
        rnm_expand_ref_row(child, o, rows + k * length);
        if (tensor->scale != NULL && !scale_row(rows + k * length, length, tensor->scale[o])) {
            w->status = rnm_fail(w->err, RNM_ERR_VALUE,
                                 "%s: weight %s times its scale is beyond f32 at output %u",
                                 w->file->target, tensor->name, o);
        }
    }
    return w->status == RNM_OK;
}

/* An output at a time, or, exchanged, a group. */
static void put_child(writer *w, const rnc_proto_tensor *tensor) {
    const rnm_child *child = &tensor->child;
    const uint32_t step = tensor->groups > 0 ? child->co / tensor->groups : 1;
    const size_t count = (size_t)step * child->ci * child->taps;
    float *rows = malloc(2 * count * sizeof *rows);
    if (rows == NULL) {
        w->status = rnm_fail(w->err, RNM_ERR_MEMORY, "%s: no memory to write %s", w->file->target,
                             tensor->name);
        return;
    }
    for (uint32_t o = 0; o < child->co && expand_rows(w, tensor, o, step, rows); o += step) {
        const float *out = rows;
        if (tensor->groups > 0) {
            exchange(rows, rows + count, step, child->ci, child->taps);
            out = rows + count;
        }
        put(w, out, count * sizeof *out);
        if (w->options->progress != NULL) {
            w->options->progress(w->options->user, (double)w->file->offset / (double)w->total);
        }
    }
    free(rows);
}

static void put_tensor(writer *w, const rnc_proto_tensor *tensor) {
    Onnx__TensorProto head = tensor_head(tensor);
    put_field(w, GRAPH_INITIALIZER, tensor_size(tensor));
    onnx__tensor_proto__pack_to_buffer(&head, &w->base);
    put_field(w, TENSOR_RAW_DATA, tensor->size);
    if (tensor->bytes != NULL) {
        put(w, tensor->bytes, (size_t)tensor->size);
    } else {
        put_child(w, tensor);
    }
}

/* ---- the model ------------------------------------------------------------------------------- */

static void put_model(writer *w, const rnc_proto *model, const Onnx__ModelProto *head,
                      const Onnx__GraphProto *graph, uint64_t graph_size) {
    onnx__model_proto__pack_to_buffer(head, &w->base);
    put_field(w, MODEL_GRAPH, graph_size);
    onnx__graph_proto__pack_to_buffer(graph, &w->base);
    for (size_t k = 0; k < model->initializers.count && w->status == RNM_OK; k++) {
        put_tensor(w, model->initializers.items[k]);
    }
}

/* The version that came with the opset; functions came with 8. */
static int ir_version(const rnc_proto *model) {
    return model->opset >= 19 ? 9 : model->opset >= 15 || model->functions.count > 0 ? 8 : 7;
}

rnm_status rnc_proto_write(const rnc_proto *model, const char *graph_name, const char *target,
                           const rnc_export_options *options, rnm_error *err) {
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto own = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *opsets[] = {&opset, &own};
    Onnx__ModelProto head = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    opset.domain = (char *)"";
    opset.has_version = 1;
    opset.version = model->opset;
    own.domain = (char *)RNC_FUNCTION_DOMAIN;
    own.has_version = 1;
    own.version = RNC_FUNCTION_VERSION;
    for (size_t k = 0; k < model->functions.count; k++) {
        Onnx__FunctionProto *function = model->functions.items[k];
        function->opset_import = opsets;
        function->n_opset_import = 2;
    }
    head.has_ir_version = 1;
    head.ir_version = ir_version(model);
    head.opset_import = opsets;
    head.n_opset_import = model->functions.count > 0 ? 2 : 1;
    head.functions = (Onnx__FunctionProto **)model->functions.items;
    head.n_functions = model->functions.count;
    head.metadata_props = (Onnx__StringStringEntryProto **)model->metadata.items;
    head.n_metadata_props = model->metadata.count;
    head.producer_name = (char *)"rnc";
    head.producer_version = (char *)RNC_VERSION;
    graph.name = (char *)graph_name;
    graph.node = (Onnx__NodeProto **)model->nodes.items;
    graph.n_node = model->nodes.count;
    graph.input = (Onnx__ValueInfoProto **)model->inputs.items;
    graph.n_input = model->inputs.count;
    graph.output = (Onnx__ValueInfoProto **)model->outputs.items;
    graph.n_output = model->outputs.count;

    uint64_t graph_size = onnx__graph_proto__get_packed_size(&graph);
    for (size_t k = 0; k < model->initializers.count; k++) {
        graph_size += field_size(tensor_size(model->initializers.items[k]));
    }
    uint64_t total = onnx__model_proto__get_packed_size(&head) + field_size(graph_size);
    if (total > most_bytes) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "%s: an ONNX file holds at most %llu bytes, this one would have %llu",
                        target, (unsigned long long)most_bytes, (unsigned long long)total);
    }

    rnc_file file;
    rnm_status status = rnc_file_create(&file, target, err);
    if (status == RNM_OK) {
        writer w = {
            .base = {append}, .file = &file, .err = err, .options = options, .total = total};
        put_model(&w, model, &head, &graph, graph_size);
        status = w.status;
    }
    if (status == RNM_OK) {
        status = rnc_file_commit(&file, err);
    }
    rnc_file_discard(&file);
    return status;
}
