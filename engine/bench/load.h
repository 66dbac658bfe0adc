#pragma once
/* The load generator: exchanges for the benchmark, as many as asked for, in one spinning thread. Each listens on a
 * port of its own and speaks as much of its kind's wire format as the engine needs to trade: market data (Binance
 * JSON, MEXC protobuf), orders (WS-API, HTTP), private streams, accounts. It shares no code with the engine's parts:
 * what the engine sends is read by a second reading of the same documents.
 *
 *   stdin (one command a line) --> venue_load --> stdout (one JSON object a line)
 *
 * A price is in hundredths of USDT, a quantity in thousandths, money in 1e-8. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/ssl.h>

#include "quote_text.h"
#include "samples.h"
#include "tsc.h"

#define LOAD_VENUE_MAX      8
#define LOAD_SYMBOL_MAX     1024
#define LOAD_CONNECTION_MAX 512
#define LOAD_IN_SIZE        (64u << 10)
#define LOAD_OUT_SIZE       (64u << 10)
#define LOAD_ORDERS_MAX     16
#define LOAD_TAKER_PPM      1000
#define LOAD_USDT_E8        (INT64_C(1000000) * 100000000)
#define LOAD_BASE_E8        (INT64_C(5000) * 100000000)

enum load_kind { LOAD_BINANCE = 0, LOAD_MEXC = 1 };
enum load_role { LOAD_NEW = 0, LOAD_HTTP, LOAD_FEED, LOAD_ORDERS, LOAD_USER };

struct load_connection {
    bool used;
    int fd;
    uint32_t venue;
    enum load_role role;
    bool subscribed_in_envelope; /* Binance: user events come inside {"subscriptionId":..,"event":..} */
    uint64_t pings, pongs;
    SSL *tls; /* NULL: plain */
    size_t in_size;
    uint8_t in[LOAD_IN_SIZE]; /* plain bytes not yet understood */
};

struct load_touch {
    int64_t bid, ask;
};

struct load_venue {
    enum load_kind kind;
    uint16_t port;
    int listen_fd;
    struct load_connection *orders;                /* where the last order came in; NULL: none yet */
    struct load_connection *user;                  /* MEXC's private stream, or Binance's order connection */
    struct load_connection *feed[LOAD_SYMBOL_MAX]; /* by symbol */
    struct load_touch touch[LOAD_SYMBOL_MAX];
    int64_t usdt_e8;
    int64_t base_e8[LOAD_SYMBOL_MAX];
};

struct load_order {
    struct load_connection *connection;
    uint32_t venue;
    uint32_t symbol;
    bool buy;
    int64_t price;
    int64_t qty;
    char client_id[40];
    char request_id[48]; /* Binance: with its quotation marks */
};

struct load {
    uint32_t venue_count;
    uint32_t symbol_count;
    SSL_CTX *tls;
    int epoll_fd;
    int engine_cpu;
    uint64_t seq;
    uint64_t order_id;
    uint64_t refresh_next;
    int64_t refresh_ns;
    uint64_t requests; /* of REST */
    uint64_t orders_taken;
    uint64_t orders_wrong; /* a price that does not reach the touch, or a signature that is not right */
    uint64_t signatures;   /* checked, and right */
    uint32_t signatures_due;
    char key_secret[LOAD_VENUE_MAX][64];
    bool hold_orders; /* a phase answers them itself, once stamped */
    uint32_t order_count;
    struct load_order order[LOAD_ORDERS_MAX];
    double ticks_per_ns;
    struct load_venue venue[LOAD_VENUE_MAX];
    struct load_connection connection[LOAD_CONNECTION_MAX];
};

/* ---- load_connection.c ---- */
int load_listen(struct load *load);
/* Waits up to timeout_ms for anything, takes it in and answers it. Returns how many sockets had something. */
int load_serve(struct load *load, int timeout_ms);
/* What one connection has to say, without waiting: 1 bytes came, 0 none, -1 closed. Nothing is understood yet. */
int load_receive(struct load *load, struct load_connection *connection);
void load_close(struct load *load, struct load_connection *connection);
/* Bytes as they go out: the same, or sealed into TLS records (at most LOAD_OUT_SIZE, in a buffer of the caller). */
size_t load_seal(struct load_connection *connection, const void *data, size_t size, uint8_t out[LOAD_OUT_SIZE]);
/* Hands sealed bytes to the kernel, all of them, waiting where it does not take them. */
void load_push(struct load_connection *connection, const uint8_t *data, size_t size);
void load_send(struct load_connection *connection, const void *data, size_t size);
void load_send_frame(struct load_connection *connection, uint8_t first_byte, const void *payload, size_t size);

/* ---- load_http.c: heads of requests, upgrades, REST ---- */
/* Understands what is in the connection's buffer. */
void load_process(struct load *load, struct load_connection *connection);
/* Text of "name":"value" in JSON, or name=value in a query; NULL: not there. */
const char *load_json_text(const char *text, size_t size, const char *name, size_t *value_size);
const char *load_query_text(const char *text, size_t size, const char *name, size_t *value_size);

/* ---- load_websocket.c ---- */
void load_upgrade(struct load *load, struct load_connection *connection, const char *head, size_t size);
/* One client frame from the front of the buffer; false: not whole yet. */
bool load_frame(struct load *load, struct load_connection *connection);

/* ---- load_orders.c ---- */
void load_order_in(struct load *load, struct load_connection *connection, const char *text, size_t size, bool json);
/* Fills an order at the touch and says so in the venue's words. */
void load_answer(struct load *load, const struct load_order *order);
void load_answer_all(struct load *load);

/* ---- load_feed.c ---- */
int64_t load_mid(uint32_t symbol);
/* Frame of a quote of this venue's kind; the touch is what it says from now on. */
size_t load_quote(struct load *load, uint32_t venue, uint32_t symbol, struct load_touch touch, uint8_t *out);
void load_neutral(struct load *load, uint32_t venue, uint32_t symbol);
/* Sends the quotes of a share of all books; all of them about once a second. */
void load_refresh(struct load *load);
/* Every symbol has a feed connection at every venue. */
bool load_is_subscribed(const struct load *load);

/* ---- phases: each prints its figures as members of a JSON object ---- */
struct trade_plan {
    uint32_t count;
    uint32_t warm_up;
    uint32_t interval_us;
    uint32_t background_per_s;
    uint32_t limit_ms; /* ends then, with what it has; 0: does not */
    uint32_t legs;     /* orders that answer a tick: 2; a peer that is compared: 1 */
};
int load_trade(struct load *load, const struct trade_plan *plan, FILE *out);            /* load_trade.c */
int load_blast(struct load *load, uint32_t seconds_tenths, uint32_t frames, FILE *out); /* load_blast.c */
int load_echo(struct load *load, uint32_t count, uint32_t pause_us, uint32_t limit_ms, FILE *out); /* load_echo.c */
