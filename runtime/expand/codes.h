/* SPDX-License-Identifier: Apache-2.0
 *
 * Signs of an f layer by output: where a parent's inputs repeat, those of one output, one tap and
 * RNM_CODE_INPUTS repeats of an input are a byte (rnm_look_up in kernels.h).
 */
#ifndef RNM_EXPAND_CODES_H
#define RNM_EXPAND_CODES_H

#include "expand.h"

/* Codes of the panel's lanes for its inputs, which are the parent's, and for repeats [repeat,
 * repeat + RNM_CODE_INPUTS) of each: lane l's for row r of [inputs][taps] is byte l / 8 of
 * words[l % 8][r]. Signs of inputs that the child does not have are zero; codes of lanes that do
 * not exist are not defined. */
void rnm_make_codes(const rnm_kernels *kernels, const rnm_child *child, rnm_panel panel,
                    uint32_t repeat, uint32_t *words);

#endif
