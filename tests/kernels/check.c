/* SPDX-License-Identifier: Apache-2.0
 *
 * check_kernels [--isa=NAME] [--seed=N] [--bench]: random numbers, guards, and the list of parts.
 * Without --isa every table that this CPU can run; exits with 77 when it lacks the one asked for.
 */
#include "check.h"

#include "cpu.h"
#include "kernels/select.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_SKIPPED = 77, MOST_MESSAGES = 10, GUARD = 64 };

#define GUARD_BITS 0x7fe5a5a5u

void check_case(check *c, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(c->subject, sizeof c->subject, format, list);
    va_end(list);
}

void check_fail(check *c, const char *format, ...) {
    if (c->failures++ < MOST_MESSAGES) {
        va_list list;
        va_start(list, format);
        fprintf(stderr, "check_kernels: %s: %s: ", c->kernels->name, c->subject);
        vfprintf(stderr, format, list);
        fprintf(stderr, " (--isa=%s --seed=%" PRIu64 ")\n", c->kernels->name, c->seed);
        va_end(list);
    }
}

/* ---- random numbers: splitmix64 -------------------------------------------------------------- */

static uint32_t random_bits(check *c) {
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

uint32_t check_random(check *c, uint32_t low, uint32_t high) {
    return low + (uint32_t)((uint64_t)random_bits(c) * ((uint64_t)high - low + 1) >> 32);
}

float check_float(check *c) {
    return (float)(random_bits(c) >> 8) * 0x1p-23f - 1.0f;
}

float check_any_float(check *c) {
    static const float special[] = {0.0f,       -0.0f,     1.0f,    -1.0f,    0x1p-149f,
                                    -0x1p-149f, 0x1p-126f, 3.4e38f, -3.4e38f, 88.722831726f,
                                    88.722839f, -87.0f,    -103.9f};
    uint32_t kind = check_random(c, 0, 7);
    if (kind == 0) {
        return special[check_random(c, 0, sizeof special / sizeof *special - 1)];
    }
    if (kind == 1) {
        uint32_t bits = random_bits(c);
        return float_of((bits >> 23 & 0xff) == 0xff ? bits & 0xbfffffffu : bits);
    }
    return check_float(c) * (kind < 5 ? 1.0f : 120.0f);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Aligned as workspaces are: a vector that lies across two cache lines is another measurement. */
void *check_bytes(size_t size) {
    void *bytes = NULL;
    if (posix_memalign(&bytes, 64, size) != 0) {
        bytes = NULL;
    }
    if (bytes == NULL) {
        fprintf(stderr, "check_kernels: no memory\n");
        exit(2);
    }
    return bytes;
}

float *check_floats(check *c, size_t count) {
    float *values = check_bytes(count * sizeof *values);
    for (size_t k = 0; k < count; ++k) {
        values[k] = check_float(c);
    }
    return values;
}

guarded check_guarded(size_t count) {
    float *base = check_bytes((count + 2 * GUARD) * sizeof *base);
    for (size_t k = 0; k < count + 2 * GUARD; ++k) {
        base[k] = float_of(GUARD_BITS);
    }
    return (guarded){.data = base + GUARD, .count = count};
}

void check_untouched(check *c, const float *from, size_t count) {
    for (size_t k = 0; k < count; ++k) {
        if (bits_of(from[k]) != GUARD_BITS) {
            check_fail(c, "wrote where nothing is to be written, float %zu of a guard", k);
            return;
        }
    }
}

void check_guards(check *c, guarded g) {
    check_untouched(c, g.data - GUARD, GUARD);
    check_untouched(c, g.data + g.count, GUARD);
}

void check_release(guarded g) {
    free(g.data - GUARD);
}

/* ---- comparisons ----------------------------------------------------------------------------- */

uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

double ulp_of(double x) {
    int exponent;
    frexp(x, &exponent);
    return ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
}

void check_near(check *c, size_t at, float found, double wanted, double tolerance) {
    ++c->compared;
    if (!(fabs((double)found - wanted) <= tolerance)) {
        check_fail(c, "element %zu: expected %.9g within %.3g, found %.9g", at, wanted, tolerance,
                   (double)found);
    }
}

void check_ulps(check *c, size_t at, float found, double wanted, double most) {
    ++c->compared;
    bool fits = isinf((float)wanted) ? found == (float)wanted
                                     : fabs((double)found - wanted) <= most * ulp_of(wanted);
    if (!fits || (signbit(found) != 0) != (signbit(wanted) != 0)) {
        check_fail(c, "element %zu: expected %.9g within %g ulp, found %.9g", at, wanted, most,
                   (double)found);
    }
}

void check_same(check *c, const float *found, const float *wanted, size_t count) {
    c->compared += count;
    for (size_t k = 0; k < count; ++k) {
        if (bits_of(found[k]) != bits_of(wanted[k])) {
            check_fail(c, "element %zu: expected %08x (%g), found %08x (%g)", k, bits_of(wanted[k]),
                       (double)wanted[k], bits_of(found[k]), (double)found[k]);
            return;
        }
    }
}

/* ---- the program ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(check *c);
} parts[] = {
    {"gemm", check_gemm},     {"winograd", check_winograd}, {"transforms", check_transforms},
    {"tables", check_tables}, {"finish", check_finish},     {"expand", check_expand},
};

static bool check_table(const rnm_kernels *kernels, uint64_t seed) {
    check c = {.kernels = kernels, .seed = seed, .state = seed};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; ++k) {
        double start = bench_seconds();
        uint64_t before = c.compared;
        parts[k].run(&c);
        printf("%-8s %-10s %9" PRIu64 " values in %.2f s\n", kernels->name, parts[k].name,
               c.compared - before, bench_seconds() - start);
    }
    if (c.failures != 0) {
        fprintf(stderr, "check_kernels: %s: %u failures (--isa=%s --seed=%" PRIu64 ")\n",
                kernels->name, c.failures, kernels->name, seed);
    }
    return c.failures == 0;
}

typedef struct options {
    const char *isa;
    uint64_t seed;
    bool bench;
} options;

static bool parse(int argc, char **argv, options *o) {
    for (int k = 1; k < argc; ++k) {
        char *end = NULL;
        if (strncmp(argv[k], "--isa=", 6) == 0) {
            o->isa = argv[k] + 6;
        } else if (strncmp(argv[k], "--seed=", 7) == 0) {
            o->seed = strtoull(argv[k] + 7, &end, 10);
            if (end == argv[k] + 7 || *end != '\0') {
                return false;
            }
        } else if (strcmp(argv[k], "--bench") == 0) {
            o->bench = true;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    options o = {.seed = (uint64_t)time(NULL)};
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: check_kernels [--isa=NAME] [--seed=N] [--bench]\n");
        return 2;
    }
    const uint32_t features = rnm_cpu_features();
    const rnm_variant *variant;
    bool found = false, good = true;
    for (size_t k = 0; (variant = rnm_kernels_variant(k)) != NULL; ++k) {
        const rnm_kernels *kernels = variant->kernels;
        if ((variant->needs & ~features) != 0 ||
            (o.isa != NULL && strcmp(o.isa, kernels->name) != 0)) {
            continue;
        }
        found = true;
        if (o.bench) {
            bench_kernels(kernels);
        } else {
            good = check_table(kernels, o.seed) && good;
        }
    }
    if (!found) {
        printf("check_kernels: this CPU has no %s\n", o.isa);
        return EXIT_SKIPPED;
    }
    return good ? 0 : 1;
}
