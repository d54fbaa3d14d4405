/* SPDX-License-Identifier: Apache-2.0
 *
 * What a context tells of its layers, and the times that it keeps where asked.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static opened open_small(void) {
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    return open_bytes(bytes, size);
}

/* The layer of a node, or a failed test. */
static rnm_layer layer_of(const rnm_context *context, const char *node) {
    rnm_layer layer;
    for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
        if (strcmp(layer.node, node) == 0) {
            return layer;
        }
    }
    fail_msg("no layer %s", node);
    return (rnm_layer){0};
}

static rnm_context *make(const rnm_model *model, rnm_context_options options) {
    rnm_context *context = NULL;
    rnm_error error;
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return context;
}

/* conv2 of rnm_builder.h: 12 outputs of 4x4, 10 inputs, 3x3 taps, stride 2, from 8x8. */
static void layers_say_what_they_do(void **state) {
    (void)state;
    opened small = open_small();
    const int64_t batch = 2;
    rnm_context *context = make(
        small.model, (rnm_context_options){.symbols = &batch, .symbol_count = 1, .profile = true});
    rnm_layer layer = layer_of(context, "conv2");
    assert_string_equal(layer.op, "Conv");
    assert_string_equal(layer.algorithm, "direct");
    assert_int_equal(layer.form, RNM_FORM_PANEL);
    assert_true(layer.flops == 2.0 * 2 * 12 * 4 * 4 * 10 * 9);
    assert_int_equal(layer.activation_bytes, 2 * 10 * 8 * 8 * 4);
    assert_true(layer.parent_bytes > 0);
    assert_int_equal(layer.kept_bytes, 0);
    assert_true(layer.seconds == 0.0);
    layer = layer_of(context, "conv3"); /* linear: the 4 inputs of its parent, whose 5 outputs are
                                           too few to be finished by themselves: all 12 */
    assert_true(layer.flops == 2.0 * 2 * 12 * 4 * 4 * 4 * 9);
    layer = layer_of(context, "fc");
    assert_string_equal(layer.op, "Gemm");
    assert_true(layer.flops == 2.0 * 2 * 7 * 12);
    rnm_layer untouched = layer;
    assert_false(rnm_context_layer(context, -1, &layer));
    assert_false(rnm_context_layer(context, rnm_context_layer_count(context), &layer));
    assert_memory_equal(&layer, &untouched, sizeof layer);
    rnm_context_destroy(context);

    context =
        make(small.model, (rnm_context_options){.expand = RNM_EXPAND_LOAD, .no_xnnpack = true});
    layer = layer_of(context, "conv2");
    assert_int_equal(layer.form, RNM_FORM_EXPANDED);
    assert_int_equal(layer.parent_bytes + layer.mask_bytes + layer.beta_bytes, 0);
    assert_int_equal(layer.kept_bytes, 32 * 10 * 9 * 4);
    layer = layer_of(context, "conv3");
    assert_int_equal(layer.kept_bytes, 32 * 4 * 9 * 4);
    rnm_context_destroy(context);
    close_opened(small);
}

static void times_are_kept_where_asked(void **state) {
    (void)state;
    opened small = open_small();
    for (int asked = 0; asked < 2; ++asked) {
        rnm_context *context =
            make(small.model, (rnm_context_options){.profile = asked != 0, .threads = 2});
        rnm_layer layer;
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
            assert_true(asked != 0 ? layer.seconds > 0.0 : layer.seconds == 0.0);
        }
        rnm_context_destroy(context);
    }
    close_opened(small);
}

static void the_peak_is_measured(void **state) {
    (void)state;
    opened small = open_small();
    rnm_isa isas[MOST_ISAS];
    const size_t isa_count = all_isas(isas);
    for (size_t k = 0; k < isa_count; ++k) {
        for (int threads = 1; threads <= 2; ++threads) {
            rnm_context *context =
                make(small.model, (rnm_context_options){.isa = isas[k], .threads = threads});
            double peak = rnm_context_peak(context);
            assert_true(peak > 1e7 && peak < 1e14);
            rnm_context_destroy(context);
        }
    }
    close_opened(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_say_what_they_do),
        cmocka_unit_test(times_are_kept_where_asked),
        cmocka_unit_test(the_peak_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
