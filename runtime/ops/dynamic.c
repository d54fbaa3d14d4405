/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that are values like any other: DynamicConv and DynamicConvTranspose. At every
 * run the weight is brought into the panels that the kernels of weighted layers read, in scratch
 * that all such layers share; the rest is as for a weight from a recipe.
 */
#include "checked.h"
#include "conv.h"
#include "error.h"

#include <assert.h>
#include <string.h>

/* As many as a recipe of one input and output could have. */
#define MOST_TAPS (1 << 30)

typedef struct pack_job {
    const rnm_dynamic_step *step;
    const float *from;
    float *panels;
} pack_job;

static void pack_panel(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pack_job *job = argument;
    const rnm_dynamic_step *step = job->step;
    const rnm_weight *weight = &step->weight;
    const rnm_panel panel = rnm_weight_panel(weight, (uint32_t)item);
    float *to = job->panels + item * weight->panel_floats;
    memset(to, 0, weight->panel_floats * sizeof *to);
    for (uint32_t lane = 0; lane < panel.lanes; ++lane) {
        int64_t output = panel.output + lane;
        const float *from = job->from + output / step->group_outputs * step->group_stride +
                            output % step->group_outputs * step->output_stride;
        float *out = to + lane;
        for (uint32_t i = 0; i < weight->child.ci; ++i) {
            for (uint32_t t = 0; t < weight->child.taps; ++t, out += RNM_PANEL) {
                *out = from[i * step->input_stride + t];
            }
        }
    }
}

/* Puts the weight at `from` into panels and gives it. */
static rnm_weight pack(rnm_context *context, const rnm_dynamic_step *step, const float *from) {
    rnm_weight weight = step->weight;
    weight.panels = rnm_shared_scratch(context);
    weight.ready = true;
    pack_job job = {.step = step, .from = from, .panels = weight.panels};
    rnm_threads_run(&context->threads, pack_panel, &job, weight.panel_count);
    return weight;
}

static rnm_status run_conv(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_dynamic_step *dynamic = &step->as.dynamic;
    rnm_weight weight = pack(context, dynamic, rnm_values(context, step->z));
    rnm_conv_step conv = dynamic->conv;
    conv.bias = dynamic->bias != RNM_NONE ? rnm_values(context, dynamic->bias) : NULL;
    rnm_conv_job job = {
        .context = context,
        .conv = &conv,
        .weight = &weight,
        .x = rnm_values(context, step->x),
        .y = rnm_values(context, step->y),
    };
    if (conv.algorithm == RNM_CONV_TRANSPOSED) {
        rnm_run_transposed(&job);
    } else {
        rnm_run_direct(&job);
    }
    return RNM_OK;
}

/* The weight stands among the context's while the sizes are decided on; it is kept in the step. */
static void plan_direct(rnm_planner *planner, rnm_dynamic_step *dynamic) {
    rnm_context *context = planner->context;
    assert(context->weight_count < context->weight_room);
    dynamic->conv.weight = context->weight_count;
    context->weights[context->weight_count] = dynamic->weight;
    rnm_plan_direct(planner, &dynamic->conv);
    context->weights[context->weight_count] = (rnm_weight){0};
}

rnm_status rnm_plan_dynamic_conv(rnm_planner *planner, const rnm_node_attrs *attrs,
                                 rnm_error *err) {
    bool transposed = planner->node->op == RNM_OP_DynamicConvTranspose;
    uint32_t w = rnm_plan_input(planner, 1);
    const rnm_shape *shape = &planner->shapes[w];
    rnm_window window = rnm_op_window(planner, attrs);
    rnm_op_kernel(&window, shape);
    uint32_t groups = (uint32_t)attrs->group;
    bool depthwise = groups > 1 && groups == window.in_channels && groups == window.out_channels;
    uint64_t taps = (uint64_t)window.kernel[0] * (uint64_t)window.kernel[1];
    if (!rnm_mul_u64(taps, (uint64_t)window.kernel[2], &taps) || taps > MOST_TAPS) {
        return rnm_fail(err, RNM_ERR_LIMIT, "its kernel must have at most %d taps, found more",
                        MOST_TAPS);
    }
    rnm_child child = {
        .name = "a run-time weight",
        .transform = RNM_TRANSFORM_LINEAR,
        .co = (uint32_t)window.out_channels,
        .ci = (uint32_t)window.in_channels / groups,
        .taps = (uint32_t)taps,
    };
    rnm_step *step =
        rnm_plan_step(planner, run_conv, rnm_plan_input(planner, 0), rnm_plan_output(planner));
    step->z = w;
    rnm_dynamic_step *dynamic = &step->as.dynamic;
    *dynamic = (rnm_dynamic_step){
        .conv = {.window = window,
                 .algorithm = transposed ? RNM_CONV_TRANSPOSED : RNM_CONV_DIRECT,
                 .depthwise = depthwise,
                 .activation = rnm_op_epilogue(attrs)},
        .bias = rnm_plan_input(planner, 2),
        .group_outputs = child.co / groups,
    };
    /* ONNX's orders are [Co][Ci / groups][taps] and [Ci][Co / groups][taps]. */
    int64_t first = (int64_t)child.ci * child.taps;
    int64_t outputs = child.co / groups;
    dynamic->output_stride = transposed ? child.taps : first;
    dynamic->input_stride = transposed ? outputs * child.taps : child.taps;
    dynamic->group_stride = outputs * first;
    rnm_status status = rnm_weight_cut(&dynamic->weight, &child, depthwise ? 1 : groups, err);
    if (status != RNM_OK) {
        return status;
    }
    if (transposed) {
        rnm_plan_transposed(planner, &dynamic->conv, &child, false);
    } else {
        plan_direct(planner, dynamic);
    }
    rnm_plan_workspace(planner, 0, dynamic->weight.bytes, 0);
    return RNM_OK;
}
