/* SPDX-License-Identifier: Apache-2.0
 *
 * How long sections are against how many records they say they hold, and the limits on those
 * numbers. Behind this the view's pointers are set and every table lies inside its section.
 */
#include "read_rules.h"

/* The section's bytes, or NULL where it is absent. They are aligned to 64 in the file. */
static const void *start_of(const rnm_reader *r, uint32_t kind) {
    const rnm_section *section = r->view.known[kind];
    return section != NULL ? r->view.base + section->offset : NULL;
}

/* ---- arrays of records ----------------------------------------------------------------------- */

static rnm_status count_records(const rnm_reader *r, const char *name, uint32_t kind, size_t size,
                                uint32_t most, uint32_t *count) {
    const rnm_section *section = r->view.known[kind];
    uint64_t length = section != NULL ? section->length : 0;
    if (length % size != 0) {
        return rnm_fail(r->err, RNM_ERR_FORMAT, "%s: length must be a multiple of %zu, found %llu",
                        name, size, (unsigned long long)length);
    }
    if (length / size > most) {
        return rnm_fail(r->err, RNM_ERR_LIMIT, "%s: must have at most %u records, found %llu", name,
                        most, (unsigned long long)(length / size));
    }
    *count = (uint32_t)(length / size);
    return RNM_OK;
}

/* ---- sections of a count and u32 words ------------------------------------------------------- */

static rnm_status count_words(const rnm_reader *r, const char *name, uint32_t kind,
                              uint32_t words_each, uint32_t most, const uint32_t **words,
                              uint32_t *count) {
    const rnm_section *section = r->view.known[kind];
    const uint32_t *start = start_of(r, kind);
    if (section == NULL) {
        return RNM_OK;
    }
    if (section->length < sizeof *start) {
        return rnm_fail(r->err, RNM_ERR_FORMAT, "%s: length must be at least 4, found %llu", name,
                        (unsigned long long)section->length);
    }
    if (start[0] > most) {
        return rnm_fail(r->err, RNM_ERR_LIMIT, "%s: count must be at most %u, found %u", name, most,
                        start[0]);
    }
    uint64_t length = sizeof *start * (1 + (uint64_t)start[0] * words_each);
    if (section->length != length) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "%s: length must be %llu for %u entries, found %llu", name,
                        (unsigned long long)length, start[0], (unsigned long long)section->length);
    }
    *words = start + 1;
    *count = start[0];
    return RNM_OK;
}

/* ---- the graph ------------------------------------------------------------------------------- */

enum { VALUES, NODES, ATTRS, WORDS, REFS, INPUTS, OUTPUTS, SYMBOLS, GRAPH_PARTS };

static rnm_status count_graph(rnm_reader *r) {
    rnm_view *view = &r->view;
    uint64_t found = view->known[RNM_SECTION_GRAPH]->length;
    const rnm_graph_rec *graph = start_of(r, RNM_SECTION_GRAPH);
    if (found < sizeof *graph) {
        return rnm_fail(r->err, RNM_ERR_FORMAT, "graph: length must be at least %zu, found %llu",
                        sizeof *graph, (unsigned long long)found);
    }
    const struct {
        const char *name;
        uint32_t count, most;
        size_t size;
    } parts[GRAPH_PARTS] = {
        [VALUES] = {"values", graph->value_count, RNM_LIMIT_VALUES, sizeof(rnm_value_rec)},
        [NODES] = {"nodes", graph->node_count, RNM_LIMIT_NODES, sizeof(rnm_node_rec)},
        [ATTRS] = {"attributes", graph->attr_count, RNM_LIMIT_ATTRS, sizeof(rnm_attr_rec)},
        [WORDS] = {"words", graph->word_count, RNM_LIMIT_WORDS, sizeof(uint64_t)},
        [REFS] = {"refs", graph->ref_count, RNM_LIMIT_REFS, sizeof(uint32_t)},
        [INPUTS] = {"inputs", graph->input_count, RNM_LIMIT_INPUTS, sizeof(uint32_t)},
        [OUTPUTS] = {"outputs", graph->output_count, RNM_LIMIT_OUTPUTS, sizeof(uint32_t)},
        [SYMBOLS] = {"symbols", graph->symbol_count, RNM_LIMIT_SYMBOLS, sizeof(uint32_t)},
    };
    uint64_t offsets[GRAPH_PARTS];
    uint64_t end = sizeof *graph;
    for (int part = 0; part < GRAPH_PARTS; part++) {
        if (parts[part].count > parts[part].most) {
            return rnm_fail(r->err, RNM_ERR_LIMIT, "graph: must have at most %u %s, found %u",
                            parts[part].most, parts[part].name, parts[part].count);
        }
        offsets[part] = end;
        end += (uint64_t)parts[part].count * parts[part].size;
    }
    if (end != found) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "graph: length must be %llu for what it counts, found %llu",
                        (unsigned long long)end, (unsigned long long)found);
    }
    const uint8_t *base = (const uint8_t *)graph;
    view->graph = graph;
    view->values = (const rnm_value_rec *)(base + offsets[VALUES]);
    view->nodes = (const rnm_node_rec *)(base + offsets[NODES]);
    view->attrs = (const rnm_attr_rec *)(base + offsets[ATTRS]);
    view->words = (const uint64_t *)(base + offsets[WORDS]);
    view->refs = (const uint32_t *)(base + offsets[REFS]);
    view->inputs = (const uint32_t *)(base + offsets[INPUTS]);
    view->outputs = (const uint32_t *)(base + offsets[OUTPUTS]);
    view->symbols = (const uint32_t *)(base + offsets[SYMBOLS]);
    return RNM_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status count_arrays(rnm_reader *r) {
    rnm_view *view = &r->view;
    view->tensors = start_of(r, RNM_SECTION_TENSORS);
    view->recipes = start_of(r, RNM_SECTION_RECIPES);
    view->preprocess = start_of(r, RNM_SECTION_PREPROCESS);
    rnm_status status = count_records(r, "tensors", RNM_SECTION_TENSORS, sizeof(rnm_tensor_rec),
                                      RNM_LIMIT_TENSORS, &view->tensor_count);
    if (status == RNM_OK) {
        status = count_records(r, "recipes", RNM_SECTION_RECIPES, sizeof(rnm_recipe_rec),
                               RNM_LIMIT_RECIPES, &view->recipe_count);
    }
    if (status == RNM_OK) {
        status = count_records(r, "preprocess", RNM_SECTION_PREPROCESS, sizeof(rnm_preprocess_rec),
                               RNM_LIMIT_PREPROCESS, &view->preprocess_count);
    }
    return status;
}

rnm_status rnm_read_counts(rnm_reader *r) {
    rnm_view *view = &r->view;
    view->data = start_of(r, RNM_SECTION_DATA);
    view->data_size = view->known[RNM_SECTION_DATA]->length;
    rnm_status status = count_arrays(r);
    if (status == RNM_OK) {
        status = count_graph(r);
    }
    if (status == RNM_OK) {
        status = count_words(r, "labels", RNM_SECTION_LABELS, 1, RNM_LIMIT_LABELS, &view->labels,
                             &view->label_count);
    }
    if (status == RNM_OK) {
        status = count_words(r, "provenance", RNM_SECTION_PROVENANCE, 2, RNM_LIMIT_PROVENANCE,
                             &view->provenance, &view->provenance_count);
    }
    return status;
}
