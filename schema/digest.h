/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of the format: XXH3-64 with seed 0.
 */
#ifndef RNM_DIGEST_H
#define RNM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

uint64_t rnm_digest(const void *bytes, size_t size);

/* The same over pieces: create, add any number of times, finish (which also frees). NULL when
 * there is no memory; the other calls then must not be made. */
typedef struct rnm_digest_state rnm_digest_state;
rnm_digest_state *rnm_digest_create(void);
void rnm_digest_add(rnm_digest_state *state, const void *bytes, size_t size);
uint64_t rnm_digest_finish(rnm_digest_state *state);

#endif
