/* SPDX-License-Identifier: Apache-2.0
 *
 * The ONNX importer.
 */
#ifndef RNC_ONNX_ONNX_H
#define RNC_ONNX_ONNX_H

#include "job.h"

/* Builds the graph of job->source.weights->onnx into job->graph: shapes everywhere, a child in
 * every weighted node, tensors in every batch norm; what passes from check_values on require. */
rnm_status rnc_onnx_import(rnc_job *job, rnm_error *err);

#endif
