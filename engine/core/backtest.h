#pragma once
/* Backtest: an array of quotes driven through the engine's own decision core against simulated venues.
 *
 * The core is told what the engine would tell it: venues UP, gateways ready, strategy RUNNING, state ACTIVE, then
 * answers to its orders, marks, timers and quotes. At one instant: own order reports, then marks and timers, then the
 * quotes; all quotes of one instant are in the books before anybody decides, and each pair of venues decides once.
 *
 *   decision at d -> order at its venue at d + latency -> meets the first quote of that venue and symbol that is not
 *   before that instant and after d (so never the quote that made the signal) -> fill_model_match -> the answer is
 *   known answer_ns later; without a quote within wait_ns the order expires unfilled
 *
 * Times are wall time (Unix epoch, ns): the core's time is the data's. Latches that wait for a person (loss limits,
 * exhausted hedges, repetition) stay: what they stopped is in the result. No globals, no allocation: all memory is the
 * caller's. Python reads this text through cffi: the rules of abi.h hold. */
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"
#include "setup.h"

#define BACKTEST_ALARM_MAX 16
#define BACKTEST_FILL_ONLY 1 /* event flag: orders may fill on this quote, nobody decides on it */

struct backtest_event {
    int64_t time_ns; /* never decreases from one event to the next */
    int64_t bid_price;
    int64_t bid_qty;
    int64_t ask_price;
    int64_t ask_qty;
    uint16_t symbol;
    uint16_t venue;
    uint32_t flags;
};

struct backtest_options {
    int64_t start_ns;   /* not after the first event */
    int64_t end_ns;     /* not before the last event; orders still open then are followed until they are final */
    int64_t latency_ns; /* decision -> the venue sees the order */
    int64_t answer_ns;  /* fill -> we know of it */
    int64_t wait_ns;    /* an order that meets no quote for so long expires */
    int64_t mark_ns;    /* grid of marks: P&L, reference prices, loss limits */
    int64_t curve_ns;   /* grid of the equity curve, a multiple of mark_ns */
    int64_t stale_ns;   /* a venue without a quote for so long is STALE until its next one; 0: never */
    int64_t balance_e8[ABI_VENUE_MAX][ABI_ASSET_MAX]; /* at the start */
};

struct backtest_trade { /* one pair of orders */
    uint64_t pair_id;
    int64_t time_ns;
    int64_t final_ns; /* 0: not final at the end */
    int64_t qty;      /* sent on each leg */
    int64_t buy_limit;
    int64_t sell_limit;
    int64_t bought_qty; /* filled, hedges included */
    int64_t sold_qty;
    int64_t bought_e8; /* price x quantity of those fills, rounded down */
    int64_t sold_e8;
    int64_t fees_e8; /* in quote */
    int64_t pnl_e8;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    uint32_t symbol;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t outcome; /* enum abi_outcome */
    uint32_t hedges;
    uint32_t open; /* 1: hedges were exhausted and a residual is left */
};

struct backtest_fill {
    int64_t time_ns;
    int64_t price;
    int64_t qty;
    int64_t fee_e8;
    int64_t fee_frac_e19;
    uint64_t pair_id;
    uint32_t leg;
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;
};

struct backtest_point {
    int64_t time_ns;
    int64_t trading_e8;
    int64_t holding_e8;
    int64_t equity_e8;
};

struct backtest_alarm {
    int64_t time_ns;
    char code[32];
    char text[160];
};

/* Where to write what; a count beyond its cap is counted and not written. NULL with cap 0: not wanted. */
struct backtest_output {
    struct backtest_trade *trade;
    struct backtest_fill *fill;
    struct backtest_point *point;
    uint64_t trade_cap;
    uint64_t fill_cap;
    uint64_t point_cap;
};

struct backtest_result {
    uint64_t events;
    uint64_t pairs;
    uint64_t fill_count;
    uint64_t point_count;
    uint64_t trades; /* pairs with at least one fill */
    uint64_t wins;
    uint64_t losses;
    uint64_t opportunities;
    uint64_t one_leg;
    uint64_t missed;
    uint64_t hedges;
    uint64_t orders;
    uint64_t unfinished; /* pairs that were not final when the run ended */
    uint64_t digest;     /* hash over trades, fills and points, never 0: equal runs have equal ones */
    int64_t trading_e8;
    int64_t holding_e8;
    int64_t equity_e8;
    int64_t start_equity_e8;
    int64_t fees_e8;
    int64_t volume_e8;
    int64_t hedge_cost_e8;
    int64_t drawdown_e8; /* deepest fall of trading P&L below its peak, at marks */
    int64_t halted_ns;   /* trading stopped for good: a loss limit, or no symbol that is not blocked; 0: never */
    double day_mean_e8;  /* trading P&L per UTC day */
    double day_m2_e8;    /* sum of squared deviations from the mean */
    uint64_t days;
    uint64_t refused[ABI_REFUSAL_MAX]; /* episodes x reasons */
    uint32_t alarm_count;              /* those held; each code once */
    int32_t error;                     /* 0, or ERROR_*: the run is not valid */
    char halt_code[32];
    struct backtest_alarm alarm[BACKTEST_ALARM_MAX];
};

/* Bytes of memory that one run of this setup needs at a time, 64-byte aligned. */
size_t backtest_memory_size(const struct core_setup *setup);
/* Sizes of what both sides must agree on: setup, event, options, trade, fill, point, result, in this order. */
void backtest_sizes(uint64_t out[7]);

/* One run with setup->params as they are. 0, or ERROR_*: core_init's, ERROR_BAD for options or events that make no
 * sense (time going back, symbol or venue out of range). */
int backtest_run(void *memory, const struct core_setup *setup, const struct backtest_event *event, uint64_t count,
                 const struct backtest_options *options, const struct backtest_output *output,
                 struct backtest_result *result);

/* Candidates n for strategy 0, taken one at a time from *next, which several threads share: call it once a thread with
 * memory of its own. *next is progress; storing n into it ends the work after the runs under way. results[i] belongs
 * to candidate i and is untouched when it was not run. Returns how many this call ran, or ERROR_*. */
int64_t backtest_grid(void *memory, const struct core_setup *setup, const struct backtest_event *event,
                      uint64_t count, const struct backtest_options *options, const struct core_params *candidates,
                      uint64_t n, uint64_t *next, struct backtest_result *results);
