/* Bodies of REST answers, each taken as the answer to every question there is. */
#include "fuzz_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int status[] = {200, 429, 503};
    for (int query = VENUE_QUERY_NONE; query <= VENUE_QUERY_RULES; query++) {
        int code = status[(size + (size_t)query) % 3];
        fuzz_decode("binance", VENUE_SOURCE_QUERY, (enum venue_query)query, data, size, false, code);
        fuzz_decode("mexc", VENUE_SOURCE_QUERY, (enum venue_query)query, data, size, false, code);
    }
    return 0;
}
