/* Protects the control thread's connections: an answer is whole or an error that says how far it came, deadlines hold,
 * connections are kept and renewed as HTTP says, and no request is sent twice. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/tcp.h"

#define SECOND      INT64_C(1000000000)
#define REQUEST     "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
#define SAMPLE_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

/* One step of the scripted server: read one request, then do this. */
struct step {
    const char *answer;
    bool slow;  /* one byte at a time */
    bool close; /* the connection after the answer */
    bool reset; /* ... with a reset */
};

struct server {
    const struct step *steps;
    int step_count;
    int listener;
    int connections;
    int requests;
    char last_request[2048];
    pthread_t thread;
    struct url url;
};

/* Reads one request head; 0 when the client is gone. */
static size_t read_request(int fd, char *request, size_t cap) {
    size_t size = 0;
    request[0] = '\0';
    while (strstr(request, "\r\n\r\n") == NULL && size + 1 < cap) {
        ssize_t got = recv(fd, request + size, cap - size - 1, 0);
        if (got <= 0) return 0;
        size += (size_t)got;
        request[size] = '\0';
    }
    return size;
}

static void send_answer(int fd, const struct step *step) {
    size_t size = strlen(step->answer);
    size_t piece = step->slow ? 1 : size;
    for (size_t at = 0; at < size; at += piece)
        if (send(fd, step->answer + at, piece, MSG_NOSIGNAL) < 0) return;
}

static void *serve(void *argument) {
    struct server *server = argument;
    int fd = -1;
    for (int i = 0; i < server->step_count;) {
        if (fd < 0) {
            fd = accept(server->listener, NULL, NULL);
            if (fd < 0) return NULL;
            int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            server->connections++;
        }
        if (read_request(fd, server->last_request, sizeof server->last_request) == 0) {
            close(fd);
            fd = -1;
            continue;
        }
        server->requests++;
        const struct step *step = &server->steps[i++];
        send_answer(fd, step);
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        if (step->reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        if (step->close || step->reset) {
            close(fd);
            fd = -1;
        }
    }
    char byte;
    if (fd >= 0) (void)!recv(fd, &byte, 1, 0); /* until the client is done */
    if (fd >= 0) close(fd);
    return NULL;
}

static void server_start(struct server *server, const struct step *steps, int step_count) {
    memset(server, 0, sizeof *server);
    server->steps = steps;
    server->step_count = step_count;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    char text[64];
    snprintf(text, sizeof text, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(url_parse(text, &server->url), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server, struct tcp_link *link) {
    if (link != NULL) tcp_close(link);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static int exchange(struct server *server, struct tcp_link *link, int64_t timeout_ns, struct http_answer *answer,
                    struct error_trail *trail) {
    static uint8_t buffer[4096];
    return tcp_exchange(link, &server->url, REQUEST, sizeof REQUEST - 1, clock_mono_ns() + timeout_ns, buffer,
                        sizeof buffer, answer, trail);
}

static void assert_exchange(struct server *server, struct tcp_link *link, const char *body) {
    struct http_answer answer;
    struct error_trail trail = {0};
    int code = exchange(server, link, 5 * SECOND, &answer, &trail);
    if (code != 0) print_error("%s\n", trail.text);
    assert_int_equal(code, 0);
    assert_int_equal(answer.body_size, strlen(body));
    assert_memory_equal(answer.body, body, strlen(body));
}

static void test_foreign_hosts_without_tls_and_tls_without_certificates_are_refused(void **state) {
    (void)state;
    static const char *const refused[] = {"http://10.0.0.1:1", "http://example.com"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct url url;
        struct tcp_link link = {.fd = -1};
        struct error_trail trail = {0};
        assert_int_equal(url_parse(refused[i], &url), 0);
        assert_int_equal(tcp_connect(&url, clock_mono_ns() + SECOND, &link, &trail), ERROR_REFUSED);
        assert_non_null(strstr(trail.text, url.authority));
        assert_int_equal(link.fd, -1);
    }
    struct server server;
    struct tcp_link link = {.fd = -1};
    struct error_trail trail = {0};
    server_start(&server, NULL, 0);
    server.url.tls = true;
    assert_int_equal(tcp_connect(&server.url, clock_mono_ns() + SECOND, &link, &trail), ERROR_REFUSED);
    assert_non_null(strstr(trail.text, "no certificates to believe"));
    assert_int_equal(link.fd, -1);
    server_stop(&server, &link);
}

static void test_a_port_nobody_listens_on_is_named(void **state) {
    (void)state;
    struct server server;
    server_start(&server, NULL, 0);
    server_stop(&server, NULL);
    struct error_trail trail = {0};
    struct tcp_link link = {.fd = -1};
    assert_int_equal(tcp_connect(&server.url, clock_mono_ns() + SECOND, &link, &trail), ERROR_SYSTEM);
    assert_non_null(strstr(trail.text, server.url.authority));
    assert_non_null(strstr(trail.text, "refused"));
    struct http_answer answer;
    assert_int_equal(exchange(&server, &link, SECOND, &answer, &trail), ERROR_SYSTEM);
    assert_int_equal(link.fd, -1);
}

static void test_connections_are_ready_for_the_ring(void **state) {
    (void)state;
    struct server server;
    server_start(&server, NULL, 0);
    struct error_trail trail = {0};
    struct tcp_link link = {.fd = -1};
    assert_int_equal(tcp_connect(&server.url, clock_mono_ns() + SECOND, &link, &trail), 0);
    int fd = link.fd;
    int on = 0;
    socklen_t size = sizeof on;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_true(on);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    server_stop(&server, &link);
    assert_int_equal(url_parse("http://localhost:1", &server.url), 0);
    assert_int_equal(tcp_connect(&server.url, clock_mono_ns() + SECOND, &link, &trail),
                     ERROR_SYSTEM); /* found, refused */
}

static void test_a_kept_connection_serves_many_requests(void **state) {
    (void)state;
    const struct step steps[] = {
        {.answer = SAMPLE_HEAD "first"},
        {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nse\r\n4;x\r\ncond\r\n0\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthird\r\n0\r\nA: b\r\n\r\n",
         .slow = true},
        {.answer = SAMPLE_HEAD "forth", .slow = true},
        {.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfifth"},
    };
    struct server server;
    struct tcp_link link = {.fd = -1};
    server_start(&server, steps, 5);
    assert_exchange(&server, &link, "first");
    int first_fd = link.fd;
    assert_exchange(&server, &link, "second");
    assert_exchange(&server, &link, "third");
    assert_exchange(&server, &link, "forth");
    assert_int_equal(link.fd, first_fd);
    assert_exchange(&server, &link, "fifth");
    assert_int_equal(link.fd, -1);
    server_stop(&server, &link);
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.requests, 5);
    assert_string_equal(server.last_request, REQUEST);
}

/* Waits until the peer's end (or junk) has arrived, which the next exchange then must notice. */
static void wait_readable(int fd) {
    char byte;
    int64_t deadline_ns = clock_mono_ns() + 5 * SECOND;
    while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        assert_true(clock_mono_ns() < deadline_ns);
}

static void test_a_kept_connection_the_peer_closed_is_renewed(void **state) {
    (void)state;
    const struct step steps[] = {{.answer = SAMPLE_HEAD "first", .close = true},
                                 {.answer = SAMPLE_HEAD "again", .reset = true},
                                 {.answer = SAMPLE_HEAD "third"}};
    struct server server;
    struct tcp_link link = {.fd = -1};
    server_start(&server, steps, 3);
    assert_exchange(&server, &link, "first");
    wait_readable(link.fd);
    struct http_answer answer;
    struct error_trail trail = {0};
    int code = exchange(&server, &link, 5 * SECOND, &answer, &trail);
    if (code == 0 && link.fd >= 0) wait_readable(link.fd);
    /* The reset may overtake the answer; then the outcome is unknown and must not be tried again. */
    if (code != 0) assert_int_equal(code, ERROR_CLOSED);
    assert_exchange(&server, &link, "third");
    server_stop(&server, &link);
    assert_int_equal(server.connections, 3);
    assert_int_equal(server.requests, 3);
}

static void test_a_connection_cut_in_the_middle_is_an_error_and_not_tried_again(void **state) {
    (void)state;
    const struct step steps[] = {{.answer = SAMPLE_HEAD "cut", .close = true},
                                 {.answer = "HTTP/1.1 200 O", .close = true},
                                 {.answer = "", .close = true},
                                 {.answer = SAMPLE_HEAD "whole"}};
    struct server server;
    struct http_answer answer;
    struct tcp_link link = {.fd = -1};
    server_start(&server, steps, 4);
    for (int i = 0; i < 3; i++) {
        struct error_trail trail = {0};
        assert_int_equal(exchange(&server, &link, 5 * SECOND, &answer, &trail), ERROR_CLOSED);
        assert_int_equal(link.fd, -1);
        char came[32];
        snprintf(came, sizeof came, "%zu bytes came", strlen(steps[i].answer));
        assert_non_null(strstr(trail.text, came));
    }
    assert_exchange(&server, &link, "whole");
    server_stop(&server, &link);
    assert_int_equal(server.requests, 4);
}

static void test_deadlines_hold(void **state) {
    (void)state;
    const struct step steps[] = {{.answer = SAMPLE_HEAD "cut"}, {.answer = ""}};
    for (int i = 0; i < 2; i++) {
        struct server server;
        struct http_answer answer;
        struct error_trail trail = {0};
        struct tcp_link link = {.fd = -1};
        server_start(&server, steps + i, 1);
        int64_t start_ns = clock_mono_ns();
        assert_int_equal(exchange(&server, &link, SECOND / 10, &answer, &trail), ERROR_TIMEOUT);
        assert_in_range(clock_mono_ns() - start_ns, SECOND / 10, 3 * SECOND);
        assert_int_equal(link.fd, -1);
        server_stop(&server, &link);
    }
}

static void test_answers_that_do_not_fit_or_are_no_http_are_errors(void **state) {
    (void)state;
    const struct step steps[] = {{.answer = "SSH-2.0-OpenSSH\r\n"},
                                 {.answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end", .close = true},
                                 {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"}};
    const int codes[] = {ERROR_BAD, ERROR_BAD, ERROR_FULL};
    static char large[6000];
    for (int i = 0; i < 3; i++) {
        struct step step = steps[i];
        if (i == 2) {
            memset(large, 'a', sizeof large - 1);
            memcpy(large, steps[i].answer, strlen(steps[i].answer));
            step.answer = large;
        }
        struct server server;
        struct http_answer answer;
        struct error_trail trail = {0};
        struct tcp_link link = {.fd = -1};
        server_start(&server, &step, 1);
        assert_int_equal(exchange(&server, &link, 5 * SECOND, &answer, &trail), codes[i]);
        assert_int_equal(link.fd, -1);
        server_stop(&server, &link);
    }
}

static void test_bytes_behind_an_answer_end_the_connection(void **state) {
    (void)state;
    const struct step steps[] = {{.answer = SAMPLE_HEAD "firstjunk"}, {.answer = SAMPLE_HEAD "again"}};
    struct server server;
    struct tcp_link link = {.fd = -1};
    server_start(&server, steps, 2);
    assert_exchange(&server, &link, "first");
    if (link.fd >= 0) wait_readable(link.fd); /* the junk came in a packet of its own */
    assert_exchange(&server, &link, "again");
    server_stop(&server, &link);
    assert_int_equal(server.connections, 2);
}

/* Grants the upgrade with the right key, and sends two frames at once behind it. */
static void *serve_upgrade(void *argument) {
    struct server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    read_request(fd, server->last_request, sizeof server->last_request);
    const char *found = strstr(server->last_request, "Sec-WebSocket-Key: ");
    char text[128];
    unsigned char digest[20];
    char accept_key[32] = "";
    snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", found != NULL ? found + 19 : "");
    SHA1((const unsigned char *)text, strlen(text), digest);
    EVP_EncodeBlock((unsigned char *)accept_key, digest, sizeof digest);
    char answer[512];
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x02hi\x81\x03you",
                        accept_key);
    (void)!send(fd, answer, (size_t)size, MSG_NOSIGNAL);
    char byte;
    (void)!recv(fd, &byte, 1, 0);
    close(fd);
    return NULL;
}

static void test_frames_right_behind_the_upgrade_are_not_lost(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 12; cap++) { /* whatever room the caller has for them */
        struct server server;
        server_start(&server, NULL, 0);
        pthread_join(server.thread, NULL);
        assert_int_equal(pthread_create(&server.thread, NULL, serve_upgrade, &server), 0);
        struct ws_handshake answer;
        struct error_trail trail = {0};
        uint8_t all[16];
        size_t size = 0;
        struct tcp_link link = {.fd = -1};
        struct tcp_rest rest = {.data = all, .cap = cap};
        int code = tcp_websocket(&server.url, "/ws/x", clock_mono_ns() + 5 * SECOND, &link, &rest, &answer, &trail);
        if (code != 0) print_error("%s\n", trail.text);
        assert_int_equal(code, 0);
        assert_int_equal(rest.plain_size, rest.size);
        size = rest.size;
        assert_int_equal(answer.status, 101);
        assert_true(size <= cap);
        int64_t deadline_ns = clock_mono_ns() + 5 * SECOND;
        while (size < 9 && clock_mono_ns() < deadline_ns) {
            ssize_t got = recv(link.fd, all + size, sizeof all - size, MSG_DONTWAIT);
            if (got > 0) size += (size_t)got;
        }
        assert_int_equal(size, 9);
        assert_memory_equal(all, "\x81\x02hi\x81\x03you", 9);
        server_stop(&server, &link);
        assert_memory_equal(server.last_request, "GET /ws/x HTTP/1.1\r\n", 20);
    }
}

static void test_refused_upgrades_tell_status_and_pause(void **state) {
    (void)state;
    const struct step steps[] = {
        {.answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", .slow = true},
        {.answer = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"},
        {.answer = "220 smtp ready\r\n"},
        {.answer = "HTTP/1.1 101 x\r\n", .close = true},
    };
    const int codes[] = {ERROR_REFUSED, ERROR_REFUSED, ERROR_BAD, ERROR_CLOSED};
    const int status[] = {429, 101, 0, 0};
    for (int i = 0; i < 4; i++) {
        struct server server;
        struct ws_handshake answer;
        struct error_trail trail = {0};
        uint8_t data[64];
        struct tcp_link link = {.fd = -1};
        struct tcp_rest rest = {.data = data, .cap = sizeof data, .size = 9};
        server_start(&server, steps + i, 1);
        int code = tcp_websocket(&server.url, "/ws", clock_mono_ns() + 5 * SECOND, &link, &rest, &answer, &trail);
        assert_int_equal(code, codes[i]);
        assert_int_equal(link.fd, -1);
        assert_int_equal(answer.status, status[i]);
        assert_int_equal(answer.retry_after_s, i == 0 ? 60 : -1);
        assert_int_equal(rest.size, 0);
        assert_non_null(strstr(trail.text, "/ws"));
        server_stop(&server, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_hosts_without_tls_and_tls_without_certificates_are_refused),
        cmocka_unit_test(test_a_port_nobody_listens_on_is_named),
        cmocka_unit_test(test_connections_are_ready_for_the_ring),
        cmocka_unit_test(test_a_kept_connection_serves_many_requests),
        cmocka_unit_test(test_a_kept_connection_the_peer_closed_is_renewed),
        cmocka_unit_test(test_a_connection_cut_in_the_middle_is_an_error_and_not_tried_again),
        cmocka_unit_test(test_deadlines_hold),
        cmocka_unit_test(test_answers_that_do_not_fit_or_are_no_http_are_errors),
        cmocka_unit_test(test_bytes_behind_an_answer_end_the_connection),
        cmocka_unit_test(test_frames_right_behind_the_upgrade_are_not_lost),
        cmocka_unit_test(test_refused_upgrades_tell_status_and_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
