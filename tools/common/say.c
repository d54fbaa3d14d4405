/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools have in common in talking.
 */
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int say_failure(const char *tool, const rnm_error *error) {
    fprintf(stderr, "%s: %s\n", tool, error->text);
    return rnm_status_exit_code(error->status);
}

int say_end(const char *tool, int exit_code) {
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return exit_code;
    }
    int error_number = errno != 0 ? errno : EIO;
    fprintf(stderr, "%s: standard output: %s\n", tool, strerror(error_number));
    return exit_code != 0 ? exit_code : rnm_status_exit_code(say_errno_status(error_number));
}

const char *say_bytes(uint64_t bytes, char text[SAY_BYTES_SIZE]) {
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(text, SAY_BYTES_SIZE, "%" PRIu64 " B", bytes);
        return text;
    }
    double amount = (double)bytes / 1024;
    size_t unit = 0;
    /* 999.5 would print as four digits. */
    while (amount >= 999.5 && unit + 2 < sizeof units) {
        amount /= 1024;
        unit++;
    }
    int decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
    snprintf(text, SAY_BYTES_SIZE, "%.*f %ciB", decimals, amount, units[unit]);
    return text;
}

rnm_status say_errno_status(int error_number) {
    switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
        return RNM_ERR_RESOURCE;
    case ENOMEM:
        return RNM_ERR_MEMORY;
    default:
        return RNM_ERR_IO;
    }
}
