/* What we say to Binance. */
#include <stdint.h>
#include <string.h>

#include "../abi.h"
#include "../base/error.h"
#include "../base/hash.h"
#include "binance.h"
#include "rest_encode.h"

#define STREAMS_MAX        1024
#define CLIENT_ID_SIZE_MAX 36
#define NS_PER_MS          1000000
#define RECV_WINDOW_MS_MAX 60000
#define PAYLOAD_SIZE_MAX   1024

static const struct rest_style rest_style = {"X-MBX-APIKEY", NULL, false, false};

int binance_feed_path(const struct venue_text *symbols, uint32_t count, char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    if (count == 0 || count > STREAMS_MAX) return ERROR_BAD;
    text_write_string(&write, "/stream?streams=");
    for (uint32_t index = 0; index < count; index++) {
        if (symbols[index].size == 0 || symbols[index].size > VENUE_SYMBOL_SIZE_MAX) return ERROR_BAD;
        if (index > 0) text_write_string(&write, "/");
        for (uint32_t place = 0; place < symbols[index].size; place++) {
            char byte = symbols[index].data[place];
            if (byte >= 'A' && byte <= 'Z') byte = (char)(byte - 'A' + 'a');
            text_write_percent(&write, &byte, 1);
        }
        text_write_string(&write, "@bookTicker");
    }
    return text_write_finish(&write);
}

int binance_feed_subscribe(const struct venue_text *symbols, uint32_t count, uint64_t id, char *out, size_t cap) {
    (void)symbols, (void)count, (void)id, (void)out, (void)cap;
    return 0; /* the streams are named in the path */
}

int binance_feed_ping(char *out, size_t cap) {
    (void)out, (void)cap;
    return 0; /* the venue pings */
}

int binance_orders_path(char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    text_write_string(&write,
                      "/ws-api/v3?returnRateLimits=false"); /* the answers, not their budget, are waited for */
    return text_write_finish(&write);
}

int binance_user_path(const struct venue_text *listen_key, char *out, size_t cap) {
    (void)listen_key, (void)out, (void)cap;
    return 0; /* user data comes on the order connection */
}

static void sign(const struct venue_keys *keys, const struct text_write *payload, char signature[65]) {
    hash_hmac_sha256_hex(keys->secret, strnlen(keys->secret, sizeof keys->secret), payload->out, payload->size,
                         signature);
}

/* name=value of a signature payload, or "name":"value" of JSON. */
static void write_pair(struct text_write *write, bool json, const char *name, const char *value, size_t size) {
    if (write->size > 0) text_write_string(write, json ? "," : "&");
    if (json) text_write_string(write, "\"");
    text_write_string(write, name);
    text_write_string(write, json ? "\":\"" : "=");
    text_write_plain(write, value, size);
    if (json) text_write_string(write, "\"");
}

static void write_pair_text(struct text_write *write, bool json, const char *name, const char *value) {
    write_pair(write, json, name, value, strlen(value));
}

static void write_pair_u64(struct text_write *write, bool json, const char *name, uint64_t value) {
    if (write->size > 0) text_write_string(write, json ? "," : "&");
    if (json) text_write_string(write, "\"");
    text_write_string(write, name);
    text_write_string(write, json ? "\":" : "=");
    text_write_u64(write, value);
}

static void write_pair_units(struct text_write *write, bool json, const char *name, int64_t units,
                             uint32_t digits) {
    char text[48];
    write_pair(write, json, name, text, decimal_format_units(units, digits, text, sizeof text));
}

/* Parameters in the order of their names: the order of the signature payload, and as good as any in JSON. */
static void write_order(struct text_write *write, bool json, const struct venue_keys *keys,
                        const struct venue_order_request *order) {
    write_pair(write, json, "apiKey", keys->key, strnlen(keys->key, sizeof keys->key));
    write_pair_text(write, json, "newClientOrderId", order->client_id);
    write_pair_text(write, json, "newOrderRespType", "FULL");
    write_pair_units(write, json, "price", order->price, order->price_digits);
    write_pair_units(write, json, "quantity", order->qty, order->qty_digits);
    write_pair_u64(write, json, "recvWindow", order->recv_window_ms);
    write_pair_text(write, json, "side", order->side == ABI_SIDE_BUY ? "BUY" : "SELL");
    write_pair(write, json, "symbol", order->symbol.data, order->symbol.size);
    write_pair_text(write, json, "timeInForce", "IOC");
    write_pair_u64(write, json, "timestamp", (uint64_t)(order->wall_ns / NS_PER_MS));
    write_pair_text(write, json, "type", "LIMIT");
}

static void write_subscription(struct text_write *write, bool json, const struct venue_keys *keys, int64_t wall_ns,
                               uint32_t recv_window_ms) {
    write_pair(write, json, "apiKey", keys->key, strnlen(keys->key, sizeof keys->key));
    write_pair_u64(write, json, "recvWindow", recv_window_ms);
    write_pair_u64(write, json, "timestamp", (uint64_t)(wall_ns / NS_PER_MS));
}

static void write_request_end(struct text_write *write, const struct text_write *params, const char *signature) {
    text_write_bytes(write, params->out, params->size);
    text_write_string(write, ",\"signature\":\"");
    text_write_bytes(write, signature, 64);
    text_write_string(write, "\"}}");
}

int binance_order_place(const struct venue_keys *keys, const struct venue_order_request *order, const char *host,
                        char *out, size_t cap) {
    char payload_text[PAYLOAD_SIZE_MAX], params_text[PAYLOAD_SIZE_MAX], signature[65];
    struct text_write payload = text_write_to(payload_text, sizeof payload_text);
    struct text_write params = text_write_to(params_text, sizeof params_text);
    (void)host; /* a WebSocket message */
    if (!order_request_valid(order, CLIENT_ID_SIZE_MAX)) return ERROR_BAD;
    write_order(&payload, false, keys, order);
    write_order(&params, true, keys, order);
    if (payload.error || params.error) return payload.error ? payload.error : params.error;
    sign(keys, &payload, signature);

    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, "{\"id\":\"");
    text_write_string(&write, order->client_id);
    text_write_string(&write, "\",\"method\":\"order.place\",\"params\":{");
    write_request_end(&write, &params, signature);
    return text_write_finish(&write);
}

int binance_user_subscribe(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                           char *out, size_t cap) {
    char payload_text[PAYLOAD_SIZE_MAX], params_text[PAYLOAD_SIZE_MAX], signature[65];
    struct text_write payload = text_write_to(payload_text, sizeof payload_text);
    struct text_write params = text_write_to(params_text, sizeof params_text);
    if (wall_ns <= 0 || recv_window_ms == 0 || recv_window_ms > RECV_WINDOW_MS_MAX) return ERROR_BAD;
    write_subscription(&payload, false, keys, wall_ns, recv_window_ms);
    write_subscription(&params, true, keys, wall_ns, recv_window_ms);
    if (payload.error || params.error) return payload.error ? payload.error : params.error;
    sign(keys, &payload, signature);

    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, "{\"id\":");
    text_write_u64(&write, id);
    text_write_string(&write, ",\"method\":\"userDataStream.subscribe.signature\",\"params\":{");
    write_request_end(&write, &params, signature);
    return text_write_finish(&write);
}

int binance_query(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
                  char *out, size_t cap) {
    return rest_encode_query(&rest_style, keys, request, host, out, cap);
}
