/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock that layers are timed with.
 */
#ifndef RNM_CLOCK_H
#define RNM_CLOCK_H

#include <time.h>

/* Seconds, never going back. */
static inline double rnm_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
