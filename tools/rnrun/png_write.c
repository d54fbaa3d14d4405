/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG files through libpng's simplified interface, which does not jump.
 */
#include "png_write.h"

#include "error.h"
#include "whole_file.h"

#include <png.h>
#include <stdlib.h>

rnm_status png_write(const char *path, int width, int height, const uint8_t *pixels,
                     const uint8_t *palette, rnm_error *error) {
    png_image picture = {.version = PNG_IMAGE_VERSION,
                         .width = (png_uint_32)width,
                         .height = (png_uint_32)height,
                         .format = palette != NULL ? PNG_FORMAT_RGB_COLORMAP : PNG_FORMAT_RGB,
                         .colormap_entries = palette != NULL ? 256 : 0};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(picture);
    void *bytes = malloc(size);
    whole_file file = {0};
    if (bytes == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "%s: no memory to write %d x %d pixels", path, width,
                        height);
    }
    rnm_status status = RNM_OK;
    if (png_image_write_to_memory(&picture, bytes, &size, 0, pixels, 0, palette) == 0) {
        status = rnm_fail(error, RNM_ERR_MEMORY, "%s: %s", path, picture.message);
    }
    png_image_free(&picture);
    if (status == RNM_OK) {
        status = whole_file_create(&file, path, error);
    }
    if (status == RNM_OK) {
        status = whole_file_write(&file, bytes, size, error);
    }
    if (status == RNM_OK) {
        status = whole_file_commit(&file, error);
    }
    whole_file_discard(&file);
    free(bytes);
    return status;
}
