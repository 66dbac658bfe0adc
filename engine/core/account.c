#include "state.h"

/* For a change: its page is published anew. */
struct account *account_of(struct core *core, uint32_t venue, uint32_t asset) {
    assert(venue < core->setup.venue_count);
    assert(asset < core->setup.asset_count);
    core->balances_changed[venue] |= UINT64_C(1) << asset / ABI_BALANCES_PAGE;
    return &core->account[venue][asset];
}

int64_t account_free_e8(const struct core *core, uint32_t venue, uint32_t asset) {
    const struct account *account = &core->account[venue][asset];
    return money_e8_floor(account->total) - account->reserved_e8;
}

/* Start inventory is worth what it was at its first mark; later transfers what they are when they happen. */
void account_start_change(struct core *core, uint32_t venue, uint32_t asset, money difference) {
    account_of(core, venue, asset)->start += difference;
    if (core->totals.start_marked[asset])
        core->totals.start_equity_e8 += money_e8_floor(asset_worth(core, difference, asset));
}

void balance_apply(struct core *core, const struct journal_balance *balance) {
    struct account *account = account_of(core, balance->venue, balance->asset);
    money amount = money_from_e8(balance->amount_e8, balance->frac_e19);
    switch (balance->reason) {
    case JOURNAL_BALANCE_OPENING:
        account_start_change(core, balance->venue, balance->asset, amount - account->start);
        account->total = amount;
        break;
    case JOURNAL_BALANCE_SNAPSHOT:
        account->total = amount;
        break;
    case JOURNAL_BALANCE_ADOPT:
        account_start_change(core, balance->venue, balance->asset, amount - account->total);
        account->total = amount;
        break;
    case JOURNAL_BALANCE_TRANSFER:
        account_start_change(core, balance->venue, balance->asset, amount);
        account->total += amount;
        break;
    default:
        break;
    }
    if (balance->reason != JOURNAL_BALANCE_TRANSFER && balance->reason != JOURNAL_BALANCE_SNAPSHOT) {
        account->venue_e8 = balance->amount_e8;
        account->venue_wall_ns = balance->venue_wall_ns;
    }
    if (balance->reason != JOURNAL_BALANCE_VENUE) account->known = true;
}

uint32_t leg_reserve_asset(const struct core *core, const struct pair *pair, const struct leg *leg) {
    const struct journal_symbol *symbol = symbol_of(core, pair->symbol);
    return leg->side == ABI_SIDE_BUY ? symbol->quote_asset : symbol->base_asset;
}

void leg_reserve_set(struct core *core, const struct pair *pair, struct leg *leg, int64_t reserve_e8) {
    struct account *account = account_of(core, leg->venue, leg_reserve_asset(core, pair, leg));
    account->reserved_e8 += reserve_e8 - leg->reserve_e8;
    assert(account->reserved_e8 >= 0);
    leg->reserve_e8 = reserve_e8;
}
