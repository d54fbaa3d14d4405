/* SPDX-License-Identifier: Apache-2.0
 *
 * A number of threads that share out items. One thread means no pool and no allocation.
 */
#ifndef RNM_THREADS_H
#define RNM_THREADS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RNM_THREADS_MOST 64

struct pthreadpool;

/* Does one item. `worker` is below threads->count and no two jobs that run at the same time have
 * the same: it names the scratch that the job may use. */
typedef void (*rnm_job)(void *job, size_t item, size_t worker);

/* On a cache line of its own. */
typedef struct rnm_counter {
    atomic_size_t item;
    char rest[64 - sizeof(atomic_size_t)];
} rnm_counter;

typedef struct rnm_threads {
    struct pthreadpool *pool; /* NULL: the calling thread only */
    unsigned count;           /* at least 1 */
    uint32_t flags;           /* the pool's: idle workers sleep at once where processors are fewer,
                                 since one that waits by spinning would keep another from working */
    rnm_job run;              /* what is being done */
    void *job;
    size_t items;
    rnm_counter
        next[RNM_THREADS_MOST]; /* by worker: the first of its items that nobody has drawn */
} rnm_threads;

/* `count` is set; the pool has as many threads, and is NULL of one. */
void rnm_threads_use(rnm_threads *threads, struct pthreadpool *pool);

/* Does items 0 .. items - 1 in no particular order, and returns when all are done. */
void rnm_threads_run(rnm_threads *threads, rnm_job run, void *job, size_t items);

#endif
