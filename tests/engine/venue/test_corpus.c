/* Protects the reading of real venue messages: every payload of the corpus gets its manifest's verdict and values,
 * through the same function that the operator's `decode` uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payloads.h"
#include "venue/venue.h"

/* Depth, trades, klines and symbol rules are not used: the engine has to see that they are none of its business. Where
 * one of them is damaged, the manifest wants it refused, and it is not in this list. */
static const char *const out_of_scope[] = {
    "ws_partial_depth.json",
    "ws_diff_depth.json",
    "ws_trade.json",
    "ws_kline_1m.json",
    "edge_diff_depth_empty_sides.json",
    "edge_diff_depth_gap.json",
    "rest_depth.json",
    "rest_klines.json",
    "rest_klines_empty.json",
    "rest_klines_us.json",
    "rest_exchangeinfo.json",
    "rest_exchangeinfo_percent_price_filter.json",
    "aggre_depth_313_ccxt.bin",
    "aggre_depth_313_gap.bin",
    "kline_308.bin",
    "sbe_depth20.bin",
    "sbe_depth_diff.bin",
    "sbe_depth_empty_groups.bin",
    "sbe_trades.bin",
};

static bool is_out_of_scope(const char *file) {
    for (size_t index = 0; index < sizeof out_of_scope / sizeof out_of_scope[0]; index++) {
        if (strcmp(out_of_scope[index], file) == 0) return true;
    }
    return false;
}

/* Manifest keys that describe rather than expect. */
static bool is_remark(const char *key) {
    static const char *const remarks[] = {"verdict", "why",   "note",  "action",   "protoc_decodes",
                                          "items",   "type_", "flags", "match_on", "protobuf_semantics"};
    for (size_t index = 0; index < sizeof remarks / sizeof remarks[0]; index++) {
        if (strcmp(remarks[index], key) == 0) return true;
    }
    return false;
}

/* Where the decoder prints what the manifest calls `key`. */
struct place {
    const char *key;
    const char *list; /* NULL: top level; else first item of this list */
    const char *name;
};

static const struct place places[] = {
    {"type", NULL, "type"},
    {"symbol", NULL, "symbol"},
    {"bid_px", NULL, "bid_px"},
    {"bid_qty", NULL, "bid_qty"},
    {"ask_px", NULL, "ask_px"},
    {"ask_qty", NULL, "ask_qty"},
    {"update_id", NULL, "update_id"},
    {"version", NULL, "version"},
    {"event_ts", NULL, "event_ns"},
    {"code", NULL, "code"},
    {"class", NULL, "class"},
    {"ok", NULL, "ok"},
    {"n", NULL, "n"},
    {"failed", NULL, "failed"},
    {"status", NULL, "status"},
    {"X", NULL, "status"},
    {"x", NULL, "exec_type"},
    {"executedQty", NULL, "cum_qty"},
    {"cum_qty", NULL, "cum_qty"},
    {"cummulativeQuoteQty", NULL, "cum_quote"},
    {"avg_px", NULL, "avg_px"},
    {"terminal", NULL, "terminal"},
    {"orderId", NULL, "order_id"},
    {"order_id", NULL, "order_id"},
    {"clientOrderId", NULL, "client_id"},
    {"subscriptionId", NULL, "text"},
    {"last_qty", "fills", "qty"},
    {"qty", "fills", "qty"},
    {"px", "fills", "price"},
    {"fee", "fills", "fee"},
    {"fee_asset", "fills", "fee_asset"},
    {"fee_ccy", "fills", "fee_asset"},
    {"maker", "fills", "maker"},
    {"asset", "balances", "asset"},
    {"free", "balances", "free"},
    {"locked", "balances", "locked"},
};

struct milliseconds {
    const char *key;
    const char *name;
};
static const struct milliseconds times[] = {
    {"send_ms", "event_ns"},
    {"create_ms", "create_ns"},
    {"last_order_create_ms", "order_create_ns"},
    {"retryAfter_ms", "retry_after_ns"},
};

static bool is_time_us(const char *key, const json_t *expected, const json_t *printed) {
    return strcmp(key, "event_ts_us") == 0 &&
           json_integer_value(json_object_get(printed, "event_ns")) == json_integer_value(expected) * 1000;
}

static bool same(const json_t *expected, const json_t *printed) {
    if (json_is_null(expected)) return printed == NULL;
    if (json_is_integer(expected) && json_is_string(printed)) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(expected));
        return strcmp(text, json_string_value(printed)) == 0;
    }
    /* One asset or several: one type of message. */
    if (json_is_string(expected) && strcmp(json_string_value(expected), "balance") == 0) {
        return json_is_string(printed) && strcmp(json_string_value(printed), "balances") == 0;
    }
    return json_equal(expected, printed);
}

/* 1 the expectation holds, 0 it does not, -1 nobody knows how to look at this key. */
static int holds(const char *key, const json_t *expected, const json_t *printed) {
    for (size_t index = 0; index < sizeof places / sizeof places[0]; index++) {
        if (strcmp(places[index].key, key) != 0) continue;
        const json_t *in = printed;
        if (places[index].list) in = json_array_get(json_object_get(printed, places[index].list), 0);
        return same(expected, json_object_get(in, places[index].name));
    }
    for (size_t index = 0; index < sizeof times / sizeof times[0]; index++) {
        if (strcmp(times[index].key, key) != 0) continue;
        json_int_t time_ns = json_integer_value(json_object_get(printed, times[index].name));
        return time_ns == json_integer_value(expected) * 1000000;
    }
    if (is_time_us(key, expected, printed)) return 1;
    if (strcmp(key, "fills") == 0) {
        return json_array_size(json_object_get(printed, "fills")) == (size_t)json_integer_value(expected);
    }
    return -1;
}

static bool has_flag(const json_t *flags, const char *word) {
    size_t index;
    json_t *flag;
    json_array_foreach(flags, index, flag) {
        if (strcmp(json_string_value(flag), word) == 0) return true;
    }
    return false;
}

/* Of a quote: exactly the flags that the manifest names. "stale_if..." is for whoever compares two quotes. */
static bool flags_hold(const json_t *expected, const json_t *printed) {
    static const char *const words[] = {"no_bid", "no_ask", "locked", "crossed"};
    for (size_t index = 0; index < sizeof words / sizeof words[0]; index++) {
        if (has_flag(expected, words[index]) != has_flag(printed, words[index])) return false;
    }
    return true;
}

static bool verdict_holds(const char *expected, const char *printed) {
    if (strcmp(expected, "accept_or_reject") == 0) {
        return strcmp(printed, "accept") == 0 || strcmp(printed, "reject") == 0;
    }
    return strcmp(expected, printed) == 0;
}

static int check_values(const char *file, json_t *expect, const json_t *printed) {
    int failures = 0;
    const char *key;
    json_t *value;
    json_object_foreach(expect, key, value) {
        if (is_remark(key)) continue;
        int verdict = holds(key, value, printed);
        if (verdict == 1) continue;
        print_error("%s: %s %s\n", file, key, verdict < 0 ? "has no check" : "differs");
        failures++;
    }
    const char *type = json_string_value(json_object_get(printed, "type"));
    bool quote = type && strcmp(type, "bbo") == 0;
    if (quote && !flags_hold(json_object_get(expect, "flags"), json_object_get(printed, "flags"))) {
        print_error("%s: flags differ\n", file);
        failures++;
    }
    if (json_object_get(expect, "match_on")) {
        /* The sample's own ids: c names the cancel request, C the order. */
        const char *id = json_string_value(json_object_get(printed, "client_id"));
        if (!id || strcmp(id, "arb-0001-b") != 0) {
            print_error("%s: not matched on C\n", file);
            failures++;
        }
    }
    return failures;
}

static int check_entry(const struct venue_ops *ops, const char *folder, const json_t *entry) {
    const char *file = json_string_value(json_object_get(entry, "file"));
    json_t *expect = json_object_get(entry, "expect");
    const char *verdict = json_string_value(json_object_get(expect, "verdict"));
    if (strcmp(json_string_value(json_object_get(entry, "dir")), "rx") != 0) return 0;

    size_t size, printed_size;
    char *text;
    uint8_t *data = payloads_read(folder, file, &size);
    if (!data) {
        print_error("%s: cannot be read\n", file);
        return 1;
    }
    FILE *out = open_memstream(&text, &printed_size);
    int code = venue_decode_print(ops, data, size, out);
    fclose(out);
    free(data);

    json_error_t error;
    json_t *printed = json_loads(text, 0, &error);
    const char *got = json_string_value(json_object_get(printed, "verdict"));
    int failures = 0;
    if (!got || text[printed_size - 1] != '\n' || code != (strcmp(got, "reject") == 0)) {
        print_error("%s: not one JSON object with its exit code: %s\n", file, text);
        failures++;
    } else if (is_out_of_scope(file)) {
        const char *type = json_string_value(json_object_get(printed, "type"));
        failures += strcmp(got, "control") != 0 || !type || strcmp(type, "ignore") != 0;
    } else if (!verdict_holds(verdict, got)) {
        failures++;
    } else if (strcmp(got, "reject") != 0) {
        failures += check_values(file, expect, printed);
    }
    if (failures) print_error("%s: expected %s, got %s", file, verdict, text);
    json_decref(printed);
    free(text);
    return failures;
}

static void check_folder(const char *folder, size_t least) {
    const struct venue_ops *ops = venue_ops_find(folder);
    assert_non_null(ops);
    json_t *entries = payloads_manifest(folder), *entry;
    if (!entries) skip();
    size_t index;
    int failures = 0;
    json_array_foreach(entries, index, entry) {
        failures += check_entry(ops, folder, entry);
    }
    assert_true(json_array_size(entries) >= least);
    json_decref(entries);
    assert_int_equal(failures, 0);
}

static void binance_payloads_get_their_verdicts_and_values(void **state) {
    (void)state;
    check_folder("binance", 100);
}

static void mexc_payloads_get_their_verdicts_and_values(void **state) {
    (void)state;
    check_folder("mexc", 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binance_payloads_get_their_verdicts_and_values),
        cmocka_unit_test(mexc_payloads_get_their_verdicts_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
