/* Binary market data of Binance: SBE, schema 1 ("spot_stream"), little endian. Only best bid and ask is used; trades
 * and depth are looked through, so that a damaged stream shows, and ignored. A newer version may be longer: its block
 * length says where the symbol is. */
#include <string.h>

#include "binance.h"
#include "utf8.h"

#define SCHEMA_ID             1
#define TEMPLATE_BEST_BID_ASK 10001
#define TEMPLATE_TRADES       10000
#define TEMPLATE_DEPTH        10002
#define TEMPLATE_DEPTH_DIFF   10003
#define HEADER_SIZE           8
#define BLOCK_SIZE_MIN        50
#define EXPONENT_LIMIT        18
#define MANTISSA_MAX          999999999999999999 /* as many digits as a decimal text may have */

enum best_bid_ask_offset {
    OFFSET_EVENT_TIME_US = 8,
    OFFSET_UPDATE_ID = 16,
    OFFSET_PRICE_EXPONENT = 24,
    OFFSET_QTY_EXPONENT = 25,
    OFFSET_BID_PRICE = 26,
    OFFSET_BID_QTY = 34,
    OFFSET_ASK_PRICE = 42,
    OFFSET_ASK_QTY = 50,
};

static uint16_t read_u16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int64_t read_i64(const uint8_t *at) {
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Also refuses the null value, INT64_MIN. */
static bool read_side(const uint8_t *price, const uint8_t *qty, int8_t price_exponent, int8_t qty_exponent,
                      struct message_side *out) {
    out->price = (struct decimal){read_i64(price), price_exponent};
    out->qty = (struct decimal){read_i64(qty), qty_exponent};
    out->has_price = out->has_qty = true;
    return out->price.mantissa >= 0 && out->price.mantissa <= MANTISSA_MAX && out->qty.mantissa >= 0 &&
           out->qty.mantissa <= MANTISSA_MAX;
}

static const char *read_symbol(const uint8_t *data, size_t size, size_t at, struct venue_text *out) {
    if (at >= size || data[at] > size - at - 1) return "SBE: symbol runs past the message";
    if (data[at] == 0 || data[at] > VENUE_SYMBOL_SIZE_MAX) return "SBE: symbol is empty or longer than 31 bytes";
    if (!utf8_valid(data + at + 1, data[at])) return "SBE: symbol is no UTF-8 text";
    *out = (struct venue_text){(const char *)data + at + 1, data[at]};
    return NULL;
}

static void decode_best_bid_ask(const uint8_t *data, size_t size, size_t block_size, struct venue_message *out) {
    if (block_size < BLOCK_SIZE_MIN || size < HEADER_SIZE + block_size) {
        message_reject(out, "SBE: block shorter than its template, or cut");
        return;
    }
    struct message_side bid, ask;
    int8_t price_exponent = (int8_t)data[OFFSET_PRICE_EXPONENT], qty_exponent = (int8_t)data[OFFSET_QTY_EXPONENT];
    int64_t time_us = read_i64(data + OFFSET_EVENT_TIME_US), update_id = read_i64(data + OFFSET_UPDATE_ID);
    const char *why = read_symbol(data, size, HEADER_SIZE + block_size, &out->symbol);
    if (!why && (price_exponent < -EXPONENT_LIMIT || price_exponent > EXPONENT_LIMIT ||
                 qty_exponent < -EXPONENT_LIMIT || qty_exponent > EXPONENT_LIMIT)) {
        why = "SBE: exponent outside -18 .. 18";
    }
    if (!why && (!read_side(data + OFFSET_BID_PRICE, data + OFFSET_BID_QTY, price_exponent, qty_exponent, &bid) ||
                 !read_side(data + OFFSET_ASK_PRICE, data + OFFSET_ASK_QTY, price_exponent, qty_exponent, &ask))) {
        why = "SBE: a price or quantity is null, negative or has more than 18 digits";
    }
    if (!why && (update_id < 0 || time_us < 0 || time_us > INT64_MAX / 1000)) why = "SBE: id or time out of range";
    if (why) {
        message_reject(out, why);
        return;
    }
    out->seq = (uint64_t)update_id;
    out->event_ns = time_us * 1000;
    message_quote(out, &bid, &ask);
}

/* A group is its blocks' size (16 bits), their count (16 or 32 bits) and the blocks. Returns the place behind it, 0:
 * it runs past the message. */
static size_t group_skip(const uint8_t *data, size_t size, size_t at, bool wide_count) {
    size_t head_size = wide_count ? 6 : 4;
    if (at > size || size - at < head_size) return 0;
    uint64_t block_size = read_u16(data + at), count = read_u16(data + at + 2);
    if (wide_count) count |= (uint64_t)read_u16(data + at + 4) << 16;
    at += head_size;
    if (count > 0 && block_size == 0) return 0;
    return count * block_size > size - at ? 0 : at + (size_t)(count * block_size);
}

static void ignore_groups(const uint8_t *data, size_t size, size_t block_size, uint32_t group_count,
                          bool wide_count, struct venue_message *out) {
    struct venue_text symbol;
    size_t at = HEADER_SIZE + block_size;
    for (uint32_t group = 0; group < group_count; group++) {
        at = group_skip(data, size, at, wide_count);
        if (at == 0) {
            message_reject(out, "SBE: a group runs past the message, or is made of empty blocks");
            return;
        }
    }
    const char *why = read_symbol(data, size, at, &symbol);
    if (why) {
        message_reject(out, why);
    } else {
        message_control(out, VENUE_TYPE_IGNORE);
    }
}

void binance_decode_sbe(const uint8_t *data, size_t size, struct venue_message *out) {
    if (size <= HEADER_SIZE) {
        message_reject(out, "SBE: no more than a header");
        return;
    }
    uint16_t block_size = read_u16(data), template_id = read_u16(data + 2), schema_id = read_u16(data + 4);
    if (schema_id != SCHEMA_ID) {
        message_reject(out, "SBE: not the schema of market data");
    } else if (template_id == TEMPLATE_BEST_BID_ASK) {
        decode_best_bid_ask(data, size, block_size, out);
    } else if (template_id == TEMPLATE_TRADES) {
        ignore_groups(data, size, block_size, 1, true, out);
    } else if (template_id == TEMPLATE_DEPTH || template_id == TEMPLATE_DEPTH_DIFF) {
        ignore_groups(data, size, block_size, 2, false, out);
    } else {
        message_control(out, VENUE_TYPE_IGNORE);
    }
}
