/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain C, with 16-byte vectors of the compiler's: what every machine can do, complete, and what
 * every other variant is compared with.
 */
#define VARIANT plain
#define LANES 4
#define PASS 8
#define MAX_PIXELS 6
#define FMA(a, b, c) ((a) * (b) + (c))
#define SPLAT(x) ((vec){x, x, x, x})
#define NO_LANE_SHIFTS
#include "variant.inc"
