/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the reader of .rnm files. The digests are computed anew before the bytes are opened, or
 * they would answer for every other check; what is accepted is walked and expanded, so that a
 * sanitizer sees whatever the reader let by. Build with -fsanitize=fuzzer,address,undefined; seeds
 * in seeds/rnm.
 */
#include "rnm_builder.h"
#include "rnm_read.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MOST_EXPANDED (1u << 20) /* bytes; more would only make the fuzzer slow */

static void *aligned(void *user, size_t size, size_t alignment) {
    (void)user;
    void *pointer = NULL;
    return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

static void release(void *user, void *pointer, size_t size) {
    (void)user;
    (void)size;
    free(pointer);
}

static void require(int condition) {
    if (!condition) {
        abort();
    }
}

static void walk_children(const rnm_view *view) {
    uint64_t left = MOST_EXPANDED;
    for (uint32_t k = 0; k < view->recipe_count; k++) {
        rnm_child child = rnm_view_child(view, k);
        uint64_t elements = (uint64_t)child.co * child.ci * child.taps;
        if (elements * sizeof(float) > left) {
            continue;
        }
        left -= elements * sizeof(float);
        float *expanded = malloc(elements * sizeof *expanded);
        require(expanded != NULL);
        rnm_expand_ref(&child, expanded);
        for (uint64_t e = 0; e < elements; e++) {
            require(isfinite(expanded[e]));
        }
        free(expanded);
    }
}

static void walk_graph(const rnm_view *view) {
    const rnm_graph_rec *graph = view->graph;
    for (uint32_t k = 0; k < graph->value_count; k++) {
        rnm_shape shape = rnm_view_shape(view, k);
        int64_t elements;
        require(rnm_shape_elements(&shape, &elements) && elements >= 1);
        require(rnm_view_string(view, view->values[k].name)[0] != '\0');
    }
    for (uint32_t k = 0; k < graph->node_count; k++) {
        const rnm_node_rec *node = &view->nodes[k];
        rnm_node_attrs attrs = rnm_view_attrs(view, k);
        require(rnm_op_find(node->op) != NULL && attrs.spatial <= 3);
        for (uint32_t r = 0; r < (uint32_t)node->input_count + node->output_count; r++) {
            uint32_t ref = view->refs[node->first_ref + r];
            require(ref == RNM_NONE || ref < graph->value_count);
        }
    }
    for (uint32_t k = 0; k < graph->input_count; k++) {
        require(view->inputs[k] < graph->value_count);
    }
    for (uint32_t k = 0; k < graph->output_count; k++) {
        require(view->outputs[k] < graph->value_count);
    }
}

static void walk_names(const rnm_view *view) {
    const struct {
        const uint32_t *names;
        uint32_t count;
    } lists[] = {
        {view->symbols, view->graph->symbol_count},
        {view->labels, view->label_count},
        {view->provenance, 2 * view->provenance_count},
    };
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++) {
        for (uint32_t k = 0; k < lists[list].count; k++) {
            require(strlen(rnm_view_string(view, lists[list].names[k])) <= RNM_LIMIT_NAME);
        }
    }
    for (uint32_t k = 0; k < view->preprocess_count; k++) {
        require(view->preprocess[k].input < view->graph->input_count);
        require(rnm_view_string(view, view->preprocess[k].dataset) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const rnm_allocator allocator = {aligned, release, NULL};
    rnm_view view;
    rnm_error error = {0};
    uint8_t *copy = aligned(NULL, size + (size == 0), RNM_ALIGNMENT);
    require(copy != NULL);
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    builder_reseal(copy, size);
    rnm_status status = rnm_view_open(&view, copy, size, true, NULL, &allocator, &error);
    if (status == RNM_OK) {
        walk_children(&view);
        walk_graph(&view);
        walk_names(&view);
    } else {
        require(error.status == status && error.text[0] != '\0'); /* refused without saying why */
    }
    free(copy);
    return 0;
}
