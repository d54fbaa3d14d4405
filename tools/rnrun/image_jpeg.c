/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG through libjpeg-turbo. The library leaves by longjmp; everything that must survive the jump
 * lies in a jpeg_job of the frame above the one with setjmp, so that nothing need be volatile.
 */
#include "image_formats.h"

#include "error.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file may ask for the whole image to be gone over in every scan; honest ones have
 * about ten. */
enum { SCANS_MOST = 200 };

typedef struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    image *out;
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

static void decode_steps(jpeg_job *job, const uint8_t *bytes, size_t size) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = job;
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK) {
        job->status = rnm_fail(job->error, RNM_ERR_UNSUPPORTED,
                               "is a JPEG image in CMYK; expected grey or RGB");
        return;
    }
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    int channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    job->status =
        image_create(jpeg->image_width, jpeg->image_height, channels, job->out, job->error);
    if (job->status != RNM_OK) {
        return;
    }
    jpeg_start_decompress(jpeg);
    size_t row_bytes = (size_t)job->out->width * (size_t)channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = job->out->pixels + jpeg->output_scanline * row_bytes;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
}

static void decode_guarded(jpeg_job *job, const uint8_t *bytes, size_t size) {
    if (setjmp(job->leave) == 0) {
        decode_steps(job, bytes, size);
    }
}

rnm_status image_decode_jpeg(const uint8_t *bytes, size_t size, image *out, rnm_error *error) {
    jpeg_job job = {.out = out, .error = error};
    job.jpeg.err = jpeg_std_error(&job.manager);
    job.jpeg.client_data = &job;
    job.manager.error_exit = on_error;
    job.manager.emit_message = on_message;
    job.progress.progress_monitor = on_progress;
    decode_guarded(&job, bytes, size);
    jpeg_destroy_decompress(&job.jpeg);
    return job.status;
}
