/* SPDX-License-Identifier: Apache-2.0
 *
 * Every rule about header, section table, padding and strings, broken one at a time with the
 * digests resealed.
 */
#include "specimen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- header ---------------------------------------------------------------------------------- */

#define HEADER(field, value, status, word) \
    POKE(PART_HEADER, rnm_header, NULL, field, value, status, word)

static const specimen_poke header_pokes[] = {
    HEADER(magic[0], 0x88, RNM_ERR_FORMAT, "magic"),
    HEADER(magic[7], 0x0d, RNM_ERR_FORMAT, "magic"),
    HEADER(major, 0, RNM_ERR_VERSION, "version"),
    HEADER(major, 2, RNM_ERR_VERSION, "found 2.0"),
    HEADER(minor, 1, RNM_ERR_VERSION, "found 1.1"),
    HEADER(file_length, 0, RNM_ERR_FORMAT, "file length"),
    HEADER(file_length, UINT64_MAX, RNM_ERR_FORMAT, "file length"),
    HEADER(section_count, 0, RNM_ERR_FORMAT, "end the file"),
    HEADER(section_count, 7, RNM_ERR_FORMAT, "section table[0]"),
    HEADER(section_count, 65, RNM_ERR_LIMIT, "section count"),
    HEADER(section_count, UINT32_MAX, RNM_ERR_LIMIT, "section count"),
    HEADER(reserved[0], 1, RNM_ERR_FORMAT, "reserved"),
    HEADER(reserved[31], 0x80, RNM_ERR_FORMAT, "reserved"),
};

static void test_header(void **state) {
    (void)state;
    specimen_try_pokes(header_pokes, sizeof header_pokes / sizeof *header_pokes);
}

static void test_digests(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    ((rnm_header *)(void *)bytes)->digest ^= 1;
    specimen_expect_refused("header", bytes, size, RNM_ERR_DIGEST, "header: digest");
    ((rnm_header *)(void *)bytes)->digest ^= 1;
    *(char *)specimen_find(bytes, PART_STRINGS, NULL) = 1;
    specimen_expect_refused("strings", bytes, size, RNM_ERR_DIGEST, "strings: digest");
    free(bytes);
}

/* A whole table does not fit into a file of one header. */
static void test_table_outside(void **state) {
    (void)state;
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    rnm_header *header = (void *)bytes;
    header->file_length = 64 + 31;
    builder_reseal(bytes, 64 + 31);
    specimen_expect_refused("table", bytes, 64 + 31, RNM_ERR_FORMAT, "table of 8 sections");
    free(bytes);
}

/* ---- section table --------------------------------------------------------------------------- */

#define BREAK_SECTION(name, wanted_kind, change)               \
    static void name(uint8_t *bytes) {                         \
        rnm_section *s = specimen_section(bytes, wanted_kind); \
        change;                                                \
    }

BREAK_SECTION(kind_zero, RNM_SECTION_STRINGS, s->kind = 0)
BREAK_SECTION(kind_unknown, RNM_SECTION_DATA, s->kind = 9)
BREAK_SECTION(kind_below_optional, RNM_SECTION_DATA, s->kind = 0x7fffffff)
BREAK_SECTION(kind_twice, RNM_SECTION_RECIPES, s->kind = RNM_SECTION_TENSORS)
BREAK_SECTION(kinds_swapped, RNM_SECTION_TENSORS, s[0].kind = 3; s[1].kind = 2)
BREAK_SECTION(no_strings, RNM_SECTION_STRINGS, s->kind = RNM_SECTION_OPTIONAL; s[1].kind = 1)
BREAK_SECTION(no_data, RNM_SECTION_DATA, s->kind = RNM_SECTION_OPTIONAL)
BREAK_SECTION(section_reserved, RNM_SECTION_GRAPH, s->reserved = 1)
BREAK_SECTION(offset_early, RNM_SECTION_TENSORS, s->offset -= 64)
BREAK_SECTION(offset_late, RNM_SECTION_TENSORS, s->offset += 64)
BREAK_SECTION(offset_odd, RNM_SECTION_TENSORS, s->offset += 1)
BREAK_SECTION(offset_far, RNM_SECTION_TENSORS, s->offset = UINT64_MAX - 63)
BREAK_SECTION(first_late, RNM_SECTION_STRINGS, s->offset += 64; s->length -= 64)
BREAK_SECTION(length_over, RNM_SECTION_DATA, s->length += 1)
BREAK_SECTION(length_under, RNM_SECTION_DATA, s->length -= 1)
BREAK_SECTION(length_wraps, RNM_SECTION_DATA, s->length = UINT64_MAX - 100)
BREAK_SECTION(overlap, RNM_SECTION_TENSORS, s->length += 64)
BREAK_SECTION(padding, RNM_SECTION_STRINGS, bytes[s->offset + s->length] = 1)
BREAK_SECTION(padding_end, RNM_SECTION_TENSORS, bytes[s->offset - 1] = 1)

static const specimen_break table_breaks[] = {
    {"kind 0", kind_zero, RNM_ERR_FORMAT, "kind 0 is unknown"},
    {"kind 9", kind_unknown, RNM_ERR_FORMAT, "kind 9 is unknown"},
    {"kind below optional", kind_below_optional, RNM_ERR_FORMAT, "is unknown"},
    {"kind twice", kind_twice, RNM_ERR_FORMAT, "ascend"},
    {"kinds swapped", kinds_swapped, RNM_ERR_FORMAT, "ascend"},
    {"no strings", no_strings, RNM_ERR_FORMAT, "ascend"},
    {"no data", no_data, RNM_ERR_FORMAT, "data must be present"},
    {"reserved", section_reserved, RNM_ERR_FORMAT, "reserved"},
    {"offset early", offset_early, RNM_ERR_FORMAT, "offset"},
    {"offset late", offset_late, RNM_ERR_FORMAT, "offset"},
    {"offset odd", offset_odd, RNM_ERR_FORMAT, "offset"},
    {"offset far", offset_far, RNM_ERR_FORMAT, "offset"},
    {"first late", first_late, RNM_ERR_FORMAT, "offset"},
    {"length over", length_over, RNM_ERR_FORMAT, "inside the file"},
    {"length under", length_under, RNM_ERR_FORMAT, "end the file"},
    {"length wraps", length_wraps, RNM_ERR_FORMAT, "inside the file"},
    {"overlap", overlap, RNM_ERR_FORMAT, "offset"},
    {"padding", padding, RNM_ERR_FORMAT, "padding"},
    {"padding end", padding_end, RNM_ERR_FORMAT, "padding"},
};

static void test_table(void **state) {
    (void)state;
    specimen_try_breaks(table_breaks, sizeof table_breaks / sizeof *table_breaks);
}

/* Without labels and provenance, whose kinds come after it, preprocess can be given other kinds. */
static uint8_t *with_unknown_section(uint64_t *size) {
    rnm_builder *b = builder_new();
    uint32_t word = 5;
    builder_tensor(b, "c", RNM_U32, RNM_ROLE_CONSTANT, 0, NULL, &word);
    uint8_t *bytes = builder_finish(b, size);
    uint64_t longer = (*size + 63) / 64 * 64 + 3;
    uint8_t *more = aligned_alloc(64, (longer + 63) / 64 * 64);
    assert_non_null(more);
    memset(more, 0, longer);
    memcpy(more, bytes, *size);
    free(bytes);
    /* Five sections end at 224, so a sixth fits into the table's padding. */
    rnm_header *header = (void *)more;
    rnm_section *sections = (void *)(more + sizeof *header);
    assert_int_equal(header->section_count, 5);
    sections[5] = (rnm_section){
        .kind = RNM_SECTION_OPTIONAL + 7,
        .offset = longer - 3,
        .length = 3,
    };
    memcpy(more + longer - 3, "abc", 3);
    header->section_count = 6;
    header->file_length = longer;
    builder_reseal(more, longer);
    *size = longer;
    return more;
}

static void test_unknown_section(void **state) {
    (void)state;
    uint64_t size;
    rnm_view view;
    uint8_t *bytes = with_unknown_section(&size);
    assert_int_equal(specimen_open(bytes, size, true, &view, NULL), RNM_OK);
    assert_int_equal(view.tensor_count, 1);
    bytes[size - 1] = 'd';
    specimen_expect_refused("its digest", bytes, size, RNM_ERR_DIGEST, "unknown section");
    free(bytes);
}

/* ---- strings --------------------------------------------------------------------------------- */

/* Overwrites "small_cnn", which is nobody's name. */
static void put_text(uint8_t *bytes, const char *text, size_t length) {
    char *at = specimen_find(bytes, PART_STRINGS, NULL);
    at++; /* the empty one */
    while (strcmp(at, "small_cnn") != 0) {
        at += strlen(at) + 1;
    }
    assert_true(length <= 9);
    memcpy(at, text, length);
}

static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xc2\x80", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xf0\x90\x80\x80", true},
        {"~", true},
        {"\x7f", false},
        {"\x1f", false},
        {"\n", false},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3z", false},
        {"\xe2\x82z", false},
        {"\xf0\x9f\x98z", false},
        {"smallcn\xe2\x82", false},
        {"smallcnn\xc3", false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        uint64_t size;
        uint8_t *bytes = builder_small_cnn(&size);
        put_text(bytes, cases[k].text, strlen(cases[k].text));
        builder_reseal(bytes, size);
        if (cases[k].good) {
            rnm_view view;
            assert_int_equal(specimen_open(bytes, size, true, &view, NULL), RNM_OK);
        } else {
            specimen_expect_refused(cases[k].text, bytes, size, RNM_ERR_FORMAT, "UTF-8");
        }
        free(bytes);
    }
}

static void no_empty_string(uint8_t *bytes) {
    *(char *)specimen_find(bytes, PART_STRINGS, NULL) = 'x';
}

static void no_last_zero(uint8_t *bytes) {
    const rnm_section *s = specimen_section(bytes, RNM_SECTION_STRINGS);
    bytes[s->offset + s->length - 1] = 'x';
}

static const specimen_break string_breaks[] = {
    {"first string", no_empty_string, RNM_ERR_FORMAT, "strings: section must begin"},
    {"last zero", no_last_zero, RNM_ERR_FORMAT, "strings: section must begin"},
};

/* A label of `length` bytes. */
static uint8_t *with_label(uint64_t *size, size_t length) {
    rnm_builder *b = builder_new();
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    builder_label(b, text);
    free(text);
    return builder_finish(b, size);
}

static uint8_t *label_of_1024(uint64_t *size) {
    return with_label(size, 1024);
}

static uint8_t *label_of_1025(uint64_t *size) {
    return with_label(size, 1025);
}

static uint8_t *strings_too_long(uint64_t *size) {
    return with_label(size, 17 << 20);
}

static const specimen_file string_files[] = {
    {"1024 bytes", label_of_1024, RNM_OK, NULL},
    {"1025 bytes", label_of_1025, RNM_ERR_LIMIT, "strings: the string at 1"},
    {"17 MiB", strings_too_long, RNM_ERR_LIMIT, "strings: section"},
};

static void test_strings(void **state) {
    (void)state;
    specimen_try_breaks(string_breaks, sizeof string_breaks / sizeof *string_breaks);
    specimen_try_files(string_files, sizeof string_files / sizeof *string_files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),          cmocka_unit_test(test_digests),
        cmocka_unit_test(test_table_outside),   cmocka_unit_test(test_table),
        cmocka_unit_test(test_unknown_section), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
