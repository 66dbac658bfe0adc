/* The ladder for what one leg got more than the other: complete the pair where it failed, wider, then undo it where it
 * filled; then it is OPEN and a person decides. Never more than the residual, never before all legs are closed, at
 * most hedge_attempts orders. */
#include "state.h"

struct hedge {
    int64_t price;
    int64_t qty;
    uint32_t venue;
    uint32_t side;
    uint32_t kind;
};

static uint32_t attempts_max(const struct core *core) {
    int64_t most = int64_min(core->setup.limits.hedge_attempts, LEG_MAX - 2);
    return most < 0 ? 0 : (uint32_t)most;
}

static struct hedge hedge_plan(const struct core *core, const struct pair *pair, int64_t residual) {
    const struct symbol_steps *steps = &core->step[pair->symbol];
    uint32_t step = pair->attempts < 2 ? pair->attempts : 2;
    int64_t slip = core->setup.limits.hedge_slip_bps_e4[step];
    bool complete = step < 2;
    struct hedge hedge = {.kind = complete ? JOURNAL_ORDER_HEDGE : JOURNAL_ORDER_UNWIND};
    hedge.qty = step_floor(int64_abs(residual), steps->lot);
    hedge.side = residual > 0 ? ABI_SIDE_SELL : ABI_SIDE_BUY;
    /* Too much bought: sell where the sale failed, or where it was bought. Too much sold: the mirror. */
    hedge.venue = (residual > 0) == complete ? pair->sell_venue : pair->buy_venue;
    int64_t intended = hedge.venue == pair->sell_venue ? pair->sell_touch : pair->buy_touch;
    hedge.price = hedge.side == ABI_SIDE_BUY ? step_floor(ratio_floor(intended, RATIO_ONE + slip), steps->tick)
                                             : step_ceil(ratio_ceil(intended, RATIO_ONE - slip), steps->tick);
    return hedge;
}

void dust_set(struct core *core, uint32_t symbol, int64_t qty) {
    core->dust_count += (uint32_t)(qty != 0) - (uint32_t)(core->dust[symbol] != 0);
    core->dust[symbol] = qty;
    symbols_set(core->dust_symbols, symbol, qty != 0);
}

/* Below what any venue takes as an order. */
bool hedge_is_dust(const struct core *core, const struct pair *pair, int64_t residual) {
    const struct journal_symbol *symbol = symbol_of(core, pair->symbol);
    int64_t qty = step_floor(int64_abs(residual), core->step[pair->symbol].lot);
    int64_t price = int64_min(pair->buy_touch, pair->sell_touch);
    money notional = 0;
    if (qty == 0 || qty < symbol->min_qty) return true;
    return money_from_units((money)price * qty, symbol->price_digits + symbol->qty_digits, &notional) &&
           notional < money_from_e8(symbol->min_notional_e8, 0);
}

static void hedge_later(struct core *core, struct pair *pair, int64_t now, struct core_out *out) {
    if (pair->hedge_asked_ns == 0) pair->hedge_asked_ns = now;
    pair->hedge_ns = time_add(now, int64_max(core->setup.limits.hedge_retry_ns, 1000000));
    if (pair->wait_alarmed || now - pair->hedge_asked_ns < HEDGE_WAIT_MAX_NS) return;
    pair->wait_alarmed = true;
    alarm_raise(core, out, ABI_ALARM_CRITICAL, "HEDGE_WAITS",
                "%s: a residual cannot be hedged, the engine is killed or the venue is not ready",
                symbol_of(core, pair->symbol)->name);
}

static void hedge_give_up(struct core *core, struct pair *pair, struct core_out *out) {
    bool known = pair->phase == PAIR_OPEN;
    if (known && pair->settled) return; /* nothing has changed */
    pair->phase = PAIR_OPEN;
    pair->hedge_asked_ns = 0;
    pair_settle(core, pair);
    if (known) {
        exposure_note(core, pair, ABI_EXPOSURE_OPEN, out);
        episode_pair_update(core, pair, out);
        return;
    }
    exposure_note(core, pair, ABI_EXPOSURE_OPEN, out);
    alarm_raise(core, out, ABI_ALARM_CRITICAL, "EXPOSURE_OPEN",
                "%s: %u hedges did not close the residual; the symbol is blocked until a person releases it",
                symbol_of(core, pair->symbol)->name, pair->attempts);
    episode_pair_update(core, pair, out);
}

static void hedge_send(struct core *core, struct pair *pair, const struct hedge *hedge, int64_t reserve_e8,
                       int64_t now, struct core_out *out) {
    uint32_t index = pair->leg_count;
    struct leg *leg = leg_begin(pair, index);
    leg->price = hedge->price;
    leg->qty = hedge->qty;
    leg->deadline_ns = time_add(now, core->setup.limits.answer_timeout_ns);
    leg->sent_ns = now;
    leg->venue = hedge->venue;
    leg->side = hedge->side;
    leg->kind = hedge->kind;
    leg->state = ABI_ORDER_CREATED;
    leg_create(core, pair, index, reserve_e8);
    exposure_note(core, pair, ABI_EXPOSURE_HEDGING, out);
    order_emit(core, pair, index, out);
    count(core, ABI_COUNTER_HEDGES);
}

void hedge_try(struct core *core, struct pair *pair, int64_t residual, int64_t now, struct core_out *out) {
    if (pair->attempts >= attempts_max(core) || pair->leg_count >= LEG_MAX) {
        hedge_give_up(core, pair, out);
        return;
    }
    pair->phase = PAIR_HEDGING;
    if (core->restoring) {
        pair->hedge_ns = INT64_MIN; /* at the first timer of the new generation */
        return;
    }
    if (pair->hedge_ns > now) return;
    struct hedge hedge = hedge_plan(core, pair, residual);
    bool ready = !core->killed && core->venue_state[hedge.venue] == ABI_VENUE_UP && core->gateway[hedge.venue] > 0;
    if (!ready) {
        hedge_later(core, pair, now, out);
        return;
    }
    pair->attempts++;
    pair->hedge_asked_ns = 0;
    pair->hedge_ns = time_add(now, core->setup.limits.hedge_retry_ns);
    const struct journal_symbol *symbol = symbol_of(core, pair->symbol);
    uint32_t asset = hedge.side == ABI_SIDE_BUY ? symbol->quote_asset : symbol->base_asset;
    int64_t need = 0;
    bool counted = hedge.price > 0 && hedge.price <= UNITS_MAX &&
                   reserve_need(core, pair->symbol, hedge.venue, hedge.side, hedge.price, hedge.qty, &need);
    if (counted && need <= account_free_e8(core, hedge.venue, asset))
        hedge_send(core, pair, &hedge, need, now, out);
    else
        exposure_note(core, pair, ABI_EXPOSURE_HEDGING, out); /* cannot be paid for: this rung is used up */
}
