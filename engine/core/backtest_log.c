/* What a run reports: trades, fills, the curve, days, alarms and totals. */
#include "backtest_run.h"

/* By words: the records are whole words without padding. */
static void digest_add(struct run *run, const void *data, size_t size) {
    uint64_t hash = run->result->digest;
    assert(size % sizeof hash == 0);
    for (size_t at = 0; at < size; at += sizeof hash) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)data + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    run->result->digest = hash;
}

void run_fill_log(struct run *run, const struct journal_fill *fill, int64_t now) {
    struct backtest_fill row = {.time_ns = now,
                                .price = fill->price,
                                .qty = fill->qty,
                                .fee_e8 = fill->fee_e8,
                                .fee_frac_e19 = fill->fee_frac_e19,
                                .pair_id = fill->pair_id,
                                .leg = fill->leg,
                                .symbol = fill->symbol,
                                .venue = fill->venue,
                                .side = fill->side};
    if (fill->booked == 0) run_fail(run, ERROR_RANGE);
    uint64_t index = run->result->fill_count++;
    if (index < run->output->fill_cap) run->output->fill[index] = row;
    digest_add(run, &row, sizeof row);
}

static struct backtest_trade trade_of(const struct pair *pair, int64_t final_ns) {
    struct backtest_trade trade = {.pair_id = pair->id,
                                   .time_ns = pair->leg[0].sent_ns,
                                   .final_ns = final_ns,
                                   .qty = pair->leg[0].qty,
                                   .buy_limit = pair->leg[0].price,
                                   .sell_limit = pair->leg[1].price,
                                   .fees_e8 = money_e8_ceil(pair->fees),
                                   .pnl_e8 = pair->pnl_e8,
                                   .gross_bps_e4 = pair->gross_bps_e4,
                                   .net_bps_e4 = pair->net_bps_e4,
                                   .symbol = pair->symbol,
                                   .buy_venue = pair->buy_venue,
                                   .sell_venue = pair->sell_venue,
                                   .outcome = pair->outcome,
                                   .hedges = pair->leg_count - 2,
                                   .open = pair->phase == PAIR_OPEN};
    money bought = 0, sold = 0;
    for (uint32_t i = 0; i < pair->leg_count; i++) {
        const struct leg *leg = &pair->leg[i];
        bool buy = leg->side == ABI_SIDE_BUY;
        *(buy ? &bought : &sold) += leg->filled_quote;
        *(buy ? &trade.bought_qty : &trade.sold_qty) += leg->filled;
    }
    trade.bought_e8 = money_e8_floor(bought);
    trade.sold_e8 = money_e8_floor(sold);
    return trade;
}

/* Pairs are numbered without a hole, so the number is the row. */
static void trade_log(struct run *run, const struct pair *pair, int64_t final_ns) {
    struct backtest_trade trade = trade_of(pair, final_ns);
    uint64_t row = (uint32_t)pair->id - 1;
    if (row < run->output->trade_cap) run->output->trade[row] = trade;
    digest_add(run, &trade, sizeof trade);
}

static void pair_begin(struct run *run, const struct journal_intent *intent) {
    if (run->open_count == PAIR_SLOTS) {
        run_fail(run, ERROR_FULL);
        return;
    }
    run->result->pairs++;
    run->open_pair[run->open_count++] = intent->pair_id;
    trade_log(run, pair_find(run->core, intent->pair_id), 0);
}

static void halt_log(struct run *run, const char *code, int64_t now) {
    if (run->result->halted_ns != 0) return;
    run->result->halted_ns = now;
    memcpy(run->result->halt_code, code, strnlen(code, sizeof run->result->halt_code - 1));
}

static void pair_blocks(struct run *run, const struct pair *pair, int64_t now) {
    if (!symbols_has(run->blocked_symbols, pair->symbol)) run->blocked_count++;
    symbols_add(run->blocked_symbols, pair->symbol);
    if (run->blocked_count == run->setup->symbol_count) halt_log(run, "EXPOSURE_OPEN", now);
}

/* Nobody releases an exhausted pair here, so OPEN is as final as DONE. */
static void pairs_finish(struct run *run, int64_t now) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->open_count; i++) {
        const struct pair *pair = pair_find(run->core, run->open_pair[i]);
        if (pair->phase == PAIR_OPEN) pair_blocks(run, pair, now);
        if (pair->phase == PAIR_DONE || pair->phase == PAIR_OPEN)
            trade_log(run, pair, now);
        else
            run->open_pair[kept++] = run->open_pair[i];
    }
    run->open_count = kept;
}

/* At the end: what is still open counts with what it has, its residual at marks. */
void run_pairs_close(struct run *run) {
    for (uint32_t i = 0; i < run->open_count; i++) {
        struct pair *pair = pair_find(run->core, run->open_pair[i]);
        pair_settle(run->core, pair);
        trade_log(run, pair, 0);
    }
    run->result->unfinished = run->open_count;
}

static void alarm_log(struct run *run, const struct journal_alarm *alarm, int64_t now) {
    struct backtest_result *result = run->result;
    if (run->core->trading_state != ABI_STATE_ACTIVE && alarm->severity == ABI_ALARM_CRITICAL)
        halt_log(run, alarm->code, now);
    for (uint32_t i = 0; i < result->alarm_count; i++)
        if (strcmp(result->alarm[i].code, alarm->code) == 0) return;
    if (result->alarm_count == BACKTEST_ALARM_MAX) return;
    struct backtest_alarm *held = &result->alarm[result->alarm_count++];
    held->time_ns = now;
    memcpy(held->code, alarm->code, sizeof held->code);
    memcpy(held->text, alarm->text, sizeof held->text);
}

void run_take(struct run *run, int64_t now) {
    if (run->out.overflow != 0) run_fail(run, ERROR_FULL);
    for (uint32_t i = 0; i < run->out.count; i++) {
        const struct journal_record *record = &run->out.record[i];
        const void *payload = record->payload;
        if (record->type == JOURNAL_INTENT) pair_begin(run, payload);
        if (record->type == JOURNAL_ORDER) order_place(run, payload, now);
        if (record->type == JOURNAL_ALARM) alarm_log(run, payload, now);
    }
    if (run->open_count != 0) pairs_finish(run, now);
}

/* A day's result is the difference of trading P&L between its last mark and the last mark before it. */
static void day_close(struct run *run) {
    struct backtest_result *result = run->result;
    double value = (double)(run->trading_e8 - run->day_base_e8);
    result->days++;
    double distance = value - result->day_mean_e8;
    result->day_mean_e8 += distance / (double)result->days;
    result->day_m2_e8 += distance * (value - result->day_mean_e8);
    run->day_base_e8 = run->trading_e8;
}

static void point_log(struct run *run, const struct journal_mark *mark, int64_t now) {
    struct backtest_point point = {.time_ns = now,
                                   .trading_e8 = mark->trading_pnl_e8,
                                   .holding_e8 = mark->holding_pnl_e8,
                                   .equity_e8 = mark->equity_e8};
    if (run->core->totals.marked_wall_ns == 0 || run->point_ns == now) return; /* nothing has a price yet */
    run->point_ns = now;
    uint64_t index = run->result->point_count++;
    if (index < run->output->point_cap) run->output->point[index] = point;
    digest_add(run, &point, sizeof point);
}

/* A mark at 00:00 still belongs to the day that it ends. */
void run_mark(struct run *run, int64_t now, bool last) {
    struct journal_mark mark = {.wall_ns = now};
    core_on_mark(run->core, &mark, now, &run->out);
    int64_t day = (now - 1) / DAY_NS;
    if (day != run->day) day_close(run);
    run->day = day;
    run->trading_e8 = mark.trading_pnl_e8;
    run->peak_e8 = int64_max(run->peak_e8, run->trading_e8);
    run->result->drawdown_e8 = int64_max(run->result->drawdown_e8, run->peak_e8 - run->trading_e8);
    if (last || now % run->options->curve_ns == 0) point_log(run, &mark, now);
    if (last) day_close(run);
    run_take(run, now);
}

void run_totals(struct run *run) {
    struct backtest_result *result = run->result;
    const struct core *core = run->core;
    const struct totals *totals = &core->totals;
    if (result->digest == 0) result->digest = 1;
    result->trades = totals->trades;
    result->wins = totals->wins;
    result->losses = totals->losses;
    result->opportunities = core->counters.value[ABI_COUNTER_OPPORTUNITIES];
    result->one_leg = core->counters.value[ABI_COUNTER_PAIRS_ONE_LEG];
    result->missed = core->counters.value[ABI_COUNTER_PAIRS_MISSED];
    result->hedges = core->counters.value[ABI_COUNTER_HEDGES];
    result->orders = core->counters.value[ABI_COUNTER_ORDERS];
    memcpy(result->refused, core->counters.refused, sizeof result->refused);
    result->trading_e8 = totals->trading_pnl_e8;
    result->holding_e8 = totals->holding_pnl_e8;
    result->equity_e8 = totals->equity_e8;
    result->start_equity_e8 = totals->start_equity_e8;
    result->fees_e8 = money_e8_ceil(totals->fees);
    result->volume_e8 = money_e8_floor(totals->volume);
    result->hedge_cost_e8 = money_e8_ceil(totals->hedge_cost);
}
