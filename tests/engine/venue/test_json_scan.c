/* Protects every JSON decoder: what is no strict JSON is refused wherever it hides, also in values that nobody reads,
 * and numbers never lose a digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "venue/json_scan.h"

/* Why the text is refused, or NULL; read from an exact heap copy. */
static const char *why(const char *text, size_t size) {
    struct json_scan scan;
    struct json_value value;
    char *copy = malloc(size);
    if (size > 0) memcpy(copy, text, size);
    json_begin(&scan, copy, size);
    const char *reason = json_read(&scan, &value) && json_done(&scan) ? NULL : scan.why;
    free(copy);
    return reason;
}

static void well_formed_values_are_read(void **state) {
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-0.5e-10",
        "\"\"",
        "null",
        " \t\r\n[ 1 , 2 ] ",
        "{\"a\":{\"b\":[{},[],[[]],{\"c\":null}]},\"d\":\"}\\\"]\"}",
        "\"\\u0041\\n\\/\"",
        "\"\xe8\xbf\x99\"",
        "[true,false,null,1E5]",
    };
    for (size_t index = 0; index < sizeof good / sizeof good[0]; index++) {
        const char *reason = why(good[index], strlen(good[index]));
        if (reason) fail_msg("%s: %s", good[index], reason);
    }
}

static void malformed_values_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "}",
        "[",
        "]",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "{,}",
        "{1:2}",
        "01",
        "-",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
        "tru",
        "nulll",
        "NaN",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\x01\"",
        "\"\x80\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xe8\xbf\"",
        "[1 2]",
        "{} {}",
        "[[1]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "\"\\",
        "\"\\u00",
        "[\"a\":1]",
    };
    for (size_t index = 0; index < sizeof bad / sizeof bad[0]; index++) {
        if (!why(bad[index], strlen(bad[index]))) fail_msg("%s was read", bad[index]);
    }
    assert_non_null(why("\"a\0b\"", 5));
}

static void containers_nest_to_a_limit_and_not_beyond(void **state) {
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_true((why(text, 2 * depth) == NULL) == (depth == JSON_DEPTH_MAX));
    }
    size_t size = 1000000;
    char *bomb = malloc(size);
    memset(bomb, '[', size);
    assert_non_null(why(bomb, size));
    free(bomb);
}

static void members_are_found_in_any_order_and_never_inside_others(void **state) {
    (void)state;
    static const char text[] = "{ \"x\" : {\"b\":9,\"a\":8}, \"b\":2, \"ab\":7, \"a\" :\"1\" }";
    static const struct json_name names[3] = {JSON_NAME("a"), JSON_NAME("b"), JSON_NAME("c")};
    struct json_value values[3], object = {text, sizeof text - 1, JSON_OBJECT, false};
    assert_null(json_members(&object, names, 3, values));
    assert_true(json_equals(&values[0], "1"));
    uint64_t number;
    assert_true(json_u64(&values[1], &number));
    assert_int_equal(number, 2);
    assert_int_equal(values[2].kind, JSON_ABSENT);
}

static void the_same_member_twice_is_refused(void **state) {
    (void)state;
    static const char text[] = "{\"a\":1,\"z\":2,\"z\":3,\"a\":1}";
    static const struct json_name names[1] = {JSON_NAME("a")};
    struct json_value values[1], object = {text, sizeof text - 1, JSON_OBJECT, false};
    assert_non_null(json_members(&object, names, 1, values));
}

static bool u64_of(const char *token, uint64_t *out) {
    struct json_value value = {token, (uint32_t)strlen(token), JSON_NUMBER, false};
    return json_u64(&value, out);
}

static void integers_are_exact_and_never_wrap(void **state) {
    (void)state;
    uint64_t number = 0;
    assert_true(u64_of("9007199254740993", &number)); /* 2^53 + 1: no double */
    assert_true(number == 9007199254740993u);
    assert_true(u64_of("18446744073709551615", &number));
    assert_true(number == UINT64_MAX);
    assert_false(u64_of("18446744073709551616", &number));
    assert_false(u64_of("184467440737095516150", &number));
    assert_false(u64_of("-1", &number));
    assert_false(u64_of("1.0", &number));
    assert_false(u64_of("1e3", &number));
    int32_t small = 0;
    struct json_value code = {"-2010", 5, JSON_NUMBER, false};
    assert_true(json_i32(&code, &small));
    assert_int_equal(small, -2010);
    struct json_value large = {"-2147483648", 11, JSON_NUMBER, false};
    assert_false(json_i32(&large, &small));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_values_are_read),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(containers_nest_to_a_limit_and_not_beyond),
        cmocka_unit_test(members_are_found_in_any_order_and_never_inside_others),
        cmocka_unit_test(the_same_member_twice_is_refused),
        cmocka_unit_test(integers_are_exact_and_never_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
