/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole file, mapped read-only.
 */
#include "map.h"

#include "digest.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static rnm_status check_kind(const struct stat *about, rnm_error *err) {
    if (S_ISDIR(about->st_mode)) {
        return rnm_fail(err, RNM_ERR_IO, "expected a file, found a directory");
    }
    if (!S_ISREG(about->st_mode)) {
        return rnm_fail(err, RNM_ERR_IO, "expected a regular file, found a device, pipe or socket");
    }
    if (about->st_size == 0) {
        return rnm_fail(err, RNM_ERR_FORMAT, "the file is empty");
    }
    if ((uintmax_t)about->st_size > PTRDIFF_MAX) {
        return rnm_fail(err, RNM_ERR_LIMIT, "the file is too large for this machine's addresses");
    }
    return RNM_OK;
}

/* Maps an open file, and closes it. */
static rnm_status map_file(int file, rnc_map *out, rnm_error *err) {
    struct stat about;
    rnm_status status;
    if (fstat(file, &about) != 0) {
        status = rnm_fail(err, RNM_ERR_IO, "cannot be examined: %s", strerror(errno));
        goto done;
    }
    status = check_kind(&about, err);
    if (status != RNM_OK) {
        goto done;
    }
    size_t size = (size_t)about.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        status = rnm_fail(err, RNM_ERR_IO, "cannot be mapped: %s", strerror(errno));
        goto done;
    }
    *out = (rnc_map){.bytes = bytes, .size = size};
done:
    close(file);
    return status;
}

/* O_NONBLOCK: opening a pipe without a writer must fail later, not wait for ever here. */
enum { HOW = O_RDONLY | O_CLOEXEC | O_NONBLOCK };

rnm_status rnc_map_open(const char *path, rnc_map *out, rnm_error *err) {
    int file = open(path, HOW);
    return file < 0 ? rnm_fail(err, RNM_ERR_IO, "cannot be opened: %s", strerror(errno))
                    : map_file(file, out, err);
}

rnm_status rnc_map_open_in(const char *folder, const char *name, rnc_map *out, rnm_error *err) {
    int inside = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (inside < 0) {
        return rnm_fail(err, RNM_ERR_IO, "the folder cannot be opened: %s", strerror(errno));
    }
    int file = openat(inside, name, HOW | O_NOFOLLOW);
    int cause = errno;
    close(inside);
    if (file < 0) {
        return rnm_fail(err, RNM_ERR_IO, "cannot be opened: %s",
                        cause == ELOOP ? "it is a symbolic link" : strerror(cause));
    }
    return map_file(file, out, err);
}

void rnc_map_close(rnc_map *map) {
    if (map->bytes != NULL) {
        munmap((void *)(uintptr_t)map->bytes, map->size);
    }
    *map = (rnc_map){0};
}

uint64_t rnc_map_digest(const rnc_map *map) {
    void *start = (void *)(uintptr_t)map->bytes;
    /* Advice only: when it fails the digest is merely slower. */
    (void)madvise(start, map->size, MADV_SEQUENTIAL);
    uint64_t digest = rnm_digest(map->bytes, map->size);
    (void)madvise(start, map->size, MADV_NORMAL);
    return digest;
}
