/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory of a zip archive. The central directory is the authority: writers that stream, as
 * PyTorch does, leave zeros in the local headers, which are only checked for agreement.
 */
#include "zip.h"

#include "bytes.h"
#include "checked.h"
#include "error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR64_SIGNATURE = 0x07064b50,

    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR64_SIZE = 20,

    MAX_COMMENT = 0xffff,
    MAX_MEMBERS = 1 << 16,

    EXTRA_ZIP64 = 0x0001,
    FLAG_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13,
    FLAG_DESCRIPTOR = 1 << 3,
    /* Compression level (means nothing for stored members), descriptor, UTF-8 names. */
    FLAGS_ACCEPTED = 1 << 1 | 1 << 2 | FLAG_DESCRIPTOR | 1 << 11,
};

/* Where a 32-bit field says "see the zip64 field". */
static const uint32_t IN_ZIP64 = UINT32_MAX;

/* The directory's place and length, from the end records. */
typedef struct directory {
    uint64_t offset;
    uint64_t size;
    uint64_t count;
} directory;

/* One row of the central directory. */
typedef struct central {
    const uint8_t *name;
    size_t name_length;
    uint64_t size;
    uint64_t header;
    uint16_t flags;
} central;

static rnm_status bad_member(rnm_error *err, rnm_status status, const central *row,
                             const char *what) {
    int length = row->name_length < 200 ? (int)row->name_length : 200;
    return rnm_fail(err, status, "zip member %.*s: %s", length, (const char *)row->name, what);
}

/* The end record lies at the very end but for a comment, whose length it states itself. */
static bool find_end(const uint8_t *bytes, size_t size, size_t *at) {
    for (size_t comment = 0; comment <= MAX_COMMENT && comment + END_SIZE <= size; comment++) {
        const uint8_t *record = bytes + size - END_SIZE - comment;
        if (rnc_load_u32(record) == END_SIGNATURE && rnc_load_u16(record + 20) == comment) {
            *at = size - END_SIZE - comment;
            return true;
        }
    }
    return false;
}

/* Replaces what the 32-bit end record left out. `end` becomes the zip64 record's offset, which the
 * directory must precede. */
static rnm_status read_end64(const uint8_t *bytes, size_t *end, directory *dir, rnm_error *err) {
    const uint8_t *locator = bytes + *end - LOCATOR64_SIZE;
    uint64_t offset = rnc_load_u64(locator + 8);
    if (rnc_load_u32(locator + 4) != 0 || rnc_load_u32(locator + 16) > 1) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED, "the zip archive is split over several disks");
    }
    if (!rnm_range_inside(offset, END64_SIZE, *end - LOCATOR64_SIZE) ||
        rnc_load_u32(bytes + offset) != END64_SIGNATURE) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "zip end record: expected a zip64 record at offset %llu, found none",
                        (unsigned long long)offset);
    }
    const uint8_t *record = bytes + offset;
    if (rnc_load_u32(record + 16) != 0 || rnc_load_u32(record + 20) != 0 ||
        rnc_load_u64(record + 24) != rnc_load_u64(record + 32)) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED, "the zip archive is split over several disks");
    }
    directory wide = {.offset = rnc_load_u64(record + 48),
                      .size = rnc_load_u64(record + 40),
                      .count = rnc_load_u64(record + 32)};
    if ((dir->count != UINT16_MAX && dir->count != wide.count) ||
        (dir->size != IN_ZIP64 && dir->size != wide.size) ||
        (dir->offset != IN_ZIP64 && dir->offset != wide.offset)) {
        return rnm_fail(err, RNM_ERR_FORMAT, "zip end record: it contradicts the zip64 end record");
    }
    *dir = wide;
    *end = (size_t)offset;
    return RNM_OK;
}

static rnm_status find_directory(const uint8_t *bytes, size_t size, directory *dir,
                                 rnm_error *err) {
    size_t end;
    if (!find_end(bytes, size, &end)) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "expected a zip end record at the end, found none: the file is cut short "
                        "or has bytes appended");
    }
    const uint8_t *record = bytes + end;
    *dir = (directory){.offset = rnc_load_u32(record + 16),
                       .size = rnc_load_u32(record + 12),
                       .count = rnc_load_u16(record + 10)};
    if (rnc_load_u16(record + 4) != 0 || rnc_load_u16(record + 6) != 0 ||
        rnc_load_u16(record + 8) != dir->count) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED, "the zip archive is split over several disks");
    }
    if (end >= LOCATOR64_SIZE &&
        rnc_load_u32(bytes + end - LOCATOR64_SIZE) == LOCATOR64_SIGNATURE) {
        rnm_status status = read_end64(bytes, &end, dir, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    if (!rnm_range_inside(dir->offset, dir->size, end)) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "zip directory: expected %llu bytes at offset %llu to end before byte %zu",
                        (unsigned long long)dir->size, (unsigned long long)dir->offset, end);
    }
    if (dir->count > MAX_MEMBERS) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "zip directory: expected at most %d members, found %llu", (int)MAX_MEMBERS,
                        (unsigned long long)dir->count);
    }
    if (dir->count > dir->size / CENTRAL_SIZE) {
        return rnm_fail(err, RNM_ERR_FORMAT, "zip directory: %llu bytes cannot hold %llu members",
                        (unsigned long long)dir->size, (unsigned long long)dir->count);
    }
    return RNM_OK;
}

/* Takes the next 8-byte field of a zip64 extra block, if the 32-bit field deferred to it. */
static bool widen(uint64_t *field, const uint8_t **at, size_t *left) {
    if (*field != IN_ZIP64) {
        return true;
    }
    if (*left < 8) {
        return false;
    }
    *field = rnc_load_u64(*at);
    *at += 8;
    *left -= 8;
    return true;
}

/* The fields a zip64 block may widen; false when one of them needs it and it is not there. */
static bool read_extra(const uint8_t *extra, size_t length, uint64_t *size, uint64_t *packed,
                       uint64_t *header) {
    while (length >= 4) {
        uint16_t id = rnc_load_u16(extra);
        size_t block = rnc_load_u16(extra + 2);
        extra += 4;
        length -= 4;
        if (block > length) {
            return false;
        }
        if (id == EXTRA_ZIP64) {
            const uint8_t *at = extra;
            size_t left = block;
            return widen(size, &at, &left) && widen(packed, &at, &left) &&
                   widen(header, &at, &left);
        }
        extra += block;
        length -= block;
    }
    return *size != IN_ZIP64 && *packed != IN_ZIP64 && *header != IN_ZIP64;
}

/* Reads the row at `*at`, which lies before `end`, and moves past it. */
static rnm_status read_central(const uint8_t **at, const uint8_t *end, central *row,
                               rnm_error *err) {
    const uint8_t *record = *at;
    if (end - record < CENTRAL_SIZE || rnc_load_u32(record) != CENTRAL_SIGNATURE) {
        return rnm_fail(err, RNM_ERR_FORMAT,
                        "zip directory: expected another member, found other bytes");
    }
    size_t name_length = rnc_load_u16(record + 28);
    size_t extra_length = rnc_load_u16(record + 30);
    size_t whole = CENTRAL_SIZE + name_length + extra_length + rnc_load_u16(record + 32);
    if (whole > (size_t)(end - record)) {
        return rnm_fail(err, RNM_ERR_FORMAT, "zip directory: its last member is cut short");
    }
    *row = (central){.name = record + CENTRAL_SIZE,
                     .name_length = name_length,
                     .size = rnc_load_u32(record + 24),
                     .header = rnc_load_u32(record + 42),
                     .flags = rnc_load_u16(record + 8)};
    *at = record + whole;
    if ((row->flags & FLAG_ENCRYPTED) != 0) {
        return bad_member(err, RNM_ERR_UNSUPPORTED, row, "it is encrypted");
    }
    if ((row->flags & ~FLAGS_ACCEPTED) != 0) {
        return bad_member(err, RNM_ERR_UNSUPPORTED, row, "it has flags that are not understood");
    }
    if (rnc_load_u16(record + 10) != 0) {
        return bad_member(err, RNM_ERR_UNSUPPORTED, row,
                          "it is compressed, and only stored members are read (PyTorch never "
                          "compresses; was the file packed anew?)");
    }
    if (rnc_load_u16(record + 34) != 0) {
        return bad_member(err, RNM_ERR_UNSUPPORTED, row, "it lies on another disk");
    }
    uint64_t packed = rnc_load_u32(record + 20);
    if (!read_extra(row->name + name_length, extra_length, &row->size, &packed, &row->header)) {
        return bad_member(err, RNM_ERR_FORMAT, row, "its zip64 field is malformed");
    }
    if (packed != row->size) {
        return bad_member(err, RNM_ERR_FORMAT, row,
                          "it is stored, yet its two sizes in the directory differ");
    }
    return RNM_OK;
}

/* A local size may be left to the directory or to a zip64 field; else it must agree. */
static bool local_size_agrees(uint32_t local, const central *row) {
    return local == IN_ZIP64 || local == row->size ||
           (local == 0 && (row->flags & FLAG_DESCRIPTOR) != 0);
}

/* Members lie before `limit`, where the directory begins. */
static rnm_status locate(const uint8_t *bytes, uint64_t limit, const central *row,
                         rnc_zip_member *member, rnm_error *err) {
    if (!rnm_range_inside(row->header, LOCAL_SIZE, limit) ||
        rnc_load_u32(bytes + row->header) != LOCAL_SIGNATURE) {
        return bad_member(err, RNM_ERR_FORMAT, row,
                          "expected a local header where the directory says, found none");
    }
    const uint8_t *local = bytes + row->header;
    size_t name_length = rnc_load_u16(local + 26);
    uint64_t before_data = LOCAL_SIZE + (uint64_t)name_length + rnc_load_u16(local + 28);
    if (!rnm_range_inside(row->header, before_data, limit) ||
        !rnm_range_inside(row->header + before_data, row->size, limit)) {
        return bad_member(err, RNM_ERR_FORMAT, row, "its data reaches beyond the members' part");
    }
    if (name_length != row->name_length ||
        memcmp(local + LOCAL_SIZE, row->name, name_length) != 0) {
        return bad_member(err, RNM_ERR_FORMAT, row, "its local header has another name");
    }
    if (rnc_load_u16(local + 6) != row->flags || rnc_load_u16(local + 8) != 0 ||
        !local_size_agrees(rnc_load_u32(local + 18), row) ||
        !local_size_agrees(rnc_load_u32(local + 22), row)) {
        return bad_member(err, RNM_ERR_FORMAT, row, "its local header contradicts the directory");
    }
    *member = (rnc_zip_member){.name = row->name,
                               .name_length = row->name_length,
                               .bytes = local + before_data,
                               .size = (size_t)row->size,
                               .header = row->header};
    return RNM_OK;
}

static int by_name(const void *left, const void *right) {
    const rnc_zip_member *a = left;
    const rnc_zip_member *b = right;
    size_t common = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->name, b->name, common);
    return order != 0 ? order
                      : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

static int by_place(const void *left, const void *right) {
    const rnc_zip_member *a = left;
    const rnc_zip_member *b = right;
    return (a->header > b->header) - (a->header < b->header);
}

static rnm_status bad_pair(rnm_error *err, const rnc_zip_member *member, const char *what) {
    central row = {.name = member->name, .name_length = member->name_length};
    return bad_member(err, RNM_ERR_FORMAT, &row, what);
}

/* Leaves the members sorted by name. */
static rnm_status check_pairs(const uint8_t *bytes, rnc_zip *zip, rnm_error *err) {
    rnc_zip_member *members = zip->members;
    qsort(members, zip->count, sizeof *members, by_place);
    for (size_t i = 1; i < zip->count; i++) {
        const rnc_zip_member *before = &members[i - 1];
        if (members[i].header < (uint64_t)(before->bytes - bytes) + before->size) {
            return bad_pair(err, &members[i], "it overlaps another member");
        }
    }
    qsort(members, zip->count, sizeof *members, by_name);
    for (size_t i = 1; i < zip->count; i++) {
        if (by_name(&members[i - 1], &members[i]) == 0) {
            return bad_pair(err, &members[i], "the name appears twice");
        }
    }
    return RNM_OK;
}

rnm_status rnc_zip_open(const uint8_t *bytes, size_t size, rnc_zip *out, rnm_error *err) {
    directory dir = {0};
    rnm_status status = find_directory(bytes, size, &dir, err);
    if (status != RNM_OK) {
        return status;
    }
    if (dir.count == 0) {
        return rnm_fail(err, RNM_ERR_FORMAT, "the zip archive has no members");
    }
    rnc_zip zip = {.members = calloc((size_t)dir.count, sizeof *zip.members),
                   .count = (size_t)dir.count};
    if (zip.members == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "out of memory: %zu zip members", zip.count);
    }
    const uint8_t *at = bytes + dir.offset;
    const uint8_t *end = at + dir.size;
    for (size_t i = 0; i < zip.count; i++) {
        central row;
        status = read_central(&at, end, &row, err);
        if (status != RNM_OK) {
            goto fail;
        }
        status = locate(bytes, dir.offset, &row, &zip.members[i], err);
        if (status != RNM_OK) {
            goto fail;
        }
    }
    if (at != end) {
        status =
            rnm_fail(err, RNM_ERR_FORMAT,
                     "zip directory: expected %zu members, found bytes after the last", zip.count);
        goto fail;
    }
    status = check_pairs(bytes, &zip, err);
    if (status != RNM_OK) {
        goto fail;
    }
    *out = zip;
    return RNM_OK;
fail:
    rnc_zip_close(&zip);
    return status;
}

void rnc_zip_close(rnc_zip *zip) {
    free(zip->members);
    *zip = (rnc_zip){0};
}

const rnc_zip_member *rnc_zip_find(const rnc_zip *zip, const void *name, size_t name_length) {
    rnc_zip_member key = {.name = name, .name_length = name_length};
    return bsearch(&key, zip->members, zip->count, sizeof key, by_name);
}
