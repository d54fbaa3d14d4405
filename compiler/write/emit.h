/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of one stored tensor, streamed from the checkpoint's mapping in the format's canonical
 * order. No tensor is ever whole in memory.
 */
#ifndef RNC_EMIT_H
#define RNC_EMIT_H

#include "rnm_format.h"
#include "write/file.h"
#include "write/tables.h"

/* Writes exactly record->length bytes. */
rnm_status rnc_emit_tensor(rnc_file *file, const rnm_tensor_rec *record, const rnc_stored *stored,
                           rnm_error *err);

#endif
