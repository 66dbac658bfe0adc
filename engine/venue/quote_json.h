#pragma once
/* Reading a bookTicker from value to value: a name of one letter says what follows, one comparison of 32 bytes finds
 * the quotation mark that ends it. Every byte between values is held against the one it has to be, every byte of a
 * value against what may stand there. Included behind scan_scalar.h or scan_avx2.h. */
#include <string.h>

#include "quote_read.h"

enum quote_member {
    MEMBER_NONE = 0,
    MEMBER_UPDATE_ID, /* integers from here */
    MEMBER_TIME,
    MEMBER_EVENT_TIME,
    MEMBER_NAME, /* texts from here */
    MEMBER_SYMBOL,
    MEMBER_BID_PRICE,
    MEMBER_BID_QTY,
    MEMBER_ASK_PRICE,
    MEMBER_ASK_QTY,
    MEMBER_COUNT,
};
#define MEMBERS_NEEDED                                                                                             \
    (1u << MEMBER_UPDATE_ID | 1u << MEMBER_SYMBOL | 1u << MEMBER_BID_PRICE | 1u << MEMBER_BID_QTY |                \
     1u << MEMBER_ASK_PRICE | 1u << MEMBER_ASK_QTY)

static const uint8_t member_of[256] = {
    ['u'] = MEMBER_UPDATE_ID, ['T'] = MEMBER_TIME,      ['E'] = MEMBER_EVENT_TIME,
    ['e'] = MEMBER_NAME,      ['s'] = MEMBER_SYMBOL,    ['b'] = MEMBER_BID_PRICE,
    ['B'] = MEMBER_BID_QTY,   ['a'] = MEMBER_ASK_PRICE, ['A'] = MEMBER_ASK_QTY,
};

#define JSON_SIZE_MIN       16 /* shorter than any quote, longer than what a wrapper begins with */
#define JSON_IS(data, text) (memcmp(data, text, sizeof(text) - 1) == 0)

/* `"?":`, which byte ? is not looked at. */
#define NAME_MASK  0xffff00ffu
#define NAME_SHAPE 0x3a220022u

/* Members in any order, each once, up to and with the closing brace. Returns what follows it; NULL: not so. */
static inline const uint8_t *members_read(const uint8_t *at, const uint8_t *end, struct quote_slice *members,
                                          uint32_t *seen_out) {
    uint32_t seen = 0, count = 0, size, word;
    do {
        memcpy(&word, at, sizeof word);
        if ((word & NAME_MASK) != NAME_SHAPE) return NULL;
        uint32_t member = member_of[word >> 8 & 0xff];
        seen |= 1u << member;
        count++;
        if (__builtin_expect(member >= MEMBER_NAME, 1)) {
            if (at[4] != '"') return NULL;
            size = scan_mark(at + 5);
            members[member] = (struct quote_slice){at + 5, size};
            if (size == SCAN_TEXT_SIZE) return NULL;
            at += size + 7;
        } else {
            size = scan_digits(at + 4);
            members[member] = (struct quote_slice){at + 4, size};
            at += size + 5;
        }
        if (at > end) return NULL;
    } while (at[-1] == ',');
    *seen_out = seen;
    bool each_once = (uint32_t)__builtin_popcount(seen) == count && (seen >> MEMBER_NONE & 1) == 0;
    return at[-1] == '}' && each_once ? at : NULL;
}

static inline uint64_t load_8(const void *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* The text that ends at the next quotation mark; what follows it has to be `then`. Returns what follows that. */
static inline const uint8_t *text_then(const uint8_t *at, const uint8_t *end, const char *then, uint32_t then_size,
                                       struct quote_slice *out) {
    uint32_t size = scan_mark(at);
    *out = (struct quote_slice){at, size};
    at += size;
    if ((load_8(at) ^ load_8(then)) << (64 - 8 * then_size) != 0 || at >= end) return NULL;
    return at + then_size;
}

/* The order in which the venue writes them: nothing to look up, five hops from text to text. Returns what follows the
 * closing brace; NULL: another order, or no event. */
static inline const uint8_t *members_in_order(const uint8_t *at, const uint8_t *end, struct quote_slice *members) {
    uint32_t size = scan_digits(at + 4);
    members[MEMBER_UPDATE_ID] = (struct quote_slice){at + 4, size};
    if ((load_8(at) ^ load_8("\"u\":????")) << 32 != 0) return NULL;
    at += 4 + size;
    if ((load_8(at) ^ load_8(",\"s\":\"??")) << 16 != 0 || at >= end) return NULL;
    at = text_then(at + 6, end, "\",\"b\":\"?", 7, &members[MEMBER_SYMBOL]);
    if (at != NULL) at = text_then(at, end, "\",\"B\":\"?", 7, &members[MEMBER_BID_PRICE]);
    if (at != NULL) at = text_then(at, end, "\",\"a\":\"?", 7, &members[MEMBER_BID_QTY]);
    if (at != NULL) at = text_then(at, end, "\",\"A\":\"?", 7, &members[MEMBER_ASK_PRICE]);
    if (at != NULL) at = text_then(at, end, "\"}??????", 2, &members[MEMBER_ASK_QTY]);
    return at;
}

/* The stream's name up to its closing quotation mark; what it says is nobody's business, the event has the symbol. */
static inline const uint8_t *stream_skip(const uint8_t *at) {
    uint32_t first = scan_mark(at), size = first;
    if (first == SCAN_TEXT_SIZE) size += scan_mark(at + SCAN_TEXT_SIZE);
    if (size == 2 * SCAN_TEXT_SIZE || !scan_plain(at, size)) return NULL;
    return at + size;
}

static inline const uint8_t *event_read(const uint8_t *at, const uint8_t *end, struct quote_slice *members,
                                        uint32_t *seen) {
    const uint8_t *behind = members_in_order(at, end, members);
    *seen = MEMBERS_NEEDED;
    return __builtin_expect(behind != NULL, 1) ? behind : members_read(at, end, members, seen);
}

/* {"stream":"...","data":EVENT}, {"data":EVENT,"stream":"..."} or EVENT. */
static inline bool json_wrapper_read(const uint8_t *data, size_t size, struct quote_slice *members,
                                     uint32_t *seen) {
    const uint8_t *at = data, *end = data + size;
    bool stream_first = JSON_IS(at, "{\"stream\":\""), data_first = JSON_IS(at, "{\"data\":{");
    if (stream_first) {
        at = stream_skip(at + 11);
        if (at == NULL || at >= end || !JSON_IS(at, "\",\"data\":{")) return false;
    }
    at += stream_first ? 10 : data_first ? 9 : 1;
    if (at >= end || at[-1] != '{') return false;
    at = event_read(at, end, members, seen);
    if (at == NULL) return false;
    if (stream_first) return at + 1 == end && *at == '}';
    if (!data_first) return at == end;
    if (end - at < 13 || !JSON_IS(at, ",\"stream\":\"")) return false;
    at = stream_skip(at + 11);
    return at != NULL && at + 2 == end && at[1] == '}';
}

/* What only some venues of this kind send. */
static inline bool members_extra(const struct quote_slice *members, uint32_t seen, struct venue_quote *out) {
    uint64_t time;
    if ((seen >> MEMBER_NAME & 1) != 0) {
        const struct quote_slice *name = &members[MEMBER_NAME];
        if (name->size != 10 || !JSON_IS(name->data, "bookTicker")) return false;
    }
    if ((seen >> MEMBER_TIME & 1) != 0 && !scan_integer(&members[MEMBER_TIME], &time)) return false;
    if ((seen >> MEMBER_EVENT_TIME & 1) == 0) return true;
    return scan_integer(&members[MEMBER_EVENT_TIME], &time) && message_time_u64(time, &out->event_ns);
}

/* From the members' places to their values. */
static inline bool members_value(const struct quote_slice *members, uint32_t seen, struct venue_quote *out) {
    out->event_ns = 0;
    if (seen != MEMBERS_NEEDED) {
        if ((seen & MEMBERS_NEEDED) != MEMBERS_NEEDED || !members_extra(members, seen, out)) return false;
    }
    const struct quote_slice *symbol = &members[MEMBER_SYMBOL];
    if (symbol->size - 1u >= VENUE_SYMBOL_SIZE_MAX || !scan_plain(symbol->data, symbol->size)) return false;
    out->symbol = (struct venue_text){(const char *)symbol->data, symbol->size};
    return scan_integer(&members[MEMBER_UPDATE_ID], &out->seq) &&
           scan_decimals(&members[MEMBER_BID_PRICE], &members[MEMBER_BID_QTY], &out->bid_price, &out->bid_qty) &&
           scan_decimals(&members[MEMBER_ASK_PRICE], &members[MEMBER_ASK_QTY], &out->ask_price, &out->ask_qty) &&
           quote_finish(out);
}

static inline bool quote_json_read(const uint8_t *data, size_t size, struct venue_quote *out) {
    struct quote_slice members[MEMBER_COUNT];
    uint32_t seen;
    return size >= JSON_SIZE_MIN && json_wrapper_read(data, size, members, &seen) &&
           members_value(members, seen, out);
}
