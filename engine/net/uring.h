#pragma once
/* All sockets of the hot thread on one io_uring: multishot receive into a ring of provided buffers, sends by the ring
 * or inline. Single issuer: every call from the thread that called uring_create. After create nothing is allocated.
 *
 * Each connection has a contiguous receive buffer of its own: bytes that do not yet make a whole message stay in
 * front, new bytes are appended. The caller consumes from the front. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"

#define URING_CONNECTION_MAX 512
#define URING_UNSENT_SIZE    65536 /* what a connection can hold back for a peer that does not read */

enum uring_event_kind {
    URING_RECEIVED = 1, /* conn has new bytes */
    /* Peer closed or error (result = -errno, 0: orderly; -EMSGSIZE: the receive buffer was full and was not consumed).
     * Nothing can be sent any more. What was received before can still be read; the number stays the caller's until
     * uring_remove. */
    URING_CLOSED = 2,
    URING_WOKEN = 3, /* somebody called uring_wake */
};

struct uring_event {
    enum uring_event_kind kind;
    uint32_t connection; /* UINT32_MAX with URING_WOKEN */
    int result;
    int64_t recv_ns; /* CLOCK_MONOTONIC when the completion was seen */
    int64_t
        since_ns; /* since when the bytes may have waited: the look before; recv_ns after a wait in the kernel */
};

struct uring;

/* NULL on failure with the reason in trail (EPERM: io_uring is denied on this host). receive_size per connection. */
struct uring *uring_create(uint32_t connection_max, size_t receive_size, struct error_trail *trail);
void uring_destroy(struct uring *ring);

/* Takes over a connected descriptor; `rest` are bytes already read (URING_RECEIVED follows for them). Returns a
 * connection number below connection_max, or ERROR_FULL: the descriptor stays the caller's then. A removed number is
 * free again when the kernel has returned its last request, which the next uring_poll sees. */
int uring_add(struct uring *ring, int fd, const uint8_t *rest, size_t rest_size);
/* A number without a socket: for a connection that another ring has, so that both are counted alike. ERROR_FULL. Only
 * uring_release may be called with it. */
int uring_reserve(struct uring *ring);
void uring_release(struct uring *ring, uint32_t connection);
/* Closes and forgets; no event follows. Also due after URING_CLOSED. */
void uring_remove(struct uring *ring, uint32_t connection);

/* Received and not consumed bytes; valid until the next uring_poll or consume. The bytes may be changed. */
uint8_t *uring_data(struct uring *ring, uint32_t connection, size_t *size);
void uring_consume(struct uring *ring, uint32_t connection, size_t size);
/* Keeps the first `size` of these bytes (who decrypts them in place has fewer than came). */
void uring_truncate(struct uring *ring, uint32_t connection, size_t size);

/* Sends all of it now, copying what the kernel does not take at once (sent later in order). Returns 0, ERROR_FULL
 * (nothing taken: URING_UNSENT_SIZE less what is unsent is the room there is), ERROR_CLOSED. *on_wire (may be NULL) is
 * true when every byte was handed to the kernel. A byte once taken is never sent twice. */
int uring_send(struct uring *ring, uint32_t connection, const uint8_t *data, size_t size, bool *on_wire);
/* Two messages on two connections back to back (the two legs of a pair). One leg alone is worse than none: nothing is
 * sent when either is closed or has no room, and b is not sent when a's send fails; the leg held back for the other's
 * sake has ERROR_REFUSED. Returns 0 when both were taken, else the first failing leg's code. */
int uring_send_pair(struct uring *ring, uint32_t connection_a, const uint8_t *a, size_t a_size,
                    uint32_t connection_b, const uint8_t *b, size_t b_size, int result[2]);
/* What uring_send would say to so many bytes now: 0, ERROR_FULL or ERROR_CLOSED. */
int uring_sendable(const struct uring *ring, uint32_t connection, size_t size);
bool uring_has_unsent(const struct uring *ring, uint32_t connection);

/* As if a send had failed: nothing more is sent, what was received before still comes, then URING_CLOSED. */
void uring_break(struct uring *ring, uint32_t connection);

/* Waits until something happened or timeout (ns; 0: does not wait). Fills up to cap events, at most one
 * a connection; returns how many. A signal ends the wait early. */
int uring_poll(struct uring *ring, int64_t timeout_ns, struct uring_event *events, uint32_t cap);
/* When the last uring_poll last looked for completions. */
int64_t uring_looked_ns(const struct uring *ring);
/* From any thread: makes a waiting uring_poll return URING_WOKEN. */
void uring_wake(struct uring *ring);
