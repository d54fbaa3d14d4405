/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears under its name when it is whole, or not at all. Errors name the file.
 */
#ifndef RNM_TOOLS_WHOLE_FILE_H
#define RNM_TOOLS_WHOLE_FILE_H

#include "rnm_base.h"

#include <stdio.h>

typedef struct whole_file {
    FILE *file;       /* to write to */
    const char *path; /* the caller's */
    char *temporary;  /* NULL where the target is no regular file: a pipe, a device */
} whole_file;

/* Starts it under a temporary name beside `path`. On failure nothing is left behind. RNM_ERR_IO,
 * _RESOURCE, _MEMORY. */
rnm_status whole_file_create(whole_file *out, const char *path, rnm_error *error);

rnm_status whole_file_write(whole_file *out, const void *from, size_t bytes, rnm_error *error);

/* Syncs and renames; what was written to `file` and failed fails here at the latest. Afterwards,
 * whatever happened, nothing is open. */
rnm_status whole_file_commit(whole_file *out, rnm_error *error);

/* Takes away what was written. Fine for a zeroed one, and after whole_file_commit. */
void whole_file_discard(whole_file *out);

#endif
