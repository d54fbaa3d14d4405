/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of convolution and pooling.
 */
#include "error.h"
#include "rnm_format.h"
#include "shape_rules.h"

static rnm_status check_attr(const rnm_shape_call *call, const char *what, int axis, int64_t least,
                             int64_t found) {
    if (found < least || found > RNM_LIMIT_DIM) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "%s[%d] of %s must be from %lld to %lld, found %lld", what, axis,
                        call->name, (long long)least, (long long)RNM_LIMIT_DIM, (long long)found);
    }
    return RNM_OK;
}

/* What holds for the attributes of every window. Beyond it sums of a few of them, and a product of
 * two, stay inside 64 bits. */
static rnm_status check_window_attrs(const rnm_shape_call *call, const int64_t *kernel) {
    const rnm_node_attrs *attrs = call->attrs;
    if (attrs->spatial != call->inputs[0]->rank - 2) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "attributes of %s must be for %d spatial axes, found %d", call->name,
                        call->inputs[0]->rank - 2, attrs->spatial);
    }
    rnm_status status = RNM_OK;
    for (int axis = 0; status == RNM_OK && axis < attrs->spatial; axis++) {
        const struct {
            const char *what;
            int64_t least, found;
        } checks[] = {
            {"kernel_shape", 1, kernel[axis]},
            {"strides", 1, attrs->strides[axis]},
            {"dilations", 1, attrs->dilations[axis]},
            {"pads", 0, attrs->pads[axis]},
            {"end of pads", 0, attrs->pads[axis + attrs->spatial]},
        };
        for (size_t k = 0; status == RNM_OK && k < sizeof checks / sizeof *checks; k++) {
            status = check_attr(call, checks[k].what, axis, checks[k].least, checks[k].found);
        }
    }
    return status;
}

/* From the first tap of a window to behind its last. */
static int64_t window_extent(const rnm_node_attrs *attrs, const int64_t *kernel, int axis) {
    return attrs->dilations[axis] * (kernel[axis] - 1) + 1;
}

/* Windows along one axis: floor, or with ceil_mode ceil, but the last one must not start in the
 * padding behind the input. */
static rnm_status slide(rnm_shape_call *call, const int64_t *kernel, int axis) {
    const rnm_node_attrs *attrs = call->attrs;
    int64_t input = call->inputs[0]->dims[axis + 2];
    int64_t before = attrs->pads[axis];
    int64_t after = attrs->pads[axis + attrs->spatial];
    int64_t stride = attrs->strides[axis];
    int64_t extent = window_extent(attrs, kernel, axis);

    if (input < 0) {
        bool same = stride == 1 && before + after + 1 == extent;
        call->out->dims[axis + 2] = same ? input : RNM_DIM_COMPUTED;
        return RNM_OK;
    }
    int64_t room = before + input + after - extent;
    if (attrs->ceil_mode) {
        room += stride - 1;
    }
    if (room < 0) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "window of %s along spatial axis %d must fit %lld padded elements, it "
                        "reaches over %lld",
                        call->name, axis, (long long)(before + input + after), (long long)extent);
    }
    int64_t count = room / stride + 1;
    if (attrs->ceil_mode && (count - 1) * stride >= before + input) {
        count--;
    }
    call->out->dims[axis + 2] = count;
    return RNM_OK;
}

static rnm_status slide_all(rnm_shape_call *call, const int64_t *kernel, int64_t channels) {
    const rnm_shape *x = call->inputs[0];
    call->out->rank = x->rank;
    call->out->dims[0] = x->dims[0];
    call->out->dims[1] = channels;
    rnm_status status = RNM_OK;
    for (int axis = 0; status == RNM_OK && axis < x->rank - 2; axis++) {
        status = slide(call, kernel, axis);
    }
    return status;
}

/* ---- Conv ------------------------------------------------------------------------------------ */

static rnm_status check_kernel_shape(const rnm_shape_call *call) {
    const rnm_node_attrs *attrs = call->attrs;
    const rnm_shape *w = call->inputs[1];
    for (int axis = 0; attrs->has_kernel_shape && axis < w->rank - 2; axis++) {
        if (attrs->kernel_shape[axis] != w->dims[axis + 2]) {
            return rnm_fail(call->err, RNM_ERR_SHAPE,
                            "kernel_shape[%d] of %s must be its weight's %lld, found %lld", axis,
                            call->name, (long long)w->dims[axis + 2],
                            (long long)attrs->kernel_shape[axis]);
        }
    }
    return RNM_OK;
}

static rnm_status check_conv_weight(const rnm_shape_call *call) {
    const rnm_shape *x = call->inputs[0];
    const rnm_shape *w = call->inputs[1];
    const rnm_node_attrs *attrs = call->attrs;
    rnm_status status = rnm_shape_check_rank(call, 1, x->rank, x->rank);
    for (int axis = 0; status == RNM_OK && axis < w->rank; axis++) {
        status = rnm_shape_check_fixed(call, 1, axis);
    }
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    if (status != RNM_OK) {
        return status;
    }
    if (attrs->group < 1 || x->dims[1] % attrs->group != 0 || w->dims[0] % attrs->group != 0) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "group of %s must divide %lld inputs and %lld outputs, found %lld",
                        call->name, (long long)x->dims[1], (long long)w->dims[0],
                        (long long)attrs->group);
    }
    if (x->dims[1] / attrs->group != w->dims[1]) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "weight of %s takes %lld input channels a group, found %lld channels in "
                        "%lld groups",
                        call->name, (long long)w->dims[1], (long long)x->dims[1],
                        (long long)attrs->group);
    }
    return check_kernel_shape(call);
}

rnm_status rnm_shape_conv(rnm_shape_call *call) {
    rnm_status status = rnm_shape_check_rank(call, 0, 3, 5);
    if (status == RNM_OK) {
        status = check_conv_weight(call);
    }
    if (status == RNM_OK && call->attrs->ceil_mode) {
        status = rnm_fail(call->err, RNM_ERR_VALUE, "Conv takes no ceil_mode, found 1");
    }
    const rnm_shape *w = call->inputs[1];
    if (status == RNM_OK) {
        status = check_window_attrs(call, w->dims + 2);
    }
    if (status == RNM_OK) {
        status = slide_all(call, w->dims + 2, w->dims[0]);
    }
    for (int k = 2; status == RNM_OK && k < 4; k++) {
        status = rnm_shape_check_channels(call, k, w->dims[0]);
    }
    return status == RNM_OK ? rnm_shape_check_residual(call, 4) : status;
}

/* ---- ConvTranspose --------------------------------------------------------------------------- */

/* Outputs along one axis. */
static rnm_status unslide(rnm_shape_call *call, const int64_t *kernel, int axis) {
    const rnm_node_attrs *attrs = call->attrs;
    int64_t stride = attrs->strides[axis];
    int64_t most = stride > attrs->dilations[axis] ? stride : attrs->dilations[axis];
    int64_t added = attrs->output_padding[axis];
    if (added < 0 || added >= most) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "output_padding[%d] of %s must be below its stride or dilation, %lld, "
                        "found %lld",
                        axis, call->name, (long long)most, (long long)added);
    }
    const int64_t input = call->inputs[0]->dims[axis + 2];
    const int64_t edge = window_extent(attrs, kernel, axis) + added - attrs->pads[axis] -
                         attrs->pads[axis + attrs->spatial];
    if (input < 0) {
        call->out->dims[axis + 2] = stride == 1 && edge == 1 ? input : RNM_DIM_COMPUTED;
        return RNM_OK;
    }
    int64_t count = stride * (input - 1) + edge;
    if (count < 1 || count > RNM_LIMIT_DIM) {
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "%s must make from 1 to %lld outputs along spatial axis %d, found %lld",
                        call->name, (long long)RNM_LIMIT_DIM, axis, (long long)count);
    }
    call->out->dims[axis + 2] = count;
    return RNM_OK;
}

/* A recipe is [Co, Ci / group, ...]; a weight that is any value is [Ci, Co / group, ...], as ONNX
 * has it. */
static rnm_status check_transposed_weight(const rnm_shape_call *call, int64_t *outputs) {
    const rnm_shape *x = call->inputs[0];
    const rnm_shape *w = call->inputs[1];
    const int64_t group = call->attrs->group;
    if (call->op == RNM_OP_ConvTranspose) {
        *outputs = w->dims[0];
        return check_conv_weight(call);
    }
    rnm_status status = rnm_shape_check_rank(call, 1, x->rank, x->rank);
    for (int axis = 0; status == RNM_OK && axis < w->rank; axis++) {
        status = rnm_shape_check_fixed(call, 1, axis);
    }
    if (status == RNM_OK) {
        status = rnm_shape_check_fixed(call, 0, 1);
    }
    if (status == RNM_OK &&
        (group < 1 || x->dims[1] % group != 0 || w->dims[0] != x->dims[1] ||
         __builtin_mul_overflow(w->dims[1], group, outputs) || *outputs > RNM_LIMIT_DIM)) {
        char text[RNM_SHAPE_TEXT];
        return rnm_fail(call->err, RNM_ERR_SHAPE,
                        "weight of %s must take %lld channels in %lld groups, found %s", call->name,
                        (long long)x->dims[1], (long long)group,
                        rnm_shape_text(w, text, sizeof text));
    }
    return status == RNM_OK ? check_kernel_shape(call) : status;
}

rnm_status rnm_shape_conv_transpose(rnm_shape_call *call) {
    int64_t outputs = 0;
    rnm_status status = rnm_shape_check_rank(call, 0, 3, 5);
    if (status == RNM_OK) {
        status = check_transposed_weight(call, &outputs);
    }
    const rnm_shape *w = call->inputs[1];
    if (status == RNM_OK) {
        status = check_window_attrs(call, w->dims + 2);
    }
    call->out->rank = call->inputs[0]->rank;
    call->out->dims[0] = call->inputs[0]->dims[0];
    call->out->dims[1] = outputs;
    for (int axis = 0; status == RNM_OK && axis < call->attrs->spatial; axis++) {
        status = unslide(call, w->dims + 2, axis);
    }
    for (int k = 2; status == RNM_OK && k < 4; k++) {
        status = rnm_shape_check_channels(call, k, outputs);
    }
    return status == RNM_OK ? rnm_shape_check_residual(call, 4) : status;
}

/* ---- pooling --------------------------------------------------------------------------------- */

/* Padding as wide as the window would make windows of nothing but padding. */
static rnm_status check_pool_axis(const rnm_shape_call *call, int axis) {
    const rnm_node_attrs *attrs = call->attrs;
    int64_t extent = window_extent(attrs, attrs->kernel_shape, axis);
    int64_t before = attrs->pads[axis];
    int64_t after = attrs->pads[axis + attrs->spatial];
    int64_t most = before > after ? before : after;
    if (most >= extent) {
        return rnm_fail(call->err, RNM_ERR_VALUE,
                        "pads of %s must be below the window's %lld along spatial axis %d, found "
                        "%lld",
                        call->name, (long long)extent, axis, (long long)most);
    }
    return RNM_OK;
}

rnm_status rnm_shape_pool(rnm_shape_call *call) {
    const rnm_node_attrs *attrs = call->attrs;
    rnm_status status = rnm_shape_check_rank(call, 0, 3, 5);
    if (status == RNM_OK && !attrs->has_kernel_shape) {
        status = rnm_fail(call->err, RNM_ERR_VALUE, "%s must have a kernel_shape, found none",
                          call->name);
    }
    if (status == RNM_OK) {
        status = check_window_attrs(call, attrs->kernel_shape);
    }
    for (int axis = 0; status == RNM_OK && axis < attrs->spatial; axis++) {
        status = check_pool_axis(call, axis);
    }
    if (status == RNM_OK) {
        status = slide_all(call, attrs->kernel_shape, call->inputs[0]->dims[1]);
    }
    if (status == RNM_OK && call->output_count == 2) {
        rnm_shape_dims(&call->out[1], &call->out[0]); /* indices */
    }
    return status;
}

rnm_status rnm_shape_global_pool(rnm_shape_call *call) {
    rnm_status status = rnm_shape_check_rank(call, 0, 3, 5);
    if (status == RNM_OK) {
        *call->out = *call->inputs[0];
        for (int axis = 2; axis < call->out->rank; axis++) {
            call->out->dims[axis] = 1;
        }
    }
    return status;
}
