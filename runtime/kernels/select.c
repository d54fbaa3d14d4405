/* SPDX-License-Identifier: Apache-2.0
 *
 * Which table of kernels a CPU runs: what tables need on one side, the CPU's features (cpu.h) on
 * the other.
 */
#include "select.h"

#include "cpu.h"
#include "error.h"

#include <stdio.h>

extern const rnm_kernels rnm_kernels_sse2, rnm_kernels_avx2, rnm_kernels_avx512, rnm_kernels_neon;

#define AVX2 (RNM_CPU_SSE2 | RNM_CPU_AVX2 | RNM_CPU_FMA)
#define AVX512 (AVX2 | RNM_CPU_AVX512F | RNM_CPU_AVX512VL | RNM_CPU_AVX512DQ | RNM_CPU_AVX512BW)

/* What this library was built with, from the slowest up. */
static const rnm_variant variants[] = {
    {RNM_ISA_PLAIN, 0, &rnm_kernels_plain},
#if defined(__x86_64__)
    {RNM_ISA_SSE2, RNM_CPU_SSE2, &rnm_kernels_sse2},
    {RNM_ISA_AVX2, AVX2, &rnm_kernels_avx2},
    {RNM_ISA_AVX512, AVX512, &rnm_kernels_avx512},
#elif defined(__aarch64__)
    {RNM_ISA_NEON, RNM_CPU_NEON, &rnm_kernels_neon},
#endif
};

enum { VARIANTS = sizeof variants / sizeof *variants };

const rnm_variant *rnm_kernels_variant(size_t index) {
    return index < VARIANTS ? &variants[index] : NULL;
}

static rnm_status refuse(rnm_isa isa, rnm_error *err) {
    static const char *const names[] = {
        [RNM_ISA_BEST] = "best",     [RNM_ISA_PLAIN] = "plain", [RNM_ISA_AVX2] = "avx2",
        [RNM_ISA_AVX512] = "avx512", [RNM_ISA_NEON] = "neon",   [RNM_ISA_SSE2] = "sse2",
    };
    char known[64] = "";
    for (size_t k = 0, length = 0; k < VARIANTS; ++k) {
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", k > 0 ? ", " : "",
                                   variants[k].kernels->name);
    }
    if ((int)isa < 0 || (size_t)isa >= sizeof names / sizeof *names) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "isa: expected an instruction set, found %d",
                        (int)isa);
    }
    return rnm_fail(err, RNM_ERR_ARGUMENT,
                    "isa: expected one of this architecture (%s), found %s, which is another's",
                    known, names[isa]);
}

rnm_status rnm_kernels_select(uint32_t features, rnm_isa highest, const rnm_kernels **out,
                              rnm_error *err) {
    const rnm_kernels *best = NULL;
    for (size_t k = 0; k < VARIANTS; ++k) {
        if ((variants[k].needs & ~features) == 0) {
            best = variants[k].kernels;
        }
        if (variants[k].isa == highest) {
            *out = best;
            return RNM_OK;
        }
    }
    if (highest != RNM_ISA_BEST) {
        return refuse(highest, err);
    }
    *out = best;
    return RNM_OK;
}
