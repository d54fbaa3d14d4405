/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads every tensor that steers a child once: nothing may be NaN or infinite (a sign may: it is
 * +-1 then), drop masks hold 0 and 1, s does not overflow, parents fit the type they are stored in.
 *
 * Requires: choose_transform.
 * Leaves:   counts of flips and zeros in every child.
 */
#include "job.h"

#include "child.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK = 16384 };

/* What a look through a tensor tells. */
typedef struct survey {
    float largest; /* magnitude */
} survey;

/* A check of one value: NULL, or what is wrong with it. */
typedef const char *value_check(const rnc_job *job, float value);

static const char *finite_value(const rnc_job *job, float value) {
    (void)job;
    return isfinite(value) ? NULL : "holds a NaN or an infinity";
}

static const char *parent_value(const rnc_job *job, float value) {
    rnm_dtype type = job->options->param_type;
    if (!isfinite(value)) {
        return "holds a NaN or an infinity";
    }
    return type != 0 && !isfinite(rnc_round_to(value, type))
               ? "holds a value too large for --param-type"
               : NULL;
}

static const char *sign_value(const rnc_job *job, float value) {
    (void)job;
    return isnan(value) ? "holds a NaN" : NULL;
}

static const char *drop_value(const rnc_job *job, float value) {
    (void)job;
    return value == 0.0f || value == 1.0f ? NULL : "is a drop mask with a value other than 0 and 1";
}

static rnm_status look_through(const rnc_job *job, const rnc_tensor *tensor, value_check *check,
                               survey *seen, rnm_error *err) {
    float values[CHUNK];
    int64_t total = tensor == NULL ? 0 : rnc_tensor_elements(tensor);
    for (int64_t first = 0; first < total; first += CHUNK) {
        int64_t count = total - first < CHUNK ? total - first : CHUNK;
        rnc_tensor_copy_f32(tensor, first, count, values);
        for (int64_t k = 0; k < count; k++) {
            const char *wrong = check(job, values[k]);
            if (wrong != NULL) {
                return rnc_fail_tensor(job, RNM_ERR_VALUE, tensor, err, "%s (element %lld)", wrong,
                                       (long long)(first + k));
            }
            seen->largest = fmaxf(seen->largest, fabsf(values[k]));
        }
    }
    return RNM_OK;
}

/* Pairs that are no tensors of their own: what numbers of theirs are not finite, or overflow. */
static rnm_status check_pairs(const rnc_job *job, const rnc_child *child, float largest,
                              rnm_error *err) {
    const uint64_t count = rnc_child_pair_count(child);
    const bool cascaded = child->flags == RNM_RECIPE_CASCADED;
    const uint64_t blocks =
        cascaded ? (uint64_t)(child->co / child->po) * (child->ci / child->pi) : count;
    float most = 0.0f;
    float edges = 1.0f;
    for (uint64_t k = 0; k < count; k++) {
        const float *pair = child->pairs + 2 * k;
        if (!isfinite(pair[0]) || !isfinite(pair[1])) {
            return rnm_fail(err, RNM_ERR_VALUE, "%s: pair %llu of %s is %g, %g, expected numbers",
                            job->source.weights->path, (unsigned long long)k, child->name,
                            (double)pair[0], (double)pair[1]);
        }
        if (k < blocks) {
            most = fmaxf(most, fabsf(pair[0]));
        } else {
            edges *= fmaxf(fabsf(pair[0]), 1.0f);
        }
    }
    if (!isfinite(largest * most * edges)) {
        return rnm_fail(err, RNM_ERR_VALUE, "%s: %s overflows: |b1| * max |parent| is not finite",
                        job->source.weights->path, child->name);
    }
    return RNM_OK;
}

static rnm_status check_s(const rnc_job *job, const rnc_child *child, float largest,
                          rnm_error *err) {
    survey blocks = {0};
    survey row = {0};
    survey column = {0};
    survey unused = {0};
    if (child->pairs != NULL) {
        return check_pairs(job, child, largest, err);
    }
    rnm_status status = look_through(job, child->b1, finite_value, &blocks, err);
    if (status != RNM_OK ||
        (status = look_through(job, child->row_b1, finite_value, &row, err)) != RNM_OK ||
        (status = look_through(job, child->col_b1, finite_value, &column, err)) != RNM_OK ||
        (status = look_through(job, child->b2, finite_value, &unused, err)) != RNM_OK ||
        (status = look_through(job, child->row_b2, finite_value, &unused, err)) != RNM_OK ||
        (status = look_through(job, child->col_b2, finite_value, &unused, err)) != RNM_OK) {
        return status;
    }
    float product = largest * blocks.largest;
    product *= child->row_b1 != NULL ? fmaxf(row.largest, 1.0f) : 1.0f;
    product *= child->col_b1 != NULL ? fmaxf(column.largest, 1.0f) : 1.0f;
    if (!isfinite(product)) {
        return rnc_fail_tensor(job, RNM_ERR_VALUE, child->b1, err,
                               "overflows: |b1| * max |parent| is not finite");
    }
    return RNM_OK;
}

/* Counts over effective elements, edges included. */
static rnm_status count_signs(const rnc_job *job, rnc_child *child, rnm_error *err) {
    size_t row = (size_t)child->ci * child->taps;
    bool *negative = malloc(row);
    bool *zero = malloc(row);
    rnc_child_rows *rows = rnc_child_rows_open(child, RNM_F32);
    rnm_status status = RNM_OK;
    if (negative == NULL || zero == NULL || rows == NULL) {
        status = rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory for a row of %s",
                          job->source.weights->path, child->name);
        goto done;
    }
    for (uint32_t o = 0; o < child->co; o++) {
        if (child->transform == RNC_DROP) {
            rnc_child_dropped(rows, o, negative);
            for (size_t k = 0; k < row; k++) {
                child->flips += negative[k];
            }
            continue;
        }
        rnc_child_signs(rows, o, negative, zero);
        for (size_t k = 0; k < row; k++) {
            child->flips += negative[k];
            child->zeros += zero[k];
        }
    }
done:
    rnc_child_rows_close(rows);
    free(negative);
    free(zero);
    return status;
}

static rnm_status check_child(const rnc_job *job, rnc_child *child, rnm_error *err) {
    survey parent = {0};
    survey unused = {0};
    rnm_status status = look_through(job, child->parent, parent_value, &parent, err);
    if (status != RNM_OK || child->transform == RNC_LINEAR) {
        return status;
    }
    if (child->transform == RNC_S) {
        /* Rounding may make it larger, and s sees what is stored. */
        return check_s(job, child, rnc_round_to(parent.largest, job->options->param_type), err);
    }
    value_check *mask_check = child->transform == RNC_DROP ? drop_value : sign_value;
    if ((status = look_through(job, child->mask, mask_check, &unused, err)) != RNM_OK ||
        (status = look_through(job, child->row_mask, mask_check, &unused, err)) != RNM_OK ||
        (status = look_through(job, child->col_mask, mask_check, &unused, err)) != RNM_OK ||
        (status = look_through(job, child->random, parent_value, &unused, err)) != RNM_OK) {
        return status;
    }
    return count_signs(job, child, err);
}

rnm_status rnc_check_values(rnc_job *job, rnm_error *err) {
    uint64_t zeros = 0;
    for (size_t n = 0; n < job->graph.node_count; n++) {
        const rnc_node *node = job->graph.nodes[n];
        if (rnc_node_weighted(node)) {
            rnc_child *child = node->inputs[RNC_INPUT_WEIGHT]->child;
            const rnc_value *bias = node->inputs[RNC_INPUT_BIAS];
            rnm_status status = check_child(job, child, err);
            if (status != RNM_OK) {
                return status;
            }
            for (int64_t c = 0; bias != NULL && c < bias->shape.dims[0]; c++) {
                if (!isfinite(bias->channel[c])) {
                    return rnm_fail(err, RNM_ERR_VALUE,
                                    "%s: tensor %s%s.bias holds a NaN or an infinity",
                                    job->source.weights->path, job->source.prefix, node->layer);
                }
            }
            zeros += child->zeros;
        }
    }
    if (zeros > 0) {
        rnc_note(job, "%llu learned signs are exactly zero and were kept so",
                 (unsigned long long)zeros);
    }
    return RNM_OK;
}
