/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything rnrun prints on stdout.
 */
#include "show.h"

#include "mask.h"
#include "say.h"
#include "settings.h"

#include <string.h>

/* ---- frame ----------------------------------------------------------------------------------- */

void show_begin(show *s, const char *model_path, bool as_json, bool quiet) {
    *s = (show){.as_json = as_json, .quiet = quiet};
    if (as_json) {
        json_begin(&s->json, stdout);
        json_object(&s->json, NULL);
        json_text(&s->json, "model", model_path);
    }
}

/* Makes `name` the open JSON array; NULL closes what is open. */
static void enter(show *s, const char *name) {
    if (s->section != NULL && (name == NULL || strcmp(s->section, name) != 0)) {
        json_end(&s->json);
        s->section = NULL;
    }
    if (name != NULL && s->section == NULL) {
        json_array(&s->json, name);
        s->section = name;
    }
}

void show_close(show *s) {
    enter(s, NULL);
}

void show_end(show *s) {
    if (s->as_json) {
        enter(s, NULL);
        json_end(&s->json);
        json_finish(&s->json);
    }
}

/* A terminal must not obey the names of files. */
void show_name(const char *name) {
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char)*name;
        putchar(byte < 0x20 || byte == 0x7f ? '?' : byte);
    }
}

/* ---- results --------------------------------------------------------------------------------- */

static void classes_as_json(show *s, const rnm_model *model, const char *file, int64_t item,
                            const ranked_class *best, int64_t count) {
    json_writer *json = &s->json;
    enter(s, "results");
    json_object(json, NULL);
    json_text(json, "file", file);
    if (item >= 0) {
        json_int(json, "item", item);
    }
    json_array(json, "top");
    for (int64_t k = 0; k < count; k++) {
        json_object(json, NULL);
        json_int(json, "class", best[k].index);
        json_text(json, "label", rnm_model_label(model, (int)best[k].index));
        json_double(json, "probability", best[k].probability);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void show_classes(show *s, const rnm_model *model, const char *file, int64_t item,
                         const ranked_class *best, int64_t count) {
    if (s->as_json) {
        classes_as_json(s, model, file, item, best, count);
        return;
    }
    show_name(file);
    if (item >= 0) {
        printf("[%lld]", (long long)item);
    }
    putchar('\n');
    for (int64_t k = 0; k < count; k++) {
        const char *label = rnm_model_label(model, (int)best[k].index);
        printf("  %6.2f %%  ", 100 * best[k].probability);
        if (label != NULL) {
            printf("%s\n", label);
        } else {
            printf("class %lld\n", (long long)best[k].index);
        }
    }
}

rnm_status show_scores(show *s, const rnm_model *model, const char *file, int64_t item,
                       const rnm_tensor *scores, int64_t row, int64_t top, rnm_error *error) {
    ranked_class best[RNRUN_TOP_MOST];
    int64_t classes = scores->dims[1];
    int64_t count = top < classes ? top : classes;
    rnm_status status =
        rank_classes((const float *)scores->data + row * classes, classes, best, count, error);
    if (status == RNM_OK) {
        show_classes(s, model, file, item, best, count);
    }
    return status;
}

/* Like a class's line, for every class that occurs. */
static void show_area(show *s, const rnm_model *model, int class, int64_t area, int64_t pixels) {
    bool unseen = class == MASK_UNSEEN;
    const char *label = unseen ? NULL : rnm_model_label(model, class);
    if (s->as_json) {
        json_object(&s->json, NULL);
        json_int(&s->json, "class", unseen ? -1 : class);
        json_text(&s->json, "label", label);
        json_int(&s->json, "pixels", area);
        json_end(&s->json);
        return;
    }
    printf("  %6.2f %%  ", 100 * (double)area / (double)pixels);
    if (label != NULL) {
        printf("%s\n", label);
    } else if (unseen) {
        printf("not seen: outside the crop\n");
    } else {
        printf("class %d\n", class);
    }
}

void show_areas(show *s, const rnm_model *model, const char *file, const int64_t *areas,
                int64_t pixels) {
    if (s->as_json) {
        enter(s, "results");
        json_object(&s->json, NULL);
        json_text(&s->json, "file", file);
        json_array(&s->json, "areas");
    } else {
        show_name(file);
        putchar('\n');
    }
    for (int class = 0; class <= MASK_CLASSES_MOST; class ++) {
        if (areas[class] > 0) {
            show_area(s, model, class, areas[class], pixels);
        }
    }
    if (s->as_json) {
        json_end(&s->json);
        json_end(&s->json);
    }
}

int show_failure(show *s, const char *file, const rnm_error *error) {
    if (s->as_json && file != NULL) {
        enter(s, "results");
        json_object(&s->json, NULL);
        json_text(&s->json, "file", file);
        json_text(&s->json, "error", error->text);
        json_end(&s->json);
    } else if (s->as_json) {
        enter(s, NULL);
        json_text(&s->json, "error", error->text);
    }
    return say_failure(RNRUN_NAME, error);
}

void show_output(show *s, const char *name, const char *file, const npy_info *info) {
    if (s->as_json) {
        enter(s, "outputs");
        json_object(&s->json, NULL);
        json_text(&s->json, "name", name);
        json_text(&s->json, "file", file);
        json_text(&s->json, "dtype", rnm_dtype_name(info->dtype));
        json_array(&s->json, "shape");
        for (int d = 0; d < info->rank; d++) {
            json_int(&s->json, NULL, info->dims[d]);
        }
        json_end(&s->json);
        json_end(&s->json);
    } else if (!s->quiet) {
        char shape[NPY_SHAPE_SIZE];
        show_name(file);
        printf(": %s, %s %s\n", name, rnm_dtype_name(info->dtype), npy_shape_text(info, shape));
    }
}

/* ---- the memory report ----------------------------------------------------------------------- */

static const char *const expand_names[] = {
    [RNM_EXPAND_DEFAULT] = "default", [RNM_EXPAND_LOAD] = "load",   [RNM_EXPAND_LAZY] = "lazy",
    [RNM_EXPAND_LAYER] = "layer",     [RNM_EXPAND_PANEL] = "panel",
};

static const struct {
    const char *key, *text;
    size_t offset;
} figures[] = {
    {"file", "file", offsetof(rnm_report, file)},
    {"mapped", "of it mapped", offsetof(rnm_report, mapped)},
    {"resident_weights", "resident weights", offsetof(rnm_report, resident_weights)},
    {"largest_scratch", "largest scratch", offsetof(rnm_report, largest_scratch)},
    {"activations", "activations", offsetof(rnm_report, activations)},
    {"bookkeeping", "bookkeeping", offsetof(rnm_report, bookkeeping)},
    {"xnnpack", "XNNPACK", offsetof(rnm_report, xnnpack)},
    {"total", "total", offsetof(rnm_report, total)},
    {"dense", "dense equivalent", offsetof(rnm_report, dense)},
    {"compact", "compact weights", offsetof(rnm_report, compact)},
};

static uint64_t figure(const rnm_report *report, size_t index) {
    uint64_t bytes;
    memcpy(&bytes, (const char *)report + figures[index].offset, sizeof bytes);
    return bytes;
}

/* NaN, which is null in JSON, for a model without weights. */
static double times_dense(uint64_t bytes, const rnm_report *report) {
    return (double)bytes / (double)report->dense;
}

void show_mode(const rnm_report *report) {
    printf("--expand=%s, %d thread%s, %s", expand_names[report->expand], report->threads,
           report->threads == 1 ? "" : "s", report->xnnpack_used ? "XNNPACK" : report->isa);
}

void show_mode_as_json(json_writer *json, const rnm_report *report) {
    json_text(json, "expand", expand_names[report->expand]);
    json_text(json, "isa", report->isa);
    json_int(json, "threads", report->threads);
}

static void report_as_json(show *s, const rnm_report *report) {
    json_writer *json = &s->json;
    enter(s, NULL);
    json_object(json, "report");
    show_mode_as_json(json, report);
    json_bool(json, "xnnpack_used", report->xnnpack_used);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        json_uint(json, figures[i].key, figure(report, i));
    }
    json_double(json, "total_over_dense", times_dense(report->total, report));
    json_double(json, "compact_over_dense", times_dense(report->compact, report));
    json_end(json);
}

void show_report(show *s, const char *model_path, const rnm_report *report) {
    if (s->as_json) {
        report_as_json(s, report);
        return;
    }
    fputs("memory of ", stdout);
    show_name(model_path);
    fputs(" (", stdout);
    show_mode(report);
    fputs(")\n", stdout);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        char text[SAY_BYTES_SIZE];
        printf("  %-18s%10s\n", figures[i].text, say_bytes(figure(report, i), text));
    }
    if (report->dense > 0) {
        printf("  total is %.3f, compact weights are %.3f of the dense equivalent\n",
               times_dense(report->total, report), times_dense(report->compact, report));
    }
}

void show_bench(show *s, const char *model_path, const show_timing *timing,
                const rnm_report *report) {
    if (s->as_json) {
        json_writer *json = &s->json;
        enter(s, NULL);
        json_object(json, "bench");
        show_mode_as_json(json, report);
        json_uint(json, "runs", timing->runs);
        json_double(json, "median_ms", timing->median_ms);
        json_double(json, "min_ms", timing->min_ms);
        json_int(json, "batch", timing->batch);
        json_double(json, "load_ms", timing->load_ms);
        json_double(json, "first_answer_ms", timing->first_answer_ms);
        json_uint(json, "peak_bytes", timing->peak_bytes);
        json_end(json);
        return;
    }
    char peak[SAY_BYTES_SIZE];
    show_name(model_path);
    printf(": median %.3f ms, least %.3f ms of %zu runs; batch %lld, ", timing->median_ms,
           timing->min_ms, timing->runs, (long long)timing->batch);
    show_mode(report);
    printf(", loaded in %.2f ms, first answer after %.2f ms, peak memory %s\n", timing->load_ms,
           timing->first_answer_ms, say_bytes(timing->peak_bytes, peak));
}
