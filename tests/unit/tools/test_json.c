/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON writer, and sizes for people.
 */
#include "testing.h"

#include "json.h"
#include "say.h"

#include <float.h>
#include <math.h>

static void test_document(void **state) {
    (void)state;
    json_writer json;
    FILE *file = tmpfile();
    json_begin(&json, file);
    json_object(&json, NULL);
    json_text(&json, "name", "a");
    json_array(&json, "list");
    json_int(&json, NULL, INT64_MIN);
    json_uint(&json, NULL, UINT64_MAX);
    json_object(&json, NULL);
    json_end(&json);
    json_end(&json);
    json_array(&json, "empty");
    json_end(&json);
    json_bool(&json, "yes", true);
    json_text(&json, "none", NULL);
    json_end(&json);
    assert_true(json_finish(&json));
    char *text = take_text(file);
    assert_string_equal(text, "{\n"
                              "  \"name\": \"a\",\n"
                              "  \"list\": [\n"
                              "    -9223372036854775808,\n"
                              "    18446744073709551615,\n"
                              "    {}\n"
                              "  ],\n"
                              "  \"empty\": [],\n"
                              "  \"yes\": true,\n"
                              "  \"none\": null\n"
                              "}\n");
    free(text);
}

static char *written_text(const char *value) {
    json_writer json;
    FILE *file = tmpfile();
    json_begin(&json, file);
    json_text(&json, NULL, value);
    assert_true(json_finish(&json));
    return take_text(file);
}

static void test_strings(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\"\n"},
        {"\"\\/", "\"\\\"\\\\/\"\n"},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"\n"},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"\n"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88\"\n"},
        /* stray continuation, overlong, surrogate, cut off, too large */
        {"\x80", "\"\xef\xbf\xbd\"\n"},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n"},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n"},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n"},
        {"\xf4\x90\x80\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = written_text(cases[i][0]);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

static char *written_number(double value, bool as_float) {
    json_writer json;
    FILE *file = tmpfile();
    json_begin(&json, file);
    if (as_float) {
        json_float(&json, NULL, (float)value);
    } else {
        json_double(&json, NULL, value);
    }
    assert_true(json_finish(&json));
    return take_text(file);
}

static void test_numbers(void **state) {
    (void)state;
    static const double cases[] = {0,      1,       -1.5,    0.1,  1.0 / 3,       DBL_MAX, DBL_MIN,
                                   5e-324, FLT_MAX, FLT_MIN, 1e23, 123456789.123, -0.0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = written_number(cases[i], false);
        assert_true(strtod(text, NULL) == cases[i]);
        free(text);
        float single = (float)cases[i];
        if (isfinite(single)) {
            text = written_number(cases[i], true);
            assert_true(strtof(text, NULL) == single);
            free(text);
        }
    }
    char *text = written_number(0.1, true);
    assert_string_equal(text, "0.1\n");
    free(text);
    static const double none[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * COUNT(none); i++) {
        text = written_number(none[i / 2], i % 2 == 0);
        assert_string_equal(text, "null\n");
        free(text);
    }
}

static void test_full_device(void **state) {
    (void)state;
    json_writer json;
    FILE *file = fopen("/dev/full", "w");
    if (file == NULL) {
        skip();
    }
    json_begin(&json, file);
    json_int(&json, NULL, 1);
    assert_false(json_finish(&json));
    fclose(file);
}

static void test_bytes(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.00 KiB"},
        {10234, "9.99 KiB"},
        {10236, "10.0 KiB"},
        {1023 * 1024, "1.00 MiB"},
        {(uint64_t)999 * 1024, "999 KiB"},
        {(uint64_t)5 << 30, "5.00 GiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[SAY_BYTES_SIZE];
        assert_string_equal(say_bytes(cases[i].bytes, text), cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document), cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
