/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of operator sets, and the look at all operators of a model before anything is built.
 */
#include "onnx/import.h"

#include <inttypes.h>
#include <string.h>

/* "" and "ai.onnx" are one domain. */
static const char *plain(const char *domain) {
    return domain == NULL || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

int64_t rnc_onnx_opset(const rnc_import *im, const Onnx__FunctionProto *function,
                       const char *domain) {
    Onnx__OperatorSetIdProto *const *sets =
        function != NULL ? function->opset_import : im->onnx->model->opset_import;
    size_t count = function != NULL ? function->n_opset_import : im->onnx->model->n_opset_import;
    for (size_t k = 0; k < count; k++) {
        if (strcmp(plain(sets[k]->domain), plain(domain)) == 0) {
            return sets[k]->version;
        }
    }
    return 0;
}

/* Operators that are missing, each with the first node that has it. */
enum { MAX_MISSING = 64 };

typedef struct census {
    rnc_import *im;
    struct {
        const char *op, *domain, *node;
        int64_t opset;
        size_t nodes;
    } missing[MAX_MISSING];
    size_t count;
    size_t nodes; /* all, functions as often as they are called */
} census;

static const char *name_of(const Onnx__NodeProto *node) {
    return node->name != NULL && node->name[0] != '\0' ? node->name
           : node->n_output > 0                        ? node->output[0]
                                                       : "without a name";
}

static void add_missing(census *c, const Onnx__NodeProto *node, int64_t opset) {
    size_t k = 0;
    while (k < c->count && (strcmp(c->missing[k].op, node->op_type) != 0 ||
                            strcmp(c->missing[k].domain, plain(node->domain)) != 0)) {
        k++;
    }
    if (k == MAX_MISSING) {
        return;
    }
    if (k == c->count) {
        c->missing[k].op = node->op_type;
        c->missing[k].domain = plain(node->domain);
        c->missing[k].node = name_of(node);
        c->missing[k].opset = opset;
        c->missing[k].nodes = 0;
        c->count++;
    }
    c->missing[k].nodes++;
}

static bool done(const Onnx__NodeProto *node, int64_t opset) {
    if (plain(node->domain)[0] != '\0') {
        return false;
    }
    const rnc_onnx_op *row = rnc_onnx_op_find(node->op_type);
    return row != NULL && opset >= row->from && opset <= row->until;
}

static rnm_status count_nodes(census *c, Onnx__NodeProto *const *nodes, size_t count,
                              const Onnx__FunctionProto *in, int depth) {
    const char *path = c->im->job->source.weights->path;
    for (size_t n = 0; n < count; n++) {
        const Onnx__NodeProto *node = nodes[n];
        if (node->op_type == NULL || node->op_type[0] == '\0') {
            return rnm_fail(c->im->err, RNM_ERR_FORMAT, "%s: node %s names no operator", path,
                            name_of(node));
        }
        if (++c->nodes > RNC_ONNX_MAX_NODES) {
            return rnm_fail(c->im->err, RNM_ERR_LIMIT,
                            "%s: more than %d nodes, functions written out", path,
                            RNC_ONNX_MAX_NODES);
        }
        const Onnx__FunctionProto *function = rnc_onnx_function(c->im, node);
        int64_t opset = rnc_onnx_opset(c->im, in, node->domain);
        if (function == NULL) {
            if (opset == 0) {
                return rnm_fail(c->im->err, RNM_ERR_MODEL,
                                "%s: node %s (%s): the model imports no opset of its domain `%s`",
                                path, name_of(node), node->op_type, plain(node->domain));
            }
            if (!done(node, opset)) {
                add_missing(c, node, opset);
            }
            continue;
        }
        if (depth == 0 && rnc_onnx_is_recipe(c->im, function)) {
            continue; /* what its body has is not asked for */
        }
        if (depth == RNC_ONNX_MAX_CALLS) {
            return rnm_fail(c->im->err, RNM_ERR_LIMIT,
                            "%s: node %s: function %s is recursive, or functions call each other "
                            "deeper than %d levels",
                            path, name_of(node), node->op_type, RNC_ONNX_MAX_CALLS);
        }
        rnm_status status = count_nodes(c, function->node, function->n_node, function, depth + 1);
        if (status != RNM_OK) {
            return status;
        }
    }
    return RNM_OK;
}

static void describe(const census *c, size_t k, char *text, size_t room) {
    const char *domain = c->missing[k].domain;
    char more[48] = "";
    if (c->missing[k].nodes > 1) {
        snprintf(more, sizeof more, " and %zu more", c->missing[k].nodes - 1);
    }
    snprintf(text, room, "%s%s%s (opset %" PRId64 ", node %.60s%s)", domain,
             domain[0] != '\0' ? "." : "", c->missing[k].op, c->missing[k].opset,
             c->missing[k].node, more);
}

rnm_status rnc_onnx_check_operators(rnc_import *im) {
    census c = {.im = im};
    const Onnx__GraphProto *graph = im->onnx->model->graph;
    rnm_status status = count_nodes(&c, graph->node, graph->n_node, NULL, 0);
    if (status != RNM_OK || c.count == 0) {
        return status;
    }
    char list[480] = "";
    size_t used = 0;
    for (size_t k = 0; k < c.count; k++) {
        char one[200];
        describe(&c, k, one, sizeof one);
        rnc_note(im->job, "not supported: %s", one);
        if (used + strlen(one) + 32 < sizeof list) {
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", k == 0 ? "" : ", ", one);
        } else if (k + 1 == c.count || used < sizeof list - 4) {
            snprintf(list + used, sizeof list - used, ", ...");
            used = sizeof list;
        }
    }
    return rnm_fail(im->err, RNM_ERR_UNSUPPORTED,
                    "%s: not supported are %zu kinds of operators: %s",
                    im->job->source.weights->path, c.count, list);
}
