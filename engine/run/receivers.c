#include "receivers.h"

#include <stdlib.h>
#include <string.h>

#include "../base/spsc.h"
#include "gateway.h"
#include "receiver.h"

#define QUOTES_A_TURN 256

/* What the hot thread knows of a connection that a receiver has, by the connection's number. */
struct remote {
    struct receiver *receiver; /* NULL: the connection is the hot thread's own */
    uint32_t generation;
};

struct receivers {
    uint32_t count;
    struct receiver *receiver[ABI_VENUE_MAX];
    struct remote remote[URING_CONNECTION_MAX];
    _Alignas(64) _Atomic bool hot_sleeps;
    struct receiver_task task;
    struct receiver_note note;
};

static struct receiver *receiver_of(const struct receivers *receivers, uint32_t venue) {
    return receivers->receiver[venue % receivers->count];
}

int receivers_start(struct hot *hot, struct error_trail *trail) {
    const struct settings_engine *settings = &hot->engine->settings;
    if (settings->layout != ABI_LAYOUT_RECEIVERS) return 0;
    struct receivers *receivers = aligned_alloc(64, (sizeof *receivers + 63) & ~(size_t)63);
    if (receivers == NULL) return error_set(trail, ERROR_SYSTEM, "no memory for the receiving threads");
    memset(receivers, 0, sizeof *receivers);
    hot->receivers = receivers;
    receivers->count = settings->receive_count > 0 ? settings->receive_count : settings->venue_count;
    for (uint32_t i = 0; i < receivers->count; i++) {
        int32_t cpu = settings->receive_count > 0 ? settings->receive_cpu[i] : -1;
        struct receiver *receiver = receiver_create(hot->engine, i, cpu, trail);
        if (receiver == NULL) return trail->code;
        receivers->receiver[i] = receiver;
        receiver->connection_max = hot->connection_max;
        for (uint32_t v = 0; v < settings->venue_count; v++)
            receiver->symbols[v] = &hot->gateway[v].symbols;
        int code = receiver_start(receiver, hot->ring, &receivers->hot_sleeps, trail);
        if (code != 0) return code;
    }
    return 0;
}

void receivers_stop(struct hot *hot) {
    struct receivers *receivers = hot->receivers;
    if (receivers == NULL) return;
    for (uint32_t i = 0; i < receivers->count; i++) {
        if (receivers->receiver[i] == NULL) continue;
        receiver_stop(receivers->receiver[i]);
        receiver_destroy(receivers->receiver[i]);
    }
    free(receivers);
    hot->receivers = NULL;
}

/* ---- connections ---- */

bool receivers_has(const struct hot *hot, uint32_t number) {
    return hot->receivers != NULL && hot->receivers->remote[number].receiver != NULL;
}

static int give(struct receiver *receiver, const struct receiver_task *task) {
    int code = spsc_push(receiver->tasks, task);
    uring_wake(receiver->ring);
    return code;
}

static int lay_rest(struct receiver *receiver, const uint8_t *bytes, uint32_t size, uint32_t *rest) {
    *rest = RECEIVER_RESTS;
    if (size == 0) return 0;
    for (uint32_t i = 0; i < RECEIVER_RESTS; i++) {
        if (atomic_load(&receiver->rest[i].busy)) continue;
        memcpy(receiver->rest[i].bytes, bytes, size);
        receiver->rest[i].size = size;
        atomic_store(&receiver->rest[i].busy, true);
        *rest = i;
        return 0;
    }
    return ERROR_FULL;
}

int receivers_add(struct hot *hot, const struct to_hot *message) {
    struct receivers *receivers = hot->receivers;
    struct receiver *receiver = receiver_of(receivers, message->venue);
    struct receiver_task *task = &receivers->task;
    int number = uring_reserve(hot->ring);
    if (number < 0) return number;
    struct remote *remote = &receivers->remote[number];
    *task = (struct receiver_task){.kind = RECEIVER_ADD,
                                   .number = (uint32_t)number,
                                   .generation = (remote->generation + 1) & 255u,
                                   .venue = message->venue,
                                   .fd = message->fd,
                                   .tls = message->tls,
                                   .rest_plain_size = message->rest_plain_size};
    int code = lay_rest(receiver, message->rest, message->rest_size, &task->rest);
    if (code == 0) code = give(receiver, task);
    if (code != 0) {
        if (task->rest < RECEIVER_RESTS) atomic_store(&receiver->rest[task->rest].busy, false);
        uring_release(hot->ring, (uint32_t)number);
        return code;
    }
    remote->receiver = receiver;
    remote->generation = task->generation;
    return number;
}

int receivers_send(struct hot *hot, uint32_t number, const uint8_t *bytes, size_t size) {
    struct remote *remote = &hot->receivers->remote[number];
    struct receiver_task *task = &hot->receivers->task;
    if (size > sizeof task->bytes) return ERROR_FULL;
    task->kind = RECEIVER_SEND;
    task->number = number;
    task->generation = remote->generation;
    task->size = (uint32_t)size;
    memcpy(task->bytes, bytes, size);
    return give(remote->receiver, task);
}

static void forget(struct hot *hot, uint32_t number) {
    hot->receivers->remote[number].receiver = NULL;
    uring_release(hot->ring, number);
}

void receivers_remove(struct hot *hot, uint32_t number) {
    struct remote *remote = &hot->receivers->remote[number];
    struct receiver_task *task = &hot->receivers->task;
    task->kind = RECEIVER_REMOVE;
    task->number = number;
    task->generation = remote->generation;
    /* Without room the socket stays open until the venue closes it; what comes on it has an old generation. */
    if (give(remote->receiver, task) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
    forget(hot, number);
}

/* ---- quotes and notes ---- */

static void take_quote(struct hot *hot, const struct receiver *receiver, const struct handover_quote *from) {
    const struct remote *remote = &hot->receivers->remote[from->connection];
    const struct hot_connection *connection = &hot->connection[from->connection];
    if (remote->receiver != receiver || remote->generation != from->generation || !connection->used) return;
    struct stages *stages = &hot->stages;
    int64_t waited_ns = (int64_t)(from->waited * HANDOVER_WAITED_UNIT);
    stages_bytes(stages, from->recv_ns, from->recv_ns - waited_ns);
    stages_handed(stages);
    if (stages->sampled && from->handed < HANDOVER_HANDED_MOST) {
        int64_t handed_ns = from->recv_ns + (int64_t)(from->handed * HANDOVER_HANDED_UNIT);
        stages_record(stages, ABI_STAGE_HOP, clock_mono_ns() - handed_ns);
    }
    struct journal_quote quote = {.recv_ns = from->recv_ns,
                                  .venue_seq = from->venue_seq,
                                  .symbol = (uint32_t)from->symbol,
                                  .venue = connection->venue,
                                  .bid_price = from->bid_price,
                                  .bid_qty = from->bid_qty,
                                  .ask_price = from->ask_price,
                                  .ask_qty = from->ask_qty};
    gateway_quote(hot, (uint32_t)from->connection, &quote);
}

static void take_note(struct hot *hot, const struct receiver *receiver, const struct receiver_note *note) {
    if (note->kind == RECEIVER_TLS) {
        struct to_courier message = {.kind = TO_COURIER_TLS, .tls = note->tls};
        if (spsc_push(hot->engine->to_courier, &message) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
        return;
    }
    const struct remote *remote = &hot->receivers->remote[note->number];
    if (remote->receiver != receiver || remote->generation != note->generation) return;
    if (note->kind == RECEIVER_CLOSED) {
        receivers_look(hot);
        forget(hot, note->number);
        gateway_lost(hot, note->number, (const char *)note->bytes);
    } else if (hot->connection[note->number].used) {
        gateway_message(hot, note->number, note->bytes, note->size, note->binary, 0, note->recv_ns);
    }
}

bool receivers_take(struct hot *hot) {
    struct receivers *receivers = hot->receivers;
    bool any = false;
    for (uint32_t i = 0; receivers != NULL && i < receivers->count; i++) {
        struct receiver *receiver = receivers->receiver[i];
        struct handover_quote quote;
        for (int n = 0; n < QUOTES_A_TURN && handover_pop(&receiver->quotes, &quote); n++, any = true)
            take_quote(hot, receiver, &quote);
        for (uint32_t n = 0; n < RECEIVER_NOTES && spsc_pop(receiver->notes, &receivers->note); n++, any = true)
            take_note(hot, receiver, &receivers->note);
    }
    return any;
}

/* See wake_hot in receiver.c. */
bool receivers_may_sleep(struct hot *hot) {
    struct receivers *receivers = hot->receivers;
    if (receivers == NULL) return true;
    atomic_store_explicit(&receivers->hot_sleeps, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < receivers->count; i++)
        if (!handover_is_empty(&receivers->receiver[i]->quotes) || !spsc_is_empty(receivers->receiver[i]->notes))
            return false;
    return true;
}

void receivers_awake(struct hot *hot) {
    if (hot->receivers != NULL) atomic_store_explicit(&hot->receivers->hot_sleeps, false, memory_order_relaxed);
}

/* ---- figures ---- */

static uint64_t since_seen(const uint64_t *now, uint64_t *seen) {
    uint64_t value = __atomic_load_n(now, __ATOMIC_RELAXED), more = value - *seen;
    *seen = value;
    return more;
}

static void look_at(struct hot *hot, uint32_t number) {
    const struct remote *remote = &hot->receivers->remote[number];
    const struct receiver_life *life = &remote->receiver->life[number];
    struct receiver_life *seen = &remote->receiver->seen[number];
    struct abi_venue *view = &hot->gateway[hot->connection[number].venue].view;
    uint64_t bytes = since_seen(&life->bytes, &seen->bytes);
    uint64_t messages = since_seen(&life->messages, &seen->messages);
    uint64_t rejected = since_seen(&life->rejected, &seen->rejected);
    view->bytes_in += bytes;
    view->messages += messages;
    view->rejected += rejected;
    hot->counters.value[ABI_COUNTER_BYTES_IN] += bytes;
    hot->counters.value[ABI_COUNTER_MESSAGES] += messages;
    hot->counters.value[ABI_COUNTER_REJECTED] += rejected;
    hot->counters.value[ABI_COUNTER_IGNORED] += since_seen(&life->ignored, &seen->ignored);
    int64_t frame_ns = __atomic_load_n(&life->frame_ns, __ATOMIC_RELAXED);
    if (frame_ns > hot->connection[number].frame_ns) hot->connection[number].frame_ns = frame_ns;
    if (frame_ns > view->frame_mono_ns) view->frame_mono_ns = frame_ns;
}

void receivers_look(struct hot *hot) {
    struct receivers *receivers = hot->receivers;
    if (receivers == NULL) return;
    for (uint32_t number = 0; number < URING_CONNECTION_MAX; number++)
        if (receivers->remote[number].receiver != NULL && hot->connection[number].used) look_at(hot, number);
    uint64_t replaced = 0;
    for (uint32_t i = 0; i < receivers->count; i++) {
        struct receiver *receiver = receivers->receiver[i];
        replaced += __atomic_load_n(&receiver->quotes.replaced_count, __ATOMIC_RELAXED);
        hot->counters.value[ABI_COUNTER_LOOP_STALLS] +=
            since_seen(&receiver->stalls.count, &receiver->stalls_seen.count);
        hot->status.stall_total_ns +=
            (int64_t)since_seen(&receiver->stalls.total_ns, &receiver->stalls_seen.total_ns);
    }
    hot->status.quote_handover_full = replaced;
}
