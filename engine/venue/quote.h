#pragma once
/* The short way for the message that comes a million times: a quote. It accepts only what is beyond doubt one, of the
 * shape venues send, and leaves every other message, also every doubtful quote, to the full decoder, which defines
 * what a message means. What it accepts, the full decoder accepts with the same values.
 *
 * The same reading built for different processors (quote_json.h, quote_proto.h), in plain C, with AVX2 and, of text,
 * with AVX-512: all accept the same. All read up to VENUE_SLACK_SIZE bytes behind the message. */
#include "venue.h"

/* bookTicker as text: {"stream":"...","data":{...}} and the bare event, members in any order, no blanks. */
bool binance_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out);
bool binance_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out);
bool binance_quote_avx512(const uint8_t *data, size_t size, struct venue_quote *out);
/* The protobuf wrapper with body 315 (aggregated book ticker) or 305, the wrapper's fields in ascending order. */
bool mexc_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out);
bool mexc_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out);

/* True when this processor runs the _avx512 and the _avx2 functions. */
static inline bool quote_has_avx512(void) {
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/* True when this processor runs the _avx2 functions. */
static inline bool quote_has_avx2(void) {
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}
