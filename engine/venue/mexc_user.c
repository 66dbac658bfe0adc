/* MEXC's private stream: state of our orders, our trades, balances. */
#include <stdint.h>
#include <string.h>

#include "../abi.h"
#include "mexc.h"
#include "utf8.h"

static const char *read_id(const struct proto_field *field, struct venue_text *out) {
    if (field->wire != PROTO_BYTES || field->size > MESSAGE_ID_SIZE_MAX || !utf8_valid(field->data, field->size)) {
        return "protobuf: identifier is no UTF-8 text of at most 64 bytes";
    }
    out->data = field->size ? (const char *)field->data : NULL;
    out->size = field->size;
    return NULL;
}

/* Empty means not there: `has` may be NULL where that is the same as 0. */
static const char *read_decimal(const struct proto_field *field, struct decimal *out, bool *has) {
    if (field->wire != PROTO_BYTES) return "protobuf: number is no string";
    if (has) *has = field->size > 0;
    if (field->size == 0) return NULL;
    if (!message_decimal_bytes(field->data, field->size, out)) return "a number cannot be held exactly";
    return out->mantissa < 0 ? "negative number" : NULL;
}

static const char *read_word(const struct proto_field *field, uint64_t *out) {
    if (field->wire != PROTO_VARINT) return "protobuf: field is no integer";
    *out = field->value;
    return NULL;
}

static const char *read_time(const struct proto_field *field, int64_t *out_ns) {
    if (field->wire != PROTO_VARINT || !message_time_u64(field->value, out_ns))
        return "protobuf: time out of range";
    return NULL;
}

/* 1 buy, 2 sell; absent (0): not said. */
static bool side_from(uint64_t trade_type, uint32_t *side) {
    *side = trade_type == 1 ? ABI_SIDE_BUY : trade_type == 2 ? ABI_SIDE_SELL : 0;
    return trade_type <= 2;
}

/* Status numbers 1 .. 5 of the private stream in REST's words. 5 is terminal: the rest of an IOC was canceled. */
static const char *const status_words[6] = {
    NULL, "NEW", "FILLED", "PARTIALLY_FILLED", "CANCELED", "PARTIALLY_CANCELED"};

static const char *read_order_field(const struct proto_field *field, struct venue_message *out, uint64_t *status,
                                    uint64_t *trade_type) {
    switch (field->number) {
    case 1:
        return read_id(field, &out->order_id);
    case 2:
        return read_id(field, &out->client_id);
    case 3:
        return read_decimal(field, &out->price, NULL);
    case 4:
        return read_decimal(field, &out->qty, NULL);
    case 6:
        return read_decimal(field, &out->avg_price, NULL);
    case 8:
        return read_word(field, trade_type);
    case 13:
        return read_decimal(field, &out->cum_qty, &out->has_cum);
    case 14:
        return read_decimal(field, &out->cum_quote, NULL);
    case 15:
        return read_word(field, status);
    case 16:
        return read_time(field, &out->order_create_ns);
    default:
        return NULL;
    }
}

void mexc_decode_private_order(const uint8_t *data, uint32_t size, struct venue_message *out) {
    struct proto_scan scan;
    struct proto_field field;
    uint64_t status = 0, trade_type = 0;
    const char *why = NULL;
    proto_begin(&scan, data, size);
    while (!why && proto_next(&scan, &field))
        why = read_order_field(&field, out, &status, &trade_type);
    if (!why) why = scan.why;
    if (!why && !out->order_id.data && !out->client_id.data) why = "order without any id";
    if (why) {
        message_reject(out, why);
        return;
    }
    bool known = side_from(trade_type, &out->side) && status >= 1 && status <= 5;
    message_accept(out, VENUE_TYPE_ORDER);
    if (known) {
        struct venue_text word = {status_words[status], (uint32_t)strlen(status_words[status])};
        known = message_state(out, word, mexc_states);
        message_fills_check(out);
    }
    if (!known) {
        out->verdict = VENUE_UNKNOWN;
        out->why = "order status or side is none that is known";
    }
}

static const char *read_deal_field(const struct proto_field *field, struct venue_message *out,
                                   uint64_t *trade_type) {
    struct venue_fill *fill = &out->fill[0];
    uint64_t maker = 0;
    const char *why;
    switch (field->number) {
    case 1:
        return read_decimal(field, &fill->price, NULL);
    case 2:
        return read_decimal(field, &fill->qty, NULL);
    case 4:
        return read_word(field, trade_type);
    case 5:
        why = read_word(field, &maker);
        fill->maker = maker != 0;
        return why;
    case 7:
        return read_id(field, &fill->trade_id);
    case 8:
        return read_id(field, &out->client_id);
    case 9:
        return read_id(field, &out->order_id);
    case 10:
        if (field->wire != PROTO_BYTES) return "protobuf: fee is no string";
        if (field->size == 0) return NULL;
        return message_decimal_bytes(field->data, field->size, &fill->fee) ? NULL : "fee cannot be held exactly";
    case 11:
        return read_id(field, &fill->fee_asset);
    case 12:
        return read_time(field, &fill->time_ns);
    default:
        return NULL;
    }
}

void mexc_decode_private_deal(const uint8_t *data, uint32_t size, struct venue_message *out) {
    struct proto_scan scan;
    struct proto_field field;
    uint64_t trade_type = 0;
    const char *why = NULL;
    memset(&out->fill[0], 0, sizeof out->fill[0]);
    proto_begin(&scan, data, size);
    while (!why && proto_next(&scan, &field))
        why = read_deal_field(&field, out, &trade_type);
    if (!why) why = scan.why;
    struct venue_fill *fill = &out->fill[0];
    if (!why && (fill->price.mantissa == 0 || fill->qty.mantissa == 0)) why = "trade without price or quantity";
    if (!why && !fill->trade_id.data) why = "trade without a trade id";
    if (!why && !out->order_id.data && !out->client_id.data) why = "trade without an order id";
    if (!why && fill->fee.mantissa != 0 && !fill->fee_asset.data) why = "fee without an asset";
    if (why) {
        message_reject(out, why);
        return;
    }
    message_accept(out, VENUE_TYPE_FILL);
    if (!side_from(trade_type, &out->side)) {
        out->verdict = VENUE_UNKNOWN;
        out->why = "trade side is none that is known";
    }
    fill->side = out->side;
    fill->order_id = out->order_id;
    fill->client_id = out->client_id;
    fill->symbol = out->symbol;
    out->fill_count = 1;
}

void mexc_decode_private_account(const uint8_t *data, uint32_t size, struct venue_message *out) {
    struct proto_scan scan;
    struct proto_field field;
    struct venue_balance *balance = &out->balance[0];
    bool has_free = false;
    const char *why = NULL;
    memset(balance, 0, sizeof *balance);
    proto_begin(&scan, data, size);
    while (!why && proto_next(&scan, &field)) {
        if (field.number == 1) why = read_id(&field, &balance->asset);
        if (field.number == 3) why = read_decimal(&field, &balance->free, &has_free);
        if (field.number == 5) why = read_decimal(&field, &balance->locked, NULL);
        if (field.number == 7) why = read_id(&field, &out->text);
    }
    if (!why) why = scan.why;
    if (!why && !balance->asset.data) why = "balance without an asset";
    if (!why && !has_free) why = "balance without an amount";
    if (why) {
        message_reject(out, why);
        return;
    }
    out->balance_count = 1;
    message_accept(out, VENUE_TYPE_BALANCES);
}
