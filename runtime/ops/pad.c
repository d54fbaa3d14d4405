/* SPDX-License-Identifier: Apache-2.0
 *
 * Pad. With a constant the output is filled and the part of the input that is left copied into it;
 * the other modes read an input element for each output element.
 */
#include "op.h"

#include <string.h>

/* ---- constant -------------------------------------------------------------------------------- */

static rnm_status run_fill(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_fill_step *fill = &step->as.fill;
    uint8_t *to = context->data[step->y];
    uint64_t bytes = fill->count * fill->element;
    if (step->x == RNM_NONE) {
        memset(to, 0, (size_t)bytes);
        return RNM_OK;
    }
    memcpy(to, context->data[step->x], fill->element);
    for (uint64_t done = fill->element; done < bytes;) {
        uint64_t more = bytes - done < done ? bytes - done : done;
        memcpy(to + done, to, (size_t)more);
        done += more;
    }
    return RNM_OK;
}

static void plan_constant(rnm_planner *planner, const rnm_node_attrs *attrs) {
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *in = &planner->shapes[x];
    bool pads = false;
    rnm_copy_step copy = {.rank = in->rank};
    rnm_op_strides(planner, x, copy.from);
    rnm_op_strides(planner, y, copy.to);
    for (int axis = 0; axis < in->rank; ++axis) {
        int64_t before = attrs->pad.at[axis], after = attrs->pad.at[in->rank + axis];
        int64_t cut = before < 0 ? -before : 0;
        int64_t left = in->dims[axis] - cut + (after < 0 ? after : 0);
        copy.dims[axis] = left > 0 ? left : 0;
        copy.from_start += cut * copy.from[axis];
        copy.to_start += (before > 0 ? before : 0) * copy.to[axis];
        pads = pads || before != 0 || after != 0;
    }
    if (pads) {
        rnm_plan_step(planner, run_fill, rnm_plan_input(planner, 1), y)->as.fill = (rnm_fill_step){
            .count = rnm_plan_elements(planner, y),
            .element = (uint32_t)rnm_dtype_size(in->dtype),
        };
    }
    rnm_plan_copy(planner, x, y, copy);
}

/* ---- reflect, edge, wrap --------------------------------------------------------------------- */

/* The input index that output index `at` reads, where the input begins at `before`. */
static int64_t source_index(int mode, int64_t at, int64_t before, int64_t size) {
    int64_t index = at - before;
    if (index >= 0 && index < size) {
        return index;
    }
    if (mode == RNM_PAD_EDGE) {
        return index < 0 ? 0 : size - 1;
    }
    int64_t period = mode == RNM_PAD_WRAP ? size : size > 1 ? 2 * (size - 1) : 1;
    index = (index % period + period) % period;
    return index < size ? index : period - index;
}

typedef struct pad_job {
    const rnm_pad_step *pad;
    const uint8_t *x;
    uint8_t *y;
} pad_job;

/* One line along the axis that is innermost in the output. */
static void pad_item(void *argument, size_t item, size_t worker) {
    (void)worker;
    const pad_job *job = argument;
    const rnm_pad_step *pad = job->pad;
    const int64_t element = pad->element;
    const int last = pad->rank - 1;
    int64_t rest = (int64_t)item, from = 0;
    uint8_t *to = job->y + (int64_t)item * pad->out[last] * element;
    for (int axis = last - 1; axis >= 0; --axis) {
        int64_t at = rest % pad->out[axis];
        rest /= pad->out[axis];
        from += source_index(pad->mode, at, pad->before[axis], pad->in[axis]) * pad->strides[axis];
    }
    if (pad->strides[last] == 1 && pad->before[last] == 0 && pad->in[last] == pad->out[last]) {
        memcpy(to, job->x + from * element, (size_t)(pad->out[last] * element));
        return;
    }
    for (int64_t k = 0; k < pad->out[last]; ++k, to += element) {
        int64_t at = source_index(pad->mode, k, pad->before[last], pad->in[last]);
        memcpy(to, job->x + (from + at * pad->strides[last]) * element, (size_t)element);
    }
}

static rnm_status run_pad(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    pad_job job = {.pad = &step->as.pad, .x = context->data[step->x], .y = context->data[step->y]};
    rnm_threads_run(&context->threads, pad_item, &job, (size_t)job.pad->lines);
    return RNM_OK;
}

static void plan_mirror(rnm_planner *planner, const rnm_node_attrs *attrs) {
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *in = &planner->shapes[x], *out = &planner->shapes[y];
    rnm_step *step = rnm_plan_step(planner, run_pad, x, y);
    rnm_pad_step *pad = &step->as.pad;
    *pad = (rnm_pad_step){
        .rank = in->rank,
        .mode = (int)attrs->mode,
        .element = (uint32_t)rnm_dtype_size(in->dtype),
        .lines = 1,
    };
    int64_t strides[RNM_MAX_RANK];
    rnm_op_strides(planner, x, strides);
    bool channels_last = planner->view->values[y].layout == RNM_LAYOUT_CHANNELS_LAST;
    for (int k = 0; k < in->rank; ++k) {
        /* The output's axes from the outermost in memory to the innermost. */
        int axis = !channels_last || k == 0 ? k : k == in->rank - 1 ? 1 : k + 1;
        pad->in[k] = in->dims[axis];
        pad->out[k] = out->dims[axis];
        pad->before[k] = attrs->pad.at[axis];
        pad->strides[k] = strides[axis];
        pad->lines *= k < in->rank - 1 ? out->dims[axis] : 1;
    }
}

RNM_PLANS rnm_status rnm_plan_pad(rnm_planner *planner, const rnm_node_attrs *attrs,
                                  rnm_error *err) {
    (void)err;
    if (attrs->mode == RNM_PAD_CONSTANT) {
        plan_constant(planner, attrs);
    } else {
        plan_mirror(planner, attrs);
    }
    return RNM_OK;
}
