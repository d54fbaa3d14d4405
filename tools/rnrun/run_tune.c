/* SPDX-License-Identifier: Apache-2.0
 *
 * Tuning: every way that a layer can run is measured, all layers of the network at once, and what
 * was fastest for each is written down; then what keeping the weights would take, for plans under a
 * memory limit.
 */
#include "run.h"

#include "error.h"
#include "file_write.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_UNASKED = 9, BLOCKS = 5, ROUNDS = 3 };

/* What else than the plan's own must gain this much, as no two measurements agree. */
#define WORTH_CHANGING 0.97

static const int blocks[BLOCKS] = {0, 32, 64, 128, 256};

typedef struct tuner {
    const rnm_model *model;
    rnm_context_options options;
    size_t runs;
    int count;         /* layers */
    rnm_layer *layers; /* as planned */
    double *planned, *times;
    rnm_tuned *best, *trial; /* of the layers that have a choice, `tuned` of them */
    int *layer_of;           /* by index in `best` */
    int tuned;
    double planned_seconds, tuned_seconds; /* of whole runs; 0: not measured yet */
    char *text;
    size_t text_size;
} tuner;

static double least(double before, double now) {
    return before == 0 || now < before ? now : before;
}

/* The layers that have a choice, run as planned. */
static rnm_status begin(tuner *t, rnm_error *error) {
    rnm_context *context = NULL;
    rnm_status status = rnm_context_create(t->model, &t->options, &context, error);
    if (status != RNM_OK) {
        return status;
    }
    t->count = rnm_context_layer_count(context);
    size_t room = (size_t)t->count + 1;
    t->layers = calloc(room, sizeof *t->layers);
    t->planned = calloc(room, sizeof *t->planned);
    t->times = calloc(room, sizeof *t->times);
    t->best = calloc(room, sizeof *t->best);
    t->trial = calloc(room, sizeof *t->trial);
    t->layer_of = calloc(room, sizeof *t->layer_of);
    t->text_size = 1024 + 128 * room;
    t->text = malloc(t->text_size);
    if (t->layers == NULL || t->planned == NULL || t->times == NULL || t->best == NULL ||
        t->trial == NULL || t->layer_of == NULL || t->text == NULL) {
        status = rnm_fail(error, RNM_ERR_MEMORY, "no memory to tune %d layers", t->count);
    } else {
        status = timing_layers(t->model, context, t->runs, t->planned, error);
    }
    for (int k = 0; status == RNM_OK && k < t->count; k++) {
        rnm_layer *layer = &t->layers[k];
        rnm_context_layer(context, k, layer);
        bool choice = false;
        for (int a = 0; layer->algorithm != NULL && a < RNM_ALGORITHMS; a++) {
            choice = choice || strcmp(layer->algorithm, rnm_algorithm_name(a)) == 0;
        }
        if (choice) {
            t->layer_of[t->tuned] = k;
            t->best[t->tuned++] = (rnm_tuned){.node = layer->node_index,
                                              .algorithm = layer->algorithm,
                                              .panel_ns = (uint64_t)(1e9 * t->planned[k]) + 1};
        }
    }
    rnm_context_destroy(context);
    return status;
}

/* Leaves the text of a tuning of `layers` in t->text. */
static rnm_status write_text(tuner *t, const rnm_tuned *layers, rnm_context_options options,
                             rnm_error *error) {
    rnm_context *context = NULL;
    options.plan_only = true;
    options.tuning = NULL;
    rnm_status status = rnm_context_create(t->model, &options, &context, error);
    if (status != RNM_OK) {
        return status;
    }
    size_t length = rnm_tuning_text(context, layers, t->tuned, t->text, t->text_size);
    rnm_context_destroy(context);
    return length < t->text_size
               ? RNM_OK
               : rnm_fail(error, RNM_ERR_LIMIT, "a tuning of %zu bytes is longer than expected",
                          length);
}

/* Runs with a tuning of `layers` in force, as planned where NULL; t->times are the medians. */
static rnm_status run_with(tuner *t, const rnm_tuned *layers, rnm_context_options options,
                           rnm_error *error) {
    rnm_context *context = NULL;
    rnm_status status = layers != NULL ? write_text(t, layers, options, error) : RNM_OK;
    if (status != RNM_OK) {
        return status;
    }
    options.tuning = layers != NULL ? t->text : NULL;
    status = rnm_context_create(t->model, &options, &context, error);
    if (status == RNM_OK) {
        status = timing_layers(t->model, context, t->runs, t->times, error);
    }
    rnm_context_destroy(context);
    return status;
}

/* Tables take no block of inputs: one of the blocks stands for all. */
static bool is_worth_trying(int algorithm, int block) {
    return block == 0 || strcmp(rnm_algorithm_name(algorithm), "tables") != 0;
}

/* Measures one way for all layers that can take it; the others run as their best so far. */
static rnm_status try_way(tuner *t, int algorithm, int block, rnm_error *error) {
    bool any = false;
    for (int k = 0; k < t->tuned; k++) {
        t->trial[k] = t->best[k];
        if (t->layers[t->layer_of[k]].estimates[algorithm] > 0) {
            t->trial[k].algorithm = rnm_algorithm_name(algorithm);
            t->trial[k].block_inputs = block;
            any = true;
        }
    }
    if (!any) {
        return RNM_OK;
    }
    rnm_status status = run_with(t, t->trial, t->options, error);
    for (int k = 0; status == RNM_OK && k < t->tuned; k++) {
        const int layer = t->layer_of[k];
        if (t->layers[layer].estimates[algorithm] > 0 &&
            1e9 * t->times[layer] < WORTH_CHANGING * (double)t->best[k].panel_ns) {
            t->best[k] = t->trial[k];
            t->best[k].panel_ns = (uint64_t)(1e9 * t->times[layer]) + 1;
        }
    }
    return status;
}

/* Lowers *nanoseconds to what was just measured; 0 is no measurement yet. */
static void lower(uint64_t *nanoseconds, double seconds) {
    uint64_t found = (uint64_t)(1e9 * seconds) + 1;
    *nanoseconds = *nanoseconds == 0 || found < *nanoseconds ? found : *nanoseconds;
}

/* What is written down of the best ways is measured once more, panelled and kept and as planned in
 * turns, so that all have met the same machine: the least of each. Where there is no memory to keep
 * all weights, nothing is said of that. */
static rnm_status measure_best(tuner *t, rnm_error *error) {
    rnm_context_options keeping = t->options;
    keeping.expand = RNM_EXPAND_LOAD;
    keeping.no_xnnpack = true;
    rnm_status status = RNM_OK;
    bool room = true;
    for (int k = 0; k < t->tuned; k++) {
        t->best[k].panel_ns = t->best[k].kept_ns = 0;
        t->trial[k] = t->best[k];
    }
    for (int round = 0; status == RNM_OK && round < ROUNDS; round++) {
        status = run_with(t, NULL, t->options, error);
        t->planned_seconds = least(t->planned_seconds, t->times[t->count]);
        for (int k = 0; k < t->tuned; k++) {
            t->trial[k].panel_ns = 1; /* a tuning must say something */
        }
        if (status == RNM_OK) {
            status = run_with(t, t->trial, t->options, error);
        }
        t->tuned_seconds = least(t->tuned_seconds, t->times[t->count]);
        for (int k = 0; status == RNM_OK && k < t->tuned; k++) {
            lower(&t->best[k].panel_ns, t->times[t->layer_of[k]]);
        }
        if (status != RNM_OK || !room) {
            continue;
        }
        status = run_with(t, t->trial, keeping, error);
        room = status == RNM_OK;
        for (int k = 0; room && k < t->tuned; k++) {
            lower(&t->best[k].kept_ns, t->times[t->layer_of[k]]);
        }
        if (status == RNM_ERR_MEMORY || status == RNM_ERR_LIMIT) {
            status = RNM_OK;
        }
    }
    return status;
}

static rnm_status write_best(tuner *t, const char *path, rnm_error *error) {
    rnm_status status = write_text(t, t->best, t->options, error);
    return status == RNM_OK ? file_write(path, t->text, strlen(t->text), error) : status;
}

int run_tune(const rnrun_settings *settings, const rnm_model *model, show *s) {
    const char *path = settings->files.items[0];
    tuner t = {.model = model,
               .options = rnrun_context_options(settings),
               .runs = settings->bench > 0 ? (size_t)settings->bench : RUNS_UNASKED};
    rnm_error error = {0};
    rnm_status status;
    char *beside = NULL;
    const char *file = settings->tune;
    int exit_code = 0;
    t.options.expand = RNM_EXPAND_PANEL;
    t.options.memory_limit = 0;
    t.options.profile = true;
    t.options.tuning = NULL;
    if (*file == '\0') {
        size_t size = strlen(path) + sizeof ".tuning";
        beside = malloc(size);
        if (beside == NULL) {
            status = rnm_fail(&error, RNM_ERR_MEMORY, "no memory for a name");
            goto failed;
        }
        snprintf(beside, size, "%s.tuning", path);
        file = beside;
    }
    status = begin(&t, &error);
    for (int way = 0; status == RNM_OK && way < RNM_ALGORITHMS * BLOCKS; way++) {
        const int algorithm = way / BLOCKS, block = blocks[way % BLOCKS];
        if (is_worth_trying(algorithm, block)) {
            status = try_way(&t, algorithm, block, &error);
        }
    }
    if (status == RNM_OK) {
        status = measure_best(&t, &error);
    }
    if (status == RNM_OK) {
        status = write_best(&t, file, &error);
    }
    if (status == RNM_OK) {
        show_tuning(s, file,
                    &(show_tuned){.layers = t.layers,
                                  .best = t.best,
                                  .layer_of = t.layer_of,
                                  .count = t.tuned,
                                  .planned = t.planned,
                                  .planned_seconds = t.planned_seconds,
                                  .tuned_seconds = t.tuned_seconds});
        goto done;
    }
failed:
    rnm_fail_in(&error, status, path);
    exit_code = show_failure(s, NULL, &error);
done:
    free(beside);
    free(t.text);
    free(t.layer_of);
    free(t.trial);
    free(t.best);
    free(t.times);
    free(t.planned);
    free(t.layers);
    return exit_code;
}
