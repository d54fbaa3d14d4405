/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison, logic and choice.
 */
#include "half.h"
#include "strided.h"

/* ---- comparison ------------------------------------------------------------------------------ */

#define LINE(name, type, expression)                                                  \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        uint8_t *y = data[0];                                                         \
        const type *a = data[1], *b = data[2];                                        \
        (void)step;                                                                   \
        for (int64_t k = 0; k < count; ++k) {                                         \
            type p = a[k * steps[1]], q = b[k * steps[2]];                            \
            y[k * steps[0]] = (uint8_t)(expression);                                  \
        }                                                                             \
    }

#define LINES(suffix, type)                 \
    LINE(equal_##suffix, type, p == q)      \
    LINE(less_##suffix, type, p < q)        \
    LINE(less_equal_##suffix, type, p <= q) \
    LINE(greater_##suffix, type, p > q)     \
    LINE(greater_equal_##suffix, type, p >= q)

LINES(f32, float)
LINES(f64, double)
LINES(i64, int64_t)
LINES(i32, int32_t)
LINES(i8, int8_t)
LINES(u8, uint8_t)
LINE(equal_f16, uint16_t, rnm_f16_to_f32(p) == rnm_f16_to_f32(q))
LINE(equal_bool, uint8_t, (p != 0) == (q != 0))
LINE(and_bool, uint8_t, p != 0 && q != 0)
LINE(or_bool, uint8_t, p != 0 || q != 0)
LINE(xor_bool, uint8_t, (p != 0) != (q != 0))

static const rnm_typed_line lines[] = {
    RNM_TYPED_LINES(RNM_OP_Equal, equal),
    RNM_TYPED_LINES(RNM_OP_Less, less),
    RNM_TYPED_LINES(RNM_OP_LessOrEqual, less_equal),
    RNM_TYPED_LINES(RNM_OP_Greater, greater),
    RNM_TYPED_LINES(RNM_OP_GreaterOrEqual, greater_equal),
    {RNM_OP_Equal, RNM_F16, equal_f16},
    {RNM_OP_Equal, RNM_BOOL, equal_bool},
    {RNM_OP_And, RNM_BOOL, and_bool},
    {RNM_OP_Or, RNM_BOOL, or_bool},
    {RNM_OP_Xor, RNM_BOOL, xor_bool},
};

rnm_status rnm_plan_compare(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)attrs;
    (void)err;
    rnm_dtype type = planner->shapes[rnm_plan_input(planner, 0)].dtype;
    rnm_plan_pointwise(planner, RNM_LINE_OF(lines, planner->node->op, type), 2);
    return RNM_OK;
}

/* ---- choice ---------------------------------------------------------------------------------- */

#define CHOICE(name, type)                                                                  \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data,       \
                     const int64_t *steps) {                                                \
        type *y = data[0];                                                                  \
        const uint8_t *which = data[1];                                                     \
        const type *a = data[2], *b = data[3];                                              \
        (void)step;                                                                         \
        for (int64_t k = 0; k < count; ++k) {                                               \
            y[k * steps[0]] = which[k * steps[1]] != 0 ? a[k * steps[2]] : b[k * steps[3]]; \
        }                                                                                   \
    }

CHOICE(choose_1, uint8_t)
CHOICE(choose_2, uint16_t)
CHOICE(choose_4, uint32_t)
CHOICE(choose_8, uint64_t)

rnm_status rnm_plan_where(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    static const rnm_line choices[] = {
        [1] = choose_1, [2] = choose_2, [4] = choose_4, [8] = choose_8};
    (void)attrs;
    (void)err;
    rnm_dtype type = planner->shapes[rnm_plan_output(planner)].dtype;
    rnm_plan_pointwise(planner, choices[rnm_dtype_size(type)], 3);
    return RNM_OK;
}
