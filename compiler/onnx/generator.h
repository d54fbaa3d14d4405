/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that a graph makes of constants, as a parent and a transform.
 */
#ifndef RNC_ONNX_GENERATOR_H
#define RNC_ONNX_GENERATOR_H

#include "onnx/convert.h"

/* The child that `value`, [co, ci, kernel...] (where `turned`, a matrix [ci, co]), is, element for
 * element; *out is NULL, and a note says why, where it is none that the format can hold, or is not
 * made of constants alone (no note then). Its name is still to be given. */
rnm_status rnc_recognise_generator(rnc_call *call, const rnc_value *value, bool turned,
                                   rnc_child **out);

#endif
