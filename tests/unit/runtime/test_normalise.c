/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalisations with what comes at run time, and operators on quantised numbers, against loops
 * over indices in f64.
 */
#include "elements.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double data[MOST_INPUTS][MOST_ELEMENTS];
static double wanted[MOST_ELEMENTS], means[MOST_ELEMENTS], inverses[MOST_ELEMENTS];

/* A node on x [N, C, ...] and its result of that shape, each in some layout. */
static trial maps(rng *r, rnm_op op, uint8_t rank) {
    trial t = {.op = op, .input_count = 1, .output_count = 1};
    t.in[0].type = t.out[0].type = RNM_F32;
    t.in[0].rank = t.out[0].rank = rank;
    size_t count = trial_shape(r, rank, t.in[0].dims);
    memcpy(t.out[0].dims, t.in[0].dims, sizeof t.out[0].dims);
    t.in[0].layout = rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : 0;
    t.out[0].layout = rank >= 3 && random_below(r, 2) == 0 ? RNM_LAYOUT_CHANNELS_LAST : 0;
    fill_numbers(r, RNM_F32, data[0], count);
    t.in[0].data = data[0];
    return t;
}

static void add_vector(rng *r, trial *t, rnm_dtype type, int64_t count) {
    int k = t->input_count++;
    t->in[k].type = type;
    t->in[k].rank = 1;
    t->in[k].dims[0] = count;
    t->in[k].data = data[k];
    fill_numbers(r, type, data[k], (size_t)count);
}

static float at(const trial *t, int k, size_t element) {
    return (float)number_at(RNM_F32, t->in[k].data, element);
}

static void epsilon_attribute(rnm_builder *b, const trial *t) {
    if (t->op == RNM_OP_LayerNormalization) {
        builder_attr_int(b, RNM_ATTRIBUTE_axis, t->axis);
    }
    builder_attr_float(b, RNM_ATTRIBUTE_epsilon, 0.01f);
}

static size_t pixels_of(const trial *t) {
    return trial_elements((uint8_t)(t->in[0].rank - 2), t->in[0].dims + 2);
}

static void batch_norms(void **state) {
    (void)state;
    rng r = {95};
    for (int round = 0; round < 24; ++round) {
        trial t = maps(&r, RNM_OP_BatchNormalization, (uint8_t)(2 + random_below(&r, 4)));
        t.attributes = epsilon_attribute;
        size_t channels = (size_t)t.in[0].dims[1], pixels = pixels_of(&t);
        for (int k = 1; k < 5; ++k) {
            add_vector(&r, &t, RNM_F32, t.in[0].dims[1]);
        }
        for (size_t c = 0; c < channels; ++c) {
            put_number(RNM_F32, data[4], (size_t)(c),
                       (double)(fabsf((float)number_at(RNM_F32, data[4], c)) + 0.5f));
        }
        for (size_t k = 0; k < trial_elements(t.in[0].rank, t.in[0].dims); ++k) {
            size_t c = k / pixels % channels;
            wanted[k] = ((double)at(&t, 0, k) - (double)at(&t, 3, c)) * (double)at(&t, 1, c) /
                            sqrt((double)at(&t, 4, c) + (double)0.01f) +
                        (double)at(&t, 2, c);
        }
        check_trial(&t, wanted, "BatchNormalization");
    }
}

/* Mean and 1 / deviation of `count` elements, `step` apart. */
static void statistics(const float *x, size_t count, size_t step, double epsilon, double *mean,
                       double *inverse) {
    double sum = 0.0, squares = 0.0;
    for (size_t k = 0; k < count; ++k) {
        sum += (double)x[k * step];
    }
    *mean = sum / (double)count;
    for (size_t k = 0; k < count; ++k) {
        squares += ((double)x[k * step] - *mean) * ((double)x[k * step] - *mean);
    }
    *inverse = 1.0 / sqrt(squares / (double)count + epsilon);
}

static void instance_norms(void **state) {
    (void)state;
    rng r = {96};
    for (int round = 0; round < 24; ++round) {
        trial t = maps(&r, RNM_OP_InstanceNormalization, (uint8_t)(3 + random_below(&r, 3)));
        t.attributes = epsilon_attribute;
        size_t channels = (size_t)t.in[0].dims[1], pixels = pixels_of(&t);
        add_vector(&r, &t, RNM_F32, t.in[0].dims[1]);
        add_vector(&r, &t, RNM_F32, t.in[0].dims[1]);
        for (size_t map = 0; map < channels * (size_t)t.in[0].dims[0]; ++map) {
            double mean, inverse;
            const float *x = (const float *)t.in[0].data + map * pixels;
            statistics(x, pixels, 1, (double)0.01f, &mean, &inverse);
            for (size_t k = 0; k < pixels; ++k) {
                wanted[map * pixels + k] =
                    ((double)x[k] - mean) * inverse * (double)at(&t, 1, map % channels) +
                    (double)at(&t, 2, map % channels);
            }
        }
        check_trial(&t, wanted, "InstanceNormalization");
    }
}

static void layer_norms(void **state) {
    (void)state;
    rng r = {97};
    for (int round = 0; round < 36; ++round) {
        trial t = maps(&r, RNM_OP_LayerNormalization, (uint8_t)(1 + random_below(&r, 5)));
        t.attributes = epsilon_attribute;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        uint8_t inner = (uint8_t)(t.in[0].rank - t.axis);
        size_t length = trial_elements(inner, t.in[0].dims + t.axis);
        int vectors = 1 + (int)random_below(&r, 2);
        for (int k = 1; k <= vectors; ++k) {
            add_vector(&r, &t, RNM_F32, (int64_t)length);
            t.in[k].rank = inner;
            memcpy(t.in[k].dims, t.in[0].dims + t.axis, inner * sizeof t.in[k].dims[0]);
        }
        t.output_count = 3;
        t.out[1] = t.out[0];
        for (int k = (int)t.axis; k < t.in[0].rank; ++k) {
            t.out[1].dims[k] = 1;
        }
        t.out[2] = t.out[1];
        size_t groups = trial_elements(t.in[0].rank, t.in[0].dims) / length;
        for (size_t g = 0; g < groups; ++g) {
            const float *x = (const float *)t.in[0].data + g * length;
            statistics(x, length, 1, (double)0.01f, &means[g], &inverses[g]);
            for (size_t k = 0; k < length; ++k) {
                wanted[g * length + k] =
                    ((double)x[k] - means[g]) * inverses[g] * (double)at(&t, 1, k) +
                    (vectors == 2 ? (double)at(&t, 2, k) : 0.0);
            }
        }
        check_trial(&t, wanted, "LayerNormalization");
        check_output(&t, 1, means, "mean of LayerNormalization");
        check_output(&t, 2, inverses, "inverse deviation of LayerNormalization");
    }
}

static void lrn_attributes(rnm_builder *b, const trial *t) {
    builder_attr_int(b, RNM_ATTRIBUTE_size, t->number);
    builder_attr_float(b, RNM_ATTRIBUTE_alpha, 0.5f);
    builder_attr_float(b, RNM_ATTRIBUTE_beta, 0.75f);
    builder_attr_float(b, RNM_ATTRIBUTE_bias, 2.0f);
}

static void local_responses(void **state) {
    (void)state;
    rng r = {98};
    for (int round = 0; round < 24; ++round) {
        trial t = maps(&r, RNM_OP_LRN, (uint8_t)(3 + random_below(&r, 3)));
        t.attributes = lrn_attributes;
        t.number = 1 + (int64_t)random_below(&r, 6);
        int64_t channels = t.in[0].dims[1];
        size_t pixels = pixels_of(&t);
        for (size_t k = 0; k < trial_elements(t.in[0].rank, t.in[0].dims); ++k) {
            int64_t c = (int64_t)(k / pixels) % channels;
            double sum = 0.0;
            for (int64_t i = c - (t.number - 1) / 2; i <= c + t.number / 2; ++i) {
                double x = i >= 0 && i < channels
                               ? (double)at(&t, 0, (size_t)((int64_t)k + (i - c) * (int64_t)pixels))
                               : 0.0;
                sum += x * x;
            }
            wanted[k] = (double)at(&t, 0, k) / pow(2.0 + 0.5 / (double)t.number * sum, 0.75);
        }
        check_trial(&t, wanted, "LRN");
    }
}

static void mean_and_variance(void **state) {
    (void)state;
    rng r = {99};
    for (int round = 0; round < 12; ++round) {
        trial t = maps(&r, RNM_OP_MeanVarianceNormalization, 4);
        size_t channels = (size_t)t.in[0].dims[1], pixels = pixels_of(&t);
        t.in[0].dims[0] = t.out[0].dims[0] = 1;
        for (size_t c = 0; c < channels; ++c) {
            double mean, inverse;
            const float *x = (const float *)t.in[0].data + c * pixels;
            statistics(x, pixels, 1, 0.0, &mean, &inverse);
            for (size_t k = 0; k < pixels; ++k) {
                wanted[c * pixels + k] =
                    pixels == 1 ? 0.0 : ((double)x[k] - mean) / (1.0 / inverse + 1e-9);
            }
        }
        check_trial(&t, wanted, "MeanVarianceNormalization");
    }
}

/* ---- quantised ------------------------------------------------------------------------------- */

static double saturated(rnm_dtype type, double number) {
    double least = type == RNM_I8 ? -128.0 : 0.0;
    return fmin(fmax(number, least), least + 255.0);
}

static void axis_attribute(rnm_builder *b, const trial *t) {
    builder_attr_int(b, RNM_ATTRIBUTE_axis, t->axis);
}

static void there_and_back(void **state) {
    (void)state;
    rng r = {100};
    for (int round = 0; round < 48; ++round) {
        bool back = round % 2 == 1;
        rnm_dtype bytes = round % 4 < 2 ? RNM_U8 : RNM_I8;
        trial t = maps(&r, back ? RNM_OP_DequantizeLinear : RNM_OP_QuantizeLinear,
                       (uint8_t)(1 + random_below(&r, 5)));
        size_t count = trial_elements(t.in[0].rank, t.in[0].dims), behind = 1;
        t.attributes = axis_attribute;
        t.axis = (int64_t)random_below(&r, t.in[0].rank);
        bool each = random_below(&r, 2) == 0;
        for (int k = (int)t.axis + 1; k < t.in[0].rank; ++k) {
            behind *= (size_t)t.in[0].dims[k];
        }
        int64_t scales = each ? t.in[0].dims[t.axis] : 1;
        t.in[0].type = back ? bytes : RNM_F32;
        t.out[0].type = back ? RNM_F32 : bytes;
        fill_numbers(&r, t.in[0].type, data[0], count);
        add_vector(&r, &t, RNM_F32, scales);
        add_vector(&r, &t, bytes, scales);
        for (int64_t k = 0; k < scales; ++k) {
            put_number(RNM_F32, data[1], (size_t)(k),
                       (double)(0.015625f * (float)(1 + k % 3))); /* so that halves occur */
        }
        for (size_t k = 0; k < count; ++k) {
            size_t s = each ? k / behind % (size_t)scales : 0;
            double scale = number_at(RNM_F32, data[1], s), zero = number_at(bytes, data[2], s);
            double x = number_at(t.in[0].type, data[0], k);
            wanted[k] = back
                            ? (x - zero) * scale
                            : saturated(bytes, nearbyint((double)((float)x / (float)scale)) + zero);
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
}

static void dynamic_range(void **state) {
    (void)state;
    static const float x[] = {0.0f, 2.0f, -3.0f, -2.5f, 1.34f, 0.5f};
    trial t = {.op = RNM_OP_DynamicQuantizeLinear, .input_count = 1, .output_count = 3};
    t.in[0].type = RNM_F32;
    t.in[0].rank = 1;
    t.in[0].dims[0] = 6;
    t.in[0].data = x;
    t.out[0] = t.in[0];
    t.out[0].type = RNM_U8;
    t.out[1].type = RNM_F32;
    t.out[2].type = RNM_U8;
    check_trial(&t, (double[]){153, 255, 0, 26, 221, 179}, "DynamicQuantizeLinear");
    check_output(&t, 1, (double[]){0.0196078438}, "its scale");
    check_output(&t, 2, (double[]){153}, "its zero point");
}

/* Stacks of matrices; zero points one a row, one a column, or one. */
static void products(void **state) {
    (void)state;
    rng r = {101};
    for (int round = 0; round < 32; ++round) {
        bool scaled = round % 2 == 1;
        rnm_dtype a = round % 4 < 2 ? RNM_U8 : RNM_I8, b = round % 3 == 0 ? RNM_U8 : RNM_I8;
        size_t stack = 1 + random_below(&r, 3), rows = 1 + random_below(&r, 5);
        size_t inner = 1 + random_below(&r, 9), columns = 1 + random_below(&r, 5);
        bool each = random_below(&r, 2) == 0;
        trial t = {.op = scaled ? RNM_OP_QLinearMatMul : RNM_OP_MatMulInteger, .output_count = 1};
        int second = scaled ? 3 : 1, a_zero = 2, b_zero = scaled ? 5 : 3;
        add_vector(&r, &t, a, (int64_t)(stack * rows * inner));
        if (scaled) {
            add_vector(&r, &t, RNM_F32, each ? (int64_t)rows : 1);
            add_vector(&r, &t, a, each ? (int64_t)rows : 1);
        }
        add_vector(&r, &t, b, (int64_t)(inner * columns));
        if (scaled) {
            add_vector(&r, &t, RNM_F32, each ? (int64_t)columns : 1);
            add_vector(&r, &t, b, each ? (int64_t)columns : 1);
            add_vector(&r, &t, RNM_F32, 1);
            add_vector(&r, &t, RNM_I8, 1);
            put_number(RNM_F32, data[6], (size_t)(0), (double)(4.0f));
        } else {
            add_vector(&r, &t, a, each ? (int64_t)rows : 1);
            add_vector(&r, &t, b, each ? (int64_t)columns : 1);
        }
        t.in[0].rank = t.out[0].rank = 3;
        memcpy(t.in[0].dims, (int64_t[]){(int64_t)stack, (int64_t)rows, (int64_t)inner}, 24);
        memcpy(t.out[0].dims, (int64_t[]){(int64_t)stack, (int64_t)rows, (int64_t)columns}, 24);
        t.in[second].rank = 2;
        memcpy(t.in[second].dims, (int64_t[]){(int64_t)inner, (int64_t)columns}, 16);
        t.out[0].type = scaled ? RNM_I8 : RNM_I32;
        for (size_t k = 0; k < stack * rows * columns; ++k) {
            size_t row = k / columns % rows, column = k % columns;
            double sum = 0.0;
            for (size_t i = 0; i < inner; ++i) {
                double p = number_at(a, data[0], k / columns * inner + i);
                double q = number_at(b, data[second], i * columns + column);
                sum += (p - number_at(a, data[a_zero], each ? row : 0)) *
                       (q - number_at(b, data[b_zero], each ? column : 0));
            }
            if (scaled) {
                double scale = number_at(RNM_F32, data[1], each ? row : 0) *
                               number_at(RNM_F32, data[4], each ? column : 0) / 4.0;
                sum = saturated(RNM_I8, nearbyint(sum * scale) + number_at(RNM_I8, data[7], 0));
            }
            wanted[k] = sum;
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
}

/* 3x3 windows, two groups, stride 2 downwards and padding of 1. */
static void conv_attributes(rnm_builder *b, const trial *t) {
    (void)t;
    builder_attr_int(b, RNM_ATTRIBUTE_group, 2);
    builder_attr_ints(b, RNM_ATTRIBUTE_strides, 2, (int64_t[]){2, 1});
    builder_attr_ints(b, RNM_ATTRIBUTE_pads, 4, (int64_t[]){1, 1, 1, 1});
}

static void convolutions(void **state) {
    (void)state;
    rng r = {102};
    enum { N = 2, CI = 4, CO = 6, H = 5, W = 4, OH = 3, OW = 4 };
    for (int round = 0; round < 16; ++round) {
        bool scaled = round % 2 == 1;
        rnm_dtype xt = round % 4 < 2 ? RNM_U8 : RNM_I8, wt = round % 8 < 4 ? RNM_I8 : RNM_U8;
        trial t = {.op = scaled ? RNM_OP_QLinearConv : RNM_OP_ConvInteger, .output_count = 1};
        t.attributes = conv_attributes;
        int w = scaled ? 3 : 1, w_zero = scaled ? 5 : 3;
        add_vector(&r, &t, xt, N * CI * H * W);
        if (scaled) {
            add_vector(&r, &t, RNM_F32, 1);
            add_vector(&r, &t, xt, 1);
        }
        add_vector(&r, &t, wt, CO * CI / 2 * 9);
        if (scaled) {
            add_vector(&r, &t, RNM_F32, CO);
            add_vector(&r, &t, wt, CO);
            add_vector(&r, &t, RNM_F32, 1);
            add_vector(&r, &t, RNM_U8, 1);
            add_vector(&r, &t, RNM_I32, CO);
            put_number(RNM_F32, data[6], (size_t)(0), (double)(8.0f));
        } else {
            add_vector(&r, &t, xt, 1);
            add_vector(&r, &t, wt, 1);
        }
        t.in[0].rank = t.in[w].rank = t.out[0].rank = 4;
        memcpy(t.in[0].dims, (int64_t[]){N, CI, H, W}, 32);
        memcpy(t.in[w].dims, (int64_t[]){CO, CI / 2, 3, 3}, 32);
        memcpy(t.out[0].dims, (int64_t[]){N, CO, OH, OW}, 32);
        t.out[0].type = scaled ? RNM_U8 : RNM_I32;
        for (int k = 0; k < N * CO * OH * OW; ++k) {
            int n = k / (CO * OH * OW), o = k / (OH * OW) % CO, y = k / OW % OH, x = k % OW;
            double sum = scaled ? number_at(RNM_I32, data[8], (size_t)o) : 0.0;
            for (int i = 0; i < CI / 2 * 9; ++i) {
                int iy = y * 2 - 1 + i % 9 / 3, ix = x - 1 + i % 3, c = o / (CO / 2) * 2 + i / 9;
                if (iy >= 0 && iy < H && ix >= 0 && ix < W) {
                    size_t from = (size_t)(((n * CI + c) * H + iy) * W + ix);
                    sum += (number_at(xt, data[0], from) - number_at(xt, data[2], 0)) *
                           (number_at(wt, data[w], (size_t)(o * CI / 2 * 9 + i)) -
                            number_at(wt, data[w_zero], scaled ? (size_t)o : 0));
                }
            }
            if (scaled) {
                double scale =
                    number_at(RNM_F32, data[1], 0) * number_at(RNM_F32, data[4], (size_t)o) / 8.0;
                sum = saturated(RNM_U8, nearbyint(sum * scale) + number_at(RNM_U8, data[7], 0));
            }
            wanted[k] = sum;
        }
        check_trial(&t, wanted, rnm_op_find(t.op)->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_norms),       cmocka_unit_test(instance_norms),
        cmocka_unit_test(layer_norms),       cmocka_unit_test(local_responses),
        cmocka_unit_test(mean_and_variance), cmocka_unit_test(there_and_back),
        cmocka_unit_test(dynamic_range),     cmocka_unit_test(products),
        cmocka_unit_test(convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
