/* What a venue's message means: quotes to the core, control messages to the connection, the rest to order_events.c. */
#include <string.h>

#include "../base/log.h"
#include "gateway.h"
#include "session.h"

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
        gateway_subscribe_user(hot, gateway, (uint32_t)(connection - hot->connection));
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

void gateway_message(struct hot *hot, uint32_t number, const uint8_t *data, size_t size, bool binary,
                     int http_status, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    static const enum venue_source source[ENGINE_ROLES] = {VENUE_SOURCE_FEED, VENUE_SOURCE_ORDERS,
                                                           VENUE_SOURCE_USER};
    struct venue_message *message = &hot->message;
    gateway->ops->decode(source[connection->role], VENUE_QUERY_NONE, data, size, binary, http_status, message);
    gateway->view.messages++;
    hot->counters.value[ABI_COUNTER_MESSAGES]++;
    if (message->verdict == VENUE_ACCEPT && message->type == VENUE_TYPE_BBO) {
        quote_message(hot, connection->venue, message, recv_ns);
    } else if (session_message(hot, number, message)) {
        return;
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
