/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are whole or absent.
 */
#include "whole_file.h"

#include "error.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

static rnm_status fail_errno(const whole_file *out, int number, rnm_error *error) {
    number = number != 0 ? number : EIO;
    return rnm_fail(error, say_errno_status(number), "%s: %s", out->path, strerror(number));
}

/* A new file beside the target; open's O_EXCL makes sure that it is new, and umask applies as it
 * would to the target. */
static rnm_status open_temporary(whole_file *out, rnm_error *error) {
    size_t size = strlen(out->path) + 48;
    out->temporary = malloc(size);
    if (out->temporary == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for a file name", out->path);
    }
    int descriptor = -1;
    for (int i = 0; descriptor < 0 && i < NAME_TRIES; i++) {
        snprintf(out->temporary, size, "%s.%ld-%d.tmp", out->path, (long)getpid(), i);
        descriptor = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) {
            break;
        }
    }
    int number = errno;
    out->file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (out->file != NULL) {
        return RNM_OK;
    }
    if (descriptor >= 0) {
        number = errno;
        close(descriptor);
        unlink(out->temporary);
    }
    /* What is under that name, if anything, is not ours. */
    free(out->temporary);
    out->temporary = NULL;
    return fail_errno(out, number, error);
}

static rnm_status open_target(whole_file *out, rnm_error *error) {
    struct stat info;
    if (stat(out->path, &info) != 0 || S_ISREG(info.st_mode)) {
        return open_temporary(out, error);
    }
    /* Renaming over a pipe or a device would take it away. */
    out->file = fopen(out->path, "wb");
    return out->file != NULL ? RNM_OK : fail_errno(out, errno, error);
}

rnm_status whole_file_create(whole_file *out, const char *path, rnm_error *error) {
    *out = (whole_file){.path = path};
    return open_target(out, error);
}

rnm_status whole_file_write(whole_file *out, const void *from, size_t bytes, rnm_error *error) {
    errno = 0;
    return fwrite(from, 1, bytes, out->file) == bytes ? RNM_OK : fail_errno(out, errno, error);
}

rnm_status whole_file_commit(whole_file *out, rnm_error *error) {
    rnm_status status = RNM_OK;
    bool regular = out->temporary != NULL;
    errno = 0;
    if (fflush(out->file) != 0 || ferror(out->file) != 0 ||
        (regular && fsync(fileno(out->file)) != 0)) {
        status = fail_errno(out, errno, error);
    }
    if (fclose(out->file) != 0 && status == RNM_OK) {
        status = fail_errno(out, errno, error);
    }
    out->file = NULL;
    if (status == RNM_OK && regular) {
        if (rename(out->temporary, out->path) == 0) {
            free(out->temporary);
            out->temporary = NULL;
        } else {
            status = fail_errno(out, errno, error);
        }
    }
    whole_file_discard(out);
    return status;
}

void whole_file_discard(whole_file *out) {
    if (out->file != NULL) {
        fclose(out->file);
    }
    if (out->temporary != NULL) {
        unlink(out->temporary);
        free(out->temporary);
    }
    *out = (whole_file){0};
}
