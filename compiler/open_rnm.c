/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapping and checking a .rnm.
 */
#include "open_rnm.h"

#include "error.h"

#include <stdlib.h>

static void *plain_alloc(void *user, size_t size, size_t alignment) {
    (void)user;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void plain_release(void *user, void *pointer, size_t size) {
    (void)user;
    (void)size;
    free(pointer);
}

rnm_status rnc_rnm_open(const char *path, rnc_rnm *out, rnm_error *err) {
    static const rnm_allocator allocator = {plain_alloc, plain_release, NULL};
    rnm_status status = rnc_map_open(path, &out->map, err);
    if (status != RNM_OK) {
        return rnm_fail_in(err, status, path);
    }
    status = rnm_view_open(&out->view, out->map.bytes, out->map.size, true, NULL, &allocator, err);
    if (status != RNM_OK) {
        rnc_map_close(&out->map);
        return rnm_fail_in(err, status, path);
    }
    return RNM_OK;
}

void rnc_rnm_close(rnc_rnm *rnm) {
    rnc_map_close(&rnm->map);
}
