#pragma once
/* Memory of OpenSSL. A hot thread must not allocate, yet OpenSSL does: some tens of bytes with every record, more for a
 * session ticket, a change of keys, an alert. So all its memory comes from here: for a thread with a pool from blocks
 * made at its start, for all others from malloc.
 *
 *   thread with a pool    takes from its pool; an empty pool is an error of that one connection, and counted
 *   block of a pool       given back by another thread: onto the pool's list of returned blocks (lock-free)
 *   block of malloc       given back by a thread with a pool: onto a list that the next thread without one frees
 *
 * So neither side ever waits, and no thread with a pool calls the system's allocator. */
#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"

#define TLS_MEMORY_POOLS_MAX 16 /* threads with a pool, in the life of the process */

/* First of all in main: false when OpenSSL has allocated already, and pools have no effect. */
bool tls_memory_init(void);
/* The calling thread has a pool from here on. 0; ERROR_FULL; ERROR_SYSTEM. */
int tls_memory_pool(struct error_trail *trail);

struct tls_memory_counts {
    uint64_t taken;    /* allocations of threads with a pool */
    uint64_t given;    /* of pool blocks given back, by any thread */
    uint64_t missed;   /* allocations refused because the pool had none left */
    uint64_t deferred; /* malloc blocks that a thread with a pool left for others to free */
};
/* All pools together; from any thread. */
struct tls_memory_counts tls_memory_counts(void);
