/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of signed sums: transposition and codes bit for bit; tables, and sums that are looked up
 * in them, against sums in f64 within the bound of their roundings.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TAPS = 49, MOST_PERIOD = 70, MOST_ROWS = 90 };

static void transpose_case(check *c, size_t count) {
    const unsigned lanes = c->kernels->lanes;
    const size_t first = check_random(c, 0, 9), stride = lanes + check_random(c, 0, 20);
    float *owned[RNM_PANEL];
    const float *rows[RNM_PANEL];
    for (unsigned l = 0; l < lanes; ++l) {
        rows[l] = owned[l] = check_floats(c, first + count);
    }
    guarded to = check_guarded((count - 1) * stride + lanes);
    check_case(c, "transpose, count %zu, first %zu, stride %zu", count, first, stride);
    c->kernels->transpose(rows, first, count, to.data, stride);
    check_guards(c, to);
    for (size_t k = 0; k < count; ++k) {
        for (unsigned l = 0; l < lanes; ++l) {
            check_same(c, &to.data[k * stride + l], &rows[l][first + k], 1);
        }
        if (k + 1 < count) {
            check_untouched(c, to.data + k * stride + lanes, stride - lanes);
        }
    }
    check_release(to);
    for (unsigned l = 0; l < lanes; ++l) {
        free(owned[l]);
    }
}

/* Output k's code for a row, by what kernels.h says of it. */
static unsigned code_of(const uint32_t *const from[RNM_CODE_INPUTS], size_t row, unsigned output) {
    unsigned code = 0;
    for (unsigned j = 0; j < RNM_CODE_INPUTS; ++j) {
        const unsigned last = j / RNM_TABLE_INPUTS * RNM_TABLE_INPUTS + RNM_TABLE_INPUTS - 1;
        const unsigned own = from[j] != NULL ? from[j][row] >> output & 1 : 0;
        const unsigned all = from[last] != NULL ? from[last][row] >> output & 1 : 0;
        code |= (j == last ? all : own ^ all) << j;
    }
    return code;
}

static void codes_case(check *c, size_t rows, unsigned inputs) {
    uint32_t *words[RNM_CODE_INPUTS] = {NULL};
    const uint32_t *from[RNM_CODE_INPUTS];
    uint32_t *to[RNM_CODE_INPUTS];
    guarded out = check_guarded(RNM_CODE_INPUTS * rows);
    for (unsigned j = 0; j < RNM_CODE_INPUTS; ++j) {
        to[j] = (uint32_t *)(void *)out.data + j * rows;
        if (j < inputs) {
            words[j] = check_bytes(rows * sizeof *words[j]);
            for (size_t r = 0; r < rows; ++r) {
                words[j][r] = check_random(c, 0, 65535) << 16 | check_random(c, 0, 65535);
            }
        }
        from[j] = words[j];
    }
    check_case(c, "make_codes, rows %zu, inputs %u", rows, inputs);
    c->kernels->make_codes(from, rows, to);
    check_guards(c, out);
    for (size_t r = 0; r < rows; ++r) {
        for (unsigned output = 0; output < RNM_PANEL; ++output) {
            const unsigned found = to[output % 8][r] >> output / 8 * 8 & 255;
            const unsigned wanted = code_of(from, r, output);
            ++c->compared;
            if (found != wanted) {
                check_fail(c, "row %zu, output %u: %u for %u", r, output, found, wanted);
            }
        }
    }
    check_release(out);
    for (unsigned j = 0; j < RNM_CODE_INPUTS; ++j) {
        free(words[j]);
    }
}

static void tables_case(check *c, size_t places, unsigned inputs) {
    const unsigned lanes = c->kernels->lanes;
    const size_t step = lanes + 4 * check_random(c, 0, 20);
    float *x[RNM_TABLE_INPUTS];
    rnm_table_inputs in;
    for (unsigned k = 0; k < RNM_TABLE_INPUTS; ++k) {
        const bool there = k < inputs;
        x[k] = check_floats(c, (there ? (places - 1) * step : 0) + lanes);
        in.x[k] = x[k];
        in.step[k] = there ? step : 0;
        if (!there) {
            memset(x[k], 0, lanes * sizeof *x[k]);
        }
    }
    guarded to = check_guarded(places * RNM_TABLE_ENTRIES * lanes);
    check_case(c, "make_tables, places %zu, inputs %u, step %zu", places, inputs, step);
    c->kernels->make_tables(&in, places, to.data);
    check_guards(c, to);
    for (size_t at = 0; at < to.count; ++at) {
        const size_t lane = at % lanes, entry = at / lanes % RNM_TABLE_ENTRIES;
        const size_t place = at / lanes / RNM_TABLE_ENTRIES;
        double wanted = (double)x[3][place * in.step[3] + lane], size = fabs(wanted);
        for (unsigned k = 0; k < 3; ++k) {
            const double term = (double)x[k][place * in.step[k] + lane];
            wanted += entry >> k & 1 ? -term : term;
            size += fabs(term);
        }
        check_near(c, at, to.data[at], wanted, 3 * ROUNDING * size);
    }
    check_release(to);
    for (unsigned k = 0; k < RNM_TABLE_INPUTS; ++k) {
        free(x[k]);
    }
}

typedef struct look_up_sizes {
    size_t taps;
    unsigned outputs, places;
    bool two;
} look_up_sizes;

/* What a look-up adds to one sum, and the sizes of its terms. */
static void add_terms(const rnm_look_up *l, unsigned output, unsigned place, unsigned lane,
                      unsigned lanes, double *sum, double *size) {
    const size_t row = (l->first + output) % l->period;
    for (size_t t = 0; t < l->taps; ++t) {
        const unsigned code = l->codes[output % 8 * l->codes_step + output / 8 + 4 * t];
        for (unsigned group = 0; group < (l->second != 0 ? 2u : 1u); ++group) {
            const unsigned half = code >> 4 * group & 15;
            const size_t at = group * l->second + l->places_of[t] +
                              (place * RNM_TABLE_ENTRIES + (half & 7)) * lanes + lane;
            const double term =
                (double)l->weights[t * l->period + row][half >> 3] * (double)l->tables[at];
            *sum += term;
            *size += fabs(term);
        }
    }
}

static void look_up_case(check *c, look_up_sizes s) {
    const unsigned lanes = c->kernels->lanes;
    const size_t all_places = s.places + check_random(c, 0, 30);
    const size_t group = all_places * RNM_TABLE_ENTRIES * lanes;
    const size_t period = check_random(c, 1, MOST_PERIOD);
    const size_t rows = s.taps + check_random(c, 0, 9);
    float *tables = check_floats(c, (s.two ? 2 : 1) * group);
    float *weights = check_floats(c, 2 * s.taps * period);
    uint8_t *codes = check_bytes(8 * rows * sizeof(uint32_t));
    uint32_t places_of[MOST_TAPS];
    for (size_t t = 0; t < s.taps; ++t) {
        places_of[t] =
            check_random(c, 0, (uint32_t)(all_places - s.places)) * RNM_TABLE_ENTRIES * lanes;
    }
    for (size_t k = 0; k < 8 * rows * sizeof(uint32_t); ++k) {
        codes[k] = (uint8_t)check_random(c, 0, 255);
    }
    guarded sums = check_guarded((size_t)s.outputs * s.places * lanes);
    const rnm_look_up look_up = {.tables = tables,
                                 .second = s.two ? group : 0,
                                 .places_of = places_of,
                                 .codes = codes,
                                 .codes_step = rows * sizeof(uint32_t),
                                 .taps = s.taps,
                                 .weights = (const float(*)[2])(const void *)weights,
                                 .first = check_random(c, 0, (uint32_t)period - 1),
                                 .period = period,
                                 .lanes = s.outputs,
                                 .places = s.places,
                                 .accumulate = check_random(c, 0, 1) == 0,
                                 .sums = sums.data};
    float *before = check_floats(c, sums.count);
    if (look_up.accumulate) {
        memcpy(sums.data, before, sums.count * sizeof *before);
    }
    check_case(c, "look_up, taps %zu, outputs %u, places %u, groups %d, period %zu, accumulate %d",
               s.taps, s.outputs, s.places, 1 + s.two, period, look_up.accumulate);
    c->kernels->look_up(&look_up);
    check_guards(c, sums);
    for (size_t at = 0; at < sums.count; ++at) {
        double wanted = look_up.accumulate ? (double)before[at] : 0.0, size = fabs(wanted);
        const unsigned vector = (unsigned)(at / lanes), lane = (unsigned)(at % lanes);
        add_terms(&look_up, vector / s.places, vector % s.places, lane, lanes, &wanted, &size);
        check_near(c, at, sums.data[at], wanted, (double)(4 * s.taps + 2) * ROUNDING * size);
    }
    free(before);
    check_release(sums);
    free(codes);
    free(weights);
    free(tables);
}

void check_tables(check *c) {
    for (size_t count = 1; count <= 40; ++count) {
        transpose_case(c, count);
        for (unsigned inputs = 1; inputs <= RNM_CODE_INPUTS; ++inputs) {
            codes_case(c, check_random(c, 1, MOST_ROWS), inputs);
        }
        for (unsigned inputs = 1; inputs <= RNM_TABLE_INPUTS; ++inputs) {
            tables_case(c, count, inputs);
        }
    }
    for (unsigned outputs = 1; outputs <= RNM_PANEL; ++outputs) {
        for (unsigned kind = 0; kind < 4; ++kind) {
            const look_up_sizes s = {
                .taps = check_random(c, 1, MOST_TAPS),
                .outputs = outputs,
                .places = kind / 2 == 0 ? RNM_TABLE_PLACES : RNM_TABLE_PLACES / 2,
                .two = kind % 2 == 0,
            };
            look_up_case(c, s);
        }
    }
}
