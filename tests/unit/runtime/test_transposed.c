/* SPDX-License-Identifier: Apache-2.0
 *
 * ConvTranspose against its definition: every input element is multiplied by the kernel and added
 * into the output. Random strides (beyond the kernel too), dilations, pads, output padding, groups,
 * transforms and epilogues; on every instruction set all modes agree bit for bit.
 */
#include "fixture.h"
#include "naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct transposed_case {
    naive_window w;
    int64_t output_padding[3];
    int spatial;
    recipe_plan recipe;
    bool scale, bias, residual, relu;
} transposed_case;

static int64_t volume(const int64_t sizes[3]) {
    return sizes[0] * sizes[1] * sizes[2];
}

/* y[n][o] += x[n][i] * weights[o][i], at stride * place - pad + dilation * tap. */
static void naive_transposed(const naive_window *w, const float *x, const float *weights,
                             double *y) {
    int64_t ci = w->in_channels / w->groups, co = w->out_channels / w->groups;
    int64_t taps = volume(w->kernel), in = volume(w->in), out = volume(w->out);
    memset(y, 0, (size_t)(w->batch * w->out_channels * out) * sizeof *y);
    for (int64_t at = 0; at < in * taps; ++at) {
        int64_t place = at / taps, tap = at % taps, target = 0, factor = 1;
        bool inside = true;
        for (int axis = 2; axis >= 0; --axis) {
            int64_t to = place % w->in[axis] * w->strides[axis] - w->pads[axis] +
                         tap % w->kernel[axis] * w->dilations[axis];
            place /= w->in[axis];
            tap /= w->kernel[axis];
            inside = inside && to >= 0 && to < w->out[axis];
            target += to * factor;
            factor *= w->out[axis];
        }
        for (int64_t row = 0; inside && row < w->batch * w->out_channels; ++row) {
            int64_t n = row / w->out_channels, o = row % w->out_channels;
            for (int64_t i = 0; i < ci; ++i) {
                y[row * out + target] +=
                    (double)x[(n * w->in_channels + o / co * ci + i) * in + at / taps] *
                    (double)weights[(o * ci + i) * taps + at % taps];
            }
        }
    }
}

static transposed_case random_case(rng *r, int round) {
    transposed_case c = {.spatial = 1 + round % 3, .scale = random_below(r, 2) == 0};
    c.bias = random_below(r, 2) == 0;
    c.residual = random_below(r, 3) == 0;
    c.relu = random_below(r, 2) == 0;
    naive_window *w = &c.w;
    w->batch = 1 + random_below(r, 2);
    w->groups = round % 4 == 1 ? 3 : 1;
    int64_t ci = 1 + random_below(r, 40), co = 1 + random_below(r, 40);
    if (round % 8 == 5) {
        ci = co = 1;
        w->groups = 37; /* depthwise */
    }
    w->in_channels = ci * w->groups;
    w->out_channels = co * w->groups;
    for (int axis = 0; axis < 3; ++axis) {
        bool exists = axis >= 3 - c.spatial;
        w->in[axis] = exists ? 1 + random_below(r, 6) : 1;
        w->kernel[axis] = exists ? 1 + random_below(r, 4) : 1;
        w->strides[axis] = exists ? 1 + random_below(r, 3) : 1;
        w->dilations[axis] = exists ? 1 + random_below(r, 3) : 1;
        int64_t most =
            w->strides[axis] > w->dilations[axis] ? w->strides[axis] : w->dilations[axis];
        c.output_padding[axis] = exists ? random_below(r, (uint32_t)most) : 0;
        int64_t room = w->strides[axis] * (w->in[axis] - 1) +
                       w->dilations[axis] * (w->kernel[axis] - 1) + 1 + c.output_padding[axis];
        w->pads[axis] = exists ? random_below(r, room > 3 ? 3 : (uint32_t)room) : 0;
        room -= w->pads[axis];
        w->end_pads[axis] = exists ? random_below(r, room > 3 ? 3 : (uint32_t)room) : 0;
        w->out[axis] = room - w->end_pads[axis];
    }
    recipe_plan *recipe = &c.recipe;
    recipe->transform = (uint8_t)(round % RNM_TRANSFORM_KNOWN);
    recipe->rank = (uint8_t)(2 + c.spatial);
    recipe->parent_dtype = round % 5 == 0 ? RNM_F16 : RNM_F32;
    recipe->dims[0] = (uint32_t)w->out_channels;
    recipe->dims[1] = (uint32_t)ci;
    for (int axis = 0; axis < c.spatial; ++axis) {
        recipe->dims[2 + axis] = (uint32_t)w->kernel[3 - c.spatial + axis];
    }
    recipe->po = 1 + random_below(r, recipe->dims[0]);
    recipe->pi = 1 + random_below(r, recipe->dims[1]);
    return c;
}

static uint32_t add_last(rnm_builder *b, const char *name, int spatial, int64_t batch,
                         int64_t channels, const int64_t sizes[3], int64_t dims[5]) {
    dims[0] = batch;
    dims[1] = channels;
    memcpy(dims + 2, sizes + 3 - spatial, (size_t)spatial * sizeof *dims);
    uint8_t rank = (uint8_t)(2 + spatial);
    uint32_t x = builder_input(b, name, rank, dims);
    char text[32];
    snprintf(text, sizeof text, "%s.last", name);
    uint32_t last = builder_activation(b, text, RNM_LAYOUT_CHANNELS_LAST, rank, dims);
    builder_node(b, text, RNM_OP_Reorder, 1, &x, last);
    return last;
}

static opened build(rng *r, const transposed_case *c, const float *scale, const float *bias) {
    const naive_window *w = &c->w;
    const int first = 3 - c->spatial;
    const uint8_t rank = (uint8_t)(2 + c->spatial);
    int64_t in[5], out[5], pads[6];
    rnm_builder *b = builder_new();
    uint32_t co = (uint32_t)w->out_channels;
    uint32_t inputs[5] = {
        add_last(b, "x", c->spatial, w->batch, w->in_channels, w->in, in),
        random_recipe(r, b, "w", c->recipe),
        c->bias ? builder_tensor_value(b, "b", builder_channel(b, "b", co, bias)) : RNM_NONE,
        c->scale ? builder_tensor_value(b, "s", builder_channel(b, "s", co, scale)) : RNM_NONE,
        RNM_NONE,
    };
    out[0] = w->batch;
    out[1] = w->out_channels;
    memcpy(out + 2, w->out + first, (size_t)c->spatial * sizeof *out);
    if (c->residual) {
        inputs[4] = add_last(b, "z", c->spatial, w->batch, w->out_channels, w->out, out);
    }
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_CHANNELS_LAST, rank, out);
    builder_node(b, "node", RNM_OP_ConvTranspose, 5, inputs, y);
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, (uint32_t)c->spatial, w->strides + first);
    builder_attr_ints(b, RNM_ATTRIBUTE_dilations, (uint32_t)c->spatial, w->dilations + first);
    memcpy(pads, w->pads + first, (size_t)c->spatial * sizeof *pads);
    memcpy(pads + c->spatial, w->end_pads + first, (size_t)c->spatial * sizeof *pads);
    builder_attr_ints(b, RNM_ATTRIBUTE_pads, 2 * (uint32_t)c->spatial, pads);
    builder_attr_ints(b, RNM_ATTRIBUTE_output_padding, (uint32_t)c->spatial,
                      c->output_padding + first);
    builder_attr_int(b, RNM_ATTRIBUTE_group, w->groups);
    if (c->relu) {
        builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Relu);
    }
    uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, rank, out);
    builder_node(b, "rows", RNM_OP_Reorder, 1, &y, rows);
    builder_output(b, rows);
    return open_built(b);
}

static void check_case(rng *r, const transposed_case *c) {
    const naive_window *w = &c->w;
    const size_t in = (size_t)(w->batch * w->in_channels * volume(w->in));
    const size_t channels = (size_t)w->out_channels, pixels = (size_t)volume(w->out);
    const size_t out = (size_t)w->batch * channels * pixels;
    float *x = malloc(in * sizeof *x), *z = malloc(out * sizeof *z);
    float *scale = malloc(channels * sizeof *scale), *bias = malloc(channels * sizeof *bias);
    double *wanted = malloc(out * sizeof *wanted);
    assert_true(x != NULL && z != NULL && scale != NULL && bias != NULL && wanted != NULL);
    random_fill(r, x, in);
    random_fill(r, z, out);
    random_fill(r, scale, channels);
    random_fill(r, bias, channels);
    opened model = build(r, c, scale, bias);
    float *weights = reference_child(model.model, 0);
    naive_transposed(w, x, weights, wanted);
    naive_epilogue(wanted, (size_t)w->batch, channels, pixels, c->scale ? scale : NULL,
                   c->bias ? bias : NULL, c->residual ? z : NULL,
                   c->relu ? RNM_OP_Relu : RNM_OP_NONE, 0, 0);
    const float *inputs[2] = {x, z};
    rnm_isa isas[MOST_ISAS];
    const size_t isa_count = all_isas(isas);
    for (size_t k = 0; k < isa_count; ++k) {
        rnm_context_options options = {.isa = isas[k], .threads = 2};
        float *found = run_all_modes(model.model, &options, inputs, out);
        check_close(found, wanted, out, 2e-5, "ConvTranspose");
        free(found);
    }
    /* load mode with XNNPACK, which does not take it, is the same */
    rnm_context_options load = {.expand = RNM_EXPAND_LOAD};
    float *found = run_model(model.model, &load, inputs);
    check_close(found, wanted, out, 2e-5, "ConvTranspose in load mode");
    free(found);
    free(weights);
    close_opened(model);
    free(wanted);
    free(bias);
    free(scale);
    free(z);
    free(x);
}

static void random_cases(void **state) {
    (void)state;
    rng r = {71};
    for (int round = 0; round < 72; ++round) {
        transposed_case c = random_case(&r, round);
        check_case(&r, &c);
    }
}

/* A stride far beyond the kernel, and a map of several stretches. */
static void extremes(void **state) {
    (void)state;
    rng r = {72};
    transposed_case wide = random_case(&r, 0);
    wide.spatial = 2;
    wide.w = (naive_window){.batch = 1,
                            .in_channels = 2,
                            .out_channels = 3,
                            .groups = 1,
                            .in = {1, 2, 3},
                            .out = {1, 102, 301},
                            .kernel = {1, 2, 1},
                            .strides = {1, 100, 150},
                            .dilations = {1, 1, 1}};
    wide.recipe = (recipe_plan){.transform = RNM_TRANSFORM_LINEAR,
                                .rank = 4,
                                .dims = {3, 2, 2, 1},
                                .po = 3,
                                .pi = 2,
                                .parent_dtype = RNM_F32};
    memset(wide.output_padding, 0, sizeof wide.output_padding);
    check_case(&r, &wide);
    transposed_case large = wide;
    large.w = (naive_window){.batch = 2,
                             .in_channels = 20,
                             .out_channels = 33,
                             .groups = 1,
                             .in = {1, 30, 31},
                             .out = {1, 60, 62},
                             .kernel = {1, 2, 2},
                             .strides = {1, 2, 2},
                             .dilations = {1, 1, 1}};
    large.recipe = (recipe_plan){.transform = RNM_TRANSFORM_F,
                                 .rank = 4,
                                 .dims = {33, 20, 2, 2},
                                 .po = 16,
                                 .pi = 10,
                                 .parent_dtype = RNM_F32};
    check_case(&r, &large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_cases),
        cmocka_unit_test(extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
