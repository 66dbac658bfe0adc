/* Protects prices on the hot path: the short way for quotes says exactly what the full decoder says or leaves the
 * message to it, in plain C and with AVX2, whatever bytes come and whatever stands behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payloads.h"
#include "quotes.h"

#define SEED    20261122u
#define MUTANTS 150000

static uint64_t random_state = SEED;

static uint32_t random_below(uint32_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static bool accepts_bytes(const char *kind, const void *data, size_t size) {
    bool accepted;
    const char *wrong = quotes_check(kind, data, size, &accepted);
    if (wrong != NULL) fail_msg("seed %u: %s differs: %.*s", SEED, wrong, (int)size, (const char *)data);
    return accepted;
}

static bool accepts(const char *text) {
    return accepts_bytes("binance", text, strlen(text));
}

#define SIDES "\"b\":\"25.35190000\",\"B\":\"31.21000000\",\"a\":\"25.36520000\",\"A\":\"40.66000000\""

static void test_quotes_as_the_venue_writes_them_go_the_short_way(void **state) {
    (void)state;
    static const char longest[] =
        "{\"u\":9999999999999999,\"s\":\"A234567890B234567890C234567890D\",\"b\":\"1000000000.12345678\","
        "\"B\":\"0.00000001\",\"a\":\"9999999999.99999999\",\"A\":\"999999999999999999\"}";
    static const char *const quotes[] = {
        "{\"u\":400900217,\"s\":\"BNBUSDT\"," SIDES "}",
        "{\"stream\":\"bnbusdt@bookTicker\",\"data\":{\"u\":400900217,\"s\":\"BNBUSDT\"," SIDES "}}",
        "{\"data\":{\"u\":400900217,\"s\":\"BNBUSDT\"," SIDES "},\"stream\":\"bnbusdt@bookTicker\"}",
        "{\"e\":\"bookTicker\",\"u\":1,\"s\":\"BNBUSDT\"," SIDES ",\"T\":1700000000001,\"E\":1700000000002}",
        "{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"1\",\"A\":\"1\"}",   /* locked */
        "{\"u\":1,\"s\":\"X\",\"b\":\"2\",\"B\":\"1\",\"a\":\"1.5\",\"A\":\"1\"}", /* crossed */
        longest,
    };
    for (size_t index = 0; index < sizeof quotes / sizeof quotes[0]; index++)
        if (!accepts(quotes[index])) fail_msg("left to the full decoder: %s", quotes[index]);
}

static void test_members_in_each_of_the_720_orders_are_read(void **state) {
    (void)state;
    static const char *const members[6] = {"\"u\":400900217",       "\"s\":\"BNBUSDT\"",
                                           "\"b\":\"25.35190000\"", "\"B\":\"31.21000000\"",
                                           "\"a\":\"25.36520000\"", "\"A\":\"40.66000000\""};
    for (uint32_t order = 0; order < 720; order++) {
        char text[256] = "{";
        uint32_t left = order, used = 0;
        for (uint32_t place = 6; place > 0; place--) {
            uint32_t choice = left % place, index = 0;
            left /= place;
            for (uint32_t seen = 0; (used >> index & 1) != 0 || seen++ < choice; index++)
                continue;
            used |= 1u << index;
            strcat(text, members[index]);
            strcat(text, place > 1 ? "," : "}");
        }
        if (!accepts(text)) fail_msg("left to the full decoder: %s", text);
    }
}

static void test_numbers_that_json_or_money_forbid_are_left_to_the_full_decoder(void **state) {
    (void)state;
    static const char *const numbers[] = {"",
                                          "-1",
                                          "+1",
                                          ".5",
                                          "5.",
                                          "007",
                                          "00.1",
                                          "1.2.3",
                                          "1,5",
                                          "1 ",
                                          " 1",
                                          "0x1",
                                          "nan",
                                          "1..2",
                                          ".",
                                          "..",
                                          "1.",
                                          "0",
                                          "0.00",
                                          "1e",
                                          "1_0",
                                          "\\u0031",
                                          "12345678901234567890",
                                          "1.0000000000000000001",
                                          "12345678901234567.8",
                                          "0.12345678901234567890123456789012345"};
    static const char *const form[2] = {"{\"u\":1,\"s\":\"X\",\"b\":\"%s\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}",
                                        "{\"u\":1,\"s\":\"X\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"%s\"}"};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
        char text[256];
        for (uint32_t which = 0; which < 2; which++) {
            snprintf(text, sizeof text, which == 0 ? form[0] : form[1], numbers[index]);
            bool held = strcmp(numbers[index], "12345678901234567.8") == 0;
            if (accepts(text) != held) fail_msg("number \"%s\"", numbers[index]);
        }
    }
    static const char *const integers[] = {
        "", "01", "-1", "1.0", "1e3", "+1", "\"1\"", "null", "99999999999999999"};
    for (size_t index = 0; index < sizeof integers / sizeof integers[0]; index++) {
        char text[256];
        snprintf(text, sizeof text, "{\"u\":%s,\"s\":\"X\"," SIDES "}", integers[index]);
        if (accepts(text)) fail_msg("update id %s", integers[index]);
        snprintf(text, sizeof text, "{\"s\":\"X\"," SIDES ",\"u\":%s}", integers[index]);
        if (accepts(text)) fail_msg("update id %s at the end", integers[index]);
    }
}

static void test_shapes_that_are_no_plain_quote_are_left_to_the_full_decoder(void **state) {
    (void)state;
    static const char *const others[] = {
        "",
        "{}",
        "{\"u\":1,\"s\":\"X\"," SIDES,
        "{\"u\":1,\"s\":\"X\"," SIDES "}}",
        "{\"u\":1,\"s\":\"X\"," SIDES ",}",
        "{\"u\":1,\"s\":\"X\"," SIDES "} ",
        " {\"u\":1,\"s\":\"X\"," SIDES "}",
        "{\"u\":1, \"s\":\"X\"," SIDES "}",
        "{\"u\":1,\"s\":\"X\",\"s\":\"X\"," SIDES "}",
        "{\"u\":1,\"u\":1,\"s\":\"X\"," SIDES "}",
        "{\"s\":\"X\"," SIDES "}",
        "{\"u\":1," SIDES "}",
        "{\"u\":1,\"s\":\"\"," SIDES "}",
        "{\"u\":1,\"s\":\"A234567890B234567890C234567890D2\"," SIDES "}",
        "{\"u\":1,\"s\":\"\\u0041\"," SIDES "}",
        "{\"u\":1,\"s\":\"\xc3\xa9\"," SIDES "}",
        "{\"u\":1,\"s\":\"A\nB\"," SIDES "}",
        "{\"u\":1,\"s\":\"X\"," SIDES ",\"x\":1}",
        "{\"e\":\"trade\",\"u\":1,\"s\":\"X\"," SIDES "}",
        "{\"u\":1,\"s\":\"X\"," SIDES ",\"E\":9999999999999999}",
        "{\"u\":1,\"s\":\"X\"," SIDES ",\"T\":01}",
        "{\"stream\":\"a\\b\",\"data\":{\"u\":1,\"s\":\"X\"," SIDES "}}",
        "{\"stream\":\"a\",\"data\":{\"u\":1,\"s\":\"X\"," SIDES "}",
        "{\"stream\":\"a\",\"data\":{\"u\":1,\"s\":\"X\"," SIDES "}}}",
        "{\"stream\":\"a\",\"data\":{\"u\":1,\"s\":\"X\"," SIDES "},\"id\":1}",
        "{\"data\":{\"u\":1,\"s\":\"X\"," SIDES "},\"stream\":\"a\"",
        "{\"data\":{\"u\":1,\"s\":\"X\"," SIDES "},\"stream\":\"a\"}}",
        "{\"data\":{\"u\":1,\"s\":\"X\"," SIDES "}}",
        "[{\"u\":1,\"s\":\"X\"," SIDES "}]",
    };
    for (size_t index = 0; index < sizeof others / sizeof others[0]; index++)
        if (accepts(others[index])) fail_msg("taken for a quote: %s", others[index]);
}

static const uint8_t proto_quote[] = "\x0a\x34spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
                                     "\x1a\x07"
                                     "BTCUSDT\x28\xd2\xc3\xd6\xf1\x8b\x34\x30\xd5\xc3\xd6\xf1\x8b\x34\xda\x13\x3c"
                                     "\x0a\x08"
                                     "80535.88\x12\x08"
                                     "0.380497\x1a\x08"
                                     "80535.89\x22\x08"
                                     "0.333363\x2a\x0b"
                                     "81721676217\x30\xc9\xc3\xd6\xf1\x8b\x34";
#define PROTO_SIZE (sizeof proto_quote - 1)

static void test_protobuf_quotes_go_the_short_way_and_every_truncation_does_not(void **state) {
    (void)state;
    assert_true(accepts_bytes("mexc", proto_quote, PROTO_SIZE));
    for (size_t size = 0; size < PROTO_SIZE; size++)
        assert_false(accepts_bytes("mexc", proto_quote, size));
    static const char text[] = "{\"stream\":\"a@bookTicker\",\"data\":{\"u\":1,\"s\":\"BNBUSDT\"," SIDES "}}";
    assert_true(accepts(text));
    for (size_t size = 0; size < sizeof text - 1; size++)
        assert_false(accepts_bytes("binance", text, size));
}

static void every_byte_every_value(const char *kind, const uint8_t *data, size_t size) {
    uint8_t changed[256];
    assert_in_range(size, 1, sizeof changed);
    memcpy(changed, data, size);
    for (size_t at = 0; at < size; at++) {
        for (uint32_t value = 0; value < 256; value++) {
            changed[at] = (uint8_t)value;
            (void)accepts_bytes(kind, changed, size);
        }
        changed[at] = data[at];
    }
}

static void test_no_single_changed_byte_makes_a_difference(void **state) {
    (void)state;
    static const char text[] = "{\"stream\":\"a@bookTicker\",\"data\":{\"u\":10,\"s\":\"BNBUSDT\"," SIDES "}}";
    every_byte_every_value("mexc", proto_quote, PROTO_SIZE);
    /* The same without its last field, so that a text ends the message. */
    const size_t body_size = 60, last_size = 7;
    uint8_t shorter[PROTO_SIZE];
    memcpy(shorter, proto_quote, sizeof shorter);
    shorter[PROTO_SIZE - body_size - 1] = (uint8_t)(body_size - last_size);
    assert_true(accepts_bytes("mexc", shorter, PROTO_SIZE - last_size));
    every_byte_every_value("mexc", shorter, PROTO_SIZE - last_size);
    every_byte_every_value("binance", (const uint8_t *)text, sizeof text - 1);
}

/* A few bytes changed, put in, taken out or doubled. */
static size_t mutate(uint8_t *data, size_t size, size_t cap) {
    static const char likely[] = "\"\\{}:,0123456789.-+eEbBaAusT\x80\xff\x0a\x12\x1a\x22\x2a";
    for (uint32_t changes = 1 + random_below(3); changes > 0 && size > 1; changes--) {
        size_t at = random_below((uint32_t)size), count = 1 + random_below(12);
        uint8_t byte =
            random_below(3) > 0 ? (uint8_t)likely[random_below(sizeof likely - 1)] : (uint8_t)random_below(256);
        switch (random_below(4)) {
        case 0:
            data[at] = byte;
            break;
        case 1:
            if (size == cap) break;
            memmove(data + at + 1, data + at, size - at);
            data[at] = byte;
            size++;
            break;
        case 2:
            if (at + count > size) break;
            memmove(data + at, data + at + count, size - at - count);
            size -= count;
            break;
        default:
            if (at + count > size || size + count > cap) break;
            memmove(data + at + count, data + at, size - at);
            size += count;
        }
    }
    return size;
}

static uint32_t mutants_accepted(const char *kind, const uint8_t *data, size_t size, uint32_t rounds) {
    uint8_t mutant[512];
    uint32_t accepted = 0;
    for (uint32_t round = 0; round < rounds && size <= sizeof mutant - 64; round++) {
        memcpy(mutant, data, size);
        accepted += accepts_bytes(kind, mutant, mutate(mutant, size, sizeof mutant));
    }
    return accepted;
}

static void test_damaged_quotes_never_differ_from_the_full_decoder(void **state) {
    (void)state;
    static const char *const quotes[] = {
        "{\"u\":400900217,\"s\":\"BNBUSDT\"," SIDES "}",
        "{\"stream\":\"bnbusdt@bookTicker\",\"data\":{\"u\":400900217,\"s\":\"BNBUSDT\"," SIDES "}}",
        "{\"data\":{\"A\":\"40.66\",\"u\":1,\"E\":1700000000002,\"s\":\"X\",\"b\":\"25.35\",\"B\":\"3.1\",\"a\":"
        "\"25.36\"},"
        "\"stream\":\"x@bookTicker\"}",
    };
    uint32_t accepted = 0;
    for (size_t index = 0; index < sizeof quotes / sizeof quotes[0]; index++)
        accepted += mutants_accepted("binance", (const uint8_t *)quotes[index], strlen(quotes[index]), MUTANTS);
    assert_in_range(accepted, MUTANTS / 10, 3 * MUTANTS); /* else it would only compare refusals */
    accepted = mutants_accepted("mexc", proto_quote, PROTO_SIZE, MUTANTS);
    assert_in_range(accepted, MUTANTS / 20, MUTANTS);
}

static void damage_corpus(const char *folder) {
    json_t *entries = payloads_manifest(folder), *entry;
    if (!entries) skip();
    size_t index;
    json_array_foreach(entries, index, entry) {
        size_t size;
        uint8_t *data = payloads_read(folder, json_string_value(json_object_get(entry, "file")), &size);
        if (data == NULL) continue;
        (void)accepts_bytes(folder, data, size);
        mutants_accepted(folder, data, size, 500);
        free(data);
    }
    json_decref(entries);
}

static void test_payloads_of_the_corpus_never_differ_from_the_full_decoder(void **state) {
    (void)state;
    damage_corpus("binance");
    damage_corpus("mexc");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_as_the_venue_writes_them_go_the_short_way),
        cmocka_unit_test(test_members_in_each_of_the_720_orders_are_read),
        cmocka_unit_test(test_numbers_that_json_or_money_forbid_are_left_to_the_full_decoder),
        cmocka_unit_test(test_shapes_that_are_no_plain_quote_are_left_to_the_full_decoder),
        cmocka_unit_test(test_protobuf_quotes_go_the_short_way_and_every_truncation_does_not),
        cmocka_unit_test(test_no_single_changed_byte_makes_a_difference),
        cmocka_unit_test(test_damaged_quotes_never_differ_from_the_full_decoder),
        cmocka_unit_test(test_payloads_of_the_corpus_never_differ_from_the_full_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
