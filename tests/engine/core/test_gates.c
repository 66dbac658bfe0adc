/* Protects every control: each is driven to one below its limit, to the limit and one above, and must let pass or deny
 * with its code, its value and its limit. A limit of 0 denies. A control that does not deny lets real money out. */
#include "harness.h"

/* Offers the gap and expects a pair (code 0) or a refusal. */
static void expect(struct world *w, uint32_t code) {
    const struct journal_intent *intent = world_gap(w);
    if (code == ABI_REFUSAL_NONE) {
        if (intent == NULL) print_message("refused: %u\n", world_last_opportunity(w)->refusal);
        assert_non_null(intent);
        return;
    }
    assert_null(intent);
    assert_int_equal(world_last_opportunity(w)->refusal, code);
    struct abi_risk risk;
    core_view_risk(w->core, &risk);
    assert_true(risk.control[code].denied > 0);
    struct abi_counters counters;
    core_view_counters(w->core, &counters);
    assert_true(counters.refused[code] > 0);
    assert_int_equal(world_reserved(w), 0);
}

/* The limit of `code` set to value + offset must give `denied`. */
static void limit_case(uint32_t code, int64_t limit, bool denied) {
    struct world w;
    setup_default(&w.setup);
    w.setup.limits.limit[code] = limit;
    world_start(&w);
    expect(&w, denied ? code : ABI_REFUSAL_NONE);
    if (denied && limit > 0) assert_int_equal(world_last_opportunity(&w)->limit, limit);
    world_end(&w);
}

/* `value` is what the standard gap shows to this control; more than the limit is denied. */
static void test_greatest_values_at_limit_minus_one_limit_and_plus_one(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        int64_t value;
    } control[] = {
        {ABI_REFUSAL_EDGE_IMPLAUSIBLE, 400000}, /* 26,000 of 6,500,000 */
        {ABI_REFUSAL_LEG_SKEW, MS},             /* B one millisecond after A */
        {ABI_REFUSAL_QUOTE_AGE, MS},
        {ABI_REFUSAL_BOOK_SPREAD, 308},         /* 20 of 6,499,980, up */
        {ABI_REFUSAL_REFERENCE_COLLAR, 400155}, /* 6,526,000 against 6,499,990, up */
        {ABI_REFUSAL_PRICE_COLLAR, 10000},      /* the allowance of 1 bps */
        {ABI_REFUSAL_ORDER_NOTIONAL, INT64_C(6525348) * 766 * 10},
        {ABI_REFUSAL_PAIR_NOTIONAL, (INT64_C(6525348) + 6500650) * 766 * 10},
    };
    for (size_t i = 0; i < sizeof control / sizeof control[0]; i++) {
        limit_case(control[i].code, control[i].value + 1, false);
        limit_case(control[i].code, control[i].value, false);
        limit_case(control[i].code, control[i].value - 1, true);
        limit_case(control[i].code, 0, true);
        limit_case(control[i].code, -1, true);
    }
}

static void test_every_limit_of_zero_denies(void **state) {
    (void)state;
    static const uint32_t code[] = {ABI_REFUSAL_IN_FLIGHT,  ABI_REFUSAL_IN_FLIGHT_TOTAL, ABI_REFUSAL_REPETITION,
                                    ABI_REFUSAL_ORDER_RATE, ABI_REFUSAL_EXPOSURE,        ABI_REFUSAL_DAILY_LOSS,
                                    ABI_REFUSAL_DRAWDOWN};
    for (size_t i = 0; i < sizeof code / sizeof code[0]; i++)
        limit_case(code[i], 0, true);
}

static void state_case(uint32_t what, uint32_t index, uint32_t value, uint32_t code, int64_t shown) {
    struct world w;
    world_init(&w);
    world_state(&w, what, index, value);
    expect(&w, code);
    if (code != 0) assert_int_equal(world_last_opportunity(&w)->value, shown);
    world_end(&w);
}

static void test_states_deny_with_the_state_as_value(void **state) {
    (void)state;
    state_case(JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE, 0, 0);
    state_case(JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED, ABI_REFUSAL_TRADING_STATE, ABI_STATE_HALTED);
    state_case(JOURNAL_STATE_TRADING, 0, ABI_STATE_REDUCING, ABI_REFUSAL_TRADING_STATE, ABI_STATE_REDUCING);
    state_case(JOURNAL_STATE_TRADING, 0, ABI_STATE_STARTING, ABI_REFUSAL_TRADING_STATE, ABI_STATE_STARTING);
    state_case(JOURNAL_STATE_KILL, 0, 1, ABI_REFUSAL_TRADING_STATE, ABI_STATE_KILLED);
    state_case(JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_PAUSED, ABI_REFUSAL_STRATEGY_STATE, ABI_STRATEGY_PAUSED);
    state_case(JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_STOPPED, ABI_REFUSAL_STRATEGY_STATE, ABI_STRATEGY_STOPPED);
    state_case(JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_DISABLED, ABI_REFUSAL_STRATEGY_STATE, ABI_STRATEGY_DISABLED);
    for (uint32_t v = 0; v < 2; v++) {
        state_case(JOURNAL_STATE_VENUE, v, ABI_VENUE_STALE, ABI_REFUSAL_VENUE_STATE, ABI_VENUE_STALE);
        state_case(JOURNAL_STATE_VENUE, v, ABI_VENUE_OFF, ABI_REFUSAL_VENUE_STATE, ABI_VENUE_OFF);
        state_case(JOURNAL_STATE_GATEWAY, v, 0, ABI_REFUSAL_GATEWAY_BUSY, 0);
        state_case(JOURNAL_STATE_GATEWAY, v, 1, 0, 0);
    }
    state_case(JOURNAL_STATE_JOURNAL, 0, 0, ABI_REFUSAL_JOURNAL, 0);
}

static void test_last_gateway_credits_are_left_to_hedges(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    struct journal_state gateway = {.what = JOURNAL_STATE_GATEWAY, .index = B, .old_value = 2, .new_value = 2};
    world_init(&w);
    core_on_state(w.core, &gateway, w.now, &w.out);
    expect(&w, ABI_REFUSAL_GATEWAY_BUSY);
    gateway.new_value = 3;
    core_on_state(w.core, &gateway, w.now, &w.out);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1); /* the hedge takes one of the two */
    world_end(&w);
}

static void test_gateway_credits_are_used_up_by_our_own_orders(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_COOLDOWN_NS] = 0;
    world_start(&w);
    world_state(&w, JOURNAL_STATE_GATEWAY, B, 1);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_REJECT, 0, -1);
    world_report(&w, &sell, JOURNAL_REPORT_REJECT, 0, -1);
    assert_null(world_gap(&w));
    struct abi_risk risk;
    core_view_risk(w.core, &risk);
    assert_int_equal(risk.control[ABI_REFUSAL_GATEWAY_BUSY].denied, 1);
    world_state(&w, JOURNAL_STATE_GATEWAY, B, 1);
    expect(&w, ABI_REFUSAL_NONE);
    world_end(&w);
}

static void test_in_flight_counts_open_pairs_of_the_symbol_and_in_all(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    for (int64_t limit = 1; limit <= 3; limit++) {
        setup_default(&w.setup);
        w.setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = limit;
        world_start(&w);
        for (int64_t i = 0; i < limit; i++)
            world_pair(&w, &buy, &sell);
        assert_null(world_gap(&w));
        struct abi_risk risk;
        core_view_risk(w.core, &risk);
        assert_int_equal(risk.control[ABI_REFUSAL_IN_FLIGHT].value, limit);
        assert_int_equal(risk.control[ABI_REFUSAL_IN_FLIGHT].denied, 1);
        world_end(&w);
        setup_default(&w.setup);
        w.setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = 99;
        w.setup.limits.limit[ABI_REFUSAL_IN_FLIGHT_TOTAL] = limit;
        world_start(&w);
        for (int64_t i = 0; i < limit; i++)
            world_pair(&w, &buy, &sell);
        assert_null(world_gap(&w));
        core_view_risk(w.core, &risk);
        assert_int_equal(risk.control[ABI_REFUSAL_IN_FLIGHT_TOTAL].value, limit);
        assert_true(risk.control[ABI_REFUSAL_IN_FLIGHT_TOTAL].denied > 0);
        world_end(&w);
    }
}

static void pair_miss(struct world *w) {
    struct journal_order buy, sell;
    world_pair(w, &buy, &sell);
    world_report(w, &buy, JOURNAL_REPORT_REJECT, 0, -1);
    world_report(w, &sell, JOURNAL_REPORT_REJECT, 0, -1);
}

static void test_cooldown_ends_exactly_when_it_says(void **state) {
    (void)state;
    for (int64_t early = 0; early <= 1; early++) {
        struct world w;
        world_init(&w);
        pair_miss(&w);
        w.now += 250 * MS - early;
        world_quote(&w, BTC, A, 6499980, 6500000, 100000);
        world_quote(&w, BTC, B, 6526000, 6526020, 100000);
        assert_int_equal(core_open_pairs(w.core), early == 1 ? 0 : 1);
        struct abi_risk risk;
        core_view_risk(w.core, &risk);
        assert_int_equal(risk.control[ABI_REFUSAL_COOLDOWN].value, early);
        world_end(&w);
    }
}

static void test_repetition_switches_the_direction_off_until_released(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_COOLDOWN_NS] = 0;
    w.setup.limits.limit[ABI_REFUSAL_REPETITION] = 3;
    world_start(&w);
    for (int i = 0; i < 3; i++)
        pair_miss(&w);
    assert_null(world_gap(&w));
    struct abi_risk risk;
    core_view_risk(w.core, &risk);
    assert_int_equal(risk.control[ABI_REFUSAL_REPETITION].value, 3);
    assert_int_equal(world_counter(&w, ABI_COUNTER_ALARMS), 1);
    w.now += 120 * SEC; /* the window is long over: still off */
    world_mark(&w);
    expect(&w, ABI_REFUSAL_REPETITION);
    assert_int_equal(world_counter(&w, ABI_COUNTER_ALARMS), 1);
    world_state(&w, JOURNAL_STATE_RELEASE, BTC, 0);
    expect(&w, ABI_REFUSAL_NONE);
    world_end(&w);
}

static void test_repetition_forgets_what_left_the_window(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_COOLDOWN_NS] = 0;
    w.setup.limits.limit[ABI_REFUSAL_REPETITION] = 3;
    world_start(&w);
    for (int i = 0; i < 12; i++) {
        pair_miss(&w);
        w.now += 25 * SEC; /* never more than three in sixty seconds */
    }
    world_end(&w);
}

static void test_order_rate_counts_a_window(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_COOLDOWN_NS] = 0;
    w.setup.limits.limit[ABI_REFUSAL_ORDER_RATE] = 2;
    world_start(&w);
    pair_miss(&w);
    pair_miss(&w);
    int64_t first = w.now - MS;
    assert_null(world_gap(&w));
    struct abi_risk risk;
    core_view_risk(w.core, &risk);
    assert_int_equal(risk.control[ABI_REFUSAL_ORDER_RATE].value, 2);
    w.now = first + SEC - 2 * MS;
    assert_null(world_gap(&w)); /* at first + SEC - 1 ms: both still count */
    w.now = first + SEC - MS;
    assert_non_null(world_gap(&w));
    world_end(&w);
}

static void test_duplicate_pair_of_quotes_is_used_once(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.strategy_count = 2; /* the second strategy sees the very same two quotes */
    w.setup.params[1] = w.setup.params[0];
    w.setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = 2;
    world_start(&w);
    world_state(&w, JOURNAL_STATE_STRATEGY, 1, ABI_STRATEGY_RUNNING);
    w.now += MS;
    world_quote(&w, BTC, B, 6526000, 6526020, 100000);
    assert_int_equal(out_count(&w.out, JOURNAL_INTENT), 1);
    const struct journal_refusal *refusal = out_find(&w.out, JOURNAL_REFUSAL, 0);
    assert_int_equal(refusal->refusal, ABI_REFUSAL_DUPLICATE);
    assert_int_equal(refusal->strategy, 1);
    world_end(&w);
}

static void test_crossed_and_half_books_are_not_traded(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    w.now += MS;
    world_quote(&w, BTC, B, 6526000, 6526000, 100000); /* locked */
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_BOOK_CROSSED);
    world_quote(&w, BTC, B, 6526000, 0, 100000);
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_BOOK_SPREAD);
    assert_int_equal(core_open_pairs(w.core), 0);
    world_end(&w);
}

static void test_no_reference_denies(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.limits.reference_window_ns = 10 * SEC;
    world_start(&w);
    for (uint32_t v = 0; v < 2; v++)
        world_state(&w, JOURNAL_STATE_VENUE, v, ABI_VENUE_DOWN);
    for (int i = 0; i < 11; i++) {
        w.now += SEC;
        world_mark(&w);
    }
    for (uint32_t v = 0; v < 2; v++)
        world_state(&w, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP);
    world_quote(&w, BTC, A, 6499980, 6500000, 100000);
    expect(&w, ABI_REFUSAL_REFERENCE_COLLAR);
    world_end(&w);
}

static void depth_case(int64_t qty, uint32_t code) {
    struct world w;
    world_init(&w);
    w.now += MS;
    world_quote(&w, BTC, B, 6526000, 6526020, qty);
    if (code == 0) {
        const struct journal_intent *intent = out_find(&w.out, JOURNAL_INTENT, 0);
        assert_non_null(intent);
        assert_int_equal(intent->qty, qty);
    } else {
        assert_int_equal(world_last_opportunity(&w)->refusal, code);
        assert_int_equal(world_last_opportunity(&w)->value, qty);
        assert_int_equal(world_last_opportunity(&w)->limit, 8);
    }
    world_end(&w);
}

static void test_depth_at_the_least_order(void **state) {
    (void)state;
    depth_case(9, 0);
    depth_case(8, 0); /* 8 x 65,006.50e-5 = 5.20: the least that is worth 5 */
    depth_case(7, ABI_REFUSAL_DEPTH);
}

static void balance_case(uint32_t venue, uint32_t asset, int64_t e8, uint32_t code, int64_t qty) {
    struct world w;
    world_init(&w);
    world_balance(&w, venue, asset, e8, 0);
    const struct journal_intent *intent = world_gap(&w);
    if (code == 0) {
        assert_non_null(intent);
        assert_int_equal(intent->qty, qty);
    } else {
        assert_null(intent);
        assert_int_equal(world_last_opportunity(&w)->refusal, code);
        assert_int_equal(world_last_opportunity(&w)->value, e8);
    }
    world_end(&w);
}

static void test_balance_shrinks_the_order_and_then_denies(void **state) {
    (void)state;
    /* 8 units at 65,006.50: 5.20052 x 1.001 x 1.01, each up */
    balance_case(A, USDT, 525777773, 0, 8);
    balance_case(A, USDT, 525777772, ABI_REFUSAL_BALANCE, 0);
    balance_case(A, USDT, 50343221719, 0, 766);
    balance_case(A, USDT, 50343221718, 0, 765);
    balance_case(B, BTC_A, 8080, 0, 8); /* 8 units and 1 % kept free */
    balance_case(B, BTC_A, 8079, ABI_REFUSAL_BALANCE, 0);
    balance_case(A, USDT, 0, ABI_REFUSAL_BALANCE, 0);
}

static void test_position_below_the_least_order_is_min_notional(void **state) {
    (void)state;
    struct world w;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_MAX_POSITION_E8] = 5 * E8;
    world_start(&w);
    expect(&w, ABI_REFUSAL_MIN_NOTIONAL);
    world_end(&w);
    setup_default(&w.setup);
    w.setup.symbol[BTC].min_notional_e8 = 0;
    w.setup.symbol[BTC].min_qty = 100;
    w.setup.params[0].value[CORE_PARAM_MAX_POSITION_E8] = 65 * E8; /* 99 units */
    world_start(&w);
    expect(&w, ABI_REFUSAL_MIN_QTY);
    assert_int_equal(world_last_opportunity(&w)->value, 99);
    world_end(&w);
}

/* Sells the residual of a bought leg at a loss, so that trading P&L is exactly -loss at the mark. */
static void loss_make(struct world *w, int64_t loss_e8) {
    struct journal_order buy, sell;
    world_pair(w, &buy, &sell);
    struct journal_fill fill = fill_of(&buy, 6500000, buy.qty, "b");
    fill.fee_e8 = loss_e8;
    core_on_fill(w->core, &fill, w->now, &w->out);
    fill = fill_of(&sell, 6500000, sell.qty, "s");
    core_on_fill(w->core, &fill, w->now, &w->out);
    w->now += 300 * MS;
    struct journal_mark mark = world_mark(w);
    assert_int_equal(mark.trading_pnl_e8, -loss_e8);
}

static void loss_case(uint32_t code, int64_t loss_e8, bool denied) {
    struct world w;
    setup_default(&w.setup);
    w.setup.limits.limit[code] = 100 * E8;
    world_start(&w);
    loss_make(&w, loss_e8);
    assert_int_equal(core_trading_state(w.core), denied ? ABI_STATE_HALTED : ABI_STATE_ACTIVE);
    assert_int_equal(w.out.state_changed, denied);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), denied);
    world_state(&w, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE); /* a person insists: the control still denies */
    const struct journal_intent *intent = world_gap(&w);
    assert_int_equal(intent == NULL, denied);
    struct abi_risk risk;
    core_view_risk(w.core, &risk);
    assert_int_equal(risk.control[code].denied > 0, denied);
    assert_int_equal(risk.control[code].value, loss_e8);
    world_end(&w);
}

static void test_daily_loss_and_drawdown_halt_at_the_limit(void **state) {
    (void)state;
    static const uint32_t code[] = {ABI_REFUSAL_DAILY_LOSS, ABI_REFUSAL_DRAWDOWN};
    for (size_t i = 0; i < 2; i++) {
        loss_case(code[i], 100 * E8 - 1, false);
        loss_case(code[i], 100 * E8, true);
        loss_case(code[i], 100 * E8 + 1, true);
    }
}

static void exposure_case(int64_t limit, bool denied) {
    struct world w;
    struct journal_order buy, sell;
    setup_default(&w.setup);
    w.setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = 2;
    w.setup.limits.limit[ABI_REFUSAL_EXPOSURE] = limit;
    world_start(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, 500); /* 0.005 at the mark of 64,999.90 */
    assert_int_equal(world_gap(&w) == NULL, denied);
    struct abi_risk risk;
    core_view_risk(w.core, &risk);
    assert_int_equal(risk.control[ABI_REFUSAL_EXPOSURE].value, 32499950000);
    world_end(&w);
}

static void test_exposure_counts_residuals_at_marks(void **state) {
    (void)state;
    exposure_case(32499950001, false);
    exposure_case(32499950000, false);
    exposure_case(32499949999, true);
}

static void test_unknown_order_blocks_its_venues_for_other_symbols_too(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    setup_default(&w.setup);
    world_start(&w);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_UNKNOWN, 0, -1);
    w.now += MS;
    world_quote(&w, SHIB, B, 35141, 35143, 100000000);
    assert_int_equal(world_last_opportunity(&w)->symbol, SHIB);
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_UNKNOWN_ORDER);
    assert_int_equal(world_last_opportunity(&w)->value, 1);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greatest_values_at_limit_minus_one_limit_and_plus_one),
        cmocka_unit_test(test_every_limit_of_zero_denies),
        cmocka_unit_test(test_states_deny_with_the_state_as_value),
        cmocka_unit_test(test_last_gateway_credits_are_left_to_hedges),
        cmocka_unit_test(test_gateway_credits_are_used_up_by_our_own_orders),
        cmocka_unit_test(test_in_flight_counts_open_pairs_of_the_symbol_and_in_all),
        cmocka_unit_test(test_cooldown_ends_exactly_when_it_says),
        cmocka_unit_test(test_repetition_switches_the_direction_off_until_released),
        cmocka_unit_test(test_repetition_forgets_what_left_the_window),
        cmocka_unit_test(test_order_rate_counts_a_window),
        cmocka_unit_test(test_duplicate_pair_of_quotes_is_used_once),
        cmocka_unit_test(test_crossed_and_half_books_are_not_traded),
        cmocka_unit_test(test_no_reference_denies),
        cmocka_unit_test(test_depth_at_the_least_order),
        cmocka_unit_test(test_balance_shrinks_the_order_and_then_denies),
        cmocka_unit_test(test_position_below_the_least_order_is_min_notional),
        cmocka_unit_test(test_daily_loss_and_drawdown_halt_at_the_limit),
        cmocka_unit_test(test_exposure_counts_residuals_at_marks),
        cmocka_unit_test(test_unknown_order_blocks_its_venues_for_other_symbols_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
