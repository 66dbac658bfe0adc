#pragma once
/* What uring.c (ring, life of connections), uring_poll.c (receiving, waiting) and uring_send.c share.
 *
 * Life of a connection number:
 *
 *   FREE --uring_add--> OPEN --end of stream or error--> ENDED --uring_remove--> LEAVING --last completion--> FREE
 *                         \------------------uring_remove-----------------------^
 *   FREE --uring_reserve--> RESERVED --uring_release--> FREE
 *
 * The descriptor is shut down at once on leaving OPEN and closed when the kernel holds no request of ours for it any
 * more, so neither a late completion nor a late request ever meets a new connection under an old number. */
#include <liburing.h>

#include "uring.h"

#define SUBMISSION_COUNT 2048 /* two requests a connection and the wake-up fit */
#define COMPLETION_COUNT 4096
#define BUFFER_COUNT     256 /* provided buffers, a power of two */
#define BUFFER_SIZE      4096
#define BUFFER_GROUP     0

_Static_assert(2 * URING_CONNECTION_MAX + 1 <= SUBMISSION_COUNT, "every request has an entry");

enum connection_state {
    CONNECTION_FREE = 0,
    CONNECTION_RESERVED,
    CONNECTION_OPEN,
    CONNECTION_ENDED,
    CONNECTION_LEAVING
};

struct uring_connection {
    enum connection_state state;
    int fd;              /* -1: closed */
    uint32_t generation; /* of the number's use, checked in every completion */
    uint32_t inflight;   /* requests in the kernel */
    bool receive_armed;
    bool send_armed;
    bool queued; /* stands in the ready queue */
    bool received;
    bool ended;
    bool broken;    /* a send failed: nothing more is sent, what was received before still comes */
    int end_result; /* for URING_CLOSED */
    int64_t recv_ns;
    int64_t since_ns; /* of struct uring_event */

    uint8_t *receive;     /* receive_size bytes and slack */
    size_t receive_begin; /* consumed up to here */
    size_t receive_end;

    uint8_t *unsent; /* circular, URING_UNSENT_SIZE */
    size_t unsent_begin;
    size_t unsent_size;
};

/* Marks of requests. A completion carries kind, generation and connection number in its 64 bits. */
enum request_kind { REQUEST_RECEIVE = 1, REQUEST_SEND = 2, REQUEST_WAKE = 3 };

struct uring {
    struct io_uring io;
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    uint32_t connection_max;
    size_t receive_size;
    int wake_fd;
    bool wake_armed;
    bool woken;
    uint64_t wake_count; /* the wake-up's request reads into it */
    int64_t looked_ns;
    int64_t seen_ns;   /* first completion found: the look may have spent microseconds fetching it in the kernel */
    int64_t unseen_ns; /* what is found now arrived after this */
    bool arming_due;   /* some connection waits for a request to be prepared */
    /* Bytes of the oldest completion already copied: its connection had no room for the rest. */
    size_t partial_size;
    /* Connections with something to tell, oldest first; each stands in it at most once. */
    uint32_t ready[URING_CONNECTION_MAX];
    uint32_t ready_begin;
    uint32_t ready_count;
    uint8_t *memory; /* all connections' buffers */
    struct uring_connection connections[URING_CONNECTION_MAX];
};

/* A request entry with our mark; the submission ring has room for all requests we can have. */
struct io_uring_sqe *uring_request(struct uring *ring, enum request_kind kind, uint32_t connection);

/* The connection of a number the caller holds; anything else is a bug of the caller. */
struct uring_connection *uring_connection_get(struct uring *ring, uint32_t connection);

void uring_buffer_return(struct uring *ring, unsigned id);

/* Closes the descriptor and frees the number as soon as the kernel has given back every request. */
void uring_release_if_drained(struct uring_connection *conn);

/* Puts a connection that has something to tell at the end of the ready queue. */
void uring_ready_push(struct uring *ring, uint32_t connection);

/* Prepares the next send request of the unsent bytes. */
void uring_send_arm(struct uring *ring, uint32_t connection);
/* A send request came back. */
void uring_send_done(struct uring *ring, uint32_t connection, int result);
