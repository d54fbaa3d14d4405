/* SPDX-License-Identifier: Apache-2.0
 *
 * From an image to the numbers that a network wants: FORMAT.md section 7, step by step.
 */
#ifndef RNM_PREPROCESS_H
#define RNM_PREPROCESS_H

#include "image.h"
#include "rnm.h"

/* Fills `input`, f32 [1, C, H, W], from the image, which is used up (freed or not, the caller still
 * calls image_free). Errors do not name the image. RNM_ERR_SHAPE where the steps do not end at
 * C x H x W, as when an image is too small for a crop; _LIMIT, _MEMORY. */
rnm_status preprocess(const rnm_preprocess *steps, image *picture, const rnm_tensor *input,
                      rnm_error *error);

#endif
