/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole file, mapped read-only.
 */
#ifndef RNC_READERS_MAP_H
#define RNC_READERS_MAP_H

#include "rnm_base.h"

/* `bytes` is NULL when nothing is mapped; a mapped file has at least one byte. */
typedef struct rnc_map {
    const uint8_t *bytes;
    size_t size;
} rnc_map;

/* Maps the regular file at `path`. The mapping shows the file itself: a file that another process
 * cuts short meanwhile raises SIGBUS on access, as with every mapped file. Errors (RNM_ERR_IO, and
 * RNM_ERR_FORMAT for an empty file) do not name the path; *out is then untouched. */
rnm_status rnc_map_open(const char *path, rnc_map *out, rnm_error *err);

/* The same for file `name` of a folder, which may be no link. */
rnm_status rnc_map_open_in(const char *folder, const char *name, rnc_map *out, rnm_error *err);

/* Also for a map that is not open. */
void rnc_map_close(rnc_map *map);

/* XXH3-64 of the whole file, read front to back. */
uint64_t rnc_map_digest(const rnc_map *map);

#endif
