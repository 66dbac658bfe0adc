/* Journal of a dead generation -> state, and state -> snapshot. The same pair machine runs over the recorded facts; it
 * only never sends, and raises no alarm again. */
#include "state.h"

static bool mapped(uint32_t *index, const uint32_t *map, uint32_t size) {
    if (*index >= size || map[*index] == INDEX_NONE) return false;
    *index = map[*index];
    return true;
}

static int map_symbol(struct core *core, const struct journal_symbol *symbol) {
    if (symbol->index >= ABI_SYMBOL_MAX) return ERROR_BAD;
    core->map.symbol[symbol->index] = INDEX_NONE;
    for (uint32_t s = 0; s < core->setup.symbol_count; s++) {
        const struct journal_symbol *ours = symbol_of(core, s);
        if (strncmp(ours->name, symbol->name, sizeof ours->name) != 0) continue;
        if (ours->price_digits != symbol->price_digits || ours->qty_digits != symbol->qty_digits)
            return ERROR_MISMATCH;
        core->map.symbol[symbol->index] = s;
    }
    return 0;
}

static int map_venue(struct core *core, const struct journal_venue *venue) {
    if (venue->index >= ABI_VENUE_MAX) return ERROR_BAD;
    core->map.venue[venue->index] = INDEX_NONE;
    for (uint32_t v = 0; v < core->setup.venue_count; v++)
        if (strncmp(core->setup.venue[v].name, venue->name, sizeof venue->name) == 0)
            core->map.venue[venue->index] = v;
    return 0;
}

static int map_asset(struct core *core, const struct journal_asset *asset) {
    if (asset->index >= ABI_ASSET_MAX) return ERROR_BAD;
    core->map.asset[asset->index] = INDEX_NONE;
    for (uint32_t a = 0; a < core->setup.asset_count; a++)
        if (strncmp(core->setup.asset[a].name, asset->name, sizeof asset->name) == 0)
            core->map.asset[asset->index] = a;
    return 0;
}

static int restore_balance(struct core *core, const struct journal_balance *record) {
    struct journal_balance balance = *record;
    if (!mapped(&balance.venue, core->map.venue, ABI_VENUE_MAX) ||
        !mapped(&balance.asset, core->map.asset, ABI_ASSET_MAX))
        return balance.amount_e8 == 0 && balance.frac_e19 == 0 ? 0 : ERROR_MISMATCH;
    balance_apply(core, &balance);
    return 0;
}

static int restore_base(struct core *core, const struct journal_ledger_base *base) {
    struct totals *totals = &core->totals;
    uint32_t venue = base->venue, asset = base->asset;
    if (venue == 0 && asset == 0) {
        totals->trading_pnl_e8 = base->trading_pnl_e8;
        totals->fees = money_from_e8(base->fees_e8, 0);
        totals->volume = money_from_e8(base->volume_e8, 0);
        totals->hedge_cost = money_from_e8(base->hedge_cost_e8, 0);
        totals->peak_e8 = base->peak_e8;
        totals->day_base_e8 = base->day_base_e8;
        totals->day_start_wall_ns = base->day_start_wall_ns;
        totals->start_equity_e8 = base->start_equity_e8;
        totals->trades = base->trades;
        totals->wins = base->wins;
        totals->losses = base->losses;
    }
    if (!mapped(&venue, core->map.venue, ABI_VENUE_MAX) || !mapped(&asset, core->map.asset, ABI_ASSET_MAX))
        return base->start_e8 == 0 && base->start_frac_e19 == 0 ? 0 : ERROR_MISMATCH;
    money start = money_from_e8(base->start_e8, base->start_frac_e19);
    account_start_set(core, venue, asset, start);
    if (start != 0 && totals->start_equity_e8 != 0) core->holding[asset].start_marked = true;
    return 0;
}

static int restore_strategy_base(struct core *core, const struct journal_strategy_base *base) {
    uint32_t index = 0;
    while (index < core->setup.strategy_count &&
           strncmp(core->setup.strategy_name[index], base->name, sizeof base->name) != 0)
        index++;
    if (index == core->setup.strategy_count)
        return 0; /* an instance that is gone: its earnings stay in the totals */
    struct strategy *strategy = &core->strategy[index];
    strategy->pnl = money_from_e8(base->trading_pnl_e8, 0);
    strategy->fees = money_from_e8(base->fees_e8, 0);
    strategy->volume = money_from_e8(base->volume_e8, 0);
    strategy->view.wins = base->wins;
    strategy->view.losses = base->losses;
    return 0;
}

static int restore_intent(struct core *core, const struct journal_intent *record) {
    struct journal_intent intent = *record;
    if (!mapped(&intent.symbol, core->map.symbol, ABI_SYMBOL_MAX) ||
        !mapped(&intent.buy_venue, core->map.venue, ABI_VENUE_MAX) ||
        !mapped(&intent.sell_venue, core->map.venue, ABI_VENUE_MAX))
        return ERROR_MISMATCH;
    if (pair_find(core, intent.pair_id) != NULL) return 0;
    if (core->open_count >= PAIR_SLOTS) return ERROR_FULL;
    struct pair *pair = pair_allocate(core, intent.pair_id);
    pair->phase = PAIR_WORKING;
    pair->outcome = ABI_OUTCOME_SENT;
    pair->symbol = intent.symbol;
    pair->strategy = intent.strategy < core->setup.strategy_count ? intent.strategy : 0;
    pair->buy_venue = intent.buy_venue;
    pair->sell_venue = intent.sell_venue;
    pair->buy_touch = intent.buy_touch;
    pair->sell_touch = intent.sell_touch;
    pair->gross_bps_e4 = intent.gross_bps_e4;
    pair->net_bps_e4 = intent.net_bps_e4;
    return 0; /* opportunity ids begin anew with the generation, so the pair has none */
}

static bool order_closed(uint32_t state) {
    return state >= ABI_ORDER_FILLED && state <= ABI_ORDER_NEVER_ACCEPTED && state != ABI_ORDER_UNKNOWN;
}

static int restore_order(struct core *core, const struct journal_order *record, int64_t shift_ns) {
    uint32_t venue = record->venue;
    struct pair *pair = pair_find(core, record->pair_id);
    if (pair == NULL || !mapped(&venue, core->map.venue, ABI_VENUE_MAX)) return ERROR_MISMATCH;
    if (record->leg >= LEG_MAX || record->leg > pair->leg_count) return ERROR_BAD;
    if (record->leg < pair->leg_count) return 0; /* known already */
    struct leg *leg = leg_begin(pair, record->leg);
    leg->filled_quote = money_from_e8(record->filled_quote_e8, 0);
    leg->price = record->price;
    leg->qty = record->qty;
    leg->filled = record->filled_qty;
    leg->deadline_ns = INT64_MAX;
    leg->sent_ns = record->sent_ns + shift_ns;
    leg->venue = venue;
    leg->side = record->side;
    leg->kind = record->kind;
    leg->state = record->state;
    bool closed = order_closed(record->state);
    if (closed) {
        leg->closed = true;
        leg->cum = leg->filled;
        leg->final_state = record->state;
    }
    leg_create(core, pair, record->leg, closed ? 0 : record->reserve_e8);
    pair->cash += record->side == ABI_SIDE_BUY ? -leg->filled_quote : leg->filled_quote;
    if (record->state == ABI_ORDER_UNKNOWN) {
        core->venue_unknown[venue]++;
        pair->phase = PAIR_UNKNOWN;
        pair->outcome = ABI_OUTCOME_UNKNOWN;
    }
    return 0;
}

static int restore_report(struct core *core, const struct journal_report *record, int64_t time_ns) {
    struct journal_report report = *record;
    if (pair_find(core, report.pair_id) == NULL) return 0; /* was strange then, too */
    if (!mapped(&report.venue, core->map.venue, ABI_VENUE_MAX)) return ERROR_MISMATCH;
    report_apply(core, &report, time_ns, NULL);
    return 0;
}

static int restore_fill(struct core *core, const struct journal_fill *record, int64_t time_ns) {
    struct journal_fill fill = *record;
    if (!record->booked) return 0;
    if (!mapped(&fill.venue, core->map.venue, ABI_VENUE_MAX) ||
        !mapped(&fill.symbol, core->map.symbol, ABI_SYMBOL_MAX))
        return ERROR_MISMATCH;
    if (fill.fee_asset != INDEX_NONE && !mapped(&fill.fee_asset, core->map.asset, ABI_ASSET_MAX)) {
        if (fill.fee_e8 != 0 || fill.fee_frac_e19 != 0) return ERROR_MISMATCH;
        fill.fee_asset = INDEX_NONE;
    }
    fill_apply(core, &fill, time_ns, NULL);
    return fill.booked ? 0 : ERROR_MISMATCH;
}

static int restore_exposure(struct core *core, const struct journal_exposure *record) {
    uint32_t symbol = record->symbol;
    if (record->pair_id == 0) { /* dust of a symbol, from a snapshot */
        if (!mapped(&symbol, core->map.symbol, ABI_SYMBOL_MAX)) return 0;
        dust_set(core, symbol, record->residual_qty);
        return 0;
    }
    struct pair *pair = pair_find(core, record->pair_id);
    if (pair == NULL || pair->phase == PAIR_DONE) return 0;
    pair->attempts = record->hedges;
    pair->exposure = record->state;
    if (record->state == ABI_EXPOSURE_HEDGING) pair->phase = PAIR_HEDGING;
    if (record->state == ABI_EXPOSURE_UNKNOWN) pair->phase = PAIR_UNKNOWN;
    if (record->state == ABI_EXPOSURE_OPEN) {
        pair->phase = PAIR_OPEN;
        pair->outcome = pair_outcome(pair);
        pair_settle(core, pair);
    }
    return 0;
}

static void restore_mark(struct core *core, const struct journal_mark *mark) {
    struct totals *totals = &core->totals;
    int64_t day = mark->wall_ns - mark->wall_ns % DAY_NS;
    if (day > totals->day_start_wall_ns) {
        if (totals->day_start_wall_ns != 0) totals->day_base_e8 = totals->trading_pnl_e8;
        totals->day_start_wall_ns = day;
    }
    totals->trading_pnl_e8 = mark->trading_pnl_e8;
    totals->holding_pnl_e8 = mark->holding_pnl_e8;
    totals->equity_e8 = mark->equity_e8;
    totals->peak_e8 = int64_max(totals->peak_e8, mark->trading_pnl_e8);
    totals->marked_wall_ns = mark->wall_ns;
    /* equity = trading + worth of the start now; holding = that worth - worth at its first marks */
    totals->start_equity_e8 = mark->equity_e8 - mark->trading_pnl_e8 - mark->holding_pnl_e8;
}

static int restore_state(struct core *core, const struct journal_state *state, int64_t time_ns) {
    struct journal_state copy = *state;
    if (state->what == JOURNAL_STATE_KILL) core->killed = state->new_value != 0;
    if (state->what == JOURNAL_STATE_KILL && core->killed) core->trading_state = ABI_STATE_KILLED;
    if (state->what == JOURNAL_STATE_KILL && !core->killed) core->trading_state = ABI_STATE_STARTING;
    if (state->what == JOURNAL_STATE_RELEASE && mapped(&copy.index, core->map.symbol, ABI_SYMBOL_MAX))
        state_apply(core, &copy, time_ns, NULL);
    return 0;
}

static int restore_trade(struct core *core, const struct journal_trade_seen *record) {
    uint32_t venue = record->venue, symbol = record->symbol;
    if (!mapped(&venue, core->map.venue, ABI_VENUE_MAX) || !mapped(&symbol, core->map.symbol, ABI_SYMBOL_MAX))
        return 0; /* nothing can come from there any more */
    if (!trade_seen(core, venue, symbol, record->trade_id)) trade_note(core, venue, symbol, record->trade_id);
    return 0;
}

static int restore_record(struct core *core, const struct journal_record *record, int64_t shift_ns) {
    const void *payload = record->payload;
    int64_t time_ns = record->time_ns + shift_ns;
    switch (record->type) {
    case JOURNAL_SYMBOL:
        return map_symbol(core, payload);
    case JOURNAL_VENUE:
        return map_venue(core, payload);
    case JOURNAL_ASSET:
        return map_asset(core, payload);
    case JOURNAL_BALANCE:
        return restore_balance(core, payload);
    case JOURNAL_LEDGER_BASE:
        return restore_base(core, payload);
    case JOURNAL_STRATEGY_BASE:
        return restore_strategy_base(core, payload);
    case JOURNAL_INTENT:
        return restore_intent(core, payload);
    case JOURNAL_ORDER:
        return restore_order(core, payload, shift_ns);
    case JOURNAL_REPORT:
        return restore_report(core, payload, time_ns);
    case JOURNAL_FILL:
        return restore_fill(core, payload, time_ns);
    case JOURNAL_EXPOSURE:
        return restore_exposure(core, payload);
    case JOURNAL_MARK:
        restore_mark(core, payload);
        return 0;
    case JOURNAL_STATE:
        return restore_state(core, payload, time_ns);
    case JOURNAL_TRADE_SEEN:
        return restore_trade(core, payload);
    default:
        return record->type >= JOURNAL_START && record->type <= JOURNAL_STRATEGY_BASE ? 0 : ERROR_BAD;
    }
}

int core_restore(struct core *core, const struct journal_record *record, int64_t shift_ns) {
    /* Counters and rings of fills count what this generation did. */
    struct abi_counters counters = core->counters;
    uint64_t fill_last = core->fill_last;
    core->restoring = true;
    int error = restore_record(core, record, shift_ns);
    core->restoring = false;
    core->counters = counters;
    core->fill_last = fill_last;
    timer_set(core);
    return error;
}
