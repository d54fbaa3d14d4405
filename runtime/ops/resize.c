/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize. Planning makes, for each axis that changes, a table of what every output index reads: one
 * input index (nearest), two (linear) or four (cubic), and their weights. A run is the product of
 * these over the axes, for all innermost elements that no resized axis separates at once.
 */
#include "op.h"

#include "error.h"

#include <math.h>
#include <string.h>

/* ---- tables ---------------------------------------------------------------------------------- */

/* One axis being resized. */
typedef struct axis_rule {
    int coordinates; /* RNM_COORDINATES_... */
    int64_t in, out;
    double scale;
    double roi_start, roi_end;
} axis_rule;

/* Where output index `at` lies among the input's. */
static double original(const axis_rule *rule, int64_t at) {
    const double x = (double)at, in = (double)rule->in, out = (double)rule->out;
    switch (rule->coordinates) {
    case RNM_COORDINATES_PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / rule->scale - 0.5 : 0.0;
    case RNM_COORDINATES_ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (out - 1) : 0.0;
    case RNM_COORDINATES_ASYMMETRIC:
        return x / rule->scale;
    case RNM_COORDINATES_TF_CROP_AND_RESIZE:
        return out > 1 ? rule->roi_start * (in - 1) +
                             x * (rule->roi_end - rule->roi_start) * (in - 1) / (out - 1)
                       : 0.5 * (rule->roi_start + rule->roi_end) * (in - 1);
    case RNM_COORDINATES_TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / rule->scale;
    case RNM_COORDINATES_HALF_PIXEL_SYMMETRIC: {
        double adjust = out / (rule->scale * in);
        return in / 2 * (1 - adjust) + (x + 0.5) / rule->scale - 0.5;
    }
    default:
        return (x + 0.5) / rule->scale - 0.5;
    }
}

static int64_t clamp(double index, int64_t size) {
    return index < 0 ? 0 : index > (double)(size - 1) ? size - 1 : (int64_t)index;
}

static double nearest(int mode, double x) {
    switch (mode) {
    case RNM_NEAREST_ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case RNM_NEAREST_FLOOR:
        return floor(x);
    case RNM_NEAREST_CEIL:
        return ceil(x);
    default:
        return ceil(x - 0.5);
    }
}

/* Weight of an element at a distance, by Keys' cubic of parameter a. */
static double cubic(double a, double distance) {
    double d = fabs(distance);
    if (d <= 1) {
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0.0;
}

/* Fills in the entries of one output index. */
static void fill_entry(const rnm_node_attrs *attrs, const axis_rule *rule, int64_t at, int taps,
                       int64_t stride, int64_t *offsets, float *weights) {
    double x = original(rule, at);
    if (rule->coordinates == RNM_COORDINATES_TF_CROP_AND_RESIZE &&
        !(x >= 0 && x <= (double)(rule->in - 1))) {
        for (int t = 0; t < taps; ++t) {
            offsets[t] = -1;
            weights[t] = 0.0f;
        }
        return;
    }
    if (taps == 1) {
        offsets[0] = clamp(nearest((int)attrs->nearest_mode, x), rule->in) * stride;
        weights[0] = 1.0f;
        return;
    }
    double first = floor(x) - (taps == 4 ? 1 : 0);
    double all[4], sum = 0.0;
    for (int t = 0; t < taps; ++t) {
        double index = first + t;
        bool outside = index < 0 || index > (double)(rule->in - 1);
        double distance = x - index;
        all[t] = taps == 4 ? cubic((double)attrs->cubic_coeff_a, distance) : 1 - fabs(distance);
        all[t] = outside && attrs->exclude_outside ? 0.0 : all[t];
        sum += all[t];
        offsets[t] = clamp(index, rule->in) * stride;
    }
    for (int t = 0; t < taps; ++t) {
        weights[t] = (float)(attrs->exclude_outside ? all[t] / sum : all[t]);
    }
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct resize_job {
    const rnm_resize_step *resize;
    const uint8_t *x;
    uint8_t *y;
} resize_job;

/* The elements that a line of outputs reads along all axes but the line's own. */
typedef struct line_source {
    int count;
    int64_t offsets[16];
    float weights[16];
    bool outside;
} line_source;

static line_source place_line(const rnm_resize_step *resize, int64_t line) {
    line_source source = {.count = 1, .weights = {1.0f}};
    for (int axis = resize->rank - 2; axis >= 0; --axis) {
        const rnm_resize_axis *a = &resize->axes[axis];
        int64_t at = line % a->out;
        line /= a->out;
        if (a->taps == 0) {
            for (int k = 0; k < source.count; ++k) {
                source.offsets[k] += at * a->stride;
            }
            continue;
        }
        const int64_t *offsets = a->offsets + at * a->taps;
        const float *weights = a->weights + at * a->taps;
        source.outside = source.outside || offsets[0] < 0;
        int count = source.count;
        for (int t = a->taps - 1; t >= 0; --t) {
            for (int k = 0; k < count; ++k) {
                source.offsets[t * count + k] = source.offsets[k] + offsets[t];
                source.weights[t * count + k] = source.weights[k] * weights[t];
            }
        }
        source.count = count * a->taps;
    }
    return source;
}

static void copy_element(const uint8_t *from, uint8_t *to, uint64_t bytes) {
    if (bytes == sizeof(uint32_t)) {
        memcpy(to, from, sizeof(uint32_t));
    } else {
        memcpy(to, from, (size_t)bytes);
    }
}

static void nearest_line(const resize_job *job, const line_source *source, uint8_t *to) {
    const rnm_resize_step *resize = job->resize;
    const rnm_resize_axis *last = &resize->axes[resize->rank - 1];
    const uint64_t bytes = (uint64_t)resize->inner * resize->element;
    for (int64_t at = 0; at < last->out; ++at, to += bytes) {
        int64_t offset = last->taps == 0 ? at * last->stride : last->offsets[at];
        if (source->outside || offset < 0) {
            float value = resize->extrapolation; /* the shape rule wants f32 here */
            for (int64_t k = 0; k < resize->inner; ++k) {
                memcpy(to + k * (int64_t)sizeof value, &value, sizeof value);
            }
            continue;
        }
        copy_element(job->x + (source->offsets[0] + offset) * resize->element, to, bytes);
    }
}

static void weighted_line(const resize_job *job, const line_source *source, float *to) {
    const rnm_resize_step *resize = job->resize;
    const rnm_resize_axis *last = &resize->axes[resize->rank - 1];
    const float *x = (const float *)(const void *)job->x;
    const int64_t inner = resize->inner;
    static const float one = 1.0f;
    for (int64_t at = 0; at < last->out; ++at, to += inner) {
        const int64_t step = at * last->stride;
        const int taps = last->taps == 0 ? 1 : last->taps;
        const int64_t *offsets = last->taps == 0 ? &step : last->offsets + at * taps;
        const float *weights = last->taps == 0 ? &one : last->weights + at * taps;
        const bool outside = source->outside || offsets[0] < 0;
        for (int64_t c = 0; c < inner; ++c) {
            to[c] = outside ? resize->extrapolation : 0.0f;
        }
        for (int k = 0; !outside && k < source->count; ++k) {
            for (int t = 0; t < taps; ++t) {
                const float weight = source->weights[k] * weights[t];
                const float *from = x + source->offsets[k] + offsets[t];
                for (int64_t c = 0; c < inner; ++c) {
                    to[c] += weight * from[c];
                }
            }
        }
    }
}

static void resize_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const resize_job *job = argument;
    const rnm_resize_step *resize = job->resize;
    line_source source = place_line(resize, (int64_t)item);
    int64_t line = resize->axes[resize->rank - 1].out * resize->inner * resize->element;
    uint8_t *to = job->y + (int64_t)item * line;
    if (resize->nearest) {
        nearest_line(job, &source, to);
    } else {
        weighted_line(job, &source, (float *)(void *)to);
    }
}

static rnm_status run_resize(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    resize_job job = {
        .resize = &step->as.resize, .x = context->data[step->x], .y = context->data[step->y]};
    rnm_threads_run(&context->threads, resize_item, &job, (size_t)job.resize->lines);
    return RNM_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */

/* Makes the table of an axis that is resized. */
static rnm_status make_table(rnm_planner *planner, const rnm_node_attrs *attrs,
                             const axis_rule *rule, rnm_resize_axis *axis, rnm_error *err) {
    uint64_t entries = (uint64_t)axis->out * (uint64_t)axis->taps;
    uint8_t *table = rnm_plan_table(planner, entries * (sizeof(int64_t) + sizeof(float)), err);
    if (table == NULL) {
        return RNM_ERR_MEMORY;
    }
    int64_t *offsets = (int64_t *)(void *)table;
    float *weights = (float *)(void *)(table + entries * sizeof(int64_t));
    for (int64_t at = 0; at < axis->out; ++at) {
        fill_entry(attrs, rule, at, axis->taps, axis->stride, offsets + at * axis->taps,
                   weights + at * axis->taps);
    }
    axis->offsets = offsets;
    axis->weights = weights;
    return RNM_OK;
}

RNM_PLANS rnm_status rnm_plan_resize(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_error *err) {
    static const int taps[] = {
        [RNM_RESIZE_NEAREST] = 1, [RNM_RESIZE_LINEAR] = 2, [RNM_RESIZE_CUBIC] = 4};
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *in = &planner->shapes[x], *out = &planner->shapes[y];
    rnm_step *step = rnm_plan_step(planner, run_resize, x, y);
    rnm_resize_step *resize = &step->as.resize;
    *resize = (rnm_resize_step){
        .nearest = attrs->mode == RNM_RESIZE_NEAREST,
        .extrapolation = attrs->extrapolation_value,
        .element = (uint32_t)rnm_dtype_size(in->dtype),
        .inner = 1,
        .lines = 1,
    };
    int64_t strides[RNM_MAX_RANK];
    rnm_op_strides(planner, x, strides);
    bool channels_last = planner->view->values[y].layout == RNM_LAYOUT_CHANNELS_LAST;
    for (int k = 0; k < in->rank; ++k) {
        /* The axes from the outermost in memory to the innermost. */
        int axis = !channels_last || k == 0 ? k : k == in->rank - 1 ? 1 : k + 1;
        rnm_resize_axis *a = &resize->axes[resize->rank++];
        *a = (rnm_resize_axis){.out = out->dims[axis], .stride = strides[axis]};
        if (!rnm_resize_changes(attrs, in, axis)) {
            continue;
        }
        a->taps = taps[attrs->mode];
        const axis_rule rule = {
            .coordinates = (int)attrs->coordinates,
            .in = in->dims[axis],
            .out = out->dims[axis],
            .scale = attrs->scales.count > 0 ? (double)attrs->scales.at[axis]
                                             : (double)out->dims[axis] / (double)in->dims[axis],
            .roi_start = attrs->roi.count > 0 ? (double)attrs->roi.at[axis] : 0.0,
            .roi_end = attrs->roi.count > 0 ? (double)attrs->roi.at[in->rank + axis] : 1.0,
        };
        rnm_status status = make_table(planner, attrs, &rule, a, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    /* What no resized axis separates lies together on both sides. */
    while (resize->rank > 1 && resize->axes[resize->rank - 1].taps == 0) {
        resize->inner *= resize->axes[--resize->rank].out;
    }
    for (int k = 0; k < resize->rank - 1; ++k) {
        resize->lines *= resize->axes[k].out;
    }
    return RNM_OK;
}
