/* MEXC streams: the protobuf wrapper and its quotes. */
#include "mexc.h"
#include "utf8.h"

enum wrapper_field {
    WRAPPER_CHANNEL = 1,
    WRAPPER_SYMBOL = 3,
    WRAPPER_CREATE_TIME = 5,
    WRAPPER_SEND_TIME = 6,
    BODY_FIRST = 301,
    BODY_LIMIT_DEPTH = 303,
    BODY_PRIVATE_ORDERS = 304,
    BODY_BOOK_TICKER = 305,
    BODY_PRIVATE_DEALS = 306,
    BODY_PRIVATE_ACCOUNT = 307,
    BODY_BOOK_TICKER_BATCH = 311,
    BODY_AGGRE_BOOK_TICKER = 315,
};

struct wrapper {
    struct venue_text symbol;
    const uint8_t *body;
    uint32_t body_size;
    uint32_t body_field; /* 0: none seen */
};

/* Fields 1 .. 6 of field messages 305 and 315; 311 and 303 number the last two differently. */
struct ticker {
    struct message_side bid, ask;
    uint64_t version;
    int64_t order_create_ns;
};

/* proto3 leaves out what is empty, so an empty text and a missing one mean the same: not there. */
static const char *read_number(const struct proto_field *field, struct decimal *out, bool *has) {
    if (field->wire != PROTO_BYTES) return "protobuf: price or quantity is no string";
    *has = field->size > 0;
    if (field->size > 0 && !message_decimal_bytes(field->data, field->size, out)) {
        return "price or quantity is no decimal that can be held exactly";
    }
    return NULL;
}

static const char *read_version(const struct proto_field *field, uint64_t *out) {
    if (field->wire != PROTO_BYTES) return "protobuf: version is no string";
    if (field->size == 0) return NULL;
    struct json_value digits = {(const char *)field->data, field->size, JSON_NUMBER, false};
    return json_u64(&digits, out) ? NULL : "version is no unsigned 64-bit integer";
}

static const char *read_time(const struct proto_field *field, int64_t *out_ns) {
    if (field->wire != PROTO_VARINT || !message_time_u64(field->value, out_ns))
        return "protobuf: time out of range";
    return NULL;
}

/* One of fields 1 .. 4 of a ticker. */
static const char *read_ticker_side(const struct proto_field *field, struct ticker *ticker) {
    switch (field->number) {
    case 1:
        return read_number(field, &ticker->bid.price, &ticker->bid.has_price);
    case 2:
        return read_number(field, &ticker->bid.qty, &ticker->bid.has_qty);
    case 3:
        return read_number(field, &ticker->ask.price, &ticker->ask.has_price);
    case 4:
        return read_number(field, &ticker->ask.qty, &ticker->ask.has_qty);
    default:
        return NULL;
    }
}

static const char *read_ticker(const uint8_t *data, uint32_t size, struct ticker *ticker) {
    struct proto_scan scan;
    struct proto_field field;
    proto_begin(&scan, data, size);
    while (proto_next(&scan, &field)) {
        const char *why = NULL;
        if (field.number == 5) {
            why = read_version(&field, &ticker->version);
        } else if (field.number == 6) {
            why = read_time(&field, &ticker->order_create_ns);
        } else {
            why = read_ticker_side(&field, ticker);
        }
        if (why) return why;
    }
    return scan.why;
}

/* Several quotes of one symbol, the last is the newest. */
static const char *read_batch(const uint8_t *data, uint32_t size, struct ticker *ticker, bool *empty) {
    struct proto_scan scan;
    struct proto_field field;
    *empty = true;
    proto_begin(&scan, data, size);
    while (proto_next(&scan, &field)) {
        const char *why = NULL;
        if (field.number == 1) {
            if (field.wire != PROTO_BYTES) return "protobuf: item is no message";
            ticker->bid = ticker->ask = (struct message_side){0};
            *empty = false;
            struct proto_scan item;
            struct proto_field inside;
            proto_begin(&item, field.data, field.size);
            while (!why && proto_next(&item, &inside))
                why = read_ticker_side(&inside, ticker);
            if (!why) why = item.why;
        } else if (field.number == 2) {
            why = read_version(&field, &ticker->version);
        } else if (field.number == 3) {
            why = read_time(&field, &ticker->order_create_ns);
        }
        if (why) return why;
    }
    return scan.why;
}

static const char *read_level(const struct proto_field *level, struct message_side *side) {
    if (level->wire != PROTO_BYTES) return "protobuf: level is no message";
    struct proto_scan scan;
    struct proto_field field;
    proto_begin(&scan, level->data, level->size);
    while (proto_next(&scan, &field)) {
        const char *why = NULL;
        if (field.number == 1) why = read_number(&field, &side->price, &side->has_price);
        if (field.number == 2) why = read_number(&field, &side->qty, &side->has_qty);
        if (why) return why;
    }
    return scan.why;
}

/* Full book of the best N levels: the first of each side is the best. */
static const char *read_depth_top(const uint8_t *data, uint32_t size, struct ticker *ticker) {
    struct proto_scan scan;
    struct proto_field field;
    bool has_bid = false, has_ask = false;
    proto_begin(&scan, data, size);
    while (proto_next(&scan, &field)) {
        struct message_side deeper = {0};
        const char *why = NULL;
        if (field.number == 1) {
            why = read_level(&field, has_ask ? &deeper : &ticker->ask);
            has_ask = true;
        } else if (field.number == 2) {
            why = read_level(&field, has_bid ? &deeper : &ticker->bid);
            has_bid = true;
        } else if (field.number == 4) {
            why = read_version(&field, &ticker->version);
        } else if (field.number == 5) {
            why = read_time(&field, &ticker->order_create_ns);
        }
        if (why) return why;
    }
    return scan.why;
}

static void decode_quote(const struct wrapper *wrapper, struct venue_message *out) {
    struct ticker ticker = {0};
    bool empty = false;
    const char *why;
    if (wrapper->body_field == BODY_BOOK_TICKER_BATCH) {
        why = read_batch(wrapper->body, wrapper->body_size, &ticker, &empty);
    } else if (wrapper->body_field == BODY_LIMIT_DEPTH) {
        why = read_depth_top(wrapper->body, wrapper->body_size, &ticker);
    } else {
        why = read_ticker(wrapper->body, wrapper->body_size, &ticker);
    }
    if (!why && (wrapper->symbol.size == 0 || wrapper->symbol.size > VENUE_SYMBOL_SIZE_MAX)) {
        why = "symbol is missing or longer than 31 bytes";
    }
    if (why) {
        message_reject(out, why);
    } else if (empty) {
        message_control(out, VENUE_TYPE_IGNORE);
    } else {
        out->seq = ticker.version;
        out->order_create_ns = ticker.order_create_ns;
        message_quote(out, &ticker.bid, &ticker.ask);
    }
}

static bool is_text(const struct proto_field *field) {
    return field->wire == PROTO_BYTES && utf8_valid(field->data, field->size);
}

static const char *read_wrapper_field(const struct proto_field *field, struct wrapper *wrapper,
                                      struct venue_message *out) {
    switch (field->number) {
    case WRAPPER_CHANNEL:
        return is_text(field) ? NULL : "channel is no UTF-8 text";
    case WRAPPER_SYMBOL:
        if (!is_text(field)) return "symbol is no UTF-8 text";
        wrapper->symbol = (struct venue_text){(const char *)field->data, field->size};
        return NULL;
    case WRAPPER_CREATE_TIME:
        return read_time(field, &out->create_ns);
    case WRAPPER_SEND_TIME:
        return read_time(field, &out->event_ns);
    default:
        break;
    }
    if (field->number < BODY_FIRST || field->number > BODY_AGGRE_BOOK_TICKER) return NULL;
    if (field->wire != PROTO_BYTES) return "protobuf: body is no message";
    if (wrapper->body_field != 0) return "protobuf: two bodies in one message";
    wrapper->body = field->data;
    wrapper->body_size = field->size;
    wrapper->body_field = field->number;
    return NULL;
}

static void decode_wrapper(const uint8_t *data, size_t size, struct venue_message *out) {
    struct proto_scan scan;
    struct proto_field field;
    struct wrapper wrapper = {0};
    proto_begin(&scan, data, size);
    while (proto_next(&scan, &field)) {
        const char *why = read_wrapper_field(&field, &wrapper, out);
        if (why) {
            message_reject(out, why);
            return;
        }
    }
    if (scan.why) {
        message_reject(out, scan.why);
        return;
    }
    if (wrapper.symbol.size <= VENUE_SYMBOL_SIZE_MAX) out->symbol = wrapper.symbol;
    switch (wrapper.body_field) {
    case BODY_AGGRE_BOOK_TICKER:
    case BODY_BOOK_TICKER:
    case BODY_BOOK_TICKER_BATCH:
    case BODY_LIMIT_DEPTH:
        decode_quote(&wrapper, out);
        return;
    case BODY_PRIVATE_ORDERS:
        mexc_decode_private_order(wrapper.body, wrapper.body_size, out);
        return;
    case BODY_PRIVATE_DEALS:
        mexc_decode_private_deal(wrapper.body, wrapper.body_size, out);
        return;
    case BODY_PRIVATE_ACCOUNT:
        mexc_decode_private_account(wrapper.body, wrapper.body_size, out);
        return;
    default:
        message_control(out, VENUE_TYPE_IGNORE);
    }
}

void mexc_decode_stream(const uint8_t *data, size_t size, bool binary, struct venue_message *out) {
    if (size == 0) {
        message_reject(out, "empty message");
    } else if (binary) {
        decode_wrapper(data, size, out);
    } else {
        mexc_decode_text(data, size, out);
    }
}
