/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators in f64, as slowly and plainly as can be.
 */
#include "naive.h"

#include <math.h>

static int64_t volume(const int64_t sizes[3]) {
    return sizes[0] * sizes[1] * sizes[2];
}

static void unravel(int64_t index, const int64_t sizes[3], int64_t at[3]) {
    for (int axis = 2; axis >= 0; --axis) {
        at[axis] = index % sizes[axis];
        index /= sizes[axis];
    }
}

/* Index in the input map of a tap of an output pixel; -1 in the padding, -2 behind it. */
static int64_t input_of(const naive_window *w, int64_t pixel, int64_t tap) {
    int64_t out[3], k[3];
    unravel(pixel, w->out, out);
    unravel(tap, w->kernel, k);
    int64_t index = 0;
    bool padding = false;
    for (int axis = 0; axis < 3; ++axis) {
        int64_t at = out[axis] * w->strides[axis] - w->pads[axis] + k[axis] * w->dilations[axis];
        if (at >= w->in[axis] + w->end_pads[axis]) {
            return -2;
        }
        padding = padding || at < 0 || at >= w->in[axis];
        index = index * w->in[axis] + at;
    }
    return padding ? -1 : index;
}

void naive_conv(const naive_window *w, const double *x, const float *weights, double *y) {
    int64_t ci = w->in_channels / w->groups, co = w->out_channels / w->groups;
    int64_t taps = volume(w->kernel), in = volume(w->in), out = volume(w->out);
    for (int64_t p = 0; p < out; ++p) {
        for (int64_t row = 0; row < w->batch * w->out_channels; ++row) {
            y[row * out + p] = 0.0;
        }
        for (int64_t t = 0; t < taps; ++t) {
            int64_t at = input_of(w, p, t);
            for (int64_t row = 0; at >= 0 && row < w->batch * w->out_channels; ++row) {
                int64_t n = row / w->out_channels, o = row % w->out_channels;
                const double *map = x + (n * w->in_channels + o / co * ci) * in + at;
                for (int64_t i = 0; i < ci; ++i) {
                    y[row * out + p] += map[i * in] * (double)weights[(o * ci + i) * taps + t];
                }
            }
        }
    }
}

void naive_pool(const naive_window *w, bool average, bool count_pad, const double *x, double *y) {
    int64_t taps = volume(w->kernel), in = volume(w->in), out = volume(w->out);
    for (int64_t c = 0; c < w->batch * w->in_channels; ++c) {
        for (int64_t p = 0; p < out; ++p) {
            double most = -INFINITY, sum = 0.0, count = 0.0;
            for (int64_t t = 0; t < taps; ++t) {
                int64_t at = input_of(w, p, t);
                if (at >= 0) {
                    most = fmax(most, x[c * in + at]);
                    sum += x[c * in + at];
                }
                count += at >= 0 || (at == -1 && count_pad);
            }
            y[c * out + p] = average ? sum / count : most;
        }
    }
}

double naive_activation(rnm_op op, double alpha, double beta, double x) {
    switch (op) {
    case RNM_OP_Relu:
        return fmax(x, 0.0);
    case RNM_OP_LeakyRelu:
        return x < 0.0 ? alpha * x : x;
    case RNM_OP_Elu:
        return x < 0.0 ? alpha * (exp(x) - 1.0) : x;
    case RNM_OP_Sigmoid:
        return 1.0 / (1.0 + exp(-x));
    case RNM_OP_Tanh:
        return tanh(x);
    case RNM_OP_Clip:
        return fmin(fmax(x, alpha), beta);
    case RNM_OP_HardSigmoid:
        return fmax(0.0, fmin(1.0, alpha * x + beta));
    case RNM_OP_HardSwish:
        return x * fmax(0.0, fmin(1.0, x / 6.0 + 0.5));
    default:
        return x;
    }
}

void naive_epilogue(double *y, size_t batch, size_t channels, size_t pixels, const float *scale,
                    const float *bias, const float *residual, rnm_op op, double alpha,
                    double beta) {
    for (size_t k = 0; k < batch * channels * pixels; ++k) {
        size_t c = k / pixels % channels;
        double value = y[k];
        value *= scale != NULL ? (double)scale[c] : 1.0;
        value += bias != NULL ? (double)bias[c] : 0.0;
        value += residual != NULL ? (double)residual[k] : 0.0;
        y[k] = naive_activation(op, alpha, beta, value);
    }
}
