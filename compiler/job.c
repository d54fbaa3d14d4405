/* SPDX-License-Identifier: Apache-2.0
 *
 * What passes share: looking tensors up, complaining about them, notes.
 */
#include "job.h"

#include <stdarg.h>
#include <string.h>

/* A graph, its names and its channel vectors; parents and masks stay in the mapping. */
enum { JOB_CEILING = 48 << 20, SIGNS_CEILING = 256 << 20 };

void rnc_job_begin(rnc_job *job, const rnc_weights *weights, const rnc_options *options) {
    static const rnc_options defaults;
    *job = (rnc_job){.arena = rnc_arena_make(JOB_CEILING),
                     .source = {.weights = weights},
                     .signs = rnc_arena_make(SIGNS_CEILING),
                     .options = options != NULL ? options : &defaults};
    job->graph.arena = &job->arena;
}

void rnc_job_end(rnc_job *job) {
    for (rnc_job_file *file = job->files; file != NULL; file = file->next) {
        rnc_map_close(&file->map);
    }
    rnc_arena_clear(&job->signs);
    rnc_arena_clear(&job->arena);
}

void rnc_note(const rnc_job *job, const char *format, ...) {
    if (job->quiet || job->options->note == NULL) {
        return;
    }
    char sentence[640];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    job->options->note(job->options->user, sentence);
}

enum { NAME_ROOM = 1024 };

/* A name longer than any that the format could store is no tensor of ours. */
static const rnc_tensor *find(const rnc_job *job, const char *layer, const char *dot,
                              const char *suffix) {
    char name[NAME_ROOM];
    int length = snprintf(name, sizeof name, "%s%s%s%s", job->source.prefix, layer, dot, suffix);
    return length < 0 || length >= NAME_ROOM ? NULL : rnc_weights_find(job->source.weights, name);
}

const rnc_tensor *rnc_take(rnc_job *job, const char *layer, const char *suffix) {
    const rnc_tensor *tensor = find(job, layer, ".", suffix);
    if (tensor != NULL) {
        job->source.used[tensor - job->source.weights->tensors] = true;
    }
    return tensor;
}

bool rnc_has(const rnc_job *job, const char *name) {
    return find(job, name, "", "") != NULL;
}

bool rnc_has_layer(const rnc_job *job, const char *layer) {
    return find(job, layer, ".", "weight") != NULL;
}

rnm_status rnc_fail_missing(const rnc_job *job, const char *layer, const char *suffix,
                            rnm_error *err) {
    return rnm_fail(err, RNM_ERR_MODEL, "%s: tensor %s%s.%s is missing (topology %s)",
                    job->source.weights->path, job->source.prefix, layer, suffix, job->topology);
}

rnm_status rnc_fail_tensor(const rnc_job *job, rnm_status status, const rnc_tensor *tensor,
                           rnm_error *err, const char *format, ...) {
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return rnm_fail(err, status, "%s: tensor %s %s", job->source.weights->path, tensor->name, what);
}

static void print_dims(char *text, size_t room, int rank, const int64_t *dims) {
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < rank && used < room; d++) {
        int wrote =
            snprintf(text + used, room - used, "%s%lld", d == 0 ? "" : "x", (long long)dims[d]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static bool is_float(rnm_dtype dtype) {
    return dtype == RNM_F32 || dtype == RNM_F16 || dtype == RNM_BF16 || dtype == RNM_F64;
}

rnm_status rnc_expect_dims(const rnc_job *job, const rnc_tensor *tensor, int rank,
                           const uint32_t *dims, rnm_error *err) {
    int64_t wanted[RNM_MAX_RANK];
    bool same = tensor->rank == rank;
    for (int d = 0; d < rank; d++) {
        wanted[d] = dims[d];
        same = same && tensor->dims[d] == wanted[d];
    }
    if (!same) {
        char expected[128];
        char found[128];
        print_dims(expected, sizeof expected, rank, wanted);
        print_dims(found, sizeof found, tensor->rank, tensor->dims);
        return rnc_fail_tensor(job, RNM_ERR_MODEL, tensor, err, "should be %s but is %s", expected,
                               found[0] == '\0' ? "a scalar" : found);
    }
    if (!is_float(tensor->dtype)) {
        return rnc_fail_tensor(job, RNM_ERR_MODEL, tensor, err,
                               "should hold floating-point numbers but holds %s",
                               rnm_dtype_name(tensor->dtype));
    }
    return RNM_OK;
}
