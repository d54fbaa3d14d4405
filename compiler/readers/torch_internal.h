/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the parts of the PyTorch reader: storages by key, and what the unpickled object means.
 */
#ifndef RNC_READERS_TORCH_INTERNAL_H
#define RNC_READERS_TORCH_INTERNAL_H

#include "pickle.h"
#include "torch.h"

/* The ceiling on the values of one pickle. */
enum { TORCH_PICKLE_MEMORY = 24 << 20 };

/* The distinct storages of a file, sorted by key. */
typedef struct torch_storages {
    pk_storage **owners;
    size_t count;
} torch_storages;

/* Gives every storage of the pickle its owner and identity, and checks that all mentions of a key
 * agree. The array lives in `arena`. */
rnm_status torch_index_storages(const pk_pickle *pickle, rnc_arena *arena, torch_storages *out,
                                rnm_error *err);

pk_storage *torch_find_storage(const torch_storages *storages, const uint8_t *key, size_t length);

/* Bytes the storage's elements take; false when that does not fit. */
bool torch_storage_bytes(const pk_storage *storage, uint64_t *bytes);

rnm_status torch_fail_storage(rnm_error *err, rnm_status status, const pk_storage *storage,
                              const char *what);

/* Finds the state dict in the object and adds its tensors, the hints beside it and what was passed
 * over to *set. Every owner has its data. */
rnm_status torch_collect(const pk_value *root, rnc_set *set, rnm_error *err);

/* What hyper_parameters says. */
rnm_status torch_read_hints(const pk_value *root, rnc_set *set, rnm_error *err);

#endif
