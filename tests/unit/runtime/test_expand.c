/* SPDX-License-Identifier: Apache-2.0
 *
 * Every panel expander on every instruction set against the scalar reference, bit for bit but for
 * s, whose exp may differ: parents of all widths, panels that start anywhere, partial blocks, both
 * kinds of zeros, all flags of s, all parent types. Lanes that do not exist are zeros.
 */
#include "expand/expand.h"
#include "fixture.h"
#include "half.h"
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Like floats in order, so that neighbours differ by 1, and -0 is next to 0. */
static int64_t rank_of(float x) {
    uint32_t bits = rnm_f32_bits(x);
    return bits >> 31 != 0 ? -(int64_t)(bits & INT32_MAX) - 1 : (int64_t)bits;
}

static bool equal(const rnm_child *child, float found, float wanted) {
    if (child->transform != RNM_TRANSFORM_S) {
        return rnm_f32_bits(found) == rnm_f32_bits(wanted);
    }
    int64_t distance = rank_of(found) - rank_of(wanted);
    return found == found && distance >= -4 && distance <= 4;
}

static void check_panel(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel) {
    size_t rows = (size_t)panel.inputs * child->taps;
    float *found = malloc(rows * RNM_PANEL * sizeof *found);
    assert_non_null(found);
    memset(found, 0xff, rows * RNM_PANEL * sizeof *found);
    rnm_expanders[child->transform](kernels, child, panel, found);
    for (size_t row = 0; row < rows; ++row) {
        uint32_t i = panel.input + (uint32_t)(row / child->taps);
        for (uint32_t l = 0; l < RNM_PANEL; ++l) {
            bool exists = l < panel.lanes;
            float wanted = exists ? rnm_expand_ref_at(child, panel.output + l, i,
                                                      (uint32_t)(row % child->taps))
                                  : 0.0f;
            float value = found[row * RNM_PANEL + l];
            if (exists ? !equal(child, value, wanted) : rnm_f32_bits(value) != 0) {
                fail_msg("%s: transform %d, child %ux%ux%u, parent %ux%u, output %u, input %u: "
                         "expected %.9g, found %.9g",
                         kernels->name, child->transform, child->co, child->ci, child->taps,
                         child->po, child->pi, panel.output + l, i, (double)wanted, (double)value);
            }
        }
    }
    free(found);
}

/* All panels from output 0, and some that start and end anywhere. */
static void check_child(rng *r, const rnm_kernels *kernels, const rnm_child *child) {
    for (uint32_t o = 0; o < child->co; o += RNM_PANEL) {
        uint32_t rest = child->co - o;
        check_panel(kernels, child,
                    (rnm_panel){o, rest < RNM_PANEL ? rest : RNM_PANEL, 0, child->ci});
    }
    for (int k = 0; k < 4; ++k) {
        rnm_panel panel = {.output = random_below(r, child->co),
                           .input = random_below(r, child->ci)};
        uint32_t lanes = child->co - panel.output;
        panel.lanes = 1 + random_below(r, lanes < RNM_PANEL ? lanes : RNM_PANEL);
        panel.inputs = 1 + random_below(r, child->ci - panel.input);
        check_panel(kernels, child, panel);
    }
}

/* Expands `plan` in a model that does nothing with it but hold it. */
static void check_plan(rng *r, recipe_plan plan) {
    rnm_builder *b = builder_new();
    uint32_t weight = random_recipe(r, b, "w", plan);
    int64_t x_dims[5] = {1, plan.dims[1], 9, 9, 9};
    int64_t y_dims[5] = {1, plan.dims[0], 0, 0, 0};
    for (unsigned axis = 2; axis < plan.rank; ++axis) {
        y_dims[axis] = 9 - (int64_t)plan.dims[axis] + 1;
    }
    uint32_t x = builder_input(b, "x", plan.rank, x_dims);
    if (plan.rank == 2) {
        uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, y_dims);
        builder_node(b, "fc", RNM_OP_Gemm, 2, (uint32_t[]){x, weight}, y);
        builder_output(b, y);
    } else {
        uint32_t xl = builder_activation(b, "xl", RNM_LAYOUT_CHANNELS_LAST, plan.rank, x_dims);
        uint32_t yl = builder_activation(b, "yl", RNM_LAYOUT_CHANNELS_LAST, plan.rank, y_dims);
        uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, plan.rank, y_dims);
        builder_node(b, "in", RNM_OP_Reorder, 1, &x, xl);
        builder_node(b, "conv", RNM_OP_Conv, 2, (uint32_t[]){xl, weight}, yl);
        builder_node(b, "out", RNM_OP_Reorder, 1, &yl, y);
        builder_output(b, y);
    }
    opened model = open_built(b);
    rnm_child child = rnm_view_child(&model.model->view, 0);
    rnm_isa isas[MOST_ISAS];
    size_t count = all_isas(isas);
    for (size_t k = 0; k < count; ++k) {
        check_child(r, kernels_of(isas[k]), &child);
    }
    close_opened(model);
}

static const rnm_dtype parent_types[] = {RNM_F32, RNM_F16, RNM_BF16};

static void widths_of_real_parents(void **state) {
    (void)state;
    static const uint32_t widths[] = {16, 22, 33, 45, 67, 90};
    rng r = {1};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; ++w) {
        for (uint8_t transform = 0; transform < RNM_TRANSFORM_KNOWN; ++transform) {
            recipe_plan plan = {
                .transform = transform,
                .rank = 4,
                .dims = {2 * widths[w] + 7, 5, 3, 3},
                .po = widths[w],
                .pi = 2,
                .parent_dtype = RNM_F32,
                .zeros = 1 + random_below(&r, 2),
            };
            check_plan(&r, plan);
            plan.flags = transform == RNM_TRANSFORM_S ? RNM_RECIPE_CASCADED : 0;
            check_plan(&r, plan);
        }
    }
}

static void random_sizes(void **state) {
    (void)state;
    rng r = {2};
    for (int k = 0; k < 400; ++k) {
        recipe_plan plan = {
            .transform = (uint8_t)random_below(&r, RNM_TRANSFORM_KNOWN),
            .rank = (uint8_t)(2 + random_below(&r, 3)),
            .dims = {1 + random_below(&r, 70), 1 + random_below(&r, 70), 1 + random_below(&r, 3),
                     1 + random_below(&r, 3)},
            .parent_dtype = parent_types[random_below(&r, 3)],
            .zeros = random_below(&r, 3),
        };
        plan.po = 1 + random_below(&r, plan.dims[0]);
        plan.pi = 1 + random_below(&r, plan.dims[1]);
        if (plan.transform == RNM_TRANSFORM_S) {
            plan.flags = (uint8_t)random_below(&r, 3);
            if (plan.flags == RNM_RECIPE_INTERLEAVED) {
                plan.dims[0] = plan.po * (1 + random_below(&r, 3));
                plan.dims[1] = plan.pi * (1 + random_below(&r, 3));
            }
        }
        check_plan(&r, plan);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_of_real_parents),
        cmocka_unit_test(random_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
