/* SPDX-License-Identifier: Apache-2.0
 *
 * From an image to the numbers that a network wants.
 */
#include "preprocess.h"

#include "error.h"
#include "resample.h"

enum { SAMPLE_VALUES = 256 };

/* The size after resizing. */
static void find_size(const rnm_preprocess *steps, int64_t *width, int64_t *height) {
    if (steps->resize == RNM_TO_SIZE) {
        *width = steps->resize_width;
        *height = steps->resize_height;
    } else if (steps->resize == RNM_TO_SHORTER_SIDE && *width <= *height) {
        *height = *height * steps->resize_height / *width;
        *width = steps->resize_height;
    } else if (steps->resize == RNM_TO_SHORTER_SIDE) {
        *width = *width * steps->resize_height / *height;
        *height = steps->resize_height;
    }
}

/* round((size - crop) / 2), ties to even. */
static int64_t crop_start(int64_t size, int64_t crop) {
    int64_t rest = size - crop;
    int64_t half = rest / 2;
    return half + ((rest & 1) != 0 && (half & 1) != 0);
}

/* The part of the resized image that a crop keeps. */
static rnm_status find_window(const rnm_preprocess *steps, int64_t width, int64_t height,
                              image_window *out, rnm_error *error) {
    *out = (image_window){.width = width, .height = height};
    if (steps->crop_height == 0 && steps->crop_width == 0) {
        return RNM_OK;
    }
    if (width < steps->crop_width || height < steps->crop_height) {
        return rnm_fail(error, RNM_ERR_SHAPE,
                        "is too small: expected at least %d x %d pixels to crop, found %lld x %lld",
                        steps->crop_width, steps->crop_height, (long long)width, (long long)height);
    }
    *out = (image_window){.left = crop_start(width, steps->crop_width),
                          .top = crop_start(height, steps->crop_height),
                          .width = steps->crop_width,
                          .height = steps->crop_height};
    return RNM_OK;
}

static rnm_status check_result(const rnm_preprocess *steps, const image_window *kept, int channels,
                               const rnm_tensor *input, rnm_error *error) {
    int64_t width = kept->width + steps->pad_left + steps->pad_right;
    int64_t height = kept->height + steps->pad_top + steps->pad_bottom;
    if (input->dtype != RNM_F32 || input->rank != 4 || input->dims[0] != 1) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "does not fit: the model's input '%s' is not f32 of dims 1, C, H, W",
                        input->name);
    }
    if (channels != input->dims[1] || height != input->dims[2] || width != input->dims[3]) {
        return rnm_fail(error, RNM_ERR_SHAPE,
                        "does not fit: the model wants %lld channels of %lld x %lld pixels, found "
                        "%d of %lld x %lld after preprocessing",
                        (long long)input->dims[1], (long long)input->dims[3],
                        (long long)input->dims[2], channels, (long long)width, (long long)height);
    }
    return RNM_OK;
}

/* Writes one channel plane: the window between its zeros, every sample through a table of what the
 * normalisation makes of it. */
static void write_plane(const rnm_preprocess *steps, const image *picture, const image_window *kept,
                        int from_channel, int to_channel, const rnm_tensor *input) {
    float table[SAMPLE_VALUES];
    size_t width = (size_t)input->dims[3], height = (size_t)input->dims[2];
    float *out = (float *)input->data + (size_t)to_channel * width * height;
    for (int v = 0; v < SAMPLE_VALUES; v++) {
        table[v] = ((float)v / steps->divisor - steps->mean[to_channel]) / steps->std[to_channel];
    }
    for (size_t i = 0; i < width * height; i++) {
        out[i] = table[0];
    }
    for (int64_t y = 0; y < kept->height; y++) {
        const uint8_t *in = picture->pixels + ((size_t)(kept->top + y) * (size_t)picture->width +
                                               (size_t)kept->left) *
                                                  (size_t)picture->channels;
        float *row = out + (size_t)(steps->pad_top + y) * width + (size_t)steps->pad_left;
        for (int64_t x = 0; x < kept->width; x++) {
            row[x] = table[in[x * picture->channels + from_channel]];
        }
    }
}

rnm_status preprocess_find_place(const rnm_preprocess *steps, int width, int height,
                                 preprocess_place *out, rnm_error *error) {
    out->width = width;
    out->height = height;
    find_size(steps, &out->width, &out->height);
    return find_window(steps, out->width, out->height, &out->kept, error);
}

rnm_status preprocess(const rnm_preprocess *steps, image *picture, const rnm_tensor *input,
                      rnm_error *error) {
    preprocess_place place;
    int channels = steps->color == RNM_GRAY ? 1 : 3;
    rnm_status status = image_to_channels(picture, channels, error);
    if (status == RNM_OK) {
        status = preprocess_find_place(steps, picture->width, picture->height, &place, error);
    }
    if (status == RNM_OK) {
        status = check_result(steps, &place.kept, channels, input, error);
    }
    if (status == RNM_OK) {
        status = resample(picture, place.width, place.height, &place.kept, error);
    }
    if (status != RNM_OK) {
        return status;
    }
    for (int c = 0; c < channels; c++) {
        write_plane(steps, picture, &place.kept, steps->color == RNM_BGR ? channels - 1 - c : c, c,
                    input);
    }
    return RNM_OK;
}
