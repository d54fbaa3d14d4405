/* SPDX-License-Identifier: Apache-2.0
 *
 * A child weight as a checkpoint describes it: parent, transform and the tensors that steer it, in
 * the semantics of the authors' training code. Filled in by passes resolve_weights and
 * choose_transform; read by the writer and, independently of what was written, by verify.
 */
#ifndef RNC_CHILD_H
#define RNC_CHILD_H

#include "rnm_format.h"
#include "weights.h"

/* How a checkpoint makes a child. The first four are stored as what they are. */
typedef enum rnc_transform {
    RNC_LINEAR = RNM_TRANSFORM_LINEAR,
    RNC_S = RNM_TRANSFORM_S,
    RNC_F = RNM_TRANSFORM_F,
    RNC_DROP = RNM_TRANSFORM_DROP,
    RNC_RANDOM = 16, /* parent and random kernels in a row, signs on all: stored dense */
} rnc_transform;

typedef struct rnc_child {
    const char *name; /* the layer's */
    rnc_transform transform;
    uint8_t flags; /* RNM_RECIPE_... */
    int rank;
    uint32_t dims[5]; /* [co, ci, kernel...] */
    uint32_t co, ci, taps;
    uint32_t po, pi;
    const rnc_tensor *parent;          /* [po, pi, kernel...] */
    const rnc_tensor *b1, *b2;         /* s: pairs of the blocks */
    const rnc_tensor *row_b1, *row_b2; /* s, cascaded: the row edge's pair, or NULL */
    const rnc_tensor *col_b1, *col_b2;
    const rnc_tensor *mask;     /* f, drop: the regular part (drop: all of it); random: all of it */
    const rnc_tensor *row_mask; /* f: row edge [e0, r1 * pi, kernel...], or NULL */
    const rnc_tensor *col_mask; /* f: column edge [co, e1, kernel...], or NULL */
    const rnc_tensor *whole;    /* linear, f: the dense weight that the child was recognised in; its
                                   signs against the parent's are the mask */
    const float *pairs;         /* s: all pairs in the file's order, in place of the above */
    const uint8_t *signs;       /* f, drop: flips or drops in mask order, in place of the masks */
    const uint8_t *zero_signs;  /* f: with `signs`, those of exactly zero, or NULL */
    const rnc_tensor *random;   /* random: the kernels behind the parent's */
    rnm_dtype parent_dtype;     /* what the parent is stored as unless the options say; 0: f32 */
    bool mask_unused;           /* the file has a mask for a child that repeats nothing */
    uint64_t flips;             /* f, random: negative signs; drop: dropped elements */
    uint64_t zeros;             /* f, random: signs of exactly zero */
} rnc_child;

/* "linear", "s", "f", "drop", "random". */
const char *rnc_transform_name(rnc_transform transform);

/* True where a parent element is used as it is everywhere: no repetition, no transform. */
bool rnc_child_dense(const rnc_child *child);

/* Elements of the child. */
uint64_t rnc_child_elements(const rnc_child *child);

/* Reads a child row by row (one output each), by the training code's own rules and from its own
 * tensors. `parent_dtype` is what parents are rounded to first. NULL without memory. */
typedef struct rnc_child_rows rnc_child_rows;
rnc_child_rows *rnc_child_rows_open(const rnc_child *child, rnm_dtype parent_dtype);
void rnc_child_rows_close(rnc_child_rows *rows);

/* The effective signs of output `o`, ci * taps elements: the product of the signs that apply. An
 * element whose product is zero is marked so, and its sign is that of the other factors. For f and
 * random. */
void rnc_child_signs(rnc_child_rows *rows, uint32_t o, bool *negative, bool *zero);

/* Which of the ci * taps elements of output `o` are dropped. For drop. */
void rnc_child_dropped(rnc_child_rows *rows, uint32_t o, bool *dropped);

/* The weights of output `o`, ci * taps values, as the training code computes them in f32. */
void rnc_child_row(rnc_child_rows *rows, uint32_t o, float *dst);

/* Pairs of betas, and one of them by its index in the file's order. For s. */
uint64_t rnc_child_pair_count(const rnc_child *child);
void rnc_child_pair(const rnc_child *child, uint64_t index, float *b1, float *b2);

/* Rounds to f16 or bf16 and back; f32 stays as it is. */
float rnc_round_to(float value, rnm_dtype dtype);

#endif
