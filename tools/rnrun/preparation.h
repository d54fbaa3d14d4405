/* SPDX-License-Identifier: Apache-2.0
 *
 * How images are prepared: what the model says, changed or, where it says nothing, made up by the
 * options of the command line.
 */
#ifndef RNRUN_PREPARATION_H
#define RNRUN_PREPARATION_H

#include "rnm.h"

/* Options as given; NULL or 0: not given. */
typedef struct preparation {
    const char *resize;  /* "N", "HxW" or "none" */
    const char *crop;    /* "N", "HxW" or "none" */
    const char *mean;    /* numbers between commas, one or one a channel */
    const char *std;     /* likewise */
    const char *divisor; /* a number */
    int color;           /* an rnm_color */
} preparation;

/* Fills *out with the steps for images given to `input`. `own` is what the model says, NULL where
 * it says nothing; then at least one option must be given, and those not given are: the colour that
 * the input's channels tell, resized to the input's size (unless cropped), divided by 255, mean 0,
 * std 1. RNM_ERR_ARGUMENT for an option that cannot be read, RNM_ERR_UNSUPPORTED where nothing says
 * how an image becomes the input. */
rnm_status preparation_steps(const preparation *given, const rnm_preprocess *own,
                             const rnm_value_info *input, rnm_preprocess *out, rnm_error *error);

/* Reads a size: "none" gives 0 x 0, "N" gives N x 0, "HxW" both. RNM_ERR_ARGUMENT. */
rnm_status preparation_size(const char *option, const char *text, int *height, int *width,
                            rnm_error *error);

#endif
