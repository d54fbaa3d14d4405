/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators of ONNX's default domain that are understood: from which opset to which, how, and
 * as what operator of the format.
 */
#include "onnx/convert.h"

#include <string.h>

#define NEWEST RNC_ONNX_NEWEST_OPSET

static const struct {
    rnc_onnx_op op;
    const char *needs;
} rows[] = {
#define OP(name, from, until, convert, needs) {{#name, from, until, rnc_convert_##convert}, needs},
#include "onnx/operators.def"
#undef OP
};

const rnc_onnx_op *rnc_onnx_op_find(const char *name) {
    size_t row = 0;
    while (row < sizeof rows / sizeof *rows && strcmp(rows[row].op.name, name) != 0) {
        row++;
    }
    bool there = row < sizeof rows / sizeof *rows &&
                 (rows[row].needs[0] == '\0' || rnm_op_by_name(rows[row].needs) != RNM_OP_NONE);
    return there ? &rows[row].op : NULL;
}
