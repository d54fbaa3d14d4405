/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products: direct, gemm and depthwise against sums in f64, within the bound of the
 * roundings that a sum of so many terms can have; and the promise that one output's sum does not
 * depend on how pixels and inputs are cut.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INPUTS = 70, MOST_TAPS = 49, MOST_ROWS = 3 * RNM_TILE_PIXELS + 1 };

/* A sum, and the sum of its terms' sizes, which bounds the error. */
typedef struct exact {
    double sum, size;
} exact;

static void add_term(exact *e, float a, float b) {
    double term = (double)a * (double)b;
    e->sum += term;
    e->size += fabs(term);
}

static void compare(check *c, const float *found, const exact *wanted, size_t count, size_t terms) {
    for (size_t k = 0; k < count; ++k) {
        check_near(c, k, found[k], wanted[k].sum, (double)(terms + 2) * ROUNDING * wanted[k].size);
    }
}

static void compare_rows(check *c, guarded sums, const exact *wanted, unsigned lanes,
                         size_t terms) {
    for (size_t first = 0; first < sums.count; first += RNM_PANEL) {
        compare(c, sums.data + first, wanted + first, lanes, terms);
    }
}

/* How many lanes a call has, a whole panel's more often than not. */
static unsigned random_lanes(check *c) {
    return check_random(c, 0, 1) == 0 ? RNM_PANEL : check_random(c, 1, RNM_PANEL);
}

/* Sums to add to, or garbage that must not matter. */
static void start_sums(check *c, guarded sums, bool accumulate, exact *wanted) {
    for (size_t k = 0; k < sums.count; ++k) {
        wanted[k] = (exact){0, 0};
        if (accumulate) {
            sums.data[k] = check_float(c);
            add_term(&wanted[k], sums.data[k], 1.0f);
        }
    }
}

static float (*rows_of(guarded sums))[RNM_PANEL] {
    return (float(*)[RNM_PANEL])(void *)sums.data;
}

/* ---- rows by address ------------------------------------------------------------------------- */

typedef struct scene {
    size_t inputs, taps, channel;
    unsigned pixels;
    float *zeros;
    float *owned[MOST_TAPS * RNM_TILE_PIXELS];
    const float
        *rows[MOST_TAPS * RNM_TILE_PIXELS]; /* NULL for pixels that the call does not have */
    float *weights;
} scene;

/* `width` channels are read from each row, [inputs][taps] rows of weights. */
static void make_scene(check *c, scene *s, size_t width) {
    size_t length = s->channel + width;
    memset(s->owned, 0, sizeof s->owned);
    memset(s->rows, 0, sizeof s->rows);
    s->zeros = check_bytes(length * sizeof(float));
    memset(s->zeros, 0, length * sizeof(float));
    for (size_t t = 0; t < s->taps; ++t) {
        for (unsigned p = 0; p < s->pixels; ++p) {
            size_t k = t * RNM_TILE_PIXELS + p;
            if (check_random(c, 0, 7) == 0) {
                s->rows[k] = s->zeros;
            } else {
                s->rows[k] = s->owned[k] = check_floats(c, length);
            }
        }
    }
    s->weights = check_floats(c, s->inputs * s->taps * RNM_PANEL);
}

static void drop_scene(scene *s) {
    for (size_t k = 0; k < MOST_TAPS * RNM_TILE_PIXELS; ++k) {
        free(s->owned[k]);
    }
    free(s->zeros);
    free(s->weights);
}

static void direct_case(check *c, size_t inputs, size_t taps, unsigned pixels, bool accumulate) {
    exact wanted[RNM_TILE_PIXELS * RNM_PANEL];
    scene s = {.inputs = inputs, .taps = taps, .pixels = pixels, .channel = check_random(c, 0, 5)};
    make_scene(c, &s, inputs);
    const unsigned lanes = random_lanes(c);
    guarded sums = check_guarded((size_t)pixels * RNM_PANEL);
    check_case(c, "direct, inputs %zu, taps %zu, lanes %u, pixels %u, accumulate %d", inputs, taps,
               lanes, pixels, accumulate);
    start_sums(c, sums, accumulate, wanted);
    for (unsigned p = 0; p < pixels; ++p) {
        for (size_t t = 0; t < taps; ++t) {
            const float *row = s.rows[t * RNM_TILE_PIXELS + p] + s.channel;
            for (size_t i = 0; i < inputs; ++i) {
                const float *w = s.weights + (i * taps + t) * RNM_PANEL;
                for (unsigned l = 0; l < RNM_PANEL; ++l) {
                    add_term(&wanted[p * RNM_PANEL + l], row[i], w[l]);
                }
            }
        }
    }
    c->kernels->direct(s.rows, s.channel, inputs, taps, s.weights, lanes, pixels, rows_of(sums),
                       accumulate);
    check_guards(c, sums);
    compare_rows(c, sums, wanted, lanes, inputs * taps);
    check_release(sums);
    drop_scene(&s);
}

static void direct_sums(check *c) {
    const unsigned tile = c->kernels->tile_pixels;
    for (size_t inputs = 1; inputs <= MOST_INPUTS; ++inputs) {
        direct_case(c, inputs, check_random(c, 1, 9), check_random(c, 1, tile), inputs % 2 == 0);
    }
    for (unsigned pixels = 1; pixels <= tile; ++pixels) {
        for (int accumulate = 0; accumulate < 2; ++accumulate) {
            direct_case(c, check_random(c, 1, MOST_INPUTS), check_random(c, 1, 9), pixels,
                        accumulate);
        }
    }
    for (size_t taps = 1; taps <= MOST_TAPS; ++taps) {
        direct_case(c, check_random(c, 1, MOST_INPUTS), taps, check_random(c, 1, tile),
                    taps % 2 == 0);
    }
}

/* Every number of pixels, cut in two everywhere, and the inputs cut at every multiple of 16. */
static void direct_cuts(check *c) {
    const unsigned tile = c->kernels->tile_pixels;
    scene s = {.inputs = MOST_INPUTS, .taps = check_random(c, 1, 9), .pixels = tile, .channel = 3};
    make_scene(c, &s, s.inputs);
    float wanted[RNM_TILE_PIXELS][RNM_PANEL];
    c->kernels->direct(s.rows, s.channel, s.inputs, s.taps, s.weights, RNM_PANEL, tile, wanted,
                       false);
    for (unsigned cut = 0; cut < tile; ++cut) {
        for (unsigned pixels = 1; pixels <= tile - cut; ++pixels) {
            guarded sums = check_guarded((size_t)pixels * RNM_PANEL);
            check_case(c, "direct, pixels %u from %u on", pixels, cut);
            c->kernels->direct(s.rows + cut, s.channel, s.inputs, s.taps, s.weights, RNM_PANEL,
                               pixels, rows_of(sums), false);
            check_guards(c, sums);
            check_same(c, sums.data, wanted[cut], sums.count);
            check_release(sums);
        }
    }
    for (size_t step = RNM_INPUT_BLOCK; step < s.inputs; step += RNM_INPUT_BLOCK) {
        float sums[RNM_TILE_PIXELS][RNM_PANEL];
        check_case(c, "direct, %zu inputs at a time", step);
        for (size_t first = 0; first < s.inputs; first += step) {
            size_t inputs = s.inputs - first < step ? s.inputs - first : step;
            c->kernels->direct(s.rows, s.channel + first, inputs, s.taps,
                               s.weights + first * s.taps * RNM_PANEL, RNM_PANEL, tile, sums,
                               first > 0);
        }
        check_same(c, sums[0], wanted[0], (size_t)tile * RNM_PANEL);
    }
    drop_scene(&s);
}

static void depthwise_case(check *c, unsigned lanes, size_t taps, unsigned pixels) {
    scene s = {.inputs = 1, .taps = taps, .pixels = pixels, .channel = check_random(c, 0, 40)};
    make_scene(c, &s, lanes);
    guarded sums = check_guarded((size_t)pixels * RNM_PANEL);
    check_case(c, "depthwise, lanes %u, taps %zu, pixels %u", lanes, taps, pixels);
    c->kernels->depthwise(s.rows, s.channel, taps, s.weights, pixels, lanes, rows_of(sums));
    check_guards(c, sums);
    for (unsigned p = 0; p < pixels; ++p) {
        exact wanted[RNM_PANEL] = {{0, 0}};
        for (size_t t = 0; t < taps; ++t) {
            const float *row = s.rows[t * RNM_TILE_PIXELS + p] + s.channel;
            for (unsigned l = 0; l < lanes; ++l) {
                add_term(&wanted[l], row[l], s.weights[t * RNM_PANEL + l]);
            }
        }
        compare(c, rows_of(sums)[p], wanted, lanes, taps);
    }
    check_release(sums);
    drop_scene(&s);
}

static void depthwise_sums(check *c) {
    for (unsigned lanes = 1; lanes <= RNM_PANEL; ++lanes) {
        for (unsigned pixels = 1; pixels <= c->kernels->tile_pixels; ++pixels) {
            depthwise_case(c, lanes, check_random(c, 1, 9), pixels);
        }
        depthwise_case(c, lanes, check_random(c, 10, MOST_TAPS), 1);
    }
}

/* ---- rows at equal distances ----------------------------------------------------------------- */

/* few against direct on the same weights written down, bit for bit; pixels that the call does not
 * have, and the row of zeros, are left alone. */
static void few_case(check *c, size_t inputs, size_t taps, unsigned pixels) {
    scene s = {.inputs = inputs, .taps = taps, .pixels = pixels, .channel = check_random(c, 0, 5)};
    make_scene(c, &s, inputs);
    const size_t count = inputs * taps;
    const size_t stride = RNM_PANEL + check_random(c, 0, 1) * check_random(c, 1, 99);
    const unsigned panels = check_random(c, 1, RNM_FEW_PANELS);
    const bool accumulate = check_random(c, 0, 1) == 1, flips = check_random(c, 0, 1) == 1;
    float *src = check_floats(c, (count - 1) * stride + RNM_PANEL);
    uint32_t *words = check_bytes(panels * count * sizeof *words);
    const uint32_t *bits[RNM_FEW_PANELS];
    guarded sums = check_guarded((size_t)panels * RNM_FEW_PIXELS * RNM_PANEL);
    float *wanted = check_floats(c, sums.count);
    memcpy(sums.data, wanted, sums.count * sizeof *wanted);
    check_case(
        c, "few, inputs %zu, taps %zu, pixels %u, panels %u, stride %zu, flips %d, accumulate %d",
        inputs, taps, pixels, panels, stride, flips, accumulate);
    for (unsigned k = 0; k < panels; ++k) {
        bits[k] = words + k * count;
        for (size_t r = 0; r < count; ++r) {
            words[k * count + r] = check_random(c, 0, UINT32_MAX);
            for (unsigned l = 0; l < RNM_PANEL; ++l) {
                const float value = src[r * stride + l];
                s.weights[r * RNM_PANEL + l] = flips && (bits[k][r] >> l & 1) != 0 ? -value : value;
            }
        }
        float *of_panel = wanted + (size_t)k * RNM_FEW_PIXELS * RNM_PANEL;
        c->kernels->direct(s.rows, s.channel, inputs, taps, s.weights, RNM_PANEL, pixels,
                           (float(*)[RNM_PANEL])(void *)of_panel, accumulate);
    }
    for (size_t k = 0; k < s.channel + inputs; ++k) {
        s.zeros[k] = NAN;
    }
    c->kernels->few(&(rnm_few){.rows = s.rows,
                               .zeros = s.zeros,
                               .channel = s.channel,
                               .inputs = inputs,
                               .taps = taps,
                               .src = src,
                               .stride = stride,
                               .bits = flips ? bits : NULL,
                               .pixels = pixels,
                               .panels = panels,
                               .accumulate = accumulate,
                               .sums = (void *)sums.data});
    check_guards(c, sums);
    check_same(c, sums.data, wanted, sums.count);
    check_release(sums);
    free(wanted);
    free(words);
    free(src);
    drop_scene(&s);
}

static void few_sums(check *c) {
    for (size_t inputs = 1; inputs <= MOST_INPUTS; ++inputs) {
        for (unsigned pixels = 1; pixels <= RNM_FEW_PIXELS; ++pixels) {
            few_case(c, inputs, 1, pixels); /* fully connected layers */
            few_case(c, inputs, check_random(c, 2, MOST_TAPS), pixels);
        }
    }
}

/* Several points lie one behind the other, and not without gaps. */
static void gemm_case(check *c, size_t inputs, size_t rows, bool accumulate) {
    exact wanted[MOST_ROWS * RNM_PANEL];
    rnm_gemm g = {.stride = inputs + check_random(c, 0, 9),
                  .rows = rows,
                  .inputs = inputs,
                  .lanes = random_lanes(c),
                  .accumulate = accumulate,
                  .points = check_random(c, 1, 3)};
    g.x_step = (rows - 1) * g.stride + inputs + check_random(c, 0, 9);
    g.weights_step = inputs * RNM_PANEL + check_random(c, 0, 9);
    g.sums_step = rows;
    float *x = check_floats(c, (g.points - 1) * g.x_step + (rows - 1) * g.stride + inputs);
    float *weights = check_floats(c, (g.points - 1) * g.weights_step + inputs * RNM_PANEL);
    guarded sums = check_guarded(g.points * rows * RNM_PANEL);
    g.x = x;
    g.weights = weights;
    g.sums = rows_of(sums);
    check_case(c, "gemm, inputs %zu, rows %zu, lanes %u, accumulate %d, points %zu", inputs, rows,
               g.lanes, accumulate, g.points);
    float *start = check_floats(c, sums.count);
    if (accumulate) {
        memcpy(sums.data, start, sums.count * sizeof *start);
    }
    c->kernels->gemm(&g);
    check_guards(c, sums);
    for (size_t n = 0; n < g.points; ++n) {
        guarded part = {.data = sums.data + n * rows * RNM_PANEL, .count = rows * RNM_PANEL};
        for (size_t at = 0; at < part.count; ++at) {
            wanted[at] = (exact){0};
            if (accumulate) {
                add_term(&wanted[at], start[n * part.count + at], 1.0f);
            }
        }
        for (size_t r = 0; r < rows; ++r) {
            for (size_t i = 0; i < inputs; ++i) {
                for (unsigned l = 0; l < RNM_PANEL; ++l) {
                    add_term(&wanted[r * RNM_PANEL + l], x[n * g.x_step + r * g.stride + i],
                             weights[n * g.weights_step + i * RNM_PANEL + l]);
                }
            }
        }
        compare_rows(c, part, wanted, g.lanes, inputs);
    }
    check_release(sums);
    free(start);
    free(weights);
    free(x);
}

static void gemm_sums(check *c) {
    for (size_t inputs = 1; inputs <= MOST_INPUTS; ++inputs) {
        gemm_case(c, inputs, check_random(c, 1, MOST_ROWS), inputs % 2 == 0);
    }
    for (size_t rows = 1; rows <= MOST_ROWS; ++rows) {
        gemm_case(c, check_random(c, 1, MOST_INPUTS), rows, rows % 2 == 0);
    }
}

static void gemm_cuts(check *c) {
    enum { STRIDE = MOST_INPUTS + 2 };
    float *x = check_floats(c, MOST_ROWS * STRIDE);
    float *weights = check_floats(c, MOST_INPUTS * RNM_PANEL);
    float wanted[MOST_ROWS][RNM_PANEL], sums[MOST_ROWS][RNM_PANEL];
    const rnm_gemm whole = {.x = x,
                            .stride = STRIDE,
                            .rows = MOST_ROWS,
                            .inputs = MOST_INPUTS,
                            .weights = weights,
                            .lanes = RNM_PANEL,
                            .sums = wanted,
                            .points = 1};
    c->kernels->gemm(&whole);
    rnm_gemm part = whole;
    part.sums = sums;
    for (size_t cut = 0; cut < MOST_ROWS; ++cut) {
        part.x = x + cut * STRIDE;
        for (part.rows = 1; part.rows <= MOST_ROWS - cut; ++part.rows) {
            check_case(c, "gemm, %zu rows from %zu on", part.rows, cut);
            c->kernels->gemm(&part);
            check_same(c, sums[0], wanted[cut], part.rows * RNM_PANEL);
        }
    }
    part = whole;
    part.sums = sums;
    for (size_t step = RNM_INPUT_BLOCK; step < MOST_INPUTS; step += RNM_INPUT_BLOCK) {
        check_case(c, "gemm, %zu inputs at a time", step);
        for (size_t first = 0; first < MOST_INPUTS; first += step) {
            part.inputs = MOST_INPUTS - first < step ? MOST_INPUTS - first : step;
            part.x = x + first;
            part.weights = weights + first * RNM_PANEL;
            part.accumulate = first > 0;
            c->kernels->gemm(&part);
        }
        check_same(c, sums[0], wanted[0], MOST_ROWS * RNM_PANEL);
    }
    free(weights);
    free(x);
}

void check_gemm(check *c) {
    direct_sums(c);
    direct_cuts(c);
    few_sums(c);
    depthwise_sums(c);
    gemm_sums(c);
    gemm_cuts(c);
}
