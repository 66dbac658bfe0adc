/* Protects the identity of orders: a client id that two orders share, or that is read back as another, loses fills. */
#include "harness.h"

static void id_check(uint64_t pair_id, uint32_t leg) {
    char text[32];
    uint64_t pair_back = 0;
    uint32_t leg_back = 99;
    core_client_id(pair_id, leg, text);
    assert_int_equal(strlen(text), 14);
    for (size_t i = 0; i < 14; i++)
        assert_true((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z'));
    assert_int_equal(core_client_id_parse(text, 14, &pair_back, &leg_back), 0);
    assert_true(pair_back == pair_id);
    assert_int_equal(leg_back, leg);
}

static void test_client_id_comes_back_as_it_went(void **state) {
    (void)state;
    const uint64_t ids[] = {1, 31, 32, (UINT64_C(7) << 32) | 1, UINT64_MAX, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (uint32_t leg = 0; leg < 26; leg++)
            id_check(ids[i], leg);
}

static void test_what_is_not_ours_is_refused(void **state) {
    (void)state;
    uint64_t pair_id;
    uint32_t leg;
    const char *bad[] = {"",
                         "0000000000001",
                         "0000000000001aa",
                         "0000000000000a",
                         "g000000000001a",
                         "000000000000wa",
                         "0000000000001A",
                         "00000000000010",
                         "web_1234567890"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(core_client_id_parse(bad[i], strlen(bad[i]), &pair_id, &leg), ERROR_BAD);
    assert_int_equal(core_client_id_parse("\0\0\0\0\0\0\0\0\0\0\0\0\0a", 14, &pair_id, &leg), ERROR_BAD);
    assert_int_equal(core_client_id_parse("0000000000001b", 14, &pair_id, &leg), 0);
    assert_int_equal(pair_id, 1);
    assert_int_equal(leg, 1);
}

static int init_with(struct core_setup *setup) {
    struct core *core = aligned_alloc(64, core_size(setup));
    int error = core_init(core, setup);
    free(core);
    return error;
}

static void test_a_set_up_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    struct core_setup setup;
    setup_default(&setup);
    setup.symbol[SHIB].price_digits = 12;
    setup.symbol[SHIB].qty_digits = 8;
    assert_int_equal(init_with(&setup), ERROR_RANGE); /* p + q > 19 */
    setup_default(&setup);
    setup.symbol[BTC].tick = (INT64_C(1) << 53) + 1;
    assert_int_equal(init_with(&setup), ERROR_RANGE);
    setup_default(&setup);
    setup.symbol[BTC].tick = 0;
    assert_int_equal(init_with(&setup), ERROR_BAD);
    setup_default(&setup);
    setup.symbol[BTC].quote_asset = BTC_A;
    assert_int_equal(init_with(&setup), ERROR_BAD);
    setup_default(&setup);
    setup.venue_count = ABI_VENUE_MAX + 1;
    assert_int_equal(init_with(&setup), ERROR_RANGE);
    setup_default(&setup);
    setup.generation = 0;
    assert_int_equal(init_with(&setup), ERROR_RANGE);
}

static void test_limits_and_params_survive_their_records(void **state) {
    (void)state;
    struct core_limits limits, back;
    for (size_t i = 0; i < sizeof limits / 8; i++)
        ((int64_t *)&limits)[i] = (int64_t)(i * 7919 + 1);
    memset(&back, 0, sizeof back);
    for (uint32_t part = 0; part < CORE_LIMITS_RECORDS; part++) {
        struct journal_limits record;
        core_limits_to_record(&limits, part, &record);
        assert_int_equal(core_limits_from_record(&record, &back), 0);
    }
    assert_memory_equal(&limits, &back, sizeof limits);
    struct journal_limits wrong = {.first = 60, .count = 5};
    assert_int_equal(core_limits_from_record(&wrong, &back), ERROR_RANGE);
    wrong = (struct journal_limits){.first = 0, .count = 15};
    assert_int_equal(core_limits_from_record(&wrong, &back), ERROR_RANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_id_comes_back_as_it_went),
        cmocka_unit_test(test_what_is_not_ours_is_refused),
        cmocka_unit_test(test_a_set_up_that_makes_no_sense_is_refused),
        cmocka_unit_test(test_limits_and_params_survive_their_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
