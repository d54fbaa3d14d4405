/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel table against naive loops, with guards around what may be written.
 */
#include "fixture.h"
#include "kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_INPUTS 70
#define MOST_TAPS 9
#define GUARD 12345.0f

typedef struct bench {
    float x[MOST_TAPS * RNM_TILE_PIXELS][MOST_INPUTS + 5];
    float weights[MOST_INPUTS * MOST_TAPS * RNM_PANEL] __attribute__((aligned(64)));
    const float *rows[MOST_TAPS * RNM_TILE_PIXELS];
    float sums[RNM_TILE_PIXELS][RNM_PANEL] __attribute__((aligned(64)));
} bench;

static bench *new_bench(rng *r) {
    bench *at = aligned_alloc(64, (sizeof *at + 63) / 64 * 64);
    assert_non_null(at);
    random_fill(r, &at->x[0][0], sizeof at->x / sizeof(float));
    random_fill(r, at->weights, sizeof at->weights / sizeof(float));
    for (size_t k = 0; k < MOST_TAPS * RNM_TILE_PIXELS; ++k) {
        at->rows[k] = at->x[k];
    }
    return at;
}

static void direct_sums(void **state) {
    (void)state;
    rng r = {3};
    bench *at = new_bench(&r);
    static const size_t inputs[] = {1, 3, 15, 16, 17, 33, 70};
    for (size_t n = 0; n < sizeof inputs / sizeof *inputs; ++n) {
        for (unsigned pixels = 1; pixels <= RNM_TILE_PIXELS; ++pixels) {
            size_t taps = 1 + random_below(&r, MOST_TAPS);
            size_t channel = random_below(&r, 5);
            unsigned lanes = 1 + random_below(&r, RNM_PANEL);
            rnm_kernels_plain.direct(at->rows, channel, inputs[n], taps, at->weights, pixels, lanes,
                                     at->sums);
            for (unsigned p = 0; p < pixels; ++p) {
                double wanted[RNM_PANEL] = {0};
                for (size_t i = 0; i < inputs[n]; ++i) {
                    for (size_t t = 0; t < taps; ++t) {
                        for (unsigned l = 0; l < lanes; ++l) {
                            wanted[l] += (double)at->rows[t * RNM_TILE_PIXELS + p][channel + i] *
                                         (double)at->weights[(i * taps + t) * RNM_PANEL + l];
                        }
                    }
                }
                check_close(at->sums[p], wanted, lanes, 1e-5, "direct");
            }
        }
    }
    free(at);
}

/* A pixel's sums must not depend on how many others the call has. */
static void direct_tiles_agree(void **state) {
    (void)state;
    rng r = {4};
    bench *at = new_bench(&r);
    float wanted[RNM_TILE_PIXELS][RNM_PANEL];
    rnm_kernels_plain.direct(at->rows, 0, MOST_INPUTS, MOST_TAPS, at->weights, RNM_TILE_PIXELS,
                             RNM_PANEL, at->sums);
    memcpy(wanted, at->sums, sizeof wanted);
    for (unsigned pixels = 1; pixels < RNM_TILE_PIXELS; ++pixels) {
        rnm_kernels_plain.direct(at->rows, 0, MOST_INPUTS, MOST_TAPS, at->weights, pixels,
                                 RNM_PANEL, at->sums);
        assert_memory_equal(at->sums, wanted, pixels * sizeof *wanted);
    }
    free(at);
}

static void depthwise_sums(void **state) {
    (void)state;
    rng r = {5};
    bench *at = new_bench(&r);
    for (unsigned lanes = 1; lanes <= RNM_PANEL; ++lanes) {
        unsigned pixels = 1 + random_below(&r, RNM_TILE_PIXELS);
        size_t taps = 1 + random_below(&r, MOST_TAPS);
        rnm_kernels_plain.depthwise(at->rows, 7, taps, at->weights, pixels, lanes, at->sums);
        for (unsigned p = 0; p < pixels; ++p) {
            double wanted[RNM_PANEL] = {0};
            for (size_t t = 0; t < taps; ++t) {
                for (unsigned l = 0; l < lanes; ++l) {
                    wanted[l] += (double)at->rows[t * RNM_TILE_PIXELS + p][7 + l] *
                                 (double)at->weights[t * RNM_PANEL + l];
                }
            }
            check_close(at->sums[p], wanted, lanes, 1e-5, "depthwise");
        }
    }
    free(at);
}

/* act(scale * sum + bias + residual), in place on the residual or not; lanes that do not exist and
 * the columns of other panels keep what they hold. */
static void finish_stores_its_lanes_only(void **state) {
    (void)state;
    rng r = {6};
    enum { STRIDE = 40, BEFORE = 3 };
    float scale[RNM_PANEL], bias[RNM_PANEL], residual[RNM_TILE_PIXELS][STRIDE];
    random_fill(&r, scale, RNM_PANEL);
    random_fill(&r, bias, RNM_PANEL);
    random_fill(&r, &residual[0][0], RNM_TILE_PIXELS * STRIDE);
    for (unsigned round = 0; round < 200; ++round) {
        unsigned lanes = 1 + random_below(&r, RNM_PANEL);
        unsigned pixels = 1 + random_below(&r, RNM_TILE_PIXELS);
        bool in_place = random_below(&r, 2) == 0;
        float sums[RNM_TILE_PIXELS][RNM_PANEL], out[RNM_TILE_PIXELS][STRIDE];
        double wanted[RNM_TILE_PIXELS][RNM_PANEL];
        random_fill(&r, &sums[0][0], RNM_TILE_PIXELS * RNM_PANEL);
        for (unsigned p = 0; p < RNM_TILE_PIXELS; ++p) {
            for (unsigned c = 0; c < STRIDE; ++c) {
                bool inside = p < pixels && c >= BEFORE && c < BEFORE + lanes;
                out[p][c] = inside && in_place ? residual[p][c] : GUARD;
            }
        }
        rnm_epilogue epilogue = {
            .scale = random_below(&r, 2) == 0 ? scale : NULL,
            .bias = random_below(&r, 2) == 0 ? bias : NULL,
            .residual = in_place                   ? &out[0][BEFORE]
                        : random_below(&r, 2) == 0 ? &residual[0][BEFORE]
                                                   : NULL,
            .out = &out[0][BEFORE],
            .stride = STRIDE,
            .activation = {.op = RNM_OP_Relu},
        };
        for (unsigned p = 0; p < pixels; ++p) {
            for (unsigned l = 0; l < lanes; ++l) {
                double value =
                    (double)sums[p][l] * (epilogue.scale != NULL ? (double)scale[l] : 1.0) +
                    (epilogue.bias != NULL ? (double)bias[l] : 0.0) +
                    (epilogue.residual != NULL ? (double)residual[p][BEFORE + l] : 0.0);
                wanted[p][l] = fmax(value, 0.0);
            }
        }
        rnm_kernels_plain.finish(&epilogue, pixels, lanes, sums);
        for (unsigned p = 0; p < RNM_TILE_PIXELS; ++p) {
            for (unsigned c = 0; c < STRIDE; ++c) {
                if (!(p < pixels && c >= BEFORE && c < BEFORE + lanes)) {
                    assert_true(out[p][c] == GUARD);
                }
            }
            if (p < pixels) {
                check_close(&out[p][BEFORE], wanted[p], lanes, 1e-6, "finish");
            }
        }
    }
}

/* A NaN goes in and comes out. */
static void activations_keep_nan(void **state) {
    (void)state;
    static const rnm_op ops[] = {RNM_OP_NONE, RNM_OP_Relu,        RNM_OP_LeakyRelu,
                                 RNM_OP_Elu,  RNM_OP_Sigmoid,     RNM_OP_Tanh,
                                 RNM_OP_Clip, RNM_OP_HardSigmoid, RNM_OP_HardSwish};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; ++k) {
        float x[5] = {NAN, NAN, NAN, NAN, NAN};
        rnm_activate((rnm_activation){ops[k], 0.5f, 0.75f}, x, 5);
        for (size_t e = 0; e < 5; ++e) {
            assert_true(isnan(x[e]));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_sums),          cmocka_unit_test(direct_tiles_agree),
        cmocka_unit_test(depthwise_sums),       cmocka_unit_test(finish_stores_its_lanes_only),
        cmocka_unit_test(activations_keep_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
