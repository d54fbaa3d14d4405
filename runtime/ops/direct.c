/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct convolution by panels, through rows of input addresses in which a tap out of the map
 * points at zeros. An item is a panel of outputs over a stretch of pixels: its addresses are
 * written once, then the inputs are gone through in blocks, each expanded (in panel mode) and
 * multiplied into the stretch's sums while it is in cache.
 */
#include "conv.h"

enum {
    MOST_PIXELS = 504,        /* of a stretch: 36 tiles of 14, 84 of 6; 64 KB of sums */
    ADDRESS_BYTES = 64 << 10, /* of a stretch */
    BLOCK_BYTES = 96 << 10,   /* of expanded weights */
};

static uint64_t round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

static uint64_t address_bytes(const rnm_conv_step *conv, uint64_t taps, unsigned tile) {
    uint64_t tiles = ((uint64_t)conv->stretch + tile - 1) / tile;
    return round_up(tiles * taps * RNM_TILE_PIXELS * sizeof(float *), RNM_MEMORY_ALIGNMENT);
}

static uint64_t sum_bytes(const rnm_conv_step *conv) {
    return (uint64_t)conv->stretch * RNM_PANEL * sizeof(float);
}

/* Kernels of one tap that read no pads need no addresses: the pixels of a row of outputs lie at
 * equal distances, and those of a whole map where strides are 1. */
static bool is_pointwise(const rnm_conv_step *conv, uint64_t taps) {
    const rnm_window *w = &conv->window;
    bool inside = taps == 1 && !conv->depthwise;
    for (int axis = 0; axis < 3; ++axis) {
        inside =
            inside && w->pads[axis] == 0 && (w->out[axis] - 1) * w->strides[axis] < w->in[axis];
    }
    return inside;
}

RNM_PLANS void rnm_plan_direct(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_context *context = planner->context;
    const rnm_window *w = &conv->window;
    const rnm_child *child = &context->weights[conv->weight].child;
    const uint64_t taps = child->taps;
    const unsigned tile = context->kernels->tile_pixels;
    uint64_t fit = ADDRESS_BYTES / (taps * sizeof(float *) * RNM_TILE_PIXELS) * tile;
    uint64_t most = fit < MOST_PIXELS ? fit : MOST_PIXELS;
    rnm_cut_direct(context, conv, most < tile ? tile : most);
    uint64_t inputs =
        BLOCK_BYTES / (taps * RNM_PANEL * sizeof(float)) / RNM_INPUT_BLOCK * RNM_INPUT_BLOCK;
    inputs = inputs < RNM_INPUT_BLOCK ? RNM_INPUT_BLOCK : inputs;
    inputs = conv->block_inputs != 0 ? conv->block_inputs : inputs;
    conv->block_inputs = (uint32_t)(inputs < child->ci ? inputs : child->ci);
    if (conv->depthwise) {
        conv->block_inputs = 1;
    }
    conv->pointwise = is_pointwise(conv, taps);
    uint64_t block = conv->block_inputs * taps * RNM_PANEL * sizeof(float);
    rnm_plan_workspace(
        planner, address_bytes(conv, taps, tile) + sum_bytes(conv) + (context->panels ? block : 0),
        0, (uint64_t)w->in_channels * sizeof(float));
}

/* Addresses of the taps of one pixel that starts at `at`, for its place in a tile. */
static void fill_pixel(const rnm_conv_job *job, const float *image, const int64_t at[3],
                       const float **row) {
    const rnm_window *w = &job->conv->window;
    const float *zeros = (const float *)job->context->workspace;
    for (int64_t k0 = 0; k0 < w->kernel[0]; ++k0) {
        int64_t d = at[0] + k0 * w->dilations[0];
        bool in_depth = d >= 0 && d < w->in[0];
        for (int64_t k1 = 0; k1 < w->kernel[1]; ++k1) {
            int64_t h = at[1] + k1 * w->dilations[1];
            bool in_height = in_depth && h >= 0 && h < w->in[1];
            const float *line = image + (d * w->in[1] + h) * w->in[2] * w->in_channels;
            for (int64_t k2 = 0; k2 < w->kernel[2]; ++k2, row += RNM_TILE_PIXELS) {
                int64_t v = at[2] + k2 * w->dilations[2];
                bool inside = in_height && v >= 0 && v < w->in[2];
                *row = inside ? line + v * w->in_channels : zeros;
            }
        }
    }
}

void rnm_fill_rows(const rnm_conv_job *job, uint64_t pixel, unsigned pixels, unsigned tile,
                   const float **rows) {
    const rnm_window *w = &job->conv->window;
    const size_t tile_rows = (size_t)job->weight->child.taps * RNM_TILE_PIXELS;
    const int64_t map = w->in[0] * w->in[1] * w->in[2] * w->in_channels;
    int64_t place[3], at[3];
    uint64_t image = pixel;
    for (int axis = 2; axis >= 0; --axis) {
        place[axis] = (int64_t)(image % (uint64_t)w->out[axis]);
        at[axis] = place[axis] * w->strides[axis] - w->pads[axis];
        image /= (uint64_t)w->out[axis];
    }
    const float *x = job->x + (int64_t)image * map;
    for (unsigned p = 0, in_tile = 0; p < pixels; ++p) {
        fill_pixel(job, x, at, rows + in_tile);
        if (++in_tile == tile) {
            in_tile = 0;
            rows += tile_rows;
        }
        int axis = 2;
        at[2] += w->strides[2];
        while (++place[axis] == w->out[axis]) {
            place[axis] = 0;
            at[axis] = -w->pads[axis];
            if (--axis < 0) {
                x += map;
                break;
            }
            at[axis] += w->strides[axis];
        }
    }
}

/* One item's place and scratch. */
typedef struct stretch {
    uint64_t first; /* pixel */
    unsigned pixels;
    unsigned tile;
    const float **rows; /* [tile][tap][RNM_TILE_PIXELS] */
    float (*sums)[RNM_PANEL];
    float *block;
} stretch;

static unsigned tile_pixels(const stretch *s, unsigned done) {
    return s->pixels - done < s->tile ? s->pixels - done : s->tile;
}

static void multiply(const rnm_conv_job *job, const stretch *s, uint32_t index, unsigned lanes,
                     size_t channel) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const uint32_t step = job->conv->block_inputs;
    for (uint32_t first = 0; first < child->ci; first += step) {
        uint32_t inputs = child->ci - first < step ? child->ci - first : step;
        const float *weights =
            rnm_weight_block(job->weight, kernels, index, first, inputs, s->block);
        const float **rows = s->rows;
        for (unsigned p = 0; p < s->pixels; p += s->tile) {
            kernels->direct(rows, channel + first, inputs, child->taps, weights, lanes,
                            tile_pixels(s, p), s->sums + p, first > 0);
            rows += (size_t)child->taps * RNM_TILE_PIXELS;
        }
    }
}

/* How many of the outputs from `pixel` on are one such run, and where its first input is. */
static uint64_t run_of(const rnm_conv_job *job, uint64_t pixel, const float **x) {
    const rnm_window *w = &job->conv->window;
    uint64_t at = pixel, place[3];
    bool dense = true;
    for (int axis = 2; axis >= 0; --axis) {
        place[axis] = at % (uint64_t)w->out[axis];
        at /= (uint64_t)w->out[axis];
        dense = dense && w->strides[axis] == 1 && w->in[axis] == w->out[axis];
    }
    for (int axis = 0; axis < 3; ++axis) {
        at = at * (uint64_t)w->in[axis] + place[axis] * (uint64_t)w->strides[axis];
    }
    *x = job->x + at * (uint64_t)w->in_channels;
    return dense ? UINT64_MAX : (uint64_t)w->out[2] - place[2];
}

static void multiply_pointwise(const rnm_conv_job *job, const stretch *s, uint32_t index,
                               unsigned lanes, size_t channel) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_window *w = &job->conv->window;
    const uint32_t ci = job->weight->child.ci, step = job->conv->block_inputs;
    rnm_gemm gemm = {
        .stride = (size_t)(w->strides[2] * w->in_channels), .lanes = lanes, .points = 1};
    for (uint32_t first = 0; first < ci; first += step) {
        gemm.inputs = ci - first < step ? ci - first : step;
        gemm.weights =
            rnm_weight_block(job->weight, kernels, index, first, (uint32_t)gemm.inputs, s->block);
        gemm.accumulate = first > 0;
        for (uint64_t p = 0; p < s->pixels; p += gemm.rows) {
            const uint64_t run = run_of(job, s->first + p, &gemm.x);
            gemm.x += channel + first;
            gemm.rows = run < s->pixels - p ? (size_t)run : (size_t)(s->pixels - p);
            gemm.sums = s->sums + p;
            kernels->gemm(&gemm);
        }
    }
}

static void multiply_depthwise(const rnm_conv_job *job, const stretch *s, uint32_t index,
                               rnm_panel panel) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const float *weights = rnm_weight_block(job->weight, kernels, index, 0, 1, s->block);
    const float **rows = s->rows;
    for (unsigned p = 0; p < s->pixels; p += s->tile) {
        kernels->depthwise(rows, panel.output, child->taps, weights, tile_pixels(s, p), panel.lanes,
                           s->sums + p);
        rows += (size_t)child->taps * RNM_TILE_PIXELS;
    }
}

static void direct_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_context *context = job->context;
    const rnm_weight *weight = job->weight;
    const uint32_t index = (uint32_t)(item % weight->panel_count);
    const rnm_panel panel = rnm_weight_panel(weight, index);
    const size_t taps = weight->child.taps;
    uint8_t *scratch = rnm_worker_scratch(context, worker);
    stretch s = {.first = item / weight->panel_count * conv->stretch,
                 .tile = context->kernels->tile_pixels,
                 .rows = (const float **)(void *)scratch};
    uint64_t rest = rnm_output_pixels(&conv->window) - s.first;
    s.pixels = rest < conv->stretch ? (unsigned)rest : conv->stretch;
    scratch += address_bytes(conv, taps, s.tile);
    s.sums = (float(*)[RNM_PANEL])(void *)scratch;
    s.block = (float *)(void *)(scratch + sum_bytes(conv));
    const size_t channel = (size_t)(index / weight->group_panels) * weight->child.ci;
    if (conv->pointwise) {
        multiply_pointwise(job, &s, index, panel.lanes, channel);
    } else {
        rnm_fill_rows(job, s.first, s.pixels, s.tile, s.rows);
        if (conv->depthwise) {
            multiply_depthwise(job, &s, index, panel);
        } else {
            multiply(job, &s, index, panel.lanes, channel);
        }
    }
    rnm_conv_finish(job, panel, s.first, s.pixels, s.sums);
}

uint64_t rnm_direct_passes(const rnm_conv_step *conv) {
    return (rnm_output_pixels(&conv->window) + conv->stretch - 1) / conv->stretch;
}

void rnm_run_direct(rnm_conv_job *job) {
    rnm_threads_run(&job->context->threads, direct_item, job,
                    rnm_direct_passes(job->conv) * job->weight->panel_count);
}
