/* SPDX-License-Identifier: Apache-2.0
 *
 * Teams: when their pool is made, and by whom.
 */
#include "team.h"

#include "error.h"
#include "threads.h"

#include <stdlib.h>

void rnm_team_begin(rnm_team *team, unsigned count, bool spread) {
    *team = (rnm_team){.count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (spread) {
        rnm_pool_begin(&team->maker, count);
    }
}

rnm_status rnm_team_pool(rnm_team *team, rnm_meanwhile meanwhile, void *argument,
                         pthreadpool_t *pool, rnm_error *err) {
    (void)pthread_mutex_lock(&team->lock);
    if (team->pool == NULL && team->count > 1) {
        while (rnm_pool_is_coming(&team->maker) && meanwhile(argument)) {
        }
        team->pool = rnm_pool_finish(&team->maker);
        team->pool = team->pool != NULL ? team->pool : rnm_pool_make(team->count);
    }
    *pool = team->pool;
    (void)pthread_mutex_unlock(&team->lock);
    if (*pool == NULL && team->count > 1) {
        return rnm_fail(err, RNM_ERR_RESOURCE, "%u threads could not be started", team->count);
    }
    return RNM_OK;
}

void rnm_team_end(rnm_team *team) {
    pthreadpool_t late = rnm_pool_finish(&team->maker);
    pthreadpool_destroy(team->pool != NULL ? team->pool : late);
    (void)pthread_mutex_destroy(&team->lock);
}

rnm_status rnm_team_create(int threads, bool spread_threads, rnm_team **out, rnm_error *error) {
    if (out == NULL) {
        return rnm_fail(error, RNM_ERR_ARGUMENT, "team: expected somewhere to put it, found NULL");
    }
    if (threads < 0 || threads > RNM_THREADS_MOST) {
        return rnm_fail(error, RNM_ERR_ARGUMENT, "team: expected 0 to %d threads, found %d",
                        RNM_THREADS_MOST, threads);
    }
    rnm_team *team = malloc(sizeof *team);
    if (team == NULL) {
        return rnm_fail(error, RNM_ERR_MEMORY, "team: no memory, %zu bytes", sizeof *team);
    }
    rnm_team_begin(team, threads > 1 ? (unsigned)threads : 1, spread_threads);
    *out = team;
    return RNM_OK;
}

void rnm_team_destroy(rnm_team *team) {
    if (team != NULL) {
        rnm_team_end(team);
        free(team);
    }
}
