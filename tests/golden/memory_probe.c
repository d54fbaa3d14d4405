/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a model and prints, as JSON, what librnm says of its memory and what the kernel says: the
 * resident set before the model was opened and the highest one ever, in bytes.
 *
 *     memory_probe MODEL.rnm load|lazy|layer [no-xnnpack]
 *
 * Nothing is destroyed before the figures are taken, and only the public interface is used.
 */
#include "rnm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A line of /proc/self/status in bytes, 0 where there is none. Reads by a buffer on the stack, so
 * that asking does not grow the heap. */
static uint64_t status_bytes(const char *key) {
    char line[256];
    uint64_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");

    if (!file) {
        return 0;
    }
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            (void)sscanf(line + strlen(key), ": %" SCNu64, &kilobytes);
        }
    }
    (void)fclose(file);
    return kilobytes * 1024;
}

static int complain(const rnm_error *error) {
    (void)fprintf(stderr, "memory_probe: %s\n", error->text);
    return 1;
}

/* Values that no kernel can skip; f32 inputs only. */
static void fill(rnm_tensor *input) {
    float *values = input->data;

    for (size_t i = 0; i < input->bytes / sizeof(*values); i++) {
        values[i] = (float)(i * 2654435761u % 1000u) / 500.0f - 1.0f;
    }
}

static rnm_expand mode_of(const char *name) {
    static const char *const names[] = {"", "load", "lazy", "layer", "panel"};
    int mode = RNM_EXPAND_PANEL;

    while (mode > 0 && strcmp(name, names[mode]) != 0) {
        mode--;
    }
    return (rnm_expand)mode;
}

int main(int argc, char **argv) {
    rnm_model *model = NULL;
    rnm_context *context = NULL;
    rnm_error error;
    rnm_report report;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: memory_probe MODEL.rnm load|lazy|layer [no-xnnpack]\n");
        return 2;
    }
    rnm_context_options options = {
        .expand = mode_of(argv[2]), .threads = 2, .no_xnnpack = argc > 3};

    /* The first look brings in what looking itself takes; libraries are not the model's. */
    (void)rnm_has_xnnpack();
    (void)status_bytes("VmRSS");
    uint64_t before = status_bytes("VmRSS");
    if (rnm_model_open(argv[1], NULL, &model, &error) != RNM_OK ||
        rnm_context_create(model, &options, &context, &error) != RNM_OK) {
        return complain(&error);
    }
    for (int i = 0; i < rnm_model_input_count(model); i++) {
        fill(rnm_context_input(context, i));
    }
    for (int run = 0; run < 3; run++) {
        if (rnm_context_run(context, &error) != RNM_OK) {
            return complain(&error);
        }
    }
    uint64_t highest = status_bytes("VmHWM");
    uint64_t now = status_bytes("VmRSS");
    rnm_context_report(context, &report);
    (void)printf(
        "{\"before\": %" PRIu64 ", \"highest\": %" PRIu64 ", \"now\": %" PRIu64
        ", \"total\": %" PRIu64 ", \"resident_weights\": %" PRIu64 ", \"largest_scratch\": %" PRIu64
        ", \"xnnpack\": %" PRIu64 ", \"compact\": %" PRIu64 ", \"xnnpack_used\": %s}\n",
        before, highest, now, report.total, report.resident_weights, report.largest_scratch,
        report.xnnpack, report.compact, report.xnnpack_used ? "true" : "false");
    rnm_context_destroy(context);
    rnm_model_close(model);
    return 0;
}
