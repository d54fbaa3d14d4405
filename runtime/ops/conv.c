/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm on our own kernels: direct convolution, tile by tile, through rows of input
 * addresses in which a tap out of the map points at zeros.
 */
#include "op.h"

#include "xnn.h"

/* Pixels that one item covers: enough tiles to pay for drawing an item, few enough that small maps
 * still make work for every thread. */
#define ITEM_PIXELS (16 * RNM_TILE_PIXELS)

typedef struct conv_job {
    const rnm_context *context;
    const rnm_conv_step *conv;
    const rnm_weight *weight;
    const float *panels;
    const float *x, *residual;
    float *y;
    uint64_t pixels, blocks; /* of the output; items to a panel */
    bool pointwise;          /* every output pixel sees the input pixel of the same number */
} conv_job;

/* Addresses of the taps of `count` output pixels from `pixel` on. */
static void fill_rows(const conv_job *job, uint64_t pixel, unsigned count, const float **rows) {
    const rnm_window *w = &job->conv->window;
    const float *zeros = (const float *)job->context->workspace;
    for (unsigned p = 0; p < count; ++p, ++pixel) {
        if (job->pointwise) {
            rows[p] = job->x + pixel * (uint64_t)w->in_channels;
            continue;
        }
        int64_t rest = (int64_t)pixel;
        int64_t at[3];
        for (int axis = 2; axis >= 0; --axis) {
            at[axis] = rest % w->out[axis] * w->strides[axis] - w->pads[axis];
            rest /= w->out[axis];
        }
        const float *image = job->x + rest * w->in[0] * w->in[1] * w->in[2] * w->in_channels;
        const float **row = rows + p;
        for (int64_t k0 = 0; k0 < w->kernel[0]; ++k0) {
            int64_t d = at[0] + k0 * w->dilations[0];
            bool in_depth = d >= 0 && d < w->in[0];
            for (int64_t k1 = 0; k1 < w->kernel[1]; ++k1) {
                int64_t h = at[1] + k1 * w->dilations[1];
                bool in_height = in_depth && h >= 0 && h < w->in[1];
                for (int64_t k2 = 0; k2 < w->kernel[2]; ++k2, row += RNM_TILE_PIXELS) {
                    int64_t v = at[2] + k2 * w->dilations[2];
                    bool inside = in_height && v >= 0 && v < w->in[2];
                    *row = inside ? image + ((d * w->in[1] + h) * w->in[2] + v) * w->in_channels
                                  : zeros;
                }
            }
        }
    }
}

static void conv_item(void *argument, size_t item, size_t worker) {
    const conv_job *job = argument;
    const rnm_conv_step *conv = job->conv;
    const rnm_context *context = job->context;
    const rnm_weight *weight = job->weight;
    uint32_t index = (uint32_t)(item / job->blocks);
    rnm_panel panel = rnm_weight_panel(weight, index);
    const float *weights = job->panels + index * weight->panel_floats;
    size_t channel =
        conv->depthwise ? panel.output : (size_t)(index / weight->group_panels) * weight->child.ci;
    const float **rows = (const float **)(void *)(context->workspace + context->zero_bytes +
                                                  worker * context->worker_bytes);
    size_t stride = (size_t)conv->window.out_channels;
    uint64_t pixel = item % job->blocks * ITEM_PIXELS;
    uint64_t end = job->pixels - pixel < ITEM_PIXELS ? job->pixels : pixel + ITEM_PIXELS;
    rnm_epilogue epilogue = {
        .scale = conv->scale != NULL ? conv->scale + panel.output : NULL,
        .bias = conv->bias != NULL ? conv->bias + panel.output : NULL,
        .stride = stride,
        .activation = conv->activation,
    };
    for (; pixel < end; pixel += RNM_TILE_PIXELS) {
        float sums[RNM_TILE_PIXELS][RNM_PANEL] __attribute__((aligned(64)));
        unsigned count = end - pixel < RNM_TILE_PIXELS ? (unsigned)(end - pixel) : RNM_TILE_PIXELS;
        fill_rows(job, pixel, count, rows);
        if (conv->depthwise) {
            context->kernels->depthwise(rows, channel, weight->child.taps, weights, count,
                                        panel.lanes, sums);
        } else {
            context->kernels->direct(rows, channel, weight->child.ci, weight->child.taps, weights,
                                     count, panel.lanes, sums);
        }
        uint64_t at = pixel * stride + panel.output;
        epilogue.residual = job->residual != NULL ? job->residual + at : NULL;
        epilogue.out = job->y + at;
        context->kernels->finish(&epilogue, count, panel.lanes, sums);
    }
}

static rnm_status run_conv(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_conv_step *conv = &step->as.conv;
    const rnm_window *w = &conv->window;
    rnm_weight *weight = &context->weights[conv->weight];
    bool pointwise = true;
    for (int axis = 0; axis < 3; ++axis) {
        pointwise = pointwise && w->kernel[axis] == 1 && w->in[axis] == w->out[axis] &&
                    w->strides[axis] == 1 && w->pads[axis] == 0;
    }
    conv_job job = {
        .context = context,
        .conv = conv,
        .weight = weight,
        .panels = rnm_weight_use(weight, &context->threads),
        .x = rnm_values(context, step->x),
        .residual = step->z != RNM_NONE ? rnm_values(context, step->z) : NULL,
        .y = rnm_values(context, step->y),
        .pixels = (uint64_t)(w->batch * w->out[0] * w->out[1] * w->out[2]),
        .pointwise = pointwise,
    };
    job.blocks = (job.pixels + ITEM_PIXELS - 1) / ITEM_PIXELS;
    rnm_threads_run(&context->threads, conv_item, &job, job.blocks * weight->panel_count);
    return RNM_OK;
}

/* Adds the step of a node whose window is known. */
static rnm_status add_conv(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_window window,
                           uint32_t groups, rnm_error *err) {
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    uint32_t residual = rnm_plan_input(planner, 4);
    bool depthwise = groups > 1 && groups == window.in_channels && groups == window.out_channels;
    uint32_t weight;
    rnm_status status = rnm_plan_weight(planner, depthwise ? 1 : groups, &weight, err);
    if (status != RNM_OK) {
        return status;
    }
    uint64_t taps = planner->context->weights[weight].child.taps;
    rnm_plan_workspace(planner, taps * RNM_TILE_PIXELS * sizeof(float *),
                       (uint64_t)window.in_channels * sizeof(float));
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
    /* Our epilogue reads a residual where it then writes. XNNPACK writes before it is read. */
    if (residual != RNM_NONE && !planner->context->xnnpack &&
        rnm_arena_ends(&planner->arena, residual, planner->node_index) &&
        !rnm_arena_shared(&planner->arena, residual, x)) {
        rnm_arena_alias(&planner->arena, residual, y);
    }
    return RNM_OK;
}

rnm_status rnm_plan_conv(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    rnm_window window = rnm_op_window(planner, attrs);
    const rnm_shape *weight = &planner->shapes[rnm_plan_input(planner, 1)];
    int spatial = weight->rank - 2;
    for (int axis = 0; axis < spatial; ++axis) {
        window.kernel[3 - spatial + axis] = weight->dims[2 + axis];
    }
    return add_conv(planner, attrs, window, (uint32_t)attrs->group, err);
}

rnm_status rnm_plan_gemm(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
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
