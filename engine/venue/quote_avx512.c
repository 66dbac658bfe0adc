/* Reading bookTickers with AVX-512: a text without a backslash is cut by its quotation marks into names and values, so
 * their places alone say where everything is, and no place has to wait for the one before. Every byte between values
 * is then held against the one it has to be. Called only where quote_has_avx512. */
#include "quote.h"

#ifdef __x86_64__
#include "scan_avx512.h"

#include "quote_json.h"

/* Which marks and which brace are the event's. */
struct event_marks {
    const uint8_t *at, *end;
    uint32_t close;
};

static inline bool stream_is_plain(const uint8_t *data, const uint8_t *mark) {
    uint32_t size = mark[1] - mark[0] - 1u;
    return size < 2 * SCAN_TEXT_SIZE && scan_plain(data + mark[0] + 1, size);
}

/* {"stream":"...","data":EVENT}, {"data":EVENT,"stream":"..."} or EVENT. */
static inline bool event_find(const uint8_t *data, uint32_t size, const struct scan_marks *marks,
                              struct event_marks *event) {
    const uint8_t *at = marks->at;
    *event = (struct event_marks){at, at + marks->count, size - 1};
    if (JSON_IS(data, "{\"stream\":\"")) {
        if (marks->count <= 6 || !JSON_IS(data + at[3], "\",\"data\":{") || at[6] != at[5] + 3) return false;
        event->at += 6;
        event->close--;
        return data[size - 1] == '}' && stream_is_plain(data, at + 2);
    }
    if (JSON_IS(data, "{\"data\":{")) {
        if (marks->count <= 6 || at[2] != at[1] + 3) return false;
        event->at += 2;
        event->end -= 4;
        event->close = event->end[0] - 2u;
        return JSON_IS(data + event->close, "},\"stream\":\"") && event->end[3] + 2u == size &&
               data[size - 1] == '}' && stream_is_plain(data, event->end + 2);
    }
    return marks->count > 0 && JSON_IS(data, "{\"");
}

/* The order in which the venue writes them: whether the marks stand in the right places says all. */
static inline bool marks_in_order(const uint8_t *data, const struct event_marks *event,
                                  struct quote_slice *members) {
    const uint8_t *at = event->at;
    if (event->end - at != 22) return false;
    uint64_t wrong = (load_8(data + at[0]) ^ load_8("\"u\":????")) << 32;
    wrong |= (load_8(data + at[2] - 1) ^ load_8(",\"s\":\"??")) << 16;
    wrong |= (load_8(data + at[5]) ^ load_8("\",\"b\":\"?")) << 8;
    wrong |= (load_8(data + at[9]) ^ load_8("\",\"B\":\"?")) << 8;
    wrong |= (load_8(data + at[13]) ^ load_8("\",\"a\":\"?")) << 8;
    wrong |= (load_8(data + at[17]) ^ load_8("\",\"A\":\"?")) << 8;
    if (wrong != 0 || at[21] + 1u != event->close || data[event->close] != '}') return false;
    members[MEMBER_UPDATE_ID] = (struct quote_slice){data + at[0] + 4, at[2] - at[0] - 5u};
    members[MEMBER_SYMBOL] = (struct quote_slice){data + at[4] + 1, at[5] - at[4] - 1u};
    members[MEMBER_BID_PRICE] = (struct quote_slice){data + at[8] + 1, at[9] - at[8] - 1u};
    members[MEMBER_BID_QTY] = (struct quote_slice){data + at[12] + 1, at[13] - at[12] - 1u};
    members[MEMBER_ASK_PRICE] = (struct quote_slice){data + at[16] + 1, at[17] - at[16] - 1u};
    members[MEMBER_ASK_QTY] = (struct quote_slice){data + at[20] + 1, at[21] - at[20] - 1u};
    return true;
}

/* Members in any order, each once; an integer ends before the comma in front of the next name, or at the brace. */
static inline bool marks_in_any_order(const uint8_t *data, const struct event_marks *event,
                                      struct quote_slice *members, uint32_t *seen_out) {
    const uint8_t *at = event->at, *last = event->end;
    uint32_t seen = 0, count = 0, end, word;
    do {
        if (last - at < 2) return false;
        memcpy(&word, data + at[0], sizeof word);
        if ((word & NAME_MASK) != NAME_SHAPE) return false;
        uint32_t member = member_of[word >> 8 & 0xff], begin = at[0] + 4u;
        seen |= 1u << member;
        count++;
        if (member >= MEMBER_NAME) {
            if (last - at < 4 || data[begin] != '"') return false;
            members[member] = (struct quote_slice){data + begin + 1, at[3] - begin - 1};
            end = at[3] + 1u;
            at += 4;
        } else {
            at += 2;
            end = at < last ? at[0] - 1u : event->close;
            members[member] = (struct quote_slice){data + begin, end - begin};
        }
    } while (at < last && data[end] == ',' && at[0] == end + 1);
    *seen_out = seen;
    return at == last && end == event->close && data[end] == '}' && (uint32_t)__builtin_popcount(seen) == count &&
           (seen >> MEMBER_NONE & 1) == 0;
}

bool binance_quote_avx512(const uint8_t *data, size_t size, struct venue_quote *out) {
    struct scan_marks marks;
    struct event_marks event;
    struct quote_slice members[MEMBER_COUNT];
    uint32_t seen = MEMBERS_NEEDED;
    if (size < JSON_SIZE_MIN) return false;
    if (size > MARKS_MAX) return binance_quote_avx2(data, size, out);
    scan_marks(data, (uint32_t)size, &marks);
    if (!event_find(data, (uint32_t)size, &marks, &event)) return false;
    if (!marks_in_order(data, &event, members) && !marks_in_any_order(data, &event, members, &seen)) return false;
    return members_value(members, seen, out);
}
#else
bool binance_quote_avx512(const uint8_t *data, size_t size, struct venue_quote *out) {
    return binance_quote_avx2(data, size, out);
}
#endif
