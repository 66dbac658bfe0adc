#pragma once
/* Bodies of REST answers, and the `result` of WS-API answers: by the question asked, or by their shape alone. */
#include "message.h"

/* What differs between the venues that share these shapes. */
struct query_style {
    const struct message_state_word *states; /* status words of orders */
    enum venue_error_class (*error_class)(int32_t code, int status, struct venue_text text);
};

/* Reads `size` bytes as one JSON value. NULL, or why not. */
const char *query_json_parse(const uint8_t *data, size_t size, struct json_value *out);

/* True when the body is an error object (code and msg); `out` is filled, verdict ERROR (or REJECT). */
bool query_json_error(const struct json_value *body, int status, const struct query_style *style,
                      struct venue_message *out);

/* An answer that no reader understood, judged by its HTTP status: ERROR where that says enough, else REJECT. */
void query_json_unreadable(int http_status, const char *why, struct venue_message *out);

/* A whole REST answer. */
void query_json_answer(enum venue_query query, const uint8_t *data, size_t size, int http_status,
                       const struct query_style *style, struct venue_message *out);

/* What is this? CONTROL / IGNORE when it has none of the known shapes. */
void query_json_by_shape(const struct json_value *body, const struct query_style *style, struct venue_message *out);
