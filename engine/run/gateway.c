/* The connections of a venue as the hot thread sees them: taken over, subscribed, lost. */
#include "gateway.h"
#include "receivers.h"

#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "session.h"

void gateway_init(struct hot *hot, uint32_t venue) {
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
    gateway->feed = gateway->user = -1;
    for (uint32_t i = 0; i < ENGINE_HTTP_MAX; i++)
        gateway->orders[i] = -1;
    gateway->orders_count = gateway->ops->orders_by_websocket ? 1 : settings->order_connections;
    if (gateway->orders_count > ENGINE_HTTP_MAX) gateway->orders_count = ENGINE_HTTP_MAX;
    gateway->view.state = ABI_VENUE_DOWN;
    gateway->view.state_since_wall_ns = hot->engine->started_ns + hot->engine->wall_offset_ns;
    gateway->view.rate_limit = settings->rate_limit_weight;
    snprintf(gateway->view.reason, sizeof gateway->view.reason, "connecting");
}

static void subscribe_feed(struct hot *hot, struct gateway *gateway, uint32_t connection) {
    struct venue_text names[ABI_SYMBOL_MAX];
    const struct settings_engine *settings = &hot->engine->settings;
    uint32_t venue = (uint32_t)(gateway - hot->gateway), count = 0;
    for (uint32_t s = 0; s < settings->symbol_count; s++) {
        const struct settings_symbol_venue *at = &settings->symbol[s].venue[venue];
        if (at->traded) names[count++] = (struct venue_text){at->name, (uint32_t)strlen(at->name)};
    }
    int size = gateway->ops->feed_subscribe(names, count, ++gateway->request_id, hot->text, sizeof hot->text);
    if (size > 0) (void)send_text(hot, connection, hot->text, (size_t)size);
    gateway->feed_ready = size == 0; /* subscribed by its path */
}

void gateway_subscribe_user(struct hot *hot, struct gateway *gateway, uint32_t connection) {
    int64_t wall_ns = clock_wall_ns() + gateway->clock_offset_ns;
    int size = gateway->ops->user_subscribe(gateway->keys, wall_ns, gateway->settings->recv_window_ms,
                                            ++gateway->request_id, hot->text, sizeof hot->text);
    if (size > 0) (void)send_text(hot, connection, hot->text, (size_t)size);
    gateway->user_ready = size == 0;
}

void gateway_add(struct hot *hot, const struct to_hot *message) {
    struct gateway *gateway = &hot->gateway[message->venue];
    int number =
        message->role == ENGINE_FEED && hot->receivers != NULL
            ? receivers_add(hot, message)
            : wire_add(hot->wires, message->fd, message->tls, hot->engine->rest[message->venue][message->role],
                       message->rest_size, message->rest_plain_size);
    if (number < 0) {
        apply_alarm(hot, ABI_ALARM_CRITICAL, "NO_CONNECTION", "venue %s: no room for a connection",
                    gateway->settings->name);
        return;
    }
    struct hot_connection *connection = &hot->connection[number];
    memset(connection, 0, sizeof *connection);
    gateway->connect_error[0] = '\0';
    connection->used = true;
    connection->venue = message->venue;
    connection->role = message->role;
    connection->slot = message->slot;
    connection->websocket = message->role != ENGINE_ORDERS || gateway->ops->orders_by_websocket;
    connection->added_ns = connection->frame_ns = connection->ping_ns = clock_mono_ns();
    ws_parser_init(&connection->ws, hot->fragments + (size_t)number * WS_MESSAGE_SIZE_MAX);
    if (message->role == ENGINE_FEED) {
        gateway->feed = number;
        gateway->view.data_mono_ns = connection->frame_ns; /* age counts from the connection until data comes */
        gateway->view.tls = message->tls != NULL;
        subscribe_feed(hot, gateway, (uint32_t)number);
    } else if (message->role == ENGINE_USER) {
        gateway->user = number;
        gateway_subscribe_user(hot, gateway, (uint32_t)number);
    } else {
        gateway->orders[message->slot] = number;
        if (gateway->ops->user_on_orders) session_begin(hot, (uint32_t)number, message->logon);
    }
    gateway_capacity(hot, message->venue);
    gateway_state(hot, message->venue);
}

void gateway_lost(struct hot *hot, uint32_t number, const char *why) {
    struct hot_connection *connection = &hot->connection[number];
    if (!connection->used) return;
    struct gateway *gateway = &hot->gateway[connection->venue];
    connection->used = false;
    uint64_t busy = connection->busy_order_id;
    connection->busy_order_id = 0;
    if (connection->role == ENGINE_FEED) {
        gateway->feed = -1;
        gateway->feed_ready = false;
        /* DOWN makes the core forget prices and numbering, also when it was DOWN or OFF for another reason: the next
         * connection may number anew. */
        if (gateway->off || gateway->view.state == ABI_VENUE_DOWN)
            gateway_enter(hot, connection->venue, ABI_VENUE_DOWN, "market data connection down");
    } else if (connection->role == ENGINE_USER) {
        gateway->user = -1;
        gateway->user_ready = false;
    } else {
        gateway->orders[connection->slot] = -1;
        if (gateway->ops->user_on_orders) gateway->user_ready = false;
    }
    gateway->view.reconnects++;
    hot->counters.value[ABI_COUNTER_RECONNECTS]++;
    static const char *const role_name[ENGINE_ROLES] = {"market data", "order", "private stream"};
    /* An idle HTTP connection that the venue closes is every day's business. */
    bool idle_http = connection->role == ENGINE_ORDERS && !connection->websocket && busy == 0;
    log_write(idle_http ? LOG_DEBUG : LOG_WARNING, "venue %s: %s connection lost: %s", gateway->settings->name,
              role_name[connection->role], why);
    if (busy != 0) order_unknown(hot, busy, 0, "connection lost before the answer");
    /* With the private stream gone nothing tells us the outcome of what is open: ask. */
    bool private = connection->role == ENGINE_USER || (connection->role == ENGINE_ORDERS && connection->websocket);
    if (private) order_lost_connection(hot, connection->venue, "connection lost");
    struct to_courier message = {
        .kind = TO_COURIER_LOST, .venue = connection->venue, .role = connection->role, .slot = connection->slot};
    if (spsc_push(hot->engine->to_courier, &message) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
    gateway_capacity(hot, connection->venue);
    gateway_state(hot, connection->venue);
}
