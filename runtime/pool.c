/* SPDX-License-Identifier: Apache-2.0
 *
 * Making pools. Where the kernel packs threads, as on hosts that share processors among guests, a
 * new one starts on its maker's processor. With pthreadpool maker and worker then wait for one
 * another by spinning, slice by slice on one processor, for 5 to 30 ms, while a whole first
 * inference takes 3. So a pair is made by a third thread, the maker, on another processor; once it
 * has made the worker it is called over to the caller's, who makes room for it until it is gone,
 * and the worker runs there. Only the maker's and the worker's affinities are touched, and the
 * worker's is the caller's again before the pool is handed out, whatever the timing was. It is for
 * programs that ask for it: a sandbox may forbid sched_setaffinity, and threads of real-time
 * priority would make all wait.
 */
#include "pool.h"

#include "threads.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Nanoseconds: more than it takes to start a thread, and than one takes to begin elsewhere. */
#define TO_START 70000
#define TO_BEGIN 2000000
#define TURNS 1000

/* How often to ask for a thread, half a millisecond apart. */
#define TRIES 20

/* Gives its thread's number in place of a result. */
static void *pass(void *gate) {
    (void)pthread_mutex_lock(gate);
    (void)pthread_mutex_unlock(gate);
    return (void *)(intptr_t)gettid();
}

static void wait_a_turn(unsigned turn) {
    static const struct timespec a_while = {.tv_nsec = 50000};
    /* Asleep in the end: a caller of real-time priority would let nobody else run. */
    (void)(turn < TURNS ? sched_yield() : nanosleep(&a_while, NULL));
}

/* Until the system no longer counts a thread of this process. */
static void wait_until_gone(pid_t number) {
    for (unsigned turn = 0; tgkill(getpid(), number, 0) == 0; ++turn) {
        wait_a_turn(turn);
    }
}

/* Joins a thread that gives its number, and waits until it is no longer counted, which is a little
 * later: only then is there room for another. */
static void join_counted(pthread_t thread) {
    void *number;
    (void)pthread_join(thread, &number);
    wait_until_gone((pid_t)(intptr_t)number);
}

/* Whether the system gives so many threads more, all at a time. pthreadpool does not ask: it waits
 * for ever for one that was not given. Those of a pool destroyed just now may still be counted, and
 * are not to be waited for by number. */
static bool can_start(unsigned count) {
    static const struct timespec a_while = {.tv_nsec = 500000};
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[RNM_THREADS_MOST];
    unsigned started = 0;
    (void)pthread_mutex_lock(&gate);
    for (unsigned tries = TRIES; started < count && tries > 0;) {
        if (pthread_create(&threads[started], NULL, pass, &gate) == 0) {
            ++started;
        } else if (--tries > 0) {
            (void)nanosleep(&a_while, NULL);
        }
    }
    (void)pthread_mutex_unlock(&gate);
    for (unsigned k = 0; k < started; ++k) {
        join_counted(threads[k]);
    }
    return started == count;
}

static long long nanoseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *number(void *unused) {
    (void)unused;
    return (void *)(intptr_t)gettid();
}

/* Whether there may be a thread more beside the maker, it learns by starting one: where that was,
 * there is room for the worker. */
static void *make_there(void *argument) {
    rnm_pool_maker *m = argument;
    pthread_t probe;
    atomic_store(&m->number, gettid());
    if (pthread_create(&probe, NULL, number, NULL) == 0) {
        join_counted(probe);
        atomic_store(&m->begun, nanoseconds());
        m->pool = pthreadpool_create(2);
    } else {
        atomic_store(&m->begun, m->asked);
    }
    /* Must live when it is called: the affinity of a thread that has ended is its caller's. */
    while (sem_wait(&m->gate) != 0) {
        /* a signal came between */
    }
    return NULL;
}

/* Starts the maker, which may not run here. */
static bool start_elsewhere(rnm_pool_maker *m) {
    cpu_set_t others = m->processors;
    pthread_attr_t attributes;
    CPU_CLR((size_t)m->here, &others);
    if (CPU_COUNT(&others) == 0 || pthread_attr_init(&attributes) != 0) {
        return false;
    }
    const bool started = pthread_attr_setaffinity_np(&attributes, sizeof others, &others) == 0 &&
                         pthread_create(&m->maker, &attributes, make_there, m) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started;
}

void rnm_pool_begin(rnm_pool_maker *m, unsigned count) {
    const int here = sched_getcpu();
    *m = (rnm_pool_maker){.here = here, .asked = nanoseconds()};
    if (count != 2 || here < 0 || sched_getaffinity(0, sizeof m->processors, &m->processors) != 0 ||
        sem_init(&m->gate, 0, 0) != 0) {
        return;
    }
    m->started = start_elsewhere(m);
    if (!m->started) {
        (void)sem_destroy(&m->gate);
    }
}

/* The caller's processors again, as the system may widen them later: it remembers what a thread
 * asked for, so all are asked for, and fewer only where that gives too many. */
static void allow(const cpu_set_t *processors) {
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    if (sched_setaffinity(0, sizeof all, &all) != 0 ||
        sched_getaffinity(0, sizeof all, &all) != 0 || !CPU_EQUAL(&all, processors)) {
        (void)sched_setaffinity(0, sizeof *processors, processors);
    }
}

/* One call by each of the two, at a time: the worker's takes it to another processor than the
 * caller's, and gives it the caller's processors. Not before both are here: one that sleeps and may
 * run anywhere could be woken beside the caller. */
static void meet(void *argument, size_t item) {
    rnm_pool_maker *m = argument;
    const bool worker = gettid() != atomic_load(&m->caller);
    (void)item;
    if (!worker) {
        atomic_store(&m->here, sched_getcpu());
    }
    atomic_fetch_add(&m->met, 1);
    for (unsigned turn = 0; atomic_load(&m->met) < 2; ++turn) {
        wait_a_turn(turn);
    }
    if (worker) {
        const int here = atomic_load(&m->here);
        if (here >= 0 && sched_getcpu() == here) {
            cpu_set_t others = m->processors;
            CPU_CLR((size_t)here, &others);
            (void)sched_setaffinity(0, sizeof others, &others);
        }
        allow(&m->processors);
        atomic_store(&m->left, true);
    }
}

bool rnm_pool_is_coming(const rnm_pool_maker *m) {
    const long long begun = m->started ? atomic_load(&m->begun) : 0;
    return m->started && nanoseconds() < (begun != 0 ? begun + TO_START : m->asked + TO_BEGIN);
}

pthreadpool_t rnm_pool_finish(rnm_pool_maker *m) {
    cpu_set_t this_one;
    if (!m->started) {
        return NULL;
    }
    CPU_ZERO(&this_one);
    CPU_SET((size_t)m->here, &this_one);
    atomic_store(&m->caller, gettid());
    while (rnm_pool_is_coming(m)) {
        /* Spinning: it is a matter of microseconds. */
    }
    (void)pthread_setaffinity_np(m->maker, sizeof this_one, &this_one);
    (void)sem_post(&m->gate);
    /* Awake: one that sleeps may be woken on the worker's processor. */
    wait_until_gone(atomic_load(&m->number));
    (void)pthread_join(m->maker, NULL);
    (void)sem_destroy(&m->gate);
    m->started = false;
    if (m->pool != NULL) {
        pthreadpool_parallelize_1d(m->pool, meet, m, 2, 0);
        (void)atomic_load(&m->left);
    }
    return m->pool;
}

pthreadpool_t rnm_pool_make(unsigned count) {
    return can_start(count - 1) ? pthreadpool_create(count) : NULL;
}
