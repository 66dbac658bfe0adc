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

/* A host with several addresses: one that does not answer leaves half of the time to the others. */
static int64_t address_deadline_ns(const struct addrinfo *address, int64_t deadline_ns) {
    if (address->ai_next == NULL) return deadline_ns;
    int64_t now_ns = clock_mono_ns();
    return now_ns + (deadline_ns - now_ns) / 2;
}

/* A connected descriptor, or a negative code. */
static int connect_host(const struct url *url, int64_t deadline_ns, struct error_trail *trail) {
    if (!url->tls && !url_is_loopback(url))
        return error_set(trail, ERROR_REFUSED, "connect to %s: without TLS only 127.0.0.0/8, ::1 and localhost",
                         url->authority);
    struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(url->host, url->port, &wanted, &found);
    if (result != 0) return error_set(trail, ERROR_NOT_FOUND, "host \"%s\": %s", url->host, gai_strerror(result));
    int fd = error_set(trail, ERROR_REFUSED, "host \"%s\" has no loopback address", url->host);
    for (struct addrinfo *address = found; address != NULL && fd < 0; address = address->ai_next)
        if (url->tls || is_loopback_address(address->ai_addr))
            fd = connect_address(address, url, address_deadline_ns(address, deadline_ns), trail);
    freeaddrinfo(found);
    return fd;
}

/* 0 when all of it was sent. *sent_size is right in any case. */
static int send_all(int fd, const uint8_t *data, size_t size, int64_t deadline_ns, size_t *sent_size) {
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

/* ---- TLS ---- */

/* What TLS itself has to say; a peer that does not take it will show it otherwise. */
static void send_reply(struct tcp_link *link, int64_t deadline_ns) {
    size_t size, sent_size;
    const uint8_t *reply = tls_reply(link->tls, &size);
    if (reply != NULL) (void)send_all(link->fd, reply, size, deadline_ns, &sent_size);
}

static int refuse_tls(const struct tcp_link *link, const struct url *url, int code, struct error_trail *trail) {
    return error_set(trail, code, "connect to %s: %s", url->authority, tls_why(link->tls));
}

/* Until the handshake is done and no record is left half received: then nothing is held anywhere. */
static int handshake(struct tcp_link *link, const struct url *url, int64_t deadline_ns, struct error_trail *trail) {
    uint8_t data[2 * TLS_RECORD_SIZE_MAX];
    size_t size = 0, plain_size = 0;
    bool done = false;
    for (;;) {
        int code = done ? tls_open(link->tls, data, &size, &plain_size) : tls_handshake(link->tls, data, &size);
        send_reply(link, deadline_ns);
        if (code != 0 && code != ERROR_NEED_MORE) return refuse_tls(link, url, code, trail);
        if (plain_size > 0)
            return error_set(trail, ERROR_BAD, "connect to %s: it speaks before it is asked", url->authority);
        if (done && size == 0) return 0;
        if (code == 0 && !done) {
            done = true;
            continue;
        }
        int64_t received = receive_some(link->fd, data + size, sizeof data - size, deadline_ns);
        if (received < 0)
            return error_set(trail, (int)received, "connect to %s: TLS handshake: %s", url->authority,
                             cause_text(received));
        size += (size_t)received;
    }
}

static int secure(struct tcp_link *link, const struct url *url, int64_t deadline_ns, struct error_trail *trail) {
    if (link->trust == NULL)
        return error_set(trail, ERROR_REFUSED, "connect to %s: no certificates to believe", url->authority);
    link->tls = tls_create(link->trust, url->host, trail);
    return link->tls == NULL ? ERROR_SYSTEM : handshake(link, url, deadline_ns, trail);
}

int tcp_connect(const struct url *url, int64_t deadline_ns, struct tcp_link *link, struct error_trail *trail) {
    assert(link->fd < 0);
    link->tls = NULL;
    int fd = connect_host(url, deadline_ns, trail);
    if (fd < 0) return fd;
    link->fd = fd;
    int code = url->tls ? secure(link, url, deadline_ns, trail) : 0;
    if (code != 0) tcp_close(link);
    return code;
}

void tcp_close(struct tcp_link *link) {
    if (link->tls != NULL) {
        tls_close(link->tls);
        send_reply(link, 0); /* what the kernel takes at once */
        tls_destroy(link->tls);
    }
    if (link->fd >= 0) close(link->fd);
    link->tls = NULL;
    link->fd = -1;
}

/* Sends all of it. *sent_size is 0 when the kernel took no byte. */
static int send_out(struct tcp_link *link, const char *data, size_t size, int64_t deadline_ns, size_t *sent_size) {
    *sent_size = 0;
    if (link->tls == NULL) return send_all(link->fd, (const uint8_t *)data, size, deadline_ns, sent_size);
    uint8_t sealed[TLS_PLAIN_SIZE_MAX + TLS_SEAL_EXTRA];
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = size - at < TLS_PLAIN_SIZE_MAX ? size - at : TLS_PLAIN_SIZE_MAX;
        int64_t length = tls_seal(link->tls, (const uint8_t *)data + at, piece, sealed, sizeof sealed);
        if (length < 0) return (int)length;
        size_t taken = 0;
        int code = send_all(link->fd, sealed, (size_t)length, deadline_ns, &taken);
        *sent_size += taken < piece ? taken : piece;
        if (code != 0) return code;
    }
    return 0;
}

/* Receives at most `limit` bytes more behind what is in `in`, and opens them. 0; ERROR_CLOSED, errno 0: orderly, and
 * opened bytes may have come with it; ERROR_BAD: see tls_why. */
static int receive_in(struct tcp_link *link, struct tcp_rest *in, size_t limit, int64_t deadline_ns) {
    size_t room = in->cap - in->size;
    int64_t received = receive_some(link->fd, in->data + in->size, room < limit ? room : limit, deadline_ns);
    if (received < 0) return (int)received;
    in->size += (size_t)received;
    if (link->tls == NULL) {
        in->plain_size = in->size;
        return 0;
    }
    int code = tls_open(link->tls, in->data, &in->size, &in->plain_size);
    send_reply(link, deadline_ns);
    errno = 0;
    return code;
}

static const char *in_words(const struct tcp_link *link, int code) {
    return code == ERROR_BAD && link->tls != NULL ? tls_why(link->tls) : cause_text(code);
}

/* ---- WebSocket ---- */

/* What came behind the answer, for who takes the connection over. */
static int hand_rest(const struct tcp_rest *in, size_t used, struct tcp_rest *rest, struct error_trail *trail) {
    rest->size = in->size - used;
    rest->plain_size = in->plain_size - used;
    if (rest->size > rest->cap)
        return error_set(trail, ERROR_FULL, "%zu bytes came behind the upgrade, at most %zu fit", rest->size,
                         rest->cap);
    if (rest->size > 0) memcpy(rest->data, in->data + used, rest->size);
    return 0;
}

/* Reads the answer to the upgrade; never more at once than fits into the rest. */
static int read_upgrade(struct tcp_link *link, const char *key, int64_t deadline_ns, struct tcp_rest *rest,
                        struct ws_handshake *answer, struct error_trail *trail) {
    uint8_t data[HTTP_HEAD_SIZE_MAX + TLS_RECORD_SIZE_MAX];
    struct tcp_rest in = {.data = data, .cap = link->tls == NULL ? HTTP_HEAD_SIZE_MAX : sizeof data};
    while (in.plain_size < HTTP_HEAD_SIZE_MAX) {
        int code = receive_in(link, &in, rest->cap > 0 ? rest->cap : 1, deadline_ns);
        int cause = errno;
        int64_t used = ws_handshake_answer(data, in.plain_size, key, answer);
        if (used == ERROR_NEED_MORE && code == 0) continue;
        errno = cause;
        if (used == ERROR_NEED_MORE)
            return error_set(trail, code, "no answer to the upgrade (%zu bytes came): %s", in.plain_size,
                             in_words(link, code));
        if (used == ERROR_REFUSED) return error_set(trail, ERROR_REFUSED, "upgrade refused: %s", answer->why);
        if (used < 0) return error_set(trail, (int)used, "the answer to the upgrade is no HTTP");
        if (code != 0) return error_set(trail, code, "closed behind the upgrade: %s", in_words(link, code));
        return hand_rest(&in, (size_t)used, rest, trail);
    }
    return error_set(trail, ERROR_BAD, "the answer to the upgrade is over %d bytes", HTTP_HEAD_SIZE_MAX);
}

static int upgrade(struct tcp_link *link, const struct url *url, const char *target, int64_t deadline_ns,
                   struct tcp_rest *rest, struct ws_handshake *answer, struct error_trail *trail) {
    uint8_t nonce[16];
    char key[WS_KEY_SIZE + 1];
    char request[REQUEST_SIZE_MAX];
    if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return error_set(trail, ERROR_SYSTEM, "getrandom: %s", strerror(errno));
    int size = ws_handshake_request(url->authority, target, nonce, key, request, sizeof request);
    if (size < 0) return error_set(trail, size, "target \"%s\": must be a path of printable ASCII", target);
    size_t sent_size = 0;
    int code = send_out(link, request, (size_t)size, deadline_ns, &sent_size);
    if (code != 0)
        return error_set(trail, code, "upgrade request: %zu of %d bytes sent: %s", sent_size, size,
                         error_text(code));
    return read_upgrade(link, key, deadline_ns, rest, answer, trail);
}

int tcp_websocket(const struct url *url, const char *target, int64_t deadline_ns, struct tcp_link *link,
                  struct tcp_rest *rest, struct ws_handshake *answer, struct error_trail *trail) {
    *answer = (struct ws_handshake){.retry_after_s = -1};
    rest->size = rest->plain_size = 0;
    int code = tcp_connect(url, deadline_ns, link, trail);
    if (code != 0) return code;
    code = upgrade(link, url, target, deadline_ns, rest, answer, trail);
    if (code == 0) return 0;
    tcp_close(link);
    return error_append(trail, code, "at %s://%s%s", url->tls ? "wss" : "ws", url->authority, target);
}

/* ---- HTTP ---- */

/* A kept connection is usable when the peer has neither closed it nor sent anything unasked. */
static bool is_idle(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int send_request(struct tcp_link *link, const struct url *url, const char *request, size_t request_size,
                        int64_t deadline_ns, struct error_trail *trail) {
    if (link->fd >= 0 && !is_idle(link->fd)) tcp_close(link);
    for (bool kept = link->fd >= 0;; kept = false) {
        int code = link->fd < 0 ? tcp_connect(url, deadline_ns, link, trail) : 0;
        if (code != 0) return code;
        size_t sent_size = 0;
        code = send_out(link, request, request_size, deadline_ns, &sent_size);
        if (code == 0) return 0;
        tcp_close(link);
        /* The peer closed the kept connection at this very moment and the kernel took nothing: a new one is safe. */
        if (kept && code == ERROR_CLOSED && sent_size == 0) continue;
        return error_set(trail, code, "request to %s: %zu of %zu bytes sent: %s", url->authority, sent_size,
                         request_size, error_text(code));
    }
}

static int read_answer(struct tcp_link *link, const struct url *url, int64_t deadline_ns, uint8_t *buffer,
                       size_t cap, struct http_answer *out, struct error_trail *trail) {
    struct tcp_rest in = {.data = buffer, .cap = cap};
    for (;;) {
        if (in.size == cap)
            return error_set(trail, ERROR_FULL, "answer of %s: over %zu bytes", url->authority, cap);
        int code = receive_in(link, &in, cap, deadline_ns);
        int64_t used = in.plain_size == 0 ? ERROR_NEED_MORE : http_parse_answer(buffer, in.plain_size, out);
        if (used == ERROR_NEED_MORE && code == 0) continue;
        if (used == ERROR_NEED_MORE)
            return error_set(trail, code, "answer of %s: %zu bytes came, then: %s", url->authority, in.plain_size,
                             in_words(link, code));
        if (used < 0)
            return error_set(trail, (int)used, "answer of %s: no HTTP, too large, or of unclear length",
                             url->authority);
        /* More bytes than the answer: whoever sent them, the next answer would be read wrong. */
        if (code != 0 || (size_t)used < in.size) out->keep_alive = false;
        return 0;
    }
}

int tcp_exchange(struct tcp_link *link, const struct url *url, const char *request, size_t request_size,
                 int64_t deadline_ns, uint8_t *buffer, size_t cap, struct http_answer *out,
                 struct error_trail *trail) {
    int code = send_request(link, url, request, request_size, deadline_ns, trail);
    if (code != 0) return code;
    code = read_answer(link, url, deadline_ns, buffer, cap, out, trail);
    if (code != 0 || !out->keep_alive) tcp_close(link);
    return code;
}
