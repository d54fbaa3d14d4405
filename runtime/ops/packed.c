/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct convolution of maps with few channels, as first layers have: each tap of a pixel would be
 * a few steps of the direct kernel only. But the taps of a row of the kernel lie side by side in a
 * row of the map, and are taken as one tap with so many inputs. Rows are copied first, with their
 * pads as zeros. An item is a few rows of outputs by all panels.
 */
#include "conv.h"

#include <string.h>

enum {
    MOST_PIXELS = 504,   /* of an item, but at least a row */
    MOST_ROWS = 16,      /* of the kernel */
    LINE_BYTES = 1 << 20 /* of the input rows that a row of outputs sees */
};

/* What a row of the kernel meets of one input row. */
static uint64_t row_inputs(const rnm_window *w) {
    return (uint64_t)(w->kernel[2] * w->in_channels);
}

/* A padded input row, without the end that no output sees. */
static uint64_t line_floats(const rnm_window *w) {
    return (uint64_t)((w->out[2] - 1) * w->strides[2] + w->kernel[2]) * (uint64_t)w->in_channels;
}

/* Input rows that so many rows of outputs see. */
static uint64_t lines_of(const rnm_window *w, uint64_t rows) {
    return (rows - 1) * (uint64_t)w->strides[1] + (uint64_t)((w->kernel[1] - 1) * w->dilations[1]) +
           1;
}

static uint64_t weight_floats(const rnm_child *child) {
    return (uint64_t)child->ci * child->taps * RNM_PANEL;
}

bool rnm_can_pack(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_window *w = &conv->window;
    bool flat = w->kernel[0] == 1 && w->in[0] == 1 && w->out[0] == 1 && w->pads[0] == 0;
    return flat && !conv->depthwise && weight->group_panels == weight->panel_count &&
           weight->child.ci < RNM_INPUT_BLOCK && weight->child.taps > 1 &&
           w->kernel[1] <= MOST_ROWS && w->dilations[2] == 1 &&
           lines_of(w, 1) <= LINE_BYTES / sizeof(float) / line_floats(w);
}

static uint64_t items_of(const rnm_conv_step *conv) {
    const uint64_t rows = (uint64_t)conv->window.out[1];
    return (uint64_t)conv->window.batch * ((rows + conv->stretch - 1) / conv->stretch);
}

RNM_PLANS void rnm_plan_packed(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_context *context = planner->context;
    const rnm_child *child = &context->weights[conv->weight].child;
    const rnm_window *w = &conv->window;
    const uint64_t rows = (uint64_t)w->out[1];
    uint64_t fit = MOST_PIXELS / (uint64_t)w->out[2];
    fit = fit < 1 ? 1 : fit;
    uint64_t stretches = (rows + fit - 1) / fit;
    /* As many for each worker. */
    stretches = (stretches + context->threads.count - 1) / context->threads.count;
    stretches *= context->threads.count;
    conv->packed = true;
    conv->stretch = (uint32_t)((rows + stretches - 1) / stretches);
    conv->block_inputs = child->ci;
    rnm_plan_workspace(planner,
                       (2 * weight_floats(child) + lines_of(w, conv->stretch) * line_floats(w)) *
                           sizeof(float),
                       0, 0);
}

/* One item's place and scratch. */
typedef struct part {
    int64_t image, row;
    uint32_t rows;
    float *block, *weights, *lines;
} part;

/* Copies the input rows of an item; pads are zeros. */
static void copy_lines(const rnm_conv_job *job, const part *at) {
    const rnm_window *w = &job->conv->window;
    const size_t channels = (size_t)w->in_channels, floats = (size_t)line_floats(w);
    const float *image = job->x + at->image * w->in[1] * w->in[2] * w->in_channels;
    const int64_t top = at->row * w->strides[1] - w->pads[1];
    const int64_t count = (int64_t)lines_of(w, at->rows);
    const size_t before = (size_t)w->pads[2] * channels;
    const size_t whole = (size_t)w->in[2] * channels;
    const size_t first = before < floats ? before : floats;
    const size_t copied = whole < floats - first ? whole : floats - first;
    float *line = at->lines;
    for (int64_t y = top; y < top + count; ++y, line += floats) {
        if (y < 0 || y >= w->in[1]) {
            memset(line, 0, floats * sizeof *line);
            continue;
        }
        memset(line, 0, first * sizeof *line);
        memcpy(line + first, image + y * w->in[2] * w->in_channels, copied * sizeof *line);
        memset(line + first + copied, 0, (floats - first - copied) * sizeof *line);
    }
}

/* From [input][tap] to [input of a row][row of the kernel]. */
static void reorder(const rnm_window *w, const float *from, float *to) {
    const size_t height = (size_t)w->kernel[1], width = (size_t)w->kernel[2];
    const size_t channels = (size_t)w->in_channels;
    for (size_t x = 0; x < width; ++x) {
        for (size_t i = 0; i < channels; ++i) {
            for (size_t y = 0; y < height; ++y, to += RNM_PANEL) {
                memcpy(to, from + ((i * height + y) * width + x) * RNM_PANEL,
                       RNM_PANEL * sizeof *to);
            }
        }
    }
}

/* One row of outputs by one panel. */
static void do_row(const rnm_conv_job *job, const part *at, uint32_t row, rnm_panel panel) {
    const rnm_window *w = &job->conv->window;
    const rnm_kernels *kernels = job->context->kernels;
    const size_t floats = (size_t)line_floats(w), taps = (size_t)w->kernel[1];
    const size_t step = (size_t)(w->strides[2] * w->in_channels);
    const float *lines = at->lines + row * (size_t)w->strides[1] * floats;
    const int64_t pixel = (at->image * w->out[1] + at->row + row) * w->out[2];
    for (int64_t x = 0; x < w->out[2]; x += kernels->tile_pixels) {
        const float *rows[MOST_ROWS * RNM_TILE_PIXELS];
        float sums[RNM_TILE_PIXELS][RNM_PANEL] __attribute__((aligned(64)));
        const int64_t rest = w->out[2] - x;
        const unsigned pixels = rest < kernels->tile_pixels ? (unsigned)rest : kernels->tile_pixels;
        for (size_t t = 0; t < taps; ++t) {
            const float *tap = lines + t * (size_t)w->dilations[1] * floats + (size_t)x * step;
            for (unsigned p = 0; p < pixels; ++p) {
                rows[t * RNM_TILE_PIXELS + p] = tap + p * step;
            }
        }
        kernels->direct(rows, 0, (size_t)row_inputs(w), taps, at->weights, panel.lanes, pixels,
                        sums, false);
        rnm_conv_finish(job, panel, (uint64_t)(pixel + x), pixels, sums);
    }
}

static void packed_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_child *child = &job->weight->child;
    const uint64_t each = items_of(conv) / (uint64_t)conv->window.batch;
    part at = {.image = (int64_t)(item / each), .row = (int64_t)(item % each * conv->stretch)};
    const int64_t rest = conv->window.out[1] - at.row;
    at.rows = rest < conv->stretch ? (uint32_t)rest : conv->stretch;
    at.block = (float *)(void *)rnm_worker_scratch(job->context, worker);
    at.weights = at.block + weight_floats(child);
    at.lines = at.weights + weight_floats(child);
    copy_lines(job, &at);
    for (uint32_t k = 0; k < job->weight->panel_count; ++k) {
        reorder(&conv->window,
                rnm_weight_block(job->weight, job->context->kernels, k, 0, child->ci, at.block),
                at.weights);
        for (uint32_t row = 0; row < at.rows; ++row) {
            do_row(job, &at, row, rnm_weight_panel(job->weight, k));
        }
    }
}

uint64_t rnm_packed_passes(const rnm_conv_step *conv) {
    return items_of(conv);
}

void rnm_run_packed(rnm_conv_job *job) {
    rnm_threads_run(&job->context->threads, packed_item, job, (size_t)items_of(job->conv));
}
