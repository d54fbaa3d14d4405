/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG and JPEG files as 8-bit samples, decoded to the same numbers as Pillow's exif_transpose and
 * convert("RGB") or convert("L"): turned as the EXIF orientation says, alpha is dropped, gamma is
 * not applied, 16-bit colour keeps its high byte, CMYK is taken as Adobe writes it (inverted).
 * Refused by name: 16-bit grey, of which Pillow keeps the low byte only.
 */
#ifndef RNM_IMAGE_H
#define RNM_IMAGE_H

#include "rnm_base.h"

/* Rows from the top, pixels from the left, channels (1 grey, 3 RGB) innermost, no gaps. */
typedef struct image {
    int width, height, channels;
    uint8_t *pixels; /* malloc */
} image;

#define IMAGE_FILE_MOST ((size_t)256 << 20) /* bytes of a file */
#define IMAGE_PIXELS_MOST 100000000         /* pixels of one image */

/* Decodes the file, told by its content. The caller frees *out with image_free. On failure *out is
 * empty and the error names the file. RNM_ERR_IO, _FORMAT, _UNSUPPORTED, _LIMIT, _MEMORY. */
rnm_status image_open(const char *path, image *out, rnm_error *error);

/* The same from memory; errors do not name a file. */
rnm_status image_decode(const uint8_t *bytes, size_t size, image *out, rnm_error *error);

/* Makes it of 1 or 3 channels: grey is copied, colour becomes luma. RNM_ERR_MEMORY. */
rnm_status image_to_channels(image *picture, int channels, rnm_error *error);

/* Turns and mirrors it as EXIF's orientation 1 to 8 says; other numbers leave it as it is.
 * RNM_ERR_MEMORY. */
rnm_status image_turn(image *picture, int orientation, rnm_error *error);

/* Whether there may be an image of that size. RNM_ERR_LIMIT. */
rnm_status image_check_size(int64_t width, int64_t height, rnm_error *error);

/* Takes room for width x height x channels, uninitialised; checks the limit. RNM_ERR_LIMIT,
 * _MEMORY. */
rnm_status image_create(int64_t width, int64_t height, int channels, image *out, rnm_error *error);

/* Fine for an empty image. */
void image_free(image *picture);

#endif
