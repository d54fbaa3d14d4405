/* SPDX-License-Identifier: Apache-2.0
 *
 * Segmentation: from a network's scores of every pixel to a mask of the photo's size.
 */
#ifndef RNRUN_MASK_H
#define RNRUN_MASK_H

#include "preprocess.h"

#define MASK_CLASSES_MOST 255
#define MASK_UNSEEN 255 /* a pixel that the crop has left out */

typedef struct mask {
    int width, height;
    uint8_t *classes;                     /* malloc; a class or MASK_UNSEEN for each pixel */
    int64_t areas[MASK_CLASSES_MOST + 1]; /* pixels of each */
} mask;

/* True for f32 scores [N, classes, H, W] of 2 to MASK_CLASSES_MOST classes. */
bool mask_suits(const rnm_value_info *output);

/* Finds for each pixel of the photo (width x height) the class of the highest score at its place
 * in `scores`, the first item's, whose map covers the whole input. NaN loses against any number.
 * The caller frees with mask_free. RNM_ERR_SHAPE, _LIMIT, _MEMORY. */
rnm_status mask_make(const rnm_preprocess *steps, int width, int height, const rnm_tensor *input,
                     const rnm_tensor *scores, mask *out, rnm_error *error);

/* Fine for an empty one. */
void mask_free(mask *m);

/* The colour of a class: 0 black, all others far apart. */
void mask_color(int class, uint8_t rgb[3]);

/* As an indexed PNG, and as the photo with the mask over it and a legend of what occurs below;
 * `label` gives a class's name, or NULL. RNM_ERR_IO, _RESOURCE, _MEMORY. */
rnm_status mask_save(const mask *m, const char *path, rnm_error *error);
rnm_status mask_save_overlay(const mask *m, const image *photo, const rnm_model *model,
                             const char *path, rnm_error *error);

#endif
