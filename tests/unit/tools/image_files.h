/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG and JPEG files of every kind, made with the libraries' own encoders.
 */
#ifndef RNM_TESTS_IMAGE_FILES_H
#define RNM_TESTS_IMAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image_file {
    uint8_t *bytes; /* the caller frees */
    size_t size;
} image_file;

/* `rows` holds rows as PNG has them, packed, each starting on a byte. `transparency` adds a tRNS
 * chunk. Palettes have entry i = (i, 2 i, 255 - i), modulo 256, as many as the depth allows. */
image_file make_png(int color_type, int depth, int width, int height, const uint8_t *rows,
                    bool interlaced, bool transparency);

/* `samples` has `channels` (1 grey, 3 RGB, 4 CMYK) a pixel. Quality 95. */
image_file make_jpeg(int channels, int width, int height, const uint8_t *samples, bool progressive);

#endif
