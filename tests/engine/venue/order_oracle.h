#pragma once
/* What an order must look like, written out the slow way with printf and signed by OpenSSL: the definition that the
 * prepared forms are held to, byte by byte. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "venue/venue.h"

#define ORACLE_SIZE 2048

static inline void oracle_sign(const char *secret, const char *payload, size_t size, char hex[65]) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)payload, size, digest, &digest_size);
    hash_hex(digest, digest_size, hex);
}

struct oracle_texts {
    char price[48], qty[48], symbol[VENUE_SYMBOL_SIZE_MAX + 1];
    const char *side;
    long long time_ms;
};

static inline struct oracle_texts oracle_texts(const struct venue_order_form *form,
                                               const struct venue_order *order) {
    struct oracle_texts texts = {.side = order->side == ABI_SIDE_BUY ? "BUY" : "SELL",
                                 .time_ms = order->wall_ns / 1000000};
    decimal_format_units(order->price, form->price_digits, texts.price, sizeof texts.price);
    decimal_format_units(order->qty, form->qty_digits, texts.qty, sizeof texts.qty);
    memcpy(texts.symbol, form->symbol.data, form->symbol.size);
    return texts;
}

/* secret NULL: in a session. */
static inline int oracle_binance(const char *key, const char *secret, const struct venue_order_form *form,
                                 const struct venue_order *order, char out[ORACLE_SIZE]) {
    struct oracle_texts t = oracle_texts(form, order);
    char payload[ORACLE_SIZE], of_key[160] = "", signature[100] = "", hex[65];
    snprintf(
        payload, sizeof payload,
        "apiKey=%s&newClientOrderId=%s&newOrderRespType=FULL&price=%s&quantity=%s&recvWindow=%u&side=%s&symbol=%s"
        "&timeInForce=IOC&timestamp=%lld&type=LIMIT",
        key, order->client_id, t.price, t.qty, form->recv_window_ms, t.side, t.symbol, t.time_ms);
    if (secret != NULL) {
        oracle_sign(secret, payload, strlen(payload), hex);
        snprintf(of_key, sizeof of_key, "\"apiKey\":\"%s\",", key);
        snprintf(signature, sizeof signature, ",\"signature\":\"%s\"", hex);
    }
    return snprintf(out, ORACLE_SIZE,
                    "{\"id\":\"%s\",\"method\":\"order.place\",\"params\":{%s\"newClientOrderId\":\"%s\","
                    "\"newOrderRespType\":\"FULL\",\"price\":\"%s\",\"quantity\":\"%s\",\"recvWindow\":%u,"
                    "\"side\":\"%s\",\"symbol\":\"%s\",\"timeInForce\":\"IOC\",\"timestamp\":%lld,"
                    "\"type\":\"LIMIT\"%s}}",
                    order->client_id, of_key, order->client_id, t.price, t.qty, form->recv_window_ms, t.side,
                    t.symbol, t.time_ms, signature);
}

static inline int oracle_mexc(const char *key, const char *secret, const struct venue_order_form *form,
                              const struct venue_order *order, char out[ORACLE_SIZE]) {
    struct oracle_texts t = oracle_texts(form, order);
    char query[ORACLE_SIZE / 2], hex[65];
    snprintf(query, sizeof query,
             "symbol=%s&type=IMMEDIATE_OR_CANCEL&recvWindow=%u&side=%s&quantity=%s&price=%s&newClientOrderId=%s"
             "&timestamp=%lld",
             t.symbol, form->recv_window_ms, t.side, t.qty, t.price, order->client_id, t.time_ms);
    oracle_sign(secret, query, strlen(query), hex);
    return snprintf(out, ORACLE_SIZE,
                    "POST /api/v3/order?%s&signature=%s HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\n"
                    "X-MEXC-APIKEY: %s\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                    query, hex, form->host, key);
}
