/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators and attributes as enumerations and as a table, generated from the .def files.
 */
#ifndef RNM_OPS_H
#define RNM_OPS_H

#include "rnm_base.h"

#include <stdbool.h>

typedef enum rnm_op {
    RNM_OP_NONE = 0,
#define OP(id, name, least, most, outputs, layout, types, flags) RNM_OP_##name = id,
#include "rnm_ops.def"
#undef OP
    RNM_OP_COUNT
} rnm_op;

typedef enum rnm_attr {
#define ATTR(id, name, type, count) RNM_ATTRIBUTE_##name = id,
#include "rnm_attrs.def"
#undef ATTR
    RNM_ATTRIBUTE_COUNT
} rnm_attr;

typedef enum rnm_layout_rule {
    RNM_RULE_SPATIAL,
    RNM_RULE_FIRST,
    RNM_RULE_SAME,
    RNM_RULE_ROWS,
    RNM_RULE_EACH,
    RNM_RULE_REORDER,
} rnm_layout_rule;

enum { RNM_OPFLAG_NONE = 0, RNM_OPFLAG_EPILOGUE = 1, RNM_OPFLAG_ACT = 2 };

/* Most inputs of an operator that takes a list of them, and most outputs of any. */
#define RNM_VARIADIC 4096
#define RNM_MAX_OUTPUTS 64

/* Strings lie in the rows: pointers would take twice as much, relocated when the library is loaded.
 */
typedef struct rnm_op_info {
    char name[30];
    uint16_t least_inputs;
    uint16_t most_inputs;
    uint16_t most_outputs; /* the least is 1 */
    uint8_t layout_rule;
    uint8_t flags;
    char types[14]; /* letters, as rnm_ops.def explains them */
} rnm_op_info;

/* The row of an operator, or NULL for an id that is none. */
const rnm_op_info *rnm_op_find(unsigned id);

/* The operator of that ONNX name, or RNM_OP_NONE. */
rnm_op rnm_op_by_name(const char *name);

/* True when input k of an operator may not be absent. */
bool rnm_op_needs(const rnm_op_info *info, unsigned k);

/* Name and type (RNM_ATTR_...) of an attribute; NULL and 0 for an id that is none. */
const char *rnm_attr_name(unsigned id);
unsigned rnm_attr_type(unsigned id);

typedef enum rnm_attr_count {
    RNM_COUNT_ONE,
    RNM_COUNT_SPATIAL,
    RNM_COUNT_TWICE,
    RNM_COUNT_LIST,
} rnm_attr_count;
rnm_attr_count rnm_attr_counted(unsigned id);

/* Element types that activations have. */
bool rnm_dtype_is_active(unsigned dtype);

#endif
