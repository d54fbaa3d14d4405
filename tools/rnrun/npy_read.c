/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading .npy files.
 */
#include "npy.h"

#include "error.h"
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Reads exactly `size` bytes. */
static rnm_status read_bytes(npy_reader *reader, void *to, size_t size, const char *what,
                             rnm_error *error) {
    errno = 0;
    size_t got = fread(to, 1, size, reader->file);
    if (got == size) {
        return RNM_OK;
    }
    if (ferror(reader->file) != 0) {
        return rnm_fail(error, RNM_ERR_IO, "%s: %s", reader->path, strerror(errno));
    }
    return rnm_fail(error, RNM_ERR_FORMAT, "%s: ends in its %s: expected %zu bytes, found %zu",
                    reader->path, what, size, got);
}

/* Reads magic, version, length and dictionary; *header_size is all that. */
static rnm_status read_header(npy_reader *reader, uint64_t *header_size, rnm_error *error) {
    unsigned char front[NPY_PREFIX_SIZE + 4];
    rnm_status status = read_bytes(reader, front, NPY_PREFIX_SIZE, "header", error);
    if (status != RNM_OK) {
        return status;
    }
    if (memcmp(front, NPY_MAGIC, NPY_MAGIC_SIZE) != 0) {
        return rnm_fail(error, RNM_ERR_FORMAT,
                        "%s: is no .npy file: it does not start with the "
                        "bytes 93 'NUMPY'",
                        reader->path);
    }
    unsigned major = front[NPY_MAGIC_SIZE], minor = front[NPY_MAGIC_SIZE + 1];
    if (major < 1 || major > 3 || minor != 0) {
        return rnm_fail(error, RNM_ERR_VERSION,
                        "%s: is of .npy version %u.%u; expected 1.0, 2.0 or 3.0", reader->path,
                        major, minor);
    }
    size_t length_size = major == 1 ? 2 : 4;
    unsigned char *digits = front + NPY_PREFIX_SIZE;
    status = read_bytes(reader, digits, length_size, "header", error);
    if (status != RNM_OK) {
        return status;
    }
    size_t length = 0;
    for (size_t i = 0; i < length_size; i++) {
        length |= (size_t)digits[i] << (8 * i);
    }
    if (length > NPY_HEADER_MOST) {
        return rnm_fail(error, RNM_ERR_LIMIT,
                        "%s: says its header has %zu bytes; the most that is taken is %d",
                        reader->path, length, NPY_HEADER_MOST);
    }
    char *text = malloc(length + 1);
    if (text == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory for its header", reader->path);
    }
    status = read_bytes(reader, text, length, "header", error);
    if (status == RNM_OK) {
        status = npy_parse_dictionary(text, length, &reader->info, error);
        if (status != RNM_OK) {
            rnm_fail_in(error, status, reader->path);
        }
    }
    free(text);
    *header_size = NPY_PREFIX_SIZE + length_size + length;
    return status;
}

static rnm_status check_size(npy_reader *reader, uint64_t header_size, rnm_error *error) {
    struct stat info;
    if (!npy_data_bytes(&reader->info, &reader->left)) {
        char shape[NPY_SHAPE_SIZE];
        return rnm_fail(error, RNM_ERR_LIMIT, "%s: has shape %s, which no file can hold",
                        reader->path, npy_shape_text(&reader->info, shape));
    }
    if (fstat(fileno(reader->file), &info) != 0 || !S_ISREG(info.st_mode)) {
        return RNM_OK;
    }
    uint64_t found = (uint64_t)info.st_size - header_size;
    if (found != reader->left) {
        return rnm_fail(error, RNM_ERR_FORMAT,
                        "%s: its header asks for %" PRIu64 " bytes of data, found %" PRIu64,
                        reader->path, reader->left, found);
    }
    return RNM_OK;
}

rnm_status npy_open(npy_reader *reader, const char *path, rnm_error *error) {
    uint64_t header_size = 0;
    *reader = (npy_reader){.file = fopen(path, "rb"), .path = path};
    if (reader->file == NULL) {
        int number = errno;
        return rnm_fail(error, say_errno_status(number), "%s: %s", path, strerror(number));
    }
    rnm_status status = read_header(reader, &header_size, error);
    if (status == RNM_OK) {
        status = check_size(reader, header_size, error);
    }
    if (status != RNM_OK) {
        npy_close(reader);
    }
    return status;
}

rnm_status npy_read(npy_reader *reader, void *to, size_t bytes, rnm_error *error) {
    assert(bytes <= reader->left);
    rnm_status status = read_bytes(reader, to, bytes, "data", error);
    if (status != RNM_OK) {
        return status;
    }
    reader->left -= bytes;
    const unsigned char *data = to;
    for (size_t i = 0; reader->info.dtype == RNM_BOOL && i < bytes; i++) {
        if (data[i] > 1) {
            return rnm_fail(error, RNM_ERR_VALUE, "%s: has a bool that is %u; expected 0 or 1",
                            reader->path, data[i]);
        }
    }
    return RNM_OK;
}

void npy_close(npy_reader *reader) {
    if (reader->file != NULL) {
        fclose(reader->file);
    }
    reader->file = NULL;
}
