/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model's symbols are bound to where no array tells: the batch, and of images height and
 * width.
 */
#ifndef RNRUN_SIZES_H
#define RNRUN_SIZES_H

#include "settings.h"

/* Sets the symbols of settings: the batch to `bench_batch`, height and width to --input-size, which
 * must be there where images come from nowhere (`sized`), all others to 1. The caller frees
 * settings->symbols. RNM_ERR_ARGUMENT, RNM_ERR_MEMORY. */
rnm_status sizes_bind(rnrun_settings *settings, const rnm_model *model, bool sized,
                      rnm_error *error);

/* Sets height and width of the image input 0 where they are symbols; true where that changed one.
 */
bool sizes_of_image(const rnm_model *model, int64_t height, int64_t width, int64_t *symbols);

/* True where a height or width of an image input is a symbol. */
bool sizes_open(const rnm_model *model);

#endif
