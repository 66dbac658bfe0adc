/* Protects the seams between the hot thread's parts: a connection that goes while others of its turn are read, and an
 * order whose connection has ended although nobody has been told yet. */
#include "trading.h"

#include "run/gateway.h"

static const char quote_text[] =
    "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":11,\"s\":\"BTCUSDT\",\"b\":\"60001.00000000\","
    "\"B\":\"1.00000000\",\"a\":\"70000.00000000\",\"A\":\"1.00000000\"}}";

static void quote_from(int end) {
    uint8_t frame[512];
    size_t size = sizeof quote_text - 1;
    frame[0] = 0x81;
    frame[1] = 126;
    frame[2] = (uint8_t)(size >> 8);
    frame[3] = (uint8_t)size;
    memcpy(frame + 4, quote_text, size);
    assert_int_equal(send(end, frame, size + 4, 0), (ssize_t)size + 4);
}

/* A venue that closes the old connection as the new one delivers: both are told in one turn. */
static void test_old_feed_that_ends_in_the_turn_that_replaces_it_is_closed_once(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_FEED), old = gateway->feed[0];
    int new_end = booted_connect(&b, BINANCE, ENGINE_FEED);
    int next = gateway_successor(b.hot, BINANCE, ENGINE_FEED, 0);
    struct uring_event event[2], got[2];
    assert_int_equal(uring_poll(b.hot->ring, 0, got, 2), 0);
    quote_from(new_end);
    close(old_end);
    for (int count = 0; count < 2;) {
        assert_int_equal(uring_poll(b.hot->ring, SECOND, got, 1), 1);
        event[got[0].kind == URING_CLOSED] = got[0];
        count++;
    }
    assert_int_equal(event[0].connection, (uint32_t)next);
    assert_int_equal(event[1].connection, (uint32_t)old);
    hot_turn(b.hot, event, 2);
    assert_int_equal(gateway->feed[0], next);
    assert_true(b.hot->connection[next].used);
    assert_false(b.hot->connection[old].used);
    assert_int_equal(booted_quote(&b, 0, BINANCE).bid_price, 6000100);
    assert_int_equal(gateway->view.reconnects, 0);
    close(new_end);
    booted_end(&b);
}

/* The kernel has told the ring, the ring has not told us: the hedge takes a connection that lives. */
static void test_order_does_not_take_a_connection_that_has_ended(void **state) {
    (void)state;
    struct trading t;
    trading_start(&t);
    struct hot *hot = t.booted.hot;
    uint32_t first = (uint32_t)hot->gateway[MEXC].orders[0];
    uring_break(hot->ring, first);
    assert_false(send_is_free(hot, first));
    trading_gap(&t, BTC, 6500000);
    assert_non_null(strstr(trading_heard(t.binance_orders, true), "order.place"));
    assert_string_equal(trading_heard(t.mexc_orders[0], false), "");
    assert_non_null(strstr(trading_heard(t.mexc_orders[1], false), "POST /api/v3/order?"));
    assert_int_equal(core_order(hot->core, 1)->state, ABI_ORDER_SENT);
    assert_int_equal(core_order(hot->core, 2)->state, ABI_ORDER_SENT);
    trading_end(&t);
}

/* Nothing was handed to the kernel, so nothing can exist at a venue: both legs are over, and nobody is asked. */
static void test_pair_that_cannot_leave_is_not_sent_rather_than_unknown(void **state) {
    (void)state;
    struct trading t;
    trading_start(&t);
    struct hot *hot = t.booted.hot;
    uring_break(hot->ring, (uint32_t)hot->gateway[BINANCE].orders[0]);
    trading_gap(&t, BTC, 6500000);
    assert_int_equal(core_order(hot->core, 1)->state, ABI_ORDER_NEVER_ACCEPTED);
    assert_int_equal(core_order(hot->core, 2)->state, ABI_ORDER_NEVER_ACCEPTED);
    assert_int_equal(core_open_pairs(hot->core), 0);
    for (uint32_t slot = 0; slot < TRADING_HTTP; slot++)
        assert_string_equal(trading_heard(t.mexc_orders[slot], false), "");
    trading_end(&t);
}

/* Binance ends a private stream now and then; its order connection, hours old, carries the new one. */
static void test_private_stream_asked_for_again_has_its_time_to_be_confirmed(void **state) {
    (void)state;
    struct trading t;
    trading_start(&t);
    struct hot *hot = t.booted.hot;
    uint32_t number = (uint32_t)hot->gateway[BINANCE].orders[0];
    hot->connection[number].added_ns -= 3600 * SECOND;
    trading_say(&t, t.binance_orders, "{\"subscriptionId\":0,\"event\":{\"e\":\"eventStreamTerminated\",\"E\":1}}");
    assert_non_null(strstr(trading_heard(t.binance_orders, true), "userDataStream.subscribe.signature"));
    assert_int_equal(hot->gateway[BINANCE].view.state, ABI_VENUE_DOWN);
    gateway_house(hot);
    assert_true(hot->connection[number].used);
    trading_say(&t, t.binance_orders, "{\"id\":2,\"status\":200,\"result\":{\"subscriptionId\":1}}");
    assert_int_equal(hot->gateway[BINANCE].view.state, ABI_VENUE_UP);
    trading_end(&t);
}

/* The counter jumped an hour ahead and was given up: time stands still for the core, so the next start takes over. */
static void test_clock_that_jumped_ahead_ends_the_engine_instead_of_its_timers(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int64_t now = clock_mono_ns();
    (void)hot_timers(b.hot, now);
    b.hot->now = now + SECOND / 2; /* what a busy host does to the comparison is no jump */
    (void)hot_timers(b.hot, now);
    assert_false(b.hot->clock_jumped);
    b.hot->now = now + 3600 * SECOND;
    (void)hot_timers(b.hot, now);
    assert_true(b.hot->clock_jumped);
    booted_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_feed_that_ends_in_the_turn_that_replaces_it_is_closed_once),
        cmocka_unit_test(test_order_does_not_take_a_connection_that_has_ended),
        cmocka_unit_test(test_pair_that_cannot_leave_is_not_sent_rather_than_unknown),
        cmocka_unit_test(test_private_stream_asked_for_again_has_its_time_to_be_confirmed),
        cmocka_unit_test(test_clock_that_jumped_ahead_ends_the_engine_instead_of_its_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
