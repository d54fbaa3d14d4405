/* SPDX-License-Identifier: Apache-2.0
 *
 * Bilinear resizing as FORMAT.md section 7 has it, with Pillow's numbers: the filter is widened
 * when shrinking (antialiased), rounded to 8 bits after the horizontal and after the vertical pass.
 */
#ifndef RNM_RESAMPLE_H
#define RNM_RESAMPLE_H

#include "image.h"

/* A part of an image, in pixels. */
typedef struct image_window {
    int64_t left, top, width, height;
} image_window;

/* Makes *picture the part `kept` of what it is when resized to width x height; only that part is
 * computed, so that a narrow image enlarged costs no more than what is looked at. `kept` lies
 * within width x height and becomes the part's place in *picture, which is all of it but where a
 * size does not change. On failure *picture may be halfway. RNM_ERR_LIMIT, _MEMORY. */
rnm_status resample(image *picture, int64_t width, int64_t height, image_window *kept,
                    rnm_error *error);

#endif
