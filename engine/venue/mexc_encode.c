/* What we say to MEXC. */
#include <stdint.h>
#include <string.h>

#include "../abi.h"
#include "../base/error.h"
#include "mexc.h"
#include "rest_encode.h"

#define SUBSCRIPTIONS_MAX  30
#define CLIENT_ID_SIZE_MAX 32

static const struct rest_style rest_style = {"X-MEXC-APIKEY", "application/json", true, true};

int mexc_feed_path(const struct venue_text *symbols, uint32_t count, char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    (void)symbols, (void)count; /* named by feed_subscribe */
    text_write_string(&write, "/ws");
    return text_write_finish(&write);
}

int mexc_feed_subscribe(const struct venue_text *symbols, uint32_t count, uint64_t id, char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    if (count == 0 || count > SUBSCRIPTIONS_MAX) return ERROR_BAD;
    text_write_string(&write, "{\"method\":\"SUBSCRIPTION\",\"params\":[");
    for (uint32_t index = 0; index < count; index++) {
        if (symbols[index].size == 0 || symbols[index].size > VENUE_SYMBOL_SIZE_MAX) return ERROR_BAD;
        if (index > 0) text_write_string(&write, ",");
        text_write_string(&write, "\"spot@public.aggre.bookTicker.v3.api.pb@10ms@");
        text_write_plain(&write, symbols[index].data, symbols[index].size);
        text_write_string(&write, "\"");
    }
    text_write_string(&write, "],\"id\":");
    text_write_u64(&write, id);
    text_write_string(&write, "}");
    return text_write_finish(&write);
}

int mexc_feed_ping(char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, "{\"method\":\"PING\"}");
    return text_write_finish(&write);
}

int mexc_orders_path(char *out, size_t cap) {
    (void)out, (void)cap;
    return 0; /* orders go over REST */
}

int mexc_user_path(const struct venue_text *listen_key, char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    if (listen_key->size == 0) return ERROR_BAD;
    text_write_string(&write, "/ws?listenKey=");
    text_write_percent(&write, listen_key->data, listen_key->size);
    return text_write_finish(&write);
}

int mexc_user_subscribe(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                        char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    (void)keys, (void)wall_ns, (void)recv_window_ms; /* the listen key in the path is the proof */
    text_write_string(&write, "{\"method\":\"SUBSCRIPTION\",\"params\":[\"spot@private.account.v3.api.pb\","
                              "\"spot@private.deals.v3.api.pb\",\"spot@private.orders.v3.api.pb\"],\"id\":");
    text_write_u64(&write, id);
    text_write_string(&write, "}");
    return text_write_finish(&write);
}

int mexc_orders_logon(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, const char *id,
                      char *out, size_t cap) {
    (void)keys, (void)wall_ns, (void)recv_window_ms, (void)id, (void)out, (void)cap;
    return 0; /* each order is signed */
}

/* What is the same in all orders comes first: the first block of the signature is then done beforehand. */
int mexc_order_prepare(const struct venue_keys *keys, const struct venue_order_form *form,
                       struct order_template *out) {
    char text[REST_QUERY_SIZE_MAX];
    struct text_write params = text_write_to(text, sizeof text);
    if (!order_form_valid(form) || keys->type != VENUE_KEY_HMAC) return ERROR_BAD;
    text_write_string(&params, "symbol=");
    text_write_percent(&params, form->symbol.data, form->symbol.size);
    /* The type says it; a timeInForce parameter is ignored here and the order would rest on the book. */
    text_write_string(&params, "&type=IMMEDIATE_OR_CANCEL&recvWindow=");
    text_write_u64(&params, form->recv_window_ms);
    text_write_string(&params, "&side=" ORDER_MARK_SIDE "&quantity=" ORDER_MARK_QTY "&price=" ORDER_MARK_PRICE
                               "&newClientOrderId=" ORDER_MARK_CLIENT_ID "&timestamp=" ORDER_MARK_TIME);
    return rest_encode_order(&rest_style, keys, "/api/v3/order", &params, form, CLIENT_ID_SIZE_MAX, out);
}

int mexc_query(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
               char *out, size_t cap) {
    return rest_encode_query(&rest_style, keys, request, host, out, cap);
}
