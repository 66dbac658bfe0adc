/* Protects what a session stands for: nothing but the logon leaves before the venue has agreed, and nothing at all
 * after it has said that the session is over, until the next connection is logged on. */
#include "trading.h"

static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
                                  "-----END PRIVATE KEY-----\n";
static const char logon[] = "{\"id\":\"logon\",\"method\":\"session.logon\",\"params\":{}}";
static const char agreed[] = "{\"id\":\"logon\",\"status\":200,\"result\":{\"apiKey\":\"k\",\"authorizedSince\":1,"
                             "\"connectedSince\":1,\"returnRateLimits\":false,\"serverTime\":1,"
                             "\"userDataStream\":false}}";

static void session_boot(struct trading *t) {
    struct error_trail trail = {0};
    booted_start(&t->booted);
    struct engine *engine = t->booted.engine;
    struct gateway *gateway = &t->booted.hot->gateway[BINANCE];
    engine_order_forms_free(engine);
    engine->settings.venue[BINANCE].key_type = SETTINGS_KEY_ED25519;
    snprintf(engine->settings.venue[BINANCE].secret, sizeof engine->settings.venue[BINANCE].secret, "%s",
             private_key);
    assert_int_equal(engine_order_forms_make(engine, &trail), 0);
    for (uint32_t v = 0; v < 2; v++)
        t->booted.hot->gateway[v].form = engine->form[v];
    assert_int_equal(gateway->keys->type, VENUE_KEY_ED25519);
    trading_connect_all(t, logon);
}

static void agree(struct trading *t) {
    trading_say(t, t->binance_orders, agreed);
    assert_non_null(strstr(trading_heard(t->binance_orders, true), "\"method\":\"userDataStream.subscribe\"}"));
    trading_say(t, t->binance_orders, "{\"id\":1,\"status\":200,\"result\":{\"subscriptionId\":0}}");
    gateway_house(t->booted.hot);
    assert_int_equal(t->booted.hot->gateway[BINANCE].view.state, ABI_VENUE_UP);
}

static void test_nothing_but_the_logon_leaves_before_the_venue_agrees(void **state) {
    (void)state;
    struct trading t;
    session_boot(&t);
    assert_string_equal(trading_heard(t.binance_orders, true), logon);
    trading_calm(&t);
    trading_gap(&t, BTC, 6500000);
    assert_int_equal(core_open_pairs(t.booted.hot->core), 0);
    assert_string_equal(trading_heard(t.binance_orders, true), "");
    assert_false(send_is_free(t.booted.hot, (uint32_t)t.booted.hot->gateway[BINANCE].orders[0]));
    agree(&t);
    trading_calm(&t);
    trading_gap(&t, BTC, 6500000);
    const char *order = trading_heard(t.binance_orders, true);
    assert_non_null(strstr(order, "order.place"));
    assert_null(strstr(order, "apiKey"));
    assert_null(strstr(order, "signature"));
    trading_end(&t);
}

static void test_refused_logon_is_shown_in_the_venues_words_and_nothing_leaves(void **state) {
    (void)state;
    struct trading t;
    session_boot(&t);
    (void)trading_heard(t.binance_orders, true);
    trading_say(&t, t.binance_orders,
                "{\"id\":\"logon\",\"status\":400,\"error\":{\"code\":-1021,\"msg\":\"Too late for us.\"}}");
    const struct abi_venue *view = &t.booted.hot->gateway[BINANCE].view;
    assert_int_equal(view->state, ABI_VENUE_DOWN);
    assert_string_equal(view->reason, "logon refused: Too late for us. (code -1021)");
    trading_say(&t, t.binance_orders,
                "{\"id\":\"logon\",\"status\":401,\"error\":{\"code\":-2015,\"msg\":\"Invalid API-key.\"}}");
    assert_int_equal(view->state, ABI_VENUE_OFF);
    assert_non_null(strstr(view->reason, "Invalid API-key."));
    trading_calm(&t);
    trading_gap(&t, BTC, 6500000);
    assert_string_equal(trading_heard(t.binance_orders, true), "");
    trading_end(&t);
}

static void test_order_refused_for_the_lost_session_is_hedged_on_the_next_one_only(void **state) {
    (void)state;
    struct trading t;
    char answer[200];
    session_boot(&t);
    (void)trading_heard(t.binance_orders, true);
    agree(&t);
    trading_calm(&t);
    trading_gap(&t, BTC, 6500000);
    struct hot *hot = t.booted.hot;
    assert_non_null(strstr(trading_heard(t.binance_orders, true), "order.place"));
    const struct abi_order *buy = core_order(hot->core, 1), *sell = core_order(hot->core, 2);
    struct journal_fill fill = {.pair_id = sell->pair_id,
                                .order_id = sell->id,
                                .price = sell->price,
                                .qty = sell->qty,
                                .symbol = sell->symbol,
                                .venue = sell->venue,
                                .leg = sell->leg,
                                .side = sell->side,
                                .fee_asset = hot->engine->setup.symbol[sell->symbol].quote_asset,
                                .trade_id = "1"};
    struct journal_report filled = {.pair_id = sell->pair_id,
                                    .order_id = sell->id,
                                    .venue = sell->venue,
                                    .leg = sell->leg,
                                    .kind = JOURNAL_REPORT_FINAL,
                                    .state = ABI_ORDER_FILLED,
                                    .cum_qty = sell->qty};
    apply_fill(hot, &fill);
    apply_report(hot, &filled);
    snprintf(answer, sizeof answer,
             "{\"id\":\"%s\",\"status\":400,\"error\":{\"code\":-1102,\"msg\":\"Mandatory parameter 'apiKey'\"}}",
             buy->client_id);
    trading_say(&t, t.binance_orders, answer);
    assert_int_equal(core_order(hot->core, 1)->state, ABI_ORDER_REJECTED);
    assert_int_equal(hot->gateway[BINANCE].view.state, ABI_VENUE_DOWN);
    assert_true(booted_told_lost(&t.booted, BINANCE, ENGINE_ORDERS));
    assert_null(core_order(hot->core, 3)); /* it is to be hedged at Binance, and waits */
    assert_string_equal(trading_heard(t.binance_orders, true), "");
    close(t.binance_orders);

    t.binance_orders = trading_connect(&t, BINANCE, ENGINE_ORDERS, 0, logon);
    assert_string_equal(trading_heard(t.binance_orders, true), logon);
    trading_say(&t, t.binance_orders, agreed);
    (void)trading_heard(t.binance_orders, true);
    trading_say(&t, t.binance_orders, "{\"id\":2,\"status\":200,\"result\":{\"subscriptionId\":0}}");
    gateway_house(hot);
    while (core_next_timer(hot->core) > clock_mono_ns())
        continue;
    apply_timer(hot);
    assert_non_null(strstr(trading_heard(t.binance_orders, true), "order.place"));
    assert_int_equal(core_order(hot->core, 3)->venue, BINANCE);
    trading_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_but_the_logon_leaves_before_the_venue_agrees),
        cmocka_unit_test(test_refused_logon_is_shown_in_the_venues_words_and_nothing_leaves),
        cmocka_unit_test(test_order_refused_for_the_lost_session_is_hedged_on_the_next_one_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
