/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operator without a recipe against its naive form, in both layouts.
 */
#include "fixture.h"
#include "naive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 4096

/* A graph input of that layout: channels-last ones go through Reorder. */
static uint32_t add_input(rnm_builder *b, const char *name, uint8_t layout, uint8_t rank,
                          const int64_t *dims) {
    uint32_t x = builder_input(b, name, rank, dims);
    if (layout == RNM_LAYOUT_ROWS) {
        return x;
    }
    char text[32];
    snprintf(text, sizeof text, "%s.last", name);
    uint32_t last = builder_activation(b, text, layout, rank, dims);
    builder_node(b, text, RNM_OP_Reorder, 1, &x, last);
    return last;
}

/* Makes `y` the output, row-major. */
static opened finish(rnm_builder *b, uint32_t y, uint8_t layout, uint8_t rank,
                     const int64_t *dims) {
    if (layout != RNM_LAYOUT_ROWS) {
        uint32_t rows = builder_activation(b, "rows", RNM_LAYOUT_ROWS, rank, dims);
        builder_node(b, "rows", RNM_OP_Reorder, 1, &y, rows);
        y = rows;
    }
    builder_output(b, y);
    return open_built(b);
}

static void compare(opened model, const float *const *inputs, const double *wanted, size_t count,
                    const char *what) {
    rnm_context_options options = {.threads = 2};
    float *found = run_all_modes(model.model, &options, inputs, count);
    check_close(found, wanted, count, 2e-6, what);
    free(found);
    close_opened(model);
}

static size_t random_dims(rng *r, uint8_t rank, int64_t *dims) {
    size_t count = 1;
    for (uint8_t axis = 0; axis < rank; ++axis) {
        dims[axis] = 1 + random_below(r, 6);
        count *= (size_t)dims[axis];
    }
    return count;
}

static uint8_t random_layout(rng *r, uint8_t rank) {
    return rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
}

static void activations(void **state) {
    (void)state;
    rng r = {20};
    for (unsigned op = RNM_OP_Relu; op <= RNM_OP_HardSwish; ++op) {
        for (uint8_t rank = 1; rank <= 5; ++rank) {
            int64_t dims[5];
            size_t count = random_dims(&r, rank, dims);
            uint8_t layout = random_layout(&r, rank);
            float *x = malloc(count * sizeof *x);
            double *wanted = malloc(count * sizeof *wanted);
            assert_true(x != NULL && wanted != NULL);
            random_fill(&r, x, count);
            for (size_t k = 0; k < count; ++k) {
                x[k] *= 5.0f;
                wanted[k] = naive_activation((rnm_op)op, 0.25, 0.75, (double)x[k]);
            }
            rnm_builder *b = builder_new();
            uint32_t in = add_input(b, "x", layout, rank, dims);
            uint32_t y = builder_activation(b, "y", layout, rank, dims);
            builder_node(b, "node", (rnm_op)op, 1, &in, y);
            if (op == RNM_OP_LeakyRelu || op == RNM_OP_Elu || op == RNM_OP_Clip ||
                op == RNM_OP_HardSigmoid) {
                builder_attr_float(b, RNM_ATTRIBUTE_alpha, 0.25f);
            }
            if (op == RNM_OP_Clip || op == RNM_OP_HardSigmoid) {
                builder_attr_float(b, RNM_ATTRIBUTE_beta, 0.75f);
            }
            const float *inputs[] = {x};
            compare(finish(b, y, layout, rank, dims), inputs, wanted, count, rnm_op_find(op)->name);
            free(wanted);
            free(x);
        }
    }
}

/* Two inputs; or an input and a stored constant, which is row-major and may need a Reorder; or one
 * input twice. */
static void add_and_mul(void **state) {
    (void)state;
    rng r = {21};
    for (int round = 0; round < 60; ++round) {
        rnm_op op = round % 2 == 0 ? RNM_OP_Add : RNM_OP_Mul;
        int kind = round % 3;
        uint8_t rank = (uint8_t)(2 + random_below(&r, 3));
        int64_t dims[5];
        size_t count = random_dims(&r, rank, dims);
        uint8_t layout = random_layout(&r, rank);
        float x[MOST], z[MOST];
        double wanted[MOST];
        random_fill(&r, x, count);
        random_fill(&r, z, count);
        for (size_t k = 0; k < count; ++k) {
            double other = (double)(kind == 2 ? x[k] : z[k]);
            double value = op == RNM_OP_Add ? (double)x[k] + other : (double)x[k] * other;
            wanted[k] = fmax(value, 0.0);
        }
        rnm_builder *b = builder_new();
        uint32_t in[2] = {add_input(b, "x", layout, rank, dims), 0};
        in[1] = in[0];
        if (kind == 0) {
            in[1] = add_input(b, "z", layout, rank, dims);
        } else if (kind == 1) {
            uint32_t stored[5];
            for (uint8_t axis = 0; axis < rank; ++axis) {
                stored[axis] = (uint32_t)dims[axis];
            }
            in[1] = builder_tensor_value(
                b, "z", builder_tensor(b, "z", RNM_F32, RNM_ROLE_CONSTANT, rank, stored, z));
            if (layout == RNM_LAYOUT_CHANNELS_LAST) {
                uint32_t last = builder_activation(b, "z.last", layout, rank, dims);
                builder_node(b, "z.last", RNM_OP_Reorder, 1, &in[1], last);
                in[1] = last;
            }
            if (round % 4 == 0) {
                uint32_t swap = in[0];
                in[0] = in[1];
                in[1] = swap;
            }
        }
        uint32_t y = builder_activation(b, "y", layout, rank, dims);
        builder_node(b, "node", op, 2, in, y);
        builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Relu);
        const float *inputs[] = {x, z};
        compare(finish(b, y, layout, rank, dims), inputs, wanted, count, rnm_op_find(op)->name);
    }
}

static void scale_bias(void **state) {
    (void)state;
    rng r = {22};
    for (uint8_t rank = 2; rank <= 5; ++rank) {
        int64_t dims[5];
        size_t count = random_dims(&r, rank, dims);
        uint8_t layout = rank > 2 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
        size_t batch = (size_t)dims[0], channels = (size_t)dims[1];
        float *x = malloc(count * sizeof *x);
        double *wanted = malloc(count * sizeof *wanted);
        assert_true(x != NULL && wanted != NULL);
        float scale[8], bias[8];
        random_fill(&r, x, count);
        random_fill(&r, scale, 8);
        random_fill(&r, bias, 8);
        for (size_t k = 0; k < count; ++k) {
            wanted[k] = (double)x[k];
        }
        naive_epilogue(wanted, batch, channels, count / batch / channels, scale, bias, NULL,
                       RNM_OP_Relu, 0, 0);
        rnm_builder *b = builder_new();
        uint32_t in[3] = {
            add_input(b, "x", layout, rank, dims),
            builder_tensor_value(b, "scale",
                                 builder_channel(b, "scale", (uint32_t)channels, scale)),
            builder_tensor_value(b, "bias", builder_channel(b, "bias", (uint32_t)channels, bias)),
        };
        uint32_t y = builder_activation(b, "y", layout, rank, dims);
        builder_node(b, "node", RNM_OP_ScaleBias, 3, in, y);
        builder_attr_int(b, RNM_ATTRIBUTE_activation, RNM_OP_Relu);
        const float *inputs[] = {x};
        compare(finish(b, y, layout, rank, dims), inputs, wanted, count, "ScaleBias");
        free(wanted);
        free(x);
    }
}

static void check_pool(rng *r, rnm_op op, int spatial) {
    naive_window w = {.groups = 1};
    uint8_t rank = (uint8_t)(2 + spatial);
    int64_t in[5], out[5], pads[6];
    int first = 3 - spatial;
    bool global = op == RNM_OP_GlobalAveragePool || op == RNM_OP_GlobalMaxPool;
    bool average = op == RNM_OP_AveragePool || op == RNM_OP_GlobalAveragePool;
    bool ceil_mode = !global && random_below(r, 2) == 0;
    bool count_pad = op == RNM_OP_AveragePool && random_below(r, 2) == 0;
    in[0] = out[0] = w.batch = 1 + random_below(r, 2);
    in[1] = out[1] = w.in_channels = w.out_channels = 1 + random_below(r, 80);
    for (int axis = 0; axis < 3; ++axis) {
        bool exists = axis >= first;
        w.in[axis] = exists ? 5 + random_below(r, 5) : 1;
        w.kernel[axis] = exists ? 1 + random_below(r, 3) : 1;
        w.strides[axis] = exists ? 1 + random_below(r, 3) : 1;
        w.dilations[axis] = exists && !global ? 1 + random_below(r, 2) : 1;
        /* With a dilation, wide pads make windows of nothing but padding. */
        uint32_t most = (uint32_t)w.kernel[axis];
        w.pads[axis] = exists && w.dilations[axis] == 1 ? random_below(r, most) : 0;
        w.end_pads[axis] = exists && w.dilations[axis] == 1 ? random_below(r, most) : 0;
        if (global) {
            w.kernel[axis] = w.in[axis];
            w.strides[axis] = 1;
            w.pads[axis] = w.end_pads[axis] = 0;
        }
        int64_t room = w.in[axis] + w.pads[axis] + w.end_pads[axis] -
                       (w.dilations[axis] * (w.kernel[axis] - 1) + 1);
        int64_t count = room / w.strides[axis] + 1;
        if (ceil_mode && room % w.strides[axis] != 0 &&
            count * w.strides[axis] < w.in[axis] + w.pads[axis]) {
            ++count;
        }
        w.out[axis] = count;
        if (exists) {
            in[2 + axis - first] = w.in[axis];
            out[2 + axis - first] = w.out[axis];
            pads[axis - first] = w.pads[axis];
            pads[spatial + axis - first] = w.end_pads[axis];
        }
    }
    size_t maps = (size_t)(w.batch * w.in_channels);
    size_t in_count = maps * (size_t)(w.in[0] * w.in[1] * w.in[2]);
    size_t out_count = maps * (size_t)(w.out[0] * w.out[1] * w.out[2]);
    float *x = malloc(in_count * sizeof *x);
    double *exact = malloc(in_count * sizeof *exact), *wanted = malloc(out_count * sizeof *wanted);
    assert_true(x != NULL && exact != NULL && wanted != NULL);
    random_fill(r, x, in_count);
    for (size_t k = 0; k < in_count; ++k) {
        exact[k] = (double)x[k];
    }
    naive_pool(&w, average, count_pad, exact, wanted);

    rnm_builder *b = builder_new();
    uint32_t input = add_input(b, "x", RNM_LAYOUT_CHANNELS_LAST, rank, in);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_CHANNELS_LAST, rank, out);
    builder_node(b, "node", op, 1, &input, y);
    if (!global) {
        builder_attr_ints(b, RNM_ATTRIBUTE_kernel_shape, (uint32_t)spatial, w.kernel + first);
        builder_attr_ints(b, RNM_ATTRIBUTE_strides, (uint32_t)spatial, w.strides + first);
        builder_attr_ints(b, RNM_ATTRIBUTE_pads, 2 * (uint32_t)spatial, pads);
        builder_attr_int(b, RNM_ATTRIBUTE_ceil_mode, ceil_mode);
        builder_attr_ints(b, RNM_ATTRIBUTE_dilations, (uint32_t)spatial, w.dilations + first);
        if (op == RNM_OP_AveragePool) {
            builder_attr_int(b, RNM_ATTRIBUTE_count_include_pad, count_pad);
        }
    }
    const float *inputs[] = {x};
    compare(finish(b, y, RNM_LAYOUT_CHANNELS_LAST, rank, out), inputs, wanted, out_count,
            rnm_op_find(op)->name);
    free(wanted);
    free(exact);
    free(x);
}

static void pools(void **state) {
    (void)state;
    rng r = {23};
    static const rnm_op ops[] = {RNM_OP_MaxPool, RNM_OP_AveragePool, RNM_OP_GlobalAveragePool,
                                 RNM_OP_GlobalMaxPool};
    for (int round = 0; round < 80; ++round) {
        check_pool(&r, ops[round % 4], 1 + (int)random_below(&r, 3));
    }
}

/* Along every axis, in both layouts, three inputs. */
static void concat(void **state) {
    (void)state;
    rng r = {24};
    for (int round = 0; round < 40; ++round) {
        uint8_t rank = (uint8_t)(1 + random_below(&r, 5));
        uint32_t axis = random_below(&r, rank);
        uint8_t layout = random_layout(&r, rank);
        int64_t dims[3][5], out[5];
        float x[3][MOST];
        double wanted[3 * MOST];
        size_t outer = 1, inner = 1, row = 0;
        random_dims(&r, rank, out);
        for (uint8_t a = 0; a < rank; ++a) {
            outer *= a < axis ? (size_t)out[a] : 1;
            inner *= a > axis ? (size_t)out[a] : 1;
        }
        if (outer * inner * 4 > MOST) {
            continue;
        }
        out[axis] = 0;
        rnm_builder *b = builder_new();
        uint32_t in[3];
        for (int k = 0; k < 3; ++k) {
            char name[8];
            snprintf(name, sizeof name, "x%d", k);
            memcpy(dims[k], out, sizeof out);
            dims[k][axis] = 1 + random_below(&r, 4);
            random_fill(&r, x[k], outer * inner * (size_t)dims[k][axis]);
            in[k] = add_input(b, name, layout, rank, dims[k]);
            row += (size_t)dims[k][axis] * inner;
        }
        for (int k = 0, start = 0; k < 3; ++k) {
            size_t part = (size_t)dims[k][axis] * inner;
            for (size_t e = 0; e < outer * part; ++e) {
                wanted[e / part * row + (size_t)start + e % part] = (double)x[k][e];
            }
            start += (int)part;
        }
        out[axis] = (int64_t)(row / inner);
        uint32_t y = builder_activation(b, "y", layout, rank, out);
        builder_node(b, "node", RNM_OP_Concat, 3, in, y);
        builder_attr_int(b, RNM_ATTRIBUTE_axis,
                         round % 2 == 0 ? (int64_t)axis : (int64_t)axis - rank);
        const float *inputs[] = {x[0], x[1], x[2]};
        compare(finish(b, y, layout, rank, out), inputs, wanted, outer * row, "Concat");
    }
}

static void softmax(void **state) {
    (void)state;
    rng r = {25};
    for (int round = 0; round < 20; ++round) {
        uint8_t rank = (uint8_t)(1 + random_below(&r, 4));
        uint32_t axis = random_below(&r, rank);
        int64_t dims[5];
        size_t count = random_dims(&r, rank, dims);
        size_t inner = 1, size = (size_t)dims[axis];
        for (uint8_t a = (uint8_t)(axis + 1); a < rank; ++a) {
            inner *= (size_t)dims[a];
        }
        float x[MOST];
        double wanted[MOST];
        random_fill(&r, x, count);
        for (size_t k = 0; k < count; ++k) {
            size_t start = k / (size * inner) * size * inner + k % inner;
            double sum = 0.0;
            for (size_t e = 0; e < size; ++e) {
                sum += exp((double)x[start + e * inner] * 30.0);
            }
            x[k] = x[k] + 0.0f;
            wanted[k] = exp((double)x[k] * 30.0) / sum;
        }
        for (size_t k = 0; k < count; ++k) {
            x[k] *= 30.0f;
        }
        rnm_builder *b = builder_new();
        uint32_t in = builder_input(b, "x", rank, dims);
        uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, rank, dims);
        builder_node(b, "node", RNM_OP_Softmax, 1, &in, y);
        builder_attr_int(b, RNM_ATTRIBUTE_axis, (int64_t)axis);
        const float *inputs[] = {x};
        compare(finish(b, y, RNM_LAYOUT_ROWS, rank, dims), inputs, wanted, count, "Softmax");
    }
}

/* A stored constant has no place among the activations: Flatten has to copy it. */
static void flatten_constant(void **state) {
    (void)state;
    rng r = {27};
    const int64_t dims[2] = {2, 6};
    const uint32_t stored[3] = {2, 3, 2};
    float x[12], z[12];
    double wanted[12];
    random_fill(&r, x, 12);
    random_fill(&r, z, 12);
    for (size_t k = 0; k < 12; ++k) {
        wanted[k] = (double)x[k] + (double)z[k];
    }
    rnm_builder *b = builder_new();
    uint32_t in[2] = {builder_input(b, "x", 2, dims),
                      builder_activation(b, "flat", RNM_LAYOUT_ROWS, 2, dims)};
    uint32_t constant = builder_tensor_value(
        b, "z", builder_tensor(b, "z", RNM_F32, RNM_ROLE_CONSTANT, 3, stored, z));
    builder_node(b, "flatten", RNM_OP_Flatten, 1, &constant, in[1]);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, dims);
    builder_node(b, "add", RNM_OP_Add, 2, in, y);
    const float *inputs[] = {x};
    compare(finish(b, y, RNM_LAYOUT_ROWS, 2, dims), inputs, wanted, 12, "Flatten");
}

/* Maps of many pixels are brought to row-major first, as the layout rule wants. */
static void flatten(void **state) {
    (void)state;
    rng r = {26};
    const int64_t dims[4] = {3, 5, 4, 2}, flat[2] = {3, 40};
    float x[120];
    double wanted[120];
    random_fill(&r, x, 120);
    for (size_t k = 0; k < 120; ++k) {
        wanted[k] = fmax((double)x[k], 0.0);
    }
    rnm_builder *b = builder_new();
    uint32_t last = add_input(b, "x", RNM_LAYOUT_CHANNELS_LAST, 4, dims);
    uint32_t rows = builder_activation(b, "r", RNM_LAYOUT_ROWS, 4, dims);
    builder_node(b, "r", RNM_OP_Reorder, 1, &last, rows);
    uint32_t y = builder_activation(b, "y", RNM_LAYOUT_ROWS, 2, flat);
    builder_node(b, "flatten", RNM_OP_Flatten, 1, &rows, y);
    uint32_t z = builder_activation(b, "z", RNM_LAYOUT_ROWS, 2, flat);
    builder_node(b, "relu", RNM_OP_Relu, 1, &y, z);
    const float *inputs[] = {x};
    compare(finish(b, z, RNM_LAYOUT_ROWS, 2, flat), inputs, wanted, 120, "Flatten");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations), cmocka_unit_test(add_and_mul),
        cmocka_unit_test(scale_bias),  cmocka_unit_test(pools),
        cmocka_unit_test(concat),      cmocka_unit_test(softmax),
        cmocka_unit_test(flatten),     cmocka_unit_test(flatten_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
