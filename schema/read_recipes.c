/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes: sizes, the tensors they name, and what those must hold for this recipe (FORMAT.md
 * section 5). The scans below touch each child's elements at most a few times, so what they cost
 * is bounded by the limit on expanded bytes, which is checked first.
 */
#include "read_rules.h"

#include <math.h>

/* A recipe with its sizes worked out. */
typedef struct recipe_check {
    const rnm_reader *r;
    rnm_where where;
    const rnm_recipe_rec *recipe;
    uint32_t co, ci, taps, po, pi;
} recipe_check;

static const struct {
    const char *name;
    bool betas, mask, zeros;
} transforms[RNM_TRANSFORM_KNOWN] = {
    [RNM_TRANSFORM_LINEAR] = {"linear", false, false, false},
    [RNM_TRANSFORM_S] = {"s", true, false, false},
    [RNM_TRANSFORM_F] = {"f", false, true, true},
    [RNM_TRANSFORM_DROP] = {"drop", false, true, false},
};

/* ---- the record ------------------------------------------------------------------------------ */

static rnm_status check_fields(const recipe_check *c) {
    const rnm_recipe_rec *recipe = c->recipe;
    if (recipe->transform >= RNM_TRANSFORM_KNOWN) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "transform %u is unknown",
                          recipe->transform);
    }
    uint8_t most_flags = recipe->transform == RNM_TRANSFORM_S ? RNM_RECIPE_INTERLEAVED : 0;
    if (recipe->flags > most_flags) { /* 3, both flags, is above 2 */
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                          "flags of %s must be at most %u, found %u",
                          transforms[recipe->transform].name, most_flags, recipe->flags);
    }
    if (recipe->rank < 2 || recipe->rank > 5) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "rank must be from 2 to 5, found %u",
                          recipe->rank);
    }
    uint32_t reserved = recipe->reserved0;
    for (size_t k = 0; k < sizeof recipe->reserved1 / sizeof *recipe->reserved1; k++) {
        reserved |= recipe->reserved1[k];
    }
    if (reserved != 0) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "reserved fields must be 0");
    }
    return RNM_OK;
}

/* The child's dims; adds its bytes to *expanded. */
static rnm_status check_child(recipe_check *c, uint64_t *expanded) {
    const rnm_recipe_rec *recipe = c->recipe;
    rnm_shape shape = {.rank = recipe->rank};
    for (int axis = 0; axis < 5; axis++) {
        uint32_t dim = recipe->dims[axis];
        if (axis >= recipe->rank ? dim != 0 : dim == 0) {
            return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "dim %d of rank %u must %s, found %u",
                              axis, recipe->rank, axis >= recipe->rank ? "be 0" : "not be 0", dim);
        }
        if (dim > RNM_LIMIT_DIM) {
            return rnm_reject(c->r, c->where, RNM_ERR_LIMIT,
                              "dim %d must be at most %lld, found %u", axis,
                              (long long)RNM_LIMIT_DIM, dim);
        }
        shape.dims[axis] = dim;
    }
    int64_t elements;
    if (!rnm_shape_elements(&shape, &elements) ||
        (uint64_t)elements * sizeof(float) > c->r->max_child_bytes) {
        return rnm_reject(c->r, c->where, RNM_ERR_LIMIT,
                          "the child, expanded to f32, must have at most %llu bytes, found more",
                          (unsigned long long)c->r->max_child_bytes);
    }
    *expanded += (uint64_t)elements * sizeof(float);
    if (*expanded > c->r->max_expanded_bytes) {
        return rnm_reject(c->r, c->where, RNM_ERR_LIMIT,
                          "all children, expanded to f32, must have at most %llu bytes, found "
                          "%llu up to this one",
                          (unsigned long long)c->r->max_expanded_bytes,
                          (unsigned long long)*expanded);
    }
    c->co = recipe->dims[0];
    c->ci = recipe->dims[1];
    c->taps = (uint32_t)(elements / c->co / c->ci);
    return RNM_OK;
}

/* ---- the tensors it names -------------------------------------------------------------------- */

/* That `index` names a tensor of that role (or of role `other`, where that is not 0) if the
 * transform has one, and is NONE if not. */
static rnm_status check_index(const recipe_check *c, const char *what, uint32_t index, bool has,
                              uint8_t role, uint8_t other) {
    if (!has) {
        return index == RNM_NONE
                   ? RNM_OK
                   : rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "%s has no %s, found tensor %u",
                                transforms[c->recipe->transform].name, what, index);
    }
    if (index >= c->r->view.tensor_count) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "%s must be one of %u tensors, found %u",
                          what, c->r->view.tensor_count, index);
    }
    uint8_t found = c->r->view.tensors[index].role;
    if (found != role && (other == 0 || found != other)) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                          "%s must be a tensor of role %u, tensor %u has role %u", what, role,
                          index, found);
    }
    return RNM_OK;
}

static rnm_status check_indices(const recipe_check *c) {
    const rnm_recipe_rec *recipe = c->recipe;
    bool has_betas = transforms[recipe->transform].betas;
    bool has_mask = transforms[recipe->transform].mask;
    bool has_zeros = transforms[recipe->transform].zeros && recipe->zeros != RNM_NONE;
    rnm_status status = check_index(c, "parent", recipe->parent, true, RNM_ROLE_PARENT, 0);
    if (status == RNM_OK) {
        status = check_index(c, "betas", recipe->betas, has_betas, RNM_ROLE_BETAS, 0);
    }
    if (status == RNM_OK) {
        status = check_index(c, "mask", recipe->mask, has_mask, RNM_ROLE_MASK, 0);
    }
    if (status == RNM_OK) {
        status = check_index(c, "zeros", recipe->zeros, has_zeros, RNM_ROLE_ZERO_LIST,
                             RNM_ROLE_ZERO_PLANE);
    }
    return status;
}

static rnm_status check_parent(recipe_check *c) {
    const rnm_recipe_rec *recipe = c->recipe;
    const rnm_tensor_rec *parent = &c->r->view.tensors[recipe->parent];
    if (parent->rank != recipe->rank) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "parent must have rank %u, found %u",
                          recipe->rank, parent->rank);
    }
    for (int axis = 1; axis < parent->rank - 1; axis++) {
        if (parent->dims[axis] != recipe->dims[axis + 1]) {
            return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                              "parent must have the child's kernel: dim %d must be %u, found %u",
                              axis, recipe->dims[axis + 1], parent->dims[axis]);
        }
    }
    c->pi = parent->dims[0];
    c->po = parent->dims[parent->rank - 1];
    if (c->po > c->co || c->pi > c->ci) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                          "parent must not be larger than the child of %u outputs and %u inputs, "
                          "found %u and %u",
                          c->co, c->ci, c->po, c->pi);
    }
    return RNM_OK;
}

/* ---- masks and zeros ------------------------------------------------------------------------- */

static rnm_status check_plane(const recipe_check *c, const char *what, uint32_t index) {
    uint64_t bytes = rnm_mask_bytes(c->co, c->ci, c->taps);
    uint64_t found = c->r->view.tensors[index].length;
    if (found != bytes) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "%s must have %llu bytes, found %llu",
                          what, (unsigned long long)bytes, (unsigned long long)found);
    }
    uint32_t rest = c->co % RNM_PANEL;
    if (rest % 8 == 0) {
        return RNM_OK;
    }
    const uint8_t *plane = rnm_view_tensor(&c->r->view, index);
    uint64_t words = (uint64_t)c->ci * c->taps;
    uint32_t word_bytes = rest / 8 + 1;
    const uint8_t *last_panel = plane + bytes - words * word_bytes;
    for (uint64_t word = 0; word < words; word++) {
        uint8_t last = last_panel[word * word_bytes + word_bytes - 1];
        if (last >> rest % 8 != 0) {
            return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                              "bits of %s that stand for no output must be 0, found byte %02x in "
                              "word %llu of the last panel",
                              what, last, (unsigned long long)word);
        }
    }
    return RNM_OK;
}

/* Whether a bit position belongs to an element of the child. */
static bool position_exists(const recipe_check *c, uint64_t position) {
    uint64_t words = (uint64_t)c->ci * c->taps;
    uint64_t full_panels = (uint64_t)(c->co / RNM_PANEL) * words * RNM_PANEL;
    if (position < full_panels) {
        return true;
    }
    if (position / 8 >= rnm_mask_bytes(c->co, c->ci, c->taps)) {
        return false;
    }
    uint32_t rest = c->co % RNM_PANEL;
    uint32_t word_bits = (rest + 7) / 8 * 8;
    return (position - full_panels) % word_bits < rest;
}

static rnm_status check_zeros(const recipe_check *c) {
    uint32_t index = c->recipe->zeros;
    const rnm_tensor_rec *zeros = &c->r->view.tensors[index];
    if (zeros->role == RNM_ROLE_ZERO_PLANE) {
        return check_plane(c, "zeros", index);
    }
    const uint32_t *list = rnm_view_tensor(&c->r->view, index);
    for (uint32_t k = 0; k < zeros->dims[0]; k++) {
        if (!position_exists(c, list[k])) {
            return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                              "zeros must be positions of the child's elements, found %u", list[k]);
        }
    }
    return RNM_OK;
}

/* ---- betas ----------------------------------------------------------------------------------- */

static float largest_b1(const float *betas, uint64_t first, uint64_t past) {
    float most = 0;
    for (uint64_t pair = first; pair < past; pair++) {
        most = fmaxf(most, fabsf(betas[2 * pair]));
    }
    return most;
}

/* That no numerator along the chain of pairs overflows: |s(p)| is at most |p * b1|. An element
 * passes a regular pair, then the row's or not, then the column's or not. */
static rnm_status check_overflow(const recipe_check *c, uint64_t pairs) {
    const float *betas = rnm_view_tensor(&c->r->view, c->recipe->betas);
    bool cascaded = (c->recipe->flags & RNM_RECIPE_CASCADED) != 0;
    uint64_t regular = cascaded ? (uint64_t)(c->co / c->po) * (c->ci / c->pi) : pairs;
    float most = c->r->parent_max[c->recipe->parent] * largest_b1(betas, 0, regular);
    for (uint64_t pair = regular; isfinite(most) && pair < pairs; pair++) {
        /* The larger of passing this pair and of passing it by. */
        most = fmaxf(most, most * fabsf(betas[2 * pair]));
    }
    if (!isfinite(most)) {
        return rnm_reject(c->r, c->where, RNM_ERR_VALUE,
                          "|b1| * max |parent| must be finite in f32, found %f", (double)most);
    }
    return RNM_OK;
}

static rnm_status check_betas(const recipe_check *c) {
    uint8_t flags = c->recipe->flags;
    bool whole = c->co % c->po == 0 && c->ci % c->pi == 0;
    if ((flags & RNM_RECIPE_INTERLEAVED) != 0 && !whole) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT,
                          "interleaved blocks must be whole: parent %ux%u must divide child %ux%u",
                          c->po, c->pi, c->co, c->ci);
    }
    uint64_t pairs = rnm_beta_pairs(c->co, c->ci, c->po, c->pi, flags);
    uint32_t found = c->r->view.tensors[c->recipe->betas].dims[0];
    if (found != pairs) {
        return rnm_reject(c->r, c->where, RNM_ERR_FORMAT, "betas must be %llu pairs, found %u",
                          (unsigned long long)pairs, found);
    }
    return check_overflow(c, pairs);
}

/* ---- all ------------------------------------------------------------------------------------- */

static rnm_status check_recipe(recipe_check *c, uint64_t *expanded) {
    rnm_status status = check_fields(c);
    if (status == RNM_OK) {
        status = check_child(c, expanded);
    }
    if (status == RNM_OK) {
        status = check_indices(c);
    }
    if (status == RNM_OK) {
        status = check_parent(c);
    }
    if (status == RNM_OK && c->recipe->betas != RNM_NONE) {
        status = check_betas(c);
    }
    if (status == RNM_OK && c->recipe->mask != RNM_NONE) {
        status = check_plane(c, "mask", c->recipe->mask);
    }
    if (status == RNM_OK && c->recipe->zeros != RNM_NONE) {
        status = check_zeros(c);
    }
    return status;
}

rnm_status rnm_read_recipes(rnm_reader *r) {
    rnm_status status =
        rnm_read_names(r, "recipes", r->view.recipes, r->view.recipe_count, sizeof(rnm_recipe_rec));
    uint64_t expanded = 0;
    for (uint32_t k = 0; status == RNM_OK && k < r->view.recipe_count; k++) {
        const rnm_recipe_rec *recipe = &r->view.recipes[k];
        recipe_check check = {.r = r, .where = {"recipes", k, recipe->name}, .recipe = recipe};
        status = check_recipe(&check, &expanded);
    }
    r->view.expanded_bytes = expanded;
    return status;
}
