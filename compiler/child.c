/* SPDX-License-Identifier: Apache-2.0
 *
 * Children by the training code's rules. Nothing here knows how a .rnm stores them.
 */
#include "child.h"

#include "expand_ref.h"
#include "half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *rnc_transform_name(rnc_transform transform) {
    switch (transform) {
    case RNC_LINEAR:
        return "linear";
    case RNC_S:
        return "s";
    case RNC_F:
        return "f";
    case RNC_DROP:
        return "drop";
    case RNC_RANDOM:
        return "random";
    }
    return "unknown";
}

bool rnc_child_dense(const rnc_child *child) {
    return child->transform == RNC_RANDOM ||
           (child->transform == RNC_LINEAR && child->po == child->co && child->pi == child->ci);
}

uint64_t rnc_child_elements(const rnc_child *child) {
    return (uint64_t)child->co * child->ci * child->taps;
}

float rnc_round_to(float value, rnm_dtype dtype) {
    if (dtype == RNM_F16) {
        return rnm_f16_to_f32(rnm_f32_to_f16(value));
    }
    if (dtype == RNM_BF16) {
        return rnm_bf16_to_f32(rnm_f32_to_bf16(value));
    }
    return value;
}

struct rnc_child_rows {
    const rnc_child *child;
    rnm_dtype parent_dtype;
    float *source; /* a row of some tensor: at most ci * taps */
    bool *negative;
    bool *zero;
};

rnc_child_rows *rnc_child_rows_open(const rnc_child *child, rnm_dtype parent_dtype) {
    rnc_child_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) {
        return NULL;
    }
    size_t row = (size_t)child->ci * child->taps;
    rows->child = child;
    rows->parent_dtype = parent_dtype;
    rows->source = malloc(row * sizeof *rows->source);
    rows->negative = malloc(row);
    rows->zero = malloc(row);
    if (rows->source == NULL || rows->negative == NULL || rows->zero == NULL) {
        rnc_child_rows_close(rows);
        return NULL;
    }
    return rows;
}

void rnc_child_rows_close(rnc_child_rows *rows) {
    if (rows != NULL) {
        free(rows->source);
        free(rows->negative);
        free(rows->zero);
        free(rows);
    }
}

/* An output of the weight that was recognised. */
static void whole_row(const rnc_child *child, uint32_t o, float *dst) {
    int64_t row = (int64_t)child->ci * child->taps;
    rnc_tensor_copy_f32(child->whole, o * row, row, dst);
}

/* Inputs that whole blocks cover. */
static uint32_t regular_inputs(const rnc_child *child) {
    return child->ci / child->pi * child->pi;
}

static uint32_t regular_outputs(const rnc_child *child) {
    return child->co / child->po * child->po;
}

/* Multiplies `count` signs by the row `row` of a mask whose rows have `count` elements. */
static void apply_signs(rnc_child_rows *rows, const rnc_tensor *mask, uint32_t row, size_t count,
                        bool *negative, bool *zero) {
    rnc_tensor_copy_f32(mask, (int64_t)(row * count), (int64_t)count, rows->source);
    for (size_t k = 0; k < count; k++) {
        negative[k] ^= rows->source[k] < 0.0f;
        zero[k] |= rows->source[k] == 0.0f;
    }
}

/* Where the weight's signs differ from the parent's; there are no zeros but those of the parent. */
static void recognised_signs(const rnc_child_rows *rows, uint32_t o, bool *negative) {
    const rnc_child *child = rows->child;
    size_t row = (size_t)child->ci * child->taps;
    size_t block = (size_t)child->pi * child->taps;
    whole_row(child, o, rows->source);
    for (size_t k = 0; k < row; k++) {
        negative[k] = signbit(rows->source[k]) != 0;
    }
    rnc_tensor_copy_f32(child->parent, (int64_t)(o % child->po * block), (int64_t)block,
                        rows->source);
    for (size_t k = 0; k < row; k++) {
        negative[k] ^= signbit(rows->source[k % block]) != 0;
    }
}

/* Output `o` of bits in mask order. */
static void read_bits(const rnc_child *child, const uint8_t *bits, uint32_t o, bool *set) {
    const size_t words = (size_t)child->ci * child->taps;
    const uint32_t left = child->co - o / RNM_PANEL * RNM_PANEL;
    const size_t width = ((left < RNM_PANEL ? left : RNM_PANEL) + 7) / 8;
    bits += (size_t)(o / RNM_PANEL) * (RNM_PANEL / 8) * words + o % RNM_PANEL / 8;
    for (size_t k = 0; k < words; k++) {
        set[k] = (bits[k * width] >> o % 8 & 1) != 0;
    }
}

void rnc_child_signs(rnc_child_rows *rows, uint32_t o, bool *negative, bool *zero) {
    const rnc_child *child = rows->child;
    const size_t taps = child->taps;
    size_t row = (size_t)child->ci * taps;
    memset(negative, 0, row);
    memset(zero, 0, row);
    if (child->whole != NULL) {
        recognised_signs(rows, o, negative);
        return;
    }
    if (child->signs != NULL) {
        read_bits(child, child->signs, o, negative);
        if (child->zero_signs != NULL) {
            read_bits(child, child->zero_signs, o, zero);
        }
        return;
    }
    if (child->transform == RNC_RANDOM) {
        apply_signs(rows, child->mask, o, row, negative, zero);
        return;
    }
    size_t regular = (size_t)regular_inputs(child) * taps;
    uint32_t edge = regular_outputs(child);
    apply_signs(rows, child->mask, o < edge ? o : o - edge, regular, negative, zero);
    if (o >= edge) {
        apply_signs(rows, child->row_mask, o - edge, regular, negative, zero);
    }
    if (row > regular) {
        memcpy(negative + regular, negative, row - regular);
        memcpy(zero + regular, zero, row - regular);
        apply_signs(rows, child->col_mask, o, row - regular, negative + regular, zero + regular);
    }
}

void rnc_child_dropped(rnc_child_rows *rows, uint32_t o, bool *dropped) {
    size_t row = (size_t)rows->child->ci * rows->child->taps;
    if (rows->child->signs != NULL) {
        read_bits(rows->child, rows->child->signs, o, dropped);
        return;
    }
    rnc_tensor_copy_f32(rows->child->mask, (int64_t)(o * row), (int64_t)row, rows->source);
    for (size_t k = 0; k < row; k++) {
        dropped[k] = rows->source[k] == 0.0f;
    }
}

/* T[o, first .. first + inputs) of the tiled parent, rounded to the stored type. */
static void tile_row(rnc_child_rows *rows, uint32_t o, uint32_t inputs, float *dst) {
    const rnc_child *child = rows->child;
    size_t block = (size_t)child->pi * child->taps;
    rnc_tensor_copy_f32(child->parent, (int64_t)(o % child->po * block), (int64_t)block,
                        rows->source);
    for (size_t k = 0; k < block; k++) {
        rows->source[k] = rnc_round_to(rows->source[k], rows->parent_dtype);
    }
    size_t row = (size_t)inputs * child->taps;
    for (size_t k = 0; k < row; k += block) {
        memcpy(dst + k, rows->source, (row - k < block ? row - k : block) * sizeof *dst);
    }
}

static void s_row(rnc_child_rows *rows, uint32_t o, float *dst) {
    const rnc_child *child = rows->child;
    const size_t taps = child->taps;
    uint32_t r0 = child->co / child->po;
    uint32_t r1 = child->ci / child->pi;
    bool cascaded = (child->flags & RNM_RECIPE_CASCADED) != 0;
    uint32_t edge = cascaded ? r0 * child->po : child->co;
    uint32_t regular = cascaded ? r1 * child->pi : child->ci;
    uint32_t columns = (regular + child->pi - 1) / child->pi;
    uint32_t source = o < edge ? o : o - edge;
    float b1;
    float b2;
    tile_row(rows, source, regular, dst);
    for (uint32_t i = 0; i < regular; i++) {
        uint32_t pair = child->flags & RNM_RECIPE_INTERLEAVED
                            ? source % r0 * r1 + i % r1
                            : source / child->po * columns + i / child->pi;
        rnc_child_pair(child, pair, &b1, &b2);
        for (size_t t = 0; t < taps; t++) {
            dst[i * taps + t] = rnm_transform_s(dst[i * taps + t], b1, b2);
        }
    }
    uint64_t next_pair = (uint64_t)r0 * r1;
    if (cascaded && edge < child->co) {
        rnc_child_pair(child, next_pair++, &b1, &b2);
        for (size_t k = 0; o >= edge && k < regular * taps; k++) {
            dst[k] = rnm_transform_s(dst[k], b1, b2);
        }
    }
    if (regular < child->ci) {
        rnc_child_pair(child, next_pair, &b1, &b2);
        for (size_t k = 0; k < (child->ci - regular) * taps; k++) {
            dst[regular * taps + k] = rnm_transform_s(dst[k], b1, b2);
        }
    }
}

/* Random kernels follow the parent's in flat (o, i) order; nothing is tiled. */
static void random_row(rnc_child_rows *rows, uint32_t o, float *dst) {
    const rnc_child *child = rows->child;
    const uint64_t taps = child->taps;
    uint64_t own = (uint64_t)child->po * child->pi * taps;
    uint64_t first = (uint64_t)o * child->ci * taps;
    uint64_t row = (uint64_t)child->ci * taps;
    uint64_t from_parent = first >= own ? 0 : own - first < row ? own - first : row;
    if (from_parent > 0) {
        rnc_tensor_copy_f32(child->parent, (int64_t)first, (int64_t)from_parent, dst);
    }
    if (from_parent < row) {
        rnc_tensor_copy_f32(child->random, (int64_t)(first + from_parent - own),
                            (int64_t)(row - from_parent), dst + from_parent);
    }
}

void rnc_child_row(rnc_child_rows *rows, uint32_t o, float *dst) {
    const rnc_child *child = rows->child;
    size_t row = (size_t)child->ci * child->taps;
    if (child->transform == RNC_S) {
        s_row(rows, o, dst);
        return;
    }
    if (child->whole != NULL) {
        whole_row(child, o, dst);
        for (size_t k = 0; k < row; k++) {
            dst[k] = rnc_round_to(dst[k], rows->parent_dtype);
        }
        return;
    }
    if (child->transform == RNC_RANDOM) {
        random_row(rows, o, dst);
    } else {
        tile_row(rows, o, child->ci, dst);
    }
    memset(rows->negative, 0, row);
    memset(rows->zero, 0, row);
    if (child->transform == RNC_DROP) {
        rnc_child_dropped(rows, o, rows->zero);
    } else if (child->transform != RNC_LINEAR) {
        rnc_child_signs(rows, o, rows->negative, rows->zero);
    }
    for (size_t k = 0; k < row; k++) {
        float magnitude = rows->zero[k] ? copysignf(0.0f, dst[k]) : dst[k];
        dst[k] = rows->negative[k] ? -magnitude : magnitude;
    }
    if (child->transform == RNC_RANDOM) {
        for (size_t k = 0; k < row; k++) {
            dst[k] = rnc_round_to(dst[k], rows->parent_dtype);
        }
    }
}

static bool row_pair(const rnc_child *child) {
    return (child->flags & RNM_RECIPE_CASCADED) && child->co % child->po != 0;
}

static bool column_pair(const rnc_child *child) {
    return (child->flags & RNM_RECIPE_CASCADED) && child->ci % child->pi != 0;
}

uint64_t rnc_child_pair_count(const rnc_child *child) {
    return rnm_beta_pairs(child->co, child->ci, child->po, child->pi, child->flags);
}

void rnc_child_pair(const rnc_child *child, uint64_t index, float *b1, float *b2) {
    uint64_t blocks = rnc_child_pair_count(child) - row_pair(child) - column_pair(child);
    if (child->pairs != NULL) {
        *b1 = child->pairs[2 * index];
        *b2 = child->pairs[2 * index + 1];
    } else if (index < blocks) {
        rnc_tensor_copy_f32(child->b1, (int64_t)index, 1, b1);
        rnc_tensor_copy_f32(child->b2, (int64_t)index, 1, b2);
    } else if (index == blocks && row_pair(child)) {
        rnc_tensor_copy_f32(child->row_b1, 0, 1, b1);
        rnc_tensor_copy_f32(child->row_b2, 0, 1, b2);
    } else {
        rnc_tensor_copy_f32(child->col_b1, 0, 1, b1);
        rnc_tensor_copy_f32(child->col_b2, 0, 1, b2);
    }
}
