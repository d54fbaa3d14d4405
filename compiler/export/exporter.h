/* SPDX-License-Identifier: Apache-2.0
 *
 * From the tables of a .rnm to an ONNX graph.
 */
#ifndef RNC_EXPORT_EXPORTER_H
#define RNC_EXPORT_EXPORTER_H

#include "export/model.h"
#include "rnm_read.h"

typedef struct rnc_exporter rnc_exporter;

/* Gives the name of the value that holds the weight of node `node` times `scale`, one factor an
 * output or NULL, making whatever it takes. */
typedef const char *rnc_weight_maker(rnc_exporter *x, uint32_t node, uint32_t value,
                                     uint32_t scale);

struct rnc_exporter {
    rnc_onnx *model;
    const rnm_view *view;
    const char **names;       /* by value: what it is called in the graph */
    const char **sorted;      /* the names of all values */
    rnc_onnx_tensor **tensor; /* by value: the initializer made for it, or NULL */
    rnc_weight_maker *weight;
};

/* Sets up the above: storage orders vanish, so a Reorder's output is its input. */
void rnc_exporter_begin(rnc_exporter *x, rnc_onnx *model, const rnm_view *view);

/* Fills in the model's graph. RNM_ERR_UNSUPPORTED names an operator that ONNX lacks. */
rnm_status rnc_exporter_run(rnc_exporter *x);

/* A name that no value has: that of `value`, a slash and `part`. */
const char *rnc_exporter_part(rnc_exporter *x, uint32_t value, const char *part);

/* What a value is called; a stored tensor becomes an initializer when it is first asked for. */
const char *rnc_exporter_value(rnc_exporter *x, uint32_t value);

/* A scalar initializer of f32. */
const char *rnc_exporter_scalar(rnc_exporter *x, const char *name, float value);

/* Makes nodes for node `node` of the .rnm; false where its operator has no counterpart. */
bool rnc_exporter_node(rnc_exporter *x, uint32_t node);

rnc_weight_maker rnc_dense_weight;

#endif
