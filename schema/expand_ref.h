/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar reference of every transform: what a child weight is, as a sequence of roundings
 * (FORMAT.md section 5). Slow and obvious; every faster expander is compared with it.
 */
#ifndef RNM_EXPAND_REF_H
#define RNM_EXPAND_REF_H

#include "rnm_base.h"
#include "rnm_format.h"

#include <stdbool.h>

/* A recipe with its pointers resolved. Read-only; points into a mapped or in-memory file. */
typedef struct rnm_child {
    const char *name;
    uint8_t transform; /* RNM_TRANSFORM_... */
    uint8_t flags;     /* RNM_RECIPE_... */
    uint32_t co, ci;   /* child outputs, child inputs of one group */
    uint32_t taps;     /* product of the kernel's sizes */
    uint32_t po, pi;   /* parent outputs and inputs */
    rnm_dtype parent_dtype;
    const void *parent;        /* [pi][taps][po] */
    const float *betas;        /* [pairs][2] or NULL */
    const uint8_t *mask;       /* mask order, or NULL */
    const uint8_t *zero_plane; /* or NULL */
    const uint32_t *zero_list; /* or NULL */
    uint32_t zero_count;
} rnm_child;

/* Bytes of a mask over co x ci x taps: full panels of 32 outputs take a 4-byte word for each
 * (input, tap), the last one ceil(rest / 8) bytes. */
uint64_t rnm_mask_bytes(uint32_t co, uint32_t ci, uint32_t taps);

/* Bit position of a child element in mask order: byte position / 8, bit position % 8. */
uint64_t rnm_mask_position(uint32_t co, uint32_t ci, uint32_t taps, uint32_t o, uint32_t i,
                           uint32_t tap);

/* Pairs of betas that an s recipe of these sizes and flags has. */
uint64_t rnm_beta_pairs(uint32_t co, uint32_t ci, uint32_t po, uint32_t pi, uint8_t flags);

/* One parent element as f32 (exact for every parent type). */
float rnm_parent_at(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap);

/* s(p) = fl(p * b1) / fl(1 + exp(fl(p * b2))), every operation rounded to f32, exp within 1 ulp,
 * an infinite exp giving a zero with the sign of the numerator. */
float rnm_transform_s(float p, float b1, float b2);

/* One child element, o in [0, co), i in [0, ci), tap in [0, taps). */
float rnm_expand_ref_at(const rnm_child *child, uint32_t o, uint32_t i, uint32_t tap);

/* One output of the child: [ci][taps]. */
void rnm_expand_ref_row(const rnm_child *child, uint32_t o, float *dst);

/* The whole child, in ONNX order [co][ci][taps]. */
void rnm_expand_ref(const rnm_child *child, float *dst);

#endif
