/* Market data as text: Binance's events and answers, MEXC's acknowledgements; the short way against the full decoder;
 * and the operator's tool, which is shown anything. */
#include "../engine/venue/quotes.h"
#include "fuzz_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool accepted;
    const char *wrong = quotes_check("binance", data, size, &accepted);
    FUZZ_CHECK(wrong == NULL, "short way and full decoder: %s", wrong);
    static const char *const kinds[2] = {"binance", "mexc"};
    for (uint32_t kind = 0; kind < 2; kind++) {
        fuzz_decode(kinds[kind], VENUE_SOURCE_FEED, VENUE_QUERY_NONE, data, size, false, 0);
        static struct venue_message message;
        venue_decode_any(venue_ops_find(kinds[kind]), data, size, &message);
        fuzz_check_message(&message, data, size);
    }
    char *text;
    size_t text_size;
    FILE *out = open_memstream(&text, &text_size);
    if (out == NULL) abort();
    (void)venue_decode_print(venue_ops_find(kinds[size % 2]), data, size, out);
    fclose(out);
    FUZZ_CHECK(text_size > 2 && text[0] == '{' && memchr(text, '\n', text_size) == text + text_size - 1,
               "not one line of JSON");
    free(text);
    return 0;
}
