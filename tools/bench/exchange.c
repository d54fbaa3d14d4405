/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange: how many nanoseconds a line of cache takes from one processor to another and back; and,
 * one line of many after the other, to read what the other wrote, and to write what the other has
 * read. A virtual machine may have its processors moved about between runs, at one cache or at two,
 * and what a second thread gains depends on that more than on anything in a runtime.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 101, TRIPS = 50, STOP = -1, LINE = 128 };

/* Those of half a map that two threads share, roughly; in second-level cache. */
enum { LINES = 2048, WORDS = 8 };

typedef uint64_t line[WORDS];

/* What is done to all lines. */
typedef void (*pass)(line *lines);

/* Which trip this is, with what is to be done before it is answered, and which one was answered; a
 * line each. */
typedef struct exchange {
    _Alignas(LINE) atomic_int asked;
    pass meanwhile;
    _Alignas(LINE) atomic_int answered;
    _Alignas(LINE) line lines[LINES];
} exchange;

static void nothing(line *lines) {
    (void)lines;
}

static void read_lines(line *lines) {
    for (int k = 0; k < LINES; k++) {
        (void)*(volatile uint64_t *)lines[k];
    }
}

static void write_lines(line *lines) {
    for (int k = 0; k < LINES; k++) {
        *(volatile uint64_t *)lines[k] = (uint64_t)k;
    }
}

static void *answer(void *argument) {
    exchange *e = argument;
    int seen = 0;
    while (seen != STOP) {
        const int asked = atomic_load_explicit(&e->asked, memory_order_acquire);
        if (asked != seen) {
            seen = asked;
            e->meanwhile(e->lines);
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

/* Has the other do that, and waits until it has. */
static void ask(exchange *e, int trip, pass meanwhile) {
    e->meanwhile = meanwhile;
    atomic_store_explicit(&e->asked, trip, memory_order_release);
    while (atomic_load_explicit(&e->answered, memory_order_acquire) != trip) {
    }
}

/* The time of one trip, the mean of TRIPS. */
static double of_trip(exchange *e, int *trip) {
    const double start = nanoseconds();
    for (int k = 0; k < TRIPS; k++) {
        ask(e, ++*trip, nothing);
    }
    return (nanoseconds() - start) / TRIPS;
}

static double of_read(exchange *e, int *trip) {
    ask(e, ++*trip, write_lines);
    const double start = nanoseconds();
    read_lines(e->lines);
    return (nanoseconds() - start) / LINES;
}

static double of_write(exchange *e, int *trip) {
    write_lines(e->lines);
    ask(e, ++*trip, read_lines);
    const double start = nanoseconds();
    write_lines(e->lines);
    return (nanoseconds() - start) / LINES;
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

static double median(double (*sample)(exchange *e, int *trip), exchange *e, int *trip) {
    double samples[SAMPLES];
    (void)sample(e, trip);
    for (int k = 0; k < SAMPLES; k++) {
        samples[k] = sample(e, trip);
    }
    qsort(samples, SAMPLES, sizeof *samples, by_value);
    return samples[SAMPLES / 2];
}

int main(void) {
    static exchange e;
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
    const double exchanged = median(of_trip, &e, &trip);
    const double read = median(of_read, &e, &trip);
    const double written = median(of_write, &e, &trip);
    atomic_store_explicit(&e.asked, STOP, memory_order_release);
    pthread_join(other, NULL);
    printf("%.0f %.1f %.1f\n", exchanged, read, written);
    return 0;
}
