/* Protects the WebSocket client as a whole against an independent suite of the protocol (kosoku, with the cases of
 * Autobahn): starts the suite's server, answers every case as a client should, and reads the suite's verdicts.
 * Skips, saying so, where `kosoku` is not on the path (or name it in ARBDECK_KOSOKU).
 * All 517 cases run, with room for their messages of 16 MiB. Those of compression (12, 13) find that we do not offer it
 * and count as unimplemented; everything else has to be right, bad UTF-8 refused as soon as its bytes are there. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "net/tcp.h"

#define SECOND              INT64_C(1000000000)
#define MESSAGE_MAX         (1u << 24) /* 9.1.6 and 9.2.6 */
#define BUFFER_SIZE         (MESSAGE_MAX + 65536)
#define CASES_ALL           517
#define CASES_UNIMPLEMENTED 216

static struct url suite_url;
static pid_t suite_process = -1;
static char report_folder[] = "/tmp/arbdeck-conformance-XXXXXX";

struct client {
    int fd;
    struct ws_parser parser;
    uint8_t fragments[MESSAGE_MAX];
    uint8_t received[BUFFER_SIZE];
    uint8_t frame[BUFFER_SIZE];
    size_t begin;
    size_t end;
    long number; /* the last message read as one */
};

static struct client client;

static int free_port(void) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    close(fd);
    return ntohs(any.sin_port);
}

/* True when the server takes connections; false when the program is missing. */
static bool suite_start(void) {
    const char *program = getenv("ARBDECK_KOSOKU") != NULL ? getenv("ARBDECK_KOSOKU") : "kosoku";
    char address[32];
    char text[64];
    assert_non_null(mkdtemp(report_folder));
    snprintf(address, sizeof address, "127.0.0.1:%d", free_port());
    snprintf(text, sizeof text, "ws://%s", address);
    assert_int_equal(url_parse(text, &suite_url), 0);
    suite_process = fork();
    if (suite_process == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) _exit(127);
        execlp(program, program, "-m", "fuzzingserver", "-o", report_folder, address, (char *)NULL);
        _exit(127);
    }
    int64_t deadline_ns = clock_mono_ns() + 20 * SECOND;
    while (clock_mono_ns() < deadline_ns) {
        struct tcp_link link = {.fd = -1};
        if (tcp_connect(&suite_url, deadline_ns, &link, NULL) == 0) {
            tcp_close(&link);
            return true;
        }
        int status;
        if (waitpid(suite_process, &status, WNOHANG) == suite_process) {
            suite_process = -1;
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 127); /* installed but broken is a failure */
            return false;
        }
        (void)poll(NULL, 0, 20);
    }
    fail_msg("%s does not listen on %s after 20 s", program, address);
    return false;
}

static void send_frame(int64_t size) {
    assert_true(size > 0);
    for (size_t at = 0; at < (size_t)size;) {
        ssize_t sent = send(client.fd, client.frame + at, (size_t)size - at, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = client.fd, .events = POLLOUT};
        if (sent > 0)
            at += (size_t)sent;
        else if (errno != EAGAIN || poll(&writable, 1, 10000) <= 0)
            return; /* the suite has closed: its verdict tells whether it should have */
    }
}

/* False at the end of the connection. */
static bool receive_more(void) {
    memmove(client.received, client.received + client.begin, client.end - client.begin);
    client.end -= client.begin;
    client.begin = 0;
    struct pollfd readable = {.fd = client.fd, .events = POLLIN};
    if (poll(&readable, 1, 10000) <= 0) return false;
    ssize_t size = recv(client.fd, client.received + client.end, BUFFER_SIZE - client.end, 0);
    if (size <= 0) return false;
    client.end += (size_t)size;
    return true;
}

/* After a protocol error: our code, our end, and then whatever the peer still had on the way. */
static void fail_connection(uint32_t mask) {
    send_frame(ws_encode_close(client.parser.close_code, mask, client.frame, BUFFER_SIZE));
    shutdown(client.fd, SHUT_WR);
    do
        client.begin = client.end;
    while (receive_more());
}

/* Answers one event; false when the connection is over. */
static bool answer(const struct ws_event *event, uint32_t mask) {
    enum ws_opcode opcode = event->binary ? WS_BINARY : WS_TEXT;
    switch (event->kind) {
    case WS_EVENT_MESSAGE:
        client.number = strtol((const char *)event->payload, NULL, 10);
        send_frame(ws_encode(opcode, event->payload, event->size, mask, client.frame, BUFFER_SIZE));
        return true;
    case WS_EVENT_PING:
        send_frame(ws_encode(WS_PONG, event->payload, event->size, mask, client.frame, BUFFER_SIZE));
        return true;
    case WS_EVENT_CLOSE:
        send_frame(ws_encode_close(event->close_code, mask, client.frame, BUFFER_SIZE));
        return false;
    default:
        return true;
    }
}

/* One connection from upgrade to end; the number in the last message, or -1. */
static long run(const char *target) {
    struct error_trail trail = {0};
    struct ws_handshake handshake;
    client.begin = 0;
    client.number = -1;
    struct tcp_link link = {.fd = -1};
    struct tcp_rest rest = {.data = client.received, .cap = 65536};
    if (tcp_websocket(&suite_url, target, clock_mono_ns() + 10 * SECOND, &link, &rest, &handshake, &trail) != 0)
        fail_msg("%s", trail.text);
    client.fd = link.fd;
    client.end = rest.size;
    ws_parser_init(&client.parser, client.fragments);
    client.parser.size_max = MESSAGE_MAX;
    for (bool open = true; open;) {
        struct ws_event event;
        size_t need;
        int64_t used =
            ws_parse(&client.parser, client.received + client.begin, client.end - client.begin, &event, &need);
        uint32_t mask = (uint32_t)rand();
        if (used == ERROR_NEED_MORE) {
            open = receive_more();
        } else if (used < 0) {
            fail_connection(mask);
            open = false;
        } else {
            open = answer(&event, mask);
            client.begin += (size_t)used;
        }
    }
    close(client.fd);
    return client.number;
}

static bool is_good(const char *verdict) {
    return strcmp(verdict, "OK") == 0 || strcmp(verdict, "INFORMATIONAL") == 0;
}

struct tally {
    long good, unimplemented;
};

static struct tally tally_of(json_t *cases) {
    const char *number;
    json_t *result;
    struct tally tally = {0};
    json_object_foreach(cases, number, result) {
        const char *behavior = json_string_value(json_object_get(result, "behavior"));
        const char *ending = json_string_value(json_object_get(result, "behaviorClose"));
        bool compression = strncmp(number, "12.", 3) == 0 || strncmp(number, "13.", 3) == 0;
        if (compression && strcmp(behavior, "UNIMPLEMENTED") == 0)
            tally.unimplemented++;
        else if (is_good(behavior) && is_good(ending))
            tally.good++;
        else
            print_error("case %s: %s, close %s\n", number, behavior, ending);
    }
    return tally;
}

static void test_every_case_of_the_suite_passes(void **state) {
    (void)state;
    if (!suite_start()) {
        print_message("skipped: no kosoku on the path (or set ARBDECK_KOSOKU)\n");
        skip();
    }
    long count = run("/getCaseCount");
    assert_int_equal(count, CASES_ALL);
    for (long i = 1; i <= count; i++) {
        char target[64];
        snprintf(target, sizeof target, "/runCase?case=%ld&agent=arbdeck", i);
        run(target);
    }
    run("/updateReports?agent=arbdeck");

    char path[64];
    snprintf(path, sizeof path, "%s/index.json", report_folder);
    json_t *report = NULL;
    int64_t deadline_ns = clock_mono_ns() + 20 * SECOND;
    while (report == NULL && clock_mono_ns() < deadline_ns) {
        (void)poll(NULL, 0, 50);
        report = json_load_file(path, 0, NULL);
    }
    assert_non_null(report);
    struct tally tally = tally_of(json_object_get(report, "arbdeck"));
    print_message("%ld cases: %ld right, %ld of compression, which is not offered\n", count, tally.good,
                  tally.unimplemented);
    assert_int_equal(tally.unimplemented, CASES_UNIMPLEMENTED);
    assert_int_equal(tally.good, count - CASES_UNIMPLEMENTED);
    json_decref(report);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int suite_stop(void **state) {
    (void)state;
    if (suite_process > 0) {
        kill(suite_process, SIGTERM);
        waitpid(suite_process, NULL, 0);
    }
    (void)nftw(report_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_case_of_the_suite_passes)};
    return cmocka_run_group_tests(tests, NULL, suite_stop);
}
