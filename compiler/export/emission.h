/* SPDX-License-Identifier: Apache-2.0
 *
 * A node of a .rnm on its way to ONNX.
 */
#ifndef RNC_EXPORT_EMISSION_H
#define RNC_EXPORT_EMISSION_H

#include "export/exporter.h"

typedef struct rnc_emission {
    rnc_exporter *x;
    uint32_t index;
    const rnm_node_rec *node;
    const uint32_t *inputs; /* values, RNM_NONE where absent */
    uint32_t output;
    const char *name;
    rnm_node_attrs attrs;
    int steps, done;    /* nodes that it takes, and that are there */
    const char *result; /* of the last one that is */
} rnc_emission;

typedef void rnc_emit_node(rnc_emission *e);

/* The name of input k, NULL where there is none. */
const char *rnc_emission_input(const rnc_emission *e, uint32_t k);

/* One node of those that a node of the .rnm becomes. */
Onnx__NodeProto *rnc_emission_step(rnc_emission *e, const char *op, const char *part,
                                   const char *const *inputs, size_t count);

/* The name of an initializer of i64 made for the node. `rank` 0: a scalar, of one entry. */
const char *rnc_emission_ints(rnc_emission *e, const char *part, int rank, const int64_t *values,
                              int64_t count);

/* Attributes of windows, those that ONNX has defaults for too: not every reader knows these. */
void rnc_emission_window(const rnc_emission *e, Onnx__NodeProto *node, const int64_t *kernel);

/* general.c: the operator of that name, its attributes under their own names but for those that a
 * table says are inputs or words; and operators that need more than that. */
rnc_emit_node rnc_emit_general, rnc_emit_resize, rnc_emit_matmul, rnc_emit_mean_variance;

/* The opset that the model's nodes need, at least `opset`. */
int rnc_exporter_opset(const rnc_exporter *x, int opset);

#endif
