/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoders behind image_decode. Each takes bytes that start with its signature; on failure *out
 * may hold pixels, which image_decode frees.
 */
#ifndef RNM_IMAGE_FORMATS_H
#define RNM_IMAGE_FORMATS_H

#include "image.h"

#define PNG_SIGNATURE "\x89PNG\r\n\x1a\n"
#define JPEG_SIGNATURE "\xff\xd8\xff"

/* *orientation is set where the file's EXIF data has one. */
rnm_status image_decode_png(const uint8_t *bytes, size_t size, image *out, int *orientation,
                            rnm_error *error);
rnm_status image_decode_jpeg(const uint8_t *bytes, size_t size, image *out, int *orientation,
                             rnm_error *error);

enum { ORIENTATION_UPRIGHT = 1 };

/* The orientation in EXIF data (a TIFF header and its first directory); ORIENTATION_UPRIGHT where
 * there is none, or nothing that can be read. */
int exif_orientation(const uint8_t *bytes, size_t size);

#endif
