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

/* For the outputs [start, start + size) of out_size; the arrays count from `start`. */
static rnm_status filter_create(int in_size, int64_t out_size, int64_t start, int size, filter *f,
                                rnm_error *error) {
    double scale = (double)in_size / (double)out_size;
    double reach = fmax(scale, 1);
    size_t positions = (size_t)size;
    f->room = 2 * (int)ceil(reach) + 1;
    f->first = malloc(positions * sizeof *f->first);
    f->count = malloc(positions * sizeof *f->count);
    f->weights = malloc(positions * (size_t)f->room * sizeof *f->weights);
    if (f->first == NULL || f->count == NULL || f->weights == NULL) {
        filter_free(f);
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory to resize from %d to %lld", in_size,
                        (long long)out_size);
    }
    for (int out = 0; out < size; out++) {
        fill_position(f, out, ((double)(start + out) + 0.5) * scale, reach, in_size);
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

/* The columns that `kept` wants, of the rows [kept->top, kept->top + kept->height). */
static rnm_status resample_across(image *picture, int64_t width, image_window *kept,
                                  rnm_error *error) {
    filter f = {0};
    image made;
    size_t row_bytes = (size_t)picture->width * (size_t)picture->channels;
    rnm_status status = image_create(kept->width, kept->height, picture->channels, &made, error);
    if (status != RNM_OK) {
        return status;
    }
    status = filter_create(picture->width, width, kept->left, made.width, &f, error);
    if (status != RNM_OK) {
        image_free(&made);
        return status;
    }
    apply(&f, picture->pixels + (size_t)kept->top * row_bytes, picture->width, made.pixels,
          made.width, made.height, (size_t)picture->channels);
    filter_free(&f);
    image_free(picture);
    *picture = made;
    kept->left = kept->top = 0;
    return RNM_OK;
}

/* The rows of the filter. */
static rnm_status resample_down(image *picture, const filter *f, int64_t height, rnm_error *error) {
    image made;
    rnm_status status = image_create(picture->width, height, picture->channels, &made, error);
    if (status == RNM_OK) {
        apply(f, picture->pixels, picture->height, made.pixels, made.height, 1,
              (size_t)made.width * (size_t)made.channels);
        image_free(picture);
        *picture = made;
    }
    return status;
}

rnm_status resample(image *picture, int64_t width, int64_t height, image_window *kept,
                    rnm_error *error) {
    filter f = {0};
    rnm_status status = image_check_size(kept->width, kept->height, error);
    bool down = height != picture->height;
    image_window rows = *kept; /* the rows that the kept ones are made from */
    if (status == RNM_OK && down) {
        int last = (int)kept->height - 1;
        status = filter_create(picture->height, height, kept->top, last + 1, &f, error);
        if (status == RNM_OK) {
            rows.top = f.first[0];
            rows.height = f.first[last] + f.count[last] - rows.top;
        }
    }
    if (status == RNM_OK && width != picture->width) {
        int64_t above = rows.top;
        status = resample_across(picture, width, &rows, error);
        for (int64_t i = 0; down && status == RNM_OK && i < kept->height; i++) {
            f.first[i] -= (int)above;
        }
    }
    if (status == RNM_OK && down) {
        status = resample_down(picture, &f, kept->height, error);
        rows.top = 0;
    }
    if (status == RNM_OK) {
        kept->left = rows.left;
        kept->top = rows.top;
    }
    filter_free(&f);
    return status;
}
