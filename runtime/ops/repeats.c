/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear repetition is done once. Child element [o][i] is the parent's [o mod Po][i mod Pi]
 * (FORMAT.md section 5), so inputs that meet the same column of the parent are summed first, and
 * outputs that come from the same row of it are equal but for what rnm_conv_finish does to each:
 * the layer runs as its parent alone.
 */
#include "conv.h"

static uint64_t input_pixels(const rnm_window *w) {
    return (uint64_t)(w->batch * w->in[0] * w->in[1] * w->in[2]);
}

RNM_PLANS void rnm_plan_repeats(rnm_planner *planner, rnm_conv_step *conv) {
    const uint32_t period = planner->context->weights[conv->weight].child.ci;
    if ((int64_t)period == conv->window.in_channels) {
        return;
    }
    conv->repeated = conv->window.in_channels;
    conv->window.in_channels = period;
    rnm_plan_workspace(planner, 0, input_pixels(&conv->window) * period * sizeof(float), 0);
}

enum { ITEM_PIXELS = 32 };

static void sum_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const size_t channels = (size_t)conv->repeated, period = (size_t)conv->window.in_channels;
    const uint64_t end = input_pixels(&conv->window), first = (uint64_t)item * ITEM_PIXELS;
    float *sums = rnm_shared_scratch(job->context);
    for (uint64_t p = first; p < end && p < first + ITEM_PIXELS; ++p) {
        job->context->kernels->sum_repeats(job->x + p * channels, channels, period,
                                           sums + p * period);
    }
}

void rnm_sum_repeats(rnm_conv_job *job) {
    if (job->conv->repeated != 0) {
        const uint64_t pixels = input_pixels(&job->conv->window);
        rnm_threads_run(&job->context->threads, sum_item, job,
                        (size_t)((pixels + ITEM_PIXELS - 1) / ITEM_PIXELS));
        job->x = rnm_shared_scratch(job->context);
    }
}
