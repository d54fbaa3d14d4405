/* SPDX-License-Identifier: Apache-2.0
 *
 * The one contract of all transforms: expand a panel of child weights into a buffer. Whatever the
 * parent's width, and wherever the panel lies, the result is that of expand_ref.h: bit for bit, but
 * for s, whose exp is within 1 ulp on either side.
 */
#ifndef RNM_EXPAND_H
#define RNM_EXPAND_H

#include "expand_ref.h"
#include "kernels/kernels.h"

/* Child outputs [output, output + lanes) by child inputs [input, input + inputs) by all taps.
 * lanes is 1 .. RNM_PANEL; output need not be a multiple of anything. */
typedef struct rnm_panel {
    uint32_t output, lanes;
    uint32_t input, inputs;
} rnm_panel;

/* Writes dst[inputs][taps][RNM_PANEL]; lanes that do not exist are zeros. Any thread. */
typedef void (*rnm_expander)(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                             float *dst);

/* By transform (RNM_TRANSFORM_...). */
extern const rnm_expander rnm_expanders[RNM_TRANSFORM_KNOWN];

void rnm_expand_linear(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                       float *dst);
void rnm_expand_s(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst);
void rnm_expand_f(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel, float *dst);
void rnm_expand_drop(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                     float *dst);

/* Whether learned zeros may lie in a panel of an f recipe; those of other lanes of the same words
 * count too. */
bool rnm_f_has_zeros(const rnm_child *child, rnm_panel panel);

/* What must be written out before it can be transformed: expands a panel into scratch
 * [inputs][taps][RNM_PANEL] and gives that, or NULL where rnm_expand_transformed takes the panel as
 * it is stored. */
const float *rnm_expand_beforehand(const rnm_kernels *kernels, const rnm_child *child,
                                   rnm_panel panel, float *scratch);

/* Expands a panel of kernels of winograd->kernel squared taps and transforms it, for the points of
 * one group of rows (rnm_winograd.weights): point k of them of input i goes to
 * dst[k * stride + (i - panel.input) * RNM_PANEL ...]. Only where rnm_expand_beforehand gives
 * NULL. Each group asks memory for its part of the rows ahead. */
void rnm_expand_transformed(const rnm_kernels *kernels, const rnm_winograd *winograd,
                            const rnm_child *child, rnm_panel panel, rnm_rows_ahead ahead,
                            unsigned group, float *dst, size_t stride);

/* The parent rows of a panel's inputs, to be asked for; none where they cannot be read in place, or
 * are folded. */
rnm_rows_ahead rnm_expand_ahead(const rnm_child *child, rnm_panel panel);

#endif
