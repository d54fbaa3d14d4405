/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc export.
 */
#include "commands.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_STEPS = 1000 };

static void show_progress(void *user, double fraction) {
    progress_step(user, (uint64_t)(fraction * PROGRESS_STEPS));
}

int rnc_command_export(int argc, char **argv) {
    const char *output = NULL;
    bool dense = false;
    bool quiet = false;
    cli_list files = {0};
    char *target = NULL;
    const cli_option options[] = {
        CLI_TEXT("output", 'o', &output, "FILE",
                 "the .onnx to write (default: MODEL.onnx beside it)"),
        CLI_FLAG("dense", 0, &dense,
                 "every weight expanded, with the scale of its outputs in it:\n"
                 "plain ONNX for any runtime"),
        CLI_FLAG("quiet", 'q', &quiet, "no progress, errors only"),
    };
    const cli_command command = {
        .name = "rnc export",
        .version = RNC_TOOL_VERSION,
        .usage = "MODEL.rnm [-o MODEL.onnx] [--dense]\n",
        .intro = "Writes the network of a .rnm as ONNX. It gives the same answers; what the .rnm\n"
                 "has fused into one node is nodes of its own again. Weights stay as compact as\n"
                 "they are, made by functions inside the file, for runtimes that know functions\n"
                 "(opset 15, IR 8); --dense is for all others.\n",
        .examples = "  rnc export model.rnm\n"
                    "  rnc export model.rnm --dense -o dense.onnx\n",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    rnm_error error;
    progress line;
    int code;
    cli_result result = cli_parse(&command, argc, argv, &files, stdout, stderr);
    if (result == CLI_RUN && files.count != 1) {
        result = cli_refuse(&command, stderr, "expected one .rnm, found %zu", files.count);
    }
    if (result != CLI_RUN) {
        code = cli_exit_code(result);
        goto done;
    }
    target = output != NULL ? strdup(output) : rnc_default_target(files.items[0], ".onnx");
    if (target == NULL) {
        error = (rnm_error){RNM_ERR_MEMORY, "no memory for a file name"};
        code = say_failure("rnc", &error);
        goto done;
    }
    if (rnc_same_file(target, files.items[0])) {
        code = cli_exit_code(
            cli_refuse(&command, stderr, "%s would overwrite itself; -o names a target", target));
        goto done;
    }
    progress_begin(&line, "exporting", PROGRESS_STEPS, !quiet);
    const rnc_export_options wanted = {.progress = show_progress, .user = &line};
    rnm_status status =
        (dense ? rnc_export_dense : rnc_export)(files.items[0], target, &wanted, &error);
    progress_clear(&line);
    code = status == RNM_OK ? 0 : say_failure("rnc", &error);
done:
    free(target);
    cli_list_free(&files);
    return code;
}
