/* The receiving half of uring.h: requests to the kernel, its completions, and the wait for them. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/clock.h"
#include "uring_internal.h"

static uint64_t mark_pack(enum request_kind kind, uint32_t generation, uint32_t connection) {
    return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | connection;
}

struct io_uring_sqe *uring_request(struct uring *ring, enum request_kind kind, uint32_t connection) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->io);
    assert(sqe != NULL);
    uint32_t generation = 0;
    if (kind != REQUEST_WAKE) {
        ring->connections[connection].inflight++;
        generation = ring->connections[connection].generation;
    }
    sqe->user_data = mark_pack(kind, generation, connection);
    return sqe;
}

static void note_seen(const struct uring *ring, struct uring_connection *conn) {
    conn->recv_ns = ring->seen_ns;
    conn->since_ns = ring->unseen_ns < ring->looked_ns ? ring->unseen_ns : ring->looked_ns;
}

static void end(struct uring *ring, uint32_t connection, int result) {
    struct uring_connection *conn = &ring->connections[connection];
    assert(conn->state == CONNECTION_OPEN);
    shutdown(conn->fd, SHUT_RDWR);
    conn->state = CONNECTION_ENDED;
    conn->unsent_size = 0;
    conn->ended = true;
    if (!conn->received) note_seen(ring, conn);
    if (result != 0 || !conn->broken) conn->end_result = result;
    uring_ready_push(ring, connection);
}

/* Copies one completion's bytes behind what the connection has. False when some did not fit and the caller has to
 * consume first: the completion then stays the oldest, and the next poll goes on with it. */
static bool take_bytes(struct uring *ring, uint32_t connection, const uint8_t *data, size_t size) {
    struct uring_connection *conn = &ring->connections[connection];
    data += ring->partial_size;
    size -= ring->partial_size;
    if (ring->receive_size - conn->receive_end < size && conn->receive_begin > 0) {
        conn->receive_end -= conn->receive_begin;
        memmove(conn->receive, conn->receive + conn->receive_begin, conn->receive_end);
        conn->receive_begin = 0;
    }
    size_t room = ring->receive_size - conn->receive_end;
    if (room == 0 && !conn->received) { /* the caller was told, and left everything */
        end(ring, connection, -EMSGSIZE);
        return true;
    }
    size_t taken = size < room ? size : room;
    memcpy(conn->receive + conn->receive_end, data, taken);
    conn->receive_end += taken;
    if (taken > 0 && !conn->received) {
        conn->received = true;
        note_seen(ring, conn);
        uring_ready_push(ring, connection);
    }
    if (taken == size) return true;
    ring->partial_size += taken;
    return false;
}

/* Errors after which the receive is simply asked for again: the buffers were used up, or a signal came between. */
static bool is_passing(int result) {
    return result == -ENOBUFS || result == -EINTR || result == -EAGAIN;
}

static bool receive_done(struct uring *ring, uint32_t connection, const struct io_uring_cqe *cqe) {
    struct uring_connection *conn = &ring->connections[connection];
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        const uint8_t *data = ring->buffers + (size_t)id * BUFFER_SIZE;
        if (cqe->res > 0 && conn->state == CONNECTION_OPEN && !take_bytes(ring, connection, data, (size_t)cqe->res))
            return false;
        uring_buffer_return(ring, id);
    }
    ring->partial_size = 0;
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        conn->receive_armed = false;
        conn->inflight--;
        ring->arming_due = true;
    }
    if (conn->state == CONNECTION_OPEN && cqe->res <= 0 && !is_passing(cqe->res)) end(ring, connection, cqe->res);
    return true;
}

static void wake_done(struct uring *ring) {
    ring->woken = true;
    ring->wake_armed = false;
    ring->arming_due = true;
}

/* False: leave this completion in the ring. */
static bool completion_take(struct uring *ring, const struct io_uring_cqe *cqe) {
    enum request_kind kind = (enum request_kind)(cqe->user_data >> 56);
    if (kind == REQUEST_WAKE) {
        wake_done(ring);
        return true;
    }
    uint32_t connection = (uint32_t)cqe->user_data;
    assert(connection < ring->connection_max);
    struct uring_connection *conn = &ring->connections[connection];
    assert(cqe->user_data == mark_pack(kind, conn->generation, connection));
    assert(conn->inflight > 0);
    if (kind == REQUEST_RECEIVE) {
        if (!receive_done(ring, connection, cqe)) return false;
    } else {
        uring_send_done(ring, connection, cqe->res);
    }
    uring_release_if_drained(conn);
    return true;
}

/* Completions into connections' state. A bounded number, so that a flood cannot keep the caller out. */
static void pump(struct uring *ring) {
    struct io_uring_cqe *cqe;
    ring->looked_ns = clock_mono_ns();
    /* io_uring_peek_cqe enters the kernel only when its flags say that work waits there. */
    for (int count = 0; count < COMPLETION_COUNT && io_uring_peek_cqe(&ring->io, &cqe) == 0; count++) {
        if (count == 0) ring->seen_ns = clock_mono_ns();
        if (!completion_take(ring, cqe)) return;
        io_uring_cqe_seen(&ring->io, cqe);
    }
}

static void receive_arm(struct uring *ring, uint32_t connection) {
    struct uring_connection *conn = &ring->connections[connection];
    struct io_uring_sqe *sqe = uring_request(ring, REQUEST_RECEIVE, connection);
    io_uring_prep_recv_multishot(sqe, conn->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    conn->receive_armed = true;
}

static void wake_arm(struct uring *ring) {
    struct io_uring_sqe *sqe = uring_request(ring, REQUEST_WAKE, 0);
    io_uring_prep_read(sqe, ring->wake_fd, &ring->wake_count, sizeof ring->wake_count, 0);
    ring->wake_armed = true;
}

static void arm(struct uring *ring) {
    if (!ring->arming_due) return;
    ring->arming_due = false;
    if (!ring->wake_armed) wake_arm(ring);
    for (uint32_t i = 0; i < ring->connection_max; i++) {
        struct uring_connection *conn = &ring->connections[i];
        if (conn->state != CONNECTION_OPEN) continue;
        if (!conn->receive_armed) receive_arm(ring, i);
        if (conn->unsent_size > 0 && !conn->send_armed) uring_send_arm(ring, i);
    }
}

static uint32_t ready_pop(struct uring *ring) {
    uint32_t connection = ring->ready[ring->ready_begin];
    ring->ready_begin = (ring->ready_begin + 1) % URING_CONNECTION_MAX;
    ring->ready_count--;
    ring->connections[connection].queued = false;
    return connection;
}

static uint32_t collect(struct uring *ring, struct uring_event *events, uint32_t cap) {
    uint32_t count = 0;
    if (ring->woken) {
        ring->woken = false;
        events[count++] =
            (struct uring_event){.kind = URING_WOKEN, .connection = UINT32_MAX, .recv_ns = ring->looked_ns};
    }
    /* At most one event a connection: a caller that removes it on the first would trip over a second. */
    for (uint32_t left = ring->ready_count; left > 0 && count < cap; left--) {
        uint32_t connection = ready_pop(ring);
        struct uring_connection *conn = &ring->connections[connection];
        struct uring_event event = {.connection = connection, .recv_ns = conn->recv_ns, .since_ns = conn->since_ns};
        if (conn->received && conn->receive_end > conn->receive_begin) {
            event.kind = URING_RECEIVED;
            if (conn->ended) uring_ready_push(ring, connection);
        } else if (conn->ended) {
            event.kind = URING_CLOSED;
            event.result = conn->end_result;
            conn->ended = false;
        }
        conn->received = false;
        if (event.kind != 0) events[count++] = event;
    }
    return count;
}

/* False when a signal ended the wait. */
static bool wait_for_completion(struct uring *ring, int64_t timeout_ns) {
    struct __kernel_timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_cqe *cqe;
    return io_uring_submit_and_wait_timeout(&ring->io, &cqe, 1, &timeout, NULL) != -EINTR;
}

int uring_poll(struct uring *ring, int64_t timeout_ns, struct uring_event *events, uint32_t cap) {
    assert(cap > 0);
    assert(timeout_ns >= 0);
    int64_t deadline_ns = timeout_ns > 0 ? clock_mono_ns() + timeout_ns : 0;
    ring->unseen_ns = ring->looked_ns;
    for (bool interrupted = false;;) {
        arm(ring);
        /* What the kernel does not take now (busy) stays in the ring for the next time. */
        if (timeout_ns == 0 && io_uring_sq_ready(&ring->io) > 0) io_uring_submit(&ring->io);
        pump(ring);
        uint32_t count = collect(ring, events, cap);
        if (count > 0 || timeout_ns == 0 || interrupted) return (int)count;
        int64_t left_ns = deadline_ns - ring->looked_ns;
        if (left_ns <= 0) return 0;
        arm(ring);
        interrupted = !wait_for_completion(ring, left_ns);
        ring->unseen_ns = INT64_MAX; /* what ends a wait has not waited */
    }
}
