/* Private streams as text: Binance's reports of executions and balances, MEXC's acknowledgements. */
#include "fuzz_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode("binance", VENUE_SOURCE_USER, VENUE_QUERY_NONE, data, size, false, 0);
    fuzz_decode("mexc", VENUE_SOURCE_USER, VENUE_QUERY_NONE, data, size, false, 0);
    return 0;
}
