/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan, as tables or as JSON.
 */
#include "show.h"

#include "say.h"

#include <math.h>
#include <stdio.h>

/* Rows of the curve that people see; programs get all points. */
enum { CURVE_ROWS = 16, REASON_SIZE = 160 };

/* Why the weights are there in the form that they are, in the caller's buffer. */
static const char *form_reason(const rnm_layer *layer, rnm_expand mode, uint64_t limit,
                               char text[REASON_SIZE]) {
    char bytes[SAY_BYTES_SIZE];
    double gain = 1e3 * (layer->panel_seconds - layer->kept_seconds);
    say_bytes(layer->keep_bytes, bytes);
    switch (layer->form) {
    case RNM_FORM_EXPANDED:
        if (mode == RNM_EXPAND_PANEL) {
            snprintf(text, REASON_SIZE, "kept: gains %.4f ms a run for %s", gain, bytes);
        } else {
            snprintf(text, REASON_SIZE, "kept: the mode keeps all%s",
                     limit != 0 ? " that fit" : "");
        }
        break;
    case RNM_FORM_PANEL:
        if (mode == RNM_EXPAND_PANEL && gain <= 0) {
            snprintf(text, REASON_SIZE, "panels: reading %s back would take longer", bytes);
        } else if (limit != 0) {
            snprintf(text, REASON_SIZE, "panels: no room for %s", bytes);
        } else {
            snprintf(text, REASON_SIZE,
                     "panels: no memory limit asks for more; %s would gain "
                     "%.4f ms",
                     bytes, gain);
        }
        break;
    case RNM_FORM_STORED:
        snprintf(text, REASON_SIZE, "stored: tables take signs and parent where they are");
        break;
    case RNM_FORM_SCRATCH:
        snprintf(text, REASON_SIZE, "expanded at every run: the mode's way");
        break;
    default:
        text[0] = '\0';
    }
    return text;
}

static void layer_as_json(json_writer *json, const rnm_layer *layer, rnm_expand mode,
                          uint64_t limit) {
    char reason[REASON_SIZE];
    json_object(json, NULL);
    json_text(json, "node", layer->node);
    json_text(json, "op", layer->op);
    json_text(json, "algorithm", layer->algorithm);
    json_text(json, "weights", show_form(layer->form));
    if (layer->form != RNM_FORM_NONE) {
        json_text(json, "reason", form_reason(layer, mode, limit, reason));
        json_uint(json, "keep_bytes", layer->keep_bytes);
        json_double(json, "panel_ms", 1e3 * layer->panel_seconds);
        json_double(json, "kept_ms", 1e3 * layer->kept_seconds);
        json_int(json, "block_inputs", layer->block_inputs);
        json_int(json, "mixed_blocks", layer->mixed_blocks);
        json_object(json, "estimates_ms");
        for (int k = 0; k < RNM_ALGORITHMS; k++) {
            if (layer->estimates[k] > 0) {
                json_double(json, rnm_algorithm_name(k), 1e3 * layer->estimates[k]);
            }
        }
        json_end(json);
    }
    json_end(json);
}

static void plan_as_json(show *s, const rnm_context *context, const rnm_context *free,
                         uint64_t limit) {
    json_writer *json = &s->json;
    rnm_report report;
    rnm_layer layer;
    rnm_curve_point point = {0};
    rnm_context_report(context, &report);
    show_close(s);
    json_object(json, "plan");
    show_mode_as_json(json, &report);
    if (limit != 0) {
        json_uint(json, "memory_limit", limit);
    }
    json_uint(json, "total", report.total);
    rnm_context_curve(free, 0, &point);
    json_uint(json, "smallest", point.bytes);
    json_array(json, "layers");
    for (int k = 0; rnm_context_layer(context, k, &layer); k++) {
        layer_as_json(json, &layer, report.expand, limit);
    }
    json_end(json);
    json_array(json, "curve");
    for (int k = 0; rnm_context_curve(free, k, &point); k++) {
        json_object(json, NULL);
        json_uint(json, "bytes", point.bytes);
        json_double(json, "ms", 1e3 * point.seconds);
        json_text(json, "weight", point.weight);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

/* "F(4x4,3x3) 0.52 ms, direct 0.81 ms" in the order of the table. */
static void put_estimates(const rnm_layer *layer) {
    const char *comma = "";
    for (int k = 0; k < RNM_ALGORITHMS; k++) {
        if (layer->estimates[k] > 0) {
            printf("%s%s %.4f", comma, rnm_algorithm_name(k), 1e3 * layer->estimates[k]);
            comma = ", ";
        }
    }
}

static void put_curve(const rnm_context *free) {
    int count = rnm_context_curve_count(free);
    int rows = count < CURVE_ROWS ? count : CURVE_ROWS;
    rnm_curve_point point;
    printf("\ntime against memory (expected, layers with weights only):\n"
           "%14s %12s %10s  %s\n",
           "bytes", "", "ms", "with");
    for (int row = 0; row < rows; row++) {
        char bytes[SAY_BYTES_SIZE];
        int index = rows > 1 ? (int)((int64_t)row * (count - 1) / (rows - 1)) : 0;
        rnm_context_curve(free, index, &point);
        printf("%14llu %12s %10.4f  ", (unsigned long long)point.bytes,
               say_bytes(point.bytes, bytes), 1e3 * point.seconds);
        if (index == 0) {
            puts("panels of all: the smallest limit that works");
        } else {
            printf("%d kept, up to ", index);
            show_name(point.weight);
            putchar('\n');
        }
    }
}

void show_plan(show *s, const char *model_path, const rnm_context *context, const rnm_context *free,
               uint64_t limit) {
    if (s->as_json) {
        plan_as_json(s, context, free, limit);
        return;
    }
    const int width = show_name_width(context);
    char total[SAY_BYTES_SIZE], reason[REASON_SIZE];
    rnm_report report;
    rnm_layer layer;
    rnm_context_report(context, &report);
    fputs("plan of ", stdout);
    show_name(model_path);
    fputs(" (", stdout);
    show_mode(&report);
    printf("): %s in all\n%-*s %-12s %s\n", say_bytes(report.total, total), width, "node",
           "algorithm", "weights; by algorithm, ms expected");
    for (int k = 0; rnm_context_layer(context, k, &layer); k++) {
        if (layer.form == RNM_FORM_NONE) {
            continue;
        }
        show_name_column(layer.node, width);
        printf(" %-12s %s; ", layer.algorithm, form_reason(&layer, report.expand, limit, reason));
        if (layer.mixed_blocks > 0) {
            printf("%d blocks make all, inputs are mixed; ", layer.mixed_blocks);
        }
        put_estimates(&layer);
        putchar('\n');
    }
    put_curve(free);
}

/* ---- tunings --------------------------------------------------------------------------------- */

static void tuning_as_json(show *s, const char *file, const show_tuned *tuned) {
    json_writer *json = &s->json;
    show_close(s);
    json_object(json, "tuning");
    json_text(json, "file", file);
    json_double(json, "planned_ms", 1e3 * tuned->planned_seconds);
    json_double(json, "tuned_ms", 1e3 * tuned->tuned_seconds);
    json_array(json, "layers");
    for (int k = 0; k < tuned->count; k++) {
        const rnm_layer *layer = &tuned->layers[tuned->layer_of[k]];
        const rnm_tuned *best = &tuned->best[k];
        json_object(json, NULL);
        json_text(json, "node", layer->node);
        json_text(json, "planned", layer->algorithm);
        json_double(json, "planned_ms", 1e3 * tuned->planned[tuned->layer_of[k]]);
        json_text(json, "algorithm", best->algorithm);
        json_int(json, "block_inputs", best->block_inputs);
        json_double(json, "panel_ms", 1e-6 * (double)best->panel_ns);
        json_double(json, "kept_ms", best->kept_ns != 0 ? 1e-6 * (double)best->kept_ns : NAN);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

void show_tuning(show *s, const char *file, const show_tuned *tuned) {
    if (s->as_json) {
        tuning_as_json(s, file, tuned);
        return;
    }
    printf("%-28s %-12s %9s   %-12s %6s %9s %9s\n", "node", "planned", "ms", "tuned", "block", "ms",
           "kept, ms");
    for (int k = 0; k < tuned->count; k++) {
        const rnm_layer *layer = &tuned->layers[tuned->layer_of[k]];
        const rnm_tuned *best = &tuned->best[k];
        show_name_column(layer->node, 28);
        printf(" %-12s %9.4f   %-12s ", layer->algorithm, 1e3 * tuned->planned[tuned->layer_of[k]],
               best->algorithm);
        if (best->block_inputs != 0) {
            printf("%6d", best->block_inputs);
        } else {
            printf("%6s", "-");
        }
        printf(" %9.4f %9.4f\n", 1e-6 * (double)best->panel_ns, 1e-6 * (double)best->kept_ns);
    }
    printf("whole runs: %.4f ms as planned, %.4f ms as tuned; written to ",
           1e3 * tuned->planned_seconds, 1e3 * tuned->tuned_seconds);
    show_name(file);
    putchar('\n');
}
