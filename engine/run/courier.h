#pragma once
/* The courier thread: connections and questions to the venues. May wait for a slow venue; nothing waits for it. */
#include "../net/tcp.h"
#include "engine.h"

#define COURIER_TURN_NS          10000000
#define COURIER_CONNECT_NS       2000000000
#define COURIER_ASK_NS           2000000000
#define COURIER_BACKOFF_LEAST_NS 250000000
#define COURIER_BACKOFF_MOST_NS  30000000000
#define COURIER_ACCOUNT_NS       30000000000
#define COURIER_CLOCK_NS         30000000000
#define COURIER_LISTEN_KEY_NS    1500000000000 /* 25 minutes of the 60 it lives */
#define COURIER_CLOCK_SAMPLES    8
#define COURIER_QUESTIONS        128
#define COURIER_BALANCES_AT_ONCE 256 /* told before the hot thread is waited for; a part of ENGINE_TO_HOT_ITEMS */
/* Not found for this long, no trade, receive window over: never accepted. */
#define COURIER_GIVE_UP_NS       30000000000
#define COURIER_SETTLE_NS        3000000000 /* at start: for open pairs to settle once all venues are up */
#define COURIER_BUFFER_SIZE      (1u << 20)

struct link {
    bool used;
    bool up;
    uint32_t slot;
    int64_t next_try_ns;
    int64_t backoff_ns;
    int64_t up_since_ns;
};

struct clock_sample {
    int64_t offset_ns;
    int64_t rtt_ns;
};

struct desk { /* one venue as the courier sees it */
    const struct venue_ops *ops;
    const struct settings_venue *settings;
    const struct venue_keys *keys;
    struct url feed_url, orders_url, user_url, rest_url;
    struct link link[ENGINE_ROLES][ENGINE_HTTP_MAX];
    struct tcp_link rest;
    char listen_key[160];
    int64_t listen_key_next_ns;
    int64_t account_next_ns;
    int64_t clock_next_ns;
    bool account_known;
    uint32_t clock_count;
    struct clock_sample clock[COURIER_CLOCK_SAMPLES];
    int64_t clock_offset_ns;
    int64_t minute_ns;
    int64_t weight_used;
};

struct question { /* an order whose outcome must be learned */
    bool used;
    struct to_courier order;
    int64_t asked_first_ns;
    int64_t not_found_since_ns; /* 0: not (yet) not found */
    int64_t next_ns;
    int64_t last_wanted_ns;
    uint32_t tries;
};

struct courier {
    struct engine *engine;
    struct desk desk[ABI_VENUE_MAX];
    struct question question[COURIER_QUESTIONS];
    uint32_t question_next; /* who is asked about next */
    bool ready_told;
    int64_t ready_since_ns; /* all venues up and known; 0: not yet */
    uint32_t random;
    struct venue_message message;
    uint8_t buffer[COURIER_BUFFER_SIZE];
    char request[4096];
};

/* ---- ask.c ---- */
/* One question to a venue's REST; courier->message holds the answer. 0, or a negative code: no usable answer. */
int courier_ask(struct courier *courier, uint32_t venue, struct venue_query_request *request);
void courier_clock(struct courier *courier, uint32_t venue);
void courier_account(struct courier *courier, uint32_t venue);
void courier_listen_key_keep(struct courier *courier, uint32_t venue);
int courier_listen_key_new(struct courier *courier, uint32_t venue);
/* 0; ERROR_FULL: not told; ERROR_TIMEOUT: told, and not yet taken. */
int courier_tell_input(struct courier *courier, enum journal_type type, const void *payload, size_t size);

/* ---- own_trades.c ---- */
struct venue_text courier_symbol(const struct courier *courier, const struct to_courier *order);
/* Books every trade of the order that the venue lists; *qty is their sum. Returns how many, or a negative code.
 * venue_order_id: "" where we do not know it: then the trades that carry our client id among all of the time in which
 * the order could have traded (an IOC trades when it is accepted). ERROR_NEED_MORE: more than the venue can list.
 * side 0: as the venue says. */
int courier_own_trades(struct courier *courier, const struct to_courier *order, const char *venue_order_id,
                       uint32_t side, int64_t *qty);

/* ---- resolve.c: at most one question a turn, so that a venue that hangs keeps nothing else waiting ---- */
void courier_wanted(struct courier *courier, const struct to_courier *order);
void courier_resolve(struct courier *courier);
bool courier_has_questions(const struct courier *courier);
