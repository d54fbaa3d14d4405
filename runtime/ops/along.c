/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators along one axis: the largest and the smallest, running sums, LogSoftmax, Hardmax and
 * LpNormalization.
 */
#include "strided.h"

#include <math.h>

/* ---- ArgMax, ArgMin, CumSum, TopK ------------------------------------------------------------ */

/* True when p comes before q: larger or smaller, a NaN before all. flags[0]: largest. */
#define BEFORE(p, q) ((largest ? (p) > (q) : (p) < (q)) || ((p) != (p) && (q) == (q)))

#define ALONG_LINES(suffix, type, sum_of)                                                      \
    /* flags[1]: the last of equals */                                                         \
    static void arg_##suffix(const rnm_elements_step *step, int64_t count, void *const *data,  \
                             const int64_t *steps) {                                           \
        int64_t length = step->inner->dims[0], apart = step->inner->steps[1][0];               \
        bool largest = step->flags[0], late = step->flags[1];                                  \
        for (int64_t k = 0; k < count; ++k) {                                                  \
            const type *x = (const type *)data[1] + k * steps[1];                              \
            int64_t best = 0;                                                                  \
            for (int64_t i = 1; i < length; ++i) {                                             \
                type p = x[i * apart], q = x[best * apart];                                    \
                best = BEFORE(p, q) || (late && p == q) ? i : best;                            \
            }                                                                                  \
            ((int64_t *)data[0])[k * steps[0]] = best;                                         \
        }                                                                                      \
    }                                                                                          \
    /* flags[0]: exclusive, flags[1]: reverse */                                               \
    static void cum_##suffix(const rnm_elements_step *step, int64_t count, void *const *data,  \
                             const int64_t *steps) {                                           \
        const rnm_strided *inner = step->inner;                                                \
        int64_t length = inner->dims[0];                                                       \
        for (int64_t k = 0; k < count; ++k) {                                                  \
            const type *x = (const type *)data[1] + k * steps[1];                              \
            type *y = (type *)data[0] + k * steps[0];                                          \
            type sum = 0;                                                                      \
            for (int64_t i = 0; i < length; ++i) {                                             \
                int64_t at = step->flags[1] ? length - 1 - i : i;                              \
                type p = x[at * inner->steps[1][0]];                                           \
                type next = (type)(sum_of);                                                    \
                y[at * inner->steps[0][0]] = step->flags[0] ? sum : next;                      \
                sum = next;                                                                    \
            }                                                                                  \
        }                                                                                      \
    }                                                                                          \
    /* By insertion; of equals the first come first. Operand 2 is the indices, if wanted. */   \
    static void top_##suffix(const rnm_elements_step *step, int64_t count, void *const *data,  \
                             const int64_t *steps) {                                           \
        const rnm_strided *inner = step->inner;                                                \
        int64_t length = inner->dims[0], most = step->number;                                  \
        bool largest = step->flags[0];                                                         \
        for (int64_t k = 0; k < count; ++k) {                                                  \
            const type *x = (const type *)data[1] + k * steps[1];                              \
            type *y = (type *)data[0] + k * steps[0];                                          \
            int64_t *indices = inner->operands > 2 ? (int64_t *)data[2] + k * steps[2] : NULL; \
            for (int64_t i = 0, kept = 0; i < length; ++i) {                                   \
                type p = x[i * inner->steps[1][0]];                                            \
                int64_t at = kept;                                                             \
                for (; at > 0; --at) {                                                         \
                    type q = y[(at - 1) * inner->steps[0][0]];                                 \
                    if (!BEFORE(p, q)) {                                                       \
                        break;                                                                 \
                    }                                                                          \
                    if (at < most) {                                                           \
                        y[at * inner->steps[0][0]] = q;                                        \
                        if (indices != NULL) {                                                 \
                            indices[at * inner->steps[2][0]] =                                 \
                                indices[(at - 1) * inner->steps[2][0]];                        \
                        }                                                                      \
                    }                                                                          \
                }                                                                              \
                if (at < most) {                                                               \
                    y[at * inner->steps[0][0]] = p;                                            \
                    if (indices != NULL) {                                                     \
                        indices[at * inner->steps[2][0]] = i;                                  \
                    }                                                                          \
                    kept += kept < most;                                                       \
                }                                                                              \
            }                                                                                  \
        }                                                                                      \
    }

ALONG_LINES(f32, float, sum + p)
ALONG_LINES(f64, double, sum + p)
ALONG_LINES(i64, int64_t, (uint64_t)sum + (uint64_t)p)
ALONG_LINES(i32, int32_t, (uint32_t)sum + (uint32_t)p)
ALONG_LINES(i8, int8_t, sum + p)
ALONG_LINES(u8, uint8_t, sum + p)

#define ROW(name)                                                               \
    {                                                                           \
        [RNM_F32] = name##_f32, [RNM_F64] = name##_f64, [RNM_I64] = name##_i64, \
        [RNM_I32] = name##_i32, [RNM_I8] = name##_i8, [RNM_U8] = name##_u8      \
    }

static const rnm_line arg_lines[] = ROW(arg);
static const rnm_line cum_lines[] = ROW(cum);
static const rnm_line top_lines[] = ROW(top);

/* A walk whose inner axis is that of attribute axis. */
static rnm_walk walk_along(const rnm_planner *planner, const rnm_node_attrs *attrs) {
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    int64_t axis = attrs->axis < 0 ? attrs->axis + in->rank : attrs->axis;
    return rnm_walk_over(in, 1u << axis);
}

rnm_status rnm_plan_arg(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_walk walk = walk_along(planner, attrs);
    rnm_walk_reduced(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, arg_lines[walk.shape->dtype]);
    step->flags[0] = planner->node->op == RNM_OP_ArgMax;
    step->flags[1] = attrs->select_last_index;
    return RNM_OK;
}

rnm_status rnm_plan_cum_sum(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_walk walk = walk_along(planner, attrs);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, cum_lines[walk.shape->dtype]);
    step->flags[0] = attrs->exclusive;
    step->flags[1] = attrs->reverse;
    return RNM_OK;
}

rnm_status rnm_plan_top_k(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_walk walk = walk_along(planner, attrs);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    if (planner->node->output_count > 1) {
        rnm_walk_broadcast(planner, &walk, -2);
    }
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, top_lines[walk.shape->dtype]);
    step->flags[0] = attrs->largest;
    step->number = attrs->k;
    return RNM_OK;
}

/* ---- over f32 -------------------------------------------------------------------------------- */

/* Runs `body` for each vector: `x` and `y` and their steps `from` and `to`. */
#define VECTORS(name, body)                                                           \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data, \
                     const int64_t *steps) {                                          \
        int64_t length = step->inner->dims[0];                                        \
        int64_t to = step->inner->steps[0][0], from = step->inner->steps[1][0];       \
        for (int64_t k = 0; k < count; ++k) {                                         \
            const float *x = (const float *)data[1] + k * steps[1];                   \
            float *y = (float *)data[0] + k * steps[0];                               \
            body                                                                      \
        }                                                                             \
    }

static int64_t first_largest(const float *x, int64_t apart, int64_t length) {
    int64_t best = 0;
    for (int64_t i = 1; i < length; ++i) {
        best = x[i * apart] > x[best * apart] ? i : best;
    }
    return best;
}

VECTORS(log_softmax_line, {
    float most = x[first_largest(x, from, length) * from];
    double sum = 0.0;
    for (int64_t i = 0; i < length; ++i) {
        sum += (double)expf(x[i * from] - most);
    }
    float log_sum = (float)log(sum);
    for (int64_t i = 0; i < length; ++i) {
        y[i * to] = x[i * from] - most - log_sum;
    }
})

VECTORS(hardmax_line, {
    int64_t best = first_largest(x, from, length);
    for (int64_t i = 0; i < length; ++i) {
        y[i * to] = i == best ? 1.0f : 0.0f;
    }
})

/* number: p, 1 or 2 */
VECTORS(lp_line, {
    double sum = 0.0;
    for (int64_t i = 0; i < length; ++i) {
        double value = (double)x[i * from];
        sum += step->number == 1 ? fabs(value) : value * value;
    }
    double norm = step->number == 1 ? sum : sqrt(sum);
    for (int64_t i = 0; i < length; ++i) {
        y[i * to] = norm != 0.0 ? (float)((double)x[i * from] / norm) : 0.0f;
    }
})

rnm_status rnm_plan_along(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    rnm_op op = (rnm_op)planner->node->op;
    rnm_line line = op == RNM_OP_LogSoftmax ? log_softmax_line
                    : op == RNM_OP_Hardmax  ? hardmax_line
                                            : lp_line;
    rnm_walk walk = walk_along(planner, attrs);
    rnm_walk_broadcast(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_plan_walk(planner, &walk, line)->number = attrs->p;
    return RNM_OK;
}
