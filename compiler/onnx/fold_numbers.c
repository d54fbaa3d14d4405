/* SPDX-License-Identifier: Apache-2.0
 *
 * Computing with small constants, element by element. Integers are computed as such, what follows
 * from symbolic dimensions as RNM_DIM_COMPUTED; other numbers in double, rounded once.
 */
#include "onnx/fold.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* One element of any type. */
typedef struct number {
    int64_t i;
    double d;
    bool symbol;
} number;

typedef struct folding {
    rnc_call *call;
    const rnc_onnx_value *const *inputs;
    size_t count;
    rnm_dtype dtype; /* of the result */
    int rank;
    int64_t dims[RNM_MAX_RANK];
    rnc_tensor *result;
    uint8_t *data;
    bool *symbolic;
    bool any_symbol;
} folding;

static bool whole(rnm_dtype dtype) {
    return dtype == RNM_I64 || dtype == RNM_I32 || dtype == RNM_BOOL;
}

static number load(const rnc_onnx_value *value, int64_t index) {
    number n = {.i = 0};
    if (whole(value->tensor->dtype)) {
        n.symbol = rnc_is_symbol(value, index, &n.i);
        n.d = (double)n.i;
    } else {
        n.d = rnc_tensor_number(value->tensor, index);
        n.i = fabs(n.d) < 0x1p62 ? (int64_t)n.d : 0;
    }
    return n;
}

static void store(folding *f, int64_t index, number n) {
    uint8_t *at = f->data + (size_t)index * rnm_dtype_size(f->dtype);
    float single = (float)n.d;
    int32_t narrow = (int32_t)n.i;
    switch (f->dtype) {
    case RNM_I64:
        memcpy(at, &n.i, sizeof n.i);
        break;
    case RNM_I32:
        memcpy(at, &narrow, sizeof narrow);
        break;
    case RNM_BOOL:
        *at = n.i != 0;
        break;
    case RNM_F64:
        memcpy(at, &n.d, sizeof n.d);
        break;
    default:
        memcpy(at, &single, sizeof single);
        break;
    }
    f->symbolic[index] = n.symbol;
    f->any_symbol = f->any_symbol || n.symbol;
}

/* Memory for the result; false where it is not small (*status RNM_OK) or there is none. */
static bool begin(folding *f, rnm_status *status) {
    rnc_import *im = f->call->import;
    int64_t elements = 1;
    *status = RNM_OK;
    for (int d = 0; d < f->rank; d++) {
        if (f->dims[d] < 0 || __builtin_mul_overflow(elements, f->dims[d], &elements) ||
            elements > RNC_ONNX_MAX_FOLDED) {
            return false;
        }
    }
    void *data = NULL;
    f->result = rnc_tensor_create(im, f->dtype, f->rank, f->dims, &data);
    f->data = data;
    f->symbolic = rnc_arena_array(im->graph->arena, (size_t)elements, sizeof(bool), im->err);
    *status = f->result == NULL || f->symbolic == NULL ? RNM_ERR_MEMORY : RNM_OK;
    return *status == RNM_OK;
}

static rnm_status finish(folding *f, bool *done) {
    *done = true;
    return rnc_bind_tensor(f->call, 0, f->result, f->any_symbol ? f->symbolic : NULL);
}

static bool same_as_input(folding *f, size_t k) {
    f->dtype = f->inputs[k]->tensor->dtype;
    f->rank = f->inputs[k]->tensor->rank;
    memcpy(f->dims, f->inputs[k]->tensor->dims, sizeof f->dims);
    return whole(f->dtype) || f->dtype == RNM_F32 || f->dtype == RNM_F64;
}

static int64_t result_elements(const folding *f) {
    int64_t elements = 1;
    for (int d = 0; d < f->rank; d++) {
        elements *= f->dims[d];
    }
    return elements;
}

/* ---- element by element, with broadcasting --------------------------------------------------- */

/* False for what is not known here: a division by zero, a symbol compared. */
typedef bool compute(number a, number b, bool integers, number *out);

/* A symbol and a number that leaves it as it is, or what follows from it. */
static bool moved(number a, number b, int64_t neutral, number *out) {
    bool same = a.symbol != b.symbol && (a.symbol ? b.i : a.i) == neutral;
    *out = !same ? (number){.i = RNM_DIM_COMPUTED, .symbol = true} : a.symbol ? a : b;
    return true;
}

static bool add(number a, number b, bool integers, number *out) {
    (void)integers;
    if (a.symbol || b.symbol) {
        return moved(a, b, 0, out);
    }
    *out = (number){.d = a.d + b.d};
    return !__builtin_add_overflow(a.i, b.i, &out->i);
}

static bool subtract(number a, number b, bool integers, number *out) {
    (void)integers;
    if (a.symbol || b.symbol) {
        return moved(a, b.symbol ? a : b, 0, out);
    }
    *out = (number){.d = a.d - b.d};
    return !__builtin_sub_overflow(a.i, b.i, &out->i);
}

static bool multiply(number a, number b, bool integers, number *out) {
    (void)integers;
    if (a.symbol || b.symbol) {
        return moved(a, b, 1, out);
    }
    *out = (number){.d = a.d * b.d};
    return !integers || !__builtin_mul_overflow(a.i, b.i, &out->i);
}

static bool divide(number a, number b, bool integers, number *out) {
    if (a.symbol || b.symbol) {
        return moved(a, b.symbol ? a : b, 1, out);
    }
    if (integers && (b.i == 0 || (a.i == INT64_MIN && b.i == -1))) {
        return false;
    }
    *out = (number){.i = integers ? a.i / b.i : 0, .d = a.d / b.d};
    return true;
}

static bool modulo(number a, number b, bool integers, number *out) {
    if (a.symbol || b.symbol) {
        *out = (number){.i = RNM_DIM_COMPUTED, .symbol = true};
        return true;
    }
    if (!integers || b.i == 0 || b.i == -1) {
        return false;
    }
    int64_t rest = a.i % b.i;
    *out = (number){.i = rest != 0 && (rest < 0) != (b.i < 0) ? rest + b.i : rest};
    return true;
}

static bool known(number a, number b) {
    return !a.symbol && !b.symbol;
}

#define COMPARE(name, op)                                              \
    static bool name(number a, number b, bool integers, number *out) { \
        *out = (number){.i = integers ? a.i op b.i : a.d op b.d};      \
        out->d = (double)out->i;                                       \
        return known(a, b);                                            \
    }
COMPARE(equal, ==)
COMPARE(less, <)
COMPARE(less_or_equal, <=)
COMPARE(greater, >)
COMPARE(greater_or_equal, >=)

static bool smaller(number a, number b, bool integers, number *out) {
    *out = (integers ? a.i < b.i : a.d < b.d) ? a : b;
    return known(a, b);
}

static bool larger(number a, number b, bool integers, number *out) {
    *out = (integers ? a.i > b.i : a.d > b.d) ? a : b;
    return known(a, b);
}

static bool both(number a, number b, bool integers, number *out) {
    (void)integers;
    *out = (number){.i = a.i != 0 && b.i != 0};
    return known(a, b);
}

static bool either(number a, number b, bool integers, number *out) {
    (void)integers;
    *out = (number){.i = a.i != 0 || b.i != 0};
    return known(a, b);
}

static const struct {
    const char *op;
    compute *compute;
    bool logical; /* gives booleans */
} binaries[] = {
    {"Add", add, false},        {"Sub", subtract, false},
    {"Mul", multiply, false},   {"Div", divide, false},
    {"Mod", modulo, false},     {"Min", smaller, false},
    {"Max", larger, false},     {"Equal", equal, true},
    {"Less", less, true},       {"LessOrEqual", less_or_equal, true},
    {"Greater", greater, true}, {"GreaterOrEqual", greater_or_equal, true},
    {"And", both, true},        {"Or", either, true},
};

/* The result's dims by broadcasting all inputs; false where they do not fit. */
static bool broadcast(folding *f) {
    f->rank = 0;
    for (size_t k = 0; k < f->count; k++) {
        f->rank = f->inputs[k]->tensor->rank > f->rank ? f->inputs[k]->tensor->rank : f->rank;
    }
    for (int d = 0; d < f->rank; d++) {
        f->dims[d] = 1;
        for (size_t k = 0; k < f->count; k++) {
            const rnc_tensor *tensor = f->inputs[k]->tensor;
            int axis = d - f->rank + tensor->rank;
            int64_t dim = axis < 0 ? 1 : tensor->dims[axis];
            if (dim != 1 && f->dims[d] != 1 && dim != f->dims[d]) {
                return false;
            }
            f->dims[d] = dim != 1 ? dim : f->dims[d];
        }
    }
    return true;
}

/* The element of input k that a place of the result reads. */
static int64_t read_place(const folding *f, size_t k, int64_t place) {
    const rnc_tensor *tensor = f->inputs[k]->tensor;
    int64_t index = 0;
    int64_t stride = 1;
    for (int d = f->rank; d-- > 0;) {
        int axis = d - f->rank + tensor->rank;
        int64_t at = f->dims[d] != 0 ? place % f->dims[d] : 0;
        place /= f->dims[d] != 0 ? f->dims[d] : 1;
        if (axis >= 0) {
            index += tensor->dims[axis] == 1 ? 0 : at * stride;
            stride *= tensor->dims[axis];
        }
    }
    return index;
}

static rnm_status fold_binary(folding *f, size_t row, bool *done) {
    rnm_status status;
    if (f->count != 2 || !same_as_input(f, 0) ||
        f->inputs[1]->tensor->dtype != f->inputs[0]->tensor->dtype || !broadcast(f)) {
        return RNM_OK;
    }
    bool integers = whole(f->dtype);
    f->dtype = binaries[row].logical ? RNM_BOOL : f->dtype;
    if (!begin(f, &status)) {
        return status;
    }
    for (int64_t k = 0; k < result_elements(f); k++) {
        number n;
        if (!binaries[row].compute(load(f->inputs[0], read_place(f, 0, k)),
                                   load(f->inputs[1], read_place(f, 1, k)), integers, &n)) {
            return rnc_call_fail(f->call, RNM_ERR_UNSUPPORTED,
                                 "it computes with a symbolic dimension (--input-size fixes height "
                                 "and width), or its result is undefined");
        }
        store(f, k, n);
    }
    return finish(f, done);
}

static rnm_status fold_where(folding *f, bool *done) {
    rnm_status status;
    if (f->count != 3 || !same_as_input(f, 1) ||
        f->inputs[2]->tensor->dtype != f->inputs[1]->tensor->dtype || !broadcast(f) ||
        !begin(f, &status)) {
        return RNM_OK;
    }
    for (int64_t k = 0; k < result_elements(f); k++) {
        bool yes = load(f->inputs[0], read_place(f, 0, k)).i != 0;
        size_t from = yes ? 1 : 2;
        store(f, k, load(f->inputs[from], read_place(f, from, k)));
    }
    return finish(f, done);
}

static rnm_status fold_unary(folding *f, bool *done) {
    static const char *const ops[] = {"Neg", "Abs", "Floor", "Ceil", "Sqrt", "Not", "Reciprocal"};
    enum { NEG, ABS, FLOOR, CEIL, SQRT, NOT, RECIPROCAL, OPS };
    int op = 0;
    rnm_status status;
    while (op < OPS && strcmp(ops[op], f->call->op) != 0) {
        op++;
    }
    if (op == OPS || f->count != 1 || !same_as_input(f, 0) || f->inputs[0]->symbolic != NULL ||
        !begin(f, &status)) {
        return RNM_OK;
    }
    for (int64_t k = 0; k < result_elements(f); k++) {
        number n = load(f->inputs[0], k);
        int64_t positive = n.i == INT64_MIN ? n.i : n.i < 0 ? -n.i : n.i;
        const number results[OPS] = {
            [NEG] = {.i = n.i == INT64_MIN ? n.i : -n.i, .d = -n.d},
            [ABS] = {.i = positive, .d = fabs(n.d)},
            [FLOOR] = {.i = n.i, .d = floor(n.d)},
            [CEIL] = {.i = n.i, .d = ceil(n.d)},
            [SQRT] = {.d = sqrt(n.d)},
            [NOT] = {.i = n.i == 0},
            [RECIPROCAL] = {.d = 1.0 / n.d},
        };
        store(f, k, results[op]);
    }
    return finish(f, done);
}

static rnm_status fold_cast(folding *f, bool *done) {
    int64_t to;
    rnm_status status = rnc_attr_int(f->call, "to", 0, &to);
    if (status != RNM_OK || f->count != 1 || !same_as_input(f, 0)) {
        return status;
    }
    bool exact = whole(f->dtype) || to == RNM_F32 || to == RNM_F64;
    f->dtype = (rnm_dtype)to;
    bool fits = to == RNM_I64 || to == RNM_I32 || to == RNM_F32 || to == RNM_F64 || to == RNM_BOOL;
    if (!fits || (f->inputs[0]->symbolic != NULL && !whole(f->dtype)) || !begin(f, &status)) {
        return status;
    }
    for (int64_t k = 0; k < result_elements(f); k++) {
        number n = load(f->inputs[0], k);
        n.i = f->dtype == RNM_BOOL && !exact ? n.d != 0.0 : n.i;
        store(f, k, n);
    }
    return finish(f, done);
}

/* ---- elements moved about -------------------------------------------------------------------- */

static bool axis_of(folding *f, const char *name, int64_t otherwise, int rank, int64_t *axis,
                    rnm_status *status) {
    *status = rnc_attr_int(f->call, name, otherwise, axis);
    if (*status == RNM_OK && (*axis < -rank || *axis >= rank)) {
        *status =
            rnc_call_fail(f->call, RNM_ERR_VALUE,
                          "attribute %s should be in %d axes, found %" PRId64, name, rank, *axis);
    }
    *axis += *axis < 0 ? rank : 0;
    return *status == RNM_OK;
}

/* Products of dims before and behind an axis. */
static void around(const int64_t *dims, int rank, int64_t axis, int64_t *before, int64_t *behind) {
    *before = *behind = 1;
    for (int d = 0; d < rank; d++) {
        *before *= d < axis ? dims[d] : 1;
        *behind *= d > axis ? dims[d] : 1;
    }
}

static rnm_status fold_gather(folding *f, bool *done) {
    int64_t axis, before, behind;
    rnm_status status;
    if (f->count != 2 || !same_as_input(f, 0)) {
        return RNM_OK;
    }
    const rnc_tensor *data = f->inputs[0]->tensor;
    const rnc_tensor *indices = f->inputs[1]->tensor;
    if (!axis_of(f, "axis", 0, data->rank, &axis, &status)) {
        return status;
    }
    f->rank = data->rank - 1 + indices->rank;
    if (f->rank > RNM_MAX_RANK || !whole(indices->dtype)) {
        return RNM_OK;
    }
    for (int d = 0; d < f->rank; d++) {
        f->dims[d] = d < axis                   ? data->dims[d]
                     : d < axis + indices->rank ? indices->dims[d - axis]
                                                : data->dims[d - indices->rank + 1];
    }
    if (!begin(f, &status)) {
        return status;
    }
    around(data->dims, data->rank, axis, &before, &behind);
    int64_t count = rnc_tensor_elements(indices);
    for (int64_t b = 0; b < before; b++) {
        for (int64_t k = 0; k < count; k++) {
            int64_t index = rnc_tensor_integer(indices, k);
            index += index < 0 ? data->dims[axis] : 0;
            if (index < 0 || index >= data->dims[axis]) {
                return rnc_call_fail(f->call, RNM_ERR_VALUE,
                                     "index %" PRId64 " is outside of axis %" PRId64, index, axis);
            }
            for (int64_t e = 0; e < behind; e++) {
                store(f, (b * count + k) * behind + e,
                      load(f->inputs[0], (b * data->dims[axis] + index) * behind + e));
            }
        }
    }
    return finish(f, done);
}

static rnm_status fold_concat(folding *f, bool *done) {
    int64_t axis, before, behind;
    rnm_status status;
    if (!same_as_input(f, 0) || f->rank == 0 || !axis_of(f, "axis", 0, f->rank, &axis, &status)) {
        return RNM_OK;
    }
    f->dims[axis] = 0;
    for (size_t k = 0; k < f->count; k++) {
        const rnc_tensor *part = f->inputs[k]->tensor;
        if (part->dtype != f->dtype || part->rank != f->rank) {
            return RNM_OK;
        }
        for (int d = 0; d < f->rank; d++) {
            if (d != axis && part->dims[d] != f->dims[d]) {
                return RNM_OK;
            }
        }
        f->dims[axis] += part->dims[axis];
    }
    if (!begin(f, &status)) {
        return status;
    }
    around(f->dims, f->rank, axis, &before, &behind);
    int64_t first = 0;
    for (size_t k = 0; k < f->count; k++) {
        int64_t length = f->inputs[k]->tensor->dims[axis] * behind;
        for (int64_t b = 0; b < before; b++) {
            for (int64_t e = 0; e < length; e++) {
                store(f, b * f->dims[axis] * behind + first + e,
                      load(f->inputs[k], b * length + e));
            }
        }
        first += length;
    }
    return finish(f, done);
}

/* Of one axis at most, as shape arithmetic has it. */
static rnm_status fold_slice(folding *f, bool *done) {
    int64_t from = 0, to = 0, step = 1, axis = 0, before, behind;
    rnm_status status;
    if (f->call->opset < 10) {
        int64_t axes[1];
        int counts[3];
        if ((status = rnc_attr_ints(f->call, "starts", 1, &from, &counts[0])) != RNM_OK ||
            (status = rnc_attr_ints(f->call, "ends", 1, &to, &counts[1])) != RNM_OK ||
            (status = rnc_attr_ints(f->call, "axes", 1, axes, &counts[2])) != RNM_OK) {
            return status;
        }
        axis = counts[2] > 0 ? axes[0] : 0;
    } else {
        int64_t *const parts[] = {&from, &to, &axis, &step};
        for (size_t k = 1; k <= 4 && k < f->call->proto->n_input; k++) {
            if (rnc_call_input(f->call, k) == NULL) {
                continue;
            }
            if (rnc_tensor_elements(f->inputs[k]->tensor) != 1 || f->inputs[k]->symbolic != NULL) {
                return RNM_OK;
            }
            *parts[k - 1] = rnc_tensor_integer(f->inputs[k]->tensor, 0);
        }
    }
    if (!same_as_input(f, 0) || f->rank == 0) {
        return RNM_OK;
    }
    axis += axis < 0 ? f->rank : 0;
    if (axis < 0 || axis >= f->rank || step < 1) {
        return RNM_OK; /* for the general way */
    }
    int64_t dim = f->dims[axis];
    from = from < -dim ? 0 : from < 0 ? from + dim : from > dim ? dim : from;
    to = to < -dim ? 0 : to < 0 ? to + dim : to > dim ? dim : to;
    f->dims[axis] = to > from ? (to - from - 1) / step + 1 : 0;
    if (!begin(f, &status)) {
        return status;
    }
    around(f->dims, f->rank, axis, &before, &behind);
    for (int64_t b = 0; b < before; b++) {
        for (int64_t k = 0; k < f->dims[axis]; k++) {
            for (int64_t e = 0; e < behind; e++) {
                store(f, (b * f->dims[axis] + k) * behind + e,
                      load(f->inputs[0], (b * dim + from + k * step) * behind + e));
            }
        }
    }
    return finish(f, done);
}

static rnm_status fold_range(folding *f, bool *done) {
    rnm_status status;
    if (f->count != 3 || !same_as_input(f, 0) || !whole(f->dtype) || f->rank > 1) {
        return RNM_OK;
    }
    int64_t n[3];
    for (size_t k = 0; k < 3; k++) {
        if (f->inputs[k]->symbolic != NULL || rnc_tensor_elements(f->inputs[k]->tensor) != 1) {
            return RNM_OK;
        }
        n[k] = rnc_tensor_integer(f->inputs[k]->tensor, 0);
    }
    int64_t span;
    if (n[2] == 0 || __builtin_sub_overflow(n[1], n[0], &span) || n[2] == INT64_MIN) {
        return RNM_OK;
    }
    int64_t count =
        (n[2] > 0) == (span > 0) && span != 0 ? (span - (n[2] > 0 ? 1 : -1)) / n[2] + 1 : 0;
    f->rank = 1;
    f->dims[0] = count;
    if (!begin(f, &status)) {
        return status;
    }
    for (int64_t k = 0; k < count; k++) {
        store(f, k, (number){.i = n[0] + k * n[2], .d = (double)(n[0] + k * n[2])});
    }
    return finish(f, done);
}

static rnm_status fold_expand(folding *f, bool *done) {
    int64_t dims[RNM_MAX_RANK];
    int count;
    rnm_status status = rnc_call_ints(f->call, 1, RNM_MAX_RANK, dims, NULL, &count);
    if (status != RNM_OK || !same_as_input(f, 0) || !whole(f->dtype)) {
        return status;
    }
    const rnc_tensor *from = f->inputs[0]->tensor;
    f->rank = count > from->rank ? count : from->rank;
    for (int d = 0; d < f->rank; d++) {
        int64_t wanted = d - f->rank + count < 0 ? 1 : dims[d - f->rank + count];
        int64_t had = d - f->rank + from->rank < 0 ? 1 : from->dims[d - f->rank + from->rank];
        if (wanted != had && wanted != 1 && had != 1) {
            return RNM_OK;
        }
        f->dims[d] = wanted == 1 ? had : wanted;
    }
    if (!begin(f, &status)) {
        return status;
    }
    for (int64_t k = 0; k < result_elements(f); k++) {
        store(f, k, load(f->inputs[0], read_place(f, 0, k)));
    }
    return finish(f, done);
}

static rnm_status fold_product(folding *f, bool *done) {
    rnm_status status;
    bool keep;
    if (!same_as_input(f, 0) || !whole(f->dtype) || f->rank != 1 ||
        f->inputs[0]->symbolic != NULL ||
        (status = rnc_attr_flag(f->call, "keepdims", true, &keep)) != RNM_OK) {
        return RNM_OK;
    }
    int64_t count = f->dims[0];
    number total = {.i = 1};
    for (int64_t k = 0; k < count; k++) {
        if (__builtin_mul_overflow(total.i, load(f->inputs[0], k).i, &total.i)) {
            return RNM_OK;
        }
    }
    f->rank = keep;
    f->dims[0] = 1;
    if (!begin(f, &status)) {
        return status;
    }
    store(f, 0, total);
    return finish(f, done);
}

/* ---- the table ------------------------------------------------------------------------------- */

rnm_status rnc_fold_numbers(rnc_call *call, const rnc_onnx_value *const *inputs, bool *done) {
    static const struct {
        const char *op;
        rnm_status (*fold)(folding *, bool *);
    } others[] = {
        {"Where", fold_where},   {"Cast", fold_cast},          {"Gather", fold_gather},
        {"Concat", fold_concat}, {"Slice", fold_slice},        {"Range", fold_range},
        {"Expand", fold_expand}, {"ReduceProd", fold_product},
    };
    folding f = {.call = call, .inputs = inputs, .count = call->proto->n_input};
    for (size_t k = 0; k < f.count; k++) {
        if (inputs[k] == NULL && strcmp(call->op, "Slice") != 0) {
            return RNM_OK;
        }
    }
    for (size_t k = 0; k < sizeof binaries / sizeof *binaries; k++) {
        if (strcmp(binaries[k].op, call->op) == 0) {
            return fold_binary(&f, k, done);
        }
    }
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        if (strcmp(others[k].op, call->op) == 0) {
            rnm_status status = others[k].fold(&f, done);
            call->seen = 0;
            return status;
        }
    }
    return fold_unary(&f, done);
}
