/* Protects: the backtest driver. An order never meets the quote that made the signal or one before its arrival; size
 * taken is gone; at one instant reports come first, then marks, then quotes; grid and single runs agree to the byte. */
#include "core/backtest.h"
#include "core/fill_model.h"
#include "harness.h"

#define T0 (INT64_C(1700000040) * SEC) /* a whole minute */

static struct core_setup setup;
static struct backtest_options options;
static struct backtest_result result;
static struct backtest_trade trades[64];
static struct backtest_fill fills[256];
static struct backtest_point points[4096];
static void *memory;

static int start(void **state) {
    (void)state;
    setup_default(&setup);
    setup.wall_offset_ns = 0;
    setup.limits.answer_timeout_ns = 600 * SEC;
    memset(&options, 0, sizeof options);
    options = (struct backtest_options){.start_ns = T0,
                                        .end_ns = T0 + 600 * SEC,
                                        .latency_ns = 50 * MS,
                                        .answer_ns = 20 * MS,
                                        .wait_ns = 10 * SEC,
                                        .mark_ns = SEC,
                                        .curve_ns = 60 * SEC};
    for (uint32_t v = 0; v < 2; v++) {
        options.balance_e8[v][USDT] = 100000 * E8;
        options.balance_e8[v][BTC_A] = 10 * E8;
    }
    memory = aligned_alloc(64, backtest_memory_size(&setup));
    memset(memory, 0xa5, backtest_memory_size(&setup));
    return memory == NULL;
}

static int stop(void **state) {
    (void)state;
    free(memory);
    return 0;
}

static struct backtest_event quote(int64_t after_ns, uint16_t venue, int64_t bid, int64_t qty) {
    return (struct backtest_event){.time_ns = T0 + after_ns,
                                   .bid_price = bid,
                                   .bid_qty = qty,
                                   .ask_price = bid + 20,
                                   .ask_qty = qty,
                                   .venue = venue};
}

static int run(const struct backtest_event *event, uint64_t count) {
    struct backtest_output output = {
        .trade = trades, .fill = fills, .point = points, .trade_cap = 64, .fill_cap = 256, .point_cap = 4096};
    return backtest_run(memory, &setup, event, count, &options, &output, &result);
}

static void test_a_fill_takes_the_quotes_price_within_the_limit_and_what_is_left_of_its_size(void **state) {
    (void)state;
    struct journal_quote q = {.bid_price = 100, .bid_qty = 7, .ask_price = 102, .ask_qty = 5};
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 103, 9, 0).qty, 5);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 103, 9, 0).price, 102);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 102, 3, 4).qty, 1);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 102, 3, 5).qty, 0);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 101, 3, 0).qty, 0);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_SELL, 100, 9, 0).qty, 7);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_SELL, 101, 9, 0).qty, 0);
    q.bid_price = 102; /* locked */
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 200, 9, 0).qty, 0);
    q.ask_price = 0;
    assert_int_equal(fill_model_match(&q, ABI_SIDE_BUY, 200, 9, 0).qty, 0);
    assert_int_equal(fill_model_match(&q, ABI_SIDE_SELL, 1, 9, 0).qty, 7);
}

static void test_a_fee_is_taken_from_what_is_received_and_rounds_up_in_the_nineteenth_place(void **state) {
    (void)state;
    struct journal_fill fill = {0};
    struct fill_match match = {.price = 6500000, .qty = 3}; /* 65,000.00 x 0.00003 */
    assert_true(fill_model_fee(&setup.symbol[BTC], ABI_SIDE_BUY, &match, 1000, &fill));
    assert_int_equal(fill.fee_asset, BTC_A);
    assert_int_equal(fill.fee_e8, 3); /* 0.00003 x 0.001 = 3e-8 */
    assert_int_equal(fill.fee_frac_e19, 0);
    assert_true(fill_model_fee(&setup.symbol[BTC], ABI_SIDE_SELL, &match, 1000, &fill));
    assert_int_equal(fill.fee_asset, USDT);
    assert_int_equal(fill.fee_e8, 195000); /* 1.95 x 0.001 */
    assert_false(fill_model_fee(&(struct journal_symbol){.price_digits = 0}, ABI_SIDE_SELL,
                                &(struct fill_match){.price = (INT64_C(1) << 53), .qty = (INT64_C(1) << 53)}, 1,
                                &fill));
}

/* Two calm books, a gap on B at 10 s, and what comes after. */
static uint64_t gap(struct backtest_event *event, int64_t next_ns, int64_t next_bid, int64_t next_qty) {
    uint64_t count = 0;
    event[count++] = quote(0, A, 6500000, 100000);
    event[count++] = quote(0, B, 6500000, 100000);
    event[count++] = quote(10 * SEC, A, 6500000, 100000);
    event[count++] = quote(10 * SEC + MS, B, 6530000, 100000);
    event[count++] = quote(10 * SEC + next_ns, A, 6500000, 100000);
    event[count++] = quote(10 * SEC + next_ns, B, next_bid, next_qty);
    return count;
}

static void test_an_order_meets_the_first_quote_that_is_not_before_its_arrival(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 51 * MS, 6529500, 100000); /* arrives at exactly this instant */
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.pairs, 1);
    assert_int_equal(result.fill_count, 2);
    assert_int_equal(fills[1].price, 6529500);
    assert_int_equal(fills[1].time_ns, event[5].time_ns + options.answer_ns);
    count = gap(event, 51 * MS - 1, 6529500, 100000); /* a nanosecond before it */
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.pairs, 1);
    assert_int_equal(result.fill_count, 0);
    assert_int_equal(trades[0].outcome, ABI_OUTCOME_MISSED);
    assert_int_equal(trades[0].final_ns, trades[0].time_ns + options.latency_ns + options.wait_ns);
}

static void test_without_latency_the_quote_that_made_the_signal_fills_nothing(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 5 * SEC, 6529500, 100000);
    options.latency_ns = options.answer_ns = 0;
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.fill_count, 2);
    assert_int_equal(fills[0].time_ns, event[4].time_ns);
    assert_int_equal(fills[1].price, 6529500);
}

static void test_a_gap_is_booked_to_the_unit(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 60 * MS, 6530000, 100000);
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(trades[0].outcome, ABI_OUTCOME_BOTH);
    /* 500 USDT at the sell limit 65,293.47 = 0.00765; bought at 65,000.20, sold at 65,300.00. */
    assert_int_equal(trades[0].qty, 765);
    assert_int_equal(trades[0].bought_e8, INT64_C(49725153000));
    assert_int_equal(trades[0].sold_e8, INT64_C(49954500000));
    /* fees: 0.00000765 BTC at 65,000.20 = 0.49725153; 499.545 x 5 bps = 0.2497725 */
    assert_int_equal(trades[0].fees_e8, 49725153 + 24977250);
    assert_int_equal(trades[0].pnl_e8, 229347000 - 49725153 - 24977250);
}

static void test_size_taken_by_one_order_is_not_there_for_the_next(void **state) {
    (void)state;
    setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = 4;
    setup.params[0].value[CORE_PARAM_COOLDOWN_NS] = 0;
    struct backtest_event event[8];
    uint64_t count = gap(event, 10 * MS, 6531000, 100000); /* a second signal while the first pair is under way */
    event[count++] = quote(10 * SEC + 70 * MS, A, 6500000, 1000);
    event[count++] = quote(10 * SEC + 70 * MS, B, 6530900, 1000);
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_true(result.pairs >= 2);
    int64_t bought = 0;
    for (uint32_t i = 0; i < result.fill_count; i++)
        if (fills[i].venue == A && fills[i].time_ns == event[6].time_ns + options.answer_ns) bought += fills[i].qty;
    assert_int_equal(bought, 1000);
}

static void test_quotes_of_one_instant_are_all_known_before_anybody_decides(void **state) {
    (void)state;
    struct backtest_event event[4] = {quote(0, A, 6500000, 100000), quote(0, B, 6500000, 100000),
                                      quote(10 * SEC, A, 6600000, 100000), quote(10 * SEC, B, 6600000, 100000)};
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, 4), 0);
    assert_int_equal(result.opportunities, 0); /* one after the other would have shown a gap of 1,000 */
    event[3].time_ns++;
    assert_int_equal(run(event, 4), 0);
    assert_int_equal(result.opportunities, 1);
}

static void test_nobody_decides_on_a_quote_that_is_for_fills_only(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 60 * MS, 6500000, 100000);
    event[3].flags = BACKTEST_FILL_ONLY;
    options.end_ns = T0 + 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.opportunities, 0);
    event[3].flags = 0;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.opportunities, 1);
}

static void test_a_silent_venue_is_stale_until_it_speaks(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 60 * MS, 6530000, 100000);
    options.end_ns = T0 + 30 * SEC;
    options.stale_ns = 5 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.pairs, 1); /* both spoke again before the decision */
    event[2].venue = B;
    event[2].bid_price = event[2].ask_price - 20;
    setup.limits.limit[ABI_REFUSAL_QUOTE_AGE] = setup.limits.limit[ABI_REFUSAL_LEG_SKEW] = 60 * SEC;
    setup.params[0].value[CORE_PARAM_MAX_QUOTE_AGE_NS] = 60 * SEC;
    assert_int_equal(run(event, 4), 0);
    assert_int_equal(result.pairs, 0);
    assert_int_equal(result.refused[ABI_REFUSAL_VENUE_STATE], 1);
}

/* B is silent for good after one leg filled: the hedge waits, and the pair still shows what it did. */
static void test_a_pair_that_is_open_at_the_end_is_reported_as_it_stands(void **state) {
    (void)state;
    struct backtest_event event[8];
    uint64_t count = gap(event, 60 * MS, 6500000, 100000); /* the sale misses, the purchase fills */
    options.stale_ns = 1500 * MS;
    options.end_ns = T0 + 60 * SEC;
    setup.limits.hedge_retry_ns = 30 * SEC;
    assert_int_equal(run(event, count), 0);
    assert_int_equal(result.unfinished, 1);
    assert_int_equal(trades[0].final_ns, 0);
    assert_int_equal(trades[0].bought_qty, 765);
    assert_int_equal(trades[0].sold_qty, 0);
    assert_int_equal(result.trades, 1);
    assert_true(trades[0].pnl_e8 < 0);
}

static void test_events_and_options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    struct backtest_event event[2] = {quote(SEC, A, 6500000, 1), quote(0, B, 6500000, 1)};
    assert_int_equal(run(event, 2), ERROR_BAD); /* time goes back */
    event[1] = quote(SEC, 2, 6500000, 1);
    assert_int_equal(run(event, 2), ERROR_BAD); /* no such venue */
    event[1] = quote(700 * SEC, B, 6500000, 1);
    assert_int_equal(run(event, 2), ERROR_BAD); /* after the end */
    event[0].time_ns = T0 - 1;
    assert_int_equal(run(event, 1), ERROR_BAD); /* before the start */
    int64_t *fields[] = {&options.wait_ns, &options.mark_ns, &options.curve_ns};
    for (uint32_t i = 0; i < 3; i++) {
        int64_t kept = *fields[i];
        *fields[i] = 0;
        assert_int_equal(run(event, 0), ERROR_BAD);
        *fields[i] = kept;
    }
    options.curve_ns = SEC + 1;
    assert_int_equal(run(event, 0), ERROR_BAD);
    options.curve_ns = 60 * SEC;
    assert_int_equal(run(event, 0), 0);
    setup.symbol_count = 0;
    assert_int_equal(run(event, 0), ERROR_BAD);
}

static uint64_t random_next(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Times on a coarse grid, so that quotes, answers and marks meet in one instant on purpose. */
static void events_random(struct backtest_event *event, uint64_t count, uint64_t seed) {
    int64_t now = 0, mid = 6500000;
    for (uint64_t i = 0; i < count; i++) {
        now += (int64_t)(random_next(&seed) % 5) * 10 * MS;
        mid += (int64_t)(random_next(&seed) % 2001) - 1000;
        int64_t apart = random_next(&seed) % 4 == 0 ? (int64_t)(random_next(&seed) % 40000) : 0;
        event[i] =
            quote(now, (uint16_t)(random_next(&seed) & 1), mid + apart, (int64_t)(random_next(&seed) % 3000));
    }
}

#define RANDOM_COUNT 20000

static void test_random_streams_give_equal_bytes_alone_and_in_a_grid(void **state) {
    (void)state;
    struct backtest_event *event = calloc(RANDOM_COUNT, sizeof *event);
    struct backtest_result grid[4];
    struct core_params candidate[4];
    options.end_ns = T0 + 3600 * SEC;
    options.latency_ns = 20 * MS;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        events_random(event, RANDOM_COUNT, seed * 7919);
        uint64_t next = 0;
        memset(grid, 0, sizeof grid);
        for (uint32_t i = 0; i < 4; i++) {
            candidate[i] = setup.params[0];
            candidate[i].value[CORE_PARAM_MIN_SPREAD_BPS_E4] = (18 + 4 * (int64_t)i) * 10000;
        }
        assert_int_equal(backtest_grid(memory, &setup, event, RANDOM_COUNT, &options, candidate, 4, &next, grid),
                         4);
        for (uint32_t i = 0; i < 4; i++) {
            struct core_params kept = setup.params[0];
            setup.params[0] = candidate[i];
            assert_int_equal(run(event, RANDOM_COUNT), 0);
            setup.params[0] = kept;
            assert_memory_equal(&grid[i], &result, sizeof result);
        }
        assert_true(grid[0].pairs > 10);
    }
    free(event);
}

/* The core counts the orders that a gateway may send down: a long run must not run out of them. */
static void test_a_long_run_never_runs_out_of_gateway(void **state) {
    (void)state;
    enum { GAPS = 1500 };
    struct backtest_event *event = calloc(GAPS * 8, sizeof *event);
    uint64_t count = 0;
    for (int64_t i = 0; i < GAPS; i++) {
        event[count++] = quote(i * 4 * SEC, A, 6500000, 100000);
        event[count++] = quote(i * 4 * SEC, B, 6500000, 100000);
        event[count++] = quote(i * 4 * SEC + SEC, A, 6500000, 100000);
        event[count++] = quote(i * 4 * SEC + SEC, B, 6530000 - 60000 * (i & 1), 100000);
        event[count++] = quote(i * 4 * SEC + 2 * SEC, A, 6500000, 100000);
        event[count++] = quote(i * 4 * SEC + 2 * SEC, B, 6530000 - 60000 * (i & 1), 100000);
    }
    options.end_ns = T0 + GAPS * 4 * SEC;
    assert_int_equal(run(event, count), 0);
    free(event);
    assert_int_equal(result.refused[ABI_REFUSAL_GATEWAY_BUSY], 0);
    assert_int_equal(result.pairs, GAPS);
    assert_int_equal(result.orders, 2 * GAPS);
}

static void test_a_counter_at_the_end_runs_nothing_more(void **state) {
    (void)state;
    uint64_t next = 4;
    struct backtest_result untouched = {.events = 77};
    assert_int_equal(backtest_grid(memory, &setup, NULL, 0, &options, setup.params, 4, &next, &untouched), 0);
    assert_int_equal(untouched.events, 77);
}

/* core_on_quote is core_on_book and core_on_books: what the backtest calls is what the engine calls. */
static void test_the_two_halves_of_a_quote_are_the_quote(void **state) {
    (void)state;
    struct world whole = {0}, halves = {0};
    world_init(&whole);
    world_init(&halves);
    uint64_t seed = 4242;
    uint32_t decided = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        whole.now = halves.now = whole.now + (int64_t)(random_next(&seed) % 100) * MS;
        struct journal_quote q = {.bid_price = 6500000 + (int64_t)(random_next(&seed) % 30000),
                                  .bid_qty = 100000,
                                  .ask_qty = 100000,
                                  .recv_ns = whole.now - (int64_t)(random_next(&seed) % 2) * 200 * MS,
                                  .venue = (uint32_t)(random_next(&seed) & 1)};
        q.ask_price = q.bid_price + 20;
        core_on_quote(whole.core, &q, whole.now, &whole.out);
        halves.out.count = 0;
        if (core_on_book(halves.core, &q, halves.now))
            core_on_books(halves.core, q.symbol, 1u << q.venue, halves.now, &halves.out);
        assert_int_equal(whole.out.count, halves.out.count);
        for (uint32_t r = 0; r < whole.out.count; r++)
            assert_memory_equal(&whole.out.record[r], &halves.out.record[r], sizeof whole.out.record[r]);
        decided += whole.out.count != 0;
    }
    assert_true(decided > 10);
    world_end(&whole);
    world_end(&halves);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_fill_takes_the_quotes_price_within_the_limit_and_what_is_left_of_its_size),
        TEST(test_a_fee_is_taken_from_what_is_received_and_rounds_up_in_the_nineteenth_place),
        TEST(test_an_order_meets_the_first_quote_that_is_not_before_its_arrival),
        TEST(test_without_latency_the_quote_that_made_the_signal_fills_nothing),
        TEST(test_a_gap_is_booked_to_the_unit),
        TEST(test_size_taken_by_one_order_is_not_there_for_the_next),
        TEST(test_quotes_of_one_instant_are_all_known_before_anybody_decides),
        TEST(test_nobody_decides_on_a_quote_that_is_for_fills_only),
        TEST(test_a_silent_venue_is_stale_until_it_speaks),
        TEST(test_a_pair_that_is_open_at_the_end_is_reported_as_it_stands),
        TEST(test_events_and_options_that_make_no_sense_are_refused),
        TEST(test_random_streams_give_equal_bytes_alone_and_in_a_grid),
        TEST(test_a_long_run_never_runs_out_of_gateway),
        TEST(test_a_counter_at_the_end_runs_nothing_more),
        TEST(test_the_two_halves_of_a_quote_are_the_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
