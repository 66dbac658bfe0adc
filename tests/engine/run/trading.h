#pragma once
/* Two venues on socket pairs, subscribed and UP, balances known, strategy running: the next gap is traded. What the
 * engine says arrives at the venues' ends; what they say is sent there. */
#include "booted.h"

#include "core/core.h"

#define TRADING_HTTP 3 /* order connections at MEXC: two for hedges, one for arbitrage */

enum { BTC = 0, ETH = 1 };

struct trading {
    struct booted booted;
    int binance_feed, binance_orders, mexc_feed, mexc_user, mexc_orders[TRADING_HTTP];
    int64_t wall_ns;
};

static inline void trading_pump(struct trading *t) {
    struct hot *hot = t->booted.hot;
    struct uring_event events[32];
    int count;
    while ((count = uring_poll(hot->ring, 2000000, events, 32)) > 0) {
        hot->now = clock_mono_ns();
        for (int i = 0; i < count; i++)
            if (events[i].kind == URING_RECEIVED) gateway_receive(hot, events[i].connection, events[i].recv_ns);
    }
}

static inline int trading_connect(struct trading *t, uint32_t venue, enum engine_role role, uint32_t slot,
                                  const char *logon) {
    int ends[2];
    struct to_hot message = {.kind = TO_HOT_CONNECTION, .venue = venue, .role = role, .slot = slot};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    message.fd = ends[0];
    snprintf(message.logon, sizeof message.logon, "%s", logon);
    gateway_add(t->booted.hot, &message);
    return ends[1];
}

/* One text message from a venue, as a WebSocket frame. */
static inline void trading_say(struct trading *t, int end, const char *text) {
    uint8_t frame[1024];
    size_t size = strlen(text), head = size < 126 ? 2 : 4;
    assert_true(size + 4 < sizeof frame);
    frame[0] = 0x81;
    frame[1] = (uint8_t)(size < 126 ? size : 126);
    frame[2] = (uint8_t)(size >> 8);
    frame[3] = (uint8_t)size;
    memcpy(frame + head, text, size);
    assert_int_equal(send(end, frame, head + size, 0), head + size);
    trading_pump(t);
}

/* What has arrived at a venue's end, WebSocket frames unmasked and joined; "": nothing. */
static inline const char *trading_heard(int end, bool websocket) {
    static char text[65536];
    static uint8_t bytes[65536];
    size_t size = booted_arrived(end, bytes, sizeof bytes - 1), at = 0, out = 0;
    if (!websocket) {
        memcpy(text, bytes, size);
        out = size;
    }
    while (websocket && at + 6 < size) {
        size_t length = bytes[at + 1] & 0x7f;
        at += 2;
        if (length == 126) {
            length = (size_t)bytes[at] << 8 | bytes[at + 1];
            at += 2;
        }
        for (size_t i = 0; i < length; i++)
            text[out++] = (char)(bytes[at + 4 + i] ^ bytes[at + i % 4]);
        at += 4 + length;
    }
    text[out] = '\0';
    return text;
}

static inline void trading_state(struct trading *t, enum journal_state_what what, uint32_t value) {
    struct journal_state state = {.what = (uint32_t)what, .new_value = value};
    apply_state(t->booted.hot, &state);
}

static inline void trading_quote(struct trading *t, uint32_t symbol, uint32_t venue, int64_t bid, int64_t ask) {
    static uint64_t seq;
    struct journal_quote quote = {.bid_price = bid,
                                  .bid_qty = 1000000,
                                  .ask_price = ask,
                                  .ask_qty = 1000000,
                                  .recv_ns = clock_mono_ns(),
                                  .venue_seq = ++seq,
                                  .symbol = symbol,
                                  .venue = venue};
    t->booted.hot->now = quote.recv_ns;
    apply_quote(t->booted.hot, &quote, quote.recv_ns);
}

/* Buying at Binance and selling at MEXC pays. */
static inline void trading_gap(struct trading *t, uint32_t symbol, int64_t mid) {
    trading_quote(t, symbol, BINANCE, mid - 10, mid);
    trading_quote(t, symbol, MEXC, mid + mid / 100, mid + mid / 100 + 10);
}

static inline void trading_accounts(struct trading *t) {
    const struct core_setup *setup = &t->booted.engine->setup;
    for (uint32_t v = 0; v < 2; v++)
        for (uint32_t a = 0; a < setup->asset_count; a++) {
            struct journal_balance balance = {
                .amount_e8 = INT64_C(100000000000000), .venue = v, .asset = a, .reason = JOURNAL_BALANCE_OPENING};
            apply_balance(t->booted.hot, &balance);
        }
}

/* Binance's order connection has no answer yet: log on, subscribe and UP are the test's. `change`: settings before the
 * hot thread is made; NULL: none. */
static inline void trading_connect_all(struct trading *t, const char *logon) {
    struct hot *hot = t->booted.hot;
    t->binance_feed = trading_connect(t, BINANCE, ENGINE_FEED, 0, "");
    t->mexc_feed = trading_connect(t, MEXC, ENGINE_FEED, 0, "");
    t->mexc_user = trading_connect(t, MEXC, ENGINE_USER, 0, "");
    for (uint32_t slot = 0; slot < TRADING_HTTP; slot++)
        t->mexc_orders[slot] = trading_connect(t, MEXC, ENGINE_ORDERS, slot, "");
    t->binance_orders = trading_connect(t, BINANCE, ENGINE_ORDERS, 0, logon);
    trading_say(t, t->mexc_feed,
                "{\"id\":1,\"code\":0,\"msg\":\"spot@public.aggre.bookTicker.v3.api.pb@10ms@BTCUSDT\"}");
    trading_say(t, t->mexc_user, "{\"id\":2,\"code\":0,\"msg\":\"spot@private.account.v3.api.pb\"}");
    trading_accounts(t);
    trading_state(t, JOURNAL_STATE_STRATEGY, ABI_STRATEGY_RUNNING);
    trading_state(t, JOURNAL_STATE_TRADING, ABI_STATE_ACTIVE);
    hot->now = clock_mono_ns();
    gateway_house(hot);
}

/* Prices without a gap, so that there is a reference to measure a gap against. */
static inline void trading_calm(struct trading *t) {
    trading_quote(t, BTC, BINANCE, 6500000, 6500010);
    trading_quote(t, BTC, MEXC, 6500000, 6500010);
    trading_quote(t, ETH, BINANCE, 320000, 320010);
    trading_quote(t, ETH, MEXC, 320000, 320010);
    apply_mark(t->booted.hot);
}

static inline void trading_start(struct trading *t) {
    booted_start(&t->booted);
    trading_connect_all(t, "");
    assert_non_null(strstr(trading_heard(t->binance_orders, true), "userDataStream.subscribe.signature"));
    trading_say(t, t->binance_orders, "{\"id\":1,\"status\":200,\"result\":{\"subscriptionId\":0}}");
    gateway_house(t->booted.hot);
    for (uint32_t v = 0; v < 2; v++)
        assert_int_equal(t->booted.hot->gateway[v].view.state, ABI_VENUE_UP);
    trading_calm(t);
}

static inline void trading_end(struct trading *t) {
    close(t->binance_feed);
    close(t->binance_orders);
    close(t->mexc_feed);
    close(t->mexc_user);
    for (uint32_t slot = 0; slot < TRADING_HTTP; slot++)
        close(t->mexc_orders[slot]);
    booted_end(&t->booted);
}
