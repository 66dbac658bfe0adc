/* Finds out where bytes come from by their shape: for the operator's tool, which sees a message and no connection. */
#include <string.h>

#include "binance.h"
#include "mexc.h"
#include "utf8.h"

struct origin {
    enum venue_source source;
    bool binary;
};

static bool is_readable(const uint8_t *data, size_t size) {
    for (size_t index = 0; index < size; index++) {
        if (data[index] < 0x20 && data[index] != '\t' && data[index] != '\r' && data[index] != '\n') return false;
    }
    return utf8_valid(data, size);
}

enum trait {
    TRAIT_ID,
    TRAIT_STATUS,
    TRAIT_EVENT,
    TRAIT_NAME,
    TRAIT_CODE,
    TRAIT_MESSAGE,
    TRAIT_ORDER_ID,
    TRAIT_TRANSACT_TIME,
    TRAIT_BALANCES,
    TRAIT_SERVER_TIME,
    TRAIT_TICKER,
    TRAIT_LISTEN_KEY,
    TRAIT_COUNT,
};

static const struct json_name trait_names[TRAIT_COUNT] = {
    [TRAIT_ID] = JSON_NAME("id"),
    [TRAIT_STATUS] = JSON_NAME("status"),
    [TRAIT_EVENT] = JSON_NAME("event"),
    [TRAIT_NAME] = JSON_NAME("e"),
    [TRAIT_CODE] = JSON_NAME("code"),
    [TRAIT_MESSAGE] = JSON_NAME("msg"),
    [TRAIT_ORDER_ID] = JSON_NAME("orderId"),
    [TRAIT_TRANSACT_TIME] = JSON_NAME("transactTime"),
    [TRAIT_BALANCES] = JSON_NAME("balances"),
    [TRAIT_SERVER_TIME] = JSON_NAME("serverTime"),
    [TRAIT_TICKER] = JSON_NAME("bidPrice"),
    [TRAIT_LISTEN_KEY] = JSON_NAME("listenKey"),
};

static bool is_user_event(const struct json_value *name) {
    static const char *const names[] = {"executionReport", "outboundAccountPosition", "balanceUpdate",
                                        "externalLockUpdate", "eventStreamTerminated"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (json_equals(name, names[index])) return true;
    }
    return false;
}

static bool is_rest_body(const struct json_value *traits) {
    return traits[TRAIT_ORDER_ID].kind || traits[TRAIT_BALANCES].kind || traits[TRAIT_SERVER_TIME].kind ||
           traits[TRAIT_TICKER].kind || traits[TRAIT_LISTEN_KEY].kind;
}

static enum venue_source binance_source(const struct json_value *traits) {
    int32_t code;
    if (traits[TRAIT_EVENT].kind || is_user_event(&traits[TRAIT_NAME])) return VENUE_SOURCE_ORDERS;
    if (traits[TRAIT_ID].kind && traits[TRAIT_STATUS].kind == JSON_NUMBER) return VENUE_SOURCE_ORDERS;
    /* Stream errors count 0 .. 3, REST errors are negative. */
    if (traits[TRAIT_MESSAGE].kind && json_i32(&traits[TRAIT_CODE], &code) && code < 0) return VENUE_SOURCE_QUERY;
    return is_rest_body(traits) ? VENUE_SOURCE_QUERY : VENUE_SOURCE_FEED;
}

static enum venue_source mexc_source(const struct json_value *traits) {
    if (traits[TRAIT_CODE].kind && traits[TRAIT_MESSAGE].kind) {
        return traits[TRAIT_ID].kind ? VENUE_SOURCE_FEED : VENUE_SOURCE_ORDERS;
    }
    if (traits[TRAIT_ORDER_ID].kind && traits[TRAIT_TRANSACT_TIME].kind) return VENUE_SOURCE_ORDERS;
    return is_rest_body(traits) ? VENUE_SOURCE_QUERY : VENUE_SOURCE_FEED;
}

static enum venue_source json_source(const uint8_t *data, size_t size, bool binance) {
    struct json_value body, traits[TRAIT_COUNT];
    if (query_json_parse(data, size, &body) != NULL) return VENUE_SOURCE_FEED;
    if (body.kind == JSON_ARRAY) return VENUE_SOURCE_QUERY;
    if (json_members(&body, trait_names, TRAIT_COUNT, traits) != NULL) return VENUE_SOURCE_FEED;
    return binance ? binance_source(traits) : mexc_source(traits);
}

static struct origin guess(const uint8_t *data, size_t size, bool binance) {
    struct json_scan scan;
    json_begin(&scan, data, size);
    bool readable = is_readable(data, size);
    bool bracket = json_peek(&scan, '{') || json_peek(&scan, '[');
    /* No protobuf message starts with a bracket, but after a line feed one may follow. */
    if (bracket && (readable || scan.at == data)) return (struct origin){json_source(data, size, binance), false};
    return (struct origin){VENUE_SOURCE_FEED, !readable};
}

void venue_decode_any(const struct venue_ops *ops, const uint8_t *data, size_t size, struct venue_message *out) {
    if (size == 0 || size > VENUE_MESSAGE_SIZE_MAX) {
        message_reject(out, size == 0 ? "empty message" : "message longer than 1 MiB");
        return;
    }
    struct origin origin = guess(data, size, strcmp(ops->kind, "binance") == 0);
    ops->decode(origin.source, VENUE_QUERY_NONE, data, size, origin.binary, 0, out);
}
