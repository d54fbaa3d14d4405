/* SPDX-License-Identifier: Apache-2.0
 *
 * The features of this CPU, by the means of the compiler and the operating system.
 */
#include "cpu.h"

#include <stddef.h>

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif

#if defined(CPU_FEATURE_ACTIVE) /* not in the header's first version */

/* As the C library found at the start; the compiler's own means ask the CPU again, which takes 40
 * microseconds in a virtual machine. XCR0 is in it: a feature whose registers the system does not
 * save is not active. Its own test of a bit shifts into the sign. */
uint32_t rnm_cpu_features(void) {
    static const struct {
        unsigned index;
        uint32_t feature;
    } table[] = {
        {x86_cpu_SSE2, RNM_CPU_SSE2},         {x86_cpu_AVX2, RNM_CPU_AVX2},
        {x86_cpu_FMA, RNM_CPU_FMA},           {x86_cpu_AVX512F, RNM_CPU_AVX512F},
        {x86_cpu_AVX512VL, RNM_CPU_AVX512VL}, {x86_cpu_AVX512DQ, RNM_CPU_AVX512DQ},
        {x86_cpu_AVX512BW, RNM_CPU_AVX512BW},
    };
    uint32_t features = 0;
    for (size_t k = 0; k < sizeof table / sizeof *table; ++k) {
        const unsigned leaf = table[k].index / 128, word = table[k].index / 32 % 4;
        const uint32_t active = __x86_get_cpuid_feature_leaf(leaf)->active_array[word];
        features |= (active >> table[k].index % 32 & 1) != 0 ? table[k].feature : 0;
    }
    return features;
}

#elif defined(__x86_64__)

uint32_t rnm_cpu_features(void) {
    /* The words must be literals, hence no table. XCR0 is looked at as well: a feature whose
     * registers the system does not save is not there. */
    return (__builtin_cpu_supports("sse2") ? RNM_CPU_SSE2 : 0) |
           (__builtin_cpu_supports("avx2") ? RNM_CPU_AVX2 : 0) |
           (__builtin_cpu_supports("fma") ? RNM_CPU_FMA : 0) |
           (__builtin_cpu_supports("avx512f") ? RNM_CPU_AVX512F : 0) |
           (__builtin_cpu_supports("avx512vl") ? RNM_CPU_AVX512VL : 0) |
           (__builtin_cpu_supports("avx512dq") ? RNM_CPU_AVX512DQ : 0) |
           (__builtin_cpu_supports("avx512bw") ? RNM_CPU_AVX512BW : 0);
}

#elif defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

uint32_t rnm_cpu_features(void) {
    const unsigned long advanced_simd = 1ul << 1; /* HWCAP_ASIMD of the kernel's interface */
    return (getauxval(AT_HWCAP) & advanced_simd) != 0 ? RNM_CPU_NEON : 0;
}

#elif defined(__aarch64__)

/* Every system but Linux demands it. */
uint32_t rnm_cpu_features(void) {
    return RNM_CPU_NEON;
}

#else

uint32_t rnm_cpu_features(void) {
    return 0;
}

#endif
