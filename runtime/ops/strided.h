/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking several values side by side, each by its own strides: this is how shapes broadcast and
 * how layouts meet without a copy. A walk goes over axes that it shares out: the outer ones are cut
 * into lines, the inner ones are what the operator does at each element of a line.
 */
#ifndef RNM_STRIDED_H
#define RNM_STRIDED_H

#include "op.h"

#include <assert.h>

typedef struct rnm_walk {
    const rnm_shape *shape; /* the axes */
    uint32_t inner;         /* a bit for each inner axis */
    int operands;
    int refs[RNM_OPERANDS]; /* input k, or -1 - k for output k */
    uint32_t values[RNM_OPERANDS];
    int64_t steps[RNM_OPERANDS][RNM_MAX_RANK]; /* 0 where the operand is repeated */
} rnm_walk;

/* The line of an operator for one type of element; tables of them are short lists, since one of
 * all operators by all types would be mostly holes. */
typedef struct rnm_typed_line {
    uint8_t op, type; /* rnm_op, rnm_dtype */
    rnm_line line;
} rnm_typed_line;

static_assert(RNM_OP_COUNT <= 256, "operators fit a byte");

/* The line that `table` has, which must be there. */
rnm_line rnm_line_of(const rnm_typed_line *table, size_t count, unsigned op, unsigned type);
#define RNM_LINE_OF(table, op, type) rnm_line_of(table, sizeof(table) / sizeof *(table), op, type)

/* Rows for every number type, from lines whose names end in the type. */
#define RNM_TYPED_LINES(op, name)                                                    \
    {op, RNM_F32, name##_f32}, {op, RNM_F64, name##_f64}, {op, RNM_I64, name##_i64}, \
        {op, RNM_I32, name##_i32}, {op, RNM_I8, name##_i8}, {                        \
        op, RNM_U8, name##_u8                                                        \
    }

/* A walk over a shape, without operands yet. */
rnm_walk rnm_walk_over(const rnm_shape *shape, uint32_t inner);

/* Adds input or output k as an operand: one that broadcasts to the shape; one that has the shape
 * without its inner axes, or with 1 in their place; a vector over one axis, or a single number,
 * which may also be absent. The first to be added is operand 0, by whose memory the outer axes are
 * ordered.
 */
void rnm_walk_broadcast(const rnm_planner *planner, rnm_walk *walk, int ref);
void rnm_walk_reduced(const rnm_planner *planner, rnm_walk *walk, int ref);
void rnm_walk_vector(const rnm_planner *planner, rnm_walk *walk, int ref, int axis);
void rnm_walk_single(const rnm_planner *planner, rnm_walk *walk, int ref);

/* Adds a step that runs `line` over the walk; the caller sets what the line needs besides. */
rnm_elements_step *rnm_plan_walk(rnm_planner *planner, const rnm_walk *walk, rnm_line line);

/* The same for output 0 and `input_count` inputs that broadcast to it, without inner axes; the
 * output lies where an input was, if it can. */
rnm_elements_step *rnm_plan_pointwise(rnm_planner *planner, rnm_line line, int input_count);

/* Goes to the next position of a space, innermost axis included; false, and back at the first, when
 * there is none. */
static inline bool rnm_strided_next(const rnm_strided *space, int64_t at[RNM_MAX_RANK],
                                    int64_t offsets[RNM_OPERANDS]) {
    for (int axis = space->rank - 1; axis >= 0; --axis) {
        bool carry = ++at[axis] == space->dims[axis];
        for (int k = 0; k < space->operands; ++k) {
            int64_t step = space->steps[k][axis];
            offsets[k] += carry ? step - step * space->dims[axis] : step;
        }
        if (!carry) {
            return true;
        }
        at[axis] = 0;
    }
    return false;
}

#endif
