/* SPDX-License-Identifier: Apache-2.0
 *
 * rnrun: runs a .rnm model on images or .npy files. Here are the options and which job they mean.
 */
#define _GNU_SOURCE /* sched_getaffinity */

#include "error.h"
#include "file_bytes.h"
#include "options.h"
#include "paths.h"
#include "process.h"
#include "run.h"
#include "say.h"
#include "settings.h"
#include "show.h"
#include "sizes.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS_MOST = 64,
    THREADS_UNASKED = 4, /* more gain little on small networks and disturb others */
    BATCH_MOST = 65536,
    BENCH_MOST = 1000000,
    TUNING_MOST = 64 << 20, /* bytes; a line a layer */
    BATCH_UNASKED = 16,
    TOP_UNASKED = 5,
};

static const char usage[] =
    "[options] MODEL.rnm IMAGE|FOLDER...\n"
    "[options] MODEL.rnm IMAGE --output=FILE.npy|MASK.png [--overlay=FILE.png]\n"
    "[options] MODEL.rnm INPUT.npy [--output=FILE.npy]\n"
    "[options] MODEL.rnm --input NAME=FILE.npy... [--output NAME=FILE.npy...]\n"
    "[options] MODEL.rnm --report\n"
    "[options] MODEL.rnm --bench=N | --profile | --plan | --tune[=FILE]\n";

static const char intro[] =
    "Images (PNG, JPEG; all those in a folder) are prepared as the model says and\n"
    "classified. Arrays are taken as they are, of the model's own type; the first\n"
    "dimension may be any number of items. Without --output their classes are printed.\n";

static const char examples[] =
    "  rnrun net.rnm cat.png dog.jpg             the five best labels of each\n"
    "  rnrun --top=1 --json net.rnm photos/      one label each, for programs\n"
    "  rnrun seg.rnm a.png --output=mask.png --overlay=seen.png\n"
    "                                            what is where\n"
    "  rnrun net.rnm x.npy --output=logits.npy   numbers in, numbers out\n"
    "  rnrun --expand=layer --report net.rnm cat.png\n"
    "                                            least memory, and how much it was\n";

static const cli_choice expand_choices[] = {{"panel", RNM_EXPAND_PANEL},
                                            {"load", RNM_EXPAND_LOAD},
                                            {"lazy", RNM_EXPAND_LAZY},
                                            {"layer", RNM_EXPAND_LAYER},
                                            {NULL, 0}};

static const cli_choice isa_choices[] = {{"best", RNM_ISA_BEST},
                                         {"plain", RNM_ISA_PLAIN},
                                         {"sse2", RNM_ISA_SSE2},
                                         {"avx2", RNM_ISA_AVX2},
                                         {"avx512", RNM_ISA_AVX512},
                                         {"neon", RNM_ISA_NEON},
                                         {NULL, 0}};

static const cli_choice color_choices[] = {
    {"rgb", RNM_RGB}, {"bgr", RNM_BGR}, {"gray", RNM_GRAY}, {NULL, 0}};

/* One for each processor that we may run on. */
static int64_t threads_unasked(void) {
    cpu_set_t processors;
    int cores =
        sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : 1;
    return cores < THREADS_UNASKED ? cores : THREADS_UNASKED;
}

typedef int job(const rnrun_settings *settings, const rnm_model *model, show *s);

/* Which job the command line means; NULL after saying why none. */
static job *choose_job(const cli_command *command, const rnrun_settings *settings) {
    const cli_list *files = &settings->files;
    bool arrays = settings->inputs.count > 0;
    if (files->count == 0) {
        cli_refuse(command, stderr, "which model? The first file is a .rnm file");
        return NULL;
    }
    for (size_t i = 1; i < files->count; i++) {
        if (arrays || (files->count > 2 && path_is_npy(files->items[i]))) {
            cli_refuse(command, stderr,
                       "'%s': an array is the only file behind the model, or all "
                       "inputs are given with --input",
                       files->items[i]);
            return NULL;
        }
    }
    if ((arrays || files->count > 1) &&
        (settings->plan || settings->profile || settings->bench > 0 || settings->tune != NULL)) {
        cli_refuse(command, stderr,
                   "--plan, --profile, --bench and --tune go with a model alone: they need no "
                   "images or arrays");
        return NULL;
    }
    arrays = arrays || (files->count == 2 && path_is_npy(files->items[1]));
    if (settings->overlay != NULL && (arrays || files->count != 2)) {
        cli_refuse(command, stderr, "--overlay goes with one image");
        return NULL;
    }
    if (arrays) {
        return run_arrays;
    }
    if (settings->outputs.count > 0 && (files->count != 2 || settings->outputs.count > 1)) {
        cli_refuse(command, stderr, "--output goes with .npy inputs, or, once, with one image");
        return NULL;
    }
    if (files->count > 1) {
        return run_images;
    }
    if (settings->tune != NULL) {
        return run_tune;
    }
    if (settings->plan) {
        return run_plan;
    }
    if (settings->profile) {
        return run_profile;
    }
    if (settings->bench > 0) {
        return run_bench;
    }
    if (settings->report) {
        return run_report;
    }
    cli_refuse(command, stderr, "nothing to run '%s' on: give images or a .npy file",
               files->items[0]);
    return NULL;
}

static rnm_status check_graph(const rnm_model *model, const char *path, rnm_error *error) {
    if (rnm_model_input_count(model) > 0 && rnm_model_output_count(model) > 0) {
        return RNM_OK;
    }
    return rnm_fail(error, RNM_ERR_UNSUPPORTED, "%s: has no inputs or no outputs", path);
}

/* The text of the file of --tuning, if there is one, which the caller frees. */
static rnm_status read_tuning(rnrun_settings *settings, rnm_error *error) {
    uint8_t *bytes;
    size_t size;
    if (settings->tuning == NULL) {
        return RNM_OK;
    }
    rnm_status status = file_bytes_read(settings->tuning, TUNING_MOST, &bytes, &size, error);
    if (status != RNM_OK) {
        return status;
    }
    char *text = realloc(bytes, size + 1);
    if (text == NULL || memchr(text, '\0', size) != NULL) {
        status = text == NULL ? RNM_ERR_MEMORY : RNM_ERR_VALUE;
        rnm_fail(error, status, "%s: %s", settings->tuning,
                 text == NULL ? "no memory" : "expected text, found a byte of zero");
        free(text != NULL ? text : (char *)bytes);
        return status;
    }
    text[size] = '\0';
    settings->tuning_text = text;
    return RNM_OK;
}

static int run(rnrun_settings *settings, job *chosen) {
    const char *path = settings->files.items[0];
    rnm_model *model = NULL;
    rnm_error error = {0};
    show s;
    int exit_code;
    show_begin(&s, path, settings->json, settings->quiet);
    settings->load_began = process_clock();
    if (read_tuning(settings, &error) != RNM_OK ||
        rnm_team_create((int)settings->threads, chosen != run_plan, &settings->team, &error) !=
            RNM_OK ||
        rnm_model_open(path, NULL, &model, &error) != RNM_OK ||
        check_graph(model, path, &error) != RNM_OK ||
        sizes_bind(settings, model, chosen != run_images && chosen != run_arrays, &error) !=
            RNM_OK) {
        exit_code = show_failure(&s, NULL, &error);
    } else {
        exit_code = chosen(settings, model, &s);
    }
    show_end(&s);
    rnm_team_destroy(settings->team);
    rnm_model_close(model);
    free((void *)(uintptr_t)settings->tuning_text);
    free(settings->symbols);
    return say_end(RNRUN_NAME, exit_code);
}

int main(int argc, char **argv) {
    rnrun_settings settings = {
        .began = process_began(), .threads = threads_unasked(), .top = TOP_UNASKED};
    const cli_option options[] = {
        CLI_NUMBER("top", 'k', &settings.top, "K", 1, RNRUN_TOP_MOST,
                   "how many labels to print; 5 unless given"),
        CLI_LIST("input", 'i', &settings.inputs, "[NAME=]FILE",
                 "a .npy file for an input of the model, C order;\n"
                 "again for each input"),
        CLI_LIST("output", 'o', &settings.outputs, "[NAME=]FILE",
                 "write an output, the first unless named, as .npy;\n"
                 "may be given again. With an image and MASK.png: the\n"
                 "likeliest class of each pixel, as an indexed image"),
        CLI_TEXT("overlay", 0, &settings.overlay, "FILE.png",
                 "write the photo with its mask over it, and a legend"),
        CLI_NUMBER("batch", 'b', &settings.batch, "B", 1, BATCH_MOST,
                   "run at most B items of an array at once; 16 unless\n"
                   "given. More is faster and takes more memory"),
        CLI_CHOICE("expand", 'e', &settings.expand, expand_choices,
                   "when child weights are made: a panel at a time inside\n"
                   "the kernels, all at load, each layer's at its first\n"
                   "use, or each layer's for every run anew; panel unless\n"
                   "given"),
        CLI_NUMBER("threads", 't', &settings.threads, "N", 1, THREADS_MOST,
                   "threads to compute with; unless given as many as\n"
                   "processors it may run on, at most 4. Results do not depend\n"
                   "on it"),
        CLI_FLAG("no-xnnpack", 0, &settings.no_xnnpack, "compute with the library's own kernels"),
        CLI_FLAG("direct", 0, &settings.direct_only,
                 "no Winograd: slower, and a little more exact"),
        CLI_CHOICE("isa", 0, &settings.isa, isa_choices,
                   "no instructions beyond these; one that the CPU lacks\n"
                   "is passed over, one of another architecture refused"),
        CLI_NUMBER("bench", 0, &settings.bench, "N", 1, BENCH_MOST,
                   "time N runs on made-up input, of --batch items each\n"
                   "(1 unless given), and the first answer since the start\n"
                   "of the process, and say what memory the process took"),
        CLI_TEXT("input-size", 0, &settings.input_size, "HxW",
                 "height and width to report, time, plan or tune a model\n"
                 "for that takes any; images and arrays bring theirs"),
        CLI_BYTES("memory-limit", 'm', &settings.memory_limit,
                  "take at most this, the mapped file included: keep the\n"
                  "layers expanded that gain the most time for it, panels\n"
                  "of the rest; 12M is 12 MiB"),
        CLI_OPTIONAL("tune", 0, &settings.tune, "FILE",
                     "measure the ways in which each layer can run here and\n"
                     "write down the fastest, into MODEL.rnm.tuning unless\n"
                     "FILE is given"),
        CLI_TEXT("tuning", 0, &settings.tuning, "FILE",
                 "run as FILE of --tune says; it must be of this model,\n"
                 "CPU and number of threads"),
        CLI_FLAG("plan", 0, &settings.plan,
                 "say what is chosen for each layer and why, the least\n"
                 "memory limit that works, and time against memory"),
        CLI_FLAG("profile", 0, &settings.profile,
                 "the time of each layer, its share of what the machine\n"
                 "can do, and the bytes it reads: medians of 50 runs\n"
                 "(or --bench=N) on made-up input"),
        CLI_TEXT("resize", 0, &settings.images.resize, "N|HxW|none",
                 "resize images to N on the shorter side, or to HxW;\n"
                 "this and the next five change what the model says of\n"
                 "images, or say it where the model does not"),
        CLI_TEXT("crop", 0, &settings.images.crop, "N|HxW|none", "then keep the middle NxN or HxW"),
        CLI_CHOICE("channels", 0, &settings.images.color, color_choices, "order of the channels"),
        CLI_TEXT("divisor", 0, &settings.images.divisor, "D",
                 "an input is (pixel / D - mean) / std, pixels being\n"
                 "0 to 255; 255 unless given"),
        CLI_TEXT("mean", 0, &settings.images.mean, "M[,M,M]",
                 "for all channels, or each; 0 unless given"),
        CLI_TEXT("std", 0, &settings.images.std, "S[,S,S]", "likewise; 1 unless given"),
        CLI_FLAG("report", 'r', &settings.report, "say what memory the model takes"),
        CLI_FLAG("json", 'j', &settings.json, "print one JSON object; sizes are exact"),
        CLI_FLAG("quiet", 'q', &settings.quiet, "print results and errors only"),
    };
    const cli_command command = {
        .name = RNRUN_NAME,
        .version = rnm_version(),
        .usage = usage,
        .intro = intro,
        .examples = examples,
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    cli_result parsed = cli_parse(&command, argc, argv, &settings.files, stdout, stderr);
    job *chosen = parsed == CLI_RUN ? choose_job(&command, &settings) : NULL;
    settings.bench_batch = settings.batch > 0 ? settings.batch : 1;
    settings.batch = settings.batch > 0 ? settings.batch : BATCH_UNASKED;
    int exit_code = cli_exit_code(chosen == NULL && parsed == CLI_RUN ? CLI_USAGE : parsed);
    exit_code = chosen != NULL ? run(&settings, chosen) : say_end(RNRUN_NAME, exit_code);
    cli_list_free(&settings.files);
    cli_list_free(&settings.inputs);
    cli_list_free(&settings.outputs);
    return exit_code;
}
