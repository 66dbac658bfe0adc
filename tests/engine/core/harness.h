#pragma once
/* A small world around one core: two venues, BTCUSDT (2 + 5 digits) and SHIBUSDT (9 + 0 digits), round balances, all
 * controls open wide. Tests close the one they look at. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/core.h"

#define MS  INT64_C(1000000)
#define SEC INT64_C(1000000000)
#define E8  INT64_C(100000000)

enum { A = 0, B = 1 };                             /* venues */
enum { BTC = 0, SHIB = 1 };                        /* symbols */
enum { USDT = 0, BTC_A = 1, SHIB_A = 2, BNB = 3 }; /* assets */

struct world {
    struct core *core;
    struct core_setup setup;
    struct core_out out;
    int64_t now;
    uint64_t trade;
};

static inline struct core *core_new(const struct core_setup *setup) {
    struct core *core = aligned_alloc(64, core_size(setup));
    assert_non_null(core);
    memset(core, 0xa5, core_size(setup)); /* nothing may depend on what was there */
    assert_int_equal(core_init(core, setup), 0);
    return core;
}

static inline void setup_limits(struct core_limits *limits) {
    int64_t *limit = limits->limit;
    limit[ABI_REFUSAL_IN_FLIGHT] = 1;
    limit[ABI_REFUSAL_IN_FLIGHT_TOTAL] = 4;
    limit[ABI_REFUSAL_REPETITION] = 1000;
    limit[ABI_REFUSAL_EDGE_IMPLAUSIBLE] = 300 * 10000;
    limit[ABI_REFUSAL_QUOTE_AGE] = 250 * MS;
    limit[ABI_REFUSAL_LEG_SKEW] = 250 * MS;
    limit[ABI_REFUSAL_BOOK_SPREAD] = 500 * 10000;
    limit[ABI_REFUSAL_REFERENCE_COLLAR] = 1000 * 10000;
    limit[ABI_REFUSAL_ORDER_RATE] = 1000;
    limit[ABI_REFUSAL_PRICE_COLLAR] = 50 * 10000;
    limit[ABI_REFUSAL_ORDER_NOTIONAL] = 100000 * E8;
    limit[ABI_REFUSAL_PAIR_NOTIONAL] = 200000 * E8;
    limit[ABI_REFUSAL_EXPOSURE] = 1000000 * E8;
    limit[ABI_REFUSAL_DAILY_LOSS] = 1000000 * E8;
    limit[ABI_REFUSAL_DRAWDOWN] = 1000000 * E8;
    limits->repetition_window_ns = 60 * SEC;
    limits->order_rate_window_ns = SEC;
    limits->balance_buffer_ppm = 10000;
    limits->answer_timeout_ns = SEC;
    limits->hedge_slip_bps_e4[0] = 10 * 10000;
    limits->hedge_slip_bps_e4[1] = 30 * 10000;
    limits->hedge_slip_bps_e4[2] = 50 * 10000;
    limits->hedge_attempts = 5;
    limits->hedge_retry_ns = 200 * MS;
    limits->reference_window_ns = 60 * SEC;
}

static inline void setup_default(struct core_setup *setup) {
    memset(setup, 0, sizeof *setup);
    setup->generation = 7;
    setup->wall_offset_ns = INT64_C(1700000000) * SEC;
    setup->mode = ABI_MODE_SIM;
    setup->venue_count = 2;
    setup->symbol_count = 2;
    setup->asset_count = 4;
    setup->strategy_count = 1;
    strcpy(setup->venue[A].name, "alpha");
    strcpy(setup->venue[B].name, "beta");
    setup->venue[B].index = B;
    const char *asset[4] = {"USDT", "BTC", "SHIB", "BNB"};
    for (uint32_t i = 0; i < 4; i++) {
        setup->asset[i].index = i;
        strcpy(setup->asset[i].name, asset[i]);
    }
    setup->symbol[BTC] = (struct journal_symbol){.tick = 1,
                                                 .lot = 1,
                                                 .min_qty = 1,
                                                 .min_notional_e8 = 5 * E8,
                                                 .index = BTC,
                                                 .price_digits = 2,
                                                 .qty_digits = 5,
                                                 .base_asset = BTC_A,
                                                 .quote_asset = USDT,
                                                 .venue_mask = 3};
    strcpy(setup->symbol[BTC].name, "BTCUSDT");
    setup->symbol[SHIB] = (struct journal_symbol){.tick = 1,
                                                  .lot = 1,
                                                  .min_qty = 1,
                                                  .min_notional_e8 = 5 * E8,
                                                  .index = SHIB,
                                                  .price_digits = 9,
                                                  .qty_digits = 0,
                                                  .base_asset = SHIB_A,
                                                  .quote_asset = USDT,
                                                  .venue_mask = 3};
    strcpy(setup->symbol[SHIB].name, "SHIBUSDT");
    for (uint32_t s = 0; s < 2; s++) {
        setup->taker_fee_ppm[A][s] = 1000;
        setup->taker_fee_ppm[B][s] = 500;
    }
    int64_t *value = setup->params[0].value;
    value[CORE_PARAM_MIN_SPREAD_BPS_E4] = 18 * 10000;
    value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = 1 * 10000;
    value[CORE_PARAM_SLIPPAGE_BPS_E4] = 1 * 10000;
    value[CORE_PARAM_MAX_POSITION_E8] = 500 * E8;
    value[CORE_PARAM_COOLDOWN_NS] = 250 * MS;
    value[CORE_PARAM_MAX_QUOTE_AGE_NS] = 250 * MS;
    symbols_add(setup->params[0].symbols, BTC);
    symbols_add(setup->params[0].symbols, SHIB);
    strcpy(setup->strategy_name[0], "cross_exchange");
    setup_limits(&setup->limits);
}

static inline void world_state(struct world *w, uint32_t what, uint32_t index, uint32_t value) {
    struct journal_state state = {.what = what, .index = index, .new_value = value};
    core_on_state(w->core, &state, w->now, &w->out);
}

static inline void world_balance(struct world *w, uint32_t venue, uint32_t asset, int64_t e8, int64_t frac) {
    struct journal_balance balance = {
        .amount_e8 = e8, .frac_e19 = frac, .venue = venue, .asset = asset, .reason = JOURNAL_BALANCE_OPENING};
    core_on_balance(w->core, &balance, w->now, &w->out);
}

static inline struct journal_mark world_mark(struct world *w) {
    struct journal_mark mark = {.wall_ns = w->now + w->setup.wall_offset_ns};
    core_on_mark(w->core, &mark, w->now, &w->out);
    return mark;
}

static inline void world_quote(struct world *w, uint32_t symbol, uint32_t venue, int64_t bid, int64_t ask,
                               int64_t qty) {
    struct journal_quote quote = {.bid_price = bid,
                                  .bid_qty = qty,
                                  .ask_price = ask,
                                  .ask_qty = qty,
                                  .recv_ns = w->now,
                                  .symbol = symbol,
                                  .venue = venue};
    core_on_quote(w->core, &quote, w->now, &w->out);
    assert_int_equal(w->out.overflow, 0);
}

/* Ready to trade: everything up, both books around 65,000.00, a reference price. */
static inline void world_start(struct world *w) {
    memset(&w->out, 0xa5, sizeof w->out);
    w->core = core_new(&w->setup);
    w->now = 1000 * SEC;
    w->trade = 0;
    for (uint32_t v = 0; v < 2; v++) {
        world_balance(w, v, USDT, 100000 * E8, 0);
        world_balance(w, v, BTC_A, 10 * E8, 0);
        world_balance(w, v, SHIB_A, 1000000000 * E8, 0);
        world_state(w, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP);
        world_state(w, JOURNAL_STATE_GATEWAY, v, 1000);
        world_quote(w, BTC, v, 6499980, 6500000, 100000);
        world_quote(w, SHIB, v, 34999, 35001, 100000000);
    }
    world_state(w, JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_RUNNING);
    world_state(w, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE);
    world_mark(w);
}

static inline void world_init(struct world *w) {
    setup_default(&w->setup);
    world_start(w);
}

static inline void world_end(struct world *w) {
    free(w->core);
}

/* n-th record of a type in the last output; NULL: there is none. */
static inline const void *out_find(const struct core_out *out, uint32_t type, uint32_t nth) {
    for (uint32_t i = 0; i < out->count; i++)
        if (out->record[i].type == type && nth-- == 0) return out->record[i].payload;
    return NULL;
}

static inline uint32_t out_count(const struct core_out *out, uint32_t type) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < out->count; i++)
        found += out->record[i].type == type;
    return found;
}

static inline int64_t world_quote_age(const struct world *w, uint32_t symbol, uint32_t venue) {
    struct abi_book book;
    core_view_book(w->core, venue, 0, &book);
    return w->now - book.quote[symbol].recv_mono_ns;
}

/* A gap of 40 bps: buy at A (ask 65,000.00), sell at B (bid 65,260.00), B's quote a millisecond after A's or, when
 * that is old, both new. Returns the intent, NULL when refused. */
static inline const struct journal_intent *world_gap(struct world *w) {
    w->now += MS;
    w->out.count = 0; /* what an earlier call said is over */
    if (world_quote_age(w, BTC, A) > 200 * MS) world_quote(w, BTC, A, 6499980, 6500000, 100000);
    if (out_find(&w->out, JOURNAL_INTENT, 0) == NULL) world_quote(w, BTC, B, 6526000, 6526020, 100000);
    return out_find(&w->out, JOURNAL_INTENT, 0);
}

static inline const struct abi_opportunity *world_last_opportunity(const struct world *w) {
    return core_opportunity(w->core, core_last_opportunity_id(w->core));
}

static inline void world_report(struct world *w, const struct journal_order *order, uint32_t kind, uint32_t state,
                                int64_t cum) {
    struct journal_report report = {.pair_id = order->pair_id,
                                    .order_id = order->order_id,
                                    .cum_qty = cum,
                                    .venue = order->venue,
                                    .leg = order->leg,
                                    .kind = kind,
                                    .state = state};
    core_on_report(w->core, &report, w->now, &w->out);
    assert_int_equal(w->out.overflow, 0);
}

static inline struct journal_fill fill_of(const struct journal_order *order, int64_t price, int64_t qty,
                                          const char *trade_id) {
    struct journal_fill fill = {.pair_id = order->pair_id,
                                .order_id = order->order_id,
                                .price = price,
                                .qty = qty,
                                .symbol = order->symbol,
                                .venue = order->venue,
                                .side = order->side,
                                .leg = order->leg,
                                .fee_asset = USDT};
    snprintf(fill.trade_id, sizeof fill.trade_id, "%s", trade_id);
    return fill;
}

static inline struct journal_fill world_fill(struct world *w, const struct journal_order *order, int64_t qty) {
    char trade_id[40];
    snprintf(trade_id, sizeof trade_id, "t%llu", (unsigned long long)++w->trade);
    struct journal_fill fill = fill_of(order, order->price, qty, trade_id);
    core_on_fill(w->core, &fill, w->now, &w->out);
    assert_int_equal(w->out.overflow, 0);
    return fill;
}

static inline struct abi_balance world_account(const struct world *w, uint32_t venue, uint32_t asset) {
    struct abi_balances balances;
    core_view_balances(w->core, venue, 0, &balances);
    return balances.asset[asset];
}

static inline uint64_t world_counter(const struct world *w, enum abi_counter counter) {
    struct abi_counters counters;
    core_view_counters(w->core, &counters);
    return counters.value[counter];
}

static inline int64_t world_reserved(const struct world *w) {
    int64_t sum = 0;
    for (uint32_t v = 0; v < 2; v++)
        for (uint32_t a = 0; a < 4; a++)
            sum += world_account(w, v, a).reserved_e8;
    return sum;
}

/* Sends one pair and copies its two orders. */
static inline void world_pair(struct world *w, struct journal_order *buy, struct journal_order *sell) {
    assert_non_null(world_gap(w));
    assert_int_equal(out_count(&w->out, JOURNAL_ORDER), 2);
    *buy = *(const struct journal_order *)out_find(&w->out, JOURNAL_ORDER, 0);
    *sell = *(const struct journal_order *)out_find(&w->out, JOURNAL_ORDER, 1);
}
