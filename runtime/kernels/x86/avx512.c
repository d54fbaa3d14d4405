/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-512 (F, VL, DQ, BW): 32 registers of 16 lanes hold 14 rows of 2 vectors of sums, 2 of weights
 * and one broadcast.
 */
#include <immintrin.h>

#define VARIANT avx512
#define LANES 16
#define PASS 32
#define FEW_TILES
#define MAX_PIXELS 14
#define FMA(a, b, c) ((vec)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define SPLAT(x) ((vec)_mm512_set1_ps(x))
#define MIN(a, b) ((vec)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define MAX(a, b) ((vec)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define LOOK_UP(table, index) ((vec)_mm512_permutexvar_ps((__m512i)(index), (__m512)(table)))
#define SCALE(x, n) ((vec)_mm512_scalef_ps((__m512)(x), (__m512)(n)))
#define NEARER(x, b) ((vec)_mm512_range_ps((__m512)(x), (__m512)(b), 2))
#define FLIP(value, bits)                            \
    ((vec)_mm512_castsi512_ps(_mm512_mask_xor_epi32( \
        (__m512i)(value), (__mmask16)(bits), (__m512i)(value), _mm512_set1_epi32(INT32_MIN))))
#include "../variant.inc"
