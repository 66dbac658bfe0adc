#pragma once
/* One exchange a file: bytes in, events out; orders in, bytes out. A venue module knows one exchange's wire format and
 * nothing else: no socket, no clock, no ledger, no state that outlives a call. It never guesses: a message is
 * understood whole or refused whole.
 *
 *   feed   market data connection (WebSocket)
 *   orders order path: Binance WS-API (requests, answers and user data on one connection); MEXC REST
 *   user   private stream where it is a connection of its own (MEXC)
 *   query  REST on the control thread: order status, trades, balances, clock, listen key
 *
 * Numbers come out as struct decimal; texts point into the message. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../base/decimal.h"
#include "keys.h"
#include "order_template.h"

#define VENUE_FILLS_MAX        128 /* more than the 100 own trades or open orders asked for in one query */
#define VENUE_QUERY_ROWS_MAX   100
#define VENUE_BALANCES_MAX     2048 /* with something on them: as many assets as an engine has */
#define VENUE_SYMBOL_SIZE_MAX  31
#define VENUE_MESSAGE_SIZE_MAX (1u << 20)
#define VENUE_FEED_SYMBOLS_MAX 128 /* of any venue's feed_symbols_max */
#define VENUE_SLACK_SIZE       64  /* bytes behind a feed message that decode_quote may read, whatever they hold */

struct venue_text {
    const char *data; /* not NUL-terminated; NULL: absent */
    uint32_t size;
};

static inline struct venue_text venue_text_of(const char *text) {
    return (struct venue_text){text, (uint32_t)strlen(text)};
}

enum venue_verdict {
    VENUE_ACCEPT = 1,  /* see type */
    VENUE_CONTROL = 2, /* connection business, or a message that is none of ours (type IGNORE) */
    VENUE_ERROR = 3,   /* the venue says no: code, error_class */
    VENUE_UNKNOWN = 4, /* understood as to form, meaning unknown (new enum value): reconcile */
    VENUE_REJECT = 5,  /* malformed: `why` says what and where */
};

enum venue_type {
    VENUE_TYPE_NONE = 0,
    VENUE_TYPE_BBO,             /* quote */
    VENUE_TYPE_IGNORE,          /* CONTROL */
    VENUE_TYPE_SUB_ACK,         /* CONTROL: ok = 1 all, 0 none, 2 partly (text = the failed ones) */
    VENUE_TYPE_PONG,            /* CONTROL */
    VENUE_TYPE_SHUTDOWN,        /* CONTROL: venue will close: open a replacement now */
    VENUE_TYPE_LOGON,           /* CONTROL */
    VENUE_TYPE_USER_SUB,        /* CONTROL: user data subscribed */
    VENUE_TYPE_USER_TERMINATED, /* CONTROL: resubscribe and reconcile */
    VENUE_TYPE_CONTROL_ERROR,   /* CONTROL: error about a control request (subscription ...): code, text */
    VENUE_TYPE_LIST,            /* CONTROL: list of subscriptions */
    VENUE_TYPE_ORDER_ACK,       /* accepted, outcome not said */
    VENUE_TYPE_ORDER,           /* state of an order, with its fills where `fills_complete` */
    VENUE_TYPE_EXEC,            /* user data: one execution report; fill_count 0 or 1 */
    VENUE_TYPE_FILL,            /* user data: one trade of ours */
    VENUE_TYPE_BALANCES,        /* absolute, of the assets listed */
    VENUE_TYPE_BALANCE_DELTA,   /* a deposit, withdrawal or transfer: balance[0].free is the difference */
    VENUE_TYPE_LOCK,
    VENUE_TYPE_TRADES,     /* answer to a query of own trades: fill[]; fills_complete: there are no more rows */
    VENUE_TYPE_TIME,       /* server clock: event_ns */
    VENUE_TYPE_LISTEN_KEY, /* text */
    VENUE_TYPE_RULES,      /* exchangeInfo: see venue_rules */
    VENUE_TYPE_COMMISSION,
    VENUE_TYPE_OPEN_ORDERS, /* one fill[] an order: its ids, symbol, side, limit price, whole quantity, time */
};

/* What an error proves about the order it answers. Only REJECT, CLOCK, FATAL, RATE, BAN, RETRY and HALT prove that it
 * was not accepted; DUPLICATE, UNKNOWN and NOT_FOUND prove nothing. */
enum venue_error_class {
    VENUE_CLASS_NONE = 0,
    VENUE_CLASS_REJECT,
    VENUE_CLASS_DUPLICATE,
    VENUE_CLASS_CLOCK,
    VENUE_CLASS_FATAL,
    VENUE_CLASS_RATE,
    VENUE_CLASS_BAN,
    VENUE_CLASS_UNKNOWN,
    VENUE_CLASS_RETRY,
    VENUE_CLASS_NOT_FOUND,
    VENUE_CLASS_HALT,
};

enum venue_quote_flag { VENUE_NO_BID = 1, VENUE_NO_ASK = 2, VENUE_LOCKED = 4, VENUE_CROSSED = 8 };

struct venue_fill {
    struct decimal price;
    struct decimal qty;
    struct decimal fee;
    struct venue_text fee_asset;
    struct venue_text trade_id;
    struct venue_text order_id;  /* TRADES only */
    struct venue_text client_id; /* TRADES only; may be absent */
    struct venue_text symbol;    /* TRADES only */
    int64_t time_ns;
    uint32_t side; /* enum abi_side; 0: not said */
    bool maker;
};

struct venue_balance {
    struct venue_text asset;
    struct decimal free;
    struct decimal locked;
};

struct venue_message {
    enum venue_verdict verdict;
    enum venue_type type;
    enum venue_error_class error_class;
    int32_t code;
    uint32_t ok;
    const char *why; /* REJECT: static text */

    struct venue_text symbol;
    struct decimal bid_price, bid_qty, ask_price, ask_qty; /* BBO; mantissa 0 on a side that is not there */
    uint32_t flags;                                        /* enum venue_quote_flag */
    uint64_t seq;                                          /* BBO: ordering key; 0: none */
    int64_t event_ns;                                      /* venue time, Unix epoch; 0: none */
    int64_t create_ns, order_create_ns; /* when the message, and the order, were created; 0: not said */

    struct venue_text request_id; /* of the request this answers; data NULL: none (or JSON null) */
    struct venue_text client_id;  /* of our order: on a cancel report the original one */
    struct venue_text order_id;
    struct venue_text status;    /* the venue's word */
    struct venue_text text;      /* reason, message, list, listen key */
    struct venue_text exec_type; /* EXEC: the venue's word for what happened */
    uint32_t state;              /* enum abi_order_state; 0: not said */
    uint32_t side;
    bool terminal;
    bool fills_complete; /* fill[] holds every fill of the order: their sum is cum_qty (also 0 of 0) */
    bool has_cum;
    struct decimal cum_qty, cum_quote;
    struct decimal price, qty; /* order's own */
    struct decimal avg_price;  /* as the venue computed it; mantissa 0: not said */
    int64_t retry_after_ns;    /* Unix epoch; 0: none */

    uint32_t fill_count;
    uint32_t balance_count;
    struct venue_fill fill[VENUE_FILLS_MAX];
    struct venue_balance balance[VENUE_BALANCES_MAX];
};

/* A message that is a quote and nothing else, as decode_quote gives it: the BBO part of struct venue_message, with both
 * sides there. */
struct venue_quote {
    struct venue_text symbol;
    uint32_t flags; /* enum venue_quote_flag: LOCKED, CROSSED */
    uint64_t seq;
    int64_t event_ns;
    struct decimal bid_price, bid_qty, ask_price, ask_qty;
};

/* Where the bytes come from; the same bytes mean different things on different connections. */
enum venue_source {
    VENUE_SOURCE_FEED = 1,   /* WebSocket message on the market connection */
    VENUE_SOURCE_ORDERS = 2, /* Binance: WS-API message. MEXC: body of the answer to an order request */
    VENUE_SOURCE_USER = 3,   /* private stream message */
    VENUE_SOURCE_QUERY = 4,  /* body of a REST answer; `query` says to which question */
};

enum venue_query {
    VENUE_QUERY_NONE = 0,
    VENUE_QUERY_TIME,
    VENUE_QUERY_ACCOUNT,
    VENUE_QUERY_ORDER,  /* by client id */
    VENUE_QUERY_TRADES, /* own trades of one symbol; by venue order id where given, else by time */
    VENUE_QUERY_OPEN_ORDERS,
    VENUE_QUERY_CANCEL,           /* by client id */
    VENUE_QUERY_LISTEN_KEY_NEW,   /* MEXC */
    VENUE_QUERY_LISTEN_KEY_KEEP,  /* MEXC */
    VENUE_QUERY_LISTEN_KEY_CLOSE, /* MEXC */
    VENUE_QUERY_RULES,
};
#define VENUE_QUERIES (VENUE_QUERY_RULES + 1)

/* What is the same in all orders of a symbol at a venue. */
struct venue_order_form {
    struct venue_text symbol; /* venue's name of the symbol */
    const char *host;         /* HTTP only */
    uint32_t price_digits;
    uint32_t qty_digits;
    uint32_t recv_window_ms;
};

struct venue_query_request {
    enum venue_query query;
    struct venue_text symbol;
    struct venue_text client_id;
    struct venue_text order_id;
    struct venue_text listen_key;
    int64_t since_ns; /* TRADES without an order id: the venue's time, both ends included, whole milliseconds */
    int64_t until_ns;
    int64_t wall_ns;
    uint32_t recv_window_ms;
};

struct venue_ops {
    const char *kind;         /* "binance", "mexc" */
    bool orders_by_websocket; /* order path is a WebSocket (else HTTP requests, one in flight per connection) */
    bool user_on_orders;      /* user data comes on the order connection */
    bool has_listen_key;
    uint32_t feed_symbols_max;           /* symbols that one market data connection takes */
    uint32_t connections_per_5min_max;   /* attempts to connect, per address of ours */
    uint8_t query_weight[VENUE_QUERIES]; /* of the rate limit, where the answer does not say what is used up */

    /* Fills *out completely. Never fails: what cannot be read is verdict REJECT with `why`. http_status: 0 on
     * WebSockets. Bytes beyond data+size are not touched. */
    void (*decode)(enum venue_source source, enum venue_query query, const uint8_t *data, size_t size, bool binary,
                   int http_status, struct venue_message *out);

    /* The short way for feed messages. True: it is, beyond doubt, a quote with both sides; *out is complete and decode
     * would say the same (ACCEPT, BBO). False: not so, *out is undefined; decode knows. VENUE_SLACK_SIZE bytes behind
     * data+size must be readable; they change nothing. */
    bool (*decode_quote)(const uint8_t *data, size_t size, bool binary, struct venue_quote *out);

    /* All encoders write to out (no terminator) and return the length, or ERROR_FULL / ERROR_BAD.
     * HTTP ones write a whole request, head and body, keep-alive, with `host` as Host. */
    int (*feed_path)(const struct venue_text *symbols, uint32_t count, char *out, size_t cap); /* request target */
    int (*feed_subscribe)(const struct venue_text *symbols, uint32_t count, uint64_t id, char *out,
                          size_t cap);         /* 0: none */
    int (*feed_ping)(char *out, size_t cap);   /* client keepalive text; 0: none needed */
    int (*orders_path)(char *out, size_t cap); /* target of the order WebSocket; 0: none */
    int (*user_path)(const struct venue_text *listen_key, char *out, size_t cap); /* 0: none */
    /* Proves with the first message of an order WebSocket who we are: an ED25519 session. 0: no session, each order is
     * signed. Not on the hot thread. */
    int (*orders_logon)(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, const char *id,
                        char *out, size_t cap);
    int (*user_subscribe)(const struct venue_keys *keys, int64_t wall_ns, uint32_t recv_window_ms, uint64_t id,
                          char *out, size_t cap);
    /* Prepares the orders of a symbol: order_template_write then makes each one. 0, ERROR_BAD or ERROR_FULL. The keys
     * must live as long as the template. */
    int (*order_prepare)(const struct venue_keys *keys, const struct venue_order_form *form,
                         struct order_template *out);
    int (*query)(const struct venue_keys *keys, const struct venue_query_request *request, const char *host,
                 char *out, size_t cap);
};

/* NULL: no such kind. */
const struct venue_ops *venue_ops_find(const char *kind);

/* Decodes bytes of unknown origin: finds out by their shape which connection and which question they belong to. */
void venue_decode_any(const struct venue_ops *ops, const uint8_t *data, size_t size, struct venue_message *out);

/* The operator's tool: reads one message as the engine would and prints one JSON object (with a newline) to `out`:
 * verdict, type and every field read, or why it is refused. Returns 0 when it is not refused, 1 when it is. */
int venue_decode_print(const struct venue_ops *ops, const uint8_t *data, size_t size, void *file_out);
