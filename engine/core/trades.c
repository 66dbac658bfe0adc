/* The last 16,384 trades that were booked, by (venue, symbol, trade id): a fill that comes twice, over two streams or
 * after a reconnect, is booked once. A hash of chains over a ring; the oldest leaves. */
#include "state.h"

static uint32_t trade_hash(uint32_t venue, uint32_t symbol, const char id[40]) {
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)venue << 8 ^ symbol;
    for (uint32_t i = 0; i < 40 && id[i] != 0; i++)
        hash = (hash ^ (uint8_t)id[i]) * 0x100000001b3u;
    return (uint32_t)((hash ^ hash >> 32) % TRADE_SLOTS);
}

static bool trade_same(const struct trade *trade, uint32_t venue, uint32_t symbol, const char *id) {
    return trade->venue == venue && trade->symbol == symbol && strncmp(trade->id, id, sizeof trade->id) == 0;
}

bool trade_seen(const struct core *core, uint32_t venue, uint32_t symbol, const char *id) {
    uint32_t place = core->trade_bucket[trade_hash(venue, symbol, id)];
    while (place != 0) {
        const struct trade *trade = &core->trade[place - 1];
        if (trade_same(trade, venue, symbol, id)) return true;
        place = trade->next;
    }
    return false;
}

static void trade_unlink(struct core *core, uint32_t slot) {
    const struct trade *trade = &core->trade[slot];
    uint32_t *link = &core->trade_bucket[trade_hash(trade->venue, trade->symbol, trade->id)];
    while (*link != slot + 1) {
        assert(*link != 0);
        link = &core->trade[*link - 1].next;
    }
    *link = trade->next;
}

void trade_note(struct core *core, uint32_t venue, uint32_t symbol, const char *id) {
    uint32_t slot = (uint32_t)(core->trade_count % TRADE_SLOTS);
    if (core->trade_count >= TRADE_SLOTS) trade_unlink(core, slot);
    core->trade_count++;
    struct trade *trade = &core->trade[slot];
    memset(trade, 0, sizeof *trade);
    trade->venue = venue;
    trade->symbol = symbol;
    memcpy(trade->id, id, strnlen(id, sizeof trade->id - 1));
    uint32_t *bucket = &core->trade_bucket[trade_hash(venue, symbol, trade->id)];
    trade->next = *bucket;
    *bucket = slot + 1;
}
