#include "spsc.h"

#include <assert.h>
#include <string.h>

#include "error.h"

#define LINE_SIZE 64u

/* The two positions sit on lines of their own: each has one writer. A slot's sequence says whose turn it is:
 * position = free for the producer's push number `position`; position + 1 = holds that item. */
struct spsc {
    uint32_t item_count;
    uint32_t item_size;
    size_t slot_size;
    _Alignas(64) uint64_t push_position; /* written by the producer */
    _Alignas(64) uint64_t pop_position;  /* written by the consumer */
    _Alignas(64) uint8_t slots[];
};

static size_t slot_size_of(uint32_t item_size) {
    size_t size = sizeof(uint64_t) + item_size;
    return (size + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE;
}

static uint64_t *slot_sequence(const struct spsc *ring, uint64_t position) {
    size_t index = (size_t)(position & (ring->item_count - 1u));
    return (uint64_t *)(uintptr_t)(ring->slots + index * ring->slot_size);
}

size_t spsc_size(uint32_t item_count, uint32_t item_size) {
    return sizeof(struct spsc) + (size_t)item_count * slot_size_of(item_size);
}

struct spsc *spsc_init(void *memory, uint32_t item_count, uint32_t item_size) {
    assert(memory != NULL);
    assert((uintptr_t)memory % LINE_SIZE == 0);
    assert(item_count > 0 && (item_count & (item_count - 1u)) == 0);
    assert(item_size > 0);
    struct spsc *ring = memory;
    ring->item_count = item_count;
    ring->item_size = item_size;
    ring->slot_size = slot_size_of(item_size);
    ring->push_position = 0;
    ring->pop_position = 0;
    for (uint32_t i = 0; i < item_count; i++)
        __atomic_store_n(slot_sequence(ring, i), i, __ATOMIC_RELEASE);
    return ring;
}

int spsc_push(struct spsc *ring, const void *item) {
    uint64_t position = ring->push_position;
    uint64_t *sequence = slot_sequence(ring, position);
    if (__atomic_load_n(sequence, __ATOMIC_ACQUIRE) != position) return ERROR_FULL;
    memcpy(sequence + 1, item, ring->item_size);
    __atomic_store_n(sequence, position + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->push_position, position + 1, __ATOMIC_RELAXED);
    return 0;
}

bool spsc_pop(struct spsc *ring, void *item) {
    uint64_t position = ring->pop_position;
    uint64_t *sequence = slot_sequence(ring, position);
    if (__atomic_load_n(sequence, __ATOMIC_ACQUIRE) != position + 1) return false;
    memcpy(item, sequence + 1, ring->item_size);
    __atomic_store_n(sequence, position + ring->item_count, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->pop_position, position + 1, __ATOMIC_RELAXED);
    return true;
}

bool spsc_is_empty(const struct spsc *ring) {
    uint64_t position = ring->pop_position;
    return __atomic_load_n(slot_sequence(ring, position), __ATOMIC_ACQUIRE) != position + 1;
}

uint32_t spsc_count(const struct spsc *ring) {
    uint64_t popped = __atomic_load_n(&ring->pop_position, __ATOMIC_RELAXED);
    uint64_t pushed = __atomic_load_n(&ring->push_position, __ATOMIC_RELAXED);
    if (pushed < popped) return 0;
    uint64_t count = pushed - popped;
    return count < ring->item_count ? (uint32_t)count : ring->item_count;
}
