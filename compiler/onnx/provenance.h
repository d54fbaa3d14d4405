/* SPDX-License-Identifier: Apache-2.0
 *
 * Where each element of a weight that constants make comes from.
 */
#ifndef RNC_ONNX_PROVENANCE_H
#define RNC_ONNX_PROVENANCE_H

#include "ir/graph.h"

/* Pairs that an element of a cascade passes through at most. */
enum { RNC_TERM_PAIRS = 3 };

/* Elements that are looked at in one go. */
enum { RNC_TERM_BATCH = 256 };

typedef enum rnc_term_kind {
    RNC_TERM_UNKNOWN, /* none of the below */
    RNC_TERM_NUMBER,  /* `factor` */
    RNC_TERM_PARENT,  /* q * factor, where q is an element of the parent after its pairs */
    RNC_TERM_POWER,   /* exp(q * factor) */
    RNC_TERM_SUM,     /* 1 + exp(q * factor) */
} rnc_term_kind;

/* What an element is, as an expression in one tensor, the parent; all other tensors are numbers. */
typedef struct rnc_term {
    uint8_t kind;
    uint8_t pair_count;
    float factor;
    uint32_t at; /* the parent's element, as an offset from its first */
    float pairs[RNC_TERM_PAIRS][2];
} rnc_term;

/* The constants that an expression reads, each once, and why it is none that is understood. */
enum { RNC_MOST_LEAVES = 16 };
typedef struct rnc_leaves {
    const rnc_tensor *tensors[RNC_MOST_LEAVES]; /* views of one tensor are one */
    size_t count;
    size_t nodes;                /* the expression's, as a tree */
    const rnc_node *unsupported; /* the first node of another kind, or NULL */
    bool too_large;              /* it, or one of its tensors */
    bool varies;                 /* it reads an input of the graph */
} rnc_leaves;

/* True for an expression of known operators over constants alone. */
bool rnc_find_leaves(const rnc_value *value, rnc_leaves *leaves);

/* The elements at `index`, at most RNC_TERM_BATCH, of a value whose leaves were found; flat, in
 * row-major order. */
void rnc_find_terms(const rnc_value *value, const rnc_tensor *parent, const uint32_t *index,
                    size_t count, rnc_term *terms);

#endif
