/* SPDX-License-Identifier: Apache-2.0
 *
 * Symbolic height and width: dims that follow from them are known in a context.
 */
#include "fixture.h"
#include "rnm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANNELS = 2, N = -1, H = -2, W = -3 };

/* Maxima over 2x2, two apart. */
static rnm_model *open_pool(uint8_t **bytes) {
    rnm_builder *b = builder_new();
    uint64_t size;
    rnm_model *model = NULL;
    rnm_error error = {0};
    const int64_t whole[] = {N, CHANNELS, H, W};
    const int64_t halved[] = {N, CHANNELS, RNM_DIM_COMPUTED, RNM_DIM_COMPUTED};
    builder_symbol(b, "N");
    builder_symbol(b, "H");
    builder_symbol(b, "W");
    uint32_t x = builder_input(b, "x", 4, whole);
    uint32_t last = builder_activation(b, "last", RNM_LAYOUT_CHANNELS_LAST, 4, whole);
    uint32_t pooled = builder_activation(b, "pooled", RNM_LAYOUT_CHANNELS_LAST, 4, halved);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 4, halved);
    builder_node(b, "in", RNM_OP_Reorder, 1, &x, last);
    builder_node(b, "pool", RNM_OP_MaxPool, 1, &last, pooled);
    builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, 2, (const int64_t[]){2, 2});
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, (const int64_t[]){2, 2});
    builder_node(b, "out", RNM_OP_Reorder, 1, &pooled, y);
    builder_output(b, y);
    *bytes = builder_finish(b, &size);
    if (rnm_model_open_memory(*bytes, size, NULL, &model, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return model;
}

static rnm_status create(const rnm_model *model, int64_t height, int64_t width,
                         rnm_context **context, rnm_error *error) {
    const int64_t symbols[] = {1, height, width};
    const rnm_context_options options = {.symbols = symbols, .symbol_count = 3};
    return rnm_context_create(model, &options, context, error);
}

static void check_size(const rnm_model *model, int64_t height, int64_t width) {
    rnm_context *context = NULL;
    rnm_error error = {0};
    assert_int_equal(create(model, height, width, &context, &error), RNM_OK);
    rnm_tensor *x = rnm_context_input(context, 0);
    const rnm_tensor *y = rnm_context_output(context, 0);
    float *in = x->data;
    const float *out = y->data;
    for (size_t k = 0; k < x->bytes / sizeof *in; ++k) {
        in[k] = sinf((float)k);
    }
    assert_int_equal(rnm_context_run(context, &error), RNM_OK);
    assert_int_equal(y->dims[2], height / 2);
    assert_int_equal(y->dims[3], width / 2);
    assert_int_equal(y->bytes, CHANNELS * (height / 2) * (width / 2) * (int64_t)sizeof *out);
    for (int64_t c = 0; c < CHANNELS; ++c) {
        for (int64_t i = 0; i < height / 2; ++i) {
            for (int64_t j = 0; j < width / 2; ++j) {
                const float *at = in + (c * height + 2 * i) * width + 2 * j;
                float most = fmaxf(fmaxf(at[0], at[1]), fmaxf(at[width], at[width + 1]));
                assert_true(*out++ == most);
            }
        }
    }
    rnm_context_destroy(context);
}

static void every_size_has_its_context(void **state) {
    (void)state;
    uint8_t *bytes;
    rnm_model *model = open_pool(&bytes);
    assert_int_equal(rnm_model_symbol_count(model), 3);
    assert_int_equal(rnm_model_input(model, 0)->dims[2], H);
    assert_int_equal(rnm_model_output(model, 0)->dims[1], CHANNELS);
    assert_true(rnm_model_output(model, 0)->dims[2] == RNM_DIM_COMPUTED);
    check_size(model, 4, 6);
    check_size(model, 5, 2);
    check_size(model, 31, 18);
    rnm_model_close(model);
    free(bytes);
}

static void too_small_a_size_is_refused(void **state) {
    (void)state;
    uint8_t *bytes;
    rnm_model *model = open_pool(&bytes);
    rnm_context *context = NULL;
    rnm_error error = {0};
    assert_int_equal(create(model, 1, 8, &context, &error), RNM_ERR_SHAPE);
    assert_null(context);
    assert_non_null(strstr(error.text, "node pool"));
    rnm_model_close(model);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_its_context),
        cmocka_unit_test(too_small_a_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
