/* SPDX-License-Identifier: Apache-2.0
 *
 * IEEE binary16 and bfloat16 as bit patterns, to and from f32. Integer arithmetic on the bits, so
 * that results depend neither on the rounding mode nor on what the CPU offers.
 */
#ifndef RNM_HALF_H
#define RNM_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t rnm_f32_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float rnm_f32_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* value / 2^shift, ties to even; shift in 1..31. */
static inline uint32_t rnm_shift_right_even(uint32_t value, unsigned shift) {
    uint32_t quotient = value >> shift;
    uint32_t rest = value & ((UINT32_C(1) << shift) - 1);
    uint32_t half = UINT32_C(1) << (shift - 1);
    return quotient + (rest > half || (rest == half && (quotient & 1) != 0));
}

/* Exact for every pattern: subnormals, infinities, and NaNs with their payload. */
static inline float rnm_f16_to_f32(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, magnitude = half & 0x7fffu;
    /* Masks, not branches, so that loops over many become vectors. */
    const uint32_t tiny = 0u - (uint32_t)(magnitude < 0x400u);
    const uint32_t special = 0u - (uint32_t)(magnitude >= 0x7c00u);
    /* Zero or subnormal: a multiple of 2^-24, which is a normal f32, so the product is exact. */
    const uint32_t small = rnm_f32_bits((float)(int32_t)magnitude * 0x1p-24f);
    const uint32_t large = (magnitude << 13) + ((127u - 15u) << 23) + (special & (112u << 23));
    return rnm_f32_from_bits(sign | (small & tiny) | (large & ~tiny));
}

/* Rounds to nearest, ties to even; overflows to infinity; a NaN stays one (made quiet). */
static inline uint16_t rnm_f32_to_f16(float value) {
    uint32_t bits = rnm_f32_bits(value);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    }
    if (magnitude >= 0x47800000u) { /* 2^16 and above */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (magnitude >= 0x38800000u) { /* 2^-14: the smallest normal half */
        /* A carry out of the mantissa raises the exponent, up to infinity: as it should. */
        return (uint16_t)(sign | rnm_shift_right_even(magnitude - 0x38000000u, 13));
    }
    uint32_t exponent = magnitude >> 23;
    if (exponent < 102) { /* below 2^-25, which is half of the smallest subnormal */
        return (uint16_t)sign;
    }
    uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    return (uint16_t)(sign | rnm_shift_right_even(mantissa, 126 - exponent));
}

/* Exact. */
static inline float rnm_bf16_to_f32(uint16_t brain) {
    return rnm_f32_from_bits((uint32_t)brain << 16);
}

/* Rounds to nearest, ties to even; overflows to infinity; a NaN stays one (made quiet). */
static inline uint16_t rnm_f32_to_bf16(float value) {
    uint32_t bits = rnm_f32_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    return (uint16_t)rnm_shift_right_even(bits, 16);
}

#endif
