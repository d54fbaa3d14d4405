/* SPDX-License-Identifier: Apache-2.0
 *
 * A line on stderr that says how far a long job is; nothing at all where stderr is no terminal.
 */
#ifndef RNM_TOOLS_PROGRESS_H
#define RNM_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct progress {
    const char *what; /* as in "images" */
    uint64_t total;
    bool shown; /* stderr is a terminal and the line is wanted */
    struct timespec last;
} progress;

void progress_begin(progress *p, const char *what, uint64_t total, bool wanted);

/* `done` of `total`; cheap enough to call often. */
void progress_step(progress *p, uint64_t done);

/* Wipes the line, so that something else can be printed; a later step shows it again. */
void progress_clear(const progress *p);

#endif
