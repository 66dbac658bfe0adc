/* Protects the way out of half a trade: arbitrage leaves the last connections to hedges, and an order leaves only on a
 * connection that is logged on, free and has nothing unsent. */
#include "trading.h"

static uint64_t refused_busy(struct trading *t) {
    struct abi_risk risk;
    core_view_risk(t->booted.hot->core, &risk);
    return risk.control[ABI_REFUSAL_GATEWAY_BUSY].denied;
}

static uint32_t requests_at_mexc(struct trading *t) {
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < TRADING_HTTP; slot++)
        count += strstr(trading_heard(t->mexc_orders[slot], false), "POST /api/v3/order?") != NULL;
    return count;
}

static void test_hedge_finds_a_connection_while_arbitrage_is_refused(void **state) {
    (void)state;
    struct trading t;
    trading_start(&t);
    struct hot *hot = t.booted.hot;
    trading_gap(&t, BTC, 6500000);
    assert_non_null(strstr(trading_heard(t.binance_orders, true), "order.place"));
    assert_int_equal(requests_at_mexc(&t), 1);
    assert_int_equal(core_open_pairs(hot->core), 1);
    assert_int_equal(refused_busy(&t), 0);
    trading_gap(&t, ETH, 320000); /* two connections are free, and kept */
    assert_string_equal(trading_heard(t.binance_orders, true), "");
    assert_int_equal(requests_at_mexc(&t), 0);
    assert_true(refused_busy(&t) > 0);
    assert_int_equal(core_open_pairs(hot->core), 1);

    const struct abi_order *buy = core_order(hot->core, 1), *sell = core_order(hot->core, 2);
    assert_int_equal(buy->venue, BINANCE);
    struct journal_fill fill = {.pair_id = buy->pair_id,
                                .order_id = buy->id,
                                .price = buy->price,
                                .qty = buy->qty,
                                .symbol = buy->symbol,
                                .venue = buy->venue,
                                .side = buy->side,
                                .fee_asset = hot->engine->setup.symbol[buy->symbol].quote_asset,
                                .trade_id = "1"};
    struct journal_report filled = {.pair_id = buy->pair_id,
                                    .order_id = buy->id,
                                    .venue = buy->venue,
                                    .kind = JOURNAL_REPORT_FINAL,
                                    .state = ABI_ORDER_FILLED,
                                    .cum_qty = buy->qty};
    struct journal_report expired = {.pair_id = sell->pair_id,
                                     .order_id = sell->id,
                                     .venue = sell->venue,
                                     .leg = sell->leg,
                                     .kind = JOURNAL_REPORT_FINAL,
                                     .state = ABI_ORDER_EXPIRED};
    apply_fill(hot, &fill);
    apply_report(hot, &filled);
    apply_report(hot, &expired); /* its connection still waits for the answer */
    assert_int_equal(requests_at_mexc(&t), 1);
    const struct abi_order *hedge = core_order(hot->core, 3);
    assert_non_null(hedge);
    assert_int_equal(hedge->venue, MEXC);
    assert_int_equal(hedge->qty, buy->qty);
    trading_end(&t);
}

static void test_connection_with_unsent_bytes_takes_no_order(void **state) {
    (void)state;
    struct trading t;
    trading_start(&t);
    struct hot *hot = t.booted.hot;
    uint32_t number = (uint32_t)hot->gateway[BINANCE].orders[0];
    char junk[2048];
    memset(junk, 'x', sizeof junk);
    while (!uring_has_unsent(hot->ring, number)) /* nobody reads at the other end */
        assert_int_equal(send_text(hot, number, junk, sizeof junk), 0);
    assert_false(send_is_free(hot, number));
    gateway_capacity(hot, BINANCE);
    assert_int_equal(hot->gateway[BINANCE].capacity_told, 0);
    trading_gap(&t, BTC, 6500000);
    assert_int_equal(core_open_pairs(hot->core), 0);
    assert_int_equal(requests_at_mexc(&t), 0);
    assert_true(refused_busy(&t) > 0);
    trading_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hedge_finds_a_connection_while_arbitrage_is_refused),
        cmocka_unit_test(test_connection_with_unsent_bytes_takes_no_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
