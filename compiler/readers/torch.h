/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch checkpoints: the zip form (since 1.6) and the legacy form before it.
 */
#ifndef RNC_READERS_TORCH_H
#define RNC_READERS_TORCH_H

#include "weights_impl.h"

/* Whether the file begins as such a checkpoint does. */
bool rnc_torch_probe_zip(const uint8_t *bytes, size_t size);
bool rnc_torch_probe_legacy(const uint8_t *bytes, size_t size);

/* Reads the whole file into an empty set. Tensors point into `bytes`; texts are copied. Errors
 * name the member, tensor or byte at fault, not the file. */
rnm_status rnc_torch_read_zip(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err);
rnm_status rnc_torch_read_legacy(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err);

#endif
