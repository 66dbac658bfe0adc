#pragma once
/* One run under way: what backtest.c (the loop), backtest_orders.c (the simulated venues) and backtest_log.c (what is
 * reported) share. Internal to engine/core. */
#include "backtest.h"
#include "state.h"

#define SIM_ORDER_MAX (PAIR_OPEN_MAX * 2)

struct sim_order {
    uint64_t pair_id;
    uint64_t order_id;
    int64_t price;
    int64_t qty;
    int64_t decided_ns;
    int64_t arrival_ns;
    int64_t due_ns; /* waiting: when it expires; met: when we know of it */
    int64_t fill_ns;
    int64_t fill_price;
    int64_t fill_qty;
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;
    uint32_t leg;
    bool met; /* it has met its quote */
};

struct run {
    const struct core_setup *setup;
    const struct backtest_options *options;
    const struct backtest_output *output;
    struct backtest_result *result;
    struct core *core;
    struct sim_order order[SIM_ORDER_MAX]; /* in order of their ids */
    uint32_t order_count;
    uint32_t waiting_count;
    uint64_t open_pair[PAIR_SLOTS]; /* not yet reported as final */
    uint32_t open_count;
    uint32_t blocked_count; /* symbols with an exposure that waits for a person */
    uint64_t blocked_symbols[SYMBOLS_WORDS];
    uint64_t changed_symbols[SYMBOLS_WORDS]; /* with a new quote at this instant, not decided yet; else empty */
    uint8_t changed[ABI_SYMBOL_MAX];         /* their venues, bit v; else 0 */
    int64_t next_mark_ns;
    int64_t next_own_ns; /* earliest of answers, expiries, marks and timers */
    int64_t heard_ns[ABI_VENUE_MAX];
    int64_t peak_e8;
    int64_t trading_e8; /* at the last mark */
    int64_t day;
    int64_t day_base_e8;
    int64_t point_ns;
    struct core_out out;
};

/* backtest_orders.c */
void orders_match(struct run *run, const struct backtest_event *event, int64_t now);
void orders_answer(struct run *run, int64_t now);
void order_place(struct run *run, const struct journal_order *order, int64_t now);

/* backtest_log.c: takes what the last call into the core said. */
void run_take(struct run *run, int64_t now);
void run_fill_log(struct run *run, const struct journal_fill *fill, int64_t now);
void run_mark(struct run *run, int64_t now, bool last);
void run_pairs_close(struct run *run);
void run_totals(struct run *run);

static inline void run_fail(struct run *run, int error) {
    if (run->result->error == 0) run->result->error = error;
}
