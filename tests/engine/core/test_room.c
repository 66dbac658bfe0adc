/* Protects that one input never brings more than struct core_out holds, where the engine would end itself: eight venues
 * that all cross, several strategies, every place for an episode taken, so that each new one drives another out. */
#include "harness.h"

#define VENUES   8
#define ROUNDS   4000
#define EPISODES 256 /* EPISODE_SLOTS */

static void eight_venues(struct world *w, uint32_t strategies) {
    setup_default(&w->setup);
    w->setup.venue_count = VENUES;
    w->setup.strategy_count = strategies;
    w->setup.limits.limit[ABI_REFUSAL_IN_FLIGHT] = 1000;
    w->setup.limits.limit[ABI_REFUSAL_IN_FLIGHT_TOTAL] = 1000;
    w->setup.limits.limit[ABI_REFUSAL_REPETITION] = 30; /* alarms too */
    for (uint32_t v = 0; v < VENUES; v++) {
        w->setup.venue[v].index = v;
        snprintf(w->setup.venue[v].name, sizeof w->setup.venue[v].name, "venue%u", v);
        for (uint32_t s = 0; s < 2; s++)
            w->setup.taker_fee_ppm[v][s] = 0;
    }
    for (uint32_t s = 0; s < 2; s++)
        w->setup.symbol[s].venue_mask = 0xff;
    for (uint32_t i = 0; i < strategies; i++) {
        w->setup.params[i] = w->setup.params[0];
        w->setup.params[i].value[CORE_PARAM_MIN_SPREAD_BPS_E4] = 1;
        w->setup.params[i].value[CORE_PARAM_MIN_NET_EDGE_BPS_E4] = 1;
        w->setup.params[i].value[CORE_PARAM_SLIPPAGE_BPS_E4] = 0;
        w->setup.params[i].value[CORE_PARAM_COOLDOWN_NS] = 0;
        snprintf(w->setup.strategy_name[i], sizeof w->setup.strategy_name[i], "strategy%u", i);
    }
    world_start(w);
    for (uint32_t v = 2; v < VENUES; v++) {
        world_balance(w, v, USDT, 100000 * E8, 0);
        world_balance(w, v, BTC_A, 10 * E8, 0);
        world_balance(w, v, SHIB_A, 1000000000 * E8, 0);
        world_state(w, JOURNAL_STATE_VENUE, v, ABI_VENUE_UP);
        world_state(w, JOURNAL_STATE_GATEWAY, v, 1000);
    }
    for (uint32_t i = 1; i < strategies; i++)
        world_state(w, JOURNAL_STATE_STRATEGY, i, ABI_STRATEGY_RUNNING);
}

static uint32_t next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

struct most {
    uint32_t records, opportunities, orders, evicted;
};

/* The venues refuse every order of this output: the next gap is traded again. */
static void refuse_all(struct world *w) {
    struct journal_order order[8];
    uint32_t count = out_count(&w->out, JOURNAL_ORDER);
    assert_true(count <= 8);
    for (uint32_t i = 0; i < count; i++)
        order[i] = *(const struct journal_order *)out_find(&w->out, JOURNAL_ORDER, i);
    for (uint32_t i = 0; i < count; i++)
        world_report(w, &order[i], JOURNAL_REPORT_REJECT, 0, 0);
}

/* A wild book: half of all directions pay. Marks and timers between. */
static struct most drive(struct world *w, uint32_t seed) {
    struct most most = {0};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t venue = next(&seed) % VENUES, symbol = next(&seed) % 2;
        int64_t mid = symbol == BTC ? 6500000 + next(&seed) % 60000 : 35000 + next(&seed) % 400;
        w->now += next(&seed) % 128 == 0 ? SEC : MS;
        uint64_t last = core_last_opportunity_id(w->core);
        world_quote(w, symbol, venue, mid, mid + 1, symbol == BTC ? 100000 : 100000000);
        uint64_t fresh = core_last_opportunity_id(w->core) - last;
        if (w->out.opportunity_count > fresh) most.evicted++;
        if (w->out.count > most.records) most.records = w->out.count;
        if (w->out.opportunity_count > most.opportunities) most.opportunities = w->out.opportunity_count;
        if (w->out.order_count > most.orders) most.orders = w->out.order_count;
        if (w->out.order_count > 0) refuse_all(w);
        if (core_next_timer(w->core) <= w->now) core_on_timer(w->core, w->now, &w->out);
        assert_int_equal(w->out.overflow, 0);
        if (next(&seed) % 64 != 0) continue;
        world_mark(w);
        assert_int_equal(w->out.overflow, 0);
    }
    return most;
}

static void test_no_quote_brings_more_than_fits_while_everything_is_refused(void **state) {
    (void)state;
    struct world w;
    eight_venues(&w, 8);
    world_state(&w, JOURNAL_STATE_TRADING, 0, ABI_STATE_HALTED);
    struct most most = drive(&w, 1);
    assert_true(core_last_opportunity_id(w.core) > 2 * EPISODES); /* places were taken over */
    assert_true(most.evicted > 0);
    assert_true(most.opportunities >= 7); /* of 8 */
    world_end(&w);
}

static void test_no_quote_brings_more_than_fits_while_pairs_are_sent_and_refused(void **state) {
    (void)state;
    struct world w;
    eight_venues(&w, 3);
    struct most most = drive(&w, 2);
    assert_true(core_last_order_id(w.core) > 0);
    assert_true(most.orders >= 4); /* two pairs by one quote */
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_quote_brings_more_than_fits_while_everything_is_refused),
        cmocka_unit_test(test_no_quote_brings_more_than_fits_while_pairs_are_sent_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
