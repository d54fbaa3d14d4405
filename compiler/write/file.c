/* SPDX-License-Identifier: Apache-2.0
 *
 * Atomic files.
 */
#include "write/file.h"

#include "digest.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes written at a time. The system keeps what one write brings in in pieces as large as it can,
 * up to huge pages, and whoever maps the file gets these instead of single pages, five times as
 * fast. Two huge pages, as compact models are about one. */
#define BLOCK ((size_t)4 << 20)

static rnm_status fail(const rnc_file *file, const char *doing, rnm_error *err) {
    int cause = errno;
    bool full = cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
    return rnm_fail(err, full ? RNM_ERR_RESOURCE : RNM_ERR_IO, "%s: %s: %s", file->target, doing,
                    strerror(cause));
}

/* A name beside the target that nobody has. */
static int open_temporary(rnc_file *file, size_t room) {
    int descriptor = -1;
    for (unsigned attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
        snprintf(file->temporary, room, "%s.tmp-%ld-%u", file->target, (long)getpid(), attempt);
        descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) {
            break;
        }
    }
    return descriptor;
}

/* The final rename replaces whatever has the name, devices and pipes too where the caller may. */
static bool replaceable(const char *target) {
    struct stat found;
    return stat(target, &found) != 0 || S_ISREG(found.st_mode);
}

rnm_status rnc_file_create(rnc_file *file, const char *target, rnm_error *err) {
    size_t room = strlen(target) + 48;
    *file = (rnc_file){.target = target};
    if (!replaceable(target)) {
        return rnm_fail(err, RNM_ERR_IO, "%s: expected a regular file or none, found another kind",
                        target);
    }
    file->temporary = malloc(room);
    if (file->temporary == NULL) {
        return rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to write it", target);
    }
    int descriptor = open_temporary(file, room);
    if (descriptor < 0) {
        rnm_status status = fail(file, "cannot be written", err);
        free(file->temporary);
        file->temporary = NULL;
        return status;
    }
    file->stream = fdopen(descriptor, "wb");
    if (file->stream == NULL) {
        rnm_status status = fail(file, "cannot be written", err);
        close(descriptor);
        rnc_file_discard(file);
        return status;
    }
    file->buffer = malloc(BLOCK);
    if (file->buffer != NULL) { /* else in smaller blocks */
        (void)setvbuf(file->stream, file->buffer, _IOFBF, BLOCK);
    }
    return RNM_OK;
}

rnm_status rnc_file_write(rnc_file *file, const void *bytes, size_t size, rnm_error *err) {
    if (size > 0 && fwrite(bytes, 1, size, file->stream) != size) {
        return fail(file, "cannot be written", err);
    }
    if (file->digest != NULL) {
        rnm_digest_add(file->digest, bytes, size);
    }
    file->offset += size;
    return RNM_OK;
}

rnm_status rnc_file_align(rnc_file *file, uint64_t alignment, rnm_error *err) {
    static const char zeros[64];
    size_t gap = (size_t)((alignment - file->offset % alignment) % alignment);
    return rnc_file_write(file, zeros, gap, err);
}

rnm_status rnc_file_begin_digest(rnc_file *file, rnm_error *err) {
    file->digest = rnm_digest_create();
    return file->digest != NULL
               ? RNM_OK
               : rnm_fail(err, RNM_ERR_MEMORY, "%s: no memory to write it", file->target);
}

uint64_t rnc_file_end_digest(rnc_file *file) {
    uint64_t digest = rnm_digest_finish(file->digest);
    file->digest = NULL;
    return digest;
}

rnm_status rnc_file_rewrite_start(rnc_file *file, const void *bytes, size_t size, rnm_error *err) {
    if (fseek(file->stream, 0, SEEK_SET) != 0 || fwrite(bytes, 1, size, file->stream) != size) {
        return fail(file, "cannot be written", err);
    }
    return RNM_OK;
}

/* A rename lasts only once its folder is on the disk too. Not every file system lets a folder be
 * synced; the file itself is whole in any case, so a failure here is none of the caller's. */
static void sync_folder(const char *target) {
    const char *slash = strrchr(target, '/');
    char *folder = slash == NULL     ? strdup(".")
                   : slash == target ? strdup("/")
                                     : strndup(target, (size_t)(slash - target));
    int descriptor = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

rnm_status rnc_file_commit(rnc_file *file, rnm_error *err) {
    if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0) {
        return fail(file, "cannot be written", err);
    }
    FILE *stream = file->stream;
    file->stream = NULL;
    if (fclose(stream) != 0) {
        return fail(file, "cannot be written", err);
    }
    if (rename(file->temporary, file->target) != 0) {
        return fail(file, "cannot be put in place", err);
    }
    free(file->buffer);
    file->buffer = NULL;
    free(file->temporary);
    file->temporary = NULL;
    sync_folder(file->target);
    return RNM_OK;
}

void rnc_file_discard(rnc_file *file) {
    if (file->digest != NULL) {
        rnc_file_end_digest(file);
    }
    if (file->stream != NULL) {
        fclose(file->stream);
        file->stream = NULL;
    }
    free(file->buffer);
    file->buffer = NULL;
    if (file->temporary != NULL) {
        unlink(file->temporary);
        free(file->temporary);
        file->temporary = NULL;
    }
}
