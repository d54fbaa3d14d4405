/* SPDX-License-Identifier: Apache-2.0
 *
 * Bilinear resizing in two passes, in fixed point.
 */
#include "resample.h"

#include "error.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Weights are whole numbers of 2^-22, what is left of 32 bits beside an 8-bit sample and headroom
 * of 2: the precision decides how ties round, so it is part of the numbers. */
enum { WEIGHT_BITS = 22 };

/* For every output position the inputs [first, first + count) and their weights, `room` apart. */
typedef struct filter {
    int *first, *count;
    int32_t *weights;
    int room;
} filter;

static void filter_free(filter *f) {
    free(f->first);
    free(f->count);
    free(f->weights);
}

static int clamp_to(double position, int most) {
    return position <= 0 ? 0 : (position >= most ? most : (int)position);
}

/* The triangle around `center`, `reach` wide to each side, in weights that add up to one. */
static void fill_position(filter *f, int out, double center, double reach, int in_size) {
    int first = clamp_to(center - reach + 0.5, in_size);
    int count = clamp_to(center + reach + 0.5, in_size) - first;
    int32_t *weights = f->weights + (size_t)out * (size_t)f->room;
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += fmax(0, 1 - fabs((first + i - center + 0.5) / reach));
    }
    for (int i = 0; i < count; i++) {
        double weight = fmax(0, 1 - fabs((first + i - center + 0.5) / reach)) / sum;
        weights[i] = (int32_t)(0.5 + weight * (1 << WEIGHT_BITS));
    }
    f->first[out] = first;
    f->count[out] = count;
}

static rnm_status filter_create(int in_size, int out_size, filter *f, rnm_error *error) {
    double scale = (double)in_size / out_size;
    double reach = fmax(scale, 1);
    size_t positions = (size_t)out_size;
    f->room = 2 * (int)ceil(reach) + 1;
    f->first = malloc(positions * sizeof *f->first);
    f->count = malloc(positions * sizeof *f->count);
    f->weights = malloc(positions * (size_t)f->room * sizeof *f->weights);
    if (f->first == NULL || f->count == NULL || f->weights == NULL) {
        filter_free(f);
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory to resize from %d to %d", in_size,
                        out_size);
    }
    for (int out = 0; out < out_size; out++) {
        fill_position(f, out, (out + 0.5) * scale, reach, in_size);
    }
    return RNM_OK;
}

/* One output sample: `stride` is the distance between the inputs that are added up. */
static uint8_t weigh(const uint8_t *samples, size_t stride, const int32_t *weights, int count) {
    /* Rounding of the weights can carry the sum a little past 255. */
    int64_t sum = 1 << (WEIGHT_BITS - 1);
    for (int i = 0; i < count; i++) {
        sum += (int64_t)samples[(size_t)i * stride] * weights[i];
    }
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum > UINT8_MAX ? UINT8_MAX : sum);
}

/* The samples of both images as runs: `runs` times, `size` positions of `inner` samples each; the
 * filter goes along the positions. A horizontal pass has a run for every row, a vertical pass one
 * run whose positions are rows. */
static void apply(const filter *f, const uint8_t *in, int in_size, uint8_t *out, int out_size,
                  int runs, size_t inner) {
    for (int run = 0; run < runs; run++) {
        for (int o = 0; o < out_size; o++) {
            const uint8_t *samples = in + (size_t)f->first[o] * inner;
            const int32_t *weights = f->weights + (size_t)o * (size_t)f->room;
            for (size_t i = 0; i < inner; i++) {
                *out++ = weigh(samples + i, inner, weights, f->count[o]);
            }
        }
        in += (size_t)in_size * inner;
    }
}

static rnm_status pass(image *picture, int64_t width, int64_t height, rnm_error *error) {
    filter f = {0};
    image made;
    int channels = picture->channels;
    bool across = width != picture->width;
    rnm_status status = image_create(width, height, channels, &made, error);
    if (status != RNM_OK) {
        return status;
    }
    status = across ? filter_create(picture->width, made.width, &f, error)
                    : filter_create(picture->height, made.height, &f, error);
    if (status != RNM_OK) {
        image_free(&made);
        return status;
    }
    if (across) {
        apply(&f, picture->pixels, picture->width, made.pixels, made.width, made.height,
              (size_t)channels);
    } else {
        apply(&f, picture->pixels, picture->height, made.pixels, made.height, 1,
              (size_t)made.width * (size_t)channels);
    }
    filter_free(&f);
    image_free(picture);
    *picture = made;
    return RNM_OK;
}

rnm_status resample(image *picture, int64_t width, int64_t height, rnm_error *error) {
    rnm_status status = RNM_OK;
    if (width != picture->width) {
        status = pass(picture, width, picture->height, error);
    }
    if (status == RNM_OK && height != picture->height) {
        status = pass(picture, picture->width, height, error);
    }
    return status;
}
