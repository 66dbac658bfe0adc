/* Orders as the venues take them: read, checked, filled at the touch, answered with acknowledgement, fill and
 * private events as the real venues send them. The accounts move with them, so that the engine finds them equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "load.h"

#define PPM 1000000

/* "12.345" -> 12345 with 3 digits; what is beyond them is not for us to guess. -1: no number. */
static int64_t units(const char *text, size_t size, uint32_t digits) {
    int64_t value = 0;
    uint32_t behind = 0;
    bool point = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' && !point) {
            point = true;
        } else if (text[i] >= '0' && text[i] <= '9') {
            if (point && behind == digits) {
                if (text[i] != '0') return -1;
                continue;
            }
            value = value * 10 + (text[i] - '0');
            behind += point;
        } else {
            return -1;
        }
    }
    for (; behind < digits; behind++)
        value *= 10;
    return value;
}

static void hmac_hex(const char *secret, const char *data, size_t size, char out[65]) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)data, size, digest, &length);
    for (unsigned i = 0; i < length; i++)
        sprintf(out + (size_t)2 * i, "%02x", digest[i]);
}

/* Binance signs name=value&.. of the parameters in the order of their names, as the engine writes them anyway. */
static size_t json_payload(const char *text, size_t size, char *out, size_t cap) {
    const char *at = memmem(text, size, "\"params\":{", 10), *end = memmem(text, size, ",\"signature\":\"", 14);
    size_t length = 0;
    if (at == NULL || end == NULL) return 0;
    for (at += 10; at < end && length < cap; at++) {
        if (*at == '"') continue;
        out[length++] = *at == ':' ? '=' : *at == ',' ? '&' : *at;
    }
    return length;
}

static void check_signature(struct load *load, uint32_t venue, const char *text, size_t size, bool json) {
    char payload[1024], expected[65];
    size_t given_size, payload_size;
    const char *given = json ? load_json_text(text, size, "signature", &given_size)
                             : load_query_text(text, size, "signature", &given_size);
    if (given == NULL) return; /* a logged-on session signs nothing more */
    load->signatures_due--;
    if (json) {
        payload_size = json_payload(text, size, payload, sizeof payload);
    } else {
        const char *query = memchr(text, '?', size);
        payload_size = query == NULL ? 0 : (size_t)(given - query) - 1 - strlen("&signature=");
        if (payload_size > sizeof payload) payload_size = 0;
        memcpy(payload, query + 1, payload_size);
    }
    hmac_hex(load->key_secret[venue], payload, payload_size, expected);
    if (payload_size != 0 && given_size == 64 && memcmp(given, expected, 64) == 0)
        load->signatures++;
    else
        load->orders_wrong++;
}

static void copy(char *out, size_t cap, const char *from, size_t size) {
    if (from == NULL || size >= cap) size = 0;
    if (size > 0) memcpy(out, from, size);
    out[size] = '\0';
}

void load_order_in(struct load *load, struct load_connection *connection, const char *text, size_t size,
                   bool json) {
    const char *(*find)(const char *, size_t, const char *, size_t *) = json ? load_json_text : load_query_text;
    struct load_order order = {.connection = connection, .venue = connection->venue};
    size_t length = 0;
    const char *value = find(text, size, "symbol", &length);
    if (value != NULL && length >= 5) order.symbol = (uint32_t)strtoul(value + 1, NULL, 10);
    value = find(text, size, "newClientOrderId", &length);
    copy(order.client_id, sizeof order.client_id, value, length);
    value = find(text, size, "side", &length);
    order.buy = value != NULL && length == 3;
    value = find(text, size, "price", &length);
    order.price = value == NULL ? -1 : units(value, length, 2);
    value = find(text, size, "quantity", &length);
    order.qty = value == NULL ? -1 : units(value, length, 3);
    if (json && (value = load_json_text(text, size, "id", &length)) != NULL) {
        bool quoted = value[-1] == '"';
        copy(order.request_id, sizeof order.request_id, value - quoted, length + (quoted ? 2 : 0));
    }
    load->orders_taken++;
    load->venue[order.venue].orders = connection;
    if (load->signatures_due > 0) check_signature(load, order.venue, text, size, json);
    if (order.symbol >= load->symbol_count || order.price <= 0 || order.qty <= 0) {
        load->orders_wrong++;
        return;
    }
    if (load->order_count < LOAD_ORDERS_MAX) load->order[load->order_count++] = order;
    if (!load->hold_orders) load_answer_all(load);
}

struct fill {
    int64_t price, quote_e8, fee_e8;
    unsigned long long id;
    long long now_ms;
    char symbol[16];
};

static void binance_answer(struct load *load, const struct load_order *order, const struct fill *fill) {
    char out[2048], price[32], qty[32], quote[32], fee[32];
    snprintf(price, sizeof price, "%lld.%02lld000000", (long long)(fill->price / 100),
             (long long)(fill->price % 100));
    snprintf(qty, sizeof qty, "%lld.%03lld00000", (long long)(order->qty / 1000), (long long)(order->qty % 1000));
    snprintf(quote, sizeof quote, "%lld.%08lld", (long long)(fill->quote_e8 / 100000000),
             (long long)(fill->quote_e8 % 100000000));
    snprintf(fee, sizeof fee, "%lld.%08lld", (long long)(fill->fee_e8 / 100000000),
             (long long)(fill->fee_e8 % 100000000));
    const char *side = order->buy ? "BUY" : "SELL";
    int size = snprintf(
        out, sizeof out,
        "{\"id\":%s,\"status\":200,\"result\":{\"symbol\":\"%s\",\"orderId\":%llu,\"orderListId\":-1,"
        "\"clientOrderId\":\"%s\",\"transactTime\":%lld,\"price\":\"%lld.%02lld000000\",\"origQty\":\"%s\","
        "\"executedQty\":\"%s\",\"origQuoteOrderQty\":\"0.00000000\",\"cummulativeQuoteQty\":\"%s\","
        "\"status\":\"FILLED\",\"timeInForce\":\"IOC\",\"type\":\"LIMIT\",\"side\":\"%s\",\"workingTime\":%lld,"
        "\"fills\":[{\"price\":\"%s\",\"qty\":\"%s\",\"commission\":\"%s\",\"commissionAsset\":\"USDT\","
        "\"tradeId\":%llu}],\"selfTradePreventionMode\":\"NONE\"}}",
        order->request_id, fill->symbol, fill->id, order->client_id, fill->now_ms, (long long)(order->price / 100),
        (long long)(order->price % 100), qty, qty, quote, side, fill->now_ms, price, qty, fee, fill->id);
    load_send_frame(order->connection, FRAME_TEXT, out, (size_t)size);
    size = snprintf(
        out, sizeof out,
        "{\"subscriptionId\":0,\"event\":{\"e\":\"executionReport\",\"E\":%lld,\"s\":\"%s\",\"c\":\"%s\","
        "\"S\":\"%s\",\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":\"%s\",\"p\":\"%lld.%02lld000000\",\"P\":\"0.00000000\","
        "\"F\":\"0.00000000\",\"g\":-1,\"C\":\"\",\"x\":\"TRADE\",\"X\":\"FILLED\",\"r\":\"NONE\",\"i\":%llu,"
        "\"l\":\"%s\",\"z\":\"%s\",\"L\":\"%s\",\"n\":\"%s\",\"N\":\"USDT\",\"T\":%lld,\"t\":%llu,\"I\":%llu,"
        "\"w\":false,\"m\":false,\"M\":false,\"O\":%lld,\"Z\":\"%s\",\"Y\":\"%s\",\"Q\":\"0.00000000\",\"W\":%lld,"
        "\"V\":\"NONE\"}}",
        fill->now_ms, fill->symbol, order->client_id, side, qty, (long long)(order->price / 100),
        (long long)(order->price % 100), fill->id, qty, qty, price, fee, fill->now_ms, fill->id, fill->id,
        fill->now_ms, quote, quote, fill->now_ms);
    load_send_frame(order->connection, FRAME_TEXT, out, (size_t)size);
    (void)load;
}

static size_t text_field(uint8_t *out, uint32_t field, const char *text) {
    return proto_bytes(out, field, text, strlen(text));
}

static void mexc_push(struct load_connection *user, const char *channel, const struct fill *fill, uint32_t field,
                      const uint8_t *body, size_t body_size) {
    uint8_t out[1024], frame[1088];
    size_t size = text_field(out, 1, channel);
    size += text_field(out + size, 3, fill->symbol);
    size += proto_varint(out + size, 6, (uint64_t)fill->now_ms);
    size += proto_bytes(out + size, field, body, body_size);
    load_send(user, frame, quote_frame(FRAME_BINARY, out, size, frame));
}

static void mexc_private(struct load *load, const struct load_order *order, const struct fill *fill) {
    struct load_connection *user = load->venue[order->venue].user;
    char price[32], limit[32], qty[32], quote[32], fee[32], id[40];
    uint8_t body[512];
    if (user == NULL) return;
    snprintf(price, sizeof price, "%lld.%02lld", (long long)(fill->price / 100), (long long)(fill->price % 100));
    snprintf(limit, sizeof limit, "%lld.%02lld", (long long)(order->price / 100), (long long)(order->price % 100));
    snprintf(qty, sizeof qty, "%lld.%03lld", (long long)(order->qty / 1000), (long long)(order->qty % 1000));
    snprintf(quote, sizeof quote, "%lld.%08lld", (long long)(fill->quote_e8 / 100000000),
             (long long)(fill->quote_e8 % 100000000));
    snprintf(fee, sizeof fee, "%lld.%08lld", (long long)(fill->fee_e8 / 100000000),
             (long long)(fill->fee_e8 % 100000000));
    snprintf(id, sizeof id, "C02__%llu", fill->id);
    size_t size = text_field(body, 1, price);
    size += text_field(body + size, 2, qty);
    size += text_field(body + size, 3, quote);
    size += proto_varint(body + size, 4, order->buy ? 1 : 2);
    size += text_field(body + size, 7, id + 5);
    size += text_field(body + size, 8, order->client_id);
    size += text_field(body + size, 9, id);
    size += text_field(body + size, 10, fee);
    size += text_field(body + size, 11, "USDT");
    size += proto_varint(body + size, 12, (uint64_t)fill->now_ms);
    mexc_push(user, "spot@private.deals.v3.api.pb", fill, 306, body, size);
    size = text_field(body, 1, id);
    size += text_field(body + size, 2, order->client_id);
    size += text_field(body + size, 3, limit);
    size += text_field(body + size, 4, qty);
    size += text_field(body + size, 6, price);
    size += proto_varint(body + size, 7, 3);
    size += proto_varint(body + size, 8, order->buy ? 1 : 2);
    size += text_field(body + size, 13, qty);
    size += text_field(body + size, 14, quote);
    size += proto_varint(body + size, 15, 2);
    size += proto_varint(body + size, 16, (uint64_t)fill->now_ms);
    mexc_push(user, "spot@private.orders.v3.api.pb", fill, 304, body, size);
}

static void mexc_answer(struct load *load, const struct load_order *order, const struct fill *fill) {
    char body[512], out[768];
    int size = snprintf(body, sizeof body,
                        "{\"symbol\":\"%s\",\"orderId\":\"C02__%llu\",\"orderListId\":-1,"
                        "\"price\":\"%lld.%02lld\",\"origQty\":\"%lld.%03lld\",\"type\":\"IMMEDIATE_OR_CANCEL\","
                        "\"side\":\"%s\",\"stpMode\":\"\",\"transactTime\":%lld}",
                        fill->symbol, fill->id, (long long)(order->price / 100), (long long)(order->price % 100),
                        (long long)(order->qty / 1000), (long long)(order->qty % 1000), order->buy ? "BUY" : "SELL",
                        fill->now_ms);
    size = snprintf(out, sizeof out,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                    "Connection: keep-alive\r\n\r\n%s",
                    size, body);
    load_send(order->connection, out, (size_t)size);
    mexc_private(load, order, fill);
}

void load_answer(struct load *load, const struct load_order *order) {
    struct load_venue *venue = &load->venue[order->venue];
    const struct load_touch *touch = &venue->touch[order->symbol];
    struct fill fill = {.price = order->buy ? touch->ask : touch->bid,
                        .id = ++load->order_id,
                        .now_ms = (long long)(bench_wall_ns() / 1000000)};
    if (order->buy ? order->price < fill.price : order->price > fill.price) load->orders_wrong++;
    quote_symbol(order->symbol, fill.symbol);
    fill.quote_e8 = fill.price * order->qty * 1000; /* 1e-2 x 1e-3 */
    fill.fee_e8 = fill.quote_e8 / PPM * LOAD_TAKER_PPM;
    venue->usdt_e8 += (order->buy ? -fill.quote_e8 : fill.quote_e8) - fill.fee_e8;
    venue->base_e8[order->symbol] += (order->buy ? 1 : -1) * order->qty * 100000;
    if (!order->connection->used) return;
    if (venue->kind == LOAD_BINANCE)
        binance_answer(load, order, &fill);
    else
        mexc_answer(load, order, &fill);
}

void load_answer_all(struct load *load) {
    uint32_t count = load->order_count;
    load->order_count = 0;
    for (uint32_t i = 0; i < count; i++)
        load_answer(load, &load->order[i]);
}
