/* Protects the WebSocket frame codec: what a server sends is either read exactly or refused with the right close code,
 * however it is cut into pieces; what we send is what a plain, slow decoder reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "net/ws.h"

static uint8_t fragments[WS_MESSAGE_SIZE_MAX];
static uint8_t wire[WS_MESSAGE_SIZE_MAX + 64];

/* Appends a server frame, written the plain way. `first` is the whole first byte. */
static size_t frame_put(uint8_t *out, uint8_t first, const void *payload, size_t size) {
    size_t head = 2;
    out[0] = first;
    if (size < 126) {
        out[1] = (uint8_t)size;
    } else if (size <= 65535) {
        out[1] = 126;
        out[2] = (uint8_t)(size / 256);
        out[3] = (uint8_t)(size % 256);
        head = 4;
    } else {
        out[1] = 127;
        for (int i = 0; i < 8; i++)
            out[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
        head = 10;
    }
    if (size > 0) memcpy(out + head, payload, size);
    return head + size;
}

/* Feeds whole, then byte by byte with a fresh parser: both must end in the same code and error. */
static int64_t parse_both_ways(const uint8_t *data, size_t size, struct ws_event *event, struct ws_parser *parser) {
    size_t need = 0;
    ws_parser_init(parser, fragments);
    int64_t whole = ws_parse(parser, data, size, event, &need);
    struct ws_event whole_event = *event;
    const char *whole_error = parser->error;

    ws_parser_init(parser, fragments);
    int64_t stepped = ERROR_NEED_MORE;
    for (size_t have = 0; have <= size && stepped == ERROR_NEED_MORE; have++) {
        stepped = ws_parse(parser, data, have, event, &need);
        if (stepped == ERROR_NEED_MORE && need != 0) assert_true(need > have);
        if (stepped > 0) assert_int_equal(stepped, have);
    }
    assert_int_equal(stepped, whole);
    assert_int_equal(event->kind, whole_event.kind);
    assert_ptr_equal(parser->error, whole_error);
    return whole;
}

static void assert_refused(const uint8_t *data, size_t size, uint16_t close_code, const char *error) {
    struct ws_parser parser;
    struct ws_event event;
    assert_int_equal(parse_both_ways(data, size, &event, &parser), ERROR_BAD);
    assert_int_equal(parser.close_code, close_code);
    assert_string_equal(parser.error, error);
    assert_int_equal(event.kind, 0);
}

#define REFUSED(code, error, ...)                                                                                  \
    do {                                                                                                           \
        const uint8_t refused_bytes[] = {__VA_ARGS__};                                                             \
        assert_refused(refused_bytes, sizeof refused_bytes, code, error);                                          \
    } while (0)

static void test_broken_headers_are_refused_with_1002(void **state) {
    (void)state;
    for (unsigned bit = 0x10; bit <= 0x40; bit <<= 1)
        REFUSED(1002, "reserved bit set, no extension granted", (uint8_t)(0x81 | bit), 0x01, 'a');
    const uint8_t reserved[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof reserved; i++)
        REFUSED(1002, "reserved opcode", 0x80 | reserved[i], 0x00);
    REFUSED(1002, "masked frame from a server", 0x81, 0x81, 1, 2, 3, 4, 'a');
    for (unsigned opcode = 8; opcode <= 10; opcode++) {
        REFUSED(1002, "fragmented control frame", (uint8_t)opcode, 0x00);
        REFUSED(1002, "control frame over 125 bytes", (uint8_t)(0x80 | opcode), 126, 0, 126);
        REFUSED(1002, "control frame over 125 bytes", (uint8_t)(0x80 | opcode), 127, 0, 0, 0, 0, 0, 1, 0, 0);
    }
    REFUSED(1002, "continuation without a message", 0x80, 0x01, 'a');
    REFUSED(1002, "continuation without a message", 0x00, 0x00);
}

static void test_broken_lengths_are_refused_before_the_payload_comes(void **state) {
    (void)state;
    REFUSED(1002, "length not in its shortest form", 0x81, 126, 0, 125);
    REFUSED(1002, "length not in its shortest form", 0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
    REFUSED(1002, "length with the highest bit set", 0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1);
    REFUSED(1009, "message over 1 MiB", 0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0);
    REFUSED(1009, "message over 1 MiB", 0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1);
}

static void test_close_frames_with_codes_that_may_not_be_sent_are_refused(void **state) {
    (void)state;
    REFUSED(1002, "close frame of one byte", 0x88, 1, 3);
    const uint16_t bad[] = {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(1002, "close code not allowed", 0x88, 2, (uint8_t)(bad[i] >> 8), (uint8_t)bad[i]);
    REFUSED(1007, "close reason is not UTF-8", 0x88, 3, 0x03, 0xe8, 0xff);
}

static void test_close_codes_of_the_registry_are_read(void **state) {
    (void)state;
    const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const uint8_t data[] = {0x88, 4, (uint8_t)(good[i] >> 8), (uint8_t)good[i], 'o', 'k'};
        struct ws_parser parser;
        struct ws_event event;
        assert_int_equal(parse_both_ways(data, sizeof data, &event, &parser), sizeof data);
        assert_int_equal(event.kind, WS_EVENT_CLOSE);
        assert_int_equal(event.close_code, good[i]);
        assert_memory_equal(event.payload, "ok", 2);
        assert_int_equal(event.size, 2);
    }
}

static void test_text_that_is_not_utf8_is_refused_with_1007(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xc2",         "\xc2\x41",
        "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",     "\xed\xbf\xbf",     "\xe2\x82",     "\xef\xbf\x41",
        "\xf5",         "\xff",         "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9d\x84", "\xf4\x90\x80\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t before = 0; before < 40; before++) { /* every alignment of the eight-byte steps */
            uint8_t payload[64];
            memset(payload, 'x', sizeof payload);
            memcpy(payload + before, bad[i], strlen(bad[i]));
            size_t size = frame_put(wire, 0x81, payload, before + strlen(bad[i]));
            assert_refused(wire, size, 1007, "text is not UTF-8");
            size = frame_put(wire, 0x81, payload, sizeof payload);
            assert_refused(wire, size, 1007, "text is not UTF-8");
        }
    }
}

static void test_edges_of_utf8_are_read(void **state) {
    (void)state;
    static const char *const good[] = {
        "",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "k\xc3\xb6lner \xe2\x82\xac 10\xf0\x9f\x98\x80 and a tail of ASCII behind it"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t size = frame_put(wire, 0x81, good[i], strlen(good[i]));
        struct ws_parser parser;
        struct ws_event event;
        assert_int_equal(parse_both_ways(wire, size, &event, &parser), size);
        assert_int_equal(event.kind, WS_EVENT_MESSAGE);
        assert_false(event.binary);
        assert_int_equal(event.size, strlen(good[i]));
    }
}

/* The first count of bytes at which the stream is refused; 0: never. */
static size_t refused_at(const uint8_t *data, size_t size) {
    struct ws_parser parser;
    ws_parser_init(&parser, fragments);
    size_t begin = 0;
    for (size_t have = 0; have <= size; have++) {
        struct ws_event event;
        size_t need;
        int64_t used = ws_parse(&parser, data + begin, have - begin, &event, &need);
        if (used == ERROR_BAD) {
            assert_int_equal(parser.close_code, 1007);
            return have;
        }
        if (used > 0) begin += (size_t)used;
    }
    return 0;
}

static void test_bad_text_is_refused_at_its_first_bad_byte(void **state) {
    (void)state;
    static const char text[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90 and more to come";
    const size_t bad = 13; /* F4 may not be followed by 90 */
    size_t size = frame_put(wire, 0x81, text, sizeof text - 1);
    assert_int_equal(refused_at(wire, size), 2 + bad);
    for (size_t cut = 0; cut < sizeof text - 1; cut++) { /* the same in two fragments, also within a character */
        size = frame_put(wire, 0x01, text, cut);
        size += frame_put(wire + size, 0x80, text + cut, sizeof text - 1 - cut);
        assert_int_equal(refused_at(wire, size), bad + (cut < bad ? 4 : 2));
    }
    size = frame_put(wire, 0x01, "k\xc3", 2);
    size += frame_put(wire + size, 0x80, "", 0); /* the end leaves half a character */
    assert_int_equal(refused_at(wire, size), size);
    size = frame_put(wire, 0x02, text, 5);
    size += frame_put(wire + size, 0x80, text + 5, sizeof text - 6);
    assert_int_equal(refused_at(wire, size), 0); /* binary may hold anything */
}

static void test_binary_is_not_checked_for_utf8(void **state) {
    (void)state;
    size_t size = frame_put(wire, 0x82, "\xff\xfe\x80", 3);
    struct ws_parser parser;
    struct ws_event event;
    assert_int_equal(parse_both_ways(wire, size, &event, &parser), size);
    assert_true(event.binary);
    assert_memory_equal(event.payload, "\xff\xfe\x80", 3);
}

static void test_need_names_the_whole_frame_once_the_header_is_known(void **state) {
    (void)state;
    struct ws_parser parser;
    struct ws_event event;
    size_t need = 99;
    ws_parser_init(&parser, fragments);
    const uint8_t header[] = {0x82, 126, 0x01, 0x00};
    assert_int_equal(ws_parse(&parser, header, 1, &event, &need), ERROR_NEED_MORE);
    assert_int_equal(need, 0);
    assert_int_equal(ws_parse(&parser, header, 3, &event, &need), ERROR_NEED_MORE);
    assert_int_equal(need, 0);
    assert_int_equal(ws_parse(&parser, header, 4, &event, &need), ERROR_NEED_MORE);
    assert_int_equal(need, 4 + 256);
}

static void test_fragments_with_control_frames_between_are_joined(void **state) {
    (void)state;
    size_t size = frame_put(wire, 0x01, "k\xc3", 2); /* a character cut by the fragment's end */
    size += frame_put(wire + size, 0x89, "p", 1);
    size += frame_put(wire + size, 0x00, "", 0);
    size += frame_put(wire + size, 0x8a, "q", 1);
    size += frame_put(wire + size, 0x80, "\xb6ln", 3);
    size += frame_put(wire + size, 0x82, "next", 4);
    const enum ws_event_kind expected[] = {0, WS_EVENT_PING, 0, WS_EVENT_PONG, WS_EVENT_MESSAGE, WS_EVENT_MESSAGE};
    struct ws_parser parser;
    ws_parser_init(&parser, fragments);
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        struct ws_event event;
        size_t need;
        int64_t used = ERROR_NEED_MORE;
        for (size_t have = 0; used == ERROR_NEED_MORE; have++) {
            assert_true(at + have <= size);
            used = ws_parse(&parser, wire + at, have, &event, &need);
        }
        assert_true(used > 0);
        assert_int_equal(event.kind, expected[i]);
        if (i == 4) assert_memory_equal(event.payload, "k\xc3\xb6ln", 5);
        if (i == 4) assert_int_equal(event.size, 5);
        if (i == 5) assert_memory_equal(event.payload, "next", 4);
        at += (size_t)used;
    }
    assert_int_equal(at, size);
}

static void test_a_new_message_inside_a_fragmented_one_is_refused(void **state) {
    (void)state;
    struct ws_parser parser;
    struct ws_event event;
    size_t need;
    ws_parser_init(&parser, fragments);
    size_t size = frame_put(wire, 0x01, "a", 1);
    assert_int_equal(ws_parse(&parser, wire, size, &event, &need), size);
    size = frame_put(wire, 0x81, "b", 1);
    assert_int_equal(ws_parse(&parser, wire, size, &event, &need), ERROR_BAD);
    assert_string_equal(parser.error, "new message inside a fragmented one");
}

static void test_fragments_over_the_message_limit_are_refused_at_the_header(void **state) {
    (void)state;
    struct ws_parser parser;
    struct ws_event event;
    size_t need;
    uint8_t *big = calloc(1, WS_MESSAGE_SIZE_MAX);
    ws_parser_init(&parser, fragments);
    size_t size = frame_put(wire, 0x02, big, WS_MESSAGE_SIZE_MAX - 10);
    assert_int_equal(ws_parse(&parser, wire, size, &event, &need), size);
    assert_int_equal(event.kind, 0);
    struct ws_parser fits = parser;
    const uint8_t eleven[] = {0x80, 11};
    assert_int_equal(ws_parse(&parser, eleven, 2, &event, &need), ERROR_BAD);
    assert_int_equal(parser.close_code, 1009);
    size = frame_put(wire, 0x80, big, 10);
    assert_int_equal(ws_parse(&fits, wire, size, &event, &need), size);
    assert_int_equal(event.kind, WS_EVENT_MESSAGE);
    assert_int_equal(event.size, WS_MESSAGE_SIZE_MAX);
    free(big);
}

/* The plain reading of a client frame: fields one by one, mask byte by byte. */
static size_t naive_decode(const uint8_t *data, unsigned *opcode, uint8_t *payload) {
    size_t size = data[1] & 127;
    size_t at = 2;
    assert_true(data[1] & 0x80);
    assert_true(data[0] & 0x80);
    *opcode = data[0] & 15;
    if (size >= 126) {
        size_t bytes = size == 126 ? 2 : 8;
        size = 0;
        for (size_t i = 0; i < bytes; i++)
            size = size * 256 + data[at++];
    }
    const uint8_t *mask = data + at;
    at += 4;
    for (size_t i = 0; i < size; i++)
        payload[i] = data[at + i] ^ mask[i % 4];
    return size;
}

static void test_random_frames_are_read_back_by_a_naive_decoder(void **state) {
    (void)state;
    unsigned seed = 20260101;
    static uint8_t payload[70000];
    static uint8_t back[70000];
    print_message("seed %u\n", seed);
    srand(seed);
    const size_t edges[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536};
    for (size_t round = 0; round < 3000; round++) {
        size_t size = round < 10 ? edges[round] : (size_t)rand() % (round % 100 == 0 ? sizeof payload : 300);
        for (size_t i = 0; i < size; i++)
            payload[i] = (uint8_t)rand();
        uint32_t mask = (uint32_t)rand() * 2654435761u;
        enum ws_opcode opcode = round % 2 ? WS_TEXT : WS_BINARY;
        memset(wire, 0xee, size + WS_FRAME_OVERHEAD_MAX + 1);
        int64_t used = ws_encode(opcode, payload, size, mask, wire, sizeof wire);
        assert_in_range(used, size + 6, size + WS_FRAME_OVERHEAD_MAX);
        assert_int_equal(wire[used], 0xee); /* nothing behind the frame is touched */
        unsigned opcode_back = 0;
        assert_int_equal(naive_decode(wire, &opcode_back, back), size);
        assert_int_equal(opcode_back, opcode);
        assert_memory_equal(back, payload, size);
        assert_int_equal(ws_encode(opcode, payload, size, mask, wire, (size_t)used), used);
        assert_int_equal(ws_encode(opcode, payload, size, mask, wire, (size_t)used - 1), ERROR_FULL);
    }
}

static void test_random_streams_cut_anywhere_give_the_same_events(void **state) {
    (void)state;
    unsigned seed = 20260102;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 200; round++) {
        size_t size = 0;
        uint32_t sums[64];
        int count = 0;
        while (count < 64) {
            uint8_t payload[400];
            size_t payload_size = (size_t)rand() % sizeof payload;
            sums[count] = (uint32_t)payload_size;
            for (size_t i = 0; i < payload_size; i++) {
                payload[i] = (uint8_t)rand();
                sums[count] = sums[count] * 31 + payload[i];
            }
            size_t cut = payload_size == 0 ? 0 : (size_t)rand() % payload_size;
            bool split = rand() % 2 == 0;
            if (split) size += frame_put(wire + size, 0x02, payload, cut);
            size_t begin = split ? cut : 0;
            size += frame_put(wire + size, split ? 0x80 : 0x82, payload + begin, payload_size - begin);
            count++;
        }
        struct ws_parser parser;
        ws_parser_init(&parser, fragments);
        size_t at = 0;
        size_t have = 0;
        int seen = 0;
        while (at < size) {
            struct ws_event event;
            size_t need;
            int64_t used = ws_parse(&parser, wire + at, have - at, &event, &need);
            if (used == ERROR_NEED_MORE) {
                size_t more = 1 + (size_t)rand() % 700;
                assert_true(have < size);
                have = have + more < size ? have + more : size;
                continue;
            }
            assert_true(used > 0);
            at += (size_t)used;
            if (event.kind == 0) continue;
            uint32_t sum = (uint32_t)event.size;
            for (size_t i = 0; i < event.size; i++)
                sum = sum * 31 + event.payload[i];
            assert_int_equal(sum, sums[seen]);
            seen++;
        }
        assert_int_equal(seen, count);
    }
}

static void test_close_frames_carry_their_code(void **state) {
    (void)state;
    uint8_t out[16];
    uint8_t payload[16];
    unsigned opcode = 0;
    assert_int_equal(ws_encode_close(1000, 0x01020304, out, sizeof out), 8);
    assert_int_equal(naive_decode(out, &opcode, payload), 2);
    assert_int_equal(opcode, WS_CLOSE);
    assert_memory_equal(payload, "\x03\xe8", 2);
    assert_int_equal(ws_encode_close(1005, 7, out, sizeof out), 6); /* "none" is sent as none */
    assert_int_equal(naive_decode(out, &opcode, payload), 0);
    assert_int_equal(ws_encode_close(1000, 7, out, 7), ERROR_FULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_headers_are_refused_with_1002),
        cmocka_unit_test(test_broken_lengths_are_refused_before_the_payload_comes),
        cmocka_unit_test(test_close_frames_with_codes_that_may_not_be_sent_are_refused),
        cmocka_unit_test(test_close_codes_of_the_registry_are_read),
        cmocka_unit_test(test_text_that_is_not_utf8_is_refused_with_1007),
        cmocka_unit_test(test_edges_of_utf8_are_read),
        cmocka_unit_test(test_bad_text_is_refused_at_its_first_bad_byte),
        cmocka_unit_test(test_binary_is_not_checked_for_utf8),
        cmocka_unit_test(test_need_names_the_whole_frame_once_the_header_is_known),
        cmocka_unit_test(test_fragments_with_control_frames_between_are_joined),
        cmocka_unit_test(test_a_new_message_inside_a_fragmented_one_is_refused),
        cmocka_unit_test(test_fragments_over_the_message_limit_are_refused_at_the_header),
        cmocka_unit_test(test_random_frames_are_read_back_by_a_naive_decoder),
        cmocka_unit_test(test_random_streams_cut_anywhere_give_the_same_events),
        cmocka_unit_test(test_close_frames_carry_their_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
