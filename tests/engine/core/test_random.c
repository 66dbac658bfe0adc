/* Protects determinism and the money under streams that nobody would write by hand: random quotes, reports, fills
 * (twice, late, out of order), time-outs, states and limits, with times that collide on purpose. Every stream runs
 * twice and must give the same bytes; invariants hold after every event; now and then the world dies, is rebuilt from
 * its own journal and must own the same. The seed is printed. */
#include "harness.h"

#define STREAMS      200
#define EVENTS       1500
#define ORDERS_MAX   4096
#define JOURNAL_MOST 40000

struct random {
    uint64_t state;
};

static uint64_t random_next(struct random *r) {
    r->state += 0x9e3779b97f4a7c15u;
    uint64_t z = r->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int64_t random_below(struct random *r, int64_t n) {
    return (int64_t)(random_next(r) % (uint64_t)n);
}

/* What the venue knows of one order: its plan is drawn when it leaves. */
struct live {
    struct journal_order order;
    int64_t will_fill;
    int64_t filled;
    uint32_t fills;
    bool final;
    bool done;
};

struct run {
    struct world w;
    struct random r;
    struct live live[ORDERS_MAX];
    uint32_t live_count;
    int64_t mid[2];
    uint64_t hash;
    int64_t bought[2]; /* per symbol, fills booked as the venue counts them */
    int64_t sold[2];
    struct journal_record *journal;
    uint32_t journal_count;
    struct abi_balances shown[2]; /* what a publisher shows that writes only the pages said to have changed */
};

static void hash_add(struct run *run, const void *data, size_t size) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        run->hash = (run->hash ^ bytes[i]) * 0x100000001b3u;
}

static void journal_add(struct run *run, uint32_t type, const void *payload, size_t size) {
    assert_true(run->journal_count < JOURNAL_MOST);
    struct journal_record *record = &run->journal[run->journal_count++];
    memset(record, 0, sizeof *record);
    record->type = (uint16_t)type;
    record->time_ns = run->w.now;
    memcpy(record->payload, payload, size);
}

/* Notes what the core asked for, in the journal and at the venue. */
static void out_take(struct run *run) {
    const struct core_out *out = &run->w.out;
    assert_int_equal(out->overflow, 0);
    for (uint32_t i = 0; i < out->count; i++) {
        hash_add(run, &out->record[i], sizeof out->record[i]);
        journal_add(run, out->record[i].type, out->record[i].payload, sizeof out->record[i].payload);
        if (out->record[i].type != JOURNAL_ORDER) continue;
        const struct journal_order *order = (const void *)out->record[i].payload;
        for (uint32_t k = 0; k < run->live_count; k++) /* never the same order twice */
            assert_false(strcmp(run->live[k].order.client_id, order->client_id) == 0);
        assert_true(run->live_count < ORDERS_MAX);
        struct live *live = &run->live[run->live_count++];
        memset(live, 0, sizeof *live);
        live->order = *order;
        int64_t fate = random_below(&run->r, 4);
        live->will_fill = fate == 0 ? 0 : fate == 1 ? random_below(&run->r, order->qty + 1) : order->qty;
    }
    hash_add(run, &out->opportunity_count, 5 * sizeof out->count);
}

static void event_quote(struct run *run) {
    uint32_t symbol = (uint32_t)random_below(&run->r, 2), venue = (uint32_t)random_below(&run->r, 2);
    int64_t mid = run->mid[symbol] + random_below(&run->r, run->mid[symbol] / 500) - run->mid[symbol] / 1000;
    int64_t half = random_below(&run->r, mid / 10000 + 1);
    struct journal_quote quote = {.bid_price = mid - half,
                                  .ask_price = mid + half + random_below(&run->r, 2),
                                  .bid_qty = random_below(&run->r, symbol == BTC ? 3000 : 40000000),
                                  .ask_qty = random_below(&run->r, symbol == BTC ? 3000 : 40000000),
                                  .recv_ns = run->w.now,
                                  .symbol = symbol,
                                  .venue = venue};
    journal_add(run, JOURNAL_QUOTE, &quote, sizeof quote);
    core_on_quote(run->w.core, &quote, run->w.now, &run->w.out);
    out_take(run);
    if (random_below(&run->r, 20) == 0) run->mid[symbol] += random_below(&run->r, 21) - 10;
}

static void report_send(struct run *run, const struct live *live, uint32_t kind, uint32_t state, int64_t cum) {
    struct journal_report report = {.pair_id = live->order.pair_id,
                                    .order_id = live->order.order_id,
                                    .cum_qty = cum,
                                    .venue = live->order.venue,
                                    .leg = live->order.leg,
                                    .kind = kind,
                                    .state = state};
    journal_add(run, JOURNAL_REPORT, &report, sizeof report);
    core_on_report(run->w.core, &report, run->w.now, &run->w.out);
    out_take(run);
}

static void fill_send(struct run *run, struct live *live, uint32_t number, int64_t qty, bool again) {
    struct journal_fill fill = fill_of(&live->order, live->order.price, qty, "");
    snprintf(fill.trade_id, sizeof fill.trade_id, "%s-%u", live->order.client_id, number);
    fill.fee_e8 = qty % 977;
    fill.fee_frac_e19 = qty % 313;
    core_on_fill(run->w.core, &fill, run->w.now, &run->w.out);
    assert_int_equal(fill.booked, !again);
    hash_add(run, &fill, sizeof fill);
    journal_add(run, JOURNAL_FILL, &fill, sizeof fill);
    out_take(run);
    if (again) return;
    if (fill.side == ABI_SIDE_BUY)
        run->bought[fill.symbol] += qty;
    else
        run->sold[fill.symbol] += qty;
}

/* One more thing that the venue has to say about one order; in any order, some things twice. */
static void event_venue(struct run *run) {
    if (run->live_count == 0) return;
    uint32_t first = run->live_count > 12 ? run->live_count - 12 : 0;
    struct live *live = &run->live[first + random_below(&run->r, run->live_count - first)];
    int64_t left = live->will_fill - live->filled;
    switch (random_below(&run->r, 7)) {
    case 0:
        report_send(run, live, JOURNAL_REPORT_SENT, 0, -1);
        break;
    case 1:
        report_send(run, live, JOURNAL_REPORT_ACK, 0, -1);
        break;
    case 2:
        if (random_below(&run->r, 10) == 0) report_send(run, live, JOURNAL_REPORT_UNKNOWN, 0, -1);
        break;
    case 3:
        live->final = true;
        report_send(run, live, JOURNAL_REPORT_FINAL,
                    live->will_fill == live->order.qty ? ABI_ORDER_FILLED : ABI_ORDER_EXPIRED, live->will_fill);
        break;
    case 4:
        if (live->fills > 0) fill_send(run, live, (uint32_t)random_below(&run->r, live->fills), 1, true);
        break;
    default:
        if (left == 0) break;
        left = random_below(&run->r, 2) == 0 ? left : 1 + random_below(&run->r, left);
        live->filled += left;
        fill_send(run, live, live->fills++, left, false);
        break;
    }
}

static void event_state(struct run *run) {
    static const struct {
        uint32_t what, value;
    } choice[] = {{JOURNAL_STATE_GATEWAY, 0},
                  {JOURNAL_STATE_GATEWAY, 4},
                  {JOURNAL_STATE_GATEWAY, 1000},
                  {JOURNAL_STATE_VENUE, ABI_VENUE_STALE},
                  {JOURNAL_STATE_VENUE, ABI_VENUE_DOWN},
                  {JOURNAL_STATE_VENUE, ABI_VENUE_UP},
                  {JOURNAL_STATE_VENUE, ABI_VENUE_UP},
                  {JOURNAL_STATE_RELEASE, 0},
                  {JOURNAL_STATE_RELEASE, 0},
                  {JOURNAL_STATE_TRADING, ABI_STATE_HALTED},
                  {JOURNAL_STATE_TRADING, ABI_STATE_ACTIVE},
                  {JOURNAL_STATE_TRADING, ABI_STATE_ACTIVE},
                  {JOURNAL_STATE_KILL, 1},
                  {JOURNAL_STATE_KILL, 0},
                  {JOURNAL_STATE_STRATEGY, ABI_STRATEGY_RUNNING}};
    size_t pick = (size_t)random_below(&run->r, sizeof choice / sizeof choice[0]);
    struct journal_state state = {
        .what = choice[pick].what, .new_value = choice[pick].value, .index = (uint32_t)random_below(&run->r, 2)};
    if (state.what == JOURNAL_STATE_STRATEGY) state.index = 0;
    journal_add(run, JOURNAL_STATE, &state, sizeof state);
    core_on_state(run->w.core, &state, run->w.now, &run->w.out);
    out_take(run);
}

static void state_send(struct run *run, uint32_t what, uint32_t index, uint32_t value) {
    struct journal_state state = {.what = what, .new_value = value, .index = index};
    journal_add(run, JOURNAL_STATE, &state, sizeof state);
    core_on_state(run->w.core, &state, run->w.now, &run->w.out);
    out_take(run);
}

/* The venues say all they know, a person clears what is latched: trading goes on. Hedges that leave meanwhile are
 * answered by the next call. */
static void event_settle(struct run *run) {
    for (uint32_t i = 0; i < run->live_count; i++) {
        struct live *live = &run->live[i];
        if (live->done) continue;
        live->done = true;
        if (live->will_fill > live->filled) {
            int64_t left = live->will_fill - live->filled;
            live->filled = live->will_fill;
            fill_send(run, live, live->fills++, left, false);
        }
        report_send(run, live, JOURNAL_REPORT_FINAL,
                    live->will_fill == live->order.qty ? ABI_ORDER_FILLED : ABI_ORDER_EXPIRED, live->will_fill);
    }
    state_send(run, JOURNAL_STATE_KILL, 0, 0);
    state_send(run, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE);
    for (uint32_t i = 0; i < 2; i++) {
        state_send(run, JOURNAL_STATE_RELEASE, i, 0);
        state_send(run, JOURNAL_STATE_VENUE, i, ABI_VENUE_UP);
        state_send(run, JOURNAL_STATE_GATEWAY, i, 1000);
    }
}

static void event_mark(struct run *run) {
    struct journal_mark mark = world_mark(&run->w);
    hash_add(run, &mark, sizeof mark);
    journal_add(run, JOURNAL_MARK, &mark, sizeof mark);
    out_take(run);
}

static void event_timer(struct run *run) {
    for (int i = 0; core_next_timer(run->w.core) <= run->w.now; i++) {
        assert_true(i < 1000); /* ends */
        core_on_timer(run->w.core, run->w.now, &run->w.out);
        out_take(run);
    }
}

static void shown_check(struct run *run) {
    for (uint32_t v = 0; v < 2; v++) {
        struct abi_balances held;
        core_view_balances(run->w.core, v, 0, &held);
        if (core_balances_changed(run->w.core, v) != 0) run->shown[v] = held;
        assert_memory_equal(&run->shown[v], &held, sizeof held);
    }
}

static void invariants_check(const struct run *run) {
    const struct world *w = &run->w;
    int64_t base[2] = {0, 0};
    for (uint32_t v = 0; v < 2; v++)
        for (uint32_t a = 0; a < 3; a++) {
            struct abi_balance account = world_account(w, v, a);
            assert_true(account.reserved_e8 >= 0);
            assert_true(account.reserved_e8 <= account.total_e8);
            assert_true(account.frac_e19 >= 0);
            if (a > 0) base[a - 1] += account.total_e8;
        }
    assert_int_equal(base[BTC] - 20 * E8, (run->bought[BTC] - run->sold[BTC]) * 1000);
    assert_int_equal(base[SHIB] - 2000000000 * E8, (run->bought[SHIB] - run->sold[SHIB]) * E8);
    if (core_open_pairs(w->core) == 0) assert_int_equal(world_reserved(w), 0);
    assert_true(world_counter(w, ABI_COUNTER_FILLS) <= world_counter(w, ABI_COUNTER_ORDERS) * 64);
}

struct snapshot {
    struct journal_record *record;
    uint32_t count;
};

static void snapshot_take(void *context, const struct journal_record *record) {
    struct snapshot *snapshot = context;
    assert_true(snapshot->count < JOURNAL_MOST);
    snapshot->record[snapshot->count++] = *record;
}

static void same_money_check(const struct run *run, const struct core *other) {
    for (uint32_t v = 0; v < 2; v++) {
        struct abi_balances ours, theirs;
        core_view_balances(run->w.core, v, 0, &ours);
        core_view_balances(other, v, 0, &theirs);
        for (uint32_t a = 0; a < 4; a++) {
            assert_int_equal(ours.asset[a].total_e8, theirs.asset[a].total_e8);
            assert_int_equal(ours.asset[a].frac_e19, theirs.asset[a].frac_e19);
            assert_int_equal(ours.asset[a].reserved_e8, theirs.asset[a].reserved_e8);
        }
    }
    struct abi_pnl ours, theirs;
    core_view_pnl(run->w.core, &ours);
    core_view_pnl(other, &theirs);
    assert_int_equal(ours.fees_e8, theirs.fees_e8);
    assert_int_equal(ours.volume_e8, theirs.volume_e8);
    assert_int_equal(ours.peak_e8, theirs.peak_e8);
    assert_int_equal(ours.hedge_cost_e8, theirs.hedge_cost_e8);
    assert_int_equal(ours.trading_pnl_e8, theirs.trading_pnl_e8);
    assert_int_equal(ours.start_equity_e8, theirs.start_equity_e8);
    assert_int_equal(ours.trades, theirs.trades);
    assert_int_equal(core_open_pairs(run->w.core), core_open_pairs(other));
}

/* Journal -> scratch core -> snapshot -> the next generation's core: each owns what the dead one owned. */
static void recovery_check(const struct run *run) {
    struct core_setup setup = run->w.setup;
    setup.generation++;
    setup.wall_offset_ns += 5;
    struct core *scratch = core_new(&setup), *next = core_new(&setup);
    for (uint32_t i = 0; i < run->journal_count; i++)
        assert_int_equal(core_restore(scratch, &run->journal[i], -5), 0);
    same_money_check(run, scratch);
    struct snapshot snapshot = {.record = calloc(JOURNAL_MOST, sizeof(struct journal_record))};
    core_snapshot(scratch, snapshot_take, &snapshot);
    for (uint32_t i = 0; i < snapshot.count; i++)
        assert_int_equal(core_restore(next, &snapshot.record[i], 0), 0);
    same_money_check(run, next);
    uint64_t ids[256];
    uint32_t unresolved = core_unresolved(next, ids, 256);
    uint32_t unclosed = 0;
    for (uint32_t i = 0; i < snapshot.count; i++) {
        const struct journal_order *order = (const void *)snapshot.record[i].payload;
        if (snapshot.record[i].type == JOURNAL_ORDER && order->state == ABI_ORDER_UNKNOWN) {
            unclosed++;
            assert_non_null(core_order_by_client_id(next, order->client_id));
        }
    }
    assert_int_equal(unresolved, unclosed);
    struct core_out out; /* fills that were booked are known in the next generation */
    for (uint32_t i = 0; i < run->live_count; i++) {
        if (run->live[i].fills == 0) continue;
        struct journal_fill fill = fill_of(&run->live[i].order, run->live[i].order.price, 1, "");
        snprintf(fill.trade_id, sizeof fill.trade_id, "%s-0", run->live[i].order.client_id);
        core_on_fill(next, &fill, run->w.now, &out);
        assert_int_equal(fill.booked, 0);
    }
    same_money_check(run, next);
    free(snapshot.record);
    free(scratch);
    free(next);
}

static void opening_journal(struct run *run) {
    static const int64_t amount[3] = {100000 * E8, 10 * E8, 1000000000 * E8};
    for (uint32_t v = 0; v < 2; v++)
        for (uint32_t a = 0; a < 3; a++) {
            struct journal_balance balance = {
                .amount_e8 = amount[a], .venue = v, .asset = a, .reason = JOURNAL_BALANCE_OPENING};
            journal_add(run, JOURNAL_BALANCE, &balance, sizeof balance);
        }
}

static uint64_t stream_run(struct run *run, uint64_t seed, bool recover) {
    memset(run->live, 0, sizeof run->live);
    run->live_count = run->journal_count = 0;
    run->bought[0] = run->bought[1] = run->sold[0] = run->sold[1] = 0;
    run->hash = 0xcbf29ce484222325u;
    run->r.state = seed;
    run->mid[BTC] = 6500000;
    run->mid[SHIB] = 35000;
    setup_default(&run->w.setup);
    struct core_setup *setup = &run->w.setup;
    setup->params[0].value[CORE_PARAM_MIN_SPREAD_BPS_E4] = random_below(&run->r, 5) * 10000;
    setup->params[0].value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = random_below(&run->r, 3) * 10000;
    setup->params[0].value[CORE_PARAM_COOLDOWN_NS] = random_below(&run->r, 3) * 100 * MS;
    setup->limits.limit[ABI_REFUSAL_IN_FLIGHT] = 1 + random_below(&run->r, 3);
    setup->limits.limit[ABI_REFUSAL_REPETITION] = 5 + random_below(&run->r, 50);
    for (uint32_t v = 0; v < 2; v++)
        setup->taker_fee_ppm[v][BTC] = setup->taker_fee_ppm[v][SHIB] = random_below(&run->r, 3) * 50;
    world_start(&run->w);
    /* The run that is compared detects by the definition, the other one as fast as the machine can. */
    if (!recover) assert_int_equal(core_detect_kernel_set(run->w.core, ABI_DETECT_SCALAR), 0);
    opening_journal(run);
    event_mark(run);
    for (uint32_t v = 0; v < 2; v++)
        core_view_balances(run->w.core, v, 0, &run->shown[v]);
    int64_t grain = random_below(&run->r, 2) == 0 ? 100 * MS : 1; /* times that collide, times that do not */
    for (uint32_t i = 0; i < EVENTS; i++) {
        int64_t step = random_below(&run->r, 3) == 0 ? 0 : random_below(&run->r, 30 * MS);
        run->w.now += step / grain * grain + (grain > 1 && random_below(&run->r, 10) == 0 ? grain : 0);
        event_timer(run);
        int64_t what = random_below(&run->r, 100);
        if (what < 50)
            event_quote(run);
        else if (what < 94)
            event_venue(run);
        else if (what < 96)
            event_mark(run);
        else if (what < 98)
            event_settle(run);
        else
            event_state(run);
        invariants_check(run);
        shown_check(run);
        if (recover && i % 500 == 499) recovery_check(run);
    }
    struct abi_pnl pnl;
    core_view_pnl(run->w.core, &pnl);
    hash_add(run, &pnl, sizeof pnl);
    for (uint64_t id = 1; id <= core_last_order_id(run->w.core); id++)
        if (core_order(run->w.core, id) != NULL)
            hash_add(run, core_order(run->w.core, id), sizeof(struct abi_order));
    uint64_t pairs = world_counter(&run->w, ABI_COUNTER_PAIRS);
    world_end(&run->w);
    assert_true(pairs < 4096);
    run->hash ^= pairs << 48;
    return pairs;
}

static void test_random_streams_are_deterministic_and_never_lose_money(void **state) {
    (void)state;
    const char *text = getenv("ARBDECK_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20261122;
    print_message("seed %llu (ARBDECK_SEED)\n", (unsigned long long)seed);
    struct run *run = calloc(1, sizeof *run);
    run->journal = calloc(JOURNAL_MOST, sizeof *run->journal);
    uint64_t pairs = 0;
    for (uint64_t i = 0; i < STREAMS; i++) {
        pairs += stream_run(run, seed + i, true);
        uint64_t first = run->hash;
        stream_run(run, seed + i, false);
        assert_true(run->hash == first);
    }
    print_message("%llu pairs in %d streams\n", (unsigned long long)pairs, STREAMS);
    assert_true(pairs > STREAMS * 5); /* streams that do not trade prove nothing */
    free(run->journal);
    free(run);
}

/* The journal's inputs, fed to a new core through core_apply, give its outputs again, bit for bit. */
static void test_replay_of_the_journal_gives_the_same_outputs(void **state) {
    (void)state;
    struct world w;
    struct core_out out;
    world_init(&w);
    struct core_setup setup = w.setup;
    world_end(&w);
    struct core *live = core_new(&setup), *again = core_new(&setup);
    struct random r = {42};
    uint32_t orders = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        struct journal_record input = {.time_ns = SEC + (int64_t)i * 3 * MS};
        if (i < 6) {
            struct journal_balance balance = {
                .amount_e8 = 1000000 * E8, .venue = i / 3, .asset = i % 3, .reason = JOURNAL_BALANCE_OPENING};
            input.type = JOURNAL_BALANCE;
            memcpy(input.payload, &balance, sizeof balance);
        } else if (i < 12) {
            struct journal_state s = {.what = i < 8     ? JOURNAL_STATE_VENUE
                                              : i < 10  ? JOURNAL_STATE_GATEWAY
                                              : i == 10 ? JOURNAL_STATE_STRATEGY
                                                        : JOURNAL_STATE_TRADING,
                                      .index = i < 10 ? i % 2 : 0,
                                      .new_value = i < 8     ? ABI_VENUE_UP
                                                   : i < 10  ? 100000
                                                   : i == 10 ? ABI_STRATEGY_RUNNING
                                                             : ABI_STATE_ACTIVE};
            input.type = JOURNAL_STATE;
            memcpy(input.payload, &s, sizeof s);
        } else if (i % 50 == 0) {
            struct journal_mark mark = {.wall_ns = input.time_ns + setup.wall_offset_ns};
            input.type = JOURNAL_MARK;
            memcpy(input.payload, &mark, sizeof mark);
        } else {
            int64_t mid = 6500000 + random_below(&r, 40000);
            struct journal_quote quote = {.bid_price = mid - 10,
                                          .ask_price = mid + 10,
                                          .bid_qty = 1000,
                                          .ask_qty = 1000,
                                          .recv_ns = input.time_ns,
                                          .symbol = BTC,
                                          .venue = i % 2};
            input.type = JOURNAL_QUOTE;
            memcpy(input.payload, &quote, sizeof quote);
        }
        struct journal_record copy = input;
        memset(&out, 0x11, sizeof out);
        assert_int_equal(core_apply(live, &input, &out), 0);
        orders += out_count(&out, JOURNAL_ORDER);
        struct core_out second;
        memset(&second, 0x11, sizeof second);
        assert_int_equal(core_apply(again, &copy, &second), 0);
        assert_memory_equal(&out, &second, sizeof out);
        assert_memory_equal(&input, &copy, sizeof input);
    }
    assert_true(orders > 0);
    struct journal_record bad = {.type = JOURNAL_ORDER, .time_ns = 100 * SEC};
    assert_int_equal(core_apply(live, &bad, &out), ERROR_BAD);
    free(live);
    free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_streams_are_deterministic_and_never_lose_money),
        cmocka_unit_test(test_replay_of_the_journal_gives_the_same_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
