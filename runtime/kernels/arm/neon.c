/* SPDX-License-Identifier: Apache-2.0
 *
 * NEON (aarch64): 32 registers of 4 lanes hold 6 rows of 4 vectors of sums, 4 of weights and one
 * broadcast.
 */
#include <arm_neon.h>

#define VARIANT neon
#define LANES 4
#define PASS 16
#define FEW_TILES
#define MAX_PIXELS 6
#define FMA(a, b, c) ((vec)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define SPLAT(x) ((vec)vdupq_n_f32(x))
#include "../variant.inc"
