/* SPDX-License-Identifier: Apache-2.0
 *
 * The only writer of .rnm files: header and section table, small sections, then the data, then the
 * header once more with the digests. What was written is read back with the format's own reader
 * before it gets its name.
 */
#include "write/emit.h"
#include "write/file.h"
#include "write/tables.h"

#include "digest.h"
#include "open_rnm.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that go into a section. */
typedef struct part {
    const void *bytes;
    size_t size;
} part;

typedef struct writer {
    rnc_job *job;
    rnc_file file;
    rnc_tables tables;
    rnm_header header;
    rnm_section sections[RNM_SECTION_KNOWN];
    uint32_t section_count;
    uint32_t sections_written;
} writer;

static part part_of(const rnc_list *list) {
    return (part){list->items, list->count * list->item_size};
}

static rnm_status begin_section(writer *w, uint32_t kind, rnm_error *err) {
    rnm_status status = rnc_file_align(&w->file, RNM_ALIGNMENT, err);
    if (status != RNM_OK) {
        return status;
    }
    rnm_section *section = &w->sections[w->sections_written];
    *section = (rnm_section){.kind = kind, .offset = w->file.offset};
    return rnc_file_begin_digest(&w->file, err);
}

static void end_section(writer *w) {
    rnm_section *section = &w->sections[w->sections_written++];
    section->length = w->file.offset - section->offset;
    section->digest = rnc_file_end_digest(&w->file);
}

static rnm_status write_section(writer *w, uint32_t kind, const part *parts, size_t count,
                                rnm_error *err) {
    rnm_status status = begin_section(w, kind, err);
    for (size_t k = 0; k < count && status == RNM_OK; k++) {
        status = rnc_file_write(&w->file, parts[k].bytes, parts[k].size, err);
    }
    if (status == RNM_OK) {
        end_section(w);
    }
    return status;
}

static rnm_status write_graph(writer *w, rnm_error *err) {
    rnc_tables *t = &w->tables;
    const rnc_graph *ends = &w->job->graph;
    const rnm_graph_rec graph = {.value_count = (uint32_t)t->values.count,
                                 .node_count = (uint32_t)t->nodes.count,
                                 .attr_count = (uint32_t)t->attrs.count,
                                 .word_count = (uint32_t)t->words.count,
                                 .ref_count = (uint32_t)t->refs.count,
                                 .input_count = (uint32_t)ends->input_count,
                                 .output_count = (uint32_t)ends->output_count,
                                 .symbol_count = (uint32_t)ends->symbol_count};
    const part parts[] = {{&graph, sizeof graph}, part_of(&t->values), part_of(&t->nodes),
                          part_of(&t->attrs),     part_of(&t->words),  part_of(&t->refs),
                          part_of(&t->ends)};
    return write_section(w, RNM_SECTION_GRAPH, parts, sizeof parts / sizeof *parts, err);
}

static rnm_status write_data(writer *w, rnm_error *err) {
    const rnm_tensor_rec *records = w->tables.tensors.items;
    const rnc_stored *stored = w->tables.stored.items;
    rnm_status status = begin_section(w, RNM_SECTION_DATA, err);
    for (size_t k = 0; k < w->tables.tensors.count && status == RNM_OK; k++) {
        status = rnc_file_align(&w->file, RNM_ALIGNMENT, err);
        if (status == RNM_OK) {
            status = rnc_emit_tensor(&w->file, &records[k], &stored[k], err);
        }
        if (w->job->options->progress != NULL) {
            w->job->options->progress(w->job->options->user,
                                      (double)(records[k].offset + records[k].length) /
                                          (double)w->tables.data_size);
        }
    }
    if (status == RNM_OK) {
        end_section(w);
    }
    return status;
}

static size_t start_size(const writer *w) {
    return sizeof w->header + w->section_count * sizeof *w->sections;
}

/* Header and table, first as zeros to make room, at last with everything in them. */
static rnm_status write_start(writer *w, bool final, rnm_error *err) {
    uint8_t bytes[sizeof w->header + sizeof w->sections] = {0};
    if (!final) {
        return rnc_file_write(&w->file, bytes, start_size(w), err);
    }
    memcpy(w->header.magic, RNM_MAGIC, RNM_MAGIC_SIZE);
    w->header.major = RNM_VERSION_MAJOR;
    w->header.minor = RNM_VERSION_MINOR;
    w->header.section_count = w->section_count;
    w->header.file_length = w->file.offset;
    memcpy(bytes + sizeof w->header, w->sections, w->section_count * sizeof *w->sections);
    memcpy(bytes, &w->header, sizeof w->header);
    w->header.digest = rnm_digest(bytes, start_size(w));
    memcpy(bytes, &w->header, sizeof w->header);
    return rnc_file_rewrite_start(&w->file, bytes, start_size(w), err);
}

static rnm_status write_sections(writer *w, rnm_error *err) {
    rnc_tables *t = &w->tables;
    const struct {
        uint32_t kind;
        const rnc_list *list;
    } behind_graph[] = {
        {RNM_SECTION_PREPROCESS, &t->preprocess},
        {RNM_SECTION_LABELS, &t->labels},
        {RNM_SECTION_PROVENANCE, &t->provenance},
    };
    enum { ALWAYS = 5, OPTIONAL = sizeof behind_graph / sizeof *behind_graph };
    w->section_count = ALWAYS;
    for (size_t k = 0; k < OPTIONAL; k++) {
        w->section_count += behind_graph[k].list->count > 0;
    }
    rnm_status status;
    const part strings = part_of(&t->strings);
    const part tensors = part_of(&t->tensors);
    const part recipes = part_of(&t->recipes);
    if ((status = write_start(w, false, err)) != RNM_OK ||
        (status = write_section(w, RNM_SECTION_STRINGS, &strings, 1, err)) != RNM_OK ||
        (status = write_section(w, RNM_SECTION_TENSORS, &tensors, 1, err)) != RNM_OK ||
        (status = write_section(w, RNM_SECTION_RECIPES, &recipes, 1, err)) != RNM_OK ||
        (status = write_graph(w, err)) != RNM_OK) {
        return status;
    }
    for (size_t k = 0; k < OPTIONAL; k++) {
        const part only = part_of(behind_graph[k].list);
        if (only.size > 0 &&
            (status = write_section(w, behind_graph[k].kind, &only, 1, err)) != RNM_OK) {
            return status;
        }
    }
    if ((status = write_data(w, err)) != RNM_OK) {
        return status;
    }
    return write_start(w, true, err);
}

/* Reads the finished file as any reader would. What it refuses is the compiler's own fault. */
static rnm_status read_back(writer *w, rnm_error *err) {
    rnc_rnm written;
    if (fflush(w->file.stream) != 0) {
        return rnm_fail(err, RNM_ERR_IO, "%s: cannot be written", w->file.target);
    }
    rnm_status status = rnc_rnm_open(w->file.temporary, &written, err);
    if (status != RNM_OK) {
        return rnm_fail_in(err, status,
                           "the file just made is not valid (a limit, or a name that stands twice, "
                           "is the usual cause)");
    }
    rnc_rnm_close(&written);
    return RNM_OK;
}

rnm_status rnc_write_rnm(rnc_job *job, const char *target, rnm_error *err) {
    writer w = {.job = job};
    rnm_status status = rnc_tables_build(&w.tables, job, err);
    if (status != RNM_OK) {
        rnm_fail_in(err, status, job->source.weights->path);
        goto done;
    }
    status = rnc_file_create(&w.file, target, err);
    if (status != RNM_OK) {
        goto done;
    }
    if ((status = write_sections(&w, err)) != RNM_OK || (status = read_back(&w, err)) != RNM_OK) {
        goto done;
    }
    status = rnc_file_commit(&w.file, err);
done:
    rnc_file_discard(&w.file);
    rnc_tables_free(&w.tables);
    return status;
}
