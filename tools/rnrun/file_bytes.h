/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole file in memory.
 */
#ifndef RNM_FILE_BYTES_H
#define RNM_FILE_BYTES_H

#include "rnm_base.h"

/* Reads the file, of at most `most` bytes; anything that can be read to its end will do. The caller
 * frees *bytes. On failure the outputs are untouched. RNM_ERR_IO, _LIMIT, _MEMORY, _RESOURCE. */
rnm_status file_bytes_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                           rnm_error *error);

#endif
