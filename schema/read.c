/* SPDX-License-Identifier: Apache-2.0
 *
 * The door: runs the parts of the reader one after the other, with one allocation of scratch.
 */
#include "read_rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rnm_status rnm_reject(const rnm_reader *r, rnm_where where, rnm_status status, const char *format,
                      ...) {
    char text[sizeof r->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (where.name == 0) {
        return rnm_fail(r->err, status, "%s[%u]: %s", where.table, where.index, text);
    }
    return rnm_fail(r->err, status, "%s[%u] \"%.100s\": %s", where.table, where.index,
                    rnm_view_string(&r->view, where.name), text);
}

bool rnm_read_is_zero(const rnm_reader *r, uint64_t from, uint64_t to) {
    for (; from < to; from++) {
        if (r->view.base[from] != 0) {
            return false;
        }
    }
    return true;
}

/* ---- scratch --------------------------------------------------------------------------------- */

#define MOST_INPUTS 4096u /* of any operator in rnm_ops.def */

static uint32_t longer(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* Cuts the scratch from `block`, strictest alignment first; with a NULL block only measures. All
 * counts are within limits, so the sums are small. */
static size_t cut_scratch(rnm_reader *r, uint8_t *block) {
    const rnm_graph_rec *graph = r->view.graph;
    uint32_t names =
        longer(longer(r->view.tensor_count, r->view.recipe_count),
               longer(longer(graph->value_count, graph->node_count), graph->symbol_count));
    uint32_t inputs = graph->ref_count < MOST_INPUTS ? graph->ref_count : MOST_INPUTS;
    const struct {
        void *pointer; /* to the pointer to set */
        size_t size;
    } cuts[] = {
        {&r->shapes, inputs * sizeof *r->shapes},
        {&r->input_shapes, inputs * sizeof *r->input_shapes},
        {&r->order, names * sizeof *r->order},
        {&r->parent_max, r->view.tensor_count * sizeof *r->parent_max},
        {&r->last_use, graph->value_count * sizeof *r->last_use},
        {&r->defined, graph->value_count},
    };
    size_t used = 0;
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        if (block != NULL) {
            void *start = block + used;
            memcpy(cuts[k].pointer, &start, sizeof start);
        }
        used += cuts[k].size;
    }
    return used + 1; /* never nothing */
}

/* ---- the door -------------------------------------------------------------------------------- */

static rnm_status check_contents(rnm_reader *r) {
    rnm_status (*const parts[])(rnm_reader *) = {
        rnm_read_tensors,
        rnm_read_recipes,
        rnm_read_values,
        rnm_read_nodes,
    };
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        rnm_status status = parts[k](r);
        if (status != RNM_OK) {
            return status;
        }
    }
    return rnm_read_extra(r);
}

static rnm_status check_outline(rnm_reader *r) {
    rnm_status status = rnm_read_frame(r);
    if (status == RNM_OK) {
        status = rnm_read_strings(r);
    }
    if (status == RNM_OK) {
        status = rnm_read_counts(r);
    }
    return status;
}

static uint64_t limit_or(uint64_t wanted, uint64_t most) {
    return wanted != 0 && wanted < most ? wanted : most;
}

rnm_status rnm_view_open(rnm_view *view, const void *bytes, uint64_t size, bool verify_digests,
                         const rnm_read_limits *limits, const rnm_allocator *allocator,
                         rnm_error *err) {
    const rnm_read_limits wanted = limits != NULL ? *limits : (rnm_read_limits){0};
    rnm_reader r = {
        .view = {.base = bytes, .size = size},
        .verify_digests = verify_digests,
        .max_child_bytes = limit_or(wanted.max_child_bytes, RNM_LIMIT_CHILD_BYTES),
        .max_expanded_bytes = limit_or(wanted.max_expanded_bytes, RNM_LIMIT_EXPANDED_BYTES),
        .err = err,
    };
    assert(view != NULL && allocator != NULL);
    if (bytes == NULL || (uintptr_t)bytes % 8 != 0) {
        return rnm_fail(err, RNM_ERR_ARGUMENT, "a .rnm file must lie at a multiple of 8 in memory");
    }
    rnm_status status = check_outline(&r);
    if (status != RNM_OK) {
        return status;
    }
    size_t scratch_size = cut_scratch(&r, NULL);
    uint8_t *scratch = allocator->alloc(allocator->user, scratch_size, 16);
    if (scratch == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "no memory for %zu bytes to check the file with",
                        scratch_size);
    }
    cut_scratch(&r, scratch);
    status = check_contents(&r);
    allocator->release(allocator->user, scratch, scratch_size);
    if (status == RNM_OK) {
        *view = r.view;
    }
    return status;
}
