/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process knows of itself: clocks and its peak memory.
 */
#ifndef RNRUN_PROCESS_H
#define RNRUN_PROCESS_H

#include <stdint.h>

/* Seconds of a clock that only goes forward. */
double process_clock(void);

/* When the process began, on the same clock, for a call at main's entry: the system tells it in
 * hundredths of a second only, so it is now less the processor time taken so far, which is the
 * loader's. What the loader waited for the disk is not in it. */
double process_began(void);

/* The most bytes that were resident at once since the program was started (not those of the program
 * that started it, which getrusage counts in); 0 where the system does not tell. */
uint64_t process_peak_bytes(void);

#endif
