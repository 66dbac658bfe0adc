/* Market data: books that do not cross, quotes that keep them fresh. */
#include <string.h>

#include "load.h"

#define REFRESH_STEP_NS 10000000
#define REFRESH_STEPS   100
#define QTY_LEAST       20000

int64_t load_mid(uint32_t symbol) {
    return 10000 + (int64_t)symbol * 37;
}

size_t load_quote(struct load *load, uint32_t venue, uint32_t symbol, struct load_touch touch, uint8_t *out) {
    uint8_t payload[QUOTE_TEXT_SIZE_MAX];
    struct quote_values quote = {
        .symbol = symbol,
        .bid = touch.bid,
        .ask = touch.ask,
        .bid_qty = QTY_LEAST + (int64_t)(load->seq * 7919 % 90000),
        .ask_qty = QTY_LEAST + (int64_t)(load->seq * 104729 % 90000),
        .seq = QUOTE_SEQ_FIRST + ++load->seq,
    };
    load->venue[venue].touch[symbol] = touch;
    bool binary = load->venue[venue].kind == LOAD_MEXC;
    size_t size = binary ? quote_protobuf(&quote, 0, bench_wall_ns() / 1000000, payload)
                         : quote_json(&quote, 0, (char *)payload);
    return quote_frame(binary ? FRAME_BINARY : FRAME_TEXT, payload, size, out);
}

void load_neutral(struct load *load, uint32_t venue, uint32_t symbol) {
    uint8_t frame[QUOTE_TEXT_SIZE_MAX + 8];
    int64_t mid = load_mid(symbol) + (int64_t)(load->seq % 3) - 1;
    struct load_connection *feed = load->venue[venue].feed[symbol];
    if (feed == NULL) return;
    load_send(feed, frame, load_quote(load, venue, symbol, (struct load_touch){mid - 1, mid + 1}, frame));
}

void load_refresh(struct load *load) {
    int64_t now = bench_mono_ns();
    if (now - load->refresh_ns < REFRESH_STEP_NS) return;
    load->refresh_ns = now;
    uint64_t all = (uint64_t)load->venue_count * load->symbol_count;
    for (uint64_t i = 0; i < all / REFRESH_STEPS + 1; i++, load->refresh_next++) {
        uint64_t at = load->refresh_next % all;
        load_neutral(load, (uint32_t)(at % load->venue_count), (uint32_t)(at / load->venue_count));
    }
}

bool load_is_subscribed(const struct load *load) {
    for (uint32_t v = 0; v < load->venue_count; v++) {
        for (uint32_t s = 0; s < load->symbol_count; s++)
            if (load->venue[v].feed[s] == NULL) return false;
        if (load->venue[v].user == NULL) return false;
    }
    return true;
}
