/* What a process leaves that dies in the middle of writing a decision, and timers that must not come back at once. */
#include "../core/harness.h"

struct journal {
    struct journal_record record[256];
    uint32_t count;
};

static void take(void *context, const struct journal_record *record) {
    struct journal *journal = context;
    assert_true(journal->count < 256);
    journal->record[journal->count++] = *record;
}

static uint32_t journal_count(const struct journal *journal, uint32_t type) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < journal->count; i++)
        found += journal->record[i].type == type;
    return found;
}

/* The first `orders` ORDER records of a decision reached the journal, then the process was killed. */
static void recovers_from(uint32_t orders) {
    struct world w;
    world_init(&w);
    assert_non_null(world_gap(&w));
    struct core *scratch = core_new(&w.setup);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w.out.count; i++) {
        struct journal_record record = w.out.record[i];
        record.time_ns = w.now;
        if (record.type == JOURNAL_ORDER && kept++ == orders) break;
        assert_int_equal(core_restore(scratch, &record, 0), 0);
    }
    struct journal snapshot = {.count = 0};
    core_snapshot(scratch, take, &snapshot);
    assert_int_equal(journal_count(&snapshot, JOURNAL_INTENT), 0);
    assert_int_equal(journal_count(&snapshot, JOURNAL_ORDER), 0);
    struct core *next = core_new(&w.setup);
    for (uint32_t i = 0; i < snapshot.count; i++)
        assert_int_equal(core_restore(next, &snapshot.record[i], 0), 0);
    assert_int_equal(core_open_pairs(next), 0);
    assert_int_equal(core_unresolved(next, NULL, 0), 0);
    free(next);
    free(scratch);
    world_end(&w);
}

static void test_intent_without_its_orders_is_no_pair_after_the_restart(void **state) {
    (void)state;
    recovers_from(0);
}

static void test_one_of_two_orders_never_left_and_is_not_asked_for(void **state) {
    (void)state;
    recovers_from(1);
}

static void test_a_head_that_names_a_pair_without_orders_can_be_read(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct core *core = core_new(&w.setup);
    struct journal_record record = {.type = JOURNAL_INTENT, .version = 1};
    struct journal_intent intent = {.pair_id = UINT64_C(6) << 32 | 1, .buy_venue = A, .sell_venue = B};
    memcpy(record.payload, &intent, sizeof intent);
    assert_int_equal(core_restore(core, &record, 0), 0);
    struct journal_exposure exposure = {.pair_id = intent.pair_id, .state = ABI_EXPOSURE_HEDGING};
    memset(&record, 0, sizeof record);
    record.type = JOURNAL_EXPOSURE;
    memcpy(record.payload, &exposure, sizeof exposure);
    assert_int_equal(core_restore(core, &record, 0), 0);
    core_on_timer(core, w.now, &w.out);
    assert_int_equal(core_open_pairs(core), 0);
    free(core);
    world_end(&w);
}

static void test_timer_of_a_hedge_waits_while_an_earlier_leg_is_open_again(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct journal_order buy, sell;
    world_pair(&w, &buy, &sell);
    world_fill(&w, &buy, buy.qty);
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_NEVER_ACCEPTED, 0);
    assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 1);
    struct journal_order hedge = *(const struct journal_order *)out_find(&w.out, JOURNAL_ORDER, 0);
    world_report(&w, &hedge, JOURNAL_REPORT_FINAL, ABI_ORDER_EXPIRED, 0);      /* the next one waits for its time */
    world_report(&w, &sell, JOURNAL_REPORT_FINAL, ABI_ORDER_FILLED, sell.qty); /* and now the venue says: filled */
    for (uint32_t turn = 0; turn < 100 && core_next_timer(w.core) != INT64_MAX; turn++) {
        if (core_next_timer(w.core) > w.now) w.now = core_next_timer(w.core);
        int64_t due = w.now;
        core_on_timer(w.core, w.now, &w.out);
        assert_int_equal(out_count(&w.out, JOURNAL_ORDER), 0);
        assert_true(core_next_timer(w.core) > due);
    }
    uint64_t id;
    assert_int_equal(core_unresolved(w.core, &id, 1), 1); /* its fills never came: the venue is asked */
    world_fill(&w, &sell, sell.qty);
    assert_int_equal(core_open_pairs(w.core), 0);
    assert_int_equal(world_reserved(&w), 0);
    world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intent_without_its_orders_is_no_pair_after_the_restart),
        cmocka_unit_test(test_one_of_two_orders_never_left_and_is_not_asked_for),
        cmocka_unit_test(test_a_head_that_names_a_pair_without_orders_can_be_read),
        cmocka_unit_test(test_timer_of_a_hedge_waits_while_an_earlier_leg_is_open_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
