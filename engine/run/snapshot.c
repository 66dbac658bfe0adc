/* The head of a generation in the journal, and the recovery of a dead one.
 *
 * A dead generation is rebuilt in a scratch core that has the new configuration's tables (the core matches the old
 * ones by name). Its snapshot goes into the new journal record by record, and the living core is built from those very
 * records: so a replay of the new journal alone builds the same one. */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"

void snapshot_record_start(struct journal_record *record, enum journal_type type) {
    memset(record, 0, sizeof *record);
    record->type = (uint16_t)type;
    record->version = 1;
}

static void table_strategy(struct core_setup *setup, const struct journal_strategy *from) {
    if (from->index >= ABI_STRATEGY_MAX) return;
    core_params_from_record(from, &setup->params[from->index]);
    text_copy(setup->strategy_name[from->index], sizeof setup->strategy_name[0], from->name);
    if (from->index >= setup->strategy_count) setup->strategy_count = from->index + 1;
}

static void table_start(struct core_setup *setup, const struct journal_start *start) {
    setup->generation = start->generation;
    setup->wall_offset_ns = start->wall_offset_ns;
    setup->mode = start->mode;
    setup->venue_count = start->venue_count;
    setup->symbol_count = start->symbol_count;
    setup->asset_count = start->asset_count;
}

bool snapshot_table(struct core_setup *setup, const struct journal_record *record) {
    const void *payload = record->payload;
    const struct journal_symbol *symbol = payload;
    const struct journal_venue *venue = payload;
    const struct journal_asset *asset = payload;
    const struct journal_fee *fee = payload;
    switch (record->type) {
    case JOURNAL_START:
        table_start(setup, payload);
        return true;
    case JOURNAL_SYMBOL:
        if (symbol->index < ABI_SYMBOL_MAX) setup->symbol[symbol->index] = *symbol;
        return true;
    case JOURNAL_VENUE:
        if (venue->index < ABI_VENUE_MAX) setup->venue[venue->index] = *venue;
        return true;
    case JOURNAL_ASSET:
        if (asset->index < ABI_ASSET_MAX) setup->asset[asset->index] = *asset;
        return true;
    case JOURNAL_FEE:
        if (fee->venue < ABI_VENUE_MAX && fee->symbol < ABI_SYMBOL_MAX)
            setup->taker_fee_ppm[fee->venue][fee->symbol] = fee->taker_fee_ppm;
        return true;
    case JOURNAL_LIMITS:
        (void)core_limits_from_record(payload, &setup->limits);
        return true;
    case JOURNAL_STRATEGY:
        table_strategy(setup, payload);
        return true;
    default:
        return false;
    }
}

/* ---- recovery ---- */

/* What a person decided outlives a crash: the last trading state and the strategies' states. */
static void note_state(struct engine *engine, const struct core_setup *old, const struct journal_state *state) {
    bool stopping = strcmp(state->reason, ENGINE_STOP_REASON) == 0; /* nobody's decision about the next run */
    if (state->what == JOURNAL_STATE_TRADING && state->new_value != ABI_STATE_STARTING && !stopping)
        engine->start_state = state->new_value;
    if (state->what != JOURNAL_STATE_STRATEGY || state->index >= old->strategy_count) return;
    for (uint32_t i = 0; i < engine->setup.strategy_count; i++)
        if (strcmp(engine->setup.strategy_name[i], old->strategy_name[state->index]) == 0)
            engine->strategy_start[i] = state->new_value;
}

static int recover_records(struct engine *engine, struct journal_reader *reader, struct core *scratch,
                           struct core_setup *old, bool *clean, struct error_trail *trail) {
    int64_t shift_ns = journal_reader_head(reader)->wall_offset_ns - engine->wall_offset_ns;
    struct journal_record record;
    int got;
    while ((got = journal_reader_next(reader, &record)) == 1) {
        (void)snapshot_table(old, &record);
        int code = core_restore(scratch, &record, shift_ns);
        if (code == ERROR_MISMATCH)
            return error_set(
                trail, code,
                "record %llu: engine.json drops a venue, symbol or asset, or changes the digits of one, on "
                "which the last run has money or orders; put it back, or move %s away to open new books",
                (unsigned long long)record.seq, engine->paths.journal_dir);
        if (code != 0)
            return error_set(trail, code, "record %llu: %s", (unsigned long long)record.seq, error_text(code));
        if (record.type == JOURNAL_STATE) note_state(engine, old, (const struct journal_state *)record.payload);
        *clean = record.type == JOURNAL_STOP && ((const struct journal_stop *)record.payload)->clean != 0;
    }
    return got < 0 ? error_set(trail, got, "the journal cannot be read") : 0;
}

int engine_recover(struct engine *engine, uint64_t generation, struct error_trail *trail) {
    struct journal_reader *reader = journal_reader_open(engine->paths.journal_dir, generation, trail);
    if (reader == NULL) return trail->code;
    struct core_setup *old = calloc(1, sizeof *old);
    engine->recovered = aligned_alloc(64, (core_size(&engine->setup) + 63) & ~(size_t)63);
    uint32_t start_state = engine->start_state, strategy_start[ABI_STRATEGY_MAX];
    memcpy(strategy_start, engine->strategy_start, sizeof strategy_start);
    bool clean = false;
    int code = old == NULL || engine->recovered == NULL ? error_set(trail, ERROR_SYSTEM, "no memory for recovery")
                                                        : core_init(engine->recovered, &engine->setup);
    if (code == 0) code = recover_records(engine, reader, engine->recovered, old, &clean, trail);
    if (clean) { /* a person ended it: the configuration says how the next run starts */
        engine->start_state = start_state;
        memcpy(engine->strategy_start, strategy_start, sizeof strategy_start);
    }
    journal_reader_close(reader);
    free(old);
    return code;
}

/* ---- writing the head ---- */

struct head {
    struct engine *engine;
    struct error_trail *trail;
    int failed;
};

static void append(struct head *head, const struct journal_record *from) {
    struct engine *engine = head->engine;
    struct journal_record record = *from;
    record.time_ns = engine->started_ns;
    /* Thousands of balances are more than the tail holds: nobody else copies it to disk yet. */
    if (journal_free(engine->tail) == 0 && journal_flush(engine->writer, false, head->trail) < 0 &&
        head->failed == 0)
        head->failed = head->trail->code;
    int code = journal_append(engine->tail, &record);
    if (code != 0 && head->failed == 0)
        head->failed = error_set(head->trail, code, "the snapshot does not fit the journal's tail");
}

static void append_payload(struct head *head, enum journal_type type, const void *payload, size_t size) {
    struct journal_record record;
    snapshot_record_start(&record, type);
    memcpy(record.payload, payload, size);
    append(head, &record);
}

static void append_tables(struct head *head) {
    const struct core_setup *setup = &head->engine->setup;
    for (uint32_t i = 0; i < setup->asset_count; i++)
        append_payload(head, JOURNAL_ASSET, &setup->asset[i], sizeof setup->asset[i]);
    for (uint32_t i = 0; i < setup->symbol_count; i++)
        append_payload(head, JOURNAL_SYMBOL, &setup->symbol[i], sizeof setup->symbol[i]);
    for (uint32_t v = 0; v < setup->venue_count; v++) {
        append_payload(head, JOURNAL_VENUE, &setup->venue[v], sizeof setup->venue[v]);
        for (uint32_t s = 0; s < setup->symbol_count; s++) {
            struct journal_fee fee = {setup->taker_fee_ppm[v][s], v, s};
            append_payload(head, JOURNAL_FEE, &fee, sizeof fee);
        }
    }
    for (uint32_t part = 0; part < CORE_LIMITS_RECORDS; part++) {
        struct journal_limits limits;
        core_limits_to_record(&setup->limits, part, &limits);
        append_payload(head, JOURNAL_LIMITS, &limits, sizeof limits);
    }
    for (uint32_t i = 0; i < setup->strategy_count; i++) {
        struct journal_strategy strategy;
        core_params_to_record(i, setup->strategy_name[i], &setup->params[i], &strategy);
        append_payload(head, JOURNAL_STRATEGY, &strategy, sizeof strategy);
    }
}

static void append_carried(void *context, const struct journal_record *record) {
    struct head *head = context;
    append(head, record);
    int code = core_restore(head->engine->core, record, 0);
    if (code != 0 && head->failed == 0) head->failed = error_set(head->trail, code, "a snapshot record is refused");
}

/* An account is opened once, however many starts it takes until its venue answers; a new venue or asset too. */
static void note_opened(struct engine *engine) {
    for (uint32_t v = 0; v < engine->setup.venue_count; v++)
        for (uint32_t a = 0; a < engine->setup.asset_count; a++)
            engine->opened[v][a] = core_account_opened(engine->core, v, a);
}

static void append_start(struct head *head, uint64_t previous) {
    const struct engine *engine = head->engine;
    const struct core_setup *setup = &engine->setup;
    struct journal_start start = {.generation = engine->generation,
                                  .abi_hash = shm_abi_hash,
                                  .wall_offset_ns = engine->wall_offset_ns,
                                  .previous_generation = previous,
                                  .mode = setup->mode,
                                  .pid = engine->segment->header.pid,
                                  .venue_count = setup->venue_count,
                                  .symbol_count = setup->symbol_count,
                                  .asset_count = setup->asset_count,
                                  .strategy_count = setup->strategy_count};
    memcpy(start.config_hash, engine->strategies.hash, sizeof start.config_hash);
    memcpy(start.engine_config_hash, engine->settings.hash, sizeof start.engine_config_hash);
    text_copy(start.instance, sizeof start.instance, engine->settings.instance);
    text_copy(start.version, sizeof start.version, ENGINE_VERSION);
    append_payload(head, JOURNAL_START, &start, sizeof start);
}

static void append_state(struct head *head, enum journal_state_what what, uint32_t index, uint32_t value) {
    struct journal_state state;
    memset(&state, 0, sizeof state);
    state.what = (uint32_t)what;
    state.index = index;
    state.new_value = value;
    text_copy(state.actor, sizeof state.actor, "engine");
    text_copy(state.reason, sizeof state.reason, "planned at start");
    append_payload(head, JOURNAL_STATE, &state, sizeof state);
}

/* What this run enters when it is ready: should it die before that, the next one still knows what a person decided. */
static void append_plan(struct head *head) {
    const struct engine *engine = head->engine;
    append_state(head, JOURNAL_STATE_TRADING, 0, engine->start_state);
    for (uint32_t i = 0; i < engine->setup.strategy_count; i++)
        append_state(head, JOURNAL_STATE_STRATEGY, i, engine->strategy_start[i]);
}

int engine_write_snapshot(struct engine *engine, uint64_t previous, struct error_trail *trail) {
    struct head head = {.engine = engine, .trail = trail};
    append_start(&head, previous);
    append_tables(&head);
    if (engine->recovered != NULL) {
        core_snapshot(engine->recovered, append_carried, &head);
        free(engine->recovered);
        engine->recovered = NULL;
    }
    append_plan(&head);
    note_opened(engine);
    append_payload(&head, JOURNAL_SNAPSHOT_END, "", 0);
    return head.failed;
}
