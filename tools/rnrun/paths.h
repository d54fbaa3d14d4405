/* SPDX-License-Identifier: Apache-2.0
 *
 * The images that files and folders on the command line come to.
 */
#ifndef RNM_PATHS_H
#define RNM_PATHS_H

#include "rnm_base.h"

#include <stdbool.h>

/* Starts from {0}; owns its strings. */
typedef struct path_list {
    char **items;
    size_t count;
} path_list;

/* Adds `path` as it is, or, of a folder, the *.png, *.jpg and *.jpeg in it (in any case; hidden
 * files and folders inside it left out), sorted by bytes. RNM_ERR_IO also for a folder without
 * images; _MEMORY, _RESOURCE. */
rnm_status paths_add(path_list *list, const char *path, rnm_error *error);

void paths_free(path_list *list);

/* True for a regular file that starts as a .npy file does, and for any name that ends in .npy. */
bool path_is_npy(const char *path);

/* True for a name that ends in .png, in any case. */
bool path_is_png(const char *path);

#endif
