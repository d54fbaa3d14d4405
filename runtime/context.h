/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context is: a list of steps that plan.c decided on, and the memory that they work in.
 */
#ifndef RNM_CONTEXT_H
#define RNM_CONTEXT_H

#include "kernels/kernels.h"
#include "model.h"
#include "threads.h"
#include "weights.h"

typedef struct rnm_step rnm_step;
typedef rnm_status (*rnm_run)(rnm_context *context, const rnm_step *step, rnm_error *err);

/* A window that slides over channels-last maps of up to three spatial axes; maps of fewer have
 * leading axes of size 1. */
typedef struct rnm_window {
    int64_t batch;
    int64_t in_channels, out_channels;
    int64_t in[3], out[3];
    int64_t kernel[3], strides[3], dilations[3];
    int64_t pads[3], end_pads[3];
} rnm_window;

typedef enum rnm_conv_algorithm { RNM_CONV_DIRECT, RNM_CONV_WINOGRAD } rnm_conv_algorithm;

/* Conv, and Gemm as a 1x1 convolution over 1x1 maps. */
typedef struct rnm_conv_step {
    rnm_window window;
    rnm_conv_algorithm algorithm;
    uint32_t stretch;      /* direct: pixels of an item; winograd: tiles of a block */
    uint32_t block_inputs; /* inputs expanded and multiplied at a time */
    unsigned tile;         /* winograd: 2 or 4 */
    unsigned shares;       /* winograd: items that a panel's tiles are split into */
    uint32_t weight;       /* index in context->weights */
    bool depthwise;        /* one input and one output a group */
    const float *bias, *scale;
    rnm_activation activation;
    struct rnm_xnn_node *xnn; /* NULL: our kernels */
} rnm_conv_step;

typedef struct rnm_pool_step {
    rnm_window window;
    bool average;   /* else the maximum */
    bool count_pad; /* averages divide by the window's size inside the padded map */
} rnm_pool_step;

typedef struct rnm_pointwise_step {
    uint64_t count; /* elements, or rows of `channels` elements for ScaleBias */
    uint64_t channels;
    const float *bias, *scale;
    rnm_activation activation;
} rnm_pointwise_step;

/* A copy between two strided layouts, in elements of `element` bytes. */
typedef struct rnm_copy_step {
    int rank;
    uint32_t element;
    int64_t dims[RNM_MAX_RANK], from[RNM_MAX_RANK], to[RNM_MAX_RANK];
    int64_t to_start;
} rnm_copy_step;

typedef struct rnm_cast_step {
    uint64_t count;
    rnm_dtype from, to;
} rnm_cast_step;

typedef struct rnm_softmax_step {
    int64_t outer, axis, inner;
} rnm_softmax_step;

struct rnm_step {
    rnm_run run;
    uint32_t x, z, y; /* values: input, second input or RNM_NONE, output */
    uint32_t node;
    bool weighted;       /* as.conv is the one in use */
    uint64_t read_bytes; /* of activations */
    union {
        rnm_conv_step conv;
        rnm_pool_step pool;
        rnm_pointwise_step pointwise;
        rnm_copy_step copy;
        rnm_softmax_step softmax;
        rnm_cast_step cast;
    } as;
};

struct rnm_context {
    const rnm_model *model;
    rnm_memory memory;
    rnm_threads threads;
    const rnm_kernels *kernels;
    rnm_expand expand;
    bool xnnpack;  /* load mode tries XNNPACK first */
    bool winograd; /* 3x3 layers may take it */

    rnm_step *steps;
    uint32_t step_count, step_room;
    rnm_weight *weights; /* room for one a recipe use */
    uint32_t weight_count, weight_room;
    void **data;         /* by value: in the arena, in the file, or NULL */
    rnm_tensor *tensors; /* graph inputs, then graph outputs */
    double *seconds;     /* by step: what the last run took; NULL: not asked for */

    uint8_t *arena;
    uint64_t arena_bytes;
    uint8_t *workspace; /* a row of zeros, then shared_bytes, then worker_bytes a thread */
    uint64_t zero_bytes, shared_bytes, worker_bytes;
    float *kept; /* lazy: room for all weights; layer: the scratch for one */
    uint64_t kept_bytes, scratch_bytes;
    uint64_t xnn_filter_bytes; /* expanded copies that XNNPACK reads */
    uint64_t xnn_bytes;        /* what XNNPACK took for this context */
};

/* The start of a value's data. */
static inline float *rnm_values(const rnm_context *context, uint32_t value) {
    return context->data[value];
}

/* The start of input k of the step's node, NULL where absent, and of output k. */
static inline const void *rnm_step_input(const rnm_context *context, const rnm_step *step,
                                         unsigned k) {
    const rnm_view *view = &context->model->view;
    const rnm_node_rec *node = &view->nodes[step->node];
    uint32_t ref = k < node->input_count ? view->refs[node->first_ref + k] : RNM_NONE;
    return ref != RNM_NONE ? context->data[ref] : NULL;
}

static inline void *rnm_step_output(const rnm_context *context, const rnm_step *step, unsigned k) {
    const rnm_view *view = &context->model->view;
    const rnm_node_rec *node = &view->nodes[step->node];
    return k < node->output_count
               ? context->data[view->refs[node->first_ref + node->input_count + k]]
               : NULL;
}

static inline uint64_t rnm_workspace_bytes(const rnm_context *context) {
    return context->zero_bytes + context->shared_bytes +
           context->worker_bytes * context->threads.count;
}

/* The parts of the workspace behind the zeros. */
static inline float *rnm_shared_scratch(const rnm_context *context) {
    return (float *)(void *)(context->workspace + context->zero_bytes);
}

static inline uint8_t *rnm_worker_scratch(const rnm_context *context, size_t worker) {
    return context->workspace + context->zero_bytes + context->shared_bytes +
           worker * context->worker_bytes;
}

/* Everything of the context's that is not in the mapping. */
uint64_t rnm_context_bytes(const rnm_context *context);

#endif
