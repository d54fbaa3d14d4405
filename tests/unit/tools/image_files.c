/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG and JPEG files of every kind. Failures of the encoders end the program: it is a test.
 */
#include "image_files.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static void append(png_structp png, png_bytep bytes, size_t size) {
    image_file *file = png_get_io_ptr(png);
    uint8_t *grown = realloc(file->bytes, file->size + size);
    if (grown == NULL) {
        abort();
    }
    memcpy(grown + file->size, bytes, size);
    file->bytes = grown;
    file->size += size;
}

static void set_palette(png_structp png, png_infop info, int depth, bool transparency) {
    png_color palette[256];
    png_byte alpha[256];
    for (int i = 0; i < 256; i++) {
        palette[i] = (png_color){(png_byte)i, (png_byte)(2 * i), (png_byte)(255 - i)};
        alpha[i] = (png_byte)(255 - i);
    }
    png_set_PLTE(png, info, palette, 1 << depth);
    if (transparency) {
        png_set_tRNS(png, info, alpha, 1 << depth, NULL);
    }
}

image_file make_png(int color_type, int depth, int width, int height, const uint8_t *rows,
                    bool interlaced, bool transparency) {
    image_file file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep *pointers = calloc((size_t)height, sizeof *pointers);
    if (info == NULL || pointers == NULL) {
        abort();
    }
    png_set_write_fn(png, &file, append, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, color_type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (color_type == PNG_COLOR_TYPE_PALETTE) {
        set_palette(png, info, depth, transparency);
    } else if (transparency) {
        png_color_16 clear = {.red = 1, .green = 2, .blue = 3, .gray = 1};
        png_set_tRNS(png, info, NULL, 0, &clear);
    }
    png_write_info(png, info);
    size_t row_bytes = png_get_rowbytes(png, info);
    for (int y = 0; y < height; y++) {
        /* libpng takes them as writable and leaves them alone. */
        pointers[y] = (png_bytep)(uintptr_t)(rows + (size_t)y * row_bytes);
    }
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pointers);
    return file;
}

image_file make_jpeg(int channels, int width, int height, const uint8_t *samples,
                     bool progressive) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(samples + (size_t)jpeg.next_scanline * (size_t)width *
                                                           (size_t)channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (image_file){.bytes = bytes, .size = (size_t)size};
}
