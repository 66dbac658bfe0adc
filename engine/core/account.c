#include "state.h"

/* Its page is published anew. */
static void account_touched(struct core *core, uint32_t venue, uint32_t asset) {
    core->balances_changed[venue] |= UINT64_C(1) << asset / ABI_BALANCES_PAGE;
}

static bool account_used(const struct account *account) {
    return account->total != 0 || account->start != 0;
}

static void account_set(struct core *core, uint32_t venue, uint32_t asset, money total, money start) {
    assert(venue < core->setup.venue_count);
    assert(asset < core->setup.asset_count);
    struct account *account = account_of(core, venue, asset);
    struct holding *holding = &core->holding[asset];
    holding->accounts -= account_used(account);
    holding->gained += total - account->total - (start - account->start);
    holding->began += start - account->start;
    account->total = total;
    account->total_e8 = money_e8_floor(total);
    account->start = start;
    holding->accounts += account_used(account);
    account_touched(core, venue, asset);
}

void account_total_set(struct core *core, uint32_t venue, uint32_t asset, money total) {
    account_set(core, venue, asset, total, account_of(core, venue, asset)->start);
}

void account_start_set(struct core *core, uint32_t venue, uint32_t asset, money start) {
    account_set(core, venue, asset, account_of(core, venue, asset)->total, start);
}

/* Start inventory is worth what it was at its first mark; later transfers what they are when they happen. */
void account_start_change(struct core *core, uint32_t venue, uint32_t asset, money difference) {
    account_start_set(core, venue, asset, account_of(core, venue, asset)->start + difference);
    if (core->holding[asset].start_marked)
        core->totals.start_equity_e8 += money_e8_floor(asset_worth(core, difference, asset));
}

void balance_apply(struct core *core, const struct journal_balance *balance) {
    assert(balance->venue < core->setup.venue_count);
    assert(balance->asset < core->setup.asset_count);
    struct account *account = account_of(core, balance->venue, balance->asset);
    money amount = money_from_e8(balance->amount_e8, balance->frac_e19);
    switch (balance->reason) {
    case JOURNAL_BALANCE_OPENING:
        account_start_change(core, balance->venue, balance->asset, amount - account->start);
        account_total_set(core, balance->venue, balance->asset, amount);
        break;
    case JOURNAL_BALANCE_SNAPSHOT:
        account_total_set(core, balance->venue, balance->asset, amount);
        break;
    case JOURNAL_BALANCE_ADOPT:
        account_start_change(core, balance->venue, balance->asset, amount - account->total);
        account_total_set(core, balance->venue, balance->asset, amount);
        break;
    case JOURNAL_BALANCE_TRANSFER:
        account_start_change(core, balance->venue, balance->asset, amount);
        account_total_set(core, balance->venue, balance->asset, account->total + amount);
        break;
    default:
        break;
    }
    if (balance->reason != JOURNAL_BALANCE_TRANSFER && balance->reason != JOURNAL_BALANCE_SNAPSHOT) {
        account->venue_e8 = balance->amount_e8;
        account->venue_wall_ns = balance->venue_wall_ns;
    }
    if (balance->reason != JOURNAL_BALANCE_VENUE) account->known = true;
    account_touched(core, balance->venue, balance->asset);
}

uint32_t leg_reserve_asset(const struct core *core, const struct pair *pair, const struct leg *leg) {
    const struct journal_symbol *symbol = symbol_of(core, pair->symbol);
    return leg->side == ABI_SIDE_BUY ? symbol->quote_asset : symbol->base_asset;
}

void leg_reserve_set(struct core *core, const struct pair *pair, struct leg *leg, int64_t reserve_e8) {
    uint32_t asset = leg_reserve_asset(core, pair, leg);
    struct account *account = account_of(core, leg->venue, asset);
    account->reserved_e8 += reserve_e8 - leg->reserve_e8;
    assert(account->reserved_e8 >= 0);
    leg->reserve_e8 = reserve_e8;
    account_touched(core, leg->venue, asset);
}
