/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that read or write where indices say. Indices are run-time data: each is checked, and
 * the first that is out of range ends the run with an error.
 */
#include "op.h"

#include "error.h"

#include <string.h>

/* Index k of an i32 or i64 tensor. */
static int64_t index_at(const rnm_gather_step *gather, const void *indices, int64_t k) {
    return gather->wide ? ((const int64_t *)indices)[k] : ((const int32_t *)indices)[k];
}

static rnm_status out_of_range(const rnm_context *context, const rnm_step *step, int64_t found,
                               int64_t size, rnm_error *err) {
    const rnm_view *view = &context->model->view;
    return rnm_fail(err, RNM_ERR_VALUE, "node %s: an index must be in [%lld, %lld], found %lld",
                    rnm_view_string(view, view->nodes[step->node].name), (long long)-size,
                    (long long)size - 1, (long long)found);
}

/* True, and the index counted from the front, where it is in range. */
static bool resolve(int64_t *index, int64_t size) {
    *index += *index < 0 ? size : 0;
    return *index >= 0 && *index < size;
}

/* ---- Gather ---------------------------------------------------------------------------------- */

static rnm_status run_gather(rnm_context *context, const rnm_step *step, rnm_error *err) {
    const rnm_gather_step *gather = &step->as.gather;
    const uint8_t *from = context->data[step->x];
    const void *indices = context->data[step->z];
    uint8_t *to = context->data[step->y];
    for (int64_t o = 0; o < gather->outer; ++o) {
        for (int64_t k = 0; k < gather->count; ++k) {
            int64_t index = index_at(gather, indices, k);
            int64_t found = index;
            if (!resolve(&index, gather->size)) {
                return out_of_range(context, step, found, gather->size, err);
            }
            memcpy(to, from + index * gather->inner, (size_t)gather->inner);
            to += gather->inner;
        }
        from += gather->size * gather->inner;
    }
    return RNM_OK;
}

/* Data is [outer][size][inner], the output [outer][indices][inner]. */
rnm_status rnm_plan_gather(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0), indices = rnm_plan_input(planner, 1);
    const rnm_shape *shape = &planner->shapes[x];
    int64_t axis = attrs->axis < 0 ? attrs->axis + shape->rank : attrs->axis;
    rnm_step *step = rnm_plan_step(planner, run_gather, x, rnm_plan_output(planner));
    step->z = indices;
    rnm_gather_step *gather = &step->as.gather;
    *gather = (rnm_gather_step){
        .wide = planner->shapes[indices].dtype == RNM_I64,
        .outer = 1,
        .size = shape->dims[axis],
        .count = (int64_t)rnm_plan_elements(planner, indices),
        .inner = (int64_t)rnm_dtype_size(shape->dtype),
    };
    for (int k = 0; k < shape->rank; ++k) {
        if (k < axis) {
            gather->outer *= shape->dims[k];
        } else if (k > axis) {
            gather->inner *= shape->dims[k];
        }
    }
    return RNM_OK;
}

/* ---- GatherElements, ScatterElements --------------------------------------------------------- */

/* Goes through all indices; gathers into the output, or scatters updates into it. */
static rnm_status run_elements(rnm_context *context, const rnm_step *step, rnm_error *err) {
    const rnm_gather_step *gather = &step->as.gather;
    const bool scatters = gather->updates != RNM_NONE;
    const int64_t element = gather->inner;
    const void *indices = context->data[step->z];
    const uint8_t *x = context->data[scatters ? gather->updates : step->x];
    uint8_t *y = context->data[step->y];
    int64_t at[RNM_MAX_RANK] = {0};
    for (int64_t k = 0; k < gather->count; ++k) {
        int64_t index = index_at(gather, indices, k);
        int64_t found = index;
        if (!resolve(&index, gather->size)) {
            return out_of_range(context, step, found, gather->size, err);
        }
        int64_t offset = 0;
        for (int axis = 0; axis < gather->rank; ++axis) {
            offset += (axis == gather->axis ? index : at[axis]) * gather->strides[axis];
        }
        if (scatters) {
            memcpy(y + offset * element, x + k * element, (size_t)element);
        } else {
            memcpy(y + k * element, x + offset * element, (size_t)element);
        }
        for (int axis = gather->rank - 1; axis >= 0 && ++at[axis] == gather->dims[axis]; --axis) {
            at[axis] = 0;
        }
    }
    return RNM_OK;
}

static rnm_status run_scatter_elements(rnm_context *context, const rnm_step *step, rnm_error *err) {
    memcpy(context->data[step->y], context->data[step->x], (size_t)step->as.gather.bytes);
    return run_elements(context, step, err);
}

rnm_status rnm_plan_elements_op(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    bool scatters = planner->node->op == RNM_OP_ScatterElements;
    uint32_t x = rnm_plan_input(planner, 0), indices = rnm_plan_input(planner, 1);
    const rnm_shape *data = &planner->shapes[x], *shape = &planner->shapes[indices];
    rnm_step *step = rnm_plan_step(planner, scatters ? run_scatter_elements : run_elements, x,
                                   rnm_plan_output(planner));
    step->z = indices;
    rnm_gather_step *gather = &step->as.gather;
    *gather = (rnm_gather_step){
        .wide = shape->dtype == RNM_I64,
        .rank = shape->rank,
        .axis = (int)(attrs->axis < 0 ? attrs->axis + data->rank : attrs->axis),
        .count = (int64_t)rnm_plan_elements(planner, indices),
        .inner = (int64_t)rnm_dtype_size(data->dtype),
        .updates = scatters ? rnm_plan_input(planner, 2) : RNM_NONE,
    };
    gather->size = data->dims[gather->axis];
    gather->bytes = rnm_plan_elements(planner, x) * (uint64_t)gather->inner;
    memcpy(gather->dims, shape->dims, sizeof gather->dims);
    rnm_op_strides(planner, x, gather->strides);
    return RNM_OK;
}

/* ---- GatherND, ScatterND --------------------------------------------------------------------- */

/* Every tuple of indices names a slice of the data, of `inner` bytes. */
static rnm_status run_tuples(rnm_context *context, const rnm_step *step, rnm_error *err) {
    const rnm_gather_step *gather = &step->as.gather;
    const bool scatters = gather->updates != RNM_NONE;
    const void *indices = context->data[step->z];
    const uint8_t *x = context->data[scatters ? gather->updates : step->x];
    uint8_t *y = context->data[step->y];
    for (int64_t k = 0; k < gather->count; ++k) {
        int64_t offset = k / gather->size * gather->outer; /* of the batch */
        for (int axis = 0; axis < gather->rank; ++axis) {
            int64_t index = index_at(gather, indices, k * gather->rank + axis);
            int64_t found = index;
            if (!resolve(&index, gather->dims[axis])) {
                return out_of_range(context, step, found, gather->dims[axis], err);
            }
            offset += index * gather->strides[axis];
        }
        if (scatters) {
            memcpy(y + offset, x + k * gather->inner, (size_t)gather->inner);
        } else {
            memcpy(y + k * gather->inner, x + offset, (size_t)gather->inner);
        }
    }
    return RNM_OK;
}

static rnm_status run_scatter_tuples(rnm_context *context, const rnm_step *step, rnm_error *err) {
    memcpy(context->data[step->y], context->data[step->x], (size_t)step->as.gather.bytes);
    return run_tuples(context, step, err);
}

rnm_status rnm_plan_tuples(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    bool scatters = planner->node->op == RNM_OP_ScatterND;
    uint32_t x = rnm_plan_input(planner, 0), indices = rnm_plan_input(planner, 1);
    const rnm_shape *data = &planner->shapes[x], *shape = &planner->shapes[indices];
    int batch = scatters ? 0 : (int)attrs->batch_dims;
    rnm_step *step = rnm_plan_step(planner, scatters ? run_scatter_tuples : run_tuples, x,
                                   rnm_plan_output(planner));
    step->z = indices;
    rnm_gather_step *gather = &step->as.gather;
    *gather = (rnm_gather_step){
        .wide = shape->dtype == RNM_I64,
        .rank = (int)shape->dims[shape->rank - 1],
        .size = 1, /* tuples of a batch */
        .updates = scatters ? rnm_plan_input(planner, 2) : RNM_NONE,
    };
    int64_t stride = (int64_t)rnm_dtype_size(data->dtype);
    for (int axis = data->rank - 1; axis >= batch; --axis) {
        int k = axis - batch;
        if (k == gather->rank - 1) {
            gather->inner = stride;
        }
        if (k < gather->rank) {
            gather->strides[k] = stride;
            gather->dims[k] = data->dims[axis];
        }
        stride *= data->dims[axis];
    }
    gather->outer = stride; /* bytes of a batch's data */
    gather->bytes = rnm_plan_elements(planner, x) * (uint64_t)rnm_dtype_size(data->dtype);
    gather->count = 1;
    for (int axis = 0; axis < shape->rank - 1; ++axis) {
        gather->count *= shape->dims[axis];
        gather->size *= axis >= batch ? shape->dims[axis] : 1;
    }
    return RNM_OK;
}
