/* SPDX-License-Identifier: Apache-2.0
 *
 * Reduce*: real numbers are summed in f64, integers in 64 bits that wrap.
 */
#include "strided.h"

#include <math.h>

/* Results worked on at a time, and elements loaded at a time. */
#define LANES 64

/* ---- one type to f64 or i64 ------------------------------------------------------------------ */

#define LOADER(name, type, wide)                                                 \
    static void name(const void *from, int64_t step, int64_t count, wide *out) { \
        const type *x = from;                                                    \
        for (int64_t k = 0; k < count; ++k) {                                    \
            out[k] = x[k * step];                                                \
        }                                                                        \
    }

LOADER(load_f32, float, double)
LOADER(load_f64, double, double)
LOADER(load_i64, int64_t, int64_t)
LOADER(load_i32, int32_t, int64_t)
LOADER(load_i8, int8_t, int64_t)
LOADER(load_u8, uint8_t, int64_t)

static void store_real(rnm_dtype type, void *to, int64_t k, double value) {
    if (type == RNM_F32) {
        ((float *)to)[k] = (float)value;
    } else {
        ((double *)to)[k] = value;
    }
}

static void store_integer(rnm_dtype type, void *to, int64_t k, int64_t value) {
    if (type == RNM_I64) {
        ((int64_t *)to)[k] = value;
    } else if (type == RNM_I32) {
        ((uint32_t *)to)[k] = (uint32_t)value;
    } else {
        ((uint8_t *)to)[k] = (uint8_t)value;
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* Folds `count` elements: into a sum each, or all into one where `apart` is 0. */
#define FOLD(expression)                  \
    for (int64_t k = 0; k < count; ++k) { \
        sum[k * apart] = expression;      \
    }                                     \
    break

#define S sum[k * apart]

static void fold_real(unsigned kind, const double *x, int64_t count, double *sum, double *most,
                      int64_t apart) {
    switch (kind) {
    case RNM_OP_ReduceSum:
    case RNM_OP_ReduceMean:
    case RNM_OP_ReduceLogSum:
        FOLD(S + x[k]);
    case RNM_OP_ReduceL1:
        FOLD(S + fabs(x[k]));
    case RNM_OP_ReduceL2:
    case RNM_OP_ReduceSumSquare:
        FOLD(S + x[k] * x[k]);
    case RNM_OP_ReduceProd:
        FOLD(S * x[k]);
    case RNM_OP_ReduceMax:
        FOLD(x[k] > S || isnan(x[k]) ? x[k] : S);
    case RNM_OP_ReduceMin:
        FOLD(x[k] < S || isnan(x[k]) ? x[k] : S);
    default: /* ReduceLogSumExp: of what is `most` below the largest so far */
        for (int64_t k = 0; k < count; ++k) {
            double *m = &most[k * apart];
            if (x[k] > *m) {
                S = S * exp(*m - x[k]) + 1.0;
                *m = x[k];
            } else {
                S += isinf(x[k]) && x[k] == *m ? (x[k] > 0.0) : exp(x[k] - *m);
            }
        }
    }
}

static double real_start(unsigned kind) {
    return kind == RNM_OP_ReduceProd  ? 1.0
           : kind == RNM_OP_ReduceMax ? -HUGE_VAL
           : kind == RNM_OP_ReduceMin ? HUGE_VAL
                                      : 0.0;
}

static double real_result(unsigned kind, double sum, double most, int64_t count) {
    switch (kind) {
    case RNM_OP_ReduceMean:
        return sum / (double)count;
    case RNM_OP_ReduceL2:
        return sqrt(sum);
    case RNM_OP_ReduceLogSum:
        return log(sum);
    case RNM_OP_ReduceLogSumExp:
        return most + log(sum);
    default:
        return sum;
    }
}

#define U(value) (uint64_t)(value)

static void fold_integer(unsigned kind, const int64_t *x, int64_t count, int64_t *sum,
                         int64_t apart) {
    switch (kind) {
    case RNM_OP_ReduceL1:
        FOLD((int64_t)(U(S) + (x[k] < 0 ? -U(x[k]) : U(x[k]))));
    case RNM_OP_ReduceSumSquare:
        FOLD((int64_t)(U(S) + U(x[k]) * U(x[k])));
    case RNM_OP_ReduceProd:
        FOLD((int64_t)(U(S) * U(x[k])));
    case RNM_OP_ReduceMax:
        FOLD(x[k] > S ? x[k] : S);
    case RNM_OP_ReduceMin:
        FOLD(x[k] < S ? x[k] : S);
    default: /* ReduceSum, ReduceMean; the others are of real numbers only */
        FOLD((int64_t)(U(S) + U(x[k])));
    }
}

static int64_t integer_start(unsigned kind) {
    return kind == RNM_OP_ReduceProd  ? 1
           : kind == RNM_OP_ReduceMax ? INT64_MIN
           : kind == RNM_OP_ReduceMin ? INT64_MAX
                                      : 0;
}

static int64_t integer_result(unsigned kind, int64_t sum, int64_t count) {
    return kind != RNM_OP_ReduceMean ? sum : count != 0 ? sum / count : 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The inner space but for its last axis, position by position; the last axis in runs of LANES for
 * one result at a time, or one by one for a run of results, whichever is longer. */
#define REDUCE_LINE(name, wide, load, fold, start, result, store)                                 \
    static void name(const rnm_elements_step *step, int64_t count, void *const *data,             \
                     const int64_t *steps) {                                                      \
        rnm_strided inner = *step->inner;                                                         \
        int64_t last = inner.dims[inner.rank - 1];                                                \
        int64_t last_step = inner.steps[1][inner.rank - 1];                                       \
        bool by_result = last >= count;                                                           \
        const uint8_t *from = data[1];                                                            \
        inner.dims[inner.rank - 1] = by_result ? 1 : last;                                        \
        for (int64_t done = 0, lanes; done < count; done += lanes) {                              \
            wide x[LANES], sum[LANES];                                                            \
            double most[LANES];                                                                   \
            int64_t at[RNM_MAX_RANK] = {0}, offsets[RNM_OPERANDS] = {0};                          \
            lanes = count - done < LANES ? count - done : LANES;                                  \
            for (int64_t lane = 0; lane < lanes; ++lane) {                                        \
                sum[lane] = start(step->kind);                                                    \
                most[lane] = -HUGE_VAL;                                                           \
            }                                                                                     \
            do {                                                                                  \
                if (step->number == 0) {                                                          \
                    break;                                                                        \
                }                                                                                 \
                for (int64_t lane = 0; by_result && lane < lanes; ++lane) {                       \
                    int64_t first = offsets[1] + (done + lane) * steps[1];                        \
                    for (int64_t k = 0; k < last; k += LANES) {                                   \
                        int64_t run = last - k < LANES ? last - k : LANES;                        \
                        load(from + (first + k * last_step) * step->sizes[1], last_step, run, x); \
                        fold(x, run, lane, 0);                                                    \
                    }                                                                             \
                }                                                                                 \
                if (!by_result) {                                                                 \
                    load(from + (offsets[1] + done * steps[1]) * step->sizes[1], steps[1], lanes, \
                         x);                                                                      \
                    fold(x, lanes, 0, 1);                                                         \
                }                                                                                 \
            } while (rnm_strided_next(&inner, at, offsets));                                      \
            for (int64_t lane = 0; lane < lanes; ++lane) {                                        \
                store(step->type, data[0], (done + lane) * steps[0], result(lane));               \
            }                                                                                     \
        }                                                                                         \
    }

#define FOLD_REAL(x, n, lane, apart) fold_real(step->kind, x, n, sum + (lane), most + (lane), apart)
#define FOLD_INTEGER(x, n, lane, apart) fold_integer(step->kind, x, n, sum + (lane), apart)
#define REAL_RESULT(lane) real_result(step->kind, sum[lane], most[lane], step->number)
#define INTEGER_RESULT(lane) ((void)most[lane], integer_result(step->kind, sum[lane], step->number))
#define REAL_LINE(name, load) \
    REDUCE_LINE(name, double, load, FOLD_REAL, real_start, REAL_RESULT, store_real)
#define INTEGER_LINE(name, load) \
    REDUCE_LINE(name, int64_t, load, FOLD_INTEGER, integer_start, INTEGER_RESULT, store_integer)

REAL_LINE(line_f32, load_f32)
REAL_LINE(line_f64, load_f64)
INTEGER_LINE(line_i64, load_i64)
INTEGER_LINE(line_i32, load_i32)
INTEGER_LINE(line_i8, load_i8)
INTEGER_LINE(line_u8, load_u8)

static const rnm_line lines[] = {[RNM_F32] = line_f32, [RNM_F64] = line_f64, [RNM_I64] = line_i64,
                                 [RNM_I32] = line_i32, [RNM_I8] = line_i8,   [RNM_U8] = line_u8};

rnm_status rnm_plan_reduce(rnm_planner *planner, const rnm_node_attrs *attrs, rnm_error *err) {
    (void)err;
    const rnm_shape *in = &planner->shapes[rnm_plan_input(planner, 0)];
    uint32_t inner = rnm_op_axes(attrs, in->rank);
    rnm_walk walk = rnm_walk_over(in, inner);
    rnm_walk_reduced(planner, &walk, -1);
    rnm_walk_broadcast(planner, &walk, 0);
    rnm_elements_step *step = rnm_plan_walk(planner, &walk, lines[in->dtype]);
    step->kind = (uint8_t)planner->node->op;
    step->type = in->dtype;
    step->number = 1;
    for (int axis = 0; axis < in->rank; ++axis) {
        step->number *= (inner >> axis & 1) != 0 ? in->dims[axis] : 1;
    }
    return RNM_OK;
}
