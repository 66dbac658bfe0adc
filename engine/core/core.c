/* The inputs. */
#include "state.h"

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
    net_rows_set(core);
    out_state_changed(out);
}

void core_on_limits(struct core *core, const struct core_limits *limits, int64_t now, struct core_out *out) {
    input_begin(core, now, out);
    core->setup.limits = *limits;
    rate_recount(core);
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
    *fee_ppm(core, fee->symbol, fee->venue) = fee->taker_fee_ppm;
    net_row_set(core, fee->symbol);
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
    const struct facts *setup = &core->setup;
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
