/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of every type and of ranks 0 to 8, through operators that only move elements.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_dtype types[] = {RNM_F32, RNM_F16, RNM_I64, RNM_I32, RNM_U8, RNM_BOOL};
enum { TYPES = sizeof types / sizeof *types };

static rnm_context *context_of(const rnm_model *model) {
    rnm_context *context = NULL;
    rnm_error error;
    if (rnm_context_create(model, NULL, &context, &error) != RNM_OK) {
        fail_msg("%s", error.text);
    }
    return context;
}

/* Bytes that no two neighbours share. */
static void number(void *data, size_t bytes, unsigned from) {
    for (size_t k = 0; k < bytes; ++k) {
        ((uint8_t *)data)[k] = (uint8_t)(from + k * 7);
    }
}

static void copies_of_every_rank(void **state) {
    (void)state;
    static const int64_t dims[RNM_MAX_RANK] = {2, 3, 2, 1, 4, 2, 3, 2};
    for (int type = 0; type < TYPES; ++type) {
        for (uint8_t rank = 0; rank <= RNM_MAX_RANK; ++rank) {
            rnm_builder *b = builder_new();
            uint32_t x = builder_input(b, "x", rank, dims);
            uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, rank, dims);
            builder_set_dtype(b, x, types[type]);
            builder_set_dtype(b, y, types[type]);
            builder_node(b, "copy", RNM_OP_Reorder, 1, &x, y);
            builder_output(b, y);
            opened model = open_built(b);
            rnm_context *context = context_of(model.model);
            rnm_tensor *input = rnm_context_input(context, 0);
            const rnm_tensor *output = rnm_context_output(context, 0);
            assert_int_equal(input->dtype, types[type]);
            assert_int_equal(output->dtype, types[type]);
            assert_int_equal(output->rank, rank);
            assert_int_equal(output->bytes, input->bytes);
            number(input->data, input->bytes, 1);
            assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            assert_memory_equal(output->data, input->data, input->bytes);
            rnm_context_destroy(context);
            close_opened(model);
        }
    }
}

/* [2, 1] and [2, 2] side by side, then flat. */
static void two_inputs_joined(void **state) {
    (void)state;
    for (int type = 0; type < TYPES; ++type) {
        size_t size = rnm_dtype_size(types[type]);
        rnm_builder *b = builder_new();
        uint32_t values[2] = {builder_input(b, "left", 2, (int64_t[]){2, 1}),
                              builder_input(b, "right", 2, (int64_t[]){2, 2})};
        uint32_t y = builder_activation(b, "joined", RNM_LAYOUT_ROWS, 2, (int64_t[]){2, 3});
        builder_set_dtype(b, values[0], types[type]);
        builder_set_dtype(b, values[1], types[type]);
        builder_set_dtype(b, y, types[type]);
        builder_node(b, "join", RNM_OP_Concat, 2, values, y);
        builder_attr_int(b, RNM_ATTRIBUTE_axis, 1);
        builder_output(b, y);
        opened model = open_built(b);
        rnm_context *context = context_of(model.model);
        uint8_t *left = rnm_context_input(context, 0)->data;
        uint8_t *right = rnm_context_input(context, 1)->data;
        const uint8_t *joined = rnm_context_output(context, 0)->data;
        number(left, 2 * size, 3);
        number(right, 4 * size, 5);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        for (size_t row = 0; row < 2; ++row) {
            assert_memory_equal(joined + 3 * row * size, left + row * size, size);
            assert_memory_equal(joined + (3 * row + 1) * size, right + 2 * row * size, 2 * size);
        }
        rnm_context_destroy(context);
        close_opened(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_every_rank),
        cmocka_unit_test(two_inputs_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
