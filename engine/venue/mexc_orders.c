/* MEXC's answers to order requests over REST: an acknowledgement without outcome, or an error. */
#include <stdint.h>

#include "../abi.h"
#include "error_class.h"
#include "mexc.h"
#include "order_json.h"

const struct message_state_word mexc_states[] = {
    {"NEW", ABI_ORDER_ACKED, false},
    {"PARTIALLY_FILLED", ABI_ORDER_PARTIAL, false},
    {"FILLED", ABI_ORDER_FILLED, true},
    {"CANCELED", ABI_ORDER_CANCELED, true},
    {"PARTIALLY_CANCELED", ABI_ORDER_CANCELED, true},
    {NULL, 0, false},
};

const struct query_style mexc_style = {mexc_states, mexc_error_class};

/* The order may stand or not: say so instead of refusing the bytes. */
static void outcome_unknown(const char *why, struct venue_message *out) {
    message_reset(out);
    out->verdict = VENUE_UNKNOWN;
    out->error_class = VENUE_CLASS_UNKNOWN;
    out->why = why;
}

void mexc_decode_order_answer(const uint8_t *data, size_t size, int http_status, struct venue_message *out) {
    struct json_value body;
    const char *why = query_json_parse(data, size, &body);
    if (!why && query_json_error(&body, http_status, &mexc_style, out)) {
        if (out->verdict == VENUE_REJECT) outcome_unknown(out->why, out);
        return;
    }
    if (http_status != 0 && (http_status < 200 || http_status > 299)) {
        query_json_unreadable(http_status, "HTTP status is no success and the body is no error", out);
        if (out->verdict == VENUE_REJECT) outcome_unknown(out->why, out);
        return;
    }
    if (!why) order_json_ack(&body, out);
    if (why || out->verdict == VENUE_REJECT) outcome_unknown(why ? why : out->why, out);
}
