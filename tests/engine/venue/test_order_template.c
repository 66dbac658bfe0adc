/* Protects what leaves the engine: orders are IOC and nothing else, signed over exactly the bytes that are sent, equal
 * to the last byte to what the slow way writes; and what may not be sent is refused instead of sent differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/error.h"
#include "order_oracle.h"
#include "venue/digits.h"
#include "venue/text_write.h"

#define WALL_NS  1790000000123456789
/* As long as the venue's are: its first block is signed beforehand. */
#define LONG_KEY "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"

static const struct venue_order_form btc = {
    .symbol = {"BTCUSDT", 7}, .host = "127.0.0.1:9102", .price_digits = 2, .qty_digits = 5, .recv_window_ms = 1000};
static const struct venue_order sell = {
    .client_id = "arb-0001-b", .price = 2341610, .qty = 847, .side = ABI_SIDE_SELL, .wall_ns = WALL_NS};

/* The test key of the vectors: its seed is 00 01 .. 1f. */
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
                                  "-----END PRIVATE KEY-----\n";

static struct venue_keys keys_of(const char *key, const char *secret) {
    struct venue_keys keys;
    assert_int_equal(venue_keys_make(&keys, VENUE_KEY_HMAC, key, secret), 0);
    return keys;
}

static int prepare(const char *kind, const struct venue_keys *keys, const struct venue_order_form *form,
                   struct order_template *out) {
    return venue_ops_find(kind)->order_prepare(keys, form, out);
}

static void expect(const struct order_template *prepared, const struct venue_order *order, const char *expected,
                   int expected_size) {
    char out[4096];
    int size = order_template_write(prepared, order, out, sizeof out);
    assert_true(expected_size > 0 && expected_size < ORACLE_SIZE);
    if (size != expected_size || memcmp(out, expected, (size_t)size) != 0)
        fail_msg("expected %.*s\ngot %.*s", expected_size, expected, size > 0 ? size : 0, out);
}

static void binance_order_is_a_signed_limit_ioc_with_full_answer(void **state) {
    (void)state;
    struct venue_keys keys = keys_of("test-key", "test-secret");
    struct order_template prepared;
    char hex[65], expected[ORACLE_SIZE];
    static const char payload[] =
        "apiKey=test-key&newClientOrderId=arb-0001-b&newOrderRespType=FULL&price=23416.1&quantity=0.00847"
        "&recvWindow=1000&side=SELL&symbol=BTCUSDT&timeInForce=IOC&timestamp=1790000000123&type=LIMIT";
    oracle_sign("test-secret", payload, sizeof payload - 1, hex);
    int size =
        snprintf(expected, sizeof expected,
                 "{\"id\":\"arb-0001-b\",\"method\":\"order.place\",\"params\":{\"apiKey\":\"test-key\","
                 "\"newClientOrderId\":\"arb-0001-b\",\"newOrderRespType\":\"FULL\",\"price\":\"23416.1\","
                 "\"quantity\":\"0.00847\",\"recvWindow\":1000,\"side\":\"SELL\",\"symbol\":\"BTCUSDT\","
                 "\"timeInForce\":\"IOC\",\"timestamp\":1790000000123,\"type\":\"LIMIT\",\"signature\":\"%s\"}}",
                 hex);
    assert_int_equal(prepare("binance", &keys, &btc, &prepared), 0);
    expect(&prepared, &sell, expected, size);
}

static void mexc_order_says_ioc_in_its_type_and_never_time_in_force(void **state) {
    (void)state;
    struct venue_keys keys = keys_of("test-key", "test-secret");
    struct order_template prepared;
    char hex[65], expected[ORACLE_SIZE];
    static const char query[] = "symbol=BTCUSDT&type=IMMEDIATE_OR_CANCEL&recvWindow=1000&side=SELL&quantity=0.00847"
                                "&price=23416.1&newClientOrderId=arb-0001-b&timestamp=1790000000123";
    oracle_sign("test-secret", query, sizeof query - 1, hex);
    int size = snprintf(expected, sizeof expected,
                        "POST /api/v3/order?%s&signature=%s HTTP/1.1\r\nHost: 127.0.0.1:9102\r\n"
                        "Connection: keep-alive\r\nX-MEXC-APIKEY: test-key\r\nContent-Type: application/json\r\n"
                        "Content-Length: 0\r\n\r\n",
                        query, hex);
    assert_int_equal(prepare("mexc", &keys, &btc, &prepared), 0);
    expect(&prepared, &sell, expected, size);
    assert_null(strstr(expected, "timeInForce"));
}

static void session_order_carries_neither_key_nor_signature(void **state) {
    (void)state;
    struct venue_keys keys;
    struct order_template prepared;
    assert_int_equal(venue_keys_make(&keys, VENUE_KEY_ED25519, LONG_KEY, private_key), 0);
    assert_int_equal(prepare("binance", &keys, &btc, &prepared), 0);
    static const char expected[] =
        "{\"id\":\"arb-0001-b\",\"method\":\"order.place\",\"params\":{\"newClientOrderId\":\"arb-0001-b\","
        "\"newOrderRespType\":\"FULL\",\"price\":\"23416.1\",\"quantity\":\"0.00847\",\"recvWindow\":1000,"
        "\"side\":\"SELL\",\"symbol\":\"BTCUSDT\",\"timeInForce\":\"IOC\",\"timestamp\":1790000000123,"
        "\"type\":\"LIMIT\"}}";
    expect(&prepared, &sell, expected, sizeof expected - 1);
    assert_int_equal(prepare("mexc", &keys, &btc, &prepared), ERROR_BAD); /* has no sessions */
    venue_keys_free(&keys);
}

static int64_t random_units(int digits_most) {
    int64_t units = 0;
    for (int digits = 1 + rand() % digits_most; digits > 0; digits--)
        units = units * 10 + (rand() % 3 == 0 ? 0 : rand() % 10);
    return units > 0 ? units : 1;
}

static struct venue_order random_order(char client_id[33]) {
    static const char byte[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t size = 1 + (size_t)rand() % 32;
    for (size_t i = 0; i < size; i++)
        client_id[i] = byte[(size_t)rand() % (sizeof byte - 1)];
    client_id[size] = '\0';
    return (struct venue_order){.client_id = client_id,
                                .price = random_units(18),
                                .qty = random_units(18),
                                .side = rand() % 2 ? ABI_SIDE_BUY : ABI_SIDE_SELL,
                                .wall_ns = 1 + random_units(18) + (rand() % 2 ? WALL_NS : 0)};
}

static void random_orders_equal_the_slow_way_byte_by_byte(void **state) {
    (void)state;
    static const char *const key[] = {"test-key", LONG_KEY, "k"};
    static const char *const symbol[] = {"BTCUSDT", "A", "1000000MOGUSDT", "ABCDEFGHIJKLMNOPQRSTUVWXYZ12345"};
    char expected[ORACLE_SIZE], client_id[33];
    struct order_template prepared;
    srand(20261122);
    for (int round = 0; round < 3000; round++) {
        const char *name = symbol[rand() % 4], *api_key = key[rand() % 3], *secret = key[rand() % 3];
        struct venue_order_form form = {.symbol = {name, (uint32_t)strlen(name)},
                                        .host = rand() % 2 ? "api.mexc.com" : "127.0.0.1:9102",
                                        .price_digits = (uint32_t)rand() % 19,
                                        .qty_digits = (uint32_t)rand() % 19,
                                        .recv_window_ms = 1 + (uint32_t)rand() % 60000};
        struct venue_keys keys = keys_of(api_key, secret), session = keys;
        struct venue_order order = random_order(client_id);
        session.type = VENUE_KEY_ED25519; /* its orders are not signed: the private key is not looked at */
        assert_int_equal(prepare("binance", &keys, &form, &prepared), 0);
        expect(&prepared, &order, expected, oracle_binance(api_key, secret, &form, &order, expected));
        assert_int_equal(prepare("binance", &session, &form, &prepared), 0);
        expect(&prepared, &order, expected, oracle_binance(api_key, NULL, &form, &order, expected));
        assert_int_equal(prepare("mexc", &keys, &form, &prepared), 0);
        expect(&prepared, &order, expected, oracle_mexc(api_key, secret, &form, &order, expected));
    }
}

static void numbers_equal_the_slow_way_at_every_length(void **state) {
    (void)state;
    srand(7);
    for (uint32_t digits = 0; digits <= DIGITS_MOST; digits++) {
        for (int64_t power = 1; power > 0 && power <= INT64_MAX / 10; power *= 10) {
            int64_t near[] = {power, power - 1, power + 1, power * 9, random_units(18), INT64_MAX};
            for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
                char out[DIGITS_SIZE], expected[48];
                if (near[i] <= 0) continue;
                size_t size = decimal_format_units(near[i], digits, expected, sizeof expected);
                assert_int_equal(digits_units((uint64_t)near[i], digits, out), size);
                assert_memory_equal(out, expected, size);
            }
        }
    }
}

static void what_is_signed_beforehand_is_what_every_order_begins_with(void **state) {
    (void)state;
    struct venue_keys keys = keys_of(LONG_KEY, "test-secret"), short_key = keys_of("k", "test-secret");
    struct order_template prepared;
    assert_int_equal(prepare("binance", &keys, &btc, &prepared), 0);
    assert_int_equal(prepared.prefix[0].size, 64); /* "apiKey=" and 64 characters */
    assert_int_equal(prepare("binance", &short_key, &btc, &prepared), 0);
    assert_int_equal(prepared.prefix[0].size, 0);
    assert_int_equal(prepare("mexc", &keys, &btc, &prepared), 0);
    assert_int_equal(prepared.prefix[0].size, 64); /* up to "&side=BUY&quantity=" */
    assert_int_equal(prepared.prefix[1].size, 64);
}

static void orders_that_may_not_be_sent_are_refused(void **state) {
    (void)state;
    static const char *const kinds[] = {"binance", "mexc"};
    static const char *const ids[] = {"",      "has space", "quote\"", "0123456789012345678901234567890123456789",
                                      "a&b=c", "\xc3\xa4"};
    struct venue_keys keys = keys_of("test-key", "test-secret");
    char out[4096];
    for (size_t index = 0; index < 2; index++) {
        struct order_template prepared;
        assert_int_equal(prepare(kinds[index], &keys, &btc, &prepared), 0);
        for (size_t id = 0; id < sizeof ids / sizeof ids[0]; id++) {
            struct venue_order order = sell;
            order.client_id = ids[id];
            assert_int_equal(order_template_write(&prepared, &order, out, sizeof out), ERROR_BAD);
        }
        struct venue_order bad[5] = {sell, sell, sell, sell, sell};
        bad[0].price = 0;
        bad[1].qty = -1;
        bad[2].side = 3;
        bad[3].wall_ns = 0;
        bad[4].price = INT64_MIN;
        for (size_t at = 0; at < 5; at++)
            assert_int_equal(order_template_write(&prepared, &bad[at], out, sizeof out), ERROR_BAD);
    }
    struct order_template never_prepared = {0}; /* a symbol that the venue does not trade */
    assert_int_equal(order_template_write(&never_prepared, &sell, out, sizeof out), ERROR_BAD);
}

static void forms_that_no_order_may_have_are_refused(void **state) {
    (void)state;
    static const char *const kinds[] = {"binance", "mexc"};
    struct venue_keys keys = keys_of("test-key", "test-secret");
    struct order_template prepared;
    for (size_t index = 0; index < 2; index++) {
        struct venue_order_form bad[5] = {btc, btc, btc, btc, btc};
        bad[0].symbol.size = 0;
        bad[1].recv_window_ms = 60001;
        bad[2].recv_window_ms = 0;
        bad[3].price_digits = 19;
        bad[4].qty_digits = 19;
        for (size_t at = 0; at < 5; at++)
            assert_int_equal(prepare(kinds[index], &keys, &bad[at], &prepared), ERROR_BAD);
    }
    struct venue_order_form form = btc;
    form.host = "h\r\nX: y";
    assert_int_equal(prepare("mexc", &keys, &form, &prepared), ERROR_BAD);
    form.symbol = (struct venue_text){"BTC\",\"x\":\"", 11};
    assert_int_equal(prepare("binance", &keys, &form, &prepared), ERROR_BAD);
    form.symbol = (struct venue_text){"BTC" ORDER_MARK_PRICE, 4};
    assert_int_equal(prepare("binance", &keys, &form, &prepared), ERROR_BAD);
    struct venue_keys marked = keys_of("k" ORDER_MARK_TIME, "test-secret");
    assert_int_equal(prepare("binance", &marked, &btc, &prepared), ERROR_BAD);
    assert_int_equal(prepare("mexc", &marked, &btc, &prepared), ERROR_BAD);
}

static void a_buffer_too_small_is_full_and_never_overrun(void **state) {
    (void)state;
    static const char *const kinds[] = {"binance", "mexc"};
    struct venue_keys keys = keys_of(LONG_KEY, "test-secret");
    struct venue_order longest = {.client_id = "01234567890123456789012345678901",
                                  .price = INT64_MAX,
                                  .qty = INT64_MAX,
                                  .side = ABI_SIDE_SELL,
                                  .wall_ns = INT64_MAX};
    for (size_t index = 0; index < 2; index++) {
        struct order_template prepared;
        assert_int_equal(prepare(kinds[index], &keys, &btc, &prepared), 0);
        char *exact = malloc(prepared.size_most); /* an overrun is seen by the address sanitizer, and by the heap */
        assert_non_null(exact);
        assert_int_equal(order_template_write(&prepared, &longest, exact, prepared.size_most - 1), ERROR_FULL);
        int size = order_template_write(&prepared, &longest, exact, prepared.size_most);
        assert_true(size > 0 && (uint32_t)size + ORDER_COPY_SIZE <= prepared.size_most);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binance_order_is_a_signed_limit_ioc_with_full_answer),
        cmocka_unit_test(mexc_order_says_ioc_in_its_type_and_never_time_in_force),
        cmocka_unit_test(session_order_carries_neither_key_nor_signature),
        cmocka_unit_test(random_orders_equal_the_slow_way_byte_by_byte),
        cmocka_unit_test(numbers_equal_the_slow_way_at_every_length),
        cmocka_unit_test(what_is_signed_beforehand_is_what_every_order_begins_with),
        cmocka_unit_test(orders_that_may_not_be_sent_are_refused),
        cmocka_unit_test(forms_that_no_order_may_have_are_refused),
        cmocka_unit_test(a_buffer_too_small_is_full_and_never_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
