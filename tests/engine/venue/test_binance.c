/* Protects the reading of Binance: quotes, answers to orders, executions, errors and what they prove. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "abi.h"
#include "messages.h"

static void feed(const char *text) {
    decode_bytes("binance", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, text, strlen(text), false, 0);
}

static void orders(const char *text) {
    decode_bytes("binance", VENUE_SOURCE_ORDERS, VENUE_QUERY_NONE, text, strlen(text), false, 0);
}

static void query(enum venue_query asked, const char *text, int http_status) {
    decode_bytes("binance", VENUE_SOURCE_QUERY, asked, text, strlen(text), false, http_status);
}

static void combined_quote_is_read_exactly(void **state) {
    (void)state;
    feed("{\"stream\":\"nknusdt@bookTicker\",\"data\":{\"u\":9223372036854775809,\"s\":\"NKNUSDT\",\"b\":\"0."
         "35210000\","
         "\"B\":\"672.00000000\",\"a\":\"0.35260000\",\"A\":\"3199.00000000\"}}");
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_BBO);
    assert_true(text_is(message.symbol, "NKNUSDT"));
    assert_true(decimal_is(message.bid_price, "0.35210000"));
    assert_true(decimal_is(message.bid_qty, "672.00000000"));
    assert_true(decimal_is(message.ask_price, "0.35260000"));
    assert_true(decimal_is(message.ask_qty, "3199.00000000"));
    assert_true(message.seq == 9223372036854775809u);
    assert_int_equal(message.flags, 0);
    assert_int_equal(message.event_ns, 0);
    assert_null(message.request_id.data);
    assert_int_equal(message.fill_count, 0);
}

static void wrapper_members_come_in_any_order(void **state) {
    (void)state;
    feed(" { \"data\" : {\"A\":1,\"a\":2.5,\"B\":1,\"b\":2.5,\"s\":\"X\",\"u\":7,\"z\":{\"u\":8}} , "
         "\"stream\":\"x\" } ");
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.seq, 7);
    assert_int_equal(message.flags, VENUE_LOCKED);
}

static void sides_cross_lock_and_vanish_by_value(void **state) {
    (void)state;
    static const struct {
        const char *bid, *bid_qty, *ask, *ask_qty;
        uint32_t flags;
    } cases[] = {
        {"1.10", "1", "1.1", "1", VENUE_LOCKED},     {"1.2", "1", "1.10000001", "1", VENUE_CROSSED},
        {"1e-7", "1", "0.0000002", "1", 0},          {"5", "1", "1e-19", "1", VENUE_CROSSED},
        {"999999999999999999", "1", "1e18", "1", 0}, {"0", "0", "1", "1", VENUE_NO_BID},
        {"1", "1", "2", "0.000", VENUE_NO_ASK},      {"0", "0", "0", "0", VENUE_NO_BID | VENUE_NO_ASK},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        char text[256];
        snprintf(text, sizeof text, "{\"u\":1,\"s\":\"X\",\"b\":\"%s\",\"B\":\"%s\",\"a\":\"%s\",\"A\":\"%s\"}",
                 cases[index].bid, cases[index].bid_qty, cases[index].ask, cases[index].ask_qty);
        feed(text);
        if (message.verdict != VENUE_ACCEPT || message.flags != cases[index].flags) {
            fail_msg("%s: verdict %d, flags %u", text, (int)message.verdict, message.flags);
        }
        if (message.flags & VENUE_NO_BID) assert_int_equal(message.bid_price.mantissa, 0);
        if (message.flags & VENUE_NO_ASK) assert_int_equal(message.ask_price.mantissa, 0);
    }
}

static void quotes_that_are_not_whole_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":18446744073709551616,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":-1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1.5,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1,\"s\":\"\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1,\"s\":\"X\",\"b\":\"0\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"-1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":{}}",
        "{\"u\":1,\"s\":\"0123456789012345678901234567890-\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "{\"stream\":\"x\",\"data\":{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\"}}",
        "{\"stream\":\"x\",\"data\":{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
        "\"text\"",
    };
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        feed(bad[index]);
        if (message.verdict != VENUE_REJECT || !message.why) fail_msg("%s was not refused", bad[index]);
    }
}

static void a_message_over_the_size_limit_is_refused(void **state) {
    (void)state;
    size_t size = VENUE_MESSAGE_SIZE_MAX + 1;
    char *large = malloc(size);
    memset(large, ' ', size);
    large[0] = '{';
    large[size - 1] = '}';
    decode_bytes("binance", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, large, size, false, 0);
    assert_int_equal(message.verdict, VENUE_REJECT);
    free(large);
}

/* The venue document's frame: BNBUSDT 25.3519 x 31.21, 25.3652 x 40.66. */
static const uint8_t sbe_quote[66] =
    "\x32\x00\x11\x27\x01\x00\x00\x00\xab\x49\x1e\xf1\x15\x4c\x06\x00\x79\x40\xe5\x17\x00\x00\x00\x00\xf8\xf8"
    "\xf0\xed\x1b\x97\x00\x00\x00\x00\x40\xae\x06\xba\x00\x00\x00\x00\x40\x39\x30\x97\x00\x00\x00\x00\x80\x3c"
    "\x5a\xf2\x00\x00\x00\x00\x07\x42\x4e\x42\x55\x53\x44\x54";

static void binary_quote_is_read_exactly_and_every_cut_is_refused(void **state) {
    (void)state;
    decode_bytes("binance", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, sbe_quote, sizeof sbe_quote, true, 0);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_true(text_is(message.symbol, "BNBUSDT"));
    assert_true(decimal_is(message.bid_price, "25.35190000"));
    assert_true(decimal_is(message.ask_qty, "40.66000000"));
    assert_int_equal(message.seq, 400900217);
    assert_int_equal(message.event_ns, 1772506983582123000);
    for (size_t size = 0; size < sizeof sbe_quote; size++) {
        decode_bytes("binance", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, sbe_quote, size, true, 0);
        assert_int_equal(message.verdict, VENUE_REJECT);
    }
}

#define ORDER_HEAD                                                                                                 \
    "{\"id\":\"arb-1\",\"status\":200,\"result\":{\"symbol\":\"BTCUSDT\",\"orderId\":12569099454,"                 \
    "\"clientOrderId\":"                                                                                           \
    "\"arb-1\",\"transactTime\":1660801715793,\"price\":\"23416.10\",\"origQty\":\"0.00847\",\"side\":\"SELL\","

static void full_answer_brings_every_fill(void **state) {
    (void)state;
    orders(ORDER_HEAD
           "\"executedQty\":\"0.00847000\",\"cummulativeQuoteQty\":\"198.33521500\",\"status\":\"FILLED\","
           "\"fills\":[{\"price\":\"23416.10\",\"qty\":\"0.00635\",\"commission\":\"0.1\",\"commissionAsset\":"
           "\"USDT\",\"tradeId\":1650422481},{\"price\":\"23416.50\",\"qty\":\"0.00212\",\"commission\":\"0\","
           "\"commissionAsset\":\"BNB\",\"tradeId\":1650422482}]}}");
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_ORDER);
    assert_int_equal(message.state, ABI_ORDER_FILLED);
    assert_true(message.terminal);
    assert_true(message.fills_complete);
    assert_true(text_is(message.request_id, "arb-1"));
    assert_true(text_is(message.client_id, "arb-1"));
    assert_true(text_is(message.order_id, "12569099454"));
    assert_int_equal(message.side, ABI_SIDE_SELL);
    assert_true(decimal_is(message.cum_qty, "0.00847000"));
    assert_true(decimal_is(message.cum_quote, "198.33521500"));
    assert_int_equal(message.event_ns, 1660801715793000000);
    assert_int_equal(message.fill_count, 2);
    assert_true(decimal_is(message.fill[1].price, "23416.50"));
    assert_true(decimal_is(message.fill[0].fee, "0.1"));
    assert_true(text_is(message.fill[0].fee_asset, "USDT"));
    assert_true(text_is(message.fill[1].trade_id, "1650422482"));
    assert_int_equal(message.fill[1].side, ABI_SIDE_SELL);
}

static void fills_that_do_not_add_up_are_not_complete(void **state) {
    (void)state;
    orders(ORDER_HEAD
           "\"executedQty\":\"0.00847\",\"cummulativeQuoteQty\":\"198\",\"status\":\"EXPIRED\",\"fills\":[{"
           "\"price\":\"23416.10\",\"qty\":\"0.00635\",\"tradeId\":1}]}}");
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_true(message.terminal);
    assert_int_equal(message.fill_count, 1);
    assert_false(message.fills_complete);
}

static void an_answer_without_a_status_word_is_only_an_acknowledgement(void **state) {
    (void)state;
    orders("{\"id\":\"a\",\"status\":200,\"result\":{\"symbol\":\"X\",\"orderId\":5,\"clientOrderId\":\"a\"}}");
    assert_int_equal(message.type, VENUE_TYPE_ORDER_ACK);
    assert_int_equal(message.state, 0);
    assert_false(message.terminal);
    assert_false(message.has_cum);
}

static void an_unknown_status_word_asks_for_reconciliation(void **state) {
    (void)state;
    orders(ORDER_HEAD "\"executedQty\":\"0\",\"status\":\"SOMETHING_NEW\"}}");
    assert_int_equal(message.verdict, VENUE_UNKNOWN);
    assert_int_equal(message.state, 0);
    assert_false(message.terminal);
    assert_true(text_is(message.request_id, "arb-1"));
    assert_true(text_is(message.client_id, "arb-1"));
}

static void a_refused_answer_still_says_whose_it_is(void **state) {
    (void)state;
    orders(ORDER_HEAD "\"executedQty\":\"x\",\"status\":\"FILLED\"}}");
    assert_int_equal(message.verdict, VENUE_REJECT);
    assert_true(text_is(message.request_id, "arb-1"));
}

static void errors_say_what_they_prove(void **state) {
    (void)state;
    static const struct {
        int status, code;
        const char *text;
        enum venue_error_class expected;
    } cases[] = {
        {400, -2010, "Account has insufficient balance.", VENUE_CLASS_REJECT},
        {400, -2010, "Duplicate order sent.", VENUE_CLASS_DUPLICATE},
        {400, -2010, "Market is closed.", VENUE_CLASS_HALT},
        {400, -1013, "Filter failure: LOT_SIZE", VENUE_CLASS_REJECT},
        {400, -1121, "Invalid symbol.", VENUE_CLASS_REJECT},
        {400, -1021, "Timestamp", VENUE_CLASS_CLOCK},
        {429, -1003, "weight", VENUE_CLASS_RATE},
        {418, -1003, "banned", VENUE_CLASS_BAN},
        {503, -1008, "overloaded", VENUE_CLASS_RETRY},
        {504, -1007, "timeout", VENUE_CLASS_UNKNOWN},
        {500, -2010, "odd", VENUE_CLASS_UNKNOWN},
        {400, -9999, "never seen", VENUE_CLASS_UNKNOWN},
        {401, -2015, "key", VENUE_CLASS_FATAL},
    };
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        char text[256];
        snprintf(text, sizeof text, "{\"id\":\"a\",\"status\":%d,\"error\":{\"code\":%d,\"msg\":\"%s\"}}",
                 cases[index].status, cases[index].code, cases[index].text);
        orders(text);
        assert_int_equal(message.verdict, VENUE_ERROR);
        assert_int_equal(message.code, cases[index].code);
        assert_int_equal(message.error_class, cases[index].expected);
        assert_true(text_is(message.text, cases[index].text));
    }
}

static void rest_errors_and_bodies_that_are_no_json_follow_the_status(void **state) {
    (void)state;
    query(VENUE_QUERY_ORDER, "{\"code\":-2013,\"msg\":\"Order does not exist.\"}", 400);
    assert_int_equal(message.verdict, VENUE_ERROR);
    assert_int_equal(message.error_class, VENUE_CLASS_NOT_FOUND);
    query(VENUE_QUERY_ACCOUNT, "<html>", 403);
    assert_int_equal(message.verdict, VENUE_REJECT);
    query(VENUE_QUERY_ACCOUNT, "<html>", 429);
    assert_int_equal(message.error_class, VENUE_CLASS_RATE);
    query(VENUE_QUERY_ACCOUNT, "", 502);
    assert_int_equal(message.verdict, VENUE_ERROR);
    assert_int_equal(message.error_class, VENUE_CLASS_UNKNOWN);
    query(VENUE_QUERY_ACCOUNT, "{\"balances\":[]}", 403);
    assert_int_equal(message.verdict, VENUE_REJECT);
}

#define REPORT                                                                                                     \
    "{\"subscriptionId\":0,\"event\":{\"e\":\"executionReport\",\"s\":\"BTCUSDT\",\"c\":\"%s\",\"C\":\"%s\","      \
    "\"S\":"                                                                                                       \
    "\"BUY\",\"q\":\"1\",\"p\":\"2\",\"x\":\"%s\",\"X\":\"%s\",\"i\":7,\"l\":\"%s\",\"z\":\"0.5\",\"L\":\"2\","    \
    "\"n\":"                                                                                                       \
    "\"0.001\",\"N\":\"BNB\",\"T\":1660801715793,\"t\":9,\"m\":true,\"Z\":\"1\"}}"

static void report(const char *id, const char *original, const char *exec, const char *status, const char *last) {
    char text[1024];
    snprintf(text, sizeof text, REPORT, id, original, exec, status, last);
    orders(text);
}

static void an_execution_carries_one_fill_and_its_fee(void **state) {
    (void)state;
    report("arb-1", "", "TRADE", "PARTIALLY_FILLED", "0.5");
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.type, VENUE_TYPE_EXEC);
    assert_int_equal(message.state, ABI_ORDER_PARTIAL);
    assert_false(message.terminal);
    assert_int_equal(message.fill_count, 1);
    assert_true(decimal_is(message.fill[0].qty, "0.5"));
    assert_true(decimal_is(message.fill[0].fee, "0.001"));
    assert_true(text_is(message.fill[0].fee_asset, "BNB"));
    assert_true(text_is(message.fill[0].trade_id, "9"));
    assert_true(message.fill[0].maker);
    assert_int_equal(message.fill[0].side, ABI_SIDE_BUY);
    report("arb-1", "", "TRADE", "FILLED", "0");
    assert_int_equal(message.verdict, VENUE_REJECT);
}

static void a_cancel_belongs_to_the_original_client_id(void **state) {
    (void)state;
    report("cancel-1", "arb-1", "CANCELED", "CANCELED", "0");
    assert_true(text_is(message.client_id, "arb-1"));
    assert_true(message.terminal);
    assert_int_equal(message.fill_count, 0);
}

static void unknown_execution_words_ask_for_reconciliation(void **state) {
    (void)state;
    report("arb-1", "", "NEW_KIND", "NEW", "0");
    assert_int_equal(message.verdict, VENUE_UNKNOWN);
    report("arb-1", "", "NEW", "NEW_STATE", "0");
    assert_int_equal(message.verdict, VENUE_UNKNOWN);
    assert_true(text_is(message.client_id, "arb-1"));
}

static void questions_are_answered_in_their_own_shape_only(void **state) {
    (void)state;
    query(VENUE_QUERY_TIME, "{\"serverTime\":1499827319559}", 200);
    assert_int_equal(message.type, VENUE_TYPE_TIME);
    assert_int_equal(message.event_ns, 1499827319559000000);
    query(VENUE_QUERY_ACCOUNT,
          "{\"updateTime\":1,\"balances\":[{\"asset\":\"BTC\",\"free\":\"1.5\",\"locked\":\"0\"}]}", 200);
    assert_int_equal(message.balance_count, 1);
    assert_true(decimal_is(message.balance[0].free, "1.5"));
    query(VENUE_QUERY_OPEN_ORDERS, "[]", 200);
    assert_int_equal(message.type, VENUE_TYPE_OPEN_ORDERS);
    assert_int_equal(message.fill_count, 0);
    query(VENUE_QUERY_TRADES, "[]", 200);
    assert_int_equal(message.type, VENUE_TYPE_TRADES);
    assert_true(message.fills_complete);
    query(VENUE_QUERY_TRADES, "{\"balances\":[]}", 200);
    assert_int_equal(message.verdict, VENUE_REJECT);
    query(VENUE_QUERY_TIME, "{}", 200);
    assert_int_equal(message.verdict, VENUE_REJECT);
}

static void a_full_page_of_trades_is_not_all_of_them(void **state) {
    (void)state;
    static char text[VENUE_QUERY_ROWS_MAX * 256];
    size_t size = 0;
    for (int row = 0; row < VENUE_QUERY_ROWS_MAX; row++) {
        size += (size_t)snprintf(
            text + size, sizeof text - size,
            "%c{\"symbol\":\"X\",\"id\":%d,\"orderId\":1,\"price\":\"2\",\"qty\":\"3\",\"commission\":"
            "\"0\",\"commissionAsset\":\"X\",\"time\":1499827319559,\"isBuyer\":true,\"isMaker\":false}",
            row == 0 ? '[' : ',', row);
    }
    snprintf(text + size, sizeof text - size, "]");
    query(VENUE_QUERY_TRADES, text, 200);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.fill_count, VENUE_QUERY_ROWS_MAX);
    assert_false(message.fills_complete);
    assert_int_equal(message.fill[99].side, ABI_SIDE_BUY);
}

static void more_balances_than_the_table_holds_keep_those_with_money(void **state) {
    (void)state;
    static char text[(VENUE_BALANCES_MAX + 8) * 64];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"balances\":[");
    for (int row = 0; row < VENUE_BALANCES_MAX + 8; row++) {
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "%s{\"asset\":\"A%d\",\"free\":\"%d\",\"locked\":\"0\"}", row == 0 ? "" : ",", row,
                                 row == VENUE_BALANCES_MAX + 3 ? 7 : 0);
    }
    snprintf(text + size, sizeof text - size, "]}");
    query(VENUE_QUERY_ACCOUNT, text, 200);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.balance_count, VENUE_BALANCES_MAX);
    int rich = 0;
    for (uint32_t index = 0; index < message.balance_count; index++)
        rich += message.balance[index].free.mantissa == 7;
    assert_int_equal(rich, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combined_quote_is_read_exactly),
        cmocka_unit_test(wrapper_members_come_in_any_order),
        cmocka_unit_test(sides_cross_lock_and_vanish_by_value),
        cmocka_unit_test(quotes_that_are_not_whole_are_refused),
        cmocka_unit_test(a_message_over_the_size_limit_is_refused),
        cmocka_unit_test(binary_quote_is_read_exactly_and_every_cut_is_refused),
        cmocka_unit_test(full_answer_brings_every_fill),
        cmocka_unit_test(fills_that_do_not_add_up_are_not_complete),
        cmocka_unit_test(an_answer_without_a_status_word_is_only_an_acknowledgement),
        cmocka_unit_test(an_unknown_status_word_asks_for_reconciliation),
        cmocka_unit_test(a_refused_answer_still_says_whose_it_is),
        cmocka_unit_test(errors_say_what_they_prove),
        cmocka_unit_test(rest_errors_and_bodies_that_are_no_json_follow_the_status),
        cmocka_unit_test(an_execution_carries_one_fill_and_its_fee),
        cmocka_unit_test(a_cancel_belongs_to_the_original_client_id),
        cmocka_unit_test(unknown_execution_words_ask_for_reconciliation),
        cmocka_unit_test(questions_are_answered_in_their_own_shape_only),
        cmocka_unit_test(a_full_page_of_trades_is_not_all_of_them),
        cmocka_unit_test(more_balances_than_the_table_holds_keep_those_with_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
