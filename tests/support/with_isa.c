/* SPDX-License-Identifier: Apache-2.0
 *
 * with_isa NAME COMMAND...: runs a test with RNM_TEST_ISA=NAME in its environment, which the tests
 * (never the library) look at. Exits with 77, which means skipped, where this CPU lacks NAME.
 */
#include "cpu.h"
#include "kernels/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: with_isa NAME COMMAND...\n");
        return 2;
    }
    const rnm_variant *variant;
    for (size_t k = 0; (variant = rnm_kernels_variant(k)) != NULL; ++k) {
        if (strcmp(variant->kernels->name, argv[1]) == 0) {
            break;
        }
    }
    if (variant == NULL || (variant->needs & ~rnm_cpu_features()) != 0) {
        printf("skipped: this CPU has no %s\n", argv[1]);
        return 77;
    }
    if (setenv("RNM_TEST_ISA", argv[1], 1) == 0) {
        execvp(argv[2], argv + 2);
    }
    perror(argv[2]);
    return 2;
}
