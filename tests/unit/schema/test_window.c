/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of convolution and pooling: a table, and a sweep against windows that are laid
 * down one by one.
 */
#include "shape_case.h"

#include <string.h>

enum { N = -1 };

/* ---- the table ------------------------------------------------------------------------------- */

#define CHANGE(name, ...)                 \
    static void name(rnm_node_attrs *a) { \
        __VA_ARGS__                       \
    }

static void set(int64_t *dst, int64_t a, int64_t b) {
    dst[0] = a;
    dst[1] = b;
}

static void kernel(rnm_node_attrs *a, int64_t height, int64_t width) {
    set(a->kernel_shape, height, width);
    a->has_kernel_shape = true;
}

CHANGE(padded, set(a->pads, 1, 1); set(a->pads + 2, 1, 1);)
CHANGE(strided, padded(a); set(a->strides, 2, 2);)
CHANGE(asymmetric, set(a->pads, 0, 2); set(a->pads + 2, 1, 3);)
CHANGE(dilated, set(a->dilations, 2, 3);)
CHANGE(two_groups, padded(a); a->group = 2;)
CHANGE(four_groups, padded(a); a->group = 4;)
CHANGE(no_groups, a->group = 0;)
CHANGE(kernel_3x3, kernel(a, 3, 3);)
CHANGE(kernel_3x5, kernel(a, 3, 5);)
CHANGE(stride_0, set(a->strides, 1, 0);)
CHANGE(stride_huge, set(a->strides, INT64_MAX, 1);)
CHANGE(dilation_0, set(a->dilations, 0, 1);)
CHANGE(dilation_huge, set(a->dilations, INT64_MAX, INT64_MAX);)
CHANGE(pad_negative, set(a->pads, -1, 0);)
CHANGE(pad_end_negative, set(a->pads + 2, 0, -1);)
CHANGE(pad_most, set(a->pads, INT32_MAX, INT32_MAX); set(a->pads + 2, INT32_MAX, INT32_MAX);)
CHANGE(with_ceil, a->ceil_mode = true;)
CHANGE(one_axis, a->spatial = 1;)
CHANGE(pool_2, kernel(a, 2, 2); set(a->strides, 2, 2);)
CHANGE(pool_2_ceil, pool_2(a); a->ceil_mode = true;)
CHANGE(pool_3_padded_ceil, strided(a); kernel(a, 3, 3); a->ceil_mode = true;)
CHANGE(pool_1_stride_3_ceil, kernel(a, 1, 1); set(a->strides, 3, 3); a->ceil_mode = true;)
CHANGE(pool_pad_wide, kernel(a, 2, 2); set(a->pads, 2, 0);)
CHANGE(pool_pad_dilated, kernel(a, 2, 2); set(a->pads, 2, 2); set(a->dilations, 2, 2);)
CHANGE(pool_dilated, kernel(a, 2, 2); set(a->dilations, 2, 2);)
CHANGE(kernel_0, kernel(a, 0, 2);)
CHANGE(kernel_most, kernel(a, INT32_MAX, INT32_MAX); set(a->dilations, INT32_MAX, INT32_MAX);)
CHANGE(line_pool, a->kernel_shape[0] = 3; a->has_kernel_shape = true; a->strides[0] = 2;)
CHANGE(cube_pool, kernel(a, 2, 3); a->kernel_shape[2] = 1; a->strides[2] = 4;)

#define OK RNM_OK
#define SHAPED RNM_ERR_SHAPE
#define VALUE RNM_ERR_VALUE
#define X SHAPE(N, 4, 8, 9)
#define W SHAPE(6, 4, 3, 3)

static const shape_case cases[] = {
    /* Conv */
    {"valid", RNM_OP_Conv, 2, NULL, {X, W}, 2, OK, SHAPE(N, 6, 6, 7), NULL},
    {"same", RNM_OP_Conv, 2, padded, {X, W}, 2, OK, SHAPE(N, 6, 8, 9), NULL},
    {"strided", RNM_OP_Conv, 2, strided, {X, W}, 2, OK, SHAPE(N, 6, 4, 5), NULL},
    {"asymmetric", RNM_OP_Conv, 2, asymmetric, {X, W}, 2, OK, SHAPE(N, 6, 7, 12), NULL},
    {"dilated", RNM_OP_Conv, 2, dilated, {X, W}, 2, OK, SHAPE(N, 6, 4, 3), NULL},
    {"groups", RNM_OP_Conv, 2, two_groups, {X, SHAPE(6, 2, 3, 3)}, 2, OK, SHAPE(N, 6, 8, 9), NULL},
    {"depthwise",
     RNM_OP_Conv,
     2,
     four_groups,
     {X, SHAPE(4, 1, 3, 3)},
     2,
     OK,
     SHAPE(N, 4, 8, 9),
     NULL},
    {"line", RNM_OP_Conv, 1, NULL, {SHAPE(N, 4, 8), SHAPE(6, 4, 3)}, 2, OK, SHAPE(N, 6, 6), NULL},
    {"cube",
     RNM_OP_Conv,
     3,
     NULL,
     {SHAPE(N, 4, 8, 9, 5), SHAPE(6, 4, 3, 3, 5)},
     2,
     OK,
     SHAPE(N, 6, 6, 7, 1),
     NULL},
    {"whole epilogue",
     RNM_OP_Conv,
     2,
     padded,
     {X, W, SHAPE(6), SHAPE(6), SHAPE(N, 6, 8, 9)},
     5,
     OK,
     SHAPE(N, 6, 8, 9),
     NULL},
    {"kernel_shape said", RNM_OP_Conv, 2, kernel_3x3, {X, W}, 2, OK, SHAPE(N, 6, 6, 7), NULL},

    {"kernel_shape wrong",
     RNM_OP_Conv,
     2,
     kernel_3x5,
     {X, W},
     2,
     SHAPED,
     ABSENT,
     "kernel_shape[1]"},
    {"channels",
     RNM_OP_Conv,
     2,
     NULL,
     {X, SHAPE(6, 3, 3, 3)},
     2,
     SHAPED,
     ABSENT,
     "3 input channels"},
    {"group of inputs",
     RNM_OP_Conv,
     2,
     four_groups,
     {X, SHAPE(6, 1, 3, 3)},
     2,
     SHAPED,
     ABSENT,
     "group"},
    {"group 0", RNM_OP_Conv, 2, no_groups, {X, W}, 2, SHAPED, ABSENT, "group"},
    {"bias", RNM_OP_Conv, 2, NULL, {X, W, SHAPE(4)}, 3, SHAPED, ABSENT, "input 2"},
    {"scale", RNM_OP_Conv, 2, NULL, {X, W, ABSENT, SHAPE(4)}, 4, SHAPED, ABSENT, "input 3"},
    {"residual",
     RNM_OP_Conv,
     2,
     NULL,
     {X, W, ABSENT, ABSENT, SHAPE(N, 6, 8, 9)},
     5,
     SHAPED,
     ABSENT,
     "residual"},
    {"rank of x", RNM_OP_Conv, 2, NULL, {SHAPE(N, 4), W}, 2, SHAPED, ABSENT, "input 0"},
    {"rank of w", RNM_OP_Conv, 2, NULL, {X, SHAPE(6, 4, 3)}, 2, SHAPED, ABSENT, "input 1"},
    {"axes", RNM_OP_Conv, 2, one_axis, {X, W}, 2, SHAPED, ABSENT, "spatial axes"},
    {"too small", RNM_OP_Conv, 2, NULL, {SHAPE(N, 4, 2, 9), W}, 2, SHAPED, ABSENT, "fit 2"},
    {"symbolic height",
     RNM_OP_Conv,
     2,
     NULL,
     {SHAPE(1, 4, N, 9), W},
     2,
     RNM_OK,
     SHAPE(1, 6, RNM_DIM_COMPUTED, 7),
     NULL},
    {"symbolic channels",
     RNM_OP_Conv,
     2,
     NULL,
     {SHAPE(1, N, 8, 9), W},
     2,
     RNM_ERR_UNSUPPORTED,
     ABSENT,
     "symbol"},
    {"stride 0", RNM_OP_Conv, 2, stride_0, {X, W}, 2, VALUE, ABSENT, "strides[1]"},
    {"stride huge", RNM_OP_Conv, 2, stride_huge, {X, W}, 2, VALUE, ABSENT, "strides[0]"},
    {"dilation 0", RNM_OP_Conv, 2, dilation_0, {X, W}, 2, VALUE, ABSENT, "dilations[0]"},
    {"dilation huge", RNM_OP_Conv, 2, dilation_huge, {X, W}, 2, VALUE, ABSENT, "dilations[0]"},
    {"pad -1", RNM_OP_Conv, 2, pad_negative, {X, W}, 2, VALUE, ABSENT, "pads[0]"},
    {"pad end -1", RNM_OP_Conv, 2, pad_end_negative, {X, W}, 2, VALUE, ABSENT, "end of pads[1]"},
    {"pad too far", RNM_OP_Conv, 2, pad_most, {X, W}, 2, RNM_ERR_LIMIT, ABSENT, "output dim 2"},
    {"ceil_mode", RNM_OP_Conv, 2, with_ceil, {X, W}, 2, VALUE, ABSENT, "ceil_mode"},

    /* pools */
    {"pool", RNM_OP_MaxPool, 2, pool_2, {X}, 1, OK, SHAPE(N, 4, 4, 4), NULL},
    {"pool ceil", RNM_OP_AveragePool, 2, pool_2_ceil, {X}, 1, OK, SHAPE(N, 4, 4, 5), NULL},
    /* 7 padded to 9: ceil would be 4 both ways; 8 padded to 10: the fifth window starts at 7 */
    {"pool ceil padded",
     RNM_OP_MaxPool,
     2,
     pool_3_padded_ceil,
     {SHAPE(1, 1, 7, 8)},
     1,
     OK,
     SHAPE(1, 1, 4, 5),
     NULL},
    /* ceil says 3 windows over 7 and 4 over 8, whose last would start at 9, behind the input */
    {"pool ceil skips",
     RNM_OP_MaxPool,
     2,
     pool_1_stride_3_ceil,
     {SHAPE(1, 1, 7, 8)},
     1,
     OK,
     SHAPE(1, 1, 3, 3),
     NULL},
    {"pool dilated", RNM_OP_MaxPool, 2, pool_dilated, {X}, 1, OK, SHAPE(N, 4, 6, 7), NULL},
    {"pool pad in dilated",
     RNM_OP_MaxPool,
     2,
     pool_pad_dilated,
     {X},
     1,
     OK,
     SHAPE(N, 4, 8, 9),
     NULL},
    {"pool line", RNM_OP_MaxPool, 1, line_pool, {SHAPE(N, 2, 9)}, 1, OK, SHAPE(N, 2, 4), NULL},
    {"pool cube",
     RNM_OP_MaxPool,
     3,
     cube_pool,
     {SHAPE(N, 2, 9, 9, 9)},
     1,
     OK,
     SHAPE(N, 2, 8, 7, 3),
     NULL},
    {"pool symbolic channels",
     RNM_OP_MaxPool,
     2,
     pool_2,
     {SHAPE(1, N, 4, 4)},
     1,
     OK,
     SHAPE(1, N, 2, 2),
     NULL},
    {"pool without kernel", RNM_OP_MaxPool, 2, NULL, {X}, 1, VALUE, ABSENT, "kernel_shape"},
    {"pool kernel 0", RNM_OP_MaxPool, 2, kernel_0, {X}, 1, VALUE, ABSENT, "kernel_shape[0]"},
    {"pool kernel most", RNM_OP_MaxPool, 2, kernel_most, {X}, 1, SHAPED, ABSENT, "fit"},
    {"pool pad wide", RNM_OP_MaxPool, 2, pool_pad_wide, {X}, 1, VALUE, ABSENT, "pads"},
    {"average dilated", RNM_OP_AveragePool, 2, pool_dilated, {X}, 1, OK, SHAPE(N, 4, 6, 7), NULL},
    {"pool rank", RNM_OP_MaxPool, 0, pool_2, {SHAPE(N, 4)}, 1, SHAPED, ABSENT, "rank"},
    {"global",
     RNM_OP_GlobalAveragePool,
     0,
     NULL,
     {SHAPE(N, 4, -2, 9)},
     1,
     OK,
     SHAPE(N, 4, 1, 1),
     NULL},
    {"global line", RNM_OP_GlobalMaxPool, 0, NULL, {SHAPE(N, 4, 9)}, 1, OK, SHAPE(N, 4, 1), NULL},
    {"global rank", RNM_OP_GlobalMaxPool, 0, NULL, {SHAPE(N, 4)}, 1, SHAPED, ABSENT, "rank"},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        try_shape_case(&cases[k]);
    }
}

/* ---- the sweep ------------------------------------------------------------------------------- */

typedef struct window {
    int input, kernel, stride, dilation, before, after;
    bool ceil_mode;
} window;

/* Lays windows down from the left. The first must fit, or with ceil_mode lack less than a stride.
 * Another follows while padded input is left that no window has reached (ceil) or a whole window
 * fits (floor), and it does not start in the padding behind the input. */
static int lay_windows(const window *w) {
    int extent = w->dilation * (w->kernel - 1) + 1;
    int end = w->input + w->after;
    int slack = w->ceil_mode ? w->stride - 1 : 0;
    int count = 0;
    for (int start = -w->before; start + extent <= end + slack; start += w->stride) {
        if (w->ceil_mode && count > 0 && start >= w->input) {
            break;
        }
        count++;
    }
    return count;
}

static void try_window(const window *w) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_MaxPool, 1);
    attrs.has_kernel_shape = true;
    attrs.kernel_shape[0] = w->kernel;
    attrs.strides[0] = w->stride;
    attrs.dilations[0] = w->dilation;
    attrs.pads[0] = w->before;
    attrs.pads[1] = w->after;
    attrs.ceil_mode = w->ceil_mode;
    const rnm_shape x = SHAPE(1, 1, w->input);
    const rnm_shape *inputs[] = {&x};
    rnm_shape out;
    rnm_error err;
    int wanted = lay_windows(w);
    rnm_status status = rnm_infer_shape(RNM_OP_MaxPool, &attrs, inputs, 1, &out, 1, &err);
    if (status != (wanted > 0 ? RNM_OK : RNM_ERR_SHAPE) ||
        (status == RNM_OK && out.dims[2] != wanted)) {
        fail_msg("input %d kernel %d stride %d dilation %d pads %d %d ceil %d: expected %d",
                 w->input, w->kernel, w->stride, w->dilation, w->before, w->after, w->ceil_mode,
                 wanted);
    }
}

/* Every combination of small numbers, counted like the digits of a number. */
static void test_sweep(void **state) {
    (void)state;
    static const int most[] = {9, 4, 4, 3, 5, 5, 2};
    int total = 1;
    for (size_t k = 0; k < sizeof most / sizeof *most; k++) {
        total *= most[k];
    }
    for (int n = 0; n < total; n++) {
        int digits[7];
        for (int k = 0, rest = n; k < 7; rest /= most[k], k++) {
            digits[k] = rest % most[k];
        }
        window w = {digits[0] + 1, digits[1] + 1, digits[2] + 1, digits[3] + 1,
                    digits[4],     digits[5],     digits[6] != 0};
        int extent = w.dilation * (w.kernel - 1) + 1;
        if (w.before < extent && w.after < extent) {
            try_window(&w);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
