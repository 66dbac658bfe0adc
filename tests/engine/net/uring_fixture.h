#pragma once
/* What the tests of the ring share: a ring, connected pairs, and waits that end after five seconds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/uring.h"

#define SECOND       INT64_C(1000000000)
#define RECEIVE_SIZE 65536

static inline uint8_t pattern(size_t at) {
    return (uint8_t)(at * 2654435761u >> 13);
}

static inline struct uring *ring_new_with(uint32_t connection_max, size_t receive_size) {
    struct error_trail trail = {0};
    struct uring *ring = uring_create(connection_max, receive_size, &trail);
    if (ring == NULL) print_error("%s\n", trail.text);
    assert_non_null(ring);
    return ring;
}

static inline struct uring *ring_new(size_t receive_size) {
    return ring_new_with(8, receive_size);
}

static inline void unix_pair(int fds[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* fds[0] is the client's side. */
static inline void tcp_pair(int fds[2]) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&address, size), 0);
    fds[1] = accept(listener, NULL, NULL);
    assert_true(fds[1] >= 0);
    close(listener);
    int on = 1;
    setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0); /* as tcp_connect leaves it */
}

static inline void write_all(int fd, const void *data, size_t size) {
    assert_int_equal(write(fd, data, size), size);
}

/* The next event, waited for five seconds at most. */
static inline struct uring_event next_event(struct uring *ring) {
    struct uring_event event = {0};
    int count = uring_poll(ring, 5 * SECOND, &event, 1);
    assert_int_equal(count, 1);
    return event;
}

static inline void expect_event(struct uring *ring, enum uring_event_kind kind, int connection, int result) {
    struct uring_event event = next_event(ring);
    assert_int_equal(event.kind, kind);
    if (connection >= 0) assert_int_equal(event.connection, connection);
    assert_int_equal(event.result, result);
    assert_in_range(clock_mono_ns() - event.recv_ns, 0, 10 * SECOND);
}

/* Reads until `size` bytes are there and compares them with `expected`. */
static inline void expect_bytes(struct uring *ring, int connection, const void *expected, size_t size) {
    size_t have = 0;
    uint8_t *data = uring_data(ring, (uint32_t)connection, &have);
    while (have < size) {
        expect_event(ring, URING_RECEIVED, connection, 0);
        data = uring_data(ring, (uint32_t)connection, &have);
    }
    assert_int_equal(have, size);
    assert_memory_equal(data, expected, size);
    uring_consume(ring, (uint32_t)connection, size);
}

static inline void expect_nothing(struct uring *ring) {
    struct uring_event event;
    assert_int_equal(uring_poll(ring, SECOND / 50, &event, 1), 0);
}
