/* SPDX-License-Identifier: Apache-2.0
 *
 * From an image to the numbers that a network wants: FORMAT.md section 7, step by step.
 */
#ifndef RNM_PREPROCESS_H
#define RNM_PREPROCESS_H

#include "image.h"
#include "resample.h"
#include "rnm.h"

/* Where an image comes to lie: it is resized to width x height, of which `kept` is cropped and put
 * at pad_left, pad_top of the input. */
typedef struct preprocess_place {
    int64_t width, height;
    image_window kept;
} preprocess_place;

/* For an image of that size. RNM_ERR_SHAPE where it is too small for the crop. */
rnm_status preprocess_find_place(const rnm_preprocess *steps, int width, int height,
                                 preprocess_place *out, rnm_error *error);

/* Fills `input`, f32 [1, C, H, W], from the image, which is used up (freed or not, the caller still
 * calls image_free). Errors do not name the image. RNM_ERR_SHAPE where the steps do not end at
 * C x H x W, as when an image is too small for a crop; _LIMIT, _MEMORY. */
rnm_status preprocess(const rnm_preprocess *steps, image *picture, const rnm_tensor *input,
                      rnm_error *error);

#endif
