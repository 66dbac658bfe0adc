/* Market data of Binance: bookTicker raw and combined, control answers. Other events are none of ours. */
#include <string.h>

#include "binance.h"

/* Members of a raw event, of the combined wrapper and of control answers: one pass reads whichever there are. */
struct event {
    struct json_value event_name, event_time, symbol, update_id;
    struct json_value bid_price, bid_qty, ask_price, ask_qty;
    struct json_value stream, data, result, code, message, error, id;
};

static struct json_value *member_of_one_byte(struct event *event, char name) {
    switch (name) {
    case 'u':
        return &event->update_id;
    case 's':
        return &event->symbol;
    case 'b':
        return &event->bid_price;
    case 'B':
        return &event->bid_qty;
    case 'a':
        return &event->ask_price;
    case 'A':
        return &event->ask_qty;
    case 'e':
        return &event->event_name;
    case 'E':
        return &event->event_time;
    default:
        return NULL;
    }
}

static struct json_value *member(struct event *event, const struct json_value *key) {
    if (key->size == 1) return member_of_one_byte(event, key->data[0]);
    if (key->size == 6 && memcmp(key->data, "stream", 6) == 0) return &event->stream;
    if (key->size == 4 && memcmp(key->data, "data", 4) == 0) return &event->data;
    if (key->size == 6 && memcmp(key->data, "result", 6) == 0) return &event->result;
    if (key->size == 4 && memcmp(key->data, "code", 4) == 0) return &event->code;
    if (key->size == 3 && memcmp(key->data, "msg", 3) == 0) return &event->message;
    if (key->size == 5 && memcmp(key->data, "error", 5) == 0) return &event->error;
    if (key->size == 2 && memcmp(key->data, "id", 2) == 0) return &event->id;
    return NULL;
}

/* One member into its place. False: the end, or a failure (see scan->why). */
static bool event_step(struct json_scan *scan, bool *first, struct event *event, struct event *data) {
    struct json_value key, skipped;
    if (!json_member(scan, first, &key)) return false;
    struct json_value *value = member(event, &key);
    if (value && value->kind != JSON_ABSENT) {
        scan->why = "the same member twice";
        return false;
    }
    if (value != &event->data || !data || !json_peek(scan, '{')) return json_read(scan, value ? value : &skipped);

    /* The wrapped event of a combined stream, read in the same pass. */
    bool first_inside = true;
    value->kind = JSON_OBJECT;
    json_open(scan, '{');
    while (event_step(scan, &first_inside, data, NULL))
        continue;
    return scan->why == NULL;
}

static bool is_book_ticker(const struct event *event) {
    if (event->event_name.kind != JSON_ABSENT) return json_equals(&event->event_name, "bookTicker");
    return event->update_id.kind || event->bid_price.kind || event->bid_qty.kind || event->ask_price.kind ||
           event->ask_qty.kind;
}

static const char *side_read(const struct json_value *price, const struct json_value *qty, const char *missing,
                             const char *malformed, struct message_side *out) {
    if (price->kind == JSON_ABSENT || qty->kind == JSON_ABSENT) return missing;
    if (!message_decimal(price, &out->price) || !message_decimal(qty, &out->qty)) return malformed;
    out->has_price = out->has_qty = true;
    return NULL;
}

static void decode_book_ticker(const struct event *event, struct venue_message *out) {
    struct message_side bid, ask;
    const char *why = side_read(&event->bid_price, &event->bid_qty, "bookTicker: b or B is missing",
                                "bookTicker: b or B is no decimal that can be held exactly", &bid);
    if (!why) {
        why = side_read(&event->ask_price, &event->ask_qty, "bookTicker: a or A is missing",
                        "bookTicker: a or A is no decimal that can be held exactly", &ask);
    }
    if (!why && !json_u64(&event->update_id, &out->seq)) why = "bookTicker: u is no unsigned 64-bit integer";
    if (!why && !message_id(&event->symbol, VENUE_SYMBOL_SIZE_MAX, &out->symbol)) {
        why = "bookTicker: s is missing, escaped or longer than 31 bytes";
    }
    if (!why && event->event_time.kind != JSON_ABSENT && !message_time(&event->event_time, &out->event_ns)) {
        why = "bookTicker: E is no time";
    }
    if (why) {
        message_reject(out, why);
    } else {
        message_quote(out, &bid, &ask);
    }
}

static void decode_event(const struct event *event, struct venue_message *out) {
    if (is_book_ticker(event)) {
        decode_book_ticker(event, out);
    } else if (json_equals(&event->event_name, "serverShutdown")) {
        message_control(out, VENUE_TYPE_SHUTDOWN);
        message_time(&event->event_time, &out->event_ns);
    } else {
        message_control(out, VENUE_TYPE_IGNORE);
    }
}

static void decode_control_error(const struct json_value *code, const struct json_value *text,
                                 struct venue_message *out) {
    if (!json_i32(code, &out->code)) {
        message_reject(out, "error: code is no integer");
        return;
    }
    if (text->kind == JSON_STRING) out->text = message_text(text);
    message_control(out, VENUE_TYPE_CONTROL_ERROR);
}

static void decode_wrapped_error(const struct json_value *error, struct venue_message *out) {
    static const struct json_name names[2] = {JSON_NAME("code"), JSON_NAME("msg")};
    struct json_value values[2];
    const char *why = json_members(error, names, 2, values);
    if (why) {
        message_reject(out, why);
    } else {
        decode_control_error(&values[0], &values[1], out);
    }
}

/* Answers to requests, or an event without a name. */
static void decode_other(const struct event *event, struct venue_message *out) {
    message_id_or_number(&event->id, &out->request_id);
    if (event->error.kind == JSON_OBJECT) {
        decode_wrapped_error(&event->error, out);
    } else if (event->code.kind != JSON_ABSENT && event->message.kind != JSON_ABSENT) {
        decode_control_error(&event->code, &event->message, out);
    } else if (event->result.kind == JSON_NULL) {
        out->ok = 1;
        message_control(out, VENUE_TYPE_SUB_ACK);
    } else if (event->result.kind == JSON_ARRAY) {
        out->ok = 1;
        out->text = message_text(&event->result);
        message_control(out, VENUE_TYPE_LIST);
    } else {
        decode_event(event, out);
    }
}

static void decode_array(struct json_scan *scan, struct venue_message *out) {
    struct json_value array;
    if (json_read(scan, &array) && json_done(scan)) {
        message_control(out, VENUE_TYPE_IGNORE);
    } else {
        message_reject(out, scan->why);
    }
}

void binance_decode_feed(const uint8_t *data, size_t size, bool binary, struct venue_message *out) {
    if (size == 0) {
        message_reject(out, "empty message");
        return;
    }
    if (binary) {
        binance_decode_sbe(data, size, out);
        return;
    }
    struct json_scan scan;
    json_begin(&scan, data, size);
    if (json_peek(&scan, '[')) {
        decode_array(&scan, out);
        return;
    }
    struct event event = {0}, wrapped = {0};
    bool first = true;
    json_open(&scan, '{');
    while (event_step(&scan, &first, &event, &wrapped))
        continue;
    if (scan.why || !json_done(&scan)) {
        message_reject(out, scan.why);
    } else if (event.stream.kind == JSON_STRING && event.data.kind == JSON_OBJECT) {
        decode_event(&wrapped, out);
    } else {
        decode_other(&event, out);
    }
}
