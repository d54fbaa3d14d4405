/* SPDX-License-Identifier: Apache-2.0
 *
 * A scan of ONNX bytes at the level of protobuf's wire format, before anything parses them. It
 * makes a small copy of the message without what the compiler has no use for and without the bulk
 * of tensors, which stays in the mapping; and it refuses what a parser should not be shown: lengths
 * past the end, messages nested without end, more bytes than a graph needs.
 */
#ifndef RNC_READERS_ONNX_WIRE_H
#define RNC_READERS_ONNX_WIRE_H

#include "rnm_base.h"

#include <stdbool.h>

/* In the copy, `raw_data` of every tensor holds one of these instead of the bytes: where in the
 * scanned bytes they are. A packed float_data or double_data that is the tensor's only data becomes
 * a raw_data, which it is bit for bit. */
typedef struct rnc_onnx_span {
    uint64_t offset;
    uint64_t length;
} rnc_onnx_span;

/* The copy; from malloc, the caller's to free. */
typedef struct rnc_onnx_copy {
    uint8_t *bytes;
    size_t size;
} rnc_onnx_copy;

/* True when the bytes begin like a ModelProto: a known field with a fitting wire type, such as the
 * version of the format. */
bool rnc_onnx_probe(const uint8_t *bytes, size_t size);

/* Scans a ModelProto. `ceiling` limits the copy. RNM_ERR_FORMAT, _LIMIT, _MEMORY; errors do not
 * name the file. *out is untouched on failure. */
rnm_status rnc_onnx_scan(const uint8_t *bytes, size_t size, size_t ceiling, rnc_onnx_copy *out,
                         rnm_error *err);

#endif
