/* SPDX-License-Identifier: Apache-2.0
 *
 * Every rule about preprocessing, labels and provenance, broken one at a time with the digests
 * resealed; and tables of hostile size, which must not take long.
 */
#include "specimen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* ---- preprocess ------------------------------------------------------------------------------ */

#define PRE(field, value, status, word) \
    POKE(PART_PREPROCESS, rnm_preprocess_rec, NULL, field, value, status, word)

/* The small network resizes the shorter side to 9, crops 6x6 and pads by 1 to 8x8. */
static const specimen_poke preprocess_pokes[] = {
    PRE(input, 1, RNM_ERR_FORMAT, "graph inputs"),
    PRE(input, RNM_NONE, RNM_ERR_FORMAT, "graph inputs"),
    PRE(dataset, 2, RNM_ERR_FORMAT, "start of a string"),
    PRE(color, 0, RNM_ERR_FORMAT, "color 0"),
    PRE(color, 2, RNM_ERR_FORMAT, "color 2"),
    PRE(color, 5, RNM_ERR_FORMAT, "color 5"),
    PRE(color, 1, RNM_ERR_FORMAT, "N x 1 x H x W"),
    PRE(resize, 3, RNM_ERR_FORMAT, "resize 3"),
    PRE(resize, 1, RNM_ERR_FORMAT, "crop must be inside width"),
    PRE(reserved0[0], 1, RNM_ERR_FORMAT, "reserved"),
    PRE(reserved0[1], 1, RNM_ERR_FORMAT, "reserved"),
    PRE(resize_height, 0, RNM_ERR_FORMAT, "shorter side"),
    PRE(resize_height, 0x80000000, RNM_ERR_LIMIT, "sizes"),
    PRE(resize_width, 0x80000000, RNM_ERR_LIMIT, "sizes"),
    PRE(crop_height, 0, RNM_ERR_FORMAT, "both sizes or none"),
    PRE(crop_height, 7, RNM_ERR_FORMAT, "height must be 8"),
    PRE(crop_width, 5, RNM_ERR_FORMAT, "width must be 8"),
    PRE(crop_width, 0, RNM_ERR_FORMAT, "both sizes or none"),
    PRE(pad_top, 2, RNM_ERR_FORMAT, "height must be 8"),
    PRE(pad_left, 0, RNM_ERR_FORMAT, "width must be 8"),
    PRE(pad_bottom, 0x7fffffff, RNM_ERR_FORMAT, "height must be 8"),
    PRE(pad_right, 0xffffffff, RNM_ERR_LIMIT, "sizes"),
    PRE(divisor, 0, RNM_ERR_VALUE, "divisor"),
    PRE(divisor, 0x80000000, RNM_ERR_VALUE, "divisor"),
    PRE(divisor, 0x7fc00000, RNM_ERR_VALUE, "divisor"),
    PRE(divisor, 0x7f800000, RNM_ERR_VALUE, "divisor"),
    PRE(mean[0], 0x7f800000, RNM_ERR_VALUE, "channel 0"),
    PRE(mean[2], 0xffc00000, RNM_ERR_VALUE, "channel 2"),
    PRE(mean[3], 0x3f800000, RNM_ERR_VALUE, "channel 3 must be 0 and 1"),
    PRE(std[0], 0, RNM_ERR_VALUE, "channel 0"),
    PRE(std[1], 0x7fc00000, RNM_ERR_VALUE, "channel 1"),
    PRE(std[3], 0, RNM_ERR_VALUE, "channel 3 must be 0 and 1"),
    PRE(std[3], 0x7fc00000, RNM_ERR_VALUE, "channel 3 must be 0 and 1"),
    PRE(reserved1[0], 1, RNM_ERR_FORMAT, "reserved"),
    PRE(reserved1[3], 1, RNM_ERR_FORMAT, "reserved"),
};

static void test_preprocess_fields(void **state) {
    (void)state;
    specimen_try_pokes(preprocess_pokes, sizeof preprocess_pokes / sizeof *preprocess_pokes);
}

/* Geometries for an input of N x 3 x 8 x 10. */
static void test_geometry(void **state) {
    (void)state;
    static const struct {
        uint8_t resize;
        uint32_t resize_height, resize_width, crop_height, crop_width;
        uint32_t pad_top, pad_left;
        bool good;
    } cases[] = {
        {RNM_RESIZE_NONE, 0, 0, 0, 0, 0, 0, true},
        {RNM_RESIZE_NONE, 0, 0, 0, 0, 7, 9, true},
        {RNM_RESIZE_NONE, 0, 0, 0, 0, 8, 0, false},
        {RNM_RESIZE_NONE, 0, 0, 8, 10, 0, 0, true},
        {RNM_RESIZE_NONE, 0, 0, 10, 8, 0, 0, false},
        {RNM_RESIZE_NONE, 0, 0, 6, 9, 2, 1, true},
        {RNM_RESIZE_EXACT, 8, 10, 0, 0, 0, 0, true},
        {RNM_RESIZE_EXACT, 10, 8, 0, 0, 0, 0, false},
        {RNM_RESIZE_EXACT, 8, 9, 0, 0, 0, 1, true},
        {RNM_RESIZE_EXACT, 20, 20, 8, 10, 0, 0, true},
        {RNM_RESIZE_EXACT, 20, 9, 8, 10, 0, 0, false},
        {RNM_RESIZE_EXACT, 0, 0, 8, 10, 0, 0, false},
        {RNM_RESIZE_SHORTER, 8, 0, 0, 0, 0, 0, true},
        {RNM_RESIZE_SHORTER, 10, 0, 0, 0, 0, 0, false},
        {RNM_RESIZE_SHORTER, 7, 0, 0, 0, 0, 3, true},
        {RNM_RESIZE_SHORTER, 256, 0, 8, 10, 0, 0, true},
        {RNM_RESIZE_SHORTER, 0, 0, 8, 10, 0, 0, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        rnm_builder *b = builder_new();
        builder_input(b, "x", 4, (const int64_t[]){1, 3, 8, 10});
        builder_preprocess(b, (rnm_preprocess_rec){
                                  .color = RNM_COLOR_BGR,
                                  .resize = cases[k].resize,
                                  .resize_height = cases[k].resize_height,
                                  .resize_width = cases[k].resize_width,
                                  .crop_height = cases[k].crop_height,
                                  .crop_width = cases[k].crop_width,
                                  .pad_top = cases[k].pad_top,
                                  .pad_left = cases[k].pad_left,
                                  .divisor = 1.0f,
                                  .std = {1.0f, 1.0f, 1.0f, 1.0f},
                              });
        uint64_t size;
        uint8_t *bytes = builder_finish(b, &size);
        rnm_view view;
        rnm_error err = {.text = ""};
        rnm_status status = specimen_open(bytes, size, true, &view, &err);
        if (status != (cases[k].good ? RNM_OK : RNM_ERR_FORMAT)) {
            fail_msg("geometry %zu: found %d: %s", k, (int)status, err.text);
        }
        free(bytes);
    }
}

/* ---- labels and provenance ------------------------------------------------------------------- */

static uint32_t *words_of(uint8_t *bytes, specimen_part part) {
    return specimen_find(bytes, part, NULL);
}

#define BREAK(name, change)            \
    static void name(uint8_t *bytes) { \
        change;                        \
    }

BREAK(label_count, words_of(bytes, PART_LABELS)[0] = 6)
BREAK(label_many, words_of(bytes, PART_LABELS)[0] = (1 << 20) + 1)
BREAK(label_offset, words_of(bytes, PART_LABELS)[7] = 2)
BREAK(label_far, words_of(bytes, PART_LABELS)[1] = UINT32_MAX)
BREAK(labels_short, specimen_section(bytes, RNM_SECTION_LABELS)->length = 3)
BREAK(labels_tiny, memset(words_of(bytes, PART_LABELS), 0, 32);
      specimen_section(bytes, RNM_SECTION_LABELS)->length = 3)
BREAK(provenance_count, words_of(bytes, PART_PROVENANCE)[0] = 4)
BREAK(provenance_many, words_of(bytes, PART_PROVENANCE)[0] = 1025)
BREAK(provenance_key, words_of(bytes, PART_PROVENANCE)[1] = 2)
BREAK(provenance_value, words_of(bytes, PART_PROVENANCE)[4] = UINT32_MAX)
BREAK(preprocess_ragged, specimen_section(bytes, RNM_SECTION_PREPROCESS)->length -= 1)

static const specimen_break breaks[] = {
    {"label count", label_count, RNM_ERR_FORMAT, "labels: length must be 28"},
    {"label many", label_many, RNM_ERR_LIMIT, "labels: count"},
    {"label offset", label_offset, RNM_ERR_FORMAT, "labels[6]"},
    {"label far", label_far, RNM_ERR_FORMAT, "labels[0]"},
    {"labels short", labels_short, RNM_ERR_FORMAT, "padding"},
    {"labels tiny", labels_tiny, RNM_ERR_FORMAT, "labels: length must be at least 4"},
    {"provenance count", provenance_count, RNM_ERR_FORMAT, "provenance: length must be 36"},
    {"provenance many", provenance_many, RNM_ERR_LIMIT, "provenance: count"},
    {"provenance key", provenance_key, RNM_ERR_FORMAT, "provenance[0]"},
    {"provenance value", provenance_value, RNM_ERR_FORMAT, "provenance[3]"},
    {"preprocess ragged", preprocess_ragged, RNM_ERR_FORMAT, "preprocess: length"},
};

/* `count` records of preprocessing for one input. */
static uint8_t *records(uint64_t *size, int count) {
    rnm_builder *b = builder_new();
    builder_input(b, "x", 4, (const int64_t[]){1, 1, 8, 8});
    for (int k = 0; k < count; k++) {
        builder_preprocess(b, (rnm_preprocess_rec){
                                  .color = RNM_COLOR_GRAY,
                                  .divisor = -1.0f,
                                  .std = {-2.0f, 1.0f, 1.0f, 1.0f},
                              });
    }
    return builder_finish(b, size);
}

static uint8_t *one_record(uint64_t *size) {
    return records(size, 1);
}

static uint8_t *two_records(uint64_t *size) {
    return records(size, 2);
}

static uint8_t *many_records(uint64_t *size) {
    return records(size, 65);
}

static uint8_t *symbolic_height(uint64_t *size) {
    rnm_builder *b = builder_new();
    builder_symbol(b, "H");
    builder_input(b, "x", 4, (const int64_t[]){1, 1, -1, 8});
    builder_preprocess(b, (rnm_preprocess_rec){
                              .color = RNM_COLOR_GRAY,
                              .divisor = 1.0f,
                              .std = {1.0f, 1.0f, 1.0f, 1.0f},
                          });
    return builder_finish(b, size);
}

static const specimen_file files[] = {
    {"one record", one_record, RNM_OK, NULL},
    {"two records", two_records, RNM_ERR_FORMAT, "has a record already"},
    {"65 records", many_records, RNM_ERR_LIMIT, "at most 64 records"},
    {"symbolic height", symbolic_height, RNM_ERR_FORMAT, "fixed sizes"},
};

static void test_lists(void **state) {
    (void)state;
    specimen_try_breaks(breaks, sizeof breaks / sizeof *breaks);
    specimen_try_files(files, sizeof files / sizeof *files);
}

/* ---- hostile sizes --------------------------------------------------------------------------- */

/* As many tensors as the limits allow, with names that agree for long: quadratic checks of names
 * would take minutes. The builder looks for equal strings one by one, so the file is laid out by
 * hand. */
static void test_many_names(void **state) {
    (void)state;
    enum { COUNT = 1 << 16 };
    const size_t name_size = 96;
    const size_t strings_size = 1 + COUNT * name_size;
    const size_t tables_at = (64 + 5 * 32 + 63) / 64 * 64;
    const size_t tensors_at = (tables_at + strings_size + 63) / 64 * 64;
    const size_t graph_at = tensors_at + COUNT * sizeof(rnm_tensor_rec);
    const size_t data_at = graph_at + 64;
    const size_t total = data_at + (COUNT - 1) * 64 + 1;
    uint8_t *file = aligned_alloc(64, (total + 63) / 64 * 64);
    assert_non_null(file);
    memset(file, 0, total);
    rnm_header *header = (void *)file;
    memcpy(header->magic, RNM_MAGIC, RNM_MAGIC_SIZE);
    header->major = 1;
    header->section_count = 5;
    header->file_length = total;
    rnm_section *sections = (void *)(file + sizeof *header);
    sections[0] = (rnm_section){.kind = 1, .offset = tables_at, .length = strings_size};
    sections[1] = (rnm_section){.kind = 2, .offset = tensors_at, .length = graph_at - tensors_at};
    sections[2] = (rnm_section){.kind = 3, .offset = graph_at, .length = 0};
    sections[3] = (rnm_section){.kind = 4, .offset = graph_at, .length = sizeof(rnm_graph_rec)};
    sections[4] = (rnm_section){.kind = 8, .offset = data_at, .length = total - data_at};
    rnm_tensor_rec *tensors = (void *)(file + tensors_at);
    for (uint32_t k = 0; k < COUNT; k++) {
        char *name = (char *)file + tables_at + 1 + k * name_size;
        memset(name, 'a', name_size - 1);
        snprintf(name + name_size - 9, 9, "%08x", k * 2654435761u);
        tensors[k] = (rnm_tensor_rec){
            .name = (uint32_t)(1 + k * name_size),
            .dtype = RNM_U8,
            .role = RNM_ROLE_CONSTANT,
            .offset = (uint64_t)k * 64,
            .length = 1,
        };
    }
    builder_reseal(file, total);
    clock_t start = clock();
    rnm_view view;
    rnm_error err = {.text = ""};
    rnm_status status = specimen_open(file, total, true, &view, &err);
    if (status != RNM_OK) {
        fail_msg("%s", err.text);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20.0);
    tensors[COUNT - 1].name = tensors[77].name;
    builder_reseal(file, total);
    specimen_expect_refused("one name twice", file, total, RNM_ERR_FORMAT, "unique");
    free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preprocess_fields),
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
