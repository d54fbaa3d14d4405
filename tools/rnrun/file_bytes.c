/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole file in memory.
 */
#include "file_bytes.h"

#include "error.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 16 };

rnm_status file_bytes_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                           rnm_error *error) {
    rnm_status status = RNM_OK;
    uint8_t *data = NULL;
    size_t used = 0, room = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        int number = errno;
        return rnm_fail(error, say_errno_status(number), "%s: %s", path, strerror(number));
    }
    while (used == room) {
        if (used > most) {
            status = rnm_fail(error, RNM_ERR_LIMIT,
                              "%s: is larger than the %zu bytes that are taken", path, most);
            goto done;
        }
        /* One byte more than allowed, to see that there is more. */
        room = room == 0 ? FIRST_ROOM : 2 * room;
        room = room < most + 1 ? room : most + 1;
        uint8_t *grown = realloc(data, room);
        if (grown == NULL) {
            status = rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for %zu bytes", path, room);
            goto done;
        }
        data = grown;
        errno = 0;
        used += fread(data + used, 1, room - used, file);
        if (ferror(file) != 0) {
            status = rnm_fail(error, RNM_ERR_IO, "%s: %s", path, strerror(errno));
            goto done;
        }
    }
    *bytes = data;
    *size = used;
    data = NULL;
done:
    free(data);
    fclose(file);
    return status;
}
