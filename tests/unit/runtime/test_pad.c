/* SPDX-License-Identifier: Apache-2.0
 *
 * Pad in every mode, with pads that cut, against one element at a time.
 */
#include "one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_dtype types[] = {RNM_F32, RNM_F16, RNM_I64, RNM_U8};

/* The index that output index `at` shows along an axis, or -1 for the constant: walks from the
 * input's first element step by step. */
static int64_t walk(int64_t mode, int64_t at, int64_t before, int64_t dim) {
    int64_t steps = at - before;
    if (mode == RNM_PAD_CONSTANT) {
        return steps >= 0 && steps < dim ? steps : -1;
    }
    int64_t place = 0, direction = steps < 0 ? -1 : 1;
    for (int64_t n = 0; n < labs(steps); ++n) {
        int64_t next = place + direction;
        if (mode == RNM_PAD_EDGE) {
            place = next < 0 ? 0 : next >= dim ? dim - 1 : next;
        } else if (mode == RNM_PAD_WRAP) {
            place = next < 0 ? dim - 1 : next >= dim ? 0 : next;
        } else {
            if (next < 0 || next >= dim) {
                direction = -direction;
                next = dim == 1 ? 0 : place + direction;
            }
            place = next;
        }
    }
    return place;
}

static void check_pad(rng *r, int64_t mode, bool given) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Pad, 0);
    int rank = 1 + (int)random_below(r, 5);
    rnm_shape in = random_shape(r, rank, 5), one = {.rank = 0};
    in.dtype = one.dtype = types[random_below(r, 4)];
    const size_t size = rnm_dtype_size(in.dtype);
    uint8_t *x = numbered(&in);
    const uint8_t value[8] = {201, 202, 203, 204, 205, 206, 207, 208};
    attrs.mode = mode;
    attrs.pad.count = 2 * rank;
    for (int axis = 0; axis < rank; ++axis) {
        uint32_t most = mode == RNM_PAD_REFLECT ? (uint32_t)in.dims[axis] : 4;
        bool padded = random_below(r, 2) == 0;
        attrs.pad.at[axis] = padded ? (int64_t)random_below(r, most) - (most > 2) : 0;
        attrs.pad.at[rank + axis] = padded ? random_below(r, most) : 0;
    }
    const node_case c = {
        .op = RNM_OP_Pad,
        .attrs = &attrs,
        .inputs = {{.shape = in, .data = x, .layout = layout_for(r, rank)},
                   {.shape = one, .data = given ? value : NULL, .stored = random_below(r, 2) == 0}},
        .input_count = given ? 2 : 1,
        .layout = random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS,
        .output_count = 1,
    };
    node_result result = run_node(&c);
    const rnm_shape *out = &result.shapes[0];
    int64_t at[RNM_MAX_RANK] = {0};
    for (size_t n = 0; n < shape_count(out); ++n, next_index(out, at)) {
        int64_t from[RNM_MAX_RANK];
        bool inside = true;
        for (int axis = 0; axis < rank; ++axis) {
            from[axis] = walk(mode, at[axis], attrs.pad.at[axis], in.dims[axis]);
            inside = inside && from[axis] >= 0;
        }
        static const uint8_t zeros[8];
        const uint8_t *wanted = inside ? x + index_of(&in, from) * size : given ? value : zeros;
        assert_memory_equal((uint8_t *)result.data[0] + n * size, wanted, size);
    }
    free_result(&result, 1);
    free(x);
}

static void every_mode(void **state) {
    (void)state;
    rng r = {41};
    for (int round = 0; round < 120; ++round) {
        check_pad(&r, round % RNM_PAD_KNOWN, round % 8 == 0);
    }
}

/* Crops that leave nothing; a reflection further than the input reaches. */
static void shapes(void **state) {
    (void)state;
    static const struct {
        int64_t mode, before, after;
        rnm_status status;
        int64_t wanted;
    } cases[] = {
        {RNM_PAD_CONSTANT, -4, -1, RNM_OK, 0},
        {RNM_PAD_CONSTANT, -4, -2, RNM_ERR_SHAPE, 0},
        {RNM_PAD_CONSTANT, -9, 9, RNM_OK, 5},
        {RNM_PAD_REFLECT, 4, 4, RNM_OK, 13},
        {RNM_PAD_REFLECT, 5, 0, RNM_ERR_SHAPE, 0},
        {RNM_PAD_EDGE, 1000, 0, RNM_OK, 1005},
        {RNM_PAD_KNOWN, 1, 1, RNM_ERR_VALUE, 0},
        {-1, 1, 1, RNM_ERR_VALUE, 0},
        {RNM_PAD_EDGE, INT64_MAX, 1, RNM_ERR_VALUE, 0},
        {RNM_PAD_EDGE, INT64_MIN, 1, RNM_ERR_VALUE, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Pad, 0);
        const rnm_shape in = {.dtype = RNM_F32, .rank = 1, .dims = {5}};
        const rnm_shape *inputs[] = {&in};
        rnm_shape out = {.rank = -1};
        rnm_error error;
        attrs.mode = cases[k].mode;
        attrs.pad = (rnm_int_list){.count = 2, .at = {cases[k].before, cases[k].after}};
        assert_int_equal(rnm_infer_shape(RNM_OP_Pad, &attrs, inputs, 1, &out, 1, &error),
                         cases[k].status);
        if (cases[k].status == RNM_OK) {
            assert_int_equal(out.dims[0], cases[k].wanted);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode),
        cmocka_unit_test(shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
