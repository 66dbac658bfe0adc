/* What time does to connections: keepalives, silence, answers that do not come. */
#include "gateway.h"
#include "receivers.h"

/* NULL, or why a connection that is open is of no more use; the courier then opens another one, and what waited for an
 * answer on it is asked for. */
static const char *useless(const struct hot *hot, const struct hot_connection *connection) {
    const struct gateway *gateway = &hot->gateway[connection->venue];
    if (connection->busy_order_id != 0 && hot->now - connection->busy_since_ns > hot->answer_timeout_ns)
        return "no answer in time";
    if (!connection->websocket) return NULL;
    if (hot->now - connection->frame_ns > HOT_SILENCE_NS) return "silent for 40 s";
    bool orders = connection->role == ENGINE_ORDERS;
    bool ready = connection->role == ENGINE_FEED           ? gateway->feed_ready
                 : orders && !gateway->ops->user_on_orders ? true
                                                           : gateway->user_ready;
    /* A venue that is OFF may have banned us: it is not asked again and again. */
    if (!ready && !gateway->off && hot->now - connection->added_ns > HOT_SUBSCRIBE_NS)
        return "subscription not confirmed in 10 s";
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

void gateway_house(struct hot *hot) {
    receivers_look(hot);
    for (uint32_t v = 0; v < hot->engine->setup.venue_count; v++) {
        gateway_capacity(hot, v);
        gateway_state(hot, v);
    }
    for (uint32_t n = 0; n < URING_CONNECTION_MAX; n++) {
        struct hot_connection *connection = &hot->connection[n];
        if (!connection->used) continue;
        const char *why = useless(hot, connection);
        if (why != NULL) {
            receivers_has(hot, n) ? receivers_remove(hot, n) : wire_remove(hot->wires, n);
            gateway_lost(hot, n, why);
        } else if (connection->websocket && hot->now - connection->ping_ns >= HOT_PING_NS) {
            ping(hot, n);
        }
    }
}
