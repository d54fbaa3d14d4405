/* SPDX-License-Identifier: Apache-2.0
 *
 * Images: which decoder, room for pixels, grey and colour.
 */
#include "image.h"

#include "error.h"
#include "file_bytes.h"
#include "image_formats.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *signature;
    size_t size;
    rnm_status (*decode)(const uint8_t *bytes, size_t size, image *out, int *orientation,
                         rnm_error *error);
} formats[] = {
    {PNG_SIGNATURE, sizeof PNG_SIGNATURE - 1, image_decode_png},
    {JPEG_SIGNATURE, sizeof JPEG_SIGNATURE - 1, image_decode_jpeg},
};

rnm_status image_check_size(int64_t width, int64_t height, rnm_error *error) {
    if (width < 1 || height < 1) {
        return rnm_fail(error, RNM_ERR_LIMIT,
                        "an image of %lld x %lld pixels; expected at least one", (long long)width,
                        (long long)height);
    }
    if (width > IMAGE_PIXELS_MOST || height > IMAGE_PIXELS_MOST ||
        width * height > IMAGE_PIXELS_MOST) {
        return rnm_fail(error, RNM_ERR_LIMIT,
                        "an image of %lld x %lld pixels; the most that is taken is %d pixels",
                        (long long)width, (long long)height, IMAGE_PIXELS_MOST);
    }
    return RNM_OK;
}

rnm_status image_create(int64_t width, int64_t height, int channels, image *out, rnm_error *error) {
    rnm_status status = image_check_size(width, height, error);
    if (status != RNM_OK) {
        return status;
    }
    image made = {.width = (int)width, .height = (int)height, .channels = channels};
    made.pixels = malloc((size_t)width * (size_t)height * (size_t)channels);
    if (made.pixels == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory for an image of %d x %d pixels",
                        made.width, made.height);
    }
    *out = made;
    return RNM_OK;
}

void image_free(image *picture) {
    free(picture->pixels);
    *picture = (image){0};
}

rnm_status image_decode(const uint8_t *bytes, size_t size, image *out, rnm_error *error) {
    *out = (image){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (size >= formats[i].size && memcmp(bytes, formats[i].signature, formats[i].size) == 0) {
            int orientation = ORIENTATION_UPRIGHT;
            rnm_status status = formats[i].decode(bytes, size, out, &orientation, error);
            if (status == RNM_OK) {
                status = image_turn(out, orientation, error);
            }
            if (status != RNM_OK) {
                image_free(out);
            }
            return status;
        }
    }
    return rnm_fail(error, RNM_ERR_FORMAT, "is neither a PNG nor a JPEG image");
}

rnm_status image_open(const char *path, image *out, rnm_error *error) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    *out = (image){0};
    rnm_status status = file_bytes_read(path, IMAGE_FILE_MOST, &bytes, &size, error);
    if (status != RNM_OK) {
        return status;
    }
    status = image_decode(bytes, size, out, error);
    if (status != RNM_OK) {
        rnm_fail_in(error, status, path);
    }
    free(bytes);
    return status;
}

/* FORMAT.md section 7. */
static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

rnm_status image_to_channels(image *picture, int channels, rnm_error *error) {
    image made;
    if (picture->channels == channels) {
        return RNM_OK;
    }
    rnm_status status = image_create(picture->width, picture->height, channels, &made, error);
    if (status != RNM_OK) {
        return status;
    }
    size_t count = (size_t)made.width * (size_t)made.height;
    for (size_t i = 0; i < count; i++) {
        if (channels == 1) {
            made.pixels[i] = luma(picture->pixels + 3 * i);
        } else {
            memset(made.pixels + 3 * i, picture->pixels[i], 3);
        }
    }
    image_free(picture);
    *picture = made;
    return RNM_OK;
}
