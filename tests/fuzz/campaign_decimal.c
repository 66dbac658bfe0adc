/* Decimal numbers against their oracle by the hundred million, each also as the price of a quote that goes the short
 * way. Usage: campaign_decimal [COUNT [SEED]]. Ends with 1 at the first difference. */
#include <stdio.h>
#include <stdlib.h>

#include "decimal_oracle.h"
#include "venue/quote.h"

#define COUNT_DEFAULT 100000000u
#define SEED_DEFAULT  20261122u

/* What the short way reads as the bid price of a quote. False: it leaves the quote to the full decoder. */
static bool price_read(bool avx2, const char *text, size_t size, struct decimal *out) {
    static const char before[] = "{\"u\":1,\"s\":\"X\",\"b\":\"",
                      behind[] = "\",\"B\":\"1\",\"a\":\"2\",\"A\":\"3\"}";
    static char message[sizeof before + sizeof behind + ORACLE_TEXT_MAX + VENUE_SLACK_SIZE];
    struct venue_quote quote;
    memcpy(message, before, sizeof before - 1);
    memcpy(message + sizeof before - 1, text, size);
    memcpy(message + sizeof before - 1 + size, behind, sizeof behind - 1);
    size_t length = sizeof before - 1 + size + sizeof behind - 1;
    const uint8_t *data = (const uint8_t *)message;
    if (!(avx2 ? binance_quote_avx2 : binance_quote_scalar)(data, length, &quote)) return false;
    *out = quote.bid_price;
    return true;
}

static const char *check(const char *text, size_t size, uint32_t digits, uint64_t *read) {
    const char *wrong = oracle_check(text, size, digits);
    if (wrong != NULL) return wrong;
    struct decimal expected = {0}, price;
    bool is_price = decimal_parse(text, size, &expected) == 0 && expected.mantissa > 0;
    for (int avx2 = 0; avx2 < 1 + quote_has_avx2(); avx2++) {
        bool accepted = price_read(avx2, text, size, &price);
        /* A longer text is for the full decoder. */
        if (accepted != (is_price && size < 32)) return "taken or refused wrongly as a price";
        if (accepted && (price.mantissa != expected.mantissa || price.exponent != expected.exponent))
            return "differs as a price";
    }
    *read += is_price;
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : COUNT_DEFAULT, read = 0;
    uint64_t random = argc > 2 ? strtoull(argv[2], NULL, 10) : SEED_DEFAULT;
    for (uint64_t round = 0; round < count; round++) {
        char text[ORACLE_TEXT_MAX];
        size_t size = oracle_text(&random, text);
        const char *wrong = check(text, size, oracle_random(&random, 19), &read);
        if (wrong == NULL) continue;
        printf("finding: number %llu, \"%.*s\": %s\n", (unsigned long long)round, (int)size, text, wrong);
        return 1;
    }
    printf("%llu random numbers, %llu of them prices, no difference\n", (unsigned long long)count,
           (unsigned long long)read);
    return 0;
}
