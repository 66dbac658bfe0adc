/* The decision core alone: books that do not qualify, the first controls, whole decisions with two legs out. */
#include <stdlib.h>
#include <string.h>

#include "../core/core.h"
#include "../core/state.h"
#include "meter.h"

#define SECOND     INT64_C(1000000000)
#define E8         INT64_C(100000000)
#define BATCH      24u /* decisions in a row; at most 32 pairs may be open */
#define BOOKS_FULL 1024u

struct world {
    struct core_setup setup;
    struct core_out out;
    struct core *core;
    int64_t now;
};

static void limits_open(struct core_limits *limits) {
    int64_t *limit = limits->limit;
    limit[ABI_REFUSAL_IN_FLIGHT] = 1;
    limit[ABI_REFUSAL_IN_FLIGHT_TOTAL] = 32;
    limit[ABI_REFUSAL_REPETITION] = 16000;
    limit[ABI_REFUSAL_EDGE_IMPLAUSIBLE] = 300 * 10000;
    limit[ABI_REFUSAL_QUOTE_AGE] = 60 * SECOND;
    limit[ABI_REFUSAL_LEG_SKEW] = 60 * SECOND;
    limit[ABI_REFUSAL_BOOK_SPREAD] = 500 * 10000;
    limit[ABI_REFUSAL_REFERENCE_COLLAR] = 200 * 10000;
    limit[ABI_REFUSAL_ORDER_RATE] = 1000;
    limit[ABI_REFUSAL_PRICE_COLLAR] = 50 * 10000;
    limit[ABI_REFUSAL_ORDER_NOTIONAL] = 2500 * E8;
    limit[ABI_REFUSAL_PAIR_NOTIONAL] = 5000 * E8;
    limit[ABI_REFUSAL_EXPOSURE] = 1000000 * E8;
    limit[ABI_REFUSAL_DAILY_LOSS] = 1000000 * E8;
    limit[ABI_REFUSAL_DRAWDOWN] = 1000000 * E8;
    limits->repetition_window_ns = limits->order_rate_window_ns = 1; /* decisions come at once, thousands of them */
    limits->balance_buffer_ppm = 10000;
    limits->answer_timeout_ns = 3600 * SECOND;
    limits->hedge_slip_bps_e4[0] = limits->hedge_slip_bps_e4[1] = limits->hedge_slip_bps_e4[2] = 100000;
    limits->hedge_attempts = 5;
    limits->hedge_retry_ns = SECOND;
    limits->reference_window_ns = 60 * SECOND;
}

static void setup_make(struct core_setup *setup, uint32_t venues, uint32_t symbols) {
    memset(setup, 0, sizeof *setup);
    setup->generation = 1;
    setup->wall_offset_ns = 1700000000 * SECOND;
    setup->mode = ABI_MODE_SIM;
    setup->venue_count = venues;
    setup->symbol_count = symbols;
    setup->asset_count = symbols + 1;
    setup->strategy_count = 1;
    snprintf(setup->asset[0].name, sizeof setup->asset[0].name, "USDT");
    for (uint32_t v = 0; v < venues; v++) {
        setup->venue[v].index = v;
        snprintf(setup->venue[v].name, sizeof setup->venue[v].name, "v%u", v);
    }
    for (uint32_t s = 0; s < symbols; s++) {
        setup->asset[s + 1].index = s + 1;
        snprintf(setup->asset[s + 1].name, sizeof setup->asset[s + 1].name, "C%04u", s);
        setup->symbol[s] = (struct journal_symbol){.tick = 1,
                                                   .lot = 1,
                                                   .min_qty = 1,
                                                   .min_notional_e8 = 5 * E8,
                                                   .index = s,
                                                   .price_digits = 2,
                                                   .qty_digits = 3,
                                                   .base_asset = s + 1,
                                                   .venue_mask = (1u << venues) - 1};
        snprintf(setup->symbol[s].name, sizeof setup->symbol[s].name, "C%04uUSDT", s);
        symbols_add(setup->params[0].symbols, s);
        for (uint32_t v = 0; v < venues; v++)
            setup->taker_fee_ppm[v][s] = 1000;
    }
    int64_t *value = setup->params[0].value;
    value[CORE_PARAM_MIN_SPREAD_BPS_E4] = 18 * 10000;
    value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = value[CORE_PARAM_SLIPPAGE_BPS_E4] = 10000;
    value[CORE_PARAM_MAX_POSITION_E8] = 500 * E8;
    value[CORE_PARAM_MAX_QUOTE_AGE_NS] = 60 * SECOND;
    limits_open(&setup->limits);
}

static void state(struct world *world, uint32_t what, uint32_t index, uint32_t value) {
    struct journal_state record = {.what = what, .index = index, .new_value = value};
    core_on_state(world->core, &record, world->now, &world->out);
}

static struct journal_quote quote_make(const struct world *world, uint32_t symbol, uint32_t venue, int64_t bid) {
    return (struct journal_quote){.bid_price = bid,
                                  .bid_qty = 100000,
                                  .ask_price = bid + 2,
                                  .ask_qty = 100000,
                                  .recv_ns = world->now,
                                  .symbol = symbol,
                                  .venue = venue};
}

static int64_t mid(uint32_t symbol) {
    return 10000 + (int64_t)symbol * 37;
}

/* Venues up, accounts known, books that do not cross, a reference price. NULL: no memory, or the core refuses. */
static struct world *world_new(uint32_t venues, uint32_t symbols) {
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL) return NULL;
    setup_make(&world->setup, venues, symbols);
    size_t size = (core_size(&world->setup) + 63) & ~(size_t)63;
    world->core = aligned_alloc(64, size);
    world->now = 1000 * SECOND;
    if (world->core == NULL || core_init(world->core, &world->setup) != 0) return NULL;
    for (uint32_t v = 0; v < venues; v++) {
        for (uint32_t a = 0; a <= symbols; a++) {
            struct journal_balance balance = {
                .amount_e8 = 1000000 * E8, .venue = v, .asset = a, .reason = JOURNAL_BALANCE_OPENING};
            core_on_balance(world->core, &balance, world->now, &world->out);
        }
        state(world, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP);
        state(world, JOURNAL_STATE_GATEWAY, v, 1000000);
        for (uint32_t s = 0; s < symbols; s++) {
            struct journal_quote quote = quote_make(world, s, v, mid(s) - 1);
            core_on_quote(world->core, &quote, world->now, &world->out);
        }
    }
    state(world, JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_RUNNING);
    state(world, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE);
    struct journal_mark mark = {.wall_ns = world->now + world->setup.wall_offset_ns};
    core_on_mark(world->core, &mark, world->now, &world->out);
    return world;
}

static void world_free(struct world *world) {
    free(world->core);
    free(world);
}

/* Books of `symbols` symbols at `venues` venues; each call looks at one that has changed. */
static void incremental(struct meter *meter, const char *name, uint32_t venues, uint32_t symbols) {
    struct world *world = world_new(venues, symbols);
    if (world == NULL) return;
    METER(meter, name, 1024, {
        core_on_books(world->core, index * 7 % symbols, 1u << index % venues, world->now, &world->out);
        meter_sink(world->out.count);
    });
    world_free(world);
}

static void book(struct meter *meter, uint32_t venues, uint32_t symbols) {
    struct world *world = world_new(venues, symbols);
    static struct journal_quote quote[1024];
    if (world == NULL) return;
    for (uint32_t i = 0; i < 1024; i++)
        quote[i] = quote_make(world, i * 7 % symbols, i % venues, mid(i * 7 % symbols) - 1 + i % 2);
    METER(meter, "book_update_ns", 1024, meter_sink(core_on_book(world->core, &quote[index], world->now)));
    world_free(world);
}

/* Both legs ended unfilled: the pair is over and its money free again. */
static void close_pair(struct world *world) {
    struct journal_order order[2];
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->out.count && count < 2; i++)
        if (world->out.record[i].type == JOURNAL_ORDER)
            memcpy(&order[count++], world->out.record[i].payload, sizeof order[0]);
    for (uint32_t i = 0; i < count; i++) {
        struct journal_report report = {.pair_id = order[i].pair_id,
                                        .order_id = order[i].order_id,
                                        .cum_qty = 0,
                                        .venue = order[i].venue,
                                        .leg = order[i].leg,
                                        .kind = JOURNAL_REPORT_FINAL,
                                        .state = ABI_ORDER_EXPIRED};
        core_on_report(world->core, &report, world->now, &world->out);
    }
}

/* One gap per symbol, the decision timed, then its pair closed and the book back to normal. */
static void decisions(struct meter *meter) {
    struct world *world = world_new(2, BATCH);
    uint32_t rounds = meter_round_count(meter, BATCH) / 4 + 1, decided = 0;
    struct samples samples;
    if (world == NULL || samples_init(&samples, (size_t)rounds * BATCH) != 0) return;
    int64_t least = INT64_MAX;
    for (uint32_t round = 0; round < rounds; round++) {
        int64_t sum = 0;
        for (uint32_t s = 0; s < BATCH; s++) {
            world->now += 1000;
            uint32_t rich = round % 2;
            struct journal_quote quote = quote_make(world, s, rich, mid(s) + mid(s) * 60 / 10000);
            (void)core_on_book(world->core, &quote, world->now);
            int64_t begin = tsc_now();
            core_on_books(world->core, s, 1u << rich, world->now, &world->out);
            int64_t took = tsc_now() - begin - meter->cost_ticks;
            samples_add(&samples, took);
            sum += took;
            decided += world->out.order_count == 2;
            close_pair(world);
            quote = quote_make(world, s, rich, mid(s) - 1);
            (void)core_on_book(world->core, &quote, world->now);
        }
        if (sum < least) least = sum;
    }
    if (decided == rounds * BATCH) /* what was refused is no decision with two legs out */
        meter_print(meter, "decide_ns", (double)least / BATCH, &samples);
    else
        samples_free(&samples);
    world_free(world);
}

/* The ten controls of the own state, on a candidate that passes them all. */
static void controls(struct meter *meter) {
    struct world *world = world_new(2, 4);
    if (world == NULL) return;
    struct candidate candidate = {.buy_quote = quote_of(&world->core->market, 0, 0),
                                  .sell_quote = quote_of(&world->core->market, 0, 1),
                                  .now = world->now,
                                  .buy_venue = 0,
                                  .sell_venue = 1,
                                  .direction = direction_index(world->core, 0, 0, 1)};
    if (gates_own_state(world->core, &candidate))
        METER(meter, "risk_ns", 1000, meter_sink(gates_own_state(world->core, &candidate)));
    world_free(world);
}

void micro_core(struct meter *meter) {
    book(meter, 2, 16);
    incremental(meter, "detect_incremental_ns", 2, 16);
    incremental(meter, "detect_incremental_8_ns", 8, 16);
    controls(meter);
    decisions(meter);
}
