/* One input into the core: number it, journal it, call, journal what comes out, and only then act on it. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/text.h"
#include "hot.h"
#include "snapshot.h"

static int64_t next_now(struct hot *hot) {
    int64_t now = clock_mono_ns();
    if (now > hot->now) hot->now = now;
    return hot->now;
}

/* The disk can refuse for longer than the tail lasts. From then on nothing is acted upon, and the loop ends: no order
 * leaves unwritten, and the next start asks the venues for what was open. */
static void append(struct hot *hot, struct journal_record *record) {
    bool sampled = ++hot->counters.value[ABI_COUNTER_JOURNAL_RECORDS] % HOT_JOURNAL_SAMPLE == 0;
    int64_t before = sampled ? clock_mono_ns() : 0;
    if (hot->journal_full || journal_append(hot->engine->tail, record) != 0) {
        hot->counters.value[ABI_COUNTER_JOURNAL_RECORDS]--;
        hot->journal_full = true;
        return;
    }
    if (sampled) stages_record(&hot->stages, ABI_STAGE_JOURNAL, clock_mono_ns() - before);
}

/* While the disk refuses, the last of the tail is kept for orders, fills and what else the core must know. */
static bool has_room_for_facts(const struct hot *hot) {
    return journal_free(hot->engine->tail) > HOT_JOURNAL_RESERVE / 2;
}

static void append_payload(struct hot *hot, enum journal_type type, const void *payload, size_t size, uint64_t seq,
                           int64_t now) {
    struct journal_record record;
    memset(&record, 0, sizeof record);
    record.type = (uint16_t)type;
    record.version = 1;
    record.input_seq = seq;
    record.time_ns = now;
    assert(size <= JOURNAL_PAYLOAD_SIZE);
    memcpy(record.payload, payload, size);
    append(hot, &record);
}

static void raise(struct hot *hot, const struct journal_alarm *alarm) {
    struct abi_alarm *place = NULL;
    for (uint32_t i = 0; i < ABI_ALARM_MAX; i++) {
        struct abi_alarm *item = &hot->alarms.item[i];
        if (item->id != 0 && item->acked_wall_ns == 0 && strcmp(item->code, alarm->code) == 0 &&
            strcmp(item->text, alarm->text) == 0) {
            item->count++;
            hot->dirty = true;
            return;
        }
        /* Free places first, then the oldest acknowledged one, then the oldest. */
        if (place == NULL ||
            (place->id != 0 && (item->id == 0 || ((item->acked_wall_ns != 0) > (place->acked_wall_ns != 0)) ||
                                (((item->acked_wall_ns != 0) == (place->acked_wall_ns != 0)) &&
                                 item->raised_wall_ns < place->raised_wall_ns))))
            place = item;
    }
    memset(place, 0, sizeof *place);
    place->id = ++hot->alarm_id;
    place->raised_wall_ns = hot->now + hot->engine->wall_offset_ns;
    place->severity = alarm->severity;
    place->count = 1;
    memcpy(place->code, alarm->code, sizeof place->code);
    memcpy(place->text, alarm->text, sizeof place->text);
    hot->counters.value[ABI_COUNTER_ALARMS]++;
    hot->dirty = true;
    if (alarm->severity == ABI_ALARM_CRITICAL)
        text_copy(hot->last_critical, sizeof hot->last_critical, alarm->text);
    log_write(alarm->severity == ABI_ALARM_CRITICAL ? LOG_ERROR : LOG_WARNING, "alarm %s: %s", alarm->code,
              alarm->text);
}

static void state_word(struct hot *hot, const struct journal_state *state) {
    /* Versions count what people decide and see decided; venues coming and going would make every view stale. */
    if (state->what == JOURNAL_STATE_GATEWAY || state->what == JOURNAL_STATE_VENUE ||
        state->what == JOURNAL_STATE_JOURNAL)
        return;
    hot->status.state_version++;
    atomic_store(&hot->engine->state_version, hot->status.state_version);
    if (state->what != JOURNAL_STATE_TRADING && state->what != JOURNAL_STATE_KILL) return;
    hot->status.state_since_wall_ns = hot->now + hot->engine->wall_offset_ns;
    memcpy(hot->status.state_reason, state->reason, sizeof hot->status.state_reason);
    memcpy(hot->status.actor, state->actor, sizeof hot->status.actor);
}

/* A control inside the core halts without a STATE record of its own: it is written here as a fact (no input number), so
 * that the next start knows of it and a replay passes over it. */
static void note_halt(struct hot *hot, uint32_t old_state, uint32_t new_state) {
    struct journal_state state;
    memset(&state, 0, sizeof state);
    state.what = JOURNAL_STATE_TRADING;
    state.old_value = old_state;
    state.new_value = new_state;
    text_copy(state.actor, sizeof state.actor, "engine");
    text_copy(state.reason, sizeof state.reason, hot->last_critical[0] != '\0' ? hot->last_critical : "a control");
    append_payload(hot, JOURNAL_STATE, &state, sizeof state, 0, hot->now);
    state_word(hot, &state);
}

static void note_trading_state(struct hot *hot) {
    uint32_t state = (uint32_t)core_trading_state(hot->core);
    if (state == hot->status.trading_state) return;
    if (!hot->stating) note_halt(hot, hot->status.trading_state, state);
    hot->status.trading_state = state;
    atomic_store(&hot->engine->trading_state, state);
}

static void act(struct hot *hot, struct core_out *out, uint64_t seq, int64_t recv_ns) {
    if (out->count == 0 && out->opportunity_count == 0 && out->order_count == 0 && out->fill_count == 0 &&
        out->state_changed == 0)
        return;
    assert(out->overflow == 0);
    const struct journal_order *orders[CORE_OUT_MAX];
    uint32_t order_count = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        struct journal_record *record = &out->record[i];
        record->version = 1;
        record->input_seq = seq;
        record->time_ns = hot->now;
        append(hot, record);
        if (record->type == JOURNAL_ORDER) orders[order_count++] = (const struct journal_order *)record->payload;
        if (record->type == JOURNAL_ALARM) raise(hot, (const struct journal_alarm *)record->payload);
        if (record->type == JOURNAL_STATE) state_word(hot, (const struct journal_state *)record->payload);
    }
    if (hot->journal_full) return; /* not written: it does not happen */
    if (order_count != 0) send_orders(hot, orders, order_count, recv_ns);
    publish_cells(hot, out);
    if (out->state_changed) note_trading_state(hot);
    hot->unresolved_changed |= out->order_count != 0;
    hot->dirty = true;
}

static struct core_out *enter(struct hot *hot, uint64_t *seq) {
    assert(hot->depth < HOT_DEPTH);
    *seq = ++hot->input_seq;
    next_now(hot);
    return &hot->out[hot->depth++];
}

static void leave(struct hot *hot) {
    hot->depth--;
}

/* In two halves where the time between them is wanted; the result is the same. */
static void decide(struct hot *hot, const struct journal_quote *quote, struct core_out *out) {
    struct stages *stages = &hot->stages;
    if (!stages->stamping) {
        core_on_quote(hot->core, quote, hot->now, out);
    } else {
        bool changed = core_on_book(hot->core, quote, hot->now);
        stages_stamp(stages, STAMP_BOOKED);
        core_on_books(hot->core, quote->symbol, changed ? 1u << quote->venue : 0, hot->now, out);
    }
    if (out->detected_ns != 0) stages_stamp_at(stages, STAMP_DETECTED, out->detected_ns);
}

void apply_quote(struct hot *hot, const struct journal_quote *quote, int64_t recv_ns) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    stages_decoded(&hot->stages, hot->now);
    if (hot->engine->settings.record_quotes && journal_free(hot->engine->tail) > HOT_JOURNAL_RESERVE)
        append_payload(hot, JOURNAL_QUOTE, quote, sizeof *quote, seq, hot->now);
    decide(hot, quote, out);
    hot->book_changed[quote->venue] |= UINT64_C(1) << quote->symbol / ABI_BOOK_PAGE;
    stages_decided(&hot->stages, out->order_count != 0);
    act(hot, out, seq, recv_ns);
    hot->dirty = true;
    leave(hot);
}

void apply_report(struct hot *hot, const struct journal_report *report) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    append_payload(hot, JOURNAL_REPORT, report, sizeof *report, seq, hot->now);
    core_on_report(hot->core, report, hot->now, out);
    act(hot, out, seq, 0);
    leave(hot);
}

void apply_fill(struct hot *hot, struct journal_fill *fill) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    core_on_fill(hot->core, fill, hot->now, out);
    append_payload(hot, JOURNAL_FILL, fill, sizeof *fill, seq, hot->now);
    act(hot, out, seq, 0);
    leave(hot);
}

void apply_state(struct hot *hot, const struct journal_state *state) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    append_payload(hot, JOURNAL_STATE, state, sizeof *state, seq, hot->now);
    core_on_state(hot->core, state, hot->now, out);
    if (state->what == JOURNAL_STATE_VENUE)
        hot->book_changed[state->index] = UINT64_MAX; /* DOWN forgets its prices */
    state_word(hot, state);
    hot->stating = state->what == JOURNAL_STATE_TRADING || state->what == JOURNAL_STATE_KILL;
    act(hot, out, seq, 0);
    note_trading_state(hot);
    hot->stating = false;
    hot->dirty = true;
    leave(hot);
}

void apply_balance(struct hot *hot, const struct journal_balance *balance) {
    uint64_t seq;
    if (balance->reason == JOURNAL_BALANCE_VENUE && !has_room_for_facts(hot)) return; /* said again in 30 s */
    struct core_out *out = enter(hot, &seq);
    append_payload(hot, JOURNAL_BALANCE, balance, sizeof *balance, seq, hot->now);
    core_on_balance(hot->core, balance, hot->now, out);
    act(hot, out, seq, 0);
    hot->dirty = true;
    leave(hot);
}

static void new_version(struct hot *hot) {
    hot->status.state_version++;
    atomic_store(&hot->engine->state_version, hot->status.state_version);
}

void apply_params(struct hot *hot, uint32_t strategy, const struct core_params *params) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    struct journal_strategy record;
    core_params_to_record(strategy, hot->engine->setup.strategy_name[strategy], params, &record);
    append_payload(hot, JOURNAL_STRATEGY, &record, sizeof record, seq, hot->now);
    core_on_params(hot->core, strategy, params, hot->now, out);
    act(hot, out, seq, 0);
    new_version(hot);
    leave(hot);
}

/* The limits need several records: each is an input of its own, so that a replay applies them as they come. */
void apply_limits(struct hot *hot, const struct core_limits *limits) {
    for (uint32_t part = 0; part < CORE_LIMITS_RECORDS; part++) {
        uint64_t seq;
        struct core_out *out = enter(hot, &seq);
        struct journal_record record;
        snapshot_record_start(&record, JOURNAL_LIMITS);
        core_limits_to_record(limits, part, (struct journal_limits *)record.payload);
        append_payload(hot, JOURNAL_LIMITS, record.payload, sizeof(struct journal_limits), seq, hot->now);
        record.time_ns = hot->now;
        int code = core_apply(hot->core, &record, out);
        assert(code == 0);
        (void)code;
        act(hot, out, seq, 0);
        leave(hot);
    }
    hot->answer_timeout_ns = limits->answer_timeout_ns;
    new_version(hot);
}

void apply_mark(struct hot *hot) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    struct journal_mark mark;
    memset(&mark, 0, sizeof mark);
    mark.wall_ns = hot->now + hot->engine->wall_offset_ns;
    core_on_mark(hot->core, &mark, hot->now, out);
    append_payload(hot, JOURNAL_MARK, &mark, sizeof mark, seq, hot->now);
    act(hot, out, seq, 0);
    publish_pnl_sample(hot, &mark);
    hot->dirty = true;
    leave(hot);
}

void apply_timer(struct hot *hot) {
    uint64_t seq;
    struct core_out *out = enter(hot, &seq);
    append_payload(hot, JOURNAL_TIMER, "", 0, seq, hot->now);
    core_on_timer(hot->core, hot->now, out);
    act(hot, out, seq, 0);
    leave(hot);
}

void apply_fact(struct hot *hot, enum journal_type type, const void *payload, size_t size) {
    next_now(hot);
    if (has_room_for_facts(hot)) append_payload(hot, type, payload, size, 0, hot->now);
    if (type == JOURNAL_ALARM) raise(hot, payload);
    hot->dirty = true;
}

void apply_alarm(struct hot *hot, enum abi_alarm_severity severity, const char *code, const char *format, ...) {
    struct journal_alarm alarm;
    memset(&alarm, 0, sizeof alarm);
    alarm.severity = (uint32_t)severity;
    text_copy(alarm.code, sizeof alarm.code, code);
    va_list args;
    va_start(args, format);
    vsnprintf(alarm.text, sizeof alarm.text, format, args);
    va_end(args);
    apply_fact(hot, JOURNAL_ALARM, &alarm, sizeof alarm);
}
