/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells each child's transform from the tensors beside its parent, by name and shape alone.
 *
 * Requires: resolve_weights.
 * Leaves:   transform, flags and steering tensors in every child. A layer whose parent has the
 *           child's size is not repeated: the training code then ignores masks that its file holds
 *           all the same, and so does this pass (but random kernels' signs count always).
 */
#include "job.h"

#include "expand_ref.h"

#include <fnmatch.h>
#include <inttypes.h>

enum { MASK_RANK = RNM_MAX_RANK };

/* Takes LAYER.SUFFIX, which must be there with dims [outputs, inputs, kernel...]. */
static rnm_status take_mask(rnc_job *job, const rnc_child *child, const char *layer,
                            const char *suffix, uint32_t outputs, uint32_t inputs,
                            const rnc_tensor **out, rnm_error *err) {
    uint32_t dims[MASK_RANK] = {outputs, inputs};
    for (int d = 2; d < child->rank; d++) {
        dims[d] = child->dims[d];
    }
    *out = rnc_take(job, layer, suffix);
    return *out == NULL ? rnc_fail_missing(job, layer, suffix, err)
                        : rnc_expect_dims(job, *out, child->rank, dims, err);
}

/* Takes LAYER.SUFFIX as `count` betas; their shape varies between versions, so only the number of
 * elements counts. */
static rnm_status take_betas(rnc_job *job, const char *layer, const char *suffix, uint64_t count,
                             const rnc_tensor **out, rnm_error *err) {
    *out = rnc_take(job, layer, suffix);
    if (*out == NULL) {
        return rnc_fail_missing(job, layer, suffix, err);
    }
    uint64_t found = (uint64_t)rnc_tensor_elements(*out);
    if (found != count) {
        return rnc_fail_tensor(job, RNM_ERR_MODEL, *out, err,
                               "should have %" PRIu64 " values, one a block, but has %" PRIu64,
                               count, found);
    }
    uint32_t dims[RNM_MAX_RANK];
    for (int d = 0; d < (*out)->rank; d++) {
        dims[d] = (uint32_t)(*out)->dims[d];
    }
    return rnc_expect_dims(job, *out, (*out)->rank, dims, err);
}

/* What tells that an early version of the training code made the checkpoint, or NULL. */
static const char *older_generator(const rnc_job *job) {
    const rnc_hints *hints = &job->source.weights->hints;
    if (hints->model_name != NULL && (fnmatch("resnet_16_*", hints->model_name, 0) == 0 ||
                                      fnmatch("resnet_18_*", hints->model_name, 0) == 0)) {
        return "only early versions of the training code called an s network so";
    }
    return hints->has_args && !hints->has_datapath
               ? "its arguments have no `datapath`, as in early versions of the training code"
               : NULL;
}

/* Whether either order of blocks may be meant: a network of the training code that says nothing of
 * its making. */
static bool unknown_generator(const rnc_job *job) {
    const rnc_hints *hints = &job->source.weights->hints;
    return job->options->generator == RNC_GENERATOR_AUTO && job->known_topology && !hints->has_args;
}

static rnm_status choose_s(rnc_job *job, rnc_child *child, const char *layer, rnm_error *err) {
    uint32_t e0 = child->co % child->po;
    uint32_t e1 = child->ci % child->pi;
    uint64_t blocks = (uint64_t)(child->co / child->po) * (child->ci / child->pi);
    rnc_generator generator = job->options->generator;
    child->transform = RNC_S;
    if (generator == RNC_GENERATOR_AUTO) {
        generator = RNC_GENERATOR_CURRENT;
        if (e0 != 0 || e1 != 0) {
            generator = RNC_GENERATOR_CASCADED;
        } else if (blocks > 1 && older_generator(job) != NULL) {
            generator = RNC_GENERATOR_INTERLEAVED;
        }
    }
    if (generator == RNC_GENERATOR_INTERLEAVED) {
        if (e0 != 0 || e1 != 0) {
            return rnc_fail_tensor(job, RNM_ERR_MODEL, child->parent, err,
                                   "does not divide its child %s evenly, as the interleaved "
                                   "generator needs",
                                   layer);
        }
        child->flags = RNM_RECIPE_INTERLEAVED;
    }
    if (generator == RNC_GENERATOR_CASCADED && (e0 != 0 || e1 != 0)) {
        child->flags = RNM_RECIPE_CASCADED;
    }
    bool cascaded = child->flags == RNM_RECIPE_CASCADED;
    uint64_t pairs = cascaded ? blocks : rnc_child_pair_count(child);
    const struct {
        bool wanted;
        const char *suffix;
        uint64_t count;
        const rnc_tensor **out;
    } betas[] = {
        {true, "alphas", pairs, &child->b1},
        {true, "betas", pairs, &child->b2},
        {cascaded && e0 != 0, "ealpha1", 1, &child->row_b1},
        {cascaded && e0 != 0, "ebeta1", 1, &child->row_b2},
        {cascaded && e1 != 0, "ealpha2", 1, &child->col_b1},
        {cascaded && e1 != 0, "ebeta2", 1, &child->col_b2},
    };
    for (size_t k = 0; k < sizeof betas / sizeof *betas; k++) {
        if (betas[k].wanted) {
            rnm_status status =
                take_betas(job, layer, betas[k].suffix, betas[k].count, betas[k].out, err);
            if (status != RNM_OK) {
                return status;
            }
        }
    }
    return RNM_OK;
}

static rnm_status choose_random(rnc_job *job, rnc_child *child, const char *layer, rnm_error *err) {
    child->transform = RNC_RANDOM;
    rnm_status status = take_mask(job, child, layer, "binary_activation.weight", child->co,
                                  child->ci, &child->mask, err);
    if (status != RNM_OK) {
        return status;
    }
    uint64_t kernels = (uint64_t)child->co * child->ci - (uint64_t)child->po * child->pi;
    uint32_t dims[RNM_MAX_RANK] = {(uint32_t)kernels};
    for (int d = 2; d < child->rank; d++) {
        dims[d - 1] = child->dims[d];
    }
    child->random = rnc_take(job, layer, "random_weights");
    return rnc_expect_dims(job, child->random, child->rank - 1, dims, err);
}

static rnm_status choose_f(rnc_job *job, rnc_child *child, const char *layer, rnm_error *err) {
    uint32_t e0 = child->co % child->po;
    uint32_t e1 = child->ci % child->pi;
    uint32_t outputs = child->co - e0;
    uint32_t inputs = child->ci - e1;
    child->transform = RNC_F;
    rnm_status status = take_mask(job, child, layer, "binary_activation.weight", outputs, inputs,
                                  &child->mask, err);
    if (status == RNM_OK && e0 != 0) {
        status = take_mask(job, child, layer, "binary_activation0.weight", e0, inputs,
                           &child->row_mask, err);
    }
    if (status == RNM_OK && e1 != 0) {
        status = take_mask(job, child, layer, "binary_activation1.weight", child->co, e1,
                           &child->col_mask, err);
    }
    return status;
}

static rnm_status choose_drop(rnc_job *job, rnc_child *child, const char *layer, rnm_error *err) {
    child->transform = RNC_DROP;
    return take_mask(job, child, layer, "drop_mask", child->co, child->ci, &child->mask, err);
}

/* A layer that repeats nothing: its mask must fit but says nothing. */
static rnm_status pass_over(rnc_job *job, rnc_child *child, const char *layer, const char *suffix,
                            rnm_error *err) {
    const rnc_tensor *mask;
    child->mask_unused = true;
    return take_mask(job, child, layer, suffix, child->co, child->ci, &mask, err);
}

static bool has(const rnc_job *job, const char *layer, const char *suffix) {
    char name[2 * RNM_LIMIT_NAME];
    int length = snprintf(name, sizeof name, "%s.%s", layer, suffix);
    return length > 0 && (size_t)length < sizeof name && rnc_has(job, name);
}

static rnm_status choose(rnc_job *job, rnc_child *child, const char *layer, rnm_error *err) {
    bool s = has(job, layer, "alphas") || has(job, layer, "betas");
    bool f = has(job, layer, "binary_activation.weight");
    bool drop = has(job, layer, "drop_mask");
    bool same_size = child->po == child->co && child->pi == child->ci;
    if (s + f + drop > 1) {
        return rnm_fail(err, RNM_ERR_MODEL,
                        "%s: layer %s%s has tensors of more than one transform (%s%s%s)",
                        job->source.weights->path, job->source.prefix, layer, s ? " alphas" : "",
                        f ? " binary_activation.weight" : "", drop ? " drop_mask" : "");
    }
    if (has(job, layer, "random_weights")) {
        return choose_random(job, child, layer, err);
    }
    if (s) {
        return choose_s(job, child, layer, err);
    }
    if (f) {
        return same_size ? pass_over(job, child, layer, "binary_activation.weight", err)
                         : choose_f(job, child, layer, err);
    }
    if (drop) {
        return same_size ? pass_over(job, child, layer, "drop_mask", err)
                         : choose_drop(job, child, layer, err);
    }
    return RNM_OK;
}

/* Layers by what was assumed of them. */
typedef struct tally {
    unsigned interleaved;
    unsigned cascaded;
    unsigned in_order; /* s, several rows of blocks: another order would give another weight */
    unsigned unused;
} tally;

static void count_child(const rnc_child *child, tally *count) {
    bool s = child->transform == RNC_S;
    count->interleaved += child->flags == RNM_RECIPE_INTERLEAVED;
    count->cascaded += child->flags == RNM_RECIPE_CASCADED;
    count->in_order += s && child->flags == 0 && child->po > 1 && child->co / child->po > 1;
    count->unused += child->mask_unused;
}

static void note_choices(const rnc_job *job, const tally *count) {
    bool assumed = job->options->generator == RNC_GENERATOR_AUTO;
    if (count->interleaved > 0 && assumed) {
        rnc_note(job,
                 "the blocks of %u s layers are taken in interleaved order (assumed, as %s; "
                 "--generator=current overrides)",
                 count->interleaved, older_generator(job));
    } else if (count->interleaved > 0) {
        rnc_note(job, "the blocks of %u s layers are in interleaved order (as --generator says)",
                 count->interleaved);
    }
    if (count->cascaded > 0) {
        rnc_note(job, "the edges of %u s layers are cascaded (%s)", count->cascaded,
                 assumed ? "assumed; --generator=current|interleaved|cascaded overrides"
                         : "as --generator says");
    }
    if (count->in_order > 0 && unknown_generator(job)) {
        rnc_note(job,
                 "the blocks of %u s layers are taken in today's order (assumed, as nothing tells "
                 "which version of the training code wrote the file; --generator=interleaved is "
                 "for early ones)",
                 count->in_order);
    }
    if (count->unused > 0) {
        rnc_note(job, "the masks of %u layers are not used: their parents are as large as they are",
                 count->unused);
    }
}

rnm_status rnc_choose_transform(rnc_job *job, rnm_error *err) {
    tally count = {0};
    for (size_t n = 0; n < job->graph.node_count; n++) {
        const rnc_node *node = job->graph.nodes[n];
        if (rnc_node_weighted(node)) {
            rnc_child *child = node->inputs[RNC_INPUT_WEIGHT]->child;
            rnm_status status = choose(job, child, node->layer, err);
            if (status != RNM_OK) {
                return status;
            }
            count_child(child, &count);
        }
    }
    note_choices(job, &count);
    return RNM_OK;
}
