/* SPDX-License-Identifier: Apache-2.0
 *
 * The ONNX functions that make child weights (docs/ONNX.md).
 */
#ifndef RNC_EXPORT_FUNCTIONS_H
#define RNC_EXPORT_FUNCTIONS_H

#include "export/model.h"

#define RNC_FUNCTION_DOMAIN "rnm"
enum { RNC_FUNCTION_VERSION = 1 };

/* Adds the function of that name, and those that it calls, to the model unless they are there. */
void rnc_function_add(rnc_proto *model, const char *name);

#endif
