/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference of everything but windows, as a table, and shapes as such.
 */
#include "rnm_format.h"
#include "shape_case.h"

#include <float.h>

enum { N = -1, M = -2 }; /* symbols 0 and 1 */
#define C RNM_DIM_COMPUTED

static void axis_1(rnm_node_attrs *attrs) {
    attrs->axis = 1;
}

static void axis_last(rnm_node_attrs *attrs) {
    attrs->axis = -1;
}

static void axis_0(rnm_node_attrs *attrs) {
    attrs->axis = 0;
}

static void axis_4(rnm_node_attrs *attrs) {
    attrs->axis = 4;
}

static void axis_minus_5(rnm_node_attrs *attrs) {
    attrs->axis = -5;
}

static void relu(rnm_node_attrs *attrs) {
    attrs->activation = RNM_OP_Relu;
}

static void conv_as_activation(rnm_node_attrs *attrs) {
    attrs->activation = RNM_OP_Conv;
}

#define OK RNM_OK
#define SHAPED RNM_ERR_SHAPE

static const shape_case cases[] = {
    /* element by element */
    {"relu", RNM_OP_Relu, 0, NULL, {SHAPE(N, 3, M)}, 1, OK, SHAPE(N, 3, M), NULL},
    {"relu of a scalar", RNM_OP_Relu, 0, NULL, {SCALAR}, 1, OK, SCALAR, NULL},
    {"relu of u8", RNM_OP_Relu, 0, NULL, {{RNM_U8, 1, {3}}}, 1, SHAPED, ABSENT, "must be f32"},
    {"relu of nothing", RNM_OP_Relu, 0, NULL, {ABSENT}, 1, SHAPED, ABSENT, "absent"},
    {"relu of two", RNM_OP_Relu, 0, NULL, {SHAPE(1), SHAPE(1)}, 2, SHAPED, ABSENT, "1 to 1"},
    {"relu with an epilogue",
     RNM_OP_Relu,
     0,
     relu,
     {SHAPE(1)},
     1,
     RNM_ERR_VALUE,
     ABSENT,
     "takes no activation"},
    {"reorder", RNM_OP_Reorder, 0, NULL, {SHAPE(N, 3, 4, 4)}, 1, OK, SHAPE(N, 3, 4, 4), NULL},
    {"no such operator", (rnm_op)99, 0, NULL, {SHAPE(1)}, 1, RNM_ERR_UNSUPPORTED, ABSENT, "99"},

    {"add", RNM_OP_Add, 0, relu, {SHAPE(N, 2), SHAPE(N, 2)}, 2, OK, SHAPE(N, 2), NULL},
    {"add dims", RNM_OP_Add, 0, NULL, {SHAPE(N, 2), SHAPE(N, 3)}, 2, SHAPED, ABSENT, "broadcast"},
    {"add symbols", RNM_OP_Add, 0, NULL, {SHAPE(N, 2), SHAPE(M, 2)}, 2, SHAPED, ABSENT, "?1x2"},
    {"add ranks", RNM_OP_Mul, 0, NULL, {SHAPE(1, 2), SHAPE(2)}, 2, OK, SHAPE(1, 2), NULL},
    {"sub wide", RNM_OP_Sub, 0, NULL, {SHAPE(3, 1), SHAPE(N, 1, 4)}, 2, OK, SHAPE(N, 3, 4), NULL},
    {"add computed and number",
     RNM_OP_Add,
     0,
     NULL,
     {SHAPE(C, 2), SHAPE(3, 2)},
     2,
     RNM_OK,
     SHAPE(3, 2),
     NULL},
    {"add computed and 1",
     RNM_OP_Add,
     0,
     NULL,
     {SHAPE(C, 2), SHAPE(1, 2)},
     2,
     RNM_OK,
     SHAPE(C, 2),
     NULL},
    {"add computed and symbol",
     RNM_OP_Add,
     0,
     NULL,
     {SHAPE(N, 2), SHAPE(C, 1)},
     2,
     RNM_OK,
     SHAPE(C, 2),
     NULL},
    {"add computed", RNM_OP_Add, 0, NULL, {SHAPE(C, 2), SHAPE(C, 2)}, 2, RNM_OK, SHAPE(C, 2), NULL},
    {"slope of computed",
     RNM_OP_PRelu,
     0,
     NULL,
     {SHAPE(C, 2), SHAPE(2)},
     2,
     RNM_OK,
     SHAPE(C, 2),
     NULL},
    {"sub symbol", RNM_OP_Sub, 0, NULL, {SHAPE(N, 2), SHAPE(3, 2)}, 2, SHAPED, ABSENT, "?0x2"},
    {"add of types",
     RNM_OP_Add,
     0,
     NULL,
     {SHAPE(2), {RNM_I64, 1, {2}}},
     2,
     SHAPED,
     ABSENT,
     "must be f32"},
    {"add of i64 with an epilogue",
     RNM_OP_Add,
     0,
     relu,
     {{RNM_I64, 1, {2}}, {RNM_I64, 1, {2}}},
     2,
     RNM_ERR_VALUE,
     ABSENT,
     "takes no activation"},
    {"less", RNM_OP_Less, 0, NULL, {SHAPE(2), SHAPE(2)}, 2, OK, {RNM_BOOL, 1, {2}}, NULL},
    {"less of bools",
     RNM_OP_Less,
     0,
     NULL,
     {{RNM_BOOL, 1, {2}}, {RNM_BOOL, 1, {2}}},
     2,
     SHAPED,
     ABSENT,
     "f32, u8, i8, i32, i64 or f64"},
    {"prelu wide", RNM_OP_PRelu, 0, NULL, {SHAPE(3), SHAPE(2, 3)}, 2, SHAPED, ABSENT, "broadcast"},
    {"reduce all", RNM_OP_ReduceSum, 0, NULL, {SHAPE(N, 3, 4)}, 1, OK, SHAPE(1, 1, 1), NULL},
    {"argmax", RNM_OP_ArgMax, 0, axis_1, {SHAPE(N, 3, 4)}, 1, OK, {RNM_I64, 3, {N, 1, 4}}, NULL},
    {"instance norm",
     RNM_OP_InstanceNormalization,
     0,
     NULL,
     {SHAPE(N, 3, 4), SHAPE(3), SHAPE(4)},
     3,
     SHAPED,
     ABSENT,
     "one for each channel"},
    {"quantize",
     RNM_OP_QuantizeLinear,
     0,
     NULL,
     {SHAPE(N, 3), SHAPE(3), {RNM_I8, 1, {3}}},
     3,
     OK,
     {RNM_I8, 2, {N, 3}},
     NULL},
    {"quantize to u8",
     RNM_OP_QuantizeLinear,
     0,
     NULL,
     {SHAPE(N, 3), SCALAR},
     2,
     OK,
     {RNM_U8, 2, {N, 3}},
     NULL},
    {"add conv",
     RNM_OP_Add,
     0,
     conv_as_activation,
     {SHAPE(1), SHAPE(1)},
     2,
     RNM_ERR_VALUE,
     ABSENT,
     "activation operator"},

    {"scale",
     RNM_OP_ScaleBias,
     0,
     relu,
     {SHAPE(N, 3, M), SHAPE(3), SHAPE(3)},
     3,
     OK,
     SHAPE(N, 3, M),
     NULL},
    {"scale wrong",
     RNM_OP_ScaleBias,
     0,
     NULL,
     {SHAPE(N, 3), SHAPE(3), SHAPE(4)},
     3,
     SHAPED,
     ABSENT,
     "input 2"},
    {"scale rank",
     RNM_OP_ScaleBias,
     0,
     NULL,
     {SHAPE(3), SHAPE(3), SHAPE(3)},
     3,
     SHAPED,
     ABSENT,
     "rank"},
    {"scale symbol",
     RNM_OP_ScaleBias,
     0,
     NULL,
     {SHAPE(2, N), SHAPE(3), SHAPE(3)},
     3,
     RNM_ERR_UNSUPPORTED,
     ABSENT,
     "symbol"},

    {"softmax", RNM_OP_Softmax, 0, NULL, {SHAPE(N, 7)}, 1, OK, SHAPE(N, 7), NULL},
    {"softmax scalar", RNM_OP_Softmax, 0, NULL, {SCALAR}, 1, SHAPED, ABSENT, "rank"},
    {"softmax axis",
     RNM_OP_Softmax,
     0,
     axis_4,
     {SHAPE(1, 2, 3, 4)},
     1,
     RNM_ERR_VALUE,
     ABSENT,
     "[-4, 3]"},

    /* rearranging */
    {"concat",
     RNM_OP_Concat,
     0,
     axis_1,
     {SHAPE(N, 2, 4), SHAPE(N, 3, 4), SHAPE(N, 1, 4)},
     3,
     OK,
     SHAPE(N, 6, 4),
     NULL},
    {"concat last",
     RNM_OP_Concat,
     0,
     axis_last,
     {SHAPE(N, 2), SHAPE(N, 5)},
     2,
     OK,
     SHAPE(N, 7),
     NULL},
    {"concat one", RNM_OP_Concat, 0, axis_0, {SHAPE(N, 2)}, 1, OK, SHAPE(N, 2), NULL},
    {"concat symbols",
     RNM_OP_Concat,
     0,
     axis_0,
     {SHAPE(N, 2), SHAPE(N, 2)},
     2,
     RNM_OK,
     SHAPE(C, 2),
     NULL},
    {"concat symbol last",
     RNM_OP_Concat,
     0,
     axis_0,
     {SHAPE(3, C), SHAPE(N, 2)},
     2,
     RNM_OK,
     SHAPE(C, 2),
     NULL},
    {"concat computed",
     RNM_OP_Concat,
     0,
     axis_0,
     {SHAPE(N, C), SHAPE(N, M)},
     2,
     RNM_OK,
     SHAPE(C, M),
     NULL},
    {"concat others",
     RNM_OP_Concat,
     0,
     axis_1,
     {SHAPE(N, 2, 4), SHAPE(N, 2, 5)},
     2,
     SHAPED,
     ABSENT,
     "input 1"},
    {"concat ranks",
     RNM_OP_Concat,
     0,
     axis_1,
     {SHAPE(N, 2), SHAPE(N, 2, 5)},
     2,
     SHAPED,
     ABSENT,
     "input 1"},
    {"concat absent", RNM_OP_Concat, 0, axis_1, {SHAPE(N, 2), ABSENT}, 2, SHAPED, ABSENT, "absent"},
    {"concat too long",
     RNM_OP_Concat,
     0,
     axis_0,
     {SHAPE(0x7fffffff), SHAPE(1)},
     2,
     RNM_ERR_LIMIT,
     ABSENT,
     "dim 0"},
    {"concat axis",
     RNM_OP_Concat,
     0,
     axis_minus_5,
     {SHAPE(1, 2, 3, 4)},
     1,
     RNM_ERR_VALUE,
     ABSENT,
     "axis"},

    {"flatten", RNM_OP_Flatten, 0, NULL, {SHAPE(N, 3, 4, 5)}, 1, OK, SHAPE(N, 60), NULL},
    {"flatten 0", RNM_OP_Flatten, 0, axis_0, {SHAPE(2, 3)}, 1, OK, SHAPE(1, 6), NULL},
    {"flatten -1", RNM_OP_Flatten, 0, axis_last, {SHAPE(2, 3, 4)}, 1, OK, SHAPE(6, 4), NULL},
    {"flatten all", RNM_OP_Flatten, 0, axis_4, {SHAPE(2, 3, 4, 5)}, 1, OK, SHAPE(120, 1), NULL},
    {"flatten symbol and ones",
     RNM_OP_Flatten,
     0,
     axis_0,
     {SHAPE(1, N, 1)},
     1,
     OK,
     SHAPE(1, N),
     NULL},
    {"flatten symbol and 2",
     RNM_OP_Flatten,
     0,
     axis_0,
     {SHAPE(N, 2)},
     1,
     RNM_OK,
     SHAPE(1, C),
     NULL},
    {"flatten 2 and symbol",
     RNM_OP_Flatten,
     0,
     axis_0,
     {SHAPE(2, N)},
     1,
     RNM_OK,
     SHAPE(1, C),
     NULL},
    {"flatten far", RNM_OP_Flatten, 0, axis_4, {SHAPE(1, 2)}, 1, RNM_ERR_VALUE, ABSENT, "[-2, 2]"},
    {"flatten overflow",
     RNM_OP_Flatten,
     0,
     axis_0,
     {SHAPE(0x7fffffff, 0x7fffffff, 0x7fffffff)},
     1,
     RNM_ERR_LIMIT,
     ABSENT,
     "overflow"},
    {"flatten too long",
     RNM_OP_Flatten,
     0,
     axis_0,
     {SHAPE(0x10000, 0x8000)},
     1,
     RNM_ERR_LIMIT,
     ABSENT,
     "most is"},

    /* Gemm */
    {"gemm",
     RNM_OP_Gemm,
     0,
     relu,
     {SHAPE(N, 8), SHAPE(5, 8), SHAPE(5), SHAPE(5), SHAPE(N, 5)},
     5,
     OK,
     SHAPE(N, 5),
     NULL},
    {"gemm without bias",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(N, 8), SHAPE(5, 8), ABSENT, ABSENT, SHAPE(N, 5)},
     5,
     OK,
     SHAPE(N, 5),
     NULL},
    {"gemm inner", RNM_OP_Gemm, 0, NULL, {SHAPE(N, 7), SHAPE(5, 8)}, 2, SHAPED, ABSENT, "8 inputs"},
    {"gemm bias",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(N, 8), SHAPE(5, 8), SHAPE(8)},
     3,
     SHAPED,
     ABSENT,
     "input 2"},
    {"gemm scale",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(N, 8), SHAPE(5, 8), ABSENT, SHAPE(1, 5)},
     4,
     SHAPED,
     ABSENT,
     "input 3"},
    {"gemm residual",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(N, 8), SHAPE(5, 8), ABSENT, ABSENT, SHAPE(M, 5)},
     5,
     SHAPED,
     ABSENT,
     "residual"},
    {"gemm rank", RNM_OP_Gemm, 0, NULL, {SHAPE(N, 8, 1), SHAPE(5, 8)}, 2, SHAPED, ABSENT, "rank"},
    {"gemm symbol",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(1, N), SHAPE(5, 8)},
     2,
     RNM_ERR_UNSUPPORTED,
     ABSENT,
     "symbol"},
    {"gemm no weight", RNM_OP_Gemm, 0, NULL, {SHAPE(1, 8), ABSENT}, 2, SHAPED, ABSENT, "absent"},
    {"gemm too large",
     RNM_OP_Gemm,
     0,
     NULL,
     {SHAPE(1 << 20, 8), SHAPE(1 << 20, 8)},
     2,
     RNM_ERR_LIMIT,
     ABSENT,
     "elements"},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        try_shape_case(&cases[k]);
    }
}

static void test_error_is_optional(void **state) {
    (void)state;
    const rnm_shape shape = SHAPE(1);
    const rnm_shape *inputs[] = {&shape};
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Conv, 2);
    rnm_shape out;
    assert_int_equal(rnm_infer_shape(RNM_OP_Conv, &attrs, inputs, 1, &out, 1, NULL), RNM_ERR_SHAPE);
}

static void test_defaults(void **state) {
    (void)state;
    rnm_node_attrs conv = rnm_attrs_default(RNM_OP_Conv, 2);
    assert_int_equal(conv.group, 1);
    assert_int_equal(conv.strides[1], 1);
    assert_int_equal(conv.dilations[2], 1);
    assert_int_equal(conv.pads[3], 0);
    assert_false(conv.has_kernel_shape);
    assert_int_equal(conv.activation, RNM_OP_NONE);
    assert_true(rnm_attrs_default(RNM_OP_LeakyRelu, 0).alpha == 0.01f);
    assert_true(rnm_attrs_default(RNM_OP_HardSigmoid, 0).beta == 0.5f);
    assert_true(rnm_attrs_default(RNM_OP_Clip, 0).alpha == -FLT_MAX);
    assert_int_equal(rnm_attrs_default(RNM_OP_Flatten, 0).axis, 1);
    assert_int_equal(rnm_attrs_default(RNM_OP_Softmax, 0).axis, -1);
    assert_int_equal(rnm_op_spatial(RNM_OP_Conv, 5), 3);
    assert_int_equal(rnm_op_spatial(RNM_OP_Conv, 6), 0);
    assert_int_equal(rnm_op_spatial(RNM_OP_MaxPool, 2), 0);
    assert_int_equal(rnm_op_spatial(RNM_OP_GlobalMaxPool, 4), 0);
}

static void test_elements(void **state) {
    (void)state;
    const rnm_shape most = SHAPE(1 << 20, 1 << 16);
    const rnm_shape over = SHAPE(1 << 20, 1 << 16, 2);
    const rnm_shape wraps = SHAPE(1 << 30, 1 << 30, 16);
    const rnm_shape symbols = SHAPE(N, 3, M);
    const rnm_shape scalar = SCALAR;
    int64_t elements;
    assert_true(rnm_shape_elements(&most, &elements));
    assert_true(elements == RNM_LIMIT_ELEMENTS);
    assert_false(rnm_shape_elements(&over, &elements));
    assert_false(rnm_shape_elements(&wraps, &elements));
    assert_true(rnm_shape_elements(&symbols, &elements));
    assert_int_equal(elements, 3);
    assert_true(rnm_shape_elements(&scalar, &elements));
    assert_int_equal(elements, 1);
}

static void test_text(void **state) {
    (void)state;
    const rnm_shape shape = SHAPE(N, 3, 32, 32);
    const rnm_shape scalar = SCALAR;
    const rnm_shape widest = SHAPE(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                   INT64_MAX, INT64_MAX);
    char text[RNM_SHAPE_TEXT];
    assert_string_equal(rnm_shape_text(&shape, text, sizeof text), "?0x3x32x32");
    assert_string_equal(rnm_shape_text(&scalar, text, sizeof text), "scalar");
    assert_int_equal(strlen(rnm_shape_text(&widest, text, sizeof text)), sizeof text - 1);
    assert_string_equal(rnm_shape_text(&shape, text, 5), "?0x3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),    cmocka_unit_test(test_error_is_optional),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_elements),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
