#pragma once
/* The running engine: three threads and what passes between them.
 *
 *   hot      owns every live socket, the core, the journal's order, the shared-memory segment. Decides.
 *   control  (the main thread) serves commands and copies the journal to disk. Never waits for a venue.
 *   courier  opens connections and asks venues (REST): may wait for a slow venue, so it is a thread of its own.
 *
 *   control --to_hot[LANE_CONTROL]--> hot   commands as states, parameters, limits (each with a ticket)
 *   courier --to_hot[LANE_COURIER]--> hot   descriptors, facts learned by asking
 *   hot --to_courier--> courier             lost connections, orders to ask about
 *
 * The rings are SPSC; no side waits for another except a command, which waits (bounded) until hot has applied its
 * ticket. Fields below are marked with the thread that may touch them after the threads have started. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../abi.h"
#include "../base/error.h"
#include "../base/spsc.h"
#include "../core/core.h"
#include "../ctl/command.h"
#include "../ctl/journal_tail.h"
#include "../ctl/settings.h"
#include "../ctl/shm.h"
#include "../journal.h"
#include "../venue/venue.h"

struct uring;
struct tls;
struct tls_trust;

#define ENGINE_HTTP_MAX          16              /* warm order connections of one venue */
#define ENGINE_HEDGE_CONNECTIONS 2               /* of those, left free by arbitrage */
#define ENGINE_FEED_MAX          35              /* market data connections of one venue: 1024 symbols, 30 each */
#define ENGINE_SLOTS             ENGINE_FEED_MAX /* of any role */
#define ENGINE_REST_SIZE         (64u << 10)     /* bytes that may have come behind an upgrade */
#define ENGINE_TO_HOT_ITEMS      1024u
#define ENGINE_TO_COURIER_ITEMS  1024u
#define ENGINE_WEBSOCKET_ORDERS  64      /* requests that may be unanswered on an order WebSocket */
#define ENGINE_LOGON_ID          "logon" /* of the request that begins a session */
#define ENGINE_STOP_REASON       "the engine is stopping"

enum engine_lane { LANE_CONTROL = 0, LANE_COURIER = 1, ENGINE_LANES = 2 };
enum engine_role { ENGINE_FEED = 0, ENGINE_ORDERS = 1, ENGINE_USER = 2, ENGINE_ROLES = 3 };

enum to_hot_kind {
    TO_HOT_CONNECTION = 1, /* venue, role, slot, fd, tls, rest: the courier's until the ticket is applied */
    TO_HOT_INPUT = 2,      /* record: REPORT, FILL, BALANCE, STATE, COMMAND, CONFIG, ALARM */
    TO_HOT_PARAMS = 3,     /* index = strategy */
    TO_HOT_LIMITS = 4,
    TO_HOT_ACK_ALARM = 5, /* number */
    TO_HOT_CLOCK = 6,     /* venue, number = offset ns, number2 = round trip ns */
    TO_HOT_RATE = 7,      /* venue, number = weight used */
    TO_HOT_READY = 8,     /* recovery is over: leave STARTING for the state in record (STATE) */
    TO_HOT_VENUE_OFF = 9, /* venue, number 1 off, 0 on; record: STATE with actor */
    TO_HOT_STOP = 10,     /* no new orders, then leave the loop once nothing is open or time is up */
    TO_HOT_TEXT = 11,     /* text for venue.reason */
    TO_HOT_ALONE = 12,    /* venue, number: nothing leaves before this time (CLOCK_MONOTONIC ns); text: why */
};

struct to_hot {
    uint64_t ticket; /* 0: nobody waits */
    enum to_hot_kind kind;
    uint32_t venue;
    uint32_t role;
    uint32_t slot;
    int fd;
    const uint8_t *rest; /* bytes that came behind the upgrade */
    uint32_t rest_size;
    uint32_t rest_plain_size; /* of them decrypted */
    struct tls *tls;          /* NULL: plain */
    uint32_t index;
    int64_t number;
    int64_t number2;
    union {
        struct journal_record record;
        struct core_params params;
        struct core_limits limits;
        char text[96];
        char logon[448]; /* CONNECTION of an order WebSocket whose venue gives sessions: the signed request */
    };
};

enum to_courier_kind {
    TO_COURIER_LOST = 1,       /* a connection ended and none holds its place: open a new one */
    TO_COURIER_UNRESOLVED = 2, /* ask the venue about this order */
    TO_COURIER_REPLACE = 3,    /* the venue will close this connection: open its successor now */
    TO_COURIER_REPLACED = 4,   /* the successor holds the place */
    TO_COURIER_MISSED = 5,     /* the successor ended before it could; the connection itself is there */
    TO_COURIER_ALONE = 6,      /* the venue wants to be left alone until number (CLOCK_MONOTONIC ns) */
    TO_COURIER_TLS = 7,        /* of a connection that is gone: destroy it */
};

struct to_courier {
    enum to_courier_kind kind;
    uint32_t venue;
    uint32_t role;
    uint32_t slot;
    uint32_t symbol;
    uint32_t leg;
    uint64_t pair_id;
    uint64_t order_id;
    int64_t sent_wall_ns;
    int64_t number;
    struct tls *tls;
    char client_id[32];
    char venue_order_id[40];
};

/* Where the instance keeps its things; absolute paths. */
struct engine_paths {
    char home[256];
    char run_dir[300];
    char state_dir[300];
    char journal_dir[340];
    char run_file[360];
    char socket[360];
    char lock_file[340];
    char kill_file[340];
    char engine_json[340];
    char strategies_json[340];
    char config_dir[300];
};

struct engine {
    struct engine_paths paths;
    struct settings_engine settings;
    struct settings_strategies strategies; /* control */
    struct core_setup setup;
    struct core *core;               /* hot, after start */
    struct core *recovered;          /* at start only: the dead generation's core */
    struct abi_segment *segment;     /* hot writes */
    struct journal_tail *tail;       /* hot appends */
    struct journal_writer *writer;   /* control */
    struct command_server *commands; /* control */
    const struct venue_ops *ops[ABI_VENUE_MAX];
    struct tls_trust *trust[ABI_VENUE_MAX]; /* NULL: all addresses of the venue are plain */
    struct venue_keys keys[ABI_VENUE_MAX];
    struct order_template *form[ABI_VENUE_MAX]; /* by symbol; of those the venue trades */
    struct spsc *to_hot[ENGINE_LANES];
    struct spsc *to_courier;
    _Atomic(struct uring *) ring; /* hot creates; the others only wake it */
    uint64_t generation;
    int64_t wall_offset_ns;
    uint32_t start_state; /* enum abi_state to enter when recovery is over */
    uint32_t strategy_start[ABI_STRATEGY_MAX];
    /* False: the books know nothing of it yet, and what the venue shows opens them. Courier, after start. */
    bool opened[ABI_VENUE_MAX][ABI_ASSET_MAX];
    bool kill_latched;
    uint64_t config_version; /* control: accepted changes of this run */
    int lock_fd;
    int64_t started_ns;

    uint64_t ticket_last[ENGINE_LANES];                /* the lane's thread */
    _Atomic uint64_t ticket_applied[ENGINE_LANES];     /* hot stores, the lane's thread waits */
    _Atomic uint64_t state_version;                    /* hot stores */
    _Atomic uint32_t trading_state;                    /* hot stores */
    _Atomic uint32_t venue_state[ABI_VENUE_MAX];       /* hot stores */
    _Atomic uint32_t strategy_state[ABI_STRATEGY_MAX]; /* hot stores */
    _Atomic uint32_t open_pairs;                       /* hot stores */
    _Atomic bool recovery_done;                        /* hot stores: accounts and open orders are known */
    _Atomic bool stopping;                             /* control stores: courier leaves */
    _Atomic bool hot_done;                             /* hot left its loop */
    _Atomic bool hot_failed;
    _Atomic bool journal_sick; /* control stores: the disk refuses */
    char hot_failure[512];
    struct hot *hot;
};

/* ---- paths.c ---- */
int engine_paths(struct engine_paths *paths, const char *home, const char *config_dir, struct error_trail *trail);
int engine_paths_instance(struct engine_paths *paths, const char *instance, struct error_trail *trail);
int engine_run_file_write(const struct engine *engine, struct error_trail *trail);

/* ---- boot.c: settings -> tables; lock; recovery of the generation before; journal, segment ---- */
int engine_boot(struct engine *engine, const char *home, const char *config_dir, const char *instance,
                struct error_trail *trail);
void engine_shut(struct engine *engine);

/* ---- setup.c ---- */
int engine_setup_from_settings(struct engine *engine, struct error_trail *trail);

/* ---- trust.c: certificates ---- */
int engine_trust(struct engine *engine, struct error_trail *trail);
void engine_trust_forget(struct engine *engine);

/* ---- order_forms.c: keys and forms of orders; after the setup ---- */
int engine_order_forms_make(struct engine *engine, struct error_trail *trail);
void engine_order_forms_free(struct engine *engine);

/* ---- snapshot.c: the records a generation starts with; and the way back from a dead one ---- */
int engine_recover(struct engine *engine, uint64_t generation, struct error_trail *trail);
int engine_write_snapshot(struct engine *engine, uint64_t previous, struct error_trail *trail);

/* ---- control.c ---- */
int engine_control(struct engine *engine); /* runs until told to stop; returns the exit status */
/* Hands a message to hot. With `wait`, returns once hot has applied it: 0 or ERROR_TIMEOUT after 2 s; ERROR_FULL. */
int engine_tell(struct engine *engine, enum engine_lane lane, struct to_hot *message, bool wait);

/* ---- commands.c: what each command does ---- */
void engine_command(void *engine, const struct command_request *request, struct command_answer *answer);

/* ---- courier.c ---- */
void *courier_main(void *engine); /* thread body */

/* ---- replay.c ---- */
int engine_replay(const char *journal_dir, uint64_t generation, bool quiet);

/* ---- version ---- */
#ifndef ENGINE_VERSION
#define ENGINE_VERSION "0"
#endif
