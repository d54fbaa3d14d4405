/* SPDX-License-Identifier: Apache-2.0
 *
 * What this CPU can do, and nothing of what is made of it: kernels/select.c chooses kernels by a
 * word of these bits. Tests mask a CPU by clearing bits of the word before they hand it on; the
 * library reads no environment variable.
 */
#ifndef RNM_CPU_H
#define RNM_CPU_H

#include <stdint.h>

/* One bit a feature; those of another architecture are never set. */
#define RNM_CPU_SSE2 (1u << 0)
#define RNM_CPU_AVX2 (1u << 1)
#define RNM_CPU_FMA (1u << 2)
#define RNM_CPU_AVX512F (1u << 3)
#define RNM_CPU_AVX512VL (1u << 4)
#define RNM_CPU_AVX512DQ (1u << 5)
#define RNM_CPU_AVX512BW (1u << 6)
#define RNM_CPU_NEON (1u << 7)

/* The features that the CPU has and the operating system lets be used. Asks anew at every call,
 * which takes well under a microsecond, and keeps nothing. Any thread. */
uint32_t rnm_cpu_features(void);

#endif
