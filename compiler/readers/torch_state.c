/* SPDX-License-Identifier: Apache-2.0
 *
 * From the unpickled object to named tensors: finding the state dict, walking it in file order,
 * and saying what was passed over.
 */
#include "torch_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_WRAPPERS = 4,     /* dicts around the state dict */
    MAX_DEPTH = 16,       /* dicts and lists inside it */
    MAX_VISITS = 1 << 20, /* of items inside it: shared parts count every time */
};

/* Where training programs keep the state dict, most telling name first. */
static const char *const wrappers[] = {
    "state_dict", "model_state_dict", "model", "net", "network", "module", "params",
};

/* A dict or list being walked; names of what it holds begin with the walk's first `prefix` bytes.
 */
typedef struct frame {
    const pk_value *container;
    uint32_t next; /* item */
    size_t prefix;
} frame;

typedef struct walk {
    frame frames[MAX_DEPTH];
    int depth;
    uint32_t visits;
    char name[RNC_MAX_NAME + 1];
    rnc_set *set;
    rnm_error *err;
} walk;

/* Writes a key as part of a name; false when it does not fit or is no text or number. */
static bool put_key(walk *at, const pk_value *key, size_t *end) {
    size_t room = sizeof at->name - *end;
    if (key->kind == PK_TEXT && key->length < room) {
        memcpy(at->name + *end, key->as.bytes, key->length);
        *end += key->length;
        return true;
    }
    if (key->kind == PK_INT) {
        int length = snprintf(at->name + *end, room, "%lld", (long long)key->as.integer);
        *end += (size_t)length;
        return (size_t)length < room;
    }
    return false;
}

static rnm_status add_tensor(walk *at, const pk_tensor *from, size_t name_length) {
    const pk_storage *storage = from->storage;
    const pk_storage *owner = storage->owner;
    rnc_tensor tensor = {
        .dtype = owner->dtype, .rank = (int)from->dims->count, .storage = owner->identity};
    for (int i = 0; i < tensor.rank; i++) {
        tensor.dims[i] = from->dims->items[i].as.integer;
        tensor.strides[i] = from->strides->items[i].as.integer;
    }
    const uint8_t *view = owner->data + (size_t)storage->view_offset * rnm_dtype_size(owner->dtype);
    rnm_status status = rnc_tensor_place(&tensor, view, storage->view_count, from->offset, at->err);
    if (status != RNM_OK) {
        char where[256];
        snprintf(where, sizeof where, "tensor %.*s", (int)name_length, at->name);
        return rnm_fail_in(at->err, status, where);
    }
    return rnc_set_add(at->set, &tensor, at->name, name_length, at->err);
}

static rnm_status enter(walk *at, const pk_value *container, size_t prefix) {
    if (at->depth == MAX_DEPTH) {
        return rnm_fail(at->err, RNM_ERR_LIMIT,
                        "the state dict is nested deeper than %d levels or contains itself",
                        (int)MAX_DEPTH);
    }
    at->frames[at->depth++] = (frame){.container = container, .prefix = prefix};
    return RNM_OK;
}

/* Handles the next item of the innermost container, or leaves the container. */
static rnm_status walk_on(walk *at) {
    frame *top = &at->frames[at->depth - 1];
    const pk_box *box = top->container->as.box;
    bool mapping = pk_is_mapping(top->container);
    if (top->next >= box->count) {
        at->depth--;
        return RNM_OK;
    }
    if (++at->visits > MAX_VISITS) {
        return rnm_fail(at->err, RNM_ERR_LIMIT, "the state dict has more than %d entries",
                        (int)MAX_VISITS);
    }
    pk_value position = {.kind = PK_INT, .as.integer = top->next};
    const pk_value *key = mapping ? &box->items[top->next] : &position;
    const pk_value *value = &box->items[top->next + mapping];
    top->next += mapping ? 2 : 1;
    if (value->kind != PK_TENSOR && !pk_is_container(value)) {
        return RNM_OK;
    }
    size_t end = top->prefix;
    if (!put_key(at, key, &end)) {
        return rnm_fail(at->err, RNM_ERR_FORMAT,
                        "state dict, under \"%.*s\": expected a name of at most %d bytes as key, "
                        "found another",
                        (int)top->prefix, at->name, (int)RNC_MAX_NAME);
    }
    if (value->kind == PK_TENSOR) {
        return add_tensor(at, value->as.tensor, end);
    }
    at->name[end] = '.'; /* put_key left room for one byte */
    return enter(at, value, end + 1);
}

static rnm_status add_tensors(const pk_value *state, rnc_set *set, rnm_error *err) {
    walk at = {.set = set, .err = err};
    rnm_status status = enter(&at, state, 0);
    while (status == RNM_OK && at.depth > 0) {
        status = walk_on(&at);
    }
    return status;
}

static void describe_key(const pk_value *key, char *text, size_t size) {
    if (key->kind == PK_TEXT || key->kind == PK_GLOBAL) {
        int length = key->length < 80 ? (int)key->length : 80;
        snprintf(text, size, "%.*s", length, (const char *)key->as.bytes);
    } else if (key->kind == PK_INT) {
        snprintf(text, size, "%lld", (long long)key->as.integer);
    } else {
        snprintf(text, size, "an entry without a name");
    }
}

/* One sentence for every part of `dict` with something in it, but for `kept` and the hints. */
static rnm_status report_skipped(const pk_value *dict, const pk_value *kept, uint32_t *stamp,
                                 rnc_set *set, rnm_error *err) {
    const pk_box *box = dict->as.box;
    for (uint32_t i = 0; i + 1 < box->count; i += 2) {
        const pk_value *value = &box->items[i + 1];
        bool empty =
            value->kind != PK_TENSOR && (!pk_is_container(value) || value->as.box->count == 0);
        if (empty || value == kept || pk_is_text(&box->items[i], "hyper_parameters")) {
            continue;
        }
        if (set->skipped_count == RNC_MAX_SKIPPED - 1) {
            return rnc_set_skip(set, err, "further entries: not needed");
        }
        char key[128];
        describe_key(&box->items[i], key, sizeof key);
        size_t tensors = pk_count_tensors(value, ++*stamp);
        rnm_status status = tensors == 0 ? rnc_set_skip(set, err, "%s: no tensors, not needed", key)
                                         : rnc_set_skip(set, err, "%s: %zu tensor%s, not needed",
                                                        key, tensors, tensors == 1 ? "" : "s");
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

/* The state dict within `dict`, if one of its entries is one. */
static const pk_value *unwrap(const pk_value *dict, uint32_t *stamp) {
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
        const pk_value *inner = pk_get(dict, wrappers[i]);
        if (inner != NULL && pk_is_mapping(inner) && pk_count_tensors(inner, ++*stamp) != 0) {
            return inner;
        }
    }
    return NULL;
}

rnm_status torch_collect(const pk_value *root, rnc_set *set, rnm_error *err) {
    if (!pk_is_mapping(root)) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED,
                        "expected a dict of tensors (a state dict), found %s", pk_kind_text(root));
    }
    rnm_status status = torch_read_hints(root, set, err);
    if (status != RNM_OK) {
        return status;
    }
    uint32_t stamp = 0;
    const pk_value *state = root;
    for (int i = 0; i < MAX_WRAPPERS; i++) {
        const pk_value *inner = unwrap(state, &stamp);
        if (inner == NULL) {
            break;
        }
        if (set->skipped_count < RNC_MAX_SKIPPED) {
            status = report_skipped(state, inner, &stamp, set, err);
            if (status != RNM_OK) {
                return status;
            }
        }
        state = inner;
    }
    status = add_tensors(state, set, err);
    if (status == RNM_OK && set->count == 0) {
        return rnm_fail(err, RNM_ERR_UNSUPPORTED,
                        "expected a dict of tensors (a state dict), found no tensor in it");
    }
    return status;
}
