/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are valid and ask for too much, or for next to nothing: they meet the plan's checks,
 * and what passes them runs as it should in every mode.
 */
#include "fixture.h"
#include "naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANNELS = 5, SIDE = 4 };

/* A 3x3 layer of pad 1 over a map of side x side. */
static rnm_builder *build(rng *r, int64_t side, int64_t stride, int64_t out, uint32_t outputs) {
    const int64_t x_dims[] = {1, CHANNELS, side, side}, y_dims[] = {1, outputs, out, out};
    const int64_t pads[] = {1, 1, 1, 1}, strides[] = {stride, stride};
    rnm_builder *b = builder_new();
    uint32_t x = builder_input(b, "x", 4, x_dims);
    uint32_t last = builder_activation(b, "last", RNM_LAYOUT_CHANNELS_LAST, 4, x_dims);
    uint32_t maps = builder_activation(b, "maps", RNM_LAYOUT_CHANNELS_LAST, 4, y_dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, y_dims);
    recipe_plan plan = {.transform = RNM_TRANSFORM_S,
                        .rank = 4,
                        .dims = {outputs, CHANNELS, 3, 3},
                        .po = 2,
                        .pi = 3,
                        .parent_dtype = RNM_F32};
    builder_node(b, "last", RNM_OP_Reorder, 1, &x, last);
    builder_node(b, "conv", RNM_OP_Conv, 2, (uint32_t[]){last, random_recipe(r, b, "w", plan)},
                 maps);
    builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, pads);
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, strides);
    builder_node(b, "y", RNM_OP_Reorder, 1, &maps, y);
    builder_output(b, y);
    return b;
}

/* Only the top left window exists, whatever the stride is. */
static void strides_beyond_the_map(void **state) {
    (void)state;
    static const int64_t strides[] = {SIDE, 7, 1000, INT32_MAX};
    for (size_t k = 0; k < sizeof strides / sizeof *strides; ++k) {
        rng r = {91};
        float x[CHANNELS * SIDE * SIDE];
        double exact[CHANNELS * SIDE * SIDE], wanted[CHANNELS];
        random_fill(&r, x, sizeof x / sizeof *x);
        for (size_t e = 0; e < sizeof x / sizeof *x; ++e) {
            exact[e] = (double)x[e];
        }
        opened model = open_built(build(&r, SIDE, strides[k], 1, CHANNELS));
        naive_window w = {.batch = 1,
                          .in_channels = CHANNELS,
                          .out_channels = CHANNELS,
                          .in = {1, SIDE, SIDE},
                          .out = {1, 1, 1},
                          .kernel = {1, 3, 3},
                          .strides = {1, strides[k], strides[k]},
                          .dilations = {1, 1, 1},
                          .pads = {0, 1, 1},
                          .end_pads = {0, 1, 1},
                          .groups = 1};
        float *weights = reference_child(model.model, 0);
        naive_conv(&w, exact, weights, wanted);
        const float *inputs[] = {x};
        rnm_context_options options = {.expand = RNM_EXPAND_DEFAULT};
        float *found = run_all_modes(model.model, &options, inputs, CHANNELS);
        check_close(found, wanted, CHANNELS, 2e-5, "a stride beyond the map");
        free(found);
        free(weights);
        close_opened(model);
    }
}

/* Maps that no memory holds: refused with a sentence before anything is taken for them. */
static void maps_beyond_memory(void **state) {
    (void)state;
    static const int64_t sides[] = {1 << 13, 1 << 15, 100000, 1 << 20, INT32_MAX};
    for (size_t k = 0; k < sizeof sides / sizeof *sides; ++k) {
        rng r = {92};
        uint64_t size;
        rnm_model *model = NULL;
        rnm_error error = {0};
        uint8_t *bytes = builder_finish(build(&r, sides[k], 1, sides[k], CHANNELS), &size);
        rnm_status status = rnm_model_open_memory(bytes, (size_t)size, NULL, &model, &error);
        assert_true(status == RNM_OK || (status == RNM_ERR_LIMIT && error.text[0] != '\0'));
        for (int mode = RNM_EXPAND_LOAD; model != NULL && mode <= RNM_EXPAND_PANEL; ++mode) {
            rnm_context *context = NULL;
            rnm_context_options options = {
                .expand = (rnm_expand)mode, .no_xnnpack = true, .memory_limit = (uint64_t)64 << 20};
            error.text[0] = '\0';
            assert_int_equal(rnm_context_create(model, &options, &context, &error), RNM_ERR_LIMIT);
            assert_null(context);
            assert_true(error.text[0] != '\0');
            options.memory_limit = 0;
            options.max_bytes = (uint64_t)64 << 20;
            assert_int_equal(rnm_context_create(model, &options, &context, &error), RNM_ERR_LIMIT);
            assert_null(context);
        }
        rnm_model_close(model);
        free(bytes);
    }
}

/* A 1x1 layer whose child is near the file's own limit, of a parent of so many channels. */
static opened open_tiling(uint8_t transform, uint32_t parent) {
    enum { WIDE = 32768 - 32 };
    const int64_t dims[] = {1, WIDE, 1, 1};
    rng r = {94};
    rnm_builder *b = builder_new();
    recipe_plan plan = {.transform = transform,
                        .rank = 4,
                        .dims = {WIDE, WIDE, 1, 1},
                        .po = parent,
                        .pi = parent,
                        .parent_dtype = RNM_F32};
    uint32_t w = random_recipe(&r, b, "w", plan);
    uint32_t x = builder_input(b, "x", 4, dims);
    uint32_t last = builder_activation(b, "last", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    uint32_t maps = builder_activation(b, "maps", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, dims);
    builder_node(b, "last", RNM_OP_Reorder, 1, &x, last);
    builder_node(b, "conv", RNM_OP_Conv, 2, (uint32_t[]){last, w}, maps);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &maps, y);
    builder_output(b, y);
    return open_built(b);
}

/* Of s, a run from panels takes what the map and the pairs need, everything that would expand the
 * child is refused. One element, repeated by linear, is never expanded. */
static void tilings_beyond_memory(void **state) {
    (void)state;
    opened wide = open_tiling(RNM_TRANSFORM_S, 341);
    opened linear = open_tiling(RNM_TRANSFORM_LINEAR, 1);
    for (int mode = RNM_EXPAND_LOAD; mode <= RNM_EXPAND_PANEL; ++mode) {
        for (int limited = 0; limited < 2; ++limited) {
            const uint64_t most = (uint64_t)16 << 20;
            rnm_context *context = NULL;
            rnm_error error = {0};
            rnm_context_options options = {.expand = (rnm_expand)mode,
                                           .max_bytes = limited ? 0 : most,
                                           .memory_limit = limited ? most : 0};
            bool fits = limited || mode == RNM_EXPAND_PANEL;
            assert_int_equal(rnm_context_create(wide.model, &options, &context, &error),
                             fits ? RNM_OK : RNM_ERR_LIMIT);
            assert_int_equal(error.text[0] != '\0', !fits);
            rnm_context_destroy(context);
            context = NULL;
            options.no_xnnpack = true;
            assert_int_equal(rnm_context_create(linear.model, &options, &context, NULL), RNM_OK);
            assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            rnm_context_destroy(context);
        }
    }
    close_opened(linear);
    close_opened(wide);
}

/* Layers of no outputs and batches of nothing are refused; maps of no pixels do no harm. */
static void nothing_does_no_harm(void **state) {
    (void)state;
    rng r = {93};
    uint64_t size;
    rnm_model *model = NULL;
    uint8_t *bytes = builder_finish(build(&r, 0, 1, 0, CHANNELS), &size);
    rnm_status status = rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL);
    if (status == RNM_OK) {
        rnm_context *context = NULL;
        /* Where maps without pixels are allowed, running them is no more than that. */
        if (rnm_context_create(model, NULL, &context, NULL) == RNM_OK) {
            assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            assert_int_equal(rnm_context_output(context, 0)->bytes, 0);
        }
        rnm_context_destroy(context);
        rnm_model_close(model);
    }
    free(bytes);

    rnm_builder *b = builder_new();
    const int64_t dims[] = {1, 3};
    const float element = 1.0f;
    rnm_recipe_rec recipe = {.transform = RNM_TRANSFORM_LINEAR,
                             .rank = 2,
                             .dims = {0, 3},
                             .parent = builder_tensor(b, "p", RNM_F32, RNM_ROLE_PARENT, 3,
                                                      (uint32_t[]){1, 1, 1}, &element),
                             .betas = RNM_NONE,
                             .mask = RNM_NONE,
                             .zeros = RNM_NONE};
    uint32_t w = builder_recipe_value(b, "w", builder_recipe(b, "w", recipe));
    uint32_t x = builder_input(b, "x", 2, dims);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, (const int64_t[]){1, 0});
    builder_node(b, "fc", RNM_OP_Gemm, 2, (uint32_t[]){x, w}, y);
    builder_output(b, y);
    bytes = builder_finish(b, &size);
    model = NULL;
    assert_int_not_equal(rnm_model_open_memory(bytes, (size_t)size, NULL, &model, NULL), RNM_OK);
    assert_null(model);
    free(bytes);

    bytes = builder_small_cnn(&size);
    opened small = open_bytes(bytes, size);
    const int64_t batch = 0;
    rnm_context_options options = {.symbols = &batch, .symbol_count = 1};
    rnm_context *context = NULL;
    assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_ERR_ARGUMENT);
    assert_null(context);
    close_opened(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strides_beyond_the_map),
        cmocka_unit_test(maps_beyond_memory),
        cmocka_unit_test(tilings_beyond_memory),
        cmocka_unit_test(nothing_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
