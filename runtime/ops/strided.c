/* SPDX-License-Identifier: Apache-2.0
 *
 * Spaces of several operands, and the step that walks one line by line.
 */
#include "strided.h"

/* Elements of one item, roughly. */
#define ITEM_ELEMENTS 8192

/* Axes in the order of an operand's memory, those of size 1 left out. */
static void sort_axes(rnm_strided *space, int by) {
    int rank = 0;
    for (int axis = 0; axis < space->rank; ++axis) {
        int64_t dim = space->dims[axis];
        int64_t steps[RNM_OPERANDS];
        for (int k = 0; k < space->operands; ++k) {
            steps[k] = space->steps[k][axis];
        }
        if (dim == 1) {
            continue;
        }
        int at = rank++;
        for (; at > 0 && space->steps[by][at - 1] < steps[by]; --at) {
            space->dims[at] = space->dims[at - 1];
            for (int k = 0; k < space->operands; ++k) {
                space->steps[k][at] = space->steps[k][at - 1];
            }
        }
        space->dims[at] = dim;
        for (int k = 0; k < space->operands; ++k) {
            space->steps[k][at] = steps[k];
        }
    }
    space->rank = rank;
}

static bool joins(const rnm_strided *space, int outer, int inner) {
    for (int k = 0; k < space->operands; ++k) {
        if (space->steps[k][outer] != space->steps[k][inner] * space->dims[inner]) {
            return false;
        }
    }
    return true;
}

static void join_axes(rnm_strided *space) {
    int kept = 0;
    for (int axis = 1; axis < space->rank; ++axis) {
        bool joined = joins(space, kept, axis);
        kept += !joined;
        space->dims[kept] = joined ? space->dims[kept] * space->dims[axis] : space->dims[axis];
        for (int k = 0; k < space->operands; ++k) {
            space->steps[k][kept] = space->steps[k][axis];
        }
    }
    if (space->rank == 0) {
        space->dims[0] = 1;
        for (int k = 0; k < space->operands; ++k) {
            space->steps[k][0] = 1;
        }
    }
    space->rank = kept + 1;
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct elements_job {
    const rnm_elements_step *step;
    uint8_t *data[RNM_OPERANDS];
    uint64_t lines, segments; /* segments of one line */
    uint64_t lines_per_item;
} elements_job;

/* Goes to a line. */
static void seek(const rnm_strided *space, uint64_t line, int64_t at[RNM_MAX_RANK],
                 int64_t offsets[RNM_OPERANDS]) {
    for (int k = 0; k < space->operands; ++k) {
        offsets[k] = 0;
    }
    for (int axis = space->rank - 2; axis >= 0; --axis) {
        uint64_t dim = (uint64_t)space->dims[axis];
        at[axis] = (int64_t)(line % dim);
        line /= dim;
        for (int k = 0; k < space->operands; ++k) {
            offsets[k] += at[axis] * space->steps[k][axis];
        }
    }
}

/* Goes to the next line. */
static void next_line(const rnm_strided *space, int64_t at[RNM_MAX_RANK],
                      int64_t offsets[RNM_OPERANDS]) {
    for (int axis = space->rank - 2; axis >= 0; --axis) {
        bool carry = ++at[axis] == space->dims[axis];
        for (int k = 0; k < space->operands; ++k) {
            int64_t step = space->steps[k][axis];
            offsets[k] += carry ? step - step * space->dims[axis] : step;
        }
        if (!carry) {
            return;
        }
        at[axis] = 0;
    }
}

static void elements_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const elements_job *job = argument;
    const rnm_elements_step *step = job->step;
    const rnm_strided *space = step->space;
    int last = space->rank - 1;
    int64_t at[RNM_MAX_RANK] = {0};
    int64_t offsets[RNM_OPERANDS], steps[RNM_OPERANDS];
    void *data[RNM_OPERANDS] = {NULL};
    uint64_t first = (uint64_t)item / job->segments * job->lines_per_item;
    uint64_t past = first + job->lines_per_item;
    int64_t start = (int64_t)((uint64_t)item % job->segments * ITEM_ELEMENTS);
    int64_t count = space->dims[last] - start;
    if (job->segments > 1 && count > ITEM_ELEMENTS) {
        count = ITEM_ELEMENTS;
    }
    for (int k = 0; k < space->operands; ++k) {
        steps[k] = space->steps[k][last];
    }
    seek(space, first, at, offsets);
    for (uint64_t line = first; line < past && line < job->lines; ++line) {
        for (int k = 0; k < space->operands; ++k) {
            data[k] = job->data[k] == NULL
                          ? NULL
                          : job->data[k] + (offsets[k] + start * steps[k]) * step->sizes[k];
        }
        step->line(step, count, data, steps);
        next_line(space, at, offsets);
    }
}

static rnm_status run_elements(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_strided *space = step->as.elements.space;
    elements_job job = {.step = &step->as.elements, .lines = 1, .segments = 1, .lines_per_item = 1};
    uint64_t length = (uint64_t)space->dims[space->rank - 1];
    for (int axis = 0; axis < space->rank - 1; ++axis) {
        job.lines *= (uint64_t)space->dims[axis];
    }
    if (length > ITEM_ELEMENTS) {
        job.segments = (length + ITEM_ELEMENTS - 1) / ITEM_ELEMENTS;
    } else {
        job.lines_per_item = ITEM_ELEMENTS / length;
    }
    for (int k = 0; k < space->operands; ++k) {
        int ref = step->as.elements.refs[k];
        /* Inputs are only read. */
        job.data[k] = ref < 0 ? rnm_step_output(context, step, (unsigned)(-1 - ref))
                              : (void *)(uintptr_t)rnm_step_input(context, step, (unsigned)ref);
    }
    uint64_t groups = (job.lines + job.lines_per_item - 1) / job.lines_per_item;
    rnm_threads_run(&context->threads, elements_item, &job, (size_t)(groups * job.segments));
    return RNM_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */

rnm_line rnm_line_of(const rnm_typed_line *table, size_t count, unsigned op, unsigned type) {
    while (count > 1 && !(table->op == op && table->type == type)) {
        ++table;
        --count;
    }
    assert(table->op == op && table->type == type);
    return table->line;
}

rnm_walk rnm_walk_over(const rnm_shape *shape, uint32_t inner) {
    return (rnm_walk){.shape = shape, .inner = inner};
}

static int64_t *add_operand(const rnm_planner *planner, rnm_walk *walk, int ref) {
    int k = walk->operands++;
    walk->refs[k] = ref;
    walk->values[k] = ref < 0 ? rnm_plan_output_at(planner, (unsigned)(-1 - ref))
                              : rnm_plan_input(planner, (unsigned)ref);
    return walk->steps[k];
}

void rnm_walk_broadcast(const rnm_planner *planner, rnm_walk *walk, int ref) {
    int64_t own[RNM_MAX_RANK] = {0};
    int64_t *steps = add_operand(planner, walk, ref);
    uint32_t value = walk->values[walk->operands - 1];
    const rnm_shape *shape = &planner->shapes[value];
    int lead = walk->shape->rank - shape->rank;
    rnm_op_strides(planner, value, own);
    for (int axis = lead; axis < walk->shape->rank; ++axis) {
        steps[axis] = shape->dims[axis - lead] != 1 ? own[axis - lead] : 0;
    }
}

void rnm_walk_reduced(const rnm_planner *planner, rnm_walk *walk, int ref) {
    int64_t own[RNM_MAX_RANK] = {0};
    int64_t *steps = add_operand(planner, walk, ref);
    uint32_t value = walk->values[walk->operands - 1];
    bool kept = planner->shapes[value].rank == walk->shape->rank;
    rnm_op_strides(planner, value, own);
    for (int axis = 0, to = 0; axis < walk->shape->rank; ++axis) {
        bool inner = (walk->inner >> axis & 1) != 0;
        steps[axis] = inner ? 0 : own[to];
        to += kept || !inner;
    }
}

void rnm_walk_single(const rnm_planner *planner, rnm_walk *walk, int ref) {
    add_operand(planner, walk, ref);
}

void rnm_walk_vector(const rnm_planner *planner, rnm_walk *walk, int ref, int axis) {
    uint32_t value = ref < 0 ? rnm_plan_output_at(planner, (unsigned)(-1 - ref))
                             : rnm_plan_input(planner, (unsigned)ref);
    bool single = value == RNM_NONE || rnm_plan_elements(planner, value) == 1;
    add_operand(planner, walk, ref)[axis] = single ? 0 : 1;
}

/* The axes of the walk that are inner, or those that are not. */
static rnm_strided *take_space(rnm_planner *planner, const rnm_walk *walk, bool inner) {
    rnm_context *context = planner->context;
    assert(context->space_count < context->space_room);
    rnm_strided *space = &context->spaces[context->space_count++];
    *space = (rnm_strided){.operands = walk->operands};
    for (int axis = 0; axis < walk->shape->rank; ++axis) {
        if (((walk->inner >> axis & 1) != 0) == inner) {
            int at = space->rank++;
            space->dims[at] = walk->shape->dims[axis];
            for (int k = 0; k < walk->operands; ++k) {
                space->steps[k][at] = walk->steps[k][axis];
            }
        }
    }
    /* Results may stand still along inner axes; operand 1 is what is read. */
    sort_axes(space, inner && walk->operands > 1 ? 1 : 0);
    join_axes(space);
    return space;
}

rnm_elements_step *rnm_plan_walk(rnm_planner *planner, const rnm_walk *walk, rnm_line line) {
    rnm_step *step =
        rnm_plan_step(planner, run_elements, rnm_plan_input(planner, 0), rnm_plan_output(planner));
    rnm_elements_step *elements = &step->as.elements;
    *elements = (rnm_elements_step){.line = line};
    elements->space = take_space(planner, walk, false);
    elements->inner = take_space(planner, walk, true);
    for (int k = 0; k < walk->operands; ++k) {
        elements->refs[k] = (int8_t)walk->refs[k];
        elements->sizes[k] = walk->values[k] != RNM_NONE
                                 ? (uint8_t)rnm_dtype_size(planner->shapes[walk->values[k]].dtype)
                                 : 0;
    }
    return elements;
}

/* Puts the output where input k was, if that ends here and is the same in shape, type and layout,
 * and no other input lies there in another shape. */
static bool put_in_place(rnm_planner *planner, const rnm_walk *walk, int k) {
    uint32_t y = walk->values[0];
    uint32_t x = walk->values[k];
    const rnm_value_rec *values = planner->view->values;
    if (!rnm_shape_equal(&planner->shapes[x], &planner->shapes[y]) ||
        values[x].layout != values[y].layout ||
        !rnm_arena_ends(&planner->arena, x, planner->node_index)) {
        return false;
    }
    for (int other = 1; other < walk->operands; ++other) {
        uint32_t z = walk->values[other];
        if (rnm_arena_shared(&planner->arena, x, z) &&
            (!rnm_shape_equal(&planner->shapes[x], &planner->shapes[z]) ||
             values[x].layout != values[z].layout)) {
            return false;
        }
    }
    rnm_arena_alias(&planner->arena, x, y);
    return true;
}

rnm_elements_step *rnm_plan_pointwise(rnm_planner *planner, rnm_line line, int input_count) {
    rnm_walk walk = rnm_walk_over(&planner->shapes[rnm_plan_output(planner)], 0);
    rnm_walk_broadcast(planner, &walk, -1);
    for (int k = 0; k < input_count; ++k) {
        rnm_walk_broadcast(planner, &walk, k);
    }
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, line);
    for (int k = 1; k < walk.operands; ++k) {
        if (put_in_place(planner, &walk, k)) {
            break;
        }
    }
    return step;
}
