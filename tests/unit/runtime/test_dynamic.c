/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers whose weight is a value: convolutions of one to three axes, transposed ones, and products
 * of matrices, against plain loops in f64; MaxPool's indices.
 */
#include "naive.h"
#include "one_node.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t volume(const int64_t sizes[3]) {
    return sizes[0] * sizes[1] * sizes[2];
}

static rnm_shape map_shape(int64_t batch, int64_t channels, const int64_t *sizes, int spatial) {
    rnm_shape shape = {.dtype = RNM_F32, .rank = 2 + spatial, .dims = {batch, channels}};
    memcpy(shape.dims + 2, sizes + 3 - spatial, (size_t)spatial * sizeof *sizes);
    return shape;
}

/* ONNX's [Ci][Co / groups][taps] from [Co][Ci / groups][taps]. */
static float *exchange(const naive_window *w, const float *weights) {
    int64_t ci = w->in_channels / w->groups, co = w->out_channels / w->groups;
    int64_t taps = volume(w->kernel);
    float *to = malloc((size_t)(w->out_channels * ci * taps) * sizeof *to);
    assert_non_null(to);
    for (int64_t o = 0; o < w->out_channels; ++o) {
        for (int64_t i = 0; i < ci; ++i) {
            memcpy(to + ((o / co * ci + i) * co + o % co) * taps, weights + (o * ci + i) * taps,
                   (size_t)taps * sizeof *to);
        }
    }
    return to;
}

/* A transposed convolution as a plain one over an input with zeros between its elements and around
 * them, by the kernel back to front. */
static void as_plain(const naive_window *w, const float *x, const float *weights, double *y) {
    naive_window plain = *w;
    int64_t ci = w->in_channels / w->groups, taps = volume(w->kernel);
    for (int axis = 0; axis < 3; ++axis) {
        plain.in[axis] = w->out[axis] + w->dilations[axis] * (w->kernel[axis] - 1);
        plain.strides[axis] = 1;
        plain.pads[axis] = plain.end_pads[axis] = 0;
    }
    size_t count = (size_t)(w->batch * w->in_channels * volume(plain.in));
    double *spread = calloc(count, sizeof *spread);
    float *flipped = malloc((size_t)(w->out_channels * ci * taps) * sizeof *flipped);
    assert_true(spread != NULL && flipped != NULL);
    for (int64_t k = 0; k < w->out_channels * ci * taps; ++k) {
        flipped[k] = weights[k / taps * taps + taps - 1 - k % taps];
    }
    for (int64_t k = 0; k < w->batch * w->in_channels * volume(w->in); ++k) {
        int64_t rest = k, to = 0, factor = 1;
        bool inside = true;
        for (int axis = 2; axis >= 0; --axis) {
            int64_t at = rest % w->in[axis] * w->strides[axis] +
                         w->dilations[axis] * (w->kernel[axis] - 1) - w->pads[axis];
            rest /= w->in[axis];
            inside = inside && at >= 0 && at < plain.in[axis];
            to += at * factor;
            factor *= plain.in[axis];
        }
        if (inside) {
            spread[rest * factor + to] = (double)x[k];
        }
    }
    naive_conv(&plain, spread, flipped, y);
    free(flipped);
    free(spread);
}

static void check_conv(rng *r, bool transposed, int round) {
    const int spatial = 1 + round % 3;
    naive_window w = {.batch = 1 + random_below(r, 2), .groups = round % 4 == 1 ? 2 : 1};
    int64_t ci = 1 + random_below(r, 40), co = 1 + random_below(r, 40);
    if (round % 8 == 6) {
        ci = co = 1;
        w.groups = 35;
    }
    w.in_channels = ci * w.groups;
    w.out_channels = co * w.groups;
    rnm_op op = transposed ? RNM_OP_DynamicConvTranspose : RNM_OP_DynamicConv;
    rnm_node_attrs attrs = rnm_attrs_default(op, spatial);
    attrs.group = w.groups;
    for (int axis = 0; axis < 3; ++axis) {
        bool exists = axis >= 3 - spatial;
        int at = axis - (3 - spatial);
        w.in[axis] = exists ? 4 + random_below(r, 5) : 1;
        w.kernel[axis] = exists ? 1 + random_below(r, 3) : 1;
        w.strides[axis] = exists ? 1 + random_below(r, 3) : 1;
        w.dilations[axis] = exists ? 1 + random_below(r, 2) : 1;
        w.pads[axis] = exists ? random_below(r, 3) : 0;
        w.end_pads[axis] = exists ? random_below(r, 3) : 0;
        int64_t extent = w.dilations[axis] * (w.kernel[axis] - 1) + 1;
        int64_t pads = w.pads[axis] + w.end_pads[axis];
        if (!exists) {
            w.out[axis] = 1;
            continue;
        }
        attrs.strides[at] = w.strides[axis];
        attrs.dilations[at] = w.dilations[axis];
        attrs.pads[at] = w.pads[axis];
        attrs.pads[spatial + at] = w.end_pads[axis];
        if (transposed) {
            w.in[axis] += 1;
            attrs.output_padding[at] = w.strides[axis] - 1;
            w.out[axis] = w.strides[axis] * (w.in[axis] - 1) + extent + w.strides[axis] - 1 - pads;
        } else {
            w.in[axis] += extent > 4 ? extent - 4 : 0;
            w.out[axis] = (w.in[axis] + pads - extent) / w.strides[axis] + 1;
        }
    }
    rnm_shape in = map_shape(w.batch, w.in_channels, w.in, spatial);
    rnm_shape weight = map_shape(w.out_channels, ci, w.kernel, spatial);
    rnm_shape channels = {.dtype = RNM_F32, .rank = 1, .dims = {w.out_channels}};
    float *x = random_values(r, &in), *weights = random_values(r, &weight);
    float *bias = random_values(r, &channels);
    size_t out = (size_t)(w.batch * w.out_channels * volume(w.out));
    double *wanted = malloc(out * sizeof *wanted);
    double *exact = malloc(shape_count(&in) * sizeof *exact);
    assert_true(wanted != NULL && exact != NULL);
    for (size_t k = 0; k < shape_count(&in); ++k) {
        exact[k] = (double)x[k];
    }
    float *given = weights;
    if (transposed) {
        as_plain(&w, x, weights, wanted);
        given = exchange(&w, weights);
        weight.dims[0] = w.in_channels;
        weight.dims[1] = co;
    } else {
        naive_conv(&w, exact, weights, wanted);
    }
    bool biased = round % 2 == 0;
    naive_epilogue(wanted, (size_t)w.batch, (size_t)w.out_channels, (size_t)volume(w.out), NULL,
                   biased ? bias : NULL, NULL, RNM_OP_NONE, 0, 0);
    const node_case c = {
        .op = op,
        .attrs = &attrs,
        .inputs = {{.shape = in, .data = x, .layout = RNM_LAYOUT_CHANNELS_LAST},
                   {.shape = weight, .data = given, .stored = round % 5 == 0},
                   {.shape = channels, .data = biased ? bias : NULL, .stored = round % 3 == 0}},
        .input_count = 3,
        .layout = RNM_LAYOUT_CHANNELS_LAST,
        .output_count = 1,
    };
    node_result result = run_node(&c);
    assert_int_equal(shape_count(&result.shapes[0]), out);
    check_close(result.data[0], wanted, out, 2e-5, rnm_op_find(op)->name);
    free_result(&result, 1);
    if (given != weights) {
        free(given);
    }
    free(exact);
    free(wanted);
    free(bias);
    free(weights);
    free(x);
}

static void convolutions(void **state) {
    (void)state;
    rng r = {81};
    for (int round = 0; round < 48; ++round) {
        check_conv(&r, false, round);
        check_conv(&r, true, round);
    }
}

/* ---- MatMul ---------------------------------------------------------------------------------- */

/* Element of a matrix in a stack, by the index of the output's stack. */
static double element(const rnm_shape *shape, const float *data, const int64_t *at, int out_rank,
                      int64_t row, int64_t column, bool flipped) {
    int64_t index[RNM_MAX_RANK];
    for (int axis = 0; axis < shape->rank - 2; ++axis) {
        int64_t place = at[out_rank - shape->rank + axis];
        index[axis] = shape->dims[axis] == 1 ? 0 : place;
    }
    index[shape->rank - 2] = flipped ? column : row;
    index[shape->rank - 1] = flipped ? row : column;
    return (double)data[index_of(shape, index)];
}

static void check_matmul(rng *r, int round) {
    rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_MatMul, 0);
    const bool gemm = round % 2 == 1;
    attrs.transA = random_below(r, 2) == 0;
    attrs.transB = random_below(r, 2) == 0;
    if (gemm) {
        attrs.alpha = 0.5f;
        attrs.beta = -1.5f;
    }
    int64_t m = 1 + random_below(r, round % 5 == 0 ? 300 : 20), n = 1 + random_below(r, 70);
    int64_t inner = 1 + random_below(r, round % 7 == 0 ? 2500 : 60);
    rnm_shape a = {.dtype = RNM_F32, .rank = gemm ? 2 : 2 + (int)random_below(r, 3)};
    rnm_shape b = {.dtype = RNM_F32, .rank = gemm ? 2 : 2 + (int)random_below(r, 3)};
    for (int axis = 0; axis < 2; ++axis) { /* from the right, so that they broadcast */
        int64_t dim = 1 + random_below(r, 3);
        if (axis < a.rank - 2) {
            a.dims[a.rank - 3 - axis] = random_below(r, 3) == 0 ? 1 : dim;
        }
        if (axis < b.rank - 2) {
            b.dims[b.rank - 3 - axis] = random_below(r, 3) == 0 ? 1 : dim;
        }
    }
    a.dims[a.rank - 2] = attrs.transA ? inner : m;
    a.dims[a.rank - 1] = attrs.transA ? m : inner;
    b.dims[b.rank - 2] = attrs.transB ? n : inner;
    b.dims[b.rank - 1] = attrs.transB ? inner : n;
    static const int c_ranks[] = {0, 1, 1, 2, 2, 2};
    int kind = (int)random_below(r, 6);
    rnm_shape add = {.dtype = RNM_F32, .rank = c_ranks[kind], .dims = {n, n}};
    add.dims[0] = kind == 2 ? 1 : kind == 1 ? n : kind == 3 ? 1 : m;
    add.dims[1] = kind == 4 ? 1 : n;
    float *x = random_values(r, &a), *w = random_values(r, &b), *z = random_values(r, &add);
    const node_case c = {
        .op = RNM_OP_MatMul,
        .attrs = &attrs,
        .inputs = {{.shape = a, .data = x},
                   {.shape = b, .data = w, .stored = round % 3 == 0},
                   {.shape = add, .data = gemm ? z : NULL}},
        .input_count = gemm ? 3 : 2,
        .output_count = 1,
    };
    node_result result = run_node(&c);
    const rnm_shape *out = &result.shapes[0];
    int64_t at[RNM_MAX_RANK] = {0};
    for (size_t k = 0; k < shape_count(out); ++k, next_index(out, at)) {
        int64_t row = at[out->rank - 2], column = at[out->rank - 1];
        double sum = 0;
        for (int64_t i = 0; i < inner; ++i) {
            sum += element(&a, x, at, out->rank, row, i, attrs.transA) *
                   element(&b, w, at, out->rank, i, column, attrs.transB);
        }
        if (gemm) {
            int64_t columns = add.rank > 0 ? add.dims[add.rank - 1] : 1;
            int64_t c_row = add.rank == 2 && add.dims[0] > 1 ? row : 0;
            double extra = (double)z[c_row * columns + (columns > 1 ? column : 0)];
            sum = 0.5 * sum - 1.5 * extra;
        }
        double found = (double)((float *)result.data[0])[k];
        if (!(fabs(found - sum) <= 2e-5 * fmax(1, sqrt((double)inner)))) {
            fail_msg("MatMul: element %zu: expected %.9g, found %.9g", k, sum, found);
        }
    }
    free_result(&result, 1);
    free(z);
    free(w);
    free(x);
}

static void products(void **state) {
    (void)state;
    rng r = {82};
    for (int round = 0; round < 80; ++round) {
        check_matmul(&r, round);
    }
}

/* ---- MaxPool's indices ----------------------------------------------------------------------- */

static void pool_indices(void **state) {
    (void)state;
    rng r = {83};
    for (int round = 0; round < 40; ++round) {
        const int spatial = 1 + round % 3;
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_MaxPool, spatial);
        rnm_shape in = random_shape(&r, 2 + spatial, 6);
        in.dims[1] = 1 + random_below(&r, 70);
        attrs.storage_order = round % 2 == 1;
        attrs.has_kernel_shape = true;
        for (int axis = 0; axis < spatial; ++axis) {
            in.dims[2 + axis] += 3;
            attrs.kernel_shape[axis] = 1 + random_below(&r, 3);
            attrs.strides[axis] = 1 + random_below(&r, 2);
            attrs.pads[axis] = random_below(&r, (uint32_t)attrs.kernel_shape[axis]);
        }
        float *x = random_values(&r, &in);
        const node_case c = {
            .op = RNM_OP_MaxPool,
            .attrs = &attrs,
            .inputs = {{.shape = in, .data = x, .layout = RNM_LAYOUT_CHANNELS_LAST}},
            .input_count = 1,
            .layout = RNM_LAYOUT_CHANNELS_LAST,
            .output_count = 2,
        };
        node_result result = run_node(&c);
        assert_int_equal(result.shapes[1].dtype, RNM_I64);
        const rnm_shape *out = &result.shapes[0];
        int64_t at[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(out); ++n, next_index(out, at)) {
            int64_t index = ((int64_t *)result.data[1])[n], rest = index;
            int64_t from[RNM_MAX_RANK];
            int64_t pixels = 1;
            for (int axis = 0; axis < spatial; ++axis) {
                pixels *= in.dims[2 + axis];
            }
            assert_int_equal(rest / pixels, at[0] * in.dims[1] + at[1]);
            rest %= pixels;
            for (int k = 0; k < spatial; ++k) {
                int axis = 2 + (attrs.storage_order ? k : spatial - 1 - k);
                from[axis] = rest % in.dims[axis];
                rest /= in.dims[axis];
            }
            from[0] = at[0];
            from[1] = at[1];
            for (int axis = 0; axis < spatial; ++axis) {
                int64_t start = at[2 + axis] * attrs.strides[axis] - attrs.pads[axis];
                assert_true(from[2 + axis] >= start &&
                            from[2 + axis] < start + attrs.kernel_shape[axis]);
            }
            assert_true(x[index_of(&in, from)] == ((float *)result.data[0])[n]);
        }
        free_result(&result, 2);
        free(x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(products),
        cmocka_unit_test(pool_indices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
