/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiply-adds that need nothing but registers, the most that a kernel could do; compiled once for
 * each instruction set, with PEAK the function's name and LANES the floats of a vector.
 */
#include <stddef.h>

#if defined(__x86_64__)
#define REGISTER "v"
#else
#define REGISTER "w"
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));

/* More chains than latency times units (4 cycles, 2 a cycle), each in a register of its own: of an
 * array the compiler would make memory. */
#define EACH_CHAIN(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define CHAINS 12
#define START(k) vec sum##k = a + (float)k;
#define STEP(k)              \
    sum##k = sum##k * a + b; \
    __asm__ volatile("" : "+" REGISTER(sum##k));
#define ADD(k) total += sum##k;

double PEAK(size_t rounds, volatile float *sink);

/* Each round is one multiply-add in each chain; gives floating-point operations. */
double PEAK(size_t rounds, volatile float *sink) {
    vec a = (vec){0} + *sink;
    vec b = a * 0.5f;
    vec total = {0};
    EACH_CHAIN(START)
    for (size_t n = 0; n < rounds; ++n) {
        EACH_CHAIN(STEP)
    }
    EACH_CHAIN(ADD)
    *sink = total[0];
    return 2.0 * LANES * CHAINS * (double)rounds;
}
