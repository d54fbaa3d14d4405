/* SPDX-License-Identifier: Apache-2.0
 *
 * Making pools of threads. A pool of two can be begun before it is needed, so that its threads
 * start while the caller does something else.
 */
#ifndef RNM_POOL_H
#define RNM_POOL_H

#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A pool that is being made. */
typedef struct rnm_pool_maker {
    bool started;         /* there is a maker, and it has yet to be called */
    atomic_int here;      /* the processor of who began it; in the end that of the caller */
    cpu_set_t processors; /* those that it may run on */
    pthread_t maker;
    sem_t gate;         /* closed until the maker was called; any thread may open it */
    long long asked;    /* when it was begun, in nanoseconds */
    atomic_llong begun; /* when the maker began; 0: it has not */
    atomic_int number;  /* the maker's thread */
    atomic_int caller;  /* the thread that finishes it */
    atomic_uint met;
    atomic_bool left; /* the worker, the place where they met */
    pthreadpool_t pool;
} rnm_pool_maker;

/* Begins to make a pool of so many threads, the caller's among them, if that is two. */
void rnm_pool_begin(rnm_pool_maker *maker, unsigned count);

/* Whether a pool is being made that is most likely not ready yet: time for something else. */
bool rnm_pool_is_coming(const rnm_pool_maker *maker);

/* Waits for what begin began. The pool, ready to work, to be destroyed by pthreadpool_destroy; NULL
 * where none was begun or could be made. */
pthreadpool_t rnm_pool_finish(rnm_pool_maker *maker);

/* A pool of so many threads, at least 2, made at once; NULL when the system does not give them. */
pthreadpool_t rnm_pool_make(unsigned count);

#endif
