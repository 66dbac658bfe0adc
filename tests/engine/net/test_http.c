/* Protects the reading of HTTP answers: a body is delivered only when it is whole and its length is beyond doubt;
 * everything is fed whole and one byte at a time. */
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
#include "net/http.h"

static uint8_t buffer[HTTP_BODY_SIZE_MAX + 65536];

/* One byte at a time, every prefix parsed; then `more` bytes behind the answer must stay unread. */
static int64_t parse_both_ways(const char *text, size_t size, struct http_answer *out) {
    int64_t stepped = ERROR_NEED_MORE;
    memcpy(buffer, text, size);
    for (size_t have = 0; have <= size && stepped == ERROR_NEED_MORE; have++)
        stepped = http_parse_answer(buffer, have, out);
    memcpy(buffer, text, size);
    int64_t whole = http_parse_answer(buffer, size, out);
    assert_int_equal(whole, stepped);
    if (whole < 0) return whole;
    memcpy(buffer, text, size);
    memcpy(buffer + size, "HTTP/1.1 2", 10);
    assert_int_equal(http_parse_answer(buffer, size + 10, out), whole);
    return whole;
}

static void assert_code(const char *text, int code) {
    struct http_answer answer;
    int64_t got = parse_both_ways(text, strlen(text), &answer);
    if (got != code) print_error("for: %s\n", text);
    assert_int_equal(got, code);
}

static void assert_body(const char *text, int status, const char *body) {
    struct http_answer answer;
    int64_t got = parse_both_ways(text, strlen(text), &answer);
    if (got != (int64_t)strlen(text)) print_error("for: %s\n", text);
    assert_int_equal(got, strlen(text));
    assert_int_equal(answer.status, status);
    assert_int_equal(answer.body_size, strlen(body));
    assert_memory_equal(answer.body, body, strlen(body));
}

static void test_what_is_not_http_is_refused(void **state) {
    (void)state;
    assert_code("\x16\x03\x01", ERROR_BAD);
    assert_code("SSH-2.0-x\r\n", ERROR_BAD);
    assert_code("HTTP/2", ERROR_BAD);
    assert_code("HTTP/1.1 20\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.x 200 OK\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", ERROR_BAD);
}

static void test_broken_header_lines_are_refused(void **state) {
    (void)state;
    assert_code("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n folded\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nX: a\nb\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 0\r\n\r\n", ERROR_BAD);
}

static void test_doubtful_lengths_are_refused(void **state) {
    (void)state;
    assert_code("HTTP/1.1 200 OK\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ERROR_BAD);
    assert_code("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                ERROR_BAD);
    assert_code("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ERROR_BAD);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void test_broken_chunks_are_refused(void **state) {
    (void)state;
    assert_code(CHUNKED "x\r\n", ERROR_BAD);
    assert_code(CHUNKED "\r\n", ERROR_BAD);
    assert_code(CHUNKED "-1\r\n", ERROR_BAD);
    assert_code(CHUNKED "3 3\r\nabc\r\n0\r\n\r\n", ERROR_BAD);
    assert_code(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", ERROR_BAD);
    assert_code(CHUNKED "3\r\nabc\rx0\r\n\r\n", ERROR_BAD);
    assert_code(CHUNKED "100001\r\n", ERROR_BAD);
    assert_code(CHUNKED "ffffffffffffffffffff\r\n", ERROR_BAD);
}

static void test_cut_answers_need_more(void **state) {
    (void)state;
    assert_code("", ERROR_NEED_MORE);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r", ERROR_NEED_MORE);
    assert_code("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", ERROR_NEED_MORE);
    assert_code("HTTP/1.1 100 Continue\r\n\r\n", ERROR_NEED_MORE);
    assert_code(CHUNKED "3\r\nabc\r\n0\r\n", ERROR_NEED_MORE);
    assert_code(CHUNKED "3\r\nabc\r\n", ERROR_NEED_MORE);
    assert_code(CHUNKED "3\r\nabc\r\n0\r\nX: y\r\n", ERROR_NEED_MORE);
}

static void test_a_head_over_its_limit_is_refused(void **state) {
    (void)state;
    struct http_answer answer;
    int size = snprintf((char *)buffer, sizeof buffer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ");
    memset(buffer + size, 'a', HTTP_HEAD_SIZE_MAX);
    assert_int_equal(http_parse_answer(buffer, HTTP_HEAD_SIZE_MAX - 1, &answer), ERROR_NEED_MORE);
    assert_int_equal(http_parse_answer(buffer, HTTP_HEAD_SIZE_MAX, &answer), ERROR_BAD);
    memcpy(buffer + HTTP_HEAD_SIZE_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_parse_answer(buffer, HTTP_HEAD_SIZE_MAX, &answer), HTTP_HEAD_SIZE_MAX);
}

static void test_chunks_together_over_the_body_limit_are_refused(void **state) {
    (void)state;
    struct http_answer answer;
    size_t size = (size_t)snprintf((char *)buffer, sizeof buffer, CHUNKED "fffff\r\n");
    memset(buffer + size, 'a', 0xfffff);
    size += 0xfffff;
    memcpy(buffer + size, "\r\n1\r\nb\r\n0\r\n\r\n", 13);
    assert_int_equal(http_parse_answer(buffer, size + 13, &answer), size + 13);
    assert_int_equal(answer.body_size, HTTP_BODY_SIZE_MAX);
    assert_int_equal(answer.body[HTTP_BODY_SIZE_MAX - 1], 'b');

    size = (size_t)snprintf((char *)buffer, sizeof buffer, CHUNKED "fffff\r\n") + 0xfffff;
    memcpy(buffer + size, "\r\n2\r\nbb\r\n0\r\n\r\n", 14);
    assert_int_equal(http_parse_answer(buffer, size + 14, &answer), ERROR_BAD);
}

static void test_bodies_by_length_are_read(void **state) {
    (void)state;
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}");
    assert_body("HTTP/1.1 200\r\ncontent-length:2\t\r\n\r\n{}", 200, "{}");
    assert_body("HTTP/1.1 400 Bad Request\r\nCONTENT-LENGTH: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "{}");
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
    assert_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7",
                200, "7");
}

static void test_answers_without_a_body_end_with_their_head(void **state) {
    (void)state;
    assert_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    assert_body("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "");
}

static void test_chunks_with_extensions_and_trailers_are_joined(void **state) {
    (void)state;
    const char text[] = CHUNKED "3;a=\"b\"\r\nabc\r\nA \r\n0123456789\r\n000;last\r\nX-Sum: 1\r\nY: 2\r\n\r\n";
    assert_body(text, 200, "abc0123456789");
    assert_body(CHUNKED "0\r\n\r\n", 200, "");
}

static void test_headers_we_act_on_are_read(void **state) {
    (void)state;
    struct http_answer answer;
    const char plain[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_true(parse_both_ways(plain, strlen(plain), &answer) > 0);
    assert_true(answer.keep_alive);
    assert_int_equal(answer.retry_after_s, -1);
    assert_int_equal(answer.rate_used, -1);
    const char limited[] = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 60\r\nx-mbx-used-weight-1m: 6001\r\n"
                           "Connection: foo, Close\r\nContent-Length: 0\r\n\r\n";
    assert_true(parse_both_ways(limited, strlen(limited), &answer) > 0);
    assert_false(answer.keep_alive);
    assert_int_equal(answer.retry_after_s, 60);
    assert_int_equal(answer.rate_used, 6001);
    const char huge[] = "HTTP/1.0 429 x\r\nRetry-After: 99999999999999\r\nContent-Length: 0\r\n\r\n";
    assert_true(parse_both_ways(huge, strlen(huge), &answer) > 0);
    assert_false(answer.keep_alive);
    assert_int_equal(answer.retry_after_s, INT32_MAX); /* too long a pause, never none */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_http_is_refused),
        cmocka_unit_test(test_broken_header_lines_are_refused),
        cmocka_unit_test(test_doubtful_lengths_are_refused),
        cmocka_unit_test(test_broken_chunks_are_refused),
        cmocka_unit_test(test_cut_answers_need_more),
        cmocka_unit_test(test_a_head_over_its_limit_is_refused),
        cmocka_unit_test(test_chunks_together_over_the_body_limit_are_refused),
        cmocka_unit_test(test_bodies_by_length_are_read),
        cmocka_unit_test(test_answers_without_a_body_end_with_their_head),
        cmocka_unit_test(test_chunks_with_extensions_and_trailers_are_joined),
        cmocka_unit_test(test_headers_we_act_on_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
