/* SPDX-License-Identifier: Apache-2.0
 *
 * contend_rnm MODEL.rnm INPUT.f32 THREADS panel|lazy|layer|load [ISA]: librnm as a contender
 * (contender.h).
 */
#include "contender.h"
#include "process.h"
#include "rnm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct runner {
    rnm_context *context;
    rnm_error error;
} runner;

static bool run(void *state) {
    runner *r = state;
    if (rnm_context_run(r->context, &r->error) != RNM_OK) {
        fprintf(stderr, "%s\n", r->error.text);
        return false;
    }
    return true;
}

static rnm_expand mode_of(const char *name) {
    static const struct {
        const char *name;
        rnm_expand mode;
    } modes[] = {{"panel", RNM_EXPAND_PANEL},
                 {"lazy", RNM_EXPAND_LAZY},
                 {"layer", RNM_EXPAND_LAYER},
                 {"load", RNM_EXPAND_LOAD}};
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
        if (strcmp(name, modes[k].name) == 0) {
            return modes[k].mode;
        }
    }
    return RNM_EXPAND_DEFAULT;
}

int main(int count, char **arguments) {
    const double began = process_began();
    if (count < 5) {
        fprintf(stderr, "usage: %s MODEL.rnm INPUT.f32 THREADS MODE [ISA]\n", arguments[0]);
        return 2;
    }
    rnm_model *model = NULL;
    runner r = {0};
    rnm_context_options options = {
        .expand = mode_of(arguments[4]),
        .isa = count > 5 && strcmp(arguments[5], "avx2") == 0 ? RNM_ISA_AVX2 : RNM_ISA_BEST,
    };
    int exit_code = 1;
    if (rnm_team_create((int)strtol(arguments[3], NULL, 10), true, &options.team, &r.error) !=
            RNM_OK ||
        rnm_model_open(arguments[1], NULL, &model, &r.error) != RNM_OK ||
        rnm_context_create(model, &options, &r.context, &r.error) != RNM_OK) {
        fprintf(stderr, "%s\n", r.error.text);
        goto done;
    }
    rnm_tensor *input = rnm_context_input(r.context, 0);
    const rnm_tensor *output = rnm_context_output(r.context, 0);
    if (!contender_read(arguments[2], input->data, input->bytes / sizeof(float))) {
        goto done;
    }
    exit_code = contender_serve(&(contender){.began = began,
                                             .state = &r,
                                             .run = run,
                                             .output = output->data,
                                             .outputs = output->bytes / sizeof(float),
                                             .version = rnm_version()});
done:
    rnm_context_destroy(r.context);
    rnm_team_destroy(options.team);
    rnm_model_close(model);
    return exit_code;
}
