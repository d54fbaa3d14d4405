/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on pairs of elements of every number type. Integers wrap; by zero they divide to 0.
 */
#include "strided.h"

#include <math.h>

/* ---- one pair -------------------------------------------------------------------------------- */

static int64_t divide(int64_t p, int64_t q) {
    return q == 0 ? 0 : q == -1 ? (int64_t)(0 - (uint64_t)p) : p / q;
}

/* With the sign of the divisor, or as C has it. */
static int64_t modulo(int64_t p, int64_t q, bool as_c) {
    int64_t rest = q == 0 || q == -1 ? 0 : p % q;
    return !as_c && rest != 0 && (rest < 0) != (q < 0) ? rest + q : rest;
}

static double modulo_real(double p, double q, bool as_c) {
    double rest = fmod(p, q);
    return !as_c && rest != 0.0 && (rest < 0.0) != (q < 0.0) ? rest + q : rest;
}

/* Powers below 1 are cut towards zero. */
static int64_t power(int64_t base, int64_t exponent) {
    if (exponent < 0) {
        bool odd = (exponent & 1) != 0;
        return base == 1 ? 1 : base == -1 ? (odd ? -1 : 1) : 0;
    }
    uint64_t result = 1;
    for (uint64_t square = (uint64_t)base; exponent != 0; exponent >>= 1, square *= square) {
        result *= (exponent & 1) != 0 ? square : 1;
    }
    return (int64_t)result;
}

/* ---- one line -------------------------------------------------------------------------------- */

/* `p` and `q` are the pair. */
#define LINE(name, type, expression)                                                  \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        type *y = data[0];                                                            \
        const type *a = data[1], *b = data[2];                                        \
        bool as_c = step->flags[0];                                                   \
        (void)as_c;                                                                   \
        for (int64_t k = 0; k < count; ++k) {                                         \
            type p = a[k * steps[1]], q = b[k * steps[2]];                            \
            y[k * steps[0]] = (type)(expression);                                     \
        }                                                                             \
    }

/* The same, with loops for the compiler to make vectors of. */
#define VECTOR_LINE(name, type, expression)                                           \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        type *y = data[0];                                                            \
        const type *a = data[1], *b = data[2];                                        \
        bool as_c = step->flags[0];                                                   \
        (void)as_c;                                                                   \
        if (steps[0] == 1 && steps[1] == 1 && steps[2] == 1) {                        \
            for (int64_t k = 0; k < count; ++k) {                                     \
                type p = a[k], q = b[k];                                              \
                y[k] = (type)(expression);                                            \
            }                                                                         \
        } else if (steps[0] == 1 && steps[1] == 1 && steps[2] == 0) {                 \
            type q = *b;                                                              \
            for (int64_t k = 0; k < count; ++k) {                                     \
                type p = a[k];                                                        \
                y[k] = (type)(expression);                                            \
            }                                                                         \
        } else {                                                                      \
            for (int64_t k = 0; k < count; ++k) {                                     \
                type p = a[k * steps[1]], q = b[k * steps[2]];                        \
                y[k * steps[0]] = (type)(expression);                                 \
            }                                                                         \
        }                                                                             \
    }

#define WRAP(p, sign, q) ((uint64_t)(p)sign(uint64_t)(q))
#define INTEGER_LINES(suffix, type)         \
    LINE(add_##suffix, type, WRAP(p, +, q)) \
    LINE(sub_##suffix, type, WRAP(p, -, q)) \
    LINE(mul_##suffix, type, WRAP(p, *, q)) \
    LINE(div_##suffix, type, divide(p, q))  \
    LINE(pow_##suffix, type, power(p, q))   \
    LINE(min_##suffix, type, p < q ? p : q) \
    LINE(max_##suffix, type, p > q ? p : q) \
    LINE(mod_##suffix, type, modulo(p, q, as_c))

/* A NaN wins. */
#define REAL_LINES(LINE_OF, suffix, type, pow_of)          \
    LINE_OF(add_##suffix, type, p + q)                     \
    LINE_OF(sub_##suffix, type, p - q)                     \
    LINE_OF(mul_##suffix, type, p *q)                      \
    LINE_OF(div_##suffix, type, p / q)                     \
    LINE_OF(min_##suffix, type, p < q || isnan(p) ? p : q) \
    LINE_OF(max_##suffix, type, p > q || isnan(p) ? p : q) \
    LINE(pow_##suffix, type, pow_of(p, q))                 \
    LINE(mod_##suffix, type, modulo_real((double)p, (double)q, as_c))

static float power_f32(float base, float exponent) {
    return exponent == 2.0f ? base * base : powf(base, exponent);
}

REAL_LINES(VECTOR_LINE, f32, float, power_f32)
REAL_LINES(LINE, f64, double, pow)
INTEGER_LINES(i64, int64_t)
INTEGER_LINES(i32, int32_t)
INTEGER_LINES(i8, int8_t)
INTEGER_LINES(u8, uint8_t)
VECTOR_LINE(prelu_f32, float, p < 0.0f ? p * q : p)

/* ---- the table ------------------------------------------------------------------------------- */

static const rnm_typed_line lines[] = {
    RNM_TYPED_LINES(RNM_OP_Add, add),   RNM_TYPED_LINES(RNM_OP_Sub, sub),
    RNM_TYPED_LINES(RNM_OP_Mul, mul),   RNM_TYPED_LINES(RNM_OP_Div, div),
    RNM_TYPED_LINES(RNM_OP_Pow, pow),   RNM_TYPED_LINES(RNM_OP_Min, min),
    RNM_TYPED_LINES(RNM_OP_Max, max),   RNM_TYPED_LINES(RNM_OP_Mod, mod),
    {RNM_OP_PRelu, RNM_F32, prelu_f32},
};

/* Outputs are dense, so that the innermost axis has no gaps. */
static void activated_line(const rnm_elements_step *step, int64_t count, void *const *data,
                           const int64_t *steps) {
    (step->flags[1] ? mul_f32 : add_f32)(step, count, data, steps);
    rnm_activate(step->activation, data[0], (size_t)count);
}

RNM_PLANS rnm_status rnm_plan_arithmetic(rnm_planner *planner, const rnm_node_attrs *attrs,
                                         rnm_error *err) {
    (void)err;
    rnm_op op = (rnm_op)planner->node->op;
    rnm_dtype type = planner->shapes[rnm_plan_input(planner, 0)].dtype;
    bool active = attrs->activation != RNM_OP_NONE;
    rnm_line line = active ? activated_line : RNM_LINE_OF(lines, op, type);
    rnm_elements_step *step = rnm_plan_pointwise(planner, line, 2);
    step->flags[0] = attrs->fmod;
    step->flags[1] = op == RNM_OP_Mul;
    step->activation = rnm_op_epilogue(attrs);
    return RNM_OK;
}
