#pragma once
/* The core's state and what its files offer each other. Internal: nobody outside engine/core includes this.
 *
 *   market   function of data alone: books, reference prices, marks. Decisions see it const.
 *   account  per venue and asset: ledger total, starting inventory, reservations.
 *   pair     two legs and their hedges, from the decision to the last fill; 256 are remembered, so that a late fill
 *            finds its order, at most 32 are opened at a time.
 *   episode  a run of qualifying quotes of one strategy, symbol and direction; what people call an opportunity. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../base/error.h"
#include "core.h"
#include "detect_kernel.h"
#include "money.h"

#define PAIR_SLOTS          256
#define PAIR_OPEN_MAX       32
#define LEG_MAX             16
#define EPISODE_SLOTS       256
#define TRADE_SLOTS         16384
#define EXECUTION_SLOTS     16384
#define RATE_SLOTS          1024
#define REFERENCE_SLOTS     128
#define EPISODE_GAP_NS      INT64_C(1000000000)
#define HEDGE_WAIT_MAX_NS   INT64_C(5000000000) /* a hedge that cannot leave for so long: alarm */
#define DAY_NS              INT64_C(86400000000000)
#define INDEX_NONE          UINT32_MAX
#define CLIENT_ID_LEG_SHIFT 40 /* of its character in the second word */

/* core_setup as it is held: the tables have as many entries as there are. */
struct facts {
    uint64_t generation;
    int64_t wall_offset_ns;
    uint32_t mode;
    uint32_t venue_count;
    uint32_t symbol_count;
    uint32_t asset_count;
    uint32_t strategy_count;
    struct journal_symbol *symbol;
    struct journal_asset *asset;
    int64_t *taker_fee_ppm; /* symbol x venue, see fee_ppm */
    struct core_limits limits;
    struct core_params params[ABI_STRATEGY_MAX];
    struct journal_venue venue[ABI_VENUE_MAX];
    char strategy_name[ABI_STRATEGY_MAX][32];
};

struct reference_sample {
    int64_t price;
    int64_t time_ns;
};

struct reference {
    int64_t sum;
    int64_t price; /* mean of the samples in the window; 0: none */
    uint64_t tail; /* samples tail .. head-1 are held */
    uint64_t head;
    struct reference_sample sample[REFERENCE_SLOTS];
};

/* What follows from a symbol's table, so that a decision does not divide by it. */
struct symbol_steps {
    struct step tick;
    struct step lot;
    money units_least; /* least notional in price x quantity units, rounded up */
    int64_t qty_least; /* greater of least quantity and lot */
    uint32_t digits;   /* of price and quantity together */
    uint32_t qty_digits;
};

/* What a quote's prices are multiplied by; see net.c. */
struct net_factor {
    double keeps; /* of a sale; -INFINITY: its fee is unknown */
    double costs; /* of a purchase, with the lowest threshold; INFINITY: nobody may buy */
};

struct market {
    struct abi_quote *quote;   /* symbol x venue, see quote_of */
    double *net;               /* of each symbol: net_width bids, net_width asks after fees, see net_row */
    struct net_factor *factor; /* symbol x venue */
    uint32_t net_width;        /* venue_count rounded up to 2, 4 or 8 */
    struct reference *reference;
    int64_t *mark; /* mean mid of the live venues at the last mark, price units; 0: never */
    uint32_t venue_count;
};

/* total and start are changed by account_total_set and account_start_set alone: sums hang on them. */
struct account {
    money total;
    money start;      /* starting inventory and net transfers */
    int64_t total_e8; /* total, rounded down */
    int64_t reserved_e8;
    int64_t venue_e8;
    int64_t venue_wall_ns;
    bool known; /* opened: the total is an amount, not just 0 */
};

struct leg {
    money filled_quote;
    uint64_t order_id;
    int64_t price;
    int64_t qty;
    int64_t filled;
    int64_t cum;         /* what the venue says was filled in all; -1: not said */
    int64_t deadline_ns; /* silent beyond it: UNKNOWN; INT64_MAX: none */
    int64_t sent_ns;
    int64_t reserve_e8;
    uint32_t venue;
    uint32_t side;
    uint32_t kind;
    uint32_t state;
    uint32_t final_state; /* terminal state that was reported; 0: none */
    bool closed;          /* terminal, and every fill it had is booked */
};

/* One asset over all venues, so that a mark does not have to ask each account. */
struct holding {
    money gained;      /* sum of total - start */
    money began;       /* sum of start */
    uint32_t accounts; /* that hold or held at the start anything at all */
    uint32_t symbol;   /* first one that prices it in the currency of P&L; INDEX_NONE: none */
    bool start_marked; /* its starting inventory is in start_equity */
    bool unpriced_alarmed;
};

enum pair_phase {
    PAIR_NONE = 0,
    PAIR_WORKING = 1, /* legs in flight */
    PAIR_UNKNOWN = 2,
    PAIR_HEDGING = 3,
    PAIR_OPEN = 4, /* ladder exhausted */
    PAIR_DONE = 5,
};

struct pair {
    money cash;          /* quote received minus paid */
    uint64_t id_text[2]; /* client id of leg 0 */
    money fees;          /* valued in quote */
    uint64_t id;
    uint64_t opportunity_id;
    int64_t buy_touch; /* prices the decision saw */
    int64_t sell_touch;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t hedge_ns;       /* next attempt not before */
    int64_t hedge_asked_ns; /* when the attempt that still waits was first wanted; 0: none waits */
    int64_t since_ns;       /* a residual exists since; 0: none */
    int64_t pnl_e8;
    int64_t dust; /* residual that was given up as dust when done */
    uint32_t symbol;
    uint32_t strategy;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t phase;
    uint32_t exposure; /* enum abi_exposure_state last journalled */
    uint32_t leg_count;
    uint32_t attempts;
    uint32_t outcome;
    bool settled; /* counted in trades, wins, losses and the strategy's P&L */
    bool counted; /* counted in the PAIRS_ counters: once, they never go down */
    bool wait_alarmed;
    struct leg leg[LEG_MAX];
};

struct episode {
    struct abi_opportunity view;
    int64_t first_ns;
    int64_t last_ns;
    uint64_t refused_mask; /* bit code: recorded in this episode */
    uint32_t direction;    /* place in core.episode_of[strategy] */
    bool taken;
};

struct trade {
    uint32_t venue;
    uint32_t symbol;
    uint32_t next; /* in its hash chain */
    char id[40];
};

struct execution {
    int64_t time_ns;
    uint32_t direction;
};

struct direction {
    int64_t final_ns;   /* when its last pair became final; INT64_MIN: never */
    uint64_t buy_count; /* quotes used last */
    uint64_t sell_count;
    uint32_t executions; /* within the repetition window */
    bool off;            /* repeated too often, until released */
};

/* Times of own orders; those in order_rate_window_ns are tail .. head-1. */
struct rate {
    uint64_t head;
    uint64_t tail;
    int64_t time_ns[RATE_SLOTS];
};

struct strategy {
    struct abi_strategy view;
    money pnl;
    money fees;
    money volume;
};

struct totals {
    money fees;
    money hedge_cost;
    money volume;
    int64_t trading_pnl_e8;
    int64_t holding_pnl_e8;
    int64_t equity_e8;
    int64_t start_equity_e8;
    int64_t peak_e8;
    int64_t day_base_e8;
    int64_t day_start_wall_ns;
    int64_t marked_wall_ns;
    uint64_t trades;
    uint64_t wins;
    uint64_t losses;
};

/* Index of the dead generation's tables -> ours, by name. */
struct restore_map {
    uint32_t venue[ABI_VENUE_MAX];
    uint32_t symbol[ABI_SYMBOL_MAX];
    uint32_t asset[ABI_ASSET_MAX];
};

/* The pointers lead to arrays behind this struct in the same block, sized by the tables (init.c). */
struct core {
    struct facts setup;
    struct market market;
    const struct detect_kernel *kernel;
    int64_t (*stamp)(void);  /* NULL: nobody measures */
    struct account *account; /* asset x venue, see account_of */
    struct holding *holding;
    struct symbol_steps *step;                /* of each symbol */
    uint32_t *symbol_next;                    /* next symbol that prices the same asset; INDEX_NONE: none */
    struct pair *pair;                        /* PAIR_SLOTS */
    uint64_t balances_changed[ABI_VENUE_MAX]; /* bit p: page p, for the publisher */
    uint64_t pair_id[PAIR_SLOTS];             /* beside the pairs: a look-up reads 2 KiB, not all of them */
    uint32_t open[PAIR_SLOTS];                /* slots of the pairs that are not done, oldest first */
    uint32_t open_count;
    uint32_t pair_cursor;
    uint64_t pair_counter;

    struct direction *direction; /* symbol x buying venue x selling venue, see direction_index */
    uint32_t direction_count;
    uint16_t *episode_of; /* strategy x direction: slot + 1; 0: none */
    struct episode *episode;
    uint64_t episode_active[EPISODE_SLOTS / 64]; /* bit i: episode[i] has not ended; a mark reads these, not all */
    struct execution *execution;
    uint64_t execution_head;
    uint64_t execution_tail;
    struct rate *rate; /* of each venue */

    struct trade *trade;
    uint32_t *trade_bucket; /* slot + 1 */
    uint64_t trade_count;

    struct abi_opportunity *opportunity;
    struct abi_order *order;
    struct abi_fill *fill;
    uint64_t opportunity_last;
    uint64_t order_last;
    uint64_t fill_last;

    struct strategy strategy[ABI_STRATEGY_MAX];
    struct totals totals;
    struct abi_counters counters;
    struct abi_risk risk;
    struct restore_map map;

    int64_t now;
    int64_t timer_ns;
    int64_t *dust;                        /* of each symbol, changed by dust_add and dust_set alone */
    uint64_t dust_symbols[SYMBOLS_WORDS]; /* those that have any */
    uint32_t dust_count;                  /* how many those are */
    uint32_t venue_state[ABI_VENUE_MAX];
    uint32_t venue_unknown[ABI_VENUE_MAX];
    int64_t gateway[ABI_VENUE_MAX];      /* orders that may leave now, */
    int64_t gateway_kept[ABI_VENUE_MAX]; /* of those, the last ones are for hedges alone */
    uint64_t venue_orders[ABI_VENUE_MAX];
    uint32_t trading_state;
    bool killed;
    bool journal_healthy;
    bool restoring;
    bool episodes_due; /* more episodes have ended than one call may journal */
    bool asset_alarmed;
    struct journal_record discard;
};

struct candidate {
    const struct abi_quote *buy_quote;
    const struct abi_quote *sell_quote;
    int64_t now;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t buy_price; /* limits */
    int64_t sell_price;
    int64_t qty;
    int64_t reserve_quote_e8;
    int64_t reserve_base_e8;
    int64_t value; /* of the control that refused */
    int64_t limit;
    uint32_t refusal;
    uint32_t strategy;
    uint32_t symbol;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t direction;
};

static inline uint32_t direction_index(const struct core *core, uint32_t symbol, uint32_t buy_venue,
                                       uint32_t sell_venue) {
    uint32_t venue_count = core->setup.venue_count;
    return (symbol * venue_count + buy_venue) * venue_count + sell_venue;
}
static inline uint16_t *episode_place(const struct core *core, uint32_t strategy, uint32_t direction) {
    return &core->episode_of[(size_t)strategy * core->direction_count + direction];
}
static inline struct abi_quote *quote_of(const struct market *market, uint32_t symbol, uint32_t venue) {
    return &market->quote[symbol * market->venue_count + venue];
}
static inline double *net_row(const struct market *market, uint32_t symbol) {
    return &market->net[(size_t)symbol * 2 * market->net_width];
}
/* After the quote has changed. */
static inline void net_quote_set(const struct market *market, uint32_t symbol, uint32_t venue) {
    const struct abi_quote *quote = quote_of(market, symbol, venue);
    const struct net_factor *factor = &market->factor[symbol * market->venue_count + venue];
    double *row = net_row(market, symbol);
    row[venue] = quote->bid_price == 0 ? -__builtin_inf() : (double)quote->bid_price * factor->keeps;
    row[market->net_width + venue] =
        quote->ask_price == 0 ? __builtin_inf() : (double)quote->ask_price * factor->costs;
}
static inline int64_t *fee_ppm(const struct core *core, uint32_t symbol, uint32_t venue) {
    return &core->setup.taker_fee_ppm[symbol * core->setup.venue_count + venue];
}
static inline struct account *account_of(const struct core *core, uint32_t venue, uint32_t asset) {
    return &core->account[asset * core->setup.venue_count + venue];
}
static inline int64_t wall_ns(const struct core *core, int64_t time_ns) {
    return time_ns + core->setup.wall_offset_ns;
}
static inline const struct journal_symbol *symbol_of(const struct core *core, uint32_t symbol) {
    return &core->setup.symbol[symbol];
}
static inline int64_t account_free_e8(const struct core *core, uint32_t venue, uint32_t asset) {
    const struct account *account = account_of(core, venue, asset);
    return account->total_e8 - account->reserved_e8;
}
static inline void count(struct core *core, enum abi_counter counter) {
    core->counters.value[counter]++;
}

#include "emit.h"

/* market.c */
bool market_quote_apply(struct market *market, const struct journal_quote *quote, int64_t now);
void market_venue_forget(struct market *market, uint32_t symbol_count, uint32_t venue);
void market_mark(struct market *market, const struct facts *setup, const uint32_t *venue_state, int64_t now);

/* net.c: after fees, thresholds or sets of symbols have changed */
void net_row_set(struct core *core, uint32_t symbol);
void net_rows_set(struct core *core);
void net_rows_clear(struct market *market, uint32_t row_count);

/* detect.c */
void detect_books(struct core *core, uint32_t symbol, uint32_t changed, int64_t now, struct core_out *out);
bool fees_known(const struct core *core, uint32_t symbol, uint32_t buy, uint32_t sell);

/* best.c */
void detect_best_now(struct core *core, int64_t now);

/* gates.c: false and refusal, value, limit when one denies. */
bool gates_own_state(struct core *core, struct candidate *candidate);
bool gates_market(struct core *core, struct candidate *candidate);
bool gates_account(struct core *core, struct candidate *candidate);

/* size.c */
bool size_candidate(struct core *core, struct candidate *candidate);
bool reserve_need(const struct core *core, uint32_t symbol, uint32_t venue, uint32_t side, int64_t price,
                  int64_t qty, int64_t *need_e8);
bool notional_e8_ceil(const struct core *core, uint32_t symbol, int64_t price, int64_t qty, int64_t *out_e8);

/* decide.c */
void decide(struct core *core, struct candidate *candidate, struct core_out *out);

/* throttle.c: repetition and order rate */
uint32_t rate_count(struct core *core, uint32_t venue, int64_t now);
void rate_note(struct core *core, uint32_t venue, int64_t now);
void rate_recount(struct core *core); /* after the window has changed */
void executions_expire(struct core *core, int64_t now);
void execution_note(struct core *core, uint32_t direction, int64_t now);
void executions_forget(struct core *core, uint32_t direction);

/* episode.c */
/* episode_touch, _refused and _taken change an episode; episode_publish then shows it, once. */
struct episode *episode_touch(struct core *core, const struct candidate *candidate, struct core_out *out);
void episode_publish(struct core *core, const struct episode *episode, struct core_out *out);
void episode_refused(struct core *core, struct episode *episode, const struct candidate *candidate,
                     struct core_out *out);
void episode_taken(struct core *core, struct episode *episode, const struct candidate *candidate, uint64_t pair_id);
void episode_pair_update(struct core *core, const struct pair *pair, struct core_out *out);
void episodes_end(struct core *core, int64_t now, struct core_out *out);

/* account.c */
void account_total_set(struct core *core, uint32_t venue, uint32_t asset, money total);
void account_start_set(struct core *core, uint32_t venue, uint32_t asset, money start);
void account_start_change(struct core *core, uint32_t venue, uint32_t asset, money difference);
void balance_apply(struct core *core, const struct journal_balance *balance);
uint32_t leg_reserve_asset(const struct core *core, const struct pair *pair, const struct leg *leg);
void leg_reserve_set(struct core *core, const struct pair *pair, struct leg *leg, int64_t reserve_e8);

/* trades.c: which trades are booked already */
bool trade_seen(const struct core *core, uint32_t venue, uint32_t symbol, const char *id);
void trade_note(struct core *core, uint32_t venue, uint32_t symbol, const char *id);

/* ledger.c */
bool ledger_fill_book(struct core *core, struct pair *pair, struct leg *leg, struct journal_fill *fill,
                      struct core_out *out);
money asset_worth(const struct core *core, money amount, uint32_t asset);
uint32_t currency(const struct core *core); /* asset in which P&L is counted */

/* pnl.c */
void pnl_mark(struct core *core, struct journal_mark *mark, struct core_out *out);
int64_t pnl_unhedged_e8(const struct core *core, int64_t *since_ns);
int64_t exposure_value_e8(const struct core *core, const struct pair *pair);
void limits_losses_check(struct core *core, struct core_out *out);

/* ids.c: client id of leg 0 as two words of text; a leg is added by client_id_write */
void client_id_text(uint64_t pair_id, uint64_t text[2]);
static inline void client_id_write(const uint64_t text[2], uint32_t leg, char out[32]) {
    uint64_t second = text[1] + ((uint64_t)leg << CLIENT_ID_LEG_SHIFT);
    memcpy(out, &text[0], sizeof text[0]);
    memcpy(out + sizeof text[0], &second, sizeof second);
    memset(out + 2 * sizeof text[0], 0, 32 - 2 * sizeof text[0]);
}

/* order.c: the ring of orders */
void order_publish(struct core *core, const struct pair *pair, uint32_t leg_index, struct core_out *out);
struct abi_order *order_slot(struct core *core, uint64_t id);
struct leg *leg_begin(struct pair *pair, uint32_t leg_index);
void leg_create(struct core *core, struct pair *pair, uint32_t leg_index, int64_t reserve_e8);

/* pair.c */
struct pair *pair_find(struct core *core, uint64_t id);
struct pair *pair_allocate(struct core *core, uint64_t id);
int64_t pair_residual(const struct pair *pair);
int64_t pair_residual_worst(const struct pair *pair);
bool leg_open(const struct leg *leg);
void leg_update(struct core *core, struct pair *pair, uint32_t leg_index, int64_t now);
void leg_unknown(struct core *core, struct pair *pair, uint32_t leg_index, const char *why, struct core_out *out);
void pair_evaluate(struct core *core, struct pair *pair, int64_t now, struct core_out *out);
void pair_reopen(struct core *core, struct pair *pair, struct core_out *out);
void pair_finish(struct core *core, struct pair *pair, uint32_t exposure, int64_t now, struct core_out *out);
void exposure_note(struct core *core, struct pair *pair, uint32_t exposure, struct core_out *out);
void order_emit(struct core *core, const struct pair *pair, uint32_t leg_index, struct core_out *out);

/* report.c */
void report_apply(struct core *core, const struct journal_report *report, int64_t now, struct core_out *out);
void fill_apply(struct core *core, struct journal_fill *fill, int64_t now, struct core_out *out);

/* hedge.c */
void dust_set(struct core *core, uint32_t symbol, int64_t qty);
bool hedge_is_dust(const struct core *core, const struct pair *pair, int64_t residual);
void hedge_try(struct core *core, struct pair *pair, int64_t residual, int64_t now, struct core_out *out);

/* settle.c: what a pair came to */
uint32_t pair_outcome(const struct pair *pair);
void pair_settle(struct core *core, struct pair *pair);
void pair_unsettle(struct core *core, struct pair *pair);

/* states.c */
void state_apply(struct core *core, const struct journal_state *state, int64_t now, struct core_out *out);

/* timer.c */
void timers_run(struct core *core, int64_t now, struct core_out *out);
void timer_set(struct core *core);
void timer_add(struct core *core, int64_t deadline_ns); /* a new leg has this one, nothing else has changed */
