#pragma once
/* Quotes from one receiving thread to the deciding thread: an SPSC ring whose item is, with its sequence, one cache
 * line. Nobody ever waits. While the ring is full the newest quote of each symbol is kept on the receiver's side and
 * handed over when there is room, oldest first; what a newer one replaces is counted. So the deciding thread may miss
 * prices that no longer hold, never the last one. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"

#define HANDOVER_ITEMS       1024u
#define HANDOVER_HANDED_UNIT 16 /* ns */
#define HANDOVER_HANDED_MOST ((1u << 20) - 1)
#define HANDOVER_WAITED_UNIT 16384 /* ns */
#define HANDOVER_WAITED_MOST ((1u << 16) - 1)

struct handover_quote {
    int64_t bid_price; /* units of the symbol; 0: no bid */
    int64_t bid_qty;
    int64_t ask_price;
    int64_t ask_qty;
    int64_t recv_ns; /* receive completion seen */
    uint64_t venue_seq;
    uint64_t symbol : 10;
    uint64_t connection : 10; /* the deciding thread's number of it, */
    uint64_t generation : 8;  /* and which use of that number */
    uint64_t handed : 20;     /* handed over so long after recv_ns; the greatest value: or later */
    uint64_t waited : 16;     /* came at most so long before recv_ns; the greatest value: or sooner */
};

_Static_assert(sizeof(struct handover_quote) == 56, "with the slot's sequence one cache line");
_Static_assert(ABI_SYMBOL_MAX <= 1024, "a symbol fits its bits");

struct spsc;

struct handover {
    struct spsc *ring;
    uint32_t key_count;
    /* The receiver's. */
    struct handover_quote *kept; /* by key */
    uint32_t *queue;             /* keys of kept quotes, circular, oldest first */
    bool *is_kept;
    uint32_t queue_begin;
    uint32_t queue_count;
    uint64_t replaced_count; /* the receiver stores, anybody reads (relaxed) */
};

/* Keys 0 .. key_count-1: one a venue and symbol. 0, or ERROR_SYSTEM: no memory. */
int handover_create(struct handover *handover, uint32_t key_count);
void handover_destroy(struct handover *handover);

/* Receiver. */
void handover_push(struct handover *handover, uint32_t key, const struct handover_quote *quote);
bool handover_flush(struct handover *handover); /* true: nothing is kept any more */
/* Deciding thread. */
bool handover_pop(struct handover *handover, struct handover_quote *out);
bool handover_is_empty(const struct handover *handover);
