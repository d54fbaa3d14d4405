/* SPDX-License-Identifier: Apache-2.0
 *
 * What Lightning's hyper_parameters say of the network: {"args": Namespace(...)} as the authors'
 * training code writes them, or the same names in a plain dict.
 */
#include "torch_internal.h"

#include <string.h>

enum { MAX_CLASSES = 1 << 20 };

/* A hint that is no proper string is no hint; only running out of memory is an error. */
static rnm_status copy_text(const pk_value *from, const char *key, rnc_set *set, const char **out,
                            rnm_error *err) {
    const pk_value *value = pk_get(from, key);
    if (value == NULL || value->kind != PK_TEXT || value->length > RNC_MAX_NAME ||
        memchr(value->as.bytes, '\0', value->length) != NULL) {
        return RNM_OK;
    }
    *out = rnc_arena_text(&set->arena, value->as.bytes, value->length, err);
    return *out != NULL ? RNM_OK : set->arena.status;
}

rnm_status torch_read_hints(const pk_value *root, rnc_set *set, rnm_error *err) {
    const pk_value *parameters = pk_get(root, "hyper_parameters");
    if (parameters == NULL || !pk_is_mapping(parameters)) {
        return RNM_OK;
    }
    const pk_value *args = pk_get(parameters, "args");
    bool has_args = args != NULL && pk_is_mapping(args);
    const pk_value *from = has_args ? args : parameters;
    rnc_hints *hints = &set->hints;
    hints->has_args = has_args;
    hints->has_datapath = pk_get(from, "datapath") != NULL;
    const pk_value *classes = pk_get(from, "num_classes");
    if (classes != NULL && classes->kind == PK_INT && classes->as.integer > 0 &&
        classes->as.integer <= MAX_CLASSES) {
        hints->num_classes = classes->as.integer;
    }
    rnm_status status = copy_text(from, "model_name", set, &hints->model_name, err);
    if (status != RNM_OK) {
        return status;
    }
    status = copy_text(from, "weight_activation", set, &hints->weight_activation, err);
    if (status != RNM_OK) {
        return status;
    }
    return copy_text(from, "dataset", set, &hints->dataset, err);
}
