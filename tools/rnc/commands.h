/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of rnc: each takes what stands behind its name and returns an exit code.
 */
#ifndef RNC_COMMANDS_H
#define RNC_COMMANDS_H

#include "options.h"
#include "progress.h"
#include "rnc.h"

int rnc_command_compile(int argc, char **argv);
int rnc_command_inspect(int argc, char **argv);
int rnc_command_verify(int argc, char **argv);
int rnc_command_list(int argc, char **argv);
int rnc_command_export(int argc, char **argv);

/* "dir/model.ckpt" and ".rnm" make "dir/model.rnm", which the caller frees; NULL without memory. */
char *rnc_default_target(const char *source, const char *ending);

/* One file, by any of its names: another spelling of the path, a link. */
bool rnc_same_file(const char *a, const char *b);

/* Options that compile and verify share: how a checkpoint is to be read. */
typedef struct rnc_reading {
    const char *topology;
    const char *dataset;
    const char *input_size;
    const char *dump_ir;
    int generator;
    int param_type;
    bool no_recognise;
    bool quiet;
    bool external;
    progress line;
    rnc_options options; /* made from the above by rnc_reading_finish */
} rnc_reading;

extern const cli_choice rnc_generator_choices[];
extern const cli_choice rnc_param_type_choices[];

/* Rows for a command's table. */
#define RNC_READING_OPTIONS(r)                                                      \
    CLI_TEXT("topology", 't', &(r).topology, "NAME|FILE",                           \
             "the network's graph: one that `rnc list` names, or a YAML file\n"     \
             "(default: found by the checkpoint's own words and its tensors)"),     \
        CLI_TEXT("dataset", 'd', &(r).dataset, "NAME|FILE",                         \
                 "how images are prepared, and the labels: one that `rnc list`\n"   \
                 "names, or a YAML file (default: the checkpoint's own word)"),     \
        CLI_TEXT("input-size", 0, &(r).input_size, "HxW",                           \
                 "size of the input (default: the data set's, or the topology's)"), \
        CLI_CHOICE("generator", 0, &(r).generator, rnc_generator_choices,           \
                   "order of the blocks of s layers in checkpoints of older\n"      \
                   "training code"),                                                \
        CLI_FLAG("allow-external-data", 0, &(r).external,                           \
                 "read tensors of an ONNX model from other files of its folder"),   \
        CLI_FLAG("no-recognise", 0, &(r).no_recognise,                              \
                 "store dense weights as they are, even where they repeat a\n"      \
                 "smaller block or each other"),                                    \
        CLI_FLAG("quiet", 'q', &(r).quiet, "no notes and no progress, errors only")

/* Checks what no table can and fills in r->options; `doing` names the progress line. Returns
 * CLI_RUN, or CLI_USAGE after complaining. */
cli_result rnc_reading_finish(const cli_command *command, rnc_reading *r, const char *doing);

#endif
