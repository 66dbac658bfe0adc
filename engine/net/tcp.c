#include "tcp.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"

#define REQUEST_SIZE_MAX 16384 /* a market data target names each stream */

/* Waits for `events` on fd. 0, ERROR_TIMEOUT or ERROR_SYSTEM; errors of the socket itself show in the next call. */
static int wait_for(int fd, short events, int64_t deadline_ns) {
    for (;;) {
        int64_t left_ns = deadline_ns - clock_mono_ns();
        if (left_ns <= 0) return ERROR_TIMEOUT;
        struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        struct pollfd request = {.fd = fd, .events = events};
        int ready = ppoll(&request, 1, &left, NULL);
        if (ready > 0) return 0;
        if (ready < 0 && errno != EINTR) return ERROR_SYSTEM;
    }
}

static bool is_loopback_address(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 v6;
    if (address->sa_family != AF_INET6) return false;
    memcpy(&v6, address, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static int connect_address(const struct addrinfo *address, const struct url *url, int64_t deadline_ns,
                           struct error_trail *trail) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return error_set(trail, ERROR_SYSTEM, "socket: %s", strerror(errno));
    int cause = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (cause == EINPROGRESS) {
        int code = wait_for(fd, POLLOUT, deadline_ns);
        if (code != 0) {
            close(fd);
            return error_set(trail, code, "connect to %s: %s", url->authority, error_text(code));
        }
        socklen_t size = sizeof cause;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size) != 0) cause = errno;
    }
    int on = 1;
    if (cause == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) cause = errno;
    if (cause == 0) return fd;
    close(fd);
    return error_set(trail, ERROR_SYSTEM, "connect to %s: %s", url->authority, strerror(cause));
}

int tcp_connect(const struct url *url, int64_t deadline_ns, struct error_trail *trail) {
    if (url->tls)
        return error_set(trail, ERROR_REFUSED, "connect to %s: TLS is not supported, only ws:// and http://",
                         url->authority);
    if (!url_is_loopback(url))
        return error_set(trail, ERROR_REFUSED, "connect to %s: without TLS only 127.0.0.0/8, ::1 and localhost",
                         url->authority);
    struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(url->host, url->port, &wanted, &found);
    if (result != 0) return error_set(trail, ERROR_NOT_FOUND, "host \"%s\": %s", url->host, gai_strerror(result));
    int fd = error_set(trail, ERROR_REFUSED, "host \"%s\" has no loopback address", url->host);
    for (struct addrinfo *address = found; address != NULL && fd < 0; address = address->ai_next)
        if (is_loopback_address(address->ai_addr)) fd = connect_address(address, url, deadline_ns, trail);
    freeaddrinfo(found);
    return fd;
}

/* 0 when all of it was sent. *sent_size is right in any case. */
static int send_all(int fd, const char *data, size_t size, int64_t deadline_ns, size_t *sent_size) {
    *sent_size = 0;
    while (*sent_size < size) {
        ssize_t sent = send(fd, data + *sent_size, size - *sent_size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            *sent_size += (size_t)sent;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return ERROR_CLOSED;
        int code = wait_for(fd, POLLOUT, deadline_ns);
        if (code != 0) return code;
    }
    return 0;
}

/* Bytes received (> 0), ERROR_CLOSED (errno 0: orderly), ERROR_TIMEOUT or ERROR_SYSTEM. */
static int64_t receive_some(int fd, uint8_t *data, size_t size, int64_t deadline_ns) {
    assert(size > 0);
    for (;;) {
        int code = wait_for(fd, POLLIN, deadline_ns);
        if (code != 0) return code;
        ssize_t received = recv(fd, data, size, MSG_DONTWAIT);
        if (received > 0) return received;
        if (received == 0) errno = 0;
        if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
        return ERROR_CLOSED;
    }
}

static const char *cause_text(int64_t code) {
    return code == ERROR_CLOSED && errno != 0 ? strerror(errno) : error_text((int)code);
}

/* Reads the answer to the upgrade. Bytes behind it go to rest; never more are read at once than fit there. */
static int read_upgrade(int fd, const char *key, int64_t deadline_ns, uint8_t *rest, size_t rest_cap,
                        size_t *rest_size, struct ws_handshake *answer, struct error_trail *trail) {
    uint8_t head[HTTP_HEAD_SIZE_MAX];
    size_t size = 0;
    while (size < sizeof head) {
        size_t room = sizeof head - size;
        size_t limit = rest_cap > 0 ? rest_cap : 1;
        int64_t received = receive_some(fd, head + size, room < limit ? room : limit, deadline_ns);
        if (received < 0)
            return error_set(trail, (int)received, "no answer to the upgrade (%zu bytes came): %s", size,
                             cause_text(received));
        size += (size_t)received;
        int64_t used = ws_handshake_answer(head, size, key, answer);
        if (used == ERROR_NEED_MORE) continue;
        if (used == ERROR_REFUSED) return error_set(trail, ERROR_REFUSED, "upgrade refused: %s", answer->why);
        if (used < 0) return error_set(trail, (int)used, "the answer to the upgrade is no HTTP");
        *rest_size = size - (size_t)used;
        assert(*rest_size <= rest_cap);
        if (*rest_size > 0) memcpy(rest, head + used, *rest_size);
        return 0;
    }
    return error_set(trail, ERROR_BAD, "the answer to the upgrade is over %d bytes", HTTP_HEAD_SIZE_MAX);
}

static int upgrade(int fd, const struct url *url, const char *target, int64_t deadline_ns, uint8_t *rest,
                   size_t rest_cap, size_t *rest_size, struct ws_handshake *answer, struct error_trail *trail) {
    uint8_t nonce[16];
    char key[WS_KEY_SIZE + 1];
    char request[REQUEST_SIZE_MAX];
    if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return error_set(trail, ERROR_SYSTEM, "getrandom: %s", strerror(errno));
    int size = ws_handshake_request(url->authority, target, nonce, key, request, sizeof request);
    if (size < 0) return error_set(trail, size, "target \"%s\": must be a path of printable ASCII", target);
    size_t sent_size = 0;
    int code = send_all(fd, request, (size_t)size, deadline_ns, &sent_size);
    if (code != 0)
        return error_set(trail, code, "upgrade request: %zu of %d bytes sent: %s", sent_size, size,
                         error_text(code));
    return read_upgrade(fd, key, deadline_ns, rest, rest_cap, rest_size, answer, trail);
}

int tcp_websocket(const struct url *url, const char *target, int64_t deadline_ns, uint8_t *rest, size_t rest_cap,
                  size_t *rest_size, struct ws_handshake *answer, struct error_trail *trail) {
    *answer = (struct ws_handshake){.retry_after_s = -1};
    *rest_size = 0;
    int fd = tcp_connect(url, deadline_ns, trail);
    if (fd < 0) return fd;
    int code = upgrade(fd, url, target, deadline_ns, rest, rest_cap, rest_size, answer, trail);
    if (code == 0) return fd;
    close(fd);
    return error_append(trail, code, "at ws://%s%s", url->authority, target);
}

/* A kept connection is usable when the peer has neither closed it nor sent anything unasked. */
static bool is_idle(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void drop(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static int send_request(int *fd, const struct url *url, const char *request, size_t request_size,
                        int64_t deadline_ns, struct error_trail *trail) {
    if (*fd >= 0 && !is_idle(*fd)) drop(fd);
    for (bool kept = *fd >= 0;; kept = false) {
        if (*fd < 0) *fd = tcp_connect(url, deadline_ns, trail);
        if (*fd < 0) {
            int code = *fd;
            *fd = -1;
            return code;
        }
        size_t sent_size = 0;
        int code = send_all(*fd, request, request_size, deadline_ns, &sent_size);
        if (code == 0) return 0;
        drop(fd);
        /* The peer closed the kept connection at this very moment and the kernel took nothing: a new one is safe. */
        if (kept && code == ERROR_CLOSED && sent_size == 0) continue;
        return error_set(trail, code, "request to %s: %zu of %zu bytes sent: %s", url->authority, sent_size,
                         request_size, error_text(code));
    }
}

static int read_answer(int fd, const struct url *url, int64_t deadline_ns, uint8_t *buffer, size_t cap,
                       struct http_answer *out, struct error_trail *trail) {
    size_t size = 0;
    for (;;) {
        if (size == cap) return error_set(trail, ERROR_FULL, "answer of %s: over %zu bytes", url->authority, cap);
        int64_t received = receive_some(fd, buffer + size, cap - size, deadline_ns);
        if (received < 0)
            return error_set(trail, (int)received, "answer of %s: %zu bytes came, then: %s", url->authority, size,
                             cause_text(received));
        size += (size_t)received;
        int64_t used = http_parse_answer(buffer, size, out);
        if (used == ERROR_NEED_MORE) continue;
        if (used < 0)
            return error_set(trail, (int)used, "answer of %s: no HTTP, too large, or of unclear length",
                             url->authority);
        /* More bytes than the answer: whoever sent them, the next answer would be read wrong. */
        if ((size_t)used < size) out->keep_alive = false;
        return 0;
    }
}

int tcp_exchange(int *fd, const struct url *url, const char *request, size_t request_size, int64_t deadline_ns,
                 uint8_t *buffer, size_t cap, struct http_answer *out, struct error_trail *trail) {
    int code = send_request(fd, url, request, request_size, deadline_ns, trail);
    if (code != 0) return code;
    code = read_answer(*fd, url, deadline_ns, buffer, cap, out, trail);
    if (code != 0 || !out->keep_alive) drop(fd);
    return code;
}
