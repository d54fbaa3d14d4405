/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize in all its modes against the operator's text, one output element at a time in f64; and a
 * few results worked out by hand.
 */
#include "one_node.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- as the text has it ---------------------------------------------------------------------- */

static double source(const rnm_node_attrs *attrs, int rank, int axis, int64_t in, int64_t out,
                     double x) {
    double scale =
        attrs->scales.count > 0 ? (double)attrs->scales.at[axis] : (double)out / (double)in;
    double start = attrs->roi.count > 0 ? (double)attrs->roi.at[axis] : 0;
    double end = attrs->roi.count > 0 ? (double)attrs->roi.at[rank + axis] : 1;
    double last = (double)in - 1;
    switch (attrs->coordinates) {
    case RNM_COORDINATES_HALF_PIXEL:
        return (x + 0.5) / scale - 0.5;
    case RNM_COORDINATES_PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case RNM_COORDINATES_ALIGN_CORNERS:
        return out == 1 ? 0 : x * last / ((double)out - 1);
    case RNM_COORDINATES_ASYMMETRIC:
        return x / scale;
    case RNM_COORDINATES_TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / scale;
    case RNM_COORDINATES_TF_CROP_AND_RESIZE:
        return out > 1 ? start * last + x * (end - start) * last / ((double)out - 1)
                       : 0.5 * (start + end) * last;
    default: { /* half_pixel_symmetric */
        double adjust = (double)out / (scale * (double)in), center = (double)in / 2;
        return center * (1 - adjust) + (x + 0.5) / scale - 0.5;
    }
    }
}

static double pick(int64_t mode, double x) {
    bool half = x - floor(x) == 0.5;
    switch (mode) {
    case RNM_NEAREST_ROUND_PREFER_FLOOR:
        return half ? floor(x) : round(x);
    case RNM_NEAREST_ROUND_PREFER_CEIL:
        return half ? ceil(x) : round(x);
    case RNM_NEAREST_FLOOR:
        return floor(x);
    default:
        return ceil(x);
    }
}

/* The four coefficients of the cubic, spelled out. */
static void cubic_weights(double a, double r, double w[4]) {
    w[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
    w[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
    w[2] = ((a + 2) * (1 - r) - (a + 3)) * (1 - r) * (1 - r) + 1;
    w[3] = ((a * (2 - r) - 5 * a) * (2 - r) + 8 * a) * (2 - r) - 4 * a;
}

static int64_t inside(double index, int64_t in) {
    return (int64_t)fmax(0, fmin((double)in - 1, index));
}

/* The output element `at`, axis by axis; `from` is filled up to `axis`. */
static double sample(const rnm_node_attrs *attrs, const rnm_shape *in, const rnm_shape *out,
                     const float *x, const int64_t *at, int64_t *from, int axis) {
    if (axis == in->rank) {
        return (double)x[index_of(in, from)];
    }
    int64_t dim = in->dims[axis];
    double place = source(attrs, in->rank, axis, dim, out->dims[axis], (double)at[axis]);
    bool crops = attrs->coordinates == RNM_COORDINATES_TF_CROP_AND_RESIZE;
    if (dim == out->dims[axis] && !crops &&
        (attrs->scales.count == 0 || attrs->scales.at[axis] == 1.0f)) {
        from[axis] = at[axis];
        return sample(attrs, in, out, x, at, from, axis + 1);
    }
    if (crops && (place < 0 || place > (double)dim - 1)) {
        return (double)NAN; /* extrapolated as a whole */
    }
    if (attrs->mode == RNM_RESIZE_NEAREST) {
        from[axis] = inside(pick(attrs->nearest_mode, place), dim);
        return sample(attrs, in, out, x, at, from, axis + 1);
    }
    double w[4], first = floor(place), sum = 0, total = 0;
    int taps = attrs->mode == RNM_RESIZE_CUBIC ? 4 : 2;
    if (taps == 4) {
        cubic_weights((double)attrs->cubic_coeff_a, place - first, w);
        first -= 1;
    } else {
        w[1] = place - first;
        w[0] = 1 - w[1];
    }
    for (int t = 0; t < taps; ++t) {
        double index = first + t;
        if (attrs->exclude_outside && (index < 0 || index > (double)dim - 1)) {
            continue;
        }
        from[axis] = inside(index, dim);
        total += w[t];
        sum += w[t] * sample(attrs, in, out, x, at, from, axis + 1);
    }
    return attrs->exclude_outside ? sum / total : sum;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void check_resize(rng *r, const rnm_node_attrs *attrs, rnm_shape in) {
    float *x = random_values(r, &in);
    const uint8_t layout = in.rank >= 3 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
    const node_case c = {
        .op = RNM_OP_Resize,
        .attrs = attrs,
        .inputs = {{.shape = in, .data = x, .layout = layout}},
        .input_count = 1,
        .layout = layout,
        .output_count = 1,
    };
    node_result result = run_node(&c);
    const rnm_shape *out = &result.shapes[0];
    const float *y = result.data[0];
    int64_t at[RNM_MAX_RANK] = {0};
    for (size_t n = 0; n < shape_count(out); ++n, next_index(out, at)) {
        int64_t from[RNM_MAX_RANK];
        double wanted = sample(attrs, &in, out, x, at, from, 0);
        wanted = isnan(wanted) ? (double)attrs->extrapolation_value : wanted;
        if (!(fabs((double)y[n] - wanted) <= 1e-5)) {
            fail_msg("mode %d, coordinates %d: element %zu: expected %.9g, found %.9g",
                     (int)attrs->mode, (int)attrs->coordinates, n, wanted, (double)y[n]);
        }
    }
    free_result(&result, 1);
    free(x);
}

/* Scales are powers of two, sizes any: where a place is a half, f64 says so exactly. */
static void every_mode(void **state) {
    (void)state;
    rng r = {61};
    for (int round = 0; round < 252; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Resize, 0);
        int rank = 2 + (int)random_below(&r, 4);
        rnm_shape in = random_shape(&r, rank, 6);
        attrs.mode = round % RNM_RESIZE_KNOWN;
        attrs.coordinates = round / RNM_RESIZE_KNOWN % RNM_COORDINATES_KNOWN;
        attrs.nearest_mode = random_below(&r, RNM_NEAREST_KNOWN);
        attrs.exclude_outside = random_below(&r, 2) == 0;
        attrs.cubic_coeff_a = random_below(&r, 2) == 0 ? -0.5f : -0.75f;
        attrs.extrapolation_value = 7.5f;
        bool crops = attrs.coordinates == RNM_COORDINATES_TF_CROP_AND_RESIZE;
        bool scaled = random_below(&r, 2) == 0;
        attrs.shape.count = scaled ? 0 : rank;
        attrs.scales.count = scaled ? rank : 0;
        attrs.roi.count = crops ? 2 * rank : 0;
        for (int axis = 0; axis < rank; ++axis) {
            bool changes = axis >= 2 || (rank == 2 && random_below(&r, 2) == 0);
            float scale = random_below(&r, 2) == 0 ? 2.0f : 0.5f;
            in.dims[axis] += in.dims[axis] < 4 && changes ? 3 : 0;
            attrs.scales.at[axis] = changes ? scale : 1.0f;
            attrs.shape.at[axis] = changes ? 1 + random_below(&r, 9) : 0;
            attrs.roi.at[axis] = crops && changes ? -0.25f : 0.0f;
            attrs.roi.at[rank + axis] = crops && changes ? 0.875f : 1.0f;
        }
        check_resize(&r, &attrs, in);
    }
}

/* Nearest moves elements of any type. */
static void nearest_types(void **state) {
    (void)state;
    static const rnm_dtype types[] = {RNM_F16, RNM_I64, RNM_U8, RNM_BOOL};
    for (int type = 0; type < 4; ++type) {
        const rnm_shape in = {.dtype = types[type], .rank = 4, .dims = {1, 3, 2, 2}};
        const size_t size = rnm_dtype_size(in.dtype);
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Resize, 0);
        attrs.coordinates = RNM_COORDINATES_ASYMMETRIC;
        attrs.nearest_mode = RNM_NEAREST_FLOOR;
        attrs.scales = (rnm_float_list){.count = 4, .at = {1, 1, 2, 3}};
        uint8_t *x = numbered(&in);
        const node_case c = {
            .op = RNM_OP_Resize,
            .attrs = &attrs,
            .inputs = {{.shape = in, .data = x, .layout = RNM_LAYOUT_CHANNELS_LAST}},
            .input_count = 1,
            .layout = RNM_LAYOUT_CHANNELS_LAST,
            .output_count = 1,
        };
        node_result result = run_node(&c);
        const rnm_shape *out = &result.shapes[0];
        assert_int_equal(out->dims[2], 4);
        assert_int_equal(out->dims[3], 6);
        int64_t at[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(out); ++n, next_index(out, at)) {
            const int64_t from[RNM_MAX_RANK] = {0, at[1], at[2] / 2, at[3] / 3};
            assert_memory_equal((uint8_t *)result.data[0] + n * size,
                                x + index_of(&in, from) * size, size);
        }
        free_result(&result, 1);
        free(x);
    }
}

/* 0 4 doubled, linear with half pixels: 0 1 3 4; with corners aligned: 0 4/3 8/3 4. */
static void by_hand(void **state) {
    (void)state;
    static const struct {
        int64_t coordinates;
        float wanted[4];
    } cases[] = {
        {RNM_COORDINATES_HALF_PIXEL, {0, 1, 3, 4}},
        {RNM_COORDINATES_ALIGN_CORNERS, {0, 4.0f / 3, 8.0f / 3, 4}},
        {RNM_COORDINATES_ASYMMETRIC, {0, 2, 4, 4}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        const rnm_shape in = {.dtype = RNM_F32, .rank = 1, .dims = {2}};
        const float x[] = {0, 4};
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Resize, 0);
        attrs.mode = RNM_RESIZE_LINEAR;
        attrs.coordinates = cases[k].coordinates;
        attrs.shape = (rnm_int_list){.count = 1, .at = {4}};
        const node_case c = {.op = RNM_OP_Resize,
                             .attrs = &attrs,
                             .inputs = {{.shape = in, .data = x}},
                             .input_count = 1,
                             .output_count = 1};
        node_result result = run_node(&c);
        for (int n = 0; n < 4; ++n) {
            assert_true(fabsf(((float *)result.data[0])[n] - cases[k].wanted[n]) < 1e-6f);
        }
        free_result(&result, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode),
        cmocka_unit_test(nearest_types),
        cmocka_unit_test(by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
