/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of one element and of pairs, comparison, logic and choice, against loops in f64 over
 * indices: every type, every layout, shapes that broadcast.
 */
#include "elements.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- pairs ----------------------------------------------------------------------------------- */

static int64_t low_bits(rnm_dtype type, int64_t value) {
    return type == RNM_I8 ? (int8_t)value : type == RNM_U8 ? (uint8_t)value : value;
}

static double naive_pair(rnm_op op, rnm_dtype type, double p, double q, bool flag) {
    bool whole = !is_real_type(type);
    double value = 0.0;
    switch (op) {
    case RNM_OP_Add:
        value = p + q;
        break;
    case RNM_OP_Sub:
        value = p - q;
        break;
    case RNM_OP_Mul:
        value = p * q;
        break;
    case RNM_OP_Div:
        value = !whole ? p / q : q == 0.0 ? 0.0 : trunc(p / q);
        break;
    case RNM_OP_Pow:
        value = whole && q < 0.0 ? trunc(p == 0.0 ? 0.0 : pow(p, q)) : pow(p, q);
        break;
    case RNM_OP_Min:
        return fmin(p, q);
    case RNM_OP_Max:
        return fmax(p, q);
    case RNM_OP_Mod:
        value = whole && q == 0.0 ? 0.0 : flag ? fmod(p, q) : p - q * floor(p / q);
        break;
    case RNM_OP_PRelu:
        return p < 0.0 ? p * q : p;
    case RNM_OP_Equal:
        return p == q;
    case RNM_OP_Less:
        return p < q;
    case RNM_OP_LessOrEqual:
        return p <= q;
    case RNM_OP_Greater:
        return p > q;
    case RNM_OP_GreaterOrEqual:
        return p >= q;
    case RNM_OP_And:
        return p != 0.0 && q != 0.0;
    case RNM_OP_Or:
        return p != 0.0 || q != 0.0;
    default: /* Xor */
        return (p != 0.0) != (q != 0.0);
    }
    return whole ? (double)low_bits(type, (int64_t)value) : value;
}

static void pair_attributes(rnm_builder *b, const trial *t) {
    if (t->op == RNM_OP_Mod) {
        builder_attr_int(b, RNM_ATTRIBUTE_fmod, t->flag);
    }
    if ((t->op == RNM_OP_Add || t->op == RNM_OP_Mul) && t->flag && t->in[0].type == RNM_F32) {
        builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Relu);
    }
}

/* An input of the output's shape with some axes 1 and some leading ones missing. */
static void shrink(rng *r, trial *t, int k, bool may) {
    uint8_t lead = may ? (uint8_t)random_below(r, t->out[0].rank + 1u) : 0;
    t->in[k].rank = (uint8_t)(t->out[0].rank - lead);
    for (uint8_t axis = 0; axis < t->in[k].rank; ++axis) {
        bool one = may && random_below(r, 3) == 0;
        t->in[k].dims[axis] = one ? 1 : t->out[0].dims[axis + lead];
    }
    t->in[k].layout =
        t->in[k].rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
}

/* Where an element of the output is found in an input. */
static size_t place(const trial *t, int k, size_t element) {
    size_t at = 0, apart = 1;
    for (int axis = t->out[0].rank - 1; axis >= 0; --axis) {
        size_t dim = (size_t)t->out[0].dims[axis];
        int own = axis - (t->out[0].rank - t->in[k].rank);
        if (own >= 0) {
            at += t->in[k].dims[own] == 1 ? 0 : element % dim * apart;
            apart *= (size_t)t->in[k].dims[own];
        }
        element /= dim;
    }
    return at;
}

static void start_pair(rng *r, trial *t, int inputs, void *const *data) {
    uint8_t rank = (uint8_t)random_below(r, 6);
    trial_shape(r, rank, t->out[0].dims);
    t->out[0].rank = rank;
    t->out[0].layout =
        rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
    t->output_count = 1;
    t->input_count = inputs;
    int whole = (int)random_below(r, (uint32_t)inputs); /* this one has every axis */
    for (int k = 0; k < inputs; ++k) {
        shrink(r, t, k, k != (t->op == RNM_OP_PRelu ? 0 : whole));
        fill_numbers(r, t->in[k].type, data[k], trial_elements(t->in[k].rank, t->in[k].dims));
        t->in[k].data = data[k];
    }
}

static void try_pairs(rnm_op op, const rnm_dtype *types, size_t type_count, rnm_dtype out) {
    rng r = {(uint64_t)op + 7};
    double *first = malloc(MOST_ELEMENTS * 8), *second = malloc(MOST_ELEMENTS * 8);
    double *wanted = malloc(MOST_ELEMENTS * 8);
    assert_true(first != NULL && second != NULL && wanted != NULL);
    for (int round = 0; round < 12 * (int)type_count; ++round) {
        rnm_dtype type = types[(size_t)round % type_count];
        trial t = {.op = op, .attributes = pair_attributes, .flag = random_below(&r, 2) == 0};
        t.in[0].type = t.in[1].type = type;
        t.out[0].type = out != 0 ? out : type;
        void *const data[] = {first, second};
        start_pair(&r, &t, 2, data);
        if (op == RNM_OP_Pow) {
            for (size_t k = 0; k < trial_elements(t.in[0].rank, t.in[0].dims); ++k) {
                double base = number_at(type, first, k);
                put_number(type, first, k, is_real_type(type) ? fabs(base) : fmod(base, 3.0));
            }
        }
        size_t count = trial_elements(t.out[0].rank, t.out[0].dims);
        for (size_t k = 0; k < count; ++k) {
            wanted[k] = naive_pair(op, type, number_at(type, first, place(&t, 0, k)),
                                   number_at(type, second, place(&t, 1, k)), t.flag);
            if (type == RNM_F32 && t.flag && (op == RNM_OP_Add || op == RNM_OP_Mul)) {
                wanted[k] = fmax(wanted[k], 0.0);
            }
        }
        check_trial(&t, wanted, rnm_op_find(op)->name);
    }
    free(wanted);
    free(second);
    free(first);
}

static const rnm_dtype numbers[] = {RNM_F32, RNM_F64, RNM_I64, RNM_I32, RNM_I8, RNM_U8};
static const rnm_dtype bools[] = {RNM_BOOL};

static void pairs(void **state) {
    (void)state;
    static const rnm_op ops[] = {RNM_OP_Add, RNM_OP_Sub, RNM_OP_Mul, RNM_OP_Div,
                                 RNM_OP_Pow, RNM_OP_Min, RNM_OP_Max, RNM_OP_Mod};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; ++k) {
        try_pairs(ops[k], numbers, 6, 0);
    }
    try_pairs(RNM_OP_PRelu, numbers, 1, 0);
}

static void comparisons(void **state) {
    (void)state;
    for (int op = RNM_OP_Equal; op <= RNM_OP_GreaterOrEqual; ++op) {
        try_pairs((rnm_op)op, numbers, 6, RNM_BOOL);
    }
    for (int op = RNM_OP_And; op <= RNM_OP_Xor; ++op) {
        try_pairs((rnm_op)op, bools, 1, RNM_BOOL);
    }
    try_pairs(RNM_OP_Equal, bools, 1, RNM_BOOL);
}

static void choices(void **state) {
    (void)state;
    rng r = {77};
    static double data[3][MOST_ELEMENTS], wanted[MOST_ELEMENTS];
    for (int round = 0; round < 72; ++round) {
        rnm_dtype type = round % 7 == 6 ? RNM_BOOL : numbers[round % 7];
        trial t = {.op = RNM_OP_Where};
        t.in[0].type = RNM_BOOL;
        t.in[1].type = t.in[2].type = t.out[0].type = type;
        void *const inputs[] = {data[0], data[1], data[2]};
        start_pair(&r, &t, 3, inputs);
        for (size_t k = 0; k < trial_elements(t.out[0].rank, t.out[0].dims); ++k) {
            int from = number_at(RNM_BOOL, data[0], place(&t, 0, k)) != 0.0 ? 1 : 2;
            wanted[k] = number_at(type, data[from], place(&t, from, k));
        }
        check_trial(&t, wanted, "Where");
    }
}

/* More than an item's worth, whole and as a long line. */
static void large(void **state) {
    (void)state;
    enum { COUNT = 3 * 40001 };
    rng r = {5};
    float *x = malloc(COUNT * sizeof *x), *z = malloc(COUNT * sizeof *z);
    double *wanted = malloc(COUNT * sizeof *wanted);
    assert_true(x != NULL && z != NULL && wanted != NULL);
    random_fill(&r, x, COUNT);
    random_fill(&r, z, COUNT);
    for (int round = 0; round < 2; ++round) {
        trial t = {.op = RNM_OP_Sub, .input_count = 2, .output_count = 1};
        t.in[0].type = t.in[1].type = t.out[0].type = RNM_F32;
        t.in[0].rank = t.out[0].rank = t.in[1].rank = 2;
        t.in[0].dims[0] = t.out[0].dims[0] = 3;
        t.in[0].dims[1] = t.out[0].dims[1] = 40001;
        t.in[1].dims[0] = round == 0 ? 3 : 1;
        t.in[1].dims[1] = 40001;
        t.in[0].data = x;
        t.in[1].data = z;
        for (size_t k = 0; k < COUNT; ++k) {
            wanted[k] = (double)x[k] - (double)z[round == 0 ? k : k % 40001];
        }
        check_trial(&t, wanted, "Sub");
    }
    free(wanted);
    free(z);
    free(x);
}

/* ---- one element ----------------------------------------------------------------------------- */

static const struct {
    rnm_op op;
    double least, most;
} functions[] = {
    {RNM_OP_Abs, -3, 3},       {RNM_OP_Neg, -3, 3},      {RNM_OP_Sign, -3, 3},
    {RNM_OP_Exp, -5, 5},       {RNM_OP_Log, 0.01, 9},    {RNM_OP_Sqrt, 0, 9},
    {RNM_OP_Reciprocal, 1, 9}, {RNM_OP_Ceil, -3, 3},     {RNM_OP_Floor, -3, 3},
    {RNM_OP_Round, -3, 3},     {RNM_OP_Erf, -3, 3},      {RNM_OP_Sin, -3, 3},
    {RNM_OP_Cos, -3, 3},       {RNM_OP_Tan, -1, 1},      {RNM_OP_Asin, -1, 1},
    {RNM_OP_Acos, -1, 1},      {RNM_OP_Atan, -3, 3},     {RNM_OP_Sinh, -3, 3},
    {RNM_OP_Cosh, -3, 3},      {RNM_OP_Asinh, -3, 3},    {RNM_OP_Acosh, 1.1, 4},
    {RNM_OP_Atanh, -0.9, 0.9}, {RNM_OP_Selu, -3, 3},     {RNM_OP_Celu, -3, 3},
    {RNM_OP_Softplus, -9, 99}, {RNM_OP_Softsign, -3, 3}, {RNM_OP_ThresholdedRelu, -3, 3},
    {RNM_OP_Mish, -9, 99},     {RNM_OP_Gelu, -3, 3},
};

static double naive_function(rnm_op op, double x, bool flag) {
    double softplus = x > 30.0 ? x : log(1.0 + exp(x));
    switch (op) {
    case RNM_OP_Abs:
        return fabs(x);
    case RNM_OP_Neg:
        return -x;
    case RNM_OP_Sign:
        return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
    case RNM_OP_Exp:
        return exp(x);
    case RNM_OP_Log:
        return log(x);
    case RNM_OP_Sqrt:
        return sqrt(x);
    case RNM_OP_Reciprocal:
        return 1.0 / x;
    case RNM_OP_Ceil:
        return ceil(x);
    case RNM_OP_Floor:
        return floor(x);
    case RNM_OP_Round:
        return nearbyint(x);
    case RNM_OP_Erf:
        return erf(x);
    case RNM_OP_Sin:
        return sin(x);
    case RNM_OP_Cos:
        return cos(x);
    case RNM_OP_Tan:
        return tan(x);
    case RNM_OP_Asin:
        return asin(x);
    case RNM_OP_Acos:
        return acos(x);
    case RNM_OP_Atan:
        return atan(x);
    case RNM_OP_Sinh:
        return sinh(x);
    case RNM_OP_Cosh:
        return cosh(x);
    case RNM_OP_Asinh:
        return asinh(x);
    case RNM_OP_Acosh:
        return acosh(x);
    case RNM_OP_Atanh:
        return atanh(x);
    case RNM_OP_Selu:
        return 1.25 * (x > 0.0 ? x : 0.5 * (exp(x) - 1.0));
    case RNM_OP_Celu:
        return fmax(x, 0.0) + fmin(0.0, 0.5 * (exp(x / 0.5) - 1.0));
    case RNM_OP_Softplus:
        return softplus;
    case RNM_OP_Softsign:
        return x / (1.0 + fabs(x));
    case RNM_OP_ThresholdedRelu:
        return x > 0.5 ? x : 0.0;
    case RNM_OP_Mish:
        return x * tanh(softplus);
    default: /* Gelu */
        return flag ? 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)))
                    : 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    }
}

static void function_attributes(rnm_builder *b, const trial *t) {
    if (t->op == RNM_OP_Selu || t->op == RNM_OP_Celu || t->op == RNM_OP_ThresholdedRelu) {
        builder_attr_float(b, RNM_ATTRIBUTE_alpha, 0.5f);
    }
    if (t->op == RNM_OP_Selu) {
        builder_attr_float(b, RNM_ATTRIBUTE_gamma, 1.25f);
    }
    if (t->op == RNM_OP_Gelu) {
        builder_attr_int(b, RNM_ATTRIBUTE_approximate, t->flag);
    }
}

static void one_element(void **state) {
    (void)state;
    rng r = {78};
    static float x[MOST_ELEMENTS];
    static double wanted[MOST_ELEMENTS];
    for (size_t f = 0; f < sizeof functions / sizeof *functions; ++f) {
        for (int round = 0; round < 4; ++round) {
            trial t = {.op = functions[f].op, .flag = round % 2 == 0};
            t.attributes = function_attributes;
            t.in[0].type = t.out[0].type = RNM_F32;
            void *const data[] = {x};
            start_pair(&r, &t, 1, data);
            t.in[0].layout = t.out[0].layout;
            size_t count = trial_elements(t.out[0].rank, t.out[0].dims);
            for (size_t k = 0; k < count; ++k) {
                double part = ((double)random_float(&r) + 1.0) / 2.0;
                x[k] =
                    (float)(functions[f].least + part * (functions[f].most - functions[f].least));
                x[k] = k % 5 == 4 && functions[f].op == RNM_OP_Round ? rintf(x[k]) + 0.5f : x[k];
                wanted[k] = naive_function(functions[f].op, (double)x[k], t.flag);
            }
            check_trial(&t, wanted, rnm_op_find(functions[f].op)->name);
        }
    }
}

static void whole_and_odd_numbers(void **state) {
    (void)state;
    rng r = {79};
    static double x[MOST_ELEMENTS], wanted[MOST_ELEMENTS];
    static const rnm_op ops[] = {RNM_OP_Abs, RNM_OP_Neg, RNM_OP_Sign};
    for (int round = 0; round < 54; ++round) {
        rnm_dtype type = numbers[round % 6];
        trial t = {.op = ops[round / 6 % 3]};
        t.in[0].type = t.out[0].type = type;
        void *const data[] = {x};
        start_pair(&r, &t, 1, data);
        t.in[0].layout = t.out[0].layout;
        for (size_t k = 0; k < trial_elements(t.out[0].rank, t.out[0].dims); ++k) {
            double value = naive_function(t.op, number_at(type, x, k), false);
            wanted[k] = is_real_type(type) ? value : (double)low_bits(type, (int64_t)value);
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f};
    static const double nan_of[] = {1, 0, 0, 0, 0, 0}, inf_of[] = {0, 1, 1, 0, 0, 0};
    trial t = {.op = RNM_OP_IsNaN, .input_count = 1, .output_count = 1};
    t.in[0].type = RNM_F32;
    t.out[0].type = RNM_BOOL;
    t.in[0].rank = t.out[0].rank = 1;
    t.in[0].dims[0] = t.out[0].dims[0] = 6;
    t.in[0].data = odd;
    check_trial(&t, nan_of, "IsNaN");
    t.op = RNM_OP_IsInf;
    check_trial(&t, inf_of, "IsInf");
    static const double softplus_of[] = {NAN, INFINITY, 0, 0.69314718, 0.69314718, 1.31326169};
    t.op = RNM_OP_Softplus;
    t.out[0].type = RNM_F32;
    check_trial(&t, softplus_of, "Softplus");
    static const uint8_t bits[] = {0, 1, 1, 0, 0, 1};
    static const double not_of[] = {1, 0, 0, 1, 1, 0};
    t.op = RNM_OP_Not;
    t.in[0].type = t.out[0].type = RNM_BOOL;
    t.in[0].data = bits;
    check_trial(&t, not_of, "Not");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),       cmocka_unit_test(comparisons),
        cmocka_unit_test(choices),     cmocka_unit_test(large),
        cmocka_unit_test(one_element), cmocka_unit_test(whole_and_odd_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
