/* SPDX-License-Identifier: Apache-2.0
 *
 * ConvTranspose on the kernels of the direct convolution. The outputs are taken apart by phase, the
 * remainder of (output + pad) by stride along each axis: all outputs of one phase read the same
 * taps, one stride apart, so that a phase is a plain convolution with a part of the kernel and no
 * product with a zero that the stride put in. An item is a panel of outputs over a stretch of the
 * pixels of one phase.
 */
#include "conv.h"

#include <string.h>

enum {
    MOST_PIXELS = 504,        /* of a stretch: 64 KB of sums */
    ADDRESS_BYTES = 64 << 10, /* of a stretch */
    BLOCK_BYTES = 96 << 10,   /* of expanded weights */
};

static uint64_t round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

static uint64_t at_most(uint64_t value, uint64_t most) {
    return value < most ? value : most;
}

/* ---- phases ---------------------------------------------------------------------------------- */

/* Along one axis phase k holds the outputs k, k + stride, ...: so many phases have any. */
static int64_t phases(const rnm_window *w, int axis) {
    return w->strides[axis] < w->out[axis] ? w->strides[axis] : w->out[axis];
}

static bool tap_in_phase(const rnm_window *w, int axis, int64_t tap, int64_t phase) {
    return (phase + w->pads[axis] - tap * w->dilations[axis]) % w->strides[axis] == 0;
}

/* The most taps of any phase: along each axis, taps of one phase are a period apart. */
static uint64_t most_taps(const rnm_window *w) {
    uint64_t taps = 1;
    for (int axis = 0; axis < 3; ++axis) {
        int64_t a = w->strides[axis], b = w->dilations[axis];
        while (b != 0) {
            int64_t rest = a % b;
            a = b;
            b = rest;
        }
        int64_t period = w->strides[axis] / a;
        taps *= (uint64_t)((w->kernel[axis] + period - 1) / period);
    }
    return taps;
}

/* The most pixels of any phase. */
static uint64_t most_pixels(const rnm_window *w) {
    uint64_t pixels = (uint64_t)w->batch;
    for (int axis = 0; axis < 3; ++axis) {
        pixels *= (uint64_t)((w->out[axis] - 1) / w->strides[axis] + 1);
    }
    return pixels;
}

/* ---- scratch --------------------------------------------------------------------------------- */

static uint64_t address_bytes(const rnm_conv_step *conv, unsigned tile) {
    uint64_t tiles = ((uint64_t)conv->stretch + tile - 1) / tile;
    return round_up(tiles * most_taps(&conv->window) * RNM_TILE_PIXELS * sizeof(float *),
                    RNM_MEMORY_ALIGNMENT);
}

static uint64_t sum_bytes(const rnm_conv_step *conv) {
    return (uint64_t)conv->stretch * RNM_PANEL * sizeof(float);
}

static uint64_t tap_bytes(const rnm_conv_step *conv) {
    return round_up(most_taps(&conv->window) * sizeof(uint32_t), RNM_MEMORY_ALIGNMENT);
}

static uint64_t block_bytes(const rnm_conv_step *conv, uint64_t taps) {
    return conv->block_inputs * taps * RNM_PANEL * sizeof(float);
}

RNM_PLANS void rnm_plan_transposed(rnm_planner *planner, rnm_conv_step *conv,
                                   const rnm_child *child, bool expands) {
    const rnm_window *w = &conv->window;
    const unsigned tile = planner->context->kernels->tile_pixels;
    const uint64_t taps = most_taps(w);
    uint64_t pixels = most_pixels(w);
    uint64_t fit = ADDRESS_BYTES / (taps * sizeof(float *) * RNM_TILE_PIXELS) * tile;
    uint64_t most = at_most(fit, MOST_PIXELS);
    most = most < tile ? tile : most;
    uint64_t stretches = (pixels + most - 1) / most;
    conv->stretch = (uint32_t)at_most(round_up((pixels + stretches - 1) / stretches, tile), pixels);
    uint64_t inputs =
        BLOCK_BYTES / (child->taps * RNM_PANEL * sizeof(float)) / RNM_INPUT_BLOCK * RNM_INPUT_BLOCK;
    inputs = inputs < RNM_INPUT_BLOCK ? RNM_INPUT_BLOCK : inputs;
    conv->block_inputs = conv->depthwise ? 1 : (uint32_t)at_most(inputs, child->ci);
    rnm_plan_workspace(planner,
                       address_bytes(conv, tile) + sum_bytes(conv) + tap_bytes(conv) +
                           block_bytes(conv, taps) + (expands ? block_bytes(conv, child->taps) : 0),
                       0, (uint64_t)w->in_channels * sizeof(float));
}

/* ---- one item -------------------------------------------------------------------------------- */

/* One item's place and scratch. */
typedef struct stretch {
    int64_t phase[3], count[3]; /* of the phase: outputs phase + k * stride, k < count */
    uint64_t first;             /* pixel of the phase */
    unsigned pixels, tile;
    unsigned taps;
    uint32_t *tap;      /* numbers of the phase's taps */
    const float **rows; /* [tile][tap][RNM_TILE_PIXELS] */
    float (*sums)[RNM_PANEL];
    float *part;  /* weights of the phase's taps */
    float *block; /* weights of all taps, where they are expanded here */
} stretch;

static void list_taps(const rnm_window *w, stretch *s) {
    s->taps = 0;
    for (int64_t k0 = 0; k0 < w->kernel[0]; ++k0) {
        for (int64_t k1 = 0; k1 < w->kernel[1]; ++k1) {
            for (int64_t k2 = 0; k2 < w->kernel[2]; ++k2) {
                if (tap_in_phase(w, 0, k0, s->phase[0]) && tap_in_phase(w, 1, k1, s->phase[1]) &&
                    tap_in_phase(w, 2, k2, s->phase[2])) {
                    s->tap[s->taps++] = (uint32_t)((k0 * w->kernel[1] + k1) * w->kernel[2] + k2);
                }
            }
        }
    }
}

/* The output that pixel `pixel` of the phase is; gives its image. */
static int64_t place_pixel(const rnm_window *w, const stretch *s, int64_t pixel, int64_t out[3]) {
    for (int axis = 2; axis >= 0; --axis) {
        out[axis] = s->phase[axis] + pixel % s->count[axis] * w->strides[axis];
        pixel /= s->count[axis];
    }
    return pixel;
}

/* Addresses of the taps of one pixel, for its place in a tile. */
static void fill_pixel(const rnm_conv_job *job, const stretch *s, int64_t pixel,
                       const float **row) {
    const rnm_window *w = &job->conv->window;
    const float *zeros = (const float *)job->context->workspace;
    int64_t out[3];
    int64_t image = place_pixel(w, s, pixel, out);
    for (unsigned t = 0; t < s->taps; ++t, row += RNM_TILE_PIXELS) {
        int64_t tap = s->tap[t];
        int64_t at = image;
        bool inside = true;
        int64_t taps[3] = {tap / w->kernel[2] / w->kernel[1], tap / w->kernel[2] % w->kernel[1],
                           tap % w->kernel[2]};
        for (int axis = 0; axis < 3; ++axis) {
            int64_t in =
                (out[axis] + w->pads[axis] - taps[axis] * w->dilations[axis]) / w->strides[axis];
            /* A negative number that is no multiple cannot be: the tap is of this phase. */
            inside = inside && in >= 0 && in < w->in[axis];
            at = at * w->in[axis] + in;
        }
        *row = inside ? job->x + at * w->in_channels : zeros;
    }
}

static unsigned tile_pixels(const stretch *s, unsigned done) {
    return s->pixels - done < s->tile ? s->pixels - done : s->tile;
}

/* The weights of the phase's taps alone, [inputs][taps][RNM_PANEL]. */
static const float *take_taps(const stretch *s, const float *weights, uint32_t inputs,
                              uint32_t all) {
    if (s->taps == all) {
        return weights;
    }
    float *to = s->part;
    for (uint32_t i = 0; i < inputs; ++i, weights += (size_t)all * RNM_PANEL) {
        for (unsigned t = 0; t < s->taps; ++t, to += RNM_PANEL) {
            memcpy(to, weights + (size_t)s->tap[t] * RNM_PANEL, RNM_PANEL * sizeof *to);
        }
    }
    return s->part;
}

static void multiply(const rnm_conv_job *job, const stretch *s, uint32_t index, rnm_panel panel) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const uint32_t step = job->conv->block_inputs;
    const uint32_t ci = job->conv->depthwise ? 1 : child->ci;
    const size_t channel = (size_t)(index / job->weight->group_panels) * child->ci;
    for (uint32_t first = 0; first < ci; first += step) {
        uint32_t inputs = ci - first < step ? ci - first : step;
        const float *weights =
            rnm_weight_block(job->weight, kernels, index, first, inputs, s->block);
        weights = take_taps(s, weights, inputs, child->taps);
        const float **rows = s->rows;
        for (unsigned p = 0; p < s->pixels; p += s->tile) {
            if (job->conv->depthwise) {
                kernels->depthwise(rows, panel.output, s->taps, weights, tile_pixels(s, p),
                                   panel.lanes, s->sums + p);
            } else {
                kernels->direct(rows, channel + first, inputs, s->taps, weights, panel.lanes,
                                tile_pixels(s, p), s->sums + p, first > 0);
            }
            rows += (size_t)s->taps * RNM_TILE_PIXELS;
        }
    }
}

/* Stores the sums row by row: outputs of a phase are a stride apart. */
static void store(const rnm_conv_job *job, const stretch *s, rnm_panel panel) {
    const rnm_window *w = &job->conv->window;
    rnm_epilogue epilogue = rnm_conv_epilogue(job, panel);
    epilogue.stride = (size_t)(w->out_channels * w->strides[2]);
    for (unsigned p = 0; p < s->pixels;) {
        int64_t out[3];
        int64_t pixel = (int64_t)(s->first + p);
        int64_t at = place_pixel(w, s, pixel, out);
        int64_t rest = s->count[2] - pixel % s->count[2];
        unsigned run = (unsigned)at_most((uint64_t)rest, s->pixels - p);
        for (int axis = 0; axis < 3; ++axis) {
            at = at * w->out[axis] + out[axis];
        }
        at = at * w->out_channels + panel.output;
        epilogue.residual = job->residual != NULL ? job->residual + at : NULL;
        epilogue.out = job->y + at;
        job->context->kernels->finish(&epilogue, run, panel.lanes, s->sums + p);
        p += run;
    }
}

typedef struct transposed_job {
    rnm_conv_job *conv;
    uint64_t stretches; /* of a phase */
} transposed_job;

static void transposed_item(void *argument, size_t item, size_t worker) {
    const transposed_job *all = argument;
    const rnm_conv_job *job = all->conv;
    const rnm_conv_step *conv = job->conv;
    const rnm_window *w = &conv->window;
    const uint32_t index = (uint32_t)(item % job->weight->panel_count);
    const rnm_panel panel = rnm_weight_panel(job->weight, index);
    stretch s = {.tile = job->context->kernels->tile_pixels};
    item /= job->weight->panel_count;
    s.first = item % all->stretches * conv->stretch;
    item /= all->stretches;
    uint64_t pixels = (uint64_t)w->batch;
    for (int axis = 2; axis >= 0; --axis) {
        uint64_t count = (uint64_t)phases(w, axis);
        s.phase[axis] = (int64_t)(item % count);
        item /= count;
        s.count[axis] = (w->out[axis] - 1 - s.phase[axis]) / w->strides[axis] + 1;
        pixels *= (uint64_t)s.count[axis];
    }
    if (s.first >= pixels) {
        return;
    }
    s.pixels = (unsigned)at_most(pixels - s.first, conv->stretch);
    uint8_t *scratch = rnm_worker_scratch(job->context, worker);
    s.rows = (const float **)(void *)scratch;
    scratch += address_bytes(conv, s.tile);
    s.sums = (float(*)[RNM_PANEL])(void *)scratch;
    scratch += sum_bytes(conv);
    s.tap = (uint32_t *)(void *)scratch;
    scratch += tap_bytes(conv);
    s.part = (float *)(void *)scratch;
    scratch += block_bytes(conv, most_taps(w));
    s.block = (float *)(void *)scratch;
    list_taps(w, &s);
    if (s.taps == 0) {
        memset(s.sums, 0, s.pixels * sizeof *s.sums);
    } else {
        for (unsigned p = 0; p < s.pixels; ++p) {
            const float **row = s.rows + p / s.tile * s.taps * RNM_TILE_PIXELS + p % s.tile;
            fill_pixel(job, &s, (int64_t)(s.first + p), row);
        }
        multiply(job, &s, index, panel);
    }
    store(job, &s, panel);
}

uint64_t rnm_transposed_passes(const rnm_conv_step *conv) {
    return (most_pixels(&conv->window) + conv->stretch - 1) / conv->stretch;
}

void rnm_run_transposed(rnm_conv_job *job) {
    const rnm_window *w = &job->conv->window;
    transposed_job all = {.conv = job, .stretches = rnm_transposed_passes(job->conv)};
    uint64_t items = all.stretches * job->weight->panel_count;
    for (int axis = 0; axis < 3; ++axis) {
        items *= (uint64_t)phases(w, axis);
    }
    rnm_threads_run(&job->context->threads, transposed_item, &all, items);
}

/* ---- ConvTranspose with a recipe ------------------------------------------------------------- */

static rnm_status run_step(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    rnm_conv_job job = rnm_conv_begin(context, step);
    rnm_run_transposed(&job);
    return RNM_OK;
}

rnm_status rnm_plan_conv_transpose(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err) {
    uint32_t residual = rnm_plan_input(planner, 4);
    uint32_t y = rnm_plan_output(planner);
    rnm_window window = rnm_op_window(planner, attrs);
    rnm_op_kernel(&window, &planner->shapes[rnm_plan_input(planner, 1)]);
    uint32_t groups = (uint32_t)attrs->group;
    bool depthwise = groups > 1 && groups == window.in_channels && groups == window.out_channels;
    uint32_t weight;
    rnm_status status = rnm_plan_weight(planner, depthwise ? 1 : groups, false, &weight, err);
    if (status != RNM_OK) {
        return status;
    }
    rnm_step *step = rnm_plan_step(planner, run_step, rnm_plan_input(planner, 0), y);
    step->z = residual;
    step->weighted = true;
    step->as.conv = (rnm_conv_step){
        .window = window,
        .algorithm = RNM_CONV_TRANSPOSED,
        .weight = weight,
        .depthwise = depthwise,
        .bias = rnm_plan_channels(planner, 2),
        .scale = rnm_plan_channels(planner, 3),
        .activation = rnm_op_epilogue(attrs),
    };
    rnm_plan_transposed(planner, &step->as.conv, &planner->context->weights[weight].child,
                        planner->context->panels);
    return RNM_OK;
}
