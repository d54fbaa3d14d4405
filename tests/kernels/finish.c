/* SPDX-License-Identifier: Apache-2.0
 *
 * The epilogue: every step rounded, so bit for bit, but for Elu, whose exp is the vector one; and
 * lanes and pixels that the call does not have keep what they hold.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PIXELS = 2 * RNM_TILE_PIXELS };

static const rnm_op ops[] = {RNM_OP_NONE, RNM_OP_Relu,        RNM_OP_LeakyRelu,
                             RNM_OP_Elu,  RNM_OP_Sigmoid,     RNM_OP_Tanh,
                             RNM_OP_Clip, RNM_OP_HardSigmoid, RNM_OP_HardSwish};
enum { OPS = sizeof ops / sizeof *ops };

static void compare(check *c, rnm_activation activation, size_t at, float found, float value) {
    if (activation.op == RNM_OP_Elu && value < 0.0f) {
        /* expm1 within 2 ulp, and the product's rounding */
        double wanted = (double)activation.alpha * expm1((double)value);
        check_near(c, at, found, wanted, 6 * ROUNDING * fabs(wanted));
        return;
    }
    rnm_activate(activation, &value, 1);
    check_same(c, &found, &value, 1);
}

static void finish_case(check *c, rnm_op op, unsigned pixels, unsigned lanes) {
    const size_t stride = lanes + check_random(c, 0, 1) * check_random(c, 0, 40);
    const size_t extent = (pixels - 1) * stride + lanes;
    const bool in_place = check_random(c, 0, 2) == 0;
    float *scale = check_random(c, 0, 1) == 0 ? check_floats(c, lanes) : NULL;
    float *bias = check_random(c, 0, 1) == 0 ? check_floats(c, lanes) : NULL;
    float *residual = in_place || check_random(c, 0, 1) == 0 ? check_floats(c, extent) : NULL;
    float *sums = check_floats(c, (size_t)pixels * RNM_PANEL);
    guarded out = check_guarded(extent);
    for (unsigned p = 0; in_place && p < pixels; ++p) {
        for (unsigned l = 0; l < lanes; ++l) {
            out.data[p * stride + l] = residual[p * stride + l];
        }
    }
    rnm_epilogue epilogue = {
        .scale = scale,
        .bias = bias,
        .residual = in_place ? out.data : residual,
        .out = out.data,
        .stride = stride,
        .activation = {op, check_float(c), 0.75f},
    };
    check_case(c, "finish, op %d, pixels %u, lanes %u, stride %zu, in place %d", (int)op, pixels,
               lanes, stride, in_place);
    c->kernels->finish(&epilogue, pixels, lanes, (float(*)[RNM_PANEL])(void *)sums);
    check_guards(c, out);
    for (unsigned p = 0; p < pixels; ++p) {
        for (unsigned l = 0; l < lanes; ++l) {
            float value = sums[p * RNM_PANEL + l];
            value = scale != NULL ? value * scale[l] : value;
            value = bias != NULL ? value + bias[l] : value;
            value = residual != NULL ? value + residual[p * stride + l] : value;
            compare(c, epilogue.activation, l, out.data[p * stride + l], value);
        }
        if (p + 1 < pixels) {
            check_untouched(c, out.data + p * stride + lanes, stride - lanes);
        }
    }
    check_release(out);
    free(sums);
    free(residual);
    free(bias);
    free(scale);
}

/* Values that are no numbers, and zeros of both signs. */
static void finish_corners(check *c) {
    static const float values[] = {INFINITY, -INFINITY, 0.0f, -0.0f, -100.0f, 100.0f};
    enum { VALUES = sizeof values / sizeof *values };
    for (size_t k = 0; k < OPS; ++k) {
        float sums[1][RNM_PANEL], out[RNM_PANEL];
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            sums[0][l] = l % (VALUES + 1) == VALUES ? NAN : values[l % (VALUES + 1)];
        }
        rnm_epilogue epilogue = {
            .out = out, .stride = RNM_PANEL, .activation = {ops[k], 0.5f, 0.75f}};
        check_case(c, "finish, op %d on corners", (int)ops[k]);
        c->kernels->finish(&epilogue, 1, RNM_PANEL, sums);
        for (unsigned l = 0; l < RNM_PANEL; ++l) {
            if (!isnan(sums[0][l])) {
                compare(c, epilogue.activation, l, out[l], sums[0][l]);
            } else if (!isnan(out[l])) {
                check_fail(c, "a NaN became %g", (double)out[l]);
            }
        }
    }
}

/* The largest of some rows, NaNs among them. */
static void largest_case(check *c, size_t lanes) {
    enum { MOST = 12 };
    const float *rows[MOST];
    float *owned[MOST];
    const size_t count = check_random(c, 0, MOST);
    guarded most = check_guarded(lanes);
    float *wanted = check_floats(c, lanes);
    memcpy(most.data, wanted, lanes * sizeof *wanted);
    for (size_t r = 0; r < count; ++r) {
        rows[r] = owned[r] = check_floats(c, lanes);
        owned[r][check_random(c, 0, (uint32_t)lanes - 1)] = NAN;
        for (size_t l = 0; l < lanes; ++l) {
            bool stays = wanted[l] >= owned[r][l] || isnan(wanted[l]);
            wanted[l] = stays ? wanted[l] : owned[r][l];
        }
    }
    check_case(c, "largest, rows %zu, lanes %zu", count, lanes);
    c->kernels->largest(rows, count, lanes, most.data);
    check_guards(c, most);
    check_same(c, most.data, wanted, lanes);
    for (size_t r = 0; r < count; ++r) {
        free(owned[r]);
    }
    check_release(most);
    free(wanted);
}

/* In the order of the channels, so bit for bit. */
static void repeats_case(check *c, size_t channels, size_t period) {
    float *x = check_floats(c, channels);
    float *wanted = check_floats(c, period);
    guarded out = check_guarded(period);
    if (check_random(c, 0, 3) == 0) {
        x[check_random(c, 0, (uint32_t)channels - 1)] = check_random(c, 0, 1) == 0 ? NAN : -0.0f;
    }
    for (size_t l = 0; l < period; ++l) {
        wanted[l] = 0.0f;
        for (size_t k = l; k < channels; k += period) {
            wanted[l] += x[k];
        }
    }
    check_case(c, "sum_repeats, channels %zu, period %zu", channels, period);
    c->kernels->sum_repeats(x, channels, period, out.data);
    check_guards(c, out);
    check_same(c, out.data, wanted, period);
    check_release(out);
    free(wanted);
    free(x);
}

void check_finish(check *c) {
    for (size_t lanes = 1; lanes <= 70; ++lanes) {
        largest_case(c, lanes);
    }
    for (size_t period = 1; period <= 70; ++period) {
        repeats_case(c, period, period);
        repeats_case(c, 4 * period, period);
        repeats_case(c, check_random(c, (uint32_t)period, 300), period);
    }
    for (size_t k = 0; k < OPS; ++k) {
        for (unsigned lanes = 1; lanes <= RNM_PANEL; ++lanes) {
            for (int round = 0; round < 8; ++round) {
                finish_case(c, ops[k], check_random(c, 1, MOST_PIXELS), lanes);
            }
        }
        for (unsigned pixels = 1; pixels <= MOST_PIXELS; ++pixels) {
            finish_case(c, ops[k], pixels, RNM_PANEL);
        }
    }
    finish_corners(c);
}
