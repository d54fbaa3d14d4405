/* SPDX-License-Identifier: Apache-2.0
 *
 * binary16 and bfloat16 against their definition, every pattern.
 */
#include "half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* (-1)^s * m * 2^e by the definition, in f64, which holds every half exactly. */
static double half_value(unsigned pattern) {
    int exponent = (int)(pattern >> 10 & 31);
    int mantissa = (int)(pattern & 1023);
    double magnitude = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return (pattern & 0x8000) != 0 ? -magnitude : magnitude;
}

static void test_every_half(void **state) {
    (void)state;
    for (unsigned pattern = 0; pattern < 0x10000; pattern++) {
        float value = rnm_f16_to_f32((uint16_t)pattern);
        unsigned exponent = pattern >> 10 & 31;
        if (exponent == 31 && (pattern & 1023) != 0) {
            assert_true(isnan(value));
            assert_int_equal(rnm_f32_to_f16(value), pattern | 0x200);
            continue;
        }
        if (exponent == 31) {
            assert_true(isinf(value) && (value < 0) == (pattern >> 15 != 0));
        } else {
            assert_true((double)value == half_value(pattern));
            assert_int_equal(signbit(value) != 0, pattern >> 15);
        }
        assert_int_equal(rnm_f32_to_f16(value), pattern);
    }
}

/* Between neighbours: the middle goes to the even one, anything off it to the nearer one. */
static void test_half_rounding(void **state) {
    (void)state;
    for (unsigned low = 0; low < 0x7bff; low++) {
        float middle = (float)((half_value(low) + half_value(low + 1)) / 2);
        unsigned even = (low & 1) == 0 ? low : low + 1;
        assert_int_equal(rnm_f32_to_f16(middle), even);
        assert_int_equal(rnm_f32_to_f16(-middle), even | 0x8000);
        assert_int_equal(rnm_f32_to_f16(nextafterf(middle, 0)), low);
        assert_int_equal(rnm_f32_to_f16(nextafterf(middle, INFINITY)), low + 1);
    }
    assert_int_equal(rnm_f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(rnm_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(rnm_f32_to_f16(3e38f), 0x7c00);
    assert_int_equal(rnm_f32_to_f16(-INFINITY), 0xfc00);
    assert_int_equal(rnm_f32_to_f16(1e-45f), 0);
    assert_int_equal(rnm_f32_to_f16(-1e-45f), 0x8000);
}

static void test_every_bfloat(void **state) {
    (void)state;
    for (uint32_t pattern = 0; pattern < 0x10000; pattern++) {
        float value = rnm_bf16_to_f32((uint16_t)pattern);
        assert_int_equal(rnm_f32_bits(value), pattern << 16);
        uint32_t quiet = isnan(value) ? 0x40 : 0;
        assert_int_equal(rnm_f32_to_bf16(value), pattern | quiet);
        if ((pattern & 0x7f80) == 0x7f80) {
            continue;
        }
        uint32_t middle = pattern << 16 | 0x8000;
        assert_int_equal(rnm_f32_to_bf16(rnm_f32_from_bits(middle - 1)), pattern);
        assert_int_equal(rnm_f32_to_bf16(rnm_f32_from_bits(middle)), pattern + (pattern & 1));
        assert_int_equal(rnm_f32_to_bf16(rnm_f32_from_bits(middle + 1)), pattern + 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_half_rounding),
        cmocka_unit_test(test_every_bfloat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
