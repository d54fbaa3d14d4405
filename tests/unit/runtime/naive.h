/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators as ONNX's text says them, in f64, row-major, one element at a time: what the runtime's
 * results are compared with.
 */
#ifndef RNM_NAIVE_H
#define RNM_NAIVE_H

#include "ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A window over three spatial axes; maps of fewer have leading axes of size 1. */
typedef struct naive_window {
    int64_t batch, in_channels, out_channels;
    int64_t in[3], out[3];
    int64_t kernel[3], strides[3], dilations[3], pads[3], end_pads[3];
    int64_t groups;
} naive_window;

/* out = in * weights, [N][C][spatial]; weights [Co][Ci / groups][taps]. */
void naive_conv(const naive_window *w, const double *x, const float *weights, double *y);

/* Largest, or mean over the elements inside (or, with count_pad, inside the padded map). */
void naive_pool(const naive_window *w, bool average, bool count_pad, const double *x, double *y);

double naive_activation(rnm_op op, double alpha, double beta, double x);

/* y = act(scale[c] * y + bias[c] + residual), each of which may be NULL, over [n][c][pixels]. */
void naive_epilogue(double *y, size_t batch, size_t channels, size_t pixels, const float *scale,
                    const float *bias, const float *residual, rnm_op op, double alpha, double beta);

#endif
