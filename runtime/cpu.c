/* SPDX-License-Identifier: Apache-2.0
 *
 * The features of this CPU, by the means of the compiler and the operating system.
 */
#include "cpu.h"

#if defined(__x86_64__)

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
