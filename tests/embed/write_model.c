/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the builder's small network to a file: embed_model PATH.
 */
#include "rnm_builder.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: embed_model PATH\n");
        return 2;
    }
    uint64_t size;
    uint8_t *bytes = builder_small_cnn(&size);
    FILE *file = fopen(argv[1], "wb");
    bool written = file != NULL && fwrite(bytes, 1, (size_t)size, file) == size;
    written = file != NULL && fclose(file) == 0 && written;
    free(bytes);
    if (!written) {
        fprintf(stderr, "embed_model: %s cannot be written\n", argv[1]);
        return 1;
    }
    return 0;
}
