/* Protects against hostile bytes: damaged messages never crash a decoder, never make it read past the end (each is an
 * exact heap copy, for the sanitizers), and never become a quote with a zero or negative price. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payloads.h"
#include "venue/venue.h"

#define SEED           20261122u
#define ROUNDS         4000
#define BYTES_PER_FILE 4000000 /* large files get fewer rounds */

static uint64_t random_state = SEED;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

/* Bytes that grammars care about, more often than chance would give them. */
static uint8_t random_byte(void) {
    static const char likely[] = "\"\\{}[]:,0123456789.-+eEn\x80\xff\x0a\x12\x1a";
    return random_below(2) ? (uint8_t)likely[random_below(sizeof likely)] : (uint8_t)random_below(256);
}

static uint8_t *mutate(const uint8_t *data, size_t size, size_t *mutated_size) {
    size_t kept = size > 0 && random_below(3) == 0 ? random_below((uint32_t)size) : size;
    size_t added = random_below(8) == 0 ? random_below(16) : 0;
    uint8_t *copy = malloc(kept + added);
    if (kept > 0) memcpy(copy, data, kept);
    for (size_t index = 0; index < added; index++)
        copy[kept + index] = random_byte();
    *mutated_size = kept + added;
    if (*mutated_size == 0) return copy;
    for (uint32_t flips = random_below(4); flips > 0; flips--) {
        size_t place = random_below((uint32_t)*mutated_size);
        copy[place] = (uint8_t)(random_below(2) ? copy[place] ^ (1u << random_below(8)) : random_byte());
    }
    return copy;
}

static void check(const struct venue_message *message, const char *file) {
    if (message->verdict < VENUE_ACCEPT || message->verdict > VENUE_REJECT) fail_msg("%s: no verdict", file);
    if (message->verdict == VENUE_REJECT && !message->why) fail_msg("%s: refused without saying why", file);
    if (message->fill_count > VENUE_FILLS_MAX || message->balance_count > VENUE_BALANCES_MAX) {
        fail_msg("%s: counts out of bounds", file);
    }
    if (message->verdict != VENUE_ACCEPT || message->type != VENUE_TYPE_BBO) return;
    bool bid = !(message->flags & VENUE_NO_BID), ask = !(message->flags & VENUE_NO_ASK);
    if ((bid && (message->bid_price.mantissa <= 0 || message->bid_qty.mantissa <= 0)) ||
        (ask && (message->ask_price.mantissa <= 0 || message->ask_qty.mantissa <= 0))) {
        fail_msg("%s, seed %u: a quote with a zero or negative side", file, SEED);
    }
    if (message->symbol.size == 0 || message->symbol.size > VENUE_SYMBOL_SIZE_MAX) fail_msg("%s: symbol", file);
}

static void decode_everywhere(const struct venue_ops *ops, const uint8_t *data, size_t size, bool binary,
                              const char *file) {
    static struct venue_message message;
    static const enum venue_query queries[] = {VENUE_QUERY_TIME,        VENUE_QUERY_ACCOUNT,
                                               VENUE_QUERY_ORDER,       VENUE_QUERY_TRADES,
                                               VENUE_QUERY_OPEN_ORDERS, VENUE_QUERY_LISTEN_KEY_NEW};
    enum venue_query query = queries[random_below(sizeof queries / sizeof queries[0])];
    int status = random_below(2) ? 200 : 503;
    venue_decode_any(ops, data, size, &message);
    check(&message, file);
    ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, data, size, binary, 0, &message);
    check(&message, file);
    ops->decode(VENUE_SOURCE_ORDERS, VENUE_QUERY_NONE, data, size, binary, status, &message);
    check(&message, file);
    ops->decode(VENUE_SOURCE_QUERY, query, data, size, binary, status, &message);
    check(&message, file);
}

static void damage(const struct venue_ops *ops, const uint8_t *data, size_t size, bool binary, const char *file) {
    size_t rounds = size == 0 ? 1 : BYTES_PER_FILE / size;
    if (rounds > ROUNDS) rounds = ROUNDS;
    for (size_t round = 0; round < rounds; round++) {
        size_t mutated_size;
        uint8_t *mutated = mutate(data, size, &mutated_size);
        decode_everywhere(ops, mutated, mutated_size, binary, file);
        free(mutated);
    }
}

static void damage_folder(const char *folder) {
    json_t *entries = payloads_manifest(folder), *entry;
    if (!entries) skip();
    size_t index;
    json_array_foreach(entries, index, entry) {
        const char *file = json_string_value(json_object_get(entry, "file"));
        bool binary = strcmp(json_string_value(json_object_get(entry, "frame")), "binary") == 0;
        size_t size;
        uint8_t *data = payloads_read(folder, file, &size);
        assert_non_null(data);
        damage(venue_ops_find(folder), data, size, binary, file);
        free(data);
    }
    json_decref(entries);
}

static void damaged_binance_payloads_are_survived(void **state) {
    (void)state;
    damage_folder("binance");
}

static void damaged_mexc_payloads_are_survived(void **state) {
    (void)state;
    damage_folder("mexc");
}

static void every_truncation_of_a_quote_is_refused_or_no_quote(void **state) {
    (void)state;
    static const char quote[] = "{\"stream\":\"a@bookTicker\",\"data\":{\"u\":1,\"s\":\"BNBUSDT\",\"b\":\"25.35\","
                                "\"B\":\"31.21\",\"a\":\"25.36\",\"A\":\"40.66\"}}";
    static struct venue_message message;
    const struct venue_ops *ops = venue_ops_find("binance");
    for (size_t size = 0; size < sizeof quote - 1; size++) {
        uint8_t *copy = malloc(size);
        if (size > 0) memcpy(copy, quote, size);
        ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, copy, size, false, 0, &message);
        assert_int_equal(message.verdict, VENUE_REJECT);
        free(copy);
    }
    ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, (const uint8_t *)quote, sizeof quote - 1, false, 0, &message);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    damage(ops, (const uint8_t *)quote, sizeof quote - 1, false, "compiled-in quote");
}

static void every_truncation_of_a_protobuf_quote_is_survived(void **state) {
    (void)state;
    static const uint8_t quote[] = "\x1a\x07"
                                   "BTCUSDT\x30\xd5\xc3\xd6\xf1\x8b\x34\xda\x13\x0f\x0a\x01"
                                   "1\x12\x01"
                                   "2\x1a\x01"
                                   "3\x22\x01"
                                   "4\x2a\x01"
                                   "9";
    static struct venue_message message;
    const struct venue_ops *ops = venue_ops_find("mexc");
    for (size_t size = 0; size < sizeof quote - 1; size++) {
        uint8_t *copy = malloc(size);
        if (size > 0) memcpy(copy, quote, size);
        ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, copy, size, true, 0, &message);
        assert_int_not_equal(message.verdict, VENUE_ACCEPT);
        free(copy);
    }
    ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, quote, sizeof quote - 1, true, 0, &message);
    assert_int_equal(message.verdict, VENUE_ACCEPT);
    assert_int_equal(message.seq, 9);
    damage(ops, quote, sizeof quote - 1, true, "compiled-in quote");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_binance_payloads_are_survived),
        cmocka_unit_test(damaged_mexc_payloads_are_survived),
        cmocka_unit_test(every_truncation_of_a_quote_is_refused_or_no_quote),
        cmocka_unit_test(every_truncation_of_a_protobuf_quote_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
