/* SPDX-License-Identifier: Apache-2.0
 *
 * .npy files: what is read and written, and every way a header can lie.
 */
#include "testing.h"

#include "npy.h"

#include <dirent.h>

static const npy_info sample_info = {.dtype = RNM_F32, .rank = 3, .dims = {2, 3, 4}};

/* A file of the given version around a dictionary. Gives the header's size. */
static size_t write_npy(const char *path, int major, const char *dictionary, size_t data_size) {
    uint8_t bytes[2048] = {0};
    size_t length = strlen(dictionary), size = NPY_PREFIX_SIZE;
    memcpy(bytes, NPY_MAGIC, NPY_MAGIC_SIZE);
    bytes[NPY_MAGIC_SIZE] = (uint8_t)major;
    bytes[size++] = (uint8_t)(length & 0xff);
    bytes[size++] = (uint8_t)(length >> 8);
    size += major == 1 ? 0 : 2;
    memcpy(bytes + size, dictionary, length);
    fill_noise(bytes + size + length, data_size);
    write_file(path, bytes, size + length + data_size);
    return size + length;
}

static size_t files_here(void) {
    size_t count = 0;
    DIR *entries = opendir(".");
    assert_non_null(entries);
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        count += entry->d_name[0] != '.';
    }
    closedir(entries);
    return count;
}

static void test_round_trip(void **state) {
    (void)state;
    static const npy_info infos[] = {
        {.dtype = RNM_F32, .rank = 3, .dims = {2, 3, 4}},
        {.dtype = RNM_F16, .rank = 1, .dims = {48}},
        {.dtype = RNM_I64, .rank = 2, .dims = {12, 1}},
        {.dtype = RNM_I32, .rank = 4, .dims = {24, 1, 1, 1}},
        {.dtype = RNM_U8, .rank = 8, .dims = {1, 2, 3, 4, 1, 1, 2, 2}},
        {.dtype = RNM_BOOL, .rank = 1, .dims = {96}},
        {.dtype = RNM_F64, .rank = 0},
        {.dtype = RNM_I8, .rank = 2, .dims = {0, 7}},
    };
    uint8_t data[96];
    char *folder = enter_folder();
    for (size_t i = 0; i < COUNT(infos); i++) {
        npy_writer writer;
        npy_reader reader;
        rnm_error error = {0};
        uint64_t size;
        uint8_t back[96] = {0};
        fill_noise(data, sizeof data);
        for (size_t b = 0; infos[i].dtype == RNM_BOOL && b < sizeof data; b++) {
            data[b] &= 1;
        }
        assert_true(npy_data_bytes(&infos[i], &size));
        assert_true(size <= sizeof data);
        assert_int_equal(npy_create(&writer, "x.npy", &infos[i], &error), RNM_OK);
        assert_int_equal(npy_write(&writer, data, size / 3, &error), RNM_OK);
        assert_int_equal(npy_write(&writer, data + size / 3, size - size / 3, &error), RNM_OK);
        assert_int_equal(npy_commit(&writer, &error), RNM_OK);
        assert_int_equal(files_here(), 1);

        assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_OK);
        assert_memory_equal(&reader.info, &infos[i], sizeof reader.info);
        assert_int_equal(reader.left, size);
        assert_int_equal(ftell(reader.file) % 64, 0);
        assert_int_equal(npy_read(&reader, back, size, &error), RNM_OK);
        assert_memory_equal(back, data, size);
        npy_close(&reader);
    }
    unlink("x.npy");
    leave_folder(folder);
}

static void test_discard_leaves_the_old(void **state) {
    (void)state;
    npy_writer writer;
    char *folder = enter_folder();
    write_file("x.npy", "old", 3);
    assert_int_equal(npy_create(&writer, "x.npy", &sample_info, NULL), RNM_OK);
    assert_int_equal(files_here(), 2);
    npy_discard(&writer);
    npy_discard(&writer);
    assert_int_equal(files_here(), 1);
    unlink("x.npy");
    leave_folder(folder);
}

static void test_targets(void **state) {
    (void)state;
    npy_writer writer;
    rnm_error error = {0};
    static const npy_info bf16 = {.dtype = RNM_BF16};
    static const uint8_t data[96] = {0};
    char *folder = enter_folder();
    assert_int_equal(npy_create(&writer, "missing/x.npy", &sample_info, &error), RNM_ERR_IO);
    assert_string_equal(error.text, "missing/x.npy: No such file or directory");
    assert_int_equal(npy_create(&writer, ".", &sample_info, &error), RNM_ERR_IO);
    assert_int_equal(npy_create(&writer, "x.npy", &bf16, &error), RNM_ERR_UNSUPPORTED);
    /* Devices are written to, not replaced. */
    assert_int_equal(npy_create(&writer, "/dev/null", &sample_info, &error), RNM_OK);
    assert_null(writer.out.temporary);
    assert_int_equal(npy_write(&writer, data, sizeof data, &error), RNM_OK);
    assert_int_equal(npy_commit(&writer, &error), RNM_OK);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(npy_create(&writer, "/dev/full", &sample_info, &error), RNM_OK);
        assert_int_equal(npy_write(&writer, data, sizeof data, &error), RNM_OK);
        assert_int_equal(npy_commit(&writer, &error), RNM_ERR_RESOURCE);
    }
    assert_int_equal(files_here(), 0);
    leave_folder(folder);
}

static void test_versions_and_spellings(void **state) {
    (void)state;
    static const char *const spellings[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }   \n",
        "{\"shape\":(2,3,4,),\"descr\":\"<f4\",\"fortran_order\":False}",
        "{ 'fortran_order' : False , 'shape' : ( 2 , 3 , 4 ) , 'descr' : '<f4' }\n",
    };
    char *folder = enter_folder();
    for (size_t i = 0; i < COUNT(spellings); i++) {
        for (int major = 1; major <= 3; major++) {
            npy_reader reader;
            write_npy("x.npy", major, spellings[i], 96);
            assert_int_equal(npy_open(&reader, "x.npy", NULL), RNM_OK);
            assert_memory_equal(&reader.info, &sample_info, sizeof sample_info);
            npy_close(&reader);
        }
    }
    unlink("x.npy");
    leave_folder(folder);
}

static void test_dictionaries(void **state) {
    (void)state;
    static const struct {
        const char *text;
        rnm_status status;
        const char *sentence;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (7,)}", RNM_OK, ""},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (7, 2)}", RNM_ERR_UNSUPPORTED,
         "Fortran order"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': ()}", RNM_ERR_UNSUPPORTED, "'>f4'"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': ()}", RNM_ERR_UNSUPPORTED, "'<c8'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", RNM_ERR_UNSUPPORTED,
         "records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7)}", RNM_ERR_FORMAT, "comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 7}", RNM_ERR_FORMAT, "comma"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", RNM_ERR_FORMAT, "dimension"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", RNM_ERR_LIMIT,
         "2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", RNM_ERR_LIMIT,
         "more than 8"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", RNM_ERR_FORMAT, "True or False"},
        {"{'descr': '<f4', 'shape': ()}", RNM_ERR_FORMAT, "lacks 'fortran_order'"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': ()}", RNM_ERR_FORMAT, "unexpected 'descr'"},
        {"{'extra': 1}", RNM_ERR_FORMAT, "unexpected 'extra'"},
        {"{}", RNM_ERR_FORMAT, "lacks 'descr'"},
        {"", RNM_ERR_FORMAT, "no dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", RNM_ERR_FORMAT, "no end"},
        {"{'descr': '<f4' 'fortran_order': False}", RNM_ERR_FORMAT, "no comma"},
        {"{'descr': '<f4 and a very long tail'}", RNM_ERR_FORMAT, "short string"},
        {"{'descr': '<f4\\'", RNM_ERR_FORMAT, "short string"},
        {"{descr: 1}", RNM_ERR_FORMAT, "no string"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        npy_info info;
        rnm_error error = {0};
        rnm_status status =
            npy_parse_dictionary(cases[i].text, strlen(cases[i].text), &info, &error);
        if (status != cases[i].status || strstr(error.text, cases[i].sentence) == NULL) {
            fail_msg("%s: status %d, '%s'", cases[i].text, (int)status, error.text);
        }
    }
}

static void test_truncation(void **state) {
    (void)state;
    char header[NPY_HEADER_SIZE];
    uint8_t file[NPY_HEADER_SIZE + 96] = {0};
    char *folder = enter_folder();
    size_t size = npy_format_header(&sample_info, header) + 96;
    memcpy(file, header, size - 96);
    for (size_t cut = 0; cut < size; cut++) {
        npy_reader reader;
        rnm_error error = {0};
        write_file("x.npy", file, cut);
        assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_FORMAT);
        assert_null(reader.file);
        assert_int_equal(strncmp(error.text, "x.npy: ", 7), 0);
    }
    /* Of the dictionary alone, in a buffer of exactly its size, for the sanitizers to watch. */
    for (size_t cut = 0; cut + 96 + 10 < size; cut++) {
        npy_info info;
        char *exact = malloc(cut > 0 ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, header + 10, cut);
        rnm_status status = npy_parse_dictionary(exact, cut, &info, NULL);
        assert_true(status == RNM_ERR_FORMAT || memchr(exact, '}', cut) != NULL);
        free(exact);
    }
    unlink("x.npy");
    leave_folder(folder);
}

static void test_lying_files(void **state) {
    (void)state;
    static const char good[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4)}\n";
    static const char huge[] =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}\n";
    npy_reader reader;
    rnm_error error = {0};
    char *folder = enter_folder();
    write_npy("x.npy", 1, good, 97);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_FORMAT);
    assert_string_equal(error.text, "x.npy: its header asks for 96 bytes of data, found 97");
    write_npy("x.npy", 1, huge, 96);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_LIMIT);
    write_npy("x.npy", 4, good, 96);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_VERSION);
    write_npy("x.npy", 0, good, 96);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_VERSION);
    write_file("x.npy", "\x93NUMPX\x01\x00\x10\x00", 10);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_FORMAT);
    write_file("x.npy", NPY_MAGIC "\x02\x00\xff\xff\xff\xff", 12);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_ERR_LIMIT);
    assert_int_equal(npy_open(&reader, "missing", &error), RNM_ERR_IO);
    assert_int_equal(npy_open(&reader, ".", &error), RNM_ERR_IO);
    write_npy("x.npy", 1, "{'descr': '|b1', 'fortran_order': False, 'shape': (9,)}", 9);
    assert_int_equal(npy_open(&reader, "x.npy", &error), RNM_OK);
    uint8_t bools[9];
    assert_int_equal(npy_read(&reader, bools, 9, &error), RNM_ERR_VALUE);
    npy_close(&reader);
    unlink("x.npy");
    leave_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_discard_leaves_the_old),
        cmocka_unit_test(test_targets),      cmocka_unit_test(test_versions_and_spellings),
        cmocka_unit_test(test_dictionaries), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_lying_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
