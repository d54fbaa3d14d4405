/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc verify.
 */
#include "commands.h"
#include "json.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>

static void print_text(const char *path, const rnc_verify_result *result) {
    printf("%s: %" PRIu64 " layers, %" PRIu64 " weights, %" PRIu64 " scales and biases and %" PRIu64
           " nodes equal the checkpoint bit for bit (parents as %s)\n",
           path, result->layers, result->elements, result->channels, result->nodes,
           result->parent_type);
}

static void print_json(const char *path, rnm_status status, const char *text,
                       const rnc_verify_result *result) {
    json_writer json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "model", path);
    json_bool(&json, "equal", status == RNM_OK);
    json_text(&json, "error", status == RNM_OK ? NULL : text);
    json_text(&json, "parent_type", result->parent_type);
    json_uint(&json, "layers", result->layers);
    json_uint(&json, "weights", result->elements);
    json_uint(&json, "weights_different", result->different);
    json_uint(&json, "channels", result->channels);
    json_uint(&json, "channels_different", result->channels_different);
    json_uint(&json, "nodes", result->nodes);
    json_uint(&json, "nodes_different", result->nodes_different);
    json_end(&json);
    json_finish(&json);
}

int rnc_command_verify(int argc, char **argv) {
    rnc_reading reading = {.generator = RNC_GENERATOR_AUTO};
    const char *against = NULL;
    bool as_json = false;
    cli_list files = {0};
    const cli_option options[] = {
        CLI_TEXT("against", 'a', &against, "CKPT", "the checkpoint that the model was made from"),
        RNC_READING_OPTIONS(reading),
        CLI_FLAG("json", 0, &as_json, "the result as JSON on stdout"),
    };
    const cli_command command = {
        .name = "rnc verify",
        .version = RNC_TOOL_VERSION,
        .usage = "MODEL.rnm --against=MODEL.ckpt [OPTION...]\n",
        .intro =
            "Derives every weight, scale, bias and node anew from the checkpoint and compares\n"
            "them with the .rnm, bit for bit. Options that the model was compiled with must be\n"
            "given again.\n",
        .examples = "  rnc verify model.rnm --against=model.ckpt\n",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    rnm_error error;
    rnc_verify_result compared;
    int code;
    cli_result result = cli_parse(&command, argc, argv, &files, stdout, stderr);
    if (result == CLI_RUN && files.count != 1) {
        result = cli_refuse(&command, stderr, "expected one .rnm, found %zu", files.count);
    }
    if (result == CLI_RUN && against == NULL) {
        result = cli_refuse(&command, stderr, "--against=CKPT is missing");
    }
    if (result == CLI_RUN) {
        result = rnc_reading_finish(&command, &reading, "comparing");
    }
    if (result != CLI_RUN) {
        code = cli_exit_code(result);
        goto done;
    }
    rnm_status status = rnc_verify(files.items[0], against, &reading.options, &compared, &error);
    progress_clear(&reading.line);
    if (as_json) {
        print_json(files.items[0], status, error.text, &compared);
    } else if (status == RNM_OK) {
        print_text(files.items[0], &compared);
    }
    code = status == RNM_OK ? 0 : say_failure("rnc", &error);
done:
    cli_list_free(&files);
    return say_end("rnc", code);
}
