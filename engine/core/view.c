#include "state.h"

const struct abi_opportunity *core_opportunity(const struct core *core, uint64_t id) {
    const struct abi_opportunity *view = &core->opportunity[id % ABI_RING_SIZE];
    return id != 0 && view->id == id ? view : NULL;
}

const struct abi_order *core_order(const struct core *core, uint64_t id) {
    const struct abi_order *view = &core->order[id % ABI_RING_SIZE];
    return id != 0 && view->id == id ? view : NULL;
}

const struct abi_fill *core_fill(const struct core *core, uint64_t id) {
    const struct abi_fill *view = &core->fill[id % ABI_RING_SIZE];
    return id != 0 && view->id == id ? view : NULL;
}

const struct abi_order *core_order_by_client_id(const struct core *core, const char *client_id) {
    uint64_t pair_id = 0;
    uint32_t leg = 0;
    if (core_client_id_parse(client_id, strlen(client_id), &pair_id, &leg) != 0) return NULL;
    for (uint32_t i = 0; i < PAIR_SLOTS; i++)
        if (core->pair_id[i] == pair_id && leg < core->pair[i].leg_count)
            return core_order(core, core->pair[i].leg[leg].order_id);
    return NULL;
}

uint64_t core_last_opportunity_id(const struct core *core) {
    return core->opportunity_last;
}
uint64_t core_last_order_id(const struct core *core) {
    return core->order_last;
}
uint64_t core_last_fill_id(const struct core *core) {
    return core->fill_last;
}
enum abi_state core_trading_state(const struct core *core) {
    return core->trading_state;
}
uint32_t core_open_pairs(const struct core *core) {
    return core->open_count;
}

void core_view_counters(const struct core *core, struct abi_counters *out) {
    *out = core->counters;
}

/* Only the legs of open pairs hold anything: a few, where accounts may be thousands. */
static money reserved_worth(const struct core *core) {
    money sum = 0;
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        for (uint32_t leg = 0; leg < pair->leg_count; leg++) {
            if (pair->leg[leg].reserve_e8 == 0) continue;
            money reserved = money_from_e8(pair->leg[leg].reserve_e8, 0);
            sum += asset_worth(core, reserved, leg_reserve_asset(core, pair, &pair->leg[leg]));
        }
    }
    return sum;
}

void core_view_pnl(const struct core *core, struct abi_pnl *out) {
    const struct totals *totals = &core->totals;
    int64_t since_ns = 0;
    memset(out, 0, sizeof *out);
    out->trading_pnl_e8 = totals->trading_pnl_e8;
    out->trading_today_e8 = totals->trading_pnl_e8 - totals->day_base_e8;
    out->holding_pnl_e8 = totals->holding_pnl_e8;
    out->fees_e8 = money_e8_floor(totals->fees);
    out->hedge_cost_e8 = money_e8_floor(totals->hedge_cost);
    out->equity_e8 = totals->equity_e8;
    out->start_equity_e8 = totals->start_equity_e8;
    out->peak_e8 = totals->peak_e8;
    out->drawdown_e8 = totals->peak_e8 - totals->trading_pnl_e8;
    out->volume_e8 = money_e8_floor(totals->volume);
    out->capital_in_use_e8 = money_e8_floor(reserved_worth(core));
    out->unhedged_e8 = pnl_unhedged_e8(core, &since_ns);
    out->unhedged_since_wall_ns = since_ns == 0 ? 0 : wall_ns(core, since_ns);
    out->marked_wall_ns = totals->marked_wall_ns;
    out->trades = totals->trades;
    out->wins = totals->wins;
    out->losses = totals->losses;
    out->day_start_wall_ns = totals->day_start_wall_ns;
}

void core_view_risk(const struct core *core, struct abi_risk *out) {
    *out = core->risk;
    for (uint32_t code = 0; code < ABI_REFUSAL_MAX; code++) /* also of controls that were not asked yet */
        if (core->setup.limits.limit[code] != 0 && out->control[code].limit == 0)
            out->control[code].limit = core->setup.limits.limit[code];
}

/* Cost of trading the residual now at one venue, against a price; INT64_MIN: no quote to tell. */
static int64_t cost_now(const struct core *core, uint32_t symbol, uint32_t venue, int64_t residual, int64_t price) {
    const struct abi_quote *quote = quote_of(&core->market, symbol, venue);
    const struct journal_symbol *s = symbol_of(core, symbol);
    int64_t touch = residual > 0 ? quote->bid_price : quote->ask_price;
    int64_t lost = residual > 0 ? price - touch : touch - price;
    money cost = 0;
    if (touch == 0 || core->venue_state[venue] != ABI_VENUE_UP) return INT64_MIN;
    if (!money_from_units((money)lost * int64_abs(residual), s->price_digits + s->qty_digits, &cost))
        return INT64_MIN;
    return money_e8_ceil(cost);
}

static uint32_t exposure_state(const struct pair *pair) {
    switch (pair->phase) {
    case PAIR_UNKNOWN:
        return ABI_EXPOSURE_UNKNOWN;
    case PAIR_HEDGING:
        return ABI_EXPOSURE_HEDGING;
    case PAIR_OPEN:
        return ABI_EXPOSURE_OPEN;
    default:
        return ABI_EXPOSURE_IN_FLIGHT;
    }
}

static void exposure_view(const struct core *core, const struct pair *pair, struct abi_exposure *out) {
    int64_t residual = pair_residual(pair);
    bool bought = residual > 0;
    uint32_t failed = bought ? pair->sell_venue : pair->buy_venue;
    uint32_t filled = bought ? pair->buy_venue : pair->sell_venue;
    int64_t missing_price = bought ? pair->sell_touch : pair->buy_touch;
    int64_t filled_price = bought ? pair->buy_touch : pair->sell_touch;
    out->pair_id = pair->id;
    out->residual_qty = residual;
    out->value_e8 = exposure_value_e8(core, pair);
    out->since_wall_ns = pair->since_ns == 0 ? 0 : wall_ns(core, pair->since_ns);
    out->cost_complete_e8 = residual == 0 ? 0 : cost_now(core, pair->symbol, failed, residual, missing_price);
    out->cost_unwind_e8 = residual == 0 ? 0 : cost_now(core, pair->symbol, filled, residual, filled_price);
    out->symbol = pair->symbol;
    out->buy_venue = pair->buy_venue;
    out->sell_venue = pair->sell_venue;
    out->state = exposure_state(pair);
    out->hedges = pair->attempts;
}

/* Open pairs, oldest first; then the dust of each symbol as one line. */
void core_view_exposures(const struct core *core, struct abi_exposures *out) {
    memset(out, 0, sizeof *out);
    uint32_t used = 0;
    for (uint32_t i = 0; i < core->open_count && used < ABI_EXPOSURE_MAX; i++)
        exposure_view(core, &core->pair[core->open[i]], &out->item[used++]);
    for (uint32_t s = 0; s < core->setup.symbol_count && used < ABI_EXPOSURE_MAX; s++) {
        if (core->dust[s] == 0) continue;
        struct abi_exposure *item = &out->item[used++];
        const struct journal_symbol *symbol = symbol_of(core, s);
        money worth = 0;
        if (money_from_units((money)core->market.mark[s] * int64_abs(core->dust[s]),
                             symbol->price_digits + symbol->qty_digits, &worth))
            item->value_e8 = money_e8_ceil(worth);
        item->residual_qty = core->dust[s];
        item->symbol = s;
        item->state = ABI_EXPOSURE_DUST;
    }
}

void core_view_strategy(const struct core *core, uint32_t strategy, struct abi_strategy *out) {
    assert(strategy < core->setup.strategy_count);
    const struct strategy *own = &core->strategy[strategy];
    *out = own->view;
    out->trading_pnl_e8 = money_e8_floor(own->pnl);
    out->fees_e8 = money_e8_floor(own->fees);
    out->volume_e8 = money_e8_floor(own->volume);
}

/* How many of `count` things are on a page that begins with number `first`. */
static uint32_t on_page(uint32_t count, uint32_t first, uint32_t page_size) {
    if (count <= first) return 0;
    return count - first < page_size ? count - first : page_size;
}

void core_view_book(const struct core *core, uint32_t venue, uint32_t page, struct abi_book *out) {
    assert(venue < core->setup.venue_count);
    uint32_t first = page * ABI_BOOK_PAGE;
    uint32_t held = on_page(core->setup.symbol_count, first, ABI_BOOK_PAGE);
    for (uint32_t i = 0; i < held; i++)
        out->quote[i] = *quote_of(&core->market, first + i, venue);
    memset(out->quote + held, 0, (ABI_BOOK_PAGE - held) * sizeof out->quote[0]);
}

void core_view_balances(const struct core *core, uint32_t venue, uint32_t page, struct abi_balances *out) {
    assert(venue < core->setup.venue_count);
    uint32_t first = page * ABI_BALANCES_PAGE;
    uint32_t held = on_page(core->setup.asset_count, first, ABI_BALANCES_PAGE);
    for (uint32_t i = 0; i < held; i++) {
        const struct account *account = account_of(core, venue, first + i);
        out->asset[i] = (struct abi_balance){.total_e8 = account->total_e8,
                                             .reserved_e8 = account->reserved_e8,
                                             .venue_e8 = account->venue_e8,
                                             .venue_wall_ns = account->venue_wall_ns,
                                             .frac_e19 = money_frac_floor(account->total)};
    }
    memset(out->asset + held, 0, (ABI_BALANCES_PAGE - held) * sizeof out->asset[0]);
}

uint64_t core_balances_changed(struct core *core, uint32_t venue) {
    assert(venue < core->setup.venue_count);
    uint64_t pages = core->balances_changed[venue];
    core->balances_changed[venue] = 0;
    return pages;
}

bool core_account_opened(const struct core *core, uint32_t venue, uint32_t asset) {
    assert(venue < core->setup.venue_count);
    assert(asset < core->setup.asset_count);
    return account_of(core, venue, asset)->known;
}

uint32_t core_unresolved(const struct core *core, uint64_t *order_id, uint32_t cap) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < core->open_count; i++) {
        const struct pair *pair = &core->pair[core->open[i]];
        for (uint32_t leg = 0; leg < pair->leg_count; leg++) {
            if (pair->leg[leg].state != ABI_ORDER_UNKNOWN) continue;
            if (found < cap) order_id[found] = pair->leg[leg].order_id;
            found++;
        }
    }
    return found;
}
