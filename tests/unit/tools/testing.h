/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the tools have in common.
 */
#ifndef RNM_TOOLS_TESTING_H
#define RNM_TOOLS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* An empty folder of its own, current until leave_folder. */
static inline char *enter_folder(void) {
    static char folder[64];
    strcpy(folder, "/tmp/rnm-tools-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    return folder;
}

/* The test has taken away its files. */
static inline void leave_folder(const char *folder) {
    assert_int_equal(chdir("/tmp"), 0);
    assert_int_equal(rmdir(folder), 0);
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* All that a temporary file holds, as a string the caller frees. */
static inline char *take_text(FILE *file) {
    long size = ftell(file);
    assert_true(size >= 0);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

/* Bytes that look random and are the same everywhere (make_resample_expected.py makes them too). */
static inline void fill_noise(uint8_t *bytes, size_t size) {
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
}

#endif
