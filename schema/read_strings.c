/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings and names (FORMAT.md section 3).
 */
#include "read_rules.h"
#include "text.h"

#include <string.h>

/* ---- the section ----------------------------------------------------------------------------- */

rnm_status rnm_read_strings(rnm_reader *r) {
    const rnm_section *section = r->view.known[RNM_SECTION_STRINGS];
    const uint8_t *text = r->view.base + section->offset;
    if (section->length > RNM_LIMIT_STRINGS) {
        return rnm_fail(r->err, RNM_ERR_LIMIT,
                        "strings: section must have at most %u bytes, found %llu",
                        RNM_LIMIT_STRINGS, (unsigned long long)section->length);
    }
    size_t size = (size_t)section->length;
    if (size == 0 || text[0] != 0 || text[size - 1] != 0) {
        return rnm_fail(
            r->err, RNM_ERR_FORMAT,
            "strings: section must begin with the empty string and end with a zero byte");
    }
    size_t start = 0;
    for (size_t at = 0; at < size;) {
        if (text[at] == 0) {
            start = ++at;
            continue;
        }
        /* Nearly all is ASCII, and names are most of what is read beside weights. */
        bool printable = text[at] >= 0x20 && text[at] <= 0x7e;
        size_t length = printable ? 1 : rnm_text_length(text + at, size - at);
        if (length == 0) {
            return rnm_fail(r->err, RNM_ERR_FORMAT,
                            "strings: byte %zu must belong to UTF-8 text without control "
                            "characters, found %02x",
                            at, text[at]);
        }
        at += length;
        if (at - start > RNM_LIMIT_NAME) {
            return rnm_fail(r->err, RNM_ERR_LIMIT,
                            "strings: the string at %zu must have at most %u bytes, found more",
                            start, RNM_LIMIT_NAME);
        }
    }
    r->view.strings = (const char *)text;
    return RNM_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

rnm_status rnm_read_string_offset(const rnm_reader *r, const char *table, uint32_t index,
                                  uint32_t offset, bool may_be_empty) {
    const rnm_where where = {table, index, 0};
    uint64_t size = r->view.known[RNM_SECTION_STRINGS]->length;
    if (offset >= size || (offset > 0 && r->view.strings[offset - 1] != '\0')) {
        return rnm_reject(r, where, RNM_ERR_FORMAT,
                          "name must be the start of a string in %llu bytes, found offset %u",
                          (unsigned long long)size, offset);
    }
    if (!may_be_empty && r->view.strings[offset] == '\0') {
        return rnm_reject(r, where, RNM_ERR_FORMAT, "name must not be empty");
    }
    return RNM_OK;
}

/* A table seen as names. */
typedef struct name_table {
    const char *strings;
    const uint8_t *records;
    uint32_t stride;
} name_table;

static uint32_t name_of(const name_table *table, uint32_t index) {
    uint32_t name;
    memcpy(&name, table->records + (size_t)index * table->stride, sizeof name);
    return name;
}

static int compare(const name_table *table, uint32_t a, uint32_t b) {
    uint32_t name_a = name_of(table, a);
    uint32_t name_b = name_of(table, b);
    return name_a == name_b ? 0 : strcmp(table->strings + name_a, table->strings + name_b);
}

static void sift_down(const name_table *table, uint32_t *heap, uint32_t at, uint32_t count) {
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && compare(table, heap[child], heap[child + 1]) < 0) {
            child++;
        }
        if (compare(table, heap[at], heap[child]) >= 0) {
            return;
        }
        uint32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* Heap sort: n log n whatever the names are, no memory of its own, no recursion; qsort promises
 * none of these. */
static void sort_names(const name_table *table, uint32_t *order, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        order[k] = k;
    }
    for (uint32_t k = count / 2; k-- > 0;) {
        sift_down(table, order, k, count);
    }
    for (uint32_t k = count; k-- > 1;) {
        uint32_t largest = order[0];
        order[0] = order[k];
        order[k] = largest;
        sift_down(table, order, 0, k);
    }
}

rnm_status rnm_read_names(rnm_reader *r, const char *table, const void *records, uint32_t count,
                          uint32_t stride) {
    const name_table names = {r->view.strings, records, stride};
    for (uint32_t k = 0; k < count; k++) {
        rnm_status status = rnm_read_string_offset(r, table, k, name_of(&names, k), false);
        if (status != RNM_OK) {
            return status;
        }
    }
    sort_names(&names, r->order, count);
    for (uint32_t k = 1; k < count; k++) {
        if (compare(&names, r->order[k - 1], r->order[k]) == 0) {
            const rnm_where where = {table, r->order[k], name_of(&names, r->order[k])};
            return rnm_reject(r, where, RNM_ERR_FORMAT, "name must be unique, %s[%u] has it too",
                              table, r->order[k - 1]);
        }
    }
    return RNM_OK;
}
