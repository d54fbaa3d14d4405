/* SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes: one row each in a table, which is also the complete list of what is accepted. All
 * of them build plain data. What is missing is missing on purpose: no INST, OBJ, EXT, PERSID,
 * NEWOBJ_EX or out-of-band buffers, and no opcode that PyTorch's writers never emit.
 */
#include "bytes.h"
#include "checked.h"
#include "pickle_internal.h"

#include <string.h>

/* What follows an opcode: `fixed` little-endian bytes as `number`, and when the row says `counted`
 * that many bytes more as `bytes`. `parameter` is the row's own. */
typedef struct argument {
    uint64_t number;
    const uint8_t *bytes;
    int parameter;
} argument;

typedef struct opcode {
    const char *name;
    rnm_status (*run)(pk_machine *machine, const argument *arg);
    uint8_t fixed;
    bool counted;
    int8_t parameter;
} opcode;

static rnm_status op_protocol(pk_machine *machine, const argument *arg) {
    if (arg->number < 2 || arg->number > 5) {
        return pk_fail(machine, RNM_ERR_UNSUPPORTED, "expected pickle protocol 2 to 5, found %u",
                       (unsigned)arg->number);
    }
    return RNM_OK;
}

static rnm_status op_frame(pk_machine *machine, const argument *arg) {
    if (arg->number > machine->size - machine->at) {
        return pk_fail(machine, RNM_ERR_FORMAT, "a frame of %llu bytes reaches beyond the end",
                       (unsigned long long)arg->number);
    }
    return RNM_OK;
}

static rnm_status op_stop(pk_machine *machine, const argument *arg) {
    (void)arg;
    if (machine->mark_count != 0 || machine->stack.count != 1) {
        return pk_fail(machine, RNM_ERR_FORMAT,
                       "expected one value on the stack at the end, found %u and %u marks",
                       machine->stack.count, machine->mark_count);
    }
    machine->stopped = true;
    return RNM_OK;
}

static rnm_status op_mark(pk_machine *machine, const argument *arg) {
    (void)arg;
    if (machine->mark_count == PK_MAX_MARKS) {
        return pk_fail(machine, RNM_ERR_LIMIT, "values are nested deeper than %d levels",
                       (int)PK_MAX_MARKS);
    }
    machine->marks[machine->mark_count++] = machine->stack.count;
    return RNM_OK;
}

static rnm_status op_none(pk_machine *machine, const argument *arg) {
    (void)arg;
    return pk_push(machine, (pk_value){.kind = PK_NONE});
}

static rnm_status op_bool(pk_machine *machine, const argument *arg) {
    return pk_push(machine, (pk_value){.kind = PK_BOOL, .as.integer = arg->parameter});
}

static rnm_status op_unsigned(pk_machine *machine, const argument *arg) {
    return pk_push(machine, (pk_value){.kind = PK_INT, .as.integer = (int64_t)arg->number});
}

static rnm_status op_int32(pk_machine *machine, const argument *arg) {
    return pk_push(machine,
                   (pk_value){.kind = PK_INT, .as.integer = (int32_t)(uint32_t)arg->number});
}

static rnm_status op_long(pk_machine *machine, const argument *arg) {
    uint32_t length = (uint32_t)arg->number;
    if (length > 8) {
        return pk_push(machine,
                       (pk_value){.kind = PK_LONG, .length = length, .as.bytes = arg->bytes});
    }
    uint64_t bits = rnc_load_le(arg->bytes, length);
    if (length != 0 && length < 8 && (arg->bytes[length - 1] & 0x80) != 0) {
        bits |= UINT64_MAX << (8 * length);
    }
    return pk_push(machine, (pk_value){.kind = PK_INT, .as.integer = (int64_t)bits});
}

/* The one big-endian field of the format. */
static rnm_status op_float(pk_machine *machine, const argument *arg) {
    uint64_t bits = __builtin_bswap64(arg->number);
    pk_value value = {.kind = PK_FLOAT};
    memcpy(&value.as.real, &bits, sizeof bits);
    return pk_push(machine, value);
}

/* parameter: PK_TEXT or PK_BYTES. */
static rnm_status op_bytes(pk_machine *machine, const argument *arg) {
    if (arg->number > PK_MAX_TEXT) {
        return pk_fail(machine, RNM_ERR_LIMIT,
                       "expected a string of at most %d bytes, found one of %llu", (int)PK_MAX_TEXT,
                       (unsigned long long)arg->number);
    }
    return pk_push(machine, (pk_value){.kind = (uint8_t)arg->parameter,
                                       .length = (uint32_t)arg->number,
                                       .as.bytes = arg->bytes});
}

/* parameter: the container's kind. */
static rnm_status op_empty(pk_machine *machine, const argument *arg) {
    pk_value value;
    rnm_status status = pk_new_box(machine, (pk_kind)arg->parameter, &value);
    return status == RNM_OK ? pk_push(machine, value) : status;
}

/* Puts the top `count` values into a new tuple in their place. */
static rnm_status make_tuple(pk_machine *machine, uint32_t count) {
    pk_value tuple;
    rnm_status status = pk_new_box(machine, PK_TUPLE, &tuple);
    if (status != RNM_OK) {
        return status;
    }
    pk_values *stack = &machine->stack;
    if (count != 0) {
        stack->count -= count;
        status = pk_append(machine, tuple.as.box, stack->items + stack->count, count);
        if (status != RNM_OK) {
            return status;
        }
    }
    return pk_push(machine, tuple);
}

/* parameter: how many values. */
static rnm_status op_tuple_of(pk_machine *machine, const argument *arg) {
    uint32_t count = (uint32_t)arg->parameter;
    if (pk_peek(machine, count - 1) == NULL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected %u values on the stack, found fewer",
                       count);
    }
    return make_tuple(machine, count);
}

/* Takes the last mark away; *count values stand above where it was. */
static rnm_status pop_mark(pk_machine *machine, uint32_t *count) {
    if (machine->mark_count == 0) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a mark on the stack, found none");
    }
    *count = machine->stack.count - machine->marks[--machine->mark_count];
    return RNM_OK;
}

static rnm_status op_tuple(pk_machine *machine, const argument *arg) {
    (void)arg;
    uint32_t count;
    rnm_status status = pop_mark(machine, &count);
    return status == RNM_OK ? make_tuple(machine, count) : status;
}

/* Appends the top `count` values to the list under them. */
static rnm_status append(pk_machine *machine, uint32_t count) {
    const pk_value *list = pk_peek(machine, count);
    if (list == NULL || list->kind != PK_LIST) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a list to append to, found %s",
                       list != NULL ? pk_kind_text(list) : "nothing");
    }
    rnm_status status = pk_append(machine, list->as.box, list + 1, count);
    machine->stack.count -= count;
    return status;
}

static rnm_status op_append(pk_machine *machine, const argument *arg) {
    (void)arg;
    return append(machine, 1);
}

static rnm_status op_appends(pk_machine *machine, const argument *arg) {
    (void)arg;
    uint32_t count;
    rnm_status status = pop_mark(machine, &count);
    return status == RNM_OK ? append(machine, count) : status;
}

/* Sets the top `count` values, keys and values by turns, in the dict under them. */
static rnm_status set_items(pk_machine *machine, uint32_t count) {
    const pk_value *dict = pk_peek(machine, count);
    if (dict == NULL || (dict->kind != PK_DICT && dict->kind != PK_ORDERED_DICT)) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a dict to set items in, found %s",
                       dict != NULL ? pk_kind_text(dict) : "nothing");
    }
    if (count % 2 != 0) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected keys and values, found a key alone");
    }
    for (uint32_t i = 1; i <= count; i += 2) {
        if (dict[i].kind == PK_LIST || pk_is_mapping(&dict[i])) {
            return pk_fail(machine, RNM_ERR_FORMAT, "%s cannot be the key of a dict",
                           pk_kind_text(&dict[i]));
        }
    }
    rnm_status status = pk_append(machine, dict->as.box, dict + 1, count);
    machine->stack.count -= count;
    return status;
}

static rnm_status op_set_item(pk_machine *machine, const argument *arg) {
    (void)arg;
    return set_items(machine, 2);
}

static rnm_status op_set_items(pk_machine *machine, const argument *arg) {
    (void)arg;
    uint32_t count;
    rnm_status status = pop_mark(machine, &count);
    return status == RNM_OK ? set_items(machine, count) : status;
}

static rnm_status put(pk_machine *machine, uint32_t index) {
    const pk_value *top = pk_peek(machine, 0);
    if (top == NULL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a value to remember, found none");
    }
    return pk_memo_put(machine, index, top);
}

static rnm_status op_put(pk_machine *machine, const argument *arg) {
    return put(machine, (uint32_t)arg->number);
}

static rnm_status op_memoize(pk_machine *machine, const argument *arg) {
    (void)arg;
    return put(machine, machine->memo.count);
}

static rnm_status op_get(pk_machine *machine, const argument *arg) {
    pk_value value;
    rnm_status status = pk_memo_get(machine, (uint32_t)arg->number, &value);
    return status == RNM_OK ? pk_push(machine, value) : status;
}

/* One line of text; the newline is passed over. */
static rnm_status read_line(pk_machine *machine, const uint8_t **text, size_t *length) {
    const uint8_t *start = machine->bytes + machine->at;
    size_t left = machine->size - machine->at;
    size_t limit = left < PK_MAX_GLOBAL ? left : PK_MAX_GLOBAL;
    const uint8_t *end = limit != 0 ? memchr(start, '\n', limit) : NULL;
    if (end == NULL) {
        return pk_fail(machine, RNM_ERR_FORMAT,
                       "expected the name of a global, found no end of it");
    }
    *text = start;
    *length = (size_t)(end - start);
    machine->at += *length + 1;
    return RNM_OK;
}

static rnm_status op_global(pk_machine *machine, const argument *arg) {
    (void)arg;
    const uint8_t *module;
    const uint8_t *name;
    size_t module_length;
    size_t name_length;
    rnm_status status = read_line(machine, &module, &module_length);
    if (status != RNM_OK) {
        return status;
    }
    status = read_line(machine, &name, &name_length);
    if (status != RNM_OK) {
        return status;
    }
    pk_value value;
    status = pk_make_global(machine, module, module_length, name, name_length, &value);
    return status == RNM_OK ? pk_push(machine, value) : status;
}

static rnm_status op_stack_global(pk_machine *machine, const argument *arg) {
    (void)arg;
    pk_value name;
    pk_value module;
    rnm_status status = pk_pop(machine, &name);
    if (status != RNM_OK) {
        return status;
    }
    status = pk_pop(machine, &module);
    if (status != RNM_OK) {
        return status;
    }
    if (name.kind != PK_TEXT || module.kind != PK_TEXT || name.length > PK_MAX_GLOBAL ||
        module.length > PK_MAX_GLOBAL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected the name of a global, found %s and %s",
                       pk_kind_text(&module), pk_kind_text(&name));
    }
    pk_value value;
    status =
        pk_make_global(machine, module.as.bytes, module.length, name.as.bytes, name.length, &value);
    return status == RNM_OK ? pk_push(machine, value) : status;
}

static rnm_status op_persistent(pk_machine *machine, const argument *arg) {
    (void)arg;
    pk_value id;
    pk_value storage;
    rnm_status status = pk_pop(machine, &id);
    if (status != RNM_OK) {
        return status;
    }
    status = pk_persistent(machine, &id, &storage);
    return status == RNM_OK ? pk_push(machine, storage) : status;
}

typedef rnm_status builder(pk_machine *machine, const pk_value *callable, const pk_value *arguments,
                           pk_value *out);

static rnm_status call(pk_machine *machine, builder *build) {
    pk_value arguments;
    pk_value callable;
    pk_value result;
    rnm_status status = pk_pop(machine, &arguments);
    if (status != RNM_OK) {
        return status;
    }
    status = pk_pop(machine, &callable);
    if (status != RNM_OK) {
        return status;
    }
    status = build(machine, &callable, &arguments, &result);
    return status == RNM_OK ? pk_push(machine, result) : status;
}

static rnm_status op_reduce(pk_machine *machine, const argument *arg) {
    (void)arg;
    return call(machine, pk_reduce);
}

static rnm_status op_new_object(pk_machine *machine, const argument *arg) {
    (void)arg;
    return call(machine, pk_new_object);
}

static rnm_status op_build(pk_machine *machine, const argument *arg) {
    (void)arg;
    pk_value state;
    rnm_status status = pk_pop(machine, &state);
    if (status != RNM_OK) {
        return status;
    }
    pk_value *object = pk_peek(machine, 0);
    if (object == NULL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected an object to give a state, found none");
    }
    return pk_set_state(machine, object, &state);
}

/* clang-format off */
static const opcode opcodes[256] = {
    /*            name              run              fixed counted parameter */
    [0x80]    = {"PROTO",           op_protocol,     1, false, 0},
    [0x95]    = {"FRAME",           op_frame,        8, false, 0},
    ['.']     = {"STOP",            op_stop,         0, false, 0},
    ['(']     = {"MARK",            op_mark,         0, false, 0},
    ['N']     = {"NONE",            op_none,         0, false, 0},
    [0x88]    = {"NEWTRUE",         op_bool,         0, false, 1},
    [0x89]    = {"NEWFALSE",        op_bool,         0, false, 0},
    ['K']     = {"BININT1",         op_unsigned,     1, false, 0},
    ['M']     = {"BININT2",         op_unsigned,     2, false, 0},
    ['J']     = {"BININT",          op_int32,        4, false, 0},
    [0x8a]    = {"LONG1",           op_long,         1, true,  0},
    ['G']     = {"BINFLOAT",        op_float,        8, false, 0},
    ['X']     = {"BINUNICODE",      op_bytes,        4, true,  PK_TEXT},
    [0x8c]    = {"SHORT_BINUNICODE",op_bytes,        1, true,  PK_TEXT},
    [0x8d]    = {"BINUNICODE8",     op_bytes,        8, true,  PK_TEXT},
    ['B']     = {"BINBYTES",        op_bytes,        4, true,  PK_BYTES},
    ['C']     = {"SHORT_BINBYTES",  op_bytes,        1, true,  PK_BYTES},
    [')']     = {"EMPTY_TUPLE",     op_empty,        0, false, PK_TUPLE},
    [']']     = {"EMPTY_LIST",      op_empty,        0, false, PK_LIST},
    ['}']     = {"EMPTY_DICT",      op_empty,        0, false, PK_DICT},
    ['t']     = {"TUPLE",           op_tuple,        0, false, 0},
    [0x85]    = {"TUPLE1",          op_tuple_of,     0, false, 1},
    [0x86]    = {"TUPLE2",          op_tuple_of,     0, false, 2},
    [0x87]    = {"TUPLE3",          op_tuple_of,     0, false, 3},
    ['a']     = {"APPEND",          op_append,       0, false, 0},
    ['e']     = {"APPENDS",         op_appends,      0, false, 0},
    ['s']     = {"SETITEM",         op_set_item,     0, false, 0},
    ['u']     = {"SETITEMS",        op_set_items,    0, false, 0},
    ['q']     = {"BINPUT",          op_put,          1, false, 0},
    ['r']     = {"LONG_BINPUT",     op_put,          4, false, 0},
    [0x94]    = {"MEMOIZE",         op_memoize,      0, false, 0},
    ['h']     = {"BINGET",          op_get,          1, false, 0},
    ['j']     = {"LONG_BINGET",     op_get,          4, false, 0},
    ['c']     = {"GLOBAL",          op_global,       0, false, 0},
    [0x93]    = {"STACK_GLOBAL",    op_stack_global, 0, false, 0},
    ['Q']     = {"BINPERSID",       op_persistent,   0, false, 0},
    ['R']     = {"REDUCE",          op_reduce,       0, false, 0},
    [0x81]    = {"NEWOBJ",          op_new_object,   0, false, 0},
    ['b']     = {"BUILD",           op_build,        0, false, 0},
};
/* clang-format on */

rnm_status pk_step(pk_machine *machine) {
    unsigned code = machine->bytes[machine->at++];
    const opcode *op = &opcodes[code];
    if (op->run == NULL) {
        return pk_fail(machine, RNM_ERR_UNSUPPORTED,
                       "opcode 0x%02x is not one that builds plain data; nothing was executed",
                       code);
    }
    argument arg = {.parameter = op->parameter};
    if (op->fixed > machine->size - machine->at) {
        return pk_fail(machine, RNM_ERR_FORMAT, "%s is cut short by the end of the pickle",
                       op->name);
    }
    arg.number = rnc_load_le(machine->bytes + machine->at, op->fixed);
    machine->at += op->fixed;
    arg.bytes = machine->bytes + machine->at;
    if (op->counted) {
        if (arg.number > machine->size - machine->at) {
            return pk_fail(machine, RNM_ERR_FORMAT,
                           "%s: expected %llu bytes, found %zu before the end of the pickle",
                           op->name, (unsigned long long)arg.number, machine->size - machine->at);
        }
        machine->at += (size_t)arg.number;
    }
    return op->run(machine, &arg);
}
