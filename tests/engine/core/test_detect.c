/* Protects detection: every kernel gives the definition's bits, no pair that qualifies is ever missed (thresholds met
 * exactly, prices at the end of their range), and decisions do not depend on the kernel. */
#include <math.h>

#include "core/detect_kernel.h"
#include "harness.h"

#define ROWS       64
#define ROUNDS     2000
#define BORDERS    60000
#define LOCKSTEPS  40000
#define VENUES     3
#define STRATEGIES 2
#define SEEN_MOST  6 /* for more a call has no room; what qualifies still does on the next quote */

static uint64_t random_state = 20261122;

static uint64_t random_next(void) {
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int64_t random_below(int64_t n) {
    return (int64_t)(random_next() % (uint64_t)n);
}

static double neighbour(double value, int64_t steps) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += steps;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Absent sides, ties, neighbours of ties, extremes. */
static double random_price(bool bid) {
    static const double edge[] = {0.0, -0.0, -1.0, 1e-308, 4.9e-324, 1.7e308, -1.7e308};
    const double common = 6.5e14;
    switch (random_below(64)) {
    case 0:
        return random_below(2) == 0 ? INFINITY : -INFINITY;
    case 1:
        return edge[random_below(7)];
    case 2:
        return common;
    case 3:
    case 4:
        return neighbour(common, random_below(2) == 0 ? 1 : -1);
    default:
        if (random_below(8) == 0) return bid ? -INFINITY : INFINITY;
        return bid ? common - (double)random_below(3) - 0.25 : common + (double)random_below(3);
    }
}

static uint32_t kernels_here(const struct detect_kernel *kernel[3]) {
    uint32_t kernels = 0;
    for (uint32_t kind = ABI_DETECT_SCALAR; kind <= ABI_DETECT_AVX512; kind++) {
        const struct detect_kernel *found = detect_kernel_of((enum abi_detect_kernel)kind);
        if (found == NULL) print_message("this machine cannot run kernel %u: not compared\n", kind);
        if (found == NULL) continue;
        assert_int_equal(found->kind, kind);
        kernel[kernels++] = found;
    }
    return kernels;
}

static void test_every_kernel_gives_the_bits_of_the_definition(void **state) {
    (void)state;
    const struct detect_kernel *kernel[3];
    uint32_t kernels = kernels_here(kernel);
    assert_ptr_equal(kernel[0], &detect_scalar);
    uint64_t hits = 0, rows = 0;
    for (uint32_t round = 0; round < ROUNDS * 3; round++) {
        uint32_t width = 2u << round % 3;
        static double table[ROWS * 16];
        for (uint32_t i = 0; i < ROWS * 2 * width; i++)
            table[i] = random_price(i / width % 2 == 0);
        uint32_t row_count = DETECT_ROWS_STEP * (1 + (uint32_t)random_below(ROWS / DETECT_ROWS_STEP));
        uint64_t wanted = 0;
        detect_scalar.rows(table, width, row_count, &wanted);
        for (uint32_t row = 0; row < row_count; row++) {
            double bid = -INFINITY, ask = INFINITY;
            for (uint32_t v = 0; v < width; v++) {
                const double *at = &table[row * 2 * width + v];
                bid = at[0] > bid ? at[0] : bid;
                ask = at[width] < ask ? at[width] : ask;
            }
            assert_int_equal(wanted >> row & 1u, bid >= ask);
            hits += bid >= ask;
        }
        for (uint32_t k = 1; k < kernels; k++) {
            uint64_t found = UINT64_MAX;
            kernel[k]->rows(table, width, row_count, &found);
            assert_true(found == wanted);
            for (uint32_t row = 0; row < row_count; row++)
                for (uint32_t v = 0; v < width; v++)
                    assert_int_equal(kernel[k]->row(&table[row * 2 * width], width, v),
                                     detect_scalar.row(&table[row * 2 * width], width, v));
        }
        rows += row_count;
    }
    print_message("%llu rows, %llu of them with a hit, %u kernels\n", (unsigned long long)rows,
                  (unsigned long long)hits, kernels);
    assert_true(rows > 150000 && hits > rows / 10 && hits < rows - rows / 10);
}

static void test_a_kernel_that_the_machine_lacks_is_refused(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    enum abi_detect_kernel best = core_detect_kernel(w.core);
    assert_int_equal(best, detect_kernel_best()->kind);
    assert_int_equal(core_detect_kernel_set(w.core, (enum abi_detect_kernel)9), ERROR_NOT_FOUND);
    assert_int_equal(core_detect_kernel(w.core), best);
    assert_int_equal(core_detect_kernel_set(w.core, ABI_DETECT_SCALAR), 0);
    assert_int_equal(core_detect_kernel(w.core), ABI_DETECT_SCALAR);
    world_end(&w);
}

/* The test that detection stands for, written out. */
static bool pair_qualifies(const struct core_setup *setup, const struct journal_quote *buy,
                           const struct journal_quote *sell, uint32_t strategy) {
    const int64_t *value = setup->params[strategy].value;
    int64_t buy_fee = setup->taker_fee_ppm[buy->venue][0], sell_fee = setup->taker_fee_ppm[sell->venue][0];
    if (buy_fee < 0 || sell_fee < 0 || buy->ask_price == 0 || sell->bid_price == 0) return false;
    if ((setup->params[strategy].symbols[0] & 1u) == 0) return false;
    __int128 bid = sell->bid_price, ask = buy->ask_price;
    bool spread = bid * E8 >= ask * (E8 + value[CORE_PARAM_MIN_SPREAD_BPS_E4]);
    return spread &&
           bid * (E8 - sell_fee * 100) >= ask * (E8 + buy_fee * 100 + 2 * value[CORE_PARAM_SLIPPAGE_BPS_E4] +
                                                 value[CORE_PARAM_MIN_NET_EDGE_BPS_E4]);
}

static void border_setup(struct core_setup *setup) {
    setup_default(setup);
    setup->venue_count = VENUES;
    setup->symbol_count = 1;
    setup->strategy_count = STRATEGIES;
    setup->symbol[0].venue_mask = (1u << VENUES) - 1;
    setup->symbol[0].price_digits = 8;
    for (uint32_t v = 0; v < VENUES; v++)
        setup->taker_fee_ppm[v][0] = random_below(12) == 0 ? -1 : random_below(3) * 500 + random_below(2) * 7;
    for (uint32_t i = 0; i < STRATEGIES; i++) {
        int64_t *value = setup->params[i].value;
        memset(&setup->params[i], 0, sizeof setup->params[i]);
        value[CORE_PARAM_MIN_SPREAD_BPS_E4] = random_below(4) * 90001 - 90001;
        value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = random_below(4) * 30001 - 30001;
        value[CORE_PARAM_SLIPPAGE_BPS_E4] = random_below(3) * 10000;
        if (random_below(6) != 0) symbols_add(setup->params[i].symbols, 0);
    }
}

/* The least bid that meets one of the two thresholds exactly, or a unit beside it. */
static int64_t border_bid(const struct core_setup *setup, int64_t ask, uint32_t buy, uint32_t sell) {
    const int64_t *value = setup->params[random_below(STRATEGIES)].value;
    int64_t keeps = E8 - setup->taker_fee_ppm[sell][0] * 100;
    int64_t costs = E8 + setup->taker_fee_ppm[buy][0] * 100 + 2 * value[CORE_PARAM_SLIPPAGE_BPS_E4] +
                    value[CORE_PARAM_MIN_NET_EDGE_BPS_E4];
    if (random_below(2) == 0) {
        keeps = E8;
        costs = E8 + value[CORE_PARAM_MIN_SPREAD_BPS_E4];
    }
    __int128 product = (__int128)ask * costs;
    int64_t bid = (int64_t)((product + keeps - 1) / keeps) + random_below(3) - 1;
    return bid < 1 ? 1 : bid > INT64_C(1) << 53 ? INT64_C(1) << 53 : bid;
}

static uint32_t qualifying(const struct core_setup *setup, const struct journal_quote quote[VENUES],
                           uint32_t changed) {
    uint32_t pairs = 0;
    for (uint32_t other = 0; other < VENUES; other++)
        for (uint32_t i = 0; other != changed && i < STRATEGIES; i++) {
            pairs += pair_qualifies(setup, &quote[changed], &quote[other], i);
            pairs += pair_qualifies(setup, &quote[other], &quote[changed], i);
        }
    return pairs;
}

static void test_no_pair_is_missed_where_a_threshold_is_met_exactly(void **state) {
    (void)state;
    static struct core_setup setup;
    static struct core_out out;
    uint64_t hits = 0, pairs = 0;
    border_setup(&setup);
    struct core *core = core_new(&setup); /* one block for all: the tables differ in their figures only */
    for (uint32_t n = 0; n < BORDERS; n++) {
        border_setup(&setup);
        assert_int_equal(core_init(core, &setup), 0);
        assert_int_equal(core_detect_kernel_set(core, detect_kernel_best()->kind), 0);
        if (n % 2 == 0) assert_int_equal(core_detect_kernel_set(core, ABI_DETECT_SCALAR), 0);
        int64_t scale = random_below(2) == 0 ? (INT64_C(1) << 53) - 1 : INT64_C(1) << (1 + random_below(52));
        struct journal_quote quote[VENUES];
        for (uint32_t v = 0; v < VENUES; v++) {
            int64_t ask = scale - random_below(scale < 100 ? scale : 100);
            quote[v] = (struct journal_quote){.ask_price = random_below(9) == 0 ? 0 : ask,
                                              .bid_price = ask / 2,
                                              .bid_qty = 1,
                                              .ask_qty = 1,
                                              .recv_ns = SEC,
                                              .venue = v};
            uint32_t other = (v + 1 + (uint32_t)random_below(VENUES - 1)) % VENUES;
            if (other < v && quote[other].ask_price != 0)
                quote[v].bid_price = border_bid(&setup, quote[other].ask_price, other, v);
            core_on_quote(core, &quote[v], SEC, &out);
            assert_int_equal(out.overflow, 0);
            for (uint32_t rest = v + 1; rest < VENUES; rest++)
                quote[rest] = (struct journal_quote){.venue = rest};
            uint32_t wanted = qualifying(&setup, quote, v);
            if (wanted > SEEN_MOST) wanted = SEEN_MOST;
            assert_int_equal(out.opportunity_count, wanted);
            for (uint32_t i = 0; i < wanted; i++) {
                const struct abi_opportunity *seen = core_opportunity(core, out.opportunity_id[i]);
                assert_true(seen->buy_venue == v || seen->sell_venue == v);
                assert_true(
                    pair_qualifies(&setup, &quote[seen->buy_venue], &quote[seen->sell_venue], seen->strategy));
            }
            hits += wanted;
            pairs++;
        }
        uint64_t symbols[SYMBOLS_WORDS];
        bool any = qualifying(&setup, quote, 0) + qualifying(&setup, quote, 1) + qualifying(&setup, quote, 2) != 0;
        assert_int_equal(core_scan(core, symbols), any);
        assert_int_equal(symbols[0], any);
    }
    free(core);
    print_message("%llu quotes, %llu qualifying pairs\n", (unsigned long long)pairs, (unsigned long long)hits);
    assert_true(hits > BORDERS / 4);
}

static void wide_setup(struct core_setup *setup) {
    setup_default(setup);
    setup->venue_count = ABI_VENUE_MAX;
    setup->symbol_count = 11;
    setup->asset_count = 12;
    setup->strategy_count = 3;
    for (uint32_t s = 0; s < setup->symbol_count; s++) {
        setup->symbol[s] = setup->symbol[BTC];
        setup->symbol[s].index = s;
        setup->symbol[s].base_asset = s + 1;
        setup->symbol[s].venue_mask = s == 4 ? 0x5a : 0xff;
        for (uint32_t v = 0; v < ABI_VENUE_MAX; v++)
            setup->taker_fee_ppm[v][s] = s == 6 && v == 2 ? -1 : (int64_t)(v % 3) * 100;
    }
    for (uint32_t i = 0; i < setup->strategy_count; i++) {
        setup->params[i] = setup->params[0];
        setup->params[i].value[CORE_PARAM_MIN_SPREAD_BPS_E4] = (4 + 3 * (int64_t)i) * 10000;
        setup->params[i].value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = 0;
        setup->params[i].value[CORE_PARAM_COOLDOWN_NS] = 5 * MS;
        for (uint32_t s = 0; s < setup->symbol_count; s++)
            if ((s + i) % 4 != 0) symbols_add(setup->params[i].symbols, s);
    }
    setup->limits.limit[ABI_REFUSAL_IN_FLIGHT] = 4;
    setup->limits.limit[ABI_REFUSAL_IN_FLIGHT_TOTAL] = 30;
}

static void both_state(struct core *core[2], struct core_out out[2], uint32_t what, uint32_t index, uint32_t value,
                       int64_t now) {
    struct journal_state state = {.what = what, .index = index, .new_value = value};
    for (uint32_t i = 0; i < 2; i++)
        core_on_state(core[i], &state, now, &out[i]);
}

/* Every order is reported as expired at once, so that pairs come and go. */
static uint32_t both_expire(struct core *core[2], struct core_out out[2], int64_t now) {
    struct journal_order order[8];
    uint32_t orders = 0;
    for (uint32_t i = 0; i < out[0].count; i++)
        if (out[0].record[i].type == JOURNAL_ORDER)
            memcpy(&order[orders++], out[0].record[i].payload, sizeof *order);
    for (uint32_t i = 0; i < orders; i++) {
        struct journal_report report = {.pair_id = order[i].pair_id,
                                        .venue = order[i].venue,
                                        .leg = order[i].leg,
                                        .kind = JOURNAL_REPORT_FINAL,
                                        .state = ABI_ORDER_EXPIRED};
        for (uint32_t k = 0; k < 2; k++)
            core_on_report(core[k], &report, now, &out[k]);
    }
    return orders;
}

static void lockstep_start(struct core *core[2], struct core_out out[2]) {
    for (uint32_t v = 0; v < ABI_VENUE_MAX; v++) {
        both_state(core, out, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP, SEC);
        both_state(core, out, JOURNAL_STATE_GATEWAY, v, 1000000, SEC);
        for (uint32_t a = 0; a < 12; a++) {
            struct journal_balance balance = {.amount_e8 = (a == 0 ? 1000000 : 1000) * E8,
                                              .venue = v,
                                              .asset = a,
                                              .reason = JOURNAL_BALANCE_OPENING};
            for (uint32_t i = 0; i < 2; i++)
                core_on_balance(core[i], &balance, SEC, &out[i]);
        }
    }
    for (uint32_t i = 0; i < 3; i++)
        both_state(core, out, JOURNAL_STATE_STRATEGY, i, ABI_STRATEGY_RUNNING, SEC);
    both_state(core, out, JOURNAL_STATE_TRADING, 0, ABI_STATE_ACTIVE, SEC);
}

static void both_mark(struct core *core[2], struct core_out out[2], int64_t now) {
    struct abi_strategy view[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct journal_mark mark = {.wall_ns = now};
        core_on_mark(core[i], &mark, now, &out[i]);
    }
    for (uint32_t strategy = 0; strategy < 3; strategy++) {
        for (uint32_t i = 0; i < 2; i++)
            core_view_strategy(core[i], strategy, &view[i]);
        assert_memory_equal(&view[0], &view[1], sizeof view[0]);
    }
}

static void outs_compare(const struct core_out out[2]) {
    assert_int_equal(out[0].overflow, 0);
    assert_int_equal(out[0].count, out[1].count);
    assert_int_equal(out[0].opportunity_count, out[1].opportunity_count);
    assert_memory_equal(out[0].record, out[1].record, out[0].count * sizeof out[0].record[0]);
    assert_memory_equal(out[0].opportunity_id, out[1].opportunity_id, out[0].opportunity_count * sizeof(uint64_t));
}

static void test_decisions_are_the_same_with_every_kernel(void **state) {
    (void)state;
    static struct core_setup setup;
    static struct core_out out[2];
    const struct detect_kernel *kernel[3];
    uint32_t kernels = kernels_here(kernel), orders = 0, quotes = 0;
    wide_setup(&setup);
    for (uint32_t k = 1; k < kernels; k++) {
        struct core *core[2] = {core_new(&setup), core_new(&setup)};
        assert_int_equal(core_detect_kernel_set(core[0], ABI_DETECT_SCALAR), 0);
        assert_int_equal(core_detect_kernel_set(core[1], kernel[k]->kind), 0);
        lockstep_start(core, out);
        int64_t now = SEC;
        for (uint32_t n = 0; n < LOCKSTEPS; n++) {
            now += random_below(3) == 0 ? 0 : random_below(3) * MS; /* times collide */
            if (n % 500 == 100) both_mark(core, out, now);
            int64_t bid = 6500000 + random_below(3000), qty = 1 + random_below(100000);
            struct journal_quote quote = {.bid_price = random_below(50) == 0 ? 0 : bid,
                                          .bid_qty = qty,
                                          .ask_price = random_below(50) == 0 ? 0 : bid + 1 + random_below(800),
                                          .ask_qty = qty,
                                          .recv_ns = now,
                                          .symbol = (uint32_t)random_below(setup.symbol_count),
                                          .venue = (uint32_t)random_below(ABI_VENUE_MAX)};
            for (uint32_t i = 0; i < 2; i++)
                core_on_quote(core[i], &quote, now, &out[i]);
            outs_compare(out);
            orders += both_expire(core, out, now);
            quotes++;
            uint64_t symbols[2][SYMBOLS_WORDS];
            if (n % 16 == 0) assert_int_equal(core_scan(core[0], symbols[0]), core_scan(core[1], symbols[1]));
            if (n % 16 == 0) assert_memory_equal(symbols[0], symbols[1], sizeof symbols[0]);
        }
        free(core[0]);
        free(core[1]);
    }
    print_message("%u quotes, %u orders\n", quotes, orders);
    assert_true(kernels == 1 || orders > 1000);
}

static int64_t stamps;

static int64_t stamp_next(void) {
    return ++stamps;
}

static void test_the_stamp_is_taken_once_and_changes_nothing(void **state) {
    (void)state;
    static struct world plain, stamped;
    world_init(&plain);
    world_init(&stamped);
    stamps = 0;
    core_stamp_set(stamped.core, stamp_next);
    world_quote(&stamped, SHIB, A, 34999, 35001, 100000000);
    world_quote(&plain, SHIB, A, 34999, 35001, 100000000);
    assert_int_equal(stamps, 0); /* nothing qualified */
    assert_int_equal(stamped.out.detected_ns, 0);
    assert_non_null(world_gap(&plain));
    assert_non_null(world_gap(&stamped));
    assert_int_equal(stamps, 1);
    assert_int_equal(stamped.out.detected_ns, 1);
    assert_int_equal(plain.out.detected_ns, 0);
    assert_int_equal(plain.out.count, stamped.out.count);
    assert_memory_equal(plain.out.record, stamped.out.record, plain.out.count * sizeof plain.out.record[0]);
    world_end(&plain);
    world_end(&stamped);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kernel_gives_the_bits_of_the_definition),
        cmocka_unit_test(test_a_kernel_that_the_machine_lacks_is_refused),
        cmocka_unit_test(test_no_pair_is_missed_where_a_threshold_is_met_exactly),
        cmocka_unit_test(test_decisions_are_the_same_with_every_kernel),
        cmocka_unit_test(test_the_stamp_is_taken_once_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
