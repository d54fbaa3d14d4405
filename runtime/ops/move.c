/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that only move elements, each as one strided copy an input or output: every pair of
 * layouts will do.
 */
#include "op.h"

#include <string.h>

/* A copy of all of `value` from or to itself: its dims, and its strides on one side. */
static rnm_copy_step all_of(const rnm_planner *planner, uint32_t value, bool is_source) {
    const rnm_shape *shape = &planner->shapes[value];
    rnm_copy_step copy = {.rank = shape->rank};
    memcpy(copy.dims, shape->dims, sizeof shape->dims);
    rnm_op_strides(planner, value, is_source ? copy.from : copy.to);
    return copy;
}

/* An axis counted from the front. */
static int64_t from_front(int64_t axis, int rank) {
    return axis < 0 ? axis + rank : axis;
}

rnm_status rnm_plan_concat(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t y = rnm_plan_output(planner);
    int64_t axis = from_front(attrs->axis, planner->shapes[y].rank);
    int64_t start = 0;
    for (unsigned k = 0; k < planner->node->input_count; ++k) {
        uint32_t x = rnm_plan_input(planner, k);
        rnm_copy_step copy = all_of(planner, x, true);
        rnm_op_strides(planner, y, copy.to);
        copy.to_start = start * copy.to[axis];
        start += copy.dims[axis];
        rnm_plan_copy(planner, x, y, copy);
    }
    return RNM_OK;
}

rnm_status rnm_plan_split(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    int64_t axis = from_front(attrs->axis, planner->shapes[x].rank);
    int64_t start = 0;
    for (unsigned k = 0; k < planner->node->output_count; ++k) {
        uint32_t y = rnm_plan_output_at(planner, k);
        rnm_copy_step copy = all_of(planner, y, false);
        rnm_op_strides(planner, x, copy.from);
        copy.from_start = start * copy.from[axis];
        start += copy.dims[axis];
        rnm_plan_copy(planner, x, y, copy);
    }
    return RNM_OK;
}

/* The same elements in the same order of indices: Reorder; and, row-major or with maps of one
 * pixel, Flatten, Reshape, Squeeze and Unsqueeze, whose dims are those of the input here. */
rnm_status rnm_plan_same_elements(rnm_planner *planner, const rnm_node_attrs *attrs,
                                  rnm_error *err) {
    (void)attrs;
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    rnm_copy_step copy = {
        .rank = 1,
        .dims = {(int64_t)rnm_plan_elements(planner, x)},
        .from = {1},
        .to = {1},
    };
    if (planner->node->op == RNM_OP_Reorder) {
        copy = all_of(planner, x, true);
        rnm_op_strides(planner, y, copy.to);
    }
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

rnm_status rnm_plan_transpose(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    rnm_copy_step copy = all_of(planner, y, false);
    int64_t strides[RNM_MAX_RANK];
    rnm_op_strides(planner, x, strides);
    for (int axis = 0; axis < copy.rank; ++axis) {
        bool given = attrs->perm.count > 0;
        copy.from[axis] = strides[given ? attrs->perm.at[axis] : copy.rank - 1 - axis];
    }
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

rnm_status rnm_plan_slice(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[x];
    rnm_copy_step copy = all_of(planner, y, false);
    rnm_op_strides(planner, x, copy.from);
    for (int64_t k = 0; k < attrs->starts.count; ++k) {
        rnm_range range = rnm_slice_range(attrs, k, shape);
        copy.from_start += range.start * copy.from[range.axis];
        copy.from[range.axis] *= range.step;
    }
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

rnm_status rnm_plan_expand(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)attrs;
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[x];
    rnm_copy_step copy = all_of(planner, y, false);
    int64_t strides[RNM_MAX_RANK];
    rnm_op_strides(planner, x, strides);
    for (int axis = 0; axis < shape->rank; ++axis) {
        copy.from[copy.rank - shape->rank + axis] = shape->dims[axis] == 1 ? 0 : strides[axis];
    }
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

rnm_status rnm_plan_tile(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[x];
    rnm_copy_step copy = all_of(planner, x, true);
    rnm_op_strides(planner, y, copy.to);
    for (int axis = 0; axis < shape->rank; ++axis) {
        copy.dims[copy.rank] = attrs->repeats.at[axis];
        copy.to[copy.rank++] = shape->dims[axis] * copy.to[axis];
    }
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

/* DepthToSpace, and SpaceToDepth, which is the same with input and output exchanged. The axes are
 * N, C of the wide map, its height in blocks and within one, its width likewise. */
rnm_status rnm_plan_depth_space(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    bool to_space = planner->node->op == RNM_OP_DepthToSpace;
    uint32_t deep = to_space ? x : y, wide = to_space ? y : x;
    const int64_t block = attrs->blocksize;
    const rnm_shape *maps = &planner->shapes[deep];
    const int64_t channels = planner->shapes[wide].dims[1];
    int64_t d[RNM_MAX_RANK], w[RNM_MAX_RANK];
    rnm_op_strides(planner, deep, d);
    rnm_op_strides(planner, wide, w);
    const bool inner = attrs->crd; /* blocks are the inner part of the channel */
    const int64_t one = inner ? d[1] : channels * d[1];
    const int64_t deep_strides[6] = {
        d[0], inner ? block * block * d[1] : d[1], d[2], block * one, d[3], one};
    const int64_t wide_strides[6] = {w[0], w[1], block * w[2], w[2], block * w[3], w[3]};
    rnm_copy_step copy = {
        .rank = 6,
        .dims = {maps->dims[0], channels, maps->dims[2], block, maps->dims[3], block},
    };
    memcpy(to_space ? copy.from : copy.to, deep_strides, sizeof deep_strides);
    memcpy(to_space ? copy.to : copy.from, wide_strides, sizeof wide_strides);
    rnm_plan_copy(planner, x, y, copy);
    return RNM_OK;
}

/* ---- Shape ----------------------------------------------------------------------------------- */

static rnm_status run_shape(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_dims_step *dims = &step->as.dims;
    memcpy(context->data[step->y], dims->at, (size_t)dims->count * sizeof *dims->at);
    return RNM_OK;
}

rnm_status rnm_plan_shape(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[x];
    rnm_step *step = rnm_plan_step(planner, run_shape, x, y);
    step->as.dims = (rnm_dims_step){.count = planner->shapes[y].dims[0]};
    int64_t start = rnm_shape_bound(attrs->start, shape->rank);
    for (int64_t k = 0; k < step->as.dims.count; ++k) {
        step->as.dims.at[k] = shape->dims[start + k];
    }
    return RNM_OK;
}
