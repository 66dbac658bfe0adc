/* Binary frames: MEXC's protobuf on both streams, the short way against the full decoder; Binance's SBE. */
#include "../engine/venue/quotes.h"
#include "fuzz_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool accepted;
    const char *wrong = quotes_check("mexc", data, size, &accepted);
    FUZZ_CHECK(wrong == NULL, "short way and full decoder: %s", wrong);
    fuzz_decode("mexc", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, data, size, true, 0);
    fuzz_decode("mexc", VENUE_SOURCE_USER, VENUE_QUERY_NONE, data, size, true, 0);
    fuzz_decode("binance", VENUE_SOURCE_FEED, VENUE_QUERY_NONE, data, size, true, 0);
    static struct venue_message message;
    venue_decode_any(venue_ops_find("mexc"), data, size, &message);
    fuzz_check_message(&message, data, size);
    return 0;
}
