/* SPDX-License-Identifier: Apache-2.0
 *
 * Generators left in a graph: repeat, expand, tile, slice and concat of a parent, s with its pairs,
 * signs and drops, in whatever operators they are written. Every element of the weight is traced
 * back to the constant that it comes from (provenance.c) and compared with what the recipe makes
 * there, bit for bit; a weight that differs anywhere stays the computation that it is.
 *
 * Each constant is tried as the parent in turn. This takes time of a few looks at each element, and
 * at most two bits of memory for it. A small file may speak of huge weights, so how much is looked
 * at goes by the size of the file.
 */
#include "onnx/generator.h"

#include "onnx/provenance.h"

#include "expand_ref.h"

#include <math.h>
#include <string.h>

/* Nodes times elements that are looked at in a model: so many, and so many for each of its bytes.
 * Cascades of s take some 2,000 a byte. */
enum { WORK = 1 << 28, WORK_OF_BYTE = 1 << 12 };

/* An element of the child. */
typedef struct place {
    uint32_t o, i, tap;
} place;

typedef struct generator {
    rnc_call *call;
    const rnc_value *value;
    bool turned;
    rnc_child *child;
    const rnc_tensor *constant;    /* tried as the parent */
    uint32_t first;                /* the parent's first element in it */
    int64_t strides[RNM_MAX_RANK]; /* of the parent in it */
    uint8_t *negative;             /* in mask order; NULL before the first */
    uint8_t *zero;                 /* likewise */
    float *pairs;                  /* in the file's order */
    bool full;                     /* no room for what it takes */
    place places[RNC_TERM_BATCH];
    rnc_term terms[RNC_TERM_BATCH];
} generator;

/* ---- looking --------------------------------------------------------------------------------- */

/* The terms of the first `count` places. */
static void look(generator *g, size_t count) {
    const rnc_child *c = g->child;
    uint32_t index[RNC_TERM_BATCH];
    for (size_t k = 0; k < count; k++) {
        const place *p = &g->places[k];
        index[k] = g->turned ? p->i * c->co + p->o : (p->o * c->ci + p->i) * c->taps + p->tap;
    }
    rnc_find_terms(g->value, g->constant, index, count, g->terms);
}

static rnc_term look_at(generator *g, uint32_t o, uint32_t i, uint32_t tap) {
    g->places[0] = (place){o, i, tap};
    look(g, 1);
    return g->terms[0];
}

/* Where in the constant the parent's element lies that belongs to a place. */
static uint32_t expected_at(const generator *g, place p) {
    const rnc_child *c = g->child;
    int64_t at = (int64_t)g->first + p.o % c->po * g->strides[0] + p.i % c->pi * g->strides[1];
    for (int d = c->rank; d-- > 2;) {
        at += p.tap % c->dims[d] * g->strides[d];
        p.tap /= c->dims[d];
    }
    return (uint32_t)at;
}

typedef bool check(generator *g, const rnc_term *term, place p);

/* True where every element comes from where it should and passes the check. */
static bool all_elements(generator *g, check *passes) {
    const rnc_child *c = g->child;
    const uint64_t total = rnc_child_elements(c);
    place next = {0, 0, 0};
    for (uint64_t done = 0; done < total;) {
        size_t count = total - done < RNC_TERM_BATCH ? (size_t)(total - done) : RNC_TERM_BATCH;
        for (size_t k = 0; k < count; k++) {
            g->places[k] = next;
            if (++next.tap == c->taps) {
                next.tap = 0;
                next.o += ++next.i == c->ci;
                next.i = next.i == c->ci ? 0 : next.i;
            }
        }
        look(g, count);
        for (size_t k = 0; k < count; k++) {
            const rnc_term *term = &g->terms[k];
            if (term->kind != RNC_TERM_PARENT || term->at != expected_at(g, g->places[k]) ||
                !passes(g, term, g->places[k])) {
                return false;
            }
        }
        done += count;
    }
    return true;
}

/* ---- the parent ------------------------------------------------------------------------------ */

/* The place along an axis whose element is the first one again; the axis' size where there is
 * none. */
static uint32_t period(generator *g, bool outputs) {
    const uint32_t size = outputs ? g->child->co : g->child->ci;
    for (uint32_t done = 1; done < size; done += RNC_TERM_BATCH) {
        uint32_t count = size - done < RNC_TERM_BATCH ? size - done : RNC_TERM_BATCH;
        for (uint32_t k = 0; k < count; k++) {
            g->places[k] = (place){outputs ? done + k : 0, outputs ? 0 : done + k, 0};
        }
        look(g, count);
        for (uint32_t k = 0; k < count; k++) {
            if (g->terms[k].kind == RNC_TERM_PARENT && g->terms[k].at == g->first) {
                return done + k;
            }
        }
    }
    return size;
}

/* The parent's sizes, and how far its elements are apart along each axis. What is no such view of
 * the constant fails when elements are compared. */
static bool find_parent(generator *g) {
    rnc_child *c = g->child;
    rnc_term term = look_at(g, 0, 0, 0);
    uint32_t inner = 1;
    if (term.kind != RNC_TERM_PARENT) {
        return false;
    }
    g->first = term.at;
    c->po = period(g, true);
    c->pi = period(g, false);
    for (int d = c->rank; d-- > 0;) {
        const uint32_t size = d == 0 ? c->po : d == 1 ? c->pi : c->dims[d];
        g->strides[d] = 0;
        if (size > 1) {
            term = look_at(g, d == 0, d == 1, d > 1 ? inner : 0);
            g->strides[d] = (int64_t)term.at - (int64_t)g->first;
        }
        if (term.kind != RNC_TERM_PARENT || g->strides[d] < 0) {
            return false;
        }
        inner *= size;
    }
    return true;
}

static bool take_parent(generator *g) {
    rnc_child *c = g->child;
    rnc_tensor *view = rnc_arena_alloc(g->call->import->graph->arena, sizeof *view, NULL);
    if (view == NULL) {
        g->full = true;
        return false;
    }
    *view = *g->constant;
    view->rank = c->rank;
    view->data += g->first * rnm_dtype_size(view->dtype);
    for (int d = 0; d < c->rank; d++) {
        view->dims[d] = d == 0 ? c->po : d == 1 ? c->pi : c->dims[d];
        view->strides[d] = g->strides[d];
    }
    c->parent = view;
    return true;
}

/* ---- linear, f, drop ------------------------------------------------------------------------- */

static bool set_bit(generator *g, uint8_t **bits, place p) {
    const rnc_child *c = g->child;
    if (*bits == NULL) {
        *bits = rnc_arena_alloc(&g->call->import->job->signs, rnm_mask_bytes(c->co, c->ci, c->taps),
                                NULL);
        g->full = *bits == NULL;
    }
    if (*bits != NULL) {
        uint64_t at = rnm_mask_position(c->co, c->ci, c->taps, p.o, p.i, p.tap);
        (*bits)[at / 8] |= (uint8_t)(1u << at % 8);
    }
    return *bits != NULL;
}

static bool check_sign(generator *g, const rnc_term *term, place p) {
    const float factor = term->factor;
    return term->pair_count == 0 && (fabsf(factor) == 1.0f || factor == 0.0f) &&
           (!signbit(factor) || set_bit(g, &g->negative, p)) &&
           (factor != 0.0f || set_bit(g, &g->zero, p));
}

static bool try_signs(generator *g) {
    rnc_child *c = g->child;
    g->negative = g->zero = NULL;
    if (!all_elements(g, check_sign)) {
        return false;
    }
    c->transform = g->negative != NULL ? RNC_F : g->zero != NULL ? RNC_DROP : RNC_LINEAR;
    c->signs = g->negative != NULL ? g->negative : g->zero;
    c->zero_signs = g->negative != NULL ? g->zero : NULL;
    return true;
}

/* ---- s --------------------------------------------------------------------------------------- */

/* The pairs that a place passes through, by number. */
static uint32_t pairs_of(const rnc_child *c, place p, uint64_t pairs[RNC_TERM_PAIRS]) {
    const uint32_t r0 = c->co / c->po;
    const uint32_t r1 = c->ci / c->pi;
    if (c->flags == RNM_RECIPE_INTERLEAVED) {
        pairs[0] = (uint64_t)(p.o % r0) * r1 + p.i % r1;
        return 1;
    }
    if (c->flags == 0) {
        pairs[0] = (uint64_t)(p.o / c->po) * ((c->ci + c->pi - 1) / c->pi) + p.i / c->pi;
        return 1;
    }
    const uint32_t rows = r0 * c->po;
    const uint32_t columns = r1 * c->pi;
    uint32_t count = 1;
    uint64_t next = (uint64_t)r0 * r1;
    pairs[0] = (uint64_t)((p.o < rows ? p.o : p.o - rows) / c->po) * r1 +
               (p.i < columns ? p.i : p.i - columns) / c->pi;
    if (p.o >= rows) {
        pairs[count++] = next;
    }
    if (p.i >= columns) {
        pairs[count++] = next + (c->co > rows);
    }
    return count;
}

static bool check_pairs(generator *g, const rnc_term *term, place p) {
    uint64_t pairs[RNC_TERM_PAIRS];
    uint32_t count = pairs_of(g->child, p, pairs);
    bool same = term->pair_count == count && term->factor == 1.0f;
    for (uint32_t k = 0; k < count && same; k++) {
        same = memcmp(term->pairs[k], g->pairs + 2 * pairs[k], sizeof term->pairs[k]) == 0;
    }
    return same;
}

/* A place whose last pair is the one of that number. */
static place place_of_pair(const rnc_child *c, uint64_t pair) {
    const uint32_t r0 = c->co / c->po;
    const uint32_t r1 = c->ci / c->pi;
    if (c->flags == RNM_RECIPE_INTERLEAVED) {
        return (place){(uint32_t)(pair / r1), (uint32_t)(pair % r1), 0};
    }
    if (c->flags == RNM_RECIPE_CASCADED && pair >= (uint64_t)r0 * r1) {
        bool row = c->co % c->po != 0 && pair == (uint64_t)r0 * r1;
        return row ? (place){r0 * c->po, 0, 0} : (place){0, r1 * c->pi, 0};
    }
    uint32_t columns = c->flags == 0 ? (c->ci + c->pi - 1) / c->pi : r1;
    return (place){(uint32_t)(pair / columns) * c->po, (uint32_t)(pair % columns) * c->pi, 0};
}

static bool try_pairs(generator *g, uint8_t flags) {
    rnc_child *c = g->child;
    c->flags = flags;
    const uint64_t count = rnm_beta_pairs(c->co, c->ci, c->po, c->pi, flags);
    g->pairs =
        rnc_arena_array(g->call->import->graph->arena, (size_t)count, 2 * sizeof(float), NULL);
    if (g->pairs == NULL) {
        g->full = true;
        return false;
    }
    for (uint64_t done = 0; done < count; done += RNC_TERM_BATCH) {
        size_t some = count - done < RNC_TERM_BATCH ? (size_t)(count - done) : RNC_TERM_BATCH;
        for (size_t k = 0; k < some; k++) {
            g->places[k] = place_of_pair(c, done + k);
        }
        look(g, some);
        for (size_t k = 0; k < some; k++) {
            const rnc_term *term = &g->terms[k];
            if (term->kind != RNC_TERM_PARENT || term->pair_count == 0) {
                return false;
            }
            memcpy(g->pairs + 2 * (done + k), term->pairs[term->pair_count - 1],
                   sizeof term->pairs[0]);
        }
    }
    c->transform = RNC_S;
    c->pairs = g->pairs;
    return all_elements(g, check_pairs);
}

/* Edges that were transformed once more are cascaded; else each block has a pair. */
static bool try_s(generator *g) {
    const rnc_child *c = g->child;
    bool whole = c->co % c->po == 0 && c->ci % c->pi == 0;
    rnc_term last = look_at(g, c->co - 1, c->ci - 1, 0);
    if (last.pair_count > 1) {
        return try_pairs(g, RNM_RECIPE_CASCADED);
    }
    return try_pairs(g, 0) || (whole && !g->full && try_pairs(g, RNM_RECIPE_INTERLEAVED));
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool try_constant(generator *g, const rnc_tensor *constant) {
    g->constant = constant;
    g->child->flags = 0;
    if (constant->dtype != RNM_F32 || !find_parent(g)) {
        return false;
    }
    bool s = look_at(g, 0, 0, 0).pair_count > 0;
    return (s ? try_s(g) : try_signs(g)) && take_parent(g);
}

/* The child's sizes; false for none that a child may have. */
static bool begin(generator *g) {
    const rnm_shape *shape = &g->value->shape;
    rnc_child *c = g->child;
    uint64_t elements = 1;
    c->rank = shape->rank;
    if (shape->dtype != RNM_F32 || shape->rank < 2 || shape->rank > 5) {
        return false;
    }
    for (int d = 0; d < shape->rank; d++) {
        if (shape->dims[d] < 1 || shape->dims[d] > RNM_LIMIT_DIM) {
            return false;
        }
        c->dims[d] = (uint32_t)shape->dims[g->turned ? 1 - d : d];
        elements *= c->dims[d]; /* below 2^32, as all values of the expression are */
    }
    c->co = c->dims[0];
    c->ci = c->dims[1];
    c->taps = (uint32_t)(elements / c->co / c->ci);
    return elements <= RNM_LIMIT_CHILD_BYTES / sizeof(float);
}

static bool take_work(rnc_import *im, uint64_t work) {
    const uint64_t most = WORK + im->job->source.weights->file_size * WORK_OF_BYTE;
    bool fits = im->work <= most && work <= most - im->work;
    im->work += fits ? work : 0;
    return fits;
}

static void note_why(const generator *g, const rnc_leaves *leaves) {
    const rnc_job *job = g->call->import->job;
    if (leaves->unsupported != NULL) {
        rnc_note(job,
                 "%s: its weight stays a computation: %s (%s) is no part of a generator known here",
                 g->call->name, leaves->unsupported->name, rnc_node_op_name(leaves->unsupported));
    } else {
        rnc_note(job, "%s: its weight stays a computation: %s", g->call->name,
                 leaves->too_large ? "it is too large to be looked through"
                                   : "it is no parent, repeated, with pairs or signs, to the bit");
    }
}

rnm_status rnc_recognise_generator(rnc_call *call, const rnc_value *value, bool turned,
                                   rnc_child **out) {
    rnc_import *im = call->import;
    rnc_leaves leaves;
    *out = NULL;
    bool known = rnc_find_leaves(value, &leaves);
    if (leaves.varies || im->job->options->no_recognise) {
        return RNM_OK;
    }
    rnc_child *child = rnc_arena_alloc(im->graph->arena, sizeof *child, im->err);
    if (child == NULL) {
        return RNM_ERR_MEMORY;
    }
    generator g = {.call = call, .value = value, .turned = turned, .child = child};
    known = known && begin(&g);
    g.full = known && !take_work(im, rnc_child_elements(child) * leaves.nodes);
    bool found = false;
    for (size_t k = 0; k < leaves.count && known && !found && !g.full; k++) {
        found = try_constant(&g, leaves.tensors[k]);
    }
    leaves.too_large = leaves.too_large || g.full;
    if (found) {
        *out = child;
    } else {
        note_why(&g, &leaves);
    }
    return RNM_OK;
}
