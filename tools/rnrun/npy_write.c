/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing .npy files.
 */
#include "npy.h"

#include "error.h"

#include <assert.h>

rnm_status npy_create(npy_writer *writer, const char *path, const npy_info *info,
                      rnm_error *error) {
    char header[NPY_HEADER_SIZE];
    *writer = (npy_writer){0};
    if (npy_dtype_text(info->dtype) == NULL || !npy_data_bytes(info, &writer->left)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED, "%s: a .npy file cannot hold this %s array",
                        path, rnm_dtype_name(info->dtype));
    }
    rnm_status status = whole_file_create(&writer->out, path, error);
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
    writer->left -= bytes;
    return whole_file_write(&writer->out, from, bytes, error);
}

rnm_status npy_commit(npy_writer *writer, rnm_error *error) {
    assert(writer->left == 0);
    return whole_file_commit(&writer->out, error);
}

void npy_discard(npy_writer *writer) {
    whole_file_discard(&writer->out);
    writer->left = 0;
}
