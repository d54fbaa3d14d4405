/* SPDX-License-Identifier: Apache-2.0
 *
 * drop: the repeated parent, with zeros of the parent's sign where the mask says so.
 */
#include "mask_rows.h"

void rnm_expand_drop(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                     float *dst) {
    rnm_expand_masked(kernels, kernels->drop, child, child->mask, panel, dst);
}
