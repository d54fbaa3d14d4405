/* SPDX-License-Identifier: Apache-2.0
 *
 * Magnitudes of floats compare as their bits do, NaN above infinity above all others: as signed
 * numbers, whose larger every vector unit finds.
 */
#include "magnitude.h"

#include "half.h"

/* In lanes: of one vector alone every step would wait for the last. */
static uint32_t of_words(const int32_t *words, uint64_t count) {
    enum { LANES = 8 };
    int32_t lanes[LANES] = {0};
    for (; count >= LANES; count -= LANES, words += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            int32_t magnitude = words[lane] & 0x7fffffff;
            lanes[lane] = magnitude > lanes[lane] ? magnitude : lanes[lane];
        }
    }
    int32_t most = 0;
    for (int lane = 0; lane < LANES; lane++) {
        int32_t magnitude = (uint64_t)lane < count ? words[lane] & 0x7fffffff : 0;
        magnitude = magnitude > lanes[lane] ? magnitude : lanes[lane];
        most = magnitude > most ? magnitude : most;
    }
    return (uint32_t)most;
}

static uint16_t of_halves(const int16_t *halves, uint64_t count) {
    int16_t most = 0;
    for (uint64_t k = 0; k < count; k++) {
        int16_t magnitude = halves[k] & 0x7fff;
        most = magnitude > most ? magnitude : most;
    }
    return (uint16_t)most;
}

float rnm_max_magnitude(const void *data, rnm_dtype dtype, uint64_t count) {
    if (dtype == RNM_F32) {
        return rnm_f32_from_bits(of_words(data, count));
    }
    return dtype == RNM_F16 ? rnm_f16_to_f32(of_halves(data, count))
                            : rnm_bf16_to_f32(of_halves(data, count));
}
