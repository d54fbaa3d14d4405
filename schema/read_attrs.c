/* SPDX-License-Identifier: Apache-2.0
 *
 * The attributes of a node: which an operator has, which it must have, their types, counts and the
 * values that shape inference does not judge.
 */
#include "read_rules.h"

#include "half.h"

#include <math.h>

/* ---- one attribute --------------------------------------------------------------------------- */

/* True when so many elements are what the attribute takes; *wanted is what it takes, or the most.
 */
static bool count_fits(const rnm_attr_rec *attr, uint32_t spatial, uint32_t *wanted) {
    const uint32_t counts[] = {
        [RNM_COUNT_ONE] = 1,
        [RNM_COUNT_SPATIAL] = spatial,
        [RNM_COUNT_TWICE] = 2 * spatial,
        [RNM_COUNT_LIST] = RNM_MAX_LIST,
    };
    rnm_attr_count rule = rnm_attr_counted(attr->key);
    *wanted = counts[rule];
    return rule == RNM_COUNT_LIST ? attr->count >= 1 && attr->count <= *wanted
                                  : attr->count == *wanted;
}

static rnm_status check_record(const rnm_reader *r, rnm_where where, const rnm_attr_rec *attr,
                               uint32_t spatial) {
    const char *name = rnm_attr_name(attr->key);
    uint32_t words = r->view.graph->word_count;
    uint32_t wanted;
    if (attr->type != rnm_attr_type(attr->key)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "attribute %s must have type %u, found %u",
                          name, rnm_attr_type(attr->key), attr->type);
    }
    if (!count_fits(attr, spatial, &wanted)) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "attribute %s must have %u elements, found %u",
                          name, wanted, attr->count);
    }
    if (attr->first_word > words || attr->count > words - attr->first_word) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "attribute %s: %u words from %u must lie in %u words", name, attr->count,
                          attr->first_word, words);
    }
    if (attr->reserved != 0) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "attribute %s: reserved field must be 0, found %u", name, attr->reserved);
    }
    return RNM_OK;
}

static rnm_status check_floats(const rnm_reader *r, rnm_where where, const rnm_attr_rec *attr) {
    for (uint32_t k = 0; k < attr->count; k++) {
        uint64_t word = r->view.words[attr->first_word + k];
        if (word >> 32 != 0 || isnan(rnm_f32_from_bits((uint32_t)word))) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "attribute %s must be f32 in the low half and no NaN, found %016llx",
                              rnm_attr_name(attr->key), (unsigned long long)word);
        }
    }
    return RNM_OK;
}

/* Booleans, the group and ids, where a wrong number would be lost in decoding. */
static rnm_status check_int(const rnm_reader *r, rnm_where where, const rnm_attr_rec *attr) {
    uint64_t word = r->view.words[attr->first_word];
    if (rnm_attr_is_flag(attr->key) && word > 1) {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "attribute %s must be 0 or 1, found %lld",
                          rnm_attr_name(attr->key), (long long)word);
    }
    if (attr->key == RNM_ATTRIBUTE_activation) {
        const rnm_op_info *info = word < RNM_OP_COUNT ? rnm_op_find((unsigned)word) : NULL;
        if (info == NULL || (info->flags & RNM_OPFLAG_ACT) == 0) {
            return rnm_reject(r, where, RNM_ERR_FORMAT,
                              "attribute activation must be an activation operator, found %lld",
                              (long long)word);
        }
    }
    return RNM_OK;
}

/* ---- all of a node --------------------------------------------------------------------------- */

static int spatial_of(const rnm_view *view, const rnm_node_rec *node) {
    const rnm_value_rec *first = &view->values[view->refs[node->first_ref]];
    return rnm_op_spatial((rnm_op)node->op, first->rank);
}

static rnm_status check_keys(const rnm_reader *r, rnm_where where, const rnm_node_rec *node) {
    uint64_t seen = 0;
    uint64_t may = rnm_op_attrs((rnm_op)node->op);
    uint64_t missing = rnm_op_attrs_needed((rnm_op)node->op);
    for (uint32_t k = 0; k < node->attr_count; k++) {
        uint32_t key = r->view.attrs[node->first_attr + k].key;
        const char *name = rnm_attr_name(key);
        if (name == NULL || (may >> key & 1) == 0) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "%s has no attribute %u (%s)",
                              rnm_op_find(node->op)->name, key, name != NULL ? name : "unknown");
        }
        if ((seen >> key & 1) != 0) {
            return rnm_reject(r, where, RNM_ERR_FORMAT, "attribute %s must appear once", name);
        }
        seen |= (uint64_t)1 << key;
    }
    missing &= ~seen;
    if (missing != 0) {
        unsigned first = (unsigned)__builtin_ctzll(missing);
        return rnm_reject(r, where, RNM_ERR_FORMAT, "%s must have attribute %s, found none",
                          rnm_op_find(node->op)->name, rnm_attr_name(first));
    }
    return RNM_OK;
}

rnm_status rnm_read_attrs(const rnm_reader *r, uint32_t index) {
    const rnm_node_rec *node = &r->view.nodes[index];
    const rnm_where where = {"nodes", index, node->name};
    uint32_t spatial = (uint32_t)spatial_of(&r->view, node);
    rnm_status status = check_keys(r, where, node);
    for (uint32_t k = 0; status == RNM_OK && k < node->attr_count; k++) {
        const rnm_attr_rec *attr = &r->view.attrs[node->first_attr + k];
        status = check_record(r, where, attr, spatial);
        if (status == RNM_OK && (attr->type == RNM_ATTR_FLOAT || attr->type == RNM_ATTR_FLOATS)) {
            status = check_floats(r, where, attr);
        }
        if (status == RNM_OK && attr->type == RNM_ATTR_INT) {
            status = check_int(r, where, attr);
        }
    }
    return status;
}
