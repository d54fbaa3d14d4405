/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of operators on quantised numbers, and of NonMaxSuppression.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

/* That input k is one number: rank 0, or 1 with one element. */
static bool is_single(const rnm_shape *shape) {
    return shape == NULL || shape->rank == 0 || (shape->rank == 1 && shape->dims[0] == 1);
}

static rnm_status check_single(const rnm_shape_call *call, int k) {
    const rnm_shape *shape = rnm_shape_input(call, k);
    if (!is_single(shape)) {
        char text[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE, "input %d of %s must be one number, found %s", k,
                        call->name, rnm_shape_text(shape, text, sizeof text));
    }
    return RNM_OK;
}

/* That it is one number, or one for each of `count`. */
static rnm_status check_single_or(const rnm_shape_call *call, int k, int64_t count) {
    return is_single(rnm_shape_input(call, k)) ? RNM_OK : rnm_shape_check_channels(call, k, count);
}

rnm_status rnm_shape_quantize(rnm_shape_call *call) {
    const rnm_shape *in = call->inputs[0];
    rnm_status status = RNM_OK;
    if (!is_single(call->inputs[1]) || !is_single(rnm_shape_input(call, 2))) {
        int axis = 0;
        status = rnm_shape_axis(call, in->rank, in->rank, &axis);
        for (int k = 1; status == RNM_OK && k < 3; k++) {
            status = check_single_or(call, k, in->dims[axis]);
        }
    }
    return status == RNM_OK ? rnm_shape_same(call) : status;
}

rnm_status rnm_shape_dynamic_quantize(rnm_shape_call *call) {
    rnm_shape_dims(&call->out[0], call->inputs[0]);
    return RNM_OK; /* scale and zero point are scalars */
}

/* The shape is that of Conv on X and W; zero points and scales of W may be one an output. */
rnm_status rnm_shape_integer_conv(rnm_shape_call *call) {
    bool scaled = call->op == RNM_OP_QLinearConv;
    const rnm_shape *operands[] = {call->inputs[0], call->inputs[scaled ? 3 : 1]};
    rnm_shape_call conv = *call;
    conv.inputs = operands;
    conv.input_count = 2;
    rnm_status status = rnm_shape_conv(&conv);
    if (status != RNM_OK) {
        return status;
    }
    int64_t outputs = operands[1]->dims[0];
    for (int k = scaled ? 1 : 2; status == RNM_OK && k < (scaled ? 8 : 4); k++) {
        bool weights = k == (scaled ? 4 : 3) || (scaled && k == 5);
        if (k != 3 || !scaled) {
            status = weights ? check_single_or(call, k, outputs) : check_single(call, k);
        }
    }
    if (status == RNM_OK && scaled) {
        status = rnm_shape_check_channels(call, 8, outputs);
    }
    return status;
}

/* numpy's matmul; scale and zero point of A may be one a row, of B one a column. */
rnm_status rnm_shape_integer_matmul(rnm_shape_call *call) {
    bool scaled = call->op == RNM_OP_QLinearMatMul;
    int second = scaled ? 3 : 1;
    const rnm_shape *a = call->inputs[0];
    const rnm_shape *b = call->inputs[second];
    rnm_status status = rnm_shape_check_rank(call, 0, 2, RNM_MAX_RANK);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, second, 2, RNM_MAX_RANK);
    }
    if (status != RNM_OK) {
        return status;
    }
    int64_t rows = a->dims[a->rank - 2];
    int64_t columns = b->dims[b->rank - 1];
    if (a->dims[a->rank - 1] != b->dims[b->rank - 2]) {
        char first[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE, "%s cannot multiply %s by %s", call->name,
                        rnm_shape_text(a, first, sizeof first),
                        rnm_shape_text(b, found, sizeof found));
    }
    rnm_shape left = *a;
    rnm_shape right = *b;
    left.rank -= 2;
    right.rank -= 2;
    status = rnm_shape_broadcast_of(call, (const rnm_shape *[]){&left, &right}, 2, call->out);
    call->out->dims[call->out->rank++] = rows;
    call->out->dims[call->out->rank++] = columns;
    for (int k = scaled ? 1 : 2; status == RNM_OK && k < (scaled ? 8 : 4); k++) {
        if (k == second) {
            continue;
        }
        bool of_a = scaled ? k < 3 : k == 2;
        bool of_b = scaled ? k == 4 || k == 5 : k == 3;
        status = of_a   ? check_single_or(call, k, rows)
                 : of_b ? check_single_or(call, k, columns)
                        : check_single(call, k);
    }
    return status;
}

/* Boxes [N, B, 4] and scores [N, C, B]: at most max_output_boxes of each class are kept. */
rnm_status rnm_shape_nms(rnm_shape_call *call) {
    const rnm_shape *boxes = call->inputs[0];
    const rnm_shape *scores = call->inputs[1];
    rnm_status status = rnm_shape_check_rank(call, 0, 3, 3);
    if (status == RNM_OK) {
        status = rnm_shape_check_rank(call, 1, 3, 3);
    }
    for (int k = 2; status == RNM_OK && k < 4; k++) {
        status = check_single(call, k);
    }
    for (int axis = 0; status == RNM_OK && axis < 3; axis++) {
        status = rnm_shape_check_fixed(call, 0, axis);
        status = status == RNM_OK ? rnm_shape_check_fixed(call, 1, axis) : status;
    }
    if (status != RNM_OK) {
        return status;
    }
    if (boxes->dims[2] != 4 || boxes->dims[0] != scores->dims[0] ||
        boxes->dims[1] != scores->dims[2]) {
        char first[RNM_SHAPE_TEXT];
        char found[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "%s takes boxes NxBx4 and scores NxCxB, found %s and %s", call->name,
                        rnm_shape_text(boxes, first, sizeof first),
                        rnm_shape_text(scores, found, sizeof found));
    }
    int64_t most = call->attrs->max_output_boxes;
    most = most < 0 ? 0 : most < boxes->dims[1] ? most : boxes->dims[1];
    if (__builtin_mul_overflow(most, scores->dims[0], &most) ||
        __builtin_mul_overflow(most, scores->dims[1], &most)) {
        return rnm_fail(call->err, RNM_ERR_LIMIT, "output of %s is too large", call->name);
    }
    call->out->rank = 2;
    call->out->dims[0] = most;
    call->out->dims[1] = 3;
    return RNM_OK;
}
