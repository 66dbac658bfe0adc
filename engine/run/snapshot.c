/* The head of a generation in the journal, and the recovery of a dead one.
 *
 * A dead generation is rebuilt in a core of its own, with the tables its journal holds, so a changed configuration
 * cannot misread it. What must live on (balances, the books' base, open orders, trades seen) is carried over by
 * name into the tables of the new generation. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "snapshot.h"

_Static_assert(CORE_LIMITS_EXTRA == 10, "flatten and restore below name ten extras");
_Static_assert(CORE_PARAM_COUNT <= 20, "journal_strategy.param holds twenty");

void snapshot_limits_flatten(const struct core_limits *limits, int64_t value[SNAPSHOT_LIMIT_VALUES]) {
    memcpy(value, limits->limit, sizeof limits->limit);
    int64_t *extra = value + ABI_REFUSAL_MAX;
    extra[0] = limits->repetition_window_ns;
    extra[1] = limits->order_rate_window_ns;
    extra[2] = limits->balance_buffer_ppm;
    extra[3] = limits->answer_timeout_ns;
    for (int i = 0; i < 3; i++)
        extra[4 + i] = limits->hedge_slip_bps_e4[i];
    extra[7] = limits->hedge_attempts;
    extra[8] = limits->hedge_retry_ns;
    extra[9] = limits->reference_window_ns;
}

void snapshot_limits_restore(struct core_limits *limits, const int64_t value[SNAPSHOT_LIMIT_VALUES]) {
    memcpy(limits->limit, value, sizeof limits->limit);
    const int64_t *extra = value + ABI_REFUSAL_MAX;
    limits->repetition_window_ns = extra[0];
    limits->order_rate_window_ns = extra[1];
    limits->balance_buffer_ppm = extra[2];
    limits->answer_timeout_ns = extra[3];
    for (int i = 0; i < 3; i++)
        limits->hedge_slip_bps_e4[i] = extra[4 + i];
    limits->hedge_attempts = extra[7];
    limits->hedge_retry_ns = extra[8];
    limits->reference_window_ns = extra[9];
}

static void record_start(struct journal_record *record, enum journal_type type) {
    memset(record, 0, sizeof *record);
    record->type = (uint16_t)type;
    record->version = 1;
}

void snapshot_limits_records(const struct core_limits *limits,
                             void (*emit)(void *context, const struct journal_record *record), void *context) {
    int64_t value[SNAPSHOT_LIMIT_VALUES];
    snapshot_limits_flatten(limits, value);
    for (uint32_t first = 0; first < SNAPSHOT_LIMIT_VALUES; first += JOURNAL_PARAM_MAX) {
        struct journal_record record;
        record_start(&record, JOURNAL_LIMITS);
        struct journal_limits *payload = (struct journal_limits *)record.payload;
        uint32_t left = SNAPSHOT_LIMIT_VALUES - first;
        payload->first = first;
        payload->count = left < JOURNAL_PARAM_MAX ? left : JOURNAL_PARAM_MAX;
        memcpy(payload->limit, value + first, payload->count * sizeof value[0]);
        emit(context, &record);
    }
}

void snapshot_strategy_record(uint32_t index, const char *name, const struct core_params *params,
                              struct journal_record *record) {
    record_start(record, JOURNAL_STRATEGY);
    struct journal_strategy *payload = (struct journal_strategy *)record->payload;
    memcpy(payload->param, params->value, sizeof params->value);
    payload->index = index;
    payload->symbol_mask = params->symbol_mask;
    text_copy(payload->name, sizeof payload->name, name);
}

static void table_strategy(struct core_setup *setup, const struct journal_strategy *from) {
    if (from->index >= ABI_STRATEGY_MAX) return;
    struct core_params *params = &setup->params[from->index];
    memcpy(params->value, from->param, sizeof params->value);
    params->symbol_mask = from->symbol_mask;
    memcpy(setup->strategy_name[from->index], from->name, sizeof from->name);
    if (from->index >= setup->strategy_count) setup->strategy_count = from->index + 1;
}

static void table_limits(struct core_setup *setup, const struct journal_limits *from) {
    int64_t value[SNAPSHOT_LIMIT_VALUES];
    snapshot_limits_flatten(&setup->limits, value);
    for (uint32_t i = 0; i < from->count && i < JOURNAL_PARAM_MAX && from->first + i < SNAPSHOT_LIMIT_VALUES; i++)
        value[from->first + i] = from->limit[i];
    snapshot_limits_restore(&setup->limits, value);
}

bool snapshot_table(struct core_setup *setup, const struct journal_record *record) {
    const void *payload = record->payload;
    switch (record->type) {
    case JOURNAL_START: {
        const struct journal_start *start = payload;
        setup->generation = start->generation;
        setup->wall_offset_ns = start->wall_offset_ns;
        setup->mode = start->mode;
        setup->venue_count = start->venue_count;
        setup->symbol_count = start->symbol_count;
        setup->asset_count = start->asset_count;
        return true;
    }
    case JOURNAL_SYMBOL: {
        const struct journal_symbol *symbol = payload;
        if (symbol->index < ABI_SYMBOL_MAX) setup->symbol[symbol->index] = *symbol;
        return true;
    }
    case JOURNAL_VENUE: {
        const struct journal_venue *venue = payload;
        if (venue->index < ABI_VENUE_MAX) setup->venue[venue->index] = *venue;
        return true;
    }
    case JOURNAL_ASSET: {
        const struct journal_asset *asset = payload;
        if (asset->index < ABI_ASSET_MAX) setup->asset[asset->index] = *asset;
        return true;
    }
    case JOURNAL_FEE: {
        const struct journal_fee *fee = payload;
        if (fee->venue < ABI_VENUE_MAX && fee->symbol < ABI_SYMBOL_MAX)
            setup->taker_fee_ppm[fee->venue][fee->symbol] = fee->taker_fee_ppm;
        return true;
    }
    case JOURNAL_LIMITS:
        table_limits(setup, payload);
        return true;
    case JOURNAL_STRATEGY:
        table_strategy(setup, payload);
        return true;
    default:
        return false;
    }
}

/* ---- writing the head ---- */

struct head {
    struct engine *engine;
    uint32_t venue[ABI_VENUE_MAX]; /* old index -> new, UINT32_MAX: gone */
    uint32_t symbol[ABI_SYMBOL_MAX];
    uint32_t asset[ABI_ASSET_MAX];
    struct error_trail *trail;
    int failed;
};

static void append(void *context, const struct journal_record *from) {
    struct head *head = context;
    struct journal_record record = *from;
    record.time_ns = head->engine->started_ns;
    int code = journal_append(head->engine->tail, &record);
    if (code != 0 && head->failed == 0)
        head->failed = error_set(head->trail, code, "the snapshot does not fit the journal's tail");
}

static void append_tables(struct head *head) {
    const struct core_setup *setup = &head->engine->setup;
    struct journal_record record;
    for (uint32_t i = 0; i < setup->asset_count; i++) {
        record_start(&record, JOURNAL_ASSET);
        memcpy(record.payload, &setup->asset[i], sizeof setup->asset[i]);
        append(head, &record);
    }
    for (uint32_t i = 0; i < setup->symbol_count; i++) {
        record_start(&record, JOURNAL_SYMBOL);
        memcpy(record.payload, &setup->symbol[i], sizeof setup->symbol[i]);
        append(head, &record);
    }
    for (uint32_t v = 0; v < setup->venue_count; v++) {
        record_start(&record, JOURNAL_VENUE);
        memcpy(record.payload, &setup->venue[v], sizeof setup->venue[v]);
        append(head, &record);
        for (uint32_t s = 0; s < setup->symbol_count; s++) {
            record_start(&record, JOURNAL_FEE);
            struct journal_fee *fee = (struct journal_fee *)record.payload;
            *fee = (struct journal_fee){setup->taker_fee_ppm[v][s], v, s};
            append(head, &record);
        }
    }
    snapshot_limits_records(&setup->limits, append, head);
    for (uint32_t i = 0; i < setup->strategy_count; i++) {
        snapshot_strategy_record(i, setup->strategy_name[i], &setup->params[i], &record);
        append(head, &record);
    }
}

static bool map_index(uint32_t *index, const uint32_t *map, uint32_t size) {
    if (*index >= size || map[*index] == UINT32_MAX) return false;
    *index = map[*index];
    return true;
}

/* False: the record speaks of something the new configuration no longer has. */
static bool carry(struct head *head, struct journal_record *record) {
    void *payload = record->payload;
    switch (record->type) {
    case JOURNAL_BALANCE: {
        struct journal_balance *balance = payload;
        return map_index(&balance->venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&balance->asset, head->asset, ABI_ASSET_MAX);
    }
    case JOURNAL_LEDGER_BASE: {
        struct journal_ledger_base *base = payload;
        return map_index(&base->venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&base->asset, head->asset, ABI_ASSET_MAX);
    }
    case JOURNAL_ORDER: {
        struct journal_order *order = payload;
        return map_index(&order->venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&order->symbol, head->symbol, ABI_SYMBOL_MAX);
    }
    case JOURNAL_EXPOSURE: {
        struct journal_exposure *exposure = payload;
        return map_index(&exposure->symbol, head->symbol, ABI_SYMBOL_MAX) &&
               map_index(&exposure->buy_venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&exposure->sell_venue, head->venue, ABI_VENUE_MAX);
    }
    case JOURNAL_TRADE_SEEN: {
        struct journal_trade_seen *seen = payload;
        return map_index(&seen->venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&seen->symbol, head->symbol, ABI_SYMBOL_MAX);
    }
    case JOURNAL_INTENT: {
        struct journal_intent *intent = payload;
        return map_index(&intent->symbol, head->symbol, ABI_SYMBOL_MAX) &&
               map_index(&intent->buy_venue, head->venue, ABI_VENUE_MAX) &&
               map_index(&intent->sell_venue, head->venue, ABI_VENUE_MAX);
    }
    default:
        return true;
    }
}

static bool amount_is_zero(const struct journal_record *record) {
    if (record->type == JOURNAL_TRADE_SEEN) return true;
    if (record->type != JOURNAL_BALANCE) return false;
    const struct journal_balance *balance = (const struct journal_balance *)record->payload;
    return balance->amount_e8 == 0 && balance->frac_e19 == 0;
}

static void append_carried(void *context, const struct journal_record *from) {
    struct head *head = context;
    struct journal_record record = *from;
    if (carry(head, &record)) {
        append(head, &record);
        /* The living core is built from the records themselves, so a replay of this file builds the same one. */
        int code = core_restore(head->engine->core, &record, 0);
        if (code != 0 && head->failed == 0) head->failed = error_set(head->trail, code, "snapshot record refused");
        return;
    }
    /* What is worth nothing may go with its symbol or venue; money and open orders may not. */
    if (!amount_is_zero(from) && head->failed == 0)
        head->failed = error_set(head->trail, ERROR_REFUSED,
                                 "the configuration drops a venue, asset or symbol on which the last run still has "
                                 "money or open orders; put it back into engine.json (with \"venues\": [] if it "
                                 "should not trade)");
}

static uint32_t find_name(const char *name, const char *table, size_t stride, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(table + i * stride, name) == 0) return i;
    return UINT32_MAX;
}

static void map_tables(struct head *head, const struct core_setup *old) {
    const struct core_setup *now = &head->engine->setup;
    memset(head->venue, 0xff, sizeof head->venue);
    memset(head->symbol, 0xff, sizeof head->symbol);
    memset(head->asset, 0xff, sizeof head->asset);
    for (uint32_t v = 0; v < old->venue_count; v++)
        head->venue[v] = find_name(old->venue[v].name, now->venue[0].name, sizeof now->venue[0], now->venue_count);
    for (uint32_t a = 0; a < old->asset_count; a++)
        head->asset[a] = find_name(old->asset[a].name, now->asset[0].name, sizeof now->asset[0], now->asset_count);
    for (uint32_t s = 0; s < old->symbol_count; s++) {
        uint32_t at = find_name(old->symbol[s].name, now->symbol[0].name, sizeof now->symbol[0], now->symbol_count);
        /* Other digits: amounts in units would change their meaning. Open orders of it then refuse the start. */
        if (at != UINT32_MAX && (now->symbol[at].price_digits != old->symbol[s].price_digits ||
                                 now->symbol[at].qty_digits != old->symbol[s].qty_digits))
            at = UINT32_MAX;
        head->symbol[s] = at;
    }
}

static void note_state(struct engine *engine, const struct core_setup *old, const struct journal_record *record) {
    const struct journal_state *state = (const struct journal_state *)record->payload;
    if (state->what == JOURNAL_STATE_TRADING) {
        if (state->new_value != ABI_STATE_STARTING) engine->start_state = state->new_value;
    } else if (state->what == JOURNAL_STATE_STRATEGY && state->index < old->strategy_count) {
        uint32_t at = find_name(old->strategy_name[state->index], engine->setup.strategy_name[0],
                                sizeof engine->setup.strategy_name[0], engine->setup.strategy_count);
        if (at != UINT32_MAX) engine->strategy_start[at] = state->new_value;
    }
}

int engine_recover(struct engine *engine, uint64_t generation, struct error_trail *trail) {
    struct journal_reader *reader = journal_reader_open(engine->paths.journal_dir, generation, trail);
    if (reader == NULL) return trail->code;
    struct core_setup *old = &engine->recovered_setup;
    memset(old, 0, sizeof *old);
    int64_t shift_ns = journal_reader_head(reader)->wall_offset_ns - engine->wall_offset_ns;
    uint32_t start_state = engine->start_state;
    uint32_t strategy_start[ABI_STRATEGY_MAX];
    memcpy(strategy_start, engine->strategy_start, sizeof strategy_start);
    bool clean = false;
    int code = 0, got;
    struct journal_record record;
    while (code == 0 && (got = journal_reader_next(reader, &record)) == 1) {
        bool table = snapshot_table(old, &record);
        if (table && engine->recovered == NULL) continue;
        if (engine->recovered == NULL) { /* the tables are complete with the first record that is none */
            engine->recovered = aligned_alloc(64, (core_size() + 63) & ~(size_t)63);
            if (engine->recovered == NULL)
                code = error_set(trail, ERROR_SYSTEM, "no memory for recovery");
            else if ((code = core_init(engine->recovered, old)) != 0)
                error_set(trail, code, "generation %llu: its tables are refused", (unsigned long long)generation);
        }
        if (code == 0) code = core_restore(engine->recovered, &record, shift_ns);
        if (code != 0) error_append(trail, code, "record %llu", (unsigned long long)record.seq);
        if (record.type == JOURNAL_STATE) note_state(engine, old, &record);
        if (record.type == JOURNAL_STOP) clean = ((struct journal_stop *)record.payload)->clean != 0;
    }
    journal_reader_close(reader);
    if (code == 0 && got < 0)
        code = error_set(trail, got, "journal of generation %llu", (unsigned long long)generation);
    if (clean) { /* a person ended it: the configuration says how the next run starts */
        engine->start_state = start_state;
        memcpy(engine->strategy_start, strategy_start, sizeof strategy_start);
    }
    return code;
}

int engine_write_snapshot(struct engine *engine, uint64_t previous, struct error_trail *trail) {
    struct head head = {.engine = engine, .trail = trail};
    struct journal_record record;
    record_start(&record, JOURNAL_START);
    struct journal_start *start = (struct journal_start *)record.payload;
    const struct core_setup *setup = &engine->setup;
    *start = (struct journal_start){.generation = engine->generation,
                                    .abi_hash = shm_abi_hash,
                                    .wall_offset_ns = engine->wall_offset_ns,
                                    .previous_generation = previous,
                                    .mode = setup->mode,
                                    .pid = engine->segment->header.pid,
                                    .venue_count = setup->venue_count,
                                    .symbol_count = setup->symbol_count,
                                    .asset_count = setup->asset_count,
                                    .strategy_count = setup->strategy_count};
    memcpy(start->config_hash, engine->strategies.hash, sizeof start->config_hash);
    memcpy(start->engine_config_hash, engine->settings.hash, sizeof start->engine_config_hash);
    text_copy(start->instance, sizeof start->instance, engine->settings.instance);
    text_copy(start->version, sizeof start->version, ENGINE_VERSION);
    append(&head, &record);
    append_tables(&head);
    if (engine->recovered != NULL) {
        map_tables(&head, &engine->recovered_setup);
        core_snapshot(engine->recovered, append_carried, &head);
        free(engine->recovered);
        engine->recovered = NULL;
    }
    record_start(&record, JOURNAL_SNAPSHOT_END);
    append(&head, &record);
    return head.failed;
}
