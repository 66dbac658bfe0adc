/* Answers to orders: Binance's WS-API messages, the bodies of MEXC's answers. */
#include "fuzz_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int status[] = {200, 400, 418, 429, 503};
    fuzz_decode("binance", VENUE_SOURCE_ORDERS, VENUE_QUERY_NONE, data, size, false, 0);
    for (size_t index = 0; index < sizeof status / sizeof status[0]; index++)
        fuzz_decode("mexc", VENUE_SOURCE_ORDERS, VENUE_QUERY_NONE, data, size, false, status[index]);
    return 0;
}
