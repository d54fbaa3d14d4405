/* SPDX-License-Identifier: Apache-2.0
 *
 * xxHash is compiled into this one file, so that librnm depends on no library for it.
 */
#include "digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t rnm_digest(const void *bytes, size_t size) {
    return XXH3_64bits(bytes, size);
}

rnm_digest_state *rnm_digest_create(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) {
        XXH3_64bits_reset(state);
    }
    return (rnm_digest_state *)state;
}

void rnm_digest_add(rnm_digest_state *state, const void *bytes, size_t size) {
    XXH3_64bits_update((XXH3_state_t *)state, bytes, size);
}

uint64_t rnm_digest_finish(rnm_digest_state *state) {
    uint64_t digest = XXH3_64bits_digest((XXH3_state_t *)state);
    XXH3_freeState((XXH3_state_t *)state);
    return digest;
}
