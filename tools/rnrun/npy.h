/* SPDX-License-Identifier: Apache-2.0
 *
 * NumPy's .npy files, versions 1.0 to 3.0, read and written piece by piece so that a batch of any
 * size passes through little memory. C order and little-endian only.
 *
 * Errors name the file. A reader or writer belongs to one thread at a time.
 */
#ifndef RNM_NPY_H
#define RNM_NPY_H

#include "rnm_base.h"
#include "whole_file.h"

#include <stdbool.h>
#include <stdio.h>

/* Of a whole array. Dims may be 0; dims behind the rank are 0. */
typedef struct npy_info {
    rnm_dtype dtype;
    int rank;
    int64_t dims[RNM_MAX_RANK];
} npy_info;

/* "<f4", ...; NULL for types that .npy does not have (bf16). */
const char *npy_dtype_text(rnm_dtype dtype);

#define NPY_SHAPE_SIZE 192

/* "(8, 3, 32, 32)" in the caller's buffer, which is returned. */
const char *npy_shape_text(const npy_info *info, char text[NPY_SHAPE_SIZE]);

/* The bytes of the array; false when they do not fit a signed 64-bit number. */
bool npy_data_bytes(const npy_info *info, uint64_t *bytes);

/* ---- headers --------------------------------------------------------------------------------- */

#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAGIC_SIZE 6
#define NPY_PREFIX_SIZE 8 /* magic and version: what must be read to know the rest */
#define NPY_HEADER_MOST 65536

/* Parses the dictionary, `size` bytes at `text`, without magic, version and length. RNM_ERR_FORMAT,
 * _UNSUPPORTED, _LIMIT. */
rnm_status npy_parse_dictionary(const char *text, size_t size, npy_info *out, rnm_error *error);

#define NPY_HEADER_SIZE 320

/* A whole version 1.0 header, its size a multiple of 64, in the caller's buffer. Returns the size.
 * The type must have an npy_dtype_text. */
size_t npy_format_header(const npy_info *info, char header[NPY_HEADER_SIZE]);

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct npy_reader {
    FILE *file;
    const char *path; /* the caller's */
    npy_info info;
    uint64_t left; /* bytes not read yet */
} npy_reader;

/* Opens the file and reads its header; of a regular file the size must be exactly what the header
 * says. On failure nothing is left open. RNM_ERR_IO, _RESOURCE, and what the dictionary may give.
 */
rnm_status npy_open(npy_reader *reader, const char *path, rnm_error *error);

/* Reads the next `bytes`, at most what is left. Bools are checked to be 0 or 1. */
rnm_status npy_read(npy_reader *reader, void *to, size_t bytes, rnm_error *error);

/* Fine for a zeroed reader, and twice. */
void npy_close(npy_reader *reader);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct npy_writer {
    whole_file out;
    uint64_t left; /* bytes not written yet */
} npy_writer;

/* Starts an array under a temporary name beside `path`. On failure nothing is left behind.
 * RNM_ERR_IO, _RESOURCE, _MEMORY, _UNSUPPORTED for a type that .npy does not have. */
rnm_status npy_create(npy_writer *writer, const char *path, const npy_info *info, rnm_error *error);

/* Appends; together the calls must come to the array's size. */
rnm_status npy_write(npy_writer *writer, const void *from, size_t bytes, rnm_error *error);

/* Syncs and renames. Afterwards, whatever happened, the writer is empty. */
rnm_status npy_commit(npy_writer *writer, rnm_error *error);

/* Takes away what was written. Fine for a zeroed writer, and after npy_commit. */
void npy_discard(npy_writer *writer);

#endif
