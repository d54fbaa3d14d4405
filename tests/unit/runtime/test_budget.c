/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory limits: the bound holds in every mode, the smallest figure is the one named, answers do
 * not change, and what is kept is what gains most for its bytes.
 */
#include "fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANNELS = 40, SIDE = 9, LAYERS = 4, ELEMENTS = CHANNELS * SIDE * SIDE };

static const rnm_expand modes[] = {RNM_EXPAND_LOAD, RNM_EXPAND_LAZY, RNM_EXPAND_LAYER,
                                   RNM_EXPAND_PANEL};

/* A chain of 3x3 layers, every transform among them; s twice, which gains most. */
static opened open_chain(rng *r) {
    static const uint8_t transforms[LAYERS] = {RNM_TRANSFORM_S, RNM_TRANSFORM_F, RNM_TRANSFORM_S,
                                               RNM_TRANSFORM_LINEAR};
    static const int64_t dims[] = {1, CHANNELS, SIDE, SIDE}, ones[] = {1, 1, 1, 1};
    rnm_builder *b = builder_new();
    uint32_t x = builder_input(b, "x", 4, dims);
    uint32_t last = builder_activation(b, "last", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    builder_node(b, "last", RNM_OP_Reorder, 1, &x, last);
    for (int k = 0; k < LAYERS; ++k) {
        char name[16], weight[16];
        snprintf(name, sizeof name, "conv%d", k);
        snprintf(weight, sizeof weight, "w%d", k);
        recipe_plan plan = {.transform = transforms[k],
                            .rank = 4,
                            .dims = {CHANNELS, CHANNELS, 3, 3},
                            .po = 13,
                            .pi = 20,
                            .parent_dtype = RNM_F32};
        uint32_t inputs[2] = {last, random_recipe(r, b, weight, plan)};
        last = builder_activation(b, name, RNM_LAYOUT_CHANNELS_LAST, 4, dims);
        builder_node(b, name, RNM_OP_Conv, 2, inputs, last);
        builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, ones);
    }
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, dims);
    builder_node(b, "y", RNM_OP_Reorder, 1, &last, y);
    builder_output(b, y);
    return open_built(b);
}

static rnm_context *make(const rnm_model *model, const rnm_context_options *options) {
    rnm_context *context = NULL;
    rnm_error error;
    if (rnm_context_create(model, options, &context, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return context;
}

static uint64_t total_of(const rnm_context *context) {
    rnm_report report;
    rnm_context_report(context, &report);
    return report.total;
}

/* The figure that a refusal names. */
static uint64_t smallest_of(const rnm_model *model, rnm_context_options options) {
    rnm_context *context = NULL;
    rnm_error error = {0};
    uint64_t smallest = 0;
    options.memory_limit = 1;
    assert_int_equal(rnm_context_create(model, &options, &context, &error), RNM_ERR_LIMIT);
    assert_null(context);
    const char *text = strstr(error.text, "at least ");
    assert_non_null(text);
    assert_int_equal(sscanf(text, "at least %" SCNu64, &smallest), 1);
    return smallest;
}

static int count_form(const rnm_context *context, rnm_form form) {
    rnm_layer layer;
    int count = 0;
    for (int k = 0; rnm_context_layer(context, k, &layer); ++k) {
        count += layer.form == form;
    }
    return count;
}

/* Whether the curve has a point that keeps the weight, as 0 or 1. */
static int on_curve(const rnm_context *context, const char *weight) {
    rnm_curve_point point;
    for (int k = 1; rnm_context_curve(context, k, &point); ++k) {
        if (strcmp(point.weight, weight) == 0) {
            return 1;
        }
    }
    return 0;
}

static void limits_hold_and_answers_stay(void **state) {
    (void)state;
    rng r = {71};
    opened chain = open_chain(&r);
    float *image = malloc(ELEMENTS * sizeof *image);
    assert_non_null(image);
    random_fill(&r, image, ELEMENTS);
    const float *inputs[] = {image};
    float *wanted = run_model(chain.model, NULL, inputs);
    for (size_t m = 0; m < 8; ++m) {
        rnm_context_options options = {.expand = modes[m % 4], .threads = 1 + (int)(m / 4)};
        const uint64_t smallest = smallest_of(chain.model, options);
        const uint64_t one = 4 * 9 * CHANNELS * 64; /* a layer's two panels */
        const uint64_t linear = 4 * 9 * 20 * 64;    /* the linear one's, of its parent's inputs */
        const uint64_t limits[] = {smallest,           smallest + linear - 1, smallest + linear,
                                   smallest + one - 1, smallest + one,        smallest + 3 * one,
                                   UINT64_MAX};
        static const int fit[] = {0, 0, 1, 1, 1, 3, LAYERS};
        static const int in_scratch[] = {0, 0, 1, 1, LAYERS, LAYERS, LAYERS};
        for (size_t k = 0; k < sizeof limits / sizeof *limits; ++k) {
            options.memory_limit = limits[k];
            rnm_context *context = make(chain.model, &options);
            assert_true(total_of(context) <= limits[k]);
            memcpy(rnm_context_input(context, 0)->data, image, ELEMENTS * sizeof *image);
            for (int times = 0; times < 2; ++times) {
                assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
                assert_memory_equal(rnm_context_output(context, 0)->data, wanted,
                                    ELEMENTS * sizeof *wanted);
            }
            assert_true(total_of(context) <= limits[k]);
            if (options.expand == RNM_EXPAND_LAYER) {
                assert_int_equal(count_form(context, RNM_FORM_SCRATCH), in_scratch[k]);
            } else {
                const bool linear_alone = k == 2 || k == 3;
                int gainful =
                    linear_alone ? on_curve(context, "w3") : rnm_context_curve_count(context) - 1;
                assert_int_equal(count_form(context, RNM_FORM_EXPANDED),
                                 fit[k] < gainful ? fit[k] : gainful);
            }
            rnm_context_destroy(context);
        }
        options.memory_limit = smallest - 1;
        rnm_context *none = NULL;
        assert_int_equal(rnm_context_create(chain.model, &options, &none, NULL), RNM_ERR_LIMIT);
        assert_null(none);
    }
    free(wanted);
    free(image);
    close_opened(chain);
}

/* At the bytes of each point of the curve just that many weights are kept. */
static void the_curve_is_what_limits_give(void **state) {
    (void)state;
    rng r = {72};
    opened chain = open_chain(&r);
    rnm_context_options options = {.memory_limit = UINT64_MAX, .plan_only = true};
    rnm_context *free_plan = make(chain.model, &options);
    const int count = rnm_context_curve_count(free_plan);
    assert_in_range(count, 3, 1 + LAYERS); /* the two s layers gain in any case */
    rnm_curve_point point, last = {0};
    for (int k = 0; k < count; ++k) {
        assert_true(rnm_context_curve(free_plan, k, &point));
        assert_true((point.weight == NULL) == (k == 0));
        if (k == 0) {
            assert_int_equal(point.bytes,
                             smallest_of(chain.model, (rnm_context_options){.threads = 1}));
        } else {
            assert_true(point.bytes > last.bytes && point.seconds < last.seconds);
            bool s = strcmp(point.weight, "w0") == 0 || strcmp(point.weight, "w2") == 0;
            assert_true(s == (k <= 2));
        }
        options.memory_limit = point.bytes;
        rnm_context *context = make(chain.model, &options);
        assert_int_equal(count_form(context, RNM_FORM_EXPANDED), k);
        assert_int_equal(total_of(context), point.bytes);
        rnm_context_destroy(context);
        last = point;
    }
    assert_false(rnm_context_curve(free_plan, -1, &point));
    assert_false(rnm_context_curve(free_plan, count, &point));
    rnm_context_destroy(free_plan);
    rnm_context *limitless = make(chain.model, NULL);
    assert_int_equal(rnm_context_curve_count(limitless), 0);
    rnm_context_destroy(limitless);
    close_opened(chain);
}

/* Member by member: what lies between them is not defined. */
static void assert_same_report(const rnm_report *told, const rnm_report *found) {
    assert_int_equal(told->file, found->file);
    assert_int_equal(told->mapped, found->mapped);
    assert_int_equal(told->resident_weights, found->resident_weights);
    assert_int_equal(told->largest_scratch, found->largest_scratch);
    assert_int_equal(told->activations, found->activations);
    assert_int_equal(told->bookkeeping, found->bookkeeping);
    assert_int_equal(told->xnnpack, found->xnnpack);
    assert_int_equal(told->total, found->total);
    assert_int_equal(told->dense, found->dense);
    assert_int_equal(told->compact, found->compact);
    assert_int_equal(told->expand, found->expand);
    assert_int_equal(told->threads, found->threads);
    assert_int_equal(told->xnnpack_used, found->xnnpack_used);
    assert_string_equal(told->isa, found->isa);
}

/* A plan tells of a context what the context then tells itself, and does not run. */
static void plans_tell_the_truth(void **state) {
    (void)state;
    rng r = {73};
    opened chain = open_chain(&r);
    for (size_t m = 0; m < 8; ++m) {
        rnm_context_options options = {
            .expand = modes[m % 4], .no_xnnpack = true, .memory_limit = m >= 4 ? UINT64_MAX : 0};
        rnm_context *context = make(chain.model, &options);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        options.plan_only = true;
        rnm_context *plan = make(chain.model, &options);
        rnm_error error = {0};
        assert_int_equal(rnm_context_run(plan, &error), RNM_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "plan_only"));
        rnm_report told, found;
        rnm_context_report(plan, &told);
        rnm_context_report(context, &found);
        assert_same_report(&told, &found);
        rnm_layer a, b;
        for (int k = 0; rnm_context_layer(context, k, &a); ++k) {
            assert_true(rnm_context_layer(plan, k, &b));
            assert_string_equal(a.node, b.node);
            assert_int_equal(a.form, b.form);
            assert_true(a.panel_seconds == b.panel_seconds && a.kept_seconds == b.kept_seconds);
        }
        rnm_context_destroy(plan);
        rnm_context_destroy(context);
    }
    close_opened(chain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_hold_and_answers_stay),
        cmocka_unit_test(the_curve_is_what_limits_give),
        cmocka_unit_test(plans_tell_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
