/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalisations whose statistics or parameters come at run time. Sums are in f64.
 */
#include "strided.h"

#include <math.h>
#include <string.h>

/* ---- BatchNormalization ---------------------------------------------------------------------- */

/* Operands: y, x, scale, bias, mean, variance. alpha: epsilon. */
static void batch_norm_line(const rnm_elements_step *step, int64_t count, void *const *data,
                            const int64_t *steps) {
    float *y = data[0];
    const float *x = data[1], *scale = data[2], *bias = data[3], *mean = data[4], *var = data[5];
    for (int64_t k = 0; k < count; ++k) {
        float factor = scale[k * steps[2]] / sqrtf(var[k * steps[5]] + step->alpha);
        y[k * steps[0]] = (x[k * steps[1]] - mean[k * steps[4]]) * factor + bias[k * steps[3]];
    }
}

rnm_status rnm_plan_batch_norm(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_walk walk = rnm_walk_over(&planner->shapes[rnm_plan_output(planner)], 0);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    for (int k = 1; k < 5; ++k) {
        rnm_walk_vector(planner, &walk, k, 1);
    }
    rnm_plan_walk(planner, &walk, batch_norm_line)->alpha = attrs->epsilon;
    return RNM_OK;
}

/* ---- by mean and variance of the inner axes -------------------------------------------------- */

static void mean_and_variance(const rnm_strided *inner, const float *x, double *mean, double *var) {
    int64_t at[RNM_MAX_RANK] = {0}, offsets[RNM_OPERANDS] = {0};
    double sum = 0.0, squares = 0.0;
    int64_t count = 0;
    do {
        sum += (double)x[offsets[1]];
        ++count;
    } while (rnm_strided_next(inner, at, offsets));
    *mean = sum / (double)count;
    memset(offsets, 0, sizeof offsets);
    do {
        double apart = (double)x[offsets[1]] - *mean;
        squares += apart * apart;
    } while (rnm_strided_next(inner, at, offsets));
    *var = squares / (double)count;
}

/* Operands: y, x, scale?, bias?, mean?, 1 / deviation?. alpha: epsilon; flags[0]: it is added to
 * the deviation, not to the variance. */
static void normalise_line(const rnm_elements_step *step, int64_t count, void *const *data,
                           const int64_t *steps) {
    const rnm_strided *inner = step->inner;
    double epsilon = (double)step->alpha;
    for (int64_t k = 0; k < count; ++k) {
        int64_t at[RNM_MAX_RANK] = {0}, offsets[RNM_OPERANDS] = {0};
        float *y = (float *)data[0] + k * steps[0];
        const float *x = (const float *)data[1] + k * steps[1];
        const float *scale = data[2] != NULL ? (const float *)data[2] + k * steps[2] : NULL;
        const float *bias = data[3] != NULL ? (const float *)data[3] + k * steps[3] : NULL;
        double mean, var;
        mean_and_variance(inner, x, &mean, &var);
        double inverse = 1.0 / (step->flags[0] ? sqrt(var) + epsilon : sqrt(var + epsilon));
        do {
            double value = ((double)x[offsets[1]] - mean) * inverse;
            value = scale != NULL ? value * (double)scale[offsets[2]] : value;
            value = bias != NULL ? value + (double)bias[offsets[3]] : value;
            y[offsets[0]] = (float)value;
        } while (rnm_strided_next(inner, at, offsets));
        if (data[4] != NULL) {
            ((float *)data[4])[k * steps[4]] = (float)mean;
        }
        if (data[5] != NULL) {
            ((float *)data[5])[k * steps[5]] = (float)inverse;
        }
    }
}

RNM_PLANS rnm_status rnm_plan_normalise(rnm_planner *planner, const rnm_node_attrs *attrs,
                                        rnm_error *err) {
    (void)err;
    unsigned op = planner->node->op;
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    uint32_t all = (1u << in->rank) - 1;
    int64_t axis = attrs->axis < 0 ? attrs->axis + in->rank : attrs->axis;
    uint32_t inner = op == RNM_OP_LayerNormalization      ? all & ~((1u << axis) - 1)
                     : op == RNM_OP_InstanceNormalization ? all & ~3u
                     : attrs->axes.count == 0             ? all & ~2u
                                                          : rnm_op_axes(attrs, in->rank);
    rnm_walk walk = rnm_walk_over(in, inner);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    for (int k = 1; k < 3; ++k) {
        if (op != RNM_OP_LayerNormalization) {
            rnm_walk_vector(planner, &walk, k, 1);
        } else if (rnm_plan_input(planner, (unsigned)k) == RNM_NONE) {
            rnm_walk_single(planner, &walk, k);
        } else {
            rnm_walk_broadcast(planner, &walk, k);
        }
    }
    for (int k = 1; k < 3; ++k) {
        if (rnm_plan_output_at(planner, (unsigned)k) == RNM_NONE) {
            rnm_walk_single(planner, &walk, -1 - k);
        } else {
            rnm_walk_reduced(planner, &walk, -1 - k);
        }
    }
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, normalise_line);
    step->flags[0] = op == RNM_OP_MeanVarianceNormalization;
    step->alpha = step->flags[0] ? 1e-9f : attrs->epsilon;
    return RNM_OK;
}

/* ---- LRN ------------------------------------------------------------------------------------- */

/* number: size */
static void lrn_line(const rnm_elements_step *step, int64_t count, void *const *data,
                     const int64_t *steps) {
    const rnm_strided *inner = step->inner;
    int64_t channels = inner->dims[0], from = inner->steps[1][0], to = inner->steps[0][0];
    int64_t before = (step->number - 1) / 2, behind = step->number - 1 - before;
    float factor = step->alpha / (float)step->number;
    for (int64_t k = 0; k < count; ++k) {
        const float *x = (const float *)data[1] + k * steps[1];
        float *y = (float *)data[0] + k * steps[0];
        for (int64_t c = 0; c < channels; ++c) {
            int64_t first = c > before ? c - before : 0;
            int64_t last = c + behind < channels ? c + behind : channels - 1;
            float sum = 0.0f;
            for (int64_t i = first; i <= last; ++i) {
                sum += x[i * from] * x[i * from];
            }
            y[c * to] = x[c * from] / powf(step->bias + factor * sum, step->beta);
        }
    }
}

rnm_status rnm_plan_lrn(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_walk walk = rnm_walk_over(&planner->shapes[rnm_plan_output(planner)], 2);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, lrn_line);
    step->alpha = attrs->alpha;
    step->beta = attrs->beta;
    step->bias = attrs->bias;
    step->number = attrs->size;
    return RNM_OK;
}
