#include "state.h"

/* By the two legs of the decision alone; what hedges did to the residual is in the P&L. */
uint32_t pair_outcome(const struct pair *pair) {
    const struct leg *buy = &pair->leg[0], *sell = &pair->leg[1];
    for (uint32_t i = 0; i < pair->leg_count; i++)
        if (pair->leg[i].state == ABI_ORDER_UNKNOWN) return ABI_OUTCOME_UNKNOWN;
    if (leg_open(buy) || leg_open(sell)) return ABI_OUTCOME_SENT;
    if (buy->filled == 0 && sell->filled == 0) return ABI_OUTCOME_MISSED;
    if (buy->filled == 0 || sell->filled == 0) return ABI_OUTCOME_ONE_LEG;
    return buy->filled == sell->filled ? ABI_OUTCOME_BOTH : ABI_OUTCOME_PARTIAL;
}

static bool pair_filled(const struct pair *pair) {
    for (uint32_t i = 0; i < pair->leg_count; i++)
        if (pair->leg[i].filled != 0) return true;
    return false;
}

/* Cash in minus out, minus fees, plus what is left over at marks. */
static int64_t pair_pnl_e8(const struct core *core, const struct pair *pair) {
    const struct journal_symbol *symbol = symbol_of(core, pair->symbol);
    int64_t mark = core->market.mark[pair->symbol];
    money left = 0;
    bool fits = money_from_units((money)(mark != 0 ? mark : pair->buy_touch) * pair_residual(pair),
                                 symbol->price_digits + symbol->qty_digits, &left);
    return money_e8_floor(pair->cash - pair->fees + (fits ? left : 0));
}

static void outcome_count(struct core *core, struct pair *pair) {
    if (pair->counted || core->restoring) return;
    pair->counted = true;
    if (pair->outcome == ABI_OUTCOME_BOTH) count(core, ABI_COUNTER_PAIRS_BOTH);
    if (pair->outcome == ABI_OUTCOME_ONE_LEG) count(core, ABI_COUNTER_PAIRS_ONE_LEG);
    if (pair->outcome == ABI_OUTCOME_MISSED) count(core, ABI_COUNTER_PAIRS_MISSED);
}

static void result_add(struct core *core, const struct pair *pair, uint64_t one, int64_t sign) {
    struct strategy *strategy = &core->strategy[pair->strategy];
    if (!pair_filled(pair)) return;
    core->totals.trades += one;
    if (symbol_of(core, pair->symbol)->quote_asset == currency(core))
        strategy->pnl += sign * money_from_e8(pair->pnl_e8, 0);
    if (pair->pnl_e8 > 0) {
        core->totals.wins += one;
        strategy->view.wins += one;
    } else if (pair->pnl_e8 < 0) {
        core->totals.losses += one;
        strategy->view.losses += one;
    }
}

void pair_settle(struct core *core, struct pair *pair) {
    if (pair->settled) return;
    pair->settled = true;
    pair->pnl_e8 = pair_pnl_e8(core, pair);
    outcome_count(core, pair);
    result_add(core, pair, 1, 1);
}

/* Before anything about a settled pair changes. Trades, wins and losses are taken back and counted anew later. */
void pair_unsettle(struct core *core, struct pair *pair) {
    if (!pair->settled) return;
    result_add(core, pair, UINT64_MAX, -1); /* adds -1 */
    pair->settled = false;
}
