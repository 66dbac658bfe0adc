#pragma once
/* The short way against the full decoder: whatever it accepts, the full decoder accepts with the same values, and the
 * bytes behind a message change nothing. Used by the tests and by the fuzz targets. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venue/quote.h"
#include "venue/venue.h"

typedef bool quote_reader(const uint8_t *data, size_t size, struct venue_quote *out);

/* A heap copy with exactly the slack that may be read, filled with `behind`. */
static inline uint8_t *quotes_copy(const uint8_t *data, size_t size, int behind) {
    uint8_t *copy = malloc(size + VENUE_SLACK_SIZE);
    if (copy == NULL) abort();
    memcpy(copy, data, size);
    memset(copy + size, behind, VENUE_SLACK_SIZE);
    return copy;
}

static inline bool quotes_same_decimal(struct decimal one, struct decimal other) {
    return one.mantissa == other.mantissa && one.exponent == other.exponent;
}

/* NULL, or what differs. The texts point into different copies. */
static inline const char *quotes_difference(const struct venue_quote *quote, const struct venue_message *message) {
    if (message->verdict != VENUE_ACCEPT || message->type != VENUE_TYPE_BBO) return "verdict";
    if (quote->symbol.size != message->symbol.size ||
        memcmp(quote->symbol.data, message->symbol.data, quote->symbol.size) != 0)
        return "symbol";
    if (!quotes_same_decimal(quote->bid_price, message->bid_price)) return "bid price";
    if (!quotes_same_decimal(quote->bid_qty, message->bid_qty)) return "bid quantity";
    if (!quotes_same_decimal(quote->ask_price, message->ask_price)) return "ask price";
    if (!quotes_same_decimal(quote->ask_qty, message->ask_qty)) return "ask quantity";
    if (quote->seq != message->seq) return "sequence";
    if (quote->flags != message->flags) return "flags";
    return quote->event_ns == message->event_ns ? NULL : "event time";
}

/* Reads `data` by one reader with three kinds of bytes behind it. Returns NULL or what is wrong; *accepted tells. */
static inline const char *quotes_check_reader(quote_reader *reader, const uint8_t *data, size_t size,
                                              const struct venue_message *message, bool *accepted) {
    static const int behind[3] = {0, '"', '0'};
    const char *wrong = NULL;
    for (uint32_t round = 0; round < 3 && wrong == NULL; round++) {
        struct venue_quote quote;
        uint8_t *copy = quotes_copy(data, size, behind[round]);
        bool again = reader(copy, size, &quote);
        if (again) wrong = quotes_difference(&quote, message);
        if (round > 0 && again != *accepted) wrong = "the bytes behind the message count";
        *accepted = again;
        free(copy);
    }
    return wrong;
}

/* All readers of a kind that this processor runs. Returns NULL or what is wrong; *accepted: by all. */
static inline const char *quotes_check(const char *kind, const uint8_t *data, size_t size, bool *accepted) {
    static struct venue_message message;
    bool binary = strcmp(kind, "mexc") == 0, again = false;
    quote_reader *readers[3] = {binary ? mexc_quote_scalar : binance_quote_scalar};
    uint32_t count = 1;
    if (quote_has_avx2()) readers[count++] = binary ? mexc_quote_avx2 : binance_quote_avx2;
    if (quote_has_avx512() && !binary) readers[count++] = binance_quote_avx512;
    uint8_t *copy = quotes_copy(data, size, 0xa5);
    venue_ops_find(kind)->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, copy, size, binary, 0, &message);
    const char *wrong = quotes_check_reader(readers[0], data, size, &message, accepted);
    for (uint32_t index = 1; index < count && wrong == NULL; index++) {
        wrong = quotes_check_reader(readers[index], data, size, &message, &again);
        if (wrong == NULL && again != *accepted) wrong = "what plain C and vectors accept";
    }
    free(copy);
    return wrong;
}
