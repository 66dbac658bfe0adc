/* Protects what people read about opportunities: one gap is one line, a refusal is recorded once per episode and
 * reason however many quotes repeat it, and the line says in the end what became of its orders. */
#include "harness.h"

static void gap_refused(struct world *w, int64_t after_ns) {
    w->now += after_ns;
    world_quote(w, BTC, A, 6499980, 6500000, 100000);
    world_quote(w, BTC, B, 6526000, 6526020, 100000);
}

static void test_quotes_less_than_a_second_apart_are_one_episode(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    world_state(&w, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED);
    uint32_t refusals = 0;
    for (int i = 0; i < 100; i++) {
        gap_refused(&w, SEC - 1);
        refusals += out_count(&w.out, JOURNAL_REFUSAL);
    }
    assert_int_equal(core_last_opportunity_id(w.core), 1);
    assert_int_equal(refusals, 1);
    assert_int_equal(world_last_opportunity(&w)->quotes, 199); /* the first A quote had no gap yet */
    assert_int_equal(world_last_opportunity(&w)->outcome, ABI_OUTCOME_REFUSED);
    assert_int_equal(world_last_opportunity(&w)->gross_bps_e4, 400000);
    gap_refused(&w, SEC);
    assert_int_equal(core_last_opportunity_id(w.core), 2);
    w.now += SEC;
    world_mark(&w);
    const struct journal_episode *episode = out_find(&w.out, JOURNAL_EPISODE, 0);
    assert_non_null(episode);
    assert_int_equal(episode->opportunity_id, 2);
    assert_int_equal(episode->refusal, ABI_REFUSAL_TRADING_STATE);
    struct abi_counters counters;
    core_view_counters(w.core, &counters);
    assert_int_equal(counters.value[ABI_COUNTER_OPPORTUNITIES], 2);
    assert_int_equal(counters.value[ABI_COUNTER_REFUSED], 2);
    assert_int_equal(counters.value[ABI_COUNTER_TAKEN], 0);
    assert_int_equal(counters.refused[ABI_REFUSAL_TRADING_STATE], 2);
    world_mark(&w);
    assert_int_equal(out_count(&w.out, JOURNAL_EPISODE), 0); /* ends once */
    world_end(&w);
}

static void test_another_reason_in_the_same_episode_is_recorded_too(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    world_state(&w, JOURNAL_STATE_STRATEGY, 0, ABI_STRATEGY_PAUSED);
    gap_refused(&w, MS);
    assert_int_equal(out_count(&w.out, JOURNAL_REFUSAL), 1);
    world_state(&w, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED);
    w.now += MS;
    world_quote(&w, BTC, B, 6526000, 6526020, 100000);
    assert_int_equal(out_count(&w.out, JOURNAL_REFUSAL), 1);
    assert_int_equal(world_last_opportunity(&w)->refusal, ABI_REFUSAL_TRADING_STATE);
    struct abi_strategy strategy;
    core_view_strategy(w.core, 0, &strategy);
    assert_int_equal(strategy.seen, 1);
    assert_int_equal(strategy.refused_by[ABI_REFUSAL_STRATEGY_STATE], 1);
    assert_int_equal(strategy.refused_by[ABI_REFUSAL_TRADING_STATE], 1);
    world_end(&w);
}

static void test_an_outcome_after_the_end_is_journalled_again(void **state) {
    (void)state;
    struct world w;
    struct journal_order buy, sell;
    setup_default(&w.setup);
    w.setup.limits.answer_timeout_ns = 60 * SEC;
    world_start(&w);
    world_pair(&w, &buy, &sell);
    w.now += 2 * SEC;
    world_mark(&w);
    const struct journal_episode *episode = out_find(&w.out, JOURNAL_EPISODE, 0);
    assert_int_equal(episode->outcome, ABI_OUTCOME_SENT);
    world_fill(&w, &buy, buy.qty);
    world_fill(&w, &sell, sell.qty);
    episode = out_find(&w.out, JOURNAL_EPISODE, 0);
    assert_non_null(episode);
    assert_int_equal(episode->outcome, ABI_OUTCOME_BOTH);
    assert_int_equal(episode->pair_id, buy.pair_id);
    assert_int_equal(episode->pnl_e8, INT64_C(24698) * buy.qty * 10);
    assert_int_equal(core_opportunity(w.core, 1)->outcome, ABI_OUTCOME_BOTH);
    world_end(&w);
}

/* Edges compared exactly: the least bid that qualifies, and the one below. */
static void edge_case(int64_t spread, int64_t net, int64_t bid, bool seen) {
    struct world w;
    setup_default(&w.setup);
    w.setup.params[0].value[CORE_PARAM_MIN_SPREAD_BPS_E4] = spread;
    w.setup.params[0].value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = net;
    world_start(&w);
    w.now += MS;
    world_quote(&w, BTC, B, bid, bid + 20, 100000);
    assert_int_equal(core_last_opportunity_id(w.core), seen);
    if (seen) { /* at the limits themselves the least net edge is still there */
        const struct journal_intent *intent = out_find(&w.out, JOURNAL_INTENT, 0);
        assert_non_null(intent);
        assert_true((__int128)intent->sell_price * (100000000 - 50000) >=
                    (__int128)intent->buy_price * (100000000 + 100000 + net));
    }
    world_end(&w);
}

static void test_edges_are_compared_exactly(void **state) {
    (void)state;
    edge_case(400000, 0, 6526000, true); /* 40 bps gross, to the unit */
    edge_case(400000, 0, 6525999, false);
    /* net: bid x 0.9995 >= 6,500,000 x (1.001 + 0.0002 + 0.0010): 6,517,559 */
    edge_case(0, 100000, 6517559, true);
    edge_case(0, 100000, 6517558, false);
}

static void test_best_now_tells_the_edge_and_what_is_needed(void **state) {
    (void)state;
    struct world w;
    struct abi_strategy strategy;
    world_init(&w);
    world_quote(&w, BTC, B, 6503900, 6504000, 100000);
    world_mark(&w);
    core_view_strategy(w.core, 0, &strategy);
    assert_int_equal(strategy.best_symbol, BTC);
    assert_int_equal(strategy.best_buy_venue, A);
    assert_int_equal(strategy.best_sell_venue, B);
    assert_int_equal(strategy.best_gross_bps_e4, 60000); /* 3,900 of 6,500,000 */
    assert_int_equal(strategy.best_net_bps_e4, 60000 - 150030 - 20000);
    assert_int_equal(strategy.best_need_bps_e4, 180091); /* (10 + 5 + 2 + 1) / 0.9995, up */
    w.now += 251 * MS;
    world_mark(&w);
    core_view_strategy(w.core, 0, &strategy);
    assert_true(strategy.best_net_bps_e4 == INT64_MIN); /* too old to say */
    world_end(&w);
}

static void test_older_quotes_are_dropped_and_a_restarted_venue_is_heard_again(void **state) {
    (void)state;
    struct world w;
    struct abi_book book;
    world_init(&w);
    struct journal_quote quote = {.bid_price = 100,
                                  .bid_qty = 1,
                                  .ask_price = 101,
                                  .ask_qty = 1,
                                  .recv_ns = w.now,
                                  .venue_seq = 50,
                                  .symbol = BTC,
                                  .venue = A};
    core_on_quote(w.core, &quote, w.now, &w.out);
    quote.venue_seq = 49;
    quote.bid_price = 90;
    w.now += MS;
    quote.recv_ns = w.now;
    core_on_quote(w.core, &quote, w.now, &w.out);
    core_view_book(w.core, A, 0, &book);
    assert_int_equal(book.quote[BTC].bid_price, 100);
    assert_int_equal(book.quote[BTC].recv_mono_ns, w.now - MS); /* not fresher for it */
    assert_int_equal(world_counter(&w, ABI_COUNTER_QUOTES_STALE), 1);
    world_state(&w, JOURNAL_STATE_VENUE, A, ABI_VENUE_DOWN);
    core_view_book(w.core, A, 0, &book);
    assert_int_equal(book.quote[BTC].bid_price, 0);
    world_state(&w, JOURNAL_STATE_VENUE, A, ABI_VENUE_UP);
    quote.venue_seq = 1;
    core_on_quote(w.core, &quote, w.now, &w.out);
    core_view_book(w.core, A, 0, &book);
    assert_int_equal(book.quote[BTC].bid_price, 90);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_less_than_a_second_apart_are_one_episode),
        cmocka_unit_test(test_another_reason_in_the_same_episode_is_recorded_too),
        cmocka_unit_test(test_an_outcome_after_the_end_is_journalled_again),
        cmocka_unit_test(test_edges_are_compared_exactly),
        cmocka_unit_test(test_best_now_tells_the_edge_and_what_is_needed),
        cmocka_unit_test(test_older_quotes_are_dropped_and_a_restarted_venue_is_heard_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
