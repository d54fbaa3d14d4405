/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears whole or not at all: written under a temporary name in the target's folder,
 * synced and renamed.
 */
#ifndef RNC_WRITE_FILE_H
#define RNC_WRITE_FILE_H

#include "rnm_base.h"

#include <stdio.h>

typedef struct rnc_file {
    const char *target;
    char *temporary;
    FILE *stream;
    char *buffer;    /* the stream's; NULL: its own */
    uint64_t offset; /* bytes written so far */
    void *digest;    /* of the section being written, or NULL */
} rnc_file;

rnm_status rnc_file_create(rnc_file *file, const char *target, rnm_error *err);

/* Appends; counts into the digest that is open. */
rnm_status rnc_file_write(rnc_file *file, const void *bytes, size_t size, rnm_error *err);

/* Zeros up to the next multiple of `alignment`, counted into the digest that is open. */
rnm_status rnc_file_align(rnc_file *file, uint64_t alignment, rnm_error *err);

/* Everything written between the two counts into one digest. */
rnm_status rnc_file_begin_digest(rnc_file *file, rnm_error *err);
uint64_t rnc_file_end_digest(rnc_file *file);

/* Overwrites the first bytes. */
rnm_status rnc_file_rewrite_start(rnc_file *file, const void *bytes, size_t size, rnm_error *err);

/* Syncs and renames. */
rnm_status rnc_file_commit(rnc_file *file, rnm_error *err);

/* Removes what is not committed; fine after a commit, and on a zeroed struct. */
void rnc_file_discard(rnc_file *file);

#endif
