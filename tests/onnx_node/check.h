/* SPDX-License-Identifier: Apache-2.0
 *
 * One test compiled and run.
 */
#ifndef ONNX_NODE_CHECK_H
#define ONNX_NODE_CHECK_H

#include "proto.h"

#define WHY_SIZE 800

/* Compiles the test with its inputs frozen so, runs it in every mode and compares every output.
 * Files go to `scratch`, a folder; the .rnm of what passes stays as `keep`, unless that is NULL.
 * False with a sentence in `why`. */
bool check_test(const node_test *test, freeze what, const char *scratch, const char *keep,
                char why[WHY_SIZE]);

#endif
