/* Protects the reading of MEXC: protobuf quotes and private events, refusals that look like successes, and answers to
 * orders that prove nothing. Messages are built here with a small encoder of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "abi.h"
#include "messages.h"

struct bytes {
    uint8_t data[1024];
    size_t size;
};

static void put_varint(struct bytes *bytes, uint64_t value) {
    while (value >= 0x80) {
        bytes->data[bytes->size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes->data[bytes->size++] = (uint8_t)value;
}

static void put_number(struct bytes *bytes, uint32_t field, uint64_t value) {
    put_varint(bytes, (uint64_t)field << 3);
    put_varint(bytes, value);
}

static void put_bytes(struct bytes *bytes, uint32_t field, const void *data, size_t size) {
    put_varint(bytes, (uint64_t)field << 3 | 2);
    put_varint(bytes, size);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_text(struct bytes *bytes, uint32_t field, const char *text) {
    put_bytes(bytes, field, text, strlen(text));
}

static void stream(const struct bytes *body, uint32_t field) {
    struct bytes wrapper = {0};
    put_text(&wrapper, 1, "spot@channel");
    put_text(&wrapper, 3, "BTCUSDT");
    put_number(&wrapper, 6, 1789897581013);
    put_bytes(&wrapper, field, body->data, body->size);
    decode_bytes("mexc", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, wrapper.data, wrapper.size, true, 0);
}

static void stream_text(const char *text) {
    decode_bytes("mexc", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, text, strlen(text), false, 0);
}

static void order_answer(const char *text, int http_status) {
    decode_bytes("mexc", VENUE_SOURCE_ORDERS, VENUE_QUERY_NONE, text, strlen(text), false, http_status);
}

static struct bytes ticker(const char *bid, const char *bid_qty, const char *ask, const char *ask_qty) {
    struct bytes body = {0};
    if (bid) put_text(&body, 1, bid);
    if (bid_qty) put_text(&body, 2, bid_qty);
    if (ask) put_text(&body, 3, ask);
    if (ask_qty) put_text(&body, 4, ask_qty);
    return body;
}

static void aggregated_quote_is_read_exactly(void **state) {
    (void)state;
    struct bytes body = ticker("80535.88", "0.380497", "80535.89", "0.333363");
    put_text(&body, 5, "81721676217");
    put_number(&body, 6, 1789897581001);
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_BBO);
    assert_true(text_is(message.symbol, "BTCUSDT"));
    assert_true(decimal_is(message.bid_price, "80535.88"));
    assert_true(decimal_is(message.ask_qty, "0.333363"));
    assert_true(message.seq == 81721676217u);
    assert_int_equal(message.event_ns, 1789897581013000000);
    assert_int_equal(message.order_create_ns, 1789897581001000000);
    assert_int_equal(message.create_ns, 0);
}

static void a_side_left_out_is_not_there_and_half_a_side_is_refused(void **state) {
    (void)state;
    struct bytes body = ticker(NULL, NULL, "2", "1");
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.flags, VENUE_NO_BID);
    assert_int_equal(message.bid_price.mantissa, 0);
    body = ticker("1", NULL, "2", "1");
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
    body = ticker(NULL, "1", "2", "1");
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
    body = ticker("1", "0", "2", "1");
    stream(&body, 305);
    assert_int_equal(message.flags, VENUE_NO_BID);
}

static void known_fields_of_the_wrong_kind_are_refused(void **state) {
    (void)state;
    struct bytes body = {0};
    put_number(&body, 1, 5);
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
    body = ticker("1", "1", "2", "1");
    put_number(&body, 5, 7);
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
    body = ticker("1", "1", "2", "1");
    put_text(&body, 5, "18446744073709551616");
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
    body = ticker("1", "1", "2", "1");
    put_number(&body, 6, UINT64_MAX);
    stream(&body, 315);
    assert_int_equal(message.verdict, VENUE_REJECT);
}

static void the_last_quote_of_a_batch_counts_alone(void **state) {
    (void)state;
    struct bytes first = ticker("1", "1", "2", "1"), last = ticker(NULL, NULL, "3", "4"), batch = {0};
    put_bytes(&batch, 1, first.data, first.size);
    put_bytes(&batch, 1, last.data, last.size);
    put_text(&batch, 2, "77");
    stream(&batch, 311);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.flags, VENUE_NO_BID);
    assert_true(decimal_is(message.ask_price, "3"));
    assert_int_equal(message.seq, 77);
}

static void the_top_of_a_limited_book_is_a_quote(void **state) {
    (void)state;
    struct bytes level = {0}, deeper = {0}, book = {0};
    put_text(&level, 1, "10");
    put_text(&level, 2, "1");
    put_text(&deeper, 1, "11");
    put_text(&deeper, 2, "5");
    put_bytes(&book, 1, level.data, level.size);
    put_bytes(&book, 1, deeper.data, deeper.size);
    put_text(&book, 4, "9");
    stream(&book, 303);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_true(decimal_is(message.ask_price, "10"));
    assert_int_equal(message.flags, VENUE_NO_BID);
}

static void refused_subscriptions_do_not_look_like_successes(void **state) {
    (void)state;
    stream_text("{\"id\":1,\"code\":0,\"msg\":\"spot@a@BTCUSDT,spot@a@ETHUSDT\"}");
    assert_int_equal(message.type, VENUE_TYPE_SUB_ACK);
    assert_int_equal(message.ok, 1);
    stream_text(
        "{\"id\":1,\"code\":0,\"msg\":\"Not Subscribed successfully! [spot@a@X].  Reason\xef\xbc\x9a Blocked! \"}");
    assert_int_equal(message.ok, 0);
    assert_true(text_is(message.text, "spot@a@X"));
    stream_text(
        "{\"id\":1,\"code\":0,\"msg\":\"Subscribed successful! [spot@a@Y]. Not Subscribed successfully! [spot@a@X]."
        "  Reason\xef\xbc\x9a Blocked! \"}");
    assert_int_equal(message.ok, 2);
    assert_true(text_is(message.text, "spot@a@X"));
    stream_text("{\"id\":1,\"code\":0,\"msg\":\"Not Subscribed successfully! [spot@a@X]. Subscribed successful! "
                "[spot@a@Y]\"}");
    assert_int_equal(message.ok, 2);
    assert_true(text_is(message.text, "spot@a@X"));
    stream_text("{\"id\":1,\"code\":0,\"msg\":\"something else\"}");
    assert_int_equal(message.ok, 0);
    stream_text("{\"id\":1,\"code\":1,\"msg\":\"spot@a@X\"}");
    assert_int_equal(message.ok, 0);
    stream_text(" {\"id\":0,\"code\":0,\"msg\":\"PONG\"}");
    assert_int_equal(message.type, VENUE_TYPE_PONG);
    stream_text("Invalid listen key");
    assert_int_equal(message.type, VENUE_TYPE_CONTROL_ERROR);
    stream_text("{\"id\":0,\"code\":0,\"msg\":\"PONG\"");
    assert_int_equal(message.verdict, VENUE_REJECT);
}

static struct bytes private_order(uint64_t status) {
    struct bytes body = {0};
    put_text(&body, 1, "C02__1");
    put_text(&body, 2, "arb-1");
    put_text(&body, 3, "3.5");
    put_text(&body, 4, "10");
    put_number(&body, 8, 1);
    put_text(&body, 13, "4");
    put_text(&body, 14, "14");
    if (status) put_number(&body, 15, status);
    return body;
}

static void private_order_states_end_where_the_venue_ends_them(void **state) {
    (void)state;
    static const struct {
        uint64_t number;
        enum venue_verdict verdict;
        uint32_t state;
        bool terminal;
    } cases[] = {
        {0, VENUE_UNKNOWN, 0, false},
        {1, VENUE_ACCEPT, ABI_ORDER_ACKED, false},
        {2, VENUE_ACCEPT, ABI_ORDER_FILLED, true},
        {3, VENUE_ACCEPT, ABI_ORDER_PARTIAL, false},
        {4, VENUE_ACCEPT, ABI_ORDER_CANCELED, true},
        {5, VENUE_ACCEPT, ABI_ORDER_CANCELED, true},
        {6, VENUE_UNKNOWN, 0, false},
        {UINT64_MAX, VENUE_UNKNOWN, 0, false},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        struct bytes body = private_order(cases[index].number);
        stream(&body, 304);
        assert_int_equal(message.type, VENUE_TYPE_ORDER);
        assert_int_equal(message.verdict, cases[index].verdict);
        assert_int_equal(message.state, cases[index].state);
        assert_int_equal(message.terminal, cases[index].terminal);
        assert_true(text_is(message.client_id, "arb-1"));
        assert_true(text_is(message.order_id, "C02__1"));
        assert_true(decimal_is(message.cum_qty, "4"));
        assert_int_equal(message.side, ABI_SIDE_BUY);
        assert_false(message.fills_complete);
    }
}

static void a_private_trade_is_one_whole_fill_or_refused(void **state) {
    (void)state;
    struct bytes body = {0};
    put_text(&body, 1, "3.6962");
    put_text(&body, 2, "1");
    put_number(&body, 4, 2);
    put_text(&body, 7, "X1");
    put_text(&body, 9, "C02__1");
    put_text(&body, 10, "0.0003998377369698171");
    struct bytes without_asset = body;
    put_text(&body, 11, "MX");
    put_number(&body, 12, 1736417034280);
    stream(&body, 306);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_FILL);
    assert_int_equal(message.fill_count, 1);
    assert_true(decimal_is(message.fill[0].fee, "0.0003998377369698171"));
    assert_true(text_is(message.fill[0].fee_asset, "MX"));
    assert_int_equal(message.fill[0].side, ABI_SIDE_SELL);
    assert_false(message.fill[0].maker);
    assert_null(message.client_id.data);
    assert_int_equal(message.fill[0].time_ns, 1736417034280000000);
    stream(&without_asset, 306);
    assert_int_equal(message.verdict, VENUE_REJECT);
    struct bytes empty = {0};
    stream(&empty, 306);
    assert_int_equal(message.verdict, VENUE_REJECT);
}

static void an_acknowledgement_is_no_outcome_even_with_a_status(void **state) {
    (void)state;
    order_answer("{\"symbol\":\"MXUSDT\",\"orderId\":\"C02__1\",\"clientOrderId\":\"a1\",\"price\":\"2.5\","
                 "\"origQty\":\"10\","
                 "\"executedQty\":\"0\",\"status\":\"NEW\",\"side\":\"BUY\",\"transactTime\":1790000000000}",
                 200);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_ORDER_ACK);
    assert_true(text_is(message.order_id, "C02__1"));
    assert_int_equal(message.state, 0);
    assert_false(message.has_cum);
    assert_false(message.terminal);
    assert_null(message.status.data);
}

static void order_answers_that_prove_nothing_are_unknown(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
        enum venue_verdict verdict;
        enum venue_error_class error_class;
    } cases[] = {
        {"{\"code\":30005,\"msg\":\"Oversold\"}", 400, VENUE_ERROR, VENUE_CLASS_REJECT},
        {"{\"code\":30005,\"msg\":\"Oversold\"}", 500, VENUE_ERROR, VENUE_CLASS_UNKNOWN},
        {"{\"code\":503,\"msg\":\"Unknown error\"}", 503, VENUE_ERROR, VENUE_CLASS_UNKNOWN},
        {"{\"code\":99999,\"msg\":\"new\"}", 400, VENUE_ERROR, VENUE_CLASS_UNKNOWN},
        {"{\"code\":429,\"msg\":\"slow\"}", 429, VENUE_ERROR, VENUE_CLASS_RATE},
        {"<html>", 418, VENUE_ERROR, VENUE_CLASS_BAN},
        {"<html>", 502, VENUE_ERROR, VENUE_CLASS_UNKNOWN},
        {"<html>", 403, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
        {"", 200, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
        {"{}", 200, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
        {"{\"orderId\":\"x\"", 200, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
        {"{\"orderId\":\"x\"}", 404, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
        {"{\"code\":\"odd\",\"msg\":\"x\"}", 400, VENUE_UNKNOWN, VENUE_CLASS_UNKNOWN},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        order_answer(cases[index].body, cases[index].status);
        if (message.verdict != cases[index].verdict || message.error_class != cases[index].error_class) {
            fail_msg("%s, HTTP %d: verdict %d, class %d", cases[index].body, cases[index].status,
                     (int)message.verdict, (int)message.error_class);
        }
    }
}

static void an_order_question_is_answered_with_state_and_amounts(void **state) {
    (void)state;
    static const char text[] =
        "{\"symbol\":\"MXUSDT\",\"orderId\":\"C02__1\",\"clientOrderId\":\"arb-2\",\"price\":\"3.5121\","
        "\"origQty\":\"10\",\"executedQty\":\"%s\",\"cummulativeQuoteQty\":\"0\",\"status\":\"%s\","
        "\"timeInForce\":null,\"side\":\"BUY\",\"time\":1736417034290,\"updateTime\":null}";
    char body[512];
    snprintf(body, sizeof body, text, "4", "PARTIALLY_CANCELED");
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_ORDER, body, strlen(body), false, 200);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.state, ABI_ORDER_CANCELED);
    assert_true(message.terminal);
    assert_true(decimal_is(message.cum_qty, "4"));
    assert_false(message.fills_complete);
    snprintf(body, sizeof body, text, "0", "CANCELED");
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_ORDER, body, strlen(body), false, 200);
    assert_true(message.fills_complete);
    snprintf(body, sizeof body, text, "0", "EXPIRED_SOMEHOW");
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_ORDER, body, strlen(body), false, 200);
    assert_int_equal(message.verdict, VENUE_UNKNOWN);
}

static void a_listen_key_is_read_whole(void **state) {
    (void)state;
    static const char body[] = "{\"listenKey\":\"pqia91ma19\"}";
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_LISTEN_KEY_NEW, body, sizeof body - 1, false, 200);
    assert_int_equal(message.type, VENUE_TYPE_LISTEN_KEY);
    assert_true(text_is(message.text, "pqia91ma19"));
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_LISTEN_KEY_NEW, "{}", 2, false, 200);
    assert_int_equal(message.verdict, VENUE_REJECT);
    decode_bytes("mexc", VENUE_SOURCE_QUERY, VENUE_QUERY_LISTEN_KEY_KEEP, "{}", 2, false, 200);
    assert_int_equal(message.verdict, VENUE_CONTROL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregated_quote_is_read_exactly),
        cmocka_unit_test(a_side_left_out_is_not_there_and_half_a_side_is_refused),
        cmocka_unit_test(known_fields_of_the_wrong_kind_are_refused),
        cmocka_unit_test(the_last_quote_of_a_batch_counts_alone),
        cmocka_unit_test(the_top_of_a_limited_book_is_a_quote),
        cmocka_unit_test(refused_subscriptions_do_not_look_like_successes),
        cmocka_unit_test(private_order_states_end_where_the_venue_ends_them),
        cmocka_unit_test(a_private_trade_is_one_whole_fill_or_refused),
        cmocka_unit_test(an_acknowledgement_is_no_outcome_even_with_a_status),
        cmocka_unit_test(order_answers_that_prove_nothing_are_unknown),
        cmocka_unit_test(an_order_question_is_answered_with_state_and_amounts),
        cmocka_unit_test(a_listen_key_is_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
