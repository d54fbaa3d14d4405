/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm whose weights repeat a parent, by what makes use of that: sums of repeated inputs,
 * rows that several panels share, tables of signed sums, mixtures of blocks.
 */
#include "conv_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct repeated_case {
    int spatial;
    int64_t kernel, stride, side;
    uint32_t ci, pi, co, po;
    rnm_dtype dtype;
    rnm_op activation;
} repeated_case;

/* Kernels of all algorithms; inputs, outputs or both repeated, whole times and not; parents of one
 * element, of less than a vector, and of more than a panel. */
static const repeated_case repeated_cases[] = {
    {2, 1, 1, 9, 24, 8, 64, 16, RNM_F32, RNM_OP_Relu},
    {2, 1, 2, 9, 37, 10, 70, 33, RNM_F32, RNM_OP_NONE},
    {2, 1, 1, 14, 64, 64, 256, 64, RNM_F32, RNM_OP_Sigmoid},
    {2, 3, 1, 16, 64, 16, 64, 16, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 16, 64, 32, 128, 64, RNM_F32, RNM_OP_Elu},
    {2, 3, 1, 13, 50, 22, 90, 22, RNM_F32, RNM_OP_Clip},
    {2, 3, 1, 11, 30, 13, 40, 40, RNM_F32, RNM_OP_LeakyRelu},
    {2, 3, 1, 11, 20, 20, 67, 13, RNM_F32, RNM_OP_Tanh},
    {2, 3, 1, 5, 70, 45, 140, 45, RNM_F16, RNM_OP_NONE},
    {2, 3, 2, 17, 64, 32, 64, 32, RNM_F32, RNM_OP_Relu},
    {2, 3, 2, 9, 21, 20, 50, 24, RNM_F32, RNM_OP_Elu},
    {2, 5, 1, 12, 40, 20, 40, 32, RNM_F32, RNM_OP_Relu},
    {2, 5, 1, 7, 9, 1, 35, 1, RNM_F32, RNM_OP_HardSwish},
    {2, 5, 2, 12, 33, 17, 34, 17, RNM_BF16, RNM_OP_NONE},
    {2, 7, 2, 20, 6, 3, 48, 5, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 10, 24, 8, 200, 12, RNM_F32, RNM_OP_Relu},
    {2, 3, 1, 2, 48, 16, 100, 64, RNM_F32, RNM_OP_Relu},
    {1, 3, 1, 12, 20, 7, 40, 9, RNM_F32, RNM_OP_HardSigmoid},
    {3, 2, 1, 4, 19, 4, 37, 33, RNM_F32, RNM_OP_NONE},
    {0, 1, 1, 1, 200, 70, 100, 33, RNM_F32, RNM_OP_Relu},
    {0, 1, 1, 1, 64, 1, 33, 1, RNM_F32, RNM_OP_NONE},
    {0, 1, 1, 1, 128, 64, 128, 64, RNM_F32, RNM_OP_NONE},
};

/* Linear layers run as their parents alone: against the child, expanded, and beside all modes. */
static void linear_repeats(void **state) {
    (void)state;
    enum { CASES = sizeof repeated_cases / sizeof *repeated_cases };
    rng r = {16};
    unsigned seen[5] = {0};
    for (int k = 0; k < 3 * CASES; ++k) {
        const repeated_case *repeated = &repeated_cases[k % CASES];
        conv_case c = random_case(&r, repeated->spatial);
        naive_window *w = &c.window;
        w->batch = k < CASES ? 1 : 3;
        w->in_channels = repeated->ci;
        w->out_channels = repeated->co;
        set_axes(&c, repeated->side, repeated->kernel, repeated->stride);
        settle(&r, &c);
        c.recipe.transform = RNM_TRANSFORM_LINEAR;
        c.recipe.po = repeated->po;
        c.recipe.pi = repeated->pi;
        c.recipe.parent_dtype = repeated->dtype;
        c.activation = repeated->activation;
        c.residual = k % 2 == 0;
        c.threads = 1 + k / CASES;
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 9 && seen[2] > 2 && seen[4] > 2);
}

/* Of one recipe the layer of one group takes the parent, that of two groups the whole child, even
 * where the child's group is as large as the parent. */
static void linear_in_groups_and_not(void **state) {
    (void)state;
    enum { IN = 6, OUT = 16, SIDE = 5, PIXELS = SIDE * SIDE };
    static const int64_t one_dims[] = {1, IN, SIDE, SIDE}, two_dims[] = {1, 2 * IN, SIDE, SIDE};
    static const int64_t out_dims[] = {1, OUT, SIDE, SIDE};
    rng r = {17};
    rnm_builder *b = builder_new();
    const uint32_t one = add_input(b, "one", 2, one_dims), two = add_input(b, "two", 2, two_dims);
    const recipe_plan plan = {.transform = RNM_TRANSFORM_LINEAR,
                              .rank = 4,
                              .dims = {OUT, IN, 1, 1},
                              .po = OUT / 2,
                              .pi = IN,
                              .parent_dtype = RNM_F32};
    const uint32_t w = random_recipe(&r, b, "w", plan);
    const uint32_t y1 = builder_activation(b, "y1", RNM_LAYOUT_CHANNELS_LAST, 4, out_dims);
    const uint32_t y2 = builder_activation(b, "y2", RNM_LAYOUT_CHANNELS_LAST, 4, out_dims);
    uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, 4, out_dims);
    builder_node(b, "first", RNM_OP_Conv, 2, (uint32_t[]){one, w}, y1);
    builder_node(b, "second", RNM_OP_Conv, 5, (uint32_t[]){two, w, RNM_NONE, RNM_NONE, y1}, y2);
    builder_attr_int(b, RNM_ATTRIBUTE_group, 2);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &y2, rows);
    builder_output(b, rows);
    opened model = open_built(b);

    float x1[IN * PIXELS], x2[2 * IN * PIXELS];
    double exact[2 * IN * PIXELS], sums[OUT * PIXELS], wanted[OUT * PIXELS];
    const float *inputs[] = {x1, x2};
    random_fill(&r, x1, IN * PIXELS);
    random_fill(&r, x2, 2 * IN * PIXELS);
    float *weights = reference_child(model.model, 0);
    naive_window window = {.batch = 1,
                           .in_channels = IN,
                           .out_channels = OUT,
                           .in = {1, SIDE, SIDE},
                           .out = {1, SIDE, SIDE},
                           .kernel = {1, 1, 1},
                           .strides = {1, 1, 1},
                           .dilations = {1, 1, 1},
                           .groups = 1};
    for (size_t k = 0; k < IN * PIXELS; ++k) {
        exact[k] = (double)x1[k];
    }
    naive_conv(&window, exact, weights, sums);
    for (size_t k = 0; k < 2 * IN * PIXELS; ++k) {
        exact[k] = (double)x2[k];
    }
    window.in_channels = 2 * IN;
    window.groups = 2;
    naive_conv(&window, exact, weights, wanted);
    for (size_t k = 0; k < OUT * PIXELS; ++k) {
        wanted[k] += sums[k];
    }
    rnm_context_options options = {.threads = 1};
    float *found = run_all_modes(model.model, &options, inputs, OUT * PIXELS);
    check_close(found, wanted, OUT * PIXELS, 2e-5, "two layers of one recipe");
    free(found);
    free(weights);
    close_opened(model);
}

/* What repeats a case: signs, signs of zero as a list and a plane, half floats, copies. */
static void vary(recipe_plan *plan, unsigned variant) {
    plan->transform = variant == 4 ? RNM_TRANSFORM_LINEAR : RNM_TRANSFORM_F;
    plan->zeros = variant < 3 ? variant : 0;
    plan->parent_dtype = variant == 3 ? RNM_F16 : RNM_F32;
}

/* Few pixels, and four tiles, of parents whose panels repeat and are read where they lie: alone and
 * several at a time, in one run of the parent's inputs and in more, with taps that are out of the
 * map, beside panels that are cut short. */
static void repeated_parents(void **state) {
    (void)state;
    static const struct {
        int64_t batch, inputs, outputs, side, kernel, stride; /* kernels of 1: Gemm */
        uint32_t po, pi;
    } sizes[] = {
        {1, 64, 128, 1, 1, 1, 32, 16},  {3, 100, 128, 1, 1, 1, 48, 32},
        {4, 33, 150, 1, 1, 1, 64, 32},  {1, 96, 256, 2, 3, 1, 64, 32},
        {1, 80, 200, 2, 3, 1, 64, 80},  {4, 70, 192, 1, 3, 1, 96, 48},
        {1, 130, 288, 3, 3, 2, 96, 64}, {1, 16, 320, 2, 3, 1, 64, 16},
        {1, 1, 64, 2, 3, 1, 32, 1},     {1, 48, 128, 4, 3, 1, 32, 16},
        {1, 48, 128, 8, 3, 1, 64, 32},  {1, 35, 128, 4, 3, 1, 64, 20},
        {1, 40, 100, 8, 3, 1, 50, 40},  {1, 64, 256, 8, 3, 1, 128, 32},
        {1, 17, 96, 7, 3, 1, 40, 17},   {1, 48, 96, 8, 3, 1, 32, 16},
        {1, 48, 100, 8, 3, 1, 32, 16},  {1, 64, 1856, 7, 3, 1, 928, 32},
    };
    rng r = {14};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; ++k) {
        for (unsigned variant = 0; variant < 5; ++variant) {
            conv_case c = random_case(&r, sizes[k].kernel == 1 ? 0 : 2);
            naive_window *w = &c.window;
            w->batch = sizes[k].batch;
            w->in_channels = sizes[k].inputs;
            w->out_channels = sizes[k].outputs;
            for (int axis = 1; c.spatial > 0 && axis < 3; ++axis) {
                w->in[axis] = sizes[k].side;
                w->kernel[axis] = sizes[k].kernel;
                w->strides[axis] = sizes[k].stride;
                w->dilations[axis] = w->pads[axis] = w->end_pads[axis] = 1;
            }
            settle(&r, &c);
            c.recipe.po = sizes[k].po;
            c.recipe.pi = sizes[k].pi;
            vary(&c.recipe, variant);
            c.threads = 1 + (int)(k + variant) % 4;
            check_case(&r, &c);
        }
    }
}

/* One f layer whose inputs repeat. */
typedef struct signed_case {
    int64_t batch, inputs, outputs, sides[2], kernel[2], strides[2], dilations[2], pad;
    uint32_t po, pi;
    rnm_dtype dtype;
} signed_case;

/* Repeats of 3 to 17, whole and cut short, so of one group of inputs and more; parents of one
 * element and of more than a panel; maps of less than a vector and of several items. */
static const signed_case signed_cases[] = {
    {1, 64, 64, {8, 8}, {3, 3}, {1, 1}, {1, 1}, 1, 8, 8, RNM_F32},
    {1, 24, 40, {9, 7}, {3, 3}, {2, 2}, {1, 1}, 1, 10, 8, RNM_F32},
    {2, 60, 70, {9, 19}, {3, 3}, {1, 1}, {1, 1}, 1, 33, 20, RNM_F32},
    {1, 50, 100, {13, 15}, {5, 5}, {1, 1}, {1, 1}, 2, 45, 9, RNM_F16},
    {3, 33, 65, {5, 4}, {1, 1}, {2, 2}, {1, 1}, 0, 16, 11, RNM_BF16},
    {1, 17, 33, {12, 3}, {1, 7}, {1, 1}, {1, 2}, 3, 33, 1, RNM_F32},
    {1, 100, 129, {6, 20}, {7, 2}, {3, 2}, {1, 3}, 2, 64, 30, RNM_F32},
    {1, 9, 1, {1, 1}, {3, 3}, {1, 1}, {2, 2}, 2, 1, 2, RNM_F32},
    {1, 40, 32, {17, 33}, {3, 3}, {2, 1}, {1, 1}, 0, 32, 10, RNM_F32},
};

static conv_case signed_conv(rng *r, const signed_case *s) {
    conv_case c = random_case(r, 2);
    naive_window *w = &c.window;
    w->batch = s->batch;
    w->in_channels = s->inputs;
    w->out_channels = s->outputs;
    for (int axis = 1; axis < 3; ++axis) {
        w->in[axis] = s->sides[axis - 1];
        w->kernel[axis] = s->kernel[axis - 1];
        w->strides[axis] = s->strides[axis - 1];
        w->dilations[axis] = s->dilations[axis - 1];
        w->pads[axis] = s->pad;
        w->end_pads[axis] = s->pad + axis - 1;
    }
    settle(r, &c);
    c.tables = true;
    c.recipe.transform = RNM_TRANSFORM_F;
    c.recipe.zeros = 0;
    c.recipe.po = s->po;
    c.recipe.pi = s->pi;
    c.recipe.parent_dtype = s->dtype;
    return c;
}

static void tables_of_signed_sums(void **state) {
    (void)state;
    rng r = {18};
    for (size_t k = 0; k < sizeof signed_cases / sizeof *signed_cases; ++k) {
        const conv_case c = signed_conv(&r, &signed_cases[k]);
        check_case(&r, &c);
    }
}

/* An s layer whose blocks are few more than those that they are mixtures of, or many. */
typedef struct mixed_case {
    int spatial;
    int64_t batch, side, kernel, stride;
    uint32_t rows, columns, po, pi;
    float steepness;
    rnm_dtype dtype;
} mixed_case;

static const mixed_case mixed_cases[] = {
    {2, 1, 8, 3, 1, 8, 8, 32, 24, 1.0f, RNM_F32},   {2, 1, 7, 3, 1, 6, 5, 40, 33, 2.0f, RNM_F32},
    {2, 3, 5, 3, 1, 7, 6, 17, 35, 0.5f, RNM_F16},   {2, 2, 9, 3, 2, 6, 9, 64, 16, 4.0f, RNM_F32},
    {2, 1, 6, 5, 1, 9, 8, 32, 9, 1.0f, RNM_BF16},   {2, 1, 4, 1, 1, 16, 16, 32, 16, 8.0f, RNM_F32},
    {3, 1, 4, 2, 1, 8, 8, 20, 12, 1.0f, RNM_F32},   {0, 1, 1, 1, 1, 16, 16, 32, 16, 2.0f, RNM_F32},
    {0, 3, 1, 1, 1, 12, 13, 40, 20, 1.0f, RNM_F32}, {2, 1, 16, 3, 1, 8, 11, 64, 16, 1.0f, RNM_F32},
};

/* In all modes, on 1 to 4 threads, by what the plan takes for the mixture and without one. */
static void mixtures(void **state) {
    (void)state;
    enum { CASES = sizeof mixed_cases / sizeof *mixed_cases };
    rng r = {19};
    unsigned mixed = 0;
    for (int k = 0; k < CASES; ++k) {
        const mixed_case *m = &mixed_cases[k];
        conv_case c = random_case(&r, m->spatial);
        naive_window *w = &c.window;
        w->batch = m->batch;
        w->in_channels = (int64_t)m->columns * m->pi;
        w->out_channels = (int64_t)m->rows * m->po;
        set_axes(&c, m->side, m->kernel, m->stride);
        settle(&r, &c);
        c.recipe.transform = RNM_TRANSFORM_S;
        c.recipe.po = m->po;
        c.recipe.pi = m->pi;
        c.recipe.parent_dtype = m->dtype;
        c.recipe.steepness = m->steepness;
        c.residual = k % 2 == 0;
        c.threads = 1 + k % 4;
        c.mixed = &mixed;
        check_case(&r, &c);
    }
    assert_true(mixed > CASES / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_repeats),   cmocka_unit_test(linear_in_groups_and_not),
        cmocka_unit_test(repeated_parents), cmocka_unit_test(tables_of_signed_sums),
        cmocka_unit_test(mixtures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
