/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks and peak memory of the process.
 */
#include "process.h"

#include <stdio.h>
#include <time.h>

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double process_clock(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

double process_began(void) {
    return process_clock() - seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t process_peak_bytes(void) {
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1) {
            break;
        }
    }
    fclose(file);
    return (uint64_t)kilobytes * 1024;
}
