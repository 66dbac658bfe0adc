/* Protects against what venues really send: every recorded or constructed frame and upgrade answer of the shared
 * collection gets the verdict its manifest states. Skips, saying so, where the collection is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/error.h"
#include "net/ws.h"

#define SAMPLE_KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3: the key the upgrade answers answer */

static char folder[1024];
static json_t *manifest;
static uint8_t fragments[WS_MESSAGE_SIZE_MAX];
static uint8_t bytes[1 << 18];

static int load(void **state) {
    (void)state;
    const char *shared = getenv("ARBDECK_SHARED");
    char path[1100];
    snprintf(folder, sizeof folder, "%s/venues/payloads/common_ws_frames",
             shared != NULL ? shared : TEST_SOURCE_DIR "/../shared");
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    manifest = json_load_file(path, 0, NULL);
    if (manifest == NULL) print_message("skipped: no %s (set ARBDECK_SHARED)\n", path);
    return 0;
}

static int unload(void **state) {
    (void)state;
    json_decref(manifest);
    return 0;
}

static size_t read_payload(const char *name) {
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size < sizeof bytes);
    return size;
}

struct outcome {
    char events[64]; /* one letter an event: m b i(ping) o(pong) c; e protocol error, ? bytes left over */
    uint16_t close_code;
};

/* Parses all frames, giving the parser `step` more bytes each time it asks. */
static struct outcome parse_all(size_t size, size_t step) {
    struct ws_parser parser;
    struct outcome outcome = {.events = ""};
    size_t at = 0;
    size_t have = step < size ? step : size;
    ws_parser_init(&parser, fragments);
    for (size_t count = 0; count + 2 < sizeof outcome.events;) {
        struct ws_event event;
        size_t need;
        int64_t used = ws_parse(&parser, bytes + at, have - at, &event, &need);
        if (used == ERROR_NEED_MORE && have < size) {
            have = have + step < size ? have + step : size;
            continue;
        }
        if (used == ERROR_NEED_MORE) {
            if (at < size) outcome.events[count] = '?';
            break;
        }
        if (used < 0) {
            outcome.events[count] = 'e';
            break;
        }
        at += (size_t)used;
        if (event.kind == WS_EVENT_CLOSE) outcome.close_code = event.close_code;
        if (event.kind == WS_EVENT_MESSAGE) outcome.events[count++] = event.binary ? 'b' : 'm';
        if (event.kind == WS_EVENT_PING) outcome.events[count++] = 'i';
        if (event.kind == WS_EVENT_PONG) outcome.events[count++] = 'o';
        if (event.kind == WS_EVENT_CLOSE) outcome.events[count++] = 'c';
    }
    return outcome;
}

/* What each verdict means to a client that offered no extension. Doubtful input ("accept_or_reject") is refused. The
 * ping between two fragments is answered before the message is whole. */
static const char *expected_events(const char *verdict, bool binary) {
    static const char *const table[][2] = {
        {"pong", "i"},
        {"ignore", "o"},
        {"close", "c"},
        {"protocol_error", "e"},
        {"accept_or_reject", "e"},
        {"deliver_if_negotiated", "e"},
        {"deliver_then_pong", "im"},
        {"need_more", "?"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], verdict) == 0) return table[i][1];
    if (strcmp(verdict, "deliver") == 0) return binary ? "b" : "m";
    fail_msg("a verdict this test does not know: %s", verdict);
    return "";
}

static void test_every_frame_gets_its_verdict(void **state) {
    (void)state;
    if (manifest == NULL) skip();
    size_t index;
    json_t *entry;
    int frame_count = 0;
    json_array_foreach(json_object_get(manifest, "entries"), index, entry) {
        if (strcmp(json_string_value(json_object_get(entry, "frame")), "raw-ws") != 0) continue;
        const char *name = json_string_value(json_object_get(entry, "file"));
        json_t *expect = json_object_get(entry, "expect");
        const char *verdict = json_string_value(json_object_get(expect, "verdict"));
        bool binary = json_integer_value(json_object_get(expect, "opcode")) == WS_BINARY;
        size_t size = read_payload(name);
        assert_int_equal(size, json_integer_value(json_object_get(entry, "bytes")));
        const size_t steps[] = {size, 1, 3, 1000};
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct outcome outcome = parse_all(size, steps[i]);
            const char *wanted = expected_events(verdict, binary || outcome.events[0] == 'b');
            if (strcmp(outcome.events, wanted) != 0)
                fail_msg("%s, %zu bytes at a time: \"%s\" instead of \"%s\"", name, steps[i], outcome.events,
                         wanted);
            json_t *code = json_object_get(expect, "code");
            if (code != NULL) assert_int_equal(outcome.close_code, json_integer_value(code));
        }
        frame_count++;
    }
    print_message("%d frames\n", frame_count);
    assert_true(frame_count >= 21);
}

static void test_every_upgrade_answer_gets_its_verdict(void **state) {
    (void)state;
    if (manifest == NULL) skip();
    size_t index;
    json_t *entry;
    int answer_count = 0;
    json_array_foreach(json_object_get(manifest, "entries"), index, entry) {
        if (strcmp(json_string_value(json_object_get(entry, "frame")), "text") != 0) continue;
        const char *name = json_string_value(json_object_get(entry, "file"));
        json_t *expect = json_object_get(entry, "expect");
        bool granted = strcmp(json_string_value(json_object_get(expect, "verdict")), "upgrade_ok") == 0;
        size_t size = read_payload(name);
        struct ws_handshake answer;
        int64_t code = ERROR_NEED_MORE;
        size_t have = 0;
        while (code == ERROR_NEED_MORE && have < size)
            code = ws_handshake_answer(bytes, ++have, SAMPLE_KEY, &answer);
        if (granted != (code > 0)) fail_msg("%s: code %d, %s", name, (int)code, answer.why);
        assert_int_equal(code, granted ? (int64_t)size : ERROR_REFUSED);
        json_t *retry = json_object_get(expect, "retry_after_s");
        assert_int_equal(answer.retry_after_s, retry != NULL ? json_integer_value(retry) : -1);
        if (json_object_get(expect, "class") != NULL) assert_int_equal(answer.status, 451);
        answer_count++;
    }
    assert_true(answer_count >= 5);
}

static void assert_answer(const char *text, int64_t wanted, const char *why) {
    struct ws_handshake answer;
    int64_t code = ws_handshake_answer((const uint8_t *)text, strlen(text), SAMPLE_KEY, &answer);
    if (code != wanted) print_error("for: %s\n", text);
    assert_int_equal(code, wanted);
    if (why != NULL) assert_non_null(strstr(answer.why, why));
}

#define GRANT                                                                                                      \
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"                                  \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static void test_upgrades_that_grant_anything_else_are_refused(void **state) {
    (void)state;
    assert_answer(GRANT "\r\n", sizeof GRANT "\r\n" - 1, NULL);
    assert_answer(GRANT "\r\n\x81\x00", sizeof GRANT "\r\n" - 1, NULL); /* a frame behind the head is not read */
    assert_answer("HTTP/1.1 100 Continue\r\n\r\n" GRANT "\r\n",
                  sizeof "HTTP/1.1 100 Continue\r\n\r\n" GRANT "\r\n" - 1, NULL);
    assert_answer(GRANT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", ERROR_REFUSED, "did not offer");
    assert_answer(GRANT "Sec-WebSocket-Protocol: chat\r\n\r\n", ERROR_REFUSED, "did not offer");
    assert_answer(GRANT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", ERROR_REFUSED,
                  "more than one");
    assert_answer("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", ERROR_REFUSED, "no Sec-");
    assert_answer("HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", ERROR_REFUSED, "no \"Upgrade");
    assert_answer("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n", ERROR_REFUSED, "no \"Conn");
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERROR_REFUSED, "did not upgrade");
    assert_answer("HTTP/1.1 502 Bad Gateway\r\n\r\n", ERROR_REFUSED, "5xx");
    assert_answer("\x15\x03\x01\x00\x02\x02", ERROR_BAD, NULL);
}

static void test_requests_carry_the_key_and_nothing_that_ends_a_line(void **state) {
    (void)state;
    char key[WS_KEY_SIZE + 1];
    char out[512];
    const uint8_t nonce[16] = "the sample nonce";
    const char wanted[] = "GET /ws/btcusdt@bookTicker HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n\r\n";
    int size = ws_handshake_request("127.0.0.1:9001", "/ws/btcusdt@bookTicker", nonce, key, out, sizeof out);
    assert_int_equal(size, sizeof wanted - 1);
    assert_string_equal(out, wanted);
    assert_string_equal(key, SAMPLE_KEY);
    assert_int_equal(ws_handshake_request("h", "/", nonce, key, out, 100), ERROR_FULL);
    assert_int_equal(ws_handshake_request("h", "/a b", nonce, key, out, sizeof out), ERROR_BAD);
    assert_int_equal(ws_handshake_request("h", "/a\r\nX: y", nonce, key, out, sizeof out), ERROR_BAD);
    assert_int_equal(ws_handshake_request("h", "ws", nonce, key, out, sizeof out), ERROR_BAD);
    assert_int_equal(ws_handshake_request("", "/", nonce, key, out, sizeof out), ERROR_BAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_gets_its_verdict),
        cmocka_unit_test(test_every_upgrade_answer_gets_its_verdict),
        cmocka_unit_test(test_upgrades_that_grant_anything_else_are_refused),
        cmocka_unit_test(test_requests_carry_the_key_and_nothing_that_ends_a_line),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
