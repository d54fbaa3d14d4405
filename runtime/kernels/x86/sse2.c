/* SPDX-License-Identifier: Apache-2.0
 *
 * SSE2, which every x86-64 has: 16 registers of 4 lanes hold 6 rows of 2 vectors of sums, 2 of
 * weights, one broadcast and one product, as multiplication is a step of its own here.
 */
#include <emmintrin.h>

#define VARIANT sse2
#define LANES 4
#define PASS 8
#define MAX_PIXELS 6
#define FMA(a, b, c) ((vec)_mm_add_ps(_mm_mul_ps((__m128)(a), (__m128)(b)), (__m128)(c)))
#define SPLAT(x) ((vec)_mm_set1_ps(x))
#define MIN(a, b) ((vec)_mm_min_ps((__m128)(a), (__m128)(b)))
#define MAX(a, b) ((vec)_mm_max_ps((__m128)(a), (__m128)(b)))
#define NO_LANE_SHIFTS
#include "../variant.inc"
