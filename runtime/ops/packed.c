/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct convolution of maps with few channels, as first layers have: each tap of a pixel would be
 * a few steps of the direct kernel only, so the taps of a pixel are put side by side first, [pixel]
 * [tap][input], and multiplied as one row. An item is a stretch of pixels by all panels.
 */
#include "conv.h"

#include <string.h>

enum {
    MOST_PIXELS = 504,
    MOST_TERMS = 1024, /* of a pixel */
    ROW_BYTES = 96 << 10,
};

static uint64_t terms_of(const rnm_child *child) {
    return (uint64_t)child->ci * child->taps;
}

static uint64_t all_pixels(const rnm_window *w) {
    return (uint64_t)(w->batch * w->out[0] * w->out[1] * w->out[2]);
}

bool rnm_can_pack(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    return !conv->depthwise && weight->group_panels == weight->panel_count &&
           weight->child.ci < RNM_INPUT_BLOCK && weight->child.taps > 1 &&
           terms_of(&weight->child) <= MOST_TERMS && conv->window.dilations[2] == 1;
}

static uint64_t weight_floats(const rnm_child *child) {
    return terms_of(child) * RNM_PANEL;
}

void rnm_plan_packed(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_context *context = planner->context;
    const rnm_child *child = &context->weights[conv->weight].child;
    const uint64_t pixels = all_pixels(&conv->window), terms = terms_of(child);
    uint64_t most = ROW_BYTES / (terms * sizeof(float));
    most = most < RNM_TILE_PIXELS ? RNM_TILE_PIXELS : most > MOST_PIXELS ? MOST_PIXELS : most;
    uint64_t stretches = (pixels + most - 1) / most;
    /* As many for each worker. */
    stretches = (stretches + context->threads.count - 1) / context->threads.count;
    stretches *= context->threads.count;
    conv->packed = true;
    conv->stretch = (uint32_t)((pixels + stretches - 1) / stretches);
    conv->block_inputs = child->ci;
    rnm_plan_workspace(
        planner, (conv->stretch * (terms + RNM_PANEL) + 2 * weight_floats(child)) * sizeof(float),
        0, 0);
}

/* The taps of one pixel, zeros for those out of the map. */
static void pack_pixel(const rnm_conv_job *job, int64_t pixel, float *row) {
    const rnm_window *w = &job->conv->window;
    const size_t channels = (size_t)w->in_channels;
    int64_t at[3];
    for (int axis = 2; axis >= 0; --axis) {
        at[axis] = pixel % w->out[axis] * w->strides[axis] - w->pads[axis];
        pixel /= w->out[axis];
    }
    const float *image = job->x + pixel * w->in[0] * w->in[1] * w->in[2] * w->in_channels;
    const int64_t left = at[2] < 0 ? -at[2] : 0;
    const int64_t reach = w->in[2] - at[2] < w->kernel[2] ? w->in[2] - at[2] : w->kernel[2];
    for (int64_t k0 = 0; k0 < w->kernel[0]; ++k0) {
        int64_t d = at[0] + k0 * w->dilations[0];
        for (int64_t k1 = 0; k1 < w->kernel[1]; ++k1, row += (size_t)w->kernel[2] * channels) {
            int64_t h = at[1] + k1 * w->dilations[1];
            bool inside = d >= 0 && d < w->in[0] && h >= 0 && h < w->in[1] && left < reach;
            size_t first = inside ? (size_t)left * channels : 0;
            size_t end = inside ? (size_t)reach * channels : 0;
            if (inside) {
                const float *line = image + (d * w->in[1] + h) * w->in[2] * w->in_channels;
                memcpy(row + first, line + (at[2] + left) * w->in_channels,
                       (end - first) * sizeof *row);
            }
            memset(row, 0, first * sizeof *row);
            memset(row + end, 0, ((size_t)w->kernel[2] * channels - end) * sizeof *row);
        }
    }
}

/* From [input][tap] to [tap][input], as pixels are packed. */
static void reorder(const rnm_child *child, const float *from, float *to) {
    for (size_t t = 0; t < child->taps; ++t) {
        for (size_t i = 0; i < child->ci; ++i, to += RNM_PANEL) {
            memcpy(to, from + (i * child->taps + t) * RNM_PANEL, RNM_PANEL * sizeof *to);
        }
    }
}

static void packed_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const size_t terms = terms_of(child);
    const uint64_t first = (uint64_t)item * conv->stretch;
    const uint64_t rest = all_pixels(&conv->window) - first;
    const unsigned pixels = rest < conv->stretch ? (unsigned)rest : conv->stretch;
    float *block = (float *)(void *)rnm_worker_scratch(job->context, worker);
    float *weights = block + weight_floats(child);
    float(*sums)[RNM_PANEL] = (float(*)[RNM_PANEL])(void *)(weights + weight_floats(child));
    float *rows = sums[conv->stretch];
    for (unsigned p = 0; p < pixels; ++p) {
        pack_pixel(job, (int64_t)(first + p), rows + p * terms);
    }
    for (uint32_t k = 0; k < job->weight->panel_count; ++k) {
        const rnm_panel panel = rnm_weight_panel(job->weight, k);
        reorder(child, rnm_weight_block(job->weight, kernels, k, 0, child->ci, block), weights);
        kernels->gemm(&(rnm_gemm){.x = rows,
                                  .stride = terms,
                                  .rows = pixels,
                                  .inputs = terms,
                                  .weights = weights,
                                  .lanes = panel.lanes,
                                  .sums = sums,
                                  .points = 1});
        rnm_epilogue epilogue = rnm_conv_epilogue(job, panel);
        uint64_t at = first * epilogue.stride + panel.output;
        epilogue.residual = job->residual != NULL ? job->residual + at : NULL;
        epilogue.out = job->y + at;
        kernels->finish(&epilogue, pixels, panel.lanes, sums);
    }
}

void rnm_run_packed(rnm_conv_job *job) {
    uint64_t stretches =
        (all_pixels(&job->conv->window) + job->conv->stretch - 1) / job->conv->stretch;
    rnm_threads_run(&job->context->threads, packed_item, job, (size_t)stretches);
}
