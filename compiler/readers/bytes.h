/* SPDX-License-Identifier: Apache-2.0
 *
 * Little-endian numbers at any address. Callers have checked that the bytes are there.
 */
#ifndef RNC_READERS_BYTES_H
#define RNC_READERS_BYTES_H

#include <stdint.h>

static inline uint64_t rnc_load_le(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline uint16_t rnc_load_u16(const uint8_t *bytes) {
    return (uint16_t)rnc_load_le(bytes, 2);
}

static inline uint32_t rnc_load_u32(const uint8_t *bytes) {
    return (uint32_t)rnc_load_le(bytes, 4);
}

static inline uint64_t rnc_load_u64(const uint8_t *bytes) {
    return rnc_load_le(bytes, 8);
}

#endif
