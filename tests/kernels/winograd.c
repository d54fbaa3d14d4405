/* SPDX-License-Identifier: Apache-2.0
 *
 * The Winograd transforms against products of their matrices in f64. The matrices are those of
 * Lavin and Gray (2016), with the constants of G's rows in B^T's, and are themselves checked:
 * together they must make a convolution.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 6, MOST_TAPS = 25, MOST_CHANNELS = 70 };

/* Sizes of the terms times this many roundings: two passes of at most 6 and a constant. */
#define PASSES 16

typedef struct matrix {
    size_t rows, columns;
    double at[MOST_SIDE][MOST_SIDE];
} matrix;

/* Of six points; the rows' constants are here and not with the weights. */
#define SIX_POINTS                                                \
    {                                                             \
        6, 6, {                                                   \
            {1, 0, -5.0 / 4, 0, 1.0 / 4, 0}, {0, 4, 0, -5, 0, 1}, \
                {0, 4.0 / 6, 4.0 / 6, -1.0 / 6, -1.0 / 6, 0},     \
                {0, -4.0 / 6, 4.0 / 6, 1.0 / 6, -1.0 / 6, 0},     \
                {0, -2.0 / 24, -1.0 / 24, 2.0 / 24, 1.0 / 24, 0}, \
                {0, 2.0 / 24, -1.0 / 24, -2.0 / 24, 1.0 / 24, 0}, \
        }                                                         \
    }

static const matrix input_matrix[RNM_WINOGRADS] = {
    {4, 4, {{1, 0, -1, 0}, {0, 1, 0, -1}, {0, 0.5, 0.5, 0}, {0, -0.5, 0.5, 0}}},
    SIX_POINTS,
    SIX_POINTS,
    {5, 5, {{1, 0, -1, 0, 0}, {0, 0, -1, 0, 1}, {0, 0, 1, 0, 0}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}}},
};

static const matrix weight_matrix[RNM_WINOGRADS] = {
    {4, 3, {{1, 0, 0}, {0, 0, 1}, {1, 1, 1}, {1, -1, 1}}},
    {6, 3, {{1, 0, 0}, {0, 0, 1}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}}},
    {6,
     5,
     {{1, 0, 0, 0, 0},
      {0, 0, 0, 0, 1},
      {1, 1, 1, 1, 1},
      {1, -1, 1, -1, 1},
      {1, 2, 4, 8, 16},
      {1, -2, 4, -8, 16}}},
    {4, 3, {{1, 0, 0}, {0, 0, 1}, {1, 0, 1}, {0, 1, 0}}},
};

static const matrix output_matrix[RNM_WINOGRADS] = {
    {2, 4, {{1, 0, 1, 1}, {0, -1, 1, -1}}},
    {4, 6, {{1, 0, 1, 1, 1, 1}, {0, 0, 1, -1, 2, -2}, {0, 0, 1, 1, 4, 4}, {0, 1, 1, -1, 8, -8}}},
    {2, 6, {{1, 0, 1, 1, 1, 1}, {0, 1, 1, -1, 2, -2}}},
    {2, 5, {{1, 0, 1, 1, 0}, {0, 1, 1, 0, 1}}},
};

static const unsigned strides[RNM_WINOGRADS] = {1, 1, 1, 2};

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
    const size_t tile = output_matrix[k].rows, kernel = weight_matrix[k].columns;
    const size_t stride = strides[k], side = input_matrix[k].rows;
    const size_t weight_side = weight_matrix[k].rows;
    double d[36], g[MOST_TAPS], v[36], u[36], y[16], sizes[36];
    for (size_t n = 0; n < side * side; ++n) {
        d[n] = (double)check_float(c);
    }
    for (size_t n = 0; n < kernel * kernel; ++n) {
        g[n] = (double)check_float(c);
    }
    sandwich(&input_matrix[k], d, v, sizes);
    sandwich(&weight_matrix[k], g, u, sizes);
    for (size_t n = 0; n < side * side; ++n) {
        size_t row = n / side, column = n % side;
        row = row < weight_side ? row : weight_side - 1;
        column = column < weight_side ? column : weight_side - 1;
        v[n] *= u[row * weight_side + column];
    }
    sandwich(&output_matrix[k], v, y, sizes);
    for (size_t n = 0; n < tile * tile; ++n) {
        double wanted = 0;
        for (size_t t = 0; t < kernel * kernel; ++t) {
            wanted +=
                d[(n / tile * stride + t / kernel) * side + n % tile * stride + t % kernel] * g[t];
        }
        if (!(fabs(y[n] - wanted) <= 1e-12)) {
            check_fail(c, "the matrices of F(%zu, %zu) make no convolution", tile, kernel);
        }
    }
}

static size_t whole_vectors(size_t channels) {
    return (channels + 15) / 16 * 16;
}

static void input_case(check *c, unsigned k, size_t channels) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t points = (size_t)w->side * w->side;
    const size_t stride = whole_vectors(channels) + check_random(c, 0, 20);
    const size_t first = check_random(c, 0, 20);
    float *pixels[36] = {NULL};
    for (size_t n = 0; n < points; ++n) {
        pixels[n] = check_floats(c, first + channels);
    }
    guarded dst = check_guarded((points - 1) * stride + whole_vectors(channels));
    check_case(c, "winograd[%u].input, channels %zu from %zu on, stride %zu", k, channels, first,
               stride);
    w->input((const float *const *)pixels, first, channels, dst.data, stride);
    check_guards(c, dst);
    for (size_t n = 0; n + 1 < points; ++n) {
        check_untouched(c, dst.data + n * stride + whole_vectors(channels),
                        stride - whole_vectors(channels));
    }
    for (size_t channel = 0; channel < channels; ++channel) {
        double d[36], wanted[36], sizes[36];
        for (size_t n = 0; n < points; ++n) {
            d[n] = (double)pixels[n][first + channel];
        }
        sandwich(&input_matrix[k], d, wanted, sizes);
        for (size_t n = 0; n < points; ++n) {
            check_near(c, n, dst.data[n * stride + channel], wanted[n],
                       PASSES * ROUNDING * sizes[n]);
        }
    }
    check_release(dst);
    for (size_t n = 0; n < points; ++n) {
        free(pixels[n]);
    }
}

/* The kernels that the rows stand for, made by the table's own flip, which is checked by itself. */
static void make_panel(check *c, const rnm_kernel_rows *rows, size_t count, float *panel) {
    enum { HALF = RNM_PANEL / 2 };
    for (size_t r = 0; r < count; ++r) {
        const float *row = rows->src + r * rows->stride;
        memcpy(panel + r * RNM_PANEL, row, HALF * sizeof *panel);
        memcpy(panel + r * RNM_PANEL + HALF, row + HALF - rows->fold, HALF * sizeof *panel);
    }
    if (rows->bits != NULL) {
        c->kernels->flip(panel, RNM_PANEL, rows->bits, count, panel);
    }
}

static void weights_case(check *c, unsigned k, size_t inputs) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t points = 2 * (size_t)w->weight_side;
    const size_t taps = (size_t)w->kernel * w->kernel, count = inputs * taps;
    const size_t width = inputs * RNM_PANEL, stride = width + check_random(c, 0, 50);
    const unsigned group = check_random(c, 0, w->weight_side / 2 - 1);
    rnm_kernel_rows rows = {.stride = RNM_PANEL + check_random(c, 0, 1) * check_random(c, 1, 99)};
    rows.fold = check_random(c, 0, 1) * check_random(c, 1, 40);
    float *src = check_floats(c, rows.fold + (count - 1) * rows.stride + RNM_PANEL);
    uint32_t *bits = check_bytes(count * sizeof *bits);
    float *panel = check_floats(c, count * RNM_PANEL);
    for (size_t r = 0; r < count; ++r) {
        bits[r] = check_random(c, 0, UINT32_MAX);
    }
    rows.src = src + rows.fold;
    rows.bits = check_random(c, 0, 1) == 1 && c->kernels->masks ? bits : NULL;
    make_panel(c, &rows, count, panel);
    guarded dst = check_guarded((points - 1) * stride + width);
    check_case(
        c, "winograd[%u].weights, group %u, flips %d, inputs %zu, rows %zu, fold %zu, stride %zu",
        k, group, rows.bits != NULL, inputs, rows.stride, rows.fold, stride);
    w->weights(&rows, inputs, group, dst.data, stride);
    check_guards(c, dst);
    for (size_t n = 0; n + 1 < points; ++n) {
        check_untouched(c, dst.data + n * stride + width, stride - width);
    }
    for (size_t at = 0; at < width; ++at) {
        double g[MOST_TAPS], wanted[36], sizes[36];
        for (size_t t = 0; t < taps; ++t) {
            g[t] = (double)panel[(at / RNM_PANEL * taps + t) * RNM_PANEL + at % RNM_PANEL];
        }
        sandwich(&weight_matrix[k], g, wanted, sizes);
        for (size_t n = 0; n < points; ++n) {
            const size_t point = group * points + n;
            check_near(c, n, dst.data[n * stride + at], wanted[point],
                       PASSES * ROUNDING * sizes[point]);
        }
    }
    check_release(dst);
    free(panel);
    free(bits);
    free(src);
}

/* Sums of few tiles by the table's weights and gemm, which are checked by themselves. */
static void few_by_steps(check *c, unsigned k, rnm_kernel_rows rows, size_t inputs, const float *x,
                         rnm_gemm gemm) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t side = w->side, stride = RNM_INPUT_BLOCK * RNM_PANEL;
    float *u = check_floats(c, 2 * side * stride);
    float(*sums)[RNM_PANEL] = gemm.sums;
    gemm.stride = RNM_INPUT_BLOCK;
    gemm.rows = RNM_FEW_TILES;
    gemm.inputs = inputs;
    gemm.points = 1;
    for (size_t point = 0; point < side * side; ++point) {
        if (point % (2 * side) == 0) {
            w->weights(&rows, inputs, (unsigned)(point / (2 * side)), u, stride);
        }
        gemm.weights = u + point % (2 * side) * stride;
        gemm.x = x + point * RNM_FEW_TILES_STRIDE;
        gemm.sums = sums + point * RNM_FEW_TILES_ROWS;
        c->kernels->gemm(&gemm);
    }
    free(u);
}

/* Variants: flips, rows side by side, accumulate. */
static void few_case(check *c, unsigned k, size_t inputs, unsigned variant) {
    enum { SUMS = 36 * RNM_FEW_TILES_ROWS - 1 };
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t points = (size_t)w->side * w->side;
    const size_t last = (points - 1) * RNM_FEW_TILES_ROWS + RNM_FEW_TILES;
    const size_t count = inputs * w->kernel * w->kernel;
    const bool flips = variant & 1, accumulate = variant & 4;
    const size_t stride = RNM_PANEL + ((variant & 2) != 0 ? 0 : check_random(c, 1, 99));
    float *src = check_floats(c, (count - 1) * stride + RNM_PANEL);
    float *panel = check_floats(c, count * RNM_PANEL);
    uint32_t *bits = check_bytes(count * sizeof *bits);
    const rnm_kernel_rows rows = {.src = src, .stride = stride, .bits = flips ? bits : NULL};
    float *x = check_floats(c, (points - 1) * RNM_FEW_TILES_STRIDE +
                                   (RNM_FEW_TILES - 1) * RNM_INPUT_BLOCK + inputs);
    const rnm_rows_ahead ahead = {
        .row = src, .stride = stride, .rows = check_random(c, 0, (uint32_t)inputs)};
    guarded sums = check_guarded(last * RNM_PANEL);
    float(*wanted)[RNM_PANEL] = (float(*)[RNM_PANEL])(void *)check_floats(c, SUMS * RNM_PANEL);
    for (size_t r = 0; r < count; ++r) {
        bits[r] = check_random(c, 0, UINT32_MAX);
    }
    for (size_t point = 0; accumulate && point < points; ++point) {
        const size_t at = point * RNM_FEW_TILES_ROWS * RNM_PANEL;
        memcpy(sums.data + at, wanted[point * RNM_FEW_TILES_ROWS],
               RNM_FEW_TILES * RNM_PANEL * sizeof(float));
    }
    check_case(c, "winograd[%u].few, inputs %zu, stride %zu, flips %d, accumulate %d, ahead %zu", k,
               inputs, stride, flips, accumulate, ahead.rows);
    make_panel(c, &rows, count, panel);
    few_by_steps(c, k, (rnm_kernel_rows){.src = panel, .stride = RNM_PANEL}, inputs, x,
                 (rnm_gemm){.lanes = RNM_PANEL, .accumulate = accumulate, .sums = wanted});
    w->few(&rows, inputs, x, accumulate, (float(*)[RNM_PANEL])(void *)sums.data, ahead);
    check_guards(c, sums);
    for (size_t row = 0; row < last; ++row) {
        const float *found = sums.data + row * RNM_PANEL;
        if (row % RNM_FEW_TILES_ROWS < RNM_FEW_TILES) {
            check_same(c, found, wanted[row], RNM_PANEL);
        } else {
            check_untouched(c, found, RNM_PANEL);
        }
    }
    check_release(sums);
    free(wanted);
    free(x);
    free(bits);
    free(src);
    free(panel);
}

static void output_case(check *c, unsigned k) {
    const rnm_winograd *w = &c->kernels->winograd[k];
    const size_t tile = w->tile, points = (size_t)w->side * w->side;
    const size_t stride = RNM_PANEL + check_random(c, 0, 70);
    float *sums = check_floats(c, (points - 1) * stride + RNM_PANEL);
    guarded dst = check_guarded(tile * tile * RNM_PANEL);
    const unsigned lanes = check_random(c, 1, RNM_PANEL);
    check_case(c, "winograd[%u].output, lanes %u, stride %zu", k, lanes, stride);
    w->output(sums, stride, lanes, (float(*)[RNM_PANEL])(void *)dst.data);
    check_guards(c, dst);
    for (size_t lane = 0; lane < lanes; ++lane) {
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
    for (unsigned k = 0; k < RNM_WINOGRADS; ++k) {
        check_case(c, "winograd[%u]", k);
        const rnm_winograd *w = &c->kernels->winograd[k];
        if (w->tile != output_matrix[k].rows || w->kernel != weight_matrix[k].columns ||
            w->stride != strides[k] || w->side != input_matrix[k].rows ||
            w->weight_side != weight_matrix[k].rows) {
            check_fail(c, "found F(%u, %u) of stride %u", w->tile, w->kernel, w->stride);
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
        for (size_t inputs = 1; w->few != NULL && inputs <= RNM_INPUT_BLOCK; ++inputs) {
            for (unsigned variant = 0; variant < 8; ++variant) {
                few_case(c, k, inputs, variant);
            }
        }
    }
}
