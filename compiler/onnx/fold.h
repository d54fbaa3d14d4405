/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of constant folding.
 */
#ifndef RNC_ONNX_FOLD_H
#define RNC_ONNX_FOLD_H

#include "onnx/convert.h"

/* Nodes of more inputs are not folded. */
enum { RNC_FOLD_INPUTS = 64 };

/* fold_numbers.c: computes a node whose inputs (NULL where absent) are small constants, if it is
 * one of those known there. */
rnm_status rnc_fold_numbers(rnc_call *call, const rnc_onnx_value *const *inputs, bool *done);

#endif
