/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers to and from bytes with a scale and a zero point: halves are rounded to even, what does
 * not fit is saturated.
 */
#include "quantize.h"

#include "strided.h"

/* ---- QuantizeLinear, DequantizeLinear -------------------------------------------------------- */

/* Operands: y, x, scale, zero point?. */
#define QUANTIZE(name, type, least, most)                                                         \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data,             \
                     const int64_t *steps) {                                                      \
        type *y = data[0];                                                                        \
        const float *x = data[1], *scale = data[2];                                               \
        const type *zero = data[3];                                                               \
        (void)step;                                                                               \
        for (int64_t k = 0; k < count; ++k) {                                                     \
            int32_t shift = zero != NULL ? zero[k * steps[3]] : 0;                                \
            y[k * steps[0]] = (type)rnm_saturate((double)(x[k * steps[1]] / scale[k * steps[2]]), \
                                                 shift, least, most);                             \
        }                                                                                         \
    }

#define DEQUANTIZE(name, type)                                                        \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        float *y = data[0];                                                           \
        const type *x = data[1], *zero = data[3];                                     \
        const float *scale = data[2];                                                 \
        (void)step;                                                                   \
        for (int64_t k = 0; k < count; ++k) {                                         \
            int64_t shift = zero != NULL ? zero[k * steps[3]] : 0;                    \
            y[k * steps[0]] = (float)(x[k * steps[1]] - shift) * scale[k * steps[2]]; \
        }                                                                             \
    }

QUANTIZE(quantize_i8, int8_t, INT8_MIN, INT8_MAX)
QUANTIZE(quantize_u8, uint8_t, 0, UINT8_MAX)
DEQUANTIZE(dequantize_i8, int8_t)
DEQUANTIZE(dequantize_u8, uint8_t)
DEQUANTIZE(dequantize_i32, int32_t)

rnm_status rnm_plan_quantize(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    rnm_dtype to = planner->shapes[rnm_plan_output(planner)].dtype;
    int axis = (int)(attrs->axis < 0 ? attrs->axis + in->rank : attrs->axis);
    rnm_line line = to == RNM_I8          ? quantize_i8
                    : to == RNM_U8        ? quantize_u8
                    : in->dtype == RNM_I8 ? dequantize_i8
                    : in->dtype == RNM_U8 ? dequantize_u8
                                          : dequantize_i32;
    rnm_walk walk = rnm_walk_over(in, 0);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    for (int k = 1; k < 3; ++k) {
        rnm_walk_vector(planner, &walk, k, axis < in->rank ? axis : 0);
    }
    rnm_plan_walk(planner, &walk, line);
    return RNM_OK;
}

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------- */

/* Outputs: u8, scale, zero point. The range always holds 0. */
static rnm_status run_dynamic_quantize(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const float *x = rnm_step_input(context, step, 0);
    uint8_t *y = rnm_step_output(context, step, 0);
    float *scale_out = rnm_step_output(context, step, 1);
    uint8_t *zero_out = rnm_step_output(context, step, 2);
    uint64_t count = step->as.cast.count;
    float least = 0.0f, most = 0.0f;
    for (uint64_t k = 0; k < count; ++k) {
        least = x[k] < least ? x[k] : least;
        most = x[k] > most ? x[k] : most;
    }
    float scale = (most - least) / 255.0f;
    uint8_t zero = scale > 0.0f ? (uint8_t)rnm_saturate((double)(-least / scale), 0, 0, 255) : 0;
    for (uint64_t k = 0; k < count; ++k) {
        y[k] = scale > 0.0f ? (uint8_t)rnm_saturate((double)(x[k] / scale), zero, 0, 255) : zero;
    }
    if (scale_out != NULL) {
        *scale_out = scale;
    }
    if (zero_out != NULL) {
        *zero_out = zero;
    }
    return RNM_OK;
}

rnm_status rnm_plan_dynamic_quantize(rnm_planner *planner, const rnm_node_attrs *attrs,
                                     rnm_error *err) {
    (void)attrs;
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    rnm_plan_step(planner, run_dynamic_quantize, x, rnm_plan_output(planner))->as.cast.count =
        rnm_plan_elements(planner, x);
    return RNM_OK;
}
