/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors: a JSON header of names, types, shapes and ranges, and the bytes behind it.
 */
#ifndef RNC_READERS_SAFETENSORS_H
#define RNC_READERS_SAFETENSORS_H

#include "weights_impl.h"

/* Whether the file begins as one does: the length of a header, and its brace. */
bool rnc_safetensors_probe(const uint8_t *bytes, size_t size);

/* Reads the whole file into an empty set, as the readers in torch.h do. */
rnm_status rnc_safetensors_read(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err);

#endif
