/* SPDX-License-Identifier: Apache-2.0
 *
 * A .rnm against the checkpoint it came from. Child weights are derived twice, from the checkpoint
 * by the training code's rules (child.c) and from the file by the format's (expand_ref.h), and must
 * agree bit for bit; so must scales, biases and the graph.
 */
#include "job.h"
#include "open_rnm.h"
#include "rnc.h"

#include "half.h"
#include "ir/attributes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct verifier {
    rnc_job *job;
    const rnm_view *view;
    const char *path;
    rnc_verify_result *result;
    rnm_error *err;
    bool failed; /* the first difference is in *err */
} verifier;

/* Records a difference: the first as the error, those that follow as notes. */
static void differ(verifier *v, const char *format, ...) RNM_PRINTF(2, 3);
static void differ(verifier *v, const char *format, ...) {
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (v->failed) {
        rnc_note(v->job, "%s: %s", v->path, what);
    } else {
        rnm_fail(v->err, RNM_ERR_MISMATCH, "%s: %s", v->path, what);
        v->failed = true;
    }
}

/* ---- child weights --------------------------------------------------------------------------- */

/* Equal bits; the format allows no NaN on either side. */
static bool same_float(float a, float b) {
    return rnm_f32_bits(a) == rnm_f32_bits(b);
}

static rnm_status compare_child(verifier *v, const rnc_child *ours, const rnm_child *theirs) {
    size_t row = (size_t)ours->ci * ours->taps;
    uint64_t different = 0;
    char first[200] = "";
    float *expected = malloc(row * sizeof *expected);
    rnc_child_rows *rows = rnc_child_rows_open(ours, theirs->parent_dtype);
    rnm_status status = RNM_OK;
    if (expected == NULL || rows == NULL) {
        status =
            rnm_fail(v->err, RNM_ERR_MEMORY, "%s: no memory for a row of %s", v->path, ours->name);
        goto done;
    }
    for (uint32_t o = 0; o < ours->co; o++) {
        rnc_child_row(rows, o, expected);
        for (size_t k = 0; k < row; k++) {
            uint32_t i = (uint32_t)(k / ours->taps);
            uint32_t tap = (uint32_t)(k % ours->taps);
            float found = rnm_expand_ref_at(theirs, o, i, tap);
            if (!same_float(found, expected[k]) && different++ == 0) {
                snprintf(first, sizeof first,
                         "the first at output %u, input %u, tap %u: %.9g in the file, %.9g by the "
                         "checkpoint",
                         o, i, tap, (double)found, (double)expected[k]);
            }
        }
    }
    v->result->elements += row * ours->co;
    v->result->different += different;
    if (different > 0) {
        differ(v, "layer %s: %" PRIu64 " of %zu weights differ, %s", ours->name, different,
               row * ours->co, first);
    }
done:
    rnc_child_rows_close(rows);
    free(expected);
    return status;
}

static rnm_status compare_recipe(verifier *v, const rnc_child *ours, uint32_t recipe) {
    const rnm_child theirs = rnm_view_child(v->view, recipe);
    const rnm_recipe_rec *record = &v->view->recipes[recipe];
    unsigned transform =
        ours->transform == RNC_RANDOM ? RNM_TRANSFORM_LINEAR : (unsigned)ours->transform;
    v->result->layers++;
    v->result->parent_type = rnm_dtype_name(theirs.parent_dtype);
    if (record->rank != ours->rank ||
        memcmp(record->dims, ours->dims, (size_t)ours->rank * sizeof *ours->dims) != 0) {
        differ(v, "layer %s: the weight has another shape than by the checkpoint", ours->name);
        return RNM_OK;
    }
    if (theirs.transform != transform || theirs.flags != ours->flags) {
        differ(v, "layer %s: transform %s (flags %u) in the file, %s (flags %u) by the checkpoint",
               ours->name, rnc_transform_name((rnc_transform)theirs.transform), theirs.flags,
               rnc_transform_name((rnc_transform)transform), ours->flags);
    }
    return compare_child(v, ours, &theirs);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void compare_channel(verifier *v, const char *node, const char *part, const rnc_value *ours,
                            uint32_t tensor) {
    const rnm_tensor_rec *record = &v->view->tensors[tensor];
    const float *found = rnm_view_tensor(v->view, tensor);
    if (record->dims[0] != ours->shape.dims[0]) {
        differ(v, "node %s: the %s has %u channels in the file, %" PRId64 " by the checkpoint",
               node, part, record->dims[0], ours->shape.dims[0]);
        return;
    }
    uint64_t different = 0;
    uint32_t first = 0;
    for (uint32_t c = record->dims[0]; c-- > 0;) {
        if (!same_float(found[c], ours->channel[c])) {
            different++;
            first = c;
        }
    }
    v->result->channels += record->dims[0];
    v->result->channels_different += different;
    if (different > 0) {
        differ(v,
               "node %s: %" PRIu64 " channels of the %s differ, the first is %u: %.9g in the "
               "file, %.9g by the checkpoint",
               node, different, part, first, (double)found[first], (double)ours->channel[first]);
    }
}

/* Bytes, so that NaNs compare too. */
static void compare_constant(verifier *v, const char *node, const rnc_value *ours,
                             uint32_t tensor) {
    const rnm_tensor_rec *record = &v->view->tensors[tensor];
    const uint8_t *found = rnm_view_tensor(v->view, tensor);
    const size_t size = rnm_dtype_size(ours->shape.dtype);
    int64_t elements = rnc_tensor_elements(ours->tensor);
    bool same = record->dtype == ours->shape.dtype && record->length == (uint64_t)elements * size;
    for (int64_t k = 0; k < elements && same; k++) {
        uint8_t expected[sizeof(uint64_t)];
        rnc_tensor_copy(ours->tensor, k, 1, expected);
        same = memcmp(expected, found + (size_t)k * size, size) == 0;
    }
    if (!same) {
        differ(v, "node %s: constant %s differs", node, ours->name);
    }
}

static bool same_numbers(int op, float a_alpha, float b_alpha, float a_beta, float b_beta) {
    unsigned has = rnc_op_attributes(op);
    return (!(has & RNC_HAS_ALPHA) || same_float(a_alpha, b_alpha)) &&
           (!(has & RNC_HAS_BETA) || same_float(a_beta, b_beta));
}

static bool same_attrs(const rnm_node_attrs *a, const rnm_node_attrs *b, int op) {
    unsigned has = rnc_op_attributes(op);
    bool same = a->activation == b->activation &&
                same_numbers((int)a->activation, a->activation_alpha, b->activation_alpha,
                             a->activation_beta, b->activation_beta) &&
                same_numbers(op, a->alpha, b->alpha, a->beta, b->beta) &&
                (!(has & RNC_HAS_GROUP) || a->group == b->group) &&
                (!(has & RNC_HAS_AXIS) || a->axis == b->axis) &&
                (!(has & RNC_HAS_COUNT) || a->count_include_pad == b->count_include_pad) &&
                (!(has & RNC_HAS_WINDOW) || a->ceil_mode == b->ceil_mode);
    for (int d = 0; d < b->spatial; d++) {
        same = same && (!(has & RNC_HAS_WINDOW) || a->kernel_shape[d] == b->kernel_shape[d]) &&
               (!(has & RNC_HAS_STRIDES) ||
                (a->strides[d] == b->strides[d] && a->dilations[d] == b->dilations[d] &&
                 a->pads[d] == b->pads[d] && a->pads[b->spatial + d] == b->pads[b->spatial + d]));
    }
    return same;
}

static const char *value_name(const rnm_view *view, uint32_t ref) {
    return ref == RNM_NONE ? "" : rnm_view_string(view, view->values[ref].name);
}

/* Compares node `n`; constants by content, activations by name. */
static rnm_status compare_node(verifier *v, uint32_t n) {
    static const char *const parts[] = {"input", "weight", "bias", "scale", "residual"};
    const rnc_node *ours = v->job->graph.nodes[n];
    const rnm_node_rec *theirs = &v->view->nodes[n];
    const rnm_node_attrs attrs = rnm_view_attrs(v->view, n);
    const uint32_t *refs = v->view->refs + theirs->first_ref;
    bool same = theirs->op == ours->op && same_attrs(&attrs, &ours->attrs, ours->op) &&
                strcmp(rnm_view_string(v->view, theirs->name), ours->name) == 0 &&
                theirs->input_count <= ours->input_count;
    rnm_status status = RNM_OK;
    for (int i = 0; same && i < ours->input_count && status == RNM_OK; i++) {
        const rnc_value *value = ours->inputs[i];
        uint32_t ref = i < theirs->input_count ? refs[i] : RNM_NONE;
        if ((value == NULL) != (ref == RNM_NONE)) {
            same = false;
        } else if (value == NULL) {
            continue;
        } else if (value->kind == RNC_VALUE_ACTIVATION) {
            same = strcmp(value_name(v->view, ref), value->name) == 0;
        } else {
            const rnm_value_rec *record = &v->view->values[ref];
            bool weight = value->kind == RNC_VALUE_WEIGHT;
            same = record->kind == (weight ? RNM_VALUE_RECIPE : RNM_VALUE_TENSOR);
            if (same && weight) {
                status = compare_recipe(v, value->child, record->source);
            } else if (same && value->kind == RNC_VALUE_CONSTANT) {
                compare_constant(v, ours->name, value, record->source);
            } else if (same) {
                const char *part =
                    ours->op == RNM_OP_ScaleBias ? (i == 1 ? "scale" : "bias") : parts[i];
                compare_channel(v, ours->name, part, value, record->source);
            }
        }
    }
    v->result->nodes++;
    if (!same) {
        v->result->nodes_different++;
        differ(v,
               "node %u: %s %s in the file is not %s %s as by the checkpoint, or has other "
               "inputs or attributes",
               n, rnm_op_find(theirs->op)->name, rnm_view_string(v->view, theirs->name),
               rnc_node_op_name(ours), ours->name);
    }
    return status;
}

static void compare_end(verifier *v, const char *kind, const rnc_value *ours, uint32_t theirs) {
    const rnm_shape shape = rnm_view_shape(v->view, theirs);
    if (!rnm_shape_equal(&shape, &ours->shape)) {
        char found[RNM_SHAPE_TEXT];
        char expected[RNM_SHAPE_TEXT];
        differ(v,
               "the %s is %s in the file, %s by the checkpoint (--input-size and --dataset must "
               "be as when it was compiled)",
               kind, rnm_shape_text(&shape, found, sizeof found),
               rnm_shape_text(&ours->shape, expected, sizeof expected));
    }
    const char *name = value_name(v->view, theirs);
    if (strcmp(name, ours->name) != 0) {
        differ(v, "the %s is %s in the file, %s by the checkpoint", kind, name, ours->name);
    }
}

/* The graph's inputs and outputs. Shapes between them follow from the inputs' and the nodes. */
static void compare_ends(verifier *v) {
    const rnc_graph *graph = &v->job->graph;
    const rnm_graph_rec *record = v->view->graph;
    if (record->input_count != graph->input_count || record->output_count != graph->output_count) {
        differ(v, "%u inputs and %u outputs in the file, %zu and %zu by the checkpoint",
               record->input_count, record->output_count, graph->input_count, graph->output_count);
        return;
    }
    for (uint32_t k = 0; k < record->input_count; k++) {
        compare_end(v, "input", graph->inputs[k], v->view->inputs[k]);
    }
    for (uint32_t k = 0; k < record->output_count; k++) {
        compare_end(v, "output", graph->outputs[k], v->view->outputs[k]);
    }
}

static rnm_status compare_graph(verifier *v) {
    const rnc_graph *graph = &v->job->graph;
    compare_ends(v);
    if (v->view->graph->node_count != graph->node_count) {
        differ(v, "%u nodes in the file, %zu by the checkpoint", v->view->graph->node_count,
               graph->node_count);
        v->result->nodes_different++;
        return RNM_OK;
    }
    rnm_status status = RNM_OK;
    for (uint32_t n = 0; n < graph->node_count && status == RNM_OK; n++) {
        status = compare_node(v, n);
        if (v->job->options->progress != NULL) {
            v->job->options->progress(v->job->options->user,
                                      (double)(n + 1) / (double)graph->node_count);
        }
    }
    return status;
}

rnm_status rnc_verify(const char *path, const char *checkpoint, const rnc_options *options,
                      rnc_verify_result *result, rnm_error *error) {
    rnc_rnm rnm;
    rnc_weights weights;
    rnc_job job;
    *result = (rnc_verify_result){.parent_type = rnm_dtype_name(RNM_F32)};
    rnm_status status = rnc_rnm_open(path, &rnm, error);
    if (status != RNM_OK) {
        return status;
    }
    status = rnc_weights_open(checkpoint, &weights, error);
    if (status != RNM_OK) {
        rnc_rnm_close(&rnm);
        return status;
    }
    rnc_job_begin(&job, &weights, options);
    status = rnc_job_run(&job, error);
    if (status == RNM_OK) {
        verifier v = {.job = &job, .view = &rnm.view, .path = path, .result = result, .err = error};
        status = compare_graph(&v);
        status = status == RNM_OK && v.failed ? RNM_ERR_MISMATCH : status;
    }
    rnc_job_end(&job);
    rnc_weights_close(&weights);
    rnc_rnm_close(&rnm);
    return status;
}
