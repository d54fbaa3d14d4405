/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm on our own kernels: planning, and what all algorithms do.
 */
#include "conv.h"

#include "expand/mixture.h"
#include "xnn.h"

rnm_epilogue rnm_conv_epilogue(const rnm_conv_job *job, rnm_panel panel) {
    const rnm_conv_step *conv = job->conv;
    return (rnm_epilogue){
        .scale = conv->scale != NULL ? conv->scale + panel.output : NULL,
        .bias = conv->bias != NULL ? conv->bias + panel.output : NULL,
        .stride = (size_t)conv->window.out_channels,
        .activation = conv->activation,
    };
}

/* Finishes sums for one run of outputs: `lanes` from panel.output on. */
static void finish_run(const rnm_conv_job *job, rnm_panel panel, uint64_t pixel, unsigned pixels,
                       float (*sums)[RNM_PANEL]) {
    rnm_epilogue epilogue = rnm_conv_epilogue(job, panel);
    const uint64_t at = pixel * epilogue.stride + panel.output;
    epilogue.residual = job->residual != NULL ? job->residual + at : NULL;
    epilogue.out = job->y + at;
    job->context->kernels->finish(&epilogue, pixels, panel.lanes, sums);
}

/* Of a mixture, each of whose rows of blocks is an image. */
static void finish_mixed(const rnm_conv_job *job, rnm_panel panel, uint64_t pixel, unsigned pixels,
                         float (*sums)[RNM_PANEL]) {
    const rnm_window *w = &job->conv->window;
    const uint32_t rows = job->conv->mixture->rows, output = panel.output;
    const uint64_t map = (uint64_t)(w->out[0] * w->out[1] * w->out[2]);
    while (pixels > 0) {
        const uint64_t image = pixel / map, at = pixel % map;
        const unsigned count = pixels < map - at ? pixels : (unsigned)(map - at);
        panel.output = output + (uint32_t)(image % rows) * job->weight->child.co;
        finish_run(job, panel, image / rows * map + at, count, sums);
        pixel += count;
        pixels -= count;
        sums += count;
    }
}

void rnm_conv_finish(const rnm_conv_job *job, rnm_panel panel, uint64_t pixel, unsigned pixels,
                     float (*sums)[RNM_PANEL]) {
    if (job->conv->mixture != NULL) {
        finish_mixed(job, panel, pixel, pixels, sums);
        return;
    }
    const uint32_t outputs = (uint32_t)job->conv->window.out_channels, lanes = panel.lanes;
    for (; panel.output < outputs; panel.output += job->weight->child.co) {
        const uint32_t rest = outputs - panel.output;
        panel.lanes = rest < lanes ? rest : lanes;
        finish_run(job, panel, pixel, pixels, sums);
    }
}

uint64_t rnm_conv_passes(const rnm_conv_step *conv) {
    switch (conv->algorithm) {
    case RNM_CONV_WINOGRAD:
        return rnm_winograd_passes(conv);
    case RNM_CONV_TRANSPOSED:
        return rnm_transposed_passes(conv);
    default:
        return conv->packed ? rnm_packed_passes(conv) : rnm_direct_passes(conv);
    }
}

rnm_conv_job rnm_conv_begin(rnm_context *context, const rnm_step *step) {
    rnm_weight *weight = &context->weights[step->as.conv.weight];
    if (step->as.conv.algorithm != RNM_CONV_TABLES) {
        rnm_weight_prepare(weight, context->kernels, &context->threads);
    }
    return (rnm_conv_job){
        .context = context,
        .conv = &step->as.conv,
        .weight = weight,
        .x = rnm_values(context, step->x),
        .residual = step->z != RNM_NONE ? rnm_values(context, step->z) : NULL,
        .y = rnm_values(context, step->y),
    };
}

static rnm_status run_conv(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_conv_step *conv = &step->as.conv;
    rnm_conv_job job = rnm_conv_begin(context, step);
    rnm_sum_repeats(&job);
    rnm_mix_inputs(&job);
    if (conv->algorithm == RNM_CONV_WINOGRAD) {
        rnm_run_winograd(&job);
    } else if (conv->algorithm == RNM_CONV_TABLES) {
        rnm_run_tables(&job);
    } else if (conv->packed) {
        rnm_run_packed(&job);
    } else if (conv->few) {
        rnm_run_few(&job);
    } else {
        rnm_run_direct(&job);
    }
    return RNM_OK;
}

/* Adds the step of a node whose window is known. */
RNM_PLANS static rnm_status add_conv(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_window window, uint32_t groups, rnm_error *err) {
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    uint32_t residual = rnm_plan_input(planner, 4);
    bool depthwise = groups > 1 && groups == window.in_channels && groups == window.out_channels;
    uint32_t weight;
    /* XNNPACK repeats neither inputs nor outputs. */
    const bool once = groups == 1 && !planner->context->xnnpack;
    const uint32_t next_weight = planner->context->weight_count;
    rnm_status status = rnm_plan_weight(planner, depthwise ? 1 : groups, once, &weight, err);
    if (status != RNM_OK) {
        return status;
    }
    rnm_step *step = rnm_plan_step(planner, run_conv, x, y);
    step->z = residual;
    step->weighted = true;
    step->as.conv = (rnm_conv_step){
        .window = window,
        .weight = weight,
        .depthwise = depthwise,
        .bias = rnm_plan_channels(planner, 2),
        .scale = rnm_plan_channels(planner, 3),
        .activation = rnm_op_epilogue(attrs),
    };
    rnm_conv_step *conv = &step->as.conv;
    if (once) {
        rnm_plan_repeats(planner, conv);
    }
    if (once && weight == next_weight) { /* it is this node's alone */
        status = rnm_plan_mixture(planner, conv, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    if (planner->tuned != NULL && planner->tuned[planner->node_index].known) {
        status =
            rnm_tuning_apply(planner->context, &planner->tuned[planner->node_index], conv, err);
        if (status != RNM_OK) {
            return status;
        }
    } else {
        conv->algorithm = rnm_choose_algorithm(planner, conv, &conv->form, NULL);
    }
    if (conv->algorithm == RNM_CONV_WINOGRAD) {
        rnm_plan_winograd(planner, conv);
    } else if (conv->algorithm == RNM_CONV_TABLES) {
        rnm_plan_by_tables(planner, conv);
    } else if (rnm_can_pack(planner->context, conv)) {
        rnm_plan_packed(planner, conv);
    } else if (rnm_is_few(planner->context, conv)) {
        rnm_plan_few(planner, conv);
    } else {
        rnm_plan_direct(planner, conv);
    }
    /* Our epilogue reads a residual where it then writes. XNNPACK writes before it is read. */
    if (residual != RNM_NONE && !planner->context->xnnpack &&
        rnm_arena_ends(&planner->arena, residual, planner->node_index) &&
        !rnm_arena_shared(&planner->arena, residual, x)) {
        rnm_arena_alias(&planner->arena, residual, y);
    }
    return RNM_OK;
}

RNM_PLANS rnm_status rnm_plan_conv(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err) {
    rnm_window window = rnm_op_window(planner, attrs);
    const rnm_shape *weight = &planner->shapes[rnm_plan_input(planner, 1)];
    int spatial = weight->rank - 2;
    for (int axis = 0; axis < spatial; ++axis) {
        window.kernel[3 - spatial + axis] = weight->dims[2 + axis];
    }
    return add_conv(planner, attrs, window, (uint32_t)attrs->group, err);
}

RNM_PLANS rnm_status rnm_plan_gemm(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err) {
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    const rnm_shape *out = &planner->shapes[rnm_plan_output(planner)];
    rnm_window window = {
        .batch = in->dims[0],
        .in_channels = in->dims[1],
        .out_channels = out->dims[1],
        .in = {1, 1, 1},
        .out = {1, 1, 1},
        .kernel = {1, 1, 1},
        .strides = {1, 1, 1},
        .dilations = {1, 1, 1},
    };
    return add_conv(planner, attrs, window, 1, err);
}
