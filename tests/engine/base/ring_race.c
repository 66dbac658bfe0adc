/* Two threads and one ring, for the thread sanitizer: run by tests/engine/test_races.py, also with a ring whose memory
 * order was spoiled, which the sanitizer must find. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/spsc.h"

#define ITEMS 200000u

struct item {
    uint64_t number;
    uint64_t square;
};

static void *push_all(void *ring) {
    for (uint64_t n = 0; n < ITEMS; n++) {
        struct item item = {n, n * n};
        while (spsc_push(ring, &item) != 0)
            sched_yield();
    }
    return NULL;
}

int main(void) {
    void *memory = aligned_alloc(64, (spsc_size(8, sizeof(struct item)) + 63) & ~(size_t)63);
    if (memory == NULL) return 2;
    struct spsc *ring = spsc_init(memory, 8, sizeof(struct item));
    pthread_t thread;
    if (pthread_create(&thread, NULL, push_all, ring) != 0) return 2;
    for (uint64_t n = 0; n < ITEMS; n++) {
        struct item item;
        while (!spsc_pop(ring, &item))
            sched_yield();
        if (item.number != n || item.square != n * n) return 1;
    }
    pthread_join(thread, NULL);
    free(memory);
    return 0;
}
