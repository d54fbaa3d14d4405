/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange: how many nanoseconds a line of cache takes from one processor to another and back. A
 * virtual machine may have its processors moved about between runs, at one cache or at two, and
 * what a second thread gains depends on that more than on anything in a runtime.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 101, TRIPS = 50, STOP = -1, LINE = 128 };

/* Which trip this is, and which one was answered; a line each. */
typedef struct exchange {
    _Alignas(LINE) atomic_int asked;
    _Alignas(LINE) atomic_int answered;
} exchange;

static void *answer(void *argument) {
    exchange *e = argument;
    int seen = 0;
    while (seen != STOP) {
        const int asked = atomic_load_explicit(&e->asked, memory_order_acquire);
        if (asked != seen) {
            seen = asked;
            atomic_store_explicit(&e->answered, seen, memory_order_release);
        }
    }
    return NULL;
}

static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

/* The time of one trip, the mean of TRIPS. */
static double sample(exchange *e, int *trip) {
    const double start = nanoseconds();
    for (int k = 0; k < TRIPS; k++) {
        ++*trip;
        atomic_store_explicit(&e->asked, *trip, memory_order_release);
        while (atomic_load_explicit(&e->answered, memory_order_acquire) != *trip) {
        }
    }
    return (nanoseconds() - start) / TRIPS;
}

/* The first two processors that this process may run on. */
static bool two_processors(cpu_set_t places[2]) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return false;
    }
    int found = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_ZERO(&places[found]);
            CPU_SET(cpu, &places[found]);
            found++;
        }
    }
    return found == 2;
}

static int by_value(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(void) {
    static exchange e;
    static double samples[SAMPLES];
    cpu_set_t places[2];
    pthread_t other;
    if (!two_processors(places)) {
        fprintf(stderr, "exchange: needs two processors\n");
        return 1;
    }
    if (pthread_create(&other, NULL, answer, &e) != 0) {
        fprintf(stderr, "exchange: no second thread\n");
        return 1;
    }
    if (pthread_setaffinity_np(other, sizeof places[1], &places[1]) != 0 ||
        sched_setaffinity(0, sizeof places[0], &places[0]) != 0) {
        fprintf(stderr, "exchange: threads cannot be bound to processors here\n");
        return 1;
    }
    int trip = 0;
    (void)sample(&e, &trip);
    for (int k = 0; k < SAMPLES; k++) {
        samples[k] = sample(&e, &trip);
    }
    atomic_store_explicit(&e.asked, STOP, memory_order_release);
    pthread_join(other, NULL);
    qsort(samples, SAMPLES, sizeof *samples, by_value);
    printf("%.0f\n", samples[SAMPLES / 2]);
    return 0;
}
