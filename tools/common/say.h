/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools have in common in talking: failures with their exit code, the end of stdout, sizes
 * for people.
 */
#ifndef RNM_TOOLS_SAY_H
#define RNM_TOOLS_SAY_H

#include "rnm_base.h"

/* Prints "tool: sentence" on stderr; returns the exit code that goes with the status. */
int say_failure(const char *tool, const rnm_error *error);

/* Flushes stdout, the last thing a tool does. Returns `exit_code`, or, where that is 0 and
 * something could not be written, says so and returns the code for that. */
int say_end(const char *tool, int exit_code);

#define SAY_BYTES_SIZE 32

/* "123 B", "1.50 KiB", "12.3 MiB", ... in the caller's buffer, which is returned. */
const char *say_bytes(uint64_t bytes, char text[SAY_BYTES_SIZE]);

/* The status for a failing system call: RNM_ERR_RESOURCE for want of room or handles, _MEMORY, and
 * _IO for the rest. */
rnm_status say_errno_status(int error_number);

#endif
