/* SPDX-License-Identifier: Apache-2.0
 *
 * The zip form: ROOT/data.pkl holds the object, ROOT/data/KEY one storage each.
 */
#include "bytes.h"
#include "torch_internal.h"
#include "zip.h"

#include <stdio.h>
#include <string.h>

static const char PICKLE[] = "/data.pkl";

bool rnc_torch_probe_zip(const uint8_t *bytes, size_t size) {
    /* A local header, or the end record of an archive without members. */
    return size >= 4 && (rnc_load_u32(bytes) == 0x04034b50u || rnc_load_u32(bytes) == 0x06054b50u);
}

/* ROOT is a single folder, of whatever name. */
static bool is_pickle(const rnc_zip_member *member) {
    size_t suffix = sizeof PICKLE - 1;
    if (member->name_length <= suffix) {
        return false;
    }
    const uint8_t *slash = member->name + member->name_length - suffix;
    return memcmp(slash, PICKLE, suffix) == 0 &&
           memchr(member->name, '/', member->name_length) == slash;
}

static rnm_status find_pickle(const rnc_zip *zip, const rnc_zip_member **out, rnm_error *err) {
    const rnc_zip_member *found = NULL;
    for (size_t i = 0; i < zip->count; i++) {
        if (!is_pickle(&zip->members[i])) {
            continue;
        }
        if (found != NULL) {
            return rnm_fail(err, RNM_ERR_FORMAT,
                            "expected one member named data.pkl in the zip archive, found several");
        }
        found = &zip->members[i];
    }
    if (found == NULL) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED,
                        "expected a member FOLDER/data.pkl in the zip archive, found none: it is "
                        "not a PyTorch checkpoint");
    }
    *out = found;
    return RNM_OK;
}

/* The member ROOT/`folder``name`, or NULL. */
static const rnc_zip_member *find_beside(const rnc_zip *zip, const rnc_zip_member *pickle,
                                         const char *folder, const void *name, size_t length) {
    char path[RNC_MAX_NAME];
    size_t root = pickle->name_length - (sizeof PICKLE - 1) + 1;
    size_t middle = strlen(folder);
    if (root > sizeof path - middle || length > sizeof path - middle - root) {
        return NULL;
    }
    memcpy(path, pickle->name, root);
    memcpy(path + root, folder, middle);
    memcpy(path + root + middle, name, length);
    return rnc_zip_find(zip, path, root + middle + length);
}

/* Files without the member are older than it, and little-endian in practice. */
static rnm_status check_byte_order(const rnc_zip *zip, const rnc_zip_member *pickle,
                                   rnm_error *err) {
    static const char name[] = "byteorder";
    const rnc_zip_member *order = find_beside(zip, pickle, "", name, sizeof name - 1);
    if (order == NULL || (order->size == 6 && memcmp(order->bytes, "little", 6) == 0)) {
        return RNM_OK;
    }
    return rnm_fail(err, RNM_ERR_UNSUPPORTED,
                    "zip member byteorder: expected \"little\", found \"%.*s\"",
                    order->size < 16 ? (int)order->size : 16, (const char *)order->bytes);
}

static rnm_status place_storages(const rnc_zip *zip, const rnc_zip_member *pickle,
                                 const torch_storages *storages, rnm_error *err) {
    for (size_t i = 0; i < storages->count; i++) {
        pk_storage *storage = storages->owners[i];
        const rnc_zip_member *member =
            find_beside(zip, pickle, "data/", storage->key, storage->key_length);
        if (member == NULL) {
            return torch_fail_storage(err, RNM_ERR_FORMAT, storage,
                                      "expected a zip member data/KEY with its bytes, found none");
        }
        uint64_t bytes;
        if (!torch_storage_bytes(storage, &bytes) || bytes != member->size) {
            char text[128];
            snprintf(text, sizeof text,
                     "expected %lld elements of %s, found a zip member of %zu "
                     "bytes",
                     (long long)storage->count, rnm_dtype_name(storage->dtype), member->size);
            return torch_fail_storage(err, RNM_ERR_FORMAT, storage, text);
        }
        storage->data = member->bytes;
    }
    return RNM_OK;
}

static rnm_status read_object(const rnc_zip *zip, rnc_arena *values, rnc_set *set, rnm_error *err) {
    const rnc_zip_member *member = NULL;
    rnm_status status = find_pickle(zip, &member, err);
    if (status != RNM_OK) {
        return status;
    }
    status = check_byte_order(zip, member, err);
    if (status != RNM_OK) {
        return status;
    }
    pk_pickle pickle = {0};
    status = pk_read(member->bytes, member->size, values, &pickle, err);
    if (status != RNM_OK) {
        return rnm_fail_in(err, status, "zip member data.pkl");
    }
    if (pickle.size != member->size) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "zip member data.pkl: expected a pickle of %zu bytes, found one of %zu",
                        member->size, pickle.size);
    }
    torch_storages storages = {0};
    status = torch_index_storages(&pickle, values, &storages, err);
    if (status != RNM_OK) {
        return status;
    }
    status = place_storages(zip, member, &storages, err);
    if (status != RNM_OK) {
        return status;
    }
    return torch_collect(&pickle.root, set, err);
}

rnm_status rnc_torch_read_zip(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err) {
    rnc_zip zip = {0};
    rnm_status status = rnc_zip_open(bytes, size, &zip, err);
    if (status != RNM_OK) {
        return status;
    }
    rnc_arena values = rnc_arena_make(TORCH_PICKLE_MEMORY);
    status = read_object(&zip, &values, set, err);
    rnc_arena_clear(&values);
    rnc_zip_close(&zip);
    return status;
}
