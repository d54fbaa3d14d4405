/* SPDX-License-Identifier: Apache-2.0
 *
 * Atomic files: whole or absent, nothing beside them, and only regular files replaced. Everything
 * happens in a folder of the test's own.
 */
#include "write/file.h"

#include "digest.h"

#include "testing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/rnc-file-XXXXXX";
static char target[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(target, sizeof target, "%s/net.rnm", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static size_t entries(void) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static size_t content(char *bytes, size_t room) {
    FILE *file = fopen(target, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

static void put(const char *text) {
    FILE *file = fopen(target, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void appears_on_commit(void **state) {
    (void)state;
    static const char zeros[64];
    char bytes[200];
    rnc_file file;
    assert_int_equal(rnc_file_create(&file, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&file, "head", 4, NULL), RNM_OK);
    assert_int_equal(rnc_file_begin_digest(&file, NULL), RNM_OK);
    assert_int_equal(rnc_file_align(&file, 64, NULL), RNM_OK);
    assert_int_equal(rnc_file_align(&file, 64, NULL), RNM_OK);
    assert_int_equal(file.offset, 64);
    assert_int_equal(rnc_file_write(&file, "body", 4, NULL), RNM_OK);
    uint64_t digest = rnc_file_end_digest(&file);
    assert_int_equal(rnc_file_rewrite_start(&file, "HEAD", 4, NULL), RNM_OK);
    assert_int_not_equal(access(target, F_OK), 0);
    assert_int_equal(rnc_file_commit(&file, NULL), RNM_OK);
    rnc_file_discard(&file);
    assert_int_equal(entries(), 1);
    assert_int_equal(content(bytes, sizeof bytes), 68);
    assert_memory_equal(bytes, "HEAD", 4);
    assert_memory_equal(bytes + 4, zeros, 60);
    assert_memory_equal(bytes + 64, "body", 4);
    void *expected = rnm_digest_create();
    assert_non_null(expected);
    rnm_digest_add(expected, bytes + 4, 64);
    assert_true(rnm_digest_finish(expected) == digest);
    assert_int_equal(unlink(target), 0);
}

static uint8_t byte_at(size_t at) {
    return (uint8_t)(at * 2654435761u >> 24);
}

/* Pieces that end before, in and behind the blocks that the file is written in. */
static void large_files(void **state) {
    (void)state;
    static const size_t pieces[] = {4096, ((size_t)4 << 20) - 4097, 3, (size_t)9 << 20, 70001};
    rnc_file file;
    size_t size = 0;
    assert_int_equal(rnc_file_create(&file, target, NULL), RNM_OK);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; ++p) {
        uint8_t *piece = malloc(pieces[p]);
        assert_non_null(piece);
        for (size_t k = 0; k < pieces[p]; ++k) {
            piece[k] = byte_at(size + k);
        }
        assert_int_equal(rnc_file_write(&file, piece, pieces[p], NULL), RNM_OK);
        size += pieces[p];
        free(piece);
    }
    assert_int_equal(rnc_file_rewrite_start(&file, "HEAD", 4, NULL), RNM_OK);
    assert_int_equal(rnc_file_commit(&file, NULL), RNM_OK);
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    assert_int_equal(content(bytes, size + 1), size);
    assert_memory_equal(bytes, "HEAD", 4);
    for (size_t k = 4; k < size; ++k) {
        assert_int_equal((uint8_t)bytes[k], byte_at(k));
    }
    free(bytes);
    assert_int_equal(unlink(target), 0);
}

static void discard_leaves_nothing(void **state) {
    (void)state;
    rnc_file file;
    assert_int_equal(rnc_file_create(&file, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_begin_digest(&file, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&file, "half", 4, NULL), RNM_OK);
    assert_int_equal(entries(), 1);
    rnc_file_discard(&file);
    rnc_file_discard(&file);
    assert_int_equal(entries(), 0);
    rnc_file zeroed = {0};
    rnc_file_discard(&zeroed);
}

static void old_file_survives_until_commit(void **state) {
    (void)state;
    char bytes[16];
    rnc_file file;
    put("old");
    assert_int_equal(rnc_file_create(&file, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&file, "new!", 4, NULL), RNM_OK);
    assert_int_equal(content(bytes, sizeof bytes), 3);
    rnc_file_discard(&file);
    assert_int_equal(content(bytes, sizeof bytes), 3);
    assert_int_equal(rnc_file_create(&file, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&file, "new!", 4, NULL), RNM_OK);
    assert_int_equal(rnc_file_commit(&file, NULL), RNM_OK);
    assert_int_equal(content(bytes, sizeof bytes), 4);
    assert_int_equal(unlink(target), 0);
}

static void two_at_once(void **state) {
    (void)state;
    char bytes[16];
    rnc_file first;
    rnc_file second;
    assert_int_equal(rnc_file_create(&first, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_create(&second, target, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&first, "a", 1, NULL), RNM_OK);
    assert_int_equal(rnc_file_write(&second, "bb", 2, NULL), RNM_OK);
    assert_int_equal(rnc_file_commit(&second, NULL), RNM_OK);
    assert_int_equal(rnc_file_commit(&first, NULL), RNM_OK);
    assert_int_equal(content(bytes, sizeof bytes), 1);
    assert_int_equal(entries(), 1);
    assert_int_equal(unlink(target), 0);
}

static void check_refused(const char *path) {
    rnc_file file;
    rnm_error error = {0};
    assert_int_equal(rnc_file_create(&file, path, &error), RNM_ERR_IO);
    assert_non_null(strstr(error.text, path));
    rnc_file_discard(&file);
}

static void replaces_regular_files_only(void **state) {
    (void)state;
    char other[80];
    struct stat found;
    snprintf(other, sizeof other, "%s/missing/net.rnm", folder);
    check_refused(other);
    check_refused(folder);
    assert_int_equal(mkfifo(target, 0600), 0);
    check_refused(target);
    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink("net.rnm", other), 0);
    check_refused(other);
    assert_int_equal(stat(target, &found), 0);
    assert_true(S_ISFIFO(found.st_mode));
    assert_int_equal(entries(), 2);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(unlink(target), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_on_commit),
        cmocka_unit_test(large_files),
        cmocka_unit_test(discard_leaves_nothing),
        cmocka_unit_test(old_file_survives_until_commit),
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(replaces_regular_files_only),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
