/* SPDX-License-Identifier: Apache-2.0
 *
 * How a checkpoint is to be read, from the command line.
 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

const cli_choice rnc_generator_choices[] = {
    {"auto", RNC_GENERATOR_AUTO},
    {"current", RNC_GENERATOR_CURRENT},
    {"interleaved", RNC_GENERATOR_INTERLEAVED},
    {"cascaded", RNC_GENERATOR_CASCADED},
    {NULL, 0},
};

const cli_choice rnc_param_type_choices[] = {
    {"f32", RNM_F32},
    {"f16", RNM_F16},
    {"bf16", RNM_BF16},
    {NULL, 0},
};

enum { PROGRESS_STEPS = 1000 };

static void print_note(void *user, const char *sentence) {
    const rnc_reading *r = user;
    progress_clear(&r->line);
    fprintf(stderr, "rnc: note: %s\n", sentence);
}

static void show_progress(void *user, double fraction) {
    rnc_reading *r = user;
    progress_step(&r->line, (uint64_t)(fraction * PROGRESS_STEPS));
}

static bool parse_size(const char *text, int *height, int *width) {
    char extra;
    if (strspn(text, "0123456789x") != strlen(text)) { /* sscanf takes signs and blanks too */
        return false;
    }
    int count = sscanf(text, "%6dx%6d%c", height, width, &extra);
    if (count == 1 && sscanf(text, "%6d%c", height, &extra) == 1) {
        *width = *height;
        count = 2;
    }
    return count == 2 && *height > 0 && *width > 0;
}

static bool known_pass(const char *name) {
    bool known = strcmp(name, "all") == 0;
    for (int k = 0; rnc_pass_name(k) != NULL && !known; k++) {
        known = strcmp(name, rnc_pass_name(k)) == 0;
    }
    return known;
}

cli_result rnc_reading_finish(const cli_command *command, rnc_reading *r, const char *doing) {
    r->options = (rnc_options){
        .topology = r->topology,
        .dataset = r->dataset,
        .generator = (rnc_generator)r->generator,
        .param_type = (rnm_dtype)r->param_type,
        .allow_external_data = r->external,
        .no_recognise = r->no_recognise,
        .dump_ir = r->dump_ir,
        .dump_file = stderr,
        .note = r->quiet ? NULL : print_note,
        .progress = show_progress,
        .user = r,
    };
    if (r->input_size != NULL &&
        !parse_size(r->input_size, &r->options.input_height, &r->options.input_width)) {
        return cli_refuse(command, stderr,
                          "--input-size wants HEIGHTxWIDTH, as in 224x224, not `%s`",
                          r->input_size);
    }
    if (r->dump_ir != NULL && !known_pass(r->dump_ir)) {
        return cli_refuse(command, stderr,
                          "--dump-ir knows no pass `%s`; `rnc list` names them, `all` is all",
                          r->dump_ir);
    }
    progress_begin(&r->line, doing, PROGRESS_STEPS, !r->quiet);
    return CLI_RUN;
}
