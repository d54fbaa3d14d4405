/* SPDX-License-Identifier: Apache-2.0
 *
 * Making pools. A new thread starts on its maker's processor, and with pthreadpool maker and worker
 * then wait for one another by spinning: they share that processor slice by slice until the kernel
 * moves one of them, which on Linux 6.18 takes up to 100 ms, while a whole first inference takes 5.
 * So a pair of threads is made by a third, on another processor. There the worker displaces it, and
 * it is called over to this processor, which waits for it asleep.
 */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* Seconds: more than a thread takes to start another, and than it takes to begin. */
#define TO_START 150e-6
#define TO_BEGIN 2e-3

typedef struct maker {
    cpu_set_t processors; /* of the caller */
    atomic_bool begun, done;
    pthreadpool_t pool;
} maker;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *make_there(void *argument) {
    maker *m = argument;
    /* The worker may run wherever the caller may. */
    (void)sched_setaffinity(0, sizeof m->processors, &m->processors);
    atomic_store(&m->begun, true);
    m->pool = pthreadpool_create(2);
    atomic_store(&m->done, true);
    return NULL;
}

/* Starts a thread that may not run on `here`. */
static bool start_elsewhere(maker *m, size_t here, pthread_t *thread) {
    cpu_set_t others = m->processors;
    pthread_attr_t attributes;
    CPU_CLR(here, &others);
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    const bool started = pthread_attr_setaffinity_np(&attributes, sizeof others, &others) == 0 &&
                         pthread_create(thread, &attributes, make_there, m) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started;
}

static pthreadpool_t make_pair(void) {
    maker m = {.pool = NULL};
    pthread_t thread;
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof m.processors, &m.processors) != 0 ||
        CPU_COUNT(&m.processors) < 2 || !start_elsewhere(&m, (size_t)here, &thread)) {
        return pthreadpool_create(2);
    }
    double until = seconds() + TO_BEGIN;
    for (bool begun = false; !atomic_load(&m.done) && seconds() < until;) {
        if (!begun && atomic_load(&m.begun)) {
            begun = true;
            until = seconds() + TO_START;
        }
    }
    cpu_set_t this_one;
    CPU_ZERO(&this_one);
    CPU_SET((size_t)here, &this_one);
    (void)pthread_setaffinity_np(thread, sizeof this_one, &this_one);
    (void)pthread_join(thread, NULL);
    return m.pool;
}

pthreadpool_t rnm_pool_make(unsigned count) {
    return count == 2 ? make_pair() : pthreadpool_create(count);
}
