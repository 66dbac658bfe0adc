#pragma once
/* Single-producer single-consumer ring of fixed-size items between two threads. The sequence word sits in the item's
 * own slot, so a hop moves one cache line. The producer never waits: a full ring is ERROR_FULL and the producer's
 * decision. Memory is the caller's (spsc_size bytes, 64-byte aligned); item_count a power of two.
 * push/pop: release store of the slot's sequence, acquire load on the other side. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spsc;

size_t spsc_size(uint32_t item_count, uint32_t item_size);
struct spsc *spsc_init(void *memory, uint32_t item_count, uint32_t item_size);
int spsc_push(struct spsc *ring, const void *item); /* producer; 0 or ERROR_FULL */
bool spsc_pop(struct spsc *ring, void *item);       /* consumer; false: empty */
bool spsc_is_empty(const struct spsc *ring);        /* consumer; as spsc_pop would find it */
uint32_t spsc_count(const struct spsc *ring);       /* either side; a moment's estimate */
