/* SPDX-License-Identifier: Apache-2.0
 *
 * The test-side .rnm writer: records are appended to growing blobs, one a section part, and laid
 * out at the end.
 */
#include "rnm_builder.h"

#include "digest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct blob {
    uint8_t *bytes;
    size_t size;
    size_t room;
} blob;

struct rnm_builder {
    blob strings, tensors, recipes, data;
    blob values, nodes, attrs, words, refs, inputs, outputs, symbols;
    blob preprocess, labels, provenance;
};

#define COUNT(part, type) ((uint32_t)((part).size / sizeof(type)))
#define ITEMS(part, type) ((type *)(void *)(part).bytes)

/* ---- blobs ----------------------------------------------------------------------------------- */

static void *grow(blob *part, size_t size) {
    if (part->size + size > part->room || part->bytes == NULL) {
        part->room = 2 * (part->size + size) + 64;
        part->bytes = realloc(part->bytes, part->room);
        if (part->bytes == NULL) {
            abort();
        }
    }
    void *added = part->bytes + part->size;
    memset(added, 0, size);
    part->size += size;
    return added;
}

static void append(blob *part, const void *bytes, size_t size) {
    void *added = grow(part, size);
    if (size != 0) {
        memcpy(added, bytes, size);
    }
}

static void append_u32(blob *part, uint32_t word) {
    append(part, &word, sizeof word);
}

static void pad(blob *part) {
    grow(part, (RNM_ALIGNMENT - part->size % RNM_ALIGNMENT) % RNM_ALIGNMENT);
}

rnm_builder *builder_new(void) {
    rnm_builder *b = calloc(1, sizeof *b);
    if (b == NULL) {
        abort();
    }
    append(&b->strings, "", 1);
    return b;
}

/* ---- strings, tensors, recipes --------------------------------------------------------------- */

uint32_t builder_string(rnm_builder *b, const char *text) {
    size_t offset = 0;
    while (offset < b->strings.size) {
        const char *there = (const char *)b->strings.bytes + offset;
        if (strcmp(there, text) == 0) {
            return (uint32_t)offset;
        }
        offset += strlen(there) + 1;
    }
    append(&b->strings, text, strlen(text) + 1);
    return (uint32_t)offset;
}

uint32_t builder_tensor(rnm_builder *b, const char *name, rnm_dtype dtype, uint8_t role,
                        uint8_t rank, const uint32_t *dims, const void *data) {
    uint64_t length = rnm_dtype_size(dtype);
    for (int axis = 0; axis < rank; axis++) {
        length *= dims[axis];
    }
    pad(&b->data);
    rnm_tensor_rec record = {
        .name = builder_string(b, name),
        .dtype = (uint8_t)dtype,
        .role = role,
        .rank = rank,
        .offset = b->data.size,
        .length = length,
    };
    for (int axis = 0; axis < rank; axis++) {
        record.dims[axis] = dims[axis];
    }
    append(&b->data, data, length);
    append(&b->tensors, &record, sizeof record);
    return COUNT(b->tensors, rnm_tensor_rec) - 1;
}

uint32_t builder_channel(rnm_builder *b, const char *name, uint32_t count, const float *data) {
    return builder_tensor(b, name, RNM_F32, RNM_ROLE_CHANNEL, 1, &count, data);
}

uint32_t builder_plane(rnm_builder *b, const char *name, uint8_t role, uint32_t bytes,
                       const uint8_t *data) {
    return builder_tensor(b, name, RNM_U8, role, 1, &bytes, data);
}

uint32_t builder_zero_list(rnm_builder *b, const char *name, uint32_t count, const uint32_t *data) {
    return builder_tensor(b, name, RNM_U32, RNM_ROLE_ZERO_LIST, 1, &count, data);
}

uint32_t builder_betas(rnm_builder *b, const char *name, uint32_t pairs, const float *data) {
    const uint32_t dims[] = {pairs, 2};
    return builder_tensor(b, name, RNM_F32, RNM_ROLE_BETAS, 2, dims, data);
}

uint32_t builder_recipe(rnm_builder *b, const char *name, rnm_recipe_rec recipe) {
    recipe.name = builder_string(b, name);
    append(&b->recipes, &recipe, sizeof recipe);
    return COUNT(b->recipes, rnm_recipe_rec) - 1;
}

/* ---- values ---------------------------------------------------------------------------------- */

uint32_t builder_symbol(rnm_builder *b, const char *name) {
    append_u32(&b->symbols, builder_string(b, name));
    return COUNT(b->symbols, uint32_t) - 1;
}

static uint32_t add_value(rnm_builder *b, const char *name, rnm_value_rec record,
                          const int64_t *dims) {
    record.name = builder_string(b, name);
    record.first_dim = COUNT(b->words, uint64_t);
    record.last_use = RNM_NONE;
    for (int axis = 0; axis < record.rank; axis++) {
        int64_t dim = dims[axis];
        uint64_t word = dim < 0 ? RNM_DIM_SYMBOL | (uint64_t)(-1 - dim) : (uint64_t)dim;
        append(&b->words, &word, sizeof word);
    }
    append(&b->values, &record, sizeof record);
    return COUNT(b->values, rnm_value_rec) - 1;
}

uint32_t builder_activation(rnm_builder *b, const char *name, uint8_t layout, uint8_t rank,
                            const int64_t *dims) {
    rnm_value_rec record = {
        .dtype = RNM_F32,
        .kind = RNM_VALUE_ACTIVATION,
        .layout = layout,
        .rank = rank,
        .source = RNM_NONE,
    };
    return add_value(b, name, record, dims);
}

void builder_set_dtype(rnm_builder *b, uint32_t value, rnm_dtype dtype) {
    ITEMS(b->values, rnm_value_rec)[value].dtype = (uint8_t)dtype;
}

uint32_t builder_input(rnm_builder *b, const char *name, uint8_t rank, const int64_t *dims) {
    uint32_t value = builder_activation(b, name, RNM_LAYOUT_ROWS, rank, dims);
    append_u32(&b->inputs, value);
    return value;
}

static uint32_t add_constant(rnm_builder *b, const char *name, rnm_value_rec record,
                             const uint32_t *source_dims) {
    int64_t dims[RNM_MAX_RANK];
    for (int axis = 0; axis < record.rank; axis++) {
        dims[axis] = source_dims[axis];
    }
    return add_value(b, name, record, dims);
}

uint32_t builder_tensor_value(rnm_builder *b, const char *name, uint32_t tensor) {
    const rnm_tensor_rec *from = &ITEMS(b->tensors, rnm_tensor_rec)[tensor];
    rnm_value_rec record = {
        .dtype = from->dtype,
        .kind = RNM_VALUE_TENSOR,
        .rank = from->rank,
        .source = tensor,
    };
    return add_constant(b, name, record, from->dims);
}

uint32_t builder_recipe_value(rnm_builder *b, const char *name, uint32_t recipe) {
    const rnm_recipe_rec *from = &ITEMS(b->recipes, rnm_recipe_rec)[recipe];
    rnm_value_rec record = {
        .dtype = RNM_F32,
        .kind = RNM_VALUE_RECIPE,
        .rank = from->rank,
        .source = recipe,
    };
    return add_constant(b, name, record, from->dims);
}

void builder_output(rnm_builder *b, uint32_t value) {
    append_u32(&b->outputs, value);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

uint32_t builder_node(rnm_builder *b, const char *name, rnm_op op, uint16_t input_count,
                      const uint32_t *inputs, uint32_t output) {
    return builder_node_outputs(b, name, op, input_count, inputs, 1, &output);
}

uint32_t builder_node_outputs(rnm_builder *b, const char *name, rnm_op op, uint16_t input_count,
                              const uint32_t *inputs, uint16_t output_count,
                              const uint32_t *outputs) {
    rnm_node_rec record = {
        .name = builder_string(b, name),
        .op = (uint16_t)op,
        .first_attr = COUNT(b->attrs, rnm_attr_rec),
        .first_ref = COUNT(b->refs, uint32_t),
        .input_count = input_count,
        .output_count = output_count,
    };
    append(&b->refs, inputs, input_count * sizeof *inputs);
    append(&b->refs, outputs, output_count * sizeof *outputs);
    append(&b->nodes, &record, sizeof record);
    return COUNT(b->nodes, rnm_node_rec) - 1;
}

static void add_attr(rnm_builder *b, rnm_attr key, uint16_t type, uint32_t count,
                     const uint64_t *words) {
    rnm_attr_rec record = {
        .key = (uint16_t)key,
        .type = type,
        .count = count,
        .first_word = COUNT(b->words, uint64_t),
    };
    append(&b->words, words, count * sizeof *words);
    append(&b->attrs, &record, sizeof record);
    ITEMS(b->nodes, rnm_node_rec)[COUNT(b->nodes, rnm_node_rec) - 1].attr_count++;
}

void builder_attr_int(rnm_builder *b, rnm_attr key, int64_t value) {
    add_attr(b, key, RNM_ATTR_INT, 1, (const uint64_t *)&value);
}

void builder_attr_float(rnm_builder *b, rnm_attr key, float value) {
    uint64_t word = 0;
    memcpy(&word, &value, sizeof value);
    add_attr(b, key, RNM_ATTR_FLOAT, 1, &word);
}

void builder_attr_ints(rnm_builder *b, rnm_attr key, uint32_t count, const int64_t *values) {
    add_attr(b, key, RNM_ATTR_INTS, count, (const uint64_t *)values);
}

void builder_attr_floats(rnm_builder *b, rnm_attr key, uint32_t count, const uint64_t *words) {
    add_attr(b, key, RNM_ATTR_FLOATS, count, words);
}

/* ---- the rest -------------------------------------------------------------------------------- */

void builder_preprocess(rnm_builder *b, rnm_preprocess_rec record) {
    append(&b->preprocess, &record, sizeof record);
}

void builder_label(rnm_builder *b, const char *name) {
    append_u32(&b->labels, builder_string(b, name));
}

void builder_provenance(rnm_builder *b, const char *key, const char *value) {
    append_u32(&b->provenance, builder_string(b, key));
    append_u32(&b->provenance, builder_string(b, value));
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void set_last_uses(rnm_builder *b) {
    rnm_value_rec *values = ITEMS(b->values, rnm_value_rec);
    const rnm_node_rec *nodes = ITEMS(b->nodes, rnm_node_rec);
    const uint32_t *refs = ITEMS(b->refs, uint32_t);
    const uint32_t *outputs = ITEMS(b->outputs, uint32_t);
    uint32_t value_count = COUNT(b->values, rnm_value_rec);
    uint32_t node_count = COUNT(b->nodes, rnm_node_rec);
    for (uint32_t n = 0; n < node_count; n++) {
        for (uint32_t k = 0; k < nodes[n].input_count; k++) {
            uint32_t value = refs[nodes[n].first_ref + k];
            if (value < value_count && values[value].kind == RNM_VALUE_ACTIVATION) {
                values[value].last_use = n;
            }
        }
    }
    for (uint32_t k = 0; k < COUNT(b->outputs, uint32_t); k++) {
        if (outputs[k] < value_count) {
            values[outputs[k]].last_use = node_count;
        }
    }
}

static blob graph_section(rnm_builder *b) {
    const rnm_graph_rec record = {
        .value_count = COUNT(b->values, rnm_value_rec),
        .node_count = COUNT(b->nodes, rnm_node_rec),
        .attr_count = COUNT(b->attrs, rnm_attr_rec),
        .word_count = COUNT(b->words, uint64_t),
        .ref_count = COUNT(b->refs, uint32_t),
        .input_count = COUNT(b->inputs, uint32_t),
        .output_count = COUNT(b->outputs, uint32_t),
        .symbol_count = COUNT(b->symbols, uint32_t),
    };
    const blob *parts[] = {&b->values, &b->nodes,  &b->attrs,   &b->words,
                           &b->refs,   &b->inputs, &b->outputs, &b->symbols};
    blob graph = {0};
    set_last_uses(b);
    append(&graph, &record, sizeof record);
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        append(&graph, parts[k]->bytes, parts[k]->size);
    }
    return graph;
}

static blob counted(const blob *part, uint32_t count) {
    blob section = {0};
    append_u32(&section, count);
    append(&section, part->bytes, part->size);
    return section;
}

static void release(rnm_builder *b) {
    blob *parts[] = {&b->strings, &b->tensors, &b->recipes,    &b->data,   &b->values,
                     &b->nodes,   &b->attrs,   &b->words,      &b->refs,   &b->inputs,
                     &b->outputs, &b->symbols, &b->preprocess, &b->labels, &b->provenance};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        free(parts[k]->bytes);
    }
    free(b);
}

uint8_t *builder_finish(rnm_builder *b, uint64_t *size) {
    blob graph = graph_section(b);
    blob labels = counted(&b->labels, COUNT(b->labels, uint32_t));
    blob provenance = counted(&b->provenance, COUNT(b->provenance, uint32_t) / 2);
    const struct {
        uint32_t kind;
        const blob *content;
        bool present;
    } sections[] = {
        {RNM_SECTION_STRINGS, &b->strings, true},
        {RNM_SECTION_TENSORS, &b->tensors, true},
        {RNM_SECTION_RECIPES, &b->recipes, true},
        {RNM_SECTION_GRAPH, &graph, true},
        {RNM_SECTION_PREPROCESS, &b->preprocess, b->preprocess.size != 0},
        {RNM_SECTION_LABELS, &labels, b->labels.size != 0},
        {RNM_SECTION_PROVENANCE, &provenance, b->provenance.size != 0},
        {RNM_SECTION_DATA, &b->data, true},
    };
    const size_t kinds = sizeof sections / sizeof *sections;

    rnm_header header = {.major = RNM_VERSION_MAJOR, .minor = RNM_VERSION_MINOR};
    memcpy(header.magic, RNM_MAGIC, RNM_MAGIC_SIZE);
    for (size_t k = 0; k < kinds; k++) {
        header.section_count += sections[k].present;
    }

    blob file = {0};
    append(&file, &header, sizeof header);
    grow(&file, header.section_count * sizeof(rnm_section));
    size_t slot = 0;
    for (size_t k = 0; k < kinds; k++) {
        if (!sections[k].present) {
            continue;
        }
        pad(&file);
        rnm_section record = {
            .kind = sections[k].kind,
            .offset = file.size,
            .length = sections[k].content->size,
        };
        append(&file, sections[k].content->bytes, sections[k].content->size);
        memcpy(file.bytes + sizeof header + slot * sizeof record, &record, sizeof record);
        slot++;
    }
    memcpy(file.bytes + offsetof(rnm_header, file_length), &(uint64_t){file.size},
           sizeof(uint64_t));

    void *aligned = NULL;
    if (posix_memalign(&aligned, RNM_ALIGNMENT, file.size) != 0) {
        abort();
    }
    memcpy(aligned, file.bytes, file.size);
    *size = file.size;
    builder_reseal(aligned, *size);
    free(file.bytes);
    free(graph.bytes);
    free(labels.bytes);
    free(provenance.bytes);
    release(b);
    return aligned;
}

void builder_reseal(uint8_t *bytes, uint64_t size) {
    rnm_header header;
    if (size < sizeof header) {
        return;
    }
    memcpy(&header, bytes, sizeof header);
    uint64_t table_room = (size - sizeof header) / sizeof(rnm_section);
    uint64_t count = header.section_count < table_room ? header.section_count : table_room;
    for (uint64_t k = 0; k < count; k++) {
        uint8_t *place = bytes + sizeof header + k * sizeof(rnm_section);
        rnm_section section;
        memcpy(&section, place, sizeof section);
        if (section.offset <= size && section.length <= size - section.offset) {
            section.digest = rnm_digest(bytes + section.offset, section.length);
            memcpy(place, &section, sizeof section);
        }
    }
    memset(bytes + offsetof(rnm_header, digest), 0, sizeof header.digest);
    header.digest = rnm_digest(bytes, sizeof header + count * sizeof(rnm_section));
    memcpy(bytes + offsetof(rnm_header, digest), &header.digest, sizeof header.digest);
}
