/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest magnitude, wherever it stands and however many elements there are.
 */
#include "half.h"
#include "magnitude.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 41 };

/* Of `count` small numbers with `value` at `place`, in a type of which value and they are exact. */
static float most_of(rnm_dtype dtype, size_t count, size_t place, float value) {
    float words[MOST] = {0};
    uint16_t halves[MOST] = {0};
    for (size_t k = 0; k < count; ++k) {
        const float element = k == place ? value : (k % 2 == 0 ? 0.5f : -0.25f);
        words[k] = element;
        halves[k] = dtype == RNM_F16 ? rnm_f32_to_f16(element) : rnm_f32_to_bf16(element);
    }
    return rnm_max_magnitude(dtype == RNM_F32 ? (const void *)words : (const void *)halves, dtype,
                             count);
}

static void is_found_everywhere(void **state) {
    (void)state;
    static const rnm_dtype dtypes[] = {RNM_F32, RNM_F16, RNM_BF16};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; ++d) {
        assert_true(most_of(dtypes[d], 0, 0, 0) == 0.0f);
        for (size_t count = 1; count <= MOST; ++count) {
            for (size_t place = 0; place < count; ++place) {
                assert_true(most_of(dtypes[d], count, place, -8.0f) == 8.0f);
                assert_true(isinf(most_of(dtypes[d], count, place, -INFINITY)));
                assert_true(isnan(most_of(dtypes[d], count, place, NAN)));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_found_everywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
