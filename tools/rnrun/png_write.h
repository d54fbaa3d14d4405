/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG files, whole or not at all.
 */
#ifndef RNRUN_PNG_WRITE_H
#define RNRUN_PNG_WRITE_H

#include "rnm_base.h"

/* Writes rows of width pixels, 3 bytes each, or 1 where `palette`, 256 times RGB, says what they
 * mean. Errors name the file. RNM_ERR_IO, _RESOURCE, _MEMORY. */
rnm_status png_write(const char *path, int width, int height, const uint8_t *pixels,
                     const uint8_t *palette, rnm_error *error);

#endif
