/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole file out of memory.
 */
#ifndef RNM_FILE_WRITE_H
#define RNM_FILE_WRITE_H

#include "rnm_base.h"

/* Writes under a temporary name beside `path`, syncs and renames, so that nobody meets half a file;
 * what is no regular file is written where it is. RNM_ERR_IO, _RESOURCE, _MEMORY. */
rnm_status file_write(const char *path, const void *bytes, size_t size, rnm_error *error);

#endif
