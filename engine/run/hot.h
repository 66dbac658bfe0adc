#pragma once
/* The hot thread: run to completion. One loop: poll sockets -> decode -> core -> journal -> send -> publish.
 * Everything here belongs to it alone; nothing is allocated after hot_create. */
#include "../net/http.h"
#include "../net/uring.h"
#include "../net/wire.h"
#include "../net/ws.h"
#include "../venue/order_frame.h"
#include "engine.h"
#include "stages.h"
#include "symbol_names.h"

/* Of each connection: the longest frame, or answer over HTTP. What venues say to us is below 64 KiB. */
#define HOT_RECEIVE_SIZE      ((256u << 10) + WS_FRAME_OVERHEAD_MAX)
#define HOT_SPARE_CONNECTIONS 16 /* successors of market data connections */
#define HOT_FRAGMENTS         4  /* messages in pieces that may be under way at once */
#define HOT_FRAME_SIZE        4096
#define HOT_JOURNAL_SAMPLE    16       /* every so many appends one is timed */
#define HOT_PUBLISH_NS        2000000  /* latched blocks: at most this often while something changes */
#define HOT_HEARTBEAT_NS      50000000 /* and at least this often */
#define HOT_MARK_NS           1000000000
#define HOT_PING_NS           15000000000
#define HOT_PONG_NS           10000000000 /* no frame of any kind for so long after a ping: the connection is dead */
#define HOT_WARM_NS           20000000000 /* an HTTP connection idle for so long is used once, so that it stays open */
#define HOT_SUBSCRIBE_NS      10000000000 /* a subscription refused, or not confirmed for so long: start over */
#define HOT_RENUMBER_NS       3000000000  /* older numbers for so long: the venue counts anew, it does not lag */
#define HOT_RETIRE_NS         5000000000  /* a replaced connection is still read for so long: answers come on it */
#define HOT_HOLD_NS           1000000000  /* after "too many" without a time; with one, at most: */
#define HOT_HOLD_MOST_NS      60000000000
/* Core calls nest: an order's SENT report comes inside the actions of the decision that made it. */
#define HOT_DEPTH             6
#define HOT_JOURNAL_RESERVE   2048u /* records kept free for what must still be written when the disk is slow */

/* A place (venue, role, slot) is held by one connection. To replace it, a second one is opened and subscribed while
 * the first goes on; once the second delivers it holds the place:
 *
 *   SUCCESSOR --delivers, or the holder is lost--> HOLDER --replaced--> RETIRING --read a while longer--> closed */
#define HOT_WARMING UINT64_MAX /* the answer awaited is to a request that only keeps the connection open */

enum hot_duty { HOT_HOLDER = 0, HOT_SUCCESSOR = 1, HOT_RETIRING = 2 };

/* One live connection; the index is its number in the uring. */
struct hot_connection {
    bool used;
    bool websocket;
    bool subscribed; /* the venue confirmed what we asked for on it; true where there is nothing to ask for */
    enum hot_duty duty;
    uint32_t venue;
    uint32_t role;
    uint32_t slot;          /* 0 .. n-1 of the role's connections */
    uint64_t busy_order_id; /* HTTP: the order whose answer is awaited, or HOT_WARMING; 0: free */
    int64_t busy_since_ns;
    int64_t added_ns;
    int64_t subscribed_ns;
    int64_t retired_ns;
    int64_t frame_ns;  /* last frame of any kind */
    int64_t data_ns;   /* last quote; 0: none yet */
    int64_t behind_ns; /* since then its quotes are older than what is known; 0: they are not */
    int64_t ping_ns;   /* last keepalive we sent */
    bool logged_on;    /* see session.h */
    struct ws_parser ws;
};

struct gateway {
    const struct venue_ops *ops;
    const struct settings_venue *settings;
    const struct venue_keys *keys;
    const struct order_template *form; /* of each symbol's orders */
    char host[96];                     /* Host header of the order path */
    int feed[ENGINE_FEED_MAX];         /* connection numbers of the holders, -1: none */
    int user;
    int orders[ENGINE_HTTP_MAX]; /* WebSocket order path: [0] only */
    uint32_t feed_count;
    uint32_t orders_count;
    uint32_t feed_symbols[ENGINE_FEED_MAX]; /* how many symbols each carries */
    uint8_t feed_slot[ABI_SYMBOL_MAX];      /* which one carries a traded symbol */
    uint32_t refused_count;                 /* symbols whose subscription the venue refused */
    uint32_t refused_on[ENGINE_FEED_MAX];   /* of them by connection */
    bool refused[ABI_SYMBOL_MAX];
    bool off; /* by a person */
    char off_reason[96];
    char connect_error[96]; /* why the last attempt to connect failed; empty once one succeeded */
    char logon_error[96];   /* the venue's words when it refused the logon; empty once it agreed */
    uint32_t capacity_told; /* what the core thinks may leave now */
    int64_t hold_until_ns;  /* the venue said "too many": nothing leaves before */
    int64_t alone_until_ns; /* it said for how long (Retry-After): nothing leaves, nothing is asked */
    char alone_reason[96];
    int64_t clock_offset_ns;
    uint64_t request_id;
    struct abi_venue view;       /* published */
    struct symbol_names symbols; /* those traded here, by the venue's names */
};

struct hot {
    struct engine *engine;
    struct core *core;
    struct uring *ring;
    struct receivers *receivers; /* layout RECEIVERS; else NULL */
    struct wires *wires;         /* the ring's connections, plain or encrypted */
    uint64_t input_seq;
    int64_t now;
    int64_t next_mark_ns;
    int64_t next_publish_ns;
    int64_t next_house_ns;
    int64_t next_clock_ns;
    int64_t stop_deadline_ns; /* 0: running */
    int64_t answer_timeout_ns;
    bool dirty;
    uint64_t book_changed[ABI_VENUE_MAX];     /* bit p: page p is to be published */
    uint64_t balances_changed[ABI_VENUE_MAX]; /* likewise */
    uint32_t publish_venue;                   /* whose pages come first next time */
    bool journal_told_sick;
    bool clock_jumped; /* our time is far ahead of the kernel's: the loop ends */
    bool journal_full; /* a record found no room: nothing may happen any more, the loop ends */
    bool unresolved_changed;
    bool stating;           /* inside an input that states the trading state: no second record of it */
    char last_critical[96]; /* words of the last critical alarm */
    int64_t next_unresolved_ns;
    uint32_t depth;
    uint32_t mask_seed;
    uint64_t alarm_id;
    struct stages stages;
    struct abi_status status;
    struct abi_counters counters; /* hot's own; the core's are added when published */
    struct abi_alarms alarms;
    struct gateway gateway[ABI_VENUE_MAX];
    struct hot_connection connection[URING_CONNECTION_MAX];
    struct core_out out[HOT_DEPTH];
    struct venue_message message;
    struct order_frame frame[2];
    uint8_t sealed[2][HOT_FRAME_SIZE + WS_FRAME_OVERHEAD_MAX + TLS_SEAL_EXTRA];
    char text[HOT_FRAME_SIZE];
    int64_t submitted_ns[ABI_RING_SIZE]; /* by order id: just before its bytes went to the kernel */
    /* Reassembly buffers of WebSocket messages in pieces, lent to a connection from a first piece to the last. */
    uint8_t *fragments[HOT_FRAGMENTS];
    uint32_t fragments_free;
    uint32_t connection_max;                          /* all places, and room to replace some */
    uint64_t sequence[ABI_SYMBOL_MAX][ABI_VENUE_MAX]; /* the venue's number of the newest quote; kept over a loss */
};

struct hot *hot_create(struct engine *engine, struct error_trail *trail);
/* The ring and what belongs to the thread that uses it; called by it. */
int hot_open(struct hot *hot, struct error_trail *trail);
void *hot_main(void *hot); /* thread body */
void hot_destroy(struct hot *hot);
/* What one poll has found, and what the other threads have told. */
void hot_turn(struct hot *hot, const struct uring_event *events, int count);
/* What is due at `now`. True when something was done that took time. */
bool hot_timers(struct hot *hot, int64_t now);

/* ---- apply.c: one input into the core, its outputs into the journal and the world ---- */
/* All take the receive time of the bytes that caused them (0: none) for the latency stages. */
void apply_quote(struct hot *hot, const struct journal_quote *quote, int64_t recv_ns);
void apply_report(struct hot *hot, const struct journal_report *report);
void apply_fill(struct hot *hot, struct journal_fill *fill);
void apply_state(struct hot *hot, const struct journal_state *state);
void apply_balance(struct hot *hot, const struct journal_balance *balance);
void apply_params(struct hot *hot, uint32_t strategy, const struct core_params *params);
void apply_limits(struct hot *hot, const struct core_limits *limits);
void apply_mark(struct hot *hot);
void apply_timer(struct hot *hot);
/* A record that is no input of the core (COMMAND, CONFIG, ALARM, STOP). */
void apply_fact(struct hot *hot, enum journal_type type, const void *payload, size_t size);
void apply_alarm(struct hot *hot, enum abi_alarm_severity severity, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- send.c: orders out ---- */
/* The ORDER records of one decision; both legs leave in one submission. */
void send_orders(struct hot *hot, const struct journal_order *const *orders, uint32_t count, int64_t recv_ns);
/* True when an order may leave on this order connection now: logged on, nothing unsent, and no answer awaited where
 * requests go one by one. */
bool send_is_free(const struct hot *hot, uint32_t connection);
int send_text(struct hot *hot, uint32_t connection, const char *text, size_t size); /* one WebSocket text frame */
int send_control(struct hot *hot, uint32_t connection, enum ws_opcode opcode, const uint8_t *payload, size_t size);

/* ---- gateway*.c: connections of a venue ---- */
/* Returns how many connections the venue may have at once, successors of all but the feed's included. */
uint32_t gateway_init(struct hot *hot, uint32_t venue);
void gateway_add(struct hot *hot, const struct to_hot *message);
void gateway_receive(struct hot *hot, uint32_t connection, int64_t recv_ns);
void gateway_lost(struct hot *hot, uint32_t connection, const char *why);
void gateway_house(struct hot *hot); /* staleness, keepalives, capacity; about every 10 ms */
void gateway_capacity(struct hot *hot, uint32_t venue);
void gateway_state(struct hot *hot, uint32_t venue);
/* Until then (CLOCK_MONOTONIC ns) no order leaves; the venue is STALE for this reason. */
void gateway_leave_alone(struct hot *hot, uint32_t venue, int64_t until_ns, const char *reason);
/* The venue said "too many" and for how long: nobody speaks to it before. status: of HTTP. */
void gateway_retry_after(struct hot *hot, uint32_t venue, int status, int64_t wait_ns);
void gateway_off(struct hot *hot, uint32_t venue, bool off, const struct journal_state *by);

/* ---- order_events.c: what venues say about orders -> reports and fills ---- */
void order_message(struct hot *hot, uint32_t connection, const struct venue_message *message);
void order_lost_connection(struct hot *hot, uint32_t venue, const char *why);
void order_unknown(struct hot *hot, uint64_t order_id, int32_t code, const char *why);

/* ---- publish.c ---- */
void publish_all(struct hot *hot);
void publish_cells(struct hot *hot, const struct core_out *out);
void publish_pnl_sample(struct hot *hot, const struct journal_mark *mark);
