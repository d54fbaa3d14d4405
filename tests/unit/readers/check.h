/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers' tests ask of a file: that it opens, or that it is refused in certain words.
 */
#ifndef RNM_TESTS_READERS_CHECK_H
#define RNM_TESTS_READERS_CHECK_H

#include "fixture.h"
#include "weights_impl.h"

/* cmocka needs these before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails the test with the reader's own words when the file does not open. */
void check_opens(const fx_buffer *file, rnc_weights *out);

/* The file must be refused with this status and a text that holds `words`. */
void check_refused(const fx_buffer *file, rnm_status status, const char *words);

/* Opens a copy of the bytes that ends where the heap block ends, so that a sanitizer sees the first
 * byte read too far, and reads every element of what it holds. Returns whether it opened. */
bool check_survives(const uint8_t *bytes, size_t size);

/* The tensor's elements are exactly these. */
void check_elements(const rnc_weights *weights, const char *name, const float *expected,
                    size_t count);

#endif
