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

#define RNM_BLOCK_MOST 1024 /* inputs of a block, see rnm_conv_step */

typedef enum rnm_conv_algorithm {
    RNM_CONV_DIRECT,
    RNM_CONV_WINOGRAD,
    RNM_CONV_TABLES,
    RNM_CONV_TRANSPOSED, /* ConvTranspose */
} rnm_conv_algorithm;

/* Of a run of a layer, by the form of its weights. */
typedef struct rnm_cost {
    double panel_seconds, kept_seconds;
} rnm_cost;

/* Tables: how the map is dealt out to the lanes of a vector, and cut into items. */
typedef struct rnm_lanes {
    uint32_t across;        /* lanes side by side; the rest is one above the other */
    uint32_t rows, columns; /* of a lane's part of the outputs */
    uint32_t strip, places; /* rows and columns of it that an item has */
} rnm_lanes;

/* Conv, and Gemm as a 1x1 convolution over 1x1 maps. */
typedef struct rnm_conv_step {
    rnm_window window;
    rnm_conv_algorithm algorithm;
    uint32_t stretch;      /* of an item: pixels (direct; packed: rows), tiles (winograd) */
    uint32_t block_inputs; /* inputs expanded and multiplied at a time */
    unsigned form, tile;   /* winograd: index in kernels->winograd, and its tile */
    unsigned shares;       /* winograd, tables: groups that the panels are split into */
    rnm_lanes lanes;
    uint32_t weight;  /* index in context->weights */
    int64_t repeated; /* channels of x that are summed to the window's; 0: x has these */
    const struct rnm_mixture *mixture; /* of which the window's images and inputs are; or NULL */
    bool depthwise;                    /* one input and one output a group */
    bool packed;                       /* direct: the taps of a row of the kernel count as inputs */
    bool pointwise; /* direct: pixels lie at equal distances, no addresses are needed */
    bool few;       /* direct: weights of few pixels are read where they lie */
    const float *bias, *scale;
    rnm_activation activation;
    rnm_cost cost;            /* expected; filled in where memory is limited */
    rnm_cost tuned;           /* measured; 0: not */
    struct rnm_xnn_node *xnn; /* NULL: our kernels */
} rnm_conv_step;

typedef struct rnm_pool_step {
    rnm_window window;
    bool average;     /* else the maximum */
    bool count_pad;   /* averages divide by the window's size inside the padded map */
    uint32_t indices; /* value that takes those of the largest, or RNM_NONE */
    bool row_major;   /* indices count so, else along the first spatial axis first */
    int spatial;      /* axes of the maps */
} rnm_pool_step;

typedef struct rnm_pointwise_step {
    uint64_t count; /* elements, or rows of `channels` elements for ScaleBias */
    uint64_t channels;
    const float *bias, *scale;
    rnm_activation activation;
} rnm_pointwise_step;

/* A layer whose weight is a value: `weight` is cut into panels and has no source, its elements are
 * found by strides, the taps of an element side by side. */
typedef struct rnm_dynamic_step {
    rnm_conv_step conv; /* without bias and weight */
    rnm_weight weight;
    uint32_t bias; /* value, or RNM_NONE */
    int64_t group_outputs;
    int64_t group_stride, output_stride, input_stride;
} rnm_dynamic_step;

typedef struct rnm_matmul_step {
    int64_t rows, inner, columns;
    int batch_rank;
    int64_t batch[RNM_MAX_RANK], a_batch[RNM_MAX_RANK], b_batch[RNM_MAX_RANK];
    int64_t a_strides[2], b_strides[2], c_strides[2];
    uint32_t c; /* value, or RNM_NONE */
    float alpha, beta;
} rnm_matmul_step;

/* A copy between two strided layouts, in elements of `element` bytes. */
#define RNM_COPY_RANK (2 * RNM_MAX_RANK)
#define RNM_COPY_BUNDLE 7 /* short lines, which change places with the next axis, at most */
typedef struct rnm_copy_step {
    int rank;
    uint32_t element;
    int64_t dims[RNM_COPY_RANK], from[RNM_COPY_RANK], to[RNM_COPY_RANK];
    int64_t from_start, to_start;
    int64_t bundle; /* lines of the last axis that the destination has by turns; 1 mostly */
} rnm_copy_step;

/* y = one element throughout: x's first, or zero where x is RNM_NONE. */
typedef struct rnm_fill_step {
    uint64_t count;
    uint32_t element;
} rnm_fill_step;

/* Pad but for constants; axes from the outermost in the output's memory to the innermost. */
typedef struct rnm_pad_step {
    int rank, mode;
    uint32_t element;
    int64_t in[RNM_MAX_RANK], out[RNM_MAX_RANK], before[RNM_MAX_RANK];
    int64_t strides[RNM_MAX_RANK]; /* of the input */
    int64_t lines;
} rnm_pad_step;

typedef struct rnm_resize_axis {
    int64_t out, stride;
    int taps;               /* 0: not resized */
    const int64_t *offsets; /* [out][taps], in elements; a first one of -1: outside the input */
    const float *weights;   /* [out][taps] */
} rnm_resize_axis;

/* Axes from the outermost in memory to the innermost that is resized, `inner` elements behind. */
typedef struct rnm_resize_step {
    int rank;
    bool nearest;
    float extrapolation;
    uint32_t element;
    int64_t inner, lines;
    rnm_resize_axis axes[RNM_MAX_RANK];
} rnm_resize_step;

typedef struct rnm_gather_step {
    bool wide;        /* indices are i64, else i32 */
    int rank, axis;   /* of dims; of a tuple */
    int64_t outer;    /* see the operators */
    int64_t size;     /* what indices may count up to */
    int64_t count;    /* of indices, or of tuples */
    int64_t inner;    /* bytes moved at a time */
    uint64_t bytes;   /* of the data */
    uint32_t updates; /* value to scatter, or RNM_NONE */
    int64_t dims[RNM_MAX_RANK], strides[RNM_MAX_RANK];
} rnm_gather_step;

typedef struct rnm_dims_step {
    int64_t count;
    int64_t at[RNM_MAX_RANK];
} rnm_dims_step;
/* Values walked side by side (ops/strided.h), steps in elements. */
#define RNM_OPERANDS 9
typedef struct rnm_strided {
    int rank; /* at least 1 */
    int operands;
    int64_t dims[RNM_MAX_RANK];
    int64_t steps[RNM_OPERANDS][RNM_MAX_RANK];
} rnm_strided;

struct rnm_elements_step;
/* Computes `count` elements: operands from `data` on, `steps` apart. */
typedef void (*rnm_line)(const struct rnm_elements_step *step, int64_t count, void *const *data,
                         const int64_t *steps);

typedef struct rnm_elements_step {
    const rnm_strided *space, *inner; /* inner: one axis of size 1 where there are none */
    rnm_line line;
    int8_t refs[RNM_OPERANDS];   /* input k, or -1 - k for output k */
    uint8_t sizes[RNM_OPERANDS]; /* of an element */
    float alpha, beta, bias;
    int64_t number, apart[2];
    rnm_dtype type;
    uint8_t kind;
    bool flags[2];
    rnm_activation activation;
} rnm_elements_step;

/* ConvInteger and QLinearConv, row-major. */
typedef struct rnm_integer_conv_step {
    rnm_window window;
    int64_t groups;
    bool scaled;
    bool row_scales, row_zeros; /* of the weight: one an output */
    rnm_dtype x, w, y;
} rnm_integer_conv_step;

typedef struct rnm_nms_step {
    int64_t batch, classes, boxes, most;
    bool center;     /* boxes by their centres */
    uint32_t output; /* which of the context's tensors */
} rnm_nms_step;

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
        rnm_dynamic_step dynamic;
        rnm_matmul_step matmul;
        rnm_fill_step fill;
        rnm_pad_step pad;
        rnm_resize_step resize;
        rnm_gather_step gather;
        rnm_dims_step dims;
        rnm_elements_step elements;
        rnm_integer_conv_step integer_conv;
        rnm_nms_step nms;
    } as;
};

/* Keeping a weight expanded: what it takes, and what a run is expected to gain. */
typedef struct rnm_upgrade {
    uint32_t weight;
    uint64_t bytes;
    double seconds;
} rnm_upgrade;

struct rnm_context {
    const rnm_model *model;
    rnm_memory memory;
    rnm_threads threads;
    rnm_team *team;     /* whose they are */
    rnm_team *own_team; /* NULL: the caller's, shared with other contexts */
    const rnm_kernels *kernels;
    rnm_expand expand;
    bool xnnpack;  /* load mode tries XNNPACK first */
    bool winograd; /* layers may take it, tables and mixtures: not all need be direct */
    bool panels;   /* weights may be panelled: kernels have scratch for it */

    rnm_step *steps;
    uint32_t step_count, step_room;
    rnm_weight *weights; /* room for one a recipe use */
    uint32_t weight_count, weight_room;
    rnm_strided *spaces; /* room for two a node that walks */
    uint32_t space_count, space_room;
    void **data;         /* by value: in the arena, in the file, or NULL */
    rnm_tensor *tensors; /* graph inputs, then graph outputs */
    double *seconds;     /* by step: what the last run took; NULL: not asked for */

    uint8_t *arena; /* activations, and behind them the workspace */
    uint64_t arena_bytes;
    uint8_t *workspace; /* a row of zeros, then shared_bytes, then worker_bytes a thread */
    uint64_t zero_bytes, shared_bytes, worker_bytes;
    uint64_t spare_bytes;   /* behind the workspace, to the end of a huge page; none under limits */
    float *reserved;        /* lazy: room for what is kept */
    float *scratch;         /* for one weight at a time */
    uint64_t kept_bytes;    /* of all weights that are kept expanded */
    uint64_t scratch_bytes; /* of the largest that is expanded at every run */
    uint64_t smallest_bytes; /* with a memory limit: the total if all were panelled; else 0 */
    rnm_upgrade *upgrades;   /* with a memory limit: what gains most per byte first */
    uint32_t upgrade_count;
    uint64_t xnn_filter_bytes; /* expanded copies that XNNPACK reads */
    uint64_t xnn_bytes;        /* what XNNPACK took for this context */
    struct rnm_table *tables;  /* what steps look up */
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
           context->worker_bytes * context->threads.count + context->spare_bytes;
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
