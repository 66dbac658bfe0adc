#pragma once
/* MEXC spot: protobuf streams with text acknowledgements, REST for orders and questions. The parts of one venue
 * module, put together in venue.c. Decoders get `out` started with message_reset. */
#include "message.h"
#include "query_json.h"
#include "venue.h"

/* Both streams, market data and private: protobuf frames and text frames. */
void mexc_decode_stream(const uint8_t *data, size_t size, bool binary, struct venue_message *out);
void mexc_decode_text(const uint8_t *data, size_t size, struct venue_message *out);
/* Body of the answer to an order request: an acknowledgement or an error. Never REJECT: an answer that cannot be read
 * says nothing about the order. */
void mexc_decode_order_answer(const uint8_t *data, size_t size, int http_status, struct venue_message *out);

/* The three private bodies of the wrapper, fields 304, 306, 307. `out` has the wrapper's symbol and times. */
void mexc_decode_private_order(const uint8_t *data, uint32_t size, struct venue_message *out);
void mexc_decode_private_deal(const uint8_t *data, uint32_t size, struct venue_message *out);
void mexc_decode_private_account(const uint8_t *data, uint32_t size, struct venue_message *out);

/* Status words of orders over REST (ends with a NULL word), and what its error codes mean. */
extern const struct message_state_word mexc_states[];
extern const struct query_style mexc_style;

int mexc_feed_path(const struct venue_text *symbols, uint32_t count, char *out, size_t cap);
int mexc_feed_subscribe(const struct venue_text *symbols, uint32_t count, uint64_t id, char *out, size_t cap);
int mexc_feed_ping(char *out, size_t cap);
int mexc_orders_path(char *out, size_t cap);
int mexc_user_path(const struct venue_text *listen_key, char *out, size_t cap);
int mexc_user_subscribe(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                        char *out, size_t cap);
int mexc_order_prepare(const struct venue_keys *keys, const struct venue_order_form *form,
                       struct order_template *out);
int mexc_orders_logon(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, const char *id,
                      char *out, size_t cap);
int mexc_query(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
               char *out, size_t cap);
