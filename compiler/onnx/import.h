/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the ONNX importer: from a parsed model to the compiler's graph. Nodes are taken in
 * their order, which ONNX wants to be one in which they can run. What is constant is kept as
 * tensors, folded where that stays small (fold.c); everything else becomes nodes, by one function
 * an operator (table.c names them).
 */
#ifndef RNC_ONNX_IMPORT_H
#define RNC_ONNX_IMPORT_H

#include "job.h"
#include "readers/onnx.h"

/* Operator sets that the table speaks of: opsets of the default domain above are unknown. */
enum { RNC_ONNX_NEWEST_OPSET = 28 };

/* Ceilings, whatever the file says. */
enum {
    RNC_ONNX_MAX_NODES = 1 << 15,  /* functions written out */
    RNC_ONNX_MAX_CALLS = 16,       /* functions in functions */
    RNC_ONNX_MAX_FOLDED = 1 << 16, /* elements of a constant that is computed here */
    RNC_ONNX_MAX_FILLED = 1 << 20, /* elements of a constant that repeats one number */
};

/* What a function of our own export makes: a child that has no name yet. */
typedef struct rnc_onnx_recipe {
    const char *name;
    rnc_child child;
} rnc_onnx_recipe;

/* What a name stands for: a recipe, a constant (`tensor`), a value of the graph (`value`), or both
 * of these, once a constant was needed as a value. */
typedef struct rnc_onnx_value {
    const char *name;
    const rnc_tensor *tensor;
    const bool *symbolic; /* i64 tensors of dims: elements that stand for symbols, as in rnm_shape;
                             NULL for none */
    rnc_value *value;
    const rnc_onnx_recipe *recipe;
    bool reserved; /* in tables of names: kept for a graph output */
} rnc_onnx_value;

/* Names of one graph or function body. */
typedef struct rnc_onnx_scope {
    rnc_onnx_value **slots; /* open addressing */
    size_t room;            /* a power of two */
    size_t count;
    const char *prefix; /* of names in the graph, "" at the top */
    int depth;
} rnc_onnx_scope;

typedef struct rnc_import {
    rnc_job *job;
    rnc_graph *graph;
    const rnc_onnx *onnx;
    rnc_onnx_scope value_names; /* in use, those of stored tensors among them */
    rnc_onnx_scope node_names;  /* in use, those of recipes among them */
    size_t nodes;               /* converted, to keep the ceiling */
    uint64_t work;              /* of looking at generators */
    bool own_functions;         /* those of the domain of our export are ours */
    rnm_error *err;
} rnc_import;

/* A node being converted. */
typedef struct rnc_call {
    rnc_import *import;
    rnc_onnx_scope *scope;
    const Onnx__NodeProto *proto;
    const char *op;
    const char *name;              /* for people, and of what the node becomes */
    int64_t opset;                 /* of the operator's domain */
    uint64_t seen;                 /* attributes that were asked for, by position */
    const Onnx__NodeProto *caller; /* the call of the function whose body this is in, or NULL */
    const struct rnc_call *outer;  /* ... as a call */
    const Onnx__FunctionProto *function;
} rnc_call;

typedef rnm_status rnc_onnx_convert(rnc_call *call);

/* A row of the operator table. */
typedef struct rnc_onnx_op {
    const char *name;
    int from;  /* the oldest opset whose semantics are known (versions of one meaning are one) */
    int until; /* the newest */
    rnc_onnx_convert *convert;
} rnc_onnx_op;

/* The row of an operator of the default domain; NULL for none. */
const rnc_onnx_op *rnc_onnx_op_find(const char *name);

/* ---- names (names.c) ------------------------------------------------------------------------- */

rnc_onnx_value *rnc_scope_find(const rnc_onnx_scope *scope, const char *name);
/* A new entry; the name must not be there. NULL without memory. */
rnc_onnx_value *rnc_scope_add(rnc_import *im, rnc_onnx_scope *scope, const char *name);
/* `wanted`, or where it is taken, with a number behind it; taken in `names` from now on. NULL
 * without memory. */
const char *rnc_fresh_name(rnc_import *im, rnc_onnx_scope *names, const char *wanted);

/* ---- attributes (attributes.c) --------------------------------------------------------------- */

/* The attribute, marked as seen; of a reference inside of a function, the caller's. */
const Onnx__AttributeProto *rnc_attr_find(rnc_call *call, const char *name);
/* Values with a default; errors for another type. */
rnm_status rnc_attr_int(rnc_call *call, const char *name, int64_t otherwise, int64_t *out);
rnm_status rnc_attr_flag(rnc_call *call, const char *name, bool otherwise, bool *out);
rnm_status rnc_attr_float(rnc_call *call, const char *name, float otherwise, float *out);
/* At most `most` entries; *count = 0 where there is none. */
rnm_status rnc_attr_ints(rnc_call *call, const char *name, int most, int64_t *out, int *count);
/* NULL where there is none; the text is in the import's memory. */
rnm_status rnc_attr_text(rnc_call *call, const char *name, const char **out);
/* Fails when the node has an attribute that nobody asked for. */
rnm_status rnc_attr_all_seen(rnc_call *call);
/* Sets every attribute that `op` has from the one of that name. */
rnm_status rnc_attrs_by_name(rnc_call *call, rnm_op op, rnm_node_attrs *attrs);

/* ---- inputs and outputs (call.c) ------------------------------------------------------------- */

/* Input k, or NULL where it is absent. */
rnc_onnx_value *rnc_call_input(const rnc_call *call, size_t k);
/* The same, which must be there. */
rnm_status rnc_call_need(const rnc_call *call, size_t k, rnc_onnx_value **out);
/* The same as a value of the graph, a constant too. */
rnm_status rnc_call_value(const rnc_call *call, size_t k, rnc_value **out);
/* A value of the graph for a constant of one's own. */
rnm_status rnc_constant_value(const rnc_call *call, const char *name, const rnc_tensor *tensor,
                              rnc_value **out);
/* The elements of an input that must be a constant of integers, rank 0 or 1; symbols as negative
 * numbers with symbolic[k] set (symbolic may be NULL: then symbols are refused). */
rnm_status rnc_call_ints(const rnc_call *call, size_t k, int most, int64_t *out, bool *symbolic,
                         int *count);
/* An element of a constant of integers: true where it stands for a symbol. */
bool rnc_is_symbol(const rnc_onnx_value *value, int64_t index, int64_t *out);
/* An input that must be a constant of one number. */
rnm_status rnc_call_number(const rnc_call *call, size_t k, double *out);
/* True where output k is wanted. */
bool rnc_call_wants(const rnc_call *call, size_t k);
/* Names what the node's output k is. */
rnm_status rnc_bind_value(rnc_call *call, size_t k, rnc_value *value);
rnm_status rnc_bind_tensor(rnc_call *call, size_t k, const rnc_tensor *tensor,
                           const bool *symbolic);
rnm_status rnc_bind_same(rnc_call *call, size_t k, const rnc_onnx_value *as);
/* A new node behind all others, its shapes inferred; its outputs are fresh values. */
rnm_status rnc_emit(rnc_call *call, unsigned op, const rnm_node_attrs *attrs,
                    rnc_value *const *inputs, int input_count, int output_count, rnc_node **out);
/* The same, whose outputs are those of the call. */
rnm_status rnc_emit_call(rnc_call *call, unsigned op, const rnm_node_attrs *attrs,
                         rnc_value *const *inputs, int input_count);
/* RNM_ERR_..., naming the node and its operator. */
rnm_status rnc_call_fail(const rnc_call *call, rnm_status status, const char *format, ...)
    RNM_PRINTF(3, 4);

/* A number read from any type of tensor. */
double rnc_tensor_number(const rnc_tensor *tensor, int64_t index);
int64_t rnc_tensor_integer(const rnc_tensor *tensor, int64_t index);
/* Memory for `count` elements of a new contiguous tensor; NULL without. */
rnc_tensor *rnc_tensor_create(rnc_import *im, rnm_dtype dtype, int rank, const int64_t *dims,
                              void **data);

/* ---- the rest -------------------------------------------------------------------------------- */

/* fold.c: computes the node if all its inputs are constants and the result is small, or a view of
 * one; *done tells. */
rnm_status rnc_onnx_fold(rnc_call *call, bool *done);

/* Nodes of a graph or function body into the graph, in order. */
rnm_status rnc_onnx_nodes(rnc_import *im, rnc_onnx_scope *scope, Onnx__NodeProto *const *nodes,
                          size_t count, const rnc_call *outer);

/* functions.c: the model's own function that a node calls, or NULL; and writing it out. */
const Onnx__FunctionProto *rnc_onnx_function(const rnc_import *im, const Onnx__NodeProto *node);
rnm_status rnc_onnx_inline(rnc_call *call, const Onnx__FunctionProto *function);

/* recipes.c: looks whether the model's functions are those of our export, word for word; whether
 * one of these makes a weight; and binds the output of a call of such a one. */
rnm_status rnc_onnx_find_recipes(rnc_import *im);
bool rnc_onnx_is_recipe(const rnc_import *im, const Onnx__FunctionProto *function);
rnm_status rnc_onnx_recipe_call(rnc_call *call, const Onnx__FunctionProto *function);

/* metadata.c: a data set from what our own export tells, where no other is given. */
rnm_status rnc_onnx_metadata(rnc_import *im);

/* opsets.c: the version of a domain that nodes of the model (function NULL) or of a function
 * import; 0 for none. */
int64_t rnc_onnx_opset(const rnc_import *im, const Onnx__FunctionProto *function,
                       const char *domain);
/* Refuses models with operators that the table lacks, all of them named. */
rnm_status rnc_onnx_check_operators(rnc_import *im);

/* external.c: the bytes of a tensor in another file. */
rnm_status rnc_onnx_external(rnc_import *im, const Onnx__TensorProto *proto, rnc_tensor *tensor);

#endif
