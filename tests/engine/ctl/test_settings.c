/* Protects the configuration: a file with anything wrong in it is refused whole, with the path of the field, and what
 * was read before stays; values reach the core exactly; the committed schemas are the table's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "ctl/settings.h"
#include "ctl/settings_table.h"

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

struct refused {
    const char *from;
    const char *to;
    int code;
    const char *sentence; /* part of it */
};

static const struct refused engine_cases[] = {
    {"\"instance\": \"sim\"", "\"instance\": \"Sim\"", ERROR_BAD, "instance = \"Sim\": must be 1 to 31 of a-z"},
    {"\"instance\": \"sim\"", "\"instance\": 3", ERROR_BAD, "instance = 3: must be"},
    {"\"instance\": \"sim\",", "", ERROR_BAD, "instance is missing"},
    {"\"mode\": \"SIM\"", "\"mode\": \"LIVE\"", ERROR_REFUSED, "mode = \"LIVE\": this release runs SIM only"},
    {"\"mode\": \"SIM\"", "\"mode\": \"PAPER\"", ERROR_REFUSED, "mode = \"PAPER\": this release runs SIM only"},
    {"\"mode\": \"SIM\"", "\"mode\": \"sim\"", ERROR_BAD,
     "mode = \"sim\": must be one of \"SIM\", \"PAPER\", \"LIVE\""},
    {"\"arm_at_start\": true", "\"arm_at_start\": 1", ERROR_BAD, "arm_at_start = 1: must be true or false"},
    {"\"mode\": \"SIM\"", "\"mode\": \"SIM\", \"colour\": 1", ERROR_BAD,
     "colour: there is no such setting; allowed are instance,"},
    {"\"mode\": \"SIM\"", "\"mode\": \"SIM\", \"mode\": \"SIM\"", ERROR_BAD, "duplicate object key"},
    {"\"hot_cpu\": -1", "\"hot_cpu\": -2", ERROR_RANGE, "threads.hot_cpu = -2: must be an integer from -1 to 1023"},
    {"\"hot_cpu\": -1", "\"hot_cpu\": 0.5", ERROR_BAD, "threads.hot_cpu = 0.5: must be an integer"},
    {"\"busy_poll\": false", "\"busy_poll\": true", ERROR_BAD, "threads.busy_poll = true: needs threads.hot_cpu"},
    {"\"hot_cpu\": -1", "\"hot_cpu\": 1023", ERROR_RANGE,
     "threads.hot_cpu = 1023: no such processor here; the engine may use "},
    {"\"layout\": \"one\"", "\"layout\": \"two\"", ERROR_BAD,
     "threads.layout = \"two\": must be one of \"one\", \"receivers\""},
    {"\"receive_cpus\": []", "\"receive_cpus\": [0]", ERROR_BAD,
     "threads.receive_cpus = [0]: only with threads.layout = \"receivers\""},
    {"\"layout\": \"one\",\n    \"hot_cpu\": -1,\n    \"receive_cpus\": []",
     "\"layout\": \"receivers\", \"receive_cpus\": [1023]", ERROR_RANGE,
     "threads.receive_cpus[0] = 1023: no such processor here; the engine may use "},
    {"\"layout\": \"one\",\n    \"hot_cpu\": -1,\n    \"receive_cpus\": []",
     "\"layout\": \"receivers\", \"receive_cpus\": [0, 0]", ERROR_BAD, "threads.receive_cpus[1] = 0: listed twice"},
    {"\"layout\": \"one\",\n    \"hot_cpu\": -1,\n    \"receive_cpus\": []",
     "\"layout\": \"receivers\", \"hot_cpu\": 0, \"receive_cpus\": [0]", ERROR_BAD,
     "threads.receive_cpus[0] = 0: this processor is threads.hot_cpu"},
    {"\"layout\": \"one\",\n    \"hot_cpu\": -1,\n    \"receive_cpus\": [],\n    \"busy_poll\": false",
     "\"layout\": \"receivers\", \"hot_cpu\": 0, \"busy_poll\": true", ERROR_BAD,
     "threads.busy_poll = true: layout \"receivers\" then needs threads.receive_cpus"},
    {"\"hot_cpu\": -1,\n    \"receive_cpus\": [],\n    \"busy_poll\": false,\n    \"fifo_priority\": 0",
     "\"hot_cpu\": 0, \"busy_poll\": true, \"fifo_priority\": 50", ERROR_BAD,
     "threads.fifo_priority = 50: with busy_poll only where threads.hot_cpu = 0 is isolated"},
    {"\"fifo_priority\": 0", "\"fifo_priority\": 100", ERROR_RANGE,
     "threads.fifo_priority = 100: must be an integer from 0 to 99"},
    {"\"stall_us\": 50000", "\"stall\": 50000", ERROR_BAD, "threads.stall: there is no such setting"},
    {"{\"sync_ms\": 200}", "[]", ERROR_BAD, "journal = []: must be an object"},
    {"\"venue_stale_ms\": 2000", "\"venue_stale_ms\": 99", ERROR_RANGE,
     "venue_stale_ms = 99: must be an integer from 100 to 60000 ms"},
    {"\"venue_stale_ms\": 2000", "\"venue_stale_ms\": NaN", ERROR_BAD, "is not valid JSON"},
    {"\"venue_stale_ms\": 2000", "\"venue_stale_ms\": 1e400", ERROR_BAD, "is not valid JSON"},
    {"\"venue_stale_ms\": 2000", "\"venue_stale_ms\": 1e300", ERROR_RANGE, "venue_stale_ms = "},
    {"\"name\": \"mexc\"", "\"name\": \"binance\"", ERROR_BAD,
     "venues[1].name = \"binance\": another venue has this name"},
    {"\"kind\": \"mexc\"", "\"kind\": \"bybit\"", ERROR_BAD,
     "venues[1].kind = \"bybit\": must be one of \"binance\", \"mexc\""},
    {"\"kind\": \"mexc\"", "\"kind\": \"binance\"", ERROR_BAD,
     "venues[1].orders_url = \"http://127.0.0.1:9102\": kind binance takes orders over wss:// or ws://"},
    {"\"user_url\": \"ws://127.0.0.1:9102\",", "", ERROR_BAD, "venues[1].user_url is missing"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"ws://128.0.0.1:9101\"", ERROR_BAD,
     "venues[0].feed_url = \"ws://128.0.0.1:9101\": must be wss://HOST[:PORT], or without TLS ws://HOST[:PORT] on "
     "loopback"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"https://localhost:9101\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"wss://user@localhost\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"wss://-x.example\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"key\": \"sim-binance-key\"", "\"ca_file\": \"a\\tb\", \"key\": \"k\"", ERROR_BAD, "venues[0].ca_file"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"ws://127.0.0.1.example.com:9101\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"ws://localhost:65536\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"feed_url\": \"ws://127.0.0.1:9101\"", "\"feed_url\": \"ws://localhost@example.com\"", ERROR_BAD,
     "venues[0].feed_url"},
    {"\"key\": \"sim-binance-key\",", "", ERROR_BAD, "venues[0].key is missing: give \"key\" or \"key_env\""},
    {"\"key\": \"sim-binance-key\"", "\"key\": \"a\", \"key_env\": \"HOME\"", ERROR_BAD,
     "venues[0].key_env = \"HOME\": not together with \"key\""},
    {"\"secret\": \"sim-binance-secret\",", "", ERROR_BAD,
     "venues[0].secret is missing: give \"secret\", \"secret_env\" or \"secret_file\""},
    {"\"secret\": \"sim-binance-secret\"", "\"secret\": \"a\", \"secret_file\": \"/etc/hosts\"", ERROR_BAD,
     "venues[0].secret_file = \"/etc/hosts\": not together with \"secret\""},
    {"\"secret\": \"sim-binance-secret\"", "\"secret_file\": \"near/by\"", ERROR_BAD,
     "venues[0].secret_file = \"near/by\": must be an absolute path"},
    {"\"secret\": \"sim-binance-secret\"", "\"secret_file\": \"/does/not/exist\"", ERROR_BAD,
     "venues[0].secret_file = \"/does/not/exist\": this file cannot be read: No such file"},
    {"\"secret\": \"sim-binance-secret\"", "\"secret_file\": \"/dev/null\"", ERROR_BAD,
     "venues[0].secret_file = \"/dev/null\": must be a file that only its owner"},
    {"\"secret\": \"sim-binance-secret\"", "\"key_type\": \"rsa\", \"secret\": \"a\"", ERROR_BAD,
     "venues[0].key_type = \"rsa\": must be one of \"hmac\", \"ed25519\""},
    {"\"secret\": \"sim-binance-secret\"", "\"key_type\": \"ed25519\", \"secret\": \"a\"", ERROR_BAD,
     "venues[0].secret = (not shown): a private key does not belong"},
    {"\"secret\": \"sim-binance-secret\"", "\"key_type\": \"ed25519\", \"secret_env\": \"PATH\"", ERROR_BAD,
     "venues[0].secret_env = \"PATH\": must hold an Ed25519 private key in PEM form"},
    {"\"secret\": \"sim-mexc-secret\"", "\"key_type\": \"ed25519\", \"secret_env\": \"PATH\"", ERROR_BAD,
     "venues[1].key_type = \"ed25519\": kind mexc takes \"hmac\" keys only"},
    {"\"key\": \"sim-binance-key\"", "\"key_env\": \"ARBDECK_TEST_NOT_SET\"", ERROR_BAD,
     "venues[0].key_env = \"ARBDECK_TEST_NOT_SET\": this environment variable is not set"},
    {"\"secret\": \"sim-mexc-secret\"", "\"secret\": \"very hidden\"", ERROR_BAD, "venues[1].secret = (not shown)"},
    {"\"taker_fee_bps\": 10,", "\"taker_fee_bps\": -3,", ERROR_RANGE,
     "venues[0].taker_fee_bps = -3: must be a number from 0 to 1000 bps"},
    {"\"taker_fee_bps\": 10,", "\"taker_fee_bps\": 0.125,", ERROR_BAD,
     "venues[0].taker_fee_bps = 0.125: must be a number from 0 to 1000 bps with at most 2 decimals"},
    {"\"taker_fee_bps\": 10,", "\"taker_fee_bps\": \"10\",", ERROR_BAD,
     "venues[0].taker_fee_bps = \"10\": must be a number"},
    {"\"order_connections\": 6", "\"order_connections\": 2", ERROR_RANGE,
     "venues[1].order_connections = 2: must be an integer from 3"},
    {"\"name\": \"SOLUSDT\"", "\"name\": \"BTCUSDT\"", ERROR_BAD,
     "symbols[2].name = \"BTCUSDT\": another symbol has this name"},
    {"\"base\": \"SOL\"", "\"base\": \"USDT\"", ERROR_BAD,
     "symbols[2].quote = \"USDT\": must differ from \"base\""},
    {"\"lot\": \"0.001\"", "\"lot\": 0.001", ERROR_BAD,
     "symbols[2].lot = 0.001: must be a decimal number above 0 in quotation marks"},
    {"\"lot\": \"0.001\"", "\"lot\": \"0\"", ERROR_BAD, "symbols[2].lot = \"0\""},
    {"\"lot\": \"0.001\"", "\"lot\": \"0.0010\"", ERROR_BAD, "symbols[2].lot = \"0.0010\""},
    {"\"lot\": \"0.001\"", "\"lot\": \"1e-3\"", ERROR_BAD, "symbols[2].lot = \"1e-3\""},
    {"\"lot\": \"0.001\"", "\"lot\": \"0.001\", \"venues\": {\"okx\": {}}", ERROR_BAD,
     "symbols[2].venues.okx: no venue"},
    {"\"lot\": \"0.001\"", "\"lot\": \"0.001\", \"venues\": {\"mexc\": {\"fee\": 1}}", ERROR_BAD,
     "symbols[2].venues.mexc.fee: there is no such setting"},
    {"\"hedge_slip_bps\": [10, 30, 50]", "\"hedge_slip_bps\": [10, 30]", ERROR_RANGE,
     "risk.hedge_slip_bps = [10,30]: must be a list of 3 to 3"},
    {"\"hedge_slip_bps\": [10, 30, 50]", "\"hedge_slip_bps\": [10, 5, 50]", ERROR_RANGE,
     "risk.hedge_slip_bps[1] = 5: must not be less"},
    {"\"hedge_slip_bps\": [10, 30, 50]", "\"hedge_slip_bps\": [10, 30, null]", ERROR_BAD,
     "risk.hedge_slip_bps[2] = null"},
    {"\"max_edge_bps\": 300", "\"max_edge_bps\": 300.00001", ERROR_BAD,
     "risk.max_edge_bps = 300.00001: must be a number from 1 to 10000 bps with at most 4 decimals"},
    {"\"max_edge_bps\": 300", "\"max_edge_bps\": true", ERROR_BAD, "risk.max_edge_bps = true"},
    {"\"max_open_pairs\": 4", "\"max_open_pairs\": 99999999999999999999", ERROR_BAD, "is not valid JSON"},
    {"\"max_open_pairs\": 4", "\"max_open_pairs\": 9223372036854775807", ERROR_RANGE, "risk.max_open_pairs"},
    {"\"max_quote_age_ms\": 250", "\"max_quote_age_ms\": 9223372036854775807", ERROR_RANGE,
     "risk.max_quote_age_ms"},
};

static void check_refused(const struct refused *row, const char *text, bool engine) {
    char *changed = with(text, row->from, row->to);
    static struct settings_engine engine_out, engine_before;
    static struct settings_strategies strategies_out, strategies_before;
    memset(&engine_out, 0x5a, sizeof engine_out);
    memset(&strategies_out, 0x5a, sizeof strategies_out);
    engine_before = engine_out;
    strategies_before = strategies_out;
    memset(&trail, 0, sizeof trail);
    int code = engine ? settings_parse_engine(changed, strlen(changed), &engine_out, &trail)
                      : settings_parse_strategies(changed, strlen(changed), &strategies_out, &trail);
    if (code != row->code || strstr(trail.text, row->sentence) == NULL)
        fail_msg("%s -> %s: code %d, \"%s\"", row->from, row->to, code, trail.text);
    assert_int_equal(trail.code, code);
    assert_null(strstr(trail.text, "hidden"));
    assert_memory_equal(&engine_out, &engine_before, sizeof engine_out);
    assert_memory_equal(&strategies_out, &strategies_before, sizeof strategies_out);
    free(changed);
}

static void test_engine_file_with_one_thing_wrong_is_refused_whole_with_the_path(void **state) {
    (void)state;
    char *text = load(CONFIG_DIR "engine.json");
    for (size_t i = 0; i < sizeof engine_cases / sizeof engine_cases[0]; i++)
        check_refused(&engine_cases[i], text, true);
    free(text);
}

static const struct refused strategies_cases[] = {
    {"\"name\": \"cross_exchange\"", "\"name\": \"\"", ERROR_BAD, "strategies[0].name = \"\""},
    {"\"kind\": \"cross_exchange\"", "\"kind\": \"maker\"", ERROR_BAD,
     "strategies[0].kind = \"maker\": must be one of \"cross_exchange\""},
    {"\"enabled\": true", "\"enabled\": \"yes\"", ERROR_BAD,
     "strategies[0].enabled = \"yes\": must be true or false"},
    {"\"enabled\": true,", "", ERROR_BAD, "strategies[0].enabled is missing"},
    {"\"symbols\": []", "\"symbols\": [\"BTCUSDT\", \"BTCUSDT\"]", ERROR_BAD,
     "strategies[0].symbols[1] = \"BTCUSDT\": is in the list already"},
    {"\"symbols\": []", "\"symbols\": \"BTCUSDT\"", ERROR_BAD,
     "strategies[0].symbols = \"BTCUSDT\": must be a list"},
    {"\"symbols\": []", "\"symbols\": [7]", ERROR_BAD, "strategies[0].symbols[0] = 7"},
    {"\"min_spread_bps\": 18.0", "\"min_spread_bps\": -0.0001", ERROR_RANGE,
     "strategies[0].params.min_spread_bps = -0.0001: must be a number from 0 to 10000 bps"},
    {"\"min_spread_bps\": 18.0", "\"min_spread_bps\": 10000.0001", ERROR_RANGE, "min_spread_bps"},
    {"\"min_spread_bps\": 18.0", "\"min_spread_bps\": 18.00001", ERROR_BAD, "with at most 4 decimals"},
    {"\"min_spread_bps\": 18.0", "\"min_spread\": 18.0", ERROR_BAD,
     "strategies[0].params.min_spread: there is no such setting; allowed are min_spread_bps,"},
    {"\"max_position_usd\": 500.0", "\"max_position_usd\": 0.99", ERROR_RANGE, "max_position_usd = 0.99"},
    {"\"max_position_usd\": 500.0", "\"max_position_usd\": 1.000000001", ERROR_BAD, "with at most 8 decimals"},
    {"\"cooldown_ms\": 250", "\"cooldown_ms\": 250.5", ERROR_BAD, "cooldown_ms = 250.5: must be an integer"},
    {"\"cooldown_ms\": 250", "\"cooldown_ms\": 3600001", ERROR_RANGE, "cooldown_ms = 3600001"},
};

static void test_strategies_file_with_one_thing_wrong_is_refused_whole_with_the_path(void **state) {
    (void)state;
    char *text = load(CONFIG_DIR "strategies.json");
    for (size_t i = 0; i < sizeof strategies_cases / sizeof strategies_cases[0]; i++)
        check_refused(&strategies_cases[i], text, false);
    free(text);
}

/* Each row of the table in turn: missing, of a wrong type, below, above. */
static void check_row(const json_t *root, const char *part, const struct setting *row) {
    json_t *values[4] = {NULL, json_object(), json_integer(row->least - 1), json_integer(row->greatest + 1)};
    bool numeric = row->type == SETTING_INTEGER || row->type == SETTING_NUMBER;
    for (int i = row->required ? 0 : 1; i < (numeric ? 4 : 2); i++) {
        json_t *changed = json_deep_copy(root);
        json_t *object = part[0] == '\0' ? changed : json_object_get(changed, part);
        if (values[i] == NULL)
            json_object_del(object, row->key);
        else
            json_object_set(object, row->key, values[i]);
        char *text = json_dumps(changed, 0);
        static struct settings_engine out;
        char path[128];
        snprintf(path, sizeof path, "%s%s%s", part, part[0] == '\0' ? "" : ".", row->key);
        assert_true(settings_parse_engine(text, strlen(text), &out, &trail) < 0);
        if (strncmp(trail.text, path, strlen(path)) != 0) fail_msg("%s: %s", path, trail.text);
        free(text);
        json_decref(changed);
    }
    for (int i = 1; i < 4; i++)
        json_decref(values[i]);
}

static void test_every_row_of_the_table_is_enforced(void **state) {
    (void)state;
    json_t *root = json_load_file(CONFIG_DIR "engine.json", 0, NULL);
    for (size_t i = 0; i < settings_of_engine.count; i++)
        if (settings_of_engine.row[i].type != SETTING_PART) check_row(root, "", &settings_of_engine.row[i]);
    for (size_t i = 0; i < settings_of_threads.count; i++)
        check_row(root, "threads", &settings_of_threads.row[i]);
    for (size_t i = 0; i < settings_of_journal.count; i++)
        check_row(root, "journal", &settings_of_journal.row[i]);
    for (size_t i = 0; i < settings_of_risk.count; i++)
        check_row(root, "risk", &settings_of_risk.row[i]);
    json_decref(root);
}

static void test_bytes_that_are_no_object_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "[]",
                                      "3",
                                      "null",
                                      "{",
                                      "{}x",
                                      "{\"instance\": \"\\u0000\"}",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\": \"\xff\"}",
                                      "{'instance': 1}",
                                      "{}\0{}"};
    static struct settings_engine out;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(settings_parse_engine(bad[i], strlen(bad[i]), &out, &trail), ERROR_BAD);
    char *large = calloc(1, SETTINGS_TEXT_SIZE_MAX + 1);
    memset(large, ' ', SETTINGS_TEXT_SIZE_MAX + 1);
    assert_int_equal(settings_parse_engine(large, SETTINGS_TEXT_SIZE_MAX + 1, &out, &trail), ERROR_BAD);
    assert_non_null(strstr(trail.text, "4194305 bytes: allowed are at most 4194304"));
    free(large);
    assert_int_equal(settings_read_engine("/nowhere/engine.json", &out, &trail), ERROR_SYSTEM);
    assert_non_null(strstr(trail.text, "/nowhere/engine.json"));
}

static void test_shipped_files_parse_into_the_units_of_the_core(void **state) {
    (void)state;
    static struct settings_engine engine;
    static struct settings_strategies strategies;
    if (settings_read_engine(CONFIG_DIR "engine.json", &engine, &trail) != 0) fail_msg("%s", trail.text);
    if (settings_read_strategies(CONFIG_DIR "strategies.json", &strategies, &trail) != 0)
        fail_msg("%s", trail.text);
    assert_string_equal(engine.instance, "sim");
    assert_int_equal(engine.mode, ABI_MODE_SIM);
    assert_true(engine.arm_at_start);
    assert_int_equal(engine.hot_cpu, -1);
    assert_int_equal(engine.sync_ms, 200);
    assert_int_equal(engine.venue_count, 2);
    assert_string_equal(engine.venue[1].kind, "mexc");
    assert_int_equal(engine.venue[0].taker_fee_ppm, 1000);
    assert_int_equal(engine.venue[1].taker_fee_ppm, 500);
    assert_string_equal(engine.venue[0].user_url, "");
    assert_string_equal(engine.venue[0].secret, "sim-binance-secret");
    assert_int_equal(engine.symbol_count, 3);
    assert_string_equal(engine.symbol[1].lot, "0.0001");
    assert_string_equal(engine.symbol[1].venue[1].name, "ETHUSDT");
    assert_int_equal(engine.symbol[1].venue[1].taker_fee_ppm, -1);
    assert_true(engine.symbol[1].venue[1].traded);
    const int64_t *limit = engine.limits.limit;
    assert_int_equal(limit[ABI_REFUSAL_ORDER_NOTIONAL], INT64_C(250000000000));
    assert_int_equal(limit[ABI_REFUSAL_QUOTE_AGE], 250000000);
    assert_int_equal(limit[ABI_REFUSAL_EDGE_IMPLAUSIBLE], 3000000);
    assert_int_equal(limit[ABI_REFUSAL_IN_FLIGHT_TOTAL], 4);
    assert_int_equal(engine.limits.repetition_window_ns, INT64_C(60000000000));
    assert_int_equal(engine.limits.order_rate_window_ns, 1000000000);
    assert_int_equal(engine.limits.balance_buffer_ppm, 10000);
    assert_int_equal(engine.limits.hedge_slip_bps_e4[2], 500000);
    assert_int_equal(strategies.strategy[0].params.value[CORE_PARAM_MIN_SPREAD_BPS_E4], 180000);
    assert_int_equal(strategies.strategy[0].params.value[CORE_PARAM_MAX_POSITION_E8], INT64_C(50000000000));
    assert_int_equal(settings_bind(&strategies, &engine, &trail), 0);
    assert_int_equal(strategies.strategy[0].params.symbols[0], 7);
    char *text = load(CONFIG_DIR "strategies.json");
    uint8_t hash[32];
    hash_sha256(text, strlen(text), hash);
    assert_memory_equal(strategies.hash, hash, sizeof hash);
    free(text);
}

static void test_symbols_and_venue_overrides_are_bound_by_name(void **state) {
    (void)state;
    static struct settings_engine engine;
    static struct settings_strategies strategies;
    char *text = load(CONFIG_DIR "engine.json");
    char *changed =
        with(text, "\"lot\": \"0.001\"",
             "\"lot\": \"0.001\", \"venues\": {\"mexc\": {\"name\": \"SOL_USDT\", \"taker_fee_bps\": 2.5, "
             "\"traded\": false}}");
    assert_int_equal(settings_parse_engine(changed, strlen(changed), &engine, &trail), 0);
    assert_string_equal(engine.symbol[2].venue[1].name, "SOL_USDT");
    assert_int_equal(engine.symbol[2].venue[1].taker_fee_ppm, 250);
    assert_false(engine.symbol[2].venue[1].traded);
    assert_true(engine.symbol[2].venue[0].traded);
    free(changed);
    free(text);
    text = load(CONFIG_DIR "strategies.json");
    changed = with(text, "\"symbols\": []", "\"symbols\": [\"SOLUSDT\", \"BTCUSDT\"]");
    assert_int_equal(settings_parse_strategies(changed, strlen(changed), &strategies, &trail), 0);
    assert_int_equal(settings_bind(&strategies, &engine, &trail), 0);
    assert_int_equal(strategies.strategy[0].params.symbols[0], 5);
    free(changed);
    changed = with(text, "\"symbols\": []", "\"symbols\": [\"BTCUSDT\", \"XRPUSDT\"]");
    assert_int_equal(settings_parse_strategies(changed, strlen(changed), &strategies, &trail), 0);
    assert_int_equal(settings_bind(&strategies, &engine, &trail), ERROR_NOT_FOUND);
    assert_string_equal(trail.text,
                        "strategies[0].symbols[1] = \"XRPUSDT\": engine.json has BTCUSDT, ETHUSDT, SOLUSDT");
    for (engine.symbol_count = 3; engine.symbol_count < 1024; engine.symbol_count++)
        snprintf(engine.symbol[engine.symbol_count].name, 32, "S%uUSDT", engine.symbol_count);
    memset(&trail, 0, sizeof trail);
    assert_int_equal(settings_bind(&strategies, &engine, &trail), ERROR_NOT_FOUND);
    assert_string_equal(trail.text,
                        "strategies[0].symbols[1] = \"XRPUSDT\": none of the 1024 symbols of engine.json: BTCUSDT, "
                        "ETHUSDT, SOLUSDT, S3USDT, S4USDT, S5USDT, S6USDT, S7USDT ...");
    snprintf(engine.symbol[1023].name, 32, "XRPUSDT"); /* the last one is found and has its bit */
    assert_int_equal(settings_bind(&strategies, &engine, &trail), 0);
    assert_true(strategies.strategy[0].params.symbols[15] == UINT64_C(1) << 63);
    free(changed);
    free(text);
}

static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
                                  "-----END PRIVATE KEY-----\n";

static void put_file(const char *path, const char *text, unsigned mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_secret_comes_from_a_file_that_only_its_owner_can_read(void **state) {
    (void)state;
    static struct settings_engine engine;
    char path[] = "/tmp/arbdeck_secret_XXXXXX", json[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    char *text = load(CONFIG_DIR "engine.json");
    snprintf(json, sizeof json, "\"secret_file\": \"%s\"", path);
    char *hmac = with(text, "\"secret\": \"sim-binance-secret\"", json);
    snprintf(json, sizeof json, "\"key_type\": \"ed25519\", \"secret_file\": \"%s\"", path);
    char *ed25519 = with(text, "\"secret\": \"sim-binance-secret\"", json);
    put_file(path, "from-a-file\n", 0600);
    assert_int_equal(settings_parse_engine(hmac, strlen(hmac), &engine, &trail), 0);
    assert_string_equal(engine.venue[0].secret, "from-a-file");
    assert_int_equal(engine.venue[0].key_type, SETTINGS_KEY_HMAC);
    assert_int_equal(settings_parse_engine(ed25519, strlen(ed25519), &engine, &trail), ERROR_BAD);
    assert_non_null(strstr(trail.text, "must hold an Ed25519 private key"));
    assert_null(strstr(trail.text, "from-a-file"));
    put_file(path, private_key, 0600);
    assert_int_equal(settings_parse_engine(ed25519, strlen(ed25519), &engine, &trail), 0);
    assert_int_equal(engine.venue[0].key_type, SETTINGS_KEY_ED25519);
    put_file(path, private_key, 0640);
    assert_int_equal(settings_parse_engine(ed25519, strlen(ed25519), &engine, &trail), ERROR_BAD);
    assert_non_null(strstr(trail.text, "only its owner can read"));
    unlink(path);
    free(hmac);
    free(ed25519);
    free(text);
}

static void test_secret_comes_from_the_environment(void **state) {
    (void)state;
    static struct settings_engine engine;
    char *text = load(CONFIG_DIR "engine.json");
    char *changed = with(text, "\"secret\": \"sim-mexc-secret\"", "\"secret_env\": \"ARBDECK_TEST_SECRET\"");
    setenv("ARBDECK_TEST_SECRET", "from-outside", 1);
    assert_int_equal(settings_parse_engine(changed, strlen(changed), &engine, &trail), 0);
    assert_string_equal(engine.venue[1].secret, "from-outside");
    char longer[600];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    setenv("ARBDECK_TEST_SECRET", longer, 1);
    assert_int_equal(settings_parse_engine(changed, strlen(changed), &engine, &trail), ERROR_BAD);
    assert_null(strstr(trail.text, "xxx"));
    unsetenv("ARBDECK_TEST_SECRET");
    free(changed);
    free(text);
}

static void check_schema(const char *which, const char *path) {
    char *printed = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&printed, &size);
    assert_int_equal(settings_print_schema(which, memory), 0);
    fclose(memory);
    char *committed = load(path);
    if (strcmp(printed, committed) != 0)
        fail_msg("%s is old: write the output of the schema command into it", path);
    free(committed);
    free(printed);
}

static void test_committed_schemas_are_what_the_table_says(void **state) {
    (void)state;
    check_schema("engine", CONFIG_DIR "engine.schema.json");
    check_schema("strategies", CONFIG_DIR "strategies.schema.json");
    assert_int_equal(settings_print_schema("other", stdout), ERROR_BAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_are_no_object_are_refused),
        cmocka_unit_test(test_engine_file_with_one_thing_wrong_is_refused_whole_with_the_path),
        cmocka_unit_test(test_strategies_file_with_one_thing_wrong_is_refused_whole_with_the_path),
        cmocka_unit_test(test_every_row_of_the_table_is_enforced),
        cmocka_unit_test(test_shipped_files_parse_into_the_units_of_the_core),
        cmocka_unit_test(test_symbols_and_venue_overrides_are_bound_by_name),
        cmocka_unit_test(test_secret_comes_from_the_environment),
        cmocka_unit_test(test_secret_comes_from_a_file_that_only_its_owner_can_read),
        cmocka_unit_test(test_committed_schemas_are_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
