/* A receiving thread: its life, its loop, and what the hot thread asks of it. */
#include "receiver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/spsc.h"
#include "../net/tls_memory.h"
#include "hot.h"
#include "scheduling.h"

#define RECEIVER_WAIT_NS  50000000
#define RECEIVER_RETRY_NS 100000 /* while something waits for room in a ring */

static void *block(size_t size) {
    void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (memory != NULL) memset(memory, 0, size);
    return memory;
}

static struct spsc *ring_of(uint32_t item_count, uint32_t item_size) {
    void *memory = block(spsc_size(item_count, item_size));
    return memory == NULL ? NULL : spsc_init(memory, item_count, item_size);
}

static bool allocate(struct receiver *receiver) {
    const struct core_setup *setup = &receiver->engine->setup;
    receiver->tasks = ring_of(RECEIVER_TASKS, sizeof(struct receiver_task));
    receiver->notes = ring_of(RECEIVER_NOTES, sizeof(struct receiver_note));
    receiver->life = block(URING_CONNECTION_MAX * sizeof *receiver->life);
    receiver->seen = block(URING_CONNECTION_MAX * sizeof *receiver->seen);
    receiver->fragments = block((size_t)RECEIVER_FRAGMENTS * WS_MESSAGE_SIZE_MAX + VENUE_SLACK_SIZE);
    bool whole = receiver->tasks != NULL && receiver->notes != NULL && receiver->life != NULL &&
                 receiver->seen != NULL && receiver->fragments != NULL;
    for (uint32_t i = 0; i < RECEIVER_RESTS; i++) {
        receiver->rest[i].bytes = block(ENGINE_REST_SIZE);
        whole = whole && receiver->rest[i].bytes != NULL;
    }
    return whole && handover_create(&receiver->quotes, setup->venue_count * setup->symbol_count) == 0;
}

struct receiver *receiver_create(const struct engine *engine, uint32_t index, int32_t cpu,
                                 struct error_trail *trail) {
    struct receiver *receiver = block(sizeof *receiver);
    if (receiver != NULL) {
        receiver->engine = engine;
        receiver->index = index;
        receiver->cpu = cpu;
        receiver->mask_seed = ((uint32_t)engine->started_ns * 2654435761u + index) | 1u;
        receiver->stages.out = engine->segment->stage;
        receiver->stages.shared = true;
        for (uint32_t i = 0; i < RECEIVER_FRAGMENTS; i++)
            receiver->fragments_free |= 1u << i;
        if (allocate(receiver)) return receiver;
        receiver_destroy(receiver);
    }
    error_set(trail, ERROR_SYSTEM, "no memory for receiving thread %u", index);
    return NULL;
}

void receiver_destroy(struct receiver *receiver) {
    if (receiver == NULL) return;
    wires_destroy(receiver->wires);
    uring_destroy(receiver->ring);
    handover_destroy(&receiver->quotes);
    for (uint32_t i = 0; i < RECEIVER_RESTS; i++)
        free(receiver->rest[i].bytes);
    free(receiver->fragments);
    free(receiver->seen);
    free(receiver->life);
    free(receiver->notes);
    free(receiver->tasks);
    free(receiver);
}

/* ---- tasks ---- */

static int find(const struct receiver *receiver, uint32_t number, uint32_t generation) {
    for (uint32_t own = 0; own < URING_CONNECTION_MAX; own++) {
        const struct receiver_connection *connection = &receiver->connection[own];
        if (connection->used && connection->number == number && connection->generation == generation)
            return (int)own;
    }
    return -1;
}

static void refuse(struct receiver *receiver, const struct receiver_task *task) {
    static const char why[] = "the receiving thread has no room for a connection";
    struct receiver_note *note = &receiver->note;
    close(task->fd);
    *note = (struct receiver_note){.kind = RECEIVER_CLOSED, .number = task->number, .generation = task->generation};
    note->size = sizeof why;
    memcpy(note->bytes, why, sizeof why);
    receiver->handed = true;
    if (spsc_push(receiver->notes, note) != 0)
        log_write(LOG_ERROR, "receiving thread %u: %s", receiver->index, why);
}

static void add(struct receiver *receiver, const struct receiver_task *task) {
    struct receiver_rest *rest = task->rest < RECEIVER_RESTS ? &receiver->rest[task->rest] : NULL;
    int own = wire_add(receiver->wires, task->fd, task->tls, rest != NULL ? rest->bytes : NULL,
                       rest != NULL ? rest->size : 0, task->rest_plain_size);
    if (rest != NULL) atomic_store(&rest->busy, false);
    if (own < 0) {
        refuse(receiver, task);
        return;
    }
    struct receiver_connection *connection = &receiver->connection[own];
    if (connection->ended != NULL) receiver->ended_count--; /* its silence tells the hot thread */
    *connection = (struct receiver_connection){
        .used = true, .number = task->number, .generation = task->generation, .venue = task->venue};
    ws_parser_init(&connection->ws, NULL);
}

static void take_tasks(struct receiver *receiver) {
    struct receiver_task *task = &receiver->task;
    while (spsc_pop(receiver->tasks, task)) {
        int own = task->kind == RECEIVER_ADD ? -1 : find(receiver, task->number, task->generation);
        if (task->kind == RECEIVER_ADD)
            add(receiver, task);
        else if (own >= 0 && task->kind == RECEIVER_SEND)
            (void)wire_send(receiver->wires, (uint32_t)own, task->bytes,
                            task->size); /* its end is told by the ring */
        else if (own >= 0 && task->kind == RECEIVER_REMOVE) {
            wire_remove(receiver->wires, (uint32_t)own);
            receiver_return_fragments(receiver, &receiver->connection[own]);
            receiver->connection[own].used = false;
        }
    }
}

/* ---- the loop ---- */

static void tell_ended(struct receiver *receiver) {
    for (uint32_t own = 0; own < URING_CONNECTION_MAX && receiver->ended_count > 0; own++) {
        struct receiver_connection *connection = &receiver->connection[own];
        if (connection->ended == NULL) continue;
        if (!receiver_tell(receiver, RECEIVER_CLOSED, own, connection->ended, strlen(connection->ended) + 1))
            return;
        connection->ended = NULL;
        receiver->ended_count--;
    }
}

static void hand_over_dead(struct receiver *receiver) {
    while (spsc_count(receiver->notes) < RECEIVER_NOTES / 2) {
        receiver->note.tls = wire_take_dead(receiver->wires);
        if (receiver->note.tls == NULL) return;
        receiver->note.kind = RECEIVER_TLS;
        receiver->note.size = 0;
        (void)spsc_push(receiver->notes, &receiver->note); /* there is room, and nobody else pushes */
    }
}

/* The hot thread says that it sleeps before it looks for quotes a last time, we look for that after the last quote was
 * handed over, and the fences between keep both from missing the other. */
static void wake_hot(struct receiver *receiver) {
    if (!receiver->handed) return;
    receiver->handed = false;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(receiver->hot_sleeps, memory_order_relaxed)) uring_wake(receiver->hot_ring);
}

/* What was kept while the ring was full; true: nothing is any more. The hot thread may have emptied it and slept
 * since. */
static bool flush(struct receiver *receiver) {
    uint32_t kept_count = receiver->quotes.queue_count;
    bool all = handover_flush(&receiver->quotes);
    receiver->handed |= receiver->quotes.queue_count != kept_count;
    wake_hot(receiver);
    return all;
}

static void turn(struct receiver *receiver, const struct uring_event *events, int count) {
    for (int i = 0; i < count; i++) {
        uint32_t own = events[i].connection;
        if (events[i].kind == URING_WOKEN || !receiver->connection[own].used) continue;
        if (events[i].kind == URING_RECEIVED)
            receiver_read(receiver, own, &events[i]);
        else
            receiver_end(receiver, own,
                         events[i].result == 0 ? "closed by the venue" : strerror(-events[i].result));
    }
    take_tasks(receiver);
    tell_ended(receiver);
    hand_over_dead(receiver);
}

static void note_turn(struct receiver *receiver, int64_t took_ns) {
    struct receiver_stalls *stalls = &receiver->stalls;
    stages_turn(&receiver->stages, took_ns);
    if (took_ns <= (int64_t)receiver->engine->settings.stall_us * 1000) return;
    __atomic_store_n(&stalls->count, stalls->count + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&stalls->total_ns, stalls->total_ns + (uint64_t)took_ns, __ATOMIC_RELAXED);
}

static void loop(struct receiver *receiver) {
    struct uring_event events[RECEIVER_EVENTS];
    bool spin = receiver->engine->settings.busy_poll;
    while (!atomic_load_explicit(&receiver->stop, memory_order_relaxed)) {
        bool waiting = !flush(receiver) || receiver->ended_count > 0;
        int64_t timeout_ns = spin ? 0 : waiting ? RECEIVER_RETRY_NS : RECEIVER_WAIT_NS;
        int count = uring_poll(receiver->ring, timeout_ns, events, RECEIVER_EVENTS);
        int64_t began_ns = uring_looked_ns(receiver->ring);
        turn(receiver, events, count);
        wake_hot(receiver);
        if (count > 0) note_turn(receiver, clock_mono_ns() - began_ns);
    }
}

static void *receiver_main(void *argument) {
    struct receiver *receiver = argument;
    char name[16];
    snprintf(name, sizeof name, "receive-%u", receiver->index);
    pthread_setname_np(pthread_self(), name);
    scheduling_pin(receiver->cpu, "threads.receive_cpus");
    receiver->ring = uring_create(receiver->connection_max, HOT_RECEIVE_SIZE, &receiver->trail);
    if (receiver->ring != NULL && tls_memory_pool(&receiver->trail) == 0)
        receiver->wires = wires_create(receiver->ring, receiver->connection_max);
    if (receiver->wires == NULL) {
        if (receiver->trail.code == 0) error_set(&receiver->trail, ERROR_SYSTEM, "no memory for connections");
        atomic_store(&receiver->state, RECEIVER_FAILED);
        return NULL;
    }
    atomic_store(&receiver->state, RECEIVER_RUNNING);
    loop(receiver);
    return NULL;
}

int receiver_start(struct receiver *receiver, struct uring *hot_ring, _Atomic bool *hot_sleeps,
                   struct error_trail *trail) {
    receiver->hot_ring = hot_ring;
    receiver->hot_sleeps = hot_sleeps;
    int code = pthread_create(&receiver->thread, NULL, receiver_main, receiver);
    if (code != 0) return error_set(trail, ERROR_SYSTEM, "cannot start a receiving thread: %s", strerror(code));
    receiver->started = true;
    while (atomic_load(&receiver->state) == RECEIVER_STARTING)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    if (atomic_load(&receiver->state) == RECEIVER_RUNNING) return 0;
    *trail = receiver->trail;
    return error_append(trail, receiver->trail.code, "receiving thread %u", receiver->index);
}

void receiver_stop(struct receiver *receiver) {
    if (!receiver->started) return;
    atomic_store(&receiver->stop, true);
    if (atomic_load(&receiver->state) == RECEIVER_RUNNING) uring_wake(receiver->ring);
    pthread_join(receiver->thread, NULL);
    receiver->started = false;
}
