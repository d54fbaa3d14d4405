/* SPDX-License-Identifier: Apache-2.0 */
#include "contender.h"

#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool run_times(const contender *c, long count) {
    for (long k = 0; k < count; k++) {
        double start = process_clock();
        if (!c->run(c->state)) {
            return false;
        }
        printf("%s%.6f", k > 0 ? " " : "", 1e3 * (process_clock() - start));
    }
    printf("\n");
    return true;
}

static bool save(const contender *c, const char *path) {
    FILE *file = fopen(path, "wb");
    bool whole = file != NULL && fwrite(c->output, sizeof(float), c->outputs, file) == c->outputs;
    whole = file != NULL && fclose(file) == 0 && whole;
    if (!whole) {
        fprintf(stderr, "%s: cannot be written\n", path);
        return false;
    }
    printf("saved\n");
    return true;
}

int contender_serve(const contender *c) {
    char line[4096];
    if (!c->run(c->state)) {
        return 1;
    }
    printf("ready %s %.3f\n", c->version, 1e3 * (process_clock() - c->began));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        bool done = true;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) == 0) {
            done = run_times(c, strtol(line + 4, NULL, 10));
        } else if (strncmp(line, "save ", 5) == 0) {
            done = save(c, line + 5);
        } else {
            printf("%llu\n", (unsigned long long)process_peak_bytes());
            return 0;
        }
        if (!done) {
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}

bool contender_read(const char *path, float *to, size_t count) {
    FILE *file = fopen(path, "rb");
    bool whole =
        file != NULL && fread(to, sizeof(float), count, file) == count && fgetc(file) == EOF;
    if (file != NULL) {
        fclose(file);
    }
    if (!whole) {
        fprintf(stderr, "%s: expected exactly %zu numbers of f32\n", path, count);
    }
    return whole;
}
