/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, strings, and what is neither weight nor graph: preprocessing, labels, provenance.
 */
#include "write/tables.h"

#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void *rnc_list_add(rnc_list *list, size_t count, rnm_error *err) {
    /* None of an empty list has a place too: NULL is for no memory. */
    if (list->items == NULL || list->room - list->count < count) {
        size_t room = 2 * list->room + count + 16;
        void *items = realloc(list->items, room * list->item_size);
        if (items == NULL) {
            rnm_fail(err, RNM_ERR_MEMORY, "no memory for the tables of the file to write");
            return NULL;
        }
        list->items = items;
        list->room = room;
    }
    char *first = (char *)list->items + list->count * list->item_size;
    memset(first, 0, count * list->item_size);
    list->count += count;
    return first;
}

static void begin(rnc_tables *tables) {
    *tables = (rnc_tables){
        .strings.item_size = 1,
        .tensors.item_size = sizeof(rnm_tensor_rec),
        .stored.item_size = sizeof(rnc_stored),
        .recipes.item_size = sizeof(rnm_recipe_rec),
        .values.item_size = sizeof(rnm_value_rec),
        .nodes.item_size = sizeof(rnm_node_rec),
        .attrs.item_size = sizeof(rnm_attr_rec),
        .words.item_size = sizeof(uint64_t),
        .refs.item_size = sizeof(uint32_t),
        .ends.item_size = sizeof(uint32_t),
        .preprocess.item_size = sizeof(rnm_preprocess_rec),
        .labels.item_size = sizeof(uint32_t),
        .provenance.item_size = sizeof(uint32_t),
    };
}

void rnc_tables_free(rnc_tables *tables) {
    free(tables->strings.items);
    free(tables->tensors.items);
    free(tables->stored.items);
    free(tables->recipes.items);
    free(tables->values.items);
    free(tables->nodes.items);
    free(tables->attrs.items);
    free(tables->words.items);
    free(tables->refs.items);
    free(tables->ends.items);
    free(tables->preprocess.items);
    free(tables->labels.items);
    free(tables->provenance.items);
}

/* A name with anything but clean text came from a checkpoint that has no business with it. */
static bool valid_text(const char *text) {
    size_t left = strlen(text);
    size_t length = 1;
    for (; left > 0 && length > 0; left -= length, text += length) {
        length = rnm_text_length((const uint8_t *)text, left);
    }
    return length > 0;
}

rnm_status rnc_tables_add_string(rnc_tables *tables, const char *text, uint32_t *out,
                                 rnm_error *err) {
    size_t length = strlen(text) + 1;
    if (length > RNM_LIMIT_NAME + 1 || !valid_text(text)) {
        return rnm_fail(err, RNM_ERR_MODEL,
                        "the name `%.80s` is longer than %u bytes or no clean UTF-8", text,
                        RNM_LIMIT_NAME);
    }
    *out = (uint32_t)tables->strings.count;
    char *bytes = rnc_list_add(&tables->strings, length, err);
    if (bytes == NULL) {
        return RNM_ERR_MEMORY;
    }
    memcpy(bytes, text, length);
    return RNM_OK;
}

static rnm_status add_preprocess(rnc_tables *tables, const rnc_job *job, rnm_error *err) {
    if (!job->has_dataset) {
        return RNM_OK;
    }
    rnm_preprocess_rec *record = rnc_list_add(&tables->preprocess, 1, err);
    if (record == NULL) {
        return RNM_ERR_MEMORY;
    }
    *record = job->dataset.preprocess;
    return rnc_tables_add_string(tables, job->dataset.name, &record->dataset, err);
}

/* Appends the name to a list whose first item is the count. */
static rnm_status add_name(rnc_tables *tables, rnc_list *list, const char *text, rnm_error *err) {
    uint32_t name;
    rnm_status status = rnc_tables_add_string(tables, text, &name, err);
    if (status != RNM_OK) {
        return status;
    }
    uint32_t *item = rnc_list_add(list, 1, err);
    if (item == NULL) {
        return RNM_ERR_MEMORY;
    }
    *item = name;
    return RNM_OK;
}

static rnm_status add_labels(rnc_tables *tables, const rnc_job *job, rnm_error *err) {
    size_t count = job->has_dataset ? job->dataset.label_count : 0;
    if (count == 0) {
        return RNM_OK;
    }
    uint32_t *first = rnc_list_add(&tables->labels, 1, err);
    if (first == NULL) {
        return RNM_ERR_MEMORY;
    }
    *first = (uint32_t)count;
    for (size_t k = 0; k < count; k++) {
        rnm_status status = add_name(tables, &tables->labels, job->dataset.labels[k], err);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static rnm_status add_provenance(rnc_tables *tables, const rnc_job *job, rnm_error *err) {
    const rnc_weights *weights = job->source.weights;
    char digest[32];
    snprintf(digest, sizeof digest, "xxh3-64:%016" PRIx64, weights->file_digest);
    const struct {
        const char *key;
        const char *value;
    } pairs[] = {
        {"compiler", "rnc " RNC_VERSION},
        {"source", base_name(weights->path)},
        {"source_digest", digest},
        {"source_format", weights->container},
        {"model", weights->hints.model_name},
        {"activation", weights->hints.weight_activation},
        {"topology", job->topology},
        {"dataset", job->has_dataset ? job->dataset.name : weights->hints.dataset},
    };
    uint32_t *first = rnc_list_add(&tables->provenance, 1, err);
    uint32_t count = 0;
    if (first == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        const char *value = pairs[k].value;
        if (value == NULL || strlen(value) > RNM_LIMIT_NAME || !valid_text(value)) {
            continue; /* a file's own name may be anything; it decides nothing */
        }
        rnm_status status = add_name(tables, &tables->provenance, pairs[k].key, err);
        if (status != RNM_OK ||
            (status = add_name(tables, &tables->provenance, value, err)) != RNM_OK) {
            return status;
        }
        count++;
    }
    *(uint32_t *)tables->provenance.items = count;
    return RNM_OK;
}

rnm_status rnc_tables_add_extras(rnc_tables *tables, rnc_job *job, rnm_error *err) {
    rnm_status status;
    if ((status = add_preprocess(tables, job, err)) != RNM_OK ||
        (status = add_labels(tables, job, err)) != RNM_OK) {
        return status;
    }
    return add_provenance(tables, job, err);
}

rnm_status rnc_tables_build(rnc_tables *tables, rnc_job *job, rnm_error *err) {
    uint32_t empty;
    rnm_status status;
    begin(tables);
    if ((status = rnc_tables_add_string(tables, "", &empty, err)) != RNM_OK ||
        (status = rnc_tables_add_weights(tables, job, err)) != RNM_OK ||
        (status = rnc_tables_add_graph(tables, job, err)) != RNM_OK ||
        (status = rnc_tables_add_ends(tables, job, err)) != RNM_OK) {
        return status;
    }
    /* Last, so that where a model comes from moves no other name. */
    return rnc_tables_add_extras(tables, job, err);
}
