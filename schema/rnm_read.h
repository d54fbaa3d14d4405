/* SPDX-License-Identifier: Apache-2.0
 *
 * The validating reader: bytes -> views, or one error. Past rnm_view_open every rule of FORMAT.md
 * holds, and code that uses a view checks nothing again.
 */
#ifndef RNM_READ_H
#define RNM_READ_H

#include "expand_ref.h"
#include "rnm_base.h"
#include "rnm_format.h"
#include "shape.h"

/* What a caller allows beyond the format's own limits; zero fields take the RNM_LIMIT_... value. */
typedef struct rnm_read_limits {
    uint64_t max_child_bytes;
    uint64_t max_expanded_bytes;
} rnm_read_limits;

/* Typed pointers into the file; nothing is copied. */
typedef struct rnm_view {
    const uint8_t *base;
    uint64_t size;
    const rnm_header *header;
    const rnm_section *sections;                 /* header->section_count */
    const rnm_section *known[RNM_SECTION_KNOWN]; /* by kind; NULL where absent */
    const char *strings;
    const rnm_tensor_rec *tensors;
    uint32_t tensor_count;
    const rnm_recipe_rec *recipes;
    uint32_t recipe_count;
    const rnm_graph_rec *graph;
    const rnm_value_rec *values;
    const rnm_node_rec *nodes;
    const rnm_attr_rec *attrs;
    const uint64_t *words;
    const uint32_t *refs;
    const uint32_t *inputs;
    const uint32_t *outputs;
    const uint32_t *symbols;
    const rnm_preprocess_rec *preprocess;
    uint32_t preprocess_count;
    const uint32_t *labels; /* names */
    uint32_t label_count;
    const uint32_t *provenance; /* key, value, key, value, ... */
    uint32_t provenance_count;
    const uint8_t *data;
    uint64_t data_size;
    uint64_t expanded_bytes; /* all children together, as f32 */
} rnm_view;

/* Checks everything and fills in *view. `bytes` must be aligned to 8 and outlive the view. Scratch
 * for the checks is taken from `allocator` and given back before returning. `verify_digests` false
 * skips only the digests. On failure *view is untouched. The sentence names section or tensor, not
 * the file. */
rnm_status rnm_view_open(rnm_view *view, const void *bytes, uint64_t size, bool verify_digests,
                         const rnm_read_limits *limits, const rnm_allocator *allocator,
                         rnm_error *err);

/* A name of the file. */
static inline const char *rnm_view_string(const rnm_view *view, uint32_t offset) {
    return view->strings + offset;
}

/* The bytes of a stored tensor. */
static inline const void *rnm_view_tensor(const rnm_view *view, uint32_t index) {
    return view->data + view->tensors[index].offset;
}

/* A recipe with its pointers resolved. */
rnm_child rnm_view_child(const rnm_view *view, uint32_t recipe);

/* A node's attributes with defaults; a value's shape, symbols as negative dims. */
rnm_node_attrs rnm_view_attrs(const rnm_view *view, uint32_t node);
rnm_shape rnm_view_shape(const rnm_view *view, uint32_t value);

#endif
