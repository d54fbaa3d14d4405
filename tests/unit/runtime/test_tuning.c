/* SPDX-License-Identifier: Apache-2.0
 *
 * Tunings: what is written is read back and obeyed, answers stay what they are, and what is broken
 * or for something else is refused with a sentence.
 */
#include "fixture.h"
#include "tuning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_SIZE = 4096, IMAGE = 3 * 8 * 8, CLASSES = 7 };

static opened open_small(void) {
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    return open_bytes(bytes, size);
}

static int node_of(const rnm_model *model, const char *name) {
    rnm_context_options options = {.plan_only = true};
    rnm_context *context = NULL;
    rnm_layer layer;
    int node = -1;
    assert_int_equal(rnm_context_create(model, &options, &context, NULL), RNM_OK);
    for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
        node = strcmp(layer.node, name) == 0 ? layer.node_index : node;
    }
    rnm_context_destroy(context);
    assert_true(node >= 0);
    return node;
}

/* The text that goes with `options`. */
static void write_text(const rnm_model *model, rnm_context_options options, const rnm_tuned *layers,
                       int count, char text[TEXT_SIZE]) {
    rnm_context *context = NULL;
    options.plan_only = true;
    options.tuning = NULL;
    assert_int_equal(rnm_context_create(model, &options, &context, NULL), RNM_OK);
    size_t length = rnm_tuning_text(context, layers, count, text, TEXT_SIZE);
    assert_int_equal(length, strlen(text));
    assert_int_equal(rnm_tuning_text(context, layers, count, NULL, 0), length);
    char cut[16];
    assert_int_equal(rnm_tuning_text(context, layers, count, cut, sizeof cut), length);
    assert_memory_equal(cut, text, sizeof cut - 1);
    assert_int_equal(cut[sizeof cut - 1], '\0');
    rnm_context_destroy(context);
}

static void layers_run_as_they_say(void **state) {
    (void)state;
    static const char *const algorithms[] = {"direct", "F(2x2,3x3)", "F(4x4,3x3)"};
    rng r = {81};
    float image[IMAGE];
    double wanted[CLASSES];
    random_fill(&r, image, IMAGE);
    const float *inputs[] = {image};
    opened small = open_small();
    float *plain = run_model(small.model, NULL, inputs);
    for (size_t k = 0; k < CLASSES; ++k) {
        wanted[k] = (double)plain[k];
    }
    for (size_t a = 0; a < 3; ++a) {
        float *first = NULL;
        for (int block = 0; block <= 64; block += 16) {
            char text[TEXT_SIZE];
            rnm_tuned layers[] = {
                {node_of(small.model, "conv1"), algorithms[a], block, 5000, 2000},
                {node_of(small.model, "conv2"), "direct", block, 7000, 0},
            };
            rnm_context_options options = {.threads = 2, .tuning = text, .plan_only = true};
            write_text(small.model, options, layers, 2, text);
            rnm_context *context = NULL;
            rnm_layer layer;
            assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
            for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
                if (strcmp(layer.node, "conv1") == 0) {
                    assert_string_equal(layer.algorithm, algorithms[a]);
                    assert_true(layer.panel_seconds == 1e-9 * 5000.0);
                    assert_true(layer.kept_seconds == 1e-9 * 2000.0);
                } else if (strcmp(layer.node, "conv2") == 0) {
                    assert_true(layer.panel_seconds == 1e-9 * 7000.0);
                }
            }
            rnm_context_destroy(context);
            options.plan_only = false;
            float *found = run_model(small.model, &options, inputs);
            check_within(found, wanted, CLASSES, winograd_tolerance(wanted, CLASSES), "tuned");
            if (first == NULL) {
                first = found;
                continue;
            }
            assert_memory_equal(found, first, CLASSES * sizeof *found);
            free(found);
        }
        free(first);
    }
    free(plain);
    close_opened(small);
}

static void refuse(const rnm_model *model, const char *text, rnm_status status, const char *part) {
    rnm_context *context = NULL;
    rnm_error error = {0};
    rnm_context_options options = {.tuning = text, .tuning_name = "x.tuning"};
    assert_int_equal(rnm_context_create(model, &options, &context, &error), status);
    assert_null(context);
    if (strstr(error.text, part) == NULL) {
        fail_msg("'%s' says nothing of '%s'", error.text, part);
    }
}

/* `text` with the first `from` made `to`. */
static const char *changed(const char *text, const char *from, const char *to,
                           char out[TEXT_SIZE]) {
    const char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(out, TEXT_SIZE, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void what_is_wrong_is_refused(void **state) {
    (void)state;
    opened small = open_small();
    char text[TEXT_SIZE], out[TEXT_SIZE], layer[64], twice[160];
    const int node = node_of(small.model, "conv1");
    rnm_tuned tuned = {node, "direct", 32, 5000, 0};
    write_text(small.model, (rnm_context_options){0}, &tuned, 1, text);
    snprintf(layer, sizeof layer, "layer %d direct 32 5000 0\n", node);
    snprintf(twice, sizeof twice, "%s%s", layer, layer);
    const struct {
        const char *from, *to;
        rnm_status status;
        const char *part;
    } cases[] = {
        {"rnm-tuning 1", "rnm-tuning 2", RNM_ERR_VALUE,
         "x.tuning: line 1: expected 'rnm-tuning 1'"},
        {"model ", "model 1", RNM_ERR_ARGUMENT, "x.tuning: line 2: expected 'model "},
        {"cpu ", "cpu another ", RNM_ERR_ARGUMENT, "line 3: expected 'cpu "},
        {"isa ", "isa no", RNM_ERR_ARGUMENT, "line 4: expected 'isa "},
        {"threads 1", "threads 2", RNM_ERR_ARGUMENT, "line 5: expected 'threads 1', found"},
        {layer, "layer 1000000 direct 32 5000 0\n", RNM_ERR_VALUE, "line 6: expected 'layer NODE"},
        {layer, "layer -1 direct 32 5000 0\n", RNM_ERR_VALUE, "line 6"},
        {"direct 32", "direct 33", RNM_ERR_VALUE, "line 6"},
        {"direct 32", "direct 1040", RNM_ERR_VALUE, "line 6"},
        {"direct 32", "direct 99999999999999999999999", RNM_ERR_VALUE, "line 6"},
        {"direct 32", "indirect 32", RNM_ERR_VALUE, "line 6"},
        {"direct 32", "tables 0", RNM_ERR_VALUE, "cannot run as it says"},
        {"5000 0", "0 0", RNM_ERR_VALUE, "line 6"},
        {"5000 0", "5000", RNM_ERR_VALUE, "line 6"},
        {"5000 0", "5000 0 0", RNM_ERR_VALUE, "line 6"},
        {"5000 0", "5000.5 0", RNM_ERR_VALUE, "line 6"},
        {layer, twice, RNM_ERR_VALUE, "line 7: expected 'layer NODE"},
        {layer, "something\n", RNM_ERR_VALUE, "expected 'layer' or 'end', found 'something'"},
        {"end\n", "end\nend\n", RNM_ERR_VALUE, "nothing behind 'end'"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        refuse(small.model, changed(text, cases[k].from, cases[k].to, out), cases[k].status,
               cases[k].part);
    }
    /* conv2 has stride 2. */
    tuned = (rnm_tuned){node_of(small.model, "conv2"), "F(4x4,3x3)", 0, 5000, 0};
    write_text(small.model, (rnm_context_options){0}, &tuned, 1, out);
    refuse(small.model, out, RNM_ERR_VALUE, "node conv2: tuning: ");
    /* A file that was cut off anywhere. */
    const size_t length = strlen(text);
    for (size_t k = 0; k < length; ++k) {
        memcpy(out, text, k);
        out[k] = '\0';
        rnm_context *context = NULL;
        rnm_context_options options = {.tuning = out};
        assert_int_not_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        assert_null(context);
    }
    close_opened(small);
}

static void the_cpu_has_a_name(void **state) {
    (void)state;
    char name[RNM_CPU_NAME_SIZE], again[RNM_CPU_NAME_SIZE];
    rnm_cpu_name(name);
    rnm_cpu_name(again);
    assert_string_equal(name, again);
    size_t length = strlen(name);
    assert_in_range(length, 1, RNM_CPU_NAME_SIZE - 1);
    assert_true(name[0] != ' ' && name[length - 1] != ' ');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_run_as_they_say),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(the_cpu_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
