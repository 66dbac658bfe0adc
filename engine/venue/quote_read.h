#pragma once
/* What both readings of a quote share. */
#include "message.h"
#include "quote.h"

#define QUOTE_DIGITS_MAX 16 /* of integers; longer ones are left to the full decoder */
#define SCAN_TEXT_SIZE   32 /* how far one look reaches for the end of a text */

struct quote_slice {
    const uint8_t *data;
    uint32_t size;
};

/* The last check, when out's numbers are read: both sides there. Sets the flags. */
static inline bool quote_finish(struct venue_quote *out) {
    if (out->bid_price.mantissa <= 0 || out->bid_qty.mantissa <= 0) return false;
    if (out->ask_price.mantissa <= 0 || out->ask_qty.mantissa <= 0) return false;
    out->flags = 0;
    if (out->bid_price.exponent == out->ask_price.exponent) {
        if (__builtin_expect(out->bid_price.mantissa < out->ask_price.mantissa, 1)) return true;
    }
    int order = message_decimal_compare(out->bid_price, out->ask_price);
    if (order == 0) out->flags = VENUE_LOCKED;
    if (order > 0) out->flags = VENUE_CROSSED;
    return true;
}
