/* Feed messages: 4096 different ones of 64 books, fields in eight orders, in memory with the slack that the engine's
 * receive buffers have. */
#include <stdlib.h>
#include <string.h>

#include "../net/ws.h"
#include "../venue/venue.h"
#include "meter.h"
#include "quote_text.h"

#define MESSAGES  4096u
#define BOOKS     64u
#define SLOT_SIZE 512u

struct messages {
    uint32_t size[MESSAGES];
    uint8_t (*bytes)[SLOT_SIZE];
};

static struct messages make(bool binary, bool framed, uint32_t orders) {
    struct messages messages = {.bytes = calloc(MESSAGES, SLOT_SIZE)};
    uint64_t random = 88172645463325252u;
    for (uint32_t i = 0; messages.bytes != NULL && i < MESSAGES; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t bid = 10000 + (int64_t)(random >> 40) % 9000000;
        struct quote_values quote = {.symbol = (uint32_t)(random >> 33) % BOOKS,
                                     .bid = bid,
                                     .ask = bid + 1 + (int64_t)(random >> 20) % 50,
                                     .bid_qty = 1 + (int64_t)(random >> 24) % 900000,
                                     .ask_qty = 1 + (int64_t)(random >> 28) % 90000000,
                                     .seq = QUOTE_SEQ_FIRST + i};
        uint8_t *bytes = messages.bytes[i], payload[QUOTE_TEXT_SIZE_MAX];
        uint32_t order = (uint32_t)(random >> 36) % orders;
        size_t size = binary ? quote_protobuf(&quote, order, 1700000000000 + i, payload)
                             : quote_json(&quote, order, (char *)payload);
        if (framed) {
            size = quote_frame(binary ? FRAME_BINARY : FRAME_TEXT, payload, size, bytes);
        } else {
            memcpy(bytes, payload, size);
        }
        messages.size[i] = (uint32_t)size;
    }
    return messages;
}

static void frames(struct meter *meter, const char *name, bool binary) {
    struct messages messages = make(binary, true, 1);
    struct ws_parser parser;
    struct ws_event event;
    size_t need;
    uint8_t *fragments = malloc(WS_MESSAGE_SIZE_MAX);
    if (messages.bytes == NULL || fragments == NULL) return;
    ws_parser_init(&parser, fragments);
    METER(meter, name, MESSAGES, {
        int64_t used = ws_parse(&parser, messages.bytes[index], messages.size[index], &event, &need);
        meter_sink((uint64_t)used + event.size);
    });
    free(fragments);
    free(messages.bytes);
}

/* As the engine does it: the short way, the whole decoder where that one declines. */
static void quotes(struct meter *meter, const char *name, const char *kind, bool binary, uint32_t orders) {
    struct messages messages = make(binary, false, orders);
    const struct venue_ops *ops = venue_ops_find(kind);
    struct venue_message *message = calloc(1, sizeof *message);
    struct venue_quote quote;
    if (messages.bytes == NULL || message == NULL) return;
    METER(meter, name, MESSAGES, {
        if (!ops->decode_quote(messages.bytes[index], messages.size[index], binary, &quote)) {
            ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, messages.bytes[index], messages.size[index], binary, 0,
                        message);
            quote.bid_price = message->bid_price;
        }
        meter_sink((uint64_t)quote.bid_price.mantissa + (uint64_t)quote.ask_qty.mantissa);
    });
    free(message);
    free(messages.bytes);
}

static void whole(struct meter *meter, const char *name, const char *kind, bool binary) {
    struct messages messages = make(binary, false, QUOTE_ORDERS);
    const struct venue_ops *ops = venue_ops_find(kind);
    struct venue_message *message = calloc(1, sizeof *message);
    if (messages.bytes == NULL || message == NULL) return;
    METER(meter, name, MESSAGES, {
        ops->decode(VENUE_SOURCE_FEED, VENUE_QUERY_NONE, messages.bytes[index], messages.size[index], binary, 0,
                    message);
        meter_sink((uint64_t)message->bid_price.mantissa + (uint64_t)message->verdict);
    });
    free(message);
    free(messages.bytes);
}

void micro_decode(struct meter *meter) {
    frames(meter, "ws_frame_parse_ns", true);
    frames(meter, "ws_frame_parse_text_ns", false);
    quotes(meter, "decode_json_ns", "binance", false, QUOTE_ORDERS);
    quotes(meter, "decode_json_venue_order_ns", "binance", false, 1);
    whole(meter, "decode_json_whole_ns", "binance", false);
    quotes(meter, "decode_protobuf_ns", "mexc", true, QUOTE_ORDERS);
    quotes(meter, "decode_protobuf_venue_order_ns", "mexc", true, 1);
}
