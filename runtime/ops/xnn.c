/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm through XNNPACK, each a subgraph of one node: the only part of its interface that
 * all versions share. XNNPACK has bias and clamp; the scale is multiplied into the expanded copy,
 * and a residual or another activation is a pass of our own behind it. The copy is kept: xnnpack.h
 * wants static data to outlive the runtime.
 *
 * A shared XNNPACK is loaded when it is first asked for: most processes never do, and each would
 * start a tenth of a millisecond later. It keeps one state for the process, its allocator in it, so
 * this file has the library's only global state: initialised once, and a counter that a lock guards
 * while memory comes and goes.
 */
#include "xnn.h"

#include "error.h"

#include <dlfcn.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

#define INPUT_BLOCK 16
#define PASS_ELEMENTS 4096

struct rnm_xnn_node {
    xnn_runtime_t runtime;
    float *filter; /* [Co][taps][Ci], then bias, then XNN_EXTRA_BYTES */
    float *bias;   /* NULL where there is none */
    uint64_t bytes;
    float low, high;
    bool pass; /* residual and activation are left to us */
};

/* ---- XNNPACK's functions --------------------------------------------------------------------- */

#define FUNCTIONS(FUNCTION)          \
    FUNCTION(initialize)             \
    FUNCTION(create_subgraph)        \
    FUNCTION(delete_subgraph)        \
    FUNCTION(define_tensor_value)    \
    FUNCTION(define_fully_connected) \
    FUNCTION(define_convolution_2d)  \
    FUNCTION(create_runtime_v2)      \
    FUNCTION(setup_runtime)          \
    FUNCTION(invoke_runtime)         \
    FUNCTION(delete_runtime)

#define POINTER(name) __typeof__(&xnn_##name) name;

static struct { FUNCTIONS(POINTER) } xnn;

#ifdef RNM_XNNPACK_NAME
#define FIND(name) {"xnn_" #name, offsetof(__typeof__(xnn), name)},

/* It stays loaded: its state is the process's. */
static bool find(void) {
    static const struct {
        const char *name;
        size_t place;
    } wanted[] = {FUNCTIONS(FIND)};
    void *library = dlopen(RNM_XNNPACK_NAME, RTLD_NOW | RTLD_LOCAL);
    bool found = library != NULL;
    for (size_t k = 0; found && k < sizeof wanted / sizeof *wanted; ++k) {
        void *function = dlsym(library, wanted[k].name);
        memcpy((char *)&xnn + wanted[k].place, &function, sizeof function);
        found = function != NULL;
    }
    return found;
}
#else
#define LINK(name) xnn.name = xnn_##name;

static bool find(void) {
    FUNCTIONS(LINK)
    return true;
}
#endif

/* ---- XNNPACK's state and memory -------------------------------------------------------------- */

static struct {
    pthread_once_t once;
    pthread_mutex_t lock; /* held while runtimes are made and destroyed, so that `held` is theirs */
    uint64_t held;
    bool works;
} process = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void *count(void *pointer) {
    process.held += pointer != NULL ? malloc_usable_size(pointer) : 0;
    return pointer;
}

static void *xnn_take(void *context, size_t size) {
    (void)context;
    return count(malloc(size));
}

static void *xnn_take_aligned(void *context, size_t alignment, size_t size) {
    (void)context;
    void *pointer;
    return posix_memalign(&pointer, alignment, size) == 0 ? count(pointer) : NULL;
}

static void *xnn_resize(void *context, void *pointer, size_t size) {
    (void)context;
    size_t before = pointer != NULL ? malloc_usable_size(pointer) : 0;
    void *moved = realloc(pointer, size);
    if (moved != NULL) {
        process.held -= before;
    }
    return count(moved);
}

static void xnn_give(void *context, void *pointer) {
    (void)context;
    process.held -= pointer != NULL ? malloc_usable_size(pointer) : 0;
    free(pointer);
}

/* Runs under pthread_once. XNNPACK keeps the address of the structure, so what this file was linked
 * into stays loaded as well, should its user close it. */
static void initialize(void) {
    static const struct xnn_allocator allocator = {
        .allocate = xnn_take,
        .reallocate = xnn_resize,
        .deallocate = xnn_give,
        .aligned_allocate = xnn_take_aligned,
        .aligned_deallocate = xnn_give,
    };
    Dl_info here;
    if (dladdr(&allocator, &here) != 0) {
        (void)dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
    process.works = find() && xnn.initialize(&allocator) == xnn_status_success;
}

bool rnm_has_xnnpack(void) {
    (void)pthread_once(&process.once, initialize);
    return process.works;
}

/* ---- the expanded copy ----------------------------------------------------------------------- */

typedef struct filter_job {
    const rnm_weight *weight;
    const rnm_kernels *kernels;
    const float *scale;
    float *filter;
    float *scratch; /* INPUT_BLOCK inputs of a panel for each worker */
} filter_job;

static void filter_item(void *argument, size_t item, size_t worker) {
    const filter_job *job = argument;
    const rnm_child *child = &job->weight->child;
    float *scratch = job->scratch + worker * INPUT_BLOCK * child->taps * RNM_PANEL;
    rnm_panel panel = rnm_weight_panel(job->weight, (uint32_t)item);
    for (uint32_t first = 0; first < child->ci; first += INPUT_BLOCK) {
        uint32_t rest = child->ci - first;
        panel.input = first;
        panel.inputs = rest < INPUT_BLOCK ? rest : INPUT_BLOCK;
        rnm_expanders[child->transform](job->kernels, child, panel, scratch);
        for (uint32_t l = 0; l < panel.lanes; ++l) {
            uint32_t o = panel.output + l;
            float scale = job->scale != NULL ? job->scale[o] : 1.0f;
            for (uint32_t t = 0; t < child->taps; ++t) {
                float *to = job->filter + ((uint64_t)o * child->taps + t) * child->ci + first;
                for (uint32_t i = 0; i < panel.inputs; ++i) {
                    to[i] = scratch[((uint64_t)i * child->taps + t) * RNM_PANEL + l] * scale;
                }
            }
        }
    }
}

static rnm_status make_filter(rnm_context *context, const rnm_conv_step *conv,
                              struct rnm_xnn_node *node, rnm_error *err) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    uint64_t floats = (uint64_t)child->co * child->ci * child->taps;
    uint64_t scratch_bytes =
        (uint64_t)context->threads.count * INPUT_BLOCK * child->taps * RNM_PANEL * sizeof(float);
    node->bytes = (floats + child->co) * sizeof(float) + XNN_EXTRA_BYTES;
    node->filter = rnm_memory_take(&context->memory, node->bytes);
    float *scratch = rnm_memory_take(&context->memory, scratch_bytes);
    rnm_status status = RNM_OK;
    if (node->filter == NULL || scratch == NULL) {
        status = rnm_fail(err, RNM_ERR_MEMORY, "recipe %s: no memory to expand it, %llu bytes",
                          child->name, (unsigned long long)node->bytes);
        goto done;
    }
    filter_job job = {weight, context->kernels, conv->scale, node->filter, scratch};
    rnm_threads_run(&context->threads, filter_item, &job, weight->panel_count);
    node->bias = node->filter + floats;
    memset(node->bias, 0, child->co * sizeof(float) + XNN_EXTRA_BYTES);
    if (conv->bias != NULL) {
        memcpy(node->bias, conv->bias, child->co * sizeof(float));
    }
done:
    rnm_memory_give(&context->memory, scratch, scratch_bytes);
    return status;
}

/* ---- the runtime ----------------------------------------------------------------------------- */

/* XNNPACK's convolutions have two spatial axes and 32-bit parameters. What it would refuse is not
 * offered, because it says so on standard error. */
static bool takes(const rnm_window *w) {
    bool flat = w->in[0] == 1 && w->kernel[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    for (int axis = 1; axis < 3; ++axis) {
        flat = flat && w->strides[axis] <= INT32_MAX && w->dilations[axis] <= INT32_MAX &&
               w->pads[axis] <= INT32_MAX && w->end_pads[axis] <= INT32_MAX;
    }
    return flat;
}

static enum xnn_status define_tensor(xnn_subgraph_t graph, size_t rank, const size_t *dims,
                                     const float *data, uint32_t external, uint32_t *id) {
    uint32_t flags = external == 0   ? XNN_VALUE_FLAG_EXTERNAL_INPUT
                     : external == 1 ? XNN_VALUE_FLAG_EXTERNAL_OUTPUT
                                     : 0;
    return xnn.define_tensor_value(graph, xnn_datatype_fp32, rank, dims, data, external, flags, id);
}

/* Defines input 0, output 1, filter, bias and the node itself. */
static enum xnn_status define_node(xnn_subgraph_t graph, const rnm_conv_step *conv,
                                   const rnm_child *child, const struct rnm_xnn_node *node) {
    const rnm_window *w = &conv->window;
    uint32_t groups = (uint32_t)(w->in_channels / child->ci);
    bool dense = groups == 1 && child->taps == 1 && w->in[1] == 1 && w->in[2] == 1 &&
                 w->out[1] == 1 && w->out[2] == 1 && w->pads[1] == 0 && w->pads[2] == 0;
    size_t batch = (size_t)w->batch;
    size_t in[4] = {batch, (size_t)w->in[1], (size_t)w->in[2], (size_t)w->in_channels};
    size_t out[4] = {batch, (size_t)w->out[1], (size_t)w->out[2], (size_t)w->out_channels};
    size_t filter[4] = {child->co, (size_t)w->kernel[1], (size_t)w->kernel[2], child->ci};
    size_t channels = child->co;
    if (dense) {
        in[1] = in[3];
        out[1] = out[3];
        filter[1] = filter[3];
    }
    size_t rank = dense ? 2 : 4;
    uint32_t x, y, weight, bias;
    enum xnn_status status = define_tensor(graph, rank, in, NULL, 0, &x);
    if (status == xnn_status_success) {
        status = define_tensor(graph, rank, out, NULL, 1, &y);
    }
    if (status == xnn_status_success) {
        status = define_tensor(graph, rank, filter, node->filter, XNN_INVALID_VALUE_ID, &weight);
    }
    if (status == xnn_status_success) {
        status = define_tensor(graph, 1, &channels, node->bias, XNN_INVALID_VALUE_ID, &bias);
    }
    if (status != xnn_status_success) {
        return status;
    }
    if (dense) {
        return xnn.define_fully_connected(graph, node->low, node->high, x, weight, bias, y, 0);
    }
    return xnn.define_convolution_2d(
        graph, (uint32_t)w->pads[1], (uint32_t)w->end_pads[2], (uint32_t)w->end_pads[1],
        (uint32_t)w->pads[2], (uint32_t)w->kernel[1], (uint32_t)w->kernel[2],
        (uint32_t)w->strides[1], (uint32_t)w->strides[2], (uint32_t)w->dilations[1],
        (uint32_t)w->dilations[2], groups, child->ci, child->co / groups, node->low, node->high, x,
        weight, bias, y, 0);
}

static enum xnn_status make_runtime(const rnm_context *context, const rnm_step *step,
                                    struct rnm_xnn_node *node) {
    const rnm_conv_step *conv = &step->as.conv;
    xnn_subgraph_t graph = NULL;
    enum xnn_status status = xnn.create_subgraph(2, 0, &graph);
    if (status == xnn_status_success) {
        status = define_node(graph, conv, &context->weights[conv->weight].child, node);
    }
    if (status == xnn_status_success) {
        status = xnn.create_runtime_v2(graph, context->threads.pool, 0, &node->runtime);
    }
    if (status == xnn_status_success) {
        struct xnn_external_value ends[2] = {{0, rnm_values(context, step->x)},
                                             {1, rnm_values(context, step->y)}};
        status = xnn.setup_runtime(node->runtime, 2, ends);
    }
    if (graph != NULL) {
        xnn.delete_subgraph(graph);
    }
    return status;
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct pass_job {
    float *y;
    const float *residual;
    rnm_activation activation;
    uint64_t elements;
} pass_job;

static void pass_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pass_job *job = argument;
    uint64_t start = item * PASS_ELEMENTS;
    uint64_t rest = job->elements - start;
    size_t elements = rest < PASS_ELEMENTS ? (size_t)rest : PASS_ELEMENTS;
    float *y = job->y + start;
    if (job->residual != NULL) {
        for (size_t k = 0; k < elements; ++k) {
            y[k] += job->residual[start + k];
        }
    }
    rnm_activate(job->activation, y, elements);
}

static rnm_status run_xnn(rnm_context *context, const rnm_step *step, rnm_error *err) {
    const rnm_conv_step *conv = &step->as.conv;
    enum xnn_status status = xnn.invoke_runtime(conv->xnn->runtime);
    if (status != xnn_status_success) {
        return rnm_fail(
            err, RNM_ERR_BACKEND, "node %s: XNNPACK failed with status %d",
            rnm_view_string(&context->model->view, context->model->view.nodes[step->node].name),
            (int)status);
    }
    if (conv->xnn->pass) {
        const rnm_window *w = &conv->window;
        pass_job job = {
            .y = rnm_values(context, step->y),
            .residual = step->z != RNM_NONE ? rnm_values(context, step->z) : NULL,
            .activation = conv->activation,
            .elements = (uint64_t)(w->batch * w->out[0] * w->out[1] * w->out[2] * w->out_channels),
        };
        rnm_threads_run(&context->threads, pass_item, &job,
                        (size_t)((job.elements + PASS_ELEMENTS - 1) / PASS_ELEMENTS));
    }
    return RNM_OK;
}

/* ---- taking and giving back ------------------------------------------------------------------ */

static void give_node(rnm_context *context, struct rnm_xnn_node *node) {
    if (node->runtime != NULL) {
        pthread_mutex_lock(&process.lock);
        xnn.delete_runtime(node->runtime);
        pthread_mutex_unlock(&process.lock);
    }
    rnm_memory_give(&context->memory, node->filter, node->bytes);
    rnm_memory_give(&context->memory, node, sizeof *node);
}

/* Decides what of the epilogue XNNPACK can do. */
static void split_epilogue(const rnm_step *step, struct rnm_xnn_node *node) {
    rnm_activation activation = step->as.conv.activation;
    node->low = -INFINITY;
    node->high = INFINITY;
    node->pass = true;
    if (step->z != RNM_NONE) {
        return;
    }
    if (activation.op == RNM_OP_Relu) {
        node->low = 0.0f;
    } else if (activation.op == RNM_OP_Clip && activation.alpha < activation.beta) {
        node->low = activation.alpha;
        node->high = activation.beta;
    } else if (activation.op != RNM_OP_NONE) {
        return;
    }
    node->pass = false;
}

rnm_status rnm_xnn_take_step(rnm_context *context, rnm_step *step, rnm_error *err) {
    /* Nothing lies behind the last tensor of a file, and XNNPACK reads a little behind its input.
     */
    bool behind = context->model->view.values[step->x].kind == RNM_VALUE_ACTIVATION;
    bool transposed = step->as.conv.algorithm == RNM_CONV_TRANSPOSED;
    if (!behind || transposed || !takes(&step->as.conv.window)) {
        return RNM_OK;
    }
    struct rnm_xnn_node *node = rnm_memory_take_zeroed(&context->memory, 1, sizeof *node);
    if (node == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory for a node of XNNPACK");
    }
    split_epilogue(step, node);
    rnm_status status = make_filter(context, &step->as.conv, node, err);
    if (status != RNM_OK) {
        goto refused;
    }
    pthread_mutex_lock(&process.lock);
    uint64_t before = process.held;
    enum xnn_status made = make_runtime(context, step, node);
    uint64_t taken = process.held - before;
    pthread_mutex_unlock(&process.lock);
    if (made != xnn_status_success) {
        if (made == xnn_status_out_of_memory) {
            status = rnm_fail(err, RNM_ERR_MEMORY, "XNNPACK has no memory for its weights");
        }
        goto refused;
    }
    context->xnn_bytes += taken;
    context->xnn_filter_bytes += node->bytes;
    step->as.conv.xnn = node;
    step->run = run_xnn;
    return RNM_OK;
refused:
    give_node(context, node);
    return status;
}

void rnm_xnn_give_step(rnm_context *context, rnm_step *step) {
    if (step->as.conv.xnn != NULL) {
        give_node(context, step->as.conv.xnn);
    }
}
