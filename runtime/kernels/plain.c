/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels in plain C, with 16-byte vectors of the compiler's: what every machine can do, and
 * what every other variant is compared with.
 */
#include "kernels.h"

#include <string.h>

/* 16 inputs of 9 taps of a panel take 18 KB: half an L1 cache. */
#define INPUT_BLOCK 16

typedef float vec4 __attribute__((vector_size(16), may_alias));

#define NAME tile_6x8
#define PIXELS 6
#define VECTORS 2
#include "direct.inc"

#define NAME tile_2x16
#define PIXELS 2
#define VECTORS 4
#include "direct.inc"

#define NAME tile_1x32
#define PIXELS 1
#define VECTORS 8
#include "direct.inc"

static void direct(rnm_tile_rows rows, size_t channel, size_t inputs, size_t taps,
                   const float *weights, unsigned pixels, unsigned lanes,
                   float sums[RNM_TILE_PIXELS][RNM_PANEL]) {
    unsigned p = 0;
    if (pixels == RNM_TILE_PIXELS) {
        for (unsigned l = 0; l < lanes; l += 8) {
            tile_6x8(rows, channel, inputs, taps, weights + l, &sums[0][l]);
        }
        return;
    }
    for (; p + 2 <= pixels; p += 2) {
        for (unsigned l = 0; l < lanes; l += 16) {
            tile_2x16(rows + p, channel, inputs, taps, weights + l, &sums[p][l]);
        }
    }
    if (p < pixels) {
        tile_1x32(rows + p, channel, inputs, taps, weights, sums[p]);
    }
}

static void depthwise(rnm_tile_rows rows, size_t channel, size_t taps, const float *weights,
                      unsigned pixels, unsigned lanes, float sums[RNM_TILE_PIXELS][RNM_PANEL]) {
    for (unsigned p = 0; p < pixels; ++p) {
        float *sum = sums[p];
        memset(sum, 0, RNM_PANEL * sizeof *sum);
        for (size_t t = 0; t < taps; ++t) {
            const float *x = rows[t * RNM_TILE_PIXELS + p] + channel;
            const float *w = weights + t * RNM_PANEL;
            for (unsigned l = 0; l < lanes; ++l) {
                sum[l] += x[l] * w[l];
            }
        }
    }
}

static void finish(const rnm_epilogue *e, unsigned pixels, unsigned lanes,
                   float sums[RNM_TILE_PIXELS][RNM_PANEL]) {
    for (unsigned p = 0; p < pixels; ++p) {
        float *sum = sums[p];
        if (e->scale != NULL) {
            for (unsigned l = 0; l < lanes; ++l) {
                sum[l] *= e->scale[l];
            }
        }
        if (e->bias != NULL) {
            for (unsigned l = 0; l < lanes; ++l) {
                sum[l] += e->bias[l];
            }
        }
        if (e->residual != NULL) {
            const float *residual = e->residual + p * e->stride;
            for (unsigned l = 0; l < lanes; ++l) {
                sum[l] += residual[l];
            }
        }
        rnm_activate(e->activation, sum, lanes);
        memcpy(e->out + p * e->stride, sum, lanes * sizeof *sum);
    }
}

const rnm_kernels rnm_kernels_plain = {
    .direct = direct,
    .depthwise = depthwise,
    .finish = finish,
};
