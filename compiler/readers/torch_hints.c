/* SPDX-License-Identifier: Apache-2.0
 *
 * What Lightning's hyper_parameters say of the network: {"args": Namespace(...)} as the authors'
 * training code writes them, or the same names in a plain dict; and the documents that
 * export_checkpoint (tools/train/repeatnet.py) puts there.
 */
#include "torch_internal.h"

#include "error.h"

#include <string.h>

enum { MAX_CLASSES = 1 << 20, MAX_DOCUMENT = 1 << 20 };

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

/* Nobody else uses these keys, so what stands under them and is no document is an error. What the
 * document says is for the YAML reader to judge. */
static rnm_status copy_document(const pk_value *from, const char *key, rnc_set *set,
                                const char **out, size_t *size, rnm_error *err) {
    const pk_value *value = pk_get(from, key);
    if (value == NULL) {
        return RNM_OK;
    }
    if (value->kind != PK_TEXT) {
        return rnm_fail(err, RNM_ERR_FORMAT, "its hyper_parameters['%s'] is no text", key);
    }
    if (value->length > MAX_DOCUMENT) {
        return rnm_fail(err, RNM_ERR_LIMIT,
                        "its hyper_parameters['%s'] has %zu bytes, expected at most %d", key,
                        (size_t)value->length, MAX_DOCUMENT);
    }
    *out = rnc_arena_text(&set->arena, value->as.bytes, value->length, err);
    *size = value->length;
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
    rnm_status status = copy_document(parameters, "rnc_topology", set, &hints->topology,
                                      &hints->topology_size, err);
    if (status == RNM_OK) {
        status = copy_document(parameters, "rnc_dataset", set, &hints->dataset_document,
                               &hints->dataset_document_size, err);
    }
    if (status != RNM_OK) {
        return status;
    }
    const pk_value *classes = pk_get(from, "num_classes");
    if (classes != NULL && classes->kind == PK_INT && classes->as.integer > 0 &&
        classes->as.integer <= MAX_CLASSES) {
        hints->num_classes = classes->as.integer;
    }
    status = copy_text(from, "model_name", set, &hints->model_name, err);
    if (status != RNM_OK) {
        return status;
    }
    status = copy_text(from, "weight_activation", set, &hints->weight_activation, err);
    if (status != RNM_OK) {
        return status;
    }
    return copy_text(from, "dataset", set, &hints->dataset, err);
}
