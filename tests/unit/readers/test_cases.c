/* SPDX-License-Identifier: Apache-2.0
 *
 * Real checkpoints, if there are any: every folder NAME of $RNM_CASES with NAME/model.ckpt and
 * NAME/keys.txt (one tensor a line: name, type, shape, by tabs), and NAME/variants with files
 * called reject_* that must be refused and others that must open.
 */
#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_of(const char *name) {
    static const char *const names[][2] = {
        {"float32", "f32"}, {"float16", "f16"}, {"bfloat16", "bf16"}, {"float64", "f64"},
        {"int64", "i64"},   {"int32", "i32"},   {"uint8", "u8"},      {"bool", "bool"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i][0], name) == 0) {
            return names[i][1];
        }
    }
    return name;
}

/* "64x3x3x3"; a scalar is the empty text or "scalar". */
static void describe_shape(const rnc_tensor *tensor, char *text, size_t size) {
    size_t end = 0;
    text[0] = '\0';
    for (int i = 0; i < tensor->rank && end < size; i++) {
        end += (size_t)snprintf(text + end, size - end, "%s%lld", i != 0 ? "x" : "",
                                (long long)tensor->dims[i]);
    }
}

static void check_keys(const rnc_weights *weights, const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[1024];
    size_t count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *type = strchr(line, '\t');
        assert_non_null(type);
        *type++ = '\0';
        char *shape = strchr(type, '\t');
        assert_non_null(shape);
        *shape++ = '\0';
        assert_true(count < weights->count);
        const rnc_tensor *tensor = &weights->tensors[count++];
        char found[128];
        describe_shape(tensor, found, sizeof found);
        assert_string_equal(tensor->name, line);
        assert_string_equal(rnm_dtype_name(tensor->dtype), type_of(type));
        assert_string_equal(found, strcmp(shape, "scalar") == 0 ? "" : shape);
    }
    fclose(file);
    assert_int_equal(count, weights->count);
}

/* Opens it and reads every element. */
static void open_good(const char *path, rnc_weights *out) {
    rnm_error error = {0};
    if (rnc_weights_open(path, out, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    for (size_t i = 0; i < out->count; i++) {
        int64_t count = rnc_tensor_elements(&out->tensors[i]);
        float *elements = malloc((size_t)count * sizeof *elements + 1);
        assert_non_null(elements);
        rnc_tensor_copy_f32(&out->tensors[i], 0, count, elements);
        free(elements);
    }
}

static void check_variant(const char *path, const char *name) {
    rnc_weights weights = {0};
    if (strncmp(name, "reject_", 7) != 0) {
        open_good(path, &weights);
        rnc_weights_close(&weights);
        return;
    }
    rnm_error error = {0};
    assert_int_not_equal(rnc_weights_open(path, &weights, &error), RNM_OK);
    print_message("%s\n", error.text);
}

static void check_variants(const char *folder) {
    DIR *variants = opendir(folder);
    if (variants == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(variants)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && (strcmp(dot, ".ckpt") == 0 || strcmp(dot, ".pt") == 0)) {
            char path[1024];
            snprintf(path, sizeof path, "%.600s/%.255s", folder, entry->d_name);
            check_variant(path, entry->d_name);
        }
    }
    closedir(variants);
}

static void test_cases(void **state) {
    (void)state;
    const char *root = getenv("RNM_CASES");
    if (root == NULL || *root == '\0') {
        skip();
    }
    DIR *cases = opendir(root);
    assert_non_null(cases);
    size_t opened = 0;
    for (const struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[1024];
        rnc_weights weights;
        snprintf(path, sizeof path, "%.600s/%.255s/model.ckpt", root, entry->d_name);
        open_good(path, &weights);
        snprintf(path, sizeof path, "%.600s/%.255s/keys.txt", root, entry->d_name);
        check_keys(&weights, path);
        rnc_weights_close(&weights);
        snprintf(path, sizeof path, "%.600s/%.255s/variants", root, entry->d_name);
        check_variants(path);
        opened++;
    }
    closedir(cases);
    assert_true(opened > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
