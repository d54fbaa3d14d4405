/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG through libjpeg-turbo. The library leaves by longjmp; everything that must survive the jump
 * lies in a jpeg_job of the frame above the one with setjmp, so that nothing need be volatile.
 */
#include "image_formats.h"

#include "error.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file may ask for the whole image to be gone over in every scan; honest ones have
 * about ten. */
enum { SCANS_MOST = 200 };

enum { EXIF_MARKER = JPEG_APP0 + 1, EXIF_MOST = 65535, CMYK_CHANNELS = 4 };

/* What the data of an EXIF marker starts with, its zero bytes included. */
#define EXIF_SIGNATURE "Exif\0"

typedef struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    image *out;
    uint8_t *cmyk; /* one row, where the file is CMYK */
    int *orientation;
    rnm_status status;
    rnm_error *error;
} jpeg_job;

static void leave(jpeg_job *job, rnm_status status, const char *why) {
    job->status = rnm_fail(job->error, status, "is a broken JPEG image: %s", why);
    longjmp(job->leave, 1);
}

static void on_error(j_common_ptr jpeg) {
    jpeg_job *job = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    leave(job, jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? RNM_ERR_MEMORY : RNM_ERR_FORMAT,
          message);
}

/* Level -1 is a warning: data is missing or was made up, which is an error here. Harmless bytes
 * between markers and odd version numbers are not. */
static void on_message(j_common_ptr jpeg, int level) {
    int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR &&
        code != JWRN_ADOBE_XFORM) {
        on_error(jpeg);
    }
}

static void on_progress(j_common_ptr jpeg) {
    jpeg_job *job = jpeg->client_data;
    if (job->jpeg.input_scan_number > SCANS_MOST) {
        leave(job, RNM_ERR_LIMIT, "it has too many scans");
    }
}

static void read_orientation(jpeg_job *job) {
    for (jpeg_saved_marker_ptr marker = job->jpeg.marker_list; marker != NULL;
         marker = marker->next) {
        if (marker->marker == EXIF_MARKER && marker->data_length >= sizeof EXIF_SIGNATURE &&
            memcmp(marker->data, EXIF_SIGNATURE, sizeof EXIF_SIGNATURE) == 0) {
            *job->orientation = exif_orientation(marker->data + sizeof EXIF_SIGNATURE,
                                                 marker->data_length - sizeof EXIF_SIGNATURE);
            return;
        }
    }
}

/* a * b / 255, rounded. */
static unsigned multiply_255(unsigned a, unsigned b) {
    unsigned product = a * b + 128;
    return (product + (product >> 8)) >> 8;
}

/* Adobe's inverted CMYK, so that every sample counts light: the product of ink's and black's. */
static void cmyk_to_rgb(const uint8_t *in, uint8_t *out, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, in += CMYK_CHANNELS, out += 3) {
        for (int c = 0; c < 3; c++) {
            out[c] = (uint8_t)(in[3] - multiply_255(255u - in[c], in[3]));
        }
    }
}

static void read_rows(jpeg_job *job) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    size_t width = (size_t)job->out->width, row_bytes = width * (size_t)job->out->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = job->out->pixels + jpeg->output_scanline * row_bytes;
        JSAMPROW row = job->cmyk != NULL ? job->cmyk : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (job->cmyk != NULL) {
            cmyk_to_rgb(job->cmyk, to, width);
        }
    }
}

/* Which colours to ask for, and room for them. */
static void set_colours(jpeg_job *job) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = grey ? JCS_GRAYSCALE : (cmyk ? JCS_CMYK : JCS_RGB);
    job->status =
        image_create(jpeg->image_width, jpeg->image_height, grey ? 1 : 3, job->out, job->error);
    if (job->status == RNM_OK && cmyk) {
        job->cmyk = malloc((size_t)jpeg->image_width * CMYK_CHANNELS);
        if (job->cmyk == NULL) {
            job->status = rnm_fail(job->error, RNM_ERR_MEMORY, "no memory for a row of CMYK");
        }
    }
}

static void decode_steps(jpeg_job *job, const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = job;
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_save_markers(jpeg, EXIF_MARKER, EXIF_MOST);
    jpeg_read_header(jpeg, TRUE);
    read_orientation(job);
    set_colours(job);
    if (job->status != RNM_OK) {
        return;
    }
    jpeg_start_decompress(jpeg);
    read_rows(job);
    jpeg_finish_decompress(jpeg);
}

static void decode_guarded(jpeg_job *job, const uint8_t *bytes, size_t size) {
    if (setjmp(job->leave) == 0) {
        decode_steps(job, bytes, size);
    }
}

rnm_status image_decode_jpeg(const uint8_t *bytes, size_t size, image *out, int *orientation,
                             rnm_error *error) {
    jpeg_job job = {.out = out, .orientation = orientation, .error = error};
    job.jpeg.err = jpeg_std_error(&job.manager);
    job.jpeg.client_data = &job;
    job.manager.error_exit = on_error;
    job.manager.emit_message = on_message;
    job.progress.progress_monitor = on_progress;
    decode_guarded(&job, bytes, size);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.cmyk);
    return job.status;
}
