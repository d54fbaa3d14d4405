/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes checkpoints for the readers' tests.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void give_up(const char *why) {
    fprintf(stderr, "fixture: %s\n", why);
    abort();
}

void fx_put(fx_buffer *to, const void *bytes, size_t size) {
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size);
        to->bytes = realloc(to->bytes, to->capacity);
        if (to->bytes == NULL) {
            give_up("out of memory");
        }
    }
    if (size != 0) {
        memcpy(to->bytes + to->size, bytes, size);
    }
    to->size += size;
}

void fx_put_le(fx_buffer *to, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
        fx_put(to, &byte, 1);
    }
}

void fx_free(fx_buffer *buffer) {
    free(buffer->bytes);
    *buffer = (fx_buffer){0};
}

size_t fx_find(const fx_buffer *in, const void *text, size_t size) {
    for (size_t i = 0; i + size <= in->size; i++) {
        if (memcmp(in->bytes + i, text, size) == 0) {
            return i;
        }
    }
    give_up("a pattern that should be in a file is not");
}

void fx_ops(fx_buffer *pickle, const char *ops) {
    fx_put(pickle, ops, strlen(ops));
}

void fx_begin(fx_buffer *pickle) {
    fx_put_le(pickle, 0x0280, 2);
}

void fx_text(fx_buffer *pickle, const char *text) {
    fx_ops(pickle, "X");
    fx_put_le(pickle, strlen(text), 4);
    fx_ops(pickle, text);
}

void fx_int(fx_buffer *pickle, int64_t value) {
    if (value >= 0 && value < 256) {
        fx_ops(pickle, "K");
        fx_put_le(pickle, (uint64_t)value, 1);
    } else {
        fx_put_le(pickle, 0x088a, 2);
        fx_put_le(pickle, (uint64_t)value, 8);
    }
}

void fx_bool(fx_buffer *pickle, bool value) {
    fx_put_le(pickle, value ? 0x88 : 0x89, 1);
}

void fx_global(fx_buffer *pickle, const char *module, const char *name) {
    fx_ops(pickle, "c");
    fx_ops(pickle, module);
    fx_ops(pickle, "\n");
    fx_ops(pickle, name);
    fx_ops(pickle, "\n");
}

void fx_ordered_dict(fx_buffer *pickle) {
    fx_global(pickle, "collections", "OrderedDict");
    fx_ops(pickle, ")R");
}

static void put_sizes(fx_buffer *pickle, const int64_t *sizes, int count) {
    fx_ops(pickle, "(");
    for (int i = 0; i < count; i++) {
        fx_int(pickle, sizes[i]);
    }
    fx_ops(pickle, "t");
}

void fx_tensor(fx_buffer *pickle, const fx_view *view) {
    if (view->parameter) {
        fx_global(pickle, "torch._utils", "_rebuild_parameter");
        fx_ops(pickle, "(");
    }
    fx_global(pickle, "torch._utils", "_rebuild_tensor_v2");
    fx_ops(pickle, "((");
    fx_text(pickle, "storage");
    fx_global(pickle, "torch", view->storage->type);
    fx_text(pickle, view->storage->key);
    fx_text(pickle, "cpu");
    fx_int(pickle, view->storage->count);
    if (view->legacy && view->view[1] != 0) {
        fx_ops(pickle, "(");
        fx_text(pickle, "view");
        fx_int(pickle, view->view[0]);
        fx_int(pickle, view->view[1]);
        fx_ops(pickle, "t");
    } else if (view->legacy) {
        fx_ops(pickle, "N");
    }
    fx_ops(pickle, "tQ");
    fx_int(pickle, view->offset);
    put_sizes(pickle, view->dims, view->rank);
    put_sizes(pickle, view->strides, view->rank);
    fx_bool(pickle, false);
    fx_ordered_dict(pickle);
    fx_ops(pickle, "tR");
    if (view->parameter) {
        fx_bool(pickle, true);
        fx_ordered_dict(pickle);
        fx_ops(pickle, "tR");
    }
}

void fx_zip_add(fx_zip *zip, const char *name, const void *bytes, size_t size) {
    fx_buffer *file = &zip->file;
    size_t header = file->size;
    size_t name_length = strlen(name);
    size_t unpadded = header + 30 + name_length + 4;
    size_t padding = (64 - unpadded % 64) % 64;

    fx_put_le(file, 0x04034b50, 4);
    fx_put_le(file, 0, 2);      /* version needed */
    fx_put_le(file, 0x0808, 2); /* flags */
    fx_put_le(file, 0, 2);      /* stored */
    fx_put_le(file, 0, 4);      /* time */
    fx_put_le(file, 0, 12);     /* checksum and sizes: in the descriptor */
    fx_put_le(file, name_length, 2);
    fx_put_le(file, 4 + padding, 2);
    fx_ops(file, name);
    fx_ops(file, "FB");
    fx_put_le(file, padding, 2);
    for (size_t i = 0; i < padding; i++) {
        fx_ops(file, "Z");
    }
    fx_put(file, bytes, size);
    fx_put_le(file, 0x08074b50, 4);
    fx_put_le(file, 0, 4); /* checksum: no reader of ours looks */
    fx_put_le(file, size, 4);
    fx_put_le(file, size, 4);

    fx_buffer *central = &zip->central;
    fx_put_le(central, 0x02014b50, 4);
    fx_put_le(central, 0, 4);
    fx_put_le(central, 0x0808, 2);
    fx_put_le(central, 0, 2);
    fx_put_le(central, 0, 8);
    fx_put_le(central, size, 4);
    fx_put_le(central, size, 4);
    fx_put_le(central, name_length, 2);
    fx_put_le(central, 0, 4); /* extra, comment */
    fx_put_le(central, 0, 8); /* disk, attributes */
    fx_put_le(central, header, 4);
    fx_ops(central, name);
    zip->count++;
}

void fx_zip_end(fx_zip *zip, bool zip64) {
    fx_buffer *file = &zip->file;
    size_t directory = file->size;
    fx_put(file, zip->central.bytes, zip->central.size);
    if (zip64) {
        size_t end64 = file->size;
        fx_put_le(file, 0x06064b50, 4);
        fx_put_le(file, 44, 8);
        fx_put_le(file, 0, 12);
        fx_put_le(file, zip->count, 8);
        fx_put_le(file, zip->count, 8);
        fx_put_le(file, zip->central.size, 8);
        fx_put_le(file, directory, 8);
        fx_put_le(file, 0x07064b50, 4);
        fx_put_le(file, 0, 4);
        fx_put_le(file, end64, 8);
        fx_put_le(file, 1, 4);
    }
    fx_put_le(file, 0x06054b50, 4);
    fx_put_le(file, 0, 4);
    fx_put_le(file, zip->count, 2);
    fx_put_le(file, zip->count, 2);
    fx_put_le(file, zip->central.size, 4);
    fx_put_le(file, zip64 ? UINT32_MAX : directory, 4);
    fx_put_le(file, 0, 2);
}

void fx_zip_free(fx_zip *zip) {
    fx_free(&zip->file);
    fx_free(&zip->central);
    zip->count = 0;
}

fx_buffer fx_zip_file(const fx_buffer *pickle, const fx_storage *storages, size_t count) {
    fx_zip zip = {0};
    fx_zip_add(&zip, "archive/data.pkl", pickle->bytes, pickle->size);
    fx_zip_add(&zip, "archive/byteorder", "little", 6);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "archive/data/%s", storages[i].key);
        fx_zip_add(&zip, name, storages[i].bytes, storages[i].size);
    }
    fx_zip_add(&zip, "archive/version", "3\n", 2);
    fx_zip_end(&zip, true);
    fx_free(&zip.central);
    return zip.file;
}

fx_buffer fx_legacy_file(const fx_buffer *pickle, const fx_storage *storages, size_t count) {
    static const char magic[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    static const char protocol[] = "\x80\x02M\xe9\x03.";
    fx_buffer file = {0};
    fx_put(&file, magic, sizeof magic - 1);
    fx_put(&file, protocol, sizeof protocol - 1);
    fx_begin(&file);
    fx_ops(&file, "}(");
    fx_text(&file, "protocol_version");
    fx_int(&file, 1001);
    fx_text(&file, "little_endian");
    fx_bool(&file, true);
    fx_ops(&file, "u.");
    fx_put(&file, pickle->bytes, pickle->size);
    fx_begin(&file);
    fx_ops(&file, "](");
    for (size_t i = 0; i < count; i++) {
        fx_text(&file, storages[i].key);
    }
    fx_ops(&file, "e.");
    for (size_t i = 0; i < count; i++) {
        fx_put_le(&file, (uint64_t)storages[i].count, 8);
        fx_put(&file, storages[i].bytes, storages[i].size);
    }
    return file;
}

static void put_entry(fx_buffer *pickle, const char *name, fx_view view, bool legacy) {
    view.legacy = legacy;
    fx_text(pickle, name);
    fx_tensor(pickle, &view);
}

static void put_hyper_parameters(fx_buffer *pickle) {
    fx_text(pickle, "hyper_parameters");
    fx_ops(pickle, "}");
    fx_text(pickle, "args");
    fx_global(pickle, "argparse", "Namespace");
    fx_ops(pickle, ")");
    fx_put_le(pickle, 0x81, 1);
    fx_ops(pickle, "}(");
    fx_text(pickle, "model_name");
    fx_text(pickle, "net_4");
    fx_text(pickle, "weight_activation");
    fx_text(pickle, "swish");
    fx_text(pickle, "dataset");
    fx_text(pickle, "CIFAR10");
    fx_text(pickle, "num_classes");
    fx_int(pickle, 10);
    fx_text(pickle, "datapath");
    fx_ops(pickle, "Nubs");
}

fx_buffer fx_checkpoint(bool legacy) {
    static const float weight[6] = {0, 1, 2, 3, 4, 5};
    static const uint16_t half[2] = {0x3c00, 0xc000}; /* 1, -2 */
    static const int64_t steps[1] = {7};
    static const float momentum[6] = {0};
    static const fx_storage storages[] = {
        {"0", "FloatStorage", 6, weight, sizeof weight},
        {"1", "HalfStorage", 2, half, sizeof half},
        {"2", "LongStorage", 1, steps, sizeof steps},
        {"3", "FloatStorage", 6, momentum, sizeof momentum},
    };
    fx_buffer pickle = {0};
    fx_begin(&pickle);
    fx_ops(&pickle, "}(");
    fx_text(&pickle, "epoch");
    fx_int(&pickle, 3);
    fx_text(&pickle, "state_dict");
    fx_ordered_dict(&pickle);
    fx_ops(&pickle, "(");
    put_entry(&pickle, "model.weight",
              (fx_view){.storage = &storages[0], .rank = 2, .dims = {2, 3}, .strides = {3, 1}},
              legacy);
    put_entry(&pickle, "model.half",
              (fx_view){.storage = &storages[1], .rank = 1, .dims = {2}, .strides = {1}}, legacy);
    put_entry(&pickle, "model.steps", (fx_view){.storage = &storages[2]}, legacy);
    put_entry(&pickle, "model.transposed",
              (fx_view){.storage = &storages[0], .rank = 2, .dims = {3, 2}, .strides = {1, 3}},
              legacy);
    fx_ops(&pickle, "u}");
    fx_text(&pickle, "_metadata");
    fx_ordered_dict(&pickle);
    fx_ops(&pickle, "sb");
    fx_text(&pickle, "callbacks");
    fx_ops(&pickle, "}");
    fx_global(&pickle, "lightning.callbacks", "Checkpoint");
    fx_ops(&pickle, "}s");
    fx_text(&pickle, "optimizer_states");
    fx_ops(&pickle, "]");
    fx_tensor(&pickle, &(fx_view){.storage = &storages[3],
                                  .rank = 2,
                                  .dims = {2, 3},
                                  .strides = {3, 1},
                                  .legacy = legacy});
    fx_ops(&pickle, "a");
    put_hyper_parameters(&pickle);
    fx_ops(&pickle, "u.");
    fx_buffer file =
        legacy ? fx_legacy_file(&pickle, storages, 4) : fx_zip_file(&pickle, storages, 4);
    fx_free(&pickle);
    return file;
}
