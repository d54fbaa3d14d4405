/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes of nodes, with their types checked. An attribute that nobody asks for is refused:
 * ignoring it might change results.
 */
#include "onnx/convert.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static const Onnx__AttributeProto *by_name(const Onnx__NodeProto *node, const char *name,
                                           size_t *position) {
    for (size_t k = 0; k < node->n_attribute; k++) {
        if (node->attribute[k]->name != NULL && strcmp(node->attribute[k]->name, name) == 0) {
            *position = k;
            return node->attribute[k];
        }
    }
    return NULL;
}

const Onnx__AttributeProto *rnc_attr_find(rnc_call *call, const char *name) {
    size_t position;
    const Onnx__AttributeProto *attribute = by_name(call->proto, name, &position);
    if (attribute != NULL && position < 64) {
        call->seen |= (uint64_t)1 << position;
    }
    const rnc_call *at = call;
    while (attribute != NULL && attribute->ref_attr_name != NULL &&
           attribute->ref_attr_name[0] != '\0') {
        at = at->outer;
        attribute = at == NULL ? NULL : by_name(at->proto, attribute->ref_attr_name, &position);
    }
    return attribute;
}

/* Models of the oldest format version leave the type out. */
static rnm_status expect_type(const rnc_call *call, const Onnx__AttributeProto *attribute, int type,
                              const char *what) {
    if (attribute->has_type && attribute->type != 0 && (int)attribute->type != type) {
        return rnc_call_fail(call, RNM_ERR_FORMAT, "attribute %s should be %s, found type %d",
                             attribute->name, what, (int)attribute->type);
    }
    return RNM_OK;
}

rnm_status rnc_attr_int(rnc_call *call, const char *name, int64_t otherwise, int64_t *out) {
    const Onnx__AttributeProto *attribute = rnc_attr_find(call, name);
    *out = attribute != NULL ? attribute->i : otherwise;
    return attribute == NULL ? RNM_OK : expect_type(call, attribute, TYPE(INT), "an integer");
}

rnm_status rnc_attr_flag(rnc_call *call, const char *name, bool otherwise, bool *out) {
    int64_t number;
    rnm_status status = rnc_attr_int(call, name, otherwise, &number);
    *out = number != 0;
    if (status == RNM_OK && number != 0 && number != 1) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "attribute %s should be 0 or 1, found %" PRId64,
                             name, number);
    }
    return status;
}

rnm_status rnc_attr_float(rnc_call *call, const char *name, float otherwise, float *out) {
    const Onnx__AttributeProto *attribute = rnc_attr_find(call, name);
    *out = attribute != NULL ? attribute->f : otherwise;
    if (isnan(*out)) {
        return rnc_call_fail(call, RNM_ERR_VALUE, "attribute %s is no number", name);
    }
    return attribute == NULL ? RNM_OK : expect_type(call, attribute, TYPE(FLOAT), "a number");
}

rnm_status rnc_attr_ints(rnc_call *call, const char *name, int most, int64_t *out, int *count) {
    const Onnx__AttributeProto *attribute = rnc_attr_find(call, name);
    *count = 0;
    if (attribute == NULL) {
        return RNM_OK;
    }
    if (attribute->n_ints > (size_t)most) {
        return rnc_call_fail(call, RNM_ERR_VALUE,
                             "attribute %s should have at most %d entries, found %zu", name, most,
                             attribute->n_ints);
    }
    *count = (int)attribute->n_ints;
    if (*count > 0) {
        memcpy(out, attribute->ints, (size_t)*count * sizeof *out);
    }
    return expect_type(call, attribute, TYPE(INTS), "a list of integers");
}

rnm_status rnc_attr_text(rnc_call *call, const char *name, const char **out) {
    const Onnx__AttributeProto *attribute = rnc_attr_find(call, name);
    *out = NULL;
    if (attribute == NULL) {
        return RNM_OK;
    }
    *out = rnc_arena_text(call->import->graph->arena,
                          attribute->s.len > 0 ? (const void *)attribute->s.data : "",
                          attribute->s.len, call->import->err);
    return *out == NULL ? RNM_ERR_MEMORY : expect_type(call, attribute, TYPE(STRING), "a text");
}

rnm_status rnc_attr_all_seen(rnc_call *call) {
    for (size_t k = 0; k < call->proto->n_attribute; k++) {
        if (k >= 64 || (call->seen >> k & 1) == 0) {
            const char *name = call->proto->attribute[k]->name;
            return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "attribute %s is not supported",
                                 name == NULL ? "without a name" : name);
        }
    }
    return RNM_OK;
}

/* One attribute into the field of its id. */
static rnm_status copy_attribute(rnc_call *call, unsigned id, rnm_node_attrs *attrs) {
    const char *name = rnm_attr_name(id);
    uint64_t words[RNM_MAX_LIST] = {0};
    uint32_t count = 1;
    rnm_status status;
    if (rnm_attr_type(id) == RNM_ATTR_FLOAT) {
        float number;
        status = rnc_attr_float(call, name, 0.0f, &number);
        memcpy(words, &number, sizeof number);
    } else if (rnm_attr_is_flag(id)) {
        bool flag;
        status = rnc_attr_flag(call, name, false, &flag);
        words[0] = flag;
    } else if (rnm_attr_type(id) == RNM_ATTR_INT) {
        int64_t number;
        status = rnc_attr_int(call, name, 0, &number);
        words[0] = (uint64_t)number;
    } else {
        int64_t list[RNM_MAX_LIST];
        int entries;
        status = rnc_attr_ints(call, name, RNM_MAX_LIST, list, &entries);
        rnm_attr_count counted = rnm_attr_counted(id);
        int wanted = counted == RNM_COUNT_SPATIAL ? attrs->spatial
                     : counted == RNM_COUNT_TWICE ? 2 * attrs->spatial
                                                  : entries;
        if (status == RNM_OK && entries != wanted) {
            return rnc_call_fail(call, RNM_ERR_VALUE,
                                 "attribute %s should have %d entries, found %d", name, wanted,
                                 entries);
        }
        count = (uint32_t)entries;
        memcpy(words, list, (size_t)entries * sizeof *words);
    }
    if (status == RNM_OK) {
        rnm_attr_store(attrs, id, words, count);
    }
    return status;
}

rnm_status rnc_attrs_by_name(rnc_call *call, rnm_op op, rnm_node_attrs *attrs) {
    uint64_t has = rnm_op_attrs(op);
    rnm_status status = RNM_OK;
    for (unsigned id = 1; id < RNM_ATTRIBUTE_COUNT && status == RNM_OK; id++) {
        size_t position;
        if ((has >> id & 1) != 0 && by_name(call->proto, rnm_attr_name(id), &position) != NULL &&
            rnc_attr_find(call, rnm_attr_name(id)) != NULL) {
            status = copy_attribute(call, id, attrs);
        }
    }
    return status;
}

/* ---- attributes of the format ---------------------------------------------------------------- */

static unsigned id_of(const char *name) {
    unsigned id = 1;
    while (id + 1 < RNM_ATTRIBUTE_COUNT &&
           (rnm_attr_name(id) == NULL || strcmp(rnm_attr_name(id), name) != 0)) {
        id++;
    }
    return id;
}

void rnc_set_ints(rnm_node_attrs *attrs, const char *name, const int64_t *list, int count) {
    uint64_t words[RNM_MAX_LIST];
    for (int k = 0; k < count; k++) {
        words[k] = (uint64_t)list[k];
    }
    rnm_attr_store(attrs, id_of(name), words, (uint32_t)count);
}

void rnc_set_int(rnm_node_attrs *attrs, const char *name, int64_t number) {
    rnc_set_ints(attrs, name, &number, 1);
}

void rnc_set_floats(rnm_node_attrs *attrs, const char *name, const float *list, int count) {
    uint64_t words[RNM_MAX_LIST] = {0};
    for (int k = 0; k < count; k++) {
        memcpy(&words[k], &list[k], sizeof *list);
    }
    rnm_attr_store(attrs, id_of(name), words, (uint32_t)count);
}

rnm_status rnc_attr_choice(rnc_call *call, const char *name, const char *const *names,
                           int64_t otherwise, int64_t *out) {
    const char *text;
    rnm_status status = rnc_attr_text(call, name, &text);
    *out = otherwise;
    if (status != RNM_OK || text == NULL) {
        return status;
    }
    for (*out = 0; names[*out] != NULL; ++*out) {
        if (strcmp(names[*out], text) == 0) {
            return RNM_OK;
        }
    }
    return rnc_call_fail(call, RNM_ERR_UNSUPPORTED, "attribute %s is `%.60s`, which is not known",
                         name, text);
}
