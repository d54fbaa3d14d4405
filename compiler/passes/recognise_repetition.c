/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense weights that are a smaller block over and over, up to signs, become
 * that block as a parent and, where signs differ, a mask; layers with the same
 * block share it, also in another number, and equal weights are stored once.
 * Only what is equal bit for bit (signs aside) counts: the network stays the
 * same.
 *
 * Each weight is searched over all blocks whose sizes divide its own. Layers
 * are then sorted by the size and a hash of their blocks, so that only those
 * that are the same are compared.
 *
 * Requires: check_values.
 * Leaves:   children with `whole`, the weight as it was.
 */
#include "job.h"
#include "passes/recognise.h"

#include "checked.h"
#include "expand_ref.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A dense layer, and the block that it is made of. */
typedef struct candidate {
    rnc_child *child;
    rnc_rows rows;
    rnc_block block;
    uint64_t hash;
    size_t order; /* in the graph */
} candidate;

static uint64_t block_bytes(const rnc_child *child, rnc_block block) {
    return (uint64_t)block.outputs * block.inputs * child->taps * sizeof(float);
}

static uint64_t mask_bytes(const rnc_child *child) {
    return rnm_mask_bytes(child->co, child->ci, child->taps);
}

/* ---- candidates
 * ------------------------------------------------------------------------------
 */

static int compare_pointers(const void *first, const void *second) {
    const rnc_tensor *a = *(const rnc_tensor *const *)first;
    const rnc_tensor *b = *(const rnc_tensor *const *)second;
    return (a > b) - (a < b);
}

/* Parents of layers that repeat something by the model's own account, sorted.
 */
static size_t find_parents(const rnc_graph *graph, const rnc_tensor **parents) {
    size_t count = 0;
    for (size_t n = 0; n < graph->node_count; n++) {
        const rnc_node *node = graph->nodes[n];
        const rnc_child *child =
            rnc_node_weighted(node) ? node->inputs[RNC_INPUT_WEIGHT]->child : NULL;
        if (child != NULL && !rnc_child_dense(child)) {
            parents[count++] = child->parent;
        }
    }
    qsort(parents, count, sizeof *parents, compare_pointers);
    return count;
}

/* Dense, and not the parent of another layer, which is shared already. */
static bool suits(const rnc_child *child, const rnc_tensor *const *parents, size_t count) {
    return child->transform == RNC_LINEAR && rnc_child_dense(child) &&
           bsearch(&child->parent, parents, count, sizeof *parents, compare_pointers) == NULL;
}

/* Signs cost a bit an element, so the block that is the same to the bit, though
 * larger, may be the smaller thing to store. */
static rnc_block choose_block(candidate *c) {
    rnc_block any = rnc_smallest_block(&c->rows, true);
    if (any.outputs == c->child->co && any.inputs == c->child->ci) {
        return any;
    }
    rnc_block exact = rnc_smallest_block(&c->rows, false);
    return block_bytes(c->child, exact) <= block_bytes(c->child, any) + mask_bytes(c->child) ? exact
                                                                                             : any;
}

static int compare_sizes(const candidate *a, const candidate *b) {
    if (a->child->rank != b->child->rank) {
        return a->child->rank < b->child->rank ? -1 : 1;
    }
    int kernel = memcmp(a->child->dims + 2, b->child->dims + 2,
                        (size_t)(a->child->rank - 2) * sizeof a->child->dims[0]);
    if (kernel != 0) {
        return kernel;
    }
    return memcmp(&a->block, &b->block, sizeof a->block);
}

static int compare_candidates(const void *first, const void *second) {
    const candidate *a = first;
    const candidate *b = second;
    int sizes = compare_sizes(a, b);
    if (sizes != 0) {
        return sizes;
    }
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

/* ---- what was found
 * -------------------------------------------------------------------------- */

/* The first of the tensor's outputs and inputs, seen as a tensor. */
static const rnc_tensor *block_tensor(rnc_job *job, const candidate *c, rnm_error *err) {
    const rnc_tensor *whole = c->child->parent;
    if (c->block.outputs == c->child->co && c->block.inputs == c->child->ci) {
        return whole;
    }
    rnc_tensor *tensor = rnc_arena_alloc(&job->arena, sizeof *tensor, err);
    if (tensor != NULL) {
        *tensor = *whole;
        tensor->dims[0] = c->block.outputs;
        tensor->dims[1] = c->block.inputs;
    }
    return tensor;
}

/* Makes a recipe of a candidate whose block is that of `owner`, an earlier one
 * or itself. Gives the bytes that it stores then. */
static uint64_t take_block(candidate *c, candidate *owner, const rnc_tensor *parent) {
    rnc_child *child = c->child;
    uint64_t flips = rnc_count_flips(&c->rows, &owner->rows, c->block);
    child->whole = c->rows.tensor;
    child->parent = parent;
    child->po = c->block.outputs;
    child->pi = c->block.inputs;
    child->transform = flips > 0 ? RNC_F : RNC_LINEAR;
    child->flips = flips;
    return (flips > 0 ? mask_bytes(child) : 0) + (c == owner ? block_bytes(child, c->block) : 0);
}

static void report(const rnc_job *job, const candidate *c, const candidate *owner, uint64_t before,
                   uint64_t after) {
    const rnc_child *child = c->child;
    rnc_note(job,
             "%s: %" PRIu32 "x%" PRIu32 " times a block of %" PRIu32 "x%" PRIu32 "%s%s%s: %" PRIu64
             " bytes become %" PRIu64,
             child->name, child->co / c->block.outputs, child->ci / c->block.inputs,
             c->block.outputs, c->block.inputs, child->transform == RNC_F ? " with signs" : "",
             c == owner ? "" : ", that of ", c == owner ? "" : owner->child->name, before, after);
}

/* Candidates [first, past), in the order of the graph, have the same block. */
static rnm_status settle_group(rnc_job *job, candidate *group, size_t count, uint64_t *saved,
                               rnm_error *err) {
    candidate *owner = &group[0];
    bool whole =
        owner->block.outputs == owner->child->co && owner->block.inputs == owner->child->ci;
    const rnc_tensor *parent = block_tensor(job, owner, err);
    if (parent == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t k = whole ? 1 : 0; k < count; k++) {
        candidate *c = &group[k];
        if (c->child->parent == parent && c != owner) {
            continue; /* the very same tensor: stored once as it is */
        }
        uint64_t before = rnc_child_elements(c->child) * sizeof(float);
        uint64_t after = take_block(c, owner, parent);
        *saved += before - after;
        report(job, c, owner, before, after);
    }
    return RNM_OK;
}

/* ---- the pass
 * --------------------------------------------------------------------------------
 */

static rnm_status collect(rnc_job *job, candidate *candidates, size_t *count, rnm_error *err) {
    const rnc_tensor **parents =
        rnc_arena_array(&job->arena, job->graph.node_count + 1, sizeof *parents, err);
    if (parents == NULL) {
        return RNM_ERR_MEMORY;
    }
    size_t parent_count = find_parents(&job->graph, parents);
    for (size_t n = 0; n < job->graph.node_count; n++) {
        const rnc_node *node = job->graph.nodes[n];
        rnc_child *child = rnc_node_weighted(node) ? node->inputs[RNC_INPUT_WEIGHT]->child : NULL;
        if (child != NULL && suits(child, parents, parent_count)) {
            candidates[(*count)++] = (candidate){.child = child,
                                                 .rows = {.tensor = child->parent,
                                                          .co = child->co,
                                                          .ci = child->ci,
                                                          .taps = child->taps},
                                                 .order = n};
        }
    }
    return RNM_OK;
}

/* Two rows of the largest, for all in turn; NULL without memory. The caller
 * frees them. */
static float *share_rows(candidate *candidates, size_t count) {
    size_t most = 1;
    for (size_t k = 0; k < count; k++) {
        size_t row = (size_t)candidates[k].rows.ci * candidates[k].rows.taps;
        most = row > most ? row : most;
    }
    float *room = malloc(2 * most * sizeof *room);
    for (size_t k = 0; k < count && room != NULL; k++) {
        candidates[k].rows.a = room;
        candidates[k].rows.b = room + most;
    }
    return room;
}

/* Groups of equal blocks, after sorting by all but their content. */
static rnm_status settle(rnc_job *job, candidate *candidates, size_t count, uint64_t *saved,
                         rnm_error *err) {
    rnm_status status = RNM_OK;
    for (size_t first = 0, past; first < count && status == RNM_OK; first = past) {
        candidate *owner = &candidates[first];
        for (past = first + 1; past < count; past++) {
            candidate *c = &candidates[past];
            if (compare_sizes(owner, c) != 0 || owner->hash != c->hash ||
                !rnc_same_block(&owner->rows, &c->rows, c->block)) {
                break;
            }
        }
        status = settle_group(job, owner, past - first, saved, err);
    }
    return status;
}

rnm_status rnc_recognise_repetition(rnc_job *job, rnm_error *err) {
    if (job->options->no_recognise) {
        return RNM_OK;
    }
    size_t count = 0;
    uint64_t saved = 0;
    float *room = NULL;
    candidate *candidates = calloc(job->graph.node_count + 1, sizeof *candidates);
    rnm_status status = candidates == NULL ? RNM_ERR_MEMORY : collect(job, candidates, &count, err);
    if (status == RNM_OK) {
        room = share_rows(candidates, count);
    }
    if (status == RNM_OK && room == NULL) {
        status = RNM_ERR_MEMORY;
    }
    if (status != RNM_OK) {
        rnm_fail(err, status, "%s: no memory to look for repetition", job->source.weights->path);
        goto done;
    }
    for (size_t k = 0; k < count; k++) {
        candidates[k].block = choose_block(&candidates[k]);
        candidates[k].hash = rnc_block_hash(&candidates[k].rows, candidates[k].block);
    }
    qsort(candidates, count, sizeof *candidates, compare_candidates);
    status = settle(job, candidates, count, &saved, err);
    if (saved > 0) {
        rnc_note(job,
                 "repetition in dense weights saves %" PRIu64
                 " bytes; --no-recognise stores them as they are",
                 saved);
    }
done:
    free(room);
    free(candidates);
    return status;
}
