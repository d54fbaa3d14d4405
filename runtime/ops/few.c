/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct convolution onto a few pixels, as fully connected layers and the last maps of a network
 * have: bound by the weights' bytes. Each is read once, where it is stored, and flipped in the
 * register that is multiplied. An item is a share of the panels; these take turns for each block of
 * inputs, as rows of the parent that lie side by side are on the same pages.
 */
#include "conv.h"

#include "expand/mask.h"
#include "expand/rows.h"

enum {
    BLOCK_INPUTS = 64,  /* of all panels in turn */
    MOST_WORDS = 16384, /* of weights, [inputs][taps] */
    ITEMS_A_WORKER = 2,
};

bool rnm_is_few(const rnm_context *context, const rnm_conv_step *conv) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const rnm_window *w = &conv->window;
    return !conv->depthwise && weight->group_panels == weight->panel_count &&
           w->batch <= RNM_FEW_PIXELS && w->out[0] <= RNM_FEW_PIXELS &&
           w->out[1] <= RNM_FEW_PIXELS && w->out[2] <= RNM_FEW_PIXELS &&
           w->batch * w->out[0] * w->out[1] * w->out[2] <= RNM_FEW_PIXELS &&
           weight->child.taps <= MOST_WORDS / BLOCK_INPUTS;
}

static size_t row_floats(const rnm_child *child) {
    return (size_t)child->taps * RNM_PANEL;
}

static uint32_t panels_of_item(const rnm_conv_job *job) {
    const uint32_t items = ITEMS_A_WORKER * job->context->threads.count;
    return (job->weight->panel_count + items - 1) / items;
}

void rnm_plan_few(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_weight *weight = &planner->context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    conv->few = true;
    conv->stretch = (uint32_t)rnm_output_pixels(&conv->window);
    conv->block_inputs = child->ci < BLOCK_INPUTS ? child->ci : BLOCK_INPUTS;
    const uint64_t rows = (uint64_t)child->taps * RNM_TILE_PIXELS * sizeof(float *);
    const uint64_t words = (uint64_t)conv->block_inputs * child->taps * sizeof(uint32_t);
    const uint64_t block = conv->block_inputs * row_floats(child) * sizeof(float);
    const uint64_t sums = (uint64_t)weight->panel_count * RNM_FEW_PIXELS * RNM_PANEL;
    rnm_plan_workspace(planner, sums * sizeof(float) + block + words + rows, 0,
                       (uint64_t)conv->window.in_channels * sizeof(float));
}

/* One item's scratch. */
typedef struct share {
    float (*sums)[RNM_FEW_PIXELS][RNM_PANEL];
    float *block;
    const float **rows;
    uint32_t *words;
} share;

/* Whether a panel's weights can be read where they lie, in the order in which all kernels sum. */
static bool in_place(const rnm_weight *weight, rnm_panel panel) {
    const rnm_child *child = &weight->child;
    const bool simple = child->transform == RNM_TRANSFORM_LINEAR ||
                        (child->transform == RNM_TRANSFORM_F && !rnm_f_has_zeros(child, panel));
    return weight->panels == NULL && simple && rnm_rows_readable(child, panel) &&
           (child->pi % RNM_INPUT_BLOCK == 0 || child->pi >= child->ci);
}

static void multiply_in_place(const rnm_conv_job *job, const share *s, rnm_panel panel,
                              float (*sums)[RNM_PANEL]) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const bool flips = child->transform == RNM_TRANSFORM_F;
    rnm_mask_cursor mask = {0};
    if (flips) {
        mask = rnm_mask_at(child, child->mask, panel);
    }
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panel, false, NULL);
    for (rnm_row_run run; rnm_rows_next(&runs, &run);) {
        rnm_kernel_rows rows = {.src = run.src, .stride = run.stride};
        if (flips) {
            rows.bits = rnm_mask_words(&mask, run.rows, UINT32_MAX, s->words);
        }
        kernels->few(s->rows, run.input, run.rows / child->taps, child->taps, &rows,
                     job->conv->stretch, sums, run.input > 0);
    }
}

static void multiply(const rnm_conv_job *job, const share *s, uint32_t index, rnm_panel panel,
                     float (*sums)[RNM_PANEL]) {
    const rnm_kernels *kernels = job->context->kernels;
    const unsigned pixels = job->conv->stretch;
    if (in_place(job->weight, panel)) {
        multiply_in_place(job, s, panel, sums);
        return;
    }
    const float *weights =
        rnm_weight_block(job->weight, kernels, index, panel.input, panel.inputs, s->block);
    kernels->direct(s->rows, panel.input, panel.inputs, job->weight->child.taps, weights,
                    panel.lanes, pixels, sums, panel.input > 0);
}

static void few_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_weight *weight = job->weight;
    const rnm_child *child = &weight->child;
    const uint32_t each = panels_of_item(job);
    const uint32_t first_panel = (uint32_t)item * each;
    const uint32_t rest = weight->panel_count - first_panel;
    const uint32_t count = rest < each ? rest : each;
    share s = {.sums = (void *)rnm_worker_scratch(job->context, worker)};
    s.block = (float *)(void *)(s.sums + weight->panel_count);
    s.rows = (const float **)(void *)(s.block + conv->block_inputs * row_floats(child));
    s.words = (uint32_t *)(void *)(s.rows + (size_t)child->taps * RNM_TILE_PIXELS);
    rnm_fill_rows(job, 0, conv->stretch, RNM_TILE_PIXELS, s.rows);
    for (uint32_t first = 0; first < child->ci; first += conv->block_inputs) {
        const uint32_t left = child->ci - first;
        for (uint32_t k = 0; k < count; ++k) {
            rnm_panel panel = rnm_weight_panel(weight, first_panel + k);
            panel.input = first;
            panel.inputs = left < conv->block_inputs ? left : conv->block_inputs;
            multiply(job, &s, first_panel + k, panel, s.sums[k]);
        }
    }
    for (uint32_t k = 0; k < count; ++k) {
        rnm_conv_finish(job, rnm_weight_panel(weight, first_panel + k), 0, conv->stretch,
                        s.sums[k]);
    }
}

void rnm_run_few(rnm_conv_job *job) {
    const uint32_t each = panels_of_item(job);
    rnm_threads_run(&job->context->threads, few_item, job,
                    (job->weight->panel_count + each - 1) / each);
}
