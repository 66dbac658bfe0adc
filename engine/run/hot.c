/* The hot thread's loop and its messages from the control thread. */
#include "hot.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "../net/tls_memory.h"
#include "receivers.h"
#include "scheduling.h"

#define HOT_EVENTS        64
#define HOT_HOUSE_NS      20000000
#define HOT_UNRESOLVED_NS 100000000
#define HOT_STOP_NS       5000000000
#define HOT_CLOCK_NS      1000000
#define HOT_AHEAD_NS      1000000000
#define HOT_GAP_NS        20000000 /* the host is watched for so long before anything else is done */

/* Written to, so that no page fault comes later. */
static int allocate_fragments(struct hot *hot) {
    for (uint32_t i = 0; i < HOT_FRAGMENTS; i++) {
        uint8_t *buffer = malloc(WS_MESSAGE_SIZE_MAX + VENUE_SLACK_SIZE);
        if (buffer == NULL) return ERROR_SYSTEM;
        memset(buffer, 0, WS_MESSAGE_SIZE_MAX + VENUE_SLACK_SIZE);
        hot->fragments[hot->fragments_free++] = buffer;
    }
    return 0;
}

static int64_t stamp(void) {
    return clock_mono_ns();
}

struct hot *hot_create(struct engine *engine, struct error_trail *trail) {
    struct hot *hot = aligned_alloc(64, (sizeof *hot + 63) & ~(size_t)63);
    if (hot == NULL) {
        error_set(trail, ERROR_SYSTEM, "no memory for the hot thread");
        return NULL;
    }
    memset(hot, 0, sizeof *hot);
    hot->engine = engine;
    hot->core = engine->core;
    hot->answer_timeout_ns = engine->settings.limits.answer_timeout_ns;
    if (allocate_fragments(hot) != 0) {
        error_set(trail, ERROR_SYSTEM, "no memory for the hot thread");
        hot_destroy(hot);
        return NULL;
    }
    hot->stages.out = engine->segment->stage;
    core_stamp_set(hot->core, stamp);
    hot->status.tsc_khz = clock_tsc_khz();
    hot->mask_seed = (uint32_t)(engine->started_ns ^ (int64_t)getpid()) | 1u;
    hot->status.trading_state = ABI_STATE_STARTING;
    hot->status.state_version = 1;
    hot->status.kill_to_silence_ns = -1;
    hot->status.recording = engine->settings.record_quotes;
    hot->status.state_since_wall_ns = engine->started_ns + engine->wall_offset_ns;
    memcpy(hot->status.config_hash, engine->strategies.hash, sizeof hot->status.config_hash);
    memcpy(hot->status.engine_config_hash, engine->settings.hash, sizeof hot->status.engine_config_hash);
    snprintf(hot->status.state_reason, sizeof hot->status.state_reason, "connecting to the venues");
    atomic_store(&engine->state_version, 1);
    atomic_store(&engine->trading_state, ABI_STATE_STARTING);
    hot->connection_max = HOT_SPARE_CONNECTIONS;
    for (uint32_t v = 0; v < engine->setup.venue_count; v++) {
        hot->connection_max += gateway_init(hot, v);
        hot->book_changed[v] = hot->balances_changed[v] = UINT64_MAX; /* all pages once */
    }
    if (hot->connection_max <= URING_CONNECTION_MAX) return hot;
    error_set(trail, ERROR_RANGE,
              "symbols and order_connections of all venues need %u connections at once: at most %d",
              hot->connection_max, URING_CONNECTION_MAX);
    hot_destroy(hot);
    return NULL;
}

int hot_open(struct hot *hot, struct error_trail *trail) {
    int code = tls_memory_pool(trail);
    if (code != 0) return code;
    hot->ring = uring_create(hot->connection_max, HOT_RECEIVE_SIZE, trail);
    if (hot->ring == NULL) return trail->code;
    hot->wires = wires_create(hot->ring, hot->connection_max);
    if (hot->wires == NULL) return error_set(trail, ERROR_SYSTEM, "no memory for connections");
    return receivers_start(hot, trail);
}

void hot_destroy(struct hot *hot) {
    receivers_stop(hot); /* they wake the ring below */
    wires_destroy(hot->wires);
    if (hot->ring != NULL) uring_destroy(hot->ring);
    for (uint32_t n = 0; n < URING_CONNECTION_MAX; n++) /* those lent out */
        free(hot->connection[n].ws.fragments);
    while (hot->fragments_free > 0)
        free(hot->fragments[--hot->fragments_free]);
    free(hot);
}

/* ---- messages from the control thread ---- */

static void input(struct hot *hot, struct journal_record *record) {
    void *payload = record->payload;
    switch (record->type) {
    case JOURNAL_REPORT:
        apply_report(hot, payload);
        break;
    case JOURNAL_FILL:
        apply_fill(hot, payload);
        break;
    case JOURNAL_BALANCE:
        apply_balance(hot, payload);
        break;
    case JOURNAL_STATE: {
        const struct journal_state *state = payload;
        int64_t before = clock_mono_ns();
        apply_state(hot, state);
        if (state->what == JOURNAL_STATE_KILL && state->new_value == 1) {
            hot->status.killed_wall_ns = hot->now + hot->engine->wall_offset_ns;
            /* record->time_ns: when the command was read; from here on the core emits no order. */
            hot->status.kill_to_silence_ns = clock_mono_ns() - (record->time_ns != 0 ? record->time_ns : before);
        }
        break;
    }
    case JOURNAL_CONFIG: {
        const struct journal_config *config = payload;
        apply_fact(hot, JOURNAL_CONFIG, payload, sizeof *config);
        memcpy(hot->status.config_hash, config->hash, sizeof hot->status.config_hash);
        hot->status.config_version = config->config_version;
        hot->status.state_version++;
        atomic_store(&hot->engine->state_version, hot->status.state_version);
        break;
    }
    case JOURNAL_COMMAND: {
        const struct journal_command *command = payload;
        apply_fact(hot, JOURNAL_COMMAND, payload, sizeof *command);
        hot->counters.value[ABI_COUNTER_COMMANDS]++;
        if (command->status == COMMAND_REFUSED) hot->counters.value[ABI_COUNTER_COMMANDS_REFUSED]++;
        break;
    }
    case JOURNAL_ALARM:
        apply_fact(hot, JOURNAL_ALARM, payload, sizeof(struct journal_alarm));
        break;
    default:
        log_write(LOG_ERROR, "control sent a record of type %u", record->type);
        break;
    }
}

static void ack_alarm(struct hot *hot, uint64_t id) {
    for (uint32_t i = 0; i < ABI_ALARM_MAX; i++)
        if (hot->alarms.item[i].id == id && hot->alarms.item[i].acked_wall_ns == 0)
            hot->alarms.item[i].acked_wall_ns = clock_wall_ns();
    hot->dirty = true;
}

static void set_state(struct hot *hot, enum journal_state_what what, uint32_t index, uint32_t value,
                      const char *reason) {
    struct journal_state state;
    memset(&state, 0, sizeof state);
    state.what = (uint32_t)what;
    state.index = index;
    state.new_value = value;
    snprintf(state.actor, sizeof state.actor, "engine");
    text_copy(state.reason, sizeof state.reason, reason);
    apply_state(hot, &state);
}

/* What is open is finished; hedges still leave. */
static void stop_trading(struct hot *hot) {
    uint32_t state = hot->status.trading_state;
    if (state == ABI_STATE_ACTIVE || state == ABI_STATE_REDUCING)
        set_state(hot, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED, ENGINE_STOP_REASON);
}

/* In force from the first moment, so that what a person says while the engine still starts comes after it. */
static void set_start_states(struct hot *hot) {
    const struct engine *engine = hot->engine;
    if (engine->kill_latched || core_trading_state(hot->core) == ABI_STATE_KILLED)
        set_state(hot, JOURNAL_STATE_KILL, 0, 1, "the kill switch is latched since an earlier run");
    for (uint32_t i = 0; i < engine->setup.strategy_count; i++)
        set_state(hot, JOURNAL_STATE_STRATEGY, i, engine->strategy_start[i], "start");
}

static void take(struct hot *hot, struct to_hot *message) {
    struct gateway *gateway = &hot->gateway[message->venue < ABI_VENUE_MAX ? message->venue : 0];
    switch (message->kind) {
    case TO_HOT_CONNECTION:
        gateway_add(hot, message);
        break;
    case TO_HOT_INPUT:
        input(hot, &message->record);
        break;
    case TO_HOT_PARAMS:
        apply_params(hot, message->index, &message->params);
        break;
    case TO_HOT_LIMITS:
        apply_limits(hot, &message->limits);
        break;
    case TO_HOT_ACK_ALARM:
        ack_alarm(hot, (uint64_t)message->number);
        break;
    case TO_HOT_CLOCK:
        gateway->clock_offset_ns = message->number;
        gateway->view.clock_offset_ns = message->number;
        gateway->view.clock_rtt_ns = message->number2;
        break;
    case TO_HOT_RATE:
        gateway->view.rate_used = (uint64_t)message->number;
        break;
    case TO_HOT_READY:
        /* A person who paused or killed meanwhile is not overruled. */
        if (hot->status.trading_state == ABI_STATE_STARTING) input(hot, &message->record);
        hot->status.recovery_ns = clock_mono_ns() - hot->engine->started_ns;
        atomic_store(&hot->engine->recovery_done, true);
        break;
    case TO_HOT_VENUE_OFF:
        gateway_off(hot, message->venue, message->number != 0,
                    (const struct journal_state *)message->record.payload);
        break;
    case TO_HOT_STOP:
        stop_trading(hot);
        hot->stop_deadline_ns = clock_mono_ns() + HOT_STOP_NS;
        break;
    case TO_HOT_ALONE:
        gateway_leave_alone(hot, message->venue, message->number, message->text);
        break;
    case TO_HOT_TEXT:
        text_copy(gateway->connect_error, sizeof gateway->connect_error, message->text);
        break;
    }
    hot->dirty = true;
}

static void drain(struct hot *hot) {
    struct to_hot message;
    for (uint32_t lane = 0; lane < ENGINE_LANES; lane++)
        for (uint32_t i = 0; i < 256 && spsc_pop(hot->engine->to_hot[lane], &message); i++) {
            take(hot, &message);
            if (message.ticket == 0) continue;
            publish_all(hot); /* who waits for the ticket then reads what it did */
            atomic_store_explicit(&hot->engine->ticket_applied[lane], message.ticket, memory_order_release);
        }
}

/* ---- the loop ---- */

static void push_unresolved(struct hot *hot) {
    uint64_t id[64];
    /* The other half stays free for lost connections: one that is not told would never be opened again. */
    if (spsc_count(hot->engine->to_courier) > ENGINE_TO_COURIER_ITEMS / 2) return;
    uint32_t count = core_unresolved(hot->core, id, 64);
    for (uint32_t i = 0; i < count && i < 64; i++) {
        const struct abi_order *order = core_order(hot->core, id[i]);
        if (order == NULL) continue;
        struct to_courier message = {.kind = TO_COURIER_UNRESOLVED,
                                     .venue = order->venue,
                                     .symbol = order->symbol,
                                     .leg = order->leg,
                                     .pair_id = order->pair_id,
                                     .order_id = order->id,
                                     .sent_wall_ns = order->sent_wall_ns};
        memcpy(message.client_id, order->client_id, sizeof message.client_id);
        memcpy(message.venue_order_id, order->venue_id, sizeof message.venue_order_id);
        /* Full: the next round, 100 ms later, tries again. */
        if (spsc_push(hot->engine->to_courier, &message) != 0) hot->counters.value[ABI_COUNTER_QUEUE_FULL]++;
    }
    hot->unresolved_changed = count != 0;
}

static void journal_health(struct hot *hot) {
    bool sick =
        journal_free(hot->engine->tail) < HOT_JOURNAL_RESERVE * 2 || atomic_load(&hot->engine->journal_sick);
    if (sick == hot->journal_told_sick) return;
    hot->journal_told_sick = sick;
    struct journal_state state;
    memset(&state, 0, sizeof state);
    state.what = JOURNAL_STATE_JOURNAL;
    state.old_value = sick;
    state.new_value = !sick;
    snprintf(state.actor, sizeof state.actor, "engine");
    text_copy(state.reason, sizeof state.reason,
              sick ? "the journal cannot be written to disk" : "the journal is written again");
    apply_state(hot, &state);
    if (sick)
        apply_alarm(hot, ABI_ALARM_CRITICAL, "JOURNAL", "the journal cannot be written to disk: no new arbitrage");
}

/* Destroying takes memory and time that this thread does not have. */
static void hand_over_dead(struct hot *hot) {
    while (spsc_count(hot->engine->to_courier) < ENGINE_TO_COURIER_ITEMS / 2) {
        struct to_courier message = {.kind = TO_COURIER_TLS, .tls = wire_take_dead(hot->wires)};
        if (message.tls == NULL) return;
        (void)spsc_push(hot->engine->to_courier, &message); /* there is room, and nobody else pushes */
    }
}

/* The counter behind our clock against the kernel's. */
static void check_clock(struct hot *hot, int64_t now) {
    int64_t by_ns = 0;
    hot->next_clock_ns = now + HOT_CLOCK_NS;
    if (clock_check(&by_ns)) return;
    hot->status.tsc_khz = 0;
    apply_alarm(hot, ABI_ALARM_ATTENTION, "CLOCK",
                "the processor's time stamp counter was off by %lld us: the kernel's clock is used from now on",
                (long long)(by_ns / 1000));
}

/* A counter that jumped ahead (a virtual machine that was moved) took the core's time along before it was given up.
 * That time cannot go back: until the kernel's comes to it, no answer would be missed, no hedge tried again and each
 * quote too old. */
static bool is_far_ahead(const struct hot *hot, int64_t now) {
    return hot->now - now > HOT_AHEAD_NS;
}

bool hot_timers(struct hot *hot, int64_t now) {
    bool worked = false;
    if (now > hot->now) hot->now = now;
    hot->clock_jumped |= is_far_ahead(hot, now);
    if (now >= hot->next_clock_ns) check_clock(hot, now);
    if (now >= core_next_timer(hot->core)) {
        apply_timer(hot);
        worked = true;
    }
    if (now >= hot->next_mark_ns && journal_free(hot->engine->tail) > HOT_JOURNAL_RESERVE / 2) {
        apply_mark(hot);
        hot->next_mark_ns = now + HOT_MARK_NS;
        worked = true;
    }
    if (now >= hot->next_house_ns) {
        gateway_house(hot);
        journal_health(hot);
        hand_over_dead(hot);
        hot->next_house_ns = now + HOT_HOUSE_NS;
        worked = true;
    }
    if (hot->unresolved_changed && now >= hot->next_unresolved_ns) {
        push_unresolved(hot);
        hot->next_unresolved_ns = now + HOT_UNRESOLVED_NS;
        worked = true;
    }
    return worked;
}

/* What changed is shown soon, and that we are alive from time to time. */
static int64_t publish_due_ns(const struct hot *hot) {
    return hot->dirty ? hot->next_publish_ns - HOT_HEARTBEAT_NS + HOT_PUBLISH_NS : hot->next_publish_ns;
}

static bool publish(struct hot *hot, int64_t now) {
    if (now < publish_due_ns(hot)) return false;
    publish_all(hot);
    hot->next_publish_ns = now + HOT_HEARTBEAT_NS;
    return true;
}

static int64_t wait_ns(const struct hot *hot, int64_t now) {
    if (hot->engine->settings.busy_poll) return 0;
    int64_t next = hot->next_mark_ns;
    int64_t timer = core_next_timer(hot->core);
    if (timer < next) next = timer;
    if (hot->next_house_ns < next) next = hot->next_house_ns;
    int64_t due = publish_due_ns(hot);
    if (due < next) next = due;
    return next <= now ? 0
                       : next - now; /* a hedge to be retried at once is due at INT64_MIN: no difference of it */
}

static void receive(struct hot *hot, const struct uring_event *event) {
    stages_bytes(&hot->stages, event->recv_ns, event->since_ns);
    gateway_receive(hot, event->connection, event->recv_ns);
}

void hot_turn(struct hot *hot, const struct uring_event *events, int count) {
    for (int i = 0; i < count; i++) {
        /* One that was replaced, in this very turn too, is removed already. */
        if (events[i].kind == URING_WOKEN || !hot->connection[events[i].connection].used) continue;
        if (events[i].kind == URING_RECEIVED) {
            receive(hot, &events[i]);
        } else {
            wire_remove(hot->wires, events[i].connection);
            gateway_lost(hot, events[i].connection,
                         events[i].result == 0 ? "closed by the venue" : strerror(-events[i].result));
        }
    }
    drain(hot);
}

static bool may_stop(const struct hot *hot) {
    return hot->stop_deadline_ns != 0 && (core_open_pairs(hot->core) == 0 || hot->now >= hot->stop_deadline_ns);
}

static void stop_record(struct hot *hot) {
    struct journal_stop stop;
    memset(&stop, 0, sizeof stop);
    stop.clean = core_open_pairs(hot->core) == 0;
    text_copy(stop.reason, sizeof stop.reason, stop.clean ? "shutdown" : "shutdown with open pairs");
    apply_fact(hot, JOURNAL_STOP, &stop, sizeof stop);
    publish_all(hot);
}

/* A turn that found something to do, or took time without: what the host takes away shows here. */
static void note_turn(struct hot *hot, int count, bool worked, int64_t took) {
    if (count > 0) {
        stages_record(&hot->stages, ABI_STAGE_LOOP, took);
        stages_turn(&hot->stages, took);
    }
    if (!worked && hot->engine->settings.busy_poll && took > hot->status.host_gap_ns)
        hot->status.host_gap_ns = took;
    if (took > hot->status.loop_longest_ns) hot->status.loop_longest_ns = took;
    if (took <= (int64_t)hot->engine->settings.stall_us * 1000) return;
    hot->counters.value[ABI_COUNTER_LOOP_STALLS]++;
    hot->status.stall_total_ns += took;
}

static void loop(struct hot *hot) {
    struct uring_event events[HOT_EVENTS];
    int64_t now = clock_mono_ns();
    while (!may_stop(hot) && !hot->journal_full && !hot->clock_jumped) {
        int64_t timeout = wait_ns(hot, now);
        bool sleeps = timeout > 0; /* as it has told the receivers */
        if (sleeps && !receivers_may_sleep(hot)) timeout = 0;
        int count = uring_poll(hot->ring, timeout, events, HOT_EVENTS);
        if (sleeps) receivers_awake(hot);
        /* Spinning, nothing lies between the end of a turn and the next look: from there the turn is counted. */
        int64_t began = hot->engine->settings.busy_poll ? now : uring_looked_ns(hot->ring);
        hot_turn(hot, events, count);
        count += receivers_take(hot);
        now = clock_mono_ns();
        bool worked = hot_timers(hot, now);
        worked |= publish(hot, now);
        if (worked) now = clock_mono_ns();
        note_turn(hot, count, count > 0 || worked, now - began);
    }
}

void *hot_main(void *argument) {
    struct hot *hot = argument;
    struct engine *engine = hot->engine;
    struct error_trail trail = {0};
    pthread_setname_np(pthread_self(), "hot");
    log_hot_thread();
    if (hot_open(hot, &trail) != 0) {
        text_copy(engine->hot_failure, sizeof engine->hot_failure, trail.text);
        atomic_store(&engine->hot_failed, true);
        atomic_store(&engine->hot_done, true);
        return NULL;
    }
    /* Now that the receiving threads are started, which would have inherited both. */
    scheduling_pin(engine->settings.hot_cpu, "threads.hot_cpu");
    scheduling_fifo(engine->settings.fifo_priority);
    hot->status.host_gap_ns = scheduling_gap_ns(HOT_GAP_NS);
    hot->now = clock_mono_ns();
    hot->next_mark_ns = hot->now;
    hot->unresolved_changed = true;
    set_start_states(hot);
    publish_all(hot);
    atomic_store(&engine->ring, hot->ring); /* from here on readers find whole blocks */
    loop(hot);
    if (hot->journal_full) {
        text_copy(engine->hot_failure, sizeof engine->hot_failure,
                  "the journal cannot be written to disk and its tail is full: ended before anything happens that "
                  "nobody would know of; make room on the disk and start again, what was written is recovered");
        atomic_store(&engine->hot_failed, true);
    }
    if (hot->clock_jumped) {
        text_copy(
            engine->hot_failure, sizeof engine->hot_failure,
            "the clock jumped ahead and came back: ended, because what waits for its time would wait as long; "
            "the next start asks the venues for what is open");
        atomic_store(&engine->hot_failed, true);
    }
    stop_record(hot);
    atomic_store(&engine->hot_done, true);
    return NULL;
}
