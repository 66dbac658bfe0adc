#include "handover.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/spsc.h"

static void *block(size_t size) {
    void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (memory != NULL) memset(memory, 0, size); /* touched now, not at the first quote */
    return memory;
}

int handover_create(struct handover *handover, uint32_t key_count) {
    void *ring = block(spsc_size(HANDOVER_ITEMS, sizeof(struct handover_quote)));
    *handover = (struct handover){.key_count = key_count,
                                  .kept = block(key_count * sizeof *handover->kept),
                                  .queue = block(key_count * sizeof *handover->queue),
                                  .is_kept = block(key_count * sizeof *handover->is_kept)};
    if (ring != NULL) handover->ring = spsc_init(ring, HANDOVER_ITEMS, sizeof(struct handover_quote));
    if (ring != NULL && handover->kept != NULL && handover->queue != NULL && handover->is_kept != NULL) return 0;
    handover_destroy(handover);
    return ERROR_SYSTEM;
}

void handover_destroy(struct handover *handover) {
    free(handover->ring);
    free(handover->kept);
    free(handover->queue);
    free(handover->is_kept);
    *handover = (struct handover){0};
}

static void keep(struct handover *handover, uint32_t key, const struct handover_quote *quote) {
    struct handover_quote *kept = &handover->kept[key];
    if (handover->is_kept[key]) {
        __atomic_store_n(&handover->replaced_count, handover->replaced_count + 1, __ATOMIC_RELAXED);
        /* While a connection is replaced two carry the symbol: the slower one's older quote is not the newest. */
        bool older = quote->venue_seq != 0 && quote->venue_seq < kept->venue_seq;
        if (!older || quote->connection == kept->connection) *kept = *quote;
        return;
    }
    *kept = *quote;
    handover->is_kept[key] = true;
    handover->queue[(handover->queue_begin + handover->queue_count++) % handover->key_count] = key;
}

bool handover_flush(struct handover *handover) {
    while (handover->queue_count > 0) {
        uint32_t key = handover->queue[handover->queue_begin];
        if (spsc_push(handover->ring, &handover->kept[key]) != 0) return false;
        handover->is_kept[key] = false;
        handover->queue_begin = (handover->queue_begin + 1) % handover->key_count;
        handover->queue_count--;
    }
    return true;
}

void handover_push(struct handover *handover, uint32_t key, const struct handover_quote *quote) {
    assert(key < handover->key_count);
    if (!handover_flush(handover) || spsc_push(handover->ring, quote) != 0) keep(handover, key, quote);
}

bool handover_pop(struct handover *handover, struct handover_quote *out) {
    return spsc_pop(handover->ring, out);
}

bool handover_is_empty(const struct handover *handover) {
    return spsc_is_empty(handover->ring);
}
