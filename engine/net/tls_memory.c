#include "tls_memory.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ORIGIN_MALLOC UINT32_MAX

/* In front of each block. While a block is free or on its way back, `next` is its list. */
struct block {
    uint32_t origin; /* pool number, or ORIGIN_MALLOC */
    uint32_t class;
    size_t size;        /* what fits */
    struct block *next; /* keeps the block behind it at a multiple of 16 */
    uint64_t guard;
};
_Static_assert(sizeof(struct block) % 16 == 0, "blocks are aligned as malloc's are");

#define GUARD UINT64_C(0x626c6f636b6f6b21)

struct size_class {
    size_t size;
    uint32_t count;
};

/* For 512 connections. With a ticket one keeps three of the smallest, one of 256, one of 1024; with changed keys two
 * more of 1024. The larger ones are for messages of TLS in passing, at most 24 KiB but for tickets of an unheard-of
 * size. */
static const struct size_class size_class[] = {{64, 4096}, {256, 2048}, {1024, 2560},
                                               {4096, 64}, {24576, 16}, {65536, 2}};
#define CLASS_COUNT (sizeof size_class / sizeof *size_class)

struct pool {
    struct block *free[CLASS_COUNT];  /* its thread only */
    _Atomic(struct block *) returned; /* pushed by other threads, taken whole by its own */
    /* Written by its thread only, but for the last. */
    _Atomic uint64_t taken;
    _Atomic uint64_t given;
    _Atomic uint64_t missed;
    _Atomic uint64_t deferred;
    _Atomic uint64_t given_by_others;
};

static struct pool pools[TLS_MEMORY_POOLS_MAX];
static _Atomic uint32_t pool_count;
static _Atomic(struct block *) deferred; /* malloc blocks for a thread without a pool to free */
static _Thread_local struct pool *own;   /* NULL: no pool */

/* One writer: no need for a locked instruction, OpenSSL comes here with every record. */
static void count(_Atomic uint64_t *counter) {
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static void push(_Atomic(struct block *) *list, struct block *block) {
    struct block *head = atomic_load_explicit(list, memory_order_relaxed);
    do
        block->next = head;
    while (!atomic_compare_exchange_weak_explicit(list, &head, block, memory_order_release, memory_order_relaxed));
}

static struct block *take_all(_Atomic(struct block *) *list) {
    if (atomic_load_explicit(list, memory_order_relaxed) == NULL) return NULL;
    return atomic_exchange_explicit(list, NULL, memory_order_acquire);
}

static void keep(struct pool *pool, struct block *block) {
    block->next = pool->free[block->class];
    pool->free[block->class] = block;
}

static struct block *block_of(void *data) {
    struct block *block = (struct block *)data - 1;
    assert(block->guard == GUARD);
    return block;
}

/* ---- the two sources ---- */

static void *pool_take(struct pool *pool, size_t size) {
    for (struct block *block = take_all(&pool->returned), *next; block != NULL; block = next) {
        next = block->next;
        keep(pool, block);
    }
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        struct block *block = pool->free[i];
        if (size_class[i].size < size || block == NULL) continue;
        pool->free[i] = block->next;
        count(&pool->taken);
        return block + 1;
    }
    count(&pool->missed);
    return NULL;
}

static void *system_take(size_t size) {
    for (struct block *block = take_all(&deferred), *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    if (size > SIZE_MAX - sizeof(struct block)) return NULL;
    struct block *block = malloc(sizeof *block + size);
    if (block == NULL) return NULL;
    *block = (struct block){.origin = ORIGIN_MALLOC, .size = size, .guard = GUARD};
    return block + 1;
}

/* ---- what OpenSSL calls ---- */

static void *memory_take(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (size == 0) return NULL;
    return own != NULL ? pool_take(own, size) : system_take(size);
}

static void memory_give(void *data, const char *file, int line) {
    (void)file;
    (void)line;
    if (data == NULL) return;
    struct block *block = block_of(data);
    if (block->origin == ORIGIN_MALLOC) {
        if (own == NULL) {
            free(block);
            return;
        }
        count(&own->deferred);
        push(&deferred, block);
        return;
    }
    struct pool *pool = &pools[block->origin];
    if (pool == own) {
        count(&pool->given);
        keep(pool, block);
        return;
    }
    atomic_fetch_add_explicit(&pool->given_by_others, 1, memory_order_relaxed);
    push(&pool->returned, block);
}

static void *memory_retake(void *data, size_t size, const char *file, int line) {
    if (data == NULL) return memory_take(size, file, line);
    if (size == 0) {
        memory_give(data, file, line);
        return NULL;
    }
    const struct block *block = block_of(data);
    if (size <= block->size) return data;
    void *larger = memory_take(size, file, line);
    if (larger == NULL) return NULL;
    memcpy(larger, data, block->size);
    memory_give(data, file, line);
    return larger;
}

bool tls_memory_init(void) {
    return CRYPTO_set_mem_functions(memory_take, memory_retake, memory_give) == 1;
}

/* ---- pools ---- */

static size_t pool_size(void) {
    size_t size = 0;
    for (size_t i = 0; i < CLASS_COUNT; i++)
        size += size_class[i].count * (sizeof(struct block) + size_class[i].size);
    return size;
}

int tls_memory_pool(struct error_trail *trail) {
    if (own != NULL) return 0;
    uint32_t number = atomic_load(&pool_count);
    do
        if (number == TLS_MEMORY_POOLS_MAX)
            return error_set(trail, ERROR_FULL, "more than %d threads with a pool for TLS", TLS_MEMORY_POOLS_MAX);
    while (!atomic_compare_exchange_weak(&pool_count, &number, number + 1));
    /* Touched now, so that no page fault comes later. */
    uint8_t *memory =
        mmap(NULL, pool_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        return error_set(trail, ERROR_SYSTEM, "cannot map %zu bytes for TLS: %s", pool_size(), strerror(errno));
    struct pool *pool = &pools[number];
    for (uint32_t i = 0; i < CLASS_COUNT; i++)
        for (uint32_t j = 0; j < size_class[i].count; j++) {
            struct block *block = (struct block *)(void *)memory;
            *block = (struct block){.origin = number, .class = i, .size = size_class[i].size, .guard = GUARD};
            keep(pool, block);
            memory += sizeof *block + size_class[i].size;
        }
    own = pool;
    return 0;
}

struct tls_memory_counts tls_memory_counts(void) {
    struct tls_memory_counts counts = {0};
    for (size_t i = 0; i < TLS_MEMORY_POOLS_MAX; i++) {
        counts.taken += atomic_load_explicit(&pools[i].taken, memory_order_relaxed);
        counts.given += atomic_load_explicit(&pools[i].given, memory_order_relaxed) +
                        atomic_load_explicit(&pools[i].given_by_others, memory_order_relaxed);
        counts.missed += atomic_load_explicit(&pools[i].missed, memory_order_relaxed);
        counts.deferred += atomic_load_explicit(&pools[i].deferred, memory_order_relaxed);
    }
    return counts;
}
