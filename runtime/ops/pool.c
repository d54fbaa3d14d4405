/* SPDX-License-Identifier: Apache-2.0
 *
 * MaxPool, with indices where asked, AveragePool, and the global two, which are a window of the
 * whole map. Averages are summed in f64: the sum of a large map in f32 would lose digits that no
 * reference loses.
 */
#include "op.h"

#include <math.h>

/* Channels that one item takes. */
#define BLOCK 64

/* Rows that are compared at a time. */
#define MOST_ROWS 64

typedef struct pool_job {
    const rnm_kernels *kernels;
    const rnm_pool_step *pool;
    const float *x;
    float *y;
    int64_t *indices; /* of the largest, or NULL */
    uint64_t blocks;  /* of channels */
} pool_job;

/* The elements of the window along one axis that fall into the map, and how many lie in the padded
 * map. */
typedef struct span {
    int64_t first, step, count;
    int64_t padded;
} span;

/* How many steps from `start` stay below `end`. */
static int64_t steps_below(int64_t start, int64_t step, int64_t end) {
    return start < end ? (end - start + step - 1) / step : 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static span clip_axis(const rnm_window *w, int axis, int64_t output) {
    int64_t start = output * w->strides[axis] - w->pads[axis];
    int64_t step = w->dilations[axis];
    int64_t outside = least(steps_below(start, step, 0), w->kernel[axis]);
    int64_t reached = least(steps_below(start, step, w->in[axis]), w->kernel[axis]);
    return (span){
        .first = start + outside * step,
        .step = step,
        .count = reached - outside,
        .padded = least(steps_below(start, step, w->in[axis] + w->end_pads[axis]), w->kernel[axis]),
    };
}

/* Writes the indices of one output pixel: `at` are those of its largest inputs among the pixels of
 * the batch. ONNX counts them through the whole row-major tensor. */
static void store_indices(const pool_job *job, const int64_t *at, int64_t channel, int64_t lanes,
                          int64_t *to) {
    const rnm_window *w = &job->pool->window;
    const int64_t pixels = w->in[0] * w->in[1] * w->in[2];
    for (int64_t l = 0; l < lanes; ++l) {
        int64_t image = at[l] / pixels, place = at[l] % pixels;
        if (!job->pool->row_major) {
            int64_t v = place % w->in[2], h = place / w->in[2] % w->in[1];
            int64_t d = place / w->in[2] / w->in[1];
            bool deep = job->pool->spatial == 3;
            place = deep ? d + w->in[0] * (h + w->in[1] * v) : h + w->in[1] * v;
        }
        to[l] = (image * w->in_channels + channel + l) * pixels + place;
    }
}

/* The window of one output pixel: its image and what it sees of the map. */
typedef struct view {
    int64_t image;
    span axes[3];
} view;

/* The input row of a window's element. */
static int64_t row_at(const rnm_window *w, const view *seen, int64_t d, int64_t h, int64_t v) {
    const span *axes = seen->axes;
    int64_t plane = seen->image * w->in[0] + axes[0].first + d * axes[0].step;
    int64_t line = plane * w->in[1] + axes[1].first + h * axes[1].step;
    return line * w->in[2] + axes[2].first + v * axes[2].step;
}

static void average(const pool_job *job, const view *seen, int64_t channel, int64_t lanes,
                    float *out) {
    const rnm_window *w = &job->pool->window;
    const span *axes = seen->axes;
    double sum[BLOCK] = {0};
    for (int64_t d = 0; d < axes[0].count; ++d) {
        for (int64_t h = 0; h < axes[1].count; ++h) {
            for (int64_t v = 0; v < axes[2].count; ++v) {
                const float *x = job->x + row_at(w, seen, d, h, v) * w->in_channels + channel;
                for (int64_t l = 0; l < lanes; ++l) {
                    sum[l] += (double)x[l];
                }
            }
        }
    }
    int64_t inside = axes[0].count * axes[1].count * axes[2].count;
    int64_t padded = axes[0].padded * axes[1].padded * axes[2].padded;
    int64_t divisor = job->pool->count_pad ? padded : inside;
    for (int64_t l = 0; l < lanes; ++l) {
        out[l] = divisor > 0 ? (float)(sum[l] / (double)divisor) : 0.0f;
    }
}

static void largest(const pool_job *job, const view *seen, int64_t channel, int64_t lanes,
                    float *out) {
    const rnm_window *w = &job->pool->window;
    const span *axes = seen->axes;
    const float *rows[MOST_ROWS];
    size_t count = 0;
    for (int64_t l = 0; l < lanes; ++l) {
        out[l] = -INFINITY;
    }
    for (int64_t d = 0; d < axes[0].count; ++d) {
        for (int64_t h = 0; h < axes[1].count; ++h) {
            for (int64_t v = 0; v < axes[2].count; ++v) {
                rows[count++] = job->x + row_at(w, seen, d, h, v) * w->in_channels + channel;
                if (count == MOST_ROWS) {
                    job->kernels->largest(rows, count, (size_t)lanes, out);
                    count = 0;
                }
            }
        }
    }
    job->kernels->largest(rows, count, (size_t)lanes, out);
}

static void largest_with_indices(const pool_job *job, const view *seen, int64_t channel,
                                 int64_t lanes, float *out) {
    const rnm_window *w = &job->pool->window;
    const span *axes = seen->axes;
    int64_t best[BLOCK] = {0};
    for (int64_t l = 0; l < lanes; ++l) {
        out[l] = -INFINITY;
    }
    for (int64_t d = 0; d < axes[0].count; ++d) {
        for (int64_t h = 0; h < axes[1].count; ++h) {
            for (int64_t v = 0; v < axes[2].count; ++v) {
                int64_t at = row_at(w, seen, d, h, v);
                const float *x = job->x + at * w->in_channels + channel;
                for (int64_t l = 0; l < lanes; ++l) {
                    /* A NaN wins and stays. */
                    bool stays = out[l] >= x[l] || out[l] != out[l];
                    best[l] = stays ? best[l] : at;
                    out[l] = stays ? out[l] : x[l];
                }
            }
        }
    }
    store_indices(job, best, channel, lanes, job->indices + (out - job->y));
}

/* A row of outputs by a block of channels. */
static void pool_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pool_job *job = argument;
    const rnm_window *w = &job->pool->window;
    int64_t channel = (int64_t)(item % job->blocks) * BLOCK;
    int64_t lanes = w->in_channels - channel < BLOCK ? w->in_channels - channel : BLOCK;
    int64_t row = (int64_t)(item / job->blocks);
    float *out = job->y + row * w->out[2] * w->in_channels + channel;
    view seen = {.image = row / w->out[1] / w->out[0]};
    seen.axes[0] = clip_axis(w, 0, row / w->out[1] % w->out[0]);
    seen.axes[1] = clip_axis(w, 1, row % w->out[1]);
    for (int64_t k = 0; k < w->out[2]; ++k, out += w->in_channels) {
        seen.axes[2] = clip_axis(w, 2, k);
        if (job->pool->average) {
            average(job, &seen, channel, lanes, out);
        } else if (job->indices != NULL) {
            largest_with_indices(job, &seen, channel, lanes, out);
        } else {
            largest(job, &seen, channel, lanes, out);
        }
    }
}

static rnm_status run_pool(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_window *w = &step->as.pool.window;
    pool_job job = {
        .kernels = context->kernels,
        .pool = &step->as.pool,
        .x = rnm_values(context, step->x),
        .y = rnm_values(context, step->y),
        .indices = step->as.pool.indices != RNM_NONE ? context->data[step->as.pool.indices] : NULL,
        .blocks = (uint64_t)(w->in_channels + BLOCK - 1) / BLOCK,
    };
    uint64_t rows = (uint64_t)(w->batch * w->out[0] * w->out[1]);
    rnm_threads_run(&context->threads, pool_item, &job, rows * job.blocks);
    return RNM_OK;
}

RNM_PLANS rnm_status rnm_plan_pool(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err) {
    (void)err;
    unsigned op = planner->node->op;
    rnm_window window = rnm_op_window(planner, attrs);
    if (op == RNM_OP_GlobalAveragePool || op == RNM_OP_GlobalMaxPool) {
        for (int axis = 0; axis < 3; ++axis) {
            window.kernel[axis] = window.in[axis];
            window.strides[axis] = window.dilations[axis] = 1;
            window.pads[axis] = window.end_pads[axis] = 0;
        }
    }
    rnm_step *step =
        rnm_plan_step(planner, run_pool, rnm_plan_input(planner, 0), rnm_plan_output(planner));
    step->as.pool = (rnm_pool_step){
        .window = window,
        .average = op == RNM_OP_AveragePool || op == RNM_OP_GlobalAveragePool,
        .count_pad = op == RNM_OP_AveragePool && attrs->count_include_pad,
        .indices = rnm_plan_output_at(planner, 1),
        .row_major = !attrs->storage_order,
        .spatial = planner->shapes[rnm_plan_input(planner, 0)].rank - 2,
    };
    return RNM_OK;
}
