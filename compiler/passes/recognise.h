/* SPDX-License-Identifier: Apache-2.0
 *
 * Repetition inside one dense weight.
 */
#ifndef RNC_PASSES_RECOGNISE_H
#define RNC_PASSES_RECOGNISE_H

#include "child.h"

#include <stdbool.h>

/* A part of a tensor [co, ci, kernel...]: its first outputs and inputs. */
typedef struct rnc_block {
    uint32_t outputs;
    uint32_t inputs;
} rnc_block;

/* One tensor, and room for two rows of it, which may serve many tensors in
 * turn. */
typedef struct rnc_rows {
    const rnc_tensor *tensor;
    uint32_t co, ci, taps;
    float *a;
    float *b;
} rnc_rows;

/* The smallest block of sizes that divide the tensor's, such that the tensor is
 * that block over and over: bit for bit, or with `any_sign` up to the signs.
 * Each axis is searched apart, as a tensor repeats a block just when it has its
 * period along both. Linear in the tensor times the number of prime factors of
 * its sizes, and much less where nothing repeats. */
rnc_block rnc_smallest_block(rnc_rows *rows, bool any_sign);

/* A hash of the magnitudes in a block. */
uint64_t rnc_block_hash(rnc_rows *rows, rnc_block block);

/* True where the magnitudes of two blocks of that size are the same. */
bool rnc_same_block(rnc_rows *first, rnc_rows *second, rnc_block block);

/* How many signs of `rows`, whose magnitudes are the block of `parent` over and
 * over, differ. */
uint64_t rnc_count_flips(rnc_rows *rows, rnc_rows *parent, rnc_block block);

#endif
