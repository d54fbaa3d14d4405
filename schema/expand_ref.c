/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar reference of every transform, written so that it can be read next to FORMAT.md
 * section 5. Every operation below is one rounding of that page: the file must be compiled without
 * fused multiply-add and without -ffast-math.
 */
#include "expand_ref.h"

#include "half.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stddef.h>

#ifdef __FAST_MATH__
#error "the reference's roundings are specified: no -ffast-math"
#endif
static_assert(FLT_EVAL_METHOD == 0, "f32 operations must round to f32");

/* ---- mask order ------------------------------------------------------------------------------ */

static uint32_t div_up(uint32_t a, uint32_t b) {
    return a / b + (a % b != 0);
}

uint64_t rnm_mask_bytes(uint32_t co, uint32_t ci, uint32_t taps) {
    uint64_t words = (uint64_t)ci * taps;
    uint32_t rest = co % RNM_PANEL;
    return (uint64_t)(co / RNM_PANEL) * 4 * words + div_up(rest, 8) * words;
}

uint64_t rnm_mask_position(uint32_t co, uint32_t ci, uint32_t taps, uint32_t o, uint32_t i,
                           uint32_t tap) {
    assert(o < co && i < ci && tap < taps);
    uint32_t panel = o / RNM_PANEL;
    uint32_t bit = o % RNM_PANEL;
    uint32_t word_bytes = panel < co / RNM_PANEL ? 4 : div_up(co % RNM_PANEL, 8);
    uint64_t word = (uint64_t)i * taps + tap;
    uint64_t panel_start = (uint64_t)panel * 4 * ci * taps;
    return (panel_start + word * word_bytes) * 8 + bit;
}

static bool bit_at(const uint8_t *plane, uint64_t position) {
    return (plane[position / 8] >> (position % 8) & 1) != 0;
}

static bool listed(const uint32_t *list, uint32_t count, uint64_t position) {
    uint32_t first = 0;
    uint32_t past = count;
    while (first < past) {
        uint32_t middle = first + (past - first) / 2;
        if (list[middle] < position) {
            first = middle + 1;
        } else {
            past = middle;
        }
    }
    return first < count && list[first] == position;
}

/* ---- s --------------------------------------------------------------------------------------- */

uint64_t rnm_beta_pairs(uint32_t co, uint32_t ci, uint32_t po, uint32_t pi, uint8_t flags) {
    if ((flags & (RNM_RECIPE_CASCADED | RNM_RECIPE_INTERLEAVED)) == 0) {
        return (uint64_t)div_up(co, po) * div_up(ci, pi);
    }
    uint64_t regular = (uint64_t)(co / po) * (ci / pi);
    if ((flags & RNM_RECIPE_INTERLEAVED) != 0) {
        return regular;
    }
    return regular + (co % po != 0) + (ci % pi != 0);
}

float rnm_transform_s(float p, float b1, float b2) {
    float numerator = p * b1;
    float exponent = p * b2;
    /* Through f64, so that the f32 exp is within a hair of half an ulp with any libm. */
    float power = (float)exp((double)exponent);
    float denominator = 1.0f + power;
    return numerator / denominator;
}

static float with_pair(const rnm_child *child, float p, uint64_t pair) {
    return rnm_transform_s(p, child->betas[2 * pair], child->betas[2 * pair + 1]);
}

static float s_plain(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint64_t columns = div_up(child->ci, child->pi);
    uint64_t pair = (o / child->po) * columns + i / child->pi;
    return with_pair(child, rnm_parent_at(child, o, i, tap), pair);
}

static float s_interleaved(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint32_t r0 = child->co / child->po;
    uint32_t r1 = child->ci / child->pi;
    uint64_t pair = (uint64_t)(o % r0) * r1 + i % r1;
    return with_pair(child, rnm_parent_at(child, o, i, tap), pair);
}

/* An edge repeats the first rows (columns) of the regular part, so an edge element starts as the
 * regular element it repeats and passes through the row pair, then through the column pair. */
static float s_cascaded(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint32_t r0 = child->co / child->po;
    uint32_t r1 = child->ci / child->pi;
    bool row_edge = o >= r0 * child->po;
    bool column_edge = i >= r1 * child->pi;
    uint32_t from_o = row_edge ? o - r0 * child->po : o;
    uint32_t from_i = column_edge ? i - r1 * child->pi : i;

    uint64_t row_pair = (uint64_t)r0 * r1;
    uint64_t column_pair = row_pair + (child->co % child->po != 0);
    uint64_t pair = (uint64_t)(from_o / child->po) * r1 + from_i / child->pi;

    float value = with_pair(child, rnm_parent_at(child, from_o, from_i, tap), pair);
    if (row_edge) {
        value = with_pair(child, value, row_pair);
    }
    if (column_edge) {
        value = with_pair(child, value, column_pair);
    }
    return value;
}

/* ---- one element ----------------------------------------------------------------------------- */

float rnm_parent_at(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint64_t row = (uint64_t)(i % child->pi) * child->taps + tap;
    uint64_t index = row * child->po + o % child->po;
    switch (child->parent_dtype) {
    case RNM_F16:
        return rnm_f16_to_f32(((const uint16_t *)child->parent)[index]);
    case RNM_BF16:
        return rnm_bf16_to_f32(((const uint16_t *)child->parent)[index]);
    default:
        assert(child->parent_dtype == RNM_F32);
        return ((const float *)child->parent)[index];
    }
}

static float expand_linear(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    return rnm_parent_at(child, o, i, tap);
}

static float expand_s(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    if ((child->flags & RNM_RECIPE_CASCADED) != 0) {
        return s_cascaded(child, o, i, tap);
    }
    if ((child->flags & RNM_RECIPE_INTERLEAVED) != 0) {
        return s_interleaved(child, o, i, tap);
    }
    return s_plain(child, o, i, tap);
}

static float expand_f(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint64_t position = rnm_mask_position(child->co, child->ci, child->taps, o, i, tap);
    float p = rnm_parent_at(child, o, i, tap);
    float value = bit_at(child->mask, position) ? -p : p;
    bool zero = child->zero_plane != NULL ? bit_at(child->zero_plane, position)
                                          : listed(child->zero_list, child->zero_count, position);
    return zero ? copysignf(0.0f, value) : value;
}

static float expand_drop(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    uint64_t position = rnm_mask_position(child->co, child->ci, child->taps, o, i, tap);
    float p = rnm_parent_at(child, o, i, tap);
    return bit_at(child->mask, position) ? copysignf(0.0f, p) : p;
}

static float (*const transforms[RNM_TRANSFORM_KNOWN])(const rnm_child *, uint32_t, uint32_t,
                                                      uint32_t) = {
    [RNM_TRANSFORM_LINEAR] = expand_linear,
    [RNM_TRANSFORM_S] = expand_s,
    [RNM_TRANSFORM_F] = expand_f,
    [RNM_TRANSFORM_DROP] = expand_drop,
};

float rnm_expand_ref_at(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap) {
    assert(child->transform < RNM_TRANSFORM_KNOWN);
    return transforms[child->transform](child, o, i, tap);
}

/* ---- the whole child ------------------------------------------------------------------------- */

void rnm_expand_ref_row(const rnm_child *child, uint32_t o, float *dst) {
    for (uint32_t i = 0; i < child->ci; i++) {
        for (uint32_t tap = 0; tap < child->taps; tap++) {
            *dst++ = rnm_expand_ref_at(child, o, i, tap);
        }
    }
}

void rnm_expand_ref(const rnm_child *child, float *dst) {
    for (uint32_t o = 0; o < child->co; o++) {
        rnm_expand_ref_row(child, o, dst);
        dst += (size_t)child->ci * child->taps;
    }
}
