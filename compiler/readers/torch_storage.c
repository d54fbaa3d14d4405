/* SPDX-License-Identifier: Apache-2.0
 *
 * The storages that a pickle mentions, by key.
 */
#include "checked.h"
#include "torch_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const uint8_t *left, size_t left_length, const uint8_t *right,
                        size_t right_length) {
    size_t common = left_length < right_length ? left_length : right_length;
    int order = memcmp(left, right, common);
    return order != 0 ? order : (left_length > right_length) - (left_length < right_length);
}

/* Mentions of one key in file order. */
static int by_key(const void *left, const void *right) {
    const pk_storage *a = *(pk_storage *const *)left;
    const pk_storage *b = *(pk_storage *const *)right;
    int order = compare_keys(a->key, a->key_length, b->key, b->key_length);
    return order != 0 ? order : (a->identity > b->identity) - (a->identity < b->identity);
}

rnm_status torch_fail_storage(rnm_error *err, rnm_status status, const pk_storage *storage,
                              const char *what) {
    int length = storage->key_length < 64 ? (int)storage->key_length : 64;
    return rnm_fail(err, status, "storage %.*s: %s", length, (const char *)storage->key, what);
}

bool torch_storage_bytes(const pk_storage *storage, uint64_t *bytes) {
    return rnm_mul_u64((uint64_t)storage->count, rnm_dtype_size(storage->dtype), bytes);
}

rnm_status torch_index_storages(const pk_pickle *pickle, rnc_arena *arena, torch_storages *out,
                                rnm_error *err) {
    pk_storage **all = rnc_arena_array(arena, pickle->storage_count, sizeof *all, err);
    if (all == NULL) {
        return arena->status;
    }
    size_t count = 0;
    for (pk_storage *storage = pickle->storages; storage != NULL; storage = storage->next) {
        all[count] = storage;
        storage->identity = ++count;
    }
    qsort(all, count, sizeof *all, by_key);
    size_t owners = 0;
    for (size_t i = 0; i < count; i++) {
        pk_storage *storage = all[i];
        pk_storage *owner = owners != 0 ? all[owners - 1] : NULL;
        if (owner == NULL ||
            compare_keys(owner->key, owner->key_length, storage->key, storage->key_length) != 0) {
            owner = storage;
            all[owners++] = owner;
        }
        if (owner->dtype != storage->dtype || owner->count != storage->count) {
            return torch_fail_storage(err, RNM_ERR_FORMAT, storage,
                                      "two mentions differ in type or number of elements");
        }
        storage->owner = owner;
    }
    *out = (torch_storages){.owners = all, .count = owners};
    return RNM_OK;
}

pk_storage *torch_find_storage(const torch_storages *storages, const uint8_t *key, size_t length) {
    size_t low = 0;
    size_t high = storages->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        pk_storage *storage = storages->owners[middle];
        int order = compare_keys(key, length, storage->key, storage->key_length);
        if (order == 0) {
            return storage;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
