/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight files on disk: opening, refusing what is no such file, closing; and what a large one
 * costs.
 */
#include "check.h"
#include "digest.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of our own, gone after the test. */
static char folder[] = "/tmp/rnm-readers-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/model.ckpt", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void refuse_path(const char *which, rnm_status status, const char *words) {
    rnc_weights weights = {0};
    rnm_error error = {0};
    assert_int_equal(rnc_weights_open(which, &weights, &error), status);
    if (strncmp(error.text, which, strlen(which)) != 0 || strstr(error.text, words) == NULL) {
        fail_msg("expected \"%s: ... %s\", found: %s", which, words, error.text);
    }
    assert_null(weights.impl);
}

static void test_open(void **state) {
    (void)state;
    fx_buffer file = fx_checkpoint(false);
    write_file(file.bytes, file.size);
    rnc_weights weights;
    rnm_error error = {0};
    assert_int_equal(rnc_weights_open(path, &weights, &error), RNM_OK);
    assert_int_equal(error.status, RNM_OK);
    assert_string_equal(weights.path, path);
    assert_int_equal(weights.file_size, file.size);
    assert_true(weights.file_digest == rnm_digest(file.bytes, file.size));
    check_elements(&weights, "model.weight", (float[]){0, 1, 2, 3, 4, 5}, 6);
    rnc_weights_close(&weights);
    assert_null(weights.impl);
    rnc_weights_close(&weights); /* harmless */
    fx_free(&file);
}

static void test_no_such_file(void **state) {
    (void)state;
    unlink(path);
    refuse_path(path, RNM_ERR_IO, "cannot be opened: No such file");
    refuse_path(folder, RNM_ERR_IO, "expected a file, found a directory");
    write_file("", 0);
    refuse_path(path, RNM_ERR_FORMAT, "the file is empty");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_path(path, RNM_ERR_IO, "expected a regular file");
    unlink(path);
}

static void test_unknown_container(void **state) {
    (void)state;
    write_file("GGUF...", 7);
    refuse_path(path, RNM_ERR_UNSUPPORTED, "begins with bytes 47 47 55 46");
    write_file("x", 1);
    refuse_path(path, RNM_ERR_UNSUPPORTED, "expected a PyTorch checkpoint in its zip form,");
    /* A pickle, but not torch.save's. */
    write_file("\x80\x02}.", 4);
    refuse_path(path, RNM_ERR_UNSUPPORTED, "begins with bytes 80 02 7d 2e");
}

static size_t heap_in_use(void) {
    struct mallinfo2 about = mallinfo2();
    return about.uordblks + about.hblkhd;
}

/* 500 tensors of 64 KiB: 32 MB in the file, next to nothing on the heap. */
static void test_memory(void **state) {
    (void)state;
    enum { TENSORS = 500, ELEMENTS = 16384 };
    static char keys[TENSORS][12];
    static fx_storage storages[TENSORS];
    static const float zeros[ELEMENTS];
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "}(");
    for (int i = 0; i < TENSORS; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        storages[i] = (fx_storage){keys[i], "FloatStorage", ELEMENTS, zeros, sizeof zeros};
        fx_text(&pickle, keys[i]);
        fx_tensor(&pickle, &(fx_view){.storage = &storages[i],
                                      .rank = 4,
                                      .dims = {128, 128, 1, 1},
                                      .strides = {128, 1, 1, 1}});
    }
    fx_ops(&pickle, "u.");
    fx_buffer file = fx_zip_file(&pickle, storages, TENSORS);
    write_file(file.bytes, file.size);
    fx_free(&file);
    fx_free(&pickle);

    size_t before = heap_in_use();
    rnc_weights weights;
    assert_int_equal(rnc_weights_open(path, &weights, NULL), RNM_OK);
    assert_int_equal(weights.count, TENSORS);
    assert_true(heap_in_use() < before + 256 * 1024);
    rnc_weights_close(&weights);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_unknown_container),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
