/* SPDX-License-Identifier: Apache-2.0
 *
 * Periods of a tensor, found without a copy of it.
 */
#include "passes/recognise.h"

#include "half.h"

static const uint32_t magnitude = 0x7fffffffu;

/* The first `inputs` inputs of output `o`. */
static void read_row(const rnc_rows *rows, uint32_t o, uint32_t inputs, float *dst) {
    int64_t row = (int64_t)rows->ci * rows->taps;
    rnc_tensor_copy_f32(rows->tensor, o * row, (int64_t)inputs * rows->taps, dst);
}

static bool same(const float *a, const float *b, size_t count, uint32_t mask) {
    for (size_t k = 0; k < count; k++) {
        if (((rnm_f32_bits(a[k]) ^ rnm_f32_bits(b[k])) & mask) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- periods
 * ---------------------------------------------------------------------------------
 */

static bool output_period(rnc_rows *rows, uint32_t period, uint32_t mask) {
    bool repeats = true;
    for (uint32_t o = period; o < rows->co && repeats; o++) {
        read_row(rows, o, rows->ci, rows->a);
        read_row(rows, o - period, rows->ci, rows->b);
        repeats = same(rows->a, rows->b, (size_t)rows->ci * rows->taps, mask);
    }
    return repeats;
}

/* Of the first `outputs` outputs, whose repeats need no second look. */
static bool input_period(rnc_rows *rows, uint32_t outputs, uint32_t period, uint32_t mask) {
    size_t first = (size_t)period * rows->taps;
    size_t row = (size_t)rows->ci * rows->taps;
    bool repeats = true;
    for (uint32_t o = 0; o < outputs && repeats; o++) {
        read_row(rows, o, rows->ci, rows->a);
        repeats = same(rows->a + first, rows->a, row - first, mask);
    }
    return repeats;
}

/* Periods that divide a size are the multiples of the smallest one, so taking
 * prime factors away while what is left is a period ends at it. */
static uint32_t smallest_period(rnc_rows *rows, uint32_t size, uint32_t outputs, uint32_t mask) {
    uint32_t period = size;
    uint32_t left = size;
    for (uint32_t prime = 2; left > 1; prime++) {
        if ((uint64_t)prime * prime > left) {
            prime = left;
        }
        for (bool repeats = true; left % prime == 0; left /= prime) {
            if (repeats) {
                repeats = outputs == 0 ? output_period(rows, period / prime, mask)
                                       : input_period(rows, outputs, period / prime, mask);
                period = repeats ? period / prime : period;
            }
        }
    }
    return period;
}

rnc_block rnc_smallest_block(rnc_rows *rows, bool any_sign) {
    uint32_t mask = any_sign ? magnitude : UINT32_MAX;
    rnc_block block;
    block.outputs = smallest_period(rows, rows->co, 0, mask);
    block.inputs = smallest_period(rows, rows->ci, block.outputs, mask);
    return block;
}

/* ---- comparing
 * -------------------------------------------------------------------------------
 */

uint64_t rnc_block_hash(rnc_rows *rows, rnc_block block) {
    size_t count = (size_t)block.inputs * rows->taps;
    uint64_t hash = 0;
    for (uint32_t o = 0; o < block.outputs; o++) {
        read_row(rows, o, block.inputs, rows->a);
        for (size_t k = 0; k < count; k++) {
            hash = (hash ^ (rnm_f32_bits(rows->a[k]) & magnitude)) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
    }
    return hash;
}

bool rnc_same_block(rnc_rows *first, rnc_rows *second, rnc_block block) {
    bool equal = true;
    for (uint32_t o = 0; o < block.outputs && equal; o++) {
        read_row(first, o, block.inputs, first->a);
        read_row(second, o, block.inputs, second->b);
        equal = same(first->a, second->b, (size_t)block.inputs * first->taps, magnitude);
    }
    return equal;
}

uint64_t rnc_count_flips(rnc_rows *rows, rnc_rows *parent, rnc_block block) {
    size_t tile = (size_t)block.inputs * rows->taps;
    size_t row = (size_t)rows->ci * rows->taps;
    uint64_t flips = 0;
    for (uint32_t o = 0; o < rows->co; o++) {
        read_row(rows, o, rows->ci, rows->a);
        read_row(parent, o % block.outputs, block.inputs, parent->b);
        for (size_t first = 0; first < row; first += tile) {
            for (size_t k = 0; k < tile; k++) {
                flips += (rnm_f32_bits(rows->a[first + k]) ^ rnm_f32_bits(parent->b[k])) >> 31;
            }
        }
    }
    return flips;
}
