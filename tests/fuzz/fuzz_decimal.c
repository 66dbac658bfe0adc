/* Decimal numbers against their oracle, alone and as the prices of a quote that goes the short way. */
#include "../engine/venue/quotes.h"
#include "decimal_oracle.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *wrong = oracle_check((const char *)data, size, (uint32_t)(size % 19));
    FUZZ_CHECK(wrong == NULL, "%s", wrong);
    if (size == 0 || size > 40) return 0;
    char quote[128];
    bool accepted;
    int length =
        snprintf(quote, sizeof quote, "{\"u\":1,\"s\":\"X\",\"b\":\"%.*s\",\"B\":\"1\",\"a\":\"2\",\"A\":\"3\"}",
                 (int)size, (const char *)data);
    wrong = quotes_check("binance", (const uint8_t *)quote, (size_t)length, &accepted);
    FUZZ_CHECK(wrong == NULL, "as a price: %s", wrong);
    return 0;
}
