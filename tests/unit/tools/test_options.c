/* SPDX-License-Identifier: Apache-2.0
 *
 * The option parser: every form of every kind, and what is refused with which sentence.
 */
#include "testing.h"

#include "options.h"

typedef struct asked {
    bool quiet, json;
    const char *output;
    int64_t top;
    uint64_t limit;
    int expand;
    cli_list inputs, files;
    char *out, *err;
} asked;

static const cli_choice choices[] = {{"load", 1}, {"layer", 3}, {NULL, 0}};

static cli_result parse(asked *a, const char *line) {
    char words[256], *argv[32] = {(char[]){"tool"}};
    int argc = 1;
    *a = (asked){.top = 5};
    const cli_option options[] = {
        CLI_FLAG("quiet", 'q', &a->quiet, "no progress"),
        CLI_FLAG("json", 'j', &a->json, "for programs"),
        CLI_TEXT("output", 'o', &a->output, "FILE", "where to"),
        CLI_NUMBER("top", 'k', &a->top, "K", -2, 100, "how many\nsecond line"),
        CLI_BYTES("limit", 0, &a->limit, "at most"),
        CLI_CHOICE("expand", 0, &a->expand, choices, "when"),
        CLI_LIST("input", 'i', &a->inputs, "FILE", "again and again"),
    };
    const cli_command command = {.name = "tool",
                                 .version = "1.2",
                                 .usage = "FILE\n--other\n",
                                 .intro = "Does things.\n",
                                 .examples = "  tool x\n",
                                 .options = options,
                                 .option_count = COUNT(options)};
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = strcmp(word, "EMPTY") == 0 ? word + 5 : word;
    }
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    cli_result result = cli_parse(&command, argc, argv, &a->files, out, err);
    /* The strings point into a buffer of this call; only their numbers and first letters matter. */
    a->out = take_text(out);
    a->err = take_text(err);
    return result;
}

static void done(asked *a) {
    cli_list_free(&a->inputs);
    cli_list_free(&a->files);
    free(a->out);
    free(a->err);
}

static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *line;
        uint64_t limit; /* 0: refused */
    } cases[] = {
        {"--limit=1", 1},
        {"--limit 5000000", 5000000},
        {"--limit=800K", 800u << 10},
        {"--limit=12M", 12u << 20},
        {"--limit=3G", (uint64_t)3 << 30},
        {"--limit=18446744073709551615", UINT64_MAX},
        {"--limit=17179869183G", (uint64_t)17179869183 << 30},
        {"--limit=17179869184G", 0},
        {"--limit=18446744073709551616", 0},
        {"--limit=0", 0},
        {"--limit=0M", 0},
        {"--limit=-1", 0},
        {"--limit=+1", 0},
        {"--limit=M", 0},
        {"--limit=12MB", 0},
        {"--limit=12m", 0},
        {"--limit=1.5M", 0},
        {"--limit=12MM", 0},
    };
    for (size_t k = 0; k < COUNT(cases); k++) {
        asked a;
        cli_result result = parse(&a, cases[k].line);
        assert_int_equal(result, cases[k].limit != 0 ? CLI_RUN : CLI_USAGE);
        assert_int_equal(a.limit, cases[k].limit);
        assert_true(result == CLI_RUN || strstr(a.err, "--limit wants a number of bytes") != NULL);
        done(&a);
    }
}

static void test_forms(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int64_t top;
        int expand;
        bool quiet, json, output;
        size_t inputs, files;
    } cases[] = {
        {"", 5, 0, false, false, false, 0, 0},
        {"a b -", 5, 0, false, false, false, 0, 3},
        {"--top=7 a", 7, 0, false, false, false, 0, 1},
        {"--top 7 a", 7, 0, false, false, false, 0, 1},
        {"-k7 -k 8", 8, 0, false, false, false, 0, 0},
        {"--top=-2", -2, 0, false, false, false, 0, 0},
        {"-qj a", 5, 0, true, true, false, 0, 1},
        {"-qk9", 9, 0, true, false, false, 0, 0},
        {"-qo x y", 5, 0, true, false, true, 0, 1},
        {"--output=a=b --expand=layer", 5, 3, false, false, true, 0, 0},
        {"--expand load", 5, 1, false, false, false, 0, 0},
        {"--input a=1 -i b --input=c", 5, 0, false, false, false, 3, 0},
        {"-- --quiet -j", 5, 0, false, false, false, 0, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        asked a;
        assert_int_equal(parse(&a, cases[i].line), CLI_RUN);
        assert_int_equal(a.top, cases[i].top);
        assert_int_equal(a.expand, cases[i].expand);
        assert_int_equal(a.quiet, cases[i].quiet);
        assert_int_equal(a.json, cases[i].json);
        assert_int_equal(a.output != NULL, cases[i].output);
        assert_int_equal(a.inputs.count, cases[i].inputs);
        assert_int_equal(a.files.count, cases[i].files);
        assert_string_equal(a.err, "");
        done(&a);
    }
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"--nosuch", "unknown option '--nosuch'\n"},
        {"--nosuch=3", "unknown option '--nosuch'\n"},
        {"--ouput=x", "unknown option '--ouput'; did you mean '--output'?"},
        {"--jsno", "did you mean '--json'?"},
        {"--out", "unknown option '--out'"},
        {"-x", "unknown option '-x'"},
        {"-qx", "unknown option '-x'"},
        {"--quiet=1", "--quiet takes no value, found '1'"},
        {"--output", "--output wants a value"},
        {"-o", "--output wants a value"},
        {"--output=", "--output has an empty value"},
        {"--output EMPTY", "--output has an empty value"},
        {"--top=x", "--top wants a whole number from -2 to 100, found 'x'"},
        {"--top=5x", "found '5x'"},
        {"--top=101", "found '101'"},
        {"--top=99999999999999999999", "found '99999999999999999999'"},
        {"--top=+5", "found '+5'"},
        {"--expand=panel", "--expand is one of load, layer, found 'panel'"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        asked a;
        cli_result result = parse(&a, cases[i][0]);
        assert_int_equal(result, CLI_USAGE);
        assert_int_equal(cli_exit_code(result), 2);
        assert_non_null(strstr(a.err, cases[i][1]));
        assert_non_null(strstr(a.err, "tool --help"));
        assert_string_equal(a.out, "");
        done(&a);
    }
}

static void test_help(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "Usage: tool FILE\n       tool --other\n",
        "Does things.\n",
        "  -q, --quiet             no progress\n",
        "  -k, --top=K             how many\n                          second line\n",
        "      --expand=load|layer when\n",
        "      --version           the version\n",
        "Examples:\n  tool x\n",
    };
    asked a;
    assert_int_equal(parse(&a, "--quiet --help --nosuch"), CLI_DONE);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        if (strstr(a.out, pieces[i]) == NULL) {
            fail_msg("no '%s' in:\n%s", pieces[i], a.out);
        }
    }
    assert_string_equal(a.err, "");
    done(&a);
    assert_int_equal(parse(&a, "--version"), CLI_DONE);
    assert_string_equal(a.out, "tool 1.2\n");
    done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
