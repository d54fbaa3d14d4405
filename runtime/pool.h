/* SPDX-License-Identifier: Apache-2.0
 *
 * Making pools of threads.
 */
#ifndef RNM_POOL_H
#define RNM_POOL_H

#include <pthreadpool.h>

/* A pool of so many threads, the caller's among them, ready to work; NULL when the system gives
 * none. pthreadpool_destroy. */
pthreadpool_t rnm_pool_make(unsigned count);

#endif
