/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions, operators along an axis, normalisations and quantised operators against loops over
 * indices in f64, in both layouts.
 */
#include "elements.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rnm_dtype numbers[] = {RNM_F32, RNM_F64, RNM_I64, RNM_I32, RNM_I8, RNM_U8};

/* ---- what they share ------------------------------------------------------------------------- */

static double data[3][MOST_ELEMENTS], wanted[MOST_ELEMENTS], expected[MOST_ELEMENTS];

static uint8_t some_layout(rng *r, uint8_t rank) {
    return rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
}

/* A node with one random input and one output of its shape. */
static trial one_input(rng *r, rnm_op op, rnm_dtype type, uint8_t rank) {
    trial t = {.op = op, .input_count = 1, .output_count = 1};
    t.in[0].type = t.out[0].type = type;
    t.in[0].rank = t.out[0].rank = rank;
    size_t count = trial_shape(r, rank, t.in[0].dims);
    memcpy(t.out[0].dims, t.in[0].dims, sizeof t.out[0].dims);
    t.in[0].layout = some_layout(r, rank);
    t.out[0].layout = some_layout(r, rank);
    fill_numbers(r, type, data[0], count);
    t.in[0].data = data[0];
    return t;
}

/* The input cut along an axis: `length` elements from `start` of vector `v`, `step` apart. */
typedef struct cut {
    size_t vectors, length, step;
} cut;

static cut cut_along(const trial *t, int64_t axis) {
    cut c = {.vectors = 1, .length = (size_t)t->in[0].dims[axis], .step = 1};
    for (int k = 0; k < t->in[0].rank; ++k) {
        c.vectors *= k == axis ? 1 : (size_t)t->in[0].dims[k];
        c.step *= k > axis ? (size_t)t->in[0].dims[k] : 1;
    }
    return c;
}

static size_t start_of(const cut *c, size_t v) {
    return v / c->step * c->step * c->length + v % c->step;
}

static void axis_attribute(rnm_builder *b, const trial *t) {
    builder_attr_int(b, RNM_ATTRIBUTE_axis, t->axis);
}

/* ---- reductions ------------------------------------------------------------------------------ */

static void reduce_attributes(rnm_builder *b, const trial *t) {
    int64_t axes[RNM_MAX_RANK];
    uint32_t count = 0;
    for (int k = 0; k < t->in[0].rank; ++k) {
        if ((t->number >> k & 1) != 0) {
            axes[count++] = k % 2 == 0 ? k : k - t->in[0].rank;
        }
    }
    if (count > 0) {
        builder_attr_ints(b, RNM_ATTRIBUTE_axes, count, axes);
    }
    builder_attr_int(b, RNM_ATTRIBUTE_keepdims, t->flag);
}

static double start_of_sum(rnm_op op) {
    return op == RNM_OP_ReduceProd  ? 1.0
           : op == RNM_OP_ReduceMax ? -HUGE_VAL
           : op == RNM_OP_ReduceMin ? HUGE_VAL
                                    : 0.0;
}

static double summed(rnm_op op, double sum, double x) {
    switch (op) {
    case RNM_OP_ReduceMax:
        return fmax(sum, x);
    case RNM_OP_ReduceMin:
        return fmin(sum, x);
    case RNM_OP_ReduceProd:
        return sum * x;
    case RNM_OP_ReduceL1:
        return sum + fabs(x);
    case RNM_OP_ReduceL2:
    case RNM_OP_ReduceSumSquare:
        return sum + x * x;
    case RNM_OP_ReduceLogSumExp:
        return sum + exp(x);
    default:
        return sum + x;
    }
}

static double finished(rnm_op op, double sum, double count, rnm_dtype type) {
    double value = op == RNM_OP_ReduceMean                                     ? sum / count
                   : op == RNM_OP_ReduceL2                                     ? sqrt(sum)
                   : op == RNM_OP_ReduceLogSum || op == RNM_OP_ReduceLogSumExp ? log(sum)
                                                                               : sum;
    return type == RNM_F32 || type == RNM_F64 ? value
           : type == RNM_I8                   ? (double)(int8_t)(int64_t)value
           : type == RNM_U8                   ? (double)(uint8_t)(int64_t)value
           : type == RNM_I32                  ? (double)(int32_t)(int64_t)value
                                              : trunc(value);
}

/* Sets the output's dims, and what each element of the input goes to. */
static void reduced_shape(trial *t, uint32_t set) {
    t->out[0].rank = 0;
    for (int k = 0; k < t->in[0].rank; ++k) {
        bool gone = (set >> k & 1) != 0;
        if (!gone || t->flag) {
            t->out[0].dims[t->out[0].rank++] = gone ? 1 : t->in[0].dims[k];
        }
    }
    if (t->out[0].rank < 3) {
        t->out[0].layout = RNM_LAYOUT_ROWS;
    }
}

static size_t reduced_place(const trial *t, uint32_t set, size_t element) {
    size_t at = 0, apart = 1;
    for (int k = t->in[0].rank - 1; k >= 0; --k) {
        size_t dim = (size_t)t->in[0].dims[k];
        if ((set >> k & 1) == 0) {
            at += element % dim * apart;
            apart *= dim;
        }
        element /= dim;
    }
    return at;
}

static void try_reduction(rng *r, rnm_op op, rnm_dtype type) {
    uint8_t rank = (uint8_t)random_below(r, 6);
    trial t = one_input(r, op, type, rank);
    t.flag = random_below(r, 2) == 0;
    t.number = (int64_t)random_below(r, 1u << rank);
    t.attributes = reduce_attributes;
    uint32_t set = t.number == 0 ? (1u << rank) - 1 : (uint32_t)t.number;
    reduced_shape(&t, set);
    size_t count = trial_elements(rank, t.in[0].dims);
    size_t results = trial_elements(t.out[0].rank, t.out[0].dims);
    for (size_t k = 0; k < results; ++k) {
        wanted[k] = start_of_sum(op);
    }
    for (size_t k = 0; k < count; ++k) {
        if (op == RNM_OP_ReduceLogSum) {
            put_number(type, data[0], k, fabs(number_at(type, data[0], k)) + 0.1);
        }
        if (op == RNM_OP_ReduceProd && type != RNM_F32 && type != RNM_F64) {
            put_number(type, data[0], k, 1.0 + (double)(k % 7 == 0));
        }
        size_t at = reduced_place(&t, set, k);
        wanted[at] = summed(op, wanted[at], number_at(type, data[0], k));
    }
    for (size_t k = 0; k < results; ++k) {
        wanted[k] = finished(op, wanted[k], (double)(count / results), type);
    }
    /* Products of integers may pass what an f64 holds. */
    if (op != RNM_OP_ReduceProd || type == RNM_F32 || type == RNM_F64 || count < 200) {
        check_trial(&t, wanted, rnm_op_find(op)->name);
    }
}

static void reductions(void **state) {
    (void)state;
    rng r = {90};
    for (int op = RNM_OP_ReduceSum; op <= RNM_OP_ReduceSumSquare; ++op) {
        bool real =
            op == RNM_OP_ReduceL2 || op == RNM_OP_ReduceLogSum || op == RNM_OP_ReduceLogSumExp;
        for (int round = 0; round < 36; ++round) {
            try_reduction(&r, (rnm_op)op, numbers[round % (real ? 2 : 6)]);
        }
    }
}

/* Nothing sums to nothing. */
static void reductions_of_nothing(void **state) {
    (void)state;
    trial t = {.op = RNM_OP_ReduceSum, .input_count = 1, .output_count = 1, .number = 2};
    t.attributes = reduce_attributes;
    t.in[0].type = t.out[0].type = RNM_F32;
    t.in[0].rank = 2;
    t.in[0].dims[0] = t.out[0].dims[0] = 3;
    t.out[0].rank = 1;
    t.in[0].data = data[0];
    check_trial(&t, (double[]){0, 0, 0}, "ReduceSum of nothing");
    t.op = RNM_OP_ReduceProd;
    check_trial(&t, (double[]){1, 1, 1}, "ReduceProd of nothing");
}

/* ---- along an axis --------------------------------------------------------------------------- */

static void arg_attributes(rnm_builder *b, const trial *t) {
    axis_attribute(b, t);
    builder_attr_int(b, RNM_ATTRIBUTE_keepdims, t->flag);
    builder_attr_int(b, RNM_ATTRIBUTE_select_last_index, t->number);
}

static void largest_and_smallest(void **state) {
    (void)state;
    rng r = {91};
    for (int round = 0; round < 96; ++round) {
        rnm_dtype type = numbers[round % 6];
        trial t = one_input(&r, round % 2 == 0 ? RNM_OP_ArgMax : RNM_OP_ArgMin, type,
                            (uint8_t)(1 + random_below(&r, 5)));
        t.out[0].type = RNM_I64;
        t.attributes = arg_attributes;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        t.flag = random_below(&r, 2) == 0;
        t.number = (int64_t)random_below(&r, 2);
        reduced_shape(&t, 1u << t.axis);
        cut c = cut_along(&t, t.axis);
        for (size_t v = 0; v < c.vectors; ++v) {
            size_t best = 0;
            for (size_t i = 1; i < c.length; ++i) {
                double p = number_at(type, data[0], start_of(&c, v) + i * c.step);
                double q = number_at(type, data[0], start_of(&c, v) + best * c.step);
                bool before = t.op == RNM_OP_ArgMax ? p > q : p < q;
                best = before || (p == q && t.number != 0) ? i : best;
            }
            wanted[v] = (double)best;
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
}

static void sum_attributes(rnm_builder *b, const trial *t) {
    axis_attribute(b, t);
    builder_attr_int(b, RNM_ATTRIBUTE_exclusive, t->number & 1);
    builder_attr_int(b, RNM_ATTRIBUTE_reverse, t->number >> 1);
}

static void running_sums(void **state) {
    (void)state;
    rng r = {92};
    for (int round = 0; round < 48; ++round) {
        rnm_dtype type = numbers[round % 4];
        trial t = one_input(&r, RNM_OP_CumSum, type, (uint8_t)(1 + random_below(&r, 5)));
        t.attributes = sum_attributes;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        t.number = (int64_t)random_below(&r, 4);
        cut c = cut_along(&t, t.axis);
        for (size_t v = 0; v < c.vectors; ++v) {
            for (size_t i = 0; i < c.length; ++i) {
                double sum = 0.0;
                for (size_t k = 0; k < c.length; ++k) {
                    bool before = t.number >> 1 ? k > i : k < i;
                    sum += before || (k == i && (t.number & 1) == 0)
                               ? number_at(type, data[0], start_of(&c, v) + k * c.step)
                               : 0.0;
                }
                wanted[start_of(&c, v) + i * c.step] = sum;
            }
        }
        check_trial(&t, wanted, "CumSum");
    }
}

static void top_attributes(rnm_builder *b, const trial *t) {
    axis_attribute(b, t);
    builder_attr_int(b, RNM_ATTRIBUTE_k, t->number);
    builder_attr_int(b, RNM_ATTRIBUTE_largest, t->flag);
}

static void first_few(void **state) {
    (void)state;
    rng r = {93};
    for (int round = 0; round < 72; ++round) {
        rnm_dtype type = numbers[round % 6];
        trial t = one_input(&r, RNM_OP_TopK, type, (uint8_t)(1 + random_below(&r, 5)));
        t.attributes = top_attributes;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        t.flag = random_below(&r, 2) == 0;
        t.number = 1 + (int64_t)random_below(&r, (uint32_t)t.in[0].dims[t.axis]);
        t.out[0].dims[t.axis] = t.number;
        t.out[1] = t.out[0];
        t.out[1].type = RNM_I64;
        t.output_count = 2;
        cut c = cut_along(&t, t.axis);
        size_t most = (size_t)t.number;
        for (size_t v = 0; v < c.vectors; ++v) {
            for (size_t i = 0; i < c.length; ++i) {
                double p = number_at(type, data[0], start_of(&c, v) + i * c.step);
                size_t place = 0; /* as many as come before it */
                for (size_t k = 0; k < c.length; ++k) {
                    double q = number_at(type, data[0], start_of(&c, v) + k * c.step);
                    place += (t.flag ? q > p : q < p) || (q == p && k < i);
                }
                if (place < most) {
                    size_t at = v / c.step * c.step * most + v % c.step + place * c.step;
                    wanted[at] = p;
                    expected[at] = (double)i;
                }
            }
        }
        check_trial(&t, wanted, "TopK");
        check_output(&t, 1, expected, "indices of TopK");
    }
}

static void norm_attributes(rnm_builder *b, const trial *t) {
    axis_attribute(b, t);
    if (t->op == RNM_OP_LpNormalization) {
        builder_attr_int(b, RNM_ATTRIBUTE_p, t->number);
    }
}

static void vectors(void **state) {
    (void)state;
    rng r = {94};
    static const rnm_op ops[] = {RNM_OP_LogSoftmax, RNM_OP_Hardmax, RNM_OP_LpNormalization};
    for (int round = 0; round < 48; ++round) {
        trial t = one_input(&r, ops[round % 3], RNM_F32, (uint8_t)(1 + random_below(&r, 5)));
        const float *x = t.in[0].data;
        t.attributes = norm_attributes;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        t.number = 1 + (int64_t)random_below(&r, 2);
        cut c = cut_along(&t, t.axis);
        for (size_t v = 0; v < c.vectors; ++v) {
            size_t start = start_of(&c, v), best = 0;
            double sum = 0.0, norm = 0.0;
            for (size_t i = 0; i < c.length; ++i) {
                double p = (double)x[start + i * c.step];
                sum += exp(p);
                norm += t.number == 1 ? fabs(p) : p * p;
                best = p > (double)x[start + best * c.step] ? i : best;
            }
            norm = t.number == 1 ? norm : sqrt(norm);
            for (size_t i = 0; i < c.length; ++i) {
                double p = (double)x[start + i * c.step];
                wanted[start + i * c.step] = t.op == RNM_OP_LogSoftmax ? p - log(sum)
                                             : t.op == RNM_OP_Hardmax  ? (double)(i == best)
                                                                       : p / norm;
            }
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions),
        cmocka_unit_test(reductions_of_nothing),
        cmocka_unit_test(largest_and_smallest),
        cmocka_unit_test(running_sums),
        cmocka_unit_test(first_few),
        cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
