/* SPDX-License-Identifier: Apache-2.0
 *
 * The strided copy that nearly all operators that only move elements come down to. Where the bytes
 * stay what they are there is no step at all.
 */
#include "op.h"

#include <string.h>

/* Elements of one item: enough that drawing items costs nothing. */
#define ITEM_ELEMENTS 16384

/* One line of elements; sizes are those of our element types. */
static void copy_line(const void *from, int64_t from_step, void *to, int64_t to_step, int64_t count,
                      size_t element) {
    if (from_step == 1 && to_step == 1) {
        memcpy(to, from, (size_t)count * element);
        return;
    }
#define COPY(type)                                                       \
    for (int64_t k = 0; k < count; ++k) {                                \
        ((type *)to)[k * to_step] = ((const type *)from)[k * from_step]; \
    }                                                                    \
    break
    switch (element) {
    case sizeof(uint8_t):
        COPY(uint8_t);
    case sizeof(uint16_t):
        COPY(uint16_t);
    case sizeof(uint32_t):
        COPY(uint32_t);
    default:
        COPY(uint64_t);
    }
#undef COPY
}

/* Pixels that are put together before they go to memory. */
#define BUNDLE_PIXELS 64

/* Lines that the destination has by turns, as pixels have channels. They are put together in cache:
 * then whole vectors are stored, and a line that another core holds is asked for once. */
static void copy_bundle(const rnm_copy_step *copy, const uint8_t *from, uint8_t *to,
                        int64_t pixels) {
    union {
        uint64_t eight[BUNDLE_PIXELS * RNM_COPY_BUNDLE];
        uint32_t four[BUNDLE_PIXELS * RNM_COPY_BUNDLE];
        uint16_t two[BUNDLE_PIXELS * RNM_COPY_BUNDLE];
        uint8_t bytes[BUNDLE_PIXELS * RNM_COPY_BUNDLE];
    } together;
    const int last = copy->rank - 1;
    const size_t element = copy->element, pixel = element * (size_t)copy->bundle;
    for (int64_t done = 0; done < pixels; done += BUNDLE_PIXELS) {
        const int64_t count = pixels - done < BUNDLE_PIXELS ? pixels - done : BUNDLE_PIXELS;
        for (int64_t k = 0; k < copy->bundle; ++k) {
            const int64_t at = k * copy->from[last - 1] + done * copy->from[last];
            copy_line(from + at * (int64_t)element, copy->from[last],
                      together.bytes + (size_t)k * element, copy->bundle, count, element);
        }
        memcpy(to + (size_t)done * pixel, &together, (size_t)count * pixel);
    }
}

typedef struct copy_job {
    const rnm_copy_step *copy;
    const uint8_t *from;
    uint8_t *to;
    int64_t lines, lines_an_item; /* a bundle is one */
    int64_t segments, segment;    /* of every line, and the elements of each */
} copy_job;

/* The axes that lines are counted by: but the last one, or two. */
static int line_axes(const rnm_copy_step *copy) {
    return copy->rank - (copy->bundle > 1 ? 2 : 1);
}

static void copy_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const copy_job *job = argument;
    const rnm_copy_step *copy = job->copy;
    const int64_t element = copy->element;
    const int last = copy->rank - 1, axes = line_axes(copy);
    int64_t line = (int64_t)item / job->segments * job->lines_an_item;
    int64_t lines = job->lines - line < job->lines_an_item ? job->lines - line : job->lines_an_item;
    const int64_t start = (int64_t)item % job->segments * job->segment;
    const int64_t rest = copy->dims[last] - start;
    const int64_t count = rest < job->segment ? rest : job->segment;
    int64_t at[RNM_COPY_RANK];
    const uint8_t *from = job->from + start * copy->from[last] * element;
    uint8_t *to = job->to + start * copy->to[last] * element;
    for (int axis = axes - 1; axis >= 0; --axis) {
        at[axis] = line % copy->dims[axis];
        line /= copy->dims[axis];
        from += at[axis] * copy->from[axis] * element;
        to += at[axis] * copy->to[axis] * element;
    }
    while (lines-- > 0) {
        if (copy->bundle > 1) {
            copy_bundle(copy, from, to, count);
        } else {
            copy_line(from, copy->from[last], to, copy->to[last], count, (size_t)element);
        }
        for (int axis = axes - 1; axis >= 0; --axis) {
            from += copy->from[axis] * element;
            to += copy->to[axis] * element;
            if (++at[axis] < copy->dims[axis]) {
                break;
            }
            from -= copy->from[axis] * copy->dims[axis] * element;
            to -= copy->to[axis] * copy->dims[axis] * element;
            at[axis] = 0;
        }
    }
}

static rnm_status run_copy(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_copy_step *copy = &step->as.copy;
    const int64_t line = copy->dims[copy->rank - 1], most = ITEM_ELEMENTS / copy->bundle;
    copy_job job = {
        .copy = copy,
        .from = (const uint8_t *)context->data[step->x] + copy->from_start * copy->element,
        .to = (uint8_t *)context->data[step->y] + copy->to_start * copy->element,
        .lines = 1,
        .lines_an_item = line < most ? most / line : 1,
        .segments = (line + most - 1) / most,
        .segment = most,
    };
    for (int axis = 0; axis < line_axes(copy); ++axis) {
        job.lines *= copy->dims[axis];
    }
    const int64_t groups = (job.lines + job.lines_an_item - 1) / job.lines_an_item;
    rnm_threads_run(&context->threads, copy_item, &job, (size_t)(groups * job.segments));
    return RNM_OK;
}

/* Lines of a few elements, as channels of an image are, take longer to begin than to copy: the next
 * axis is walked then. */
static void lengthen_lines(rnm_copy_step *copy) {
    const int last = copy->rank - 1;
    if (last < 1 || copy->dims[last] > RNM_COPY_BUNDLE ||
        copy->dims[last - 1] <= copy->dims[last]) {
        return;
    }
    /* In maps of one item a bundle would be copied twice for nothing: its lines are in cache. */
    if (copy->to[last] == 1 && copy->to[last - 1] == copy->dims[last] &&
        copy->dims[last - 1] > ITEM_ELEMENTS / copy->dims[last]) {
        copy->bundle = copy->dims[last];
    }
    int64_t *const lists[] = {copy->dims, copy->from, copy->to};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; ++k) {
        int64_t swapped = lists[k][last];
        lists[k][last] = lists[k][last - 1];
        lists[k][last - 1] = swapped;
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
    copy->bundle = 1;
    lengthen_lines(copy);
    if (rank == 0) {
        copy->dims[0] = copy->from[0] = copy->to[0] = 1;
    }
}

RNM_PLANS void rnm_plan_copy(rnm_planner *planner, uint32_t x, uint32_t y, rnm_copy_step copy) {
    uint64_t elements = 1;
    for (int axis = 0; axis < copy.rank; ++axis) {
        elements *= (uint64_t)copy.dims[axis];
    }
    if (elements == 0) {
        return;
    }
    copy.element = (uint32_t)rnm_dtype_size(planner->shapes[x].dtype);
    simplify(&copy);
    bool same = copy.rank == 1 && copy.from[0] == 1 && copy.to[0] == 1 && copy.from_start == 0 &&
                copy.to_start == 0 && elements == rnm_plan_elements(planner, x) &&
                elements == rnm_plan_elements(planner, y);
    /* A stored constant has no place in the arena, so its bytes are brought there. */
    if (same && planner->view->values[x].kind == RNM_VALUE_ACTIVATION) {
        rnm_arena_alias(&planner->arena, x, y);
    } else {
        rnm_plan_step(planner, run_copy, x, y)->as.copy = copy;
    }
}
