/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture of what a .rnm stores.
 */
#ifndef RNC_SVG_H
#define RNC_SVG_H

#include "rnc.h"

/* Draws, a row a layer, the stored bytes (parents, betas, masks) over the dense ones on a
 * logarithmic scale, and lines from the layer that a parent is stored with to those it feeds;
 * `title` is written above. The file at `path` is whole or untouched. RNM_ERR_IO, _RESOURCE,
 * _MEMORY. */
rnm_status rnc_draw_svg(const rnc_model_info *info, const char *title, const char *path,
                        rnm_error *error);

#endif
