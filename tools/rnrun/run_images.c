/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying and segmenting images.
 */
#include "run.h"

#include "error.h"
#include "image.h"
#include "mask.h"
#include "npy.h"
#include "paths.h"
#include "preprocess.h"
#include "progress.h"
#include "sizes.h"

#include <string.h>
#include <unistd.h>

typedef struct image_job {
    const rnrun_settings *settings;
    const rnm_model *model;
    rnm_preprocess steps;
    const char *scores_path; /* where the one image's output goes, or NULL */
    const char *mask_path;   /* likewise its mask, */
    bool masks;              /* and whether there is one: scores of every pixel */
    rnm_context_options options;
    rnm_context *context; /* NULL: none yet, where images of any size go in */
    show *show;
    int exit_code; /* of the first failure */
} image_job;

static void note_failure(image_job *job, const char *file, const rnm_error *error) {
    int code = show_failure(job->show, file, error);
    job->exit_code = job->exit_code != 0 ? job->exit_code : code;
}

/* Whether images can be given to the model at all, and how. */
static rnm_status check_model(image_job *job, rnm_error *error) {
    const rnrun_settings *settings = job->settings;
    const char *path = settings->files.items[0];
    const rnm_value_info *output = rnm_model_output(job->model, 0);
    if (rnm_model_input_count(job->model) != 1) {
        return rnm_fail(
            error, RNM_ERR_UNSUPPORTED,
            "%s: has %d inputs, and images go to one; give each a --input NAME=FILE.npy", path,
            rnm_model_input_count(job->model));
    }
    rnm_status status = preparation_steps(&settings->images, rnm_model_preprocess(job->model, 0),
                                          rnm_model_input(job->model, 0), &job->steps, error);
    if (status == RNM_ERR_UNSUPPORTED) {
        return rnm_fail_in(error, status, path);
    }
    if (status != RNM_OK) {
        return status;
    }
    job->masks = mask_suits(output);
    if (!job->masks && (job->mask_path != NULL || settings->overlay != NULL)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "%s: its first output '%s' is %s of rank %d, expected f32 [N, classes, H, "
                        "W] of at most %d classes to make a mask",
                        path, output->name, rnm_dtype_name(output->dtype), output->rank,
                        MASK_CLASSES_MOST);
    }
    if (!job->masks && job->scores_path == NULL &&
        (output->dtype != RNM_F32 || output->rank != 2)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "%s: its first output '%s' is %s of rank %d, expected f32 [N, classes] to "
                        "print labels or f32 [N, classes, H, W] for a mask; give --output=FILE.npy",
                        path, output->name, rnm_dtype_name(output->dtype), output->rank);
    }
    return RNM_OK;
}

static rnm_status save_scores(image_job *job, rnm_error *error) {
    const rnm_tensor *scores = rnm_context_output(job->context, 0);
    npy_info info = {.dtype = scores->dtype, .rank = scores->rank};
    npy_writer writer = {0};
    for (int d = 0; d < scores->rank; d++) {
        info.dims[d] = scores->dims[d];
    }
    rnm_status status = npy_create(&writer, job->scores_path, &info, error);
    if (status == RNM_OK) {
        status = npy_write(&writer, scores->data, scores->bytes, error);
    }
    if (status == RNM_OK) {
        status = npy_commit(&writer, error);
    }
    if (status == RNM_OK) {
        show_output(job->show, scores->name, job->scores_path, &info);
    }
    npy_discard(&writer);
    return status;
}

/* Areas are shown, and the files asked for written. `photo` is in colour where an overlay is. */
static rnm_status make_mask(image_job *job, const char *path, int width, int height,
                            const image *photo, rnm_error *error) {
    const char *overlay = job->settings->overlay;
    mask m;
    rnm_status status = mask_make(&job->steps, width, height, rnm_context_input(job->context, 0),
                                  rnm_context_output(job->context, 0), &m, error);
    if (status != RNM_OK) {
        return rnm_fail_in(error, status, path);
    }
    if (job->mask_path != NULL) {
        status = mask_save(&m, job->mask_path, error);
    }
    if (status == RNM_OK && overlay != NULL) {
        status = mask_save_overlay(&m, photo, job->model, overlay, error);
    }
    if (status == RNM_OK) {
        show_areas(job->show, job->model, path, m.areas, (int64_t)width * height);
    }
    mask_free(&m);
    return status;
}

/* What the network gives, as labels, a mask or a file. */
static rnm_status show_result(image_job *job, const char *path, int width, int height,
                              const image *photo, rnm_error *error) {
    if (job->scores_path != NULL) {
        return save_scores(job, error);
    }
    if (job->masks) {
        return make_mask(job, path, width, height, photo, error);
    }
    rnm_status status =
        show_scores(job->show, job->model, path, -1, rnm_context_output(job->context, 0), 0,
                    job->settings->top, error);
    return status == RNM_OK ? RNM_OK : rnm_fail_in(error, status, path);
}

/* Preparing uses up the picture; an overlay needs it afterwards. */
static rnm_status keep_photo(const image_job *job, const image *picture, image *photo,
                             rnm_error *error) {
    *photo = (image){0};
    if (job->settings->overlay == NULL) {
        return RNM_OK;
    }
    rnm_status status =
        image_create(picture->width, picture->height, picture->channels, photo, error);
    if (status != RNM_OK) {
        return status;
    }
    memcpy(photo->pixels, picture->pixels,
           (size_t)picture->width * (size_t)picture->height * (size_t)picture->channels);
    return image_to_channels(photo, 3, error);
}

/* A context for pictures of that size: the one that is there, where they all have one size. */
static rnm_status suit_context(image_job *job, const image *picture, rnm_error *error) {
    const rnm_preprocess *steps = &job->steps;
    preprocess_place place;
    rnm_status status = RNM_OK;
    if (!sizes_open(job->model)) {
        return RNM_OK;
    }
    status = preprocess_find_place(steps, picture->width, picture->height, &place, error);
    if (status != RNM_OK) {
        return status;
    }
    bool changed = sizes_of_image(
        job->model, place.kept.height + steps->pad_top + steps->pad_bottom,
        place.kept.width + steps->pad_left + steps->pad_right, job->settings->symbols);
    if (job->context != NULL && !changed) {
        return RNM_OK;
    }
    rnm_context_destroy(job->context);
    job->context = NULL;
    return rnm_context_create(job->model, &job->options, &job->context, error);
}

static rnm_status run_image(image_job *job, const char *path, rnm_error *error) {
    image picture, photo;
    rnm_status status = image_open(path, &picture, error);
    if (status != RNM_OK) {
        return status;
    }
    int width = picture.width, height = picture.height;
    status = keep_photo(job, &picture, &photo, error);
    if (status == RNM_OK) {
        status = suit_context(job, &picture, error);
    }
    if (status == RNM_OK) {
        status = preprocess(&job->steps, &picture, rnm_context_input(job->context, 0), error);
    }
    if (status == RNM_OK) {
        status = rnm_context_run(job->context, error);
    }
    if (status == RNM_OK) {
        status = show_result(job, path, width, height, &photo, error);
    } else {
        rnm_fail_in(error, status, path);
    }
    image_free(&picture);
    image_free(&photo);
    return status;
}

static void run_all(image_job *job, const path_list *paths) {
    progress line;
    /* Results on the same terminal show well enough that something is going on. */
    progress_begin(&line, "images", paths->count,
                   !job->settings->quiet && isatty(STDOUT_FILENO) == 0);
    for (size_t i = 0; i < paths->count; i++) {
        rnm_error error = {0};
        progress_step(&line, i);
        if (run_image(job, paths->items[i], &error) != RNM_OK) {
            progress_clear(&line);
            note_failure(job, paths->items[i], &error);
        }
    }
    progress_clear(&line);
}

int run_images(const rnrun_settings *settings, const rnm_model *model, show *s) {
    image_job job = {.settings = settings,
                     .model = model,
                     .options = rnrun_context_options(settings),
                     .show = s};
    if (settings->outputs.count > 0) {
        const char *path = settings->outputs.items[0];
        *(path_is_png(path) ? &job.mask_path : &job.scores_path) = path;
    }
    rnm_error error = {0};
    path_list paths = {0};
    rnm_report report;
    if (check_model(&job, &error) != RNM_OK) {
        return show_failure(s, NULL, &error);
    }
    if (!sizes_open(model) &&
        rnm_context_create(model, &job.options, &job.context, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, settings->files.items[0]);
        return show_failure(s, NULL, &error);
    }
    for (size_t i = 1; i < settings->files.count; i++) {
        if (paths_add(&paths, settings->files.items[i], &error) != RNM_OK) {
            note_failure(&job, settings->files.items[i], &error);
        }
    }
    /* A folder's images would be written over one another. */
    if (paths.count > 1 && (settings->outputs.count > 0 || settings->overlay != NULL)) {
        rnm_fail(&error, RNM_ERR_ARGUMENT,
                 "%s: expected one image for --output or --overlay, found %zu in the folder",
                 settings->files.items[1], paths.count);
        note_failure(&job, settings->files.items[1], &error);
    } else {
        run_all(&job, &paths);
    }
    if (settings->report && job.context != NULL) {
        rnm_context_report(job.context, &report);
        show_report(s, settings->files.items[0], &report);
    }
    paths_free(&paths);
    rnm_context_destroy(job.context);
    return job.exit_code;
}

int run_report(const rnrun_settings *settings, const rnm_model *model, show *s) {
    rnm_context_options options = rnrun_context_options(settings);
    rnm_context *context;
    rnm_error error = {0};
    rnm_report report;
    if (rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, settings->files.items[0]);
        return show_failure(s, NULL, &error);
    }
    rnm_context_report(context, &report);
    show_report(s, settings->files.items[0], &report);
    rnm_context_destroy(context);
    return 0;
}
