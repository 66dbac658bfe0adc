#pragma once
/* Blocking connections with deadlines, for the courier thread only: connect, TLS, upgrade, one request and its answer.
 * Deadlines are CLOCK_MONOTONIC ns. Without TLS only loopback addresses are connected to. */
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"
#include "http.h"
#include "tls.h"
#include "url.h"
#include "ws.h"

/* One connection. Fill in `trust` and fd = -1, then connect. */
struct tcp_link {
    const struct tls_trust *trust; /* for wss:// and https://; may be NULL where no such address is used */
    int fd;                        /* -1: not connected */
    struct tls *tls;               /* NULL: plain */
};

/* Bytes that came behind an upgrade: opened ones, then, on an encrypted connection, the begin of a record. */
struct tcp_rest {
    uint8_t *data;
    size_t cap;
    size_t size;
    size_t plain_size;
};

/* 0 and a connected socket (TCP_NODELAY, close-on-exec, non-blocking), with TLS when the address asks for it and
 * nothing received but not looked at; or a negative code with link->fd -1. */
int tcp_connect(const struct url *url, int64_t deadline_ns, struct tcp_link *link, struct error_trail *trail);
void tcp_close(struct tcp_link *link);

/* Connects and upgrades. 0, or a negative code with link->fd -1. */
int tcp_websocket(const struct url *url, const char *target, int64_t deadline_ns, struct tcp_link *link,
                  struct tcp_rest *rest, struct ws_handshake *answer, struct error_trail *trail);

/* Sends a whole request and reads one answer into buffer; the link may be not connected (connects) and is that again
 * when the connection is not to be kept. 0 or a negative code. A request whose bytes were partly sent is never sent
 * again. After an error the peer may or may not have acted on the request, unless the connection could not be made. */
int tcp_exchange(struct tcp_link *link, const struct url *url, const char *request, size_t request_size,
                 int64_t deadline_ns, uint8_t *buffer, size_t cap, struct http_answer *out,
                 struct error_trail *trail);
