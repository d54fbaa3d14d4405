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
    rnc_proto *model;
    const rnm_view *view;
    rnc_weight_maker *weight;
    bool compact;
    uint32_t *roots;    /* by value: the one that it is another storage order of, or itself */
    bool *fixed;        /* by root: it is a graph input or output, whose name must stay */
    const char **names; /* by root: what it is called in the graph */
    const char **taken; /* names of values, tensors and nodes, sorted */
    size_t taken_count;
    rnc_proto_tensor **tensor; /* by value: the initializer made for it, or NULL */
    bool *made;                /* compact, by value: its weight is there */
    const char **stored;       /* compact, by stored tensor: its initializer's name, or NULL */
    uint32_t *users;           /* compact, by stored tensor: recipes that name it as parent */
    uint32_t *readers;         /* by value: nodes that read it */
};

/* Sets up the above. Storage orders vanish: a Reorder's output is its input. */
void rnc_exporter_begin(rnc_exporter *x, rnc_proto *model, const rnm_view *view, bool compact);

/* Fills in the model's graph. */
rnm_status rnc_exporter_run(rnc_exporter *x);

/* A name that nothing has: that of `value`, a slash and `part`. */
const char *rnc_exporter_part(rnc_exporter *x, uint32_t value, const char *part);

/* A stored tensor's own name, or where a value has it too, one with a slash and `role`. */
const char *rnc_exporter_free_name(rnc_exporter *x, uint32_t tensor, const char *role);

/* What the node is called that makes the weight of a recipe: that name, a slash and more. Nodes
 * must not share names in all runtimes. */
const char *rnc_exporter_call(rnc_exporter *x, const char *recipe);

/* What a value is called. */
const char *rnc_exporter_name(const rnc_exporter *x, uint32_t value);

/* The same for an input of a node; a stored tensor becomes an initializer when it is first asked
 * for. */
const char *rnc_exporter_value(rnc_exporter *x, uint32_t value);

/* Groups of a ConvTranspose, whose weight ONNX has with outputs and inputs exchanged in each, 0 for
 * other nodes; and the dims of a weight so. */
uint32_t rnc_exporter_groups(const rnc_exporter *x, uint32_t node);
void rnc_exporter_exchange(rnm_shape *shape, uint32_t groups);

/* An initializer of i64; `rank` 0: a scalar, of one entry. */
const char *rnc_exporter_list(rnc_exporter *x, const char *name, int rank, const int64_t *values,
                              int64_t count);

/* A scalar initializer of f32. */
const char *rnc_exporter_scalar(rnc_exporter *x, const char *name, float value);

/* Makes nodes for node `node` of the .rnm. */
void rnc_exporter_node(rnc_exporter *x, uint32_t node);

/* What ONNX has no place for goes into the model's metadata. */
void rnc_exporter_tell(rnc_exporter *x);

rnc_weight_maker rnc_dense_weight;
rnc_weight_maker rnc_compact_weight;

#endif
