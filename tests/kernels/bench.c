/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels do in a second of processor time, each on operands that lie in the second-level
 * cache: sums against the peak of the same vectors, transforms of weights in bytes read and
 * written, Winograd transforms in time for a tile. Medians.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INPUTS = 64, ROWS = 64, TAPS = 9, SAMPLES = 15, STRIDE = INPUTS * RNM_PANEL + 48 };
enum { REPEATED_PIXELS = 32 };

double peak_plain(size_t rounds, volatile float *sink);
double peak_sse2(size_t rounds, volatile float *sink);
double peak_avx2(size_t rounds, volatile float *sink);
double peak_avx512(size_t rounds, volatile float *sink);
double peak_neon(size_t rounds, volatile float *sink);

static const struct {
    const char *name;
    double (*run)(size_t rounds, volatile float *sink);
} peaks[] = {
#ifdef PEAK_PLAIN
    {"plain", peak_plain},
#endif
#ifdef PEAK_SSE2
    {"sse2", peak_sse2},
#endif
#ifdef PEAK_AVX2
    {"avx2", peak_avx2},
#endif
#ifdef PEAK_AVX512
    {"avx512", peak_avx512},
#endif
#ifdef PEAK_NEON
    {"neon", peak_neon},
#endif
};

double bench_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_peak(const rnm_kernels *kernels) {
    volatile float sink = 0.5f;
    for (size_t k = 0; k < sizeof peaks / sizeof *peaks; ++k) {
        if (strcmp(peaks[k].name, kernels->name) == 0) {
            double best = 0.0;
            for (int sample = 0; sample < SAMPLES; ++sample) {
                double start = bench_seconds();
                double done = peaks[k].run(50000, &sink);
                double rate = done / (bench_seconds() - start) * 1e-9;
                best = rate > best ? rate : best;
            }
            return best;
        }
    }
    return 0.0;
}

/* ---- what is measured ------------------------------------------------------------------------ */

typedef struct bench {
    const rnm_kernels *kernels;
    unsigned k; /* which Winograd */
    float *x, *weights, *out, *u;
    const float *rows[TAPS * RNM_TILE_PIXELS];
    uint32_t bits[INPUTS * TAPS];
    uint16_t halves[INPUTS * TAPS * RNM_PANEL];
    float b1[RNM_PANEL], b2[RNM_PANEL];
} bench;

static float (*sums_of(bench *b))[RNM_PANEL] {
    return (float(*)[RNM_PANEL])(void *)b->out;
}

static void run_gemm(bench *b) {
    b->kernels->gemm(&(rnm_gemm){.x = b->x,
                                 .stride = INPUTS,
                                 .rows = ROWS,
                                 .inputs = INPUTS,
                                 .weights = b->weights,
                                 .lanes = RNM_PANEL,
                                 .sums = sums_of(b),
                                 .points = 1});
}

static void run_direct(bench *b) {
    b->kernels->direct(b->rows, 0, INPUTS, TAPS, b->weights, RNM_PANEL, b->kernels->tile_pixels,
                       sums_of(b), false);
}

static void run_depthwise(bench *b) {
    b->kernels->depthwise(b->rows, 0, TAPS, b->weights, b->kernels->tile_pixels, RNM_PANEL,
                          sums_of(b));
}

static void run_flip(bench *b) {
    b->kernels->flip(b->weights, RNM_PANEL, b->bits, INPUTS * TAPS, b->out);
}

static void run_drop(bench *b) {
    b->kernels->drop(b->weights, RNM_PANEL, b->bits, INPUTS * TAPS, b->out);
}

static void run_widen(bench *b) {
    b->kernels->widen(b->halves, RNM_PANEL, false, INPUTS * TAPS, b->out);
}

static void run_s(bench *b) {
    b->kernels->s(b->weights, RNM_PANEL, 0, b->b1, b->b2, INPUTS * TAPS, b->out);
}

static void run_finish(bench *b) {
    rnm_epilogue epilogue = {.scale = b->b1,
                             .bias = b->b2,
                             .out = b->u,
                             .stride = RNM_PANEL,
                             .activation = {.op = RNM_OP_Relu}};
    b->kernels->finish(&epilogue, ROWS, RNM_PANEL, sums_of(b));
}

/* Of pixels of 256 channels that repeat 64. */
static void run_sum_repeats(bench *b) {
    for (size_t p = 0; p < REPEATED_PIXELS; ++p) {
        b->kernels->sum_repeats(b->x + p * 4 * INPUTS, 4 * INPUTS, INPUTS, b->out + p * INPUTS);
    }
}

static void run_input(bench *b) {
    const float *pixels[36];
    for (unsigned n = 0; n < 36; ++n) {
        pixels[n] = b->x + n * INPUTS;
    }
    b->kernels->winograd[b->k].input(pixels, 0, INPUTS, b->u, INPUTS + 16);
}

/* Inputs whose transformed weights, a group at a time, stay in a first-level cache. */
enum { FEW = 16, FEW_STRIDE = FEW * RNM_PANEL + 48 };

static void run_weights_of(bench *b, rnm_kernel_rows rows) {
    rows.src = b->weights;
    rows.stride = RNM_PANEL;
    const rnm_winograd *w = &b->kernels->winograd[b->k];
    for (unsigned group = 0; group < w->weight_side / 2; ++group) {
        w->weights(&rows, FEW, group, b->u, FEW_STRIDE);
    }
}

static void run_weights(bench *b) {
    run_weights_of(b, (rnm_kernel_rows){.bits = NULL});
}

static void run_weights_flip(bench *b) {
    run_weights_of(b, (rnm_kernel_rows){.bits = b->bits});
}

/* Few rows: sums start and end in cache, a group of points at a time. */
static void run_few_rows(bench *b) {
    b->kernels->gemm(&(rnm_gemm){.x = b->x,
                                 .stride = FEW,
                                 .rows = 4,
                                 .inputs = FEW,
                                 .weights = b->u,
                                 .lanes = RNM_PANEL,
                                 .accumulate = true,
                                 .sums = sums_of(b),
                                 .points = 12,
                                 .x_step = 4 * FEW + 16,
                                 .weights_step = FEW_STRIDE,
                                 .sums_step = 5});
}

/* The same with the weights made on the way. */
static void run_few_tiles_of(bench *b, const uint32_t *bits) {
    const rnm_kernel_rows rows = {.src = b->weights, .stride = RNM_PANEL, .bits = bits};
    b->kernels->winograd[b->k].few(&rows, FEW, b->x, true, sums_of(b), (rnm_rows_ahead){.rows = 0});
}

static void run_few_tiles(bench *b) {
    run_few_tiles_of(b, NULL);
}

static void run_few_tiles_flip(bench *b) {
    run_few_tiles_of(b, b->bits);
}

static void run_output(bench *b) {
    b->kernels->winograd[b->k].output(b->u, RNM_PANEL * 3, RNM_PANEL, sums_of(b));
}

/* Tables of one input, 3x3 taps, of all outputs of a panel. */
enum { PLACES = 3 * (RNM_TABLE_PLACES + 2) };

static size_t group_floats(const bench *b) {
    return (size_t)PLACES * RNM_TABLE_ENTRIES * b->kernels->lanes;
}

static void run_make_tables(bench *b) {
    rnm_table_inputs in;
    for (unsigned k = 0; k < RNM_TABLE_INPUTS; ++k) {
        in.x[k] = b->x + k * PLACES * b->kernels->lanes;
        in.step[k] = b->kernels->lanes;
    }
    b->kernels->make_tables(&in, PLACES, b->u);
}

static void run_make_codes(bench *b) {
    const uint32_t *from[RNM_CODE_INPUTS];
    uint32_t *to[RNM_CODE_INPUTS];
    for (unsigned j = 0; j < RNM_CODE_INPUTS; ++j) {
        from[j] = b->bits + j * INPUTS;
        to[j] = (uint32_t *)(void *)b->out + j * INPUTS;
    }
    b->kernels->make_codes(from, INPUTS, to);
}

static void run_look_up(bench *b) {
    uint32_t places_of[TAPS];
    for (uint32_t t = 0; t < TAPS; ++t) {
        places_of[t] =
            (t / 3 * (PLACES / 3) + t % 3) * RNM_TABLE_ENTRIES * (uint32_t)b->kernels->lanes;
    }
    b->kernels->look_up(&(rnm_look_up){.tables = b->x,
                                       .second = group_floats(b),
                                       .places_of = places_of,
                                       .codes = (const uint8_t *)b->bits,
                                       .codes_step = TAPS * sizeof(uint32_t),
                                       .taps = TAPS,
                                       .weights = (const float(*)[2])(const void *)b->weights,
                                       .period = RNM_PANEL,
                                       .lanes = RNM_PANEL,
                                       .places = RNM_TABLE_PLACES,
                                       .accumulate = true,
                                       .sums = b->out});
}

/* The median of the seconds that one call takes. */
static double seconds_of(bench *b, void (*run)(bench *b)) {
    double samples[SAMPLES];
    size_t calls = 1;
    for (double taken = 0.0; taken < 1e-3; calls *= 2) {
        double start = bench_seconds();
        for (size_t n = 0; n < calls; ++n) {
            run(b);
        }
        taken = bench_seconds() - start;
    }
    for (int sample = 0; sample < SAMPLES; ++sample) {
        double start = bench_seconds();
        for (size_t n = 0; n < calls; ++n) {
            run(b);
        }
        samples[sample] = (bench_seconds() - start) / (double)calls;
    }
    qsort(samples, SAMPLES, sizeof *samples, compare_doubles);
    return samples[SAMPLES / 2];
}

static void print_sums(bench *b, const char *what, void (*run)(bench *b), double products,
                       double peak) {
    double rate = 2.0 * products / seconds_of(b, run) * 1e-9;
    printf("%-8s %-28s %8.1f GFLOP/s", b->kernels->name, what, rate);
    if (peak > 0.0) {
        printf("  %3.0f %% of peak", 100.0 * rate / peak);
    }
    printf("\n");
}

static void print_bytes(bench *b, const char *what, void (*run)(bench *b), double bytes) {
    printf("%-8s %-28s %8.1f GB/s\n", b->kernels->name, what, bytes / seconds_of(b, run) * 1e-9);
}

static void print_time(bench *b, const char *what, void (*run)(bench *b), double parts,
                       const char *unit) {
    const rnm_winograd *w = &b->kernels->winograd[b->k];
    printf("%-8s F(%u, %u)/%u %-18s %8.1f ns %s\n", b->kernels->name, w->tile, w->kernel, w->stride,
           what, seconds_of(b, run) / parts * 1e9, unit);
}

void bench_kernels(const rnm_kernels *kernels) {
    check c = {.kernels = kernels, .state = 1};
    const double panel_bytes = INPUTS * TAPS * RNM_PANEL * sizeof(float);
    const size_t count = 36 * STRIDE;
    bench b = {.kernels = kernels,
               .x = check_floats(&c, count),
               .weights = check_floats(&c, INPUTS * TAPS * RNM_PANEL),
               .out = check_floats(&c, INPUTS * TAPS * RNM_PANEL),
               .u = check_floats(&c, count)};
    for (size_t k = 0; k < TAPS * RNM_TILE_PIXELS; ++k) {
        b.rows[k] = b.x + k * INPUTS;
    }
    for (size_t k = 0; k < INPUTS * TAPS; ++k) {
        b.bits[k] = check_random(&c, 0, UINT32_MAX);
    }
    for (size_t k = 0; k < INPUTS * TAPS * RNM_PANEL; ++k) {
        b.halves[k] = (uint16_t)check_random(&c, 0, 0x7bff);
    }
    for (size_t k = 0; k < RNM_PANEL; ++k) {
        b.b1[k] = check_float(&c);
        b.b2[k] = check_float(&c);
    }
    const double peak = bench_peak(kernels);
    printf("%-8s %-28s %8.1f GFLOP/s\n", kernels->name, "peak", peak);
    print_sums(&b, "gemm, 64 x 64", run_gemm, (double)ROWS * INPUTS * RNM_PANEL, peak);
    print_sums(&b, "gemm, 12 of 4 x 16", run_few_rows, 12.0 * 4 * FEW * RNM_PANEL, peak);
    print_sums(&b, "direct, 64 x 9, a tile", run_direct,
               (double)kernels->tile_pixels * INPUTS * TAPS * RNM_PANEL, peak);
    print_sums(&b, "depthwise, 9, a tile", run_depthwise,
               (double)kernels->tile_pixels * TAPS * RNM_PANEL, peak);
    print_sums(&b, "look_up, 8 inputs by 9", run_look_up,
               (double)RNM_CODE_INPUTS * TAPS * RNM_PANEL * RNM_TABLE_PLACES * kernels->lanes,
               peak);
    print_bytes(&b, "make_tables", run_make_tables, (double)(group_floats(&b) * sizeof(float)));
    print_bytes(&b, "make_codes", run_make_codes,
                2.0 * RNM_CODE_INPUTS * INPUTS * sizeof(uint32_t));
    print_bytes(&b, "flip", run_flip, 2 * panel_bytes + sizeof b.bits);
    print_bytes(&b, "drop", run_drop, 2 * panel_bytes + sizeof b.bits);
    print_bytes(&b, "widen, f16", run_widen, panel_bytes + panel_bytes / 2);
    print_bytes(&b, "s", run_s, 2 * panel_bytes);
    print_bytes(&b, "finish, scale bias relu", run_finish, 2.0 * ROWS * RNM_PANEL * sizeof(float));
    print_bytes(&b, "sum_repeats, 256 to 64", run_sum_repeats,
                REPEATED_PIXELS * 5.0 * INPUTS * sizeof(float));
    for (b.k = 0; b.k < RNM_WINOGRADS; ++b.k) {
        print_time(&b, "input", run_input, 1, "a tile of 64 channels");
        print_time(&b, "weights", run_weights, FEW, "an input of 32 outputs");
        if (kernels->masks) {
            print_time(&b, "weights, flip", run_weights_flip, FEW, "an input of 32 outputs");
        }
        if (kernels->winograd[b.k].few != NULL) {
            print_time(&b, "weights of 4 tiles", run_few_tiles, FEW, "an input of 32 outputs");
            print_time(&b, "the same, flip", run_few_tiles_flip, FEW, "an input of 32 outputs");
        }
        print_time(&b, "output", run_output, 1, "a tile of 32 outputs");
    }
    free(b.u);
    free(b.out);
    free(b.weights);
    free(b.x);
}
