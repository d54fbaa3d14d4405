/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations, for epilogues and for nodes of their own alike. Comparisons are written so that
 * a NaN stays one.
 */
#include "kernels.h"

#include <math.h>

/* FUNCTION(x, alpha, beta) over an array. */
#define LOOP(name, expression)                                               \
    static void name(float *values, size_t count, float alpha, float beta) { \
        (void)alpha;                                                         \
        (void)beta;                                                          \
        for (size_t k = 0; k < count; ++k) {                                 \
            float x = values[k];                                             \
            values[k] = (expression);                                        \
        }                                                                    \
    }

static float clamp(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

LOOP(relu, x < 0.0f ? 0.0f : x)
LOOP(leaky_relu, x < 0.0f ? alpha * x : x)
LOOP(elu, x < 0.0f ? alpha * expm1f(x) : x)
LOOP(sigmoid, 1.0f / (1.0f + expf(-x)))
LOOP(hyperbolic_tangent, tanhf(x))
LOOP(clip, clamp(x, alpha, beta))
LOOP(hard_sigmoid, clamp(alpha *x + beta, 0.0f, 1.0f))
LOOP(hard_swish, x *clamp(x / 6.0f + 0.5f, 0.0f, 1.0f))

static void (*const loops[RNM_OP_COUNT])(float *, size_t, float, float) = {
    [RNM_OP_Relu] = relu,
    [RNM_OP_LeakyRelu] = leaky_relu,
    [RNM_OP_Elu] = elu,
    [RNM_OP_Sigmoid] = sigmoid,
    [RNM_OP_Tanh] = hyperbolic_tangent,
    [RNM_OP_Clip] = clip,
    [RNM_OP_HardSigmoid] = hard_sigmoid,
    [RNM_OP_HardSwish] = hard_swish,
};

void rnm_activate(rnm_activation activation, float *x, size_t count) {
    if (loops[activation.op] != NULL) {
        loops[activation.op](x, count, activation.alpha, activation.beta);
    }
}
