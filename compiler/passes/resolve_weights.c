/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the parent of every weighted node, its own or a borrowed one, tells the child's size from
 * the tensors around it, and infers every shape.
 *
 * Requires: nodes in running order; layers named; the checkpoint's prefix known.
 * Leaves:   a child in every weighted node, its bias as a channel vector, shapes everywhere; the
 *           batch norms' tensors marked as used.
 */
#include "checked.h"
#include "job.h"

#include <inttypes.h>

static const char *const norm_suffixes[RNC_NORM_TENSORS] = {
    [RNC_NORM_SCALE] = "weight",
    [RNC_NORM_BIAS] = "bias",
    [RNC_NORM_MEAN] = "running_mean",
    [RNC_NORM_VARIANCE] = "running_var",
};

static rnc_node *following_batch_norm(const rnc_graph *graph, const rnc_node *node) {
    for (size_t n = 0; n < graph->node_count; n++) {
        rnc_node *reader = graph->nodes[n];
        if (reader->op == RNC_OP_BATCH_NORM && reader->inputs[0] == node->outputs[0]) {
            return reader;
        }
    }
    return NULL;
}

/* A transposed convolution's weight is stored with its first two axes the other way round: with one
 * group, or one channel a group, a view of it is the weight that the format wants. */
static rnm_status exchange_axes(rnc_job *job, const rnc_node *node, const rnc_tensor **tensor,
                                rnm_error *err) {
    const rnc_tensor *stored = *tensor;
    if (node->op != RNM_OP_ConvTranspose || stored->rank < 2) {
        return RNM_OK;
    }
    bool depthwise = stored->dims[0] == node->attrs.group && stored->dims[1] == 1;
    if (node->attrs.group != 1 && !depthwise) {
        return rnc_fail_tensor(job, RNM_ERR_UNSUPPORTED, stored, err,
                               "is the weight of ConvTranspose %s in %" PRId64
                               " groups: only 1, or one a channel, is supported",
                               node->name, node->attrs.group);
    }
    rnc_tensor *view = rnc_arena_alloc(&job->arena, sizeof *view, err);
    if (view == NULL) {
        return RNM_ERR_MEMORY;
    }
    *view = *stored;
    for (int axis = 0; axis < 2 && !depthwise; axis++) {
        view->dims[axis] = stored->dims[1 - axis];
        view->strides[axis] = stored->strides[1 - axis];
    }
    *tensor = view;
    return RNM_OK;
}

static rnm_status find_parent(rnc_job *job, const rnc_node *node, const rnc_tensor **out,
                              rnm_error *err) {
    const rnc_tensor *parent = rnc_take(job, node->layer, "weight");
    if (parent != NULL && node->parent != NULL && job->known_topology) {
        /* Its relatives differ in who borrows from whom, and their masks would fit all the same. */
        return rnc_fail_tensor(job, RNM_ERR_MODEL, parent, err,
                               "is its layer's own, but topology %s makes it from that of %s",
                               job->topology, node->parent);
    }
    if (parent == NULL && node->parent != NULL) {
        parent = rnc_take(job, node->parent, "weight");
    }
    if (parent == NULL) {
        return rnc_fail_missing(job, node->parent != NULL ? node->parent : node->layer, "weight",
                                err);
    }
    int rank = node->op == RNM_OP_Gemm ? 2 : 4;
    if (parent->rank != rank) {
        return rnc_fail_tensor(job, RNM_ERR_MODEL, parent, err,
                               "should have %d dimensions as the weight of %s but has %d", rank,
                               node->name, parent->rank);
    }
    uint32_t dims[RNM_MAX_RANK];
    for (int d = 0; d < rank; d++) {
        if (parent->dims[d] < 1 || parent->dims[d] > RNM_LIMIT_DIM) {
            return rnc_fail_tensor(job, RNM_ERR_MODEL, parent, err,
                                   "has a dimension of %" PRId64 ", expected 1 to 2^31 - 1",
                                   parent->dims[d]);
        }
        dims[d] = (uint32_t)parent->dims[d];
    }
    rnm_status status = rnc_expect_dims(job, parent, rank, dims, err);
    *out = parent;
    return status == RNM_OK ? exchange_axes(job, node, out, err) : status;
}

/* How many outputs the child has: the bias tells, else the topology, else the batch norm that
 * follows, else the parent. */
static rnm_status child_outputs(rnc_job *job, const rnc_node *node, const rnc_tensor *parent,
                                const rnc_tensor *bias, int64_t *out, rnm_error *err) {
    const rnc_tensor *teller = bias;
    const rnc_node *norm = following_batch_norm(&job->graph, node);
    *out = node->channels > 0 ? node->channels : parent->dims[0];
    if (teller == NULL && node->channels == 0 && norm != NULL) {
        teller = rnc_take(job, norm->layer, "running_mean");
    }
    if (teller != NULL) {
        if (teller->rank != 1 || teller->dims[0] < 1 || teller->dims[0] > RNM_LIMIT_DIM) {
            return rnc_fail_tensor(job, RNM_ERR_MODEL, teller, err,
                                   "should have one dimension, the number of channels");
        }
        *out = teller->dims[0];
    }
    if (node->channels > 0 && *out != node->channels) {
        return rnc_fail_tensor(job, RNM_ERR_MODEL, teller, err,
                               "should have the %" PRId64 " channels that the topology says, has "
                               "%" PRId64,
                               node->channels, *out);
    }
    return RNM_OK;
}

static rnm_status child_inputs(rnc_job *job, const rnc_node *node, const rnc_tensor *parent,
                               int64_t *out, rnm_error *err) {
    rnm_shape *x = &node->inputs[RNC_INPUT_X]->shape;
    if (node->inputs[RNC_INPUT_X] == job->graph.inputs[0] && x->dims[1] == 0) {
        x->dims[1] = parent->dims[1] * node->attrs.group; /* the image has what its layer wants */
    }
    int rank = node->op == RNM_OP_Gemm ? 2 : 4;
    if (x->rank != rank || x->dims[1] % node->attrs.group != 0) {
        return rnm_fail(err, RNM_ERR_MODEL,
                        "%s: %s %s wants an input of rank %d with channels in %" PRId64
                        " groups, found rank %d with %" PRId64 " channels",
                        job->source.weights->path, rnc_node_op_name(node), node->name, rank,
                        node->attrs.group, x->rank, x->rank > 1 ? x->dims[1] : 0);
    }
    *out = x->dims[1] / node->attrs.group;
    return RNM_OK;
}

static rnm_status make_bias(rnc_job *job, rnc_node *node, const rnc_tensor *bias, int64_t co,
                            rnm_error *err) {
    if (bias == NULL) {
        return RNM_OK;
    }
    uint32_t dims[1] = {(uint32_t)co};
    rnm_status status = rnc_expect_dims(job, bias, 1, dims, err);
    if (status != RNM_OK) {
        return status;
    }
    const char *name = rnc_join(&job->graph, node->name, ".bias", err);
    rnc_value *value = name == NULL ? NULL : rnc_channel_create(&job->graph, name, co, err);
    if (value == NULL) {
        return RNM_ERR_MEMORY;
    }
    rnc_tensor_copy_f32(bias, 0, co, value->channel);
    node->inputs[RNC_INPUT_BIAS] = value;
    return RNM_OK;
}

static rnm_status resolve_weighted(rnc_job *job, rnc_node *node, rnm_error *err) {
    const rnc_tensor *parent;
    const rnc_tensor *bias = rnc_take(job, node->layer, "bias");
    int64_t co;
    int64_t ci;
    rnm_status status = find_parent(job, node, &parent, err);
    if (status != RNM_OK || (status = child_outputs(job, node, parent, bias, &co, err)) != RNM_OK ||
        (status = child_inputs(job, node, parent, &ci, err)) != RNM_OK ||
        (status = make_bias(job, node, bias, co, err)) != RNM_OK) {
        return status;
    }
    if (parent->dims[0] > co || parent->dims[1] > ci) {
        return rnc_fail_tensor(job, RNM_ERR_MODEL, parent, err,
                               "is a parent of %" PRId64 "x%" PRId64
                               ", larger than its child %s of %" PRId64 "x%" PRId64,
                               parent->dims[0], parent->dims[1], node->name, co, ci);
    }
    const char *name = rnc_join(&job->graph, node->name, ".weight", err);
    rnc_value *weight =
        name == NULL ? NULL : rnc_value_create(&job->graph, name, RNC_VALUE_WEIGHT, err);
    rnc_child *child = weight == NULL ? NULL : rnc_arena_alloc(&job->arena, sizeof(rnc_child), err);
    if (child == NULL) {
        return RNM_ERR_MEMORY;
    }
    *child = (rnc_child){.name = node->name,
                         .rank = parent->rank,
                         .co = (uint32_t)co,
                         .ci = (uint32_t)ci,
                         .po = (uint32_t)parent->dims[0],
                         .pi = (uint32_t)parent->dims[1],
                         .parent = parent};
    weight->child = child;
    weight->shape.rank = parent->rank;
    uint64_t elements = 1;
    for (int d = 0; d < parent->rank; d++) {
        child->dims[d] = d == 0 ? child->co : d == 1 ? child->ci : (uint32_t)parent->dims[d];
        weight->shape.dims[d] = child->dims[d];
        if (!rnm_mul_u64(elements, child->dims[d], &elements) ||
            elements > RNM_LIMIT_CHILD_BYTES / sizeof(float)) {
            return rnc_fail_tensor(job, RNM_ERR_LIMIT, parent, err,
                                   "expands to more weights in %s than a layer may have, %" PRIu64,
                                   node->name, (uint64_t)RNM_LIMIT_CHILD_BYTES / sizeof(float));
        }
    }
    child->taps = (uint32_t)(elements / child->co / child->ci);
    node->inputs[RNC_INPUT_WEIGHT] = weight;
    return RNM_OK;
}

static rnm_status resolve_batch_norm(rnc_job *job, rnc_node *node, rnm_error *err) {
    const rnm_shape *x = &node->inputs[0]->shape;
    if (x->rank < 2) {
        return rnm_fail(err, RNM_ERR_MODEL, "%s: batch norm %s has no channels to normalise",
                        job->source.weights->path, node->name);
    }
    uint32_t dims[1] = {(uint32_t)x->dims[1]};
    for (int k = 0; k < RNC_NORM_TENSORS; k++) {
        const rnc_tensor *tensor = rnc_take(job, node->layer, norm_suffixes[k]);
        if (tensor == NULL) {
            return rnc_fail_missing(job, node->layer, norm_suffixes[k], err);
        }
        node->norm[k] = tensor;
        rnm_status status = rnc_expect_dims(job, tensor, 1, dims, err);
        if (status != RNM_OK) {
            return status;
        }
    }
    rnc_take(job, node->layer, "num_batches_tracked");
    return RNM_OK;
}

rnm_status rnc_resolve_weights(rnc_job *job, rnm_error *err) {
    for (size_t n = 0; n < job->graph.node_count; n++) {
        rnc_node *node = job->graph.nodes[n];
        rnm_status status = RNM_OK;
        if (rnc_node_weighted(node)) {
            status = resolve_weighted(job, node, err);
        } else if (node->op == RNC_OP_BATCH_NORM) {
            status = resolve_batch_norm(job, node, err);
        }
        if (status == RNM_OK) {
            status = rnc_node_infer(node, err);
            if (status != RNM_OK) {
                return rnm_fail_in(err, status, job->source.weights->path);
            }
        }
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}
