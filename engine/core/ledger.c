/* Booking of fills. Totals are exact to 19 decimals. A fee taken in the base asset leaves less at the venue than the
 * fill says; legs are still compared by what was filled, and the base lost is a cost: trading P&L (equity minus the
 * worth of the starting inventory) contains it without further ado, at marks. */
#include "state.h"

uint32_t currency(const struct core *core) {
    return core->setup.symbol[0].quote_asset;
}

static int64_t asset_price(const struct core *core, uint32_t asset, uint32_t *price_digits) {
    for (uint32_t s = core->holding[asset].symbol; s != INDEX_NONE; s = core->symbol_next[s]) {
        if (core->market.mark[s] == 0) continue;
        *price_digits = symbol_of(core, s)->price_digits;
        return core->market.mark[s];
    }
    return 0;
}

/* At marks, in the currency of P&L; 0 for what has no price in it. */
money asset_worth(const struct core *core, money amount, uint32_t asset) {
    if (asset == currency(core)) return amount;
    uint32_t price_digits = 0;
    int64_t price = asset_price(core, asset, &price_digits);
    return price == 0 ? 0 : money_worth(amount, price, price_digits);
}

static money fee_worth(const struct core *core, const struct journal_fill *fill, money fee) {
    const struct journal_symbol *symbol = symbol_of(core, fill->symbol);
    if (fill->fee_asset == symbol->quote_asset) return fee;
    if (fill->fee_asset == symbol->base_asset) return money_worth(fee, fill->price, symbol->price_digits);
    return fill->fee_asset < core->setup.asset_count ? asset_worth(core, fee, fill->fee_asset) : 0;
}

/* Loss of a hedge against the price at which the missing leg was meant to trade. */
static money hedge_cost(const struct core *core, const struct pair *pair, const struct journal_fill *fill) {
    const struct journal_symbol *symbol = symbol_of(core, fill->symbol);
    int64_t lost = fill->side == ABI_SIDE_BUY ? fill->price - pair->buy_touch : pair->sell_touch - fill->price;
    money cost = 0;
    bool fits = money_from_units((money)lost * fill->qty, symbol->price_digits + symbol->qty_digits, &cost);
    return fits ? cost : 0;
}

static void costs_add(struct core *core, struct pair *pair, const struct leg *leg, const struct journal_fill *fill,
                      money quote, money fee) {
    struct strategy *strategy = &core->strategy[pair->strategy];
    money worth = fee_worth(core, fill, fee);
    pair->cash += fill->side == ABI_SIDE_BUY ? -quote : quote;
    pair->fees += worth;
    if (symbol_of(core, fill->symbol)->quote_asset != currency(core)) return; /* sums are of one currency only */
    core->totals.fees += worth;
    core->totals.volume += quote;
    strategy->fees += worth;
    strategy->volume += quote;
    if (leg->kind != JOURNAL_ORDER_ARB) core->totals.hedge_cost += hedge_cost(core, pair, fill);
}

static void fee_take(struct core *core, const struct journal_fill *fill, money fee, struct core_out *out) {
    if (fill->fee_asset < core->setup.asset_count) {
        money left = account_of(core, fill->venue, fill->fee_asset)->total - fee;
        account_total_set(core, fill->venue, fill->fee_asset, left);
        return;
    }
    if (core->asset_alarmed || fee == 0) return;
    core->asset_alarmed = true;
    alarm_raise(core, out, ABI_ALARM_ATTENTION, "FEE_ASSET",
                "%s takes fees in %.16s, which is not in the asset table: recorded, booked in no balance",
                core->setup.venue[fill->venue].name, fill->fee_asset_name);
}

/* false: an amount is out of range and nothing was booked. */
bool ledger_fill_book(struct core *core, struct pair *pair, struct leg *leg, struct journal_fill *fill,
                      struct core_out *out) {
    const struct journal_symbol *symbol = symbol_of(core, fill->symbol);
    money quote = 0, base = 0;
    if (!money_from_units((money)fill->price * fill->qty, symbol->price_digits + symbol->qty_digits, &quote) ||
        !money_from_units(fill->qty, symbol->qty_digits, &base))
        return false;
    money fee = money_from_e8(fill->fee_e8, fill->fee_frac_e19);
    const struct account *base_account = account_of(core, fill->venue, symbol->base_asset);
    const struct account *quote_account = account_of(core, fill->venue, symbol->quote_asset);
    bool buy = fill->side == ABI_SIDE_BUY;
    account_total_set(core, fill->venue, symbol->base_asset, base_account->total + (buy ? base : -base));
    account_total_set(core, fill->venue, symbol->quote_asset, quote_account->total + (buy ? -quote : quote));
    fee_take(core, fill, fee, out);
    leg->filled_quote += quote;
    costs_add(core, pair, leg, fill, quote, fee);

    fill->quote_e8 = money_e8(quote);
    fill->quote_frac_e19 = money_frac(quote);
    fill->base_after_e8 = base_account->total_e8;
    fill->quote_after_e8 = quote_account->total_e8;
    fill->fee_after_e8 =
        fill->fee_asset < core->setup.asset_count ? account_of(core, fill->venue, fill->fee_asset)->total_e8 : 0;
    return true;
}
