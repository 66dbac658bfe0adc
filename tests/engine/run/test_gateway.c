/* Connections that look alive and are not, pairs of which only one leg has somewhere to go, a journal that nobody
 * empties: each must end in something that a person or the engine can leave. */
#include "booted.h"

static void house_at(struct booted *b, int64_t now) {
    b->hot->now = now;
    gateway_house(b->hot);
}

static void test_subscription_that_is_never_confirmed_is_started_over(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int venue = booted_connect(&b, MEXC, ENGINE_USER);
    int64_t since = b.hot->connection[b.hot->gateway[MEXC].user].added_ns;
    house_at(&b, since + 9 * SECOND);
    assert_false(booted_told_lost(&b, MEXC, ENGINE_USER));
    house_at(&b, since + 11 * SECOND);
    assert_true(booted_told_lost(&b, MEXC, ENGINE_USER));
    assert_int_equal(b.hot->gateway[MEXC].user, -1);
    close(venue);
    booted_end(&b);
}

static void test_connection_that_says_nothing_any_more_is_opened_anew(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int venue = booted_connect(&b, BINANCE, ENGINE_ORDERS);
    uint8_t bytes[4096];
    (void)booted_arrived(venue, bytes, sizeof bytes); /* the subscription */
    b.hot->connection[b.hot->gateway[BINANCE].orders[0]].subscribed = true;
    int64_t since = b.hot->connection[b.hot->gateway[BINANCE].orders[0]].frame_ns;
    house_at(&b, since + 16 * SECOND);
    assert_true(booted_arrived(venue, bytes, sizeof bytes) > 0); /* it was pinged */
    assert_int_equal(bytes[0], 0x89);
    house_at(&b, since + 25 * SECOND);
    assert_false(booted_told_lost(&b, BINANCE, ENGINE_ORDERS));
    house_at(&b, since + 27 * SECOND);
    assert_true(booted_told_lost(&b, BINANCE, ENGINE_ORDERS));
    close(venue);
    booted_end(&b);
}

static void test_feed_lost_while_the_venue_is_down_anyway_takes_its_prices_along(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int venue = booted_connect(&b, BINANCE, ENGINE_FEED); /* no order connection: DOWN all the time */
    assert_int_equal(b.hot->gateway[BINANCE].view.state, ABI_VENUE_DOWN);
    struct journal_quote quote = {.bid_price = 100,
                                  .bid_qty = 1,
                                  .ask_price = 101,
                                  .ask_qty = 1,
                                  .recv_ns = b.hot->now,
                                  .venue_seq = 1000,
                                  .venue = BINANCE};
    apply_quote(b.hot, &quote, 0);
    gateway_lost(b.hot, (uint32_t)b.hot->gateway[BINANCE].feed[0], "test");
    quote.venue_seq = 1; /* the next connection numbers anew */
    quote.bid_price = 99;
    quote.recv_ns = clock_mono_ns();
    apply_quote(b.hot, &quote, 0);
    struct abi_book book;
    core_view_book(b.hot->core, BINANCE, 0, &book);
    assert_int_equal(book.quote[0].bid_price, 99);
    close(venue);
    booted_end(&b);
}

static void test_venue_that_says_too_many_is_left_alone_for_a_second(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int orders = booted_connect(&b, MEXC, ENGINE_ORDERS), user = booted_connect(&b, MEXC, ENGINE_USER);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    b.hot->connection[gateway->user].subscribed = true;
    gateway_house(b.hot);
    assert_int_equal(gateway->capacity_told, 1);
    struct venue_message *message = &b.hot->message;
    memset(message, 0, sizeof *message);
    message->verdict = VENUE_ERROR;
    message->error_class = VENUE_CLASS_RATE;
    order_message(b.hot, (uint32_t)gateway->orders[0], message);
    assert_int_equal(gateway->capacity_told, 0);
    house_at(&b, b.hot->now + SECOND / 2);
    assert_int_equal(gateway->capacity_told, 0);
    house_at(&b, b.hot->now + SECOND);
    assert_int_equal(gateway->capacity_told, 1);
    close(orders);
    close(user);
    booted_end(&b);
}

static void test_leg_stays_at_home_when_the_other_has_no_connection(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int venue = booted_connect(&b, BINANCE, ENGINE_ORDERS);
    uint8_t bytes[4096];
    (void)booted_arrived(venue, bytes, sizeof bytes);
    struct journal_order leg[2] = {
        {.pair_id = 1, .order_id = 1, .price = 6500000, .qty = 1000, .side = ABI_SIDE_BUY},
        {.pair_id = 1, .order_id = 2, .price = 6500000, .qty = 1000, .venue = MEXC, .leg = 1}};
    leg[1].side = ABI_SIDE_SELL;
    leg[0].kind = leg[1].kind = JOURNAL_ORDER_ARB;
    core_client_id(1, 0, leg[0].client_id);
    core_client_id(1, 1, leg[1].client_id);
    const struct journal_order *orders[2] = {&leg[0], &leg[1]};
    send_orders(b.hot, orders, 2, 0);
    assert_int_equal(booted_arrived(venue, bytes, sizeof bytes), 0);
    assert_int_equal(b.hot->gateway[BINANCE].view.orders_sent, 0);
    close(venue);
    booted_end(&b);
}

/* The disk refuses for hours: commands, balances and alarms leave the last of the tail to orders and fills; when even
 * that is used up, nothing happens any more that is not written. */
static void test_full_tail_ends_the_engine_in_order_and_sends_nothing_unwritten(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct journal_command command = {.status = COMMAND_REFUSED};
    struct journal_balance balance = {.reason = JOURNAL_BALANCE_VENUE};
    for (uint32_t i = 0; i < JOURNAL_TAIL_RECORDS + 10; i++) {
        apply_fact(b.hot, JOURNAL_COMMAND, &command, sizeof command);
        apply_balance(b.hot, &balance);
    }
    apply_alarm(b.hot, ABI_ALARM_ATTENTION, "TEST", "still shown");
    assert_string_equal(b.hot->alarms.item[0].code, "TEST");
    assert_false(b.hot->journal_full);
    assert_true(journal_free(b.engine->tail) >= HOT_JOURNAL_RESERVE / 2);
    for (uint32_t i = 0; i < HOT_JOURNAL_RESERVE && !b.hot->journal_full; i++)
        apply_timer(b.hot);
    assert_true(b.hot->journal_full);
    uint64_t last = journal_last_seq(b.engine->tail);
    apply_timer(b.hot);
    assert_int_equal(journal_last_seq(b.engine->tail), last);
    booted_end(&b);
}

static void test_kill_is_latched_on_disk_although_the_hot_thread_is_stuck(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct command_request request = {.command = "kill", .actor = "test", .state_version = -1, .args = "{}"};
    struct command_answer *answer = calloc(1, sizeof *answer);
    struct error_trail trail = {0};
    b.engine->commands = command_open(b.engine->paths.socket, engine_command, b.engine, &trail);
    assert_non_null(b.engine->commands);
    engine_command(b.engine, &request, answer);
    assert_int_equal(answer->status, COMMAND_ACCEPTED);
    assert_int_equal(access(b.engine->paths.kill_file, F_OK), 0);
    free(answer);
    booted_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscription_that_is_never_confirmed_is_started_over),
        cmocka_unit_test(test_connection_that_says_nothing_any_more_is_opened_anew),
        cmocka_unit_test(test_feed_lost_while_the_venue_is_down_anyway_takes_its_prices_along),
        cmocka_unit_test(test_venue_that_says_too_many_is_left_alone_for_a_second),
        cmocka_unit_test(test_leg_stays_at_home_when_the_other_has_no_connection),
        cmocka_unit_test(test_full_tail_ends_the_engine_in_order_and_sends_nothing_unwritten),
        cmocka_unit_test(test_kill_is_latched_on_disk_although_the_hot_thread_is_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
