/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of one element.
 */
#include "strided.h"

#include <math.h>

/* `x` is the element. Input and output have one layout, so that lines have no gaps. */
#define LINE(name, type, out, expression)                                             \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        out *y = data[0];                                                             \
        const type *from = data[1];                                                   \
        const float alpha = step->alpha, beta = step->beta;                           \
        (void)alpha;                                                                  \
        (void)beta;                                                                   \
        (void)steps;                                                                  \
        for (int64_t k = 0; k < count; ++k) {                                         \
            type x = from[k];                                                         \
            y[k] = (out)(expression);                                                 \
        }                                                                             \
    }

#define REAL(name, expression) LINE(name, float, float, expression)

REAL(exp_f32, expf(x))
REAL(log_f32, logf(x))
REAL(sqrt_f32, sqrtf(x))
REAL(reciprocal_f32, 1.0f / x)
REAL(ceil_f32, ceilf(x))
REAL(floor_f32, floorf(x))
REAL(round_f32, rintf(x)) /* halves to even */
REAL(erf_f32, erff(x))
REAL(sin_f32, sinf(x))
REAL(cos_f32, cosf(x))
REAL(tan_f32, tanf(x))
REAL(asin_f32, asinf(x))
REAL(acos_f32, acosf(x))
REAL(atan_f32, atanf(x))
REAL(sinh_f32, sinhf(x))
REAL(cosh_f32, coshf(x))
REAL(asinh_f32, asinhf(x))
REAL(acosh_f32, acoshf(x))
REAL(atanh_f32, atanhf(x))
REAL(selu_f32, beta *(x > 0.0f ? x : alpha * expm1f(x)))
REAL(celu_f32, x > 0.0f ? x : alpha * expm1f(x / alpha))
REAL(softsign_f32, x / (1.0f + fabsf(x)))
REAL(thresholded_f32, x > alpha || isnan(x) ? x : 0.0f)
REAL(gelu_f32, 0.5f * x * (1.0f + erff(x * 0.70710678f)))
REAL(gelu_tanh_f32, 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x))))

/* log(1 + exp(x)), without an overflow. */
static float softplus(float x) {
    return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)));
}
REAL(softplus_f32, isnan(x) ? x : softplus(x))
REAL(mish_f32, isnan(x) ? x : x *tanhf(softplus(x)))

LINE(is_nan_f32, float, uint8_t, isnan(x) != 0)
LINE(is_inf_f32, float, uint8_t, isinf(x) && (x < 0.0f ? alpha != 0.0f : beta != 0.0f))
LINE(not_bool, uint8_t, uint8_t, x == 0)

#define SIGNED(suffix, type, wide, magnitude) \
    LINE(abs_##suffix, type, type, magnitude) \
    LINE(neg_##suffix, type, type, -(wide)x)  \
    LINE(sign_##suffix, type, type, (x > 0) - (x < 0))

/* Of an integer that has no opposite, both are itself. */
SIGNED(i64, int64_t, uint64_t, x < 0 ? -(uint64_t)x : (uint64_t)x)
SIGNED(i32, int32_t, uint32_t, x < 0 ? -(uint32_t)x : (uint32_t)x)
SIGNED(i8, int8_t, int, x < 0 ? -(int)x : x)
LINE(abs_u8, uint8_t, uint8_t, x)
LINE(neg_u8, uint8_t, uint8_t, -(int)x)
LINE(sign_u8, uint8_t, uint8_t, x != 0)
LINE(abs_f32, float, float, fabsf(x))
LINE(neg_f32, float, float, -x)
LINE(sign_f32, float, float, isnan(x) ? x : (float)((x > 0.0f) - (x < 0.0f)))
LINE(abs_f64, double, double, fabs(x))
LINE(neg_f64, double, double, -x)
LINE(sign_f64, double, double, isnan(x) ? x : (double)((x > 0.0) - (x < 0.0)))

static const rnm_typed_line lines[] = {
    RNM_TYPED_LINES(RNM_OP_Abs, abs),         RNM_TYPED_LINES(RNM_OP_Neg, neg),
    RNM_TYPED_LINES(RNM_OP_Sign, sign),       {RNM_OP_Not, RNM_BOOL, not_bool},
    {RNM_OP_Exp, RNM_F32, exp_f32},           {RNM_OP_Log, RNM_F32, log_f32},
    {RNM_OP_Sqrt, RNM_F32, sqrt_f32},         {RNM_OP_Reciprocal, RNM_F32, reciprocal_f32},
    {RNM_OP_Ceil, RNM_F32, ceil_f32},         {RNM_OP_Floor, RNM_F32, floor_f32},
    {RNM_OP_Round, RNM_F32, round_f32},       {RNM_OP_Erf, RNM_F32, erf_f32},
    {RNM_OP_Sin, RNM_F32, sin_f32},           {RNM_OP_Cos, RNM_F32, cos_f32},
    {RNM_OP_Tan, RNM_F32, tan_f32},           {RNM_OP_Asin, RNM_F32, asin_f32},
    {RNM_OP_Acos, RNM_F32, acos_f32},         {RNM_OP_Atan, RNM_F32, atan_f32},
    {RNM_OP_Sinh, RNM_F32, sinh_f32},         {RNM_OP_Cosh, RNM_F32, cosh_f32},
    {RNM_OP_Asinh, RNM_F32, asinh_f32},       {RNM_OP_Acosh, RNM_F32, acosh_f32},
    {RNM_OP_Atanh, RNM_F32, atanh_f32},       {RNM_OP_Selu, RNM_F32, selu_f32},
    {RNM_OP_Celu, RNM_F32, celu_f32},         {RNM_OP_Softplus, RNM_F32, softplus_f32},
    {RNM_OP_Softsign, RNM_F32, softsign_f32}, {RNM_OP_ThresholdedRelu, RNM_F32, thresholded_f32},
    {RNM_OP_Mish, RNM_F32, mish_f32},         {RNM_OP_Gelu, RNM_F32, gelu_f32},
    {RNM_OP_IsNaN, RNM_F32, is_nan_f32},      {RNM_OP_IsInf, RNM_F32, is_inf_f32},
};

rnm_status rnm_plan_unary(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_op op = (rnm_op)planner->node->op;
    rnm_dtype type = planner->shapes[rnm_plan_input(planner, 0)].dtype;
    rnm_line line =
        op == RNM_OP_Gelu && attrs->approximate ? gelu_tanh_f32 : RNM_LINE_OF(lines, op, type);
    rnm_elements_step *step = rnm_plan_pointwise(planner, line, 1);
    step->alpha = op == RNM_OP_IsInf ? attrs->detect_negative : attrs->alpha;
    step->beta = op == RNM_OP_IsInf ? attrs->detect_positive : attrs->gamma;
    return RNM_OK;
}
