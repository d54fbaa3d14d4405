/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and products of bytes: ConvInteger, QLinearConv, MatMulInteger, QLinearMatMul. Sums
 * are of 32 bits that wrap, as the specification's are.
 */
#include "quantize.h"
#include "strided.h"

/* ---- convolution ----------------------------------------------------------------------------- */

typedef struct conv_job {
    const rnm_integer_conv_step *step;
    const void *x, *w, *x_zero, *w_zero, *y_zero;
    const float *x_scale, *w_scale, *y_scale;
    const int32_t *bias;
    void *y;
} conv_job;

/* The sum of one window. Padding holds the zero point, which adds nothing. */
static int32_t window_sum(const conv_job *job, int64_t image, int64_t output, const int64_t at[3]) {
    const rnm_integer_conv_step *step = job->step;
    const rnm_window *window = &step->window;
    int64_t inputs = window->in_channels / step->groups;
    int64_t first = output / (window->out_channels / step->groups) * inputs;
    int64_t taps = window->kernel[0] * window->kernel[1] * window->kernel[2];
    int64_t plane = window->in[0] * window->in[1] * window->in[2];
    int32_t x_zero = job->x_zero != NULL ? rnm_byte_at(job->x_zero, step->x, 0) : 0;
    int32_t w_zero =
        job->w_zero != NULL ? rnm_byte_at(job->w_zero, step->w, step->row_zeros ? output : 0) : 0;
    uint32_t sum = 0;
    for (int64_t tap = 0; tap < taps; ++tap) {
        int64_t kernel[3] = {tap / (window->kernel[1] * window->kernel[2]),
                             tap / window->kernel[2] % window->kernel[1], tap % window->kernel[2]};
        int64_t from = 0;
        bool inside = true;
        for (int axis = 0; axis < 3; ++axis) {
            int64_t place = at[axis] * window->strides[axis] - window->pads[axis] +
                            kernel[axis] * window->dilations[axis];
            inside = inside && place >= 0 && place < window->in[axis];
            from = from * window->in[axis] + place;
        }
        for (int64_t c = 0; inside && c < inputs; ++c) {
            int64_t x_at = (image * window->in_channels + first + c) * plane + from;
            int64_t w_at = (output * inputs + c) * taps + tap;
            sum += (uint32_t)((rnm_byte_at(job->x, step->x, x_at) - x_zero) *
                              (rnm_byte_at(job->w, step->w, w_at) - w_zero));
        }
    }
    return (int32_t)sum;
}

/* One output channel of one image. */
static void conv_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const conv_job *job = argument;
    const rnm_integer_conv_step *step = job->step;
    const rnm_window *window = &step->window;
    int64_t image = (int64_t)item / window->out_channels;
    int64_t output = (int64_t)item % window->out_channels;
    int64_t pixels = window->out[0] * window->out[1] * window->out[2];
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        int64_t at[3] = {pixel / (window->out[1] * window->out[2]),
                         pixel / window->out[2] % window->out[1], pixel % window->out[2]};
        int32_t sum = window_sum(job, image, output, at);
        int64_t to = (int64_t)item * pixels + pixel;
        if (!step->scaled) {
            ((int32_t *)job->y)[to] = sum;
            continue;
        }
        sum = (int32_t)((uint32_t)sum + (uint32_t)(job->bias != NULL ? job->bias[output] : 0));
        double scale = (double)*job->x_scale * (double)job->w_scale[step->row_scales ? output : 0] /
                       (double)*job->y_scale;
        rnm_store_byte(job->y, step->y, to, sum * scale, rnm_byte_at(job->y_zero, step->y, 0));
    }
}

static rnm_status run_conv(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_integer_conv_step *conv = &step->as.integer_conv;
    bool scaled = conv->scaled;
    conv_job job = {
        .step = conv,
        .x = rnm_step_input(context, step, 0),
        .w = rnm_step_input(context, step, scaled ? 3 : 1),
        .x_zero = rnm_step_input(context, step, 2),
        .w_zero = rnm_step_input(context, step, scaled ? 5 : 3),
        .y = rnm_step_output(context, step, 0),
    };
    if (scaled) {
        job.x_scale = rnm_step_input(context, step, 1);
        job.w_scale = rnm_step_input(context, step, 4);
        job.y_scale = rnm_step_input(context, step, 6);
        job.y_zero = rnm_step_input(context, step, 7);
        job.bias = rnm_step_input(context, step, 8);
    }
    rnm_threads_run(&context->threads, conv_item, &job,
                    (size_t)(conv->window.batch * conv->window.out_channels));
    return RNM_OK;
}

static bool one_each(const rnm_planner *planner, unsigned k) {
    uint32_t value = rnm_plan_input(planner, k);
    return value != RNM_NONE && rnm_plan_elements(planner, value) > 1;
}

rnm_status rnm_plan_integer_conv(rnm_planner *planner, const rnm_node_attrs *attrs,
                                 rnm_error *err) {
    (void)err;
    bool scaled = planner->node->op == RNM_OP_QLinearConv;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *w = &planner->shapes[rnm_plan_input(planner, scaled ? 3 : 1)];
    rnm_integer_conv_step *step = &rnm_plan_step(planner, run_conv, x, y)->as.integer_conv;
    *step = (rnm_integer_conv_step){
        .window = rnm_op_window(planner, attrs),
        .groups = attrs->group,
        .scaled = scaled,
        .row_scales = scaled && one_each(planner, 4),
        .row_zeros = one_each(planner, scaled ? 5 : 3),
        .x = planner->shapes[x].dtype,
        .w = w->dtype,
        .y = planner->shapes[y].dtype,
    };
    for (int axis = 2; axis < w->rank; ++axis) {
        step->window.kernel[axis + 3 - w->rank] = w->dims[axis];
    }
    return RNM_OK;
}

/* ---- product --------------------------------------------------------------------------------- */

/* Operands: y, a, b, zero points of a and b, and where scaled scales of a, b and y, and zero point
 * of y. number: the length of the sums; apart: steps of a and b along it. kind, flags: types of a
 * and b; type: of y. */
static void matmul_line(const rnm_elements_step *step, int64_t count, void *const *data,
                        const int64_t *steps) {
    rnm_dtype a_type = step->flags[0] ? RNM_I8 : RNM_U8;
    rnm_dtype b_type = step->flags[1] ? RNM_I8 : RNM_U8;
    for (int64_t k = 0; k < count; ++k) {
        int32_t a_zero = data[3] != NULL ? rnm_byte_at(data[3], a_type, k * steps[3]) : 0;
        int32_t b_zero = data[4] != NULL ? rnm_byte_at(data[4], b_type, k * steps[4]) : 0;
        uint32_t sum = 0;
        for (int64_t i = 0; i < step->number; ++i) {
            int32_t a = rnm_byte_at(data[1], a_type, k * steps[1] + i * step->apart[0]) - a_zero;
            int32_t b = rnm_byte_at(data[2], b_type, k * steps[2] + i * step->apart[1]) - b_zero;
            sum += (uint32_t)(a * b);
        }
        if (step->type == RNM_I32) {
            ((int32_t *)data[0])[k * steps[0]] = (int32_t)sum;
            continue;
        }
        double scale = (double)((const float *)data[5])[k * steps[5]] *
                       (double)((const float *)data[6])[k * steps[6]] /
                       (double)*(const float *)data[7];
        rnm_store_byte(data[0], step->type, k * steps[0], (int32_t)sum * scale,
                       rnm_byte_at(data[8], step->type, 0));
    }
}

rnm_status rnm_plan_integer_matmul(rnm_planner *planner, const rnm_node_attrs *attrs,
                                   rnm_error *err) {
    (void)attrs;
    (void)err;
    bool scaled = planner->node->op == RNM_OP_QLinearMatMul;
    int second = scaled ? 3 : 1;
    const rnm_shape *out = &planner->shapes[rnm_plan_output(planner)];
    const rnm_shape *a = &planner->shapes[rnm_plan_input(planner, 0)];
    const rnm_shape *b = &planner->shapes[rnm_plan_input(planner, (unsigned)second)];
    int row = out->rank - 2, column = out->rank - 1;
    rnm_walk walk = rnm_walk_over(out, 0);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_walk_broadcast(planner, &walk, second);
    walk.steps[1][row] = a->dims[a->rank - 1];
    walk.steps[1][column] = 0;
    walk.steps[2][row] = 0;
    walk.steps[2][column] = 1;
    rnm_walk_vector(planner, &walk, 2, row);
    rnm_walk_vector(planner, &walk, scaled ? 5 : 3, column);
    if (scaled) {
        rnm_walk_vector(planner, &walk, 1, row);
        rnm_walk_vector(planner, &walk, 4, column);
        rnm_walk_single(planner, &walk, 6);
        rnm_walk_single(planner, &walk, 7);
    }
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, matmul_line);
    step->number = a->dims[a->rank - 1];
    step->apart[0] = 1;
    step->apart[1] = b->dims[b->rank - 1];
    step->flags[0] = a->dtype == RNM_I8;
    step->flags[1] = b->dtype == RNM_I8;
    step->type = out->dtype;
    return RNM_OK;
}
