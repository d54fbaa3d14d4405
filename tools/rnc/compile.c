/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc compile.
 */
#include "commands.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_summary(const char *target) {
    rnc_model_info *info;
    if (rnc_inspect(target, &info, NULL) == RNM_OK) {
        fprintf(stderr, "rnc: %s: %.1f kB for weights of %.1f kB expanded (%.1f times)\n", target,
                (double)info->file_bytes / 1e3, (double)info->dense_bytes / 1e3,
                (double)info->dense_bytes / (double)info->file_bytes);
        rnc_model_info_free(info);
    }
}

int rnc_command_compile(int argc, char **argv) {
    rnc_reading reading = {.generator = RNC_GENERATOR_AUTO};
    const char *output = NULL;
    cli_list files = {0};
    char *target = NULL;
    const cli_option options[] = {
        CLI_TEXT("output", 'o', &output, "FILE",
                 "the .rnm to write (default: MODEL.rnm beside it)"),
        RNC_READING_OPTIONS(reading),
        CLI_CHOICE("param-type", 0, &reading.param_type, rnc_param_type_choices,
                   "how parents are stored (default: as a compact\n"
                   "export has them, else f32, which loses nothing)"),
        CLI_TEXT("dump-ir", 0, &reading.dump_ir, "PASS",
                 "print the graph on stderr after a pass that `rnc list`\n"
                 "names, or `all`"),
    };
    const cli_command command = {
        .name = "rnc compile",
        .version = RNC_TOOL_VERSION,
        .usage = "MODEL.ckpt|MODEL.onnx [-o MODEL.rnm] [OPTION...]\n",
        .intro = "Converts a trained checkpoint into a .rnm: parents, betas, packed masks, graph;\n"
                 "or an ONNX model, of opset 6 and newer; generators left in its graph, and\n"
                 "repetition in its weights, are recognised.\n"
                 "The checkpoint is never executed; what it holds beside tensors is passed over.\n",
        .examples = "  rnc compile model.ckpt\n"
                    "  rnc compile model.onnx\n"
                    "  rnc compile weights.pt --topology=resnet_18 --dataset=IMNET -o net.rnm\n"
                    "  rnc compile mine.pt --topology=mine.yaml --input-size=96x96\n",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    rnm_error error;
    int code;
    cli_result result = cli_parse(&command, argc, argv, &files, stdout, stderr);
    if (result == CLI_RUN && files.count != 1) {
        result = cli_refuse(&command, stderr, "expected one checkpoint, found %zu", files.count);
    }
    if (result == CLI_RUN) {
        result = rnc_reading_finish(&command, &reading, "compiling");
    }
    if (result != CLI_RUN) {
        code = cli_exit_code(result);
        goto done;
    }
    target = output != NULL ? strdup(output) : rnc_default_target(files.items[0], ".rnm");
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
    rnm_status status = rnc_compile(files.items[0], target, &reading.options, &error);
    progress_clear(&reading.line);
    code = status == RNM_OK ? 0 : say_failure("rnc", &error);
    if (status == RNM_OK && !reading.quiet) {
        print_summary(target);
    }
done:
    free(target);
    cli_list_free(&files);
    return code;
}
