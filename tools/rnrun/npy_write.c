/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing .npy files, whole or not at all.
 */
#include "npy.h"

#include "error.h"
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

static rnm_status fail_errno(const npy_writer *writer, int number, rnm_error *error) {
    return rnm_fail(error, say_errno_status(number), "%s: %s", writer->path, strerror(number));
}

/* A new file beside the target; open's O_EXCL makes sure that it is new, and umask applies as it
 * would to the target. */
static rnm_status open_temporary(npy_writer *writer, rnm_error *error) {
    size_t size = strlen(writer->path) + 48;
    writer->temporary = malloc(size);
    if (writer->temporary == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for a file name", writer->path);
    }
    int descriptor = -1;
    for (int i = 0; descriptor < 0 && i < NAME_TRIES; i++) {
        snprintf(writer->temporary, size, "%s.%ld-%d.tmp", writer->path, (long)getpid(), i);
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) {
            break;
        }
    }
    int number = errno;
    writer->file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (writer->file != NULL) {
        return RNM_OK;
    }
    if (descriptor >= 0) {
        number = errno;
        close(descriptor);
        unlink(writer->temporary);
    }
    /* What is under that name, if anything, is not ours. */
    free(writer->temporary);
    writer->temporary = NULL;
    return fail_errno(writer, number, error);
}

static rnm_status open_target(npy_writer *writer, rnm_error *error) {
    struct stat info;
    if (stat(writer->path, &info) != 0 || S_ISREG(info.st_mode)) {
        return open_temporary(writer, error);
    }
    /* Renaming over a pipe or a device would take it away. */
    writer->file = fopen(writer->path, "wb");
    return writer->file != NULL ? RNM_OK : fail_errno(writer, errno, error);
}

rnm_status npy_create(npy_writer *writer, const char *path, const npy_info *info,
                      rnm_error *error) {
    char header[NPY_HEADER_SIZE];
    *writer = (npy_writer){.path = path};
    if (npy_dtype_text(info->dtype) == NULL || !npy_data_bytes(info, &writer->left)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED, "%s: a .npy file cannot hold this %s array",
                        path, rnm_dtype_name(info->dtype));
    }
    rnm_status status = open_target(writer, error);
    if (status == RNM_OK) {
        size_t size = npy_format_header(info, header);
        writer->left += size;
        status = npy_write(writer, header, size, error);
    }
    if (status != RNM_OK) {
        npy_discard(writer);
    }
    return status;
}

rnm_status npy_write(npy_writer *writer, const void *from, size_t bytes, rnm_error *error) {
    assert(bytes <= writer->left);
    errno = 0;
    if (fwrite(from, 1, bytes, writer->file) != bytes) {
        return fail_errno(writer, errno, error);
    }
    writer->left -= bytes;
    return RNM_OK;
}

rnm_status npy_commit(npy_writer *writer, rnm_error *error) {
    rnm_status status = RNM_OK;
    assert(writer->left == 0);
    bool regular = writer->temporary != NULL;
    if (fflush(writer->file) != 0 || (regular && fsync(fileno(writer->file)) != 0)) {
        status = fail_errno(writer, errno, error);
    }
    if (fclose(writer->file) != 0 && status == RNM_OK) {
        status = fail_errno(writer, errno, error);
    }
    writer->file = NULL;
    if (status == RNM_OK && regular) {
        if (rename(writer->temporary, writer->path) == 0) {
            free(writer->temporary);
            writer->temporary = NULL;
        } else {
            status = fail_errno(writer, errno, error);
        }
    }
    npy_discard(writer);
    return status;
}

void npy_discard(npy_writer *writer) {
    if (writer->file != NULL) {
        fclose(writer->file);
    }
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
        free(writer->temporary);
    }
    *writer = (npy_writer){0};
}
