#include "wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wire {
    struct tls *tls; /* NULL: plain */
    /* Encrypted: of the ring's bytes the first plain_size are opened; records as they came begin at sealed_at. What
     * lies between was theirs and is nothing. */
    size_t plain_size;
    size_t sealed_at;
    bool unread; /* opened bytes that nobody was told of */
};

struct wires {
    struct uring *ring;
    uint32_t connection_max;
    uint32_t dead_count;
    struct tls **dead; /* as many as there can be connections, twice: they wait for the thread that destroys them */
    struct wire *wire;
    uint8_t sealed[TLS_PLAIN_SIZE_MAX + TLS_SEAL_EXTRA];
};

#define DEAD_PER_CONNECTION 2

struct wires *wires_create(struct uring *ring, uint32_t connection_max) {
    struct wires *wires = calloc(1, sizeof *wires);
    if (wires == NULL) return NULL;
    wires->ring = ring;
    wires->connection_max = connection_max;
    wires->wire = calloc(connection_max, sizeof *wires->wire);
    wires->dead = calloc(connection_max, DEAD_PER_CONNECTION * sizeof(struct tls *));
    if (wires->wire != NULL && wires->dead != NULL) return wires;
    wires_destroy(wires);
    return NULL;
}

void wires_destroy(struct wires *wires) {
    if (wires == NULL) return;
    for (uint32_t i = 0; wires->wire != NULL && i < wires->connection_max; i++)
        tls_destroy(wires->wire[i].tls);
    for (uint32_t i = 0; i < wires->dead_count; i++)
        tls_destroy(wires->dead[i]);
    free(wires->wire);
    free(wires->dead);
    free(wires);
}

static struct wire *wire_of(const struct wires *wires, uint32_t connection) {
    assert(connection < wires->connection_max);
    return &wires->wire[connection];
}

static void bury(struct wires *wires, struct tls *tls) {
    if (tls == NULL) return;
    if (wires->dead_count < DEAD_PER_CONNECTION * wires->connection_max)
        wires->dead[wires->dead_count++] = tls;
    else
        tls_destroy(tls); /* nobody takes them: late is better than lost */
}

int wire_add(struct wires *wires, int fd, struct tls *tls, const uint8_t *rest, size_t rest_size,
             size_t rest_plain_size) {
    assert(rest_plain_size <= rest_size);
    int connection = uring_add(wires->ring, fd, rest, rest_size);
    if (connection < 0) {
        bury(wires, tls);
        return connection;
    }
    struct wire *wire = wire_of(wires, (uint32_t)connection);
    assert(wire->tls == NULL);
    *wire = (struct wire){
        .tls = tls, .plain_size = rest_plain_size, .sealed_at = rest_plain_size, .unread = rest_plain_size > 0};
    return connection;
}

/* What TLS itself has to say; when it cannot be said, the peer's count of records is not ours any more. */
static void say(struct wires *wires, uint32_t connection, struct tls *tls) {
    size_t size;
    const uint8_t *reply = tls_reply(tls, &size);
    if (reply != NULL && uring_send(wires->ring, connection, reply, size, NULL) != 0)
        uring_break(wires->ring, connection);
}

void wire_remove(struct wires *wires, uint32_t connection) {
    struct wire *wire = wire_of(wires, connection);
    if (wire->tls != NULL) {
        tls_close(wire->tls);
        say(wires, connection, wire->tls);
        bury(wires, wire->tls);
    }
    *wire = (struct wire){.tls = NULL};
    uring_remove(wires->ring, connection);
}

struct tls *wire_take_dead(struct wires *wires) {
    return wires->dead_count == 0 ? NULL : wires->dead[--wires->dead_count];
}

bool wire_is_tls(const struct wires *wires, uint32_t connection) {
    return wire_of(wires, connection)->tls != NULL;
}

/* ---- in ---- */

/* No record is whole any more: what is left of one moves behind the opened bytes. */
static void close_gap(struct wires *wires, uint32_t connection, uint8_t *data, size_t size) {
    struct wire *wire = wire_of(wires, connection);
    size_t left = size - wire->sealed_at;
    if (wire->sealed_at == wire->plain_size) return;
    if (left > 0) memmove(data + wire->plain_size, data + wire->sealed_at, left);
    wire->sealed_at = wire->plain_size;
    uring_truncate(wires->ring, connection, wire->plain_size + left);
}

int wire_open(struct wires *wires, uint32_t connection) {
    struct wire *wire = wire_of(wires, connection);
    if (wire->tls == NULL) return 0;
    if (wire->unread) {
        wire->unread = false;
        return 1;
    }
    size_t size, opened;
    uint8_t *data = uring_data(wires->ring, connection, &size);
    uint8_t *record = data + wire->sealed_at;
    int64_t record_size = tls_record_size(record, size - wire->sealed_at);
    if (record_size == ERROR_NEED_MORE) {
        close_gap(wires, connection, data, size);
        return 0;
    }
    /* What is no record is for TLS to refuse. */
    size_t taken = record_size < 0 ? size - wire->sealed_at : (size_t)record_size;
    int code = tls_open_record(wire->tls, record, taken, data + wire->plain_size, &opened);
    wire->plain_size += opened;
    wire->sealed_at += taken;
    say(wires, connection, wire->tls);
    return code == 0 ? 1 : code;
}

const char *wire_why(const struct wires *wires, uint32_t connection) {
    const struct wire *wire = wire_of(wires, connection);
    return wire->tls == NULL ? "" : tls_why(wire->tls);
}

uint8_t *wire_data(struct wires *wires, uint32_t connection, size_t *size) {
    const struct wire *wire = wire_of(wires, connection);
    uint8_t *data = uring_data(wires->ring, connection, size);
    if (wire->tls != NULL) *size = wire->plain_size;
    return data;
}

void wire_consume(struct wires *wires, uint32_t connection, size_t size) {
    struct wire *wire = wire_of(wires, connection);
    assert(wire->tls == NULL || size <= wire->plain_size);
    uring_consume(wires->ring, connection, size);
    if (wire->tls == NULL) return;
    wire->plain_size -= size;
    wire->sealed_at -= size;
    if (wire->plain_size > 0 || wire->sealed_at == 0) return;
    uring_consume(wires->ring, connection, wire->sealed_at);
    wire->sealed_at = 0;
}

/* ---- out ---- */

int wire_sendable(const struct wires *wires, uint32_t connection, size_t size) {
    size_t extra = wire_of(wires, connection)->tls == NULL ? 0 : TLS_SEAL_EXTRA;
    return uring_sendable(wires->ring, connection, size + extra);
}

int64_t wire_seal(struct wires *wires, uint32_t connection, const uint8_t *data, size_t size, uint8_t *out,
                  const uint8_t **sealed) {
    struct wire *wire = wire_of(wires, connection);
    *sealed = data;
    if (wire->tls == NULL) return (int64_t)size;
    int64_t sealed_size = tls_seal(wire->tls, data, size, out, size + TLS_SEAL_EXTRA);
    if (sealed_size < 0) {
        uring_break(wires->ring, connection);
        return ERROR_CLOSED;
    }
    *sealed = out;
    return sealed_size;
}

void wire_sent(struct wires *wires, uint32_t connection, int result) {
    if (result != 0 && wire_of(wires, connection)->tls != NULL) uring_break(wires->ring, connection);
}

int wire_send(struct wires *wires, uint32_t connection, const uint8_t *data, size_t size) {
    size_t pieces = size / TLS_PLAIN_SIZE_MAX + 1;
    if (wire_of(wires, connection)->tls == NULL) return uring_send(wires->ring, connection, data, size, NULL);
    int code = uring_sendable(wires->ring, connection, size + pieces * TLS_SEAL_EXTRA);
    for (size_t at = 0, piece; code == 0 && at < size; at += piece) {
        const uint8_t *bytes;
        piece = size - at < TLS_PLAIN_SIZE_MAX ? size - at : TLS_PLAIN_SIZE_MAX;
        int64_t length = wire_seal(wires, connection, data + at, piece, wires->sealed, &bytes);
        if (length < 0) return ERROR_CLOSED;
        code = uring_send(wires->ring, connection, bytes, (size_t)length, NULL);
        wire_sent(wires, connection, code);
    }
    return code;
}
