/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest magnitude of a tensor.
 */
#ifndef RNM_MAGNITUDE_H
#define RNM_MAGNITUDE_H

#include "rnm_base.h"

#include <stdint.h>

/* Of `count` elements of f32, f16 or bf16; infinite or NaN where an element is, 0 where there are
 * none. */
float rnm_max_magnitude(const void *data, rnm_dtype dtype, uint64_t count);

#endif
