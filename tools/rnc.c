/* SPDX-License-Identifier: Apache-2.0
 *
 * rnc: the compiler's command line.
 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"compile", rnc_command_compile, "a trained checkpoint to a .rnm"},
    {"inspect", rnc_command_inspect, "what a .rnm stores, layer by layer"},
    {"verify", rnc_command_verify, "a .rnm against its checkpoint, bit for bit"},
    {"export", rnc_command_export, "a .rnm to ONNX"},
    {"list", rnc_command_list, "known topologies, data sets and passes"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *file) {
    fprintf(file, "Usage: rnc COMMAND [ARGUMENT...]\n\n"
                  "Compiles trained RepeatNets, and any network of the kinds it knows, to .rnm.\n\n"
                  "Commands:\n");
    for (int k = 0; k < COMMANDS; k++) {
        fprintf(file, "  %-8s  %s\n", commands[k].name, commands[k].help);
    }
    fprintf(file, "\nExamples:\n"
                  "  rnc compile model.ckpt -o model.rnm\n"
                  "  rnc inspect model.rnm\n"
                  "  rnc verify model.rnm --against=model.ckpt\n\n"
                  "`rnc COMMAND --help` says more.\n"
                  "Exit codes: 0 done, 1 input or model at fault, 2 usage, 3 resources.\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("rnc %s\n", RNC_TOOL_VERSION);
        return 0;
    }
    for (int k = 0; k < COMMANDS; k++) {
        if (strcmp(argv[1], commands[k].name) == 0) {
            return commands[k].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "rnc: no command is called `%s`; `rnc --help` lists them\n", argv[1]);
    return 2;
}
