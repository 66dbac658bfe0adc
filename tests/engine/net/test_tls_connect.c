/* Protects what the courier does over TLS, on real sockets: who cannot be believed gets no byte of ours and a sentence
 * with host and reason; requests, answers and upgrades are whole; deadlines hold. */
#include "tls_server.h"

#define REQUEST "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
#define ANSWER  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static struct identity authority, stranger, venue;
static struct tls_trust *trust;

static int set_up(void **state) {
    (void)state;
    char path[] = "/tmp/arbdeck_tls_XXXXXX";
    struct error_trail trail = {0};
    authority = identity_make(NULL, NULL, -DAY_S, DAY_S);
    stranger = identity_make(NULL, NULL, -DAY_S, DAY_S);
    venue = identity_make(&authority, "IP:127.0.0.1,DNS:localhost", -DAY_S, DAY_S);
    identity_write(&authority, path);
    trust = tls_trust_create(path, &trail);
    unlink(path);
    return trust == NULL;
}

static int tear_down(void **state) {
    (void)state;
    tls_trust_destroy(trust);
    identity_free(&venue);
    identity_free(&stranger);
    identity_free(&authority);
    return 0;
}

static int connect_to(const struct tls_server *server, struct tcp_link *link, struct error_trail *trail) {
    *link = (struct tcp_link){.trust = trust, .fd = -1};
    return tcp_connect(&server->url, clock_mono_ns() + 5 * SECOND, link, trail);
}

static void check_refused(const struct identity *shown, int version, const char *host, const char *reason) {
    struct tls_server server;
    struct tcp_link link;
    struct error_trail trail = {0};
    server_start(&server, shown, version, SERVER_ECHO, NULL, host);
    server_run(&server);
    int code = connect_to(&server, &link, &trail);
    server_end(&server);
    if (code != ERROR_REFUSED || strstr(trail.text, reason) == NULL ||
        strstr(trail.text, server.url.authority) == NULL)
        fail_msg("%d: %s", code, trail.text);
    assert_int_equal(link.fd, -1);
    assert_null(link.tls);
    assert_false(server.shaken);
    assert_int_equal(server.data_size, 0);
    assert_true(server.alert >= 0); /* it is told */
}

static void test_who_cannot_be_believed_gets_no_byte_of_ours_and_is_named(void **state) {
    (void)state;
    const char *good = "IP:127.0.0.1,DNS:localhost";
    struct identity expired = identity_make(&authority, good, -2 * DAY_S, -DAY_S);
    struct identity early = identity_make(&authority, good, DAY_S, 2 * DAY_S);
    struct identity self = identity_make(NULL, good, -DAY_S, DAY_S);
    struct identity unknown = identity_make(&stranger, good, -DAY_S, DAY_S);
    struct identity other = identity_make(&authority, "IP:127.0.0.2,DNS:localhost.example", -DAY_S, DAY_S);
    struct identity wild = identity_make(&authority, "DNS:local*", -DAY_S, DAY_S);
    for (size_t v = 0; v < 2; v++) {
        check_refused(&expired, versions[v], "127.0.0.1", "certificate has expired");
        check_refused(&early, versions[v], "127.0.0.1", "certificate is not yet valid");
        check_refused(&self, versions[v], "127.0.0.1", "self-signed certificate");
        check_refused(&unknown, versions[v], "127.0.0.1", "unable to get local issuer certificate");
        check_refused(&other, versions[v], "127.0.0.1", "IP address mismatch");
        check_refused(&other, versions[v], "localhost", "hostname mismatch");
        check_refused(&wild, versions[v], "localhost", "hostname mismatch");
    }
    struct identity *all[] = {&expired, &early, &self, &unknown, &other, &wild};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        identity_free(all[i]);
}

static void test_names_and_addresses_that_the_certificate_has_are_believed(void **state) {
    (void)state;
    static const char *const host[] = {"127.0.0.1", "localhost"};
    for (int i = 0; i < 4; i++) {
        struct tls_server server;
        struct tcp_link link;
        struct error_trail trail = {0};
        server_start(&server, &venue, versions[i % 2], SERVER_ECHO, NULL, host[i / 2]);
        server_run(&server);
        if (connect_to(&server, &link, &trail) != 0) fail_msg("%s", trail.text);
        assert_non_null(link.tls);
        tcp_close(&link);
        server_end(&server);
        assert_true(server.shaken);
        assert_int_equal(server.data_size, 0);
        assert_int_equal(server.alert, SSL_AD_CLOSE_NOTIFY);
    }
}

static void test_below_tls_1_2_and_without_tls_nothing_is_said(void **state) {
    (void)state;
    struct tls_server server;
    struct tcp_link link;
    for (int plain = 0; plain < 2; plain++) {
        struct error_trail trail = {0};
        server_start(&server, &venue, plain == 1 ? TLS1_3_VERSION : TLS1_1_VERSION,
                     plain == 1 ? SERVER_PLAIN : SERVER_ECHO, "HTTP/1.1 400 Bad Request\r\n\r\n", "127.0.0.1");
        server_run(&server);
        int code = connect_to(&server, &link, &trail);
        server_end(&server);
        assert_int_equal(code, ERROR_BAD);
        assert_non_null(strstr(trail.text, server.url.authority));
        assert_non_null(strstr(trail.text, "TLS"));
        assert_int_equal(link.fd, -1);
        assert_int_equal(server.data_size, 0);
    }
}

static void test_deadlines_hold_in_the_handshake(void **state) {
    (void)state;
    struct tls_server server;
    struct tcp_link link = {.trust = trust, .fd = -1};
    struct error_trail trail = {0};
    server_start(&server, &venue, TLS1_3_VERSION, SERVER_SILENT, NULL, "127.0.0.1");
    server_run(&server);
    assert_int_equal(tcp_connect(&server.url, clock_mono_ns() + SECOND / 10, &link, &trail), ERROR_TIMEOUT);
    assert_non_null(strstr(trail.text, server.url.authority));
    assert_int_equal(link.fd, -1);
    server_end(&server);
}

static void test_a_handshake_in_packets_of_one_byte_is_a_handshake(void **state) {
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct tls_server server;
        struct tcp_link link;
        struct error_trail trail = {0};
        server_start(&server, &venue, versions[v], SERVER_ECHO, NULL, "127.0.0.1");
        server.one_byte = true;
        server_run(&server);
        if (connect_to(&server, &link, &trail) != 0) fail_msg("%s", trail.text);
        tcp_close(&link);
        server_end(&server);
        assert_true(server.shaken);
    }
}

static void test_a_venue_that_speaks_before_it_is_asked_is_not_believed(void **state) {
    (void)state;
    struct tls_server server;
    struct tcp_link link = {.trust = trust, .fd = -1};
    struct error_trail trail = {0};
    uint8_t buffer[4096];
    struct http_answer answer;
    server_start(&server, &venue, TLS1_2_VERSION, SERVER_SPEAKS, ANSWER ANSWER, "127.0.0.1");
    server_run(&server);
    int code = tcp_exchange(&link, &server.url, REQUEST, sizeof REQUEST - 1, clock_mono_ns() + 5 * SECOND, buffer,
                            sizeof buffer, &answer, &trail);
    /* Seen at once it is refused; seen with the answer the connection is not kept. */
    if (code == 0) assert_false(answer.keep_alive);
    if (code != 0) assert_non_null(strstr(trail.text, "before it is asked"));
    assert_int_equal(link.fd, -1);
    server_end(&server);
}

static void test_a_kept_connection_serves_many_requests(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct tls_server server;
        struct tcp_link link = {.trust = trust, .fd = -1};
        uint8_t buffer[4096];
        server_start(&server, &venue, versions[i % 2], SERVER_ANSWERS, ANSWER, "localhost");
        server.one_byte = i >= 2;
        server_run(&server);
        for (int request = 0; request < 5; request++) {
            struct http_answer answer;
            struct error_trail trail = {0};
            if (tcp_exchange(&link, &server.url, REQUEST, sizeof REQUEST - 1, clock_mono_ns() + 5 * SECOND, buffer,
                             sizeof buffer, &answer, &trail) != 0)
                fail_msg("%s", trail.text);
            assert_int_equal(answer.body_size, 5);
            assert_memory_equal(answer.body, "whole", 5);
            assert_true(link.fd >= 0);
        }
        tcp_close(&link);
        server_end(&server);
        assert_int_equal(server.requests, 5);
        assert_int_equal(server.data_size, 5 * (sizeof REQUEST - 1));
    }
}

static void test_a_connection_cut_before_the_answer_is_an_error_and_not_tried_again(void **state) {
    (void)state;
    struct tls_server server;
    struct tcp_link link = {.trust = trust, .fd = -1};
    struct http_answer answer;
    struct error_trail trail = {0};
    uint8_t buffer[4096];
    server_start(&server, &venue, TLS1_3_VERSION, SERVER_CUTS, NULL, "127.0.0.1");
    server_run(&server);
    assert_int_equal(tcp_exchange(&link, &server.url, REQUEST, sizeof REQUEST - 1, clock_mono_ns() + 5 * SECOND,
                                  buffer, sizeof buffer, &answer, &trail),
                     ERROR_CLOSED);
    assert_non_null(strstr(trail.text, "0 bytes came"));
    assert_int_equal(link.fd, -1);
    server_end(&server);
    assert_int_equal(server.requests, 1);
}

static void test_an_upgrade_that_is_refused_is_told_as_without_tls(void **state) {
    (void)state;
    struct tls_server server;
    struct tcp_link link = {.trust = trust, .fd = -1};
    struct ws_handshake answer;
    struct error_trail trail = {0};
    uint8_t data[1024];
    struct tcp_rest rest = {.data = data, .cap = sizeof data};
    server_start(&server, &venue, TLS1_3_VERSION, SERVER_ANSWERS,
                 "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", "127.0.0.1");
    server_run(&server);
    assert_int_equal(tcp_websocket(&server.url, "/ws", clock_mono_ns() + 5 * SECOND, &link, &rest, &answer, &trail),
                     ERROR_REFUSED);
    assert_int_equal(answer.status, 429);
    assert_int_equal(answer.retry_after_s, 60);
    assert_non_null(strstr(trail.text, "wss://127.0.0.1"));
    assert_int_equal(link.fd, -1);
    server_end(&server);
}

static void test_a_file_without_certificates_is_no_trust(void **state) {
    (void)state;
    static const char *const file[] = {"/nonexistent/ca.pem", "/dev/null", TEST_SOURCE_DIR "/CMakeLists.txt"};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        struct error_trail trail = {0};
        assert_null(tls_trust_create(file[i], &trail));
        assert_int_equal(trail.code, ERROR_BAD);
        assert_non_null(strstr(trail.text, file[i]));
    }
    struct error_trail trail = {0};
    struct tls_trust *system_store = tls_trust_create("", &trail);
    assert_non_null(system_store);
    tls_trust_destroy(system_store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_cannot_be_believed_gets_no_byte_of_ours_and_is_named),
        cmocka_unit_test(test_names_and_addresses_that_the_certificate_has_are_believed),
        cmocka_unit_test(test_below_tls_1_2_and_without_tls_nothing_is_said),
        cmocka_unit_test(test_deadlines_hold_in_the_handshake),
        cmocka_unit_test(test_a_handshake_in_packets_of_one_byte_is_a_handshake),
        cmocka_unit_test(test_a_venue_that_speaks_before_it_is_asked_is_not_believed),
        cmocka_unit_test(test_a_kept_connection_serves_many_requests),
        cmocka_unit_test(test_a_connection_cut_before_the_answer_is_an_error_and_not_tried_again),
        cmocka_unit_test(test_an_upgrade_that_is_refused_is_told_as_without_tls),
        cmocka_unit_test(test_a_file_without_certificates_is_no_trust),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
