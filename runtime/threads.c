/* SPDX-License-Identifier: Apache-2.0
 *
 * Items handed out over a pthreadpool. Each worker is one pool task that draws items from a counter
 * of its own, and then from those of others: workers keep their number and, from layer to layer,
 * their part of the maps, and a slow core holds nobody up. The counters alone order memory: they
 * are stored with release after the job is described, drawn with acquire and release, and read with
 * acquire when all is done, so that nothing rests on what the pool does inside.
 */
#include "threads.h"

#include <pthreadpool.h>
#include <sched.h>
#include <stdbool.h>

/* Whether so many threads must take turns on the processors that this one may run on. */
static bool take_turns(unsigned count) {
    cpu_set_t processors;
    return sched_getaffinity(0, sizeof processors, &processors) == 0 &&
           (int)count > CPU_COUNT(&processors);
}

void rnm_threads_use(rnm_threads *threads, struct pthreadpool *pool) {
    threads->flags = take_turns(threads->count) ? PTHREADPOOL_FLAG_YIELD_WORKERS : 0;
    threads->pool = pool;
}

/* The first item of a worker's own. */
static size_t range_start(const rnm_threads *threads, size_t items, size_t worker) {
    return items / threads->count * worker + items % threads->count * worker / threads->count;
}

static void draw_items(void *context, size_t worker) {
    rnm_threads *threads = context;
    (void)atomic_load_explicit(&threads->next[worker].item, memory_order_acquire);
    const size_t count = threads->count;
    /* Copied before the last draw, which ends this worker's claim on the description. */
    rnm_job run = threads->run;
    void *job = threads->job;
    size_t items = threads->items;
    for (size_t k = 0; k < count; ++k) {
        const size_t owner = (worker + k) % count;
        const size_t end = range_start(threads, items, owner + 1);
        for (;;) {
            size_t item =
                atomic_fetch_add_explicit(&threads->next[owner].item, 1, memory_order_acq_rel);
            if (item >= end) {
                break;
            }
            run(job, item, worker);
        }
    }
}

void rnm_threads_run(rnm_threads *threads, rnm_job run, void *job, size_t items) {
    if (threads->pool == NULL || items <= 1) {
        for (size_t item = 0; item < items; ++item) {
            run(job, item, 0);
        }
        return;
    }
    threads->run = run;
    threads->job = job;
    threads->items = items;
    for (size_t k = 0; k < threads->count; ++k) {
        atomic_store_explicit(&threads->next[k].item, range_start(threads, items, k),
                              memory_order_release);
    }
    pthreadpool_parallelize_1d(threads->pool, draw_items, threads, threads->count, threads->flags);
    for (size_t k = 0; k < threads->count; ++k) {
        (void)atomic_load_explicit(&threads->next[k].item, memory_order_acquire);
    }
}
