#pragma once
/* Signed REST requests, the way both Binance and MEXC want them: everything in the query string, percent-encoded
 * before it is signed, the signature (lowercase hex) last, an empty body. */
#include "text_write.h"
#include "venue.h"

#define REST_QUERY_SIZE_MAX 1024

struct rest_style {
    const char *key_header;
    const char *content_type; /* of requests with a method other than GET; NULL: none */
    bool open_orders_need_symbol;
    bool has_listen_key;
};

/* True when orders may be written in this form: a symbol, digits of at most 18, a recvWindow of 1 .. 60000 ms. */
bool order_form_valid(const struct venue_order_form *form);

/* `params` is the finished query string without timestamp and signature (may be empty); `target` the path. */
int rest_encode_signed(const struct rest_style *style, const struct venue_keys *keys, const char *method,
                       const char *target, const struct text_write *params, int64_t wall_ns,
                       uint32_t recv_window_ms, const char *host, char *out, size_t cap);
/* The same of an order, with marks (order_template.h) in params, which are all but the signature. */
int rest_encode_order(const struct rest_style *style, const struct venue_keys *keys, const char *target,
                      const struct text_write *params, const struct venue_order_form *form, uint32_t client_id_most,
                      struct order_template *out);
int rest_encode_query(const struct rest_style *style, const struct venue_keys *keys,
                      const struct venue_query_request *request, const char *host, char *out, size_t cap);
