/* SPDX-License-Identifier: Apache-2.0
 *
 * What every contender of a comparison does: it answers once, says so, and then runs when told to.
 *
 * Protocol, a line each way. The process starts, loads the model, runs it once and prints `ready
 * VERSION MILLISECONDS`, those since it began. Then it obeys:
 *     run N      runs N times, prints the N times in milliseconds
 *     save FILE  writes the output as raw f32 in row-major order, prints `saved`
 *     end        prints the peak resident set in bytes and leaves
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct contender {
    double began; /* process_began() at main's entry */
    void *state;
    bool (*run)(void *state); /* false after having said why on standard error */
    const float *output;
    size_t outputs;
    const char *version;
} contender;

/* Serves until `end` or the end of standard input; the exit code. */
int contender_serve(const contender *c);

/* Reads exactly `count` raw f32 from a file; false after having said why. */
bool contender_read(const char *path, float *to, size_t count);

#endif
