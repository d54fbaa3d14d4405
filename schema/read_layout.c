/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout rules of operators (rnm_ops.def, FORMAT.md section 6). They speak of the activations of a
 * node, and of constants that stand in the place of one: those are row-major.
 */
#include "read_rules.h"

static const char *layout_name(uint8_t layout) {
    return layout == RNM_LAYOUT_ROWS ? "row-major" : "channels-last";
}

/* Recipes and channel tensors have orders of their own. */
static bool has_layout(const rnm_view *view, const rnm_value_rec *value) {
    return value->kind == RNM_VALUE_ACTIVATION ||
           (value->kind == RNM_VALUE_TENSOR &&
            view->tensors[value->source].role == RNM_ROLE_CONSTANT);
}

/* Flatten reads a channels-last input whose maps are 1x1 as it reads a row-major one: the bytes are
 * the same. */
static bool is_flat_map(const rnm_view *view, const rnm_value_rec *value) {
    for (uint32_t axis = 2; axis < value->rank; axis++) {
        if (view->words[value->first_dim + axis] != 1) {
            return false;
        }
    }
    return true;
}

/* Of ref k of the node, inputs then outputs. */
static uint8_t wanted_layout(const rnm_view *view, const rnm_node_rec *node, uint32_t k,
                             const rnm_value_rec *value) {
    switch (rnm_op_find(node->op)->layout_rule) {
    case RNM_RULE_FIRST:
        if (k > 0 && k < node->input_count) {
            return RNM_LAYOUT_ROWS;
        } /* fall through */
    case RNM_RULE_SPATIAL:
        return value->rank >= 3 ? RNM_LAYOUT_CHANNELS_LAST : RNM_LAYOUT_ROWS;
    case RNM_RULE_SAME: /* whichever the output, the last ref, has */
        return view->values[view->refs[node->first_ref + node->input_count]].layout;
    case RNM_RULE_ROWS:
        return node->op == RNM_OP_Flatten && is_flat_map(view, value) ? value->layout
                                                                      : RNM_LAYOUT_ROWS;
    default: /* EACH; Reorder takes and makes any */
        return value->layout;
    }
}

rnm_status rnm_read_layout(const rnm_reader *r, uint32_t index) {
    const rnm_view *view = &r->view;
    const rnm_node_rec *node = &view->nodes[index];
    const rnm_where where = {"nodes", index, node->name};
    uint32_t refs = (uint32_t)node->input_count + node->output_count;
    for (uint32_t k = 0; k < refs; k++) {
        uint32_t ref = view->refs[node->first_ref + k];
        if (ref == RNM_NONE || !has_layout(view, &view->values[ref])) {
            continue;
        }
        const rnm_value_rec *value = &view->values[ref];
        uint8_t wanted = wanted_layout(view, node, k, value);
        if (value->layout != wanted) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "layout of value \"%.100s\" must be %s for %s, found %s",
                              rnm_view_string(view, value->name), layout_name(wanted),
                              rnm_op_find(node->op)->name, layout_name(value->layout));
        }
    }
    return RNM_OK;
}
