/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice of kernels by masked features: a CPU that lacks any one thing that a table needs gets
 * the next table below, whatever CPU this test runs on; and what belongs to another architecture is
 * refused in words.
 */
#include "cpu.h"
#include "kernels/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *selected(uint32_t features, rnm_isa highest) {
    const rnm_kernels *kernels = NULL;
    assert_int_equal(rnm_kernels_select(features, highest, &kernels, NULL), RNM_OK);
    assert_non_null(kernels);
    return kernels->name;
}

/* Every variant: with what it needs it is chosen, without any one bit of that it is not. */
static void every_feature_counts(void **state) {
    (void)state;
    const rnm_variant *variant;
    uint32_t below = 0;
    for (size_t k = 0; (variant = rnm_kernels_variant(k)) != NULL; ++k) {
        const char *name = variant->kernels->name;
        assert_int_equal(variant->needs & below, below);
        assert_true(k == 0 ? variant->needs == 0 : variant->needs != below);
        assert_string_equal(selected(variant->needs, RNM_ISA_BEST), name);
        assert_string_equal(selected(UINT32_MAX, variant->isa), name);
        assert_string_equal(selected(variant->needs, variant->isa), name);
        for (uint32_t bit = 1; bit != 0; bit <<= 1) {
            if ((variant->needs & bit) != 0) {
                assert_string_not_equal(selected(UINT32_MAX & ~bit, RNM_ISA_BEST), name);
                assert_string_not_equal(selected(UINT32_MAX & ~bit, variant->isa), name);
            }
        }
        below = variant->needs;
    }
    assert_string_equal(rnm_kernels_variant(0)->kernels->name, "plain");
    assert_string_equal(selected(0, RNM_ISA_BEST), "plain");
}

/* What this CPU has suffices for more than plain C on both architectures that have kernels. */
static void this_cpu_has_vectors(void **state) {
    (void)state;
    uint32_t features = rnm_cpu_features();
    assert_int_equal(features, rnm_cpu_features());
#if defined(__x86_64__)
    assert_true((features & RNM_CPU_SSE2) != 0);
    assert_int_equal(features & RNM_CPU_NEON, 0);
    assert_string_equal(selected(features & RNM_CPU_SSE2, RNM_ISA_BEST), "sse2");
    assert_string_equal(selected(UINT32_MAX & ~RNM_CPU_FMA, RNM_ISA_AVX512), "sse2");
    assert_string_equal(selected(UINT32_MAX & ~RNM_CPU_AVX512BW, RNM_ISA_BEST), "avx2");
#elif defined(__aarch64__)
    assert_int_equal(features, RNM_CPU_NEON);
    assert_string_equal(selected(features, RNM_ISA_BEST), "neon");
#endif
}

static void refuses_other_architectures(void **state) {
    (void)state;
    static const struct {
        int isa;
        const char *name;
    } all[] = {{RNM_ISA_SSE2, "sse2"},
               {RNM_ISA_AVX2, "avx2"},
               {RNM_ISA_AVX512, "avx512"},
               {RNM_ISA_NEON, "neon"},
               {99, "99"},
               {-1, "-1"}};
    for (size_t k = 0; k < sizeof all / sizeof *all; ++k) {
        const rnm_variant *variant;
        bool ours = false;
        for (size_t n = 0; (variant = rnm_kernels_variant(n)) != NULL; ++n) {
            ours = ours || (int)variant->isa == all[k].isa;
        }
        const rnm_kernels *kernels = NULL;
        rnm_error error = {0};
        rnm_status status = rnm_kernels_select(UINT32_MAX, (rnm_isa)all[k].isa, &kernels, &error);
        assert_int_equal(status, ours ? RNM_OK : RNM_ERR_ARGUMENT);
        if (!ours) {
            assert_null(kernels);
            assert_non_null(strstr(error.text, all[k].name));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_feature_counts),
        cmocka_unit_test(this_cpu_has_vectors),
        cmocka_unit_test(refuses_other_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
