/* SPDX-License-Identifier: Apache-2.0
 *
 * The closed list of globals that mean something here, and what calling, constructing or filling
 * them comes to. Everything else may be mentioned but not used.
 */
#include "pickle_internal.h"

#include <string.h>

typedef enum role {
    ROLE_NONE, /* carried as a value only */
    ROLE_ORDERED_DICT,
    ROLE_COUNTER,
    ROLE_NAMESPACE,
    ROLE_TENSOR,
    ROLE_PARAMETER,
    ROLE_STORAGE,
} role;

/* Row 0 stands for every global that is not listed. */
static const struct {
    const char *name;
    role role;
    rnm_dtype dtype;
} globals[] = {
    {"", ROLE_NONE, 0},
    {"collections.OrderedDict", ROLE_ORDERED_DICT, 0},
    {"collections.Counter", ROLE_COUNTER, 0},
    {"argparse.Namespace", ROLE_NAMESPACE, 0},
    {"torch._utils._rebuild_tensor_v2", ROLE_TENSOR, 0},
    {"torch._utils._rebuild_parameter", ROLE_PARAMETER, 0},
    {"torch.FloatStorage", ROLE_STORAGE, RNM_F32},
    {"torch.HalfStorage", ROLE_STORAGE, RNM_F16},
    {"torch.BFloat16Storage", ROLE_STORAGE, RNM_BF16},
    {"torch.DoubleStorage", ROLE_STORAGE, RNM_F64},
    {"torch.LongStorage", ROLE_STORAGE, RNM_I64},
    {"torch.IntStorage", ROLE_STORAGE, RNM_I32},
    {"torch.ShortStorage", ROLE_STORAGE, RNM_I16},
    {"torch.CharStorage", ROLE_STORAGE, RNM_I8},
    {"torch.ByteStorage", ROLE_STORAGE, RNM_U8},
    {"torch.BoolStorage", ROLE_STORAGE, RNM_BOOL},
};

static role role_of(const pk_value *value) {
    return value->kind == PK_GLOBAL ? globals[value->global].role : ROLE_NONE;
}

rnm_status pk_make_global(pk_machine *machine, const uint8_t *module, size_t module_length,
                          const uint8_t *name, size_t name_length, pk_value *out) {
    size_t length = module_length + 1 + name_length;
    char *text = rnc_arena_alloc(machine->arena, length + 1, machine->err);
    if (text == NULL) {
        return machine->arena->status;
    }
    memcpy(text, module, module_length);
    text[module_length] = '.';
    memcpy(text + module_length + 1, name, name_length);
    *out = (pk_value){
        .kind = PK_GLOBAL, .length = (uint32_t)length, .as.bytes = (const uint8_t *)text};
    for (size_t i = 1; i < sizeof globals / sizeof *globals; i++) {
        if (strlen(globals[i].name) == length && memcmp(globals[i].name, text, length) == 0) {
            out->global = (uint8_t)i;
        }
    }
    return RNM_OK;
}

/* How much of a name goes into a sentence. */
static int shown(const pk_value *global) {
    return global->length < 200 ? (int)global->length : 200;
}

static rnm_status bad_arguments(pk_machine *machine, const pk_value *callable,
                                const char *expected) {
    return pk_fail(machine, RNM_ERR_FORMAT, "%.*s: expected %s, found other arguments",
                   shown(callable), (const char *)callable->as.bytes, expected);
}

static bool all_nonnegative(const pk_box *box) {
    for (uint32_t i = 0; i < box->count; i++) {
        if (box->items[i].kind != PK_INT || box->items[i].as.integer < 0) {
            return false;
        }
    }
    return true;
}

/* (storage, offset, size, stride, requires_grad, backward hooks[, metadata]) */
static rnm_status make_tensor(pk_machine *machine, const pk_value *callable, const pk_box *args,
                              pk_value *out) {
    const pk_value *item = args->items;
    if (args->count < 6 || args->count > 7 || item[0].kind != PK_STORAGE ||
        item[1].kind != PK_INT || item[2].kind != PK_TUPLE || item[3].kind != PK_TUPLE ||
        item[4].kind != PK_BOOL ||
        (item[5].kind != PK_ORDERED_DICT && item[5].kind != PK_DICT && item[5].kind != PK_NONE) ||
        (args->count == 7 && item[6].kind != PK_DICT && item[6].kind != PK_NONE)) {
        return bad_arguments(machine, callable,
                             "(storage, offset, size, stride, requires_grad, hooks)");
    }
    const pk_box *dims = item[2].as.box;
    const pk_box *strides = item[3].as.box;
    if (dims->count != strides->count || dims->count > RNM_MAX_RANK) {
        return pk_fail(machine, RNM_ERR_SHAPE,
                       "a tensor has %u dimensions and %u strides, expected equally many and at "
                       "most %d",
                       dims->count, strides->count, RNM_MAX_RANK);
    }
    if (item[1].as.integer < 0 || !all_nonnegative(dims) || !all_nonnegative(strides)) {
        return pk_fail(machine, RNM_ERR_SHAPE,
                       "a tensor's offset, dimensions and strides must be integers of 0 or more");
    }
    pk_tensor *tensor = rnc_arena_alloc(machine->arena, sizeof *tensor, machine->err);
    if (tensor == NULL) {
        return machine->arena->status;
    }
    *tensor = (pk_tensor){.storage = item[0].as.storage,
                          .offset = item[1].as.integer,
                          .dims = dims,
                          .strides = strides};
    *out = (pk_value){.kind = PK_TENSOR, .as.tensor = tensor};
    return RNM_OK;
}

/* (tensor, requires_grad, backward hooks): to us the tensor itself. */
static rnm_status make_parameter(pk_machine *machine, const pk_value *callable, const pk_box *args,
                                 pk_value *out) {
    const pk_value *item = args->items;
    if (args->count != 3 || item[0].kind != PK_TENSOR || item[1].kind != PK_BOOL ||
        (item[2].kind != PK_ORDERED_DICT && item[2].kind != PK_DICT && item[2].kind != PK_NONE)) {
        return bad_arguments(machine, callable, "(tensor, requires_grad, hooks)");
    }
    *out = item[0];
    return RNM_OK;
}

/* () or (dict): to us the dict itself. */
static rnm_status make_counter(pk_machine *machine, const pk_value *callable, const pk_box *args,
                               pk_value *out) {
    if (args->count == 0) {
        return pk_new_box(machine, PK_DICT, out);
    }
    if (args->count != 1 || args->items[0].kind != PK_DICT) {
        return bad_arguments(machine, callable, "() or (dict,)");
    }
    *out = args->items[0];
    return RNM_OK;
}

static rnm_status make_ordered_dict(pk_machine *machine, const pk_value *callable,
                                    const pk_box *args, pk_value *out) {
    return args->count == 0 ? pk_new_box(machine, PK_ORDERED_DICT, out)
                            : bad_arguments(machine, callable, "()");
}

rnm_status pk_reduce(pk_machine *machine, const pk_value *callable, const pk_value *arguments,
                     pk_value *out) {
    if (callable->kind != PK_GLOBAL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a function to call, found %s",
                       pk_kind_text(callable));
    }
    if (arguments->kind != PK_TUPLE) {
        return bad_arguments(machine, callable, "a tuple of arguments");
    }
    const pk_box *args = arguments->as.box;
    switch (role_of(callable)) {
    case ROLE_ORDERED_DICT:
        return make_ordered_dict(machine, callable, args, out);
    case ROLE_COUNTER:
        return make_counter(machine, callable, args, out);
    case ROLE_TENSOR:
        return make_tensor(machine, callable, args, out);
    case ROLE_PARAMETER:
        return make_parameter(machine, callable, args, out);
    case ROLE_NAMESPACE:
    case ROLE_STORAGE:
    case ROLE_NONE:
        break;
    }
    return pk_fail(machine, RNM_ERR_UNSUPPORTED,
                   "the file calls %.*s, which is not among the calls that rebuild plain tensors; "
                   "nothing was executed",
                   shown(callable), (const char *)callable->as.bytes);
}

/* A pickled module announces itself by its class. */
static rnm_status refuse_object(pk_machine *machine, const pk_value *class) {
    return pk_fail(machine, RNM_ERR_UNSUPPORTED,
                   "the file holds an object of class %.*s, not only tensors; nothing was "
                   "executed (if it is a whole module, save its state_dict() instead)",
                   shown(class), (const char *)class->as.bytes);
}

rnm_status pk_new_object(pk_machine *machine, const pk_value *class, const pk_value *arguments,
                         pk_value *out) {
    if (class->kind != PK_GLOBAL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a class to make an object of, found %s",
                       pk_kind_text(class));
    }
    if (role_of(class) != ROLE_NAMESPACE) {
        return refuse_object(machine, class);
    }
    if (arguments->kind != PK_TUPLE || arguments->as.box->count != 0) {
        return bad_arguments(machine, class, "()");
    }
    return pk_new_box(machine, PK_NAMESPACE, out);
}

rnm_status pk_set_state(pk_machine *machine, pk_value *object, const pk_value *state) {
    if (object->kind == PK_GLOBAL) {
        return refuse_object(machine, object);
    }
    if (object->kind != PK_NAMESPACE && object->kind != PK_ORDERED_DICT) {
        return pk_fail(machine, RNM_ERR_UNSUPPORTED,
                       "the file gives %s a state, which only a Namespace or OrderedDict may have; "
                       "nothing was executed",
                       pk_kind_text(object));
    }
    if (state->kind != PK_DICT) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a dict as the state of %s, found %s",
                       pk_kind_text(object), pk_kind_text(state));
    }
    if (object->kind == PK_ORDERED_DICT) {
        return RNM_OK; /* attributes such as _metadata: not part of the mapping */
    }
    const pk_box *items = state->as.box;
    return pk_append(machine, object->as.box, items->items, items->count);
}

static bool is_count(const pk_value *value) {
    return value->kind == PK_INT && value->as.integer >= 0;
}

/* None, or (key of the view, offset, count) within the storage. */
static rnm_status read_view(pk_machine *machine, const pk_value *view, pk_storage *storage) {
    if (view->kind == PK_NONE) {
        return RNM_OK;
    }
    const pk_value *item = view->kind == PK_TUPLE ? view->as.box->items : NULL;
    if (item == NULL || view->as.box->count != 3 || item[0].kind != PK_TEXT ||
        !is_count(&item[1]) || !is_count(&item[2])) {
        return pk_fail(machine, RNM_ERR_FORMAT,
                       "storage %.*s: expected None or (key, offset, count) as its view, found %s",
                       storage->key_length < 64 ? (int)storage->key_length : 64,
                       (const char *)storage->key, pk_kind_text(view));
    }
    storage->view_offset = item[1].as.integer;
    storage->view_count = item[2].as.integer;
    if (storage->view_offset > storage->count ||
        storage->view_count > storage->count - storage->view_offset) {
        return pk_fail(machine, RNM_ERR_SHAPE,
                       "storage %.*s: expected a view inside its %lld elements, found %lld from "
                       "element %lld",
                       storage->key_length < 64 ? (int)storage->key_length : 64,
                       (const char *)storage->key, (long long)storage->count,
                       (long long)storage->view_count, (long long)storage->view_offset);
    }
    return RNM_OK;
}

/* ('storage', type, key, location, count[, view]) */
rnm_status pk_persistent(pk_machine *machine, const pk_value *id, pk_value *out) {
    const pk_box *box = id->kind == PK_TUPLE ? id->as.box : NULL;
    const pk_value *item = box != NULL ? box->items : NULL;
    if (box != NULL && box->count >= 2 && pk_is_text(&item[0], "module") &&
        item[1].kind == PK_GLOBAL) {
        return refuse_object(machine, &item[1]);
    }
    if (box == NULL || box->count < 5 || box->count > 6 || !pk_is_text(&item[0], "storage") ||
        item[1].kind != PK_GLOBAL || item[2].kind != PK_TEXT || item[3].kind != PK_TEXT ||
        !is_count(&item[4])) {
        return pk_fail(machine, RNM_ERR_FORMAT,
                       "expected ('storage', type, key, location, count) as a persistent id, found "
                       "%s",
                       box != NULL ? "another tuple" : pk_kind_text(id));
    }
    if (role_of(&item[1]) != ROLE_STORAGE) {
        return pk_fail(machine, RNM_ERR_UNSUPPORTED,
                       "a tensor has the storage type %.*s, which is not supported",
                       shown(&item[1]), (const char *)item[1].as.bytes);
    }
    pk_storage *storage = rnc_arena_alloc(machine->arena, sizeof *storage, machine->err);
    if (storage == NULL) {
        return machine->arena->status;
    }
    *storage = (pk_storage){.key = item[2].as.bytes,
                            .key_length = item[2].length,
                            .dtype = globals[item[1].global].dtype,
                            .count = item[4].as.integer,
                            .view_count = item[4].as.integer};
    rnm_status status = box->count == 6 ? read_view(machine, &item[5], storage) : RNM_OK;
    if (status != RNM_OK) {
        return status;
    }
    *machine->storages_end = storage;
    machine->storages_end = &storage->next;
    machine->storage_count++;
    *out = (pk_value){.kind = PK_STORAGE, .as.storage = storage};
    return RNM_OK;
}
