/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX2 and FMA: 16 registers of 8 lanes hold 6 rows of 2 vectors of sums, 2 of weights and one
 * broadcast.
 */
#include <immintrin.h>

#define VARIANT avx2
#define LANES 8
#define PASS 16
#define MAX_PIXELS 6
#define FMA(a, b, c) ((vec)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define SPLAT(x) ((vec)_mm256_set1_ps(x))
#define MIN(a, b) ((vec)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define MAX(a, b) ((vec)_mm256_max_ps((__m256)(a), (__m256)(b)))
#include "../variant.inc"
