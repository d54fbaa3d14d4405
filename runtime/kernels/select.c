/* SPDX-License-Identifier: Apache-2.0
 *
 * Which table of kernels this CPU runs: its features on one side, what tables need on the other.
 */
#include "kernels.h"

#include "rnm.h"

extern const rnm_kernels rnm_kernels_avx512, rnm_kernels_avx2, rnm_kernels_neon;

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#endif

/* From the slowest up; the last one that the CPU has and the caller allows counts. */
const rnm_kernels *rnm_kernels_select(int highest) {
    const rnm_kernels *best = &rnm_kernels_plain;
    if (highest == RNM_ISA_PLAIN) {
        return best;
    }
#if defined(__x86_64__)
    if (has_avx2()) {
        best = &rnm_kernels_avx2;
    }
    if (has_avx512() && highest != RNM_ISA_AVX2) {
        best = &rnm_kernels_avx512;
    }
#elif defined(__aarch64__)
    best = &rnm_kernels_neon;
#endif
    return best;
}
