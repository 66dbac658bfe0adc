/* Reading quotes in plain C. */
#include "scan_scalar.h"

#include "quote_json.h"
#include "quote_proto.h"

bool binance_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out) {
    return quote_json_read(data, size, out);
}

bool mexc_quote_scalar(const uint8_t *data, size_t size, struct venue_quote *out) {
    return quote_proto_read(data, size, out);
}
