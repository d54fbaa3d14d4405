/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators on quantised numbers share.
 */
#ifndef RNM_QUANTIZE_H
#define RNM_QUANTIZE_H

#include "rnm_base.h"

#include <math.h>

/* `value` rounded, halves to even, plus `zero`, but within [least, most]; a NaN counts as 0. */
static inline int32_t rnm_saturate(double value, int32_t zero, int32_t least, int32_t most) {
    double sum = isnan(value) ? zero : rint(value) + zero;
    return sum < least ? least : sum > most ? most : (int32_t)sum;
}

/* Element k of i8 or u8 numbers. */
static inline int32_t rnm_byte_at(const void *bytes, rnm_dtype type, int64_t k) {
    return type == RNM_I8 ? ((const int8_t *)bytes)[k] : ((const uint8_t *)bytes)[k];
}

static inline void rnm_store_byte(void *bytes, rnm_dtype type, int64_t k, double value,
                                  int32_t zero) {
    if (type == RNM_I8) {
        ((int8_t *)bytes)[k] = (int8_t)rnm_saturate(value, zero, INT8_MIN, INT8_MAX);
    } else {
        ((uint8_t *)bytes)[k] = (uint8_t)rnm_saturate(value, zero, 0, UINT8_MAX);
    }
}

#endif
