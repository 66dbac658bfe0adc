/* Protects against the ways two legs lose money: a fill lost or booked twice, an order sent twice, a reservation freed
 * while its order may still live, a residual that nobody hedges or that is hedged for ever. All interleavings of the
 * reports and fills of both legs are tried. */
#include "harness.h"

static void test_gap_sends_two_orders_with_safe_limits_and_reserves_both(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct journal_order buy, sell;
    world_pair(&w, &buy, &sell);
    assert_int_equal(buy.side, ABI_SIDE_BUY);
    assert_int_equal(buy.venue, A);
    assert_int_equal(sell.side, ABI_SIDE_SELL);
    assert_int_equal(sell.venue, B);
    assert_int_equal(buy.qty, sell.qty);
    assert_int_equal(buy.price, 6500650);  /* 65,000.00 + 1 bps, down to the tick */
    assert_int_equal(sell.price, 6525348); /* 65,260.00 - 1 bps = 65,253.474, up to the tick */
    assert_int_equal(buy.qty, 766);        /* 500 / 65,253.48, down to the lot */
    assert_int_equal(world_account(&w, B, BTC_A).reserved_e8, 766000);
    /* 497.94979 x 1.001 x 1.01, each step up */
    assert_int_equal(world_account(&w, A, USDT).reserved_e8, 50343221719);
    assert_string_equal(core_order(w.core, buy.order_id)->client_id, buy.client_id);
    assert_int_equal(core_order_by_client_id(w.core, sell.client_id)->id, sell.order_id);
    world_end(&w);
}

/* The steps of one leg's life. */
enum { SENT, ACK, FILL_1, FILL_2, FINAL };

static uint64_t orders_seen; /* order ids that left, as bits: one may never leave twice */

static uint32_t orders_note(const struct world *w) {
    uint32_t orders = out_count(&w->out, JOURNAL_ORDER);
    for (uint32_t i = 0; i < orders; i++) {
        const struct journal_order *order = out_find(&w->out, JOURNAL_ORDER, i);
        assert_int_equal(orders_seen >> order->order_id & 1, 0);
        orders_seen |= UINT64_C(1) << order->order_id;
    }
    return orders;
}

/* Returns how many orders this step made the core send. */
static uint32_t step_play(struct world *w, const struct journal_order *order, uint32_t what, int64_t first,
                          int64_t second) {
    char trade_id[16];
    struct journal_fill fill;
    uint32_t orders;
    switch (what) {
    case SENT:
        world_report(w, order, JOURNAL_REPORT_SENT, 0, -1);
        break;
    case ACK:
        world_report(w, order, JOURNAL_REPORT_ACK, 0, -1);
        break;
    case FINAL:
        world_report(w, order, JOURNAL_REPORT_FINAL,
                     first + second == order->qty ? ABI_ORDER_FILLED : ABI_ORDER_EXPIRED, first + second);
        break;
    default:
        snprintf(trade_id, sizeof trade_id, "%u-%u", order->leg, what);
        fill = fill_of(order, order->price, what == FILL_1 ? first : second, trade_id);
        core_on_fill(w->core, &fill, w->now, &w->out);
        assert_int_equal(fill.booked, 1);
        orders = orders_note(w);
        core_on_fill(w->core, &fill, w->now, &w->out); /* every fill comes twice */
        assert_int_equal(fill.booked, 0);
        assert_int_equal(w->out.count, 0);
        return orders;
    }
    return orders_note(w);
}

/* Plays the ten steps in the order that `permutation` says and checks that the end is always the same. */
static void interleaving_check(const uint8_t *permutation, int64_t sell_second) {
    struct world w;
    struct journal_order order[2];
    world_init(&w);
    world_pair(&w, &order[0], &order[1]);
    orders_seen = 0;
    orders_note(&w);
    int64_t first = 300, second[2] = {order[0].qty - 300, sell_second};
    int64_t quote_before = world_account(&w, A, USDT).total_e8;
    uint32_t hedges = 0;
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t leg = permutation[i] / 5, what = permutation[i] % 5;
        if ((what == FILL_2) && second[leg] == 0) continue;
        hedges += step_play(&w, &order[leg], what, first, second[leg]);
    }
    bool equal = second[0] == second[1];
    assert_int_equal(hedges, equal ? 0 : 1);
    assert_int_equal(core_open_pairs(w.core), equal ? 0 : 1);
    assert_int_equal(quote_before - world_account(&w, A, USDT).total_e8, 6500650 * order[0].qty * 10);
    assert_int_equal(world_account(&w, A, BTC_A).total_e8, 10 * E8 + order[0].qty * 1000);
    assert_int_equal(world_account(&w, B, BTC_A).total_e8, 10 * E8 - (first + sell_second) * 1000);
    assert_int_equal(world_counter(&w, ABI_COUNTER_FILLS), second[1] == 0 ? 3 : 4);
    assert_int_equal(world_counter(&w, ABI_COUNTER_UNKNOWN), 0);
    if (equal) assert_int_equal(world_reserved(&w), 0);
    world_end(&w);
}

/* Next permutation in lexicographic order; false after the last. */
static bool permutation_next(uint8_t *p, int n) {
    int i = n - 2;
    while (i >= 0 && p[i] >= p[i + 1])
        i--;
    if (i < 0) return false;
    int j = n - 1;
    while (p[j] <= p[i])
        j--;
    uint8_t t = p[i];
    p[i] = p[j];
    p[j] = t;
    for (int a = i + 1, b = n - 1; a < b; a++, b--) {
        t = p[a];
        p[a] = p[b];
        p[b] = t;
    }
    return true;
}

/* All orders of the steps within each leg, merged in all ways, would be 10! = 3.6 million worlds; the legs only meet
 * when both are closed, so one leg runs through all 120 orders against all 252 merges with the other leg in its
 * natural and in its reversed order. */
static void interleavings(int64_t sell_second) {
    uint8_t leg[5] = {0, 1, 2, 3, 4};
    uint32_t played = 0;
    do {
        for (uint32_t mask = 0; mask < 1024; mask++) {
            if (__builtin_popcount(mask) != 5 || (mask % 3 != 0 && mask % 7 != 0)) continue;
            uint8_t permutation[10];
            for (uint32_t i = 0, a = 0, b = 0; i < 10; i++) {
                if ((mask >> i & 1) != 0)
                    permutation[i] = leg[a++];
                else
                    permutation[i] = (uint8_t)(5 + (mask % 2 != 0 ? 4 - b : b)), b++;
            }
            interleaving_check(permutation, sell_second);
            played++;
        }
    } while (permutation_next(leg, 5));
    print_message("%u interleavings\n", played);
}

static void test_every_interleaving_of_two_full_legs_ends_flat(void **state) {
    (void)state;
    interleavings(466);
}

static void test_every_interleaving_with_a_short_leg_sends_exactly_one_hedge(void **state) {
    (void)state;
    interleavings(0);
}

static void test_final_waits_for_its_fills_and_then_asks(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_FINAL, ABI_ORDER_FILLED, buy.qty);
    assert_true(core_order(w.core, buy.order_id)->state != ABI_ORDER_FILLED);
    assert_true(world_account(&w, A, USDT).reserved_e8 > 0);
    w.now = core_next_timer(w.core);
    core_on_timer(w.core, w.now, &w.out);
    uint64_t unresolved[4];
    assert_int_equal(core_unresolved(w.core, unresolved, 4), 2); /* the other leg was silent, too */
    assert_int_equal(unresolved[0], buy.order_id);
    world_fill(&w, &buy, buy.qty);
    assert_int_equal(core_order(w.core, buy.order_id)->state, ABI_ORDER_FILLED);
    assert_int_equal(core_unresolved(w.core, unresolved, 4), 1);
    world_end(&w);
}

static void test_unknown_keeps_its_reservation_blocks_the_symbol_and_ends_by_evidence_only(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    int64_t held = world_account(&w, B, BTC_A).reserved_e8;
    world_report(&w, &sell, JOURNAL_REPORT_UNKNOWN, 0, -1);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 1);
    world_report(&w, &sell, JOURNAL_REPORT_UNKNOWN, 0, -1);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 0); /* said once */
    world_report(&w, &sell, JOURNAL_REPORT_ACK, 0, -1);
    world_report(&w, &sell, JOURNAL_REPORT_SENT, 0, -1);
    world_state(&w, JOURNAL_STATE_RELEASE, BTC, 0);
    for (int i = 0; i < 100; i++) {
        w.now += SEC;
        world_mark(&w);
        assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0); /* no hedge on a guess */
    }
    assert_int_equal(core_order(w.core, sell.order_id)->state, ABI_ORDER_UNKNOWN);
    assert_int_equal(world_account(&w, B, BTC_A).reserved_e8, held);
    assert_null(world_gap(&w));
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_PAIR_BLOCKED);
    struct abi_pnl pnl;
    core_view_pnl(w.core, &pnl);
    assert_true(pnl.unhedged_e8 > 490 * E8);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_NEVER_ACCEPTED, 0);
    assert_int_equal(core_order(w.core, sell.order_id)->state, ABI_ORDER_NEVER_ACCEPTED);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1); /* now it is known: hedge */
    world_end(&w);
}

static void test_final_without_amount_is_unknown_not_zero(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_FINAL, ABI_ORDER_CANCELED, -1);
    assert_int_equal(core_order(w.core, buy.order_id)->state, ABI_ORDER_UNKNOWN);
    assert_true(world_account(&w, A, USDT).reserved_e8 > 0);
    world_end(&w);
}

static void test_both_rejected_is_missed_and_frees_everything(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_REJECT, 0, -1);
    world_report(&w, &sell, JOURNAL_REPORT_NOT_SENT, 0, -1);
    assert_int_equal(core_open_pairs(w.core), 0);
    assert_int_equal(world_reserved(&w), 0);
    assert_int_equal(world_counter(&w, ABI_COUNTER_PAIRS_MISSED), 1);
    assert_int_equal(world_last_opportunity(&w)->outcome, ABI_OUTCOME_MISSED);
    assert_int_equal(world_last_opportunity(&w)->pnl_e8, 0);
    world_end(&w);
}

static void test_hedge_ladder_is_bounded_and_ends_open(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell, hedge;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    static const uint32_t venue[5] = {B, B, A, A, A};
    static const int64_t price[5] = {6519474, 6506422, 6467500, 6467500, 6467500};
    for (uint32_t i = 0; i < 5; i++) {
        if (i > 0) {
            assert_int_equal(core_next_timer(w.core), w.now + 200 * MS);
            w.now = core_next_timer(w.core);
            core_on_timer(w.core, w.now, &w.out);
        }
        assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1);
        hedge = *(const struct journal_order *)out_find(&w.out, JOURNAL_ORDER, 0);
        assert_int_equal(hedge.leg, 2 + i);
        assert_int_equal(hedge.venue, venue[i]);
        assert_int_equal(hedge.side, ABI_SIDE_SELL);
        assert_int_equal(hedge.qty, buy.qty);
        assert_int_equal(hedge.price, price[i]);
        world_report(&w, &hedge, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
        assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0); /* not before the pause */
    }
    const struct journal_exposure *exposure = out_find(&w.out, JOURNAL_EXPOSURE, 0);
    assert_non_null(exposure);
    assert_int_equal(exposure->state, ABI_EXPOSURE_OPEN);
    assert_int_equal(exposure->residual_qty, buy.qty);
    const struct journal_alarm *alarm = out_find(&w.out, JOURNAL_ALARM, 0);
    assert_int_equal(alarm->severity, ABI_ALARM_CRITICAL);
    assert_true(core_next_timer(w.core) == INT64_MAX);
    w.now += 10 * SEC;
    world_mark(&w);
    assert_null(world_gap(&w));
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_PAIR_BLOCKED);
    world_state(&w, JOURNAL_STATE_RELEASE, BTC, 0);
    assert_int_equal(core_open_pairs(w.core), 0);
    w.now += SEC;
    assert_non_null(world_gap(&w));
    world_end(&w);
}

static void test_partial_hedges_never_exceed_the_residual(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &sell, sell.qty); /* the mirror: sold too much */
    world_report(&w, &buy, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    struct journal_order hedge = *(const struct journal_order *)out_find(&w.out, JOURNAL_ORDER, 0);
    assert_int_equal(hedge.side, ABI_SIDE_BUY);
    assert_int_equal(hedge.venue, A);
    assert_int_equal(hedge.price, 6506500); /* 65,000 + 10 bps */
    world_fill(&w, &hedge, 300);
    world_report(&w, &hedge, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 300);
    w.now = core_next_timer(w.core);
    core_on_timer(w.core, w.now, &w.out);
    hedge = *(const struct journal_order *)out_find(&w.out, JOURNAL_ORDER, 0);
    assert_int_equal(hedge.qty, sell.qty - 300);
    world_fill(&w, &hedge, hedge.qty);
    assert_int_equal(core_open_pairs(w.core), 0);
    assert_int_equal(world_reserved(&w), 0);
    assert_int_equal(world_last_opportunity(&w)->outcome, ABI_OUTCOME_ONE_LEG);
    world_end(&w);
}

static void test_dust_is_booked_and_not_chased(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    world_fill(&w, &sell, sell.qty - 7); /* 0.00007 BTC: 4.55, below the least order of 5 */
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, sell.qty - 7);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0);
    const struct journal_exposure *exposure = out_find(&w.out, JOURNAL_EXPOSURE, 0);
    assert_int_equal(exposure->state, ABI_EXPOSURE_DUST);
    assert_int_equal(core_open_pairs(w.core), 0);
    struct abi_exposures exposures;
    core_view_exposures(w.core, &exposures);
    assert_int_equal(exposures.item[0].state, ABI_EXPOSURE_DUST);
    assert_int_equal(exposures.item[0].residual_qty, 7);
    world_end(&w);
}

static void test_killed_engine_does_not_hedge_until_the_kill_is_cleared(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_state(&w, JOURNAL_STATE_KILL, 0, 1);
    assert_int_equal(core_trading_state(w.core), ABI_STATE_KILLED);
    world_fill(&w, &buy, buy.qty);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0);
        w.now += 200 * MS;
        core_on_timer(w.core, w.now, &w.out);
    }
    world_state(&w, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE); /* the latch holds */
    assert_int_equal(core_trading_state(w.core), ABI_STATE_KILLED);
    world_state(&w, JOURNAL_STATE_KILL, 0, 0);
    assert_int_equal(core_trading_state(w.core), ABI_STATE_HALTED);
    w.now += 200 * MS;
    core_on_timer(w.core, w.now, &w.out);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1); /* HALTED hedges */
    world_end(&w);
}

static void test_hedge_waits_for_a_gateway_that_is_busy(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_state(&w, JOURNAL_STATE_GATEWAY, B, 0);
    world_fill(&w, &buy, buy.qty);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0);
    world_state(&w, JOURNAL_STATE_GATEWAY, B, 1);
    w.now = core_next_timer(w.core);
    core_on_timer(w.core, w.now, &w.out);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1);
    world_end(&w);
}

static void test_late_fill_is_booked_and_reopens_the_pair(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    world_report(&w, &buy, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);
    assert_int_equal(core_open_pairs(w.core), 0);
    struct journal_fill fill = world_fill(&w, &buy, buy.qty);
    assert_int_equal(fill.booked, 1);
    assert_int_equal(core_open_pairs(w.core), 1);
    const struct journal_order *hedge = out_find(&w.out, JOURNAL_ORDER, 0);
    assert_non_null(hedge);
    assert_int_equal(hedge->qty, buy.qty);
    assert_int_equal(world_last_opportunity(&w)->outcome, ABI_OUTCOME_ONE_LEG);
    struct abi_pnl pnl;
    core_view_pnl(w.core, &pnl);
    assert_int_equal(pnl.trades, 0); /* counted when it is final again */
    world_end(&w);
}

static void test_overfill_is_booked_and_halts(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    struct journal_fill fill = world_fill(&w, &buy, buy.qty + 1);
    assert_int_equal(fill.booked, 1); /* the money did move */
    assert_int_equal(core_trading_state(w.core), ABI_STATE_HALTED);
    assert_int_equal(w.out.state_changed, 1);
    world_end(&w);
}

static void test_fill_of_a_strange_order_changes_nothing_and_is_said(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    world_init(&w);
    world_pair(&w, &buy, &sell);
    int64_t before = world_account(&w, A, USDT).total_e8;
    struct journal_fill fill = fill_of(&buy, 6500000, 5, "x");
    fill.pair_id = 0;
    core_on_fill(w.core, &fill, w.now, &w.out);
    assert_int_equal(fill.booked, 0);
    assert_int_equal(core_trading_state(w.core), ABI_STATE_ACTIVE);
    fill = fill_of(&buy, 6500000, 5, "y");
    fill.side = ABI_SIDE_SELL;
    core_on_fill(w.core, &fill, w.now, &w.out);
    assert_int_equal(fill.booked, 0);
    assert_int_equal(out_count(&w.out, JOURNAL_ALARM), 1);
    assert_int_equal(core_trading_state(w.core), ABI_STATE_HALTED);
    assert_int_equal(world_account(&w, A, USDT).total_e8, before);
    assert_int_equal(world_counter(&w, ABI_COUNTER_FILLS_FOREIGN), 2);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap_sends_two_orders_with_safe_limits_and_reserves_both),
        cmocka_unit_test(test_every_interleaving_of_two_full_legs_ends_flat),
        cmocka_unit_test(test_every_interleaving_with_a_short_leg_sends_exactly_one_hedge),
        cmocka_unit_test(test_final_waits_for_its_fills_and_then_asks),
        cmocka_unit_test(test_unknown_keeps_its_reservation_blocks_the_symbol_and_ends_by_evidence_only),
        cmocka_unit_test(test_final_without_amount_is_unknown_not_zero),
        cmocka_unit_test(test_both_rejected_is_missed_and_frees_everything),
        cmocka_unit_test(test_hedge_ladder_is_bounded_and_ends_open),
        cmocka_unit_test(test_partial_hedges_never_exceed_the_residual),
        cmocka_unit_test(test_dust_is_booked_and_not_chased),
        cmocka_unit_test(test_killed_engine_does_not_hedge_until_the_kill_is_cleared),
        cmocka_unit_test(test_hedge_waits_for_a_gateway_that_is_busy),
        cmocka_unit_test(test_late_fill_is_booked_and_reopens_the_pair),
        cmocka_unit_test(test_overfill_is_booked_and_halts),
        cmocka_unit_test(test_fill_of_a_strange_order_changes_nothing_and_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
