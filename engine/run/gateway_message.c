/* What a venue's message means: quotes to the core, control messages to the connection, the rest to order_events.c. */
#include <string.h>

#include "../base/log.h"
#include "gateway.h"
#include "quote_units.h"
#include "session.h"

void gateway_quote(struct hot *hot, uint32_t number, const struct journal_quote *quote) {
    struct gateway *gateway = &hot->gateway[quote->venue];
    gateway->view.quotes++;
    gateway->view.data_mono_ns = quote->recv_ns;
    if (gateway->refused_count > 0) gateway_not_refused(hot, quote->venue, quote->symbol);
    if (gateway_is_news(hot, number, quote->symbol, quote->venue_seq, quote->recv_ns))
        apply_quote(hot, quote, quote->recv_ns);
    if (gateway->view.state != ABI_VENUE_UP) gateway_state(hot, quote->venue);
}

static void quote_message(struct hot *hot, uint32_t number, const struct venue_quote *message, int64_t recv_ns) {
    uint32_t venue = hot->connection[number].venue;
    struct gateway *gateway = &hot->gateway[venue];
    int index = symbol_names_find(&gateway->symbols, message->symbol.data, message->symbol.size);
    if (index < 0) {
        hot->counters.value[ABI_COUNTER_IGNORED]++;
        return;
    }
    struct journal_quote quote = {
        .recv_ns = recv_ns, .venue_seq = message->seq, .symbol = (uint32_t)index, .venue = venue};
    if (quote_units(message, &hot->engine->setup.symbol[index], &quote) != 0) {
        gateway->view.rejected++;
        hot->counters.value[ABI_COUNTER_REJECTED]++;
        return; /* finer than the symbol's digits, or out of range: refused, never rounded */
    }
    gateway_quote(hot, number, &quote);
}

static void refused_by_venue(struct hot *hot, const struct hot_connection *connection,
                             const struct venue_message *message) {
    apply_alarm(hot, ABI_ALARM_ATTENTION, "SUBSCRIPTION", "venue %s refuses the private stream: %.*s",
                hot->gateway[connection->venue].settings->name,
                (int)(message->text.size < 80 ? message->text.size : 80),
                message->text.data == NULL ? "" : message->text.data);
}

static void subscription_message(struct hot *hot, uint32_t number, const struct venue_message *message) {
    const struct hot_connection *connection = &hot->connection[number];
    if (connection->role == ENGINE_FEED) {
        if (gateway_refused(hot, number, message)) gateway_subscribed(hot, number);
    } else if (message->ok == 1) {
        gateway_subscribed(hot, number);
    } else {
        refused_by_venue(hot, connection, message);
    }
}

/* Said on every connection of the venue that is about to end, or on one alone: each asks for its own successor. */
static void shutdown_message(struct hot *hot, uint32_t number) {
    struct hot_connection *connection = &hot->connection[number];
    if (connection->duty != HOT_HOLDER) return;
    log_write(LOG_INFO, "venue %s announces that it will close %s connection %u",
              hot->gateway[connection->venue].settings->name, gateway_role_name(connection->role),
              connection->slot + 1);
    gateway_tell_courier(hot, TO_COURIER_REPLACE, connection->venue, connection->role, connection->slot);
}

static void control_message(struct hot *hot, uint32_t number, const struct venue_message *message) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    switch (message->type) {
    case VENUE_TYPE_SUB_ACK:
        subscription_message(hot, number, message);
        break;
    case VENUE_TYPE_USER_SUB:
        if (message->ok == 1) gateway_subscribed(hot, number);
        break;
    case VENUE_TYPE_USER_TERMINATED:
        if (connection->duty == HOT_RETIRING) break;
        order_lost_connection(hot, connection->venue, "private stream ended by the venue");
        gateway_subscribe_user(hot, number);
        break;
    case VENUE_TYPE_SHUTDOWN:
        shutdown_message(hot, number);
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

/* A quote that the full decoder read, as the short way would have given it. */
static struct venue_quote quote_of(const struct venue_message *message) {
    return (struct venue_quote){.symbol = message->symbol,
                                .flags = message->flags,
                                .seq = message->seq,
                                .event_ns = message->event_ns,
                                .bid_price = message->bid_price,
                                .bid_qty = message->bid_qty,
                                .ask_price = message->ask_price,
                                .ask_qty = message->ask_qty};
}

void gateway_message(struct hot *hot, uint32_t number, const uint8_t *data, size_t size, bool binary,
                     int http_status, int64_t recv_ns) {
    struct hot_connection *connection = &hot->connection[number];
    struct gateway *gateway = &hot->gateway[connection->venue];
    static const enum venue_source source[ENGINE_ROLES] = {VENUE_SOURCE_FEED, VENUE_SOURCE_ORDERS,
                                                           VENUE_SOURCE_USER};
    struct venue_message *message = &hot->message;
    struct venue_quote quote;
    gateway->view.messages++;
    hot->counters.value[ABI_COUNTER_MESSAGES]++;
    bool is_quote = connection->role == ENGINE_FEED && gateway->ops->decode_quote(data, size, binary, &quote);
    if (!is_quote) {
        gateway->ops->decode(source[connection->role], VENUE_QUERY_NONE, data, size, binary, http_status, message);
        is_quote = message->verdict == VENUE_ACCEPT && message->type == VENUE_TYPE_BBO;
        if (is_quote) quote = quote_of(message);
    }
    if (is_quote) {
        quote_message(hot, number, &quote, recv_ns);
    } else if (session_message(hot, number, message)) {
        return;
    } else if (message->verdict == VENUE_REJECT) {
        gateway->view.rejected++;
        hot->counters.value[ABI_COUNTER_REJECTED]++;
        log_write(LOG_WARNING, "venue %s: message refused: %s", gateway->settings->name,
                  message->why == NULL ? "" : message->why);
        if (connection->role != ENGINE_FEED) order_message(hot, number, message);
    } else if (message->verdict == VENUE_CONTROL) {
        control_message(hot, number, message);
    } else {
        order_message(hot, number, message);
    }
}
