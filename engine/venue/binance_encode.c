/* What we say to Binance. */
#include <stdint.h>
#include <string.h>

#include "../base/error.h"
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

static void write_pair_mark(struct text_write *write, bool json, const char *name, const char *mark) {
    if (write->size > 0) text_write_string(write, json ? "," : "&");
    if (json) text_write_string(write, "\"");
    text_write_string(write, name);
    text_write_string(write, json ? "\":\"" : "=");
    text_write_string(write, mark);
    if (json) text_write_string(write, "\"");
}

/* Parameters in the order of their names: the order of the signature payload, and as good as any in JSON. In a session
 * neither key nor signature goes along. */
static void write_order(struct text_write *write, bool json, const struct venue_keys *keys,
                        const struct venue_order_form *form) {
    if (keys->type == VENUE_KEY_HMAC)
        write_pair(write, json, "apiKey", keys->key, strnlen(keys->key, sizeof keys->key));
    write_pair_mark(write, json, "newClientOrderId", ORDER_MARK_CLIENT_ID);
    write_pair_text(write, json, "newOrderRespType", "FULL");
    write_pair_mark(write, json, "price", ORDER_MARK_PRICE);
    write_pair_mark(write, json, "quantity", ORDER_MARK_QTY);
    write_pair_u64(write, json, "recvWindow", form->recv_window_ms);
    write_pair_mark(write, json, "side", ORDER_MARK_SIDE);
    write_pair(write, json, "symbol", form->symbol.data, form->symbol.size);
    write_pair_text(write, json, "timeInForce", "IOC");
    text_write_string(write, json ? ",\"timestamp\":" ORDER_MARK_TIME : "&timestamp=" ORDER_MARK_TIME);
    write_pair_text(write, json, "type", "LIMIT");
}

int binance_order_prepare(const struct venue_keys *keys, const struct venue_order_form *form,
                          struct order_template *out) {
    char payload_text[PAYLOAD_SIZE_MAX], params_text[PAYLOAD_SIZE_MAX], message_text[ORDER_TEXT_SIZE];
    struct text_write payload = text_write_to(payload_text, sizeof payload_text);
    struct text_write params = text_write_to(params_text, sizeof params_text);
    struct text_write message = text_write_to(message_text, sizeof message_text);
    bool sign = keys->type == VENUE_KEY_HMAC;
    if (!order_form_valid(form)) return ERROR_BAD;
    write_order(&payload, false, keys, form);
    write_order(&params, true, keys, form);
    if (payload.error || params.error) return payload.error ? payload.error : params.error;
    text_write_string(&message, "{\"id\":\"" ORDER_MARK_CLIENT_ID "\",\"method\":\"order.place\",\"params\":{");
    text_write_bytes(&message, params.out, params.size);
    text_write_string(&message, sign ? ",\"signature\":\"" ORDER_MARK_SIGNATURE "\"}}" : "}}");
    if (message.error) return message.error;
    struct order_form_text text = {.message = message.out,
                                   .message_size = message.size,
                                   .payload = sign ? payload.out : NULL,
                                   .payload_size = payload.size};
    return order_template_make(out, sign ? &keys->hmac : NULL, &text, form->price_digits, form->qty_digits,
                               CLIENT_ID_SIZE_MAX);
}

static void write_proof(struct text_write *write, bool json, const struct venue_keys *keys, int64_t wall_ns,
                        uint32_t recv_window_ms) {
    write_pair(write, json, "apiKey", keys->key, strnlen(keys->key, sizeof keys->key));
    write_pair_u64(write, json, "recvWindow", recv_window_ms);
    write_pair_u64(write, json, "timestamp", (uint64_t)(wall_ns / NS_PER_MS));
}

/* A request that says nothing but who we are; `write` has come to its params. */
static int finish_proof(struct text_write *write, const struct venue_keys *keys, int64_t wall_ns,
                        uint32_t recv_window_ms) {
    char payload_text[PAYLOAD_SIZE_MAX], params_text[PAYLOAD_SIZE_MAX], signature[KEYS_SIGNATURE_SIZE_MOST];
    struct text_write payload = text_write_to(payload_text, sizeof payload_text);
    struct text_write params = text_write_to(params_text, sizeof params_text);
    if (wall_ns <= 0 || recv_window_ms == 0 || recv_window_ms > RECV_WINDOW_MS_MAX) return ERROR_BAD;
    write_proof(&payload, false, keys, wall_ns, recv_window_ms);
    write_proof(&params, true, keys, wall_ns, recv_window_ms);
    if (payload.error || params.error) return payload.error ? payload.error : params.error;
    int code = venue_keys_sign(keys, payload.out, payload.size, false, signature);
    if (code != 0) return code;
    text_write_bytes(write, params.out, params.size);
    text_write_string(write, ",\"signature\":\"");
    text_write_string(write, signature);
    text_write_string(write, "\"}}");
    return text_write_finish(write);
}

int binance_orders_logon(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, const char *id,
                         char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    if (keys->type != VENUE_KEY_ED25519) return 0; /* the venue gives sessions to these keys only */
    text_write_string(&write, "{\"id\":\"");
    text_write_plain(&write, id, strlen(id));
    text_write_string(&write, "\",\"method\":\"session.logon\",\"params\":{");
    return finish_proof(&write, keys, wall_ns, recv_window_ms);
}

int binance_user_subscribe(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                           char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, "{\"id\":");
    text_write_u64(&write, id);
    if (keys->type == VENUE_KEY_ED25519) {
        text_write_string(&write, ",\"method\":\"userDataStream.subscribe\"}");
        return text_write_finish(&write);
    }
    text_write_string(&write, ",\"method\":\"userDataStream.subscribe.signature\",\"params\":{");
    return finish_proof(&write, keys, wall_ns, recv_window_ms);
}

int binance_query(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
                  char *out, size_t cap) {
    return rest_encode_query(&rest_style, keys, request, host, out, cap);
}
