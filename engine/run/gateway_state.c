/* Whether a venue may trade and how many orders may leave, decided from facts only: feed, order path and private
 * stream all up, frames arriving, not switched off by a person. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../base/log.h"
#include "../base/text.h"
#include "gateway.h"

static bool orders_up(const struct gateway *gateway) {
    for (uint32_t i = 0; i < gateway->orders_count; i++)
        if (gateway->orders[i] >= 0) return true;
    return false;
}

static bool user_up(const struct gateway *gateway) {
    return gateway->user_ready && (gateway->ops->user_on_orders ? gateway->orders[0] >= 0 : gateway->user >= 0);
}

void gateway_capacity(struct hot *hot, uint32_t venue) {
    struct gateway *gateway = &hot->gateway[venue];
    uint32_t capacity = 0;
    if (user_up(gateway) && hot->now >= gateway->hold_until_ns) {
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
    *reason = gateway->logon_error[0] != '\0' ? gateway->logon_error : "private stream down";
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
    const char *reason;
    uint32_t state = judge(hot, gateway, &reason);
    gateway->view.feed_up = gateway->feed >= 0 && gateway->feed_ready;
    gateway->view.orders_up = orders_up(gateway);
    gateway->view.user_up = user_up(gateway);
    if (state != gateway->view.state)
        gateway_enter(hot, venue, state, reason);
    else if (state == ABI_VENUE_DOWN)
        text_copy(gateway->view.reason, sizeof gateway->view.reason, reason);
}

void gateway_off(struct hot *hot, uint32_t venue, bool off, const struct journal_state *by) {
    struct gateway *gateway = &hot->gateway[venue];
    gateway->off = off;
    if (off)
        snprintf(gateway->off_reason, sizeof gateway->off_reason, "switched off by %.31s%s%.40s", by->actor,
                 by->reason[0] != '\0' ? ": " : "", by->reason);
    gateway_state(hot, venue);
}
