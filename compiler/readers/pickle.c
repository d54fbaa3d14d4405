/* SPDX-License-Identifier: Apache-2.0
 *
 * The pickle machine's stack, memo and boxes, and walks over finished values. No function here
 * calls itself: nesting in a file costs arena, never C stack.
 */
#include "pickle_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rnm_status pk_fail(pk_machine *machine, rnm_status status, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return rnm_fail(machine->err, status, "pickle byte %zu: %s", machine->opcode, text);
}

static rnm_status grow(pk_machine *machine, pk_values *values, uint32_t wanted, uint32_t ceiling,
                       const char *what) {
    if (wanted > ceiling) {
        return pk_fail(machine, RNM_ERR_LIMIT, "the %s needs more than the %u entries allowed",
                       what, ceiling);
    }
    uint32_t capacity = values->capacity != 0 ? values->capacity : 256;
    while (capacity < wanted) {
        capacity *= 2;
    }
    pk_value *items = realloc(values->items, capacity * sizeof *items);
    if (items == NULL) {
        return pk_fail(machine, RNM_ERR_MEMORY, "out of memory: %u %s entries", capacity, what);
    }
    memset(items + values->capacity, 0, (capacity - values->capacity) * sizeof *items);
    values->items = items;
    values->capacity = capacity;
    return RNM_OK;
}

rnm_status pk_push(pk_machine *machine, pk_value value) {
    pk_values *stack = &machine->stack;
    if (stack->count == stack->capacity) {
        rnm_status status = grow(machine, stack, stack->count + 1, PK_MAX_STACK, "stack");
        if (status != RNM_OK) {
            return status;
        }
    }
    stack->items[stack->count++] = value;
    return RNM_OK;
}

/* Opcodes see no deeper than the last mark, as in the machine that wrote the file. */
static uint32_t floor_of(const pk_machine *machine) {
    return machine->mark_count != 0 ? machine->marks[machine->mark_count - 1] : 0;
}

rnm_status pk_pop(pk_machine *machine, pk_value *out) {
    const pk_value *top = pk_peek(machine, 0);
    if (top == NULL) {
        return pk_fail(machine, RNM_ERR_FORMAT, "expected a value on the stack, found none");
    }
    *out = *top;
    machine->stack.count--;
    return RNM_OK;
}

pk_value *pk_peek(pk_machine *machine, uint32_t above) {
    uint32_t visible = machine->stack.count - floor_of(machine);
    return above < visible ? &machine->stack.items[machine->stack.count - 1 - above] : NULL;
}

rnm_status pk_memo_put(pk_machine *machine, uint32_t index, const pk_value *value) {
    pk_values *memo = &machine->memo;
    if (index >= memo->capacity) {
        uint32_t wanted = index < PK_MAX_MEMO ? index + 1 : UINT32_MAX;
        rnm_status status = grow(machine, memo, wanted, PK_MAX_MEMO, "memo");
        if (status != RNM_OK) {
            return status;
        }
    }
    memo->count += memo->items[index].kind == PK_UNSET;
    memo->items[index] = *value;
    return RNM_OK;
}

rnm_status pk_memo_get(pk_machine *machine, uint32_t index, pk_value *out) {
    const pk_values *memo = &machine->memo;
    if (index >= memo->capacity || memo->items[index].kind == PK_UNSET) {
        return pk_fail(machine, RNM_ERR_FORMAT, "memo entry %u is read but was never written",
                       index);
    }
    *out = memo->items[index];
    return RNM_OK;
}

rnm_status pk_new_box(pk_machine *machine, pk_kind kind, pk_value *out) {
    pk_box *box = rnc_arena_alloc(machine->arena, sizeof *box, machine->err);
    if (box == NULL) {
        return machine->arena->status;
    }
    *out = (pk_value){.kind = (uint8_t)kind, .as.box = box};
    return RNM_OK;
}

rnm_status pk_append(pk_machine *machine, pk_box *box, const pk_value *items, uint32_t count) {
    if (count == 0) {
        return RNM_OK;
    }
    if (count > box->capacity - box->count) {
        /* The first batch fits exactly, as most are the only one; later ones double. The sum
         * cannot overflow: the arena's ceiling is far below 2^32 values. */
        uint32_t wanted = box->count + count;
        uint32_t capacity = wanted > 2 * box->capacity ? wanted : 2 * box->capacity;
        pk_value *room = rnc_arena_array(machine->arena, capacity, sizeof *room, machine->err);
        if (room == NULL) {
            return machine->arena->status;
        }
        if (box->count != 0) {
            memcpy(room, box->items, box->count * sizeof *room);
        }
        box->items = room;
        box->capacity = capacity;
    }
    memcpy(box->items + box->count, items, count * sizeof *items);
    box->count += count;
    return RNM_OK;
}

rnm_status pk_read(const uint8_t *bytes, size_t size, rnc_arena *arena, pk_pickle *out,
                   rnm_error *err) {
    pk_machine machine = {.bytes = bytes, .size = size, .arena = arena, .err = err};
    machine.storages_end = &machine.storages;
    rnm_status status = RNM_OK;
    while (status == RNM_OK && !machine.stopped) {
        machine.opcode = machine.at;
        status = machine.at < size
                     ? pk_step(&machine)
                     : pk_fail(&machine, RNM_ERR_FORMAT,
                               "expected another opcode, found the end: the pickle is cut short");
    }
    if (status == RNM_OK) {
        *out = (pk_pickle){.root = machine.stack.items[0],
                           .size = machine.at,
                           .storages = machine.storages,
                           .storage_count = machine.storage_count};
    }
    free(machine.stack.items);
    free(machine.memo.items);
    return status;
}

bool pk_is_text(const pk_value *value, const char *text) {
    size_t length = strlen(text);
    return value->kind == PK_TEXT && value->length == length &&
           memcmp(value->as.bytes, text, length) == 0;
}

bool pk_is_mapping(const pk_value *value) {
    return value->kind == PK_DICT || value->kind == PK_ORDERED_DICT || value->kind == PK_NAMESPACE;
}

bool pk_is_container(const pk_value *value) {
    return value->kind == PK_TUPLE || value->kind == PK_LIST || pk_is_mapping(value);
}

const pk_value *pk_get(const pk_value *of, const char *key) {
    if (!pk_is_mapping(of)) {
        return NULL;
    }
    const pk_box *box = of->as.box;
    for (uint32_t i = box->count; i >= 2; i -= 2) {
        if (pk_is_text(&box->items[i - 2], key)) {
            return &box->items[i - 1];
        }
    }
    return NULL;
}

size_t pk_count_tensors(const pk_value *root, uint32_t stamp) {
    if (!pk_is_container(root)) {
        return root->kind == PK_TENSOR;
    }
    size_t tensors = 0;
    pk_box *pending = root->as.box;
    pending->seen = stamp;
    pending->next = NULL;
    while (pending != NULL) {
        const pk_box *box = pending;
        pending = box->next;
        for (uint32_t i = 0; i < box->count; i++) {
            const pk_value *item = &box->items[i];
            tensors += item->kind == PK_TENSOR;
            if (pk_is_container(item) && item->as.box->seen != stamp) {
                item->as.box->seen = stamp;
                item->as.box->next = pending;
                pending = item->as.box;
            }
        }
    }
    return tensors;
}

const char *pk_kind_text(const pk_value *value) {
    static const char *const texts[] = {
        [PK_UNSET] = "nothing",         [PK_NONE] = "None",
        [PK_BOOL] = "a bool",           [PK_INT] = "an integer",
        [PK_LONG] = "a long integer",   [PK_FLOAT] = "a float",
        [PK_TEXT] = "a string",         [PK_BYTES] = "bytes",
        [PK_TUPLE] = "a tuple",         [PK_LIST] = "a list",
        [PK_DICT] = "a dict",           [PK_ORDERED_DICT] = "an OrderedDict",
        [PK_NAMESPACE] = "a Namespace", [PK_GLOBAL] = "a class or function",
        [PK_STORAGE] = "a storage",     [PK_TENSOR] = "a tensor",
    };
    return texts[value->kind];
}
