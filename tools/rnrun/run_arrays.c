/* SPDX-License-Identifier: Apache-2.0
 *
 * Running .npy inputs, a chunk of the batch at a time, so that memory does not grow with the files.
 */
#include "run.h"

#include "arrays.h"
#include "error.h"
#include "progress.h"

typedef struct array_job {
    const rnrun_settings *settings;
    const rnm_model *model;
    rnm_context *context;
    show *show;
    arrays files;
} array_job;

/* Without --output the classes of every row are printed, so there must be some. */
static rnm_status check_printable(const array_job *job, rnm_error *error) {
    const rnm_value_info *output = rnm_model_output(job->model, 0);
    if (job->settings->outputs.count > 0 ||
        (output->rank == 2 && output->dtype == RNM_F32 && arrays_is_batched(&job->files, output))) {
        return RNM_OK;
    }
    return rnm_fail(error, RNM_ERR_ARGUMENT,
                    "the first output, '%s', is no f32 [N, classes] to print labels of; say where "
                    "it goes with --output=FILE.npy",
                    output->name);
}

static rnm_status show_rows(array_job *job, int64_t first, int64_t count, rnm_error *error) {
    const char *path = job->files.input_paths[0];
    rnm_status status = RNM_OK;
    for (int64_t row = 0; status == RNM_OK && row < count; row++) {
        status = show_scores(job->show, job->model, path, first + row,
                             rnm_context_output(job->context, 0), row, job->settings->top, error);
        if (status != RNM_OK) {
            char place[32];
            snprintf(place, sizeof place, "item %lld", (long long)(first + row));
            rnm_fail_in(error, status, place);
            rnm_fail_in(error, status, path);
        }
    }
    return status;
}

/* The last chunk may be short. The items behind its own are then still those of the chunk before:
 * they are run again, and nobody looks at what they give. */
static rnm_status run_chunks(array_job *job, rnm_error *error) {
    bool writes = job->settings->outputs.count > 0;
    int64_t total = job->files.total, chunk = job->files.chunk;
    rnm_status status = RNM_OK;
    progress line;
    progress_begin(&line, "items", (uint64_t)total, writes && !job->settings->quiet);
    for (int64_t done = 0; status == RNM_OK && done < total; done += chunk) {
        int64_t count = chunk < total - done ? chunk : total - done;
        progress_step(&line, (uint64_t)done);
        status = arrays_read(&job->files, job->context, count, error);
        if (status == RNM_OK) {
            status = rnm_context_run(job->context, error);
        }
        if (status == RNM_OK) {
            status = writes ? arrays_write(&job->files, job->context, count, error)
                            : show_rows(job, done, count, error);
        }
    }
    progress_clear(&line);
    return status;
}

static void show_outputs(const array_job *job) {
    for (int o = 0; o < rnm_model_output_count(job->model); o++) {
        if (job->files.output_paths[o] != NULL) {
            const rnm_tensor *tensor = rnm_context_output(job->context, o);
            npy_info info = {.dtype = tensor->dtype, .rank = tensor->rank};
            for (int d = 0; d < tensor->rank; d++) {
                info.dims[d] = tensor->dims[d];
            }
            if (arrays_is_batched(&job->files, rnm_model_output(job->model, o))) {
                info.dims[0] = job->files.total;
            }
            show_output(job->show, tensor->name, job->files.output_paths[o], &info);
        }
    }
}

static rnm_status run_job(array_job *job, rnm_error *error) {
    rnm_context_options options = rnrun_context_options(job->settings);
    rnm_status status = arrays_open(&job->files, job->model, job->settings, error);
    if (status == RNM_OK) {
        status = check_printable(job, error);
    }
    if (status != RNM_OK) {
        return status;
    }
    options.symbols = job->files.symbols;
    options.symbol_count = rnm_model_symbol_count(job->model);
    status = rnm_context_create(job->model, &options, &job->context, error);
    if (status != RNM_OK) {
        return rnm_fail_in(error, status, job->settings->files.items[0]);
    }
    status = arrays_create_outputs(&job->files, job->context, error);
    if (status == RNM_OK) {
        status = run_chunks(job, error);
    }
    if (status == RNM_OK) {
        status = arrays_commit(&job->files, error);
    }
    return status;
}

int run_arrays(const rnrun_settings *settings, const rnm_model *model, show *s) {
    array_job job = {.settings = settings, .model = model, .show = s};
    rnm_error error = {0};
    rnm_report report;
    int exit_code = 0;
    if (run_job(&job, &error) != RNM_OK) {
        exit_code = show_failure(s, NULL, &error);
    } else {
        show_outputs(&job);
        if (settings->report) {
            rnm_context_report(job.context, &report);
            show_report(s, settings->files.items[0], &report);
        }
    }
    rnm_context_destroy(job.context);
    arrays_close(&job.files);
    return exit_code;
}
