/* SPDX-License-Identifier: Apache-2.0
 *
 * Direct convolution onto a few pixels, as fully connected layers and the last maps of a network
 * have: bound by the weights' bytes. Each is read where it is stored, and flipped in the register
 * that is multiplied. An item is a share of the panels; these take turns for each block of inputs,
 * as rows of the parent that lie side by side are on the same pages, and those that repeat the same
 * columns of the parent go through its rows together.
 */
#include "places.h"

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

RNM_PLANS void rnm_plan_few(rnm_planner *planner, rnm_conv_step *conv) {
    const rnm_weight *weight = &planner->context->weights[conv->weight];
    const rnm_child *child = &weight->child;
    conv->few = true;
    conv->stretch = (uint32_t)rnm_output_pixels(&conv->window);
    conv->block_inputs = child->ci < BLOCK_INPUTS ? child->ci : BLOCK_INPUTS;
    const uint64_t rows = (uint64_t)child->taps * RNM_TILE_PIXELS * sizeof(float *);
    const uint64_t block = conv->block_inputs * row_floats(child) * sizeof(float);
    const uint64_t sums = (uint64_t)weight->panel_count * RNM_FEW_PIXELS * RNM_PANEL;
    rnm_plan_workspace(planner, sums * sizeof(float) + block + rows, 0,
                       (uint64_t)conv->window.in_channels * sizeof(float));
}

/* One item's panels and scratch. */
typedef struct share {
    uint32_t first, count; /* places: see rnm_panel_at */
    float (*sums)[RNM_FEW_PIXELS][RNM_PANEL];
    float *block;
    const float **rows;
} share;

/* Whether a panel's weights can be read where they lie, in the order in which all kernels sum. */
static bool in_place(const rnm_weight *weight, rnm_panel panel) {
    const rnm_child *child = &weight->child;
    const bool simple = child->transform == RNM_TRANSFORM_LINEAR ||
                        (child->transform == RNM_TRANSFORM_F && !rnm_f_has_zeros(child, panel));
    return weight->panels == NULL && simple && rnm_rows_readable(child, panel) &&
           (child->pi % RNM_INPUT_BLOCK == 0 || child->pi >= child->ci);
}

/* Panels of the same rows. */
static void multiply_in_place(const rnm_conv_job *job, const share *s, const rnm_panel *panels,
                              unsigned count, float (*sums)[RNM_FEW_PIXELS][RNM_PANEL]) {
    const rnm_kernels *kernels = job->context->kernels;
    const rnm_child *child = &job->weight->child;
    const uint32_t *bits[RNM_FEW_PANELS];
    rnm_few few = {.rows = s->rows,
                   .zeros = (const float *)job->context->workspace,
                   .taps = child->taps,
                   .pixels = job->conv->stretch,
                   .panels = count,
                   .sums = sums};
    if (child->transform == RNM_TRANSFORM_F) {
        few.bits = bits;
        for (unsigned k = 0; k < count; ++k) {
            bits[k] = rnm_mask_of_whole(child, child->mask, panels[k]);
        }
    }
    rnm_row_runs runs = rnm_rows_begin(kernels, child, panels[0], false, NULL);
    for (rnm_row_run run; rnm_rows_next(&runs, &run);) {
        few.channel = run.input;
        few.inputs = run.rows / child->taps;
        few.src = run.src;
        few.stride = run.stride;
        few.accumulate = run.input > 0;
        kernels->few(&few);
        for (unsigned k = 0; few.bits != NULL && k < count; ++k) {
            bits[k] += run.rows;
        }
    }
}

static void multiply(const rnm_conv_job *job, const share *s, uint32_t index, rnm_panel panel,
                     float (*sums)[RNM_PANEL]) {
    const rnm_kernels *kernels = job->context->kernels;
    const float *weights =
        rnm_weight_block(job->weight, kernels, index, panel.input, panel.inputs, s->block);
    kernels->direct(s->rows, panel.input, panel.inputs, job->weight->child.taps, weights,
                    panel.lanes, job->conv->stretch, sums, panel.input > 0);
}

static rnm_panel panel_of(const rnm_weight *weight, uint32_t place, rnm_panel inputs) {
    rnm_panel panel = rnm_weight_panel(weight, rnm_panel_at(weight, place));
    panel.input = inputs.input;
    panel.inputs = inputs.inputs;
    return panel;
}

/* A block of inputs of the share's k-th panel and of those behind it that are made of the same
 * rows; says how many these are. */
static uint32_t do_panels(const rnm_conv_job *job, const share *s, uint32_t k, rnm_panel inputs) {
    const rnm_weight *weight = job->weight;
    const uint32_t po = weight->child.po;
    rnm_panel panels[RNM_FEW_PANELS] = {panel_of(weight, s->first + k, inputs)};
    if (!in_place(weight, panels[0])) {
        multiply(job, s, rnm_panel_at(weight, s->first + k), panels[0], s->sums[k]);
        return 1;
    }
    uint32_t count = 1;
    for (; count < RNM_FEW_PANELS && k + count < s->count; ++count) {
        panels[count] = panel_of(weight, s->first + k + count, inputs);
        if (!in_place(weight, panels[count]) ||
            panels[count].output % po != panels[0].output % po) {
            break;
        }
    }
    multiply_in_place(job, s, panels, count, &s->sums[k]);
    return count;
}

/* A sum that underflowed to -0 becomes 0 where products with what is out of the map are added to
 * it, and they are not in every mode. */
static void settle_zeros(float (*sums)[RNM_PANEL], unsigned pixels) {
    for (unsigned p = 0; p < pixels; ++p) {
        for (unsigned lane = 0; lane < RNM_PANEL; ++lane) {
            sums[p][lane] += 0.0f;
        }
    }
}

static void few_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_weight *weight = job->weight;
    const rnm_child *child = &weight->child;
    const uint32_t each = panels_of_item(job);
    const uint32_t rest = weight->panel_count - (uint32_t)item * each;
    share s = {.first = (uint32_t)item * each,
               .count = rest < each ? rest : each,
               .sums = (void *)rnm_worker_scratch(job->context, worker)};
    s.block = (float *)(void *)(s.sums + weight->panel_count);
    s.rows = (const float **)(void *)(s.block + conv->block_inputs * row_floats(child));
    rnm_fill_rows(job, 0, conv->stretch, RNM_TILE_PIXELS, s.rows);
    for (uint32_t first = 0; first < child->ci; first += conv->block_inputs) {
        const uint32_t left = child->ci - first;
        const rnm_panel inputs = {.input = first,
                                  .inputs = left < conv->block_inputs ? left : conv->block_inputs};
        for (uint32_t k = 0; k < s.count;) {
            k += do_panels(job, &s, k, inputs);
        }
    }
    for (uint32_t k = 0; k < s.count; ++k) {
        settle_zeros(s.sums[k], conv->stretch);
        rnm_conv_finish(job, rnm_weight_panel(weight, rnm_panel_at(weight, s.first + k)), 0,
                        conv->stretch, s.sums[k]);
    }
}

void rnm_run_few(rnm_conv_job *job) {
    const uint32_t each = panels_of_item(job);
    rnm_threads_run(&job->context->threads, few_item, job,
                    (job->weight->panel_count + each - 1) / each);
}
