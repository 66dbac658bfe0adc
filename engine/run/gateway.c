/* The connections of a venue as the hot thread sees them: taken over, subscribed, lost. */
#include "gateway.h"
#include "receivers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "../net/url.h"
#include "feed_plan.h"
#include "session.h"

const char *gateway_role_name(uint32_t role) {
    static const char *const name[ENGINE_ROLES] = {"market data", "order", "private stream"};
    return name[role];
}

uint32_t gateway_init(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    const struct settings_venue *settings = &hot->engine->settings.venue[venue];
    gateway->ops = hot->engine->ops[venue];
    gateway->settings = settings;
    gateway->keys = &hot->engine->keys[venue];
    gateway->form = hot->engine->form[venue];
    for (uint32_t s = 0; s < hot->engine->settings.symbol_count; s++) {
        const struct settings_symbol_venue *at = &hot->engine->settings.symbol[s].venue[venue];
        if (at->traded) (void)symbol_names_add(&gateway->symbols, at->name, s); /* of two with one name the first */
    }
    struct url url;
    if (url_parse(settings->orders_url, &url) == 0) text_copy(gateway->host, sizeof gateway->host, url.authority);
    for (uint32_t i = 0; i < ENGINE_FEED_MAX; i++)
        gateway->feed[i] = -1;
    for (uint32_t i = 0; i < ENGINE_HTTP_MAX; i++)
        gateway->orders[i] = -1;
    gateway->user = -1;
    gateway->feed_count = feed_plan_count(&hot->engine->settings, venue, gateway->ops);
    for (uint32_t slot = 0; slot < gateway->feed_count; slot++) {
        uint32_t symbols[VENUE_FEED_SYMBOLS_MAX];
        gateway->feed_symbols[slot] =
            feed_plan_symbols(&hot->engine->settings, venue, gateway->ops, slot, NULL, symbols);
        for (uint32_t i = 0; i < gateway->feed_symbols[slot]; i++)
            gateway->feed_slot[symbols[i]] = (uint8_t)slot;
    }
    gateway->orders_count = gateway->ops->orders_by_websocket ? 1 : settings->order_connections;
    if (gateway->orders_count > ENGINE_HTTP_MAX) gateway->orders_count = ENGINE_HTTP_MAX;
    gateway->view.feed_connections = gateway->feed_count;
    gateway->view.state = ABI_VENUE_DOWN;
    gateway->view.state_since_wall_ns = hot->engine->started_ns + hot->engine->wall_offset_ns;
    gateway->view.rate_limit = settings->rate_limit_weight;
    snprintf(gateway->view.reason, sizeof gateway->view.reason, "connecting");
    return gateway->feed_count + 2 * (gateway->orders_count + !gateway->ops->user_on_orders);
}

int *gateway_place(struct gateway *gateway, uint32_t role, uint32_t slot) {
    return role == ENGINE_FEED   ? &gateway->feed[slot]
           : role == ENGINE_USER ? &gateway->user
                                 : &gateway->orders[slot];
}

/* ---- subscriptions ---- */

static void subscribe_feed(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    struct venue_text names[VENUE_FEED_SYMBOLS_MAX];
    uint32_t count =
        feed_plan_symbols(&hot->engine->settings, connection->venue, gateway->ops, connection->slot, names, NULL);
    int size = gateway->ops->feed_subscribe(names, count, ++gateway->request_id, hot->text, sizeof hot->text);
    if (size > 0) (void)send_text(hot, number, hot->text, (size_t)size);
    if (size == 0) gateway_subscribed(hot, number); /* by its path */
}

void gateway_subscribe_user(struct hot *hot, uint32_t number) {
    struct gateway *gateway = &hot->gateway[hot->connection[number].venue];
    int64_t wall_ns = clock_wall_ns() + gateway->clock_offset_ns;
    hot->connection[number].subscribed = false;
    hot->connection[number].added_ns = hot->now; /* the venue has its time for this answer too */
    int size = gateway->ops->user_subscribe(gateway->keys, wall_ns, gateway->settings->recv_window_ms,
                                            ++gateway->request_id, hot->text, sizeof hot->text);
    if (size > 0) (void)send_text(hot, number, hot->text, (size_t)size);
    if (size == 0) gateway_subscribed(hot, number);
}

static void subscribe(struct hot *hot, uint32_t number, const char *logon) {
    const struct hot_connection *connection = &hot->connection[number];
    if (connection->role == ENGINE_FEED)
        subscribe_feed(hot, number);
    else if (connection->role == ENGINE_USER)
        gateway_subscribe_user(hot, number);
    else if (hot->gateway[connection->venue].ops->user_on_orders)
        session_begin(hot, number, logon);
    else
        gateway_subscribed(hot, number);
}

/* ---- come ---- */

static void start(struct hot_connection *connection, const struct to_hot *message, const struct venue_ops *ops) {
    memset(connection, 0, sizeof *connection);
    connection->used = true;
    connection->venue = message->venue;
    connection->role = message->role;
    connection->slot = message->slot;
    connection->websocket = message->role != ENGINE_ORDERS || ops->orders_by_websocket;
    connection->added_ns = connection->frame_ns = connection->ping_ns = clock_mono_ns();
    ws_parser_init(&connection->ws, NULL);
}

/* The connection's number, or a negative code: the descriptor stays ours then, its TLS does not. */
static int take_over(struct hot *hot, const struct to_hot *message) {
    if (message->role != ENGINE_FEED || hot->receivers == NULL)
        return wire_add(hot->wires, message->fd, message->tls, message->rest, message->rest_size,
                        message->rest_plain_size);
    int number = receivers_add(hot, message);
    struct to_courier dead = {.kind = TO_COURIER_TLS, .tls = message->tls};
    if (number < 0 && message->tls != NULL && spsc_push(hot->engine->to_courier, &dead) != 0)
        hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
    return number;
}

static void no_room(struct hot *hot, const struct to_hot *message) {
    struct gateway *gateway = &hot->gateway[message->venue];
    close(message->fd);
    apply_alarm(hot, ABI_ALARM_CRITICAL, "NO_CONNECTION", "venue %s: no room for a connection",
                gateway->settings->name);
    gateway_tell_courier(hot, TO_COURIER_MISSED, message->venue, message->role, message->slot);
    if (*gateway_place(gateway, message->role, message->slot) < 0)
        gateway_tell_courier(hot, TO_COURIER_LOST, message->venue, message->role, message->slot);
}

void gateway_add(struct hot *hot, const struct to_hot *message) {
    struct gateway *gateway = &hot->gateway[message->venue];
    int number = take_over(hot, message);
    if (number < 0) {
        no_room(hot, message);
        return;
    }
    struct hot_connection *connection = &hot->connection[number];
    start(connection, message, gateway->ops);
    gateway->connect_error[0] = '\0';
    int *place = gateway_place(gateway, message->role, message->slot);
    if (message->role == ENGINE_FEED) gateway->view.tls = message->tls != NULL;
    if (*place < 0) {
        *place = number;
        /* Age counts from the connection until data comes. */
        if (message->role == ENGINE_FEED) gateway->view.data_mono_ns = connection->frame_ns;
    } else {
        connection->duty = HOT_SUCCESSOR;
    }
    subscribe(hot, (uint32_t)number, message->logon);
    gateway_capacity(hot, message->venue);
    gateway_state(hot, message->venue);
}

/* ---- go ---- */

void gateway_tell_courier(struct hot *hot, enum to_courier_kind kind, uint32_t venue, uint32_t role,
                          uint32_t slot) {
    struct to_courier message = {.kind = kind, .venue = venue, .role = role, .slot = slot};
    if (spsc_push(hot->engine->to_courier, &message) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
}

void gateway_remove(struct hot *hot, uint32_t number) {
    if (receivers_has(hot, number))
        receivers_remove(hot, number);
    else
        wire_remove(hot->wires, number);
}

void gateway_return_fragments(struct hot *hot, struct hot_connection *connection) {
    if (connection->ws.fragments == NULL) return;
    hot->fragments[hot->fragments_free++] = connection->ws.fragments;
    connection->ws.fragments = NULL;
}

/* The holder is gone: its successor, if there is one, holds the place as far as it has come. */
static void leave_place(struct hot *hot, const struct hot_connection *connection) {
    int *place = gateway_place(&hot->gateway[connection->venue], connection->role, connection->slot);
    int successor = gateway_successor(hot, connection->venue, connection->role, connection->slot);
    *place = successor;
    if (successor >= 0) hot->connection[successor].duty = HOT_HOLDER;
    gateway_tell_courier(hot, successor >= 0 ? TO_COURIER_REPLACED : TO_COURIER_LOST, connection->venue,
                         connection->role, connection->slot);
    if (connection->role == ENGINE_FEED) gateway_forget(hot, connection->venue, connection->slot);
}

void gateway_lost(struct hot *hot, uint32_t number, const char *why) {
    struct hot_connection *connection = &hot->connection[number];
    if (!connection->used) return;
    uint32_t venue = connection->venue;
    connection->used = false;
    gateway_return_fragments(hot, connection);
    uint64_t busy = connection->busy_order_id;
    connection->busy_order_id = 0;
    bool orders = connection->role == ENGINE_ORDERS;
    /* An idle HTTP connection that the venue closes is every day's business. */
    bool idle_http = orders && !connection->websocket && (busy == 0 || busy == HOT_WARMING);
    log_write(idle_http || connection->duty == HOT_RETIRING ? LOG_DEBUG : LOG_WARNING,
              "venue %s: %s connection %u lost: %s", hot->gateway[venue].settings->name,
              gateway_role_name(connection->role), connection->slot + 1, why);
    if (busy != 0 && busy != HOT_WARMING) order_unknown(hot, busy, 0, "connection lost before the answer");
    if (connection->duty == HOT_SUCCESSOR)
        gateway_tell_courier(hot, TO_COURIER_MISSED, venue, connection->role, connection->slot);
    if (connection->duty == HOT_HOLDER) {
        hot->gateway[venue].view.reconnects++;
        hot->counters.value[ABI_COUNTER_RECONNECTS]++;
        leave_place(hot, connection);
    }
    /* Answers were to come on it, or what happens to orders: with it gone nothing tells us. Ask. A successor carries no
     * order, and a private stream that retires has a successor that tells. */
    bool carries =
        connection->role == ENGINE_USER ? connection->duty == HOT_HOLDER : orders && connection->websocket;
    if (carries && connection->duty != HOT_SUCCESSOR) order_lost_connection(hot, venue, "connection lost");
    gateway_capacity(hot, venue);
    gateway_state(hot, venue);
}
