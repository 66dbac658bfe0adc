/* Protects that a connection is replaced without a gap: the successor takes the place only when it delivers, nothing
 * that was said on either is lost or counted twice, and whatever fails on the way leaves one of the two in place. */
#include "booted.h"

#include "run/gateway.h"

static void quote_on(struct booted *b, int number, unsigned update_id, const char *bid) {
    char text[200];
    int size = snprintf(text, sizeof text,
                        "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":%u,\"s\":\"BTCUSDT\",\"b\":\"%s\","
                        "\"B\":\"1.00000000\",\"a\":\"70000.00000000\",\"A\":\"1.00000000\"}}",
                        update_id, bid);
    gateway_message(b->hot, (uint32_t)number, (const uint8_t *)text, (size_t)size, false, 0, clock_mono_ns());
}

static int64_t bid_of(struct booted *b) {
    return booted_quote(b, 0, BINANCE).bid_price;
}

/* The last thing that the courier was told about a connection; 0: nothing. */
static enum to_courier_kind told(struct booted *b) {
    struct to_courier message;
    enum to_courier_kind last = 0;
    while (spsc_pop(b->engine->to_courier, &message))
        if (message.kind != TO_COURIER_UNRESOLVED) last = message.kind;
    return last;
}

static int successor_of(struct booted *b, uint32_t venue, enum engine_role role) {
    return gateway_successor(b->hot, venue, role, 0);
}

static void house_at(struct booted *b, int64_t now) {
    b->hot->now = now;
    gateway_house(b->hot);
}

static void test_successor_takes_the_place_with_its_first_quote_and_the_old_one_is_closed(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_FEED), old = gateway->feed[0];
    quote_on(&b, old, 10, "60000.00000000");
    int new_end = booted_connect(&b, BINANCE, ENGINE_FEED), next = successor_of(&b, BINANCE, ENGINE_FEED);
    assert_true(next >= 0);
    quote_on(&b, old, 11, "60001.00000000");
    assert_int_equal(gateway->feed[0], old); /* it has delivered nothing yet */
    assert_int_equal(told(&b), 0);
    quote_on(&b, next, 11, "60001.00000000");
    assert_int_equal(gateway->feed[0], next);
    assert_false(b.hot->connection[old].used);
    assert_int_equal(told(&b), TO_COURIER_REPLACED);
    quote_on(&b, next, 12, "60002.00000000");
    assert_int_equal(bid_of(&b), 6000200);
    assert_int_equal(gateway->view.reconnects, 0);
    assert_int_equal(gateway->view.gaps, 0);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_older_of_two_connections_does_not_turn_prices_back(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC]; /* the successor's subscription is not confirmed */
    int old_end = booted_connect(&b, MEXC, ENGINE_FEED), old = gateway->feed[0];
    int new_end = booted_connect(&b, MEXC, ENGINE_FEED), next = successor_of(&b, MEXC, ENGINE_FEED);
    int64_t now = clock_mono_ns();
    assert_true(gateway_is_news(b.hot, (uint32_t)next, 0, 100, now));
    for (uint32_t second = 0; second < 10; second++) /* longer than numbering anew is waited for */
        assert_false(gateway_is_news(b.hot, (uint32_t)old, 0, 90 + second, now + second * SECOND));
    assert_int_equal(gateway->view.gaps, 0);
    assert_true(gateway_is_news(b.hot, (uint32_t)old, 0, 101, now));
    assert_true(gateway_is_news(b.hot, (uint32_t)old, 0, 0, now));   /* no numbers: the holder's word counts */
    assert_false(gateway_is_news(b.hot, (uint32_t)next, 0, 0, now)); /* alone */
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_node_that_lags_after_a_loss_is_waited_for_and_new_numbering_accepted(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int first_end = booted_connect(&b, BINANCE, ENGINE_FEED);
    quote_on(&b, gateway->feed[0], 1000, "60000.00000000");
    gateway_lost(b.hot, (uint32_t)gateway->feed[0], "test");
    assert_int_equal(bid_of(&b), 0);
    int second_end = booted_connect(&b, BINANCE, ENGINE_FEED);
    quote_on(&b, gateway->feed[0], 990, "59000.00000000");
    assert_int_equal(bid_of(&b), 0); /* a price of before the loss */
    quote_on(&b, gateway->feed[0], 1000, "60000.00000000");
    assert_int_equal(bid_of(&b), 6000000); /* what was known is right again */
    uint32_t number = (uint32_t)gateway->feed[0];
    int64_t now = clock_mono_ns();
    assert_false(gateway_is_news(b.hot, number, 0, 5, now));
    assert_false(gateway_is_news(b.hot, number, 0, 6, now + 2 * SECOND));
    assert_true(gateway_is_news(b.hot, number, 0, 7, now + 4 * SECOND));
    assert_int_equal(gateway->view.gaps, 1);
    assert_true(gateway_is_news(b.hot, number, 0, 8, now + 4 * SECOND));
    close(first_end);
    close(second_end);
    booted_end(&b);
}

static void test_holder_lost_early_leaves_the_place_to_its_successor(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int old_end = booted_connect(&b, MEXC, ENGINE_USER), old = gateway->user;
    int new_end = booted_connect(&b, MEXC, ENGINE_USER), next = successor_of(&b, MEXC, ENGINE_USER);
    gateway_lost(b.hot, (uint32_t)old, "test");
    assert_int_equal(gateway->user, next);
    assert_int_equal(told(&b), TO_COURIER_REPLACED); /* a third one is not to be opened */
    assert_int_equal(successor_of(&b, MEXC, ENGINE_USER), -1);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_successor_lost_early_leaves_the_holder_where_it_is(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_FEED), old = gateway->feed[0];
    quote_on(&b, old, 10, "60000.00000000");
    int new_end = booted_connect(&b, BINANCE, ENGINE_FEED);
    gateway_lost(b.hot, (uint32_t)successor_of(&b, BINANCE, ENGINE_FEED), "test");
    assert_int_equal(gateway->feed[0], old);
    assert_int_equal(told(&b), TO_COURIER_MISSED);
    assert_int_equal(bid_of(&b), 6000000);
    assert_int_equal(gateway->view.reconnects, 0);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_successor_without_data_gives_up_while_the_holder_has_some(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_FEED), old = gateway->feed[0];
    int new_end = booted_connect(&b, BINANCE, ENGINE_FEED), next = successor_of(&b, BINANCE, ENGINE_FEED);
    quote_on(&b, old, 10, "60000.00000000");
    int64_t since = b.hot->connection[next].subscribed_ns;
    b.hot->connection[next].frame_ns = b.hot->connection[old].frame_ns = since + 60 * SECOND; /* both alive */
    house_at(&b, since + 15 * SECOND);
    assert_int_equal(gateway->feed[0], old);
    house_at(&b, since + 21 * SECOND);
    assert_false(b.hot->connection[next].used);
    assert_int_equal(gateway->feed[0], old);
    assert_int_equal(told(&b), TO_COURIER_MISSED);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_silent_feed_is_replaced_by_one_that_is_as_silent(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_FEED);
    int new_end = booted_connect(&b, BINANCE, ENGINE_FEED), next = successor_of(&b, BINANCE, ENGINE_FEED);
    house_at(&b, b.hot->connection[next].subscribed_ns + 11 * SECOND);
    assert_int_equal(gateway->feed[0], next);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_replaced_order_connection_is_read_until_its_answers_have_come(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[BINANCE];
    int old_end = booted_connect(&b, BINANCE, ENGINE_ORDERS), old = gateway->orders[0];
    gateway_subscribed(b.hot, (uint32_t)old);
    int new_end = booted_connect(&b, BINANCE, ENGINE_ORDERS), next = successor_of(&b, BINANCE, ENGINE_ORDERS);
    assert_int_equal(gateway->orders[0], old); /* not logged on yet */
    gateway_subscribed(b.hot, (uint32_t)next);
    assert_int_equal(gateway->orders[0], next);
    assert_int_equal(b.hot->connection[old].duty, HOT_RETIRING);
    int64_t now = b.hot->now;
    b.hot->connection[next].frame_ns = now + 60 * SECOND;
    house_at(&b, now + 4 * SECOND);
    assert_true(b.hot->connection[old].used);
    house_at(&b, now + 6 * SECOND);
    assert_false(b.hot->connection[old].used);
    assert_int_equal(told(&b), TO_COURIER_REPLACED);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

static void test_http_connection_with_a_request_under_way_goes_after_its_answer(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int old_end = booted_connect(&b, MEXC, ENGINE_ORDERS), old = gateway->orders[0];
    b.hot->connection[old].busy_order_id = HOT_WARMING;
    b.hot->connection[old].busy_since_ns = b.hot->now;
    int new_end = booted_connect(&b, MEXC, ENGINE_ORDERS), next = gateway->orders[0];
    assert_int_not_equal(next, old);
    assert_true(b.hot->connection[old].used);
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assert_int_equal(send(old_end, answer, sizeof answer - 1, 0), (ssize_t)sizeof answer - 1);
    booted_poll(&b);
    assert_false(b.hot->connection[old].used);
    assert_int_equal(gateway->orders[0], next);
    close(old_end);
    close(new_end);
    booted_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_successor_takes_the_place_with_its_first_quote_and_the_old_one_is_closed),
        cmocka_unit_test(test_older_of_two_connections_does_not_turn_prices_back),
        cmocka_unit_test(test_node_that_lags_after_a_loss_is_waited_for_and_new_numbering_accepted),
        cmocka_unit_test(test_holder_lost_early_leaves_the_place_to_its_successor),
        cmocka_unit_test(test_successor_lost_early_leaves_the_holder_where_it_is),
        cmocka_unit_test(test_successor_without_data_gives_up_while_the_holder_has_some),
        cmocka_unit_test(test_silent_feed_is_replaced_by_one_that_is_as_silent),
        cmocka_unit_test(test_replaced_order_connection_is_read_until_its_answers_have_come),
        cmocka_unit_test(test_http_connection_with_a_request_under_way_goes_after_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
