/* The connections of a venue as the hot thread sees them: bytes -> messages -> quotes, control, order events.
 * Whether a venue may trade is decided here from facts only: feed, order path and private stream all up, frames
 * arriving, not switched off by a person. */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/histogram.h"
#include "../base/log.h"
#include "../base/text.h"
#include "../net/url.h"
#include "hot.h"

void gateway_init(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    const struct settings_venue *settings = &hot->engine->settings.venue[venue];
    gateway->ops = hot->engine->ops[venue];
    gateway->settings = settings;
    text_copy(gateway->keys.key, sizeof gateway->keys.key, settings->key);
    text_copy(gateway->keys.secret, sizeof gateway->keys.secret, settings->secret);
    struct url url;
    if (url_parse(settings->orders_url, &url) == 0) text_copy(gateway->host, sizeof gateway->host, url.authority);
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

static bool orders_up(const struct gateway *gateway) {
    for (uint32_t i = 0; i < gateway->orders_count; i++)
        if (gateway->orders[i] >= 0) return true;
    return false;
}

static bool user_up(const struct gateway *gateway) {
    return gateway->user_ready && (gateway->ops->user_on_orders ? gateway->orders[0] >= 0 : gateway->user >= 0);
}

/* ---- what the core is told ---- */

void gateway_capacity(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    uint32_t capacity = 0;
    if (user_up(gateway) && hot->now >= gateway->hold_until_ns) {
        if (gateway->ops->orders_by_websocket) {
            if (gateway->orders[0] >= 0 && !uring_has_unsent(hot->ring, (uint32_t)gateway->orders[0]))
                capacity = ENGINE_WEBSOCKET_ORDERS;
        } else {
            for (uint32_t i = 0; i < gateway->orders_count; i++) {
                int number = gateway->orders[i];
                if (number >= 0 && hot->connection[number].busy_order_id == 0) capacity++;
            }
        }
    }
    if (capacity == gateway->capacity_told) return;
    /* A WebSocket takes many: tell the core again only when half is used, not after every answer. */
    if (capacity == ENGINE_WEBSOCKET_ORDERS && gateway->capacity_told > ENGINE_WEBSOCKET_ORDERS / 2) return;
    struct journal_state state;
    memset(&state, 0, sizeof state);
    state.what = JOURNAL_STATE_GATEWAY;
    state.index = venue;
    state.old_value = gateway->capacity_told;
    state.new_value = capacity;
    gateway->capacity_told = capacity;
    apply_state(hot, &state);
}

static uint32_t judge(const struct hot *hot, const struct gateway *gateway, const char **reason) {
    *reason = "";
    if (gateway->off) {
        *reason = gateway->off_reason;
        return ABI_VENUE_OFF;
    }
    *reason = gateway->connect_error[0] != '\0' ? gateway->connect_error : "market data connection down";
    if (gateway->feed < 0) return ABI_VENUE_DOWN;
    *reason = "market data not subscribed yet";
    if (!gateway->feed_ready) return ABI_VENUE_DOWN;
    *reason = "order connection down";
    if (!orders_up(gateway)) return ABI_VENUE_DOWN;
    *reason = "private stream down";
    if (!user_up(gateway)) return ABI_VENUE_DOWN;
    *reason = "no market data";
    int64_t limit = (int64_t)hot->engine->settings.venue_stale_ms * 1000000;
    if (hot->now - gateway->view.data_mono_ns > limit) return ABI_VENUE_STALE;
    *reason = "";
    return ABI_VENUE_UP;
}

static const char *venue_word(uint32_t state) {
    static const char *const word[] = {"?", "UP", "STALE", "DOWN", "OFF", "QUARANTINED"};
    return word[state < sizeof word / sizeof word[0] ? state : 0];
}

static void enter(struct hot *hot, uint32_t venue, uint32_t state, const char *reason) {
    struct gateway *gateway = &hot->gateway[venue];
    struct journal_state record;
    memset(&record, 0, sizeof record);
    record.what = JOURNAL_STATE_VENUE;
    record.index = venue;
    record.old_value = gateway->view.state;
    record.new_value = state;
    text_copy(record.actor, sizeof record.actor, "engine");
    text_copy(record.reason, sizeof record.reason, reason);
    gateway->view.state = state;
    gateway->view.state_since_wall_ns = hot->now + hot->engine->wall_offset_ns;
    text_copy(gateway->view.reason, sizeof gateway->view.reason, reason);
    atomic_store(&hot->engine->venue_state[venue], state);
    apply_state(hot, &record);
    log_write(state == ABI_VENUE_UP ? LOG_INFO : LOG_WARNING, "venue %s is %s%s%s", gateway->settings->name,
              venue_word(state), reason[0] != '\0' ? ": " : "", reason);
}

void gateway_state(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    const char *reason;
    uint32_t state = judge(hot, gateway, &reason);
    gateway->view.feed_up = gateway->feed >= 0 && gateway->feed_ready;
    gateway->view.orders_up = orders_up(gateway);
    gateway->view.user_up = user_up(gateway);
    if (state != gateway->view.state)
        enter(hot, venue, state, reason);
    else if (state == ABI_VENUE_DOWN)
        text_copy(gateway->view.reason, sizeof gateway->view.reason, reason);
}

void gateway_off(struct hot *hot, uint32_t venue, bool off, const struct journal_state *by) {
    struct gateway *gateway = &hot->gateway[venue];
    gateway->off = off;
    if (off) snprintf(gateway->off_reason, sizeof gateway->off_reason, "switched off by %s", by->actor);
    gateway_state(hot, venue);
}

/* ---- connections ---- */

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

static void subscribe_user(struct hot *hot, struct gateway *gateway, uint32_t connection) {
    int64_t wall_ns = clock_wall_ns() + gateway->clock_offset_ns;
    int size = gateway->ops->user_subscribe(&gateway->keys, wall_ns, gateway->settings->recv_window_ms,
                                            ++gateway->request_id, hot->text, sizeof hot->text);
    if (size > 0) (void)send_text(hot, connection, hot->text, (size_t)size);
    gateway->user_ready = size == 0;
}

void gateway_add(struct hot *hot, const struct to_hot *message) {
    struct gateway *gateway = &hot->gateway[message->venue];
    int number =
        uring_add(hot->ring, message->fd, hot->engine->rest[message->venue][message->role], message->rest_size);
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
        subscribe_feed(hot, gateway, (uint32_t)number);
    } else if (message->role == ENGINE_USER) {
        gateway->user = number;
        subscribe_user(hot, gateway, (uint32_t)number);
    } else {
        gateway->orders[message->slot] = number;
        if (gateway->ops->user_on_orders) subscribe_user(hot, gateway, (uint32_t)number);
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
            enter(hot, connection->venue, ABI_VENUE_DOWN, "market data connection down");
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

/* ---- messages ---- */

static int find_symbol(const struct hot *hot, uint32_t venue, const struct venue_text *name) {
    const struct settings_engine *settings = &hot->engine->settings;
    for (uint32_t s = 0; s < settings->symbol_count; s++) {
        const struct settings_symbol_venue *at = &settings->symbol[s].venue[venue];
        if (at->traded && strncmp(at->name, name->data, name->size) == 0 && at->name[name->size] == '\0')
            return (int)s;
    }
    return -1;
}

static int side_units(struct decimal price, struct decimal qty, const struct journal_symbol *symbol,
                      int64_t *price_out, int64_t *qty_out) {
    if (price.mantissa == 0) {
        *price_out = *qty_out = 0;
        return 0;
    }
    int code = decimal_to_units_exact(price, symbol->price_digits, price_out);
    return code != 0 ? code : decimal_to_units_floor(qty, symbol->qty_digits, qty_out);
}

static void quote_message(struct hot *hot, uint32_t venue, const struct venue_message *message, int64_t recv_ns) {
    struct gateway *gateway = &hot->gateway[venue];
    int index = find_symbol(hot, venue, &message->symbol);
    if (index < 0) {
        hot->counters.value[ABI_COUNTER_IGNORED]++;
        return;
    }
    const struct journal_symbol *symbol = &hot->engine->setup.symbol[index];
    struct journal_quote quote = {
        .recv_ns = recv_ns, .venue_seq = message->seq, .symbol = (uint32_t)index, .venue = venue};
    if (side_units(message->bid_price, message->bid_qty, symbol, &quote.bid_price, &quote.bid_qty) != 0 ||
        side_units(message->ask_price, message->ask_qty, symbol, &quote.ask_price, &quote.ask_qty) != 0) {
        gateway->view.rejected++;
        hot->counters.value[ABI_COUNTER_REJECTED]++;
        return; /* finer than the symbol's digits, or out of range: refused, never rounded */
    }
    gateway->view.quotes++;
    gateway->view.data_mono_ns = recv_ns;
    gateway->feed_ready = true;
    apply_quote(hot, &quote, recv_ns);
    if (gateway->view.state != ABI_VENUE_UP) gateway_state(hot, venue);
}

static void control_message(struct hot *hot, struct hot_connection *connection,
                            const struct venue_message *message) {
    struct gateway *gateway = &hot->gateway[connection->venue];
    switch (message->type) {
    case VENUE_TYPE_SUB_ACK:
        if (message->ok == 1) {
            if (connection->role == ENGINE_FEED)
                gateway->feed_ready = true;
            else
                gateway->user_ready = true;
        } else {
            apply_alarm(hot, ABI_ALARM_ATTENTION, "SUBSCRIPTION", "venue %s refused %s subscription: %.*s",
                        gateway->settings->name, message->ok == 2 ? "part of the" : "the",
                        (int)(message->text.size < 80 ? message->text.size : 80),
                        message->text.data == NULL ? "" : message->text.data);
        }
        break;
    case VENUE_TYPE_USER_SUB:
        gateway->user_ready = message->ok == 1;
        break;
    case VENUE_TYPE_USER_TERMINATED:
        gateway->user_ready = false;
        order_lost_connection(hot, connection->venue, "private stream ended by the venue");
        subscribe_user(hot, gateway, (uint32_t)(connection - hot->connection));
        break;
    case VENUE_TYPE_SHUTDOWN:
        log_write(LOG_INFO, "venue %s announces that it will close the connection", gateway->settings->name);
        break;
    case VENUE_TYPE_CONTROL_ERROR:
        apply_alarm(hot, ABI_ALARM_ATTENTION, "VENUE_SAYS", "venue %s: %.*s (code %d)", gateway->settings->name,
                    (int)(message->text.size < 80 ? message->text.size : 80),
                    message->text.data == NULL ? "" : message->text.data, message->code);
        break;
    default:
        hot->counters.value[ABI_COUNTER_IGNORED]++;
        break;
    }
    gateway_capacity(hot, connection->venue);
    gateway_state(hot, connection->venue);
}

static void message_in(struct hot *hot, uint32_t number, const uint8_t *data, size_t size, bool binary,
                       int http_status, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    static const enum venue_source source[ENGINE_ROLES] = {VENUE_SOURCE_FEED, VENUE_SOURCE_ORDERS,
                                                           VENUE_SOURCE_USER};
    int64_t before = clock_mono_ns();
    struct venue_message *message = &hot->message;
    gateway->ops->decode(source[connection->role], VENUE_QUERY_NONE, data, size, binary, http_status, message);
    gateway->view.messages++;
    hot->counters.value[ABI_COUNTER_MESSAGES]++;
    if (message->verdict == VENUE_ACCEPT && message->type == VENUE_TYPE_BBO) {
        histogram_record(hot->engine->segment->stage[ABI_STAGE_DECODE].bucket, clock_mono_ns() - before);
        quote_message(hot, connection->venue, message, recv_ns);
    } else if (message->verdict == VENUE_REJECT) {
        gateway->view.rejected++;
        hot->counters.value[ABI_COUNTER_REJECTED]++;
        log_write(LOG_WARNING, "venue %s: message refused: %s", gateway->settings->name,
                  message->why == NULL ? "" : message->why);
        if (connection->role != ENGINE_FEED) order_message(hot, number, message);
    } else if (message->verdict == VENUE_CONTROL) {
        control_message(hot, connection, message);
    } else {
        order_message(hot, number, message);
    }
}

static void close_for_protocol(struct hot *hot, uint32_t number, uint16_t code, const char *why) {
    uint8_t frame[64];
    int64_t size = ws_encode_close(code, 0x5a5a5a5au, frame, sizeof frame);
    bool on_wire;
    if (size > 0) (void)uring_send(hot->ring, number, frame, (size_t)size, &on_wire);
    uring_remove(hot->ring, number);
    gateway_lost(hot, number, why);
}

static void consume(struct hot *hot, uint32_t number, int64_t used) {
    uring_consume(hot->ring, number, (size_t)used);
    hot->counters.value[ABI_COUNTER_BYTES_IN] += (uint64_t)used;
    hot->gateway[hot->connection[number].venue].view.bytes_in += (uint64_t)used;
}

/* One frame; false: the connection is gone or more bytes are needed. */
static bool websocket_step(struct hot *hot, uint32_t number, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    size_t size, need = 0;
    uint8_t *data = uring_data(hot->ring, number, &size);
    if (size == 0) return false;
    struct ws_event event;
    int64_t used = ws_parse(&connection->ws, data, size, &event, &need);
    if (used == ERROR_NEED_MORE) return false;
    if (used < 0) {
        close_for_protocol(hot, number, connection->ws.close_code, connection->ws.error);
        return false;
    }
    connection->frame_ns = recv_ns;
    hot->gateway[connection->venue].view.frame_mono_ns = recv_ns;
    if (event.kind == WS_EVENT_MESSAGE)
        message_in(hot, number, event.payload, event.size, event.binary, 0, recv_ns);
    if (event.kind == WS_EVENT_PING) (void)send_control(hot, number, WS_PONG, event.payload, event.size);
    if (event.kind == WS_EVENT_CLOSE) {
        char why[64];
        snprintf(why, sizeof why, "closed by the venue, code %u", event.close_code);
        close_for_protocol(hot, number, 1000, why);
        return false;
    }
    if (!connection->used) return false;
    consume(hot, number, used);
    return true;
}

static bool http_step(struct hot *hot, uint32_t number, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    size_t size;
    uint8_t *data = uring_data(hot->ring, number, &size);
    if (size == 0) return false;
    struct http_answer answer;
    int64_t used = http_parse_answer(data, size, &answer);
    if (used == ERROR_NEED_MORE) return false;
    if (used < 0 || connection->busy_order_id == 0) {
        uring_remove(hot->ring, number);
        gateway_lost(hot, number, used < 0 ? "answer is no HTTP" : "an answer nobody asked for");
        return false;
    }
    connection->frame_ns = recv_ns;
    struct gateway *gateway = &hot->gateway[connection->venue];
    gateway->view.frame_mono_ns = recv_ns;
    message_in(hot, number, answer.body, answer.body_size, false, answer.status, recv_ns);
    if (!connection->used) return false;
    connection->busy_order_id = 0;
    consume(hot, number, used);
    if (!answer.keep_alive) {
        uring_remove(hot->ring, number);
        gateway_lost(hot, number, "venue does not keep the connection");
        return false;
    }
    gateway_capacity(hot, connection->venue);
    return true;
}

void gateway_receive(struct hot *hot, uint32_t number, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    while (connection->used)
        if (!(connection->websocket ? websocket_step(hot, number, recv_ns) : http_step(hot, number, recv_ns)))
            return;
}

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
    for (uint32_t v = 0; v < hot->engine->setup.venue_count; v++) {
        gateway_capacity(hot, v);
        gateway_state(hot, v);
    }
    for (uint32_t n = 0; n < URING_CONNECTION_MAX; n++) {
        struct hot_connection *connection = &hot->connection[n];
        if (!connection->used) continue;
        const char *why = useless(hot, connection);
        if (why != NULL) {
            uring_remove(hot->ring, n);
            gateway_lost(hot, n, why);
        } else if (connection->websocket && hot->now - connection->ping_ns >= HOT_PING_NS) {
            ping(hot, n);
        }
    }
}
