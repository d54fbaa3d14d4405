/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs ONNX's backend tests in one process, compares strictly (rtol 1e-3, atol 1e-5; shapes, types
 * and integers exact), and fails when a test passes or fails that did not before.
 *
 *     onnx_node [--table | --update | --why] [--data=FOLDER] [--keep=FOLDER] LISTS
 */
#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_TESTS 1024
#define MOST_OPERATORS 256
#define SKIPPED 77

static const char usage[] =
    "usage: onnx_node [--table | --update | --why] [--data=FOLDER] [--keep=FOLDER] LISTS\n"
    "\n"
    "Runs the tests named in LISTS/cnn_*.txt on the data of libonnx-testdata, and compares the "
    "set\n"
    "that passes with LISTS/expected.txt. Exit codes: 0 as expected, 1 not so, 77 no data.\n"
    "\n"
    "  --table        write the Markdown of docs/ONNX_CONFORMANCE.md\n"
    "  --update       write LISTS/expected.txt anew\n"
    "  --why          say of each test that fails why\n"
    "  --data=FOLDER  where the tests are [/usr/lib/python3/dist-packages/onnx/backend/test/data]\n"
    "  --keep=FOLDER  leave TEST.rnm, and with weights TEST.frozen.rnm, of what passes there;\n"
    "                 on the file system of /tmp\n"
    "\n"
    "example: build/tests/onnx_node/onnx_node --why tests/onnx_node\n";

typedef struct row {
    char name[64];
    int tests, passed;
} row;

static const struct {
    const char *name, *what;
} lists[] = {
    {"cnn_node", "operators of CNNs"},
    {"cnn_pytorch", "as PyTorch exports them"},
    {"cnn_quant", "quantised"},
    {"cnn_extra", "beyond CNNs"},
};
enum { LISTS = sizeof lists / sizeof *lists };

typedef struct job {
    const char *data, *folder, *keep;
    char scratch[64];
    bool table, update, why;
    row by_list[LISTS], operators[MOST_OPERATORS];
    int operator_count;
    int frozen, frozen_passed; /* tests with weights, run a second time */
    char *passed[MOST_TESTS];
    int passed_count;
} job;

/* ---- one test -------------------------------------------------------------------------------- */

static row *operator_row(job *j, const char *name) {
    int k = 0;
    while (k < j->operator_count && strcmp(j->operators[k].name, name) != 0) {
        k++;
    }
    if (k == j->operator_count && k + 1 < MOST_OPERATORS) {
        snprintf(j->operators[j->operator_count++].name, sizeof j->operators[k].name, "%s", name);
    }
    return &j->operators[k];
}

/* Counts a test for every operator in its graph, once. */
static void count_operators(job *j, const node_test *test, bool passed) {
    const Onnx__GraphProto *graph = test->model->graph;
    for (size_t n = 0; n < graph->n_node; n++) {
        size_t before = 0;
        while (strcmp(graph->node[before]->op_type, graph->node[n]->op_type) != 0) {
            before++;
        }
        if (before == n) {
            row *r = operator_row(j, graph->node[n]->op_type);
            r->tests++;
            r->passed += passed;
        }
    }
}

/* Where the .rnm of a test stays; NULL: nowhere. */
static const char *kept(const job *j, const char *name, const char *how, char path[1024]) {
    snprintf(path, 1024, "%s/%s%s.rnm", j->keep != NULL ? j->keep : "", strrchr(name, '/') + 1,
             how);
    return j->keep != NULL ? path : NULL;
}

static bool run_test(job *j, const char *name) {
    char folder[1024], path[1024];
    char why[WHY_SIZE] = "cannot be read";
    node_test test;
    snprintf(folder, sizeof folder, "%s/%s", j->data, name);
    if (!read_test(folder, &test)) {
        printf("FAIL %s: %s\n", name, why);
        return false;
    }
    bool passed = check_test(&test, FREEZE_OPERANDS, j->scratch, kept(j, name, "", path), why);
    const char *how = "as given";
    if (has_weights(&test)) {
        char frozen_why[WHY_SIZE];
        bool frozen = check_test(&test, FREEZE_WEIGHTS, j->scratch, kept(j, name, ".frozen", path),
                                 frozen_why);
        j->frozen++;
        j->frozen_passed += frozen;
        if (passed && !frozen) {
            how = "frozen";
            memcpy(why, frozen_why, sizeof why);
        }
        passed = passed && frozen;
    }
    if (!passed && j->why) {
        printf("FAIL %s (%s): %s\n", name, how, why);
    }
    count_operators(j, &test, passed);
    free_test(&test);
    return passed;
}

static bool run_list(job *j, int which) {
    char path[1024], line[256];
    snprintf(path, sizeof path, "%s/%s.txt", j->folder, lists[which].name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "onnx_node: cannot read %s\n", path);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL && j->passed_count < MOST_TESTS) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0') {
            continue;
        }
        j->by_list[which].tests++;
        if (run_test(j, line)) {
            j->by_list[which].passed++;
            j->passed[j->passed_count++] = strdup(line);
        }
    }
    fclose(file);
    return true;
}

/* ---- what is expected ------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool write_expected(const job *j, const char *path) {
    FILE *file = fopen(path, "w");
    for (int k = 0; file != NULL && k < j->passed_count; k++) {
        fprintf(file, "%s\n", j->passed[k]);
    }
    return file != NULL && fclose(file) == 0;
}

/* Both lists are sorted. */
static bool compare_expected(const job *j, const char *path) {
    char line[256] = "";
    bool same = true;
    int k = 0;
    FILE *file = fopen(path, "r");
    bool more = file != NULL;
    while (more || k < j->passed_count) {
        if (more && line[0] == '\0') {
            more = fgets(line, sizeof line, file) != NULL;
            line[strcspn(line, "\n")] = '\0';
            continue;
        }
        int order = !more ? 1 : k == j->passed_count ? -1 : strcmp(line, j->passed[k]);
        if (order != 0) {
            printf("%s %s\n", order < 0 ? "NO LONGER PASSES:" : "PASSES NOW:",
                   order < 0 ? line : j->passed[k]);
            same = false;
        }
        k += order >= 0;
        line[0] = order <= 0 ? '\0' : line[0];
    }
    if (file != NULL) {
        fclose(file);
    }
    return same;
}

/* ---- the tables ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b) {
    return strcmp(((const row *)a)->name, ((const row *)b)->name);
}

static void print_tables(job *j) {
    qsort(j->operators, (size_t)j->operator_count, sizeof *j->operators, by_name);
    if (j->table) {
        printf(
            "# Conformance to ONNX\n\n"
            "The backend tests of ONNX as Debian's libonnx-testdata has them, run by "
            "`tests/onnx_node`: rtol 1e-3, atol 1e-5, shapes, types and integers exact, in every "
            "mode. What the format has as attributes (integer operands, scales of Resize) is "
            "bound before planning. A test with weights runs a second time with its weights "
            "frozen to initializers, and passes if both runs do.\n\n"
            "Two tests cannot pass, as their data contradict the specification: "
            "`test_resize_downsample_scales_linear_align_corners` and "
            "`test_resize_downsample_scales_cubic_align_corners`. Their input is 4 wide, the "
            "scale 0.6 (0.8), the output 2 (3) wide; align_corners puts the last output on the "
            "last input, at index (out - 1) * (in - 1) / (out - 1). The data divide by "
            "4 * 0.6 - 1, as if the output were 2.4 wide. ONNX Runtime gives what is given "
            "here.\n\n"
            "Written by `onnx_node --table tests/onnx_node`.\n\n");
    }
    printf("| tests | | passed | of |\n|---|---|---:|---:|\n");
    for (int k = 0; k < LISTS; k++) {
        printf("| %s | %s | %d | %d |\n", lists[k].name, lists[k].what, j->by_list[k].passed,
               j->by_list[k].tests);
    }
    printf("| of them with weights frozen | | %d | %d |\n\n", j->frozen_passed, j->frozen);
    printf("| operator | tests passed | tests that use it |\n|---|---:|---:|\n");
    for (int k = 0; k < j->operator_count; k++) {
        printf("| %s | %d | %d |\n", j->operators[k].name, j->operators[k].passed,
               j->operators[k].tests);
    }
}

/* ---- main ------------------------------------------------------------------------------------ */

static bool read_arguments(job *j, int count, char **arguments) {
    for (int k = 1; k < count; k++) {
        const char *text = arguments[k];
        if (strcmp(text, "--table") == 0) {
            j->table = true;
        } else if (strcmp(text, "--update") == 0) {
            j->update = true;
        } else if (strcmp(text, "--why") == 0) {
            j->why = true;
        } else if (strncmp(text, "--data=", 7) == 0) {
            j->data = text + 7;
        } else if (strncmp(text, "--keep=", 7) == 0) {
            j->keep = text + 7;
        } else if (text[0] != '-' && j->folder == NULL) {
            j->folder = text;
        } else {
            return false;
        }
    }
    return j->folder != NULL;
}

static int run(job *j) {
    char path[1024];
    bool good = true;
    for (int k = 0; good && k < LISTS; k++) {
        good = run_list(j, k);
    }
    qsort(j->passed, (size_t)j->passed_count, sizeof *j->passed, by_text);
    print_tables(j);
    snprintf(path, sizeof path, "%s/expected.txt", j->folder);
    if (good && !j->table) {
        good = j->update ? write_expected(j, path) : compare_expected(j, path);
    }
    return good ? 0 : 1;
}

int main(int count, char **arguments) {
    static job j = {.data = "/usr/lib/python3/dist-packages/onnx/backend/test/data",
                    .scratch = "/tmp/onnx_node.XXXXXX"};
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_arguments(&j, count, arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    DIR *there = opendir(j.data);
    if (there == NULL) {
        printf("skipped: no test data in %s (Debian: libonnx-testdata)\n", j.data);
        return SKIPPED;
    }
    closedir(there);
    if (mkdtemp(j.scratch) == NULL) {
        perror("onnx_node: a folder for scratch");
        return 1;
    }
    int result = run(&j);
    rmdir(j.scratch);
    for (int k = 0; k < j.passed_count; k++) {
        free(j.passed[k]);
    }
    return result;
}
