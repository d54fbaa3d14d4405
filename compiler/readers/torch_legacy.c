/* SPDX-License-Identifier: Apache-2.0
 *
 * The legacy form: five pickles in a row (magic number, protocol, the writer's machine, the object,
 * the storages' keys), then for each key in turn an element count and the elements.
 */
#include "bytes.h"
#include "torch_internal.h"

#include <stdio.h>
#include <string.h>

/* 0x1950a86a20f9469cfc6c, little-endian. */
static const uint8_t MAGIC[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

enum { PROTOCOL = 1001 };

/* PROTO 2, LONG1 of 10 bytes, the magic number. */
bool rnc_torch_probe_legacy(const uint8_t *bytes, size_t size) {
    static const uint8_t before[] = {0x80, 0x02, 0x8a, sizeof MAGIC};
    return size >= sizeof before + sizeof MAGIC && memcmp(bytes, before, sizeof before) == 0 &&
           memcmp(bytes + sizeof before, MAGIC, sizeof MAGIC) == 0;
}

/* What is left of the file. */
typedef struct cursor {
    const uint8_t *bytes;
    size_t size;
    size_t at;
} cursor;

static rnm_status next_pickle(cursor *file, const char *what, rnc_arena *values, pk_pickle *out,
                              rnm_error *err) {
    rnm_status status = pk_read(file->bytes + file->at, file->size - file->at, values, out, err);
    if (status != RNM_OK) {
        return rnm_fail_in(err, status, what);
    }
    file->at += out->size;
    return RNM_OK;
}

static rnm_status read_header(cursor *file, rnc_arena *values, rnm_error *err) {
    pk_pickle magic = {0};
    pk_pickle protocol = {0};
    pk_pickle machine = {0};
    rnm_status status = next_pickle(file, "magic number", values, &magic, err);
    if (status != RNM_OK) {
        return status;
    }
    status = next_pickle(file, "protocol number", values, &protocol, err);
    if (status != RNM_OK) {
        return status;
    }
    if (protocol.root.kind != PK_INT || protocol.root.as.integer != PROTOCOL) {
        return rnm_fail(err, RNM_ERR_VERSION, "protocol number: expected %d, found another",
                        (int)PROTOCOL);
    }
    status = next_pickle(file, "system information", values, &machine, err);
    if (status != RNM_OK) {
        return status;
    }
    const pk_value *little = pk_get(&machine.root, "little_endian");
    if (little == NULL || little->kind != PK_BOOL || little->as.integer != 1) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED,
                        "system information: expected little_endian to be True, found otherwise");
    }
    return RNM_OK;
}

/* The count and elements of one storage. */
static rnm_status place_storage(cursor *file, pk_storage *storage, rnm_error *err) {
    char text[128];
    uint64_t wanted;
    if (file->size - file->at < 8) {
        return torch_fail_storage(err, RNM_ERR_FORMAT, storage,
                                  "expected its element count, found the end of the file");
    }
    uint64_t count = rnc_load_u64(file->bytes + file->at);
    file->at += 8;
    if (count != (uint64_t)storage->count) {
        snprintf(text, sizeof text, "expected %lld elements, found %llu", (long long)storage->count,
                 (unsigned long long)count);
        return torch_fail_storage(err, RNM_ERR_FORMAT, storage, text);
    }
    if (!torch_storage_bytes(storage, &wanted) || wanted > file->size - file->at) {
        snprintf(text, sizeof text,
                 "expected %lld elements of %s, found %zu bytes before the end "
                 "of the file",
                 (long long)storage->count, rnm_dtype_name(storage->dtype), file->size - file->at);
        return torch_fail_storage(err, RNM_ERR_FORMAT, storage, text);
    }
    storage->data = file->bytes + file->at;
    file->at += (size_t)wanted;
    return RNM_OK;
}

static rnm_status place_storages(cursor *file, const pk_value *keys, const torch_storages *storages,
                                 rnm_error *err) {
    if (keys->kind != PK_LIST) {
        return rnm_fail(err, RNM_ERR_FORMAT, "storage keys: expected a list, found another value");
    }
    for (uint32_t i = 0; i < keys->as.box->count; i++) {
        const pk_value *key = &keys->as.box->items[i];
        pk_storage *storage =
            key->kind == PK_TEXT ? torch_find_storage(storages, key->as.bytes, key->length) : NULL;
        if (storage == NULL) {
            return rnm_fail(err, RNM_ERR_FORMAT,
                            "storage keys: entry %u is not the key of any tensor's storage", i);
        }
        if (storage->data != NULL) {
            return torch_fail_storage(err, RNM_ERR_FORMAT, storage, "its key is listed twice");
        }
        rnm_status status = place_storage(file, storage, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < storages->count; i++) {
        if (storages->owners[i]->data == NULL) {
            return torch_fail_storage(err, RNM_ERR_FORMAT, storages->owners[i],
                                      "a tensor uses it, but the list of keys lacks it");
        }
    }
    if (file->at != file->size) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "expected the end of the file after the last storage, found %zu bytes",
                        file->size - file->at);
    }
    return RNM_OK;
}

static rnm_status read_object(cursor *file, rnc_arena *values, rnc_set *set, rnm_error *err) {
    rnm_status status = read_header(file, values, err);
    if (status != RNM_OK) {
        return status;
    }
    pk_pickle object = {0};
    pk_pickle keys = {0};
    torch_storages storages = {0};
    status = next_pickle(file, "object", values, &object, err);
    if (status != RNM_OK) {
        return status;
    }
    status = next_pickle(file, "storage keys", values, &keys, err);
    if (status != RNM_OK) {
        return status;
    }
    status = torch_index_storages(&object, values, &storages, err);
    if (status != RNM_OK) {
        return status;
    }
    status = place_storages(file, &keys.root, &storages, err);
    if (status != RNM_OK) {
        return status;
    }
    return torch_collect(&object.root, set, err);
}

rnm_status rnc_torch_read_legacy(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err) {
    cursor file = {.bytes = bytes, .size = size};
    rnc_arena values = rnc_arena_make(TORCH_PICKLE_MEMORY);
    rnm_status status = read_object(&file, &values, set, err);
    rnc_arena_clear(&values);
    return status;
}
