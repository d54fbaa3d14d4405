/* SPDX-License-Identifier: Apache-2.0
 *
 * Items handed out over a pthreadpool. Each worker is one pool task that draws items from a common
 * counter: workers keep their number, and a slow core holds nobody up.
 */
#include "threads.h"

#include "error.h"

#include <pthreadpool.h>
#include <stdatomic.h>

typedef struct shared_work {
    rnm_job run;
    void *job;
    size_t items;
    atomic_size_t next;
} shared_work;

rnm_status rnm_threads_start(rnm_threads *threads, unsigned count, rnm_error *err) {
    *threads = (rnm_threads){.count = count > 1 ? count : 1};
    if (threads->count == 1) {
        return RNM_OK;
    }
    threads->pool = pthreadpool_create(threads->count);
    if (threads->pool == NULL) {
        return rnm_fail(err, RNM_ERR_RESOURCE, "%u threads could not be started", count);
    }
    return RNM_OK;
}

void rnm_threads_stop(rnm_threads *threads) {
    pthreadpool_destroy(threads->pool);
    threads->pool = NULL;
}

static void draw_items(void *context, size_t worker) {
    shared_work *work = context;
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed);
        if (item >= work->items) {
            return;
        }
        work->run(work->job, item, worker);
    }
}

void rnm_threads_run(const rnm_threads *threads, rnm_job run, void *job, size_t items) {
    if (threads->pool == NULL || items <= 1) {
        for (size_t item = 0; item < items; ++item) {
            run(job, item, 0);
        }
        return;
    }
    shared_work work = {.run = run, .job = job, .items = items};
    pthreadpool_parallelize_1d(threads->pool, draw_items, &work, threads->count, 0);
}
