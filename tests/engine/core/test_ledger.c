/* Protects the money: totals exact to the last of 19 decimals, each trade booked once, fees where they belong, trading
 * P&L apart from the price of what was held anyway. */
#include "harness.h"

static void fill_play(struct world *w, struct journal_fill *fill) {
    core_on_fill(w->core, fill, w->now, &w->out);
}

static void test_price_times_quantity_and_fee_are_exact(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.symbol[SHIB].price_digits = 11; /* 11 + 8 = 19 digits */
    w.setup.symbol[SHIB].qty_digits = 8;
    world_start(&w);
    w.now += MS;
    world_quote(&w, SHIB, B, 3600000, 3600100, INT64_C(100000000) * 100000000);
    world_quote(&w, SHIB, A, 3499900, 3500000, INT64_C(100000000) * 100000000);
    const struct journal_order *sent = out_find(&w.out, JOURNAL_ORDER, 0);
    assert_null(sent); /* 280 bps is far, but the reference of 35,000 units is farther */
    world_mark(&w);
    for (int i = 0; i < 61; i++) { /* the old reference leaves its window */
        w.now += SEC;
        world_mark(&w);
    }
    world_quote(&w, SHIB, B, 3600000, 3600100, INT64_C(100000000) * 100000000);
    world_quote(&w, SHIB, A, 3499900, 3500000, INT64_C(100000000) * 100000000);
    sent = out_find(&w.out, JOURNAL_ORDER, 0);
    assert_non_null(sent);
    struct journal_order buy = *sent;
    int64_t usdt = world_account(&w, A, USDT).total_e8, shib = world_account(&w, A, SHIB_A).total_e8;
    /* 0.00003499999 x 0.00000003 = 1.0499997e-12, plus a fee of 1e-19 */
    struct journal_fill fill = fill_of(&buy, 3499999, 3, "tiny");
    fill.fee_frac_e19 = 1;
    fill_play(&w, &fill);
    assert_int_equal(fill.booked, 1);
    assert_int_equal(fill.quote_e8, 0);
    assert_int_equal(fill.quote_frac_e19, 10499997);
    struct abi_balance account = world_account(&w, A, USDT);
    assert_int_equal(account.total_e8, usdt - 1);
    assert_int_equal(account.frac_e19, INT64_C(100000000000) - 10499997 - 1);
    assert_int_equal(fill.quote_after_e8, usdt - 1);
    assert_int_equal(world_account(&w, A, SHIB_A).total_e8, shib + 3);
    for (uint32_t i = 0; i < 9999; i++) { /* ten thousand of them: nothing is lost on the way */
        char id[40];
        snprintf(id, sizeof id, "tiny%u", i);
        fill = fill_of(&buy, 3499999, 3, id);
        fill.fee_frac_e19 = 1;
        fill_play(&w, &fill);
    }
    account = world_account(&w, A, USDT);
    int64_t spent = INT64_C(10499998) * 10000; /* in 1e-19: 1.04999980 e-8 */
    assert_int_equal(account.total_e8, usdt - spent / 100000000000 - 1);
    assert_int_equal(account.frac_e19, 100000000000 - spent % 100000000000);
    world_end(&w);
}

static void test_fees_go_to_their_asset(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_balance(&w, A, BNB, 5 * E8, 0);
    world_pair(&w, &buy, &sell);
    struct journal_fill fill = fill_of(&buy, 6500000, 100, "in-base");
    fill.fee_asset = BTC_A;
    fill.fee_e8 = 100; /* 0.000001 BTC of 0.001 */
    fill_play(&w, &fill);
    assert_int_equal(world_account(&w, A, BTC_A).total_e8, 10 * E8 + 100000 - 100);
    assert_int_equal(fill.fee_after_e8, fill.base_after_e8);
    fill = fill_of(&buy, 6500000, 100, "in-bnb");
    fill.fee_asset = BNB;
    fill.fee_e8 = 7;
    fill_play(&w, &fill);
    assert_int_equal(world_account(&w, A, BNB).total_e8, 5 * E8 - 7);
    fill = fill_of(&buy, 6500000, 100, "in-what");
    fill.fee_asset = UINT32_MAX;
    fill.fee_e8 = 9;
    strcpy(fill.fee_asset_name, "WHAT");
    fill_play(&w, &fill);
    assert_int_equal(fill.booked, 1);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 1);
    fill = fill_of(&sell, 6526000, 100, "rebate");
    fill.fee_e8 = -3;
    fill_play(&w, &fill);
    assert_int_equal(world_account(&w, B, USDT).total_e8, 100000 * E8 + INT64_C(6526000) * 100 * 10 + 3);
    struct abi_pnl pnl;
    core_view_pnl(w.core, &pnl);
    assert_int_equal(pnl.fees_e8, 100 * 65000 - 3); /* BNB has no price here and counts as 0 */
    world_mark(&w);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 1); /* ... and that is said, once */
    w.now += MS;
    world_mark(&w);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 0);
    world_end(&w);
}

static void test_duplicates_are_told_by_venue_symbol_and_trade_id(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    struct journal_fill fill = fill_of(&buy, 6500000, 100, "77");
    fill_play(&w, &fill);
    assert_int_equal(fill.booked, 1);
    fill = fill_of(&sell, 6526000, 100, "77"); /* the same number at another venue is another trade */
    fill_play(&w, &fill);
    assert_int_equal(fill.booked, 1);
    for (int i = 0; i < 5; i++) {
        fill = fill_of(&buy, 6500000, 100, "77");
        fill_play(&w, &fill);
        assert_int_equal(fill.booked, 0);
    }
    assert_int_equal(world_counter(&w, ABI_COUNTER_FILLS), 2);
    assert_int_equal(world_counter(&w, ABI_COUNTER_FILLS_DUPLICATE), 5);
    world_end(&w);
}

static void test_reservations_shrink_with_fills_and_end_with_the_order(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    int64_t before = world_account(&w, A, USDT).reserved_e8;
    world_fill(&w, &buy, buy.qty / 2);
    int64_t half = world_account(&w, A, USDT).reserved_e8;
    assert_true(half <= before / 2 + 2);
    assert_true(half >= before / 2 - 2);
    world_report(&w, &buy, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, buy.qty / 2);
    assert_int_equal(world_account(&w, A, USDT).reserved_e8, 0);
    assert_int_equal(world_account(&w, B, BTC_A).reserved_e8, sell.qty * 1000);
    world_end(&w);
}

static void test_trading_and_holding_pnl_stay_apart(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    struct journal_fill fill = fill_of(&buy, 6500000, buy.qty, "b");
    fill.fee_e8 = 1000;
    fill_play(&w, &fill);
    fill = fill_of(&sell, 6526000, sell.qty, "s");
    fill.fee_e8 = 2000;
    fill_play(&w, &fill);
    int64_t won = INT64_C(26000) * buy.qty * 10 - 3000;
    assert_int_equal(world_last_opportunity(&w)->pnl_e8, won);
    assert_int_equal(world_last_opportunity(&w)->outcome, ABI_OUTCOME_BOTH);
    struct journal_mark mark = world_mark(&w);
    assert_int_equal(mark.trading_pnl_e8, won);
    int64_t holding = mark.holding_pnl_e8;
    w.now += SEC; /* BTC up by 1,000.00 on both venues: 20 BTC are held anyway */
    world_quote(&w, BTC, A, 6600000 - 10, 6600000 + 10, 100000);
    world_quote(&w, BTC, B, 6600000 - 10, 6600000 + 10, 100000);
    struct journal_mark later = world_mark(&w);
    assert_int_equal(later.trading_pnl_e8, won);
    assert_true(later.holding_pnl_e8 > holding);
    assert_int_equal(later.equity_e8 - mark.equity_e8, later.holding_pnl_e8 - holding);
    struct journal_balance transfer = {
        .amount_e8 = 5 * E8, .venue = A, .asset = BTC_A, .reason = JOURNAL_BALANCE_TRANSFER};
    core_on_balance(w.core, &transfer, w.now, &w.out);
    struct journal_mark moved = world_mark(&w);
    assert_int_equal(moved.trading_pnl_e8, won); /* a deposit earns nothing */
    assert_int_equal(moved.holding_pnl_e8, later.holding_pnl_e8);
    assert_int_equal(moved.equity_e8 - later.equity_e8, 5 * INT64_C(66000) * E8);
    struct journal_balance venue_says = {
        .amount_e8 = 1, .venue = A, .asset = BTC_A, .reason = JOURNAL_BALANCE_VENUE};
    core_on_balance(w.core, &venue_says, w.now, &w.out);
    assert_int_equal(world_account(&w, A, BTC_A).venue_e8, 1);
    assert_true(world_account(&w, A, BTC_A).total_e8 > 15 * E8); /* compared, never adopted */
    world_end(&w);
}

static void test_wins_losses_and_strategy_figures_add_up(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    int64_t sum = 0;
    for (int i = 0; i < 6; i++) {
        struct journal_order buy, sell;
        w.now += SEC;
        world_pair(&w, &buy, &sell);
        struct journal_fill fill = world_fill(&w, &buy, buy.qty);
        sum -= fill.quote_e8;
        fill = fill_of(&sell, i % 3 == 0 ? 6490000 : sell.price, sell.qty, i % 2 ? "odd" : "even");
        snprintf(fill.trade_id, sizeof fill.trade_id, "s%d", i);
        fill_play(&w, &fill);
        sum += fill.quote_e8;
    }
    struct abi_strategy strategy;
    struct abi_pnl pnl;
    world_mark(&w);
    core_view_strategy(w.core, 0, &strategy);
    core_view_pnl(w.core, &pnl);
    assert_int_equal(pnl.trades, 6);
    assert_int_equal(pnl.wins, 4);
    assert_int_equal(pnl.losses, 2);
    assert_int_equal(strategy.wins, 4);
    assert_int_equal(strategy.trading_pnl_e8, sum);
    assert_int_equal(pnl.trading_pnl_e8, sum);
    assert_int_equal(strategy.volume_e8, pnl.volume_e8);
    assert_int_equal(world_counter(&w, ABI_COUNTER_PAIRS), 6);
    assert_int_equal(world_counter(&w, ABI_COUNTER_PAIRS_BOTH), 6);
    world_end(&w);
}

static void test_day_change_starts_the_day_anew(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    struct abi_pnl pnl;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    struct journal_fill fill = fill_of(&sell, 6490000, sell.qty, "s");
    fill_play(&w, &fill);
    world_mark(&w);
    core_view_pnl(w.core, &pnl);
    assert_true(pnl.trading_pnl_e8 < 0);
    assert_int_equal(pnl.trading_today_e8, pnl.trading_pnl_e8);
    assert_int_equal(pnl.drawdown_e8, -pnl.trading_pnl_e8);
    w.now += 86400 * SEC;
    world_mark(&w);
    core_view_pnl(w.core, &pnl);
    assert_int_equal(pnl.trading_today_e8, 0);
    assert_int_equal(pnl.day_start_wall_ns % (86400 * SEC), 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_price_times_quantity_and_fee_are_exact),
        cmocka_unit_test(test_fees_go_to_their_asset),
        cmocka_unit_test(test_duplicates_are_told_by_venue_symbol_and_trade_id),
        cmocka_unit_test(test_reservations_shrink_with_fills_and_end_with_the_order),
        cmocka_unit_test(test_trading_and_holding_pnl_stay_apart),
        cmocka_unit_test(test_wins_losses_and_strategy_figures_add_up),
        cmocka_unit_test(test_day_change_starts_the_day_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
