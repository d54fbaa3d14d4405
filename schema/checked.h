/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on sizes that come from outside. Each returns false, and leaves *out alone or
 * undefined, when the true result does not fit.
 */
#ifndef RNM_CHECKED_H
#define RNM_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool rnm_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool rnm_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

/* True when [offset, offset + length) lies inside [0, size). */
static inline bool rnm_range_inside(uint64_t offset, uint64_t length, uint64_t size) {
    return offset <= size && length <= size - offset;
}

/* Rounds up to a power of two; false on overflow. */
static inline bool rnm_align_u64(uint64_t value, uint64_t alignment, uint64_t *out) {
    if (!rnm_add_u64(value, alignment - 1, out)) {
        return false;
    }
    *out &= ~(alignment - 1);
    return true;
}

#endif
