/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG through libpng. The library leaves by longjmp; everything that must survive the jump lies in
 * a png_job of the frame above the one with setjmp, so that nothing need be volatile.
 */
#include "image_formats.h"

#include "error.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_MOST = 8 << 20, /* bytes of one ancillary chunk, unpacked */
    HEADER_KIND = 12,     /* where a file says IHDR, and behind it width and height */
    HEADER_WIDTH = 16,
    HEADER_HEIGHT = 20,
    HEADER_END = 24,
};

typedef struct png_job {
    png_structp png;
    png_infop info;
    const uint8_t *next;
    size_t left;
    image *out;
    int *orientation;
    png_bytep *rows;
    rnm_status status;
    rnm_error *error;
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    job->status = rnm_fail(job->error, RNM_ERR_FORMAT, "is a broken PNG image: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep to, size_t size) {
    png_job *job = png_get_io_ptr(png);
    if (size > job->left) {
        png_error(png, "it ends early");
    }
    memcpy(to, job->next, size);
    job->next += size;
    job->left -= size;
}

/* Asks libpng for 8-bit grey or RGB rows. False for what is not taken. */
static int set_conversions(png_job *job) {
    int type = png_get_color_type(job->png, job->info);
    int depth = png_get_bit_depth(job->png, job->info);
    if (type == PNG_COLOR_TYPE_GRAY && depth == 16) {
        job->status = rnm_fail(job->error, RNM_ERR_UNSUPPORTED,
                               "is a PNG image of 16-bit grey; expected 8 bits or less: which "
                               "eight of the sixteen count, only its maker knows");
        return 0;
    }
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(job->png);
    }
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8) {
        png_set_expand_gray_1_2_4_to_8(job->png);
    }
    if (depth == 16) {
        png_set_strip_16(job->png);
    }
    /* A palette with transparency unfolds to RGBA. */
    png_set_strip_alpha(job->png);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    return 1;
}

/* The chunk may stand before or behind the pixels. */
static void read_orientation(png_job *job) {
#ifdef PNG_eXIf_SUPPORTED
    png_bytep exif = NULL;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(job->png, job->info, &size, &exif) != 0) {
        *job->orientation = exif_orientation(exif, size);
    }
#else
    (void)job;
#endif
}

static void decode_steps(png_job *job) {
    png_set_error_fn(job->png, job, on_error, on_warning);
    png_set_read_fn(job->png, job, on_read);
    png_set_user_limits(job->png, IMAGE_PIXELS_MOST, IMAGE_PIXELS_MOST);
    png_set_chunk_malloc_max(job->png, CHUNK_MOST);
    png_read_info(job->png, job->info);
    if (!set_conversions(job)) {
        return;
    }
    int channels = png_get_channels(job->png, job->info);
    job->status =
        image_create(png_get_image_width(job->png, job->info),
                     png_get_image_height(job->png, job->info), channels, job->out, job->error);
    if (job->status != RNM_OK) {
        return;
    }
    size_t row_bytes = (size_t)job->out->width * (size_t)channels;
    if (png_get_rowbytes(job->png, job->info) != row_bytes || (channels != 1 && channels != 3)) {
        png_error(job->png, "its rows have an unexpected form");
    }
    job->rows = malloc((size_t)job->out->height * sizeof *job->rows);
    if (job->rows == NULL) {
        job->status = rnm_fail(job->error, RNM_ERR_MEMORY, "no memory for its rows");
        return;
    }
    for (int y = 0; y < job->out->height; y++) {
        job->rows[y] = job->out->pixels + (size_t)y * row_bytes;
    }
    png_read_image(job->png, job->rows);
    png_read_end(job->png, job->info);
    read_orientation(job);
}

static void decode_guarded(png_job *job) {
    if (setjmp(png_jmpbuf(job->png)) == 0) {
        decode_steps(job);
    }
}

/* The size by itself: libpng says of a wrong one only that the header is invalid. */
static rnm_status check_header(const uint8_t *bytes, size_t size, rnm_error *error) {
    if (size < HEADER_END || memcmp(bytes + HEADER_KIND, "IHDR", 4) != 0) {
        return RNM_OK; /* broken, which libpng tells */
    }
    return image_check_size(png_get_uint_32(bytes + HEADER_WIDTH),
                            png_get_uint_32(bytes + HEADER_HEIGHT), error);
}

rnm_status image_decode_png(const uint8_t *bytes, size_t size, image *out, int *orientation,
                            rnm_error *error) {
    png_job job = {
        .next = bytes, .left = size, .out = out, .orientation = orientation, .error = error};
    job.status = check_header(bytes, size, error);
    if (job.status != RNM_OK) {
        return job.status;
    }
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png != NULL ? png_create_info_struct(job.png) : NULL;
    if (job.info == NULL) {
        job.status = rnm_fail(error, RNM_ERR_MEMORY, "no memory to decode a PNG image");
    } else {
        decode_guarded(&job);
    }
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    return job.status;
}
