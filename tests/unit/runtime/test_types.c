/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of every type and of ranks 0 to 8, through operators that only move elements,
 * and casts between them.
 */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_dtype types[] = {RNM_F32, RNM_F16, RNM_F64, RNM_I64,
                                  RNM_I32, RNM_I8,  RNM_U8,  RNM_BOOL};
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

/* ---- Cast ------------------------------------------------------------------------------------ */

/* Whole numbers that every type has, but for bool, where all but 0 are 1. */
static void write_number(rnm_dtype type, void *data, size_t k, int number) {
    static const uint16_t halves[] = {0x0000, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600};
    switch (type) {
    case RNM_F32:
        ((float *)data)[k] = (float)number;
        break;
    case RNM_F64:
        ((double *)data)[k] = number;
        break;
    case RNM_F16:
        ((uint16_t *)data)[k] = halves[number];
        break;
    case RNM_I64:
        ((int64_t *)data)[k] = number;
        break;
    case RNM_I32:
        ((int32_t *)data)[k] = number;
        break;
    case RNM_BOOL:
        ((uint8_t *)data)[k] = number != 0;
        break;
    default:
        ((uint8_t *)data)[k] = (uint8_t)number;
    }
}

static opened cast_model(rnm_dtype from, rnm_dtype to, int64_t count) {
    rnm_builder *b = builder_new();
    uint32_t x = builder_input(b, "x", 1, &count);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 1, &count);
    builder_set_dtype(b, x, from);
    builder_set_dtype(b, y, to);
    builder_node(b, "cast", RNM_OP_Cast, 1, &x, y);
    builder_attr_int(b, RNM_ATTRIBUTE_to, to);
    builder_output(b, y);
    return open_built(b);
}

static void casts_of_every_pair(void **state) {
    (void)state;
    enum { COUNT = 9001 }; /* more than an item */
    for (int from = 0; from < TYPES; ++from) {
        for (int to = 0; to < TYPES; ++to) {
            opened model = cast_model(types[from], types[to], COUNT);
            rnm_context *context = context_of(model.model);
            rnm_tensor *input = rnm_context_input(context, 0);
            const rnm_tensor *output = rnm_context_output(context, 0);
            assert_int_equal(output->dtype, types[to]);
            void *wanted = calloc(1, output->bytes);
            assert_non_null(wanted);
            for (size_t k = 0; k < COUNT; ++k) {
                int number = (int)(k % 7);
                write_number(types[from], input->data, k, number);
                number = types[from] == RNM_BOOL ? number != 0 : number;
                write_number(types[to], wanted, k, number);
            }
            assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
            assert_memory_equal(output->data, wanted, output->bytes);
            free(wanted);
            rnm_context_destroy(context);
            close_opened(model);
        }
    }
}

/* Fractions go towards zero, what does not fit to the nearest that does, NaN to 0; between integers
 * high bits are lost. */
static void casts_that_lose(void **state) {
    (void)state;
    static const float reals[] = {-1.9f, 1.9f, 300.0f, -300.0f, 1e30f, -1e30f, (float)NAN, 0.1f};
    static const int32_t as_i32[] = {-1, 1, 300, -300, INT32_MAX, INT32_MIN, 0, 0};
    static const int64_t as_i64[] = {-1, 1, 300, -300, INT64_MAX, INT64_MIN, 0, 0};
    static const int8_t as_i8[] = {-1, 1, 127, -128, 127, -128, 0, 0};
    static const uint8_t as_u8[] = {0, 1, 255, 0, 255, 0, 0, 0};
    static const uint8_t as_bool[] = {1, 1, 1, 1, 1, 1, 1, 1};
    static const int64_t longs[] = {-1, 1, 300, -300, INT64_MAX, INT64_MIN, 65536, 0};
    static const int32_t cut_i32[] = {-1, 1, 300, -300, -1, 0, 65536, 0};
    static const int8_t cut_i8[] = {-1, 1, 44, -44, -1, 0, 0, 0};
    static const float near_f32[] = {-1, 1, 300, -300, 0x1p63f, -0x1p63f, 65536, 0};
    static const struct {
        rnm_dtype from, to;
        const void *in, *out;
    } cases[] = {
        {RNM_F32, RNM_I32, reals, as_i32},   {RNM_F32, RNM_I64, reals, as_i64},
        {RNM_F32, RNM_I8, reals, as_i8},     {RNM_F32, RNM_U8, reals, as_u8},
        {RNM_F32, RNM_BOOL, reals, as_bool}, {RNM_I64, RNM_I32, longs, cut_i32},
        {RNM_I64, RNM_I8, longs, cut_i8},    {RNM_I64, RNM_F32, longs, near_f32},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; ++c) {
        opened model = cast_model(cases[c].from, cases[c].to, 8);
        rnm_context *context = context_of(model.model);
        rnm_tensor *input = rnm_context_input(context, 0);
        memcpy(input->data, cases[c].in, input->bytes);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        const rnm_tensor *output = rnm_context_output(context, 0);
        assert_memory_equal(output->data, cases[c].out, output->bytes);
        rnm_context_destroy(context);
        close_opened(model);
    }
}

/* ---- nothing --------------------------------------------------------------------------------- */

/* [2, 0] and [2, 3] side by side, and a cast of the former. */
static void empty_values(void **state) {
    (void)state;
    rnm_builder *b = builder_new();
    uint32_t values[2] = {builder_input(b, "none", 2, (int64_t[]){2, 0}),
                          builder_input(b, "some", 2, (int64_t[]){2, 3})};
    uint32_t joined = builder_activation(b, "joined", RNM_LAYOUT_ROWS, 2, (int64_t[]){2, 3});
    uint32_t cast = builder_activation(b, "cast", RNM_LAYOUT_ROWS, 2, (int64_t[]){2, 0});
    builder_set_dtype(b, cast, RNM_I64);
    builder_node(b, "join", RNM_OP_Concat, 2, values, joined);
    builder_attr_int(b, RNM_ATTRIBUTE_axis, 1);
    builder_node(b, "cast", RNM_OP_Cast, 1, values, cast);
    builder_attr_int(b, RNM_ATTRIBUTE_to, RNM_I64);
    builder_output(b, joined);
    builder_output(b, cast);
    opened model = open_built(b);
    rnm_context *context = context_of(model.model);
    assert_int_equal(rnm_context_input(context, 0)->bytes, 0);
    rnm_tensor *some = rnm_context_input(context, 1);
    number(some->data, some->bytes, 1);
    assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
    const rnm_tensor *output = rnm_context_output(context, 0);
    assert_memory_equal(output->data, some->data, some->bytes);
    assert_int_equal(rnm_context_output(context, 1)->bytes, 0);
    assert_int_equal(rnm_context_output(context, 1)->dims[1], 0);
    rnm_context_destroy(context);
    close_opened(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_every_rank), cmocka_unit_test(two_inputs_joined),
        cmocka_unit_test(casts_of_every_pair),  cmocka_unit_test(casts_that_lose),
        cmocka_unit_test(empty_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
