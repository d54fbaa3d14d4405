/* SPDX-License-Identifier: Apache-2.0 */
#include "proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- files ----------------------------------------------------------------------------------- */

static uint8_t *read_file(const char *folder, const char *name, size_t *size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long end = 0;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)end + 1);
        *size = (size_t)end;
    }
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
        free(bytes);
        bytes = NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

static Onnx__TensorProto *read_tensor(const char *folder, const char *kind, int k) {
    char name[64];
    size_t size;
    snprintf(name, sizeof name, "test_data_set_0/%s_%d.pb", kind, k);
    uint8_t *bytes = read_file(folder, name, &size);
    Onnx__TensorProto *proto = bytes != NULL ? onnx__tensor_proto__unpack(NULL, size, bytes) : NULL;
    free(bytes);
    return proto;
}

static int read_tensors(const char *folder, const char *kind, Onnx__TensorProto **out) {
    int count = 0;
    while (count < MOST_VALUES && (out[count] = read_tensor(folder, kind, count)) != NULL) {
        count++;
    }
    return count;
}

bool read_test(const char *folder, node_test *out) {
    size_t size;
    uint8_t *bytes = read_file(folder, "model.onnx", &size);
    *out = (node_test){0};
    out->model = bytes != NULL ? onnx__model_proto__unpack(NULL, size, bytes) : NULL;
    free(bytes);
    if (out->model == NULL || out->model->graph == NULL) {
        free_test(out);
        return false;
    }
    out->input_count = read_tensors(folder, "input", out->inputs);
    out->output_count = read_tensors(folder, "output", out->outputs);
    Onnx__ValueInfoProto *open[MOST_VALUES];
    if (out->output_count == 0 || open_inputs(out, open) != out->input_count) {
        free_test(out);
        return false;
    }
    return true;
}

void free_test(node_test *test) {
    for (int k = 0; k < test->input_count; k++) {
        onnx__tensor_proto__free_unpacked(test->inputs[k], NULL);
    }
    for (int k = 0; k < test->output_count; k++) {
        onnx__tensor_proto__free_unpacked(test->outputs[k], NULL);
    }
    if (test->model != NULL) {
        onnx__model_proto__free_unpacked(test->model, NULL);
    }
    *test = (node_test){0};
}

/* ---- tensors --------------------------------------------------------------------------------- */

#define COPY_FIELD(type, field)                             \
    do {                                                    \
        if (proto->n_##field != count) {                    \
            return false;                                   \
        }                                                   \
        for (size_t k = 0; k < count; k++) {                \
            ((type *)out->data)[k] = (type)proto->field[k]; \
        }                                                   \
    } while (0)

static bool decode_fields(const Onnx__TensorProto *proto, size_t count, decoded *out) {
    switch (out->dtype) {
    case RNM_F32:
        COPY_FIELD(float, float_data);
        return true;
    case RNM_F64:
        COPY_FIELD(double, double_data);
        return true;
    case RNM_I64:
        COPY_FIELD(int64_t, int64_data);
        return true;
    case RNM_I32:
        COPY_FIELD(int32_t, int32_data);
        return true;
    case RNM_F16:
        COPY_FIELD(uint16_t, int32_data);
        return true;
    default:
        COPY_FIELD(uint8_t, int32_data);
        return true;
    }
}

bool decode_tensor(const Onnx__TensorProto *proto, decoded *out) {
    size_t count = 1;
    *out = (decoded){.name = proto->name, .dtype = (rnm_dtype)proto->data_type};
    size_t size = rnm_dtype_size(out->dtype);
    if (size == 0 || proto->n_dims > RNM_MAX_RANK) {
        return false;
    }
    out->rank = (int)proto->n_dims;
    for (size_t axis = 0; axis < proto->n_dims; axis++) {
        out->dims[axis] = proto->dims[axis];
        count *= (size_t)proto->dims[axis];
    }
    out->bytes = count * size;
    out->data = calloc(1, out->bytes + 1);
    if (out->data == NULL) {
        return false;
    }
    bool whole = proto->has_raw_data && proto->raw_data.len == out->bytes;
    if (whole && out->bytes > 0) {
        memcpy(out->data, proto->raw_data.data, out->bytes);
    }
    if (!whole && !decode_fields(proto, count, out)) {
        free(out->data);
        out->data = NULL;
        return false;
    }
    return true;
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static bool is_initializer(const Onnx__GraphProto *graph, const char *name) {
    for (size_t k = 0; k < graph->n_initializer; k++) {
        if (strcmp(graph->initializer[k]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

int open_inputs(const node_test *test, Onnx__ValueInfoProto *out[MOST_VALUES]) {
    const Onnx__GraphProto *graph = test->model->graph;
    int count = 0;
    for (size_t k = 0; k < graph->n_input && count < MOST_VALUES; k++) {
        if (!is_initializer(graph, graph->input[k]->name)) {
            out[count++] = graph->input[k];
        }
    }
    return count;
}

/* The first node that reads a value, and as which input. */
static const Onnx__NodeProto *reader_of(const Onnx__GraphProto *graph, const char *name,
                                        size_t *as) {
    for (size_t n = 0; n < graph->n_node; n++) {
        for (*as = 0; *as < graph->node[n]->n_input; ++*as) {
            if (strcmp(graph->node[n]->input[*as], name) == 0) {
                return graph->node[n];
            }
        }
    }
    return NULL;
}

static bool is_one_of(const char *name, const char *const *list) {
    while (*list != NULL && strcmp(*list, name) != 0) {
        list++;
    }
    return *list != NULL;
}

/* Integers that say what to do; indices to gather are data. Scales and regions of Resize are of the
 * same kind, though they are no integers. */
static bool is_operand(const Onnx__NodeProto *node, size_t as, int32_t type) {
    static const char *const by_index[] = {"Gather", "GatherElements", "GatherND", "Where", NULL};
    static const char *const resizing[] = {"Resize", "Upsample", NULL};
    if (as == 0 && strcmp(node->op_type, "ConstantOfShape") != 0) {
        return false;
    }
    return (type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 && !is_one_of(node->op_type, by_index)) ||
           (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && is_one_of(node->op_type, resizing));
}

static const char *const weighted[] = {"Conv",
                                       "ConvTranspose",
                                       "Gemm",
                                       "MatMul",
                                       "PRelu",
                                       "BatchNormalization",
                                       "ConvInteger",
                                       "QLinearConv",
                                       "InstanceNormalization",
                                       "MatMulInteger",
                                       "QLinearMatMul",
                                       "LayerNormalization",
                                       NULL};

bool is_frozen(const node_test *test, int k, freeze what) {
    Onnx__ValueInfoProto *open[MOST_VALUES];
    size_t as;
    open_inputs(test, open);
    const Onnx__NodeProto *node = reader_of(test->model->graph, open[k]->name, &as);
    if (node == NULL) {
        return false;
    }
    return is_operand(node, as, test->inputs[k]->data_type) ||
           (what == FREEZE_WEIGHTS && as > 0 && is_one_of(node->op_type, weighted));
}

bool has_weights(const node_test *test) {
    for (int k = 0; k < test->input_count; k++) {
        if (is_frozen(test, k, FREEZE_WEIGHTS) != is_frozen(test, k, FREEZE_OPERANDS)) {
            return true;
        }
    }
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Puts the frozen inputs, by way of `copies`, among the initializers of a copy of the graph whose
 * lists are new; what they hold stays the test's. */
static bool freeze_into(const node_test *test, freeze what, Onnx__GraphProto *graph,
                        Onnx__TensorProto *copies) {
    Onnx__ValueInfoProto *open[MOST_VALUES];
    int count = open_inputs(test, open);
    size_t kept = 0;
    graph->initializer = calloc(graph->n_initializer + (size_t)count + 1, sizeof(void *));
    graph->input = calloc(graph->n_input + 1, sizeof(void *));
    if (graph->initializer == NULL || graph->input == NULL) {
        return false;
    }
    const Onnx__GraphProto *from = test->model->graph;
    for (size_t k = 0; k < from->n_initializer; k++) {
        graph->initializer[k] = from->initializer[k];
    }
    for (size_t k = 0; k < from->n_input; k++) {
        int which = 0;
        while (which < count && open[which] != from->input[k]) {
            which++;
        }
        if (which == count || !is_frozen(test, which, what)) {
            graph->input[kept++] = from->input[k];
            continue;
        }
        copies[which] = *test->inputs[which];
        copies[which].name = open[which]->name;
        graph->initializer[graph->n_initializer++] = &copies[which];
    }
    graph->n_input = kept;
    return true;
}

bool write_frozen(const node_test *test, freeze what, const char *path) {
    Onnx__GraphProto graph = *test->model->graph;
    Onnx__ModelProto model = *test->model;
    model.graph = &graph;
    model.ir_version = model.ir_version < 4 ? 4 : model.ir_version; /* initializers are no inputs */
    model.has_ir_version = 1;
    Onnx__TensorProto copies[MOST_VALUES];
    bool done = false;
    uint8_t *bytes = NULL;
    FILE *file = NULL;
    if (freeze_into(test, what, &graph, copies)) {
        size_t size = onnx__model_proto__get_packed_size(&model);
        bytes = malloc(size + 1);
        file = bytes != NULL ? fopen(path, "wb") : NULL;
        if (file != NULL) {
            onnx__model_proto__pack(&model, bytes);
            done = fwrite(bytes, 1, size, file) == size;
            done = fclose(file) == 0 && done;
        }
    }
    free(bytes);
    free(graph.input);
    free(graph.initializer);
    return done;
}
