/* Whether a venue may trade and how many orders may leave, decided from facts only: feed, order path and private
 * stream all up, frames arriving, not switched off by a person. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "../base/text.h"
#include "gateway.h"

#define GATEWAY_ALONE_MOST_NS INT64_C(604800000000000) /* a week: longer than any venue bans */

static bool orders_up(const struct gateway *gateway) {
    for (uint32_t i = 0; i < gateway->orders_count; i++)
        if (gateway->orders[i] >= 0) return true;
    return false;
}

static bool user_up(const struct hot *hot, const struct gateway *gateway) {
    int number = gateway->ops->user_on_orders ? gateway->orders[0] : gateway->user;
    return number >= 0 && hot->connection[number].subscribed;
}

static bool feed_up(const struct hot *hot, const struct gateway *gateway, uint32_t slot) {
    return gateway->feed[slot] >= 0 && hot->connection[gateway->feed[slot]].subscribed;
}

void gateway_capacity(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    uint32_t capacity = 0;
    if (user_up(hot, gateway) && hot->now >= gateway->hold_until_ns && hot->now >= gateway->alone_until_ns) {
        if (gateway->ops->orders_by_websocket) {
            if (gateway->orders[0] >= 0 && send_is_free(hot, (uint32_t)gateway->orders[0]))
                capacity = ENGINE_WEBSOCKET_ORDERS;
        } else {
            for (uint32_t i = 0; i < gateway->orders_count; i++) {
                int number = gateway->orders[i];
                if (number >= 0 && send_is_free(hot, (uint32_t)number)) capacity++;
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
    state.old_value = gateway->ops->orders_by_websocket ? 0 : ENGINE_HEDGE_CONNECTIONS;
    state.new_value = capacity;
    gateway->capacity_told = capacity;
    apply_state(hot, &state);
}

/* The connections whose symbols the venue gives; *first is one that is not up, *silent one without fresh data. */
struct feeds {
    uint32_t needed, up;
    uint32_t first_down, first_silent;
    bool any_silent;
    int64_t data_ns; /* newest */
};

static void feeds_count(const struct hot *hot, const struct gateway *gateway, struct feeds *feeds) {
    int64_t limit_ns = (int64_t)hot->engine->settings.venue_stale_ms * 1000000;
    *feeds = (struct feeds){.data_ns = gateway->view.data_mono_ns};
    for (uint32_t slot = 0; slot < gateway->feed_count; slot++) {
        if (gateway_all_refused(gateway, slot)) continue;
        bool up = feed_up(hot, gateway, slot);
        if (!up && feeds->up == feeds->needed) feeds->first_down = slot;
        feeds->needed++;
        feeds->up += up;
        if (!up || feeds->any_silent) continue;
        const struct hot_connection *connection = &hot->connection[gateway->feed[slot]];
        int64_t since_ns = connection->data_ns != 0 ? connection->data_ns : connection->added_ns;
        feeds->any_silent = hot->now - since_ns > limit_ns;
        feeds->first_silent = slot;
    }
}

static uint32_t judge_feeds(const struct hot *hot, const struct gateway *gateway, char *text, size_t cap,
                            const char **reason) {
    struct feeds feeds;
    feeds_count(hot, gateway, &feeds);
    *reason = text;
    text[0] = '\0';
    if (feeds.needed == 0) {
        *reason = gateway->feed_count == 0 ? "no symbol is traded here" : "the venue refuses every symbol";
        return ABI_VENUE_DOWN;
    }
    /* Prices of the connections that are up are right; but something is wrong, and no new orders go there. */
    if (feeds.up < feeds.needed && feeds.up > 0) {
        snprintf(text, cap, "market data connection %u of %u is down", feeds.first_down + 1, gateway->feed_count);
        return ABI_VENUE_STALE;
    }
    int64_t limit_ns = (int64_t)hot->engine->settings.venue_stale_ms * 1000000;
    *reason = "no market data";
    if (hot->now - feeds.data_ns > limit_ns) return ABI_VENUE_STALE;
    *reason = text;
    if (feeds.any_silent && gateway->feed_count > 1)
        snprintf(text, cap, "market data connection %u of %u is silent", feeds.first_silent + 1,
                 gateway->feed_count);
    else if (gateway->refused_count > 0)
        snprintf(text, cap, "%u symbol%s refused by the venue", gateway->refused_count,
                 gateway->refused_count == 1 ? "" : "s");
    return ABI_VENUE_UP;
}

static uint32_t judge(const struct hot *hot, const struct gateway *gateway, char *text, size_t cap,
                      const char **reason) {
    uint32_t opened = 0, up = 0;
    for (uint32_t slot = 0; slot < gateway->feed_count; slot++) {
        opened += gateway->feed[slot] >= 0;
        up += feed_up(hot, gateway, slot);
    }
    *reason = gateway->off_reason;
    if (gateway->off) return ABI_VENUE_OFF;
    *reason = gateway->alone_reason;
    if (hot->now < gateway->alone_until_ns) return opened == 0 ? ABI_VENUE_DOWN : ABI_VENUE_STALE;
    *reason = gateway->connect_error[0] != '\0' ? gateway->connect_error : "market data connection down";
    if (opened == 0) return ABI_VENUE_DOWN;
    *reason = gateway->refused_count > 0 ? "the venue refuses every symbol" : "market data not subscribed yet";
    if (up == 0) return ABI_VENUE_DOWN;
    *reason = "order connection down";
    if (!orders_up(gateway)) return ABI_VENUE_DOWN;
    *reason = gateway->logon_error[0] != '\0' ? gateway->logon_error : "private stream down";
    if (!user_up(hot, gateway)) return ABI_VENUE_DOWN;
    return judge_feeds(hot, gateway, text, cap, reason);
}

static const char *venue_word(uint32_t state) {
    static const char *const word[] = {"?", "UP", "STALE", "DOWN", "OFF", "QUARANTINED"};
    return word[state < sizeof word / sizeof word[0] ? state : 0];
}

void gateway_enter(struct hot *hot, uint32_t venue, uint32_t state, const char *reason) {
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
    char text[sizeof gateway->view.reason];
    const char *reason;
    uint32_t state = judge(hot, gateway, text, sizeof text, &reason);
    gateway->view.feed_connections_up = 0;
    for (uint32_t slot = 0; slot < gateway->feed_count; slot++)
        gateway->view.feed_connections_up += feed_up(hot, gateway, slot);
    gateway->view.feed_up =
        gateway->view.feed_connections_up > 0 && gateway->view.feed_connections_up == gateway->feed_count;
    gateway->view.orders_up = orders_up(gateway);
    gateway->view.user_up = user_up(hot, gateway);
    if (state != gateway->view.state)
        gateway_enter(hot, venue, state, reason);
    else
        text_copy(gateway->view.reason, sizeof gateway->view.reason, reason);
}

void gateway_leave_alone(struct hot *hot, uint32_t venue, int64_t until_ns, const char *reason) {
    struct gateway *gateway = &hot->gateway[venue];
    if (until_ns <= gateway->alone_until_ns) return;
    gateway->alone_until_ns = until_ns;
    text_copy(gateway->alone_reason, sizeof gateway->alone_reason, reason);
    apply_alarm(hot, ABI_ALARM_ATTENTION, "VENUE_RATE", "venue %s %s", gateway->settings->name, reason);
    gateway_capacity(hot, venue);
    gateway_state(hot, venue);
}

void gateway_retry_after(struct hot *hot, uint32_t venue, int status, int64_t wait_ns) {
    if (wait_ns > GATEWAY_ALONE_MOST_NS) wait_ns = GATEWAY_ALONE_MOST_NS;
    struct to_courier message = {.kind = TO_COURIER_ALONE, .venue = venue, .number = hot->now + wait_ns};
    if (spsc_push(hot->engine->to_courier, &message) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
    char reason[96];
    snprintf(reason, sizeof reason, "left alone for %lld s: too many requests (HTTP %d)",
             (long long)((wait_ns + 999999999) / 1000000000), status);
    gateway_leave_alone(hot, venue, message.number, reason);
}

void gateway_off(struct hot *hot, uint32_t venue, bool off, const struct journal_state *by) {
    struct gateway *gateway = &hot->gateway[venue];
    gateway->off = off;
    if (off)
        snprintf(gateway->off_reason, sizeof gateway->off_reason, "switched off by %.31s%s%.40s", by->actor,
                 by->reason[0] != '\0' ? ": " : "", by->reason);
    gateway_state(hot, venue);
}
