#include "venue.h"

#include <string.h>

#include "binance.h"
#include "mexc.h"
#include "quote.h"

static void binance_decode(enum venue_source source, enum venue_query query, const uint8_t *data, size_t size,
                           bool binary, int http_status, struct venue_message *out) {
    message_reset(out);
    if (size > VENUE_MESSAGE_SIZE_MAX) {
        message_reject(out, "message longer than 1 MiB");
        return;
    }
    switch (source) {
    case VENUE_SOURCE_FEED:
        binance_decode_feed(data, size, binary, out);
        return;
    case VENUE_SOURCE_ORDERS:
    case VENUE_SOURCE_USER:
        binance_decode_orders(data, size, out);
        return;
    case VENUE_SOURCE_QUERY:
        query_json_answer(query, data, size, http_status, &binance_style, out);
        return;
    }
    message_reject(out, "no such source");
}

static void mexc_decode(enum venue_source source, enum venue_query query, const uint8_t *data, size_t size,
                        bool binary, int http_status, struct venue_message *out) {
    message_reset(out);
    if (size > VENUE_MESSAGE_SIZE_MAX) {
        message_reject(out, "message longer than 1 MiB");
        return;
    }
    switch (source) {
    case VENUE_SOURCE_FEED:
    case VENUE_SOURCE_USER:
        mexc_decode_stream(data, size, binary, out);
        return;
    case VENUE_SOURCE_ORDERS:
        mexc_decode_order_answer(data, size, http_status, out);
        return;
    case VENUE_SOURCE_QUERY:
        query_json_answer(query, data, size, http_status, &mexc_style, out);
        return;
    }
    message_reject(out, "no such source");
}

static bool binance_decode_quote(const uint8_t *data, size_t size, bool binary, struct venue_quote *out) {
    if (binary) return false;
    if (quote_has_avx512()) return binance_quote_avx512(data, size, out);
    return quote_has_avx2() ? binance_quote_avx2(data, size, out) : binance_quote_scalar(data, size, out);
}

static bool mexc_decode_quote(const uint8_t *data, size_t size, bool binary, struct venue_quote *out) {
    if (!binary) return false;
    return quote_has_avx2() ? mexc_quote_avx2(data, size, out) : mexc_quote_scalar(data, size, out);
}

static const struct venue_ops kinds[] = {
    {
        .kind = "binance",
        .orders_by_websocket = true,
        .user_on_orders = true,
        .feed_symbols_max = 128, /* 1024 streams are allowed; their names must fit the head of one request */
        .connections_per_5min_max = 300,
        .query_weight = {[VENUE_QUERY_TIME] = 1,
                         [VENUE_QUERY_ACCOUNT] = 20,
                         [VENUE_QUERY_ORDER] = 4,
                         [VENUE_QUERY_TRADES] = 20,
                         [VENUE_QUERY_OPEN_ORDERS] = 6,
                         [VENUE_QUERY_CANCEL] = 1,
                         [VENUE_QUERY_LISTEN_KEY_NEW] = 1,
                         [VENUE_QUERY_LISTEN_KEY_KEEP] = 1,
                         [VENUE_QUERY_LISTEN_KEY_CLOSE] = 1,
                         [VENUE_QUERY_RULES] = 20},
        .decode = binance_decode,
        .decode_quote = binance_decode_quote,
        .feed_path = binance_feed_path,
        .feed_subscribe = binance_feed_subscribe,
        .feed_ping = binance_feed_ping,
        .orders_path = binance_orders_path,
        .user_path = binance_user_path,
        .orders_logon = binance_orders_logon,
        .user_subscribe = binance_user_subscribe,
        .order_prepare = binance_order_prepare,
        .query = binance_query,
    },
    {
        .kind = "mexc",
        .has_listen_key = true,
        .feed_symbols_max = 30,
        .connections_per_5min_max = 300, /* the venue names none */
        .query_weight = {[VENUE_QUERY_TIME] = 1,
                         [VENUE_QUERY_ACCOUNT] = 10,
                         [VENUE_QUERY_ORDER] = 2,
                         [VENUE_QUERY_TRADES] = 10,
                         [VENUE_QUERY_OPEN_ORDERS] = 3,
                         [VENUE_QUERY_CANCEL] = 1,
                         [VENUE_QUERY_LISTEN_KEY_NEW] = 1,
                         [VENUE_QUERY_LISTEN_KEY_KEEP] = 1,
                         [VENUE_QUERY_LISTEN_KEY_CLOSE] = 1,
                         [VENUE_QUERY_RULES] = 10},
        .decode = mexc_decode,
        .decode_quote = mexc_decode_quote,
        .feed_path = mexc_feed_path,
        .feed_subscribe = mexc_feed_subscribe,
        .feed_ping = mexc_feed_ping,
        .orders_path = mexc_orders_path,
        .user_path = mexc_user_path,
        .orders_logon = mexc_orders_logon,
        .user_subscribe = mexc_user_subscribe,
        .order_prepare = mexc_order_prepare,
        .query = mexc_query,
    },
};

const struct venue_ops *venue_ops_find(const char *kind) {
    for (size_t index = 0; index < sizeof kinds / sizeof kinds[0]; index++) {
        if (strcmp(kinds[index].kind, kind) == 0) return &kinds[index];
    }
    return NULL;
}
