/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator and attribute tables.
 */
#include "ops.h"

#include "rnm_format.h"

#include <string.h>

static const rnm_op_info ops[RNM_OP_COUNT] = {
#define OP(id, name, least, most, outputs, layout, flags) \
    [id] = {#name, least, most, outputs, RNM_RULE_##layout, RNM_OPFLAG_##flags},
#include "rnm_ops.def"
#undef OP
};

const rnm_op_info *rnm_op_find(unsigned id) {
    return id < RNM_OP_COUNT && ops[id].name != NULL ? &ops[id] : NULL;
}

rnm_op rnm_op_by_name(const char *name) {
    for (unsigned id = 1; id < RNM_OP_COUNT; id++) {
        if (ops[id].name != NULL && strcmp(ops[id].name, name) == 0) {
            return (rnm_op)id;
        }
    }
    return RNM_OP_NONE;
}

static const struct {
    const char *name;
    unsigned type;
} attrs[RNM_ATTRIBUTE_COUNT] = {
#define ATTR(id, name, type) [id] = {#name, RNM_ATTR_##type},
#include "rnm_attrs.def"
#undef ATTR
};

const char *rnm_attr_name(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT ? attrs[id].name : NULL;
}

unsigned rnm_attr_type(unsigned id) {
    return id < RNM_ATTRIBUTE_COUNT ? attrs[id].type : 0;
}
