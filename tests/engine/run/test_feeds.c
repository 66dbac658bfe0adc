/* Protects that a venue's symbols are spread over as many connections as its limits need, that what one of them loses
 * or is refused costs the others nothing, and that connections are kept alive as their kind needs it. */
#include "booted.h"

#include "run/feed_plan.h"
#include "run/gateway.h"

#define TOPIC "spot@public.aggre.bookTicker.v3.api.pb@10ms@"

/* As the booted configuration, with one symbol on each connection. */
static void spread_start(struct booted *b) {
    booted_start(b);
    b->engine->settings.venue[MEXC].feed_symbols_max = 1;
    gateway_init(b->hot, MEXC);
}

static int connect_slot(struct booted *b, uint32_t venue, enum engine_role role, uint32_t slot) {
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct to_hot message = {.kind = TO_HOT_CONNECTION, .venue = venue, .role = role, .slot = slot, .fd = ends[0]};
    gateway_add(b->hot, &message);
    return ends[1];
}

static void say(struct booted *b, int number, const char *text) {
    gateway_message(b->hot, (uint32_t)number, (const uint8_t *)text, strlen(text), false, 0, clock_mono_ns());
}

static void house_at(struct booted *b, int64_t now) {
    b->hot->now = now;
    gateway_house(b->hot);
}

static void hold_quote(struct booted *b, uint32_t symbol) {
    struct journal_quote quote = {.bid_price = 100,
                                  .bid_qty = 1,
                                  .ask_price = 101,
                                  .ask_qty = 1,
                                  .recv_ns = clock_mono_ns(),
                                  .venue_seq = 7,
                                  .symbol = symbol,
                                  .venue = MEXC};
    apply_quote(b->hot, &quote, 0);
}

static void test_each_symbol_travels_on_one_connection_and_none_carries_too_many(void **state) {
    (void)state;
    static struct settings_engine settings;
    settings.symbol_count = ABI_SYMBOL_MAX;
    for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++) {
        settings.symbol[s].venue[0].traded = true;
        snprintf(settings.symbol[s].venue[0].name, sizeof settings.symbol[s].venue[0].name,
                 "A_SYMBOL_OF_THE_LONGEST_NM%05u", s);
    }
    static const struct {
        const char *kind;
        uint32_t connections, most;
    } expected[] = {{"mexc", 35, 30}, {"binance", 8, 128}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct venue_ops *ops = venue_ops_find(expected[i].kind);
        uint32_t count = feed_plan_count(&settings, 0, ops), seen[ABI_SYMBOL_MAX] = {0};
        assert_int_equal(count, expected[i].connections);
        for (uint32_t slot = 0; slot < count; slot++) {
            struct venue_text names[VENUE_FEED_SYMBOLS_MAX];
            uint32_t symbols[VENUE_FEED_SYMBOLS_MAX];
            uint32_t carried = feed_plan_symbols(&settings, 0, ops, slot, names, symbols);
            assert_in_range(carried, 1, expected[i].most);
            for (uint32_t s = 0; s < carried; s++)
                seen[symbols[s]]++;
            char text[12288]; /* of a target; a subscription must fit a frame */
            assert_true(ops->feed_path(names, carried, text, sizeof text) > 0);
            assert_true(ops->feed_subscribe(names, carried, UINT64_MAX, text, HOT_FRAME_SIZE - 64) >= 0);
        }
        for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++)
            assert_int_equal(seen[s], 1);
    }
}

static void test_wish_for_few_symbols_a_connection_needs_no_more_than_there_is_room_for(void **state) {
    (void)state;
    static struct settings_engine settings;
    settings.symbol_count = ABI_SYMBOL_MAX;
    for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++)
        settings.symbol[s].venue[0].traded = true;
    settings.venue[0].feed_symbols_max = 1;
    assert_int_equal(feed_plan_count(&settings, 0, venue_ops_find("mexc")), ENGINE_FEED_MAX);
    settings.symbol_count = 3;
    assert_int_equal(feed_plan_count(&settings, 0, venue_ops_find("mexc")), 3);
}

static void test_lost_connection_takes_its_own_prices_along_and_leaves_the_others(void **state) {
    (void)state;
    struct booted b;
    spread_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int end[5];
    for (uint32_t slot = 0; slot < 3; slot++)
        end[slot] = connect_slot(&b, MEXC, ENGINE_FEED, slot);
    end[3] = booted_connect(&b, MEXC, ENGINE_ORDERS);
    end[4] = booted_connect(&b, MEXC, ENGINE_USER);
    for (uint32_t slot = 0; slot < 3; slot++)
        gateway_subscribed(b.hot, (uint32_t)gateway->feed[slot]);
    gateway_subscribed(b.hot, (uint32_t)gateway->user);
    gateway_state(b.hot, MEXC);
    assert_int_equal(gateway->view.state, ABI_VENUE_UP);
    assert_int_equal(gateway->view.feed_connections_up, 3);
    for (uint32_t symbol = 0; symbol < 3; symbol++)
        hold_quote(&b, symbol);
    gateway_lost(b.hot, (uint32_t)gateway->feed[1], "test");
    assert_int_equal(booted_quote(&b, 0, MEXC).bid_price, 100);
    assert_int_equal(booted_quote(&b, 1, MEXC).bid_price, 0);
    assert_int_equal(booted_quote(&b, 2, MEXC).bid_price, 100);
    assert_int_equal(gateway->view.state, ABI_VENUE_STALE);
    assert_string_equal(gateway->view.reason, "market data connection 2 of 3 is down");
    assert_int_equal(gateway->view.feed_up, 0);
    gateway_lost(b.hot, (uint32_t)gateway->feed[0], "test");
    gateway_lost(b.hot, (uint32_t)gateway->feed[2], "test");
    assert_int_equal(gateway->view.state, ABI_VENUE_DOWN);
    for (int i = 0; i < 5; i++)
        close(end[i]);
    booted_end(&b);
}

static void test_refused_symbols_are_named_once_and_forgiven_when_data_comes(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int end = booted_connect(&b, MEXC, ENGINE_FEED);
    const char *partly = "{\"id\":0,\"code\":0,\"msg\":\"Subscribed successful! [" TOPIC
                         "BTCUSDT]. Not Subscribed successfully! [" TOPIC "ETHUSDT," TOPIC
                         "SOLUSDT].  Reason\xef\xbc\x9a Blocked! \"}";
    say(&b, gateway->feed[0], partly);
    assert_true(b.hot->connection[gateway->feed[0]].subscribed);
    assert_int_equal(gateway->refused_count, 2);
    assert_false(gateway->refused[0]);
    assert_string_equal(b.hot->alarms.item[0].text, "venue mexc refuses ETHUSDT SOLUSDT");
    say(&b, gateway->feed[0], partly);
    assert_int_equal(b.hot->alarms.item[0].count, 1); /* nothing new */
    gateway_not_refused(b.hot, MEXC, 1);
    assert_int_equal(gateway->refused_count, 1);
    say(&b, gateway->feed[0],
        "{\"id\":0,\"code\":0,\"msg\":\"" TOPIC "BTCUSDT," TOPIC "ETHUSDT," TOPIC "SOLUSDT\"}");
    assert_int_equal(gateway->refused_count, 0);
    close(end);
    booted_end(&b);
}

static void test_connection_of_which_every_symbol_is_refused_holds_nothing_up_but_itself(void **state) {
    (void)state;
    struct booted b;
    spread_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int end[5];
    for (uint32_t slot = 0; slot < 3; slot++)
        end[slot] = connect_slot(&b, MEXC, ENGINE_FEED, slot);
    end[3] = booted_connect(&b, MEXC, ENGINE_ORDERS);
    end[4] = booted_connect(&b, MEXC, ENGINE_USER);
    gateway_subscribed(b.hot, (uint32_t)gateway->user);
    say(&b, gateway->feed[0], "{\"id\":0,\"code\":0,\"msg\":\"" TOPIC "BTCUSDT\"}");
    say(&b, gateway->feed[1], "{\"id\":0,\"code\":0,\"msg\":\"Not Subscribed successfully! [" TOPIC "ETHUSDT].\"}");
    assert_string_equal(gateway->view.reason, "market data connection 3 of 3 is down");
    say(&b, gateway->feed[2], "{\"id\":0,\"code\":0,\"msg\":\"" TOPIC "SOLUSDT\"}");
    assert_int_equal(gateway->view.state, ABI_VENUE_UP);
    assert_string_equal(gateway->view.reason, "1 symbol refused by the venue");
    gateway_lost(b.hot, (uint32_t)gateway->feed[1], "no subscription for 30 s");
    assert_int_equal(gateway->view.state, ABI_VENUE_UP);
    for (int i = 0; i < 5; i++)
        close(end[i]);
    booted_end(&b);
}

static void test_idle_http_connections_are_used_one_at_a_time_so_that_they_stay_open(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int end[2] = {connect_slot(&b, MEXC, ENGINE_ORDERS, 0), connect_slot(&b, MEXC, ENGINE_ORDERS, 1)};
    uint8_t bytes[4096];
    int64_t since = b.hot->connection[gateway->orders[1]].added_ns;
    house_at(&b, since + 19 * SECOND);
    assert_int_equal(booted_arrived(end[0], bytes, sizeof bytes), 0);
    house_at(&b, since + 21 * SECOND);
    size_t size = booted_arrived(end[0], bytes, sizeof bytes);
    assert_true(size > 0);
    assert_memory_equal(bytes, "GET /api/v3/time", 16);
    assert_int_equal(booted_arrived(end[1], bytes, sizeof bytes), 0); /* stays free for orders */
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"serverTime\":1600000000000}";
    assert_int_equal(send(end[0], answer, sizeof answer - 1, 0), (ssize_t)sizeof answer - 1);
    booted_poll(&b);
    assert_int_equal(b.hot->connection[gateway->orders[0]].busy_order_id, 0);
    b.hot->connection[gateway->orders[0]].frame_ns = b.hot->now;
    house_at(&b, b.hot->now);
    assert_true(booted_arrived(end[1], bytes, sizeof bytes) > 0);
    assert_int_equal(booted_arrived(end[0], bytes, sizeof bytes), 0);
    house_at(&b, b.hot->now + 2 * SECOND); /* one that does not answer is dead before an order needs it */
    assert_true(booted_told_lost(&b, MEXC, ENGINE_ORDERS));
    close(end[0]);
    close(end[1]);
    booted_end(&b);
}

static void test_retry_after_of_an_order_answer_keeps_everybody_away_for_that_long(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    struct gateway *gateway = &b.hot->gateway[MEXC];
    int end[2] = {booted_connect(&b, MEXC, ENGINE_ORDERS), booted_connect(&b, MEXC, ENGINE_USER)};
    gateway_subscribed(b.hot, (uint32_t)gateway->user);
    gateway_house(b.hot);
    assert_int_equal(gateway->capacity_told, 1);
    struct hot_connection *connection = &b.hot->connection[gateway->orders[0]];
    connection->busy_order_id = HOT_WARMING;
    connection->busy_since_ns = b.hot->now;
    static const char answer[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 90\r\nContent-Length: 2\r\n\r\n{}";
    assert_int_equal(send(end[0], answer, sizeof answer - 1, 0), (ssize_t)sizeof answer - 1);
    booted_poll(&b);
    assert_int_equal(gateway->capacity_told, 0);
    assert_string_equal(gateway->view.reason, "left alone for 90 s: too many requests (HTTP 429)");
    struct to_courier message;
    assert_true(spsc_pop(b.engine->to_courier, &message));
    assert_int_equal(message.kind, TO_COURIER_ALONE);
    assert_int_equal(message.number, gateway->alone_until_ns);
    gateway_leave_alone(b.hot, MEXC, b.hot->now + 5 * SECOND, "a shorter time"); /* does not shorten it */
    int64_t until = gateway->alone_until_ns;
    connection->frame_ns = until;
    b.hot->connection[gateway->user].frame_ns = b.hot->connection[gateway->user].ping_ns = until;
    house_at(&b, until - SECOND);
    assert_int_equal(gateway->capacity_told, 0);
    house_at(&b, until);
    assert_int_equal(gateway->capacity_told, 1);
    close(end[0]);
    close(end[1]);
    booted_end(&b);
}

static void test_messages_in_pieces_share_a_few_buffers_and_give_them_back(void **state) {
    (void)state;
    struct booted b;
    booted_start(&b);
    int end[HOT_FRAGMENTS + 1];
    static const uint8_t first[] = {0x01, 0x01, '{'}, ping[] = {0x89, 0x00}, last[] = {0x80, 0x01, '}'};
    for (int i = 0; i <= HOT_FRAGMENTS; i++) {
        end[i] = connect_slot(&b, MEXC, ENGINE_USER, 0); /* successors of each other */
        assert_int_equal(send(end[i], first, sizeof first, 0), sizeof first);
    }
    while (b.hot->fragments_free > 0 || b.hot->connection[HOT_FRAGMENTS].used)
        booted_poll(&b);
    for (int i = 0; i < HOT_FRAGMENTS; i++)
        assert_true(b.hot->connection[i].used);
    assert_int_equal(send(end[0], ping, sizeof ping, 0), sizeof ping);
    assert_int_equal(send(end[0], last, sizeof last, 0), sizeof last);
    while (b.hot->fragments_free == 0)
        booted_poll(&b);
    assert_null(b.hot->connection[0].ws.fragments);
    gateway_lost(b.hot, 1, "test");
    assert_int_equal(b.hot->fragments_free, 2);
    for (int i = 0; i <= HOT_FRAGMENTS; i++)
        close(end[i]);
    booted_end(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_symbol_travels_on_one_connection_and_none_carries_too_many),
        cmocka_unit_test(test_wish_for_few_symbols_a_connection_needs_no_more_than_there_is_room_for),
        cmocka_unit_test(test_lost_connection_takes_its_own_prices_along_and_leaves_the_others),
        cmocka_unit_test(test_refused_symbols_are_named_once_and_forgiven_when_data_comes),
        cmocka_unit_test(test_connection_of_which_every_symbol_is_refused_holds_nothing_up_but_itself),
        cmocka_unit_test(test_idle_http_connections_are_used_one_at_a_time_so_that_they_stay_open),
        cmocka_unit_test(test_retry_after_of_an_order_answer_keeps_everybody_away_for_that_long),
        cmocka_unit_test(test_messages_in_pieces_share_a_few_buffers_and_give_them_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
