/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that look at one element at a time: activations, Add, Mul, ScaleBias. Outputs lie
 * where an input was whenever that input ends here.
 */
#include "op.h"

#include <string.h>

/* Elements of one item: a few pages, so that drawing items costs nothing. */
#define ITEM_ELEMENTS 4096

typedef struct pointwise_job {
    const rnm_pointwise_step *step;
    const float *x, *z;
    float *y;
} pointwise_job;

static size_t item_count(uint64_t elements) {
    return (size_t)((elements + ITEM_ELEMENTS - 1) / ITEM_ELEMENTS);
}

/* Start and length of an item. */
static size_t item_range(const pointwise_job *job, size_t item, size_t *start) {
    uint64_t from = (uint64_t)item * ITEM_ELEMENTS;
    uint64_t rest = job->step->count - from;
    *start = (size_t)from;
    return rest < ITEM_ELEMENTS ? (size_t)rest : ITEM_ELEMENTS;
}

static void activation_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pointwise_job *job = argument;
    size_t start;
    size_t count = item_range(job, item, &start);
    memmove(job->y + start, job->x + start, count * sizeof *job->y);
    rnm_activate(job->step->activation, job->y + start, count);
}

static void add_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pointwise_job *job = argument;
    size_t start;
    size_t count = item_range(job, item, &start);
    for (size_t k = start; k < start + count; ++k) {
        job->y[k] = job->x[k] + job->z[k];
    }
    rnm_activate(job->step->activation, job->y + start, count);
}

static void mul_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pointwise_job *job = argument;
    size_t start;
    size_t count = item_range(job, item, &start);
    for (size_t k = start; k < start + count; ++k) {
        job->y[k] = job->x[k] * job->z[k];
    }
    rnm_activate(job->step->activation, job->y + start, count);
}

static void scale_bias_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pointwise_job *job = argument;
    const rnm_pointwise_step *step = job->step;
    const float *x = job->x + item * step->channels;
    float *y = job->y + item * step->channels;
    for (uint64_t c = 0; c < step->channels; ++c) {
        y[c] = step->scale[c] * x[c] + step->bias[c];
    }
    rnm_activate(step->activation, y, step->channels);
}

static rnm_status run_items(rnm_context *context, const rnm_step *step, rnm_job run, size_t items) {
    pointwise_job job = {
        .step = &step->as.pointwise,
        .x = rnm_values(context, step->x),
        .z = step->z != RNM_NONE ? rnm_values(context, step->z) : NULL,
        .y = rnm_values(context, step->y),
    };
    rnm_threads_run(&context->threads, run, &job, items);
    return RNM_OK;
}

static rnm_status run_activation(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    return run_items(context, step, activation_item, item_count(step->as.pointwise.count));
}

static rnm_status run_add(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    return run_items(context, step, add_item, item_count(step->as.pointwise.count));
}

static rnm_status run_mul(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    return run_items(context, step, mul_item, item_count(step->as.pointwise.count));
}

static rnm_status run_scale_bias(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    return run_items(context, step, scale_bias_item, (size_t)step->as.pointwise.count);
}

/* Puts the output where `input` was, if that is free from here on. */
static bool put_in_place(rnm_planner *planner, uint32_t input) {
    bool ends = rnm_arena_ends(&planner->arena, input, planner->node_index);
    if (ends) {
        rnm_arena_alias(&planner->arena, input, rnm_plan_output(planner));
    }
    return ends;
}

RNM_PLANS rnm_status rnm_plan_activation(rnm_planner *planner, const rnm_node_attrs *attrs,
                                         rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    rnm_step *step = rnm_plan_step(planner, run_activation, x, rnm_plan_output(planner));
    step->as.pointwise = (rnm_pointwise_step){
        .count = rnm_plan_elements(planner, x),
        .activation = {(rnm_op)planner->node->op, attrs->alpha, attrs->beta},
    };
    put_in_place(planner, x);
    return RNM_OK;
}

/* True when both inputs lie as the output does. */
static bool lie_alike(const rnm_planner *planner, uint32_t x, uint32_t z, uint32_t y) {
    const rnm_value_rec *values = planner->view->values;
    return rnm_shape_equal(&planner->shapes[x], &planner->shapes[y]) &&
           rnm_shape_equal(&planner->shapes[z], &planner->shapes[y]) &&
           values[x].layout == values[y].layout && values[z].layout == values[y].layout;
}

RNM_PLANS rnm_status rnm_plan_binary(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_error *err) {
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t z = rnm_plan_input(planner, 1);
    uint32_t y = rnm_plan_output(planner);
    if (planner->shapes[y].dtype != RNM_F32 || !lie_alike(planner, x, z, y)) {
        return rnm_plan_arithmetic(planner, attrs, err);
    }
    if (!put_in_place(planner, x)) {
        put_in_place(planner, z);
    }
    rnm_run run = planner->node->op == RNM_OP_Add ? run_add : run_mul;
    rnm_step *step = rnm_plan_step(planner, run, x, y);
    step->z = z;
    step->as.pointwise = (rnm_pointwise_step){
        .count = rnm_plan_elements(planner, y),
        .activation = rnm_op_epilogue(attrs),
    };
    return RNM_OK;
}

RNM_PLANS rnm_status rnm_plan_scale_bias(rnm_planner *planner, const rnm_node_attrs *attrs,
                                         rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint64_t channels = (uint64_t)planner->shapes[x].dims[1];
    rnm_step *step = rnm_plan_step(planner, run_scale_bias, x, rnm_plan_output(planner));
    step->as.pointwise = (rnm_pointwise_step){
        .count = rnm_plan_elements(planner, x) / channels,
        .channels = channels,
        .scale = rnm_plan_channels(planner, 1),
        .bias = rnm_plan_channels(planner, 2),
        .activation = rnm_op_epilogue(attrs),
    };
    put_in_place(planner, x);
    return RNM_OK;
}
