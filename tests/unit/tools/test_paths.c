/* SPDX-License-Identifier: Apache-2.0
 *
 * What files and folders on the command line come to.
 */
#include "testing.h"

#include "file_bytes.h"
#include "npy.h"
#include "paths.h"

#include <sys/stat.h>

static void test_folder(void **state) {
    (void)state;
    static const char *const names[] = {"b.png",  "a.JPG", "c.jpeg", "d.txt",
                                        ".e.png", "png",   "f.jpg"};
    static const char *const expected[] = {"sub/a.JPG", "sub/b.png", "sub/c.jpeg", "sub/f.jpg"};
    char *folder = enter_folder();
    path_list list = {0};
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(chdir("sub"), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        write_file(names[i], "", 0);
    }
    assert_int_equal(mkdir("g.png", 0700), 0);
    assert_int_equal(chdir(".."), 0);

    assert_int_equal(paths_add(&list, "no such file", NULL), RNM_OK);
    assert_int_equal(paths_add(&list, "sub/", NULL), RNM_OK);
    assert_int_equal(paths_add(&list, "sub", NULL), RNM_OK);
    assert_int_equal(list.count, 1 + 2 * COUNT(expected));
    assert_string_equal(list.items[0], "no such file");
    for (size_t i = 0; i < 2 * COUNT(expected); i++) {
        assert_string_equal(list.items[1 + i], expected[i % COUNT(expected)]);
    }
    paths_free(&list);

    rnm_error error = {0};
    assert_int_equal(paths_add(&list, "sub/g.png", &error), RNM_ERR_IO);
    assert_string_equal(error.text, "sub/g.png: has no *.png, *.jpg or *.jpeg in it");
    paths_free(&list);

    assert_int_equal(rmdir("sub/g.png"), 0);
    assert_int_equal(chdir("sub"), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        unlink(names[i]);
    }
    assert_int_equal(chdir(".."), 0);
    assert_int_equal(rmdir("sub"), 0);
    leave_folder(folder);
}

static void test_npy_by_content_or_name(void **state) {
    (void)state;
    char *folder = enter_folder();
    write_file("array", NPY_MAGIC "\x01", 7);
    write_file("short", NPY_MAGIC, NPY_MAGIC_SIZE - 1);
    assert_true(path_is_npy("array"));
    assert_false(path_is_npy("short"));
    assert_false(path_is_npy("missing"));
    assert_true(path_is_npy("missing.npy"));
    assert_false(path_is_npy("/dev/zero"));
    unlink("array");
    unlink("short");
    leave_folder(folder);
}

static void test_file_bytes(void **state) {
    (void)state;
    enum { SIZE = 200000 };
    static uint8_t content[SIZE];
    char *folder = enter_folder();
    uint8_t *bytes = NULL;
    size_t size = 0;
    rnm_error error = {0};
    fill_noise(content, SIZE);
    write_file("file", content, SIZE);
    assert_int_equal(file_bytes_read("file", SIZE, &bytes, &size, &error), RNM_OK);
    assert_int_equal(size, SIZE);
    assert_memory_equal(bytes, content, SIZE);
    free(bytes);
    assert_int_equal(file_bytes_read("file", SIZE - 1, &bytes, &size, &error), RNM_ERR_LIMIT);
    assert_int_equal(file_bytes_read("/dev/zero", SIZE, &bytes, &size, &error), RNM_ERR_LIMIT);
    assert_int_equal(file_bytes_read("missing", SIZE, &bytes, &size, &error), RNM_ERR_IO);
    assert_string_equal(error.text, "missing: No such file or directory");
    assert_int_equal(file_bytes_read(".", SIZE, &bytes, &size, &error), RNM_ERR_IO);
    assert_string_equal(error.text, ".: Is a directory");
    unlink("file");
    leave_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_npy_by_content_or_name),
        cmocka_unit_test(test_file_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
