/* SPDX-License-Identifier: Apache-2.0
 *
 * The zip directory reader: good archives, and archives with one field wrong each.
 */
#include "fixture.h"
#include "zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Fields, as offsets from the record's start. */
enum {
    LOCAL_FLAGS = 6,
    LOCAL_METHOD = 8,
    LOCAL_SIZE = 22,
    LOCAL_NAME = 30,
    CENTRAL_FLAGS = 8,
    CENTRAL_METHOD = 10,
    CENTRAL_PACKED = 20,
    CENTRAL_SIZE = 24,
    CENTRAL_DISK = 34,
    CENTRAL_HEADER = 42,
    END_DISK = 4,
    END_COUNT = 10,
    END_OFFSET = 16,
    END_COMMENT = 20,
};

static const char CENTRAL[] = "PK\x01\x02";
static const char END[] = "PK\x05\x06";
static const char END64[] = "PK\x06\x06";

/* Two members, "a/first" of 5 bytes and "a/second" of 3. */
static fx_buffer archive(bool zip64) {
    fx_zip zip = {0};
    fx_zip_add(&zip, "a/second", "two", 3);
    fx_zip_add(&zip, "a/first", "first", 5);
    fx_zip_end(&zip, zip64);
    fx_free(&zip.central);
    return zip.file;
}

static void refuse(const fx_buffer *file, rnm_status status, const char *words) {
    rnc_zip zip = {0};
    rnm_error error = {0};
    rnm_status found = rnc_zip_open(file->bytes, file->size, &zip, &error);
    if (found != status || strstr(error.text, words) == NULL) {
        fail_msg("expected status %d and \"%s\", found %d: %s", status, words, found, error.text);
    }
    assert_null(zip.members);
}

static void accept(const fx_buffer *file) {
    rnc_zip zip;
    rnm_error error = {0};
    if (rnc_zip_open(file->bytes, file->size, &zip, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(zip.count, 2);
    const rnc_zip_member *first = rnc_zip_find(&zip, "a/first", 7);
    assert_non_null(first);
    assert_int_equal(first->size, 5);
    assert_memory_equal(first->bytes, "first", 5);
    assert_int_equal((size_t)(first->bytes - file->bytes) % 64, 0);
    assert_null(rnc_zip_find(&zip, "a/firs", 6));
    assert_null(rnc_zip_find(&zip, "a/first ", 8));
    rnc_zip_close(&zip);
}

static void test_good(void **state) {
    (void)state;
    for (int zip64 = 0; zip64 < 2; zip64++) {
        fx_buffer file = archive(zip64 != 0);
        accept(&file);
        fx_free(&file);
    }
}

static void test_comment(void **state) {
    (void)state;
    fx_buffer file = archive(true);
    size_t end = fx_find(&file, END, 4);
    file.bytes[end + END_COMMENT] = 0xff;
    file.bytes[end + END_COMMENT + 1] = 0xff;
    for (int i = 0; i < 0xffff; i++) {
        fx_ops(&file, "c");
    }
    accept(&file);
    fx_ops(&file, "c"); /* one more than it says */
    refuse(&file, RNM_ERR_FORMAT, "expected a zip end record at the end");
    fx_free(&file);
}

/* One byte of one record changed. */
static void test_fields(void **state) {
    (void)state;
    static const struct {
        const char *record; /* NULL: the first local header */
        size_t field;
        uint8_t value;
        rnm_status status;
        const char *words;
    } rows[] = {
        {CENTRAL, CENTRAL_METHOD, 8, RNM_ERR_UNSUPPORTED, "member a/second: it is compressed"},
        {CENTRAL, CENTRAL_FLAGS, 0x09, RNM_ERR_UNSUPPORTED, "it is encrypted"},
        {CENTRAL, CENTRAL_FLAGS, 0x28, RNM_ERR_UNSUPPORTED, "flags that are not understood"},
        {CENTRAL, CENTRAL_DISK, 1, RNM_ERR_UNSUPPORTED, "another disk"},
        {CENTRAL, CENTRAL_SIZE, 4, RNM_ERR_FORMAT, "its two sizes in the directory differ"},
        {CENTRAL, CENTRAL_PACKED, 4, RNM_ERR_FORMAT, "its two sizes in the directory differ"},
        {CENTRAL, CENTRAL_HEADER, 1, RNM_ERR_FORMAT, "expected a local header"},
        {CENTRAL, CENTRAL_HEADER + 3, 0x70, RNM_ERR_FORMAT, "expected a local header"},
        {CENTRAL, 0, 'Q', RNM_ERR_FORMAT, "expected another member, found other bytes"},
        {NULL, LOCAL_FLAGS, 0, RNM_ERR_FORMAT, "its local header contradicts the directory"},
        {NULL, LOCAL_METHOD, 8, RNM_ERR_FORMAT, "its local header contradicts the directory"},
        {NULL, LOCAL_SIZE, 9, RNM_ERR_FORMAT, "its local header contradicts the directory"},
        {NULL, LOCAL_NAME, 'b', RNM_ERR_FORMAT, "its local header has another name"},
        {NULL, 0, 'Q', RNM_ERR_FORMAT, "expected a local header"},
        {NULL, 29, 0x7f, RNM_ERR_FORMAT, "reaches beyond the members' part"},
        {END, END_DISK, 1, RNM_ERR_UNSUPPORTED, "split over several disks"},
        {END, END_COUNT, 3, RNM_ERR_UNSUPPORTED, "split over several disks"},
        {END, END_OFFSET, 0x10, RNM_ERR_FORMAT, "expected another member"},
        {END, END_OFFSET + 3, 0x10, RNM_ERR_FORMAT, "zip directory: expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fx_buffer file = archive(false);
        size_t at = rows[i].record != NULL ? fx_find(&file, rows[i].record, 4) : 0;
        file.bytes[at + rows[i].field] = rows[i].value;
        refuse(&file, rows[i].status, rows[i].words);
        fx_free(&file);
    }
}

static void test_fields_64(void **state) {
    (void)state;
    static const struct {
        size_t field;
        uint8_t value;
        rnm_status status;
        const char *words;
    } rows[] = {
        {0, 'Q', RNM_ERR_FORMAT, "expected a zip64 record"},
        {16, 1, RNM_ERR_UNSUPPORTED, "split over several disks"},
        {24, 1, RNM_ERR_UNSUPPORTED, "split over several disks"},
        {40, 1, RNM_ERR_FORMAT, "it contradicts the zip64 end record"},
        {48 + 7, 1, RNM_ERR_FORMAT, "zip directory: expected"},
        {48 + 7, 0xff, RNM_ERR_FORMAT, "zip directory: expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fx_buffer file = archive(true);
        file.bytes[fx_find(&file, END64, 4) + rows[i].field] = rows[i].value;
        refuse(&file, rows[i].status, rows[i].words);
        fx_free(&file);
    }
}

/* Sizes so large that sums with them overflow, which only a zip64 block can say. */
static void test_huge_sizes(void **state) {
    (void)state;
    fx_zip zip = {0};
    fx_zip_add(&zip, "a", "data", 4);
    uint8_t *row = zip.central.bytes;
    memset(row + CENTRAL_PACKED, 0xff, 8);
    row[30] = 20; /* length of the extra block */
    fx_put_le(&zip.central, 0x0001, 2);
    fx_put_le(&zip.central, 16, 2);
    fx_put_le(&zip.central, UINT64_MAX - 8, 8);
    fx_put_le(&zip.central, UINT64_MAX - 8, 8);
    fx_zip_end(&zip, true);
    refuse(&zip.file, RNM_ERR_FORMAT, "reaches beyond the members' part");
    fx_zip_free(&zip);
}

static void test_short_zip64_block(void **state) {
    (void)state;
    fx_zip zip = {0};
    fx_zip_add(&zip, "a", "data", 4);
    memset(zip.central.bytes + CENTRAL_PACKED, 0xff, 8);
    zip.central.bytes[30] = 12;
    fx_put_le(&zip.central, 0x0001, 2);
    fx_put_le(&zip.central, 8, 2);
    fx_put_le(&zip.central, 4, 8);
    fx_zip_end(&zip, true);
    refuse(&zip.file, RNM_ERR_FORMAT, "its zip64 field is malformed");
    fx_zip_free(&zip);
}

static void test_overlap(void **state) {
    (void)state;
    fx_zip zip = {0};
    fx_zip_add(&zip, "a", "0123456789", 10);
    fx_zip_add(&zip, "b", "0123456789", 10);
    zip.central.bytes[CENTRAL_PACKED] = 64;
    zip.central.bytes[CENTRAL_SIZE] = 64;
    fx_zip_end(&zip, true);
    refuse(&zip.file, RNM_ERR_FORMAT, "member b: it overlaps another member");
    fx_zip_free(&zip);
}

static void test_same_header_twice(void **state) {
    (void)state;
    fx_zip zip = {0};
    fx_zip_add(&zip, "a", "x", 1);
    fx_buffer once = zip.central;
    zip.central = (fx_buffer){0};
    fx_put(&zip.central, once.bytes, once.size);
    fx_put(&zip.central, once.bytes, once.size);
    zip.count = 2;
    fx_zip_end(&zip, true);
    refuse(&zip.file, RNM_ERR_FORMAT, "it overlaps another member");
    fx_free(&once);
    fx_zip_free(&zip);
}

static void test_same_name_twice(void **state) {
    (void)state;
    fx_zip zip = {0};
    fx_zip_add(&zip, "a", "x", 1);
    fx_zip_add(&zip, "b", "x", 1);
    fx_zip_add(&zip, "a", "y", 1);
    fx_zip_end(&zip, true);
    refuse(&zip.file, RNM_ERR_FORMAT, "member a: the name appears twice");
    fx_zip_free(&zip);
}

static void test_counts(void **state) {
    (void)state;
    fx_zip none = {0};
    fx_zip_end(&none, true);
    refuse(&none.file, RNM_ERR_FORMAT, "has no members");
    fx_zip_free(&none);

    fx_buffer file = archive(true);
    size_t end = fx_find(&file, END64, 4);
    memset(file.bytes + fx_find(&file, END, 4) + 8, 0xff, 4);
    file.bytes[end + 24 + 2] = file.bytes[end + 32 + 2] = 0x10;
    refuse(&file, RNM_ERR_LIMIT, "expected at most 65536 members");
    file.bytes[end + 24 + 2] = file.bytes[end + 32 + 2] = 0;
    file.bytes[end + 24] = file.bytes[end + 32] = 9;
    refuse(&file, RNM_ERR_FORMAT, "cannot hold 9 members");
    file.bytes[end + 24] = file.bytes[end + 32] = 1;
    refuse(&file, RNM_ERR_FORMAT, "found bytes after the last");
    fx_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_comment),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_fields_64),
        cmocka_unit_test(test_huge_sizes),
        cmocka_unit_test(test_short_zip64_block),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_same_header_twice),
        cmocka_unit_test(test_same_name_twice),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
