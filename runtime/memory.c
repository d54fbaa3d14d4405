/* SPDX-License-Identifier: Apache-2.0
 *
 * Counted memory: the default allocator and the counter around any allocator.
 */
#include "memory.h"

#include "checked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *system_alloc(void *user, size_t size, size_t alignment) {
    (void)user;
    void *pointer;
    return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

static void system_release(void *user, void *pointer, size_t size) {
    (void)user;
    (void)size;
    free(pointer);
}

rnm_memory rnm_memory_make(const rnm_allocator *allocator) {
    rnm_memory memory = {.system = allocator == NULL};
    memory.allocator =
        allocator != NULL ? *allocator : (rnm_allocator){system_alloc, system_release, NULL};
    return memory;
}

void *rnm_memory_take(rnm_memory *memory, uint64_t size) {
    size += size == 0;
    if (size > SIZE_MAX) {
        return NULL;
    }
    void *pointer =
        memory->allocator.alloc(memory->allocator.user, (size_t)size, RNM_MEMORY_ALIGNMENT);
    if (pointer != NULL) {
        memory->taken += size;
    }
    return pointer;
}

void *rnm_memory_take_zeroed(rnm_memory *memory, uint64_t count, uint64_t size) {
    uint64_t bytes;
    if (!rnm_mul_u64(count, size, &bytes)) {
        return NULL;
    }
    void *pointer = rnm_memory_take(memory, bytes);
    if (pointer != NULL) {
        memset(pointer, 0, (size_t)bytes);
    }
    return pointer;
}

void rnm_memory_give(rnm_memory *memory, void *pointer, uint64_t size) {
    if (pointer == NULL) {
        return;
    }
    size += size == 0;
    memory->allocator.release(memory->allocator.user, pointer, (size_t)size);
    memory->taken -= size;
}

void *rnm_memory_reserve(rnm_memory *memory, uint64_t size) {
    if (!memory->system) {
        return rnm_memory_take(memory, size);
    }
    if (size > SIZE_MAX) {
        return NULL;
    }
    void *pointer = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pointer != MAP_FAILED ? pointer : NULL;
}

void rnm_memory_unreserve(rnm_memory *memory, void *pointer, uint64_t size) {
    if (!memory->system) {
        rnm_memory_give(memory, pointer, size);
    } else if (pointer != NULL) {
        munmap(pointer, (size_t)size);
    }
}
