/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch norm, y = gamma * (x - mean) / sqrt(var + eps) + beta, becomes one scale and one bias a
 * channel: of the layer before it where that has no other reader, of a ScaleBias otherwise. The
 * weights stay as they are, because a scale in them would unshare their parent.
 *
 * Requires: resolve_weights.
 * Leaves:   no BatchNormalization.
 */
#include "job.h"

#include <math.h>

static rnm_status read_channel(rnc_job *job, const rnc_node *node, int which, float *dst,
                               rnm_error *err) {
    const rnc_tensor *tensor = node->norm[which];
    int64_t count = node->outputs[0]->shape.dims[1];
    rnc_tensor_copy_f32(tensor, 0, count, dst);
    for (int64_t c = 0; c < count; c++) {
        if (!isfinite(dst[c])) {
            return rnc_fail_tensor(job, RNM_ERR_VALUE, tensor, err, "holds a NaN or an infinity");
        }
    }
    return RNM_OK;
}

/* Computes scale and bias in double and rounds once. `before` is the bias in front of the norm. */
static rnm_status fold(rnc_job *job, const rnc_node *node, const float *before, float *scale,
                       float *bias, rnm_error *err) {
    int64_t count = node->outputs[0]->shape.dims[1];
    float *values = rnc_arena_array(&job->arena, (size_t)count, 4 * sizeof(float), err);
    if (values == NULL) {
        return RNM_ERR_MEMORY;
    }
    float *gamma = values;
    float *beta = values + count;
    float *mean = values + 2 * count;
    float *variance = values + 3 * count;
    rnm_status status = read_channel(job, node, RNC_NORM_SCALE, gamma, err);
    if (status != RNM_OK ||
        (status = read_channel(job, node, RNC_NORM_BIAS, beta, err)) != RNM_OK ||
        (status = read_channel(job, node, RNC_NORM_MEAN, mean, err)) != RNM_OK ||
        (status = read_channel(job, node, RNC_NORM_VARIANCE, variance, err)) != RNM_OK) {
        return status;
    }
    for (int64_t c = 0; c < count; c++) {
        double spread = (double)variance[c] + (double)node->epsilon;
        double factor = (double)gamma[c] / sqrt(spread);
        double shift = before == NULL ? 0.0 : (double)before[c];
        double moved = (shift - (double)mean[c]) * factor;
        scale[c] = (float)factor;
        bias[c] = moved == 0.0 ? beta[c] : (float)(moved + (double)beta[c]); /* -0 stays so */
        if (!(spread > 0.0) || !isfinite(scale[c]) || !isfinite(bias[c])) {
            return rnm_fail(err, RNM_ERR_VALUE,
                            "%s: batch norm %s%s: channel %lld has variance %g and scale %g, which "
                            "give no finite result",
                            job->source.weights->path,
                            node->layer != NULL ? job->source.prefix : "",
                            node->layer != NULL ? node->layer : node->name, (long long)c,
                            (double)variance[c], (double)gamma[c]);
        }
    }
    return RNM_OK;
}

static bool takes_norm(const rnc_graph *graph, const rnc_node *layer) {
    return layer != NULL && rnc_node_weighted(layer) && layer->inputs[RNC_INPUT_SCALE] == NULL &&
           layer->attrs.activation == RNM_OP_NONE &&
           rnc_graph_readers(graph, layer->outputs[0]) == 1;
}

static rnm_status make_channels(rnc_job *job, const char *owner, int64_t count, rnc_value **scale,
                                rnc_value **bias, rnm_error *err) {
    const char *scale_name = rnc_join(&job->graph, owner, ".scale", err);
    const char *bias_name = rnc_join(&job->graph, owner, ".bias", err);
    if (scale_name == NULL || bias_name == NULL) {
        return RNM_ERR_MEMORY;
    }
    *scale = rnc_channel_create(&job->graph, scale_name, count, err);
    *bias = rnc_channel_create(&job->graph, bias_name, count, err);
    return *scale == NULL || *bias == NULL ? RNM_ERR_MEMORY : RNM_OK;
}

rnm_status rnc_fold_batch_norm(rnc_job *job, rnm_error *err) {
    rnc_graph *graph = &job->graph;
    bool *folded = rnc_arena_array(&job->arena, graph->node_count, sizeof(bool), err);
    if (folded == NULL) {
        return RNM_ERR_MEMORY;
    }
    for (size_t n = 0; n < graph->node_count; n++) {
        rnc_node *node = graph->nodes[n];
        if (node->op != RNC_OP_BATCH_NORM) {
            continue;
        }
        rnc_node *layer = node->inputs[0]->producer;
        bool into_layer = takes_norm(graph, layer);
        rnc_value *scale;
        rnc_value *bias;
        rnm_status status = make_channels(job, into_layer ? layer->name : node->name,
                                          node->outputs[0]->shape.dims[1], &scale, &bias, err);
        if (status != RNM_OK) {
            return status;
        }
        const rnc_value *before = into_layer ? layer->inputs[RNC_INPUT_BIAS] : NULL;
        status = fold(job, node, before == NULL ? NULL : before->channel, scale->channel,
                      bias->channel, err);
        if (status != RNM_OK) {
            return status;
        }
        if (into_layer) {
            layer->inputs[RNC_INPUT_SCALE] = scale;
            layer->inputs[RNC_INPUT_BIAS] = bias;
            rnc_graph_replace(graph, node->outputs[0], layer->outputs[0]);
            folded[n] = true;
        } else {
            node->op = RNM_OP_ScaleBias;
            node->inputs[1] = scale;
            node->inputs[2] = bias;
            node->input_count = 3;
        }
    }
    rnc_graph_remove(graph, folded);
    return RNM_OK;
}
