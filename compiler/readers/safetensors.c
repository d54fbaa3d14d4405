/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors files: 8 bytes that give the header's length, the header, and the tensors, which
 * cover the rest of the file without a gap or an overlap.
 */
#include "safetensors.h"

#include "bytes.h"
#include "checked.h"
#include "safetensors_header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The length before the header, the most that the format allows for it, and the memory for what
 * is kept of the most tensors that a set may have. */
enum { LENGTH = 8, MOST_HEADER = 100 * 1000 * 1000, MEMORY = 48 << 20 };

static uint64_t header_length(const uint8_t *bytes) {
    uint64_t length = 0;
    for (int k = LENGTH - 1; k >= 0; k--) {
        length = length << 8 | bytes[k];
    }
    return length;
}

/* A length that no file has is some other format's first bytes. */
bool rnc_safetensors_probe(const uint8_t *bytes, size_t size) {
    return size > LENGTH && bytes[LENGTH] == '{' && header_length(bytes) >> 40 == 0;
}

static rnm_status fail_entry(rnm_error *err, const st_entry *entry, const char *expected,
                             int64_t wanted, int64_t found) {
    int shown = entry->name_length < 200 ? (int)entry->name_length : 200;
    return rnm_fail(err, RNM_ERR_FORMAT, "tensor %.*s: expected %s %" PRId64 ", found %" PRId64,
                    shown, entry->name, expected, wanted, found);
}

/* Bytes that shape and type come to; false when that is beyond any file. */
static bool entry_bytes(const st_entry *entry, int64_t *bytes) {
    *bytes = entry->type->size;
    bool fits = true;
    for (int axis = 0; axis < entry->rank; axis++) {
        fits = fits && !__builtin_mul_overflow(*bytes, entry->dims[axis], bytes);
    }
    return fits;
}

static int by_place(const void *first, const void *second) {
    const st_entry *a = first;
    const st_entry *b = second;
    return a->begin != b->begin ? (a->begin > b->begin) - (a->begin < b->begin)
                                : (a->end > b->end) - (a->end < b->end);
}

/* In the order of their bytes: no gap, no overlap, and each as long as its shape says. */
static rnm_status check_ranges(const st_header *header, size_t size, rnm_error *err) {
    int64_t at = 0;
    for (size_t k = 0; k < header->count; k++) {
        const st_entry *entry = &header->entries[k];
        int64_t bytes;
        if (entry->begin != at) {
            return fail_entry(err, entry, "its bytes to begin at", at, entry->begin);
        }
        if (!entry_bytes(entry, &bytes)) {
            return fail_entry(err, entry, "a shape of at most as many bytes as the file's",
                              (int64_t)size, INT64_MAX);
        }
        if (entry->end < at || entry->end - at != bytes) {
            return fail_entry(err, entry, "as many bytes as type and shape have,", bytes,
                              entry->end - at);
        }
        at = entry->end;
    }
    return (uint64_t)at == size
               ? RNM_OK
               : rnm_fail(err, RNM_ERR_FORMAT,
                          "expected tensors of %" PRId64 " bytes behind the header, found %zu", at,
                          size);
}

static rnm_status add_entry(const st_entry *entry, size_t index, const uint8_t *data, rnc_set *set,
                            rnm_error *err) {
    int64_t count = 1;
    rnc_tensor tensor = {.dtype = entry->type->dtype, .rank = entry->rank, .storage = index};
    for (int axis = entry->rank - 1; axis >= 0; axis--) {
        tensor.dims[axis] = entry->dims[axis];
        /* Where a dimension is 0 the others may have any product. */
        tensor.strides[axis] = entry->end > entry->begin ? count : 0;
        count *= entry->end > entry->begin ? entry->dims[axis] : 0;
    }
    rnm_status status = rnc_tensor_place(&tensor, data + entry->begin, count, 0, err);
    if (status != RNM_OK) {
        return rnm_fail_in(err, status, entry->name);
    }
    return rnc_set_add(set, &tensor, entry->name, entry->name_length, err);
}

static rnm_status add_entries(const st_header *header, const uint8_t *data, rnc_set *set,
                              rnm_error *err) {
    rnm_status status = RNM_OK;
    for (size_t k = 0; k < header->count && status == RNM_OK; k++) {
        const st_entry *entry = &header->entries[k];
        if (entry->type->dtype != 0) {
            status = add_entry(entry, k, data, set, err);
        } else if (set->skipped_count < RNC_MAX_SKIPPED) {
            status = rnc_set_skip(set, err, "tensor %.200s has element type %s and was passed over",
                                  entry->name, entry->type->name);
        }
    }
    return status;
}

rnm_status rnc_safetensors_read(const uint8_t *bytes, size_t size, rnc_set *set, rnm_error *err) {
    uint64_t length = header_length(bytes);
    if (length > MOST_HEADER || length > size - LENGTH) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "expected a header of at most %d bytes inside the file, found one of "
                        "%" PRIu64 " in %zu",
                        (int)MOST_HEADER, length, size);
    }
    const uint8_t *data = bytes + LENGTH + length;
    size_t data_size = size - LENGTH - (size_t)length;
    rnc_arena arena = rnc_arena_make(MEMORY);
    st_header header;
    rnm_status status = st_parse_header(bytes + LENGTH, (size_t)length, &arena, &header, err);
    if (status == RNM_OK && header.count > 0) {
        qsort(header.entries, header.count, sizeof *header.entries, by_place);
    }
    if (status == RNM_OK) {
        status = check_ranges(&header, data_size, err);
    }
    if (status == RNM_OK) {
        status = add_entries(&header, data, set, err);
    }
    rnc_arena_clear(&arena);
    return status;
}
