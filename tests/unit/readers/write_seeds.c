/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the seeds of the checkpoint fuzzer: write_seeds FOLDER.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void write_seed(const char *folder, const char *name, fx_buffer bytes) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.bytes, 1, bytes.size, file) != bytes.size ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    fx_free(&bytes);
}

/* A bare state dict of one parameter, which is a view. */
static fx_buffer bare_state_dict(void) {
    static const uint16_t data[4] = {0x3f80, 0x4000, 0x4040, 0x4080};
    static const fx_storage storage = {"0", "BFloat16Storage", 4, data, sizeof data};
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ordered_dict(&pickle);
    fx_text(&pickle, "fc.weight");
    fx_tensor(&pickle, &(fx_view){.storage = &storage,
                                  .offset = 1,
                                  .rank = 2,
                                  .dims = {2, 2},
                                  .strides = {1, 1},
                                  .parameter = true});
    fx_ops(&pickle, "s.");
    fx_buffer file = fx_zip_file(&pickle, &storage, 1);
    fx_free(&pickle);
    return file;
}

int main(int count, char **words) {
    if (count != 2) {
        fprintf(stderr, "usage: write_seeds FOLDER\n");
        return 2;
    }
    write_seed(words[1], "lightning.ckpt", fx_checkpoint(false));
    write_seed(words[1], "legacy.ckpt", fx_checkpoint(true));
    write_seed(words[1], "state_dict.pt", bare_state_dict());
    return 0;
}
