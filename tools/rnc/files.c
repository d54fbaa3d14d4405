/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of files that commands write.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *rnc_default_target(const char *source, const char *ending) {
    const char *slash = strrchr(source, '/');
    const char *dot = strrchr(source, '.');
    size_t stem =
        dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - source) : strlen(source);
    size_t size = strlen(ending) + 1;
    char *target = malloc(stem + size);
    if (target != NULL) {
        memcpy(target, source, stem);
        memcpy(target + stem, ending, size);
    }
    return target;
}

bool rnc_same_file(const char *a, const char *b) {
    struct stat first;
    struct stat second;
    return strcmp(a, b) == 0 || (stat(a, &first) == 0 && stat(b, &second) == 0 &&
                                 first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}
