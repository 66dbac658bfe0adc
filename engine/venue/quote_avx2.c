/* Reading quotes with AVX2; built with its flags, called only where quote_has_avx2. */
#ifdef __x86_64__
#include "scan_avx2.h"

#include "quote_json.h"
#include "quote_proto.h"

bool binance_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out) {
    return quote_json_read(data, size, out);
}

bool mexc_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out) {
    return quote_proto_read(data, size, out);
}
#else
#include "quote.h"

bool binance_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out) {
    return binance_quote_scalar(data, size, out);
}

bool mexc_quote_avx2(const uint8_t *data, size_t size, struct venue_quote *out) {
    return mexc_quote_scalar(data, size, out);
}
#endif
