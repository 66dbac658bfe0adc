#pragma once
/* Layout RECEIVERS: threads that own the market data connections of their venues, and what passes between them and the
 * deciding (hot) thread, which owns everything else.
 *
 *   hot --tasks--> receiver    a connection to take over, bytes to send on one, a connection to close
 *   receiver --quotes--> hot   one cache line a quote (handover.h)
 *   receiver --notes--> hot    messages that are no quote, as they came; the end of a connection
 *
 * Connections keep the number that the hot thread gave them (uring_reserve), and a generation, so that what is still on
 * its way when a connection ended is not taken for the next one's. A receiver reads frames, decodes quotes, answers
 * pings; what a message means otherwise is the hot thread's to say. Nobody waits for the other: what finds no room is
 * counted, or ends its connection, which is opened anew. */
#include <pthread.h>
#include <stdatomic.h>

#include "../net/uring.h"
#include "../net/ws.h"
#include "engine.h"
#include "handover.h"
#include "stages.h"

#define RECEIVER_NOTE_SIZE 8192 /* of a message that is no quote */
#define RECEIVER_NOTES     64u
#define RECEIVER_TASK_SIZE 4352 /* a frame of the hot thread */
#define RECEIVER_TASKS     64u
#define RECEIVER_RESTS     4 /* connections that may be on their way at once */
#define RECEIVER_EVENTS    64

enum receiver_task_kind { RECEIVER_ADD = 1, RECEIVER_SEND = 2, RECEIVER_REMOVE = 3 };

struct receiver_task {
    enum receiver_task_kind kind;
    uint32_t number;
    uint32_t generation;
    uint32_t venue;
    int fd;
    uint32_t rest; /* which of receiver.rest */
    uint32_t size;
    uint8_t bytes[RECEIVER_TASK_SIZE];
};

struct receiver_note {
    bool closed;
    bool binary;
    uint32_t number;
    uint32_t generation;
    uint32_t size;
    int64_t recv_ns;
    char why[64]; /* closed */
    uint8_t bytes[RECEIVER_NOTE_SIZE];
};

/* What the hot thread reads of a connection now and then; the receiver stores (relaxed). */
struct receiver_life {
    _Alignas(64) int64_t frame_ns; /* last frame of any kind */
    uint64_t bytes;
    uint64_t messages; /* quotes or not */
    uint64_t ignored;  /* quotes of symbols that we do not trade */
    uint64_t rejected; /* quotes that cannot be held exactly */
};

struct receiver_rest {
    _Atomic bool busy; /* the hot thread fills it, the receiver empties it */
    uint32_t size;
    uint8_t *bytes; /* ENGINE_REST_SIZE */
};

struct receiver_connection { /* by the receiver's own number */
    bool used;
    uint32_t number;
    uint32_t generation;
    uint32_t venue;
    struct ws_parser ws;
};

struct receiver {
    struct engine *engine;
    int32_t cpu; /* -1: not pinned */
    uint32_t index;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic int state; /* 0: starting, 1: running, -1: failed, see failure */
    char failure[512];
    _Atomic(struct uring *) wake_ring; /* to be woken by */
    _Atomic bool *hot_sleeps;
    struct uring *hot_ring;
    struct spsc *tasks;
    struct spsc *notes;
    struct handover quotes;
    struct receiver_rest rest[RECEIVER_RESTS];
    struct receiver_life *life; /* by the hot thread's number */
    /* The receiver's own. */
    struct uring *ring;
    struct stages stages;
    bool handed; /* something was handed over since the hot thread was looked after */
    uint32_t mask_seed;
    struct venue_message message;
    struct receiver_note note;
    struct receiver_task task;
    uint8_t *fragments;
    struct receiver_connection connection[URING_CONNECTION_MAX];
};

/* Everything a receiver needs, allocated and touched. NULL with the reason in trail. */
struct receiver *receiver_create(struct engine *engine, uint32_t index, int32_t cpu, struct error_trail *trail);
int receiver_start(struct receiver *receiver, struct uring *hot_ring, _Atomic bool *hot_sleeps,
                   struct error_trail *trail);
void receiver_stop(struct receiver *receiver); /* ends the thread; its connections are closed */
void receiver_destroy(struct receiver *receiver);
