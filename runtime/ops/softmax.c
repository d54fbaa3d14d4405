/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax along one axis of a row-major tensor.
 */
#include "op.h"

#include <math.h>

static rnm_status run_softmax(rnm_context *context, const rnm_step *step, rnm_error *err) {
    (void)err;
    const rnm_softmax_step *s = &step->as.softmax;
    const float *x = rnm_values(context, step->x);
    float *y = rnm_values(context, step->y);
    for (int64_t line = 0; line < s->outer * s->inner; ++line) {
        int64_t start = line / s->inner * s->axis * s->inner + line % s->inner;
        float most = x[start];
        for (int64_t k = 1; k < s->axis; ++k) {
            float value = x[start + k * s->inner];
            most = value > most ? value : most;
        }
        double sum = 0.0;
        for (int64_t k = 0; k < s->axis; ++k) {
            float power = expf(x[start + k * s->inner] - most);
            y[start + k * s->inner] = power;
            sum += (double)power;
        }
        for (int64_t k = 0; k < s->axis; ++k) {
            int64_t at = start + k * s->inner;
            y[at] = (float)((double)y[at] / sum);
        }
    }
    return RNM_OK;
}

RNM_PLANS rnm_status rnm_plan_softmax(rnm_planner *planner, const rnm_node_attrs *attrs,
                                      rnm_error *err) {
    (void)err;
    uint32_t x = rnm_plan_input(planner, 0);
    uint32_t y = rnm_plan_output(planner);
    const rnm_shape *shape = &planner->shapes[x];
    int64_t axis = attrs->axis < 0 ? attrs->axis + shape->rank : attrs->axis;
    rnm_softmax_step softmax = {.outer = 1, .axis = shape->dims[axis], .inner = 1};
    for (int64_t d = 0; d < shape->rank; ++d) {
        softmax.outer *= d < axis ? shape->dims[d] : 1;
        softmax.inner *= d > axis ? shape->dims[d] : 1;
    }
    rnm_plan_step(planner, run_softmax, x, y)->as.softmax = softmax;
    if (rnm_arena_ends(&planner->arena, x, planner->node_index)) {
        rnm_arena_alias(&planner->arena, x, y);
    }
    return RNM_OK;
}
