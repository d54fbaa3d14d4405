/* SPDX-License-Identifier: Apache-2.0
 *
 * s layers whose blocks are mixtures of a few (expand/mixture.h). Outputs of a row of blocks are
 * sums over its blocks of inputs by weights: of factors, inputs and the few blocks' weights. So
 * inputs are mixed first, for each row of blocks with its own factors, and the layer runs as one
 * over that many times the images, with the parent's outputs, whose inputs are the few blocks':
 * fewer weights to make by the number of rows and more, and fewer multiplications where a row has
 * more blocks than the mixture. Which makes it an s layer like any other, for all algorithms.
 */
#include "conv.h"

#include "error.h"
#include "expand/mixture.h"

#include <string.h>

enum {
    ITEM_PIXELS = 8,
    FEWEST = 2,              /* blocks that a mixture is worth a search for */
    MOST_BYTES = 2048 << 10, /* of mixed inputs, which no other mode of a layer takes */
};

static uint64_t map_pixels(const rnm_window *w) {
    return (uint64_t)(w->in[0] * w->in[1] * w->in[2]);
}

/* The window, as it was, with inputs mixed. */
static rnm_window mixed_window(rnm_window window, const rnm_child *child, uint32_t count) {
    window.batch *= child->co / child->po;
    window.in_channels = (int64_t)count * child->pi;
    return window;
}

/* The child of so many blocks in a row. */
static rnm_child mixed_child(rnm_child child, uint32_t count, const float (*betas)[2]) {
    child.co = child.po;
    child.ci = count * child.pi;
    child.betas = betas != NULL ? betas[0] : NULL;
    return child;
}

static uint64_t mixed_bytes(const rnm_window *w) {
    return (uint64_t)w->batch * map_pixels(w) * (uint64_t)w->in_channels * sizeof(float);
}

/* Whether the layer takes clearly less time as a mixture of so many blocks: times are those of the
 * step's weight, which is another one meanwhile. */
static bool pays(const rnm_planner *planner, const rnm_conv_step *conv, uint32_t count) {
    rnm_context *context = planner->context;
    rnm_weight *weight = &context->weights[conv->weight];
    const rnm_weight whole = *weight;
    const rnm_mixture mixture = {.rows = whole.child.co / whole.child.po,
                                 .columns = whole.child.ci / whole.child.pi,
                                 .count = count};
    const double inputs = (double)conv->window.batch * mixture.rows *
                          (double)map_pixels(&conv->window) * count * whole.child.pi;
    if (inputs == 0.0 || inputs * sizeof(float) > MOST_BYTES) {
        return false;
    }
    rnm_conv_step mixed = *conv;
    unsigned form;
    double before, after;
    (void)rnm_choose_algorithm(planner, conv, &form, &before);
    mixed.window = mixed_window(conv->window, &whole.child, count);
    const rnm_child child = mixed_child(whole.child, count, NULL);
    const bool fits = rnm_weight_cut(weight, &child, 1, NULL) == RNM_OK;
    (void)rnm_choose_algorithm(planner, &mixed, &form, &after);
    *weight = whole;
    after += rnm_mix_time(context, &mixed.window, &mixture);
    return fits && after < 0.9 * before;
}

/* Makes the step's weight and window those of the mixture, which lives with the context from then
 * on. */
static rnm_status take(rnm_planner *planner, rnm_conv_step *conv, const rnm_mixture *found,
                       rnm_error *err) {
    rnm_weight *weight = &planner->context->weights[conv->weight];
    const uint32_t recipe = weight->recipe;
    const size_t pairs = found->count * sizeof *found->betas;
    const size_t factors = (size_t)found->rows * found->count * found->columns * sizeof(float);
    rnm_mixture *mixture = rnm_plan_table(planner, sizeof *mixture + pairs + factors, err);
    if (mixture == NULL) {
        return RNM_ERR_MEMORY;
    }
    *mixture = *found;
    mixture->betas = memcpy(mixture + 1, found->betas, pairs);
    mixture->factors = memcpy((uint8_t *)(mixture + 1) + pairs, found->factors, factors);
    const rnm_child whole = weight->child;
    const rnm_child child = mixed_child(whole, found->count, mixture->betas);
    rnm_status status = rnm_weight_cut(weight, &child, 1, err);
    weight->recipe = recipe;
    conv->mixture = mixture;
    conv->window = mixed_window(conv->window, &whole, found->count);
    const size_t rows = (size_t)mixture->columns + mixture->rows * mixture->count;
    rnm_plan_workspace(planner, rows * RNM_PANEL * sizeof(float), mixed_bytes(&conv->window), 0);
    return status;
}

RNM_PLANS rnm_status rnm_plan_mixture(rnm_planner *planner, rnm_conv_step *conv, rnm_error *err) {
    rnm_context *context = planner->context;
    const rnm_weight *weight = &context->weights[conv->weight];
    const uint64_t bytes = (RNM_MIXTURE_WORK + RNM_MIXTURE_FOUND) * sizeof(float);
    if (!context->winograd || conv->depthwise || weight->group_panels != weight->panel_count ||
        !rnm_mixture_possible(&weight->child) || !pays(planner, conv, FEWEST)) {
        return RNM_OK;
    }
    float *work = rnm_memory_take(&context->memory, bytes);
    if (work == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "recipe %s: no memory to look for a mixture",
                        weight->child.name);
    }
    rnm_mixture found;
    rnm_status status = RNM_OK;
    if (rnm_mixture_find(context->kernels, &weight->child, work, work + RNM_MIXTURE_WORK, &found) &&
        pays(planner, conv, found.count)) {
        status = take(planner, conv, &found, err);
    }
    rnm_memory_give(&context->memory, work, bytes);
    return status;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* Some channels of every block of a pixel's inputs, as rows of a panel. */
static void gather(const float *x, size_t blocks, size_t pi, size_t lanes,
                   float (*rows)[RNM_PANEL]) {
    for (size_t k = 0; k < blocks; ++k, x += pi) {
        memcpy(rows[k], x, lanes * sizeof *x);
    }
}

/* And back to where they belong; whole rows are copied without a call. */
static void spread(const float (*rows)[RNM_PANEL], size_t blocks, size_t pi, size_t lanes,
                   float *to) {
    for (size_t k = 0; k < blocks; ++k, to += pi) {
        if (lanes == RNM_PANEL) {
            memcpy(to, rows[k], sizeof rows[k]);
        } else {
            memcpy(to, rows[k], lanes * sizeof *to);
        }
    }
}

/* Pixels of an item, of whatever images. */
static void mix_item(void *argument, size_t item, size_t worker) {
    const rnm_conv_job *job = argument;
    const rnm_mixture *m = job->conv->mixture;
    const size_t pi = job->weight->child.pi, map = map_pixels(&job->conv->window);
    const size_t first = item * ITEM_PIXELS, all = (size_t)job->conv->window.batch / m->rows * map;
    const size_t end = first + ITEM_PIXELS < all ? first + ITEM_PIXELS : all;
    float(*there)[RNM_PANEL] =
        (float(*)[RNM_PANEL])(void *)rnm_worker_scratch(job->context, worker);
    float(*sums)[RNM_PANEL] = there + m->columns;
    rnm_gemm gemm = {.x = m->factors,
                     .stride = m->columns,
                     .rows = (size_t)m->rows * m->count,
                     .inputs = m->columns,
                     .weights = there[0],
                     .sums = sums,
                     .points = 1};
    for (size_t p = first; p < end; ++p) {
        for (size_t channel = 0; channel < pi; channel += RNM_PANEL) {
            gemm.lanes = pi - channel < RNM_PANEL ? (unsigned)(pi - channel) : RNM_PANEL;
            gather(job->x + p * m->columns * pi + channel, m->columns, pi, gemm.lanes, there);
            job->context->kernels->gemm(&gemm);
            for (size_t row = 0; row < m->rows; ++row) {
                const size_t at = (p / map * m->rows + row) * map + p % map;
                spread((const float(*)[RNM_PANEL])sums + row * m->count, m->count, pi, gemm.lanes,
                       rnm_shared_scratch(job->context) + at * m->count * pi + channel);
            }
        }
    }
}

void rnm_mix_inputs(rnm_conv_job *job) {
    const rnm_conv_step *conv = job->conv;
    if (conv->mixture != NULL) {
        const uint64_t pixels =
            (uint64_t)conv->window.batch / conv->mixture->rows * map_pixels(&conv->window);
        rnm_threads_run(&job->context->threads, mix_item, job,
                        (size_t)rnm_divide_up(pixels, ITEM_PIXELS));
        job->x = rnm_shared_scratch(job->context);
    }
}
