/* Balances and REST book tickers, in the JSON names that Binance and MEXC share. */
#include <string.h>

#include "order_json.h"

static const char *read_balance(const struct json_value *item, const struct json_name names[3],
                                struct venue_balance *balance) {
    struct json_value values[3];
    const char *why = json_members(item, names, 3, values);
    if (!why && !message_id(&values[0], MESSAGE_ID_SIZE_MAX, &balance->asset)) why = "balance: no asset";
    if (!why && (!message_decimal(&values[1], &balance->free) || !message_decimal(&values[2], &balance->locked))) {
        why = "balance: an amount is missing or cannot be held exactly";
    }
    if (!why && (balance->free.mantissa < 0 || balance->locked.mantissa < 0)) why = "balance: negative amount";
    return why;
}

static bool is_zero(const struct venue_balance *balance) {
    return balance->free.mantissa == 0 && balance->locked.mantissa == 0;
}

/* Where the next balance goes: a full table gives up its last zero balance. NULL: nothing to give up. */
static struct venue_balance *balance_place(struct venue_message *out) {
    if (out->balance_count < VENUE_BALANCES_MAX) return &out->balance[out->balance_count++];
    for (uint32_t index = VENUE_BALANCES_MAX; index-- > 0;) {
        if (is_zero(&out->balance[index])) return &out->balance[index];
    }
    return NULL;
}

void order_json_balances(const struct json_value *balances, const struct json_name names[3],
                         struct venue_message *out) {
    struct json_scan scan;
    struct json_value item;
    bool first = true;
    const char *why = NULL;
    if (balances->kind != JSON_ARRAY) { /* absent: it has no bytes to scan */
        message_reject(out, "balances: not an array");
        return;
    }
    json_begin(&scan, balances->data, balances->size);
    json_open(&scan, '[');
    while (!why && json_item(&scan, &first) && json_read(&scan, &item)) {
        struct venue_balance balance = {0};
        why = read_balance(&item, names, &balance);
        if (why || (is_zero(&balance) && out->balance_count == VENUE_BALANCES_MAX)) continue;
        struct venue_balance *place = balance_place(out);
        if (place) {
            *place = balance;
        } else {
            why = "balances: more than 2048 assets";
        }
    }
    if (!why) why = scan.why;
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_BALANCES);
}

static bool read_side(const struct json_value *price, const struct json_value *qty, struct message_side *out) {
    out->has_price = price->kind != JSON_NULL;
    out->has_qty = qty->kind != JSON_NULL;
    if (out->has_price && !message_decimal(price, &out->price)) return false;
    return !out->has_qty || message_decimal(qty, &out->qty);
}

void order_json_ticker(const struct json_value *ticker, struct venue_message *out) {
    static const struct json_name names[5] = {JSON_NAME("symbol"), JSON_NAME("bidPrice"), JSON_NAME("bidQty"),
                                              JSON_NAME("askPrice"), JSON_NAME("askQty")};
    struct json_value values[5];
    struct message_side bid, ask;
    const char *why = json_members(ticker, names, 5, values);
    if (!why && !message_id(&values[0], VENUE_SYMBOL_SIZE_MAX, &out->symbol)) {
        why = "ticker: symbol is missing, escaped or longer than 31 bytes";
    }
    if (!why && (!read_side(&values[1], &values[2], &bid) || !read_side(&values[3], &values[4], &ask))) {
        why = "ticker: a price or quantity is missing or cannot be held exactly";
    }
    if (why) {
        message_reject(out, why);
    } else {
        message_quote(out, &bid, &ask);
    }
}
