/* One decoded message as one JSON object, for the operator. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../abi.h"
#include "message.h"
#include "utf8.h"

static const char *const verdict_words[] = {
    [VENUE_ACCEPT] = "accept",   [VENUE_CONTROL] = "control", [VENUE_ERROR] = "error",
    [VENUE_UNKNOWN] = "unknown", [VENUE_REJECT] = "reject",
};

static const char *const type_words[] = {
    [VENUE_TYPE_NONE] = NULL,
    [VENUE_TYPE_BBO] = "bbo",
    [VENUE_TYPE_IGNORE] = "ignore",
    [VENUE_TYPE_SUB_ACK] = "sub_ack",
    [VENUE_TYPE_PONG] = "pong",
    [VENUE_TYPE_SHUTDOWN] = "server_shutdown",
    [VENUE_TYPE_LOGON] = "logon",
    [VENUE_TYPE_USER_SUB] = "uds_sub",
    [VENUE_TYPE_USER_TERMINATED] = "uds_terminated",
    [VENUE_TYPE_CONTROL_ERROR] = "error",
    [VENUE_TYPE_LIST] = "list",
    [VENUE_TYPE_ORDER_ACK] = "order_ack",
    [VENUE_TYPE_ORDER] = "order",
    [VENUE_TYPE_EXEC] = "exec",
    [VENUE_TYPE_FILL] = "fill",
    [VENUE_TYPE_BALANCES] = "balances",
    [VENUE_TYPE_BALANCE_DELTA] = "balance_delta",
    [VENUE_TYPE_LOCK] = "lock",
    [VENUE_TYPE_TRADES] = "trades",
    [VENUE_TYPE_TIME] = "time",
    [VENUE_TYPE_LISTEN_KEY] = "listen_key",
    [VENUE_TYPE_RULES] = "rules",
    [VENUE_TYPE_COMMISSION] = "commission",
    [VENUE_TYPE_OPEN_ORDERS] = "open_orders",
};

static const char *const class_words[] = {
    [VENUE_CLASS_NONE] = NULL,
    [VENUE_CLASS_REJECT] = "reject",
    [VENUE_CLASS_DUPLICATE] = "duplicate",
    [VENUE_CLASS_CLOCK] = "clock",
    [VENUE_CLASS_FATAL] = "fatal",
    [VENUE_CLASS_RATE] = "rate",
    [VENUE_CLASS_BAN] = "ban",
    [VENUE_CLASS_UNKNOWN] = "unknown",
    [VENUE_CLASS_RETRY] = "retry",
    [VENUE_CLASS_NOT_FOUND] = "not_found",
    [VENUE_CLASS_HALT] = "halt",
};

static const char *const state_words[] = {
    [0] = NULL,
    [ABI_ORDER_CREATED] = "created",
    [ABI_ORDER_SENT] = "sent",
    [ABI_ORDER_ACKED] = "acked",
    [ABI_ORDER_PARTIAL] = "partial",
    [ABI_ORDER_FILLED] = "filled",
    [ABI_ORDER_CANCELED] = "canceled",
    [ABI_ORDER_EXPIRED] = "expired",
    [ABI_ORDER_REJECTED] = "rejected",
    [ABI_ORDER_UNKNOWN] = "unknown",
    [ABI_ORDER_NEVER_ACCEPTED] = "never_accepted",
};

_Static_assert(sizeof type_words / sizeof type_words[0] == VENUE_TYPE_OPEN_ORDERS + 1, "a word for every type");
_Static_assert(sizeof class_words / sizeof class_words[0] == VENUE_CLASS_HALT + 1, "a word for every class");
_Static_assert(sizeof state_words / sizeof state_words[0] == ABI_ORDER_NEVER_ACCEPTED + 1,
               "a word for every state");

/* Members are separated by commas; `empty` tells whether one was written in the innermost object. */
struct print {
    FILE *file;
    bool empty;
};

static void print_quoted(struct print *print, const char *data, size_t size) {
    const uint8_t *at = (const uint8_t *)data, *end = at + size;
    fputc('"', print->file);
    while (at < end) {
        size_t sequence = *at < 0x80 ? 1 : utf8_sequence(at, end);
        if (*at == '"' || *at == '\\') {
            fprintf(print->file, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            fprintf(print->file, "\\u%04x", *at);
        } else if (sequence == 0) {
            fputs("\\ufffd", print->file);
            sequence = 1;
        } else {
            fwrite(at, 1, sequence, print->file);
        }
        at += sequence;
    }
    fputc('"', print->file);
}

static void print_name(struct print *print, const char *name) {
    fprintf(print->file, "%s\"%s\":", print->empty ? "" : ",", name);
    print->empty = false;
}

static void print_word(struct print *print, const char *name, const char *word) {
    if (!word) return;
    print_name(print, name);
    print_quoted(print, word, strlen(word));
}

static void print_text(struct print *print, const char *name, struct venue_text text) {
    if (!text.data) return;
    print_name(print, name);
    print_quoted(print, text.data, text.size);
}

static void print_bool(struct print *print, const char *name, bool value) {
    print_name(print, name);
    fputs(value ? "true" : "false", print->file);
}

/* Unix time in ns; 0: the message has none. */
static void print_time(struct print *print, const char *name, int64_t time_ns) {
    if (time_ns == 0) return;
    print_name(print, name);
    fprintf(print->file, "%" PRId64, time_ns);
}

/* With the decimals that the venue wrote. */
static void print_decimal(struct print *print, const char *name, struct decimal value) {
    char digits[24];
    uint64_t magnitude = value.mantissa < 0 ? 0 - (uint64_t)value.mantissa : (uint64_t)value.mantissa;
    int count =
        snprintf(digits, sizeof digits, "%0*" PRIu64, value.exponent < 0 ? 1 - value.exponent : 1, magnitude);
    print_name(print, name);
    fprintf(print->file, "\"%s", value.mantissa < 0 ? "-" : "");
    if (value.exponent < 0) {
        int whole = count + value.exponent;
        fprintf(print->file, "%.*s.%s\"", whole, digits, digits + whole);
        return;
    }
    fputs(digits, print->file);
    for (int32_t zero = 0; zero < value.exponent && value.mantissa != 0; zero++)
        fputc('0', print->file);
    fputc('"', print->file);
}

static void print_flags(struct print *print, uint32_t flags) {
    static const char *const words[] = {"no_bid", "no_ask", "locked", "crossed"};
    bool first = true;
    print_name(print, "flags");
    fputc('[', print->file);
    for (uint32_t bit = 0; bit < 4; bit++) {
        if (!(flags & (1u << bit))) continue;
        fprintf(print->file, "%s\"%s\"", first ? "" : ",", words[bit]);
        first = false;
    }
    fputc(']', print->file);
}

static void print_quote(struct print *print, const char *kind, const struct venue_message *message) {
    if (!(message->flags & VENUE_NO_BID)) {
        print_decimal(print, "bid_px", message->bid_price);
        print_decimal(print, "bid_qty", message->bid_qty);
    }
    if (!(message->flags & VENUE_NO_ASK)) {
        print_decimal(print, "ask_px", message->ask_price);
        print_decimal(print, "ask_qty", message->ask_qty);
    }
    print_flags(print, message->flags);
    if (message->seq == 0) return;
    bool named = strcmp(kind, "mexc") == 0; /* a text on the wire there */
    print_name(print, named ? "version" : "update_id");
    fprintf(print->file, named ? "\"%" PRIu64 "\"" : "%" PRIu64, message->seq);
}

/* Subscriptions named in an acknowledgement: how many, and of refused ones the symbols. */
static void print_subscriptions(struct print *print, const struct venue_message *message) {
    print_name(print, "ok");
    fputs(message->ok == 2 ? "\"partial\"" : message->ok ? "true" : "false", print->file);
    if (!message->text.data || message->text.size == 0 || message->code != 0) return;
    const char *at = message->text.data, *end = at + message->text.size;
    uint32_t count = 0;
    if (message->ok != 1) {
        print_name(print, "failed");
        fputc('[', print->file);
    }
    while (at <= end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        const char *mark = memrchr(at, '@', (size_t)(stop - at));
        const char *symbol = mark ? mark + 1 : at;
        if (message->ok != 1) {
            if (count > 0) fputc(',', print->file);
            print_quoted(print, symbol, (size_t)(stop - symbol));
        }
        count++;
        at = stop + 1;
    }
    if (message->ok != 1) fputc(']', print->file);
    print_name(print, "n");
    fprintf(print->file, "%u", count);
}

static void print_side(struct print *print, uint32_t side) {
    print_word(print, "side", side == ABI_SIDE_BUY ? "buy" : side == ABI_SIDE_SELL ? "sell" : NULL);
}

static void print_fills(struct print *print, const struct venue_message *message) {
    print_name(print, message->type == VENUE_TYPE_OPEN_ORDERS ? "orders" : "fills");
    fputc('[', print->file);
    for (uint32_t index = 0; index < message->fill_count; index++) {
        const struct venue_fill *fill = &message->fill[index];
        fputs(index > 0 ? ",{" : "{", print->file);
        print->empty = true;
        print_decimal(print, "price", fill->price);
        print_decimal(print, "qty", fill->qty);
        if (message->type != VENUE_TYPE_OPEN_ORDERS) {
            print_decimal(print, "fee", fill->fee);
            print_text(print, "fee_asset", fill->fee_asset);
            print_bool(print, "maker", fill->maker);
        }
        print_text(print, "trade_id", fill->trade_id);
        print_text(print, "order_id", fill->order_id);
        print_text(print, "client_id", fill->client_id);
        print_text(print, "symbol", fill->symbol);
        print_side(print, fill->side);
        print_time(print, "time_ns", fill->time_ns);
        fputc('}', print->file);
    }
    fputc(']', print->file);
    print->empty = false;
}

static void print_balances(struct print *print, const struct venue_message *message) {
    print_name(print, "balances");
    fputc('[', print->file);
    for (uint32_t index = 0; index < message->balance_count; index++) {
        const struct venue_balance *balance = &message->balance[index];
        fputs(index > 0 ? ",{" : "{", print->file);
        print->empty = true;
        print_text(print, "asset", balance->asset);
        print_decimal(print, "free", balance->free);
        print_decimal(print, "locked", balance->locked);
        fputc('}', print->file);
    }
    fputc(']', print->file);
    print->empty = false;
}

static void print_order(struct print *print, const struct venue_message *message) {
    bool states = message->type == VENUE_TYPE_ORDER || message->type == VENUE_TYPE_EXEC;
    print_text(print, "client_id", message->client_id);
    print_text(print, "order_id", message->order_id);
    print_text(print, "exec_type", message->exec_type);
    print_text(print, "status", message->status);
    print_word(print, "state", state_words[message->state]);
    print_side(print, message->side);
    if (message->price.mantissa != 0) print_decimal(print, "price", message->price);
    if (message->qty.mantissa != 0) print_decimal(print, "qty", message->qty);
    if (message->avg_price.mantissa != 0) print_decimal(print, "avg_px", message->avg_price);
    if (message->has_cum) {
        print_decimal(print, "cum_qty", message->cum_qty);
        print_decimal(print, "cum_quote", message->cum_quote);
    }
    if (states || message->type == VENUE_TYPE_ORDER_ACK) print_bool(print, "terminal", message->terminal);
    if (message->type == VENUE_TYPE_ORDER || message->type == VENUE_TYPE_TRADES) {
        print_bool(print, "fills_complete", message->fills_complete);
    }
    bool rows = message->type == VENUE_TYPE_TRADES || message->type == VENUE_TYPE_OPEN_ORDERS;
    if (message->fill_count > 0 || rows || message->type == VENUE_TYPE_ORDER) print_fills(print, message);
}

static void print_message(struct print *print, const char *kind, const struct venue_message *message) {
    bool has_code =
        message->verdict == VENUE_ERROR || message->type == VENUE_TYPE_CONTROL_ERROR || message->code != 0;
    print_word(print, "verdict", verdict_words[message->verdict]);
    print_word(print, "type", type_words[message->type]);
    print_word(print, "why", message->why);
    if (has_code) {
        print_name(print, "code");
        fprintf(print->file, "%" PRId32, message->code);
    }
    print_word(print, "class", class_words[message->error_class]);
    print_text(print, "request_id", message->request_id);
    print_text(print, "symbol", message->symbol);
    if (message->type == VENUE_TYPE_BBO) print_quote(print, kind, message);
    if (message->type == VENUE_TYPE_SUB_ACK) print_subscriptions(print, message);
    if (message->type == VENUE_TYPE_LOGON || message->type == VENUE_TYPE_USER_SUB ||
        message->type == VENUE_TYPE_LIST) {
        print_bool(print, "ok", message->ok != 0);
    }
    print_order(print, message);
    if (message->balance_count > 0 || message->type == VENUE_TYPE_BALANCES) print_balances(print, message);
    print_text(print, "text", message->text);
    print_time(print, "event_ns", message->event_ns);
    print_time(print, "create_ns", message->create_ns);
    print_time(print, "order_create_ns", message->order_create_ns);
    print_time(print, "retry_after_ns", message->retry_after_ns);
}

int venue_decode_print(const struct venue_ops *ops, const uint8_t *data, size_t size, void *file_out) {
    static struct venue_message message; /* too large for a stack; the tool has one thread */
    struct print print = {file_out, true};
    venue_decode_any(ops, data, size, &message);
    fputc('{', print.file);
    print_message(&print, ops->kind, &message);
    fputs("}\n", print.file);
    return message.verdict == VENUE_REJECT ? 1 : 0;
}
