/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of operators on pairs of elements: shapes are matched from the last axis, and an
 * axis of 1 is repeated.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

static rnm_status refuse(const rnm_shape_call *call, const rnm_shape *a, const rnm_shape *b) {
    char first[RNM_SHAPE_TEXT];
    char second[RNM_SHAPE_TEXT];
    return rnm_fail(call->err, RNM_ERR_SHAPE,
                    "shapes of the inputs of %s must broadcast, found %s and %s", call->name,
                    rnm_shape_text(a, first, sizeof first),
                    rnm_shape_text(b, second, sizeof second));
}

/* One of two dims is computed and may be 1, or the other one. */
static int64_t join_computed(int64_t a, int64_t b) {
    int64_t other = a == RNM_DIM_COMPUTED ? b : a;
    return other >= 0 && other != 1 ? other : RNM_DIM_COMPUTED;
}

/* Joins one more shape to what is there. */
static rnm_status join(const rnm_shape_call *call, rnm_shape *sum, const rnm_shape *next) {
    rnm_shape joined = {.dtype = sum->dtype,
                        .rank = sum->rank > next->rank ? sum->rank : next->rank};
    for (int from_end = 1; from_end <= joined.rank; from_end++) {
        int64_t a = from_end <= sum->rank ? sum->dims[sum->rank - from_end] : 1;
        int64_t b = from_end <= next->rank ? next->dims[next->rank - from_end] : 1;
        bool computed = a == RNM_DIM_COMPUTED || b == RNM_DIM_COMPUTED;
        if (a != b && a != 1 && b != 1 && !computed) {
            return refuse(call, sum, next);
        }
        joined.dims[joined.rank - from_end] = computed ? join_computed(a, b) : a == 1 ? b : a;
    }
    *sum = joined;
    return RNM_OK;
}

rnm_status rnm_shape_broadcast_of(const rnm_shape_call *call, const rnm_shape *const *shapes,
                                  int count, rnm_shape *out) {
    rnm_status status = RNM_OK;
    rnm_shape_dims(out, shapes[0]);
    for (int k = 1; status == RNM_OK && k < count; k++) {
        status = join(call, out, shapes[k]);
    }
    return status;
}

rnm_status rnm_shape_broadcast(rnm_shape_call *call) {
    return rnm_shape_broadcast_of(call, call->inputs, call->input_count, call->out);
}

/* The slope must not make the output larger than the input; computed dims tell in a context. */
rnm_status rnm_shape_prelu(rnm_shape_call *call) {
    const rnm_shape *x = call->inputs[0];
    rnm_status status = rnm_shape_broadcast(call);
    if (status == RNM_OK && !rnm_shape_meets(call->out, x)) {
        return refuse(call, x, call->inputs[1]);
    }
    return status;
}
