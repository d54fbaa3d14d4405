/* SPDX-License-Identifier: Apache-2.0
 *
 * The progress line.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { REDRAW_MILLISECONDS = 100 };

void progress_begin(progress *p, const char *what, uint64_t total, bool wanted) {
    *p = (progress){.what = what, .total = total, .shown = wanted && isatty(STDERR_FILENO) == 1};
    clock_gettime(CLOCK_MONOTONIC, &p->last);
}

void progress_step(progress *p, uint64_t done) {
    struct timespec now;
    if (!p->shown) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t passed =
        (int64_t)(now.tv_sec - p->last.tv_sec) * 1000 + (now.tv_nsec - p->last.tv_nsec) / 1000000;
    if (passed >= REDRAW_MILLISECONDS) {
        p->last = now;
        fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " %s", done, p->total, p->what);
        fflush(stderr);
    }
}

void progress_clear(const progress *p) {
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
