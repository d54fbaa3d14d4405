/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc inspect.
 */
#include "commands.h"
#include "json.h"
#include "say.h"
#include "svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static double ratio(uint64_t dense, uint64_t stored) {
    return stored == 0 ? 0.0 : (double)dense / (double)stored;
}

static uint64_t stored_bytes(const rnc_layer_info *layer) {
    return layer->parent_bytes + layer->beta_bytes + layer->mask_bytes;
}

static void format_dims(char *text, size_t room, const rnc_layer_info *layer) {
    size_t used = 0;
    for (int d = 0; d < layer->rank && used < room; d++) {
        used += (size_t)snprintf(text + used, room - used, "%s%" PRIu32, d == 0 ? "" : "x",
                                 layer->child[d]);
    }
}

/* "16x16 x 2x2": the parent, and how many blocks it makes, "+" where edges are partial. */
static void format_tiling(char *text, size_t room, const rnc_layer_info *layer) {
    uint32_t rows = layer->child[0] / layer->parent_out;
    uint32_t columns = layer->child[1] / layer->parent_in;
    snprintf(text, room, "%" PRIu32 "x%" PRIu32 " x %" PRIu32 "%sx%" PRIu32 "%s", layer->parent_out,
             layer->parent_in, rows, layer->child[0] % layer->parent_out ? "+" : "", columns,
             layer->child[1] % layer->parent_in ? "+" : "");
}

static void print_layer(const rnc_layer_info *layer, int name_width, int parent_width) {
    char dims[64];
    char tiling[64];
    char transform[32];
    char density[16] = "-";
    uint64_t elements = layer->dense_bytes / sizeof(float);
    format_dims(dims, sizeof dims, layer);
    format_tiling(tiling, sizeof tiling, layer);
    snprintf(transform, sizeof transform, "%s%s%s", layer->transform,
             layer->variant[0] != '\0' ? " " : "", layer->variant);
    if (layer->mask_bytes > 0) {
        snprintf(density, sizeof density, "%.1f %%",
                 100.0 * (double)layer->flips / (double)elements);
    }
    printf("%-*s  %-14s  %-12s  %-*s  %-16s  %9" PRIu64 "%s  %7" PRIu64 "  %9" PRIu64 "  %10" PRIu64
           "  %6.1f  %8s\n",
           name_width, layer->name, dims, transform, parent_width, layer->parent, tiling,
           layer->parent_bytes, layer->parent_shared ? "*" : " ", layer->beta_bytes,
           layer->mask_bytes, layer->dense_bytes, ratio(layer->dense_bytes, stored_bytes(layer)),
           density);
}

static void print_origin(const rnc_model_info *info) {
    for (size_t k = 0; k < info->provenance_count; k++) {
        printf("%s%s: %s", k == 0 ? "" : ", ", info->provenance[2 * k],
               info->provenance[2 * k + 1]);
    }
    printf("%s", info->provenance_count > 0 ? "\n" : "");
}

static void print_table(const char *path, const rnc_model_info *info) {
    int name_width = 5;
    int parent_width = 6;
    uint64_t zeros = 0;
    bool shared = false;
    for (size_t k = 0; k < info->layer_count; k++) {
        const rnc_layer_info *layer = &info->layers[k];
        int name = (int)strlen(layer->name);
        int parent = (int)strlen(layer->parent);
        name_width = name > name_width ? name : name_width;
        parent_width = parent > parent_width ? parent : parent_width;
        zeros += layer->zeros;
        shared = shared || layer->parent_shared;
    }
    printf("%s: %" PRIu64 " bytes, %zu layers, digest %016" PRIx64 "\n", path, info->file_bytes,
           info->layer_count, info->digest);
    print_origin(info);
    printf("\n%-*s  %-14s  %-12s  %-*s  %-16s  %10s  %7s  %9s  %10s  %6s  %8s\n", name_width,
           "layer", "child", "transform", parent_width, "parent", "tiling", "parent B ", "betas B",
           "masks B", "dense B", "ratio", "set bits");
    for (size_t k = 0; k < info->layer_count; k++) {
        print_layer(&info->layers[k], name_width, parent_width);
    }
    if (shared) {
        printf("* stored with an earlier layer\n");
    }
    if (zeros > 0) {
        printf("%" PRIu64 " signs are exactly zero\n", zeros);
    }
    printf("\nparents %" PRIu64 " + betas %" PRIu64 " + masks %" PRIu64
           " + scales and biases %" PRIu64 " + tables %" PRIu64 " = %" PRIu64
           " bytes\ndense equivalent %" PRIu64 " bytes, %.2f times the file\n",
           info->parent_bytes, info->beta_bytes, info->mask_bytes, info->channel_bytes,
           info->overhead_bytes, info->file_bytes, info->dense_bytes,
           ratio(info->dense_bytes, info->file_bytes));
}

static void print_json_layer(json_writer *json, const rnc_layer_info *layer) {
    json_object(json, NULL);
    json_text(json, "name", layer->name);
    json_text(json, "op", layer->op);
    json_text(json, "transform", layer->transform);
    json_text(json, "variant", layer->variant[0] != '\0' ? layer->variant : NULL);
    json_array(json, "child");
    for (int d = 0; d < layer->rank; d++) {
        json_uint(json, NULL, layer->child[d]);
    }
    json_end(json);
    json_text(json, "parent", layer->parent);
    json_text(json, "parent_type", layer->parent_type);
    json_bool(json, "parent_shared", layer->parent_shared);
    json_uint(json, "parent_outputs", layer->parent_out);
    json_uint(json, "parent_inputs", layer->parent_in);
    json_uint(json, "parent_bytes", layer->parent_bytes);
    json_uint(json, "beta_bytes", layer->beta_bytes);
    json_uint(json, "mask_bytes", layer->mask_bytes);
    json_uint(json, "dense_bytes", layer->dense_bytes);
    json_uint(json, "set_bits", layer->flips);
    json_uint(json, "zero_signs", layer->zeros);
    json_end(json);
}

static void print_json(const char *path, const rnc_model_info *info) {
    json_writer json;
    char digest[32];
    snprintf(digest, sizeof digest, "%016" PRIx64, info->digest);
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "model", path);
    json_text(&json, "digest", digest);
    json_uint(&json, "file_bytes", info->file_bytes);
    json_uint(&json, "parent_bytes", info->parent_bytes);
    json_uint(&json, "beta_bytes", info->beta_bytes);
    json_uint(&json, "mask_bytes", info->mask_bytes);
    json_uint(&json, "channel_bytes", info->channel_bytes);
    json_uint(&json, "overhead_bytes", info->overhead_bytes);
    json_uint(&json, "dense_bytes", info->dense_bytes);
    json_object(&json, "provenance");
    for (size_t k = 0; k < info->provenance_count; k++) {
        json_text(&json, info->provenance[2 * k], info->provenance[2 * k + 1]);
    }
    json_end(&json);
    json_array(&json, "labels");
    for (size_t k = 0; k < info->label_count; k++) {
        json_text(&json, NULL, info->labels[k]);
    }
    json_end(&json);
    json_array(&json, "layers");
    for (size_t k = 0; k < info->layer_count; k++) {
        print_json_layer(&json, &info->layers[k]);
    }
    json_end(&json);
    json_end(&json);
    json_finish(&json);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

int rnc_command_inspect(int argc, char **argv) {
    bool as_json = false;
    const char *svg = NULL;
    cli_list files = {0};
    const cli_option options[] = {
        CLI_FLAG("json", 0, &as_json, "as JSON"),
        CLI_TEXT("svg", 0, &svg, "FILE.svg",
                 "draw it instead: stored against dense bytes, and which\n"
                 "parents feed which layers"),
    };
    const cli_command command = {
        .name = "rnc inspect",
        .version = RNC_TOOL_VERSION,
        .usage = "MODEL.rnm [--json] [--svg=FILE.svg]\n",
        .intro = "Shows what a .rnm stores for each layer, and what the layer takes expanded.\n",
        .examples = "  rnc inspect model.rnm\n  rnc inspect model.rnm --json\n"
                    "  rnc inspect model.rnm --svg=model.svg\n",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    rnm_error error;
    rnc_model_info *info;
    int code = 0;
    cli_result result = cli_parse(&command, argc, argv, &files, stdout, stderr);
    if (result == CLI_RUN && files.count != 1) {
        result = cli_refuse(&command, stderr, "expected one .rnm, found %zu", files.count);
    }
    if (result != CLI_RUN) {
        code = cli_exit_code(result);
        goto done;
    }
    rnm_status status = rnc_inspect(files.items[0], &info, &error);
    if (status != RNM_OK) {
        code = say_failure("rnc", &error);
        goto done;
    }
    if (svg != NULL) {
        status = rnc_draw_svg(info, base_name(files.items[0]), svg, &error);
        code = status == RNM_OK ? 0 : say_failure("rnc", &error);
    }
    if (as_json) {
        print_json(files.items[0], info);
    } else if (svg == NULL) {
        print_table(files.items[0], info);
    }
    rnc_model_info_free(info);
done:
    cli_list_free(&files);
    return say_end("rnc", code);
}
