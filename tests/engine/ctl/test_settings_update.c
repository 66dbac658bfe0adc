/* Protects changes of the configuration while the engine runs: an update changes what it names and nothing else, an
 * update with anything wrong changes nothing, a loosened limit is called one, and a file is replaced whole or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/settings.h"

#define CONFIG_DIR TEST_SOURCE_DIR "/config/"

static struct error_trail trail;

static char *load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s cannot be opened", path);
    char *text = calloc(1, SETTINGS_TEXT_SIZE_MAX);
    size_t size = fread(text, 1, SETTINGS_TEXT_SIZE_MAX - 1, file);
    fclose(file);
    text[size] = '\0';
    return text;
}

/* A copy of `text` with the only occurrence of `from` replaced. */
static char *with(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (at == NULL || strstr(at + 1, from) != NULL) fail_msg("\"%s\" is not there exactly once", from);
    char *out = calloc(1, strlen(text) + strlen(to) + 1);
    memcpy(out, text, (size_t)(at - text));
    strcat(out, to);
    strcat(out, at + strlen(from));
    return out;
}

static void test_update_changes_what_it_names_and_nothing_else(void **state) {
    (void)state;
    static struct settings_strategies before, after;
    char *text = load(CONFIG_DIR "strategies.json");
    char *updated = NULL;
    assert_int_equal(settings_parse_strategies(text, strlen(text), &before, &trail), 0);
    const char *updates = "{\"min_spread_bps\": 18.1, \"cooldown_ms\": 300.0}";
    if (settings_update_strategies(text, strlen(text), NULL, updates, &updated, &after, &trail) != 0)
        fail_msg("%s", trail.text);
    assert_int_equal(after.strategy[0].params.value[CORE_PARAM_MIN_SPREAD_BPS_E4], 181000);
    assert_int_equal(after.strategy[0].params.value[CORE_PARAM_COOLDOWN_NS], 300000000);
    assert_int_equal(after.strategy[0].params.value[CORE_PARAM_MAX_POSITION_E8],
                     before.strategy[0].params.value[CORE_PARAM_MAX_POSITION_E8]);
    assert_memory_not_equal(after.hash, before.hash, 32);
    char *step = with(text, "18.0", "18.1");
    char *expected = with(step, "\"cooldown_ms\": 250", "\"cooldown_ms\": 300.0");
    assert_string_equal(updated, expected); /* same order, same numbers: the shipped file is printed the same way */
    free(updated);
    free(expected);
    free(step);
    free(text);
}

static void test_update_with_anything_wrong_changes_nothing(void **state) {
    (void)state;
    static struct settings_strategies out;
    char *text = load(CONFIG_DIR "strategies.json");
    static const struct {
        const char *strategy;
        const char *updates;
        int code;
        const char *sentence;
    } cases[] = {
        {NULL, "{\"min_spread_bps\": -3}", ERROR_RANGE,
         "min_spread_bps = -3: must be a number from 0 to 10000 bps"},
        {NULL, "{\"min_spread_bps\": 20, \"colour\": 3}", ERROR_BAD,
         "colour: there is no such setting; allowed are min_spread_bps"},
        {NULL, "{\"min_spread_bps\": 0.30000000000000004}", ERROR_BAD, "with at most 4 decimals"},
        {NULL, "{\"min_spread_bps\": null}", ERROR_BAD, "min_spread_bps = null"},
        {NULL, "{}", ERROR_BAD, "updates = {}: must be an object with at least one setting"},
        {NULL, "[]", ERROR_BAD, "updates = []"},
        {NULL, "{", ERROR_BAD, "updates is not valid JSON"},
        {NULL, "{\"min_spread_bps\": 1, \"min_spread_bps\": 2}", ERROR_BAD, "duplicate"},
        {"other", "{\"min_spread_bps\": 20}", ERROR_NOT_FOUND,
         "strategy = \"other\": there is no such strategy; there are cross_exchange"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *updated = NULL;
        int code = settings_update_strategies(text, strlen(text), cases[i].strategy, cases[i].updates, &updated,
                                              &out, &trail);
        if (code != cases[i].code || strstr(trail.text, cases[i].sentence) == NULL)
            fail_msg("%s: code %d, \"%s\"", cases[i].updates, code, trail.text);
        assert_null(updated);
    }
    free(text);
}

static void test_update_without_a_name_is_refused_when_several_have_the_key(void **state) {
    (void)state;
    static struct settings_strategies out;
    const char *text = "{\"strategies\": [{\"name\": \"one\", \"kind\": \"cross_exchange\", \"enabled\": true},"
                       "{\"name\": \"two\", \"kind\": \"cross_exchange\", \"enabled\": false, \"params\": {}}]}";
    char *updated = NULL;
    const char *updates = "{\"min_spread_bps\": 20}";
    assert_int_equal(settings_update_strategies(text, strlen(text), NULL, updates, &updated, &out, &trail),
                     ERROR_REFUSED);
    assert_non_null(strstr(trail.text, "one, two"));
    assert_int_equal(settings_update_strategies(text, strlen(text), "one", updates, &updated, &out, &trail), 0);
    assert_int_equal(out.strategy[0].params.value[CORE_PARAM_MIN_SPREAD_BPS_E4], 200000);
    assert_int_equal(out.strategy[1].params.value[CORE_PARAM_MIN_SPREAD_BPS_E4], 300000); /* the default */
    assert_true(out.strategy[0].enabled);
    assert_false(out.strategy[1].enabled);
    free(updated);
}

static void test_limits_say_whether_one_was_loosened(void **state) {
    (void)state;
    static struct settings_engine out;
    static const struct {
        const char *updates;
        bool loosened;
    } cases[] = {
        {"{\"max_daily_loss_usd\": 99.5}", false},
        {"{\"max_daily_loss_usd\": 100.00000001}", true},
        {"{\"max_daily_loss_usd\": 100}", false},
        {"{\"repetition_window_s\": 59}", true},
        {"{\"repetition_window_s\": 61}", false},
        {"{\"balance_buffer_bps\": 99}", true},
        {"{\"hedge_slip_bps\": [10, 30, 51]}", true},
        {"{\"hedge_slip_bps\": [5, 20, 40]}", false},
        {"{\"reference_window_s\": 59}", true},
        {"{\"reference_window_s\": 61}", true},
        {"{\"max_edge_bps\": 10, \"hedge_retry_ms\": 100}", true},
    };
    char *text = load(CONFIG_DIR "engine.json");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *updated = NULL;
        bool loosened = !cases[i].loosened;
        assert_int_equal(
            settings_update_limits(text, strlen(text), cases[i].updates, &updated, &out, &loosened, &trail), 0);
        if (loosened != cases[i].loosened) fail_msg("%s", cases[i].updates);
        free(updated);
    }
    char *updated = NULL;
    bool loosened;
    assert_int_equal(
        settings_update_limits(text, strlen(text), "{\"mode\": \"LIVE\"}", &updated, &out, &loosened, &trail),
        ERROR_BAD);
    assert_int_equal(settings_update_limits(text, strlen(text), "{\"hedge_slip_bps\": [9, 8, 7]}", &updated, &out,
                                            &loosened, &trail),
                     ERROR_RANGE);
    assert_null(updated);
    free(text);
}

static void test_file_is_replaced_whole_and_keeps_its_mode(void **state) {
    (void)state;
    char directory[] = "/tmp/arbdeck_settings_XXXXXX";
    assert_non_null(mkdtemp(directory));
    char path[64];
    snprintf(path, sizeof path, "%s/s.json", directory);
    assert_int_equal(settings_write_atomically(path, "first", 5, &trail), 0);
    struct stat stat_of_file;
    assert_int_equal(stat(path, &stat_of_file), 0);
    assert_int_equal(stat_of_file.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(settings_write_atomically(path, "second", 6, &trail), 0);
    assert_int_equal(stat(path, &stat_of_file), 0);
    assert_int_equal(stat_of_file.st_mode & 0777, 0640);
    char *text = load(path);
    assert_string_equal(text, "second");
    free(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0); /* no temporary file is left */
    assert_int_equal(settings_write_atomically(path, "third", 5, &trail), ERROR_SYSTEM);
    assert_non_null(strstr(trail.text, path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_changes_what_it_names_and_nothing_else),
        cmocka_unit_test(test_update_with_anything_wrong_changes_nothing),
        cmocka_unit_test(test_update_without_a_name_is_refused_when_several_have_the_key),
        cmocka_unit_test(test_limits_say_whether_one_was_loosened),
        cmocka_unit_test(test_file_is_replaced_whole_and_keeps_its_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
