/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a whole file.
 */
#include "file_write.h"

#include "error.h"
#include "say.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rnm_status fail_errno(const char *path, int number, rnm_error *error) {
    return rnm_fail(error, say_errno_status(number), "%s: %s", path, strerror(number));
}

/* Writes and closes; 0 or an error's number. */
static int put_all(FILE *file, const void *bytes, size_t size, bool sync) {
    int number = 0;
    errno = 0;
    if (fwrite(bytes, 1, size, file) != size || fflush(file) != 0 ||
        (sync && fsync(fileno(file)) != 0)) {
        number = errno != 0 ? errno : EIO;
    }
    errno = 0;
    if (fclose(file) != 0 && number == 0) {
        number = errno != 0 ? errno : EIO;
    }
    return number;
}

rnm_status file_write(const char *path, const void *bytes, size_t size, rnm_error *error) {
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        FILE *file = fopen(path, "wb");
        int number = file == NULL ? errno : put_all(file, bytes, size, false);
        return number == 0 ? RNM_OK : fail_errno(path, number, error);
    }
    size_t length = strlen(path) + sizeof ".XXXXXX";
    char *temporary = malloc(length);
    if (temporary == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for a name", path);
    }
    snprintf(temporary, length, "%s.XXXXXX", path);
    int number = 0;
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (file == NULL) {
        number = errno;
        if (descriptor >= 0) {
            close(descriptor);
            unlink(temporary);
        }
    } else {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(descriptor, 0666 & ~mask);
        number = put_all(file, bytes, size, true);
        if (number == 0 && rename(temporary, path) != 0) {
            number = errno;
        }
        if (number != 0) {
            unlink(temporary);
        }
    }
    free(temporary);
    return number == 0 ? RNM_OK : fail_errno(path, number, error);
}
