#pragma once
/* config/engine.json and config/strategies.json: read, checked whole, refused whole. Every setting is a row of a table
 * (name, type, unit, least, greatest, default, live or next start, help) in settings_table.c; help, schema files and
 * documentation are printed from it (`arbdeck-engine schema engine|strategies`). An error names the path of the
 * field, the value and what is allowed: "venues[1].taker_fee_bps = -3: least is 0". */
#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"
#include "../core/params.h"

#define SETTINGS_TEXT_SIZE_MAX (4u << 20) /* 1024 symbols with names and fees of 8 venues: 1 MiB */

enum settings_key_type { SETTINGS_KEY_HMAC = 1, SETTINGS_KEY_ED25519 = 2 };

struct settings_venue {
    char name[16];
    char kind[16];        /* "binance", "mexc" */
    char feed_url[128];   /* ws:// or wss:// host:port */
    char orders_url[128]; /* ws:// or wss:// (binance), http:// or https:// (mexc) */
    char user_url[128];   /* ws:// or wss://; empty where user data comes on orders_url */
    char rest_url[128];
    char ca_file[256]; /* PEM file of the authorities to believe; empty: the system's */
    char key[128];     /* from key_env; SIM has public ones in the file */
    char secret[512];  /* also from secret_file; ED25519: a private key in PEM form */
    uint32_t key_type; /* enum settings_key_type */
    int64_t taker_fee_ppm;
    uint32_t recv_window_ms;
    uint32_t order_connections; /* HTTP order path: warm connections */
    uint32_t rate_limit_weight; /* per minute; 0: not known */
    uint32_t feed_symbols_max;  /* on one market data connection; 0: as many as the venue allows */
    uint32_t connection_life_s; /* older ones are replaced */
    uint32_t listen_key_keep_s; /* prolonged this often */
};

struct settings_symbol_venue {
    char name[32];         /* the venue's own name; default: the symbol's */
    int64_t taker_fee_ppm; /* -1: the venue's */
    bool traded;
};

struct settings_symbol {
    char name[32];
    char base[16];
    char quote[16];
    char tick[24]; /* decimal texts, parsed exactly by the caller */
    char lot[24];
    char min_qty[24];
    char min_notional[24];
    struct settings_symbol_venue venue[ABI_VENUE_MAX];
};

struct settings_engine {
    char instance[32];
    uint32_t mode;     /* enum abi_mode */
    bool arm_at_start; /* SIM only */
    bool record_quotes;
    uint32_t layout;        /* enum abi_thread_layout */
    int32_t hot_cpu;        /* -1: not pinned */
    uint32_t receive_count; /* receive_cpus given; 0: one receiving thread a venue, not pinned */
    int32_t receive_cpu[ABI_VENUE_MAX];
    bool busy_poll;
    uint32_t fifo_priority; /* of the hot thread under SCHED_FIFO; 0: off */
    bool lock_memory;
    uint32_t sync_ms;        /* journal fdatasync policy: at most this long after an append; 0: every flush */
    uint32_t stall_us;       /* turns of the hot loop longer than this are counted */
    uint32_t venue_stale_ms; /* no frame of any kind for longer: the venue is STALE */
    uint32_t venue_count;
    uint32_t symbol_count;
    struct settings_venue venue[ABI_VENUE_MAX];
    struct settings_symbol symbol[ABI_SYMBOL_MAX];
    struct core_limits limits;
    uint8_t hash[32]; /* SHA-256 of the file's bytes */
};

struct settings_strategy {
    char name[32];
    char kind[32];                    /* "cross_exchange" */
    bool enabled;                     /* RUNNING at start, else STOPPED */
    char symbols[ABI_SYMBOL_MAX][32]; /* empty list: all */
    uint32_t symbol_count;
    struct core_params params; /* symbols filled by settings_bind */
};

struct settings_strategies {
    uint32_t count;
    struct settings_strategy strategy[ABI_STRATEGY_MAX];
    uint8_t hash[32];
};

int settings_read_engine(const char *path, struct settings_engine *out, struct error_trail *trail);
int settings_read_strategies(const char *path, struct settings_strategies *out, struct error_trail *trail);
/* From text (update_config builds a candidate text first and writes it only when it was accepted). */
int settings_parse_engine(const char *text, size_t size, struct settings_engine *out, struct error_trail *trail);
int settings_parse_strategies(const char *text, size_t size, struct settings_strategies *out,
                              struct error_trail *trail);
/* Resolves symbol names against the engine's table into params.symbols. */
int settings_bind(struct settings_strategies *strategies, const struct settings_engine *engine,
                  struct error_trail *trail);

/* The file's text with `updates_json` ({"min_spread_bps": 80}) applied to instance `strategy` (NULL: the only
 * instance that has the key; refused with the list of instances when there are several). Validates the result and
 * returns the new text (malloc) and its parsed form; every other byte-level fact of the JSON is kept in order. */
int settings_update_strategies(const char *text, size_t size, const char *strategy, const char *updates_json,
                               char **text_out, struct settings_strategies *out, struct error_trail *trail);
/* Risk limits can be changed while running ("set_limits"): same rules, in engine.json's "risk" object. Tells whether
 * any limit was loosened. */
int settings_update_limits(const char *text, size_t size, const char *updates_json, char **text_out,
                           struct settings_engine *out, bool *loosened, struct error_trail *trail);
/* True when any limit of `after` allows what `before` did not. */
bool settings_limits_loosened(const struct core_limits *before, const struct core_limits *after);
/* temporary file, fsync, rename, fsync of the directory. */
int settings_write_atomically(const char *path, const char *text, size_t size, struct error_trail *trail);

/* Prints the JSON schema ("engine" or "strategies") to a FILE *; ERROR_BAD for another name. */
int settings_print_schema(const char *which, void *file_out);
