/* SPDX-License-Identifier: Apache-2.0
 *
 * Counted memory: the default allocator and the counter around any allocator.
 */
#include "memory.h"

#include "checked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Bytes of a huge page where systems have them; elsewhere only an alignment. */
#define HUGE_PAGE ((size_t)2 << 20)

#define PAGE_MOST ((size_t)64 << 10) /* bytes of the largest page of any system */

static size_t whole_pages(size_t size) {
    return (size + PAGE_MOST - 1) / PAGE_MOST * PAGE_MOST;
}

/* Whole huge pages are asked for, so that the first run does not stop at every 4 KiB of its
 * memory; what is left over stays in small pages, so that no more is resident than was taken. */
static void *map_large(size_t size) {
    const size_t whole = whole_pages(size);
    uint8_t *from =
        mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (from == MAP_FAILED) {
        return NULL;
    }
    const size_t before = (HUGE_PAGE - (uintptr_t)from % HUGE_PAGE) % HUGE_PAGE;
    uint8_t *pointer = from + before;
    if (before > 0) {
        (void)munmap(from, before);
    }
    (void)munmap(pointer + whole, HUGE_PAGE - before);
    (void)madvise(pointer, size - size % HUGE_PAGE, MADV_HUGEPAGE);
    return pointer;
}

static void *system_alloc(void *user, size_t size, size_t alignment) {
    (void)user;
    void *pointer;
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    if (size >= HUGE_PAGE) {
        return map_large(size);
    }
    return posix_memalign(&pointer, alignment, size) == 0 ? pointer : NULL;
}

static void system_release(void *user, void *pointer, size_t size) {
    (void)user;
    if (size >= HUGE_PAGE) {
        (void)munmap(pointer, whole_pages(size));
    } else {
        free(pointer);
    }
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

uint64_t rnm_memory_spare(const rnm_memory *memory, uint64_t size) {
    const uint64_t rest = size % HUGE_PAGE;
    return memory->system && rest > HUGE_PAGE / 2 ? HUGE_PAGE - rest : 0;
}

/* Pieces are the huge pages of the default allocator and, behind them, SMALL_PIECE bytes. */
#define PAGE 4096
#define SMALL_PIECE (16 * PAGE)
#define TOUCHED_MOST (32 * (uint64_t)HUGE_PAGE)

static uint64_t touched(uint64_t size) {
    return size < TOUCHED_MOST ? size : TOUCHED_MOST;
}

uint64_t rnm_memory_pieces(uint64_t size) {
    return touched(size) / HUGE_PAGE + touched(size) % HUGE_PAGE / SMALL_PIECE + 1;
}

void rnm_memory_touch(void *pointer, uint64_t size, uint64_t piece) {
    const uint64_t huge = touched(size) / HUGE_PAGE;
    uint64_t start = piece * HUGE_PAGE;
    uint64_t end = start + HUGE_PAGE;
    if (piece >= huge) {
        start = huge * HUGE_PAGE + (piece - huge) * SMALL_PIECE;
        end = start + SMALL_PIECE < touched(size) ? start + SMALL_PIECE : touched(size);
    }
    for (uint64_t at = start; at < end; at += PAGE) {
        ((volatile uint8_t *)pointer)[at] = 0;
    }
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
