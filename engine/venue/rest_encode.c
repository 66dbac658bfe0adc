#include "rest_encode.h"

#include <stdint.h>
#include <string.h>

#include "../base/error.h"
#include "digits.h"

#define NS_PER_MS          1000000
#define RECV_WINDOW_MS_MAX 60000

bool order_form_valid(const struct venue_order_form *form) {
    return form->price_digits <= DIGITS_MOST && form->qty_digits <= DIGITS_MOST && form->symbol.size > 0 &&
           form->symbol.size <= VENUE_SYMBOL_SIZE_MAX && form->recv_window_ms > 0 &&
           form->recv_window_ms <= RECV_WINDOW_MS_MAX;
}

static void write_param(struct text_write *query, const char *name, struct venue_text value) {
    if (query->size > 0) text_write_string(query, "&");
    text_write_string(query, name);
    text_write_string(query, "=");
    text_write_percent(query, value.data, value.size);
}

static void write_param_u64(struct text_write *query, const char *name, uint64_t value) {
    if (query->size > 0) text_write_string(query, "&");
    text_write_string(query, name);
    text_write_string(query, "=");
    text_write_u64(query, value);
}

static void write_head(struct text_write *write, const struct rest_style *style, const char *key,
                       const char *method, const char *host) {
    if (host[0] == '\0') write->error = ERROR_BAD;
    text_write_string(write, " HTTP/1.1\r\nHost: ");
    text_write_plain(write, host, strlen(host));
    text_write_string(write, "\r\nConnection: keep-alive\r\n");
    if (key) {
        text_write_string(write, style->key_header);
        text_write_string(write, ": ");
        text_write_plain(write, key, strnlen(key, sizeof((struct venue_keys *)0)->key));
        text_write_string(write, "\r\n");
    }
    if (strcmp(method, "GET") != 0) {
        if (style->content_type) {
            text_write_string(write, "Content-Type: ");
            text_write_string(write, style->content_type);
            text_write_string(write, "\r\n");
        }
        text_write_string(write, "Content-Length: 0\r\n");
    }
    text_write_string(write, "\r\n");
}

int rest_encode_signed(const struct rest_style *style, const struct venue_keys *keys, const char *method,
                       const char *target, const struct text_write *params, int64_t wall_ns,
                       uint32_t recv_window_ms, const char *host, char *out, size_t cap) {
    char text[REST_QUERY_SIZE_MAX], signature[KEYS_SIGNATURE_SIZE_MOST];
    struct text_write query = text_write_to(text, sizeof text);
    if (recv_window_ms == 0 || recv_window_ms > RECV_WINDOW_MS_MAX || wall_ns <= 0) return ERROR_BAD;
    if (params->error) return params->error;
    text_write_bytes(&query, params->out, params->size);
    write_param_u64(&query, "recvWindow", recv_window_ms);
    write_param_u64(&query, "timestamp", (uint64_t)(wall_ns / NS_PER_MS));
    if (query.error) return query.error;
    int code = venue_keys_sign(keys, query.out, query.size, true, signature);
    if (code != 0) return code;

    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, method);
    text_write_string(&write, " ");
    text_write_string(&write, target);
    text_write_string(&write, "?");
    text_write_bytes(&write, query.out, query.size);
    text_write_string(&write, "&signature=");
    text_write_string(&write, signature);
    write_head(&write, style, keys->key, method, host);
    return text_write_finish(&write);
}

int rest_encode_order(const struct rest_style *style, const struct venue_keys *keys, const char *target,
                      const struct text_write *params, const struct venue_order_form *form, uint32_t client_id_most,
                      struct order_template *out) {
    static const char before_signature[] = "&signature=";
    char text[ORDER_TEXT_SIZE];
    struct text_write write = text_write_to(text, sizeof text);
    if (params->error) return params->error;
    text_write_string(&write, "POST ");
    text_write_string(&write, target);
    text_write_string(&write, "?");
    size_t begin = write.size;
    text_write_bytes(&write, params->out, params->size);
    text_write_string(&write, before_signature);
    text_write_string(&write, ORDER_MARK_SIGNATURE);
    write_head(&write, style, keys->key, "POST", form->host);
    if (write.error) return write.error;
    struct order_form_text form_text = {.message = write.out,
                                        .message_size = write.size,
                                        .payload_begin = begin,
                                        .payload_end = sizeof before_signature - 1};
    return order_template_make(out, &keys->hmac, &form_text, form->price_digits, form->qty_digits, client_id_most);
}

static int encode_public(const struct rest_style *style, const char *target, struct venue_text symbol,
                         const char *host, char *out, size_t cap) {
    struct text_write write = text_write_to(out, cap);
    text_write_string(&write, "GET ");
    text_write_string(&write, target);
    if (symbol.size > 0) {
        text_write_string(&write, "?symbol=");
        text_write_percent(&write, symbol.data, symbol.size);
    }
    write_head(&write, style, NULL, "GET", host);
    return text_write_finish(&write);
}

/* Parameters of one question. ERROR_BAD when one that it needs is missing. */
static int write_params(const struct rest_style *style, const struct venue_query_request *request,
                        struct text_write *query) {
    bool by_client_id = request->query == VENUE_QUERY_ORDER || request->query == VENUE_QUERY_CANCEL;
    bool trades = request->query == VENUE_QUERY_TRADES, open = request->query == VENUE_QUERY_OPEN_ORDERS;
    bool symbol_needed = by_client_id || trades || (open && style->open_orders_need_symbol);
    if (symbol_needed && request->symbol.size == 0) return ERROR_BAD;
    if ((symbol_needed || open) && request->symbol.size > 0) write_param(query, "symbol", request->symbol);
    if (by_client_id) {
        if (request->client_id.size == 0) return ERROR_BAD;
        write_param(query, "origClientOrderId", request->client_id);
    }
    if (trades) {
        if (request->order_id.size == 0 && (request->since_ns <= 0 || request->until_ns < request->since_ns))
            return ERROR_BAD;
        if (request->order_id.size > 0) {
            write_param(query, "orderId", request->order_id);
        } else {
            write_param_u64(query, "startTime", (uint64_t)(request->since_ns / NS_PER_MS));
            write_param_u64(query, "endTime", (uint64_t)(request->until_ns / NS_PER_MS));
        }
        write_param_u64(query, "limit", VENUE_QUERY_ROWS_MAX);
    }
    if (request->query == VENUE_QUERY_LISTEN_KEY_KEEP || request->query == VENUE_QUERY_LISTEN_KEY_CLOSE) {
        if (request->listen_key.size == 0) return ERROR_BAD;
        write_param(query, "listenKey", request->listen_key);
    }
    return query->error;
}

struct route {
    enum venue_query query;
    const char *method;
    const char *target;
};

static const struct route routes[] = {
    {VENUE_QUERY_ACCOUNT, "GET", "/api/v3/account"},
    {VENUE_QUERY_ORDER, "GET", "/api/v3/order"},
    {VENUE_QUERY_TRADES, "GET", "/api/v3/myTrades"},
    {VENUE_QUERY_OPEN_ORDERS, "GET", "/api/v3/openOrders"},
    {VENUE_QUERY_CANCEL, "DELETE", "/api/v3/order"},
    {VENUE_QUERY_LISTEN_KEY_NEW, "POST", "/api/v3/userDataStream"},
    {VENUE_QUERY_LISTEN_KEY_KEEP, "PUT", "/api/v3/userDataStream"},
    {VENUE_QUERY_LISTEN_KEY_CLOSE, "DELETE", "/api/v3/userDataStream"},
};

static bool is_listen_key(enum venue_query query) {
    return query == VENUE_QUERY_LISTEN_KEY_NEW || query == VENUE_QUERY_LISTEN_KEY_KEEP ||
           query == VENUE_QUERY_LISTEN_KEY_CLOSE;
}

int rest_encode_query(const struct rest_style *style, const struct venue_keys *keys,
                      const struct venue_query_request *request, const char *host, char *out, size_t cap) {
    if (request->query == VENUE_QUERY_TIME) {
        return encode_public(style, "/api/v3/time", (struct venue_text){0}, host, out, cap);
    }
    if (request->query == VENUE_QUERY_RULES) {
        return encode_public(style, "/api/v3/exchangeInfo", request->symbol, host, out, cap);
    }
    if (is_listen_key(request->query) && !style->has_listen_key) return ERROR_BAD;
    for (size_t index = 0; index < sizeof routes / sizeof routes[0]; index++) {
        if (routes[index].query != request->query) continue;
        char text[REST_QUERY_SIZE_MAX];
        struct text_write params = text_write_to(text, sizeof text);
        int code = write_params(style, request, &params);
        if (code != 0) return code;
        return rest_encode_signed(style, keys, routes[index].method, routes[index].target, &params,
                                  request->wall_ns, request->recv_window_ms, host, out, cap);
    }
    return ERROR_BAD;
}
