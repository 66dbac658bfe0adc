#pragma once
/* The short way for the message that comes a million times: a quote. It accepts only what is beyond doubt one, of the
 * shape venues send, and leaves every other message, also every doubtful quote, to the full decoder, which defines
 * what a message means. What it accepts, the full decoder accepts with the same values.
 *
 * Two builds of the same reading (quote_json.h, quote_proto.h): in plain C and with AVX2. They may differ in what they
 * leave to the full decoder, never in a value. All read up to VENUE_SLACK_SIZE bytes behind the message. */
#include "message.h"
#include "venue.h"

#define QUOTE_DIGITS_MAX 16 /* of integers; longer ones are left to the full decoder */
#define SCAN_TEXT_SIZE   32 /* how far one look reaches for the end of a text */

struct quote_slice {
    const uint8_t *data;
    uint32_t size;
};

/* bookTicker as text: {"stream":"...","data":{...}} and the bare event, members in any order, no blanks. */
bool binance_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out);
bool binance_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out);
/* The protobuf wrapper with body 315 (aggregated book ticker) or 305, fields in any order. */
bool mexc_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out);
bool mexc_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out);

/* True when this processor runs the _avx2 functions. */
static inline bool quote_has_avx2(void) {
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

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
