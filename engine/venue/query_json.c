#include "query_json.h"

#include "order_json.h"

const char *query_json_parse(const uint8_t *data, size_t size, struct json_value *out) {
    struct json_scan scan;
    if (size == 0) return "empty message";
    json_begin(&scan, data, size);
    if (json_read(&scan, out) && json_done(&scan)) return NULL;
    return scan.why;
}

static void decode_error(const struct json_value *code, const struct json_value *text, int status,
                         const struct query_style *style, struct venue_message *out) {
    if (!json_i32(code, &out->code)) {
        message_reject(out, "error: code is no integer");
        return;
    }
    if (text->kind == JSON_STRING) out->text = message_text(text);
    out->verdict = VENUE_ERROR;
    out->error_class = style->error_class(out->code, status, out->text);
}

/* WS-API errors say when to come back: {"data": {"retryAfter": ms}}. */
static void read_retry_after(const struct json_value *data, struct venue_message *out) {
    static const struct json_name names[1] = {JSON_NAME("retryAfter")};
    struct json_value values[1];
    if (data->kind != JSON_OBJECT || json_members(data, names, 1, values) != NULL) return;
    message_time(&values[0], &out->retry_after_ns);
}

bool query_json_error(const struct json_value *body, int status, const struct query_style *style,
                      struct venue_message *out) {
    static const struct json_name names[3] = {JSON_NAME("code"), JSON_NAME("msg"), JSON_NAME("data")};
    struct json_value values[3];
    if (body->kind != JSON_OBJECT || json_members(body, names, 3, values) != NULL) return false;
    if (values[0].kind == JSON_ABSENT || values[1].kind == JSON_ABSENT) return false;
    decode_error(&values[0], &values[1], status, style, out);
    if (out->verdict == VENUE_ERROR) read_retry_after(&values[2], out);
    return true;
}

void query_json_unreadable(int http_status, const char *why, struct venue_message *out) {
    message_reject(out, why);
    if (http_status != 418 && http_status != 429 && http_status < 500) return;
    out->verdict = VENUE_ERROR;
    out->code = http_status;
    out->error_class = http_status == 418   ? VENUE_CLASS_BAN
                       : http_status == 429 ? VENUE_CLASS_RATE
                                            : VENUE_CLASS_UNKNOWN;
}

static const struct json_name balance_names[3] = {JSON_NAME("asset"), JSON_NAME("free"), JSON_NAME("locked")};

static void decode_account(const struct json_value *body, struct venue_message *out) {
    static const struct json_name names[2] = {JSON_NAME("balances"), JSON_NAME("updateTime")};
    struct json_value values[2];
    const char *why = json_members(body, names, 2, values);
    if (why) {
        message_reject(out, why);
        return;
    }
    message_time(&values[1], &out->event_ns); /* null where the venue does not say */
    order_json_balances(&values[0], balance_names, out);
}

static void decode_time(const struct json_value *body, struct venue_message *out) {
    static const struct json_name names[1] = {JSON_NAME("serverTime")};
    struct json_value values[1];
    const char *why = json_members(body, names, 1, values);
    if (!why && !message_time(&values[0], &out->event_ns)) why = "serverTime is missing or no time";
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_TIME);
}

static void decode_listen_key(const struct json_value *body, bool required, struct venue_message *out) {
    static const struct json_name names[1] = {JSON_NAME("listenKey")};
    struct json_value values[1];
    const char *why = json_members(body, names, 1, values);
    if (!why && values[0].kind == JSON_ABSENT && !required) {
        message_control(out, VENUE_TYPE_IGNORE);
        return;
    }
    if (!why && !message_id(&values[0], 256, &out->text)) why = "listenKey is missing or longer than 256 bytes";
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_LISTEN_KEY);
}

static void decode_rows(const struct json_value *body, bool trades, struct venue_message *out) {
    if (body->kind != JSON_ARRAY) {
        message_reject(out, "not a JSON array");
    } else if (trades) {
        order_json_trades(body, out);
    } else {
        order_json_open(body, out);
    }
}

static void decode_body(enum venue_query query, const struct json_value *body, const struct query_style *style,
                        struct venue_message *out) {
    switch (query) {
    case VENUE_QUERY_TIME:
        decode_time(body, out);
        return;
    case VENUE_QUERY_ACCOUNT:
        decode_account(body, out);
        return;
    case VENUE_QUERY_ORDER:
    case VENUE_QUERY_CANCEL:
        order_json_state(body, style->states, out);
        return;
    case VENUE_QUERY_TRADES:
        decode_rows(body, true, out);
        return;
    case VENUE_QUERY_OPEN_ORDERS:
        decode_rows(body, false, out);
        return;
    case VENUE_QUERY_LISTEN_KEY_NEW:
        decode_listen_key(body, true, out);
        return;
    case VENUE_QUERY_LISTEN_KEY_KEEP:
    case VENUE_QUERY_LISTEN_KEY_CLOSE:
        decode_listen_key(body, false, out);
        return;
    case VENUE_QUERY_RULES:
    case VENUE_QUERY_NONE:
        query_json_by_shape(body, style, out);
        return;
    }
    message_reject(out, "no such question");
}

void query_json_answer(enum venue_query query, const uint8_t *data, size_t size, int http_status,
                       const struct query_style *style, struct venue_message *out) {
    struct json_value body;
    const char *why = query_json_parse(data, size, &body);
    if (why) {
        query_json_unreadable(http_status, why, out);
        return;
    }
    if (query_json_error(&body, http_status, style, out)) return;
    if (http_status != 0 && (http_status < 200 || http_status > 299)) {
        query_json_unreadable(http_status, "HTTP status is no success and the body is no error", out);
        return;
    }
    decode_body(query, &body, style, out);
}

enum shape_member {
    SHAPE_ORDER_ID,
    SHAPE_LOGON,
    SHAPE_SUBSCRIPTION,
    SHAPE_BALANCES,
    SHAPE_COMMISSION,
    SHAPE_TICKER,
    SHAPE_SYMBOLS,
    SHAPE_TIME,
    SHAPE_LISTEN_KEY,
    SHAPE_FEE,
    SHAPE_STATUS,
    SHAPE_SYMBOL,
    SHAPE_MEMBER_COUNT,
};

static const struct json_name shape_names[SHAPE_MEMBER_COUNT] = {
    [SHAPE_ORDER_ID] = JSON_NAME("orderId"),
    [SHAPE_LOGON] = JSON_NAME("authorizedSince"),
    [SHAPE_SUBSCRIPTION] = JSON_NAME("subscriptionId"),
    [SHAPE_BALANCES] = JSON_NAME("balances"),
    [SHAPE_COMMISSION] = JSON_NAME("standardCommission"),
    [SHAPE_TICKER] = JSON_NAME("bidPrice"),
    [SHAPE_SYMBOLS] = JSON_NAME("symbols"),
    [SHAPE_TIME] = JSON_NAME("serverTime"),
    [SHAPE_LISTEN_KEY] = JSON_NAME("listenKey"),
    [SHAPE_FEE] = JSON_NAME("commission"),
    [SHAPE_STATUS] = JSON_NAME("status"),
    [SHAPE_SYMBOL] = JSON_NAME("symbol"),
};

static void decode_array_by_shape(const struct json_value *body, struct venue_message *out) {
    struct json_value values[SHAPE_MEMBER_COUNT], item;
    struct json_scan scan;
    bool first = true;
    json_begin(&scan, body->data, body->size);
    json_open(&scan, '[');
    if (!json_item(&scan, &first) || !json_read(&scan, &item) ||
        json_members(&item, shape_names, SHAPE_MEMBER_COUNT, values) != NULL) {
        message_control(out, VENUE_TYPE_IGNORE);
    } else if (values[SHAPE_FEE].kind != JSON_ABSENT) {
        order_json_trades(body, out);
    } else if (values[SHAPE_ORDER_ID].kind != JSON_ABSENT && values[SHAPE_STATUS].kind != JSON_ABSENT) {
        order_json_open(body, out);
    } else {
        message_control(out, VENUE_TYPE_IGNORE);
    }
}

static void decode_commission(const struct json_value *symbol, struct venue_message *out) {
    if (!message_id(symbol, VENUE_SYMBOL_SIZE_MAX, &out->symbol)) {
        message_reject(out, "commission: symbol is missing, escaped or longer than 31 bytes");
        return;
    }
    message_accept(out, VENUE_TYPE_COMMISSION);
}

static void decode_object_by_shape(const struct json_value *body, const struct json_value *values,
                                   const struct query_style *style, struct venue_message *out) {
    if (values[SHAPE_ORDER_ID].kind != JSON_ABSENT) {
        order_json_state(body, style->states, out);
    } else if (values[SHAPE_LOGON].kind != JSON_ABSENT) {
        out->ok = values[SHAPE_LOGON].kind == JSON_NUMBER; /* null: logged out */
        message_control(out, VENUE_TYPE_LOGON);
    } else if (values[SHAPE_SUBSCRIPTION].kind != JSON_ABSENT) {
        out->ok = 1;
        out->text = message_text(&values[SHAPE_SUBSCRIPTION]);
        message_control(out, VENUE_TYPE_USER_SUB);
    } else if (values[SHAPE_BALANCES].kind != JSON_ABSENT) {
        decode_account(body, out);
    } else if (values[SHAPE_COMMISSION].kind != JSON_ABSENT) {
        decode_commission(&values[SHAPE_SYMBOL], out);
    } else if (values[SHAPE_TICKER].kind != JSON_ABSENT) {
        order_json_ticker(body, out);
    } else if (values[SHAPE_LISTEN_KEY].kind != JSON_ABSENT) {
        decode_listen_key(body, true, out);
    } else if (values[SHAPE_TIME].kind != JSON_ABSENT && values[SHAPE_SYMBOLS].kind == JSON_ABSENT) {
        decode_time(body, out);
    } else {
        message_control(out, VENUE_TYPE_IGNORE);
    }
}

void query_json_by_shape(const struct json_value *body, const struct query_style *style,
                         struct venue_message *out) {
    struct json_value values[SHAPE_MEMBER_COUNT];
    if (body->kind == JSON_ARRAY) {
        decode_array_by_shape(body, out);
        return;
    }
    const char *why = json_members(body, shape_names, SHAPE_MEMBER_COUNT, values);
    if (why) {
        message_reject(out, why);
    } else {
        decode_object_by_shape(body, values, style, out);
    }
}
