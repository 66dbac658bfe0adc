/* What a core is made from is checked; its block is divided among the tables by their counts. */
#include "state.h"

#define DIGITS_SUM_MAX 19
#define CORE_ALIGN     64

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

/* The next `count` elements behind what is used already, each array on its own cache lines. */
static void *take(struct core *core, size_t *used, size_t count, size_t size) {
    size_t at = *used;
    *used += (count * size + CORE_ALIGN - 1) / CORE_ALIGN * CORE_ALIGN;
    return core == NULL ? NULL : (uint8_t *)core + at;
}

static uint32_t count_within(uint32_t count, uint32_t max) {
    return count < max ? count : max;
}

static size_t net_width(const struct core_setup *setup) {
    return setup->venue_count <= 2 ? 2 : setup->venue_count <= 4 ? 4 : 8;
}

static size_t row_count(const struct core_setup *setup) {
    size_t symbols = count_within(setup->symbol_count, ABI_SYMBOL_MAX);
    return (symbols + DETECT_ROWS_STEP - 1) / DETECT_ROWS_STEP * DETECT_ROWS_STEP;
}

/* Divides the block behind `core` and notes where what is; core NULL: only counts. Returns the bytes of all. */
static size_t layout(struct core *core, const struct core_setup *setup) {
    size_t venues = count_within(setup->venue_count, ABI_VENUE_MAX);
    size_t symbols = count_within(setup->symbol_count, ABI_SYMBOL_MAX);
    size_t assets = count_within(setup->asset_count, ABI_ASSET_MAX);
    size_t strategies = count_within(setup->strategy_count, ABI_STRATEGY_MAX);
    size_t directions = symbols * venues * venues;
    struct core own, *to = core != NULL ? core : &own;
    size_t used = (sizeof *core + CORE_ALIGN - 1) / CORE_ALIGN * CORE_ALIGN;
    to->market.quote = take(core, &used, symbols * venues, sizeof *to->market.quote);
    to->market.net = take(core, &used, row_count(setup) * 2 * net_width(setup), sizeof *to->market.net);
    to->market.factor = take(core, &used, symbols * venues, sizeof *to->market.factor);
    to->market.mark = take(core, &used, symbols, sizeof *to->market.mark);
    to->setup.symbol = take(core, &used, symbols, sizeof *to->setup.symbol);
    to->setup.taker_fee_ppm = take(core, &used, symbols * venues, sizeof *to->setup.taker_fee_ppm);
    to->direction = take(core, &used, directions, sizeof *to->direction);
    to->episode_of = take(core, &used, strategies * directions, sizeof *to->episode_of);
    to->account = take(core, &used, assets * venues, sizeof *to->account);
    to->holding = take(core, &used, assets, sizeof *to->holding);
    to->step = take(core, &used, symbols, sizeof *to->step);
    to->symbol_next = take(core, &used, symbols, sizeof *to->symbol_next);
    to->dust = take(core, &used, symbols, sizeof *to->dust);
    to->rate = take(core, &used, venues, sizeof *to->rate);
    to->pair = take(core, &used, PAIR_SLOTS, sizeof *to->pair);
    to->episode = take(core, &used, EPISODE_SLOTS, sizeof *to->episode);
    to->order = take(core, &used, ABI_RING_SIZE, sizeof *to->order);
    to->opportunity = take(core, &used, ABI_RING_SIZE, sizeof *to->opportunity);
    to->fill = take(core, &used, ABI_RING_SIZE, sizeof *to->fill);
    to->execution = take(core, &used, EXECUTION_SLOTS, sizeof *to->execution);
    to->trade_bucket = take(core, &used, TRADE_SLOTS, sizeof *to->trade_bucket);
    to->trade = take(core, &used, TRADE_SLOTS, sizeof *to->trade);
    to->market.reference = take(core, &used, symbols, sizeof *to->market.reference);
    to->setup.asset = take(core, &used, assets, sizeof *to->setup.asset);
    return used;
}

size_t core_size(const struct core_setup *setup) {
    return layout(NULL, setup);
}

static void setup_copy(struct facts *to, const struct core_setup *setup) {
    to->generation = setup->generation;
    to->wall_offset_ns = setup->wall_offset_ns;
    to->mode = setup->mode;
    to->venue_count = setup->venue_count;
    to->symbol_count = setup->symbol_count;
    to->asset_count = setup->asset_count;
    to->strategy_count = setup->strategy_count;
    to->limits = setup->limits;
    memcpy(to->params, setup->params, sizeof to->params);
    memcpy(to->venue, setup->venue, sizeof to->venue);
    memcpy(to->strategy_name, setup->strategy_name, sizeof to->strategy_name);
    memcpy(to->symbol, setup->symbol, setup->symbol_count * sizeof *to->symbol);
    memcpy(to->asset, setup->asset, setup->asset_count * sizeof *to->asset);
    for (uint32_t s = 0; s < setup->symbol_count; s++)
        for (uint32_t v = 0; v < setup->venue_count; v++)
            to->taker_fee_ppm[s * setup->venue_count + v] = setup->taker_fee_ppm[v][s];
}

/* Which symbols price an asset in the currency of P&L, in their order. */
static void prices_link(struct core *core) {
    for (uint32_t a = 0; a < core->setup.asset_count; a++)
        core->holding[a].symbol = INDEX_NONE;
    for (uint32_t s = core->setup.symbol_count; s-- > 0;) {
        const struct journal_symbol *symbol = symbol_of(core, s);
        core->symbol_next[s] = INDEX_NONE;
        if (symbol->quote_asset != currency(core)) continue;
        core->symbol_next[s] = core->holding[symbol->base_asset].symbol;
        core->holding[symbol->base_asset].symbol = s;
    }
}

/* Of the long tables only what is read before it is first written: a backtest makes a core for each candidate. */
static void tables_clear(struct core *core) {
    const struct facts *setup = &core->setup;
    memset(core->market.quote, 0, (size_t)setup->symbol_count * setup->venue_count * sizeof *core->market.quote);
    memset(core->market.mark, 0, setup->symbol_count * sizeof *core->market.mark);
    memset(core->account, 0, (size_t)setup->asset_count * setup->venue_count * sizeof *core->account);
    memset(core->holding, 0, setup->asset_count * sizeof *core->holding);
    memset(core->dust, 0, setup->symbol_count * sizeof *core->dust);
    memset(core->episode_of, 0, (size_t)setup->strategy_count * core->direction_count * sizeof *core->episode_of);
    memset(core->trade_bucket, 0, TRADE_SLOTS * sizeof *core->trade_bucket);
    for (uint32_t s = 0; s < setup->symbol_count; s++)
        memset(&core->market.reference[s], 0, offsetof(struct reference, sample));
    for (uint32_t d = 0; d < core->direction_count; d++)
        core->direction[d] = (struct direction){.final_ns = INT64_MIN};
    for (uint32_t v = 0; v < setup->venue_count; v++)
        core->rate[v].head = core->rate[v].tail = 0;
    for (uint32_t i = 0; i < PAIR_SLOTS; i++)
        core->pair[i].phase = PAIR_NONE;
    for (uint32_t i = 0; i < ABI_RING_SIZE; i++)
        core->opportunity[i].id = core->order[i].id = core->fill[i].id = 0;
}

static void steps_set(struct core *core) {
    for (uint32_t s = 0; s < core->setup.symbol_count; s++) {
        const struct journal_symbol *symbol = symbol_of(core, s);
        money unit = power_of_ten(MONEY_DIGITS - symbol->price_digits - symbol->qty_digits);
        core->step[s] =
            (struct symbol_steps){.tick = step_of(symbol->tick),
                                  .lot = step_of(symbol->lot),
                                  .units_least = divide_ceil(money_from_e8(symbol->min_notional_e8, 0), unit),
                                  .qty_least = int64_max(symbol->min_qty, symbol->lot),
                                  .digits = symbol->price_digits + symbol->qty_digits,
                                  .qty_digits = symbol->qty_digits};
    }
}

static void map_identity(uint32_t *map, uint32_t size, uint32_t count) {
    for (uint32_t i = 0; i < size; i++)
        map[i] = i < count ? i : INDEX_NONE;
}

int core_init(struct core *core, const struct core_setup *setup) {
    assert((uintptr_t)core % CORE_ALIGN == 0);
    int error = setup_check(setup);
    if (error != 0) return error;
    memset(core, 0, sizeof *core);
    layout(core, setup);
    setup_copy(&core->setup, setup);
    core->market.venue_count = setup->venue_count;
    core->market.net_width = (uint32_t)net_width(setup);
    core->kernel = detect_kernel_best();
    core->direction_count = setup->symbol_count * setup->venue_count * setup->venue_count;
    tables_clear(core);
    net_rows_clear(&core->market, (uint32_t)row_count(setup));
    net_rows_set(core);
    prices_link(core);
    steps_set(core);
    core->trading_state = ABI_STATE_STARTING;
    core->journal_healthy = true;
    core->timer_ns = INT64_MAX;
    core->now = INT64_MIN;
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++)
        core->venue_state[v] = ABI_VENUE_DOWN;
    map_identity(core->map.venue, ABI_VENUE_MAX, setup->venue_count);
    map_identity(core->map.symbol, ABI_SYMBOL_MAX, setup->symbol_count);
    map_identity(core->map.asset, ABI_ASSET_MAX, setup->asset_count);
    for (uint32_t i = 0; i < ABI_STRATEGY_MAX; i++) {
        struct abi_strategy *view = &core->strategy[i].view;
        view->state = ABI_STRATEGY_STOPPED;
        view->best_net_bps_e4 = view->best_gross_bps_e4 = view->best_need_bps_e4 = INT64_MIN;
    }
    return 0;
}
