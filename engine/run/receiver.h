#pragma once
/* Layout RECEIVERS: threads that own the market data connections of their venues, and what passes between them and the
 * deciding (hot) thread, which owns everything else.
 *
 *   hot --tasks--> receiver    a connection to take over, bytes to send on one, a connection to close
 *   receiver --quotes--> hot   one cache line a quote (handover.h)
 *   receiver --notes--> hot    messages that are no quote, as they came; the end of a connection
 *
 * Connections keep the number that the hot thread gave them (uring_reserve), and a generation, so that what is still on
 * its way when a connection ended is not taken for the next one's. A receiver reads frames, decodes quotes and answers
 * pings; what any other message means is the hot thread's to say. Nobody waits for the other: what finds no room is
 * kept and replaced by what is newer (quotes), or ends its connection, which is then opened anew (all else). */
#include <pthread.h>
#include <stdatomic.h>

#include "../net/wire.h"
#include "../net/ws.h"
#include "engine.h"
#include "handover.h"
#include "stages.h"
#include "symbol_names.h"

#define RECEIVER_NOTE_SIZE 8192 /* of a message that is no quote */
#define RECEIVER_NOTES     64u
#define RECEIVER_TASK_SIZE 4352 /* of a frame from the hot thread */
#define RECEIVER_TASKS     64u
#define RECEIVER_FRAGMENTS 4 /* messages in pieces that may be under way at once */
#define RECEIVER_EVENTS    64
#define RECEIVER_RESTS     16 /* connections that may be on their way at once */

enum receiver_task_kind { RECEIVER_ADD = 1, RECEIVER_SEND = 2, RECEIVER_REMOVE = 3 };

struct receiver_task {
    enum receiver_task_kind kind;
    uint32_t number;
    uint32_t generation;
    uint32_t venue;
    int fd;
    struct tls *tls;
    uint32_t rest; /* ADD: which of receiver.rest; RECEIVER_RESTS: none */
    uint32_t rest_plain_size;
    uint32_t size;
    uint8_t bytes[RECEIVER_TASK_SIZE];
};

enum receiver_note_kind {
    RECEIVER_MESSAGE = 1,
    RECEIVER_CLOSED = 2,
    RECEIVER_TLS = 3, /* of a connection that is gone: to be destroyed by a thread that may wait */
};

struct receiver_note {
    enum receiver_note_kind kind;
    bool binary;
    uint32_t number;
    uint32_t generation;
    uint32_t size;
    int64_t recv_ns;
    struct tls *tls;
    uint8_t bytes[RECEIVER_NOTE_SIZE + VENUE_SLACK_SIZE]; /* CLOSED: why, as text */
};

/* What the hot thread reads of a connection now and then; the receiver stores (relaxed). */
struct receiver_life {
    _Alignas(64) int64_t frame_ns; /* last frame of any kind */
    uint64_t bytes;
    uint64_t messages; /* handed over as quotes, or dropped for one of these: */
    uint64_t ignored;  /* a symbol that we do not trade */
    uint64_t rejected; /* a price or quantity that cannot be held exactly */
};

/* Turns longer than threads.stall_us, and the time they took. */
struct receiver_stalls {
    uint64_t count;
    uint64_t total_ns;
};

struct receiver_rest {
    _Atomic bool busy; /* the hot thread fills it, the receiver empties it */
    uint32_t size;
    uint8_t *bytes; /* ENGINE_REST_SIZE */
};

struct receiver_connection { /* by the receiver's own number */
    bool used;
    uint32_t number; /* the hot thread's */
    uint32_t generation;
    uint32_t venue;
    const char *ended; /* why; the hot thread is still to be told */
    struct ws_parser ws;
};

enum receiver_state { RECEIVER_STARTING = 0, RECEIVER_RUNNING = 1, RECEIVER_FAILED = 2 };

struct receiver {
    const struct engine *engine;
    const struct symbol_names *symbols[ABI_VENUE_MAX];
    uint32_t index;
    uint32_t connection_max; /* at once; set before the start */
    int32_t cpu;             /* -1: not pinned */
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    _Atomic enum receiver_state state;
    struct error_trail trail; /* of FAILED */
    struct uring *ring;       /* of the receiver; the hot thread wakes it, once RUNNING */
    struct uring *hot_ring;   /* of the hot thread; the receiver wakes it */
    _Atomic bool *hot_sleeps;
    struct spsc *tasks;
    struct spsc *notes;
    struct handover quotes;
    struct receiver_stalls stalls;      /* the receiver stores (relaxed), */
    struct receiver_stalls stalls_seen; /* and what the hot thread has counted of them */
    struct receiver_rest rest[RECEIVER_RESTS];
    struct receiver_life *life; /* by the hot thread's number, */
    struct receiver_life *seen; /* and what the hot thread has counted of it; over all uses of a number */
    /* The receiver's own. */
    struct wires *wires;
    struct stages stages;
    bool handed; /* something, since the hot thread was last looked after */
    uint32_t ended_count;
    uint32_t mask_seed;
    struct receiver_note note;
    struct receiver_task task;
    uint8_t *fragments;      /* RECEIVER_FRAGMENTS buffers, lent to a connection from a first piece to the last */
    uint32_t fragments_free; /* bit by buffer */
    struct receiver_connection connection[URING_CONNECTION_MAX];
};

/* Everything a receiver needs, allocated and touched. NULL with the reason in trail. */
struct receiver *receiver_create(const struct engine *engine, uint32_t index, int32_t cpu,
                                 struct error_trail *trail);
/* Once symbols are set. Returns when it runs: 0, or a negative code. */
int receiver_start(struct receiver *receiver, struct uring *hot_ring, _Atomic bool *hot_sleeps,
                   struct error_trail *trail);
void receiver_stop(struct receiver *receiver);
void receiver_destroy(struct receiver *receiver);

/* ---- receiver_read.c: bytes -> quotes and notes ---- */
void receiver_read(struct receiver *receiver, uint32_t own, const struct uring_event *event);
/* The connection is over: closed, and the hot thread told, now or as soon as it has room. `why` is static text. */
void receiver_end(struct receiver *receiver, uint32_t own, const char *why);
void receiver_return_fragments(struct receiver *receiver, struct receiver_connection *connection);
bool receiver_tell(struct receiver *receiver, enum receiver_note_kind kind, uint32_t own, const void *bytes,
                   size_t size);
