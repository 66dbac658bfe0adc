#pragma once
/* Blocking sockets with deadlines, for the control thread only: connect, upgrade, one request and its answer.
 * Deadlines are CLOCK_MONOTONIC ns. */
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"
#include "http.h"
#include "url.h"
#include "ws.h"

/* A connected socket (TCP_NODELAY, close-on-exec, non-blocking), or a negative code. */
int tcp_connect(const struct url *url, int64_t deadline_ns, struct error_trail *trail);

/* Connects and upgrades. On success returns the descriptor; bytes behind the answer are in rest[0..*rest_size). */
int tcp_websocket(const struct url *url, const char *target, int64_t deadline_ns, uint8_t *rest, size_t rest_cap,
                  size_t *rest_size, struct ws_handshake *answer, struct error_trail *trail);

/* Sends a whole request and reads one answer into buffer; *fd may be -1 (connects) and is -1 again when the
 * connection is not to be kept. 0 or a negative code. A request whose bytes were partly sent is never sent again.
 * After an error the peer may or may not have acted on the request, unless the connection could not be made. */
int tcp_exchange(int *fd, const struct url *url, const char *request, size_t request_size, int64_t deadline_ns,
                 uint8_t *buffer, size_t cap, struct http_answer *out, struct error_trail *trail);
