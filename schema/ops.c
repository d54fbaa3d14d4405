/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator and attribute tables.
 */
#include "ops.h"

#include "rnm_format.h"

#include <assert.h>
#include <string.h>

static_assert(RNM_ATTRIBUTE_COUNT <= 64, "sets of attributes are 64 bits");

static const rnm_op_info ops[RNM_OP_COUNT] = {
#define OP(id, name, least, most, outputs, layout, types, flags) \
    [id] = {#name, least, most, outputs, RNM_RULE_##layout, RNM_OPFLAG_##flags, types},
#include "rnm_ops.def"
#undef OP
};

const rnm_op_info *rnm_op_find(unsigned id) {
    return id < RNM_OP_COUNT && ops[id].name[0] != 0 ? &ops[id] : NULL;
}

bool rnm_op_needs(const rnm_op_info *info, unsigned k) {
    return k < info->least_inputs || info->most_inputs == RNM_VARIADIC;
}

rnm_op rnm_op_by_name(const char *name) {
    for (unsigned id = 1; id < RNM_OP_COUNT; id++) {
        if (ops[id].name[0] != 0 && strcmp(ops[id].name, name) == 0) {
            return (rnm_op)id;
        }
    }
    return RNM_OP_NONE;
}

static const struct {
    char name[22];
    uint8_t type, count; /* RNM_ATTR_..., rnm_attr_count */
} attrs[RNM_ATTRIBUTE_COUNT] = {
#define ATTR(id, name, type, count) [id] = {#name, RNM_ATTR_##type, RNM_COUNT_##count},
#include "rnm_attrs.def"
#undef ATTR
};

const char *rnm_attr_name(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT && attrs[id].name[0] != 0 ? attrs[id].name : NULL;
}

unsigned rnm_attr_type(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT ? attrs[id].type : 0;
}

rnm_attr_count rnm_attr_counted(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT ? (rnm_attr_count)attrs[id].count : RNM_COUNT_ONE;
}

bool rnm_dtype_is_active(unsigned dtype) {
    static const uint32_t active = 1u << RNM_F32 | 1u << RNM_F16 | 1u << RNM_F64 | 1u << RNM_I64 |
                                   1u << RNM_I32 | 1u << RNM_I8 | 1u << RNM_U8 | 1u << RNM_BOOL;
    return dtype < 32 && (active >> dtype & 1) != 0;
}
