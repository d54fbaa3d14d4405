/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash tables of names.
 */
#include "onnx/import.h"

#include "digest.h"

#include <string.h>

/* The slot that holds the name, or the free one where it would go. */
static size_t slot_of(const rnc_onnx_scope *scope, const char *name) {
    size_t slot = (size_t)rnm_digest(name, strlen(name)) & (scope->room - 1);
    while (scope->slots[slot] != NULL && strcmp(scope->slots[slot]->name, name) != 0) {
        slot = (slot + 1) & (scope->room - 1);
    }
    return slot;
}

rnc_onnx_value *rnc_scope_find(const rnc_onnx_scope *scope, const char *name) {
    return scope->room == 0 ? NULL : scope->slots[slot_of(scope, name)];
}

static rnm_status grow(rnc_import *im, rnc_onnx_scope *scope) {
    rnc_onnx_scope larger = *scope;
    larger.room = scope->room == 0 ? 64 : 2 * scope->room;
    larger.slots =
        rnc_arena_array(im->graph->arena, larger.room, sizeof(rnc_onnx_value *), im->err);
    if (larger.slots == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t k = 0; k < scope->room; k++) {
        if (scope->slots[k] != NULL) {
            larger.slots[slot_of(&larger, scope->slots[k]->name)] = scope->slots[k];
        }
    }
    *scope = larger;
    return RNM_OK;
}

rnc_onnx_value *rnc_scope_add(rnc_import *im, rnc_onnx_scope *scope, const char *name) {
    if (2 * scope->count >= scope->room && grow(im, scope) != RNM_OK) {
        return NULL;
    }
    rnc_onnx_value *value = rnc_arena_alloc(im->graph->arena, sizeof *value, im->err);
    if (value != NULL) {
        value->name = name;
        scope->slots[slot_of(scope, name)] = value;
        scope->count++;
    }
    return value;
}

const char *rnc_fresh_name(rnc_import *im, rnc_onnx_scope *names, const char *wanted) {
    const char *name = wanted;
    for (unsigned number = 2; rnc_scope_find(names, name) != NULL; number++) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, "_%u", number);
        name = rnc_join(im->graph, wanted, suffix, im->err);
        if (name == NULL) {
            return NULL;
        }
    }
    return rnc_scope_add(im, names, name) == NULL ? NULL : name;
}
