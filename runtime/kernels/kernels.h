/* SPDX-License-Identifier: Apache-2.0
 *
 * The inner loops, as a table that starts complete in plain C. A variant for an instruction set
 * fills a table of its own; nothing outside this folder knows which one is in force.
 *
 * Every kernel makes one output pixel's sums in the same order (blocks of inputs, then taps, then
 * the inputs of the block), however many pixels and lanes a call has: so results depend neither on
 * how a map is cut into calls nor on the number of threads.
 */
#ifndef RNM_KERNELS_H
#define RNM_KERNELS_H

#include "ops.h"
#include "rnm_format.h"

/* The most pixels that one call makes. 6 rows of 2 vectors, with 2 vectors of weights and one
 * broadcast, fill the 16 registers of baseline x86-64. */
#define RNM_TILE_PIXELS 6

/* Where the taps of a tile's pixels lie: rows[tap * RNM_TILE_PIXELS + pixel] is the address of
 * channel 0 of that input pixel, or of a row of zeros for a tap that is out of the map. */
typedef const float *const *rnm_tile_rows;

typedef struct rnm_activation {
    rnm_op op; /* RNM_OP_NONE: the identity */
    float alpha, beta;
} rnm_activation;

/* What is done to a panel's sums: act(scale * sum + bias + residual). Pointers are those of the
 * panel's first lane; NULL where there is none. */
typedef struct rnm_epilogue {
    const float *scale;
    const float *bias;
    const float *residual; /* of the tile's first pixel, `stride` floats from one to the next */
    float *out;            /* likewise; may be the same as residual */
    size_t stride;
    rnm_activation activation;
} rnm_epilogue;

typedef struct rnm_kernels {
    /* sums[pixel][lane] = over inputs and taps of row[channel + input] * weights[input][tap][lane],
     * for 1 .. RNM_TILE_PIXELS pixels. Lanes from `lanes` up are not defined. */
    void (*direct)(rnm_tile_rows rows, size_t channel, size_t inputs, size_t taps,
                   const float *weights, unsigned pixels, unsigned lanes,
                   float sums[RNM_TILE_PIXELS][RNM_PANEL]);

    /* The same for depthwise convolution: lane l reads channel + l; weights[tap][lane]. */
    void (*depthwise)(rnm_tile_rows rows, size_t channel, size_t taps, const float *weights,
                      unsigned pixels, unsigned lanes, float sums[RNM_TILE_PIXELS][RNM_PANEL]);

    /* Finishes and stores `lanes` lanes of each pixel, and no others. Overwrites sums. */
    void (*finish)(const rnm_epilogue *epilogue, unsigned pixels, unsigned lanes,
                   float sums[RNM_TILE_PIXELS][RNM_PANEL]);
} rnm_kernels;

extern const rnm_kernels rnm_kernels_plain;

/* x = act(x) for `count` values. */
void rnm_activate(rnm_activation activation, float *x, size_t count);

#endif
