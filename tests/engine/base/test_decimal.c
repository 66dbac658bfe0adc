/* Protects money: a price or amount is read exactly as the venue wrote it or refused, and never through a double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../fuzz/decimal_oracle.h"
#include "base/decimal.h"
#include "base/error.h"

static int parse(const char *text, struct decimal *out) {
    return decimal_parse(text, strlen(text), out);
}

static void expect(const char *text, int64_t mantissa, int32_t exponent) {
    struct decimal value = {0};
    if (parse(text, &value) != 0 || value.mantissa != mantissa || value.exponent != exponent) {
        fail_msg("\"%s\" gave %lld e %d", text, (long long)value.mantissa, value.exponent);
    }
}

static void plain_and_scientific_forms_keep_their_digits(void **state) {
    (void)state;
    expect("0", 0, 0);
    expect("-0", 0, 0);
    expect("12", 12, 0);
    expect("25.35190000", 2535190000, -8);
    expect("-0.5", -5, -1);
    expect("1.119E-5", 1119, -8);
    expect("1.5e+6", 15, 5);
    expect("2E6", 2, 6);
    expect("1.12E-05", 112, -7);
    expect("1000000000.12345678", 100000000012345678, -8);
    expect("999999999999999999", 999999999999999999, 0);
    expect("0.000000000000000001", 1, -18);
    expect("0.0003998377369698171", 3998377369698171, -19);
    expect("1e18", 1, 18);
    expect("1e19", 10, 18);
    expect("0e999999", 0, 18);
}

static void trailing_zeros_never_cost_significant_digits(void **state) {
    (void)state;
    struct decimal value;
    int64_t units;
    static const char *const ones[] = {"1.000000000000000000", "1.0000000000000000000000000000000000000000",
                                       "1000000000000000000e-18"};
    for (size_t index = 0; index < sizeof ones / sizeof ones[0]; index++) {
        assert_int_equal(parse(ones[index], &value), 0);
        assert_int_equal(decimal_to_units_exact(value, 8, &units), 0);
        assert_int_equal(units, 100000000);
    }
    expect("0.00000000000000000000000000000000000000", 0, -19);
}

static void what_is_no_number_is_bad(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      ".5",
                                      "5.",
                                      "+1",
                                      "1,5",
                                      "1.2.3",
                                      "0x19",
                                      "NaN",
                                      "inf",
                                      " 1",
                                      "1 ",
                                      "1e",
                                      "1e+",
                                      "e5",
                                      "--1",
                                      "007",
                                      "-01",
                                      "1e5.",
                                      "1e5x",
                                      "1_0",
                                      "00.1",
                                      "Infinity",
                                      "1.e5",
                                      "-.5",
                                      "1-1",
                                      "12345678901234567890123456789x",
                                      "0123456789012345678901234567890"};
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        struct decimal value;
        if (parse(bad[index], &value) != ERROR_BAD) fail_msg("\"%s\" was not refused", bad[index]);
    }
    struct decimal value;
    assert_int_equal(decimal_parse("1\0", 2, &value), ERROR_BAD);
}

static void what_cannot_be_held_exactly_is_out_of_range(void **state) {
    (void)state;
    static const char *const range[] = {"1234567890123456789",
                                        "0.000000000000000000000000123456789012345678",
                                        "123456789012345678901234567890.123456789012345678",
                                        "1.0000000000000000001",
                                        "1e-20",
                                        "1e36",
                                        "1e99999999999999999999",
                                        "1e-99999999999999999999"};
    for (size_t index = 0; index < sizeof range / sizeof range[0]; index++) {
        struct decimal value;
        if (parse(range[index], &value) != ERROR_RANGE) fail_msg("\"%s\" was not out of range", range[index]);
    }
}

static void exact_units_refuse_a_remainder_and_an_overflow(void **state) {
    (void)state;
    int64_t units = 7;
    assert_int_equal(decimal_to_units_exact((struct decimal){2535190000, -8}, 4, &units), 0);
    assert_int_equal(units, 253519);
    assert_int_equal(decimal_to_units_exact((struct decimal){15, 5}, 2, &units), 0);
    assert_int_equal(units, 150000000);
    assert_int_equal(decimal_to_units_exact((struct decimal){-5, -1}, 1, &units), 0);
    assert_int_equal(units, -5);
    assert_int_equal(decimal_to_units_exact((struct decimal){0, -19}, 0, &units), 0);
    assert_int_equal(units, 0);
    assert_int_equal(decimal_to_units_exact((struct decimal){253519, -4}, 3, &units), ERROR_RANGE);
    assert_int_equal(decimal_to_units_exact((struct decimal){1, -19}, 0, &units), ERROR_RANGE);
    assert_int_equal(decimal_to_units_exact((struct decimal){10, 18}, 0, &units), ERROR_RANGE);
    assert_int_equal(decimal_to_units_exact((struct decimal){1, 18}, 18, &units), ERROR_RANGE);
}

static void floored_units_round_down_and_saturate(void **state) {
    (void)state;
    int64_t units;
    assert_int_equal(decimal_to_units_floor((struct decimal){19999, -4}, 0, &units), 0);
    assert_int_equal(units, 1);
    assert_int_equal(decimal_to_units_floor((struct decimal){-19999, -4}, 0, &units), 0);
    assert_int_equal(units, -2);
    assert_int_equal(decimal_to_units_floor((struct decimal){-20000, -4}, 0, &units), 0);
    assert_int_equal(units, -2);
    assert_int_equal(decimal_to_units_floor((struct decimal){1, -19}, 0, &units), 0);
    assert_int_equal(units, 0);
    assert_int_equal(decimal_to_units_floor((struct decimal){-1, -19}, 0, &units), 0);
    assert_int_equal(units, -1);
    assert_int_equal(decimal_to_units_floor((struct decimal){1, 18}, 18, &units), 0);
    assert_true(units == INT64_MAX);
    assert_int_equal(decimal_to_units_floor((struct decimal){999, 17}, 0, &units), 0);
    assert_true(units == INT64_MAX);
}

static void amounts_keep_nineteen_decimals(void **state) {
    (void)state;
    struct decimal value;
    struct amount amount;
    assert_int_equal(parse("0.0003998377369698171", &value), 0);
    assert_int_equal(decimal_to_amount(value, &amount), 0);
    assert_int_equal(amount.e8, 39983);
    assert_int_equal(amount.frac_e19, 77369698171);
    assert_int_equal(decimal_to_amount((struct decimal){-15, -9}, &amount), 0);
    assert_int_equal(amount.e8, -1);
    assert_int_equal(amount.frac_e19, -50000000000);
    assert_int_equal(decimal_to_amount((struct decimal){3, 2}, &amount), 0);
    assert_int_equal(amount.e8, 30000000000);
    assert_int_equal(amount.frac_e19, 0);
    assert_int_equal(decimal_to_amount((struct decimal){1, 12}, &amount), ERROR_RANGE);
    assert_int_equal(decimal_to_amount((struct decimal){1, -20}, &amount), ERROR_RANGE);
}

static void expect_text(int64_t units, uint32_t digits, const char *text) {
    char out[48];
    size_t size = decimal_format_units(units, digits, out, sizeof out);
    assert_int_equal(size, strlen(text));
    assert_string_equal(out, text);
}

static void formatted_units_are_the_shortest_plain_text(void **state) {
    (void)state;
    expect_text(0, 0, "0");
    expect_text(0, 8, "0");
    expect_text(847, 5, "0.00847");
    expect_text(1200, 2, "12");
    expect_text(2341610, 2, "23416.1");
    expect_text(-5, 1, "-0.5");
    expect_text(10, 0, "10");
    expect_text(1, 18, "0.000000000000000001");
    expect_text(INT64_MAX, 0, "9223372036854775807");
    expect_text(INT64_MIN, 19, "-0.9223372036854775808");
    char small[3];
    assert_int_equal(decimal_format_units(1234, 0, small, sizeof small), 0);
}

static void every_formatted_number_reads_back_the_same(void **state) {
    (void)state;
    uint64_t random = 20261122;
    for (int round = 0; round < 200000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t units = (int64_t)(random >> 5) % 1000000000000000000;
        uint32_t digits = (uint32_t)(random % 19);
        units >>= random % 60;
        if (random & 64) units = -units;
        char text[48];
        size_t size = decimal_format_units(units, digits, text, sizeof text);
        struct decimal value;
        int64_t again;
        if (decimal_parse(text, size, &value) != 0 || decimal_to_units_exact(value, digits, &again) != 0 ||
            again != units) {
            fail_msg("round %d: %lld with %u digits became \"%s\"", round, (long long)units, digits, text);
        }
    }
}

static void a_million_random_numbers_are_read_as_the_oracle_reads_them(void **state) {
    (void)state;
    uint64_t random = 20261122;
    uint32_t read = 0;
    for (int round = 0; round < 1000000; round++) {
        char text[ORACLE_TEXT_MAX];
        size_t size = oracle_text(&random, text);
        const char *wrong = oracle_check(text, size, oracle_random(&random, 19));
        if (wrong != NULL) fail_msg("round %d, \"%.*s\": %s", round, (int)size, text, wrong);
        read += oracle_read(text, size).code == 0;
    }
    assert_in_range(read, 500000, 990000); /* both kinds come up */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_scientific_forms_keep_their_digits),
        cmocka_unit_test(trailing_zeros_never_cost_significant_digits),
        cmocka_unit_test(what_is_no_number_is_bad),
        cmocka_unit_test(what_cannot_be_held_exactly_is_out_of_range),
        cmocka_unit_test(exact_units_refuse_a_remainder_and_an_overflow),
        cmocka_unit_test(floored_units_round_down_and_saturate),
        cmocka_unit_test(amounts_keep_nineteen_decimals),
        cmocka_unit_test(formatted_units_are_the_shortest_plain_text),
        cmocka_unit_test(every_formatted_number_reads_back_the_same),
        cmocka_unit_test(a_million_random_numbers_are_read_as_the_oracle_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
