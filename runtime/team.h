/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that one context or several compute with. Their pool may be begun before it is needed.
 */
#ifndef RNM_TEAM_H
#define RNM_TEAM_H

#include "pool.h"
#include "rnm.h"

struct rnm_team {
    unsigned count;       /* at least 1 */
    pthread_mutex_t lock; /* of the other two, as contexts may be created side by side */
    rnm_pool_maker maker;
    pthreadpool_t pool; /* NULL: one thread, or not there yet */
};

/* Does a little of what there is to do; false when nothing is left. */
typedef bool (*rnm_meanwhile)(void *argument);

void rnm_team_begin(rnm_team *team, unsigned count, bool spread);

/* The pool, NULL of one thread. Where it is still being made, `meanwhile` is called.
 * RNM_ERR_RESOURCE when the system gives no threads. */
rnm_status rnm_team_pool(rnm_team *team, rnm_meanwhile meanwhile, void *argument,
                         pthreadpool_t *pool, rnm_error *err);

void rnm_team_end(rnm_team *team);

#endif
