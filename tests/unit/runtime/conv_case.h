/* SPDX-License-Identifier: Apache-2.0
 *
 * One Conv or Gemm with random data, against naive loops: on every instruction set, in all modes of
 * our kernels bit for bit, with Winograd and without, and with XNNPACK within rounding.
 */
#ifndef RNM_TEST_CONV_CASE_H
#define RNM_TEST_CONV_CASE_H

#include "fixture.h"
#include "naive.h"

typedef struct conv_case {
    naive_window window;
    recipe_plan recipe;
    int spatial; /* 0: Gemm */
    bool bias, scale, residual;
    rnm_op activation;
    int threads;     /* 0: of every third case one instruction set has 2, else 1 */
    bool tables;     /* takes tables: run by them too */
    bool blocks;     /* runs by F(4x4,3x3): in blocks of several sizes */
    unsigned *mixed; /* counts it where it runs as a mixture; or NULL */
} conv_case;

/* A case with nothing in it but sizes of 1 along axes that it does not have. */
conv_case random_case(rng *r, int spatial);

/* Sides, kernel and stride alike along all spatial axes; no dilations. */
void set_axes(conv_case *c, int64_t side, int64_t kernel, int64_t stride);

/* Fills in output sizes and the recipe's dims, and at random all else of the recipe and the
 * epilogue. */
void settle(rng *r, conv_case *c);

/* Fails the test where an answer is off. Gives the tile, or 0, that the layer has on the best
 * instruction set; plans of others may differ. */
unsigned check_case(rng *r, const conv_case *c);

/* A row-major graph input, or what Reorder makes of it. */
uint32_t add_input(rnm_builder *b, const char *name, int spatial, const int64_t *dims);

#endif
