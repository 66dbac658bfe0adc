#pragma once
/* Reading MEXC's book ticker: a wrapper with channel, symbol and times, and in its body four numbers as texts, each
 * field at most once. The wrapper's fields are in ascending order, as protobuf's writers do, the ticker's in any; every
 * length fits one byte. What is otherwise is for the full decoder. Included behind scan_scalar.h or scan_avx2.h. */
#include <string.h>

#include "quote_read.h"

enum proto_tag {
    TAG_CHANNEL = 0x0a,
    TAG_SYMBOL = 0x1a,
    TAG_SYMBOL_ID = 0x22,
    TAG_CREATE_TIME = 0x28,
    TAG_TIME = 0x30, /* wrapper: sent; ticker: last order created */
    TAG_BODY_315 = 0xda,
    TAG_BODY_305 = 0x8a,
    TAG_BODY_SECOND = 0x13,
};

/* A varint of up to 8 bytes; returns how many, 0: more. */
static inline uint32_t varint_read(const uint8_t *data, uint64_t *out) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    uint64_t last = ~word & UINT64_C(0x8080808080808080);
    if (last == 0) return 0;
    last &= 0 - last; /* highest bit of the last byte */
    word &= (last - 1) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    *out = (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    return (uint32_t)(__builtin_ctzll(last) + 1) / 8;
}

struct proto_cursor {
    const uint8_t *at, *end;
};

/* The field of bytes with this tag. False: another field, or it is longer than 127 or than what is left. */
static inline bool bytes_take(struct proto_cursor *cursor, uint32_t tag, struct quote_slice *out) {
    const uint8_t *at = cursor->at;
    if (cursor->end - at < 2 || at[0] != tag || at[1] >= 0x80 || at[1] > cursor->end - at - 2) return false;
    *out = (struct quote_slice){at + 2, at[1]};
    cursor->at = at + 2 + at[1];
    return true;
}

static inline bool proto_follows(const struct proto_cursor *cursor, uint32_t tag) {
    return cursor->at < cursor->end && cursor->at[0] == tag;
}

/* Steps over the time with this tag, if it is there. False: it is none that is in order. */
static inline bool time_take(struct proto_cursor *cursor, uint32_t tag, int64_t *out_ns) {
    uint64_t time;
    if (!proto_follows(cursor, tag)) return true;
    uint32_t size = varint_read(cursor->at + 1, &time);
    if (size == 0 || size > (size_t)(cursor->end - cursor->at - 1)) return false;
    cursor->at += 1 + size;
    return message_time_u64(time, out_ns);
}

enum ticker_field { FIELD_BID_PRICE = 1, FIELD_BID_QTY, FIELD_ASK_PRICE, FIELD_ASK_QTY, FIELD_VERSION, FIELD_TIME };
#define FIELDS_NEEDED (1u << FIELD_BID_PRICE | 1u << FIELD_BID_QTY | 1u << FIELD_ASK_PRICE | 1u << FIELD_ASK_QTY)

/* Fields 1 .. 5 into slices[1 .. 5], in any order and each once; field 6, the time of the last order, is checked only.
 * Returns which were there; 0: it is no ticker in order. */
static inline uint32_t ticker_read(const struct quote_slice *body, struct quote_slice slices[FIELD_TIME]) {
    struct proto_cursor cursor = {body->data, body->data + body->size};
    uint32_t seen = 0;
    while (cursor.at < cursor.end) {
        uint32_t tag = cursor.at[0], field = tag >> 3;
        if (tag > TAG_TIME || (seen >> field & 1) != 0) return 0;
        seen |= 1u << field;
        if (__builtin_expect(tag == TAG_TIME, 0)) {
            int64_t order_ns;
            if (!time_take(&cursor, TAG_TIME, &order_ns)) return 0;
        } else if ((tag & 7) != 2 || field == 0 || !bytes_take(&cursor, tag, &slices[field])) {
            return 0;
        }
    }
    return (seen & FIELDS_NEEDED) == FIELDS_NEEDED ? seen : 0;
}

struct proto_parts {
    struct quote_slice channel, symbol, body;
    int64_t event_ns;
};

static inline bool proto_wrapper_read(const uint8_t *data, size_t size, struct proto_parts *parts) {
    struct proto_cursor cursor = {data, data + size};
    struct quote_slice symbol_id;
    int64_t create_ns;
    parts->event_ns = 0;
    if (!bytes_take(&cursor, TAG_CHANNEL, &parts->channel) || !bytes_take(&cursor, TAG_SYMBOL, &parts->symbol))
        return false;
    if (proto_follows(&cursor, TAG_SYMBOL_ID) && !bytes_take(&cursor, TAG_SYMBOL_ID, &symbol_id)) return false;
    if (!time_take(&cursor, TAG_CREATE_TIME, &create_ns) || !time_take(&cursor, TAG_TIME, &parts->event_ns))
        return false;
    if (!proto_follows(&cursor, TAG_BODY_315) && !proto_follows(&cursor, TAG_BODY_305)) return false;
    cursor.at++;
    return bytes_take(&cursor, TAG_BODY_SECOND, &parts->body) && cursor.at == cursor.end;
}

static inline bool quote_proto_read(const uint8_t *data, size_t size, struct venue_quote *out) {
    struct proto_parts parts;
    struct quote_slice field[FIELD_TIME];
    if (!proto_wrapper_read(data, size, &parts)) return false;
    uint32_t seen = ticker_read(&parts.body, field);
    if (seen == 0 || parts.symbol.size - 1u >= VENUE_SYMBOL_SIZE_MAX) return false;
    if (!scan_plain(parts.symbol.data, parts.symbol.size)) return false;
    if (!scan_plain(parts.channel.data, parts.channel.size)) return false;
    out->symbol = (struct venue_text){(const char *)parts.symbol.data, parts.symbol.size};
    out->event_ns = parts.event_ns;
    out->seq = 0;
    if ((seen >> FIELD_VERSION & 1) != 0 && !scan_integer(&field[FIELD_VERSION], &out->seq)) return false;
    return scan_decimals(&field[FIELD_BID_PRICE], &field[FIELD_BID_QTY], &out->bid_price, &out->bid_qty) &&
           scan_decimals(&field[FIELD_ASK_PRICE], &field[FIELD_ASK_QTY], &out->ask_price, &out->ask_qty) &&
           quote_finish(out);
}
