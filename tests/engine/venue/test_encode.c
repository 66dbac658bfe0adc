/* Protects what leaves the engine besides orders: every request is signed over exactly the bytes that are sent, and
 * what may not be sent is refused instead of sent differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi.h"
#include "base/error.h"
#include "order_oracle.h"
#include "payloads.h"
#include "venue/venue.h"

#define WALL_NS 1790000000123456789

static struct venue_keys keys;

static struct venue_text text(const char *string) {
    return (struct venue_text){string, (uint32_t)strlen(string)};
}

static void expect_text(const char *out, int size, const char *expected) {
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
}

/* Signature payload of WS-API params: all but the signature, sorted by name, joined; made from the parsed JSON. */
static void expect_ws_signature(json_t *params) {
    char payload[1024] = "", piece[300], signature[65];
    char *dumped = json_dumps(params, JSON_SORT_KEYS);
    json_t *sorted = json_loads(dumped, 0, NULL);
    free(dumped);
    const char *key;
    json_t *value;
    json_object_foreach(sorted, key, value) {
        if (strcmp(key, "signature") == 0) continue;
        if (json_is_integer(value)) {
            snprintf(piece, sizeof piece, "%lld", (long long)json_integer_value(value));
        } else {
            snprintf(piece, sizeof piece, "%s", json_string_value(value));
        }
        if (payload[0]) strcat(payload, "&");
        strcat(strcat(strcat(payload, key), "="), piece);
    }
    oracle_sign("test-secret", payload, strlen(payload), signature);
    assert_string_equal(json_string_value(json_object_get(params, "signature")), signature);
    json_decref(sorted);
}

static void binance_user_subscription_is_signed(void **state) {
    (void)state;
    char out[1024];
    int size = venue_ops_find("binance")->user_subscribe(&keys, WALL_NS, 5000, 7, out, sizeof out);
    assert_true(size > 0);
    json_t *request = json_loadb(out, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(request);
    assert_int_equal(json_integer_value(json_object_get(request, "id")), 7);
    assert_string_equal(json_string_value(json_object_get(request, "method")),
                        "userDataStream.subscribe.signature");
    expect_ws_signature(json_object_get(request, "params"));
    json_decref(request);
}

/* The query string up to "&signature=" is what was signed, and the signature is its last parameter. */
static void expect_rest_signature(const char *request, int size) {
    char signature[65];
    const char *query = memchr(request, '?', (size_t)size);
    assert_non_null(query);
    query++;
    const char *mark = memmem(query, (size_t)(request + size - query), "&signature=", 11);
    assert_non_null(mark);
    oracle_sign("test-secret", query, (size_t)(mark - query), signature);
    assert_memory_equal(mark + 11, signature, 64);
    assert_int_equal(mark[11 + 64], ' ');
}

static int query(const char *kind, struct venue_query_request request, char *out, size_t cap) {
    request.wall_ns = WALL_NS;
    request.recv_window_ms = 5000;
    return venue_ops_find(kind)->query(&keys, &request, "h:1", out, cap);
}

static void expect_start(const char *kind, struct venue_query_request request, const char *start) {
    char out[2048];
    int size = query(kind, request, out, sizeof out);
    if (size <= (int)strlen(start) || memcmp(out, start, strlen(start)) != 0) {
        fail_msg("%s: expected %s, got %.*s", kind, start, size > 0 ? size : 0, out);
    }
    assert_memory_equal(out + size - 4, "\r\n\r\n", 4);
    if (strstr(start, "timestamp")) expect_rest_signature(out, size);
}

static void questions_go_to_the_same_rest_targets_on_both_venues(void **state) {
    (void)state;
    static const char *const kinds[] = {"binance", "mexc"};
    for (size_t index = 0; index < 2; index++) {
        const char *kind = kinds[index];
        expect_start(kind, (struct venue_query_request){.query = VENUE_QUERY_TIME},
                     "GET /api/v3/time HTTP/1.1\r\n");
        expect_start(kind, (struct venue_query_request){.query = VENUE_QUERY_ACCOUNT},
                     "GET /api/v3/account?recvWindow=5000&timestamp=1790000000123&signature=");
        expect_start(kind,
                     (struct venue_query_request){
                         .query = VENUE_QUERY_ORDER, .symbol = text("BTCUSDT"), .client_id = text("a_1")},
                     "GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=a_1&recvWindow=5000&timestamp=");
        expect_start(kind,
                     (struct venue_query_request){
                         .query = VENUE_QUERY_CANCEL, .symbol = text("BTCUSDT"), .client_id = text("a_1")},
                     "DELETE /api/v3/order?symbol=BTCUSDT&origClientOrderId=a_1&recvWindow=5000&timestamp=");
        expect_start(kind,
                     (struct venue_query_request){
                         .query = VENUE_QUERY_TRADES, .symbol = text("BTCUSDT"), .order_id = text("C02__1")},
                     "GET /api/v3/myTrades?symbol=BTCUSDT&orderId=C02__1&limit=100&recvWindow=5000&timestamp=");
        expect_start(
            kind,
            (struct venue_query_request){.query = VENUE_QUERY_TRADES,
                                         .symbol = text("BTCUSDT"),
                                         .since_ns = 1700000000000000000,
                                         .until_ns = 1700000007000000000},
            "GET "
            "/api/v3/"
            "myTrades?symbol=BTCUSDT&startTime=1700000000000&endTime=1700000007000&limit=100&recvWindow=5000"
            "&timestamp=");
        expect_start(kind,
                     (struct venue_query_request){.query = VENUE_QUERY_OPEN_ORDERS, .symbol = text("BTCUSDT")},
                     "GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=5000&timestamp=");
    }
    expect_start("mexc", (struct venue_query_request){.query = VENUE_QUERY_LISTEN_KEY_NEW},
                 "POST /api/v3/userDataStream?recvWindow=5000&timestamp=1790000000123&signature=");
    expect_start("mexc",
                 (struct venue_query_request){.query = VENUE_QUERY_LISTEN_KEY_KEEP, .listen_key = text("k/1")},
                 "PUT /api/v3/userDataStream?listenKey=k%2F1&recvWindow=5000&timestamp=1790000000123&signature=");
}

static void symbols_are_percent_encoded_before_signing(void **state) {
    (void)state;
    expect_start("binance",
                 (struct venue_query_request){.query = VENUE_QUERY_OPEN_ORDERS, .symbol = text("\xef\xbc\x91 B")},
                 "GET /api/v3/openOrders?symbol=%EF%BC%91%20B&recvWindow=5000&timestamp=1790000000123&signature=");
}

static void questions_without_what_they_need_are_refused(void **state) {
    (void)state;
    char out[2048];
    static const struct venue_query_request incomplete[] = {
        {.query = VENUE_QUERY_NONE},
        {.query = VENUE_QUERY_ORDER, .symbol = {"BTCUSDT", 7}},
        {.query = VENUE_QUERY_CANCEL, .client_id = {"a", 1}},
        {.query = VENUE_QUERY_TRADES, .symbol = {"BTCUSDT", 7}},
        {.query = VENUE_QUERY_OPEN_ORDERS},
        {.query = VENUE_QUERY_LISTEN_KEY_KEEP},
    };
    for (size_t index = 0; index < sizeof incomplete / sizeof incomplete[0]; index++) {
        assert_int_equal(query("mexc", incomplete[index], out, sizeof out), ERROR_BAD);
    }
    struct venue_query_request listen = {.query = VENUE_QUERY_LISTEN_KEY_NEW};
    assert_int_equal(query("binance", listen, out, sizeof out), ERROR_BAD);
}

static void feeds_are_named_in_the_path_or_subscribed(void **state) {
    (void)state;
    char out[1024];
    struct venue_text symbols[2] = {text("BTCUSDT"), text("ETHUSDT")};
    const struct venue_ops *binance = venue_ops_find("binance"), *mexc = venue_ops_find("mexc");
    expect_text(out, binance->feed_path(symbols, 2, out, sizeof out),
                "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker");
    assert_int_equal(binance->feed_subscribe(symbols, 2, 1, out, sizeof out), 0);
    assert_int_equal(binance->feed_ping(out, sizeof out), 0);
    expect_text(out, binance->orders_path(out, sizeof out), "/ws-api/v3?returnRateLimits=false");
    expect_text(out, mexc->feed_path(symbols, 2, out, sizeof out), "/ws");
    expect_text(out, mexc->feed_subscribe(symbols, 2, 1, out, sizeof out),
                "{\"method\":\"SUBSCRIPTION\",\"params\":[\"spot@public.aggre.bookTicker.v3.api.pb@10ms@BTCUSDT\","
                "\"spot@public.aggre.bookTicker.v3.api.pb@10ms@ETHUSDT\"],\"id\":1}");
    expect_text(out, mexc->feed_ping(out, sizeof out), "{\"method\":\"PING\"}");
    assert_int_equal(mexc->orders_path(out, sizeof out), 0);
    struct venue_text listen_key = text("pqia91");
    expect_text(out, mexc->user_path(&listen_key, out, sizeof out), "/ws?listenKey=pqia91");
    expect_text(out, mexc->user_subscribe(&keys, WALL_NS, 5000, 2, out, sizeof out),
                "{\"method\":\"SUBSCRIPTION\",\"params\":[\"spot@private.account.v3.api.pb\","
                "\"spot@private.deals.v3.api.pb\",\"spot@private.orders.v3.api.pb\"],\"id\":2}");
    assert_int_equal(binance->feed_path(symbols, 0, out, sizeof out), ERROR_BAD);
    assert_int_equal(mexc->feed_subscribe(symbols, 31, 1, out, sizeof out), ERROR_BAD);
}

/* The two samples of the venue's documents whose bytes are ours too. */
static void sent_bytes_equal_the_documented_samples(void **state) {
    (void)state;
    static const char *const files[2] = {"tx_ping.json", "tx_subscribe.json"};
    struct venue_text symbols[2] = {text("BTCUSDT"), text("ETHUSDT")};
    const struct venue_ops *mexc = venue_ops_find("mexc");
    for (size_t index = 0; index < 2; index++) {
        size_t size;
        uint8_t *sample = payloads_read("mexc", files[index], &size);
        if (!sample) skip();
        char out[1024];
        int got =
            index == 0 ? mexc->feed_ping(out, sizeof out) : mexc->feed_subscribe(symbols, 2, 1, out, sizeof out);
        assert_int_equal(got, size);
        assert_memory_equal(out, sample, size);
        free(sample);
    }
}

static void sign_with(const char *secret, const char *payload, char signature[KEYS_SIGNATURE_SIZE_MOST]) {
    struct venue_keys of_secret;
    assert_int_equal(venue_keys_make(&of_secret, VENUE_KEY_HMAC, "k", secret), 0);
    assert_int_equal(venue_keys_sign(&of_secret, payload, strlen(payload), false, signature), 0);
}

/* The key of these vectors has the seed 00 01 .. 1f. */
static void logon_is_signed_with_ed25519_over_its_sorted_parameters(void **state) {
    (void)state;
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
                              "-----END PRIVATE KEY-----\n";
    static const char payload[] = "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
                                  "&timestamp=1649729878532";
    struct venue_keys session;
    char signature[KEYS_SIGNATURE_SIZE_MOST], out[1024], expected[1024];
    assert_int_equal(venue_keys_make(&session, VENUE_KEY_ED25519, "no-pem", "no-pem"), ERROR_BAD);
    assert_int_equal(venue_keys_make(&session, VENUE_KEY_ED25519, "test-key", pem), 0);
    assert_int_equal(venue_keys_sign(&session, payload, sizeof payload - 1, false, signature), 0);
    assert_string_equal(signature,
                        "OIe2IwMR3NP+oRgf/Hbo4Wf1DQyOmGvT5NrO+vm69t5WJn7jxvFQvS6nRtYpyFgebeGilE89v0rBSxL5N7EhCA==");
    assert_int_equal(venue_keys_sign(&session, payload, sizeof payload - 1, true, signature), 0);
    assert_non_null(strstr(signature, "NP%2BoRgf%2FHbo4"));
    static const char proof[] = "apiKey=test-key&recvWindow=5000&timestamp=1790000000123";
    assert_int_equal(venue_keys_sign(&session, proof, sizeof proof - 1, false, signature), 0);
    const struct venue_ops *binance = venue_ops_find("binance"), *mexc = venue_ops_find("mexc");
    snprintf(expected, sizeof expected,
             "{\"id\":\"logon\",\"method\":\"session.logon\",\"params\":{\"apiKey\":\"test-key\","
             "\"recvWindow\":5000,\"timestamp\":1790000000123,\"signature\":\"%s\"}}",
             signature);
    expect_text(out, binance->orders_logon(&session, WALL_NS, 5000, "logon", out, sizeof out), expected);
    expect_text(out, binance->user_subscribe(&session, WALL_NS, 5000, 7, out, sizeof out),
                "{\"id\":7,\"method\":\"userDataStream.subscribe\"}");
    assert_int_equal(binance->orders_logon(&keys, WALL_NS, 5000, "logon", out, sizeof out), 0);
    assert_int_equal(mexc->orders_logon(&keys, WALL_NS, 5000, "logon", out, sizeof out), 0);
    venue_keys_free(&session);
}

static void hmac_matches_the_venues_own_vectors(void **state) {
    (void)state;
    char signature[KEYS_SIGNATURE_SIZE_MOST];
    static const char secret[] = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    static const char rest[] = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                               "&recvWindow=5000&timestamp=1499827319559";
    sign_with(secret, rest, signature);
    assert_string_equal(signature, "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");

    char path[PAYLOADS_PATH_MAX];
    payloads_path(path, "signing", "vectors.json");
    json_t *vectors = json_load_file(path, 0, NULL), *vector;
    if (!vectors) skip();
    size_t index, checked = 0;
    json_array_foreach(vectors, index, vector) {
        const char *name = json_string_value(json_object_get(vector, "name"));
        if (strstr(name, "_hmac_") == NULL) continue;
        const char *key = json_string_value(json_object_get(vector, "secret"));
        const char *payload = json_string_value(json_object_get(vector, "payload"));
        sign_with(key, payload, signature);
        assert_string_equal(signature, json_string_value(json_object_get(vector, "signature")));
        checked++;
    }
    assert_true(checked >= 6);
    json_decref(vectors);
}

int main(void) {
    if (venue_keys_make(&keys, VENUE_KEY_HMAC, "test-key", "test-secret") != 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binance_user_subscription_is_signed),
        cmocka_unit_test(questions_go_to_the_same_rest_targets_on_both_venues),
        cmocka_unit_test(symbols_are_percent_encoded_before_signing),
        cmocka_unit_test(questions_without_what_they_need_are_refused),
        cmocka_unit_test(feeds_are_named_in_the_path_or_subscribed),
        cmocka_unit_test(sent_bytes_equal_the_documented_samples),
        cmocka_unit_test(logon_is_signed_with_ed25519_over_its_sorted_parameters),
        cmocka_unit_test(hmac_matches_the_venues_own_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
