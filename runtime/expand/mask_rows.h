/* SPDX-License-Identifier: Apache-2.0
 *
 * Applies a kernel that takes a word of bits a row to a whole panel.
 */
#ifndef RNM_EXPAND_MASK_ROWS_H
#define RNM_EXPAND_MASK_ROWS_H

#include "rows.h"

typedef void (*rnm_mask_kernel)(const float *src, size_t stride, const uint32_t *bits, size_t rows,
                                float *dst);

void rnm_expand_masked(const rnm_kernels *kernels, rnm_mask_kernel apply, const rnm_child *child,
                       const uint8_t *mask, rnm_panel panel, float *dst);

#endif
