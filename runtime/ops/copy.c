/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that only move elements: Reorder, Concat, Flatten. One strided copy does for all, and
 * where the bytes stay what they are there is no step at all.
 */
#include "op.h"

#include <string.h>

/* One line of elements; sizes are those of our element types. */
static void copy_line(const uint8_t *from, int64_t from_step, uint8_t *to, int64_t to_step,
                      int64_t count, size_t element) {
    if (from_step == 1 && to_step == 1) {
        memcpy(to, from, (size_t)count * element);
        return;
    }
    if (element == sizeof(uint32_t)) {
        const uint32_t *words = (const uint32_t *)(const void *)from;
        uint32_t *out = (uint32_t *)(void *)to;
        for (int64_t k = 0; k < count; ++k) {
            out[k * to_step] = words[k * from_step];
        }
        return;
    }
    for (int64_t k = 0; k < count; ++k) {
        memcpy(to + k * to_step * (int64_t)element, from + k * from_step * (int64_t)element,
               element);
    }
}

static rnm_status run_copy(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_copy_step *copy = &step->as.copy;
    int64_t element = copy->element;
    const uint8_t *from = context->data[step->x];
    uint8_t *to = (uint8_t *)context->data[step->y] + copy->to_start * element;
    int last = copy->rank - 1;
    int64_t at[RNM_MAX_RANK] = {0};
    for (;;) {
        copy_line(from, copy->from[last], to, copy->to[last], copy->dims[last], (size_t)element);
        int axis = last - 1;
        for (; axis >= 0; --axis) {
            from += copy->from[axis] * element;
            to += copy->to[axis] * element;
            if (++at[axis] < copy->dims[axis]) {
                break;
            }
            from -= copy->from[axis] * copy->dims[axis] * element;
            to -= copy->to[axis] * copy->dims[axis] * element;
            at[axis] = 0;
        }
        if (axis < 0) {
            return RNM_OK;
        }
    }
}

/* Sorts the axes so that the destination is walked in order, drops those of size 1, and joins
 * neighbours that both sides step through without a gap. */
static void simplify(rnm_copy_step *copy) {
    int rank = 0;
    for (int axis = 0; axis < copy->rank; ++axis) {
        int64_t dim = copy->dims[axis], from = copy->from[axis], to = copy->to[axis];
        if (dim == 1) {
            continue;
        }
        int at = rank++;
        for (; at > 0 && copy->to[at - 1] < to; --at) {
            copy->dims[at] = copy->dims[at - 1];
            copy->from[at] = copy->from[at - 1];
            copy->to[at] = copy->to[at - 1];
        }
        copy->dims[at] = dim;
        copy->from[at] = from;
        copy->to[at] = to;
    }
    int kept = 0;
    for (int axis = 1; axis < rank; ++axis) {
        if (copy->from[kept] == copy->from[axis] * copy->dims[axis] &&
            copy->to[kept] == copy->to[axis] * copy->dims[axis]) {
            copy->dims[kept] *= copy->dims[axis];
        } else {
            copy->dims[++kept] = copy->dims[axis];
        }
        copy->from[kept] = copy->from[axis];
        copy->to[kept] = copy->to[axis];
    }
    copy->rank = kept + 1;
    if (rank == 0) {
        copy->dims[0] = copy->from[0] = copy->to[0] = 1;
    }
}

/* Adds a step that copies value x into y from element `to_start` of y on, each in its layout. */
static void plan_copy(rnm_planner *planner, uint32_t x, uint32_t y, int64_t to_start) {
    const rnm_shape *shape = &planner->shapes[x];
    rnm_step *step = rnm_plan_step(planner, run_copy, x, y);
    rnm_copy_step *copy = &step->as.copy;
    *copy = (rnm_copy_step){
        .rank = shape->rank,
        .element = (uint32_t)rnm_dtype_size(shape->dtype),
        .to_start = to_start,
    };
    memcpy(copy->dims, shape->dims, sizeof copy->dims);
    rnm_op_strides(planner, x, copy->from);
    rnm_op_strides(planner, y, copy->to);
    simplify(copy);
}

rnm_status rnm_plan_concat(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t y = rnm_plan_output(planner);
    int rank = planner->shapes[y].rank;
    int64_t axis = attrs->axis < 0 ? attrs->axis + rank : attrs->axis;
    int64_t strides[RNM_MAX_RANK];
    rnm_op_strides(planner, y, strides);
    int64_t start = 0;
    for (unsigned k = 0; k < planner->node->input_count; ++k) {
        uint32_t x = rnm_plan_input(planner, k);
        if (rnm_plan_elements(planner, x) != 0) {
            plan_copy(planner, x, y, start * strides[axis]);
        }
        start += planner->shapes[x].dims[axis];
    }
    return RNM_OK;
}

/* The same bytes under another name. A stored constant has no place in the arena, so its bytes are
 * brought there. */
static void take_over(rnm_planner *planner, uint32_t x, uint32_t y) {
    if (planner->view->values[x].kind == RNM_VALUE_ACTIVATION) {
        rnm_arena_alias(&planner->arena, x, y);
        return;
    }
    rnm_plan_step(planner, run_copy, x, y)->as.copy = (rnm_copy_step){
        .rank = 1,
        .element = (uint32_t)rnm_dtype_size(planner->shapes[x].dtype),
        .dims = {(int64_t)rnm_plan_elements(planner, x)},
        .from = {1},
        .to = {1},
    };
}

/* Row-major, or channels-last with maps of one pixel: the same bytes either way. */
rnm_status rnm_plan_flatten(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)attrs;
    (void)err;
    take_over(planner, rnm_plan_input(planner, 0), rnm_plan_output(planner));
    return RNM_OK;
}

/* True when the value's bytes are the same in every layout: one channel, or maps of one pixel. */
static bool one_order(const rnm_shape *shape) {
    int64_t pixels = 1;
    for (int axis = 2; axis < shape->rank; ++axis) {
        pixels *= shape->dims[axis];
    }
    return shape->rank < 3 || pixels == 1 || shape->dims[1] == 1;
}

rnm_status rnm_plan_reorder(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)attrs;
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_value_rec *values = planner->view->values;
    if (values[x].layout == values[y].layout || one_order(&planner->shapes[x])) {
        take_over(planner, x, y);
    } else {
        plan_copy(planner, x, y, 0);
    }
    return RNM_OK;
}
