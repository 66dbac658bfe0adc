#include "order_json.h"

#include <string.h>

#include "../abi.h"

enum order_member {
    ORDER_SYMBOL,
    ORDER_ID,
    ORDER_CLIENT_ID,
    ORDER_ORIGINAL_CLIENT_ID,
    ORDER_PRICE,
    ORDER_QTY,
    ORDER_QTY_OLD,
    ORDER_EXECUTED,
    ORDER_QUOTE,
    ORDER_STATUS,
    ORDER_SIDE,
    ORDER_TRANSACT_TIME,
    ORDER_TIME,
    ORDER_UPDATE_TIME,
    ORDER_FILLS,
    ORDER_REASON,
    ORDER_MEMBER_COUNT,
};

static const struct json_name order_names[ORDER_MEMBER_COUNT] = {
    [ORDER_SYMBOL] = JSON_NAME("symbol"),
    [ORDER_ID] = JSON_NAME("orderId"),
    [ORDER_CLIENT_ID] = JSON_NAME("clientOrderId"),
    [ORDER_ORIGINAL_CLIENT_ID] = JSON_NAME("origClientOrderId"),
    [ORDER_PRICE] = JSON_NAME("price"),
    [ORDER_QTY] = JSON_NAME("origQty"),
    [ORDER_QTY_OLD] = JSON_NAME("Qty"),
    [ORDER_EXECUTED] = JSON_NAME("executedQty"),
    [ORDER_QUOTE] = JSON_NAME("cummulativeQuoteQty"),
    [ORDER_STATUS] = JSON_NAME("status"),
    [ORDER_SIDE] = JSON_NAME("side"),
    [ORDER_TRANSACT_TIME] = JSON_NAME("transactTime"),
    [ORDER_TIME] = JSON_NAME("time"),
    [ORDER_UPDATE_TIME] = JSON_NAME("updateTime"),
    [ORDER_FILLS] = JSON_NAME("fills"),
    [ORDER_REASON] = JSON_NAME("expiryReason"),
};

static bool is_there(const struct json_value *value) {
    return value->kind != JSON_ABSENT && value->kind != JSON_NULL;
}

/* A number that may be missing or null, never negative; `has` may be NULL. */
static const char *optional_decimal(const struct json_value *value, struct decimal *out, bool *has) {
    if (!is_there(value)) return NULL;
    if (!message_decimal(value, out)) return "order: a number cannot be held exactly";
    if (has) *has = true;
    return out->mantissa < 0 ? "order: negative number" : NULL;
}

static const char *optional_id(const struct json_value *value, struct venue_text *out) {
    if (!is_there(value) || (value->kind == JSON_STRING && value->size == 0)) return NULL;
    return message_id_or_number(value, out) ? NULL : "order: an id is escaped or longer than 64 bytes";
}

static const char *optional_time(const struct json_value *value, int64_t *out_ns) {
    if (!is_there(value)) return NULL;
    struct json_value number = *value;
    number.kind = value->kind == JSON_STRING ? JSON_NUMBER : value->kind; /* old MEXC samples quote their times */
    return message_time(&number, out_ns) ? NULL : "order: a time is no integer";
}

static const char *read_side(const struct json_value *value, uint32_t *side) {
    if (!is_there(value)) return NULL;
    if (json_equals(value, "BUY")) {
        *side = ABI_SIDE_BUY;
    } else if (json_equals(value, "SELL")) {
        *side = ABI_SIDE_SELL;
    } else {
        return "order: side is neither BUY nor SELL";
    }
    return NULL;
}

/* What acknowledgements and states have in common. */
static const char *read_common(const struct json_value *values, struct venue_message *out) {
    const struct json_value *qty = &values[is_there(&values[ORDER_QTY]) ? ORDER_QTY : ORDER_QTY_OLD];
    bool canceled =
        values[ORDER_ORIGINAL_CLIENT_ID].kind == JSON_STRING && values[ORDER_ORIGINAL_CLIENT_ID].size > 0;
    const char *why = optional_id(&values[ORDER_ID], &out->order_id);
    if (!why) {
        why = optional_id(&values[canceled ? ORDER_ORIGINAL_CLIENT_ID : ORDER_CLIENT_ID], &out->client_id);
    }
    if (!why && is_there(&values[ORDER_SYMBOL]) &&
        !message_id(&values[ORDER_SYMBOL], VENUE_SYMBOL_SIZE_MAX, &out->symbol)) {
        why = "order: symbol is escaped or longer than 31 bytes";
    }
    if (!why) why = optional_decimal(&values[ORDER_PRICE], &out->price, NULL);
    if (!why) why = optional_decimal(qty, &out->qty, NULL);
    if (!why) why = read_side(&values[ORDER_SIDE], &out->side);
    if (!why) why = optional_time(&values[ORDER_TIME], &out->order_create_ns);
    if (!why) why = optional_time(&values[ORDER_UPDATE_TIME], &out->event_ns);
    if (!why) why = optional_time(&values[ORDER_TRANSACT_TIME], &out->event_ns);
    if (!why && !out->order_id.data && !out->client_id.data) why = "order: no orderId and no clientOrderId";
    return why;
}

enum fill_member {
    FILL_PRICE,
    FILL_QTY,
    FILL_FEE,
    FILL_FEE_ASSET,
    FILL_TRADE_ID,
    FILL_ID,
    FILL_ORDER_ID,
    FILL_CLIENT_ID,
    FILL_SYMBOL,
    FILL_TIME,
    FILL_IS_BUYER,
    FILL_IS_MAKER,
    FILL_MEMBER_COUNT,
};

static const struct json_name fill_names[FILL_MEMBER_COUNT] = {
    [FILL_PRICE] = JSON_NAME("price"),      [FILL_QTY] = JSON_NAME("qty"),
    [FILL_FEE] = JSON_NAME("commission"),   [FILL_FEE_ASSET] = JSON_NAME("commissionAsset"),
    [FILL_TRADE_ID] = JSON_NAME("tradeId"), [FILL_ID] = JSON_NAME("id"),
    [FILL_ORDER_ID] = JSON_NAME("orderId"), [FILL_CLIENT_ID] = JSON_NAME("clientOrderId"),
    [FILL_SYMBOL] = JSON_NAME("symbol"),    [FILL_TIME] = JSON_NAME("time"),
    [FILL_IS_BUYER] = JSON_NAME("isBuyer"), [FILL_IS_MAKER] = JSON_NAME("isMaker"),
};

static const char *read_fill_money(const struct json_value *values, struct venue_fill *fill) {
    if (!message_decimal(&values[FILL_PRICE], &fill->price) || fill->price.mantissa <= 0) {
        return "fill: price is no positive decimal that can be held exactly";
    }
    if (!message_decimal(&values[FILL_QTY], &fill->qty) || fill->qty.mantissa <= 0) {
        return "fill: qty is no positive decimal that can be held exactly";
    }
    if (is_there(&values[FILL_FEE]) && !message_decimal(&values[FILL_FEE], &fill->fee)) {
        return "fill: commission cannot be held exactly";
    }
    const char *why = optional_id(&values[FILL_FEE_ASSET], &fill->fee_asset);
    if (!why && fill->fee.mantissa != 0 && !fill->fee_asset.data) why = "fill: commission without an asset";
    return why;
}

/* `row`: a row of own trades (id, orderId, symbol, time); else an entry of an order's fills (tradeId). */
static const char *read_fill(const struct json_value *item, bool row, struct venue_fill *fill) {
    struct json_value values[FILL_MEMBER_COUNT];
    memset(fill, 0, sizeof *fill);
    const char *why = json_members(item, fill_names, FILL_MEMBER_COUNT, values);
    if (!why) why = read_fill_money(values, fill);
    if (!why) why = optional_id(&values[row ? FILL_ID : FILL_TRADE_ID], &fill->trade_id);
    if (!why && !fill->trade_id.data) why = "fill: no trade id";
    if (why || !row) return why;

    why = optional_id(&values[FILL_ORDER_ID], &fill->order_id);
    if (!why) why = optional_id(&values[FILL_CLIENT_ID], &fill->client_id);
    if (!why && !message_id(&values[FILL_SYMBOL], VENUE_SYMBOL_SIZE_MAX, &fill->symbol)) why = "fill: no symbol";
    if (!why) why = optional_time(&values[FILL_TIME], &fill->time_ns);
    if (!why && !fill->order_id.data) why = "fill: no orderId";
    fill->side = values[FILL_IS_BUYER].kind == JSON_TRUE    ? ABI_SIDE_BUY
                 : values[FILL_IS_BUYER].kind == JSON_FALSE ? ABI_SIDE_SELL
                                                            : 0;
    fill->maker = values[FILL_IS_MAKER].kind == JSON_TRUE;
    return why;
}

/* Reads at most VENUE_FILLS_MAX; `total` counts all of them. */
static const char *read_fills(const struct json_value *list, bool row, struct venue_message *out, uint32_t *total) {
    struct json_scan scan;
    struct json_value item;
    bool first = true;
    *total = 0;
    json_begin(&scan, list->data, list->size);
    json_open(&scan, '[');
    while (json_item(&scan, &first)) {
        if (!json_read(&scan, &item)) break;
        (*total)++;
        if (out->fill_count == VENUE_FILLS_MAX) continue;
        const char *why = read_fill(&item, row, &out->fill[out->fill_count]);
        if (why) return why;
        out->fill_count++;
    }
    return scan.why;
}

void order_json_ack(const struct json_value *order, struct venue_message *out) {
    struct json_value values[ORDER_MEMBER_COUNT];
    const char *why = json_members(order, order_names, ORDER_MEMBER_COUNT, values);
    if (!why) why = read_common(values, out);
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_ORDER_ACK);
}

void order_json_state(const struct json_value *order, const struct message_state_word *words,
                      struct venue_message *out) {
    struct json_value values[ORDER_MEMBER_COUNT];
    uint32_t total = 0;
    const char *why = json_members(order, order_names, ORDER_MEMBER_COUNT, values);
    if (!why) why = read_common(values, out);
    if (!why && values[ORDER_STATUS].kind == JSON_ABSENT) {
        message_accept(out, VENUE_TYPE_ORDER_ACK);
        return;
    }
    struct venue_text word = {0};
    if (!why && !message_id(&values[ORDER_STATUS], MESSAGE_ID_SIZE_MAX, &word)) why = "order: status is no word";
    if (!why) why = optional_decimal(&values[ORDER_EXECUTED], &out->cum_qty, &out->has_cum);
    if (!why && !out->has_cum) why = "order: status without executedQty";
    if (!why) why = optional_decimal(&values[ORDER_QUOTE], &out->cum_quote, NULL);
    if (!why && is_there(&values[ORDER_REASON])) why = optional_id(&values[ORDER_REASON], &out->text);
    if (!why && values[ORDER_FILLS].kind == JSON_ARRAY) why = read_fills(&values[ORDER_FILLS], false, out, &total);
    if (why) {
        message_reject(out, why);
        return;
    }
    for (uint32_t index = 0; index < out->fill_count; index++)
        out->fill[index].side = out->side;
    message_accept(out, VENUE_TYPE_ORDER);
    if (!message_state(out, word, words)) {
        out->verdict = VENUE_UNKNOWN;
        out->why = "order: status is none that is known";
    }
    message_fills_check(out);
}

void order_json_trades(const struct json_value *rows, struct venue_message *out) {
    uint32_t total = 0;
    const char *why = rows->kind == JSON_ARRAY ? read_fills(rows, true, out, &total) : "trades: not an array";
    if (why) {
        message_reject(out, why);
        return;
    }
    out->fills_complete = total < VENUE_QUERY_ROWS_MAX; /* a full page may have a next one */
    message_accept(out, VENUE_TYPE_TRADES);
}

/* One open order as a fill-like row. */
static const char *read_open(const struct json_value *item, struct venue_fill *row) {
    struct json_value values[ORDER_MEMBER_COUNT];
    struct decimal price = {0}, qty = {0};
    memset(row, 0, sizeof *row);
    const char *why = json_members(item, order_names, ORDER_MEMBER_COUNT, values);
    const struct json_value *qty_value = &values[is_there(&values[ORDER_QTY]) ? ORDER_QTY : ORDER_QTY_OLD];
    if (!why) why = optional_id(&values[ORDER_ID], &row->order_id);
    if (!why) why = optional_id(&values[ORDER_CLIENT_ID], &row->client_id);
    if (!why && !row->order_id.data) why = "open order: no orderId";
    if (!why && !message_id(&values[ORDER_SYMBOL], VENUE_SYMBOL_SIZE_MAX, &row->symbol))
        why = "open order: no symbol";
    if (!why) why = optional_decimal(&values[ORDER_PRICE], &price, NULL);
    if (!why) why = optional_decimal(qty_value, &qty, NULL);
    if (!why) why = read_side(&values[ORDER_SIDE], &row->side);
    if (!why) why = optional_time(&values[ORDER_TIME], &row->time_ns);
    row->price = price;
    row->qty = qty;
    return why;
}

void order_json_open(const struct json_value *rows, struct venue_message *out) {
    struct json_scan scan;
    struct json_value item;
    bool first = true;
    const char *why = NULL;
    json_begin(&scan, rows->data, rows->size);
    json_open(&scan, '[');
    out->fills_complete = true;
    while (!why && json_item(&scan, &first) && json_read(&scan, &item)) {
        if (out->fill_count == VENUE_FILLS_MAX) {
            out->fills_complete = false;
            continue;
        }
        why = read_open(&item, &out->fill[out->fill_count]);
        out->fill_count++;
    }
    if (!why) why = scan.why;
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_OPEN_ORDERS);
}
