/* SPDX-License-Identifier: Apache-2.0
 *
 * What the command line asked for.
 */
#ifndef RNRUN_SETTINGS_H
#define RNRUN_SETTINGS_H

#include "options.h"
#include "preparation.h"
#include "rnm.h"

#define RNRUN_NAME "rnrun"
#define RNRUN_TOP_MOST 1000

typedef struct rnrun_settings {
    cli_list files;      /* the model, then images, folders, or one .npy file */
    cli_list inputs;     /* "NAME=FILE" or "FILE" */
    cli_list outputs;    /* "NAME=FILE" or "FILE" */
    int expand;          /* an rnm_expand */
    int isa;             /* an rnm_isa */
    preparation images;  /* how they are prepared */
    const char *overlay; /* where the photo with its mask goes, or NULL */
    int64_t top, threads;
    int64_t batch;           /* items of an array to run at once */
    int64_t bench;           /* runs to time; 0: none */
    int64_t bench_batch;     /* items of a timed run */
    const char *tune;        /* where to write; "": beside the model; NULL: not */
    const char *tuning;      /* a file, or NULL */
    const char *tuning_text; /* its text */
    uint64_t memory_limit;   /* 0: none */
    const char *input_size;  /* "HxW", of models that take any, or NULL */
    int64_t *symbols;        /* of the model, where no array binds them; NULL: it has none */
    int symbol_count;
    rnm_team *team;    /* threads, which start while the model is opened */
    double began;      /* the process, on process.h's clock */
    double load_began; /* opening the model */
    bool no_xnnpack, direct_only, json, quiet, report, profile, plan;
} rnrun_settings;

/* The options of a context with all symbols 1. */
static inline rnm_context_options rnrun_context_options(const rnrun_settings *settings) {
    return (rnm_context_options){.expand = (rnm_expand)settings->expand,
                                 .team = settings->team,
                                 .no_xnnpack = settings->no_xnnpack,
                                 .direct_only = settings->direct_only,
                                 .memory_limit = settings->memory_limit,
                                 .tuning = settings->tuning_text,
                                 .tuning_name = settings->tuning,
                                 .symbols = settings->symbols,
                                 .symbol_count = settings->symbol_count,
                                 .isa = (rnm_isa)settings->isa};
}

#endif
