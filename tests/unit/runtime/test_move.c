/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that only move elements, against what their definitions say of one index at a time, in
 * every pair of layouts and for elements of every size.
 */
#include "one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_dtype types[] = {RNM_F32, RNM_F16, RNM_I64, RNM_U8};
enum { TYPES = sizeof types / sizeof *types, ROUNDS = 40 };

/* The index of the input that an index of output k shows. */
typedef void (*source_of)(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                          int k, const int64_t *at, int64_t *from);

static void check_moves(rng *r, rnm_op op, const rnm_node_attrs *attrs, rnm_shape in,
                        int output_count, bool layouts, source_of source) {
    in.dtype = types[random_below(r, TYPES)];
    const size_t size = rnm_dtype_size(in.dtype);
    uint8_t *x = numbered(&in);
    const node_case c = {
        .op = op,
        .attrs = attrs,
        .inputs = {{.shape = in,
                    .data = x,
                    .layout = layouts ? layout_for(r, in.rank) : RNM_LAYOUT_ROWS}},
        .input_count = 1,
        .layout = layouts && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS,
        .output_count = output_count,
    };
    node_result result = run_node(&c);
    for (int k = 0; k < output_count; ++k) {
        const rnm_shape *out = &result.shapes[k];
        const uint8_t *y = result.data[k];
        int64_t at[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(out); ++n, next_index(out, at)) {
            int64_t from[RNM_MAX_RANK];
            source(attrs, &in, result.shapes, k, at, from);
            assert_memory_equal(y + n * size, x + index_of(&in, from) * size, size);
        }
    }
    free_result(&result, output_count);
    free(x);
}

/* ---- Transpose ------------------------------------------------------------------------------- */

static void transpose_source(const rnm_node_attrs *attrs, const rnm_shape *in,
                             const rnm_shape *outs, int k, const int64_t *at, int64_t *from) {
    (void)outs;
    (void)k;
    for (int axis = 0; axis < in->rank; ++axis) {
        from[attrs->perm.count > 0 ? attrs->perm.at[axis] : in->rank - 1 - axis] = at[axis];
    }
}

static void transpose(void **state) {
    (void)state;
    rng r = {31};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Transpose, 0);
        int rank = 1 + (int)random_below(&r, 6);
        if (round % 4 != 0) {
            attrs.perm.count = rank;
            for (int axis = 0; axis < rank; ++axis) {
                attrs.perm.at[axis] = axis;
            }
            for (int axis = rank - 1; axis > 0; --axis) {
                uint32_t other = random_below(&r, (uint32_t)axis + 1);
                int64_t swap = attrs.perm.at[axis];
                attrs.perm.at[axis] = attrs.perm.at[other];
                attrs.perm.at[other] = swap;
            }
        }
        check_moves(&r, RNM_OP_Transpose, &attrs, random_shape(&r, rank, 5), 1, true,
                    transpose_source);
    }
}

/* Channels of maps that take several items put side by side, and taken apart. */
static void transpose_large_maps(void **state) {
    (void)state;
    rng r = {37};
    for (int64_t channels = 1; channels <= 10; ++channels) {
        for (int64_t images = 1; images <= 2; ++images) {
            rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Transpose, 0);
            attrs.perm = (rnm_int_list){.count = 4, .at = {0, 2, 3, 1}};
            const rnm_shape apart = {.rank = 4, .dims = {images, channels, 211, 97}};
            check_moves(&r, RNM_OP_Transpose, &attrs, apart, 1, false, transpose_source);
            attrs.perm = (rnm_int_list){.count = 4, .at = {0, 3, 1, 2}};
            const rnm_shape together = {.rank = 4, .dims = {images, 211, 97, channels}};
            check_moves(&r, RNM_OP_Transpose, &attrs, together, 1, false, transpose_source);
        }
    }
}

/* ---- Slice, Split ---------------------------------------------------------------------------- */

/* Python's own slice, one element after the other. */
static int64_t nth_of_slice(const rnm_node_attrs *attrs, int64_t k, int64_t dim, int64_t n) {
    int64_t step = attrs->steps.count > 0 ? attrs->steps.at[k] : 1;
    int64_t start = attrs->starts.at[k];
    start += start < 0 ? dim : 0;
    start = start < 0 ? 0 : start;
    start = start > dim - 1 && step < 0 ? dim - 1 : start;
    return start + n * step;
}

static void slice_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                         int output, const int64_t *at, int64_t *from) {
    (void)outs;
    (void)output;
    memcpy(from, at, (size_t)in->rank * sizeof *from);
    for (int64_t k = 0; k < attrs->axes.count; ++k) {
        int64_t axis = attrs->axes.at[k] < 0 ? attrs->axes.at[k] + in->rank : attrs->axes.at[k];
        from[axis] = nth_of_slice(attrs, k, in->dims[axis], at[axis]);
        assert_true(from[axis] >= 0 && from[axis] < in->dims[axis]);
    }
}

static void slice(void **state) {
    (void)state;
    rng r = {32};
    for (int round = 0; round < 2 * ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Slice, 0);
        int rank = 1 + (int)random_below(&r, 5);
        rnm_shape in = random_shape(&r, rank, 7);
        for (int axis = 0; axis < rank; ++axis) {
            if (axis > 0 && random_below(&r, 2) == 0) {
                continue;
            }
            int64_t k = attrs.axes.count++;
            attrs.axes.at[k] = random_below(&r, 2) == 0 ? axis : axis - rank;
            attrs.starts.at[k] = (int64_t)random_below(&r, 18) - 9;
            attrs.ends.at[k] = (int64_t)random_below(&r, 18) - 9;
            int64_t step = 1 + random_below(&r, 3);
            attrs.steps.at[k] = random_below(&r, 2) == 0 ? step : -step;
            if (random_below(&r, 4) == 0) {
                attrs.ends.at[k] = attrs.steps.at[k] < 0 ? INT64_MIN : INT64_MAX;
            }
        }
        attrs.starts.count = attrs.ends.count = attrs.steps.count = attrs.axes.count;
        check_moves(&r, RNM_OP_Slice, &attrs, in, 1, true, slice_source);
    }
}

/* What numpy makes of a[start:end:step] on 10 elements: how many. */
static void slice_counts(void **state) {
    (void)state;
    static const struct {
        int64_t start, end, step, count;
    } cases[] = {
        {0, 10, 1, 10},
        {2, 5, 1, 3},
        {-3, INT64_MAX, 1, 3},
        {0, 1000, 3, 4},
        {5, 5, 1, 0},
        {7, 3, 1, 0},
        {9, INT64_MIN, -1, 10},
        {20, 0, -4, 3},
        {-1, -6, -2, 3},
        {3, 8, -1, 0},
        {INT64_MIN, 4, 2, 2},
        {0, 10, INT64_MAX, 1},
        {9, INT64_MIN, INT64_MIN, 1},
        {-100, -5, 1, 5},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Slice, 0);
        attrs.axes = (rnm_int_list){.count = 1, .at = {0}};
        attrs.starts = (rnm_int_list){.count = 1, .at = {cases[k].start}};
        attrs.ends = (rnm_int_list){.count = 1, .at = {cases[k].end}};
        attrs.steps = (rnm_int_list){.count = 1, .at = {cases[k].step}};
        const rnm_shape in = {.dtype = RNM_F32, .rank = 1, .dims = {10}};
        const rnm_shape *inputs[] = {&in};
        rnm_shape out;
        rnm_error error;
        assert_int_equal(rnm_infer_shape(RNM_OP_Slice, &attrs, inputs, 1, &out, 1, &error), RNM_OK);
        assert_int_equal(out.dims[0], cases[k].count);
    }
}

static void split_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                         int output, const int64_t *at, int64_t *from) {
    int64_t axis = attrs->axis < 0 ? attrs->axis + in->rank : attrs->axis;
    memcpy(from, at, (size_t)in->rank * sizeof *from);
    for (int k = 0; k < output; ++k) {
        from[axis] += outs[k].dims[axis];
    }
}

static void split(void **state) {
    (void)state;
    rng r = {33};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Split, 0);
        int rank = 1 + (int)random_below(&r, 4);
        rnm_shape in = random_shape(&r, rank, 5);
        int axis = (int)random_below(&r, (uint32_t)rank);
        int count = 1 + (int)random_below(&r, 16);
        attrs.axis = random_below(&r, 2) == 0 ? axis : axis - rank;
        if (round % 2 == 0) {
            in.dims[axis] = count * (1 + (int64_t)random_below(&r, 3));
        } else {
            attrs.split.count = count;
            in.dims[axis] = 0;
            for (int k = 0; k < count; ++k) {
                attrs.split.at[k] = random_below(&r, 4); /* parts of nothing too */
                in.dims[axis] += attrs.split.at[k];
            }
        }
        check_moves(&r, RNM_OP_Split, &attrs, in, count, true, split_source);
    }
}

/* ---- Expand, Tile ---------------------------------------------------------------------------- */

static void expand_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                          int k, const int64_t *at, int64_t *from) {
    (void)attrs;
    (void)k;
    for (int axis = 0; axis < in->rank; ++axis) {
        from[axis] = in->dims[axis] == 1 ? 0 : at[outs->rank - in->rank + axis];
    }
}

static void expand(void **state) {
    (void)state;
    rng r = {34};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Expand, 0);
        int rank = (int)random_below(&r, 5);
        rnm_shape in = random_shape(&r, rank, 4);
        attrs.shape.count = random_below(&r, 6);
        for (int64_t k = 0; k < attrs.shape.count; ++k) {
            int64_t own = k - attrs.shape.count + rank;
            int64_t dim = own < 0 ? 1 : in.dims[own];
            attrs.shape.at[k] = dim == 1 ? random_below(&r, 4) : random_below(&r, 2) == 0 ? 1 : dim;
        }
        check_moves(&r, RNM_OP_Expand, &attrs, in, 1, true, expand_source);
    }
}

static void tile_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                        int k, const int64_t *at, int64_t *from) {
    (void)attrs;
    (void)outs;
    (void)k;
    for (int axis = 0; axis < in->rank; ++axis) {
        from[axis] = at[axis] % in->dims[axis];
    }
}

static void tile(void **state) {
    (void)state;
    rng r = {35};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Tile, 0);
        int rank = 1 + (int)random_below(&r, 5);
        attrs.repeats.count = rank;
        for (int axis = 0; axis < rank; ++axis) {
            attrs.repeats.at[axis] = random_below(&r, 20) == 0 ? 0 : 1 + random_below(&r, 3);
        }
        check_moves(&r, RNM_OP_Tile, &attrs, random_shape(&r, rank, 4), 1, true, tile_source);
    }
}

/* ---- DepthToSpace, SpaceToDepth -------------------------------------------------------------- */

/* As the operator's text says it: the channel is (row in the block, column in it, channel), or with
 * CRD (channel, row, column). */
static void depth_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                         int k, const int64_t *at, int64_t *from) {
    (void)in;
    (void)k;
    int64_t b = attrs->blocksize;
    int64_t row = at[2] % b, column = at[3] % b;
    from[0] = at[0];
    from[1] =
        attrs->crd ? (at[1] * b + row) * b + column : (row * b + column) * outs->dims[1] + at[1];
    from[2] = at[2] / b;
    from[3] = at[3] / b;
}

static void space_source(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *outs,
                         int k, const int64_t *at, int64_t *from) {
    (void)outs;
    (void)k;
    int64_t b = attrs->blocksize;
    int64_t block = at[1] / in->dims[1];
    from[0] = at[0];
    from[1] = at[1] % in->dims[1];
    from[2] = at[2] * b + block / b;
    from[3] = at[3] * b + block % b;
}

static void depth_and_space(void **state) {
    (void)state;
    rng r = {36};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_op op = round % 3 == 0 ? RNM_OP_SpaceToDepth : RNM_OP_DepthToSpace;
        rnm_node_attrs attrs = rnm_attrs_default(op, 0);
        attrs.blocksize = 1 + random_below(&r, 3);
        rnm_shape in = random_shape(&r, 4, 4);
        if (op == RNM_OP_DepthToSpace) {
            attrs.crd = round % 2 == 0;
            in.dims[1] *= attrs.blocksize * attrs.blocksize;
        } else {
            in.dims[2] *= attrs.blocksize;
            in.dims[3] *= attrs.blocksize;
        }
        check_moves(&r, op, &attrs, in, 1, true,
                    op == RNM_OP_DepthToSpace ? depth_source : space_source);
    }
}

/* ---- Reshape and its kin, Shape -------------------------------------------------------------- */

static void check_reshape(rnm_op op, const rnm_node_attrs *attrs, rnm_shape in, rnm_shape wanted) {
    rng r = {37};
    for (int type = 0; type < TYPES; ++type) {
        in.dtype = wanted.dtype = types[type];
        void *x = numbered(&in);
        for (int stored = 0; stored < (shape_count(&in) > 0 ? 2 : 1); ++stored) {
            const node_case c = {
                .op = op,
                .attrs = attrs,
                .inputs = {{.shape = in, .data = x, .stored = stored == 1}},
                .input_count = 1,
                .output_count = 1,
            };
            node_result result = run_node(&c);
            assert_true(rnm_shape_equal(&result.shapes[0], &wanted));
            assert_memory_equal(result.data[0], x, shape_count(&in) * rnm_dtype_size(in.dtype));
            free_result(&result, 1);
        }
        free(x);
    }
    (void)r;
}

#define DIMS(...)                                                                                  \
    {                                                                                              \
        .rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dims = { __VA_ARGS__ } \
    }
#define LIST(...)                                                                       \
    {                                                                                   \
        .count = (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .at = { \
            __VA_ARGS__                                                                 \
        }                                                                               \
    }

static void reshape(void **state) {
    (void)state;
    static const struct {
        rnm_op op;
        rnm_int_list list;
        bool allowzero;
        rnm_shape in, wanted;
    } cases[] = {
        {RNM_OP_Reshape, LIST(4, 2, 3), false, DIMS(2, 3, 4), DIMS(4, 2, 3)},
        {RNM_OP_Reshape, LIST(2, -1), false, DIMS(2, 3, 4), DIMS(2, 12)},
        {RNM_OP_Reshape, LIST(2, 0, 4, 1), false, DIMS(2, 3, 4), DIMS(2, 3, 4, 1)},
        {RNM_OP_Reshape, LIST(2, 0, 1, -1), false, DIMS(2, 3, 4), DIMS(2, 3, 1, 4)},
        {RNM_OP_Reshape, LIST(3, 4, 0), true, DIMS(0, 3, 4), DIMS(3, 4, 0)},
        {RNM_OP_Reshape, LIST(3, -1), false, DIMS(0, 3), DIMS(3, 0)},
        {RNM_OP_Reshape, {0}, false, DIMS(1, 1), {.rank = 0}},
        {RNM_OP_Squeeze, LIST(0, -2), false, DIMS(1, 3, 1, 5), DIMS(3, 5)},
        {RNM_OP_Squeeze, {0}, false, DIMS(1, 3, 1, 5), DIMS(3, 5)},
        {RNM_OP_Unsqueeze, LIST(4, 0, -3), false, DIMS(3, 4), DIMS(1, 3, 1, 4, 1)},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        rnm_node_attrs attrs = rnm_attrs_default(cases[k].op, 0);
        attrs.allowzero = cases[k].allowzero;
        if (cases[k].op == RNM_OP_Reshape) {
            attrs.shape = cases[k].list;
        } else {
            attrs.axes = cases[k].list;
        }
        check_reshape(cases[k].op, &attrs, cases[k].in, cases[k].wanted);
    }
}

static void shape(void **state) {
    (void)state;
    static const struct {
        int64_t start, end;
        rnm_int_list wanted;
    } cases[] = {
        {0, INT64_MAX, LIST(2, 3, 4, 5)},
        {1, INT64_MAX, LIST(3, 4, 5)},
        {-1, INT64_MAX, LIST(5)},
        {0, -1, LIST(2, 3, 4)},
        {1, 2, LIST(3)},
        {-10, 10, LIST(2, 3, 4, 5)},
        {3, 2, {0}},
    };
    rng r = {38};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Shape, 0);
        rnm_shape in = {.dtype = RNM_F32, .rank = 4, .dims = {2, 3, 4, 5}};
        void *x = numbered(&in);
        attrs.start = cases[k].start;
        attrs.end = cases[k].end;
        const node_case c = {
            .op = RNM_OP_Shape,
            .attrs = &attrs,
            .inputs = {{.shape = in, .data = x, .layout = layout_for(&r, 4)}},
            .input_count = 1,
            .output_count = 1,
        };
        node_result result = run_node(&c);
        assert_int_equal(result.shapes[0].dtype, RNM_I64);
        assert_int_equal(result.shapes[0].dims[0], cases[k].wanted.count);
        assert_memory_equal(result.data[0], cases[k].wanted.at,
                            (size_t)cases[k].wanted.count * sizeof(int64_t));
        free_result(&result, 1);
        free(x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transpose), cmocka_unit_test(transpose_large_maps),
        cmocka_unit_test(slice),     cmocka_unit_test(slice_counts),
        cmocka_unit_test(split),     cmocka_unit_test(expand),
        cmocka_unit_test(tile),      cmocka_unit_test(depth_and_space),
        cmocka_unit_test(reshape),   cmocka_unit_test(shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
