/* SPDX-License-Identifier: Apache-2.0
 *
 * The YAML tree: what it reads, what it refuses, and that errors name file, line and key.
 */
#include "topology/yaml.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

static rnc_yaml *parse(const char *text) {
    rnc_yaml *yaml = NULL;
    rnm_error error = {0};
    if (rnc_yaml_parse(text, strlen(text), "doc", &yaml, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return yaml;
}

static void check_refused(const char *text, size_t size, const char *words) {
    rnc_yaml *yaml = NULL;
    rnm_error error = {0};
    rnm_status status = rnc_yaml_parse(text, size, "doc", &yaml, &error);
    assert_int_not_equal(status, RNM_OK);
    assert_int_equal(error.status, status);
    assert_null(yaml);
    if (strstr(error.text, "doc") == NULL || strstr(error.text, words) == NULL) {
        fail_msg("`%s` names not both doc and `%s`", error.text, words);
    }
    assert_int_equal(rnc_yaml_parse(text, size, "doc", &yaml, NULL), status);
}

static void reads_a_tree(void **state) {
    (void)state;
    rnc_yaml *yaml = parse("# remark\nname: net\nsizes: [3, 4]\nmap: {a: 1, b: two}\n");
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    assert_string_equal(rnc_yaml_name(yaml), "doc");
    assert_true(rnc_yaml_is_map(root));
    assert_int_equal(rnc_yaml_count(root), 3);
    assert_string_equal(rnc_yaml_key(root, 1), "sizes");
    assert_string_equal(rnc_yaml_text(rnc_yaml_get(root, "name")), "net");
    assert_int_equal(rnc_yaml_line(rnc_yaml_get(root, "name")), 2);
    const rnc_yaml_node *sizes = rnc_yaml_get(root, "sizes");
    assert_true(rnc_yaml_is_list(sizes));
    assert_int_equal(rnc_yaml_count(sizes), 2);
    assert_true(rnc_yaml_is_scalar(rnc_yaml_item(sizes, 1)));
    assert_string_equal(rnc_yaml_text(rnc_yaml_item(sizes, 1)), "4");
    const rnc_yaml_node *map = rnc_yaml_get(root, "map");
    assert_string_equal(rnc_yaml_key(map, 1), "b");
    assert_int_equal(rnc_yaml_line(map), 4);
    assert_null(rnc_yaml_get(root, "nothing"));
    rnc_yaml_close(yaml);
}

static void typed_reads(void **state) {
    (void)state;
    static const char *const allowed[] = {"name", "n", "f", "list", NULL};
    rnc_yaml *yaml = parse("name: net\nn: -7\nf: 0.5\nlist: [1, 2e3]\n");
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    const char *text = "untouched";
    int64_t number = 42;
    float floats[3] = {0};
    size_t count = 9;
    assert_int_equal(rnc_yaml_only_keys(yaml, root, allowed, NULL), RNM_OK);
    assert_int_equal(rnc_yaml_only_keys(yaml, root, allowed + 1, NULL), RNM_ERR_MODEL);
    assert_int_equal(rnc_yaml_string(yaml, root, "other", false, &text, NULL), RNM_OK);
    assert_string_equal(text, "untouched");
    assert_int_equal(rnc_yaml_int(yaml, root, "n", true, &number, NULL), RNM_OK);
    assert_int_equal(number, -7);
    assert_int_equal(rnc_yaml_floats(yaml, root, "f", 3, floats, &count, NULL), RNM_OK);
    assert_int_equal(count, 1);
    assert_true(floats[0] == 0.5f);
    assert_int_equal(rnc_yaml_floats(yaml, root, "list", 3, floats, &count, NULL), RNM_OK);
    assert_int_equal(count, 2);
    assert_true(floats[1] == 2000.0f);
    assert_int_equal(rnc_yaml_floats(yaml, root, "other", 3, floats, &count, NULL), RNM_OK);
    assert_int_equal(count, 0);
    rnc_yaml_close(yaml);
}

static void typed_reads_refuse(void **state) {
    (void)state;
    rnc_yaml *yaml = parse("name: [a]\nn: 1.5\n\nlist: [1, 2, 3, 4]\n");
    const rnc_yaml_node *root = rnc_yaml_root(yaml);
    const char *text;
    int64_t number;
    float floats[3];
    size_t count;
    rnm_error error = {0};
    assert_int_equal(rnc_yaml_string(yaml, root, "name", true, &text, &error), RNM_ERR_MODEL);
    assert_non_null(strstr(error.text, "doc:1: key `name`"));
    assert_int_equal(rnc_yaml_int(yaml, root, "n", true, &number, &error), RNM_ERR_MODEL);
    assert_non_null(strstr(error.text, "doc:2: key `n`"));
    assert_int_equal(rnc_yaml_floats(yaml, root, "list", 3, floats, &count, &error), RNM_ERR_MODEL);
    assert_non_null(strstr(error.text, "doc:4: key `list`"));
    assert_int_equal(rnc_yaml_int(yaml, root, "gone", true, &number, &error), RNM_ERR_MODEL);
    assert_non_null(strstr(error.text, "`gone`"));
    rnc_yaml_close(yaml);
}

static void refuses_what_is_no_document(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "doc"},         {"- a\n", "doc"},     {"text", "doc"},
        {"a: [1", "doc"},    {"a: 1\na: 2", ":2"}, {"a: &x 1\nb: *x\n", ":2"},
        {"a: b: c", ":1"},   {"{", "doc"},         {"a: 1\n---\nb: 2\n", "doc"},
        {"[a]: 1\n", "doc"}, {"a: 'open", "doc"},  {"\xff\xfe", "doc"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        check_refused(cases[k].text, strlen(cases[k].text), cases[k].words);
    }
    check_refused("a: \0b\n", 6, "doc");
}

/* `count` copies of `piece` between `before` and `after`. */
static char *repeated(const char *before, const char *piece, size_t count, const char *after) {
    size_t length = strlen(piece);
    char *text = malloc(strlen(before) + count * length + strlen(after) + 1);
    assert_non_null(text);
    char *end = text + strlen(before);
    memcpy(text, before, strlen(before));
    for (size_t k = 0; k < count; k++) {
        memcpy(end, piece, length);
        end += length;
    }
    memcpy(end, after, strlen(after) + 1);
    return text;
}

static void limits_depth_and_nodes(void **state) {
    (void)state;
    static const struct {
        const char *before;
        const char *piece;
        size_t count;
    } cases[] = {
        {"a: ", "[", 17}, {"a: ", "[", 100000}, {"", "{a: ", 50000}, {"a: [", "b,", 200000}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char *text = repeated(cases[k].before, cases[k].piece, cases[k].count, "");
        check_refused(text, strlen(text), "doc");
        free(text);
    }
}

static void numbers(void **state) {
    (void)state;
    static const char *const no_ints[] = {"",  "x", "1x", "1.0", "0x10", "99999999999999999999",
                                          "1 "};
    static const char *const no_floats[] = {"", "x", "nan", "inf", "-inf", "1e999", "1.5.2", "1 "};
    int64_t number = 5;
    float value = 5;
    for (size_t k = 0; k < sizeof no_ints / sizeof *no_ints; k++) {
        assert_false(rnc_parse_int(no_ints[k], &number));
    }
    for (size_t k = 0; k < sizeof no_floats / sizeof *no_floats; k++) {
        assert_false(rnc_parse_float(no_floats[k], &value));
    }
    assert_int_equal(number, 5);
    assert_true(value == 5.0f);
    assert_true(rnc_parse_int("-12", &number));
    assert_int_equal(number, -12);
    assert_true(rnc_parse_float("-1.25e1", &value));
    assert_true(value == -12.5f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_tree),           cmocka_unit_test(typed_reads),
        cmocka_unit_test(typed_reads_refuse),     cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(limits_depth_and_nodes), cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
