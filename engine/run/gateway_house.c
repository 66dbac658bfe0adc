/* What time does to connections: keepalives, silence, answers that do not come, retirement. */
#include "gateway.h"
#include "receivers.h"

/* NULL, or why a connection that is open is of no more use; the courier then opens another one, and what waited for an
 * answer on it is asked for. */
static const char *useless(const struct hot *hot, const struct hot_connection *connection) {
    if (connection->busy_order_id != 0 && hot->now - connection->busy_since_ns > hot->answer_timeout_ns)
        return "no answer in time";
    if (!connection->websocket) return NULL;
    if (connection->ping_ns > connection->frame_ns && hot->now - connection->ping_ns > HOT_PONG_NS)
        return "no answer to a ping in 10 s";
    /* A venue that is OFF may have banned us: it is not asked again and again. */
    bool patient = hot->gateway[connection->venue].off || connection->duty == HOT_RETIRING;
    if (!connection->subscribed && !patient && hot->now - connection->added_ns > HOT_SUBSCRIBE_NS)
        return "subscription not confirmed in 10 s";
    if (connection->subscribed && connection->duty == HOT_SUCCESSOR &&
        hot->now - connection->subscribed_ns > 2 * HOT_SUBSCRIBE_NS)
        return "no data, while the connection it was to replace has some";
    return NULL;
}

/* In the venue's own words where it has some, else as WebSocket does it: whoever is alive answers. */
static void ping(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    connection->ping_ns = hot->now;
    int size = hot->gateway[connection->venue].ops->feed_ping(hot->text, sizeof hot->text);
    if (size > 0 && connection->role != ENGINE_ORDERS)
        (void)send_text(hot, number, hot->text, (size_t)size);
    else
        (void)send_control(hot, number, WS_PING, NULL, 0);
}

/* One connection of a venue at a time, so that the others stay free for orders. */
static bool may_warm(const struct hot *hot, const struct hot_connection *connection) {
    const struct gateway *gateway = &hot->gateway[connection->venue];
    if (connection->duty != HOT_HOLDER || connection->busy_order_id != 0) return false;
    if (hot->now - connection->frame_ns < HOT_WARM_NS || hot->now < gateway->hold_until_ns ||
        hot->now < gateway->alone_until_ns)
        return false;
    for (uint32_t i = 0; i < gateway->orders_count; i++)
        if (gateway->orders[i] >= 0 && hot->connection[gateway->orders[i]].busy_order_id == HOT_WARMING)
            return false;
    return true;
}

/* Venues close connections over which nothing is asked. The cheapest question, asked in time, keeps one open; and one
 * that is dead is found before an order needs it. */
static void warm(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    const struct venue_query_request request = {.query = VENUE_QUERY_TIME};
    int size = gateway->ops->query(gateway->keys, &request, gateway->host, hot->text, sizeof hot->text);
    if (size <= 0 || wire_send(hot->wires, number, (const uint8_t *)hot->text, (size_t)size) != 0) return;
    connection->busy_order_id = HOT_WARMING;
    connection->busy_since_ns = hot->now;
    hot->counters.value[ABI_COUNTER_BYTES_OUT] += (uint64_t)size;
    gateway_capacity(hot, connection->venue);
}

static void tend(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    const char *why = useless(hot, connection);
    if (why != NULL) {
        gateway_remove(hot, number);
        gateway_lost(hot, number, why);
    } else if (connection->duty == HOT_RETIRING && connection->busy_order_id == 0 &&
               hot->now - connection->retired_ns > HOT_RETIRE_NS) {
        gateway_dismiss(hot, number);
    } else if (connection->websocket) {
        if (hot->now - connection->ping_ns >= HOT_PING_NS) ping(hot, number);
        if (connection->duty == HOT_SUCCESSOR) gateway_replace(hot, number);
    } else if (may_warm(hot, connection)) {
        warm(hot, number);
    }
}

void gateway_house(struct hot *hot) {
    receivers_look(hot);
    for (uint32_t v = 0; v < hot->engine->setup.venue_count; v++) {
        gateway_capacity(hot, v);
        gateway_state(hot, v);
    }
    for (uint32_t n = 0; n < hot->connection_max; n++)
        if (hot->connection[n].used) tend(hot, n);
}
