/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar reference against a model written a second time from FORMAT.md section 5, which makes
 * whole children by copying blocks and unpacking masks from front to back.
 */
#include "expand_ref.h"
#include "half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- s at one point -------------------------------------------------------------------------- */

static double ulp(double value) {
    int exponent;
    frexp(value, &exponent);
    return ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static void test_s_close_to_f64(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (int k = 0; k < 200000; k++) {
        float v[3];
        for (int j = 0; j < 3; j++) {
            seed = seed * 1664525u + 1013904223u;
            v[j] = ((float)(seed >> 8) / 8388608.0f - 1.0f) * (j == 2 ? 30.0f : 2.0f);
        }
        double numerator = v[0] * v[1]; /* rounded to f32, as the sequence says */
        double exponent = v[0] * v[2];
        double wanted = numerator / (1.0 + exp(exponent));
        double found = (double)rnm_transform_s(v[0], v[1], v[2]);
        assert_true(fabs(found - wanted) <= 2.0 * ulp(wanted));
    }
}

static void test_s_corners(void **state) {
    (void)state;
    const struct {
        float p, b1, b2;
        uint32_t bits;
    } cases[] = {
        {1.0f, 1.0f, 0.0f, 0x3f000000},      /* 1 / 2 */
        {1.0f, 1.0f, 1000.0f, 0x00000000},   /* infinite exp */
        {1.0f, -1.0f, 1000.0f, 0x80000000},  /* with the numerator's sign */
        {-1.0f, 1.0f, -1000.0f, 0x80000000}, /* likewise */
        {2.0f, 3.0f, -1000.0f, 0x40c00000},  /* exp is 0: 6 */
        {0.0f, 5.0f, 5.0f, 0x00000000},      /* 0 / 2 */
        {-0.0f, 5.0f, 5.0f, 0x80000000},     /* -0 / 2 */
        {0.0f, -5.0f, 5.0f, 0x80000000},     /* 0 * -5 is -0 */
        {1.0f, 1e-45f, 0.0f, 0x00000000},    /* 2^-149 / 2: a tie, to even */
        {1.0f, 4e-45f, 0.0f, 0x00000002},    /* 3 * 2^-149 / 2: a tie, to even */
        {3e38f, 1.0f, 3e38f, 0x00000000},    /* p * b2 is infinite */
        {3e38f, 1.0f, -3e38f, 0x7f61b1e6},   /* 3e38 / (1 + 0) */
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        float found = rnm_transform_s(cases[k].p, cases[k].b1, cases[k].b2);
        assert_int_equal(rnm_f32_bits(found), cases[k].bits);
    }
}

static void test_s_keeps_subnormals(void **state) {
    (void)state;
    float found = rnm_transform_s(1.0f, 1e-30f, 20.0f);
    double wanted = (double)1e-30f / (1.0 + exp(20.0));
    assert_int_equal(fpclassify(found), FP_SUBNORMAL);
    assert_true(fabs((double)found - wanted) <= 2.0 * ulp(wanted));
}

/* ---- whole children -------------------------------------------------------------------------- */

#define MOST_ELEMENTS (80 * 24 * 9)

static struct {
    float parent[MOST_ELEMENTS];
    uint16_t halves[MOST_ELEMENTS];
    float betas[4 * MOST_ELEMENTS];
    uint8_t mask[MOST_ELEMENTS];
    uint8_t zeros[MOST_ELEMENTS];
    uint32_t zero_list[MOST_ELEMENTS];
    float wanted[MOST_ELEMENTS];
    float found[MOST_ELEMENTS];
    bool flags[MOST_ELEMENTS];
} room;

static uint32_t random_seed = 7;

static uint32_t random_bits(void) {
    random_seed = random_seed * 1664525u + 1013904223u;
    return random_seed >> 8;
}

static float random_float(void) {
    return (float)random_bits() / 8388608.0f - 1.0f;
}

static float *element(const rnm_child *c, uint32_t o, uint32_t i, uint32_t tap) {
    return &room.wanted[((size_t)o * c->ci + i) * c->taps + tap];
}

/* Tiles the parent over the child, block by block. */
static void model_tile(const rnm_child *c) {
    for (uint32_t o0 = 0; o0 < c->co; o0 += c->po) {
        for (uint32_t i0 = 0; i0 < c->ci; i0 += c->pi) {
            const float *p = room.parent;
            for (uint32_t i = i0; i < i0 + c->pi; i++) {
                for (uint32_t tap = 0; tap < c->taps; tap++) {
                    for (uint32_t o = o0; o < o0 + c->po; o++, p++) {
                        if (o < c->co && i < c->ci) {
                            *element(c, o, i, tap) = *p;
                        }
                    }
                }
            }
        }
    }
}

static void apply_pair(const rnm_child *c, float *at, uint64_t pair) {
    *at = rnm_transform_s(*at, c->betas[2 * pair], c->betas[2 * pair + 1]);
}

static void model_s_blocks(const rnm_child *c, uint32_t o_past, uint32_t i_past, uint32_t columns) {
    for (uint32_t o = 0; o < o_past; o++) {
        for (uint32_t i = 0; i < i_past; i++) {
            for (uint32_t tap = 0; tap < c->taps; tap++) {
                apply_pair(c, element(c, o, i, tap), (o / c->po) * columns + i / c->pi);
            }
        }
    }
}

/* Literally: regular part, then rows copied and transformed, then columns. */
static void model_s_cascaded(const rnm_child *c) {
    uint32_t r0 = c->co / c->po, r1 = c->ci / c->pi;
    uint32_t rows = r0 * c->po, columns = r1 * c->pi;
    uint64_t pair = (uint64_t)r0 * r1;
    model_s_blocks(c, rows, columns, r1);
    for (uint32_t o = rows; o < c->co; o++) {
        for (uint32_t k = 0; k < columns * c->taps; k++) {
            element(c, o, 0, 0)[k] = element(c, o - rows, 0, 0)[k];
            apply_pair(c, &element(c, o, 0, 0)[k], pair);
        }
    }
    pair += rows != c->co;
    for (uint32_t o = 0; o < c->co; o++) {
        for (uint32_t k = 0; k < (c->ci - columns) * c->taps; k++) {
            float *to = &element(c, o, columns, 0)[k];
            *to = element(c, o, 0, 0)[k];
            apply_pair(c, to, pair);
        }
    }
}

static void model_s_interleaved(const rnm_child *c) {
    uint32_t r0 = c->co / c->po, r1 = c->ci / c->pi;
    for (uint32_t o = 0; o < c->co; o++) {
        for (uint32_t i = 0; i < c->ci; i++) {
            for (uint32_t tap = 0; tap < c->taps; tap++) {
                apply_pair(c, element(c, o, i, tap), (o % r0) * r1 + i % r1);
            }
        }
    }
}

/* Unpacks a plane into room.flags, one bool an element in ONNX order. Gives its length. */
static size_t model_unpack(const rnm_child *c, const uint8_t *plane) {
    const uint8_t *at = plane;
    for (uint32_t o0 = 0; o0 < c->co; o0 += 32) {
        uint32_t outputs = c->co - o0 < 32 ? c->co - o0 : 32;
        for (uint32_t k = 0; k < c->ci * c->taps; k++) {
            for (uint32_t b = 0; b < outputs; b++) {
                room.flags[(size_t)(o0 + b) * c->ci * c->taps + k] = at[b / 8] >> b % 8 & 1;
            }
            at += outputs <= 8 ? 1 : outputs <= 16 ? 2 : outputs <= 24 ? 3 : 4;
        }
    }
    return (size_t)(at - plane);
}

static void invert_sign(float *value) {
    *value = rnm_f32_from_bits(rnm_f32_bits(*value) ^ 0x80000000u);
}

static void clear_magnitude(float *value) {
    *value = rnm_f32_from_bits(rnm_f32_bits(*value) & 0x80000000u);
}

static void model_plane(const rnm_child *c, const uint8_t *plane, void (*change)(float *)) {
    size_t length = model_unpack(c, plane);
    assert_int_equal(length, rnm_mask_bytes(c->co, c->ci, c->taps));
    for (size_t k = 0; k < (size_t)c->co * c->ci * c->taps; k++) {
        if (room.flags[k]) {
            change(&room.wanted[k]);
        }
    }
}

static void model_expand(const rnm_child *c) {
    model_tile(c);
    switch (c->transform) {
    case RNM_TRANSFORM_S:
        if (c->flags == RNM_RECIPE_CASCADED) {
            model_s_cascaded(c);
        } else if (c->flags == RNM_RECIPE_INTERLEAVED) {
            model_s_interleaved(c);
        } else {
            model_s_blocks(c, c->co, c->ci, (c->ci + c->pi - 1) / c->pi);
        }
        break;
    case RNM_TRANSFORM_F:
        model_plane(c, c->mask, invert_sign);
        if (c->zero_plane != NULL || c->zero_list != NULL) {
            model_plane(c, room.zeros, clear_magnitude);
        }
        break;
    case RNM_TRANSFORM_DROP:
        model_plane(c, c->mask, clear_magnitude);
        break;
    }
}

static void compare(const rnm_child *c) {
    model_expand(c);
    rnm_expand_ref(c, room.found);
    size_t bytes = (size_t)c->co * c->ci * c->taps * sizeof(float);
    if (memcmp(room.wanted, room.found, bytes) != 0) {
        fail_msg("transform %u flags %u child %ux%ux%u parent %ux%u type %d", c->transform,
                 c->flags, c->co, c->ci, c->taps, c->po, c->pi, (int)c->parent_dtype);
    }
}

/* Random bits for the elements that exist, about one in `rarity`; all others zero. */
static void random_plane(const rnm_child *c, uint8_t *plane, uint32_t rarity) {
    memset(plane, 0, rnm_mask_bytes(c->co, c->ci, c->taps));
    for (uint32_t o = 0; o < c->co; o++) {
        for (uint32_t i = 0; i < c->ci; i++) {
            for (uint32_t tap = 0; tap < c->taps; tap++) {
                uint64_t position = rnm_mask_position(c->co, c->ci, c->taps, o, i, tap);
                unsigned bit = random_bits() % rarity == 0;
                plane[position / 8] = (uint8_t)(plane[position / 8] | bit << position % 8);
            }
        }
    }
}

static uint32_t list_plane(const uint8_t *plane, uint64_t bytes) {
    uint32_t count = 0;
    for (uint32_t position = 0; position < bytes * 8; position++) {
        if ((plane[position / 8] >> position % 8 & 1) != 0) {
            room.zero_list[count++] = position;
        }
    }
    return count;
}

static void try_f(rnm_child c) {
    c.transform = RNM_TRANSFORM_F;
    c.mask = room.mask;
    compare(&c);
    random_plane(&c, room.zeros, 7);
    c.zero_plane = room.zeros;
    compare(&c);
    c.zero_plane = NULL;
    c.zero_list = room.zero_list;
    c.zero_count = list_plane(room.zeros, rnm_mask_bytes(c.co, c.ci, c.taps));
    compare(&c);
}

static void try_s(rnm_child c) {
    c.transform = RNM_TRANSFORM_S;
    c.betas = room.betas;
    compare(&c);
    c.flags = RNM_RECIPE_CASCADED;
    compare(&c);
    if (c.co % c.po == 0 && c.ci % c.pi == 0) {
        c.flags = RNM_RECIPE_INTERLEAVED;
        compare(&c);
    }
}

static void try_all(rnm_child c) {
    c.transform = RNM_TRANSFORM_LINEAR;
    compare(&c);
    random_plane(&c, room.mask, 2);
    try_f(c);
    c.transform = RNM_TRANSFORM_DROP;
    c.mask = room.mask;
    compare(&c);
    c.mask = NULL;
    try_s(c);
}

static void fill_parent(rnm_child *c, rnm_dtype dtype) {
    uint32_t count = c->po * c->pi * c->taps;
    for (uint32_t k = 0; k < count; k++) {
        float p = random_bits() % 16 == 0 ? -0.0f : random_float();
        if (dtype == RNM_F16) {
            room.halves[k] = rnm_f32_to_f16(p);
            p = rnm_f16_to_f32(room.halves[k]);
        } else if (dtype == RNM_BF16) {
            room.halves[k] = rnm_f32_to_bf16(p);
            p = rnm_bf16_to_f32(room.halves[k]);
        }
        room.parent[k] = p;
    }
    c->parent_dtype = dtype;
    c->parent = dtype == RNM_F32 ? (const void *)room.parent : room.halves;
}

static void test_children(void **state) {
    (void)state;
    static const uint32_t sizes[][5] = {
        /* co, ci, taps, po, pi */
        {1, 1, 1, 1, 1},    {5, 3, 1, 5, 3},   {8, 4, 9, 4, 2},   {10, 3, 9, 4, 2},
        {31, 2, 9, 16, 2},  {32, 2, 4, 8, 1},  {33, 2, 9, 16, 2}, {40, 5, 3, 7, 4},
        {45, 22, 1, 22, 9}, {64, 6, 9, 16, 3}, {67, 7, 2, 33, 5}, {80, 24, 9, 45, 16},
        {7, 9, 1, 7, 4},    {9, 8, 9, 2, 8},   {24, 1, 25, 3, 1}, {79, 3, 1, 1, 2},
    };
    static const rnm_dtype dtypes[] = {RNM_F32, RNM_F16, RNM_BF16};
    for (size_t k = 0; k < sizeof room.betas / sizeof *room.betas; k++) {
        room.betas[k] = 2.0f * random_float();
    }
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            rnm_child child = {
                .name = "child",
                .co = sizes[k][0],
                .ci = sizes[k][1],
                .taps = sizes[k][2],
                .po = sizes[k][3],
                .pi = sizes[k][4],
            };
            fill_parent(&child, dtypes[d]);
            try_all(child);
        }
    }
}

static void test_beta_pairs(void **state) {
    (void)state;
    assert_int_equal(rnm_beta_pairs(10, 7, 4, 3, 0), 3 * 3);
    assert_int_equal(rnm_beta_pairs(10, 7, 4, 3, RNM_RECIPE_CASCADED), 2 * 2 + 2);
    assert_int_equal(rnm_beta_pairs(8, 7, 4, 3, RNM_RECIPE_CASCADED), 2 * 2 + 1);
    assert_int_equal(rnm_beta_pairs(8, 6, 4, 3, RNM_RECIPE_CASCADED), 2 * 2);
    assert_int_equal(rnm_beta_pairs(8, 6, 4, 3, RNM_RECIPE_INTERLEAVED), 2 * 2);
    assert_true(rnm_beta_pairs(0x7fffffff, 32, 1, 1, 0) == 32ull * 0x7fffffff);
}

static void test_mask_sizes(void **state) {
    (void)state;
    assert_int_equal(rnm_mask_bytes(32, 3, 9), 4 * 27);
    assert_int_equal(rnm_mask_bytes(33, 3, 9), 5 * 27);
    assert_int_equal(rnm_mask_bytes(8, 3, 9), 27);
    assert_int_equal(rnm_mask_bytes(9, 3, 9), 2 * 27);
    assert_int_equal(rnm_mask_bytes(25, 3, 9), 4 * 27);
    assert_true(rnm_mask_bytes(0x7fffffff, 32, 1) == (uint64_t)0x80000000 / 8 * 32);
    assert_true(rnm_mask_position(0x7fffffff, 32, 1, 0x7ffffffe, 31, 0) ==
                (uint64_t)0x80000000 * 32 - 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s_close_to_f64),     cmocka_unit_test(test_s_corners),
        cmocka_unit_test(test_s_keeps_subnormals), cmocka_unit_test(test_children),
        cmocka_unit_test(test_beta_pairs),         cmocka_unit_test(test_mask_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
