#pragma once
/* Binance spot: JSON streams, WS-API, REST. The parts of one venue module, put together in venue.c.
 * Decoders get `out` started
 * with message_reset. */
#include "message.h"
#include "query_json.h"
#include "venue.h"

void binance_decode_feed(const uint8_t *data, size_t size, bool binary, struct venue_message *out);
/* Binary frames of the market connection. */
void binance_decode_sbe(const uint8_t *data, size_t size, struct venue_message *out);
/* WS-API answers, and user data events on the same connection. */
void binance_decode_orders(const uint8_t *data, size_t size, struct venue_message *out);

/* Status words of orders (ends with a NULL word), and what its error codes mean. */
extern const struct message_state_word binance_states[];
extern const struct query_style binance_style;

int binance_feed_path(const struct venue_text *symbols, uint32_t count, char *out, size_t cap);
int binance_feed_subscribe(const struct venue_text *symbols, uint32_t count, uint64_t id, char *out, size_t cap);
int binance_feed_ping(char *out, size_t cap);
int binance_orders_path(char *out, size_t cap);
int binance_user_path(const struct venue_text *listen_key, char *out, size_t cap);
int binance_user_subscribe(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                           char *out, size_t cap);
int binance_order_prepare(const struct venue_keys *keys, const struct venue_order_form *form,
                          struct order_template *out);
int binance_orders_logon(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, const char *id,
                         char *out, size_t cap);
int binance_query(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
                  char *out, size_t cap);
