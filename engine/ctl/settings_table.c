/* engine.json, except its "risk" object. */
#include "settings_rows.h"

#include <string.h>

#define OCTET    "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define PORT     "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
#define LOOPBACK "(127\\." OCTET "\\." OCTET "\\." OCTET "|localhost|\\[::1\\])"
#define HOST     "([A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]{2,45}\\])"
/* Without encryption only where nobody can listen. */
#define ADDRESS_REGEX(plain, secure)                                                                               \
    "^((" plain ")://" LOOPBACK "|(" secure ")://" HOST ")(:" PORT ")?(/[A-Za-z0-9._~/-]{0,60})?$"
#define ADDRESS_RULE(plain, secure)                                                                                \
    secure "HOST[:PORT], or without TLS " plain "HOST[:PORT] on loopback (127.0.0.0/8, localhost or [::1])"

const struct setting_pattern settings_instance_name = {"^[a-z0-9_]{1,31}$", "1 to 31 of a-z, 0-9 and _"};
static const struct setting_pattern venue_name = {"^[a-z0-9_]{1,15}$", "1 to 15 of a-z, 0-9 and _"};
static const struct setting_pattern symbol_name = {"^[A-Z0-9]{1,31}$", "1 to 31 of A-Z and 0-9"};
static const struct setting_pattern venue_symbol = {"^[A-Za-z0-9_-]{1,31}$", "1 to 31 of A-Z, a-z, 0-9, _ and -"};
static const struct setting_pattern asset_name = {"^[A-Z0-9]{1,15}$", "1 to 15 of A-Z and 0-9"};
#define WHOLE    "[1-9][0-9]{0,11}"
#define FRACTION "(0|[1-9][0-9]{0,11})\\.[0-9]{0,9}[1-9]"
static const struct setting_pattern step = {"^(" WHOLE "|" FRACTION ")$",
                                            "a decimal number above 0 in quotation marks, at most 10 decimals, "
                                            "without trailing zeros, like \"0.01\""};
static const struct setting_pattern least_amount = {"^(0|" WHOLE "|" FRACTION ")$",
                                                    "a decimal number in quotation marks, at most 10 decimals, "
                                                    "without trailing zeros, like \"5\""};
static const struct setting_pattern ws_url = {ADDRESS_REGEX("ws", "wss"), ADDRESS_RULE("ws://", "wss://")};
static const struct setting_pattern http_url = {ADDRESS_REGEX("http", "https"),
                                                ADDRESS_RULE("http://", "https://")};
static const struct setting_pattern any_url = {ADDRESS_REGEX("ws|http", "wss|https"),
                                               ADDRESS_RULE("ws:// or http://", "wss:// or https://")};
static const struct setting_pattern file_path = {"^[ -~]{0,255}$", "a path of at most 255 printable characters"};
static const struct setting_pattern api_key = {"^[!-~]{1,127}$", "1 to 127 printable characters without blanks"};
static const struct setting_pattern secret_path = {"^/[!-~]{1,250}$", "an absolute path of at most 251 characters"};
static const struct setting_pattern variable = {"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                                                "the name of an environment variable"};

#define E settings_engine
static const struct setting engine_rows[] = {
    {.key = "instance",
     TEXT_FIELD(E, instance),
     .required = true,
     .pattern = &settings_instance_name,
     .help = "Name of this engine: part of the names of its shared memory, socket and journal."},
    {.key = "mode",
     .type = SETTING_CHOICE,
     .store = STORE_CHOICE_U32,
     FIELD(E, mode),
     .required = true,
     .choice = {"SIM", "PAPER", "LIVE"},
     .help = "SIM: simulated venues on loopback. This release runs SIM only."},
    {.key = "arm_at_start",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(E, arm_at_start),
     .help = "Trade without waiting for a person to arm; SIM only."},
    {.key = "record_quotes",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(E, record_quotes),
     .help = "Write every quote to the journal, so that the session can be replayed."},
    {.key = "threads", .type = SETTING_PART, .help = "The threads of the hot path."},
    {.key = "journal", .type = SETTING_PART, .help = "The journal on disk."},
    {.key = "venue_stale_ms",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(E, venue_stale_ms),
     .scale = 1,
     .least = 100,
     .greatest = 60000,
     .standard = 2000,
     .unit = "ms",
     .help = "A venue that sent no frame of any kind for longer is STALE: no new orders there."},
    {.key = "venues",
     .type = SETTING_PART,
     .required = true,
     .least = 1,
     .greatest = ABI_VENUE_MAX,
     .help = "The venues to connect to."},
    {.key = "symbols",
     .type = SETTING_PART,
     .required = true,
     .least = 1,
     .greatest = ABI_SYMBOL_MAX,
     .help = "The symbols to trade."},
    {.key = "risk", .type = SETTING_PART, .required = true, .live = true, .help = "Limits of the risk controls."},
};

static const struct setting threads_rows[] = {
    {.key = "layout",
     .type = SETTING_CHOICE,
     .store = STORE_CHOICE_U32,
     FIELD(E, layout),
     .choice = {"one", "receivers"},
     .help =
         "one: a single hot thread receives, decides and sends. receivers: threads of their own receive and decode "
         "market data and hand quotes over rings to the hot thread; for 4 processors and more."},
    {.key = "hot_cpu",
     .type = SETTING_INTEGER,
     .store = STORE_I32,
     FIELD(E, hot_cpu),
     .scale = 1,
     .least = -1,
     .greatest = 1023,
     .standard = -1,
     .unit = "processor",
     .help = "Processor that the hot thread is pinned to; -1: not pinned."},
    {.key = "receive_cpus",
     .type = SETTING_PART,
     .greatest = ABI_VENUE_MAX,
     .help = "Layout receivers: one receiving thread for each processor listed, pinned to it, the venues dealt out "
             "among them; an empty list: one for each venue, not pinned."},
    {.key = "busy_poll",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(E, busy_poll),
     .help = "Spin instead of waiting in the kernel; needs a processor of its own (hot_cpu)."},
    {.key = "fifo_priority",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(E, fifo_priority),
     .scale = 1,
     .least = 0,
     .greatest = 99,
     .standard = 0,
     .unit = "priority",
     .help = "Priority of the hot thread under SCHED_FIFO; 0: the ordinary scheduler. With busy_poll only on an "
             "isolated processor: anywhere else the kernel stops a spinning real-time thread for 50 ms a second."},
    {.key = "lock_memory",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(E, lock_memory),
     .help = "Keep all memory of the engine in RAM (mlockall); a warning where the limit does not allow it."},
    {.key = "stall_us",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(E, stall_us),
     .scale = 1,
     .least = 10,
     .greatest = 10000000,
     .standard = 50000,
     .unit = "us",
     .help = "Turns of the hot loop longer than this are counted as stalls."},
};

const struct setting settings_receive_cpu = {
    .key = "receive_cpu",
    .type = SETTING_INTEGER,
    .store = STORE_NONE,
    .scale = 1,
    .least = 0,
    .greatest = 1023,
    .unit = "processor",
    .help = "Processor of one receiving thread.",
};

static const struct setting journal_rows[] = {
    {.key = "sync_ms",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(E, sync_ms),
     .scale = 1,
     .least = 0,
     .greatest = 60000,
     .standard = 200,
     .unit = "ms",
     .help = "A record is synced to the disk at most this long after it was appended; 0: at every flush."},
};
#undef E

#define V settings_venue
static const struct setting venue_rows[] = {
    {.key = "name", TEXT_FIELD(V, name), .required = true, .pattern = &venue_name, .help = "Name of the venue."},
    {.key = "kind",
     .type = SETTING_CHOICE,
     .store = STORE_TEXT,
     FIELD(V, kind),
     .cap = CAP(V, kind),
     .required = true,
     .choice = {"binance", "mexc"},
     .help = "Wire format that the venue speaks."},
    {.key = "feed_url",
     TEXT_FIELD(V, feed_url),
     .required = true,
     .pattern = &ws_url,
     .help = "WebSocket of the market data."},
    {.key = "orders_url",
     TEXT_FIELD(V, orders_url),
     .required = true,
     .pattern = &any_url,
     .help = "Order entry: wss:// or ws:// for kind binance, https:// or http:// for kind mexc."},
    {.key = "user_url",
     TEXT_FIELD(V, user_url),
     .pattern = &ws_url,
     .help = "WebSocket of the private stream; kind mexc needs it, kind binance has it on orders_url."},
    {.key = "rest_url", TEXT_FIELD(V, rest_url), .required = true, .pattern = &http_url, .help = "REST queries."},
    {.key = "ca_file",
     TEXT_FIELD(V, ca_file),
     .pattern = &file_path,
     .help =
         "PEM file with the certificates of the authorities that may vouch for the venue on wss:// and https://; "
         "a relative path starts at this file's directory; absent or empty: the system's authorities."},
    {.key = "key", TEXT_FIELD(V, key), .secret = true, .pattern = &api_key, .help = "API key; or key_env."},
    {.key = "key_env",
     .type = SETTING_TEXT,
     .pattern = &variable,
     .help = "Environment variable that holds the API key."},
    {.key = "key_type",
     .type = SETTING_CHOICE,
     .store = STORE_CHOICE_U32,
     FIELD(V, key_type),
     .choice = {"hmac", "ed25519"},
     .help = "hmac: each order is signed. ed25519 (kind binance): the connection logs on once, orders need no "
             "signature; the secret is a private key in PEM form, from secret_file or secret_env."},
    {.key = "secret",
     TEXT_FIELD(V, secret),
     .secret = true,
     .pattern = &api_key,
     .help = "API secret; or secret_env, or secret_file."},
    {.key = "secret_env",
     .type = SETTING_TEXT,
     .pattern = &variable,
     .help = "Environment variable that holds the API secret."},
    {.key = "secret_file",
     .type = SETTING_TEXT,
     .pattern = &secret_path,
     .help = "File that holds the API secret, which only its owner can read."},
    {.key = "taker_fee_bps",
     .type = SETTING_NUMBER,
     .store = STORE_I64,
     FIELD(V, taker_fee_ppm),
     .required = true,
     .scale = BPS_PPM,
     .least = 0,
     .greatest = 1000,
     .standard = 10,
     .unit = "bps",
     .help = "Taker fee used in decisions; what is booked is the fee of each fill."},
    {.key = "recv_window_ms",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, recv_window_ms),
     .scale = 1,
     .least = 1,
     .greatest = 60000,
     .standard = 1000,
     .unit = "ms",
     .help = "The venue refuses an order that arrives later than this after it was signed."},
    {.key = "order_connections",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, order_connections),
     .scale = 1,
     .least = 3,
     .greatest = 16,
     .standard = 6,
     .unit = "connections",
     .help =
         "Warm connections of an order path over HTTP, one order at a time each; two of them are kept for hedges."},
    {.key = "rate_limit_weight",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, rate_limit_weight),
     .scale = 1,
     .least = 0,
     .greatest = 10000000,
     .standard = 0,
     .unit = "weight per minute",
     .help = "Request weight that the venue allows per minute; 0: not known."},
    {.key = "feed_symbols_max",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, feed_symbols_max),
     .scale = 1,
     .least = 0,
     .greatest = 128,
     .standard = 0,
     .unit = "symbols",
     .help = "Symbols on one market data connection at most; 0: as many as the venue allows."},
    {.key = "connection_life_s",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, connection_life_s),
     .scale = 1,
     .least = 2,
     .greatest = 86000,
     .standard = 82800,
     .unit = "s",
     .help = "A connection is replaced by a new one before it is this old (venues end them after 24 h); up to a "
             "tenth earlier, so that not all are replaced at once."},
    {.key = "listen_key_keep_s",
     .type = SETTING_INTEGER,
     .store = STORE_U32,
     FIELD(V, listen_key_keep_s),
     .scale = 1,
     .least = 1,
     .greatest = 3000,
     .standard = 1500,
     .unit = "s",
     .help =
         "The key of the private stream is prolonged this often, where the venue gives one (it lives an hour)."},
};
#undef V

#define S settings_symbol
static const struct setting symbol_rows[] = {
    {.key = "name", TEXT_FIELD(S, name), .required = true, .pattern = &symbol_name, .help = "Name of the symbol."},
    {.key = "base",
     TEXT_FIELD(S, base),
     .required = true,
     .pattern = &asset_name,
     .help = "Asset bought and sold."},
    {.key = "quote", TEXT_FIELD(S, quote), .required = true, .pattern = &asset_name, .help = "Asset paid with."},
    {.key = "tick",
     TEXT_FIELD(S, tick),
     .required = true,
     .pattern = &step,
     .help = "Price step, in the quote asset; the coarser one of its venues."},
    {.key = "lot",
     TEXT_FIELD(S, lot),
     .required = true,
     .pattern = &step,
     .help = "Quantity step, in the base asset; the coarser one of its venues."},
    {.key = "min_qty",
     TEXT_FIELD(S, min_qty),
     .required = true,
     .pattern = &least_amount,
     .help = "Least quantity of an order, in the base asset."},
    {.key = "min_notional",
     TEXT_FIELD(S, min_notional),
     .required = true,
     .pattern = &least_amount,
     .help = "Least price x quantity of an order, in the quote asset."},
    {.key = "venues", .type = SETTING_PART, .help = "By name of a venue: what differs there."},
};
#undef S

#define SV settings_symbol_venue
static const struct setting symbol_venue_rows[] = {
    {.key = "name",
     TEXT_FIELD(SV, name),
     .pattern = &venue_symbol,
     .help = "The venue's own name of the symbol; default: the symbol's name."},
    {.key = "taker_fee_bps",
     .inherits = true,
     .type = SETTING_NUMBER,
     .store = STORE_I64,
     FIELD(SV, taker_fee_ppm),
     .scale = BPS_PPM,
     .least = 0,
     .greatest = 1000,
     .standard = 0,
     .unit = "bps",
     .help = "Taker fee; default: the venue's."},
    {.key = "traded",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(SV, traded),
     .standard = 1,
     .help = "False: the symbol is not traded on this venue."},
};
#undef SV

const struct setting_table settings_of_engine = TABLE_OF(engine_rows, "engine");
const struct setting_table settings_of_threads = TABLE_OF(threads_rows, "threads");
const struct setting_table settings_of_journal = TABLE_OF(journal_rows, "journal");
const struct setting_table settings_of_venue = TABLE_OF(venue_rows, "venue");
const struct setting_table settings_of_symbol = TABLE_OF(symbol_rows, "symbol");
const struct setting_table settings_of_symbol_venue = TABLE_OF(symbol_venue_rows, "symbol on a venue");

const struct setting *setting_find(const struct setting_table *table, const char *key) {
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->row[i].key, key) == 0) return &table->row[i];
    }
    return NULL;
}
