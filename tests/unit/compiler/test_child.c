/* SPDX-License-Identifier: Apache-2.0
 *
 * Children of a few elements against values worked out by hand: tiling with edges, signs that
 * compound, zeros, drops, betas in all three orders, random kernels.
 */
#include "child.h"

#include "testing.h"

#include <math.h>

static rnc_tensor matrix(const float *data, int64_t rows, int64_t columns) {
    return (rnc_tensor){.name = "t",
                        .dtype = RNM_F32,
                        .rank = 2,
                        .dims = {rows, columns},
                        .strides = {columns, 1},
                        .data = (const uint8_t *)data};
}

static rnc_child make(rnc_transform transform, const rnc_tensor *parent, uint32_t co, uint32_t ci) {
    return (rnc_child){.name = "layer",
                       .transform = transform,
                       .rank = 2,
                       .dims = {co, ci},
                       .co = co,
                       .ci = ci,
                       .taps = 1,
                       .po = (uint32_t)parent->dims[0],
                       .pi = (uint32_t)parent->dims[1],
                       .parent = parent};
}

static void check(const rnc_child *child, const float *expected) {
    float row[8];
    rnc_child_rows *rows = rnc_child_rows_open(child, RNM_F32);
    assert_non_null(rows);
    for (uint32_t o = 0; o < child->co; o++) {
        rnc_child_row(rows, o, row);
        for (uint32_t i = 0; i < child->ci; i++) {
            float want = expected[o * child->ci + i];
            if (!(fabsf(row[i] - want) <= 1e-6f * fmaxf(1.0f, fabsf(want))) ||
                !signbit(row[i]) != !signbit(want)) {
                fail_msg("[%u, %u] is %g, expected %g", o, i, (double)row[i], (double)want);
            }
        }
    }
    rnc_child_rows_close(rows);
}

static const float parent_values[] = {1, -2, 3, 4}; /* [[1, -2], [3, 4]] */

static void linear_tiles_edges_included(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    rnc_child child = make(RNC_LINEAR, &parent, 3, 5);
    check(&child, (const float[]){1, -2, 1, -2, 1, 3, 4, 3, 4, 3, 1, -2, 1, -2, 1});
    assert_int_equal(rnc_child_elements(&child), 15);
    assert_false(rnc_child_dense(&child));
    rnc_child own = make(RNC_LINEAR, &parent, 2, 2);
    assert_true(rnc_child_dense(&own));
}

static void strided_parent(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    parent.strides[0] = 1; /* transposed: [[1, 3], [-2, 4]] */
    parent.strides[1] = 2;
    rnc_child child = make(RNC_LINEAR, &parent, 2, 3);
    check(&child, (const float[]){1, 3, 1, -2, 4, -2});
}

static void signs_compound_at_edges(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    rnc_tensor mask = matrix((const float[]){1, -1, -1, INFINITY}, 2, 2);
    rnc_tensor rows = matrix((const float[]){-0.5f, -1e-30f}, 1, 2);
    rnc_tensor columns = matrix((const float[]){1, -1, -3}, 3, 1);
    rnc_child child = make(RNC_F, &parent, 3, 3);
    child.mask = &mask;
    child.row_mask = &rows;
    child.col_mask = &columns;
    /* regular [[1, 2], [-3, 4]], row edge [-1, -2], column edge [1, -(-3), -(-1)] */
    check(&child, (const float[]){1, 2, 1, -3, 4, 3, -1, -2, 1});
}

static void zero_signs_keep_a_sign(void **state) {
    (void)state;
    rnc_tensor parent = matrix((const float[]){-5}, 1, 1);
    rnc_tensor mask = matrix((const float[]){0, -0.0f, -1}, 3, 1);
    rnc_child child = make(RNC_F, &parent, 3, 1);
    bool negative;
    bool zero;
    child.mask = &mask;
    check(&child, (const float[]){-0.0f, -0.0f, 5});
    rnc_child_rows *rows = rnc_child_rows_open(&child, RNM_F32);
    assert_non_null(rows);
    rnc_child_signs(rows, 1, &negative, &zero);
    assert_true(zero && !negative);
    rnc_child_signs(rows, 2, &negative, &zero);
    assert_true(!zero && negative);
    rnc_child_rows_close(rows);
}

static void drops(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    rnc_tensor mask = matrix((const float[]){1, 0, 0, 1, 1, 0}, 2, 3);
    rnc_child child = make(RNC_DROP, &parent, 2, 3);
    child.mask = &mask;
    check(&child, (const float[]){1, -0.0f, 0, 3, 4, 0});
}

/* With b2 = 0 the denominator is 1 + exp(0) = 2: s(p) = p * b1 / 2. */
static const float none[] = {0, 0, 0, 0, 0, 0};

static void s_row_major(void **state) {
    (void)state;
    rnc_tensor parent = matrix((const float[]){1}, 1, 1);
    rnc_tensor b1 = matrix((const float[]){2, 4, 6, 8, 10, 12}, 1, 6);
    rnc_tensor b2 = matrix(none, 1, 6);
    rnc_child child = make(RNC_S, &parent, 2, 3);
    child.b1 = &b1;
    child.b2 = &b2;
    assert_int_equal(rnc_child_pair_count(&child), 6);
    check(&child, (const float[]){1, 2, 3, 4, 5, 6});
}

static void s_interleaved(void **state) {
    (void)state;
    rnc_tensor parent = matrix((const float[]){1, 1, 1, 1}, 2, 2);
    rnc_tensor b1 = matrix((const float[]){2, 4, 6, 8}, 1, 4);
    rnc_tensor b2 = matrix(none, 1, 4);
    rnc_child child = make(RNC_S, &parent, 4, 4);
    child.b1 = &b1;
    child.b2 = &b2;
    child.flags = RNM_RECIPE_INTERLEAVED;
    check(&child, (const float[]){1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4});
    child.flags = 0;
    check(&child, (const float[]){1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4});
}

static void s_cascades(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    rnc_tensor b1 = matrix((const float[]){2}, 1, 1);
    rnc_tensor row = matrix((const float[]){20}, 1, 1);
    rnc_tensor column = matrix((const float[]){200}, 1, 1);
    rnc_tensor b2 = matrix(none, 1, 1);
    rnc_child child = make(RNC_S, &parent, 3, 3);
    child.b1 = &b1;
    child.b2 = child.row_b2 = child.col_b2 = &b2;
    child.row_b1 = &row;
    child.col_b1 = &column;
    child.flags = RNM_RECIPE_CASCADED;
    assert_int_equal(rnc_child_pair_count(&child), 3);
    check(&child, (const float[]){1, -2, 100, 3, 4, 300, 10, -20, 1000});
}

static void s_has_a_plus_sign(void **state) {
    (void)state;
    rnc_tensor parent = matrix((const float[]){1, -1}, 2, 1);
    rnc_tensor b1 = matrix((const float[]){1, 1}, 1, 2);
    rnc_tensor b2 = matrix((const float[]){1, 200}, 1, 2);
    rnc_child child = make(RNC_S, &parent, 2, 2);
    child.b1 = &b1;
    child.b2 = &b2;
    /* 1 / (1 + e), 1 / inf; -1 / (1 + 1/e), -1 / 1 */
    check(&child, (const float[]){0.26894143f, 0.0f, -0.73105857f, -1.0f});
}

static void random_kernels_follow_the_parent(void **state) {
    (void)state;
    rnc_tensor parent = matrix(parent_values, 2, 2);
    rnc_tensor random = matrix((const float[]){5, 6}, 2, 1);
    rnc_tensor mask = matrix((const float[]){1, -1, 1, 1, -1, 0}, 2, 3);
    rnc_child child = make(RNC_RANDOM, &parent, 2, 3);
    child.random = &random;
    child.mask = &mask;
    check(&child, (const float[]){1, 2, 3, 4, -5, 0});
    assert_true(rnc_child_dense(&child));
}

static void rounding_of_parents(void **state) {
    (void)state;
    assert_true(rnc_round_to(1.00001f, RNM_F32) == 1.00001f);
    assert_true(rnc_round_to(1.0004f, RNM_F16) == 1.0f);
    assert_true(rnc_round_to(1.0006f, RNM_F16) == 1.0009765625f);
    assert_true(rnc_round_to(1.003f, RNM_BF16) == 1.0f);
    assert_true(rnc_round_to(1.005f, RNM_BF16) == 1.0078125f);
    assert_true(isinf(rnc_round_to(1e6f, RNM_F16)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_tiles_edges_included),
        cmocka_unit_test(strided_parent),
        cmocka_unit_test(signs_compound_at_edges),
        cmocka_unit_test(zero_signs_keep_a_sign),
        cmocka_unit_test(drops),
        cmocka_unit_test(s_row_major),
        cmocka_unit_test(s_interleaved),
        cmocka_unit_test(s_cascades),
        cmocka_unit_test(s_has_a_plus_sign),
        cmocka_unit_test(random_kernels_follow_the_parent),
        cmocka_unit_test(rounding_of_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
