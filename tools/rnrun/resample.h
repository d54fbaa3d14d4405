/* SPDX-License-Identifier: Apache-2.0
 *
 * Bilinear resizing as FORMAT.md section 7 has it, with Pillow's numbers: the filter is widened
 * when shrinking (antialiased), rounded to 8 bits after the horizontal and after the vertical pass.
 */
#ifndef RNM_RESAMPLE_H
#define RNM_RESAMPLE_H

#include "image.h"

/* Makes *picture width x height. On failure it may be halfway. RNM_ERR_LIMIT,
 * _MEMORY. */
rnm_status resample(image *picture, int64_t width, int64_t height, rnm_error *error);

#endif
