/* Set-up and the inputs. */
#include "state.h"

#define DIGITS_SUM_MAX 19
#define CORE_ALIGN     64

size_t core_size(void) {
    return (sizeof(struct core) + CORE_ALIGN - 1) / CORE_ALIGN * CORE_ALIGN;
}

static bool units_fit(int64_t value) {
    return value >= 0 && value <= UNITS_MAX;
}

static int symbol_check(const struct core_setup *setup, uint32_t index) {
    const struct journal_symbol *symbol = &setup->symbol[index];
    if (symbol->price_digits > 18 || symbol->qty_digits > 18) return ERROR_RANGE;
    if (symbol->price_digits + symbol->qty_digits > DIGITS_SUM_MAX) return ERROR_RANGE;
    if (!units_fit(symbol->tick) || !units_fit(symbol->lot) || !units_fit(symbol->min_qty)) return ERROR_RANGE;
    if (symbol->tick == 0 || symbol->lot == 0 || symbol->min_notional_e8 < 0) return ERROR_BAD;
    if (symbol->base_asset >= setup->asset_count || symbol->quote_asset >= setup->asset_count) return ERROR_BAD;
    if (symbol->base_asset == symbol->quote_asset) return ERROR_BAD;
    if (symbol->venue_mask >> setup->venue_count != 0) return ERROR_BAD;
    for (uint32_t v = 0; v < setup->venue_count; v++)
        if (setup->taker_fee_ppm[v][index] >= PPM_ONE) return ERROR_RANGE;
    return 0;
}

static int setup_check(const struct core_setup *setup) {
    if (setup->venue_count > ABI_VENUE_MAX || setup->symbol_count > ABI_SYMBOL_MAX ||
        setup->asset_count > ABI_ASSET_MAX || setup->strategy_count > ABI_STRATEGY_MAX)
        return ERROR_RANGE;
    if (setup->generation == 0 || setup->generation > UINT32_MAX) return ERROR_RANGE;
    if (setup->symbol_count == 0 || setup->venue_count == 0) return ERROR_BAD;
    for (uint32_t s = 0; s < setup->symbol_count; s++) {
        int error = symbol_check(setup, s);
        if (error != 0) return error;
    }
    return 0;
}

int core_init(struct core *core, const struct core_setup *setup) {
    assert((uintptr_t)core % CORE_ALIGN == 0);
    int error = setup_check(setup);
    if (error != 0) return error;
    memset(core, 0, sizeof *core);
    core->setup = *setup;
    core->trading_state = ABI_STATE_STARTING;
    core->journal_healthy = true;
    core->timer_ns = INT64_MAX;
    core->now = INT64_MIN;
    for (uint32_t d = 0; d < DIRECTION_COUNT; d++)
        core->direction[d].final_ns = INT64_MIN;
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++) {
        core->venue_state[v] = ABI_VENUE_DOWN;
        core->map.venue[v] = v < setup->venue_count ? v : INDEX_NONE;
    }
    for (uint32_t s = 0; s < ABI_SYMBOL_MAX; s++)
        core->map.symbol[s] = s < setup->symbol_count ? s : INDEX_NONE;
    for (uint32_t a = 0; a < ABI_ASSET_MAX; a++)
        core->map.asset[a] = a < setup->asset_count ? a : INDEX_NONE;
    for (uint32_t i = 0; i < ABI_STRATEGY_MAX; i++) {
        struct abi_strategy *view = &core->strategy[i].view;
        view->state = ABI_STRATEGY_STOPPED;
        view->best_net_bps_e4 = view->best_gross_bps_e4 = view->best_need_bps_e4 = INT64_MIN;
    }
    return 0;
}

static void input_begin(struct core *core, int64_t now, struct core_out *out) {
    assert(now >= core->now);
    core->now = now;
    out_reset(out);
}

bool core_on_book(struct core *core, const struct journal_quote *quote, int64_t now) {
    assert(now >= core->now);
    assert(quote->symbol < core->setup.symbol_count);
    assert(quote->venue < core->setup.venue_count);
    core->now = now;
    if ((symbol_of(core, quote->symbol)->venue_mask >> quote->venue & 1u) == 0) return false;
    bool applied = market_quote_apply(&core->market, quote, now);
    count(core, applied ? ABI_COUNTER_QUOTES : ABI_COUNTER_QUOTES_STALE);
    return applied;
}

void core_on_books(struct core *core, uint32_t symbol, uint32_t venue_mask, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    assert(symbol < core->setup.symbol_count);
    detect_books(core, symbol, venue_mask, now, out);
}

void core_on_quote(struct core *core, const struct journal_quote *quote, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    if (core_on_book(core, quote, now)) detect_books(core, quote->symbol, 1u << quote->venue, now, out);
}

void core_on_report(struct core *core, const struct journal_report *report, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    report_apply(core, report, now, out);
    timer_set(core);
}

void core_on_fill(struct core *core, struct journal_fill *fill, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    assert(fill->symbol < core->setup.symbol_count);
    assert(fill->venue < core->setup.venue_count);
    fill_apply(core, fill, now, out);
    timer_set(core);
}

void core_on_mark(struct core *core, struct journal_mark *mark, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    market_mark(&core->market, &core->setup, core->venue_state, now);
    executions_expire(core, now);
    pnl_mark(core, mark, out);
    timers_run(core, now, out);
    episodes_end(core, now, out);
    detect_best_now(core, now);
    timer_set(core);
}

void core_on_state(struct core *core, const struct journal_state *state, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    state_apply(core, state, now, out);
    timer_set(core);
}

void core_on_balance(struct core *core, const struct journal_balance *balance, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    balance_apply(core, balance);
}

void core_on_params(struct core *core, uint32_t strategy, const struct core_params *params, int64_t now,
                    struct core_out *out) {
    input_begin(core, now, out);
    assert(strategy < core->setup.strategy_count);
    core->setup.params[strategy] = *params;
    out_state_changed(out);
}

void core_on_limits(struct core *core, const struct core_limits *limits, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    core->setup.limits = *limits;
    out_state_changed(out);
    timer_set(core);
}

int64_t core_next_timer(const struct core *core) {
    return core->timer_ns;
}

void core_on_timer(struct core *core, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    timers_run(core, now, out);
    timer_set(core);
}

static int fee_apply(struct core *core, const struct journal_fee *fee) {
    if (fee->venue >= core->setup.venue_count || fee->symbol >= core->setup.symbol_count) return ERROR_RANGE;
    if (fee->taker_fee_ppm >= PPM_ONE) return ERROR_RANGE;
    core->setup.taker_fee_ppm[fee->venue][fee->symbol] = fee->taker_fee_ppm;
    return 0;
}

static int params_apply(struct core *core, const struct journal_strategy *record, int64_t now,
                        struct core_out *out) {
    if (record->index >= core->setup.strategy_count) return ERROR_RANGE;
    struct core_params params;
    core_params_from_record(record, &params);
    core_on_params(core, record->index, &params, now, out);
    return 0;
}

static int limits_apply(struct core *core, const struct journal_limits *record, int64_t now, struct core_out *out) {
    struct core_limits limits = core->setup.limits;
    int error = core_limits_from_record(record, &limits);
    if (error == 0) core_on_limits(core, &limits, now, out);
    return error;
}

/* Tables are given to core_init; in a journal they must say the same. */
static int table_check(const struct core *core, const struct journal_record *input) {
    const struct core_setup *setup = &core->setup;
    const struct journal_symbol *symbol = (const void *)input->payload;
    const struct journal_venue *venue = (const void *)input->payload;
    const struct journal_asset *asset = (const void *)input->payload;
    bool same = false;
    if (input->type == JOURNAL_SYMBOL)
        same = symbol->index < setup->symbol_count &&
               memcmp(symbol, &setup->symbol[symbol->index], sizeof *symbol) == 0;
    if (input->type == JOURNAL_VENUE)
        same = venue->index < setup->venue_count && memcmp(venue, &setup->venue[venue->index], sizeof *venue) == 0;
    if (input->type == JOURNAL_ASSET)
        same = asset->index < setup->asset_count && memcmp(asset, &setup->asset[asset->index], sizeof *asset) == 0;
    return same ? 0 : ERROR_MISMATCH;
}

int core_apply(struct core *core, struct journal_record *input, struct core_out *out) {
    void *payload = input->payload;
    int64_t now = input->time_ns;
    out_reset(out);
    switch (input->type) {
    case JOURNAL_SYMBOL:
    case JOURNAL_VENUE:
    case JOURNAL_ASSET:
        return table_check(core, input);
    case JOURNAL_FEE:
        return fee_apply(core, payload);
    case JOURNAL_LIMITS:
        return limits_apply(core, payload, now, out);
    case JOURNAL_STRATEGY:
        return params_apply(core, payload, now, out);
    case JOURNAL_BALANCE:
        core_on_balance(core, payload, now, out);
        return 0;
    case JOURNAL_QUOTE:
        core_on_quote(core, payload, now, out);
        return 0;
    case JOURNAL_REPORT:
        core_on_report(core, payload, now, out);
        return 0;
    case JOURNAL_FILL:
        core_on_fill(core, payload, now, out);
        return 0;
    case JOURNAL_MARK:
        core_on_mark(core, payload, now, out);
        return 0;
    case JOURNAL_TIMER:
        core_on_timer(core, now, out);
        return 0;
    case JOURNAL_STATE:
        core_on_state(core, payload, now, out);
        return 0;
    default:
        return ERROR_BAD;
    }
}
