/* SPDX-License-Identifier: Apache-2.0
 *
 * Conv and Gemm on random odd sizes: one to three spatial axes, strides, dilations, asymmetric
 * pads, groups, depthwise, batches, every epilogue; and on sizes that Winograd takes in all its
 * ways.
 */
#include "conv_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void random_convolutions(void **state) {
    (void)state;
    rng r = {7};
    for (int k = 0; k < 90; ++k) {
        conv_case c = random_case(&r, 1 + k % 3);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void groups(void **state) {
    (void)state;
    rng r = {8};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 1 + k % 2);
        c.window.groups = 2 + random_below(&r, 4);
        c.window.in_channels = c.window.groups * (1 + random_below(&r, 9));
        c.window.out_channels = c.window.groups * (1 + random_below(&r, 40));
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void depthwise(void **state) {
    (void)state;
    rng r = {9};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 2);
        c.window.groups = c.window.in_channels = 1 + random_below(&r, 70);
        c.window.out_channels = c.window.groups * (1 + random_below(&r, 4) / 3);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

static void products(void **state) {
    (void)state;
    rng r = {10};
    for (int k = 0; k < 30; ++k) {
        conv_case c = random_case(&r, 0);
        c.window.batch = 1 + random_below(&r, 20);
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* More pixels than one item takes, as maps of real networks have. */
static void large_map(void **state) {
    (void)state;
    rng r = {11};
    conv_case c = random_case(&r, 2);
    c.window.batch = 2;
    c.window.in[1] = 17;
    c.window.in[2] = 19;
    c.window.in_channels = 24;
    c.window.out_channels = 67;
    settle(&r, &c);
    check_case(&r, &c);
}

/* Every side of a map up to 19, with kernels up to 5x5 and strides up to 3, and input channels that
 * go from 1 to 70 in steps of odd sizes. */
static void every_side(void **state) {
    (void)state;
    rng r = {15};
    for (int side = 1; side <= 19; ++side) {
        conv_case c = random_case(&r, 2);
        naive_window *w = &c.window;
        w->batch = 1;
        w->in[1] = side;
        w->in[2] = 1 + (side * 7) % 19;
        w->in_channels = 1 + (side * 11) % 70;
        w->out_channels = 1 + random_below(&r, 40);
        w->kernel[1] = 1 + side % 5;
        w->kernel[2] = 5 - side % 5;
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* Maps of square kernels with stride 1, small enough that every choice comes up. */
static conv_case square_case_of(rng *r, int64_t kernel) {
    conv_case c = random_case(r, 2);
    naive_window *w = &c.window;
    const uint32_t most = random_below(r, 2) == 0 ? 5 : 19;
    w->in_channels = 1 + random_below(r, (uint32_t)(630 / (kernel * kernel)));
    for (int axis = 1; axis < 3; ++axis) {
        w->in[axis] = 1 + random_below(r, most);
        w->kernel[axis] = kernel;
        w->strides[axis] = w->dilations[axis] = 1;
        w->pads[axis] = random_below(r, 4);
        w->end_pads[axis] = random_below(r, 4);
    }
    return c;
}

static conv_case square_case(rng *r) {
    return square_case_of(r, 3);
}

static void squares(void **state) {
    (void)state;
    rng r = {12};
    unsigned seen[5] = {0};
    for (int k = 0; k < 70; ++k) {
        conv_case c = square_case(&r);
        settle(&r, &c);
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 4 && seen[2] > 4 && seen[4] > 4);
}

static void squares_of_five(void **state) {
    (void)state;
    rng r = {15};
    unsigned seen[5] = {0};
    for (int k = 0; k < 40; ++k) {
        conv_case c = square_case_of(&r, 5);
        c.window.in_channels = k < 12 ? 3 : 16 + random_below(&r, 10);
        settle(&r, &c);
        ++seen[check_case(&r, &c)];
    }
    assert_true(seen[0] > 1 && seen[2] > 4);
}

/* More than one block of tiles, of inputs and of outputs, none of them full. */
static void square_blocks(void **state) {
    (void)state;
    rng r = {13};
    conv_case c = square_case(&r);
    c.window.batch = 3;
    c.window.in_channels = c.window.out_channels = 70;
    for (int axis = 1; axis < 3; ++axis) {
        c.window.in[axis] = 19;
        c.window.pads[axis] = 1;
        c.window.end_pads[axis] = 2;
    }
    settle(&r, &c);
    c.residual = c.bias = c.scale = true;
    assert_int_equal(check_case(&r, &c), 4);
}

/* A third axis of size 1 that pads make longer is none that Winograd can leave out. */
static void padded_depth(void **state) {
    (void)state;
    rng r = {14};
    for (int k = 0; k < 8; ++k) {
        conv_case c = square_case(&r);
        c.spatial = 3;
        c.window.in[1] = c.window.in[2] = 12;
        c.window.pads[0] = k % 3;
        c.window.end_pads[0] = k / 3;
        c.window.strides[0] = 1 + k % 2;
        settle(&r, &c);
        check_case(&r, &c);
    }
}

/* So many inputs and so few outputs that Winograd goes through the inputs first: one panel and
 * more, parents read in place, gathered and not, and expanded. */
static void inputs_first(void **state) {
    (void)state;
    static const struct {
        int64_t inputs, outputs, side;
        uint32_t po, pi;
        uint8_t transform;
    } sizes[] = {
        {610, 33, 13, 33, 610, RNM_TRANSFORM_LINEAR}, {600, 70, 12, 70, 200, RNM_TRANSFORM_F},
        {640, 64, 11, 64, 640, RNM_TRANSFORM_F},      {1024, 64, 10, 64, 512, RNM_TRANSFORM_F},
        {480, 32, 17, 16, 60, RNM_TRANSFORM_S},       {590, 40, 9, 40, 590, RNM_TRANSFORM_DROP},
    };
    rng r = {20};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; ++k) {
        conv_case c = random_case(&r, 2);
        naive_window *w = &c.window;
        w->batch = 1 + (int64_t)k % 2;
        w->in_channels = sizes[k].inputs;
        w->out_channels = sizes[k].outputs;
        for (int axis = 1; axis < 3; ++axis) {
            w->in[axis] = sizes[k].side;
            w->kernel[axis] = 3;
            w->strides[axis] = w->dilations[axis] = w->pads[axis] = w->end_pads[axis] = 1;
        }
        settle(&r, &c);
        c.recipe.transform = sizes[k].transform;
        c.recipe.po = sizes[k].po;
        c.recipe.pi = sizes[k].pi;
        c.blocks = true;
        c.threads = 1 + (int)k % 3;
        check_case(&r, &c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convolutions),
        cmocka_unit_test(groups),
        cmocka_unit_test(depthwise),
        cmocka_unit_test(products),
        cmocka_unit_test(large_map),
        cmocka_unit_test(every_side),
        cmocka_unit_test(squares),
        cmocka_unit_test(squares_of_five),
        cmocka_unit_test(square_blocks),
        cmocka_unit_test(padded_depth),
        cmocka_unit_test(inputs_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
