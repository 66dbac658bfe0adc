/* A connection gives its place to its successor: subscribed and delivering before the old one goes, so that nothing is
 * missed between the two. What comes on both is told apart by the venue's own numbers: quotes by their sequence, fills
 * by their trade. */
#include <stdio.h>

#include "../base/log.h"
#include "gateway.h"

int gateway_successor(const struct hot *hot, uint32_t venue, uint32_t role, uint32_t slot) {
    for (uint32_t n = 0; n < hot->connection_max; n++) {
        const struct hot_connection *connection = &hot->connection[n];
        if (connection->used && connection->duty == HOT_SUCCESSOR && connection->venue == venue &&
            connection->role == role && connection->slot == slot)
            return (int)n;
    }
    return -1;
}

void gateway_dismiss(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    if (connection->websocket) gateway_say_close(hot, number, 1000);
    gateway_remove(hot, number);
    gateway_return_fragments(hot, connection);
    connection->used = false;
}

/* Enough to hold the place. A feed must have shown data, unless its holder is as silent as it is. */
static bool is_ready(const struct hot *hot, const struct hot_connection *connection,
                     const struct hot_connection *holder) {
    if (!connection->subscribed) return false;
    if (connection->role != ENGINE_FEED || connection->data_ns != 0) return true;
    return hot->now - connection->subscribed_ns > HOT_SUBSCRIBE_NS && holder->data_ns < connection->subscribed_ns;
}

void gateway_replace(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    if (connection->duty != HOT_SUCCESSOR) return;
    struct gateway *gateway = &hot->gateway[connection->venue];
    int *place = gateway_place(gateway, connection->role, connection->slot);
    uint32_t old = (uint32_t)*place; /* a place without a holder has no successor */
    struct hot_connection *holder = &hot->connection[old];
    if (!is_ready(hot, connection, holder)) return;
    *place = (int)number;
    connection->duty = HOT_HOLDER;
    holder->duty = HOT_RETIRING;
    holder->retired_ns = hot->now;
    log_write(LOG_INFO, "venue %s: %s connection %u replaced by a new one", gateway->settings->name,
              gateway_role_name(connection->role), connection->slot + 1);
    gateway_tell_courier(hot, TO_COURIER_REPLACED, connection->venue, connection->role, connection->slot);
    /* An idle HTTP connection and a feed have nothing left to say. */
    if (holder->role == ENGINE_FEED || (!holder->websocket && holder->busy_order_id == 0))
        gateway_dismiss(hot, old);
    gateway_capacity(hot, connection->venue);
    gateway_state(hot, connection->venue);
}

void gateway_subscribed(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    if (!connection->subscribed) connection->subscribed_ns = hot->now;
    connection->subscribed = true;
    gateway_replace(hot, number);
}
