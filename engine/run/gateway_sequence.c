/* Which quote is news. The venue's own numbers decide, over all connections that carry a symbol and over their losses;
 * what a connection carried is forgotten with it. */
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "feed_plan.h"
#include "gateway.h"

void gateway_forget(struct hot *hot, uint32_t venue, uint32_t slot) {
    uint32_t symbols[VENUE_FEED_SYMBOLS_MAX];
    uint32_t count = feed_plan_symbols(&hot->engine->settings, venue, hot->gateway[venue].ops, slot, NULL, symbols);
    struct journal_quote nothing;
    memset(&nothing, 0, sizeof nothing); /* no number either: whatever comes next is newer */
    nothing.recv_ns = clock_mono_ns();
    nothing.venue = venue;
    for (uint32_t i = 0; i < count; i++) {
        nothing.symbol = symbols[i];
        apply_quote(hot, &nothing, 0);
    }
}

static void renumber(struct hot *hot, uint32_t venue, uint32_t slot) {
    uint32_t symbols[VENUE_FEED_SYMBOLS_MAX];
    uint32_t count = feed_plan_symbols(&hot->engine->settings, venue, hot->gateway[venue].ops, slot, NULL, symbols);
    for (uint32_t i = 0; i < count; i++)
        hot->sequence[symbols[i]][venue] = 0;
    gateway_forget(hot, venue, slot);
    hot->gateway[venue].view.gaps++;
    log_write(LOG_WARNING, "venue %s numbers the quotes of market data connection %u anew",
              hot->gateway[venue].settings->name, slot + 1);
}

/* A venue's other node may lag behind what was known before a loss, and is waited for. One that stays behind counts
 * anew. While a successor carries the same symbols it is simply the slower of the two. */
static bool counts_anew(const struct hot *hot, struct hot_connection *connection, int64_t recv_ns) {
    if (connection->duty != HOT_HOLDER) return false;
    if (connection->behind_ns == 0) connection->behind_ns = recv_ns;
    if (recv_ns - connection->behind_ns < HOT_RENUMBER_NS) return false;
    connection->behind_ns = 0;
    return gateway_successor(hot, connection->venue, connection->role, connection->slot) < 0;
}

bool gateway_is_news(struct hot *hot, uint32_t number, uint32_t symbol, uint64_t sequence, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    uint64_t *known = &hot->sequence[symbol][connection->venue];
    connection->data_ns = recv_ns;
    if (connection->duty == HOT_SUCCESSOR) gateway_replace(hot, number);
    /* Without numbers the newer of two connections cannot be told: the holder's word counts. */
    if (sequence == 0) return connection->duty == HOT_HOLDER;
    if (sequence < *known) {
        if (!counts_anew(hot, connection, recv_ns)) {
            hot->counters.value[ABI_COUNTER_QUOTES_STALE]++;
            return false;
        }
        renumber(hot, connection->venue, connection->slot);
    }
    connection->behind_ns = 0;
    *known = sequence;
    return true;
}
