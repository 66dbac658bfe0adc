#pragma once
/* The connections of one ring with or without TLS: who reads and writes messages need not know which.
 *
 *   received: uring -> wire_open -> wire_data, wire_consume
 *   to send:  wire_sendable -> wire_seal -> uring_send or uring_send_pair -> wire_sent; or all of it by wire_send
 *
 * Opened bytes stand in the ring's own receive buffer, in place of the records they came in. What was sealed and not
 * taken by the kernel ends the connection: the peer counts records, so nothing behind the gap would be understood. */
#include "tls.h"
#include "uring.h"

struct wires;

/* For connections of `ring` with numbers below connection_max; nothing is allocated afterwards. NULL: no memory. */
struct wires *wires_create(struct uring *ring, uint32_t connection_max);
void wires_destroy(struct wires *wires); /* with the TLS of what is still open; before the ring */

/* uring_add; `tls` NULL: plain. Of the rest, rest_plain_size bytes are opened already. Takes `tls` over, also when it
 * fails. */
int wire_add(struct wires *wires, int fd, struct tls *tls, const uint8_t *rest, size_t rest_size,
             size_t rest_plain_size);
/* uring_remove, after telling the peer the end in TLS's way. */
void wire_remove(struct wires *wires, uint32_t connection);
/* TLS of removed connections, one a call, to be destroyed by a thread that may wait; NULL: none. */
struct tls *wire_take_dead(struct wires *wires);
bool wire_is_tls(const struct wires *wires, uint32_t connection);

/* Opens the next record, so that its messages can be read before the next is opened. 1: read, then call again; 0: no
 * whole record is there; negative: the connection is over for the reason in wire_why. Plain connections: 0. */
int wire_open(struct wires *wires, uint32_t connection);
const char *wire_why(const struct wires *wires, uint32_t connection);
/* uring_data and uring_consume of the opened bytes. */
uint8_t *wire_data(struct wires *wires, uint32_t connection, size_t *size);
void wire_consume(struct wires *wires, uint32_t connection, size_t size);

/* 0 when `size` bytes, sealed, would be taken now; ERROR_FULL; ERROR_CLOSED. */
int wire_sendable(const struct wires *wires, uint32_t connection, size_t size);
/* Seals 1 .. TLS_PLAIN_SIZE_MAX bytes into out, room for size + TLS_SEAL_EXTRA; a plain connection leaves data as it
 * is. *sealed is one of the two. Returns the size to send, or ERROR_CLOSED with the connection ended. */
int64_t wire_seal(struct wires *wires, uint32_t connection, const uint8_t *data, size_t size, uint8_t *out,
                  const uint8_t **sealed);
/* What became of sealed bytes: any result but 0 ends an encrypted connection. */
void wire_sent(struct wires *wires, uint32_t connection, int result);
/* All of it at once: as uring_send. */
int wire_send(struct wires *wires, uint32_t connection, const uint8_t *data, size_t size);
