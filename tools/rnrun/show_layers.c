/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of layers.
 */
#include "show.h"

#include "say.h"

#include <math.h>
#include <string.h>

enum { NAME_WIDTH_MOST = 28 };

static const char *const form_names[] = {
    [RNM_FORM_NONE] = NULL,         [RNM_FORM_PANEL] = "panel",
    [RNM_FORM_SCRATCH] = "scratch", [RNM_FORM_EXPANDED] = "expanded",
    [RNM_FORM_XNNPACK] = "XNNPACK", [RNM_FORM_STORED] = "stored",
};

static const char *or_dash(const char *text) {
    return text != NULL ? text : "-";
}

/* "-" for nothing, which most columns are of most layers. */
static const char *bytes_or_dash(uint64_t bytes, char text[SAY_BYTES_SIZE]) {
    return bytes != 0 ? say_bytes(bytes, text) : "-";
}

const char *show_form(rnm_form form) {
    return form_names[form];
}

int show_name_width(const rnm_context *context) {
    size_t width = 4;
    rnm_layer layer;
    for (int k = 0; rnm_context_layer(context, k, &layer); k++) {
        size_t length = strlen(layer.node);
        width = length > width ? length : width;
    }
    return width < NAME_WIDTH_MOST ? (int)width : NAME_WIDTH_MOST;
}

void show_name_column(const char *name, int width) {
    char text[NAME_WIDTH_MOST + 1] = {0};
    strncpy(text, name, (size_t)width);
    show_name(text);
    printf("%*s", width - (int)strlen(text), "");
}

static void times_as_json(show *s, const show_profile *profile, const rnm_report *report) {
    json_writer *json = &s->json;
    show_close(s);
    json_object(json, "profile");
    show_mode_as_json(json, report);
    json_int(json, "batch", profile->batch);
    json_uint(json, "runs", profile->runs);
    json_double(json, "median_ms", 1e3 * profile->total_seconds);
    json_double(json, "peak_gflops", 1e-9 * profile->peak);
    json_array(json, "layers");
    for (int k = 0; k < profile->count; k++) {
        const rnm_layer *layer = &profile->layers[k];
        double rate = layer->flops > 0 ? layer->flops / layer->seconds : (double)NAN;
        json_object(json, NULL);
        json_text(json, "node", layer->node);
        json_text(json, "op", layer->op);
        json_text(json, "algorithm", layer->algorithm);
        json_text(json, "weights", show_form(layer->form));
        json_int(json, "mixed_blocks", layer->mixed_blocks);
        json_double(json, "median_ms", 1e3 * layer->seconds);
        json_double(json, "flops", layer->flops);
        json_double(json, "gflops", 1e-9 * rate);
        json_double(json, "of_peak", rate / profile->peak);
        json_uint(json, "parent_bytes", layer->parent_bytes);
        json_uint(json, "mask_bytes", layer->mask_bytes);
        json_uint(json, "beta_bytes", layer->beta_bytes);
        json_uint(json, "kept_bytes", layer->kept_bytes);
        json_uint(json, "activation_bytes", layer->activation_bytes);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void put_rate(double flops, double seconds, double peak) {
    if (flops > 0) {
        printf(" %8.1f %6.1f", 1e-9 * flops / seconds, 100 * flops / seconds / peak);
    } else {
        printf(" %8s %6s", "-", "-");
    }
}

void show_layer_times(show *s, const char *model_path, const show_profile *profile,
                      const rnm_report *report) {
    if (s->as_json) {
        times_as_json(s, profile, report);
        return;
    }
    const int width = show_name_width(profile->context);
    double sum = 0, flops = 0;
    fputs("layers of ", stdout);
    show_name(model_path);
    fputs(" (", stdout);
    show_mode(report);
    printf(", batch %lld; medians of %zu runs)\n", (long long)profile->batch, profile->runs);
    printf("%-*s %-18s %-12s %-8s %5s %9s %6s %8s %6s %10s %10s %10s %10s %11s\n", width, "node",
           "operator", "algorithm", "weights", "mixed", "ms", "% time", "GFLOP/s", "% peak",
           "parents", "masks", "betas", "kept", "activations");
    for (int k = 0; k < profile->count; k++) {
        const rnm_layer *layer = &profile->layers[k];
        char parents[SAY_BYTES_SIZE], masks[SAY_BYTES_SIZE], betas[SAY_BYTES_SIZE];
        char kept[SAY_BYTES_SIZE], activations[SAY_BYTES_SIZE];
        char mixed[12] = "-";
        if (layer->mixed_blocks > 0) {
            snprintf(mixed, sizeof mixed, "%d", layer->mixed_blocks);
        }
        show_name_column(layer->node, width);
        printf(" %-18s %-12s %-8s %5s %9.4f %6.1f", layer->op, or_dash(layer->algorithm),
               or_dash(show_form(layer->form)), mixed, 1e3 * layer->seconds,
               100 * layer->seconds / profile->total_seconds);
        put_rate(layer->flops, layer->seconds, profile->peak);
        printf(" %10s %10s %10s %10s %11s\n", bytes_or_dash(layer->parent_bytes, parents),
               bytes_or_dash(layer->mask_bytes, masks), bytes_or_dash(layer->beta_bytes, betas),
               bytes_or_dash(layer->kept_bytes, kept),
               bytes_or_dash(layer->activation_bytes, activations));
        sum += layer->seconds;
        flops += layer->flops;
    }
    printf("%-*s %-18s %-12s %-8s %5s %9.4f %6.1f", width, "all", "", "", "", "",
           1e3 * profile->total_seconds, 100 * sum / profile->total_seconds);
    put_rate(flops, profile->total_seconds, profile->peak);
    printf("\nPeak is what multiply-adds on registers reach on %s: %.1f GFLOP/s, measured now. "
           "GFLOP/s count\nthe plain convolution, of linear layers that of the parent alone; "
           "Winograd does it with fewer operations.\n",
           report->threads == 1 ? "1 thread" : "these threads", 1e-9 * profile->peak);
}
