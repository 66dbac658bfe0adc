/* Protects where we connect to: an address is read exactly or refused, and only loopback counts as loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "net/url.h"

static void test_what_is_no_address_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "127.0.0.1:80",
        "ftp://host",
        "ws:/host",
        "ws://",
        "ws://:80",
        "ws://host:",
        "ws://host:0",
        "ws://host:65536",
        "ws://host:123456",
        "ws://host:8a",
        "ws://user@host",
        "ws://user:pw@host",
        "ws://host/a?b=c",
        "ws://host/a#b",
        "ws://host?x",
        "ws://ho st",
        "ws://host/a b",
        "ws://host/a\r\nX: y",
        "ws://[::1",
        "ws://[::1]x",
        "ws://[1.2.3.4]",
        "ws://[]",
        "ws://::1",
        "ws://h\xc3\xb6st",
        "ws://0123456789012345678901234567890123456789012345678901234567890123",
        "ws://h/0123456789012345678901234567890123456789012345678901234567890123",
    };
    struct url url;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (url_parse(bad[i], &url) != ERROR_BAD) print_error("accepted: %s\n", bad[i]);
        assert_int_equal(url_parse(bad[i], &url), ERROR_BAD);
    }
}

static void assert_url(const char *text, bool tls, const char *host, const char *port, const char *authority,
                       const char *base) {
    struct url url;
    assert_int_equal(url_parse(text, &url), 0);
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_string_equal(url.port, port);
    assert_string_equal(url.authority, authority);
    assert_string_equal(url.base, base);
}

static void test_addresses_are_read(void **state) {
    (void)state;
    assert_url("ws://127.0.0.1:9001", false, "127.0.0.1", "9001", "127.0.0.1:9001", "");
    assert_url("WSS://Stream.Binance.com:9443/", true, "stream.binance.com", "9443", "stream.binance.com:9443", "");
    assert_url("https://api.mexc.com/api/v3/", true, "api.mexc.com", "443", "api.mexc.com", "/api/v3");
    assert_url("http://localhost:0080", false, "localhost", "80", "localhost", "");
    assert_url("http://[::1]:8080/x", false, "::1", "8080", "[::1]:8080", "/x");
}

static void test_only_loopback_counts_as_loopback(void **state) {
    (void)state;
    static const char *const inside[] = {"ws://127.0.0.1", "ws://127.255.0.3:1", "ws://localhost",
                                         "ws://LOCALHOST", "ws://[::1]",         "ws://[0:0:0:0:0:0:0:1]"};
    static const char *const outside[] = {
        "ws://128.0.0.1", "ws://127.0.0.1.example.com", "ws://localhost.example", "ws://[::2]",
        "ws://0.0.0.0",   "ws://127.1.example",         "ws://[::ffff:1.2.3.4]",  "ws://10.0.0.1"};
    struct url url;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert_int_equal(url_parse(inside[i], &url), 0);
        assert_true(url_is_loopback(&url));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(url_parse(outside[i], &url), 0);
        assert_false(url_is_loopback(&url));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_address_is_refused),
        cmocka_unit_test(test_addresses_are_read),
        cmocka_unit_test(test_only_loopback_counts_as_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
