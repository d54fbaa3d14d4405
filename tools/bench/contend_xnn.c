/* SPDX-License-Identifier: Apache-2.0
 *
 * contend_xnn MODEL.rnm INPUT.f32 THREADS: the dense equivalent of a model as one graph of XNNPACK
 * (contender.h). Nothing of librnm runs here: the expanded weights, their scales multiplied in, are
 * XNNPACK's, and so is every operator. Networks of Conv, Gemm, Relu, pooling and Add, of one input
 * and one output, as those of the comparison.
 */
#include "contender.h"
#include "process.h"
#include "rnm_read.h"

#include <fcntl.h>
#include <math.h>
#include <pthreadpool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xnnpack.h>

typedef struct build {
    const rnm_view *view;
    xnn_subgraph_t graph;
    uint32_t *ids;     /* XNNPACK's id of each value */
    rnm_shape *shapes; /* of each value, in ONNX order, batch 1 */
} build;

static bool refuse(const rnm_view *view, uint32_t node, const char *why) {
    fprintf(stderr, "node %s: %s\n", rnm_view_string(view, view->nodes[node].name), why);
    return false;
}

/* NCHW dims as XNNPACK has them: maps of one pixel keep their axes, matrices have two. */
static size_t xnn_dims(const rnm_shape *shape, size_t *dims) {
    if (shape->rank != 4) {
        for (int k = 0; k < shape->rank; k++) {
            dims[k] = (size_t)shape->dims[k];
        }
        return (size_t)shape->rank;
    }
    dims[0] = (size_t)shape->dims[0];
    dims[1] = (size_t)shape->dims[2];
    dims[2] = (size_t)shape->dims[3];
    dims[3] = (size_t)shape->dims[1];
    return 4;
}

static bool define(build *b, const rnm_shape *shape, const float *data, uint32_t external,
                   uint32_t *id) {
    size_t dims[RNM_MAX_RANK];
    size_t rank = xnn_dims(shape, dims);
    uint32_t flags = external == 0   ? XNN_VALUE_FLAG_EXTERNAL_INPUT
                     : external == 1 ? XNN_VALUE_FLAG_EXTERNAL_OUTPUT
                                     : 0;
    return xnn_define_tensor_value(b->graph, xnn_datatype_fp32, rank, dims, data, external, flags,
                                   id) == xnn_status_success;
}

static const float *vector_of(const rnm_view *view, const rnm_node_rec *node, uint32_t at) {
    uint32_t value = at < node->input_count ? view->refs[node->first_ref + at] : RNM_NONE;
    return value == RNM_NONE ? NULL : rnm_view_tensor(view, view->values[value].source);
}

/* The filter as XNNPACK has it, [Co][taps][Ci], scales multiplied in, and the bias. XNNPACK packs
 * its own copy when the runtime is made and wants these to stay: they are never freed. */
static bool define_weights(build *b, uint32_t at, uint32_t *filter_id, uint32_t *bias_id) {
    const rnm_node_rec *node = &b->view->nodes[at];
    uint32_t value = b->view->refs[node->first_ref + 1];
    if (b->view->values[value].kind != RNM_VALUE_RECIPE) {
        return refuse(b->view, at, "its weight is not a child weight");
    }
    rnm_child child = rnm_view_child(b->view, b->view->values[value].source);
    const float *bias = vector_of(b->view, node, 2);
    const float *scale = vector_of(b->view, node, 3);
    size_t per_output = (size_t)child.ci * child.taps;
    size_t floats = (size_t)child.co * per_output;
    float *plain = malloc(floats * sizeof(float));
    float *filter = malloc(floats * sizeof(float) + XNN_EXTRA_BYTES);
    float *biases = calloc((size_t)child.co + XNN_EXTRA_BYTES / sizeof(float), sizeof(float));
    if (plain == NULL || filter == NULL || biases == NULL) {
        free(plain);
        free(filter);
        free(biases);
        return refuse(b->view, at, "no memory for its dense weight");
    }
    rnm_expand_ref(&child, plain);
    for (size_t k = 0; k < floats; k++) {
        size_t o = k / per_output, i = k % per_output / child.taps, t = k % child.taps;
        filter[(o * child.taps + t) * child.ci + i] = plain[k] * (scale != NULL ? scale[o] : 1.0f);
    }
    if (bias != NULL) {
        memcpy(biases, bias, child.co * sizeof(float));
    }
    free(plain);
    rnm_shape shape = rnm_view_shape(b->view, value);
    rnm_shape flat = {.rank = 1, .dims = {child.co}};
    return define(b, &shape, filter, XNN_INVALID_VALUE_ID, filter_id) &&
           define(b, &flat, biases, XNN_INVALID_VALUE_ID, bias_id);
}

/* Conv or Gemm, then the residual, then an activation that is no clamp, each into a tensor of its
 * own: the last one writes y. */
static bool add_weighted(build *b, uint32_t at, uint32_t y) {
    const rnm_node_rec *node = &b->view->nodes[at];
    rnm_node_attrs attrs = rnm_view_attrs(b->view, at);
    uint32_t x = b->view->refs[node->first_ref];
    uint32_t residual = node->input_count > 4 ? b->view->refs[node->first_ref + 4] : RNM_NONE;
    bool clamped = attrs.activation == RNM_OP_Relu || attrs.activation == RNM_OP_NONE;
    float low = attrs.activation == RNM_OP_Relu ? 0.0f : -INFINITY;
    float first_low = residual != RNM_NONE ? -INFINITY : low;
    uint32_t filter, bias, before = b->ids[y], sum;
    if (!clamped && attrs.activation != RNM_OP_Elu) {
        return refuse(b->view, at, "its activation is none that this comparison knows");
    }
    if (!define_weights(b, at, &filter, &bias) ||
        (!clamped && !define(b, &b->shapes[y], NULL, XNN_INVALID_VALUE_ID, &before))) {
        return refuse(b->view, at, "XNNPACK refuses its weights or output");
    }
    sum = before;
    if (residual != RNM_NONE && !define(b, &b->shapes[y], NULL, XNN_INVALID_VALUE_ID, &sum)) {
        return refuse(b->view, at, "XNNPACK refuses its output");
    }
    enum xnn_status status;
    if (node->op == RNM_OP_Gemm) {
        status = xnn_define_fully_connected(b->graph, first_low, INFINITY, b->ids[x], filter, bias,
                                            sum, 0);
    } else {
        const rnm_shape *in = &b->shapes[x], *out = &b->shapes[y];
        rnm_shape weight = rnm_view_shape(b->view, b->view->refs[node->first_ref + 1]);
        uint32_t group = (uint32_t)attrs.group;
        status = xnn_define_convolution_2d(
            b->graph, (uint32_t)attrs.pads[0], (uint32_t)attrs.pads[3], (uint32_t)attrs.pads[2],
            (uint32_t)attrs.pads[1], (uint32_t)weight.dims[2], (uint32_t)weight.dims[3],
            (uint32_t)attrs.strides[0], (uint32_t)attrs.strides[1], (uint32_t)attrs.dilations[0],
            (uint32_t)attrs.dilations[1], group, (size_t)in->dims[1] / group,
            (size_t)out->dims[1] / group, first_low, INFINITY, b->ids[x], filter, bias, sum, 0);
    }
    if (status == xnn_status_success && residual != RNM_NONE) {
        status = xnn_define_add2(b->graph, low, INFINITY, sum, b->ids[residual], before, 0);
    }
    if (status == xnn_status_success && !clamped) {
        status = xnn_define_elu(b->graph, attrs.activation_alpha, before, b->ids[y], 0);
    }
    return status == xnn_status_success || refuse(b->view, at, "XNNPACK refuses it");
}

static bool add_other(build *b, uint32_t at, uint32_t y) {
    const rnm_node_rec *node = &b->view->nodes[at];
    rnm_node_attrs attrs = rnm_view_attrs(b->view, at);
    uint32_t x = b->view->refs[node->first_ref];
    enum xnn_status status = xnn_status_unsupported_parameter;
    size_t dims[RNM_MAX_RANK];
    size_t rank = xnn_dims(&b->shapes[y], dims);
    if (node->op == RNM_OP_MaxPool) {
        status = xnn_define_max_pooling_2d(
            b->graph, (uint32_t)attrs.pads[0], (uint32_t)attrs.pads[3], (uint32_t)attrs.pads[2],
            (uint32_t)attrs.pads[1], (uint32_t)attrs.kernel_shape[0],
            (uint32_t)attrs.kernel_shape[1], (uint32_t)attrs.strides[0], (uint32_t)attrs.strides[1],
            1, 1, -INFINITY, INFINITY, b->ids[x], b->ids[y], 0);
    } else if (node->op == RNM_OP_GlobalAveragePool) {
        status = xnn_define_global_average_pooling_2d(b->graph, -INFINITY, INFINITY, b->ids[x],
                                                      b->ids[y], 0);
    } else if (node->op == RNM_OP_Relu) {
        status = xnn_define_clamp(b->graph, 0.0f, INFINITY, b->ids[x], b->ids[y], 0);
    } else if (node->op == RNM_OP_Flatten) {
        status = xnn_define_static_reshape(b->graph, rank, dims, b->ids[x], b->ids[y], 0);
    }
    return status == xnn_status_success || refuse(b->view, at, "XNNPACK lacks it, or refuses it");
}

/* The shape of a node's output with batch 1; the file has been validated. */
static rnm_shape bound_shape(const rnm_view *view, uint32_t value) {
    rnm_shape shape = rnm_view_shape(view, value);
    for (int k = 0; k < shape.rank; k++) {
        shape.dims[k] = shape.dims[k] < 0 ? 1 : shape.dims[k];
    }
    return shape;
}

/* Values that are another by another name: a Reorder changes our storage, XNNPACK has but one. */
static bool add_node(build *b, uint32_t at) {
    const rnm_node_rec *node = &b->view->nodes[at];
    uint32_t y = b->view->refs[node->first_ref + node->input_count];
    b->shapes[y] = bound_shape(b->view, y);
    if (node->op == RNM_OP_Reorder) {
        b->ids[y] = b->ids[b->view->refs[node->first_ref]];
        return true;
    }
    uint32_t external = y == b->view->outputs[0] ? 1 : XNN_INVALID_VALUE_ID;
    if (!define(b, &b->shapes[y], NULL, external, &b->ids[y])) {
        return refuse(b->view, at, "XNNPACK refuses its output");
    }
    return node->op == RNM_OP_Conv || node->op == RNM_OP_Gemm ? add_weighted(b, at, y)
                                                              : add_other(b, at, y);
}

static bool build_graph(build *b) {
    uint32_t input = b->view->inputs[0];
    b->shapes[input] = bound_shape(b->view, input);
    if (xnn_create_subgraph(2, 0, &b->graph) != xnn_status_success ||
        !define(b, &b->shapes[input], NULL, 0, &b->ids[input])) {
        fprintf(stderr, "XNNPACK refuses the input\n");
        return false;
    }
    for (uint32_t k = 0; k < b->view->graph->node_count; k++) {
        if (!add_node(b, k)) {
            return false;
        }
    }
    return true;
}

static bool run(void *state) {
    return xnn_invoke_runtime(state) == xnn_status_success;
}

static int serve(const rnm_view *view, const char *input_path, int threads, double began) {
    build b = {
        .view = view,
        .ids = calloc(view->graph->value_count, sizeof(uint32_t)),
        .shapes = calloc(view->graph->value_count, sizeof(rnm_shape)),
    };
    pthreadpool_t pool = threads > 1 ? pthreadpool_create((size_t)threads) : NULL;
    xnn_runtime_t runtime = NULL;
    int exit_code = 1;
    float *rows = NULL, *x = NULL, *y = NULL;
    if (b.ids == NULL || b.shapes == NULL || xnn_initialize(NULL) != xnn_status_success ||
        !build_graph(&b)) {
        goto done;
    }
    const rnm_shape *in = &b.shapes[view->inputs[0]], *out = &b.shapes[view->outputs[0]];
    size_t pixels = (size_t)(in->dims[2] * in->dims[3]), channels = (size_t)in->dims[1];
    size_t outputs = (size_t)(out->dims[0] * out->dims[1]);
    rows = malloc(pixels * channels * sizeof(float));
    x = malloc(pixels * channels * sizeof(float) + XNN_EXTRA_BYTES);
    y = malloc(outputs * sizeof(float) + XNN_EXTRA_BYTES);
    if (rows == NULL || x == NULL || y == NULL ||
        !contender_read(input_path, rows, pixels * channels) ||
        xnn_create_runtime_v2(b.graph, pool, 0, &runtime) != xnn_status_success) {
        fprintf(stderr, "no runtime of XNNPACK\n");
        goto done;
    }
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++) {
            x[p * channels + c] = rows[c * pixels + p];
        }
    }
    struct xnn_external_value ends[2] = {{0, x}, {1, y}};
    if (xnn_setup_runtime(runtime, 2, ends) == xnn_status_success) {
        exit_code = contender_serve(&(contender){.began = began,
                                                 .state = runtime,
                                                 .run = run,
                                                 .output = y,
                                                 .outputs = outputs,
                                                 .version = "of the system"});
    }
done:
    if (runtime != NULL) {
        xnn_delete_runtime(runtime);
    }
    pthreadpool_destroy(pool);
    free(rows);
    free(x);
    free(y);
    free(b.ids);
    free(b.shapes);
    return exit_code;
}

static void *take(void *user, size_t size, size_t alignment) {
    (void)user;
    void *pointer;
    return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

static void give(void *user, void *pointer, size_t size) {
    (void)user;
    (void)size;
    free(pointer);
}

static const rnm_allocator heap = {.alloc = take, .release = give};

int main(int count, char **arguments) {
    const double began = process_began();
    if (count != 4) {
        fprintf(stderr, "usage: %s MODEL.rnm INPUT.f32 THREADS\n", arguments[0]);
        return 2;
    }
    rnm_view view;
    rnm_error error = {0};
    struct stat status;
    int file = open(arguments[1], O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        fprintf(stderr, "%s: cannot be opened\n", arguments[1]);
        return 1;
    }
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED ||
        rnm_view_open(&view, bytes, size, true, NULL, &heap, &error) != RNM_OK) {
        fprintf(stderr, "%s: %s\n", arguments[1], error.text);
        return 1;
    }
    return serve(&view, arguments[2], (int)strtol(arguments[3], NULL, 10), began);
}
