/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimated times of layers. Work is counted in pairs of operations on vectors of 16
 * lanes, as in ops/choose.c, and becomes seconds by what one of them was seen to take. Only their
 * proportions matter to a plan.
 */
#include "cost.h"

#include "ops/conv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Nanoseconds of two operations on vectors of one lane; half of it on vectors of two, and so on. */
#define OPERATION_LANE_NS 4.0

/* Nanoseconds to read a row of RNM_PANEL expanded weights on from first- or second-level cache,
 * likewise, and bytes a nanosecond from behind it: shared cache, where they are fetched while
 * others are multiplied, and memory. */
#define NEAR_LANE_NS 24.0
static const double far_bytes[2] = {64.0, 20.0};

static double cache_bytes(int name) {
    long bytes = sysconf(name);
    return bytes > 0 ? (double)bytes : 0.0;
}

/* What the processor says of its third-level cache, or the system: on some machines one of them
 * counts those of other processors too. */
static double third_level_bytes(void) {
    double processor = 0.0, system = 0.0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    processor = cache_bytes(_SC_LEVEL3_CACHE_SIZE);
#endif
    int file = open("/sys/devices/system/cpu/cpu0/cache/index3/size", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        char text[32] = ""; /* as in 32768K */
        if (read(file, text, sizeof text - 1) > 0) {
            system = 1024.0 * (double)strtoull(text, NULL, 10);
        }
        (void)close(file);
    }
    return system > 0.0 && (system < processor || processor <= 0.0) ? system : processor;
}

/* Nanoseconds to read a row of kept weights. A run goes through all of the network's weights, so
 * what the cache holds of a layer is gone at the next run unless it holds everything. */
static double row_ns(const rnm_context *context, double all_bytes) {
    double near = NEAR_LANE_NS / context->kernels->lanes;
    double second = 512 << 10;
#ifdef _SC_LEVEL2_CACHE_SIZE
    second =
        cache_bytes(_SC_LEVEL2_CACHE_SIZE) > second ? cache_bytes(_SC_LEVEL2_CACHE_SIZE) : second;
#endif
    if (all_bytes <= second) {
        return near;
    }
    double far = RNM_PANEL * sizeof(float) / far_bytes[all_bytes > third_level_bytes()];
    return far > near ? far : near;
}

static double rows_of(const rnm_weight *weight) {
    return (double)weight->panel_count * weight->child.ci * weight->child.taps;
}

static double work_seconds(const rnm_context *context, const rnm_conv_step *conv,
                           rnm_conv_algorithm algorithm, unsigned form) {
    const rnm_weight *weight = &context->weights[conv->weight];
    double operations = rnm_conv_work(context, conv, algorithm, form);
    return operations * weight->panel_count * weight->child.ci * 1e-9 * OPERATION_LANE_NS /
           context->kernels->lanes / context->threads.count;
}

/* Of all rows of a weight, once. */
static double expand_seconds(const rnm_context *context, const rnm_weight *weight) {
    return rows_of(weight) * rnm_expand_work(context, weight->child.transform) * 1e-9 *
           OPERATION_LANE_NS / context->kernels->lanes / context->threads.count;
}

double rnm_cost_algorithm(const rnm_context *context, const rnm_conv_step *conv,
                          rnm_conv_algorithm algorithm, unsigned form) {
    if (algorithm == RNM_CONV_TABLES) {
        return rnm_can_table(context, conv) ? work_seconds(context, conv, algorithm, form) : 0.0;
    }
    if (algorithm == RNM_CONV_WINOGRAD && !rnm_conv_takes_form(context, conv, form)) {
        return 0.0;
    }
    return work_seconds(context, conv, algorithm, form) +
           expand_seconds(context, &context->weights[conv->weight]);
}

/* Nanoseconds to read a row of kept weights, the first time in a run and again. */
typedef struct row_times {
    double first, again;
} row_times;

static row_times row_times_of(const rnm_context *context) {
    double all_bytes = 0.0;
    for (uint32_t k = 0; k < context->weight_count; ++k) {
        all_bytes += (double)context->weights[k].bytes;
    }
    return (row_times){row_ns(context, all_bytes), NEAR_LANE_NS / context->kernels->lanes};
}

static rnm_cost cost_of(const rnm_context *context, const rnm_conv_step *conv, row_times row) {
    const rnm_weight *weight = &context->weights[conv->weight];
    const double work = work_seconds(context, conv, conv->algorithm, conv->form);
    if (conv->algorithm == RNM_CONV_TABLES) { /* which expand nothing */
        const double seconds = conv->tuned.panel_seconds > 0.0 ? conv->tuned.panel_seconds : work;
        return (rnm_cost){.panel_seconds = seconds, .kept_seconds = seconds};
    }
    const double passes = (double)rnm_conv_passes(conv);
    rnm_cost cost = {
        .panel_seconds = work + passes * expand_seconds(context, weight),
        .kept_seconds = work + rows_of(weight) * (row.first + (passes - 1.0) * row.again) * 1e-9 /
                                   context->threads.count,
    };
    if (conv->tuned.panel_seconds > 0.0) {
        const double gain = cost.panel_seconds - cost.kept_seconds;
        cost.panel_seconds = conv->tuned.panel_seconds;
        cost.kept_seconds =
            conv->tuned.kept_seconds > 0.0 ? conv->tuned.kept_seconds : cost.panel_seconds - gain;
    }
    return cost;
}

rnm_cost rnm_cost_step(const rnm_context *context, const rnm_conv_step *conv) {
    return cost_of(context, conv, row_times_of(context));
}

void rnm_cost_steps(rnm_context *context) {
    const row_times row = row_times_of(context);
    for (uint32_t k = 0; k < context->step_count; ++k) {
        if (context->steps[k].weighted) {
            rnm_conv_step *conv = &context->steps[k].as.conv;
            conv->cost = cost_of(context, conv, row);
        }
    }
}
