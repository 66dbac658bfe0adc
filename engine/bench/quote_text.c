#include "quote_text.h"

#include <stdio.h>
#include <string.h>

#define FIELDS 6

size_t quote_symbol(uint32_t symbol, char out[16]) {
    return (size_t)snprintf(out, 16, "C%04uUSDT", symbol % 10000);
}

/* Eight of the orders that fields can stand in. */
static const uint8_t json_order[QUOTE_ORDERS][FIELDS] = {
    {0, 1, 2, 3, 4, 5}, {1, 0, 2, 3, 4, 5}, {0, 1, 4, 5, 2, 3}, {5, 4, 3, 2, 1, 0},
    {2, 3, 4, 5, 0, 1}, {1, 2, 4, 3, 5, 0}, {3, 5, 1, 0, 2, 4}, {4, 2, 0, 1, 5, 3},
};

static size_t json_field(const struct quote_values *quote, uint32_t field, char *out) {
    char symbol[16];
    switch (field) {
    case 0:
        return (size_t)sprintf(out, "\"u\":%llu", (unsigned long long)quote->seq);
    case 1:
        quote_symbol(quote->symbol, symbol);
        return (size_t)sprintf(out, "\"s\":\"%s\"", symbol);
    case 2:
        return (size_t)sprintf(out, "\"b\":\"%lld.%02lld000000\"", (long long)(quote->bid / 100),
                               (long long)(quote->bid % 100));
    case 3:
        return (size_t)sprintf(out, "\"B\":\"%lld.%03lld00000\"", (long long)(quote->bid_qty / 1000),
                               (long long)(quote->bid_qty % 1000));
    case 4:
        return (size_t)sprintf(out, "\"a\":\"%lld.%02lld000000\"", (long long)(quote->ask / 100),
                               (long long)(quote->ask % 100));
    default:
        return (size_t)sprintf(out, "\"A\":\"%lld.%03lld00000\"", (long long)(quote->ask_qty / 1000),
                               (long long)(quote->ask_qty % 1000));
    }
}

size_t quote_json(const struct quote_values *quote, uint32_t order, char *out) {
    size_t size = (size_t)sprintf(out, "{\"stream\":\"c%04uusdt@bookTicker\",\"data\":{", quote->symbol % 10000);
    for (uint32_t i = 0; i < FIELDS; i++) {
        if (i > 0) out[size++] = ',';
        size += json_field(quote, json_order[order % QUOTE_ORDERS][i], out + size);
    }
    out[size++] = '}';
    out[size++] = '}';
    return size;
}

static size_t varint(uint8_t *out, uint64_t value) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

size_t proto_varint(uint8_t *out, uint32_t field, uint64_t value) {
    size_t size = varint(out, (uint64_t)field << 3);
    return size + varint(out + size, value);
}

size_t proto_bytes(uint8_t *out, uint32_t field, const void *data, size_t size) {
    size_t head = varint(out, (uint64_t)field << 3 | 2);
    head += varint(out + head, size);
    memcpy(out + head, data, size);
    return head + size;
}

/* Fields 1 to 5 of the ticker: bid, its quantity, ask, its quantity, version. */
static const uint8_t proto_order[QUOTE_ORDERS][5] = {
    {1, 2, 3, 4, 5}, {5, 1, 2, 3, 4}, {3, 4, 1, 2, 5}, {5, 4, 3, 2, 1},
    {2, 1, 4, 3, 5}, {1, 3, 2, 4, 5}, {4, 2, 5, 1, 3}, {3, 1, 5, 4, 2},
};

static size_t proto_field(const struct quote_values *quote, uint32_t field, uint8_t *out) {
    char text[32];
    int size;
    if (field == 5) {
        size = snprintf(text, sizeof text, "%llu", (unsigned long long)quote->seq);
    } else if (field == 1 || field == 3) {
        int64_t price = field == 1 ? quote->bid : quote->ask;
        size = snprintf(text, sizeof text, "%lld.%02lld", (long long)(price / 100), (long long)(price % 100));
    } else {
        int64_t qty = field == 2 ? quote->bid_qty : quote->ask_qty;
        size = snprintf(text, sizeof text, "%lld.%03lld", (long long)(qty / 1000), (long long)(qty % 1000));
    }
    return proto_bytes(out, field, text, (size_t)size);
}

size_t quote_protobuf(const struct quote_values *quote, uint32_t order, int64_t wall_ms, uint8_t *out) {
    char symbol[16], channel[64];
    uint8_t ticker[160];
    size_t symbol_size = quote_symbol(quote->symbol, symbol), size = 0, ticker_size = 0;
    int channel_size = snprintf(channel, sizeof channel, "spot@public.aggre.bookTicker.v3.api.pb@10ms@%s", symbol);
    for (uint32_t i = 0; i < 5; i++)
        ticker_size += proto_field(quote, proto_order[order % QUOTE_ORDERS][i], ticker + ticker_size);
    size += proto_bytes(out, 1, channel, (size_t)channel_size);
    size += proto_bytes(out + size, 3, symbol, symbol_size);
    size += proto_varint(out + size, 6, (uint64_t)wall_ms);
    return size + proto_bytes(out + size, 315, ticker, ticker_size);
}

size_t quote_frame(uint8_t first_byte, const void *payload, size_t size, uint8_t *out) {
    size_t head = size < 126 ? 2 : 4;
    out[0] = first_byte;
    out[1] = (uint8_t)(size < 126 ? size : 126);
    if (head == 4) {
        out[2] = (uint8_t)(size >> 8);
        out[3] = (uint8_t)size;
    }
    if (size > 0) memmove(out + head, payload, size);
    return head + size;
}
