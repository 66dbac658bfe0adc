#pragma once
/* What must hold of every decoded message, whatever bytes it came from. */
#include "fuzz.h"
#include "venue/venue.h"

static inline bool fuzz_inside(struct venue_text text, const uint8_t *data, size_t size) {
    uintptr_t begin = (uintptr_t)data, at = (uintptr_t)text.data;
    return text.data == NULL || (at >= begin && at <= begin + size && text.size <= begin + size - at);
}

static inline bool fuzz_side_holds(struct decimal price, struct decimal qty, bool absent) {
    return absent ? price.mantissa == 0 && qty.mantissa == 0 : price.mantissa > 0 && qty.mantissa > 0;
}

static inline void fuzz_check_lists(const struct venue_message *message, const uint8_t *data, size_t size) {
    FUZZ_CHECK(message->fill_count <= VENUE_FILLS_MAX, "%u fills", message->fill_count);
    FUZZ_CHECK(message->balance_count <= VENUE_BALANCES_MAX, "%u balances", message->balance_count);
    for (uint32_t index = 0; index < message->fill_count; index++) {
        const struct venue_fill *fill = &message->fill[index];
        FUZZ_CHECK(fuzz_inside(fill->trade_id, data, size) && fuzz_inside(fill->order_id, data, size) &&
                       fuzz_inside(fill->client_id, data, size) && fuzz_inside(fill->symbol, data, size) &&
                       fuzz_inside(fill->fee_asset, data, size),
                   "a fill's text is not of the message");
    }
    for (uint32_t index = 0; index < message->balance_count; index++)
        FUZZ_CHECK(fuzz_inside(message->balance[index].asset, data, size), "an asset is not of the message");
}

/* Status and kind of execution may be words of ours, for a number in the message. */
static inline void fuzz_check_message(const struct venue_message *message, const uint8_t *data, size_t size) {
    FUZZ_CHECK(message->verdict >= VENUE_ACCEPT && message->verdict <= VENUE_REJECT, "no verdict");
    FUZZ_CHECK(message->verdict != VENUE_REJECT || message->why != NULL, "refused without saying why");
    FUZZ_CHECK(fuzz_inside(message->symbol, data, size) && fuzz_inside(message->request_id, data, size) &&
                   fuzz_inside(message->client_id, data, size) && fuzz_inside(message->order_id, data, size) &&
                   fuzz_inside(message->text, data, size),
               "a text is not of the message");
    fuzz_check_lists(message, data, size);
    if (message->verdict != VENUE_ACCEPT || message->type != VENUE_TYPE_BBO) return;
    FUZZ_CHECK(message->symbol.size > 0 && message->symbol.size <= VENUE_SYMBOL_SIZE_MAX, "a quote of no symbol");
    FUZZ_CHECK(fuzz_side_holds(message->bid_price, message->bid_qty, (message->flags & VENUE_NO_BID) != 0), "bid");
    FUZZ_CHECK(fuzz_side_holds(message->ask_price, message->ask_qty, (message->flags & VENUE_NO_ASK) != 0), "ask");
}

/* Decodes twice over what an earlier message left, once of zeros and once of ones: the outcome may not depend on it. */
static inline void fuzz_decode(const char *kind, enum venue_source source, enum venue_query query,
                               const uint8_t *data, size_t size, bool binary, int http_status) {
    static struct venue_message message, again;
    size_t head = offsetof(struct venue_message, fill);
    memset(&message, 0, head);
    memset(&again, 0xff, head);
    venue_ops_find(kind)->decode(source, query, data, size, binary, http_status, &message);
    fuzz_check_message(&message, data, size);
    venue_ops_find(kind)->decode(source, query, data, size, binary, http_status, &again);
    FUZZ_CHECK(message.verdict == again.verdict && message.type == again.type && message.code == again.code &&
                   message.fill_count == again.fill_count && message.balance_count == again.balance_count &&
                   message.seq == again.seq && message.flags == again.flags && message.why == again.why,
               "what an earlier message left shows through");
}
