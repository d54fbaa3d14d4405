/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory of a zip archive whose members are stored, not compressed, as PyTorch writes them:
 * members are handed out where they lie. CRCs are not checked, as PyTorch itself does not; whoever
 * needs certainty compares the digest of the whole file.
 */
#ifndef RNC_READERS_ZIP_H
#define RNC_READERS_ZIP_H

#include "rnm_base.h"

typedef struct rnc_zip_member {
    const uint8_t *name; /* not NUL-terminated */
    size_t name_length;
    const uint8_t *bytes;
    size_t size;
    uint64_t header; /* where its local header begins */
} rnc_zip_member;

/* Members by name. They point into the archive's bytes, which must outlive them. */
typedef struct rnc_zip {
    rnc_zip_member *members;
    size_t count;
} rnc_zip;

/* Reads and checks the directory of the archive in `bytes`: every member inside the file, none
 * compressed, encrypted, overlapping another or named twice, local headers in agreement. zip64 is
 * understood. On failure *out is untouched and errors name the member, not the file. */
rnm_status rnc_zip_open(const uint8_t *bytes, size_t size, rnc_zip *out, rnm_error *err);

void rnc_zip_close(rnc_zip *zip);

/* The member of that exact name, or NULL. Logarithmic. */
const rnc_zip_member *rnc_zip_find(const rnc_zip *zip, const void *name, size_t name_length);

#endif
