/* SPDX-License-Identifier: Apache-2.0
 *
 * The Winograd transforms against products of their matrices in f64. The matrices are those of
 * Lavin and Gray (2016) and are themselves checked: together they must make a convolution.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 6, MOST_CHANNELS = 70 };

/* Sizes of the terms times this many roundings: two passes of at most 6 and a constant. */
#define PASSES 16

typedef struct matrix {
    size_t rows, columns;
    double at[MOST_SIDE][MOST_SIDE];
} matrix;

static const matrix input_matrix[2] = {
    {4, 4, {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}},
    {6,
     6,
     {{4, 0, -5, 0, 1, 0},
      {0, -4, -4, 1, 1, 0},
      {0, 4, -4, -1, 1, 0},
      {0, -2, -1, 2, 1, 0},
      {0, 2, -1, -2, 1, 0},
      {0, 4, 0, -5, 0, 1}}},
};

static const matrix weight_matrix[2] = {
    {4, 3, {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}},
    {6,
     3,
     {{1.0 / 4, 0, 0},
      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
      {1.0 / 24, 1.0 / 12, 1.0 / 6},
      {1.0 / 24, -1.0 / 12, 1.0 / 6},
      {0, 0, 1}}},
};

static const matrix output_matrix[2] = {
    {2, 4, {{1, 1, 1, 0}, {0, 1, -1, -1}}},
    {4, 6, {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}},
};

/* M x M^T, and with every number's size, which bounds the error; x is columns x columns. */
static void sandwich(const matrix *m, const double *x, double *sum, double *size) {
    for (size_t i = 0; i < m->rows; ++i) {
        for (size_t j = 0; j < m->rows; ++j) {
            double total = 0, sizes = 0;
            for (size_t a = 0; a < m->columns; ++a) {
                for (size_t b = 0; b < m->columns; ++b) {
                    double term = m->at[i][a] * x[a * m->columns + b] * m->at[j][b];
                    total += term;
                    sizes += fabs(term);
                }
            }
            sum[i * m->rows + j] = total;
            size[i * m->rows + j] = sizes;
        }
    }
}

static void matrices_convolve(check *c, unsigned k) {
    const size_t tile = output_matrix[k].rows, side = tile + 2;
    double d[36], g[9], v[36], u[36], y[16], sizes[36];
    for (size_t n = 0; n < side * side; ++n) {
        d[n] = (double)check_float(c);
    }
    for (size_t n = 0; n < 9; ++n) {
        g[n] = (double)check_float(c);
    }
    sandwich(&input_matrix[k], d, v, sizes);
    sandwich(&weight_matrix[k], g, u, sizes);
    for (size_t n = 0; n < side * side; ++n) {
        v[n] *= u[n];
    }
    sandwich(&output_matrix[k], v, y, sizes);
    for (size_t n = 0; n < tile * tile; ++n) {
        double wanted = 0;
        for (size_t t = 0; t < 9; ++t) {
            wanted += d[(n / tile + t / 3) * side + n % tile + t % 3] * g[t];
        }
        if (!(fabs(y[n] - wanted) <= 1e-12)) {
            check_fail(c, "the matrices of tile %zu make no convolution", tile);
        }
    }
}

static size_t whole_vectors(size_t channels) {
    return (channels + 15) / 16 * 16;
}

static void input_case(check *c, unsigned k, size_t channels) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t side = w->tile + 2, points = side * side;
    const size_t stride = whole_vectors(channels) + check_random(c, 0, 20);
    float *owned[36] = {NULL};
    const float *pixels[36] = {NULL};
    for (size_t n = 0; n < points; ++n) {
        if (check_random(c, 0, 5) > 0) {
            pixels[n] = owned[n] = check_floats(c, channels);
        }
    }
    guarded dst = check_guarded((points - 1) * stride + whole_vectors(channels));
    check_case(c, "winograd[%u].input, channels %zu, stride %zu", k, channels, stride);
    w->input(pixels, channels, dst.data, stride);
    check_guards(c, dst);
    for (size_t n = 0; n + 1 < points; ++n) {
        check_untouched(c, dst.data + n * stride + whole_vectors(channels),
                        stride - whole_vectors(channels));
    }
    for (size_t channel = 0; channel < channels; ++channel) {
        double d[36], wanted[36], sizes[36];
        for (size_t n = 0; n < points; ++n) {
            d[n] = pixels[n] != NULL ? (double)pixels[n][channel] : 0.0;
        }
        sandwich(&input_matrix[k], d, wanted, sizes);
        for (size_t n = 0; n < points; ++n) {
            check_near(c, n, dst.data[n * stride + channel], wanted[n],
                       PASSES * ROUNDING * sizes[n]);
        }
    }
    check_release(dst);
    for (size_t n = 0; n < points; ++n) {
        free(owned[n]);
    }
}

static void weights_case(check *c, unsigned k, size_t inputs) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t side = w->tile + 2, points = side * side;
    const size_t width = inputs * RNM_PANEL, stride = width + check_random(c, 0, 50);
    float *panel = check_floats(c, inputs * 9 * RNM_PANEL);
    guarded dst = check_guarded((points - 1) * stride + width);
    check_case(c, "winograd[%u].weights, inputs %zu, stride %zu", k, inputs, stride);
    w->weights(panel, inputs, dst.data, stride);
    check_guards(c, dst);
    for (size_t n = 0; n + 1 < points; ++n) {
        check_untouched(c, dst.data + n * stride + width, stride - width);
    }
    for (size_t at = 0; at < width; ++at) {
        double g[9], wanted[36], sizes[36];
        for (size_t t = 0; t < 9; ++t) {
            g[t] = (double)panel[(at / RNM_PANEL * 9 + t) * RNM_PANEL + at % RNM_PANEL];
        }
        sandwich(&weight_matrix[k], g, wanted, sizes);
        for (size_t n = 0; n < points; ++n) {
            check_near(c, n, dst.data[n * stride + at], wanted[n], PASSES * ROUNDING * sizes[n]);
        }
    }
    check_release(dst);
    free(panel);
}

static void output_case(check *c, unsigned k) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t tile = w->tile, points = (tile + 2) * (tile + 2);
    const size_t stride = RNM_PANEL + check_random(c, 0, 70);
    float *sums = check_floats(c, (points - 1) * stride + RNM_PANEL);
    guarded dst = check_guarded(tile * tile * RNM_PANEL);
    check_case(c, "winograd[%u].output, stride %zu", k, stride);
    w->output(sums, stride, (float(*)[RNM_PANEL])(void *)dst.data);
    check_guards(c, dst);
    for (size_t lane = 0; lane < RNM_PANEL; ++lane) {
        double m[36], wanted[16], sizes[16];
        for (size_t n = 0; n < points; ++n) {
            m[n] = (double)sums[n * stride + lane];
        }
        sandwich(&output_matrix[k], m, wanted, sizes);
        for (size_t n = 0; n < tile * tile; ++n) {
            check_near(c, n, dst.data[n * RNM_PANEL + lane], wanted[n],
                       PASSES * ROUNDING * sizes[n]);
        }
    }
    check_release(dst);
    free(sums);
}

void check_winograd(check *c) {
    for (unsigned k = 0; k < 2; ++k) {
        check_case(c, "winograd[%u]", k);
        if (c->kernels->winograd[k].tile != 2 * (k + 1)) {
            check_fail(c, "expected tile %u, found %u", 2 * (k + 1), c->kernels->winograd[k].tile);
            return;
        }
        matrices_convolve(c, k);
        for (size_t channels = 1; channels <= MOST_CHANNELS; ++channels) {
            input_case(c, k, channels);
        }
        for (size_t inputs = 1; inputs <= MOST_CHANNELS; ++inputs) {
            weights_case(c, k, inputs);
        }
        for (int round = 0; round < 30; ++round) {
            output_case(c, k);
        }
    }
}
