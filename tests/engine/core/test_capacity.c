/* Protects the capacity: as many symbols, assets and venues as the tables have room for work as one symbol does, and a
 * core of few is small. */
#include "harness.h"

#define ASSETS (ABI_SYMBOL_MAX + 1) /* the currency, and one of each symbol */

static struct core_setup setup;
static struct core_out out;
static int64_t now;

/* Every symbol like BTCUSDT, each with a base asset of its own. */
static void wide_setup(void) {
    setup_default(&setup);
    setup.venue_count = ABI_VENUE_MAX;
    setup.symbol_count = ABI_SYMBOL_MAX;
    setup.asset_count = ASSETS;
    for (uint32_t a = 0; a < ASSETS; a++) {
        setup.asset[a].index = a;
        snprintf(setup.asset[a].name, sizeof setup.asset[a].name, "A%u", a);
    }
    const struct journal_symbol first = setup.symbol[BTC];
    for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++) {
        setup.symbol[s] = first;
        setup.symbol[s].index = s;
        setup.symbol[s].base_asset = s + 1;
        setup.symbol[s].venue_mask = (1u << ABI_VENUE_MAX) - 1;
        snprintf(setup.symbol[s].name, sizeof setup.symbol[s].name, "S%u", s);
        symbols_add(setup.params[0].symbols, s);
        for (uint32_t v = 0; v < ABI_VENUE_MAX; v++)
            setup.taker_fee_ppm[v][s] = 500;
    }
}

static void say(struct core *core, uint32_t what, uint32_t index, uint32_t value) {
    struct journal_state state = {.what = what, .index = index, .new_value = value};
    core_on_state(core, &state, now, &out);
}

static void quote(struct core *core, uint32_t symbol, uint32_t venue, int64_t bid) {
    struct journal_quote quote = {.bid_price = bid,
                                  .bid_qty = 100000,
                                  .ask_price = bid + 20,
                                  .ask_qty = 100000,
                                  .recv_ns = now,
                                  .symbol = symbol,
                                  .venue = venue};
    core_on_quote(core, &quote, now, &out);
    assert_int_equal(out.overflow, 0);
}

static struct journal_mark mark_now(struct core *core) {
    struct journal_mark mark = {.wall_ns = now + setup.wall_offset_ns};
    core_on_mark(core, &mark, now, &out);
    return mark;
}

static struct core *wide_start(void) {
    now = 1000 * SEC;
    wide_setup();
    struct core *core = core_new(&setup);
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++) {
        say(core, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP);
        say(core, JOURNAL_STATE_GATEWAY, v, 1000);
        for (uint32_t a = 0; a < ASSETS; a++) {
            struct journal_balance balance = {
                .amount_e8 = a == 0 ? 100000 * E8 : E8, .venue = v, .asset = a, .reason = JOURNAL_BALANCE_OPENING};
            core_on_balance(core, &balance, now, &out);
        }
        for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++)
            quote(core, s, v, 6499980);
    }
    say(core, JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_RUNNING);
    say(core, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE);
    return core;
}

static void test_the_last_symbol_on_the_last_venue_trades_like_the_first(void **state) {
    (void)state;
    struct core *core = wide_start();
    struct journal_mark mark = mark_now(core);
    /* All assets but the currency are worth 65,000 less half the spread: their marks; asset 0 counts itself. */
    int64_t price_e8 = 6499990 * (E8 / 100);
    assert_int_equal(mark.equity_e8, ABI_VENUE_MAX * (100000 * E8 + ABI_SYMBOL_MAX * price_e8));
    const uint32_t symbols[] = {0, 63, 64, ABI_SYMBOL_MAX / 2, ABI_SYMBOL_MAX - 1};
    uint64_t found[SYMBOLS_WORDS];
    assert_int_equal(core_scan(core, found), 0);
    for (uint32_t i = 0; i < 5; i++) {
        now += MS;
        uint32_t symbol = symbols[i], last = ABI_VENUE_MAX - 1;
        quote(core, symbol, last, 6526000); /* sells there, buys at the first venue that is asked */
        assert_int_equal(out_count(&out, JOURNAL_ORDER), i < 4 ? 2 : 0);
        const struct journal_intent *intent = out_find(&out, JOURNAL_INTENT, 0);
        if (i == 4) break; /* four pairs in flight is the limit */
        assert_int_equal(intent->symbol, symbol);
        assert_int_equal(intent->sell_venue, last);
        assert_int_equal(core_scan(core, found), i + 1);
        assert_true(symbols_has(found, symbol));
    }
    mark_now(core);
    struct abi_strategy view;
    core_view_strategy(core, 0, &view);
    assert_int_equal(view.best_symbol, 0); /* the first of equals */
    assert_int_equal(view.best_sell_venue, ABI_VENUE_MAX - 1);
    free(core);
}

static void test_the_best_edge_is_found_wherever_it_is(void **state) {
    (void)state;
    struct core *core = wide_start();
    mark_now(core);
    say(core, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED);
    for (uint32_t n = 0; n < 40; n++) {
        now += MS;
        uint32_t symbol = n * 977 % ABI_SYMBOL_MAX, venue = n % ABI_VENUE_MAX;
        quote(core, symbol, venue, 6500100 + (int64_t)n); /* each a unit better than the one before */
        mark_now(core);
        struct abi_strategy view;
        core_view_strategy(core, 0, &view);
        assert_int_equal(view.best_symbol, symbol);
        assert_int_equal(view.best_sell_venue, venue);
        int64_t ask = 6500000, bid = 6500100 + (int64_t)n;
        assert_int_equal(view.best_gross_bps_e4, (bid - ask) * E8 / ask);
    }
    free(core);
}

static void test_a_core_of_few_symbols_is_small(void **state) {
    (void)state;
    setup_default(&setup);
    setup.symbol_count = 1;
    size_t small = core_size(&setup);
    setup.symbol_count = 2;
    size_t two = core_size(&setup);
    wide_setup();
    assert_true(two > small && two - small < 8192);
    assert_true(core_size(&setup) > small + ABI_SYMBOL_MAX * 1024);
    setup.asset_count = 4;
    setup.symbol_count = UINT32_MAX; /* which core_init refuses */
    setup.venue_count = UINT32_MAX;
    size_t most = core_size(&setup);
    wide_setup();
    setup.asset_count = 4;
    assert_int_equal(most, core_size(&setup));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_symbol_on_the_last_venue_trades_like_the_first),
        cmocka_unit_test(test_the_best_edge_is_found_wherever_it_is),
        cmocka_unit_test(test_a_core_of_few_symbols_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
