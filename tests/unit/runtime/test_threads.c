/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting threads: the caller's affinity stays, the workers' is the caller's, none is left behind,
 * and a system that gives few threads is told of and not waited for.
 */
#define _GNU_SOURCE /* sched_getaffinity */

#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONTEXTS = 40, CALLERS = 3, NO_LIMITS = 77 };

static opened open_small(void) {
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    return open_bytes(bytes, size);
}

static cpu_set_t own_processors(void) {
    cpu_set_t processors;
    assert_int_equal(sched_getaffinity(0, sizeof processors, &processors), 0);
    return processors;
}

/* Threads of the process whose affinity is not `processors`. */
static int strays(const cpu_set_t *processors) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        const pid_t number = (pid_t)strtol(task->d_name, NULL, 10);
        cpu_set_t found;
        if (number > 0 && sched_getaffinity(number, sizeof found, &found) == 0) {
            count += !CPU_EQUAL(&found, processors);
        }
    }
    closedir(tasks);
    return count;
}

static void make_many(const rnm_model *model) {
    const rnm_context_options options = {.threads = 2, .spread_threads = true};
    for (int k = 0; k < CONTEXTS; ++k) {
        rnm_context *context = NULL;
        assert_int_equal(rnm_context_create(model, &options, &context, NULL), RNM_OK);
        assert_int_equal(rnm_context_run(context, NULL), RNM_OK);
        rnm_context_destroy(context);
    }
}

static void affinities_stay(void **state) {
    (void)state;
    const rnm_context_options options = {.threads = 2, .spread_threads = true};
    opened small = open_small();
    const cpu_set_t before = own_processors();
    for (int k = 0; k < CONTEXTS; ++k) {
        rnm_context *context = NULL;
        assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
        const cpu_set_t after = own_processors();
        assert_true(CPU_EQUAL(&before, &after));
        assert_int_equal(strays(&before), 0);
        rnm_context_destroy(context);
    }
    close_opened(small);
}

static void works_on_one_processor(void **state) {
    (void)state;
    opened small = open_small();
    const cpu_set_t before = own_processors();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    const int others = strays(&one); /* sanitizers have a thread of their own */
    make_many(small.model);
    const int found = strays(&one);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(found, others);
    close_opened(small);
}

static void *make_many_beside(void *model) {
    make_many(model);
    return NULL;
}

static void several_callers(void **state) {
    (void)state;
    opened small = open_small();
    pthread_t callers[CALLERS];
    for (int k = 0; k < CALLERS; ++k) {
        assert_int_equal(pthread_create(&callers[k], NULL, make_many_beside, small.model), 0);
    }
    for (int k = 0; k < CALLERS; ++k) {
        assert_int_equal(pthread_join(callers[k], NULL), 0);
    }
    const cpu_set_t processors = own_processors();
    assert_int_equal(strays(&processors), 0);
    close_opened(small);
}

static void answers_are_the_same(void **state) {
    (void)state;
    opened small = open_small();
    const rnm_context_options ways[] = {{.threads = 1}, {.threads = 2, .spread_threads = true}};
    float image[3 * 8 * 8];
    rng r = {19};
    random_fill(&r, image, sizeof image / sizeof *image);
    const float *const inputs[] = {image};
    float *answers[2];
    for (int k = 0; k < 2; ++k) {
        answers[k] = run_model(small.model, &ways[k], inputs);
    }
    assert_memory_equal(answers[0], answers[1], 7 * sizeof(float));
    free(answers[0]);
    free(answers[1]);
    close_opened(small);
}

typedef struct turns {
    const rnm_model *model;
    rnm_team *team;
    const float *image, *wanted;
} turns;

/* Contexts of a team, one after the other, while others are made of it and run. */
static void *take_turns(void *argument) {
    const turns *t = argument;
    const rnm_context_options options = {.team = t->team, .threads = 100}; /* of no account */
    const float *const inputs[] = {t->image};
    for (int k = 0; k < CONTEXTS / 4; ++k) {
        float *answer = run_model(t->model, &options, inputs);
        assert_memory_equal(answer, t->wanted, 7 * sizeof(float));
        free(answer);
    }
    return NULL;
}

static void contexts_share_a_team(void **state) {
    (void)state;
    opened small = open_small();
    float image[3 * 8 * 8];
    rng r = {20};
    random_fill(&r, image, sizeof image / sizeof *image);
    const float *const inputs[] = {image};
    const rnm_context_options alone = {.threads = 1};
    float *wanted = run_model(small.model, &alone, inputs);
    for (int threads = 0; threads <= 3; ++threads) {
        for (int spread = 0; spread < 2; ++spread) {
            turns t = {.model = small.model, .image = image, .wanted = wanted};
            assert_int_equal(rnm_team_create(threads, spread != 0, &t.team, NULL), RNM_OK);
            pthread_t callers[CALLERS];
            for (int k = 0; k < CALLERS; ++k) {
                assert_int_equal(pthread_create(&callers[k], NULL, take_turns, &t), 0);
            }
            for (int k = 0; k < CALLERS; ++k) {
                assert_int_equal(pthread_join(callers[k], NULL), 0);
            }
            rnm_context *context = NULL;
            const rnm_context_options options = {.team = t.team, .plan_only = true};
            assert_int_equal(rnm_context_create(small.model, &options, &context, NULL), RNM_OK);
            rnm_report report;
            rnm_context_report(context, &report);
            assert_int_equal(report.threads, threads > 1 ? threads : 1);
            rnm_context_destroy(context);
            rnm_team_destroy(t.team);
        }
    }
    free(wanted);
    const cpu_set_t processors = own_processors();
    assert_int_equal(strays(&processors), 0);
    close_opened(small);
}

static void teams_need_no_context(void **state) {
    (void)state;
    const cpu_set_t before = own_processors();
    for (int k = 0; k < CONTEXTS; ++k) {
        rnm_team *team = NULL;
        assert_int_equal(rnm_team_create(2, true, &team, NULL), RNM_OK);
        rnm_team_destroy(team);
    }
    const cpu_set_t after = own_processors();
    assert_true(CPU_EQUAL(&before, &after));
    assert_int_equal(strays(&before), 0);
    rnm_team_destroy(NULL);
}

static void teams_are_refused(void **state) {
    (void)state;
    rnm_error error;
    rnm_team *team = NULL;
    assert_int_equal(rnm_team_create(-1, true, &team, &error), RNM_ERR_ARGUMENT);
    assert_string_equal(error.text, "team: expected 0 to 64 threads, found -1");
    assert_int_equal(rnm_team_create(65, false, &team, NULL), RNM_ERR_ARGUMENT);
    assert_int_equal(rnm_team_create(2, true, NULL, NULL), RNM_ERR_ARGUMENT);
    assert_null(team);
}

/* In a process of a user who has no other, and who may have so many threads. */
static int with_threads(const rnm_model *model, rlim_t most) {
    const struct rlimit limit = {most, most};
    const uid_t user = 60000 + (uid_t)getpid() % 5000;
    if (setgid(user) != 0 || setuid(user) != 0 || setrlimit(RLIMIT_NPROC, &limit) != 0) {
        return NO_LIMITS;
    }
    for (int k = 0; k < 4 * CONTEXTS; ++k) {
        rnm_context_options options = {.threads = 2, .spread_threads = k % 2 == 0};
        rnm_context *context = NULL;
        if (k % 4 < 2 && rnm_team_create(2, k % 2 == 0, &options.team, NULL) != RNM_OK) {
            return 1;
        }
        const rnm_status status = rnm_context_create(model, &options, &context, NULL);
        if (status != (most == 1 ? RNM_ERR_RESOURCE : RNM_OK)) {
            return 1;
        }
        rnm_context_destroy(context);
        rnm_team_destroy(options.team);
    }
    return 0;
}

static void few_threads_are_no_hang(void **state) {
    (void)state;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    skip(); /* sanitizers have threads of their own */
#endif
    opened small = open_small();
    for (rlim_t most = 1; most <= 4; ++most) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(120);
            _exit(with_threads(small.model, most));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == NO_LIMITS) {
            close_opened(small);
            skip();
        }
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    close_opened(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affinities_stay),       cmocka_unit_test(works_on_one_processor),
        cmocka_unit_test(several_callers),       cmocka_unit_test(answers_are_the_same),
        cmocka_unit_test(contexts_share_a_team), cmocka_unit_test(teams_need_no_context),
        cmocka_unit_test(teams_are_refused),     cmocka_unit_test(few_threads_are_no_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
