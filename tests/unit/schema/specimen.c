/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding records in a good file, breaking it, and the expectation that it is refused.
 */
#include "specimen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *plain_alloc(void *user, size_t size, size_t alignment) {
    (void)user;
    void *pointer = NULL;
    return posix_memalign(&pointer, alignment < sizeof(void *) ? sizeof(void *) : alignment,
                          size) == 0
               ? pointer
               : NULL;
}

static void plain_release(void *user, void *pointer, size_t size) {
    (void)user;
    (void)size;
    free(pointer);
}

const rnm_allocator specimen_allocator = {plain_alloc, plain_release, NULL};

rnm_status specimen_open(const uint8_t *bytes, uint64_t size, bool verify_digests, rnm_view *view,
                         rnm_error *err) {
    return rnm_view_open(view, bytes, size, verify_digests, NULL, &specimen_allocator, err);
}

/* ---- finding --------------------------------------------------------------------------------- */

rnm_section *specimen_section(uint8_t *bytes, uint32_t kind) {
    rnm_section *sections = (rnm_section *)(void *)(bytes + sizeof(rnm_header));
    for (uint32_t k = 0; k < ((rnm_header *)(void *)bytes)->section_count; k++) {
        if (sections[k].kind == kind) {
            return &sections[k];
        }
    }
    fail_msg("no section %u", kind);
    return NULL;
}

static uint8_t *section_bytes(uint8_t *bytes, uint32_t kind) {
    return bytes + specimen_section(bytes, kind)->offset;
}

/* Where a table begins, how many records it has and how large one is. */
typedef struct table {
    uint8_t *start;
    uint32_t count;
    uint32_t stride;
} table;

static table table_of(uint8_t *bytes, specimen_part part) {
    if (part == PART_TENSOR || part == PART_RECIPE) {
        rnm_section *section = specimen_section(bytes, part == PART_TENSOR ? RNM_SECTION_TENSORS
                                                                           : RNM_SECTION_RECIPES);
        return (table){bytes + section->offset, (uint32_t)(section->length / 64), 64};
    }
    const rnm_graph_rec *graph = (void *)section_bytes(bytes, RNM_SECTION_GRAPH);
    const table tables[] = {
        {NULL, graph->value_count, sizeof(rnm_value_rec)},
        {NULL, graph->node_count, sizeof(rnm_node_rec)},
        {NULL, graph->attr_count, sizeof(rnm_attr_rec)},
        {NULL, graph->word_count, sizeof(uint64_t)},
        {NULL, graph->ref_count, sizeof(uint32_t)},
        {NULL, graph->input_count, sizeof(uint32_t)},
        {NULL, graph->output_count, sizeof(uint32_t)},
        {NULL, graph->symbol_count, sizeof(uint32_t)},
    };
    static const specimen_part parts[] = {PART_VALUE, PART_NODE,   PART_ATTR,    PART_GRAPH,
                                          PART_GRAPH, PART_INPUTS, PART_OUTPUTS, PART_SYMBOLS};
    uint8_t *start = section_bytes(bytes, RNM_SECTION_GRAPH) + sizeof *graph;
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
        if (parts[k] == part) {
            return (table){start, tables[k].count, tables[k].stride};
        }
        start += (size_t)tables[k].count * tables[k].stride;
    }
    fail_msg("part %d is no table", (int)part);
    return (table){0};
}

uint32_t specimen_index(uint8_t *bytes, specimen_part part, const char *name) {
    const char *strings = (const char *)section_bytes(bytes, RNM_SECTION_STRINGS);
    table t = table_of(bytes, part);
    for (uint32_t k = 0; k < t.count; k++) {
        uint32_t offset;
        memcpy(&offset, t.start + (size_t)k * t.stride, sizeof offset);
        if (strcmp(strings + offset, name) == 0) {
            return k;
        }
    }
    fail_msg("nothing is named %s", name);
    return RNM_NONE;
}

static void *find_named(uint8_t *bytes, specimen_part part, const char *name) {
    table t = table_of(bytes, part);
    return t.start + (size_t)specimen_index(bytes, part, name) * t.stride;
}

void *specimen_find(uint8_t *bytes, specimen_part part, const char *name) {
    switch (part) {
    case PART_HEADER:
        return bytes;
    case PART_STRINGS:
        return section_bytes(bytes, RNM_SECTION_STRINGS);
    case PART_GRAPH:
        return section_bytes(bytes, RNM_SECTION_GRAPH);
    case PART_PREPROCESS:
        return section_bytes(bytes, RNM_SECTION_PREPROCESS);
    case PART_LABELS:
        return section_bytes(bytes, RNM_SECTION_LABELS);
    case PART_PROVENANCE:
        return section_bytes(bytes, RNM_SECTION_PROVENANCE);
    case PART_INPUTS:
    case PART_OUTPUTS:
    case PART_SYMBOLS:
        return table_of(bytes, part).start;
    case PART_ATTR: {
        const rnm_node_rec *node = find_named(bytes, PART_NODE, name);
        return table_of(bytes, part).start + node->first_attr * sizeof(rnm_attr_rec);
    }
    case PART_DATA: {
        const rnm_tensor_rec *tensor = find_named(bytes, PART_TENSOR, name);
        return section_bytes(bytes, RNM_SECTION_DATA) + tensor->offset;
    }
    default:
        return find_named(bytes, part, name);
    }
}

/* ---- breaking -------------------------------------------------------------------------------- */

void specimen_expect_refused(const char *what, const uint8_t *bytes, uint64_t size,
                             rnm_status status, const char *word) {
    rnm_view view = {.size = 12345};
    rnm_error err = {.status = RNM_OK};
    rnm_status found = specimen_open(bytes, size, true, &view, &err);
    if (found != status || err.status != status || strstr(err.text, word) == NULL) {
        fail_msg("%s: expected status %d and \"%s\", found %d: %s", what, (int)status, word,
                 (int)found, err.text);
    }
    if (view.size != 12345) {
        fail_msg("%s: a failing open must leave the view alone", what);
    }
    if (specimen_open(bytes, size, true, &view, NULL) != status) {
        fail_msg("%s: without an error to fill in, the status must be the same", what);
    }
}

void specimen_try_pokes(const specimen_poke *pokes, size_t count) {
    for (size_t k = 0; k < count; k++) {
        uint64_t size;
        uint8_t *bytes = builder_small_cnn(&size);
        uint8_t *place = (uint8_t *)specimen_find(bytes, pokes[k].part, pokes[k].name);
        memcpy(place + pokes[k].offset, &pokes[k].value, pokes[k].size);
        builder_reseal(bytes, size);
        specimen_expect_refused(pokes[k].what, bytes, size, pokes[k].status, pokes[k].word);
        free(bytes);
    }
}

void specimen_try_breaks(const specimen_break *breaks, size_t count) {
    for (size_t k = 0; k < count; k++) {
        uint64_t size;
        uint8_t *bytes = builder_small_cnn(&size);
        breaks[k].apply(bytes);
        builder_reseal(bytes, size);
        specimen_expect_refused(breaks[k].what, bytes, size, breaks[k].status, breaks[k].word);
        free(bytes);
    }
}

void specimen_try_files(const specimen_file *files, size_t count) {
    for (size_t k = 0; k < count; k++) {
        uint64_t size;
        uint8_t *bytes = files[k].make(&size);
        if (files[k].status != RNM_OK) {
            specimen_expect_refused(files[k].what, bytes, size, files[k].status, files[k].word);
        } else {
            rnm_view view;
            rnm_error err = {.text = ""};
            if (specimen_open(bytes, size, true, &view, &err) != RNM_OK) {
                fail_msg("%s: must be accepted, found %s", files[k].what, err.text);
            }
        }
        free(bytes);
    }
}
