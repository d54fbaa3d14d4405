/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying images.
 */
#include "run.h"

#include "error.h"
#include "image.h"
#include "npy.h"
#include "paths.h"
#include "preprocess.h"
#include "progress.h"

#include <unistd.h>

typedef struct image_job {
    const rnrun_settings *settings;
    const rnm_model *model;
    rnm_preprocess steps;
    const char *scores_path; /* where the one image's output goes; NULL: labels are printed */
    rnm_context *context;
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
    if (job->scores_path == NULL && (output->dtype != RNM_F32 || output->rank != 2)) {
        return rnm_fail(error, RNM_ERR_UNSUPPORTED,
                        "%s: its first output '%s' is %s of rank %d, expected f32 [N, classes] to "
                        "print labels; give --output=FILE.npy",
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

static rnm_status classify(image_job *job, const char *path, rnm_error *error) {
    image picture;
    rnm_status status = image_open(path, &picture, error);
    if (status != RNM_OK) {
        return status;
    }
    status = preprocess(&job->steps, &picture, rnm_context_input(job->context, 0), error);
    image_free(&picture);
    if (status == RNM_OK) {
        status = rnm_context_run(job->context, error);
    }
    if (status == RNM_OK && job->scores_path != NULL) {
        return save_scores(job, error);
    }
    if (status == RNM_OK) {
        status = show_scores(job->show, job->model, path, -1, rnm_context_output(job->context, 0),
                             0, job->settings->top, error);
    }
    return status == RNM_OK ? RNM_OK : rnm_fail_in(error, status, path);
}

static void classify_all(image_job *job, const path_list *paths) {
    progress line;
    /* Results on the same terminal show well enough that something is going on. */
    progress_begin(&line, "images", paths->count,
                   !job->settings->quiet && isatty(STDOUT_FILENO) == 0);
    for (size_t i = 0; i < paths->count; i++) {
        rnm_error error = {0};
        progress_step(&line, i);
        if (classify(job, paths->items[i], &error) != RNM_OK) {
            progress_clear(&line);
            note_failure(job, paths->items[i], &error);
        }
    }
    progress_clear(&line);
}

int run_images(const rnrun_settings *settings, const rnm_model *model, show *s) {
    image_job job = {.settings = settings, .model = model, .show = s};
    job.scores_path = settings->outputs.count > 0 ? settings->outputs.items[0] : NULL;
    rnm_context_options options = rnrun_context_options(settings);
    rnm_error error = {0};
    path_list paths = {0};
    rnm_report report;
    if (check_model(&job, &error) != RNM_OK) {
        return show_failure(s, NULL, &error);
    }
    if (rnm_context_create(model, &options, &job.context, &error) != RNM_OK) {
        rnm_fail_in(&error, error.status, settings->files.items[0]);
        return show_failure(s, NULL, &error);
    }
    for (size_t i = 1; i < settings->files.count; i++) {
        if (paths_add(&paths, settings->files.items[i], &error) != RNM_OK) {
            note_failure(&job, settings->files.items[i], &error);
        }
    }
    classify_all(&job, &paths);
    if (settings->report) {
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
