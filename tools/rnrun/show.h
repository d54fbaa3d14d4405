/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything rnrun prints on stdout, as lines for people or as one JSON object:
 *
 *     {"model": path, "results": [{"file", "item"?, "top": [{"class", "label", "probability"}]},
 *      {"file", "areas": [{"class", "label", "pixels"}]}, {"file", "error"}], "outputs": [{"name",
 * "file", "dtype", "shape"}], "report": {bytes...}, "error": text of what ended it all}
 */
#ifndef RNRUN_SHOW_H
#define RNRUN_SHOW_H

#include "json.h"
#include "npy.h"
#include "rank.h"
#include "rnm.h"

typedef struct show {
    bool as_json, quiet;
    const char *section; /* the JSON array that is open, or NULL */
    json_writer json;
} show;

void show_begin(show *s, const char *model_path, bool as_json, bool quiet);

/* Ranks row `row` of an f32 tensor [N, classes] and shows the best `top`, or all if they are fewer.
 * `item` is its number in an array, -1 for an image. `top` is at most RNRUN_TOP_MOST.
 * RNM_ERR_VALUE.
 */
rnm_status show_scores(show *s, const rnm_model *model, const char *file, int64_t item,
                       const rnm_tensor *scores, int64_t row, int64_t top, rnm_error *error);

/* The share of each class that occurs in a mask of `pixels` pixels; areas has 256 entries, the last
 * for pixels that the network did not see. */
void show_areas(show *s, const rnm_model *model, const char *file, const int64_t *areas,
                int64_t pixels);

/* A failure that ends one file only (`file` not NULL) or everything: a sentence on stderr, a member
 * in JSON. Returns the exit code that goes with it. */
int show_failure(show *s, const char *file, const rnm_error *error);

/* An output that was written. */
void show_output(show *s, const char *name, const char *file, const npy_info *info);

void show_report(show *s, const char *model_path, const rnm_report *report);

void show_end(show *s);

/* What timing found; the median and the least of `runs` runs. */
typedef struct show_timing {
    size_t runs;
    double median_ms, min_ms;
    int64_t batch;
    double load_ms;         /* opening the model and making the context */
    double first_answer_ms; /* from the start of the process (process.h) to the first output */
    uint64_t peak_bytes;    /* of the process; 0: unknown */
} show_timing;

void show_bench(show *s, const char *model_path, const show_timing *timing,
                const rnm_report *report);

/* A profile: `layers` with `seconds` the medians of `runs` runs, the median of the whole, and what
 * the machine could do (rnm_context_peak). */
typedef struct show_profile {
    const rnm_context *context;
    const rnm_layer *layers;
    int count;
    size_t runs;
    double total_seconds, peak;
    int64_t batch;
} show_profile;

void show_layer_times(show *s, const char *model_path, const show_profile *profile,
                      const rnm_report *report);

/* What `context`, made with plan_only, would do, and the curve of `free`, the same without a limit
 * that binds; `limit` is 0 for none. */
void show_plan(show *s, const char *model_path, const rnm_context *context, const rnm_context *free,
               uint64_t limit);

/* What a tuning found: best[count] of layers[layer_of[k]], whose medians as planned are
 * planned[layer_of[k]], and whole runs as planned and as tuned. */
typedef struct show_tuned {
    const rnm_layer *layers;
    const rnm_tuned *best;
    const int *layer_of;
    int count;
    const double *planned;
    double planned_seconds, tuned_seconds;
} show_tuned;

void show_tuning(show *s, const char *file, const show_tuned *tuned);

/* For the other files that show. */

/* Names of layers' forms and algorithms; NULL for none. */
const char *show_form(rnm_form form);

/* A node's name in a column of show_name_width. */
int show_name_width(const rnm_context *context);
void show_name_column(const char *name, int width);

/* Closes the JSON array that is open. */
void show_close(show *s);

/* A name with what a terminal would obey replaced. */
void show_name(const char *name);

/* "--expand=panel, 1 thread, avx2" */
void show_mode(const rnm_report *report);
void show_mode_as_json(json_writer *json, const rnm_report *report);

#endif
