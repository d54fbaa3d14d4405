/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of transposed convolution, Resize, MatMul, Gather and Scatter, and of operators
 * that move elements: what symbols may pass, and what is refused.
 */
#include "shape_case.h"

#include <float.h>
#include <math.h>

enum { N = -1, H = -2 };
#define C RNM_DIM_COMPUTED

#define CHANGE(name, ...)                 \
    static void name(rnm_node_attrs *a) { \
        __VA_ARGS__                       \
    }
#define LIST(...)                                                                       \
    (rnm_int_list) {                                                                    \
        .count = (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .at = { \
            __VA_ARGS__                                                                 \
        }                                                                               \
    }
#define REALS(...)                                                                                \
    (rnm_float_list) {                                                                            \
        .count = (int64_t)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), .at = { __VA_ARGS__ } \
    }

CHANGE(double_strides, a->strides[0] = a->strides[1] = 2;)
CHANGE(padded, double_strides(a); a->pads[0] = a->pads[3] = 1; a->output_padding[1] = 1;)
CHANGE(padding_wide, double_strides(a); a->output_padding[0] = 2;)
CHANGE(padding_negative, a->output_padding[0] = -1;)
CHANGE(strides_most, a->strides[0] = INT32_MAX; a->dilations[0] = INT32_MAX;)
CHANGE(cut_all, a->pads[0] = 10;)
CHANGE(two_groups, a->group = 2;)
CHANGE(no_group, a->group = 0;)
CHANGE(group_most, a->group = INT64_MAX;)

CHANGE(double_size, a->scales = REALS(1, 1, 2, 2);)
CHANGE(sizes, a->shape = LIST(0, 0, 5, 7);)
CHANGE(both, double_size(a); sizes(a);)
CHANGE(scale_0, a->scales = REALS(1, 1, 0, 2);)
CHANGE(scale_infinite, a->scales = REALS(1, 1, INFINITY, 2);)
CHANGE(scale_negative, a->scales = REALS(1, 1, -1, 2);)
CHANGE(scale_huge, a->scales = REALS(1, 1, FLT_MAX, 2);)
CHANGE(size_huge, a->shape = LIST(0, 0, INT64_MAX, 7);)
CHANGE(size_negative, a->shape = LIST(0, 0, INT64_MIN, 7);)
CHANGE(four_axes, a->scales = REALS(2, 2, 2, 2);)
CHANGE(mode_unknown, double_size(a); a->mode = 3;)
CHANGE(mode_negative, double_size(a); a->mode = -1;)
CHANGE(coordinates_unknown, double_size(a); a->coordinates = INT64_MAX;)
CHANGE(roi_short, double_size(a); a->roi = REALS(0, 0, 0);)
CHANGE(cropped, double_size(a); a->coordinates = RNM_COORDINATES_TF_CROP_AND_RESIZE;
       a->roi = REALS(0, 0, 0.25f, 0, 1, 1, 0.75f, 1);)

CHANGE(trans_a, a->transA = true;)
CHANGE(trans_b, a->transB = true;)

CHANGE(flat, a->shape = LIST(0, -1);)
CHANGE(one_row, a->shape = LIST(1, -1);)
CHANGE(two_missing, a->shape = LIST(-1, -1);)
CHANGE(minus_2, a->shape = LIST(4, -2);)
CHANGE(zero_behind, a->shape = LIST(12, 2, 0, 0);)
CHANGE(sevens, a->shape = LIST(7, -1);)
CHANGE(exact, a->shape = LIST(2, 12);)
CHANGE(shape_most, a->shape = LIST(INT64_MAX, INT64_MAX);)
CHANGE(nine_dims, a->shape = LIST(1, 1, 1, 1, 1, 1, 1, 1, 24);)
CHANGE(axes_01, a->axes = LIST(0, 1);)
CHANGE(axes_twice, a->axes = LIST(0, -3);)
CHANGE(axes_far, a->axes = LIST(3);)
CHANGE(axes_least, a->axes = LIST(INT64_MIN);)
CHANGE(seven_more, a->axes = LIST(0, 1, 2, 3, 4, 5, 6);)
CHANGE(perm_good, a->perm = LIST(2, 0, 1);)
CHANGE(perm_short, a->perm = LIST(1, 0);)
CHANGE(perm_twice, a->perm = LIST(0, 0, 1);)
CHANGE(perm_negative, a->perm = LIST(0, 1, -1);)
CHANGE(block_2, a->blocksize = 2;)
CHANGE(block_0, a->blocksize = 0;)
CHANGE(block_most, a->blocksize = INT64_MAX;)

static void cut(rnm_node_attrs *a, int64_t axis, int64_t start, int64_t end, int64_t step) {
    a->axes = LIST(axis);
    a->starts = LIST(start);
    a->ends = LIST(end);
    a->steps = LIST(step);
}
CHANGE(first_two, cut(a, 2, 0, 2, 1);)
CHANGE(all_of_first, cut(a, 0, 0, INT64_MAX, 1);)
CHANGE(some_of_first, cut(a, 0, 1, INT64_MAX, 1);)
CHANGE(step_0, cut(a, 2, 0, 2, 0);)
CHANGE(starts_more, first_two(a); a->starts = LIST(0, 1);)
CHANGE(ends_less, first_two(a); a->ends.count = 0;)
CHANGE(steps_more, first_two(a); a->steps = LIST(1, 1);)
CHANGE(cut_far, cut(a, 3, 0, 2, 1);)
CHANGE(split_thirds, a->axis = 1;)
CHANGE(split_wrong, a->axis = 1; a->split = LIST(4);)
CHANGE(split_negative, a->axis = 1; a->split = LIST(-3);)
CHANGE(split_many, a->axis = 1; a->split = LIST(1, 2);)
CHANGE(split_axis, a->axis = 3;)
CHANGE(expand_good, a->shape = LIST(5, 1, 3, 4);)
CHANGE(expand_other, a->shape = LIST(2, 4);)
CHANGE(expand_negative, a->shape = LIST(-1, 3, 4);)
CHANGE(tile_good, a->repeats = LIST(1, 2, 3);)
CHANGE(tile_first, a->repeats = LIST(2, 1, 1);)
CHANGE(tile_short, a->repeats = LIST(2);)
CHANGE(tile_negative, a->repeats = LIST(1, -1, 1);)
CHANGE(tile_most, a->repeats = LIST(1, INT32_MAX, INT32_MAX);)
CHANGE(pad_good, a->pad = LIST(0, 1, 0, 0, 0, -2);)
CHANGE(pad_first, a->pad = LIST(1, 0, 0, 0, 0, 0);)
CHANGE(pad_short, a->pad = LIST(1, 1);)
CHANGE(axis_1, a->axis = 1;)
CHANGE(axis_far, a->axis = 3;)
CHANGE(batched, a->batch_dims = 1;)
CHANGE(batch_far, a->batch_dims = 2;)
CHANGE(batch_negative, a->batch_dims = -1;)
CHANGE(from_1, a->start = 1;)

#define OK RNM_OK
#define SHAPED RNM_ERR_SHAPE
#define VALUE RNM_ERR_VALUE
#define UNSUPPORTED RNM_ERR_UNSUPPORTED
#define LIMIT RNM_ERR_LIMIT
#define X SHAPE(N, 4, 3, 5)
#define A SHAPE(N, 3, 4)
#define B SHAPE(2, 3, 4)
#define INDICES(...)                                                                         \
    {                                                                                        \
        .dtype = RNM_I64, .rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
        .dims = {                                                                            \
            __VA_ARGS__                                                                      \
        }                                                                                    \
    }

/* clang-format off */
static const shape_case cases[] = {
    /* ConvTranspose: its recipe [Co, Ci / group, ...]; a value [Ci, Co / group, ...] */
    {"transposed", RNM_OP_ConvTranspose, 2, double_strides, {X, SHAPE(6, 4, 3, 2)}, 2, OK, SHAPE(N, 6, 7, 10), NULL},
    {"padded", RNM_OP_ConvTranspose, 2, padded, {X, SHAPE(6, 4, 3, 2)}, 2, OK, SHAPE(N, 6, 6, 10), NULL},
    {"groups", RNM_OP_ConvTranspose, 2, two_groups, {X, SHAPE(6, 2, 1, 1)}, 2, OK, SHAPE(N, 6, 3, 5), NULL},
    {"dynamic groups", RNM_OP_DynamicConvTranspose, 2, two_groups, {X, SHAPE(4, 3, 1, 1)}, 2, OK, SHAPE(N, 6, 3, 5), NULL},
    {"dynamic", RNM_OP_DynamicConv, 2, two_groups, {X, SHAPE(6, 2, 1, 1)}, 2, OK, SHAPE(N, 6, 3, 5), NULL},
    {"padding wide", RNM_OP_ConvTranspose, 2, padding_wide, {X, SHAPE(6, 4, 3, 2)}, 2, VALUE, ABSENT, "output_padding[0]"},
    {"padding negative", RNM_OP_ConvTranspose, 2, padding_negative, {X, SHAPE(6, 4, 3, 2)}, 2, VALUE, ABSENT, "output_padding[0]"},
    {"strides most", RNM_OP_ConvTranspose, 2, strides_most, {SHAPE(1, 4, INT32_MAX, 5), SHAPE(6, 4, INT32_MAX, 1)}, 2, SHAPED, ABSENT, "outputs along"},
    {"cut all", RNM_OP_ConvTranspose, 2, cut_all, {X, SHAPE(6, 4, 3, 2)}, 2, SHAPED, ABSENT, "outputs along"},
    {"weight wrong", RNM_OP_ConvTranspose, 2, NULL, {X, SHAPE(4, 6, 3, 2)}, 2, SHAPED, ABSENT, "input channels"},
    {"dynamic weight wrong", RNM_OP_DynamicConvTranspose, 2, NULL, {X, SHAPE(6, 4, 3, 2)}, 2, SHAPED, ABSENT, "weight of"},
    {"no group", RNM_OP_DynamicConvTranspose, 2, no_group, {X, SHAPE(4, 6, 3, 2)}, 2, SHAPED, ABSENT, "groups"},
    {"group most", RNM_OP_DynamicConvTranspose, 2, group_most, {X, SHAPE(4, 6, 3, 2)}, 2, SHAPED, ABSENT, "groups"},
    {"symbolic height", RNM_OP_ConvTranspose, 2, NULL, {SHAPE(N, 4, H, 5), SHAPE(6, 4, 3, 2)}, 2, OK, SHAPE(N, 6, C, 6), NULL},
    {"bias wrong", RNM_OP_ConvTranspose, 2, NULL, {X, SHAPE(6, 4, 3, 2), SHAPE(4)}, 3, SHAPED, ABSENT, "channel"},

    {"doubled", RNM_OP_Resize, 0, double_size, {X}, 1, OK, SHAPE(N, 4, 6, 10), NULL},
    {"sized", RNM_OP_Resize, 0, sizes, {X}, 1, OK, SHAPE(N, 4, 5, 7), NULL},
    {"cropped", RNM_OP_Resize, 0, cropped, {SHAPE(N, 4, 8, 5)}, 1, OK, SHAPE(N, 4, 8, 10), NULL},
    {"scales and sizes", RNM_OP_Resize, 0, both, {X}, 1, VALUE, ABSENT, "scales or sizes"},
    {"neither", RNM_OP_Resize, 0, NULL, {X}, 1, VALUE, ABSENT, "scales or sizes"},
    {"scale 0", RNM_OP_Resize, 0, scale_0, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"scale infinite", RNM_OP_Resize, 0, scale_infinite, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"scale negative", RNM_OP_Resize, 0, scale_negative, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"scale huge", RNM_OP_Resize, 0, scale_huge, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"size huge", RNM_OP_Resize, 0, size_huge, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"size negative", RNM_OP_Resize, 0, size_negative, {X}, 1, VALUE, ABSENT, "axis 2"},
    {"four axes", RNM_OP_Resize, 0, four_axes, {SHAPE(1, 4, 3, 5)}, 1, UNSUPPORTED, ABSENT, "at most 3 axes"},
    {"mode unknown", RNM_OP_Resize, 0, mode_unknown, {X}, 1, VALUE, ABSENT, "unknown"},
    {"mode negative", RNM_OP_Resize, 0, mode_negative, {X}, 1, VALUE, ABSENT, "unknown"},
    {"coordinates unknown", RNM_OP_Resize, 0, coordinates_unknown, {X}, 1, VALUE, ABSENT, "unknown"},
    {"roi short", RNM_OP_Resize, 0, roi_short, {X}, 1, VALUE, ABSENT, "roi"},
    {"resized symbol", RNM_OP_Resize, 0, double_size, {SHAPE(N, 4, H, 5)}, 1, OK, SHAPE(N, 4, C, 10), NULL},
    {"sized symbol", RNM_OP_Resize, 0, sizes, {SHAPE(N, 4, H, C)}, 1, OK, SHAPE(N, 4, 5, 7), NULL},
    {"scale 0 of a symbol", RNM_OP_Resize, 0, scale_0, {SHAPE(N, 4, H, 5)}, 1, VALUE, ABSENT, "axis 2"},

    {"product", RNM_OP_MatMul, 0, NULL, {A, SHAPE(4, 7)}, 2, OK, SHAPE(N, 3, 7), NULL},
    {"stacks", RNM_OP_MatMul, 0, trans_b, {SHAPE(5, 1, 3, 4), SHAPE(2, 7, 4)}, 2, OK, SHAPE(5, 2, 3, 7), NULL},
    {"transposed a", RNM_OP_MatMul, 0, trans_a, {SHAPE(4, 3), SHAPE(4, 7), SHAPE(7)}, 3, OK, SHAPE(3, 7), NULL},
    {"inner computed", RNM_OP_MatMul, 0, NULL, {SHAPE(N, C), SHAPE(3, 7)}, 2, UNSUPPORTED, ABSENT, "depends on symbols"},
    {"inner wrong", RNM_OP_MatMul, 0, NULL, {B, SHAPE(3, 7)}, 2, SHAPED, ABSENT, "cannot multiply"},
    {"stacks wrong", RNM_OP_MatMul, 0, NULL, {SHAPE(3, 3, 4), SHAPE(2, 4, 4)}, 2, SHAPED, ABSENT, "cannot multiply"},
    {"inner empty", RNM_OP_MatMul, 0, NULL, {SHAPE(3, 0), SHAPE(0, 4)}, 2, SHAPED, ABSENT, "cannot multiply"},
    {"vector", RNM_OP_MatMul, 0, NULL, {SHAPE(4), SHAPE(4, 4)}, 2, SHAPED, ABSENT, "rank"},
    {"C wrong", RNM_OP_MatMul, 0, NULL, {SHAPE(3, 4), SHAPE(4, 7), SHAPE(3)}, 3, SHAPED, ABSENT, "broadcast"},
    {"C of a stack", RNM_OP_MatMul, 0, NULL, {B, SHAPE(4, 7), SHAPE(7)}, 3, SHAPED, ABSENT, "broadcast"},

    {"flat", RNM_OP_Reshape, 0, flat, {A}, 1, OK, SHAPE(N, 12), NULL},
    {"missing symbol", RNM_OP_Reshape, 0, one_row, {SHAPE(N)}, 1, OK, SHAPE(1, N), NULL},
    {"symbol times number", RNM_OP_Reshape, 0, one_row, {A}, 1, OK, SHAPE(1, C), NULL},
    {"flat of computed", RNM_OP_Reshape, 0, flat, {SHAPE(N, C, 4)}, 1, OK, SHAPE(N, C), NULL},
    {"symbol for number", RNM_OP_Reshape, 0, exact, {A}, 1, SHAPED, ABSENT, "cannot make"},
    {"two missing", RNM_OP_Reshape, 0, two_missing, {B}, 1, VALUE, ABSENT, "shape[1]"},
    {"minus 2", RNM_OP_Reshape, 0, minus_2, {B}, 1, VALUE, ABSENT, "shape[1]"},
    {"zero behind", RNM_OP_Reshape, 0, zero_behind, {B}, 1, VALUE, ABSENT, "shape[3]"},
    {"does not divide", RNM_OP_Reshape, 0, sevens, {B}, 1, SHAPED, ABSENT, "cannot make"},
    {"shape overflows", RNM_OP_Reshape, 0, shape_most, {B}, 1, LIMIT, ABSENT, "overflows"},
    {"nine dims", RNM_OP_Reshape, 0, nine_dims, {B}, 1, VALUE, ABSENT, "at most 8"},
    {"squeeze not 1", RNM_OP_Squeeze, 0, axes_01, {SHAPE(1, 3, 4)}, 1, SHAPED, ABSENT, "axis 1"},
    {"squeeze twice", RNM_OP_Squeeze, 0, axes_twice, {SHAPE(1, 3, 4)}, 1, VALUE, ABSENT, "different"},
    {"squeeze symbol", RNM_OP_Squeeze, 0, axes_01, {SHAPE(1, N, 4)}, 1, SHAPED, ABSENT, "axis 1"},
    {"squeeze computed", RNM_OP_Squeeze, 0, axes_01, {SHAPE(1, C, 4)}, 1, SHAPED, ABSENT, "axis 1"},
    {"squeeze whichever", RNM_OP_Squeeze, 0, NULL, {SHAPE(1, N, 4)}, 1, UNSUPPORTED, ABSENT, "symbol"},
    {"squeeze far", RNM_OP_Squeeze, 0, axes_far, {A}, 1, VALUE, ABSENT, "different"},
    {"unsqueeze", RNM_OP_Unsqueeze, 0, axes_01, {A}, 1, OK, SHAPE(1, 1, N, 3, 4), NULL},
    {"unsqueeze least", RNM_OP_Unsqueeze, 0, axes_least, {A}, 1, VALUE, ABSENT, "different"},
    {"unsqueeze too far", RNM_OP_Unsqueeze, 0, seven_more, {A}, 1, LIMIT, ABSENT, "rank 10"},
    {"transpose", RNM_OP_Transpose, 0, perm_good, {A}, 1, OK, SHAPE(4, N, 3), NULL},
    {"reversed", RNM_OP_Transpose, 0, NULL, {A}, 1, OK, SHAPE(4, 3, N), NULL},
    {"perm short", RNM_OP_Transpose, 0, perm_short, {A}, 1, VALUE, ABSENT, "3 entries"},
    {"perm twice", RNM_OP_Transpose, 0, perm_twice, {A}, 1, VALUE, ABSENT, "different"},
    {"perm negative", RNM_OP_Transpose, 0, perm_negative, {A}, 1, VALUE, ABSENT, "negative"},
    {"depth", RNM_OP_DepthToSpace, 0, block_2, {SHAPE(N, 8, 3, 5)}, 1, OK, SHAPE(N, 2, 6, 10), NULL},
    {"depth of symbols", RNM_OP_DepthToSpace, 0, block_2, {SHAPE(N, 8, H, C)}, 1, OK, SHAPE(N, 2, C, C), NULL},
    {"space of symbols", RNM_OP_SpaceToDepth, 0, block_2, {SHAPE(N, 2, H, C)}, 1, OK, SHAPE(N, 8, C, C), NULL},
    {"depth odd", RNM_OP_DepthToSpace, 0, block_2, {SHAPE(N, 6, 3, 5)}, 1, SHAPED, ABSENT, "multiple"},
    {"space", RNM_OP_SpaceToDepth, 0, block_2, {SHAPE(N, 2, 6, 10)}, 1, OK, SHAPE(N, 8, 3, 5), NULL},
    {"space odd", RNM_OP_SpaceToDepth, 0, block_2, {SHAPE(N, 2, 6, 9)}, 1, SHAPED, ABSENT, "multiple"},
    {"block 0", RNM_OP_DepthToSpace, 0, block_0, {X}, 1, VALUE, ABSENT, "blocksize"},
    {"block most", RNM_OP_SpaceToDepth, 0, block_most, {X}, 1, VALUE, ABSENT, "blocksize"},

    {"slice", RNM_OP_Slice, 0, first_two, {A}, 1, OK, SHAPE(N, 3, 2), NULL},
    {"all of a symbol", RNM_OP_Slice, 0, all_of_first, {A}, 1, OK, A, NULL},
    {"some of a symbol", RNM_OP_Slice, 0, some_of_first, {A}, 1, OK, SHAPE(C, 3, 4), NULL},
    {"step 0", RNM_OP_Slice, 0, step_0, {A}, 1, VALUE, ABSENT, "steps"},
    {"starts more", RNM_OP_Slice, 0, starts_more, {A}, 1, VALUE, ABSENT, "starts"},
    {"ends less", RNM_OP_Slice, 0, ends_less, {A}, 1, VALUE, ABSENT, "ends"},
    {"steps more", RNM_OP_Slice, 0, steps_more, {A}, 1, VALUE, ABSENT, "steps"},
    {"slice far", RNM_OP_Slice, 0, cut_far, {A}, 1, VALUE, ABSENT, "axes"},
    {"split", RNM_OP_Split, 0, split_thirds, {A}, 1, OK, A, NULL},
    {"split wrong", RNM_OP_Split, 0, split_wrong, {A}, 1, VALUE, ABSENT, "none left over"},
    {"split negative", RNM_OP_Split, 0, split_negative, {A}, 1, VALUE, ABSENT, "none left over"},
    {"split many", RNM_OP_Split, 0, split_many, {A}, 1, VALUE, ABSENT, "1 entries"},
    {"split axis", RNM_OP_Split, 0, split_axis, {A}, 1, VALUE, ABSENT, "axis"},
    {"split symbol", RNM_OP_Split, 0, NULL, {A}, 1, OK, A, NULL},
    {"expand", RNM_OP_Expand, 0, expand_good, {A}, 1, OK, SHAPE(5, N, 3, 4), NULL},
    {"expand computed", RNM_OP_Expand, 0, expand_other, {SHAPE(N, C, C)}, 1, OK, SHAPE(N, 2, 4), NULL},
    {"expand other", RNM_OP_Expand, 0, expand_other, {A}, 1, SHAPED, ABSENT, "cannot make"},
    {"expand negative", RNM_OP_Expand, 0, expand_negative, {A}, 1, SHAPED, ABSENT, "cannot make"},
    {"tile", RNM_OP_Tile, 0, tile_good, {A}, 1, OK, SHAPE(N, 6, 12), NULL},
    {"tile symbol", RNM_OP_Tile, 0, tile_first, {A}, 1, OK, SHAPE(C, 3, 4), NULL},
    {"tile short", RNM_OP_Tile, 0, tile_short, {A}, 1, VALUE, ABSENT, "repeats"},
    {"tile negative", RNM_OP_Tile, 0, tile_negative, {A}, 1, VALUE, ABSENT, "repeats"},
    {"tile most", RNM_OP_Tile, 0, tile_most, {A}, 1, LIMIT, ABSENT, "output"},
    {"pad", RNM_OP_Pad, 0, pad_good, {A}, 1, OK, SHAPE(N, 4, 2), NULL},
    {"pad symbol", RNM_OP_Pad, 0, pad_first, {A}, 1, OK, SHAPE(C, 3, 4), NULL},
    {"pad short", RNM_OP_Pad, 0, pad_short, {A}, 1, VALUE, ABSENT, "6 entries"},
    {"pad value", RNM_OP_Pad, 0, pad_good, {A, SHAPE(2)}, 2, SHAPED, ABSENT, "one element"},
    {"shape", RNM_OP_Shape, 0, from_1, {A}, 1, OK, INDICES(2), NULL},

    {"gather", RNM_OP_Gather, 0, axis_1, {A, INDICES(5, 6)}, 2, OK, SHAPE(N, 5, 6, 4), NULL},
    {"gather one", RNM_OP_Gather, 0, NULL, {SHAPE(3, 4), {.dtype = RNM_I32}}, 2, OK, SHAPE(4), NULL},
    {"gather far", RNM_OP_Gather, 0, axis_far, {A, INDICES(5)}, 2, VALUE, ABSENT, "axis"},
    {"gather by f32", RNM_OP_Gather, 0, NULL, {A, SHAPE(5)}, 2, SHAPED, ABSENT, "i32 or i64"},
    {"gather too deep", RNM_OP_Gather, 0, NULL, {SHAPE(1, 1, 1, 1, 1), INDICES(1, 1, 1, 1, 1)}, 2, LIMIT, ABSENT, "rank over"},
    {"elements", RNM_OP_GatherElements, 0, axis_1, {A, INDICES(N, 9, 2)}, 2, OK, SHAPE(N, 9, 2), NULL},
    {"elements outside", RNM_OP_GatherElements, 0, axis_1, {A, INDICES(N, 9, 5)}, 2, SHAPED, ABSENT, "lie inside"},
    {"elements rank", RNM_OP_GatherElements, 0, NULL, {A, INDICES(3, 4)}, 2, SHAPED, ABSENT, "rank"},
    {"tuples", RNM_OP_GatherND, 0, batched, {B, INDICES(2, 7, 1)}, 2, OK, SHAPE(2, 7, 4), NULL},
    {"tuples long", RNM_OP_GatherND, 0, batched, {B, INDICES(2, 7, 3)}, 2, SHAPED, ABSENT, "tuples"},
    {"tuples empty", RNM_OP_GatherND, 0, NULL, {B, INDICES(2, 0)}, 2, SHAPED, ABSENT, "tuples"},
    {"batch far", RNM_OP_GatherND, 0, batch_far, {B, INDICES(2, 1)}, 2, SHAPED, ABSENT, "batch"},
    {"batch negative", RNM_OP_GatherND, 0, batch_negative, {B, INDICES(2, 1)}, 2, SHAPED, ABSENT, "batch"},
    {"batches differ", RNM_OP_GatherND, 0, batched, {B, INDICES(3, 1)}, 2, SHAPED, ABSENT, "equal batches"},
    {"scatter", RNM_OP_ScatterND, 0, NULL, {B, INDICES(5, 2), SHAPE(5, 4)}, 3, OK, B, NULL},
    {"updates wrong", RNM_OP_ScatterND, 0, NULL, {B, INDICES(5, 2), SHAPE(5, 3)}, 3, SHAPED, ABSENT, "updates"},
    {"scattered wrong", RNM_OP_ScatterElements, 0, NULL, {B, INDICES(1, 1, 1), SHAPE(1, 1, 2)}, 3, SHAPED, ABSENT, "updates"},
};
/* clang-format on */

static void test_cases(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        try_shape_case(&cases[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
