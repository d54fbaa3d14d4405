/* SPDX-License-Identifier: Apache-2.0
 *
 * The images that files and folders on the command line come to.
 */
#include "paths.h"

#include "error.h"
#include "npy.h"
#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), ending_length = strlen(ending);
    return length > ending_length && strcasecmp(name + length - ending_length, ending) == 0;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Takes over `path`, which may be NULL for want of memory. */
static rnm_status add(path_list *list, char *path, rnm_error *error) {
    char **grown = NULL;
    if (path != NULL) {
        grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    }
    if (grown == NULL) {
        free(path);
        return rnm_fail(error, RNM_ERR_MEMORY, "no memory for the list of files");
    }
    list->items = grown;
    list->items[list->count++] = path;
    return RNM_OK;
}

static rnm_status add_if_image(path_list *list, const char *folder, const char *name,
                               rnm_error *error) {
    size_t size = strlen(folder) + strlen(name) + 2;
    if (name[0] == '.' ||
        !(ends_in(name, ".png") || ends_in(name, ".jpg") || ends_in(name, ".jpeg"))) {
        return RNM_OK;
    }
    char *path = malloc(size);
    if (path != NULL) {
        const char *between = folder[strlen(folder) - 1] == '/' ? "" : "/";
        snprintf(path, size, "%s%s%s", folder, between, name);
        if (is_folder(path)) {
            free(path);
            return RNM_OK;
        }
    }
    return add(list, path, error);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rnm_status add_folder(path_list *list, const char *folder, rnm_error *error) {
    rnm_status status = RNM_OK;
    size_t before = list->count;
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        int number = errno;
        return rnm_fail(error, say_errno_status(number), "%s: %s", folder, strerror(number));
    }
    while (status == RNM_OK) {
        errno = 0;
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            int number = errno;
            if (number != 0) {
                status =
                    rnm_fail(error, say_errno_status(number), "%s: %s", folder, strerror(number));
            }
            break;
        }
        status = add_if_image(list, folder, entry->d_name, error);
    }
    closedir(entries);
    if (status == RNM_OK && list->count == before) {
        return rnm_fail(error, RNM_ERR_IO, "%s: has no *.png, *.jpg or *.jpeg in it", folder);
    }
    if (list->count > before) {
        qsort(list->items + before, list->count - before, sizeof *list->items, compare);
    }
    return status;
}

rnm_status paths_add(path_list *list, const char *path, rnm_error *error) {
    return is_folder(path) ? add_folder(list, path, error) : add(list, strdup(path), error);
}

void paths_free(path_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (path_list){0};
}

bool path_is_png(const char *path) {
    return ends_in(path, ".png");
}

bool path_is_npy(const char *path) {
    char magic[NPY_MAGIC_SIZE];
    struct stat info;
    if (ends_in(path, ".npy")) {
        return true;
    }
    /* What comes from a pipe could not be read again. */
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    bool found = fread(magic, 1, sizeof magic, file) == sizeof magic &&
                 memcmp(magic, NPY_MAGIC, sizeof magic) == 0;
    fclose(file);
    return found;
}
