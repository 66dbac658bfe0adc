/* The order connection of Binance: WS-API answers and user data events. */
#include <stdint.h>
#include <string.h>

#include "../abi.h"
#include "binance.h"
#include "error_class.h"
#include "order_json.h"

const struct message_state_word binance_states[] = {
    {"NEW", ABI_ORDER_ACKED, false},
    {"PENDING_NEW", ABI_ORDER_ACKED, false},
    {"PARTIALLY_FILLED", ABI_ORDER_PARTIAL, false},
    {"FILLED", ABI_ORDER_FILLED, true},
    {"CANCELED", ABI_ORDER_CANCELED, true},
    {"REJECTED", ABI_ORDER_REJECTED, true},
    {"EXPIRED", ABI_ORDER_EXPIRED, true},
    {"EXPIRED_IN_MATCH", ABI_ORDER_EXPIRED, true},
    {NULL, 0, false},
};

const struct query_style binance_style = {binance_states, binance_error_class};

static const char *const exec_types[] = {"NEW",   "CANCELED", "REPLACED",         "REJECTED",
                                         "TRADE", "EXPIRED",  "TRADE_PREVENTION", NULL};

enum report_member {
    REPORT_EVENT_TIME,
    REPORT_SYMBOL,
    REPORT_CLIENT_ID,
    REPORT_ORIGINAL_CLIENT_ID,
    REPORT_SIDE,
    REPORT_QTY,
    REPORT_PRICE,
    REPORT_EXEC,
    REPORT_STATUS,
    REPORT_REJECT_REASON,
    REPORT_EXPIRY_REASON,
    REPORT_ORDER_ID,
    REPORT_LAST_QTY,
    REPORT_LAST_PRICE,
    REPORT_CUM_QTY,
    REPORT_CUM_QUOTE,
    REPORT_FEE,
    REPORT_FEE_ASSET,
    REPORT_TIME,
    REPORT_TRADE_ID,
    REPORT_MAKER,
    REPORT_CREATE_TIME,
    REPORT_MEMBER_COUNT,
};

static const struct json_name report_names[REPORT_MEMBER_COUNT] = {
    [REPORT_EVENT_TIME] = JSON_NAME("E"),
    [REPORT_SYMBOL] = JSON_NAME("s"),
    [REPORT_CLIENT_ID] = JSON_NAME("c"),
    [REPORT_ORIGINAL_CLIENT_ID] = JSON_NAME("C"),
    [REPORT_SIDE] = JSON_NAME("S"),
    [REPORT_QTY] = JSON_NAME("q"),
    [REPORT_PRICE] = JSON_NAME("p"),
    [REPORT_EXEC] = JSON_NAME("x"),
    [REPORT_STATUS] = JSON_NAME("X"),
    [REPORT_REJECT_REASON] = JSON_NAME("r"),
    [REPORT_EXPIRY_REASON] = JSON_NAME("eR"),
    [REPORT_ORDER_ID] = JSON_NAME("i"),
    [REPORT_LAST_QTY] = JSON_NAME("l"),
    [REPORT_LAST_PRICE] = JSON_NAME("L"),
    [REPORT_CUM_QTY] = JSON_NAME("z"),
    [REPORT_CUM_QUOTE] = JSON_NAME("Z"),
    [REPORT_FEE] = JSON_NAME("n"),
    [REPORT_FEE_ASSET] = JSON_NAME("N"),
    [REPORT_TIME] = JSON_NAME("T"),
    [REPORT_TRADE_ID] = JSON_NAME("t"),
    [REPORT_MAKER] = JSON_NAME("m"),
    [REPORT_CREATE_TIME] = JSON_NAME("O"),
};

static bool word_is(struct venue_text text, const char *word) {
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static const char *read_report_ids(const struct json_value *values, struct venue_message *out) {
    const struct json_value *original = &values[REPORT_ORIGINAL_CLIENT_ID];
    bool canceled = original->kind == JSON_STRING && original->size > 0;
    if (!message_id(&values[REPORT_SYMBOL], VENUE_SYMBOL_SIZE_MAX, &out->symbol)) return "executionReport: no s";
    if (!message_id(canceled ? original : &values[REPORT_CLIENT_ID], MESSAGE_ID_SIZE_MAX, &out->client_id)) {
        return "executionReport: c or C is missing, escaped or longer than 64 bytes";
    }
    message_id_or_number(&values[REPORT_ORDER_ID], &out->order_id); /* -1 on a rejection: none */
    if (!message_id(&values[REPORT_EXEC], MESSAGE_ID_SIZE_MAX, &out->exec_type) ||
        !message_id(&values[REPORT_STATUS], MESSAGE_ID_SIZE_MAX, &out->status)) {
        return "executionReport: x or X is no word";
    }
    if (json_equals(&values[REPORT_SIDE], "BUY")) {
        out->side = ABI_SIDE_BUY;
    } else if (json_equals(&values[REPORT_SIDE], "SELL")) {
        out->side = ABI_SIDE_SELL;
    } else {
        return "executionReport: S is neither BUY nor SELL";
    }
    return NULL;
}

static const char *read_report_numbers(const struct json_value *values, struct venue_message *out) {
    out->has_cum = message_decimal(&values[REPORT_CUM_QTY], &out->cum_qty) && out->cum_qty.mantissa >= 0;
    if (!out->has_cum) return "executionReport: z is missing, negative or cannot be held exactly";
    if (!message_decimal(&values[REPORT_CUM_QUOTE], &out->cum_quote) || out->cum_quote.mantissa < 0 ||
        !message_decimal(&values[REPORT_PRICE], &out->price) || out->price.mantissa < 0 ||
        !message_decimal(&values[REPORT_QTY], &out->qty) || out->qty.mantissa < 0) {
        return "executionReport: Z, p or q is missing, negative or cannot be held exactly";
    }
    if (!message_time(&values[REPORT_TIME], &out->event_ns)) return "executionReport: T is no time";
    message_time(&values[REPORT_CREATE_TIME], &out->order_create_ns);
    return NULL;
}

static const char *read_report_fill(const struct json_value *values, struct venue_message *out) {
    struct venue_fill *fill = &out->fill[0];
    memset(fill, 0, sizeof *fill);
    if (!message_decimal(&values[REPORT_LAST_QTY], &fill->qty) || fill->qty.mantissa <= 0 ||
        !message_decimal(&values[REPORT_LAST_PRICE], &fill->price) || fill->price.mantissa <= 0) {
        return "executionReport: TRADE without a positive l and L";
    }
    if (!message_decimal(&values[REPORT_FEE], &fill->fee)) return "executionReport: n cannot be held exactly";
    if (!message_id_or_number(&values[REPORT_TRADE_ID], &fill->trade_id)) return "executionReport: TRADE without t";
    if (values[REPORT_FEE_ASSET].kind != JSON_NULL &&
        !message_id(&values[REPORT_FEE_ASSET], MESSAGE_ID_SIZE_MAX, &fill->fee_asset)) {
        return "executionReport: N is no asset";
    }
    if (fill->fee.mantissa != 0 && !fill->fee_asset.data) return "executionReport: fee without an asset";
    fill->order_id = out->order_id;
    fill->client_id = out->client_id;
    fill->symbol = out->symbol;
    fill->time_ns = out->event_ns;
    fill->side = out->side;
    fill->maker = values[REPORT_MAKER].kind == JSON_TRUE;
    out->fill_count = 1;
    return NULL;
}

static void read_report_reason(const struct json_value *values, struct venue_message *out) {
    const struct json_value *reject = &values[REPORT_REJECT_REASON], *expiry = &values[REPORT_EXPIRY_REASON];
    if (expiry->kind == JSON_STRING) {
        out->text = message_text(expiry);
    } else if (reject->kind == JSON_STRING && !json_equals(reject, "NONE")) {
        out->text = message_text(reject);
    }
}

static bool exec_type_known(struct venue_text word) {
    for (const char *const *type = exec_types; *type; type++) {
        if (word_is(word, *type)) return true;
    }
    return false;
}

static void decode_report(const struct json_value *event, struct venue_message *out) {
    struct json_value values[REPORT_MEMBER_COUNT];
    const char *why = json_members(event, report_names, REPORT_MEMBER_COUNT, values);
    if (!why) why = read_report_ids(values, out);
    if (!why) why = read_report_numbers(values, out);
    if (!why && word_is(out->exec_type, "TRADE")) why = read_report_fill(values, out);
    if (why) {
        message_reject(out, why);
        return;
    }
    read_report_reason(values, out);
    message_accept(out, VENUE_TYPE_EXEC);
    bool known = message_state(out, out->status, binance_states);
    if (!known || !exec_type_known(out->exec_type)) {
        out->verdict = VENUE_UNKNOWN;
        out->why = "executionReport: x or X is none that is known";
    }
}

static void decode_position(const struct json_value *event, struct venue_message *out) {
    static const struct json_name names[2] = {JSON_NAME("B"), JSON_NAME("u")};
    static const struct json_name balance_names[3] = {JSON_NAME("a"), JSON_NAME("f"), JSON_NAME("l")};
    struct json_value values[2];
    const char *why = json_members(event, names, 2, values);
    if (!why && !message_time(&values[1], &out->event_ns)) why = "outboundAccountPosition: u is no time";
    if (why) {
        message_reject(out, why);
        return;
    }
    order_json_balances(&values[0], balance_names, out);
}

/* balanceUpdate and externalLockUpdate: an asset and a signed difference. */
static void decode_difference(const struct json_value *event, enum venue_type type, struct venue_message *out) {
    static const struct json_name names[3] = {JSON_NAME("a"), JSON_NAME("d"), JSON_NAME("T")};
    struct json_value values[3];
    struct venue_balance *balance = &out->balance[0];
    memset(balance, 0, sizeof *balance);
    const char *why = json_members(event, names, 3, values);
    if (!why && !message_id(&values[0], MESSAGE_ID_SIZE_MAX, &balance->asset)) why = "balance event: no asset";
    if (!why && !message_decimal(&values[1], type == VENUE_TYPE_LOCK ? &balance->locked : &balance->free)) {
        why = "balance event: d is missing or cannot be held exactly";
    }
    if (!why && !message_time(&values[2], &out->event_ns)) why = "balance event: T is no time";
    if (why) {
        message_reject(out, why);
        return;
    }
    out->balance_count = 1;
    message_accept(out, type);
}

static void decode_event(const struct json_value *event, struct venue_message *out) {
    static const struct json_name names[2] = {JSON_NAME("e"), JSON_NAME("E")};
    struct json_value values[2];
    const char *why = json_members(event, names, 2, values);
    if (!why && values[0].kind != JSON_STRING) why = "event without a name";
    if (why) {
        message_reject(out, why);
    } else if (json_equals(&values[0], "executionReport")) {
        decode_report(event, out);
    } else if (json_equals(&values[0], "outboundAccountPosition")) {
        decode_position(event, out);
    } else if (json_equals(&values[0], "balanceUpdate")) {
        decode_difference(event, VENUE_TYPE_BALANCE_DELTA, out);
    } else if (json_equals(&values[0], "externalLockUpdate")) {
        decode_difference(event, VENUE_TYPE_LOCK, out);
    } else {
        message_time(&values[1], &out->event_ns);
        bool terminated = json_equals(&values[0], "eventStreamTerminated");
        bool shutdown = json_equals(&values[0], "serverShutdown");
        message_control(out, terminated ? VENUE_TYPE_USER_TERMINATED
                             : shutdown ? VENUE_TYPE_SHUTDOWN
                                        : VENUE_TYPE_IGNORE);
    }
}

enum answer_member {
    ANSWER_ID,
    ANSWER_STATUS,
    ANSWER_RESULT,
    ANSWER_ERROR,
    ANSWER_EVENT,
    ANSWER_NAME,
    ANSWER_COUNT
};

static const struct json_name answer_names[ANSWER_COUNT] = {
    [ANSWER_ID] = JSON_NAME("id"),         [ANSWER_STATUS] = JSON_NAME("status"),
    [ANSWER_RESULT] = JSON_NAME("result"), [ANSWER_ERROR] = JSON_NAME("error"),
    [ANSWER_EVENT] = JSON_NAME("event"),   [ANSWER_NAME] = JSON_NAME("e"),
};

static void decode_answer(const struct json_value *values, struct venue_message *out) {
    int32_t status = 0;
    if (!json_i32(&values[ANSWER_STATUS], &status)) {
        message_reject(out, "answer without a status");
    } else if (values[ANSWER_ERROR].kind != JSON_ABSENT) {
        if (!query_json_error(&values[ANSWER_ERROR], status, &binance_style, out)) {
            query_json_unreadable(status, "answer with an error that is none", out);
        }
    } else if (status != 200) {
        query_json_unreadable(status, "answer with neither success nor error", out);
    } else if (values[ANSWER_RESULT].kind == JSON_OBJECT || values[ANSWER_RESULT].kind == JSON_ARRAY) {
        query_json_by_shape(&values[ANSWER_RESULT], &binance_style, out);
    } else {
        message_reject(out, "answer without a result");
    }
    /* Also of an answer that is refused: whoever waits for it must know. */
    message_id_or_number(&values[ANSWER_ID], &out->request_id);
}

void binance_decode_orders(const uint8_t *data, size_t size, struct venue_message *out) {
    struct json_value body, values[ANSWER_COUNT];
    const char *why = query_json_parse(data, size, &body);
    if (!why) why = json_members(&body, answer_names, ANSWER_COUNT, values);
    if (why) {
        message_reject(out, why);
    } else if (values[ANSWER_EVENT].kind != JSON_ABSENT) {
        decode_event(&values[ANSWER_EVENT], out);
    } else if (values[ANSWER_NAME].kind != JSON_ABSENT) {
        decode_event(&body, out);
    } else {
        decode_answer(values, out);
    }
}
