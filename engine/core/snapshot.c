/* State -> the records with which a generation's journal begins. */
#include "state.h"

struct sink {
    void (*emit)(void *context, const struct journal_record *record);
    void *context;
    struct journal_record record;
};

static void *sink_begin(struct sink *sink, enum journal_type type) {
    memset(&sink->record, 0, sizeof sink->record);
    sink->record.type = (uint16_t)type;
    sink->record.version = 1;
    return sink->record.payload;
}

static void sink_end(struct sink *sink) {
    sink->emit(sink->context, &sink->record);
}

static void snapshot_balance(const struct core *core, uint32_t venue, uint32_t asset, struct sink *sink) {
    const struct account *account = account_of(core, venue, asset);
    struct journal_balance *balance = sink_begin(sink, JOURNAL_BALANCE);
    balance->amount_e8 = account->total_e8;
    balance->frac_e19 = money_frac_floor(account->total);
    balance->venue_wall_ns = account->venue_wall_ns;
    balance->venue = venue;
    balance->asset = asset;
    balance->reason = JOURNAL_BALANCE_SNAPSHOT;
    sink_end(sink);
}

/* An OPEN pair is counted already and will be counted again when its EXPOSURE is restored. */
static void base_uncount_open(const struct core *core, struct journal_ledger_base *base) {
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        if (!pair->settled) continue;
        base->trades--; /* it has a residual, so it was filled */
        if (pair->pnl_e8 > 0) base->wins--;
        if (pair->pnl_e8 < 0) base->losses--;
    }
}

static void snapshot_base(const struct core *core, uint32_t venue, uint32_t asset, struct sink *sink) {
    const struct account *account = account_of(core, venue, asset);
    const struct totals *totals = &core->totals;
    struct journal_ledger_base *base = sink_begin(sink, JOURNAL_LEDGER_BASE);
    base->start_e8 = money_e8_floor(account->start);
    base->start_frac_e19 = money_frac_floor(account->start);
    base->venue = venue;
    base->asset = asset;
    if (venue == 0 && asset == 0) {
        base->trading_pnl_e8 = totals->trading_pnl_e8;
        base->fees_e8 = money_e8_floor(totals->fees);
        base->volume_e8 = money_e8_floor(totals->volume);
        base->peak_e8 = totals->peak_e8;
        base->day_base_e8 = totals->day_base_e8;
        base->day_start_wall_ns = totals->day_start_wall_ns;
        base->start_equity_e8 = totals->start_equity_e8;
        base->hedge_cost_e8 = money_e8_floor(totals->hedge_cost);
        base->trades = totals->trades;
        base->wins = totals->wins;
        base->losses = totals->losses;
        base_uncount_open(core, base);
    }
    sink_end(sink);
}

static void snapshot_accounts(const struct core *core, struct sink *sink) {
    for (uint32_t venue = 0; venue < core->setup.venue_count; venue++)
        for (uint32_t asset = 0; asset < core->setup.asset_count; asset++)
            if (account_of(core, venue, asset)->known || account_of(core, venue, asset)->total != 0)
                snapshot_balance(core, venue, asset, sink);
    for (uint32_t venue = 0; venue < core->setup.venue_count; venue++)
        for (uint32_t asset = 0; asset < core->setup.asset_count; asset++)
            if ((venue == 0 && asset == 0) || account_of(core, venue, asset)->start != 0)
                snapshot_base(core, venue, asset, sink);
}

static void snapshot_strategies(const struct core *core, struct sink *sink) {
    for (uint32_t i = 0; i < core->setup.strategy_count; i++) {
        const struct strategy *strategy = &core->strategy[i];
        struct journal_strategy_base *base = sink_begin(sink, JOURNAL_STRATEGY_BASE);
        base->trading_pnl_e8 = money_e8_floor(strategy->pnl);
        base->fees_e8 = money_e8_floor(strategy->fees);
        base->volume_e8 = money_e8_floor(strategy->volume);
        base->wins = strategy->view.wins;
        base->losses = strategy->view.losses;
        memcpy(base->name, core->setup.strategy_name[i], sizeof base->name);
        for (uint32_t n = 0; n < core->open_count; n++) { /* as in base_uncount_open */
            const struct pair *pair = &core->pair[core->open[n]];
            if (!pair->settled || pair->strategy != i) continue;
            base->trading_pnl_e8 -= pair->pnl_e8;
            if (pair->pnl_e8 > 0) base->wins--;
            if (pair->pnl_e8 < 0) base->losses--;
        }
        sink_end(sink);
    }
}

static void snapshot_intent(const struct pair *pair, struct sink *sink) {
    const struct leg *buy = &pair->leg[0], *sell = &pair->leg[1];
    struct journal_intent *intent = sink_begin(sink, JOURNAL_INTENT);
    intent->pair_id = pair->id;
    intent->buy_price = buy->price;
    intent->sell_price = sell->price;
    intent->buy_touch = pair->buy_touch;
    intent->sell_touch = pair->sell_touch;
    intent->qty = buy->qty;
    intent->gross_bps_e4 = pair->gross_bps_e4;
    intent->net_bps_e4 = pair->net_bps_e4;
    intent->reserve_quote_e8 = buy->reserve_e8;
    intent->reserve_base_e8 = sell->reserve_e8;
    intent->symbol = pair->symbol;
    intent->strategy = pair->strategy;
    intent->buy_venue = pair->buy_venue;
    intent->sell_venue = pair->sell_venue;
    sink_end(sink);
}

/* An order that is not closed may have left or not: from here on it is UNKNOWN until the venue says. */
static void snapshot_order(const struct pair *pair, uint32_t index, struct sink *sink) {
    const struct leg *leg = &pair->leg[index];
    struct journal_order *order = sink_begin(sink, JOURNAL_ORDER);
    order->pair_id = pair->id;
    order->order_id = leg->order_id;
    order->price = leg->price;
    order->qty = leg->qty;
    order->reserve_e8 = leg->reserve_e8;
    order->symbol = pair->symbol;
    order->venue = leg->venue;
    order->side = leg->side;
    order->leg = index;
    order->kind = leg->kind;
    order->state = leg->closed ? leg->state : ABI_ORDER_UNKNOWN;
    order->filled_qty = leg->filled;
    order->filled_quote_e8 = money_e8(leg->filled_quote);
    order->sent_ns = leg->sent_ns;
    core_client_id(pair->id, index, order->client_id);
    sink_end(sink);
}

static uint32_t snapshot_exposure_state(const struct pair *pair) {
    for (uint32_t leg = 0; leg < pair->leg_count; leg++)
        if (leg_open(&pair->leg[leg])) return ABI_EXPOSURE_UNKNOWN;
    return pair->phase == PAIR_OPEN ? ABI_EXPOSURE_OPEN : ABI_EXPOSURE_HEDGING;
}

static void snapshot_pair(const struct core *core, const struct pair *pair, struct sink *sink) {
    snapshot_intent(pair, sink);
    for (uint32_t leg = 0; leg < pair->leg_count; leg++)
        snapshot_order(pair, leg, sink);
    struct journal_exposure *exposure = sink_begin(sink, JOURNAL_EXPOSURE);
    exposure->pair_id = pair->id;
    exposure->residual_qty = pair_residual(pair);
    exposure->value_e8 = exposure_value_e8(core, pair);
    exposure->symbol = pair->symbol;
    exposure->buy_venue = pair->buy_venue;
    exposure->sell_venue = pair->sell_venue;
    exposure->state = snapshot_exposure_state(pair);
    exposure->hedges = pair->attempts;
    sink_end(sink);
}

static void snapshot_dust(const struct core *core, struct sink *sink) {
    for (uint32_t s = 0; s < core->setup.symbol_count; s++) {
        if (core->dust[s] == 0) continue;
        struct journal_exposure *exposure = sink_begin(sink, JOURNAL_EXPOSURE);
        exposure->residual_qty = core->dust[s];
        exposure->symbol = s;
        exposure->state = ABI_EXPOSURE_DUST;
        sink_end(sink);
    }
}

static void snapshot_trades(const struct core *core, struct sink *sink) {
    uint64_t first = core->trade_count > TRADE_SLOTS ? core->trade_count - TRADE_SLOTS : 0;
    for (uint64_t i = first; i < core->trade_count; i++) { /* oldest first: they leave in the same order */
        const struct trade *trade = &core->trade[i % TRADE_SLOTS];
        struct journal_trade_seen *seen = sink_begin(sink, JOURNAL_TRADE_SEEN);
        seen->venue = trade->venue;
        seen->symbol = trade->symbol;
        memcpy(seen->trade_id, trade->id, sizeof seen->trade_id);
        sink_end(sink);
    }
}

void core_snapshot(const struct core *core, void (*emit)(void *context, const struct journal_record *record),
                   void *context) {
    struct sink sink = {.emit = emit, .context = context};
    if (core->killed) {
        struct journal_state *state = sink_begin(&sink, JOURNAL_STATE);
        state->what = JOURNAL_STATE_KILL;
        state->new_value = 1;
        memcpy(state->reason, "latched before the restart", 27);
        sink_end(&sink);
    }
    snapshot_accounts(core, &sink);
    snapshot_strategies(core, &sink);
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        /* A process that died between INTENT and second ORDER sent neither: all records come before the first byte. */
        if (pair->leg_count >= 2) snapshot_pair(core, pair, &sink);
    }
    snapshot_dust(core, &sink);
    snapshot_trades(core, &sink);
}
