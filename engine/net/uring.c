#include "uring.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/clock.h"
#include "uring_internal.h"

#define SLACK_SIZE 64 /* decoders may read this far behind the received bytes */

struct uring_connection *uring_connection_get(struct uring *ring, uint32_t connection) {
    assert(connection < ring->connection_max);
    struct uring_connection *conn = &ring->connections[connection];
    assert(conn->state == CONNECTION_OPEN || conn->state == CONNECTION_ENDED);
    return conn;
}

static int open_ring(struct uring *ring, struct error_trail *trail) {
    /* DEFER_TASKRUN: the kernel works for us only when we ask, instead of interrupting (6.1). With TASKRUN_FLAG we ask
     * only when there is something. COOP_TASKRUN is the nearest thing on 6.0, the first with multishot receive. */
    const unsigned base = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG;
    const unsigned modes[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                              IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN};
    int result = -EINVAL;
    for (size_t i = 0; i < sizeof modes / sizeof *modes && result == -EINVAL; i++) {
        struct io_uring_params params = {.flags = base | modes[i], .cq_entries = COMPLETION_COUNT};
        result = io_uring_queue_init_params(SUBMISSION_COUNT, &ring->io, &params);
    }
    if (result == 0) return 0;
    ring->io.ring_fd = -1;
    const char *reason = result == -EPERM
                             ? "denied on this host (sysctl kernel.io_uring_disabled, or a container's "
                               "seccomp profile): allow io_uring_setup"
                         : result == -ENOSYS ? "not in this kernel: Linux 6.0 or later is needed"
                         : result == -EINVAL ? "too old in this kernel: Linux 6.0 or later is needed"
                         : result == -ENOMEM ? "out of memory, or over the limit of locked memory (ulimit -l)"
                                             : strerror(-result);
    return error_set(trail, ERROR_SYSTEM, "io_uring: %s (errno %d)", reason, -result);
}

void uring_buffer_return(struct uring *ring, unsigned id) {
    io_uring_buf_ring_add(ring->buffer_ring, ring->buffers + (size_t)id * BUFFER_SIZE, BUFFER_SIZE,
                          (unsigned short)id, io_uring_buf_ring_mask(BUFFER_COUNT), 0);
    io_uring_buf_ring_advance(ring->buffer_ring, 1);
}

static int provide_buffers(struct uring *ring, struct error_trail *trail) {
    struct io_uring_buf_reg request = {
        .ring_addr = (uint64_t)(uintptr_t)ring->buffer_ring, .ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&ring->io, &request, 0);
    if (result != 0)
        return error_set(trail, ERROR_SYSTEM, "io_uring: cannot register %d receive buffers: %s", BUFFER_COUNT,
                         strerror(-result));
    io_uring_buf_ring_init(ring->buffer_ring);
    for (unsigned id = 0; id < BUFFER_COUNT; id++)
        uring_buffer_return(ring, id);
    return 0;
}

static size_t page_round(size_t size) {
    return (size + 4095) & ~(size_t)4095;
}

static size_t buffer_ring_size(void) {
    return page_round(BUFFER_COUNT * sizeof(struct io_uring_buf));
}

static size_t connection_size(const struct uring *ring) {
    return page_round(ring->receive_size + SLACK_SIZE) + URING_UNSENT_SIZE;
}

static size_t memory_size(const struct uring *ring) {
    return buffer_ring_size() + (size_t)BUFFER_COUNT * BUFFER_SIZE + ring->connection_max * connection_size(ring);
}

/* One block for everything, touched now so that no page fault comes later. */
static int map_memory(struct uring *ring, struct error_trail *trail) {
    uint8_t *memory =
        mmap(NULL, memory_size(ring), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        return error_set(trail, ERROR_SYSTEM, "cannot map %zu bytes for %u connections: %s", memory_size(ring),
                         ring->connection_max, strerror(errno));
    ring->memory = memory;
    ring->buffer_ring = (struct io_uring_buf_ring *)(void *)memory;
    memory += buffer_ring_size();
    ring->buffers = memory;
    memory += (size_t)BUFFER_COUNT * BUFFER_SIZE;
    for (uint32_t i = 0; i < ring->connection_max; i++, memory += connection_size(ring)) {
        ring->connections[i].fd = -1;
        ring->connections[i].receive = memory;
        ring->connections[i].unsent = memory + page_round(ring->receive_size + SLACK_SIZE);
    }
    return 0;
}

struct uring *uring_create(uint32_t connection_max, size_t receive_size, struct error_trail *trail) {
    assert(connection_max > 0);
    assert(connection_max <= URING_CONNECTION_MAX);
    assert(receive_size > 0);
    struct uring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        error_set(trail, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    ring->connection_max = connection_max;
    ring->receive_size = receive_size;
    ring->wake_fd = -1;
    ring->io.ring_fd = -1;
    ring->arming_due = true;
    if (open_ring(ring, trail) != 0 || map_memory(ring, trail) != 0 || provide_buffers(ring, trail) != 0) goto fail;
    ring->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (ring->wake_fd < 0) {
        error_set(trail, ERROR_SYSTEM, "eventfd: %s", strerror(errno));
        goto fail;
    }
    io_uring_register_ring_fd(&ring->io); /* only saves time: a refusal changes nothing */
    return ring;
fail:
    uring_destroy(ring);
    return NULL;
}

void uring_destroy(struct uring *ring) {
    if (ring == NULL) return;
    if (ring->io.ring_fd >= 0) io_uring_queue_exit(&ring->io);
    for (uint32_t i = 0; i < ring->connection_max; i++)
        if (ring->memory != NULL && ring->connections[i].fd >= 0) close(ring->connections[i].fd);
    if (ring->wake_fd >= 0) close(ring->wake_fd);
    if (ring->memory != NULL) munmap(ring->memory, memory_size(ring));
    free(ring);
}

void uring_ready_push(struct uring *ring, uint32_t connection) {
    if (ring->connections[connection].queued) return;
    assert(ring->ready_count < URING_CONNECTION_MAX);
    ring->ready[(ring->ready_begin + ring->ready_count) % URING_CONNECTION_MAX] = connection;
    ring->ready_count++;
    ring->connections[connection].queued = true;
}

static int find_free(const struct uring *ring) {
    for (uint32_t i = 0; i < ring->connection_max; i++)
        if (ring->connections[i].state == CONNECTION_FREE) return (int)i;
    return ERROR_FULL;
}

int uring_reserve(struct uring *ring) {
    int connection = find_free(ring);
    if (connection >= 0) ring->connections[connection].state = CONNECTION_RESERVED;
    return connection;
}

void uring_release(struct uring *ring, uint32_t connection) {
    assert(connection < ring->connection_max);
    assert(ring->connections[connection].state == CONNECTION_RESERVED);
    ring->connections[connection].state = CONNECTION_FREE;
}

int uring_add(struct uring *ring, int fd, const uint8_t *rest, size_t rest_size) {
    assert(fd >= 0);
    if (rest_size > ring->receive_size) return ERROR_FULL;
    int connection = find_free(ring);
    if (connection < 0) return connection;

    /* The ring waits for room and data by itself; inline sends say MSG_DONTWAIT. */
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    struct uring_connection *conn = &ring->connections[connection];
    assert(conn->inflight == 0);
    *conn = (struct uring_connection){.state = CONNECTION_OPEN,
                                      .fd = fd,
                                      .generation = conn->generation + 1,
                                      .queued = conn->queued,
                                      .receive = conn->receive,
                                      .unsent = conn->unsent};
    ring->arming_due = true;
    if (rest_size > 0) {
        memcpy(conn->receive, rest, rest_size);
        conn->receive_end = rest_size;
        conn->received = true;
        conn->recv_ns = conn->since_ns = clock_mono_ns();
        uring_ready_push(ring, (uint32_t)connection);
    }
    return connection;
}

void uring_release_if_drained(struct uring_connection *conn) {
    if (conn->inflight > 0) return;
    if (conn->state != CONNECTION_ENDED && conn->state != CONNECTION_LEAVING) return;
    if (conn->fd >= 0) close(conn->fd);
    conn->fd = -1;
    if (conn->state == CONNECTION_LEAVING) conn->state = CONNECTION_FREE;
}

void uring_remove(struct uring *ring, uint32_t connection) {
    struct uring_connection *conn = uring_connection_get(ring, connection);
    /* Ends a waiting receive and send request: they come back and are dropped. */
    if (conn->fd >= 0) shutdown(conn->fd, SHUT_RDWR);
    conn->state = CONNECTION_LEAVING;
    conn->received = false;
    conn->ended = false;
    uring_release_if_drained(conn);
}

uint8_t *uring_data(struct uring *ring, uint32_t connection, size_t *size) {
    struct uring_connection *conn = uring_connection_get(ring, connection);
    *size = conn->receive_end - conn->receive_begin;
    return conn->receive + conn->receive_begin;
}

void uring_consume(struct uring *ring, uint32_t connection, size_t size) {
    struct uring_connection *conn = uring_connection_get(ring, connection);
    assert(size <= conn->receive_end - conn->receive_begin);
    conn->receive_begin += size;
    if (conn->receive_begin == conn->receive_end) conn->receive_begin = conn->receive_end = 0;
}

int64_t uring_looked_ns(const struct uring *ring) {
    return ring->looked_ns;
}

void uring_truncate(struct uring *ring, uint32_t connection, size_t size) {
    struct uring_connection *conn = uring_connection_get(ring, connection);
    assert(size <= conn->receive_end - conn->receive_begin);
    conn->receive_end = conn->receive_begin + size;
    if (size == 0) conn->receive_begin = conn->receive_end = 0;
}

void uring_wake(struct uring *ring) {
    uint64_t one = 1;
    (void)!write(ring->wake_fd, &one, sizeof one); /* adds up: many wake-ups are one */
}
