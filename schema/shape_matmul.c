/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of MatMul.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

static rnm_status refuse(const rnm_shape_call *call) {
    char a[RNM_SHAPE_TEXT];
    char b[RNM_SHAPE_TEXT];
    return rnm_fail(
        call->err, RNM_ERR_SHAPE, "MatMul%s%s cannot multiply %s by %s",
        call->attrs->transA ? " with transA" : "", call->attrs->transB ? " with transB" : "",
        rnm_shape_text(call->inputs[0], a, sizeof a), rnm_shape_text(call->inputs[1], b, sizeof b));
}

/* The dim that two operands have together along a batch axis, by broadcasting; 0: they do not. */
static int64_t broadcast(int64_t a, int64_t b) {
    return a == b || b == 1 ? a : a == 1 ? b : 0;
}

/* That C, of rank 2 at most, can be broadcast to the product, then of rank 2. */
static rnm_status check_c(const rnm_shape_call *call) {
    const rnm_shape *c = rnm_shape_input(call, 2);
    bool fits = c == NULL || (c->rank <= 2 && call->out->rank == 2);
    for (int k = 1; fits && c != NULL && k <= c->rank; k++) {
        int64_t dim = c->dims[c->rank - k];
        fits = dim == 1 || dim == call->out->dims[2 - k];
    }
    if (!fits) {
        char expected[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "input 2 of MatMul must broadcast to a matrix of %s, found %s",
                        rnm_shape_text(call->out, expected, sizeof expected),
                        rnm_shape_text(c, found, sizeof found));
    }
    return RNM_OK;
}

rnm_status rnm_shape_matmul(rnm_shape_call *call) {
    const rnm_shape *a = call->inputs[0], *b = call->inputs[1];
    rnm_status status = rnm_shape_check_rank(call, 0, 2, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, 1, 2, RNM_MAX_RANK);
    }
    if (status != RNM_OK) {
        return status;
    }
    bool flip_a = call->attrs->transA, flip_b = call->attrs->transB;
    int64_t rows = a->dims[a->rank - (flip_a ? 1 : 2)];
    int64_t inner = a->dims[a->rank - (flip_a ? 2 : 1)];
    int64_t columns = b->dims[b->rank - (flip_b ? 2 : 1)];
    int64_t met;
    if (!rnm_dim_meet(inner, b->dims[b->rank - (flip_b ? 1 : 2)], &met) || inner == 0) {
        return refuse(call);
    }
    if (inner == RNM_DIM_COMPUTED && met >= 0) { /* it can fit one size only */
        return rnm_shape_check_fixed(call, 0, a->rank - (flip_a ? 2 : 1));
    }
    int rank = a->rank > b->rank ? a->rank : b->rank;
    call->out->rank = rank;
    for (int axis = 0; axis < rank - 2; axis++) {
        int of_a = axis - rank + a->rank, of_b = axis - rank + b->rank;
        int64_t dim_a = of_a < 0 ? 1 : a->dims[of_a], dim_b = of_b < 0 ? 1 : b->dims[of_b];
        call->out->dims[axis] = broadcast(dim_a, dim_b);
        if (call->out->dims[axis] == 0 && dim_a != 0 && dim_b != 0) {
            return refuse(call);
        }
    }
    call->out->dims[rank - 2] = rows;
    call->out->dims[rank - 1] = columns;
    return check_c(call);
}
