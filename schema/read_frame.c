/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of a file: header, section table, where sections lie, padding, digests (FORMAT.md
 * section 2).
 */
#include "checked.h"
#include "digest.h"
#include "read_rules.h"

#include <string.h>

static const char *const section_names[RNM_SECTION_KNOWN] = {
    [RNM_SECTION_STRINGS] = "strings",       [RNM_SECTION_TENSORS] = "tensors",
    [RNM_SECTION_RECIPES] = "recipes",       [RNM_SECTION_GRAPH] = "graph",
    [RNM_SECTION_PREPROCESS] = "preprocess", [RNM_SECTION_LABELS] = "labels",
    [RNM_SECTION_PROVENANCE] = "provenance", [RNM_SECTION_DATA] = "data",
};

static const uint32_t needed_sections[] = {
    RNM_SECTION_STRINGS, RNM_SECTION_TENSORS, RNM_SECTION_RECIPES,
    RNM_SECTION_GRAPH,   RNM_SECTION_DATA,
};

static const char *section_name(uint32_t kind) {
    return kind < RNM_SECTION_KNOWN && section_names[kind] != NULL ? section_names[kind]
                                                                   : "unknown section";
}

static uint64_t table_end(const rnm_reader *r) {
    return sizeof(rnm_header) + (uint64_t)r->view.header->section_count * sizeof(rnm_section);
}

/* ---- header ---------------------------------------------------------------------------------- */

static rnm_status check_version(const rnm_reader *r) {
    const rnm_header *header = r->view.header;
    if (memcmp(header->magic, RNM_MAGIC, RNM_MAGIC_SIZE) != 0) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "header: magic must be that of a .rnm file, found %02x %02x %02x %02x ...",
                        header->magic[0], header->magic[1], header->magic[2], header->magic[3]);
    }
    if (header->major != RNM_VERSION_MAJOR || header->minor > RNM_VERSION_MINOR) {
        return rnm_fail(r->err, RNM_ERR_VERSION,
                        "header: version must be at most %d.%d, found %u.%u", RNM_VERSION_MAJOR,
                        RNM_VERSION_MINOR, header->major, header->minor);
    }
    return RNM_OK;
}

static rnm_status check_header_digest(const rnm_reader *r) {
    struct {
        rnm_header header;
        rnm_section sections[RNM_LIMIT_SECTIONS];
    } copy;
    memcpy(&copy, r->view.base, table_end(r));
    copy.header.digest = 0;
    uint64_t digest = rnm_digest(&copy, table_end(r));
    if (digest != r->view.header->digest) {
        return rnm_fail(r->err, RNM_ERR_DIGEST, "header: digest must be %016llx, found %016llx",
                        (unsigned long long)digest, (unsigned long long)r->view.header->digest);
    }
    return RNM_OK;
}

static rnm_status check_header(rnm_reader *r) {
    rnm_view *view = &r->view;
    if (view->size < sizeof(rnm_header)) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "header: the file must have at least %zu bytes, found %llu",
                        sizeof(rnm_header), (unsigned long long)view->size);
    }
    view->header = (const rnm_header *)view->base;
    view->sections = (const rnm_section *)(view->base + sizeof(rnm_header));
    rnm_status status = check_version(r);
    if (status != RNM_OK) {
        return status;
    }
    if (view->header->file_length != view->size) {
        return rnm_fail(r->err, RNM_ERR_FORMAT, "header: file length must be %llu, found %llu",
                        (unsigned long long)view->header->file_length,
                        (unsigned long long)view->size);
    }
    if (view->header->section_count > RNM_LIMIT_SECTIONS) {
        return rnm_fail(r->err, RNM_ERR_LIMIT, "header: section count must be at most %u, found %u",
                        RNM_LIMIT_SECTIONS, view->header->section_count);
    }
    if (table_end(r) > view->size) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "header: table of %u sections must lie inside the file of %llu bytes",
                        view->header->section_count, (unsigned long long)view->size);
    }
    if (r->verify_digests) {
        status = check_header_digest(r);
    }
    if (status == RNM_OK &&
        !rnm_read_is_zero(r, offsetof(rnm_header, reserved), sizeof(rnm_header))) {
        status = rnm_fail(r->err, RNM_ERR_FORMAT, "header: reserved bytes must be zero");
    }
    return status;
}

/* ---- table ----------------------------------------------------------------------------------- */

/* Section k, whose place begins in the padding behind `end`. */
static rnm_status check_section(rnm_reader *r, uint32_t k, uint64_t end) {
    const rnm_section *section = &r->view.sections[k];
    const char *name = section_name(section->kind);
    uint64_t place;
    if (section->kind == 0 ||
        (section->kind >= RNM_SECTION_KNOWN && section->kind < RNM_SECTION_OPTIONAL)) {
        return rnm_fail(r->err, RNM_ERR_FORMAT, "section table[%u]: kind %u is unknown", k,
                        section->kind);
    }
    if (k > 0 && section->kind <= section[-1].kind) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table[%u] (%s): kinds must ascend, found %u behind %u", k, name,
                        section->kind, section[-1].kind);
    }
    if (section->reserved != 0) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table[%u] (%s): reserved field must be 0, found %u", k, name,
                        section->reserved);
    }
    if (!rnm_align_u64(end, RNM_ALIGNMENT, &place) || section->offset != place) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table[%u] (%s): offset must be %llu, found %llu", k, name,
                        (unsigned long long)place, (unsigned long long)section->offset);
    }
    if (!rnm_range_inside(section->offset, section->length, r->view.size)) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table[%u] (%s): %llu bytes at %llu must lie inside the file of "
                        "%llu bytes",
                        k, name, (unsigned long long)section->length,
                        (unsigned long long)section->offset, (unsigned long long)r->view.size);
    }
    if (!rnm_read_is_zero(r, end, section->offset)) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table[%u] (%s): padding before it must be zero", k, name);
    }
    if (section->kind < RNM_SECTION_KNOWN) {
        r->view.known[section->kind] = section;
    }
    return RNM_OK;
}

static rnm_status check_section_digest(const rnm_reader *r, const rnm_section *section) {
    uint64_t digest = rnm_digest(r->view.base + section->offset, section->length);
    if (digest != section->digest) {
        return rnm_fail(r->err, RNM_ERR_DIGEST, "%s: digest must be %016llx, found %016llx",
                        section_name(section->kind), (unsigned long long)section->digest,
                        (unsigned long long)digest);
    }
    return RNM_OK;
}

rnm_status rnm_read_frame(rnm_reader *r) {
    rnm_status status = check_header(r);
    if (status != RNM_OK) {
        return status;
    }
    uint64_t end = table_end(r);
    for (uint32_t k = 0; k < r->view.header->section_count; k++) {
        status = check_section(r, k, end);
        if (status == RNM_OK && r->verify_digests) {
            status = check_section_digest(r, &r->view.sections[k]);
        }
        if (status != RNM_OK) {
            return status;
        }
        end = r->view.sections[k].offset + r->view.sections[k].length;
    }
    if (end != r->view.size) {
        return rnm_fail(r->err, RNM_ERR_FORMAT,
                        "section table: the last section must end the file at %llu, found %llu",
                        (unsigned long long)r->view.size, (unsigned long long)end);
    }
    for (size_t k = 0; k < sizeof needed_sections / sizeof *needed_sections; k++) {
        if (r->view.known[needed_sections[k]] == NULL) {
            return rnm_fail(r->err, RNM_ERR_FORMAT, "section table: section %s must be present",
                            section_name(needed_sections[k]));
        }
    }
    return RNM_OK;
}
