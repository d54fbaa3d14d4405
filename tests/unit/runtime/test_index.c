/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that read or write where indices say, and indices that are out of range.
 */
#include "one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 40 };

/* Indices in [-size, size) of either type. */
static void *random_indices(rng *r, rnm_shape *shape, int64_t size) {
    size_t count = shape_count(shape);
    shape->dtype = random_below(r, 2) == 0 ? RNM_I64 : RNM_I32;
    void *data = malloc(count * sizeof(int64_t) + 1);
    assert_non_null(data);
    for (size_t k = 0; k < count; ++k) {
        int64_t index = (int64_t)random_below(r, 2 * (uint32_t)size) - size;
        if (shape->dtype == RNM_I64) {
            ((int64_t *)data)[k] = index;
        } else {
            ((int32_t *)data)[k] = (int32_t)index;
        }
    }
    return data;
}

static int64_t index_value(const rnm_shape *shape, const void *data, size_t k, int64_t size) {
    int64_t index =
        shape->dtype == RNM_I64 ? ((const int64_t *)data)[k] : ((const int32_t *)data)[k];
    return index < 0 ? index + size : index;
}

static void gather(void **state) {
    (void)state;
    rng r = {51};
    for (int round = 0; round < ROUNDS; ++round) {
        rnm_node_attrs attrs = rnm_attrs_default(RNM_OP_Gather, 0);
        int rank = 1 + (int)random_below(&r, 4);
        int axis = (int)random_below(&r, (uint32_t)rank);
        rnm_shape data = random_shape(&r, rank, 5);
        rnm_shape indices = random_shape(&r, (int)random_below(&r, 4), 4);
        float *x = random_values(&r, &data);
        void *at = random_indices(&r, &indices, data.dims[axis]);
        attrs.axis = round % 2 == 0 ? axis : axis - rank;
        const node_case c = {
            .op = RNM_OP_Gather,
            .attrs = &attrs,
            .inputs = {{.shape = data, .data = x, .stored = round % 3 == 0},
                       {.shape = indices, .data = at, .stored = round % 5 == 0}},
            .input_count = 2,
            .output_count = 1,
        };
        node_result result = run_node(&c);
        const rnm_shape *out = &result.shapes[0];
        assert_int_equal(out->rank, rank - 1 + indices.rank);
        int64_t to[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(out); ++n, next_index(out, to)) {
            int64_t from[RNM_MAX_RANK];
            memcpy(from, to, (size_t)axis * sizeof *from);
            from[axis] = index_value(&indices, at, index_of(&indices, to + axis), data.dims[axis]);
            memcpy(from + axis + 1, to + axis + indices.rank,
                   (size_t)(rank - axis - 1) * sizeof *from);
            assert_true(((float *)result.data[0])[n] == x[index_of(&data, from)]);
        }
        free_result(&result, 1);
        free(at);
        free(x);
    }
}

static void elements(void **state) {
    (void)state;
    rng r = {52};
    for (int round = 0; round < ROUNDS; ++round) {
        const bool scatters = round % 2 == 1;
        rnm_op op = scatters ? RNM_OP_ScatterElements : RNM_OP_GatherElements;
        rnm_node_attrs attrs = rnm_attrs_default(op, 0);
        int rank = 1 + (int)random_below(&r, 4);
        int axis = (int)random_below(&r, (uint32_t)rank);
        rnm_shape data = random_shape(&r, rank, 5), indices = data;
        for (int k = 0; k < rank; ++k) {
            indices.dims[k] = 1 + random_below(&r, k == axis ? 5 : (uint32_t)data.dims[k]);
        }
        rnm_shape updates = indices;
        float *x = random_values(&r, &data), *u = random_values(&r, &updates);
        void *at = random_indices(&r, &indices, data.dims[axis]);
        attrs.axis = round % 4 < 2 ? axis : axis - rank;
        const node_case c = {
            .op = op,
            .attrs = &attrs,
            .inputs = {{.shape = data, .data = x},
                       {.shape = indices, .data = at},
                       {.shape = updates, .data = u}},
            .input_count = scatters ? 3 : 2,
            .output_count = 1,
        };
        node_result result = run_node(&c);
        int64_t here[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(&indices); ++n, next_index(&indices, here)) {
            int64_t there[RNM_MAX_RANK];
            memcpy(there, here, sizeof there);
            there[axis] = index_value(&indices, at, n, data.dims[axis]);
            if (scatters) {
                x[index_of(&data, there)] = u[n]; /* the last one stays */
            } else {
                assert_true(((float *)result.data[0])[n] == x[index_of(&data, there)]);
            }
        }
        if (scatters) {
            assert_memory_equal(result.data[0], x, shape_count(&data) * sizeof *x);
        }
        free_result(&result, 1);
        free(at);
        free(u);
        free(x);
    }
}

static void tuples(void **state) {
    (void)state;
    rng r = {53};
    for (int round = 0; round < ROUNDS; ++round) {
        const bool scatters = round % 2 == 1;
        rnm_op op = scatters ? RNM_OP_ScatterND : RNM_OP_GatherND;
        rnm_node_attrs attrs = rnm_attrs_default(op, 0);
        int rank = 1 + (int)random_below(&r, 4);
        rnm_shape data = random_shape(&r, rank, 4);
        int batch = scatters ? 0 : (int)random_below(&r, (uint32_t)rank);
        int tuple = 1 + (int)random_below(&r, (uint32_t)(rank - batch));
        int64_t least = 4; /* of the indexed dims, so that one range fits all */
        for (int k = batch; k < batch + tuple; ++k) {
            least = data.dims[k] < least ? data.dims[k] : least;
        }
        rnm_shape indices = random_shape(&r, batch + 1 + (int)random_below(&r, 3), 3);
        memcpy(indices.dims, data.dims, (size_t)batch * sizeof *indices.dims);
        indices.dims[indices.rank - 1] = tuple;
        void *at = random_indices(&r, &indices, least);
        rnm_shape updates = {.dtype = RNM_F32, .rank = indices.rank - 1 + rank - batch - tuple};
        memcpy(updates.dims, indices.dims, sizeof updates.dims);
        memcpy(updates.dims + indices.rank - 1, data.dims + batch + tuple,
               (size_t)(rank - batch - tuple) * sizeof *updates.dims);
        float *x = random_values(&r, &data), *u = random_values(&r, &updates);
        attrs.batch_dims = batch;
        const node_case c = {
            .op = op,
            .attrs = &attrs,
            .inputs = {{.shape = data, .data = x},
                       {.shape = indices, .data = at},
                       {.shape = updates, .data = u}},
            .input_count = scatters ? 3 : 2,
            .output_count = 1,
        };
        node_result result = run_node(&c);
        int64_t here[RNM_MAX_RANK] = {0};
        for (size_t n = 0; n < shape_count(&updates); ++n, next_index(&updates, here)) {
            int64_t there[RNM_MAX_RANK], from[RNM_MAX_RANK];
            memcpy(from, here, sizeof from);
            memcpy(there, here, sizeof there);
            for (int k = 0; k < tuple; ++k) {
                from[indices.rank - 1] = k;
                there[batch + k] =
                    index_value(&indices, at, index_of(&indices, from), data.dims[batch + k]);
            }
            memcpy(there + batch + tuple, here + indices.rank - 1,
                   (size_t)(rank - batch - tuple) * sizeof *there);
            if (scatters) {
                x[index_of(&data, there)] = u[n];
            } else {
                assert_true(((float *)result.data[0])[n] == x[index_of(&data, there)]);
            }
        }
        if (scatters) {
            assert_memory_equal(result.data[0], x, shape_count(&data) * sizeof *x);
        }
        free_result(&result, 1);
        free(at);
        free(u);
        free(x);
    }
}

static void out_of_range(void **state) {
    (void)state;
    static const int64_t bad[] = {3, -4, INT64_MAX, INT64_MIN};
    static const rnm_op ops[] = {RNM_OP_Gather, RNM_OP_GatherElements, RNM_OP_GatherND,
                                 RNM_OP_ScatterElements, RNM_OP_ScatterND};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; ++k) {
        for (size_t n = 0; n < sizeof ops / sizeof *ops; ++n) {
            const bool scatters = n >= 3;
            const bool tuples_of = ops[n] == RNM_OP_GatherND || ops[n] == RNM_OP_ScatterND;
            rnm_node_attrs attrs = rnm_attrs_default(ops[n], 0);
            rnm_shape data = {.dtype = RNM_F32, .rank = 1, .dims = {3}};
            rnm_shape indices = {.dtype = RNM_I64, .rank = tuples_of ? 2 : 1, .dims = {2, 1}};
            rnm_shape updates = {.dtype = RNM_F32, .rank = 1, .dims = {2}};
            const float x[] = {1, 2, 3};
            const int64_t at[] = {0, bad[k]};
            const node_case c = {
                .op = ops[n],
                .attrs = &attrs,
                .inputs = {{.shape = data, .data = x},
                           {.shape = indices, .data = at},
                           {.shape = updates, .data = x}},
                .input_count = scatters ? 3 : 2,
                .output_count = 1,
            };
            refuse_node(&c, RNM_ERR_VALUE, "node node: an index must be in [-3, 2]");
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather),
        cmocka_unit_test(elements),
        cmocka_unit_test(tuples),
        cmocka_unit_test(out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
