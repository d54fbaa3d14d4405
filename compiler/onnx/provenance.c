/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that constants make, looked at element by element without making them. What moves
 * elements moves indices here, from the result back to its operands; what computes joins terms.
 * Numbers are computed in f32, a rounding an operator, as the graph would.
 *
 * An operand that is read twice is looked at twice, so an expression counts as a tree.
 */
#include "onnx/provenance.h"

#include "half.h"

#include <math.h>
#include <string.h>

/* A cascade of s with both edges is a tree of some 200 nodes. */
enum { MOST_NODES = 1024, MOST_DEPTH = 64 };

/* ---- indices --------------------------------------------------------------------------------- */

/* One axis of a result: index i of it is element (i mod period) * stride of the operand. */
typedef struct leg {
    uint32_t size;
    uint32_t period;
    int64_t stride;
} leg;

typedef struct path {
    leg legs[RNM_MAX_RANK];
    int count;
    int64_t first;
} path;

/* Appends an axis, as one with the axis before it where the two are one run. */
static void add_leg(path *p, uint32_t size, uint32_t period, int64_t stride) {
    leg *last = p->count > 0 ? &p->legs[p->count - 1] : NULL;
    if (size == 1 && p->count > 0) {
        return;
    }
    if (last != NULL && last->size == last->period && size == period &&
        last->stride == stride * size) {
        last->size *= size;
        last->period = last->size;
        last->stride = stride;
    } else if (last != NULL && last->size == 1) {
        *last = (leg){size, period, stride};
    } else {
        p->legs[p->count++] = (leg){size, period, stride};
    }
}

static void follow(const path *p, const uint32_t *index, size_t count, uint32_t *out) {
    for (size_t k = 0; k < count; k++) {
        uint32_t rest = index[k];
        int64_t at = p->first;
        for (int a = p->count; a-- > 0;) {
            const leg *x = &p->legs[a];
            uint32_t i = rest;
            if (a > 0) {
                i = rest % x->size;
                rest /= x->size;
            }
            at += (int64_t)(x->size == x->period ? i : i % x->period) * x->stride;
        }
        out[k] = (uint32_t)at;
    }
}

/* Strides of a tensor in row-major order. */
static void row_major(const rnm_shape *shape, int64_t strides[RNM_MAX_RANK]) {
    int64_t stride = 1;
    for (int d = shape->rank; d-- > 0;) {
        strides[d] = stride;
        stride *= shape->dims[d];
    }
}

/* From a result to an operand that is broadcast to it, or repeated where `repeats`. */
static path spread(const rnm_shape *to, const rnm_shape *from, bool repeats) {
    path p = {.count = 0};
    int64_t strides[RNM_MAX_RANK];
    row_major(from, strides);
    for (int d = 0; d < to->rank; d++) {
        int s = d - (to->rank - from->rank);
        bool single = s < 0 || (from->dims[s] == 1 && !repeats);
        uint32_t size = (uint32_t)to->dims[d];
        add_leg(&p, size, single || !repeats ? size : (uint32_t)from->dims[s],
                single ? 0 : strides[s]);
    }
    return p;
}

static path turned(const rnc_node *node) {
    path p = {.count = 0};
    int64_t strides[RNM_MAX_RANK];
    const rnm_shape *from = &node->inputs[0]->shape;
    row_major(from, strides);
    for (int d = 0; d < from->rank; d++) {
        int64_t axis = node->attrs.perm.count > 0 ? node->attrs.perm.at[d] : from->rank - 1 - d;
        axis += axis < 0 ? from->rank : 0;
        add_leg(&p, (uint32_t)from->dims[axis], (uint32_t)from->dims[axis], strides[axis]);
    }
    return p;
}

static path sliced(const rnc_node *node) {
    path p = {.count = 0};
    int64_t strides[RNM_MAX_RANK];
    const rnm_shape *from = &node->inputs[0]->shape;
    const rnm_shape *to = &node->outputs[0]->shape;
    row_major(from, strides);
    for (int64_t k = 0; k < node->attrs.starts.count; k++) {
        rnm_range range = rnm_slice_range(&node->attrs, k, from);
        p.first += range.start * strides[range.axis];
        strides[range.axis] *= range.step;
    }
    for (int d = 0; d < to->rank; d++) {
        add_leg(&p, (uint32_t)to->dims[d], (uint32_t)to->dims[d], strides[d]);
    }
    return p;
}

static path parted(const rnc_node *node, const rnc_value *part) {
    path p = {.count = 0};
    int64_t strides[RNM_MAX_RANK];
    const rnm_shape *from = &node->inputs[0]->shape;
    int64_t axis = node->attrs.axis + (node->attrs.axis < 0 ? from->rank : 0);
    row_major(from, strides);
    for (int k = 0; node->outputs[k] != part; k++) {
        p.first += node->outputs[k]->shape.dims[axis] * strides[axis];
    }
    for (int d = 0; d < from->rank; d++) {
        add_leg(&p, (uint32_t)part->shape.dims[d], (uint32_t)part->shape.dims[d], strides[d]);
    }
    return p;
}

/* ---- constants ------------------------------------------------------------------------------- */

static path stored(const rnc_tensor *tensor) {
    path p = {.count = 0};
    for (int d = 0; d < tensor->rank; d++) {
        add_leg(&p, (uint32_t)tensor->dims[d], (uint32_t)tensor->dims[d], tensor->strides[d]);
    }
    return p;
}

static void read_constant(const rnc_tensor *tensor, const rnc_tensor *parent, const uint32_t *index,
                          size_t count, rnc_term *terms) {
    uint32_t at[RNC_TERM_BATCH];
    const path p = stored(tensor);
    const size_t size = rnm_dtype_size(tensor->dtype);
    const bool is_parent = tensor->data == parent->data && tensor->dtype == parent->dtype;
    follow(&p, index, count, at);
    for (size_t k = 0; k < count; k++) {
        terms[k] = (rnc_term){.kind = RNC_TERM_NUMBER};
        if (is_parent) {
            terms[k] = (rnc_term){.kind = RNC_TERM_PARENT, .factor = 1.0f, .at = at[k]};
            continue;
        }
        const rnc_tensor one = {.dtype = tensor->dtype, .data = tensor->data + at[k] * size};
        if (tensor->dtype == RNM_F32) {
            memcpy(&terms[k].factor, one.data, sizeof terms[k].factor);
        } else {
            rnc_tensor_copy_f32(&one, 0, 1, &terms[k].factor);
        }
    }
}

/* ---- joining terms --------------------------------------------------------------------------- */

static const rnc_term unknown = {.kind = RNC_TERM_UNKNOWN};

static rnc_term number(float value) {
    return (rnc_term){.kind = RNC_TERM_NUMBER, .factor = value};
}

static bool unit(float factor) {
    return factor == 1.0f || factor == -1.0f;
}

static bool sign_or_zero(float factor) {
    return unit(factor) || factor == 0.0f;
}

/* Two factors are one only where neither product rounds. */
static rnc_term scaled(rnc_term term, float factor) {
    bool exact =
        unit(term.factor) || unit(factor) || (sign_or_zero(term.factor) && sign_or_zero(factor));
    if (term.kind != RNC_TERM_PARENT || !exact || !isfinite(factor)) {
        return unknown;
    }
    term.factor *= factor;
    return term;
}

static rnc_term multiply(rnc_term a, rnc_term b) {
    if (a.kind == RNC_TERM_NUMBER && b.kind == RNC_TERM_NUMBER) {
        return number(a.factor * b.factor);
    }
    return a.kind == RNC_TERM_NUMBER   ? scaled(b, a.factor)
           : b.kind == RNC_TERM_NUMBER ? scaled(a, b.factor)
                                       : unknown;
}

static rnc_term add(rnc_term a, rnc_term b) {
    if (a.kind == RNC_TERM_NUMBER && b.kind == RNC_TERM_NUMBER) {
        return number(a.factor + b.factor);
    }
    rnc_term power = a.kind == RNC_TERM_POWER ? a : b;
    rnc_term one = a.kind == RNC_TERM_POWER ? b : a;
    if (power.kind != RNC_TERM_POWER || one.kind != RNC_TERM_NUMBER || one.factor != 1.0f) {
        return unknown;
    }
    power.kind = RNC_TERM_SUM;
    return power;
}

static rnc_term subtract(rnc_term a, rnc_term b) {
    return a.kind == RNC_TERM_NUMBER && b.kind == RNC_TERM_NUMBER ? number(a.factor - b.factor)
                                                                  : unknown;
}

/* The same element after the same pairs. */
static bool same_element(const rnc_term *a, const rnc_term *b) {
    return a->at == b->at && a->pair_count == b->pair_count &&
           memcmp(a->pairs, b->pairs, sizeof a->pairs) == 0;
}

/* q * b1 / (1 + exp(q * b2)) is s of q. */
static rnc_term divide(rnc_term a, rnc_term b) {
    if (b.kind == RNC_TERM_NUMBER && a.kind == RNC_TERM_NUMBER) {
        return number(a.factor / b.factor);
    }
    if (b.kind == RNC_TERM_NUMBER) {
        return unit(b.factor) ? scaled(a, b.factor) : unknown;
    }
    if (a.kind != RNC_TERM_PARENT || b.kind != RNC_TERM_SUM || !same_element(&a, &b) ||
        a.pair_count == RNC_TERM_PAIRS) {
        return unknown;
    }
    a.pairs[a.pair_count][0] = a.factor;
    a.pairs[a.pair_count][1] = b.factor;
    a.pair_count++;
    a.factor = 1.0f;
    return a;
}

#define NUMBERS(name, expression)                                                       \
    static rnc_term name(rnc_term a, rnc_term b) {                                      \
        const float x = a.factor;                                                       \
        const float y = b.factor;                                                       \
        bool known = a.kind == RNC_TERM_NUMBER && b.kind == RNC_TERM_NUMBER;            \
        return known && !isnan(x) && !isnan(y) ? number((float)(expression)) : unknown; \
    }
NUMBERS(smaller, x < y ? x : y)
NUMBERS(larger, x > y ? x : y)
NUMBERS(equal, x == y)
NUMBERS(less, x < y)
NUMBERS(less_or_equal, x <= y)
NUMBERS(greater, x > y)
NUMBERS(greater_or_equal, x >= y)
NUMBERS(both, x != 0.0f && y != 0.0f)
NUMBERS(either, x != 0.0f || y != 0.0f)
NUMBERS(one_of, (x != 0.0f) != (y != 0.0f))

/* Of one operand; the node tells more. */
static rnc_term negate(const rnc_node *node, rnc_term a) {
    (void)node;
    return multiply(a, number(-1.0f));
}

static rnc_term power_of(const rnc_node *node, rnc_term a) {
    (void)node;
    a.kind = a.kind == RNC_TERM_PARENT ? RNC_TERM_POWER : RNC_TERM_UNKNOWN;
    return a;
}

static rnc_term sign_of(const rnc_node *node, rnc_term a) {
    (void)node;
    return a.kind != RNC_TERM_NUMBER || isnan(a.factor)
               ? unknown
               : number((float)((a.factor > 0.0f) - (a.factor < 0.0f)));
}

static rnc_term magnitude(const rnc_node *node, rnc_term a) {
    (void)node;
    return a.kind == RNC_TERM_NUMBER ? number(fabsf(a.factor)) : unknown;
}

static rnc_term clipped(const rnc_node *node, rnc_term a) {
    return smaller(larger(a, number(node->attrs.alpha)), number(node->attrs.beta));
}

static rnc_term opposite(const rnc_node *node, rnc_term a) {
    (void)node;
    return equal(a, number(0.0f));
}

/* Numbers of any type are f32 here; what is cut or rounded on its way is not followed. */
static rnc_term cast(const rnc_node *node, rnc_term a) {
    if (node->attrs.to == RNM_BOOL) {
        return opposite(node, equal(a, number(0.0f)));
    }
    bool whole = node->inputs[0]->shape.dtype == RNM_BOOL;
    return node->attrs.to == RNM_F32 && (whole || node->inputs[0]->shape.dtype == RNM_F32)
               ? a
               : unknown;
}

typedef rnc_term unary(const rnc_node *node, rnc_term a);
typedef rnc_term binary(rnc_term a, rnc_term b);

/* How an operator is looked at: one of these functions, or by its kind. */
typedef enum way { FOLLOWS, RESHAPES, SPREADS, REPEATS, JOINS, GATHERS, CHOOSES } way;

static const struct rule {
    rnm_op op;
    way way;
    path (*path)(const rnc_node *node);
    unary *one;
    binary *two;
} rules[] = {
    {RNM_OP_Reshape, RESHAPES, NULL, NULL, NULL},
    {RNM_OP_Flatten, RESHAPES, NULL, NULL, NULL},
    {RNM_OP_Squeeze, RESHAPES, NULL, NULL, NULL},
    {RNM_OP_Unsqueeze, RESHAPES, NULL, NULL, NULL},
    {RNM_OP_Expand, SPREADS, NULL, NULL, NULL},
    {RNM_OP_Tile, REPEATS, NULL, NULL, NULL},
    {RNM_OP_Transpose, FOLLOWS, turned, NULL, NULL},
    {RNM_OP_Slice, FOLLOWS, sliced, NULL, NULL},
    {RNM_OP_Split, FOLLOWS, NULL, NULL, NULL},
    {RNM_OP_Concat, JOINS, NULL, NULL, NULL},
    {RNM_OP_Gather, GATHERS, NULL, NULL, NULL},
    {RNM_OP_Where, CHOOSES, NULL, NULL, NULL},
    {RNM_OP_Mul, SPREADS, NULL, NULL, multiply},
    {RNM_OP_Add, SPREADS, NULL, NULL, add},
    {RNM_OP_Sub, SPREADS, NULL, NULL, subtract},
    {RNM_OP_Div, SPREADS, NULL, NULL, divide},
    {RNM_OP_Min, SPREADS, NULL, NULL, smaller},
    {RNM_OP_Max, SPREADS, NULL, NULL, larger},
    {RNM_OP_Equal, SPREADS, NULL, NULL, equal},
    {RNM_OP_Less, SPREADS, NULL, NULL, less},
    {RNM_OP_LessOrEqual, SPREADS, NULL, NULL, less_or_equal},
    {RNM_OP_Greater, SPREADS, NULL, NULL, greater},
    {RNM_OP_GreaterOrEqual, SPREADS, NULL, NULL, greater_or_equal},
    {RNM_OP_And, SPREADS, NULL, NULL, both},
    {RNM_OP_Or, SPREADS, NULL, NULL, either},
    {RNM_OP_Xor, SPREADS, NULL, NULL, one_of},
    {RNM_OP_Neg, RESHAPES, NULL, negate, NULL},
    {RNM_OP_Exp, RESHAPES, NULL, power_of, NULL},
    {RNM_OP_Sign, RESHAPES, NULL, sign_of, NULL},
    {RNM_OP_Abs, RESHAPES, NULL, magnitude, NULL},
    {RNM_OP_Clip, RESHAPES, NULL, clipped, NULL},
    {RNM_OP_Not, RESHAPES, NULL, opposite, NULL},
    {RNM_OP_Cast, RESHAPES, NULL, cast, NULL},
};
enum { RULES = sizeof rules / sizeof *rules };

static const struct rule *rule_of(const rnc_node *node) {
    for (size_t k = 0; k < RULES; k++) {
        if ((int)rules[k].op == node->op) {
            return &rules[k];
        }
    }
    return NULL;
}

/* ---- looking --------------------------------------------------------------------------------- */

static void find(const rnc_value *value, const rnc_tensor *parent, const uint32_t *index,
                 size_t count, rnc_term *terms);

static void find_along(const rnc_value *value, const path *p, const rnc_tensor *parent,
                       const uint32_t *index, size_t count, rnc_term *terms) {
    uint32_t at[RNC_TERM_BATCH];
    follow(p, index, count, at);
    find(value, parent, at, count, terms);
}

static void find_spread(const rnc_value *value, const rnm_shape *to, const rnc_tensor *parent,
                        const uint32_t *index, size_t count, rnc_term *terms) {
    const path p = spread(to, &value->shape, false);
    find_along(value, &p, parent, index, count, terms);
}

/* Each operand is asked for its own elements. */
static void find_joined(const rnc_node *node, const rnc_tensor *parent, const uint32_t *index,
                        size_t count, rnc_term *terms) {
    const rnm_shape *to = &node->outputs[0]->shape;
    uint32_t at[RNC_TERM_BATCH];
    uint16_t place[RNC_TERM_BATCH];
    rnc_term found[RNC_TERM_BATCH];
    int64_t strides[RNM_MAX_RANK];
    int64_t axis = node->attrs.axis + (node->attrs.axis < 0 ? to->rank : 0);
    uint32_t first = 0;
    row_major(to, strides);
    const uint32_t inner = (uint32_t)strides[axis];
    const uint32_t whole = (uint32_t)to->dims[axis];
    for (int i = 0; i < node->input_count; i++) {
        uint32_t size = (uint32_t)node->inputs[i]->shape.dims[axis];
        size_t own = 0;
        for (size_t k = 0; k < count; k++) {
            uint32_t along = index[k] / inner % whole;
            if (along >= first && along - first < size) {
                uint32_t outer = index[k] / inner / whole;
                at[own] = (outer * size + along - first) * inner + index[k] % inner;
                place[own++] = (uint16_t)k;
            }
        }
        if (own > 0) {
            find(node->inputs[i], parent, at, own, found);
        }
        for (size_t k = 0; k < own; k++) {
            terms[place[k]] = found[k];
        }
        first += size;
    }
}

/* Rows chosen by constant numbers. */
static void find_gathered(const rnc_node *node, const rnc_tensor *parent, const uint32_t *index,
                          size_t count, rnc_term *terms) {
    const rnm_shape *from = &node->inputs[0]->shape;
    const rnc_value *rows = node->inputs[1];
    uint32_t at[RNC_TERM_BATCH];
    bool outside[RNC_TERM_BATCH];
    int64_t strides[RNM_MAX_RANK];
    int64_t axis = node->attrs.axis + (node->attrs.axis < 0 ? from->rank : 0);
    row_major(from, strides);
    const uint32_t inner = (uint32_t)strides[axis];
    const uint32_t chosen = (uint32_t)rnc_tensor_elements(rows->tensor);
    const int64_t dim = from->dims[axis];
    const path p = stored(rows->tensor);
    for (size_t k = 0; k < count; k++) {
        uint32_t which = index[k] / inner % chosen;
        uint32_t outer = index[k] / inner / chosen;
        uint32_t place;
        float number;
        follow(&p, &which, 1, &place);
        const rnc_tensor one = {.dtype = rows->tensor->dtype,
                                .data = rows->tensor->data +
                                        place * rnm_dtype_size(rows->tensor->dtype)};
        rnc_tensor_copy_f32(&one, 0, 1, &number);
        int64_t row = (int64_t)number + (number < 0.0f ? dim : 0);
        outside[k] = !(fabsf(number) < 0x1p24f) || row < 0 || row >= dim;
        at[k] = outside[k] ? 0 : (outer * (uint32_t)dim + (uint32_t)row) * inner + index[k] % inner;
    }
    find(node->inputs[0], parent, at, count, terms);
    for (size_t k = 0; k < count; k++) {
        terms[k] = outside[k] ? unknown : terms[k];
    }
}

static void find_chosen(const rnc_node *node, const rnc_tensor *parent, const uint32_t *index,
                        size_t count, rnc_term *terms) {
    const rnm_shape *to = &node->outputs[0]->shape;
    rnc_term condition[RNC_TERM_BATCH];
    rnc_term otherwise[RNC_TERM_BATCH];
    find_spread(node->inputs[0], to, parent, index, count, condition);
    find_spread(node->inputs[1], to, parent, index, count, terms);
    find_spread(node->inputs[2], to, parent, index, count, otherwise);
    for (size_t k = 0; k < count; k++) {
        terms[k] = condition[k].kind != RNC_TERM_NUMBER ? unknown
                   : condition[k].factor != 0.0f        ? terms[k]
                                                        : otherwise[k];
    }
}

static void find_spreading(const rnc_node *node, const struct rule *rule, const rnc_tensor *parent,
                           const uint32_t *index, size_t count, rnc_term *terms) {
    const rnm_shape *to = &node->outputs[0]->shape;
    find_spread(node->inputs[0], to, parent, index, count, terms);
    if (rule->two != NULL) {
        rnc_term second[RNC_TERM_BATCH];
        find_spread(node->inputs[1], to, parent, index, count, second);
        for (size_t k = 0; k < count; k++) {
            terms[k] = rule->two(terms[k], second[k]);
        }
    }
}

static void find(const rnc_value *value, const rnc_tensor *parent, const uint32_t *index,
                 size_t count, rnc_term *terms) {
    const rnc_node *node = value->producer;
    if (value->kind == RNC_VALUE_CONSTANT) {
        read_constant(value->tensor, parent, index, count, terms);
        return;
    }
    const struct rule *rule = rule_of(node);
    path p;
    switch (rule->way) {
    case RESHAPES:
        find(node->inputs[0], parent, index, count, terms);
        for (size_t k = 0; rule->one != NULL && k < count; k++) {
            terms[k] = rule->one(node, terms[k]);
        }
        break;
    case FOLLOWS:
        p = rule->path != NULL ? rule->path(node) : parted(node, value);
        find_along(node->inputs[0], &p, parent, index, count, terms);
        break;
    case REPEATS:
        p = spread(&value->shape, &node->inputs[0]->shape, true);
        find_along(node->inputs[0], &p, parent, index, count, terms);
        break;
    case SPREADS:
        find_spreading(node, rule, parent, index, count, terms);
        break;
    case JOINS:
        find_joined(node, parent, index, count, terms);
        break;
    case GATHERS:
        find_gathered(node, parent, index, count, terms);
        break;
    case CHOOSES:
        find_chosen(node, parent, index, count, terms);
        break;
    }
}

void rnc_find_terms(const rnc_value *value, const rnc_tensor *parent, const uint32_t *index,
                    size_t count, rnc_term *terms) {
    find(value, parent, index, count, terms);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* Offsets are 32 bits wide. */
static bool small(const rnm_shape *shape) {
    int64_t elements = 1;
    for (int d = 0; d < shape->rank; d++) {
        if (shape->dims[d] <= 0 || __builtin_mul_overflow(elements, shape->dims[d], &elements) ||
            elements > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

static bool add_leaf(rnc_leaves *leaves, const rnc_tensor *tensor) {
    size_t k = 0;
    while (k < leaves->count && leaves->tensors[k]->data != tensor->data) {
        k++;
    }
    if (k == leaves->count && k < RNC_MOST_LEAVES) {
        leaves->tensors[leaves->count++] = tensor;
    }
    return k < RNC_MOST_LEAVES;
}

/* Terms hold f32, and truth as 0 and 1; numbers of other types would round. */
static bool follows_rule(const rnc_node *node, const struct rule *rule) {
    bool gathers = rule->way == GATHERS;
    for (int i = 0; i < (gathers ? 1 : node->input_count); i++) {
        rnm_dtype dtype = node->inputs[i]->shape.dtype;
        if (dtype != RNM_F32 && dtype != RNM_BOOL) {
            return false;
        }
    }
    return !gathers || node->inputs[1]->kind == RNC_VALUE_CONSTANT;
}

static bool search(const rnc_value *value, rnc_leaves *leaves, int depth) {
    const rnc_node *node = value->producer;
    if (++leaves->nodes > MOST_NODES || depth > MOST_DEPTH || !small(&value->shape)) {
        leaves->too_large = true;
        return false;
    }
    if (value->kind == RNC_VALUE_CONSTANT) {
        leaves->too_large = !add_leaf(leaves, value->tensor);
        return !leaves->too_large;
    }
    if (node == NULL) {
        leaves->varies = true;
        return false;
    }
    const struct rule *rule = rule_of(node);
    bool known = rule != NULL && follows_rule(node, rule);
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == NULL || (known && rule->way == GATHERS && i == 1)) {
            continue;
        }
        /* What is not known may still be constant, which is worth telling. */
        known = search(node->inputs[i], leaves, depth + 1) && known;
        if (leaves->varies || leaves->too_large) {
            return false;
        }
    }
    if (!known && leaves->unsupported == NULL) {
        leaves->unsupported = node;
    }
    return known;
}

bool rnc_find_leaves(const rnc_value *value, rnc_leaves *leaves) {
    *leaves = (rnc_leaves){.count = 0};
    return search(value, leaves, 0);
}
