#pragma once
/* The courier thread: connections and questions to the venues. May wait for a slow venue; nothing waits for it.
 *
 * Connections are opened by a few helper threads (connector.c), so that one venue's delay is not the other's; whatever
 * they bring back is handed to the hot thread here. */
#include <pthread.h>
#include <semaphore.h>

#include "../net/tcp.h"
#include "engine.h"

#define COURIER_TURN_NS          10000000
#define COURIER_CONNECT_NS       2000000000
#define COURIER_ASK_NS           2000000000
#define COURIER_BACKOFF_LEAST_NS 250000000
#define COURIER_BACKOFF_MOST_NS  30000000000
#define COURIER_LIVED_NS         30000000000 /* a connection that lived so long is opened again at once */
#define COURIER_ALONE_NS         60000000000 /* "too many" without a time */
#define COURIER_ALONE_MOST_S     604800
#define COURIER_ACCOUNT_NS       30000000000
#define COURIER_CLOCK_NS         30000000000
#define COURIER_CLOCK_SAMPLES    8
#define COURIER_QUESTIONS        128
#define COURIER_BALANCES_AT_ONCE 256 /* told before the hot thread is waited for; a part of ENGINE_TO_HOT_ITEMS */
/* Not found for this long, no trade, receive window over: never accepted. */
#define COURIER_GIVE_UP_NS       30000000000
#define COURIER_SETTLE_NS        3000000000 /* at start: for open pairs to settle once all venues are up */
#define COURIER_BUFFER_SIZE      (1u << 20)
#define COURIER_CONNECTORS       8 /* connections being opened at once */
#define COURIER_VENUE_OPENING    4 /* of them of one venue, so that one that hangs leaves room for the others */
#define COURIER_SUCCESSORS       4 /* replacements under way at once */
#define COURIER_SUCCESSOR_NS     60000000000  /* by then the hot thread has said what became of one */
#define COURIER_TARGET_SIZE      12288        /* of an upgrade: 128 streams of a name each */
#define COURIER_BUDGET_PERIOD    300000000000 /* ns of connections_per_5min_max */

/* What a place (venue, role, slot) has. LINK_UP with `successor` set: a second connection is being opened, or has been
 * handed over and does not hold the place yet. */
enum link_state { LINK_DOWN = 0, LINK_OPENING = 1, LINK_UP = 2 };

struct link {
    bool used;
    enum link_state state;
    bool replace_due; /* the venue will close it, or its key ends */
    enum { SUCCESSOR_NONE = 0, SUCCESSOR_OPENING = 1, SUCCESSOR_GIVEN = 2 } successor;
    int64_t next_try_ns;
    int64_t backoff_ns;
    int64_t up_since_ns;
    int64_t successor_since_ns;
    int64_t replace_ns; /* when it is old */
};

/* Opens one connection at a time on a thread of its own. The courier writes the job and reads the result; `working`
 * says whose turn it is. */
struct connector {
    pthread_t thread;
    sem_t start;
    _Atomic bool working;
    _Atomic bool quit;
    /* job */
    bool busy; /* courier: between the job and the end of its result */
    uint32_t venue, role, slot;
    bool successor;
    bool websocket;
    int64_t began_ns;
    const struct url *url;
    char target[COURIER_TARGET_SIZE];
    /* result */
    int code; /* 0: link is open */
    struct tcp_link link;
    struct ws_handshake answer;
    struct error_trail trail;
    struct tcp_rest rest;
    uint8_t rest_bytes[ENGINE_REST_SIZE];
    uint64_t ticket; /* the rest bytes are the hot thread's until it is applied; 0: they are not */
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
    struct link link[ENGINE_ROLES][ENGINE_SLOTS];
    uint32_t link_count[ENGINE_ROLES];
    /* A refused attempt speaks for all connections of its role. */
    int64_t door_next_ns[ENGINE_ROLES];
    int64_t door_backoff_ns[ENGINE_ROLES];
    int64_t door_failed_ns[ENGINE_ROLES];
    int64_t alone_until_ns; /* the venue wants no word of us before */
    int64_t budget_ns;      /* attempts to connect, as time: one costs period / attempts allowed */
    int64_t budget_told_ns;
    struct tcp_link rest;
    char listen_key[160];
    char listen_key_old[160]; /* replaced, to be closed */
    int64_t listen_key_next_ns;
    int64_t listen_key_close_ns;
    uint32_t listen_key_failures;
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
    struct connector *connector; /* COURIER_CONNECTORS */
    uint32_t connector_count;    /* started */
    struct venue_message message;
    uint8_t buffer[COURIER_BUFFER_SIZE];
    char request[4096];
};

/* ---- connector.c ---- */
int connectors_start(struct courier *courier);
void connectors_stop(struct courier *courier); /* waits for what is under way: at most COURIER_CONNECT_NS */
/* A connector that can take a job of this venue now, or NULL. */
struct connector *connector_free(struct courier *courier, uint32_t venue);
void connector_go(struct connector *connector);

/* ---- links.c: when connections are opened, replaced and left alone ---- */
void links_init(struct courier *courier, uint32_t venue);
/* Hands over what was opened and opens what is due. */
void links_tend(struct courier *courier);
void links_told(struct courier *courier, const struct to_courier *message); /* by the hot thread */
bool links_feed_up(const struct courier *courier, uint32_t venue);          /* any connection of the feed */
/* No connection, no question until then; the hot thread and the page are told why. status: of HTTP. */
void links_leave_alone(struct courier *courier, uint32_t venue, int status, int retry_after_s);
bool links_alone(const struct courier *courier, uint32_t venue);
/* Opens a successor of the private stream, with a new key. */
void links_renew_user(struct courier *courier, uint32_t venue);

/* ---- listen_key.c ---- */
/* Makes desk->listen_key the key for the next connection: the one there is, unless it is worn out or `keep` is false.
 * 0 or a negative code. */
int listen_key_get(struct courier *courier, uint32_t venue, bool keep);
/* Prolongs it when that is due; a refusal, or two failures, lead to a new key and a new private stream. */
void listen_key_tend(struct courier *courier, uint32_t venue);

/* ---- ask.c ---- */
/* One question to a venue's REST; courier->message holds the answer. 0, or a negative code: no usable answer. */
int courier_ask(struct courier *courier, uint32_t venue, struct venue_query_request *request);
void courier_clock(struct courier *courier, uint32_t venue);
void courier_account(struct courier *courier, uint32_t venue);
/* 0; ERROR_FULL: not told; ERROR_TIMEOUT: told, and not yet taken. */
int courier_tell_input(struct courier *courier, enum journal_type type, const void *payload, size_t size);
void courier_tell_alarm(struct courier *courier, enum abi_alarm_severity severity, const char *code,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* 50 % .. 150 % of it. */
int64_t courier_jittered(struct courier *courier, int64_t ns);

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
