#pragma once
/* The shared-memory contract between the engine and every reader.
 *
 * One segment per engine generation, /arbdeck-<instance>-<generation>, laid out as struct abi_segment.
 * The engine is the only writer; readers map read-only. Python builds its numpy dtypes from this very text,
 * so it stays plain: fixed-width fields, literal defines, enums, explicit padding, widest fields first.
 *
 * Three ways of publishing, by kind of data:
 *   static   header fields, symbol, asset, venue and strategy tables: written before `magic`, never after.
 *   latch    blocks of several fields. Two slots, each led by a sequence word. Publication n writes slot n & 1:
 *            seq = 2n+1 (odd: being written), payload, seq = 2n+2 (even: whole). A reader takes the even slot
 *            with the greater seq, copies it, and accepts the copy if seq is still the same. A writer killed
 *            mid-write leaves the other slot whole. seq 0 = never written.
 *   cell     one record with one sequence word (odd while written), for rings and single counters. A record
 *            whose writer died stays odd for ever and is skipped.
 * Histogram buckets and counters are monotonic 64-bit words stored one by one with relaxed order.
 *
 * Units: _ns nanoseconds (mono = CLOCK_MONOTONIC, wall = Unix epoch), _e8 money or asset amount in 1e-8,
 * _bps_e4 basis points in 1e-4, price in 10^-price_digits quote units, qty in 10^-qty_digits base units
 * (digits per symbol, struct abi_symbol). Text is UTF-8, NUL-padded. Enum values are never re-used. */

#define ABI_MAGIC 0x314b434544425241 /* "ARBDECK1", little endian */
#define ABI_VENUE_MAX 8
#define ABI_SYMBOL_MAX 1024
#define ABI_ASSET_MAX 2048         /* two of each symbol: no set of symbols has more */
#define ABI_BOOK_PAGE 32           /* symbols of a venue in one latched block: symbol s is quote[s % 32] of page s / 32 */
#define ABI_BOOK_PAGES 32          /* ABI_SYMBOL_MAX / ABI_BOOK_PAGE */
#define ABI_BALANCES_PAGE 32       /* assets of a venue in one latched block, likewise */
#define ABI_BALANCES_PAGES 64
#define ABI_STRATEGY_MAX 8
#define ABI_REFUSAL_MAX 64
#define ABI_COUNTER_MAX 64
#define ABI_EXPOSURE_MAX 32
#define ABI_ALARM_MAX 16
#define ABI_STAGE_MAX 32
#define ABI_HISTOGRAM_BUCKETS 2048 /* 64 sub-buckets per power of two, see base/histogram.h */
#define ABI_RING_SIZE 512          /* opportunities, orders, fills: record of id n is at n % size */
#define ABI_PNL_RING_SIZE 4096     /* one sample a second */

enum abi_mode { ABI_MODE_SIM = 1, ABI_MODE_PAPER = 2, ABI_MODE_LIVE = 3 };

/* DOWN is what the bridge reports for an engine that is not there; the engine never writes it. */
enum abi_state {
    ABI_STATE_STARTING = 1,
    ABI_STATE_HALTED = 2,
    ABI_STATE_REDUCING = 3,
    ABI_STATE_ACTIVE = 4,
    ABI_STATE_KILLED = 5,
    ABI_STATE_DOWN = 6,
};

enum abi_strategy_state {
    ABI_STRATEGY_RUNNING = 1,
    ABI_STRATEGY_PAUSED = 2,
    ABI_STRATEGY_STOPPED = 3,
    ABI_STRATEGY_DISABLED = 4,
};

enum abi_venue_state {
    ABI_VENUE_UP = 1,
    ABI_VENUE_STALE = 2,
    ABI_VENUE_DOWN = 3,
    ABI_VENUE_OFF = 4,
    ABI_VENUE_QUARANTINED = 5,
};

enum abi_side { ABI_SIDE_BUY = 1, ABI_SIDE_SELL = 2 };

/* UNKNOWN: the order may or may not exist at the venue; its exposure stays reserved until the venue has answered. */
enum abi_order_state {
    ABI_ORDER_CREATED = 1,
    ABI_ORDER_SENT = 2,
    ABI_ORDER_ACKED = 3,
    ABI_ORDER_PARTIAL = 4,
    ABI_ORDER_FILLED = 5,
    ABI_ORDER_CANCELED = 6,
    ABI_ORDER_EXPIRED = 7,
    ABI_ORDER_REJECTED = 8,
    ABI_ORDER_UNKNOWN = 9,
    ABI_ORDER_NEVER_ACCEPTED = 10,
};

enum abi_outcome {
    ABI_OUTCOME_REFUSED = 1, /* seen, a control said no: refusal, value and limit tell which */
    ABI_OUTCOME_SENT = 2,    /* both legs left, not final yet */
    ABI_OUTCOME_BOTH = 3,    /* both legs filled, equal amounts */
    ABI_OUTCOME_PARTIAL = 4, /* both legs final, amounts differ: a residual was left */
    ABI_OUTCOME_ONE_LEG = 5, /* one leg filled, the other not at all */
    ABI_OUTCOME_MISSED = 6,  /* neither leg filled */
    ABI_OUTCOME_UNKNOWN = 7, /* at least one leg UNKNOWN */
};

/* Why an opportunity was not taken, in the order in which the core asks. The number is the code in every record. */
enum abi_refusal {
    ABI_REFUSAL_NONE = 0,
    ABI_REFUSAL_TRADING_STATE = 1,     /* engine not ACTIVE; value = state */
    ABI_REFUSAL_KILL_LATCH = 2,        /* kill switch latched */
    ABI_REFUSAL_STRATEGY_STATE = 3,    /* strategy not RUNNING; value = strategy state */
    ABI_REFUSAL_VENUE_STATE = 4,       /* a venue not UP; value = venue state */
    ABI_REFUSAL_GATEWAY_BUSY = 5,      /* order path not ready: not logged on, unsent bytes, no warm connection */
    ABI_REFUSAL_PAIR_BLOCKED = 6,      /* symbol blocked by an open exposure or an UNKNOWN order */
    ABI_REFUSAL_IN_FLIGHT = 7,         /* open pairs of the symbol; value, limit = count */
    ABI_REFUSAL_IN_FLIGHT_TOTAL = 8,   /* open pairs in all; value, limit = count */
    ABI_REFUSAL_COOLDOWN = 9,          /* value = ns left */
    ABI_REFUSAL_REPETITION = 10,       /* value, limit = executions in the window; direction off until released */
    ABI_REFUSAL_EDGE_IMPLAUSIBLE = 11, /* value, limit = bps_e4: a data error, not luck */
    ABI_REFUSAL_QUOTE_AGE = 12,        /* value, limit = ns */
    ABI_REFUSAL_LEG_SKEW = 13,         /* value, limit = ns between the two receive times */
    ABI_REFUSAL_BOOK_CROSSED = 14,     /* bid >= ask on one venue */
    ABI_REFUSAL_BOOK_SPREAD = 15,      /* value, limit = bps_e4 */
    ABI_REFUSAL_REFERENCE_COLLAR = 16, /* price too far from the reference; value, limit = bps_e4 */
    ABI_REFUSAL_DUPLICATE = 17,        /* the same pair of quotes was used before */
    ABI_REFUSAL_ORDER_RATE = 18,       /* own orders per second at a venue; value, limit = count */
    ABI_REFUSAL_DEPTH = 19,            /* displayed size below the minimum; value, limit = qty */
    ABI_REFUSAL_BALANCE = 20,          /* free - reserved below need on a leg; value, limit = e8 */
    ABI_REFUSAL_PRICE_COLLAR = 21,     /* limit price beyond own touch collar; value, limit = bps_e4 */
    ABI_REFUSAL_ORDER_NOTIONAL = 22,   /* value, limit = e8 */
    ABI_REFUSAL_PAIR_NOTIONAL = 23,    /* value, limit = e8 */
    ABI_REFUSAL_MIN_NOTIONAL = 24,     /* value, limit = e8 */
    ABI_REFUSAL_MIN_QTY = 25,          /* value, limit = qty */
    ABI_REFUSAL_EXPOSURE = 26,         /* unhedged amount; value, limit = e8 */
    ABI_REFUSAL_DAILY_LOSS = 27,       /* value, limit = e8 trading P&L since 00:00 UTC */
    ABI_REFUSAL_DRAWDOWN = 28,         /* value, limit = e8 from the peak */
    ABI_REFUSAL_JOURNAL = 29,          /* journal tail full or disk failing */
    ABI_REFUSAL_OVERFLOW = 30,         /* arithmetic out of range */
    ABI_REFUSAL_ASSET_MISMATCH = 31,   /* base or quote asset of the venues differ */
    ABI_REFUSAL_UNKNOWN_ORDER = 32,    /* an order of this venue is UNKNOWN; value = count */
};

/* Latency stages. TICK_TO_*, ENCODE, SEND, LOOP, ACK and FILL are taken each time, JOURNAL of every 16th append. The
 * others are taken of every 64th message and of every message that led to an order (where they were stamped: an order in
 * the middle of a coalesced batch has no RECEIVE, FRAME and DECODE, nor has it in layout RECEIVERS), so that measuring
 * costs under 1 %.
 * TICK_TO_ORDER and TICK_TO_WIRE are corrected for coordinated omission: what a stalled turn kept waiting counts.
 * ACK_VENUE0, FILL_VENUE0 + venue index: bytes handed to the kernel -> first answer, first fill of that venue. */
enum abi_stage {
    ABI_STAGE_DECODE = 0,        /* message bytes -> quote in symbol units */
    ABI_STAGE_DECIDE = 1,        /* market update, detection, controls, sizing: BOOK + DETECT + RISK */
    ABI_STAGE_ENCODE = 2,        /* both legs encoded, signed and framed (and encrypted) */
    ABI_STAGE_SEND = 3,          /* both legs handed to the kernel */
    ABI_STAGE_TICK_TO_ORDER = 4, /* receive completion seen -> both frames ready */
    ABI_STAGE_TICK_TO_WIRE = 5,  /* receive completion seen -> submission returned */
    ABI_STAGE_LOOP = 6,          /* one turn of the hot loop that had work */
    ABI_STAGE_JOURNAL = 7,       /* one append to the journal tail */
    ABI_STAGE_ACK_VENUE0 = 8,
    ABI_STAGE_RECEIVE = 16,      /* receive completion seen -> this message's turn (behind others of the same turn) */
    ABI_STAGE_DECRYPT = 17,      /* TLS record -> plain bytes; absent on plain connections */
    ABI_STAGE_FRAME = 18,        /* WebSocket frame found and checked */
    ABI_STAGE_HOP = 19,          /* receiving thread -> deciding thread over the SPSC ring; layout RECEIVERS only */
    ABI_STAGE_BOOK = 20,         /* quote into the book */
    ABI_STAGE_DETECT = 21,       /* pairs of venues compared */
    ABI_STAGE_RISK = 22,         /* controls and sizing of what qualified */
    ABI_STAGE_FILL_VENUE0 = 24,
};

/* Which threads receive. */
enum abi_thread_layout {
    ABI_LAYOUT_ONE = 1,       /* one hot thread receives, decides and sends; prices cross no ring */
    ABI_LAYOUT_RECEIVERS = 2, /* receiving threads decode and hand quotes over SPSC rings to the deciding thread */
};

enum abi_detect_kernel {
    ABI_DETECT_SCALAR = 1,
    ABI_DETECT_AVX2 = 2,
    ABI_DETECT_AVX512 = 3,
};

/* Order is the index into abi_counters.value. */
enum abi_counter {
    ABI_COUNTER_MESSAGES = 0,        /* messages decoded, all venues */
    ABI_COUNTER_QUOTES = 1,          /* quotes applied */
    ABI_COUNTER_QUOTES_STALE = 2,    /* dropped: older than the one held */
    ABI_COUNTER_REJECTED = 3,        /* messages refused by a decoder */
    ABI_COUNTER_IGNORED = 4,         /* known or unknown messages that change nothing */
    ABI_COUNTER_OPPORTUNITIES = 5,   /* episodes seen: gaps above the fees and thresholds */
    ABI_COUNTER_TAKEN = 6,           /* episodes with orders sent */
    ABI_COUNTER_REFUSED = 7,         /* episodes that ended without an order */
    ABI_COUNTER_PAIRS = 8,           /* pairs of orders sent */
    ABI_COUNTER_PAIRS_BOTH = 9,      /* both legs filled */
    ABI_COUNTER_PAIRS_ONE_LEG = 10,
    ABI_COUNTER_PAIRS_MISSED = 11,
    ABI_COUNTER_ORDERS = 12,         /* orders sent, hedges included */
    ABI_COUNTER_ACKS = 13,
    ABI_COUNTER_FILLS = 14,          /* fills booked */
    ABI_COUNTER_FILLS_DUPLICATE = 15, /* fills seen before, not booked again */
    ABI_COUNTER_FILLS_FOREIGN = 16,  /* fills of orders that are not ours */
    ABI_COUNTER_REJECTS = 17,        /* orders rejected by a venue */
    ABI_COUNTER_UNKNOWN = 18,        /* orders that became UNKNOWN */
    ABI_COUNTER_HEDGES = 19,
    ABI_COUNTER_RECONNECTS = 20,
    ABI_COUNTER_COMMANDS = 21,
    ABI_COUNTER_COMMANDS_REFUSED = 22,
    ABI_COUNTER_JOURNAL_RECORDS = 23,
    ABI_COUNTER_LOOP_STALLS = 24,    /* turns of the hot loop and of receiving threads over the stall limit */
    ABI_COUNTER_BYTES_IN = 25,
    ABI_COUNTER_BYTES_OUT = 26,
    ABI_COUNTER_QUEUE_FULL = 27,     /* hand-overs between threads that found their ring full */
    ABI_COUNTER_ALARMS = 28,
    ABI_COUNTER_TLS_MEMORY_MISSED = 29, /* memory that TLS wanted on a hot thread and its pool had not: a lost connection */
};

/* ---- static tables ---- */

struct abi_symbol {
    int64_t tick;         /* price units; coarser step of all its venues */
    int64_t lot;          /* qty units; coarser step of all its venues */
    int64_t min_qty;      /* qty units */
    int64_t min_notional_e8;
    uint32_t price_digits;
    uint32_t qty_digits;
    uint32_t base_asset;  /* index into asset[] */
    uint32_t quote_asset;
    uint32_t venue_mask;  /* bit v: traded on venue v */
    uint32_t reserved;
    char name[32];
};

struct abi_asset {
    char name[16];
};

struct abi_venue_info {
    int64_t taker_fee_ppm; /* default taker fee, parts per million */
    char name[16];
    char kind[16];         /* wire format: "binance", "mexc" */
    char endpoint[64];     /* host:port of the market feed */
};

struct abi_strategy_info {
    char name[32];
    char kind[32];
};

struct abi_header {
    uint64_t magic;          /* stored last, cleared first */
    uint64_t abi_hash;       /* first 8 bytes of the SHA-256 of abi.h, as a big-endian number */
    uint64_t size;           /* bytes of the segment */
    uint64_t generation;
    uint64_t pid_start_ticks; /* field 22 of /proc/PID/stat: tells a re-used pid */
    int64_t start_mono_ns;
    int64_t start_wall_ns;
    int64_t wall_offset_ns;  /* core time = mono; wall = mono + this, fixed at start */
    int64_t stale_after_ns;  /* a heartbeat older than this is a dead engine */
    uint32_t pid;
    uint32_t mode;           /* enum abi_mode */
    uint32_t venue_count;
    uint32_t symbol_count;
    uint32_t asset_count;
    uint32_t strategy_count;
    uint32_t ring_size;
    uint32_t pnl_ring_size;
    uint32_t thread_layout;   /* enum abi_thread_layout */
    uint32_t receive_threads; /* 0 in layout ONE */
    uint32_t detect_kernel;   /* enum abi_detect_kernel: chosen at start by what the processor can */
    uint32_t busy_poll;       /* 1: the hot thread spins */
    char instance[32];
    char version[32];
    char boot_id[40];
    char config_dir[128];
    struct abi_venue_info venue[ABI_VENUE_MAX];
    struct abi_symbol symbol[ABI_SYMBOL_MAX];
    struct abi_asset asset[ABI_ASSET_MAX];
    struct abi_strategy_info strategy[ABI_STRATEGY_MAX];
};

/* ---- latched blocks, each at most 4 KiB ---- */

struct abi_status {
    uint64_t heartbeat_count;
    int64_t heartbeat_mono_ns;
    int64_t heartbeat_wall_ns;
    uint64_t state_version;    /* +1 on every change of state or configuration; commands echo it */
    uint64_t config_version;   /* accepted changes of strategies.json */
    uint64_t journal_seq;      /* records appended */
    uint64_t journal_disk_seq; /* records on disk */
    int64_t state_since_wall_ns;
    int64_t killed_wall_ns;    /* 0: never */
    int64_t kill_to_silence_ns; /* command -> last order byte of the last kill; -1: none */
    int64_t recovery_ns;       /* start -> READY of this generation; 0 while starting */
    int64_t loop_longest_ns;   /* longest turn since start */
    int64_t stall_total_ns;    /* time lost to turns over the stall limit (ABI_COUNTER_LOOP_STALLS counts them) */
    uint64_t quote_handover_full; /* layout RECEIVERS: quotes replaced by newer ones because a ring was full */
    int64_t host_gap_ns;       /* largest gap between two looks at the clock with nothing to do: what the host takes */
    int64_t tsc_khz;           /* rate of the processor's time stamp counter; 0: not used, clock_gettime is */
    uint8_t config_hash[32];   /* SHA-256 of the bytes of strategies.json */
    uint8_t engine_config_hash[32]; /* SHA-256 of the bytes of engine.json */
    uint32_t trading_state;    /* enum abi_state */
    uint32_t alarm_count;      /* open, not acknowledged */
    uint32_t recording;        /* 1: every quote goes to the journal */
    uint32_t open_pairs;
    char state_reason[96];
    char actor[32];            /* who caused the last change of state */
};

struct abi_counters {
    uint64_t value[ABI_COUNTER_MAX]; /* enum abi_counter */
    uint64_t refused[ABI_REFUSAL_MAX]; /* enum abi_refusal: episodes x reasons */
};

struct abi_venue {
    uint64_t messages;
    uint64_t quotes;
    uint64_t rejected;
    uint64_t gaps;             /* sequence went back or jumped where it must not */
    uint64_t reconnects;
    uint64_t bytes_in;
    int64_t data_mono_ns;      /* receive time of the last quote of any symbol; 0: none yet */
    int64_t frame_mono_ns;     /* receive time of the last frame of any kind */
    int64_t state_since_wall_ns;
    int64_t clock_offset_ns;   /* venue clock - ours, of the sample with the least round trip */
    int64_t clock_rtt_ns;      /* of that sample; 0: not measured */
    int64_t ack_last_ns;
    uint64_t rate_used;        /* weight used in the current window */
    uint64_t rate_limit;       /* 0: not known */
    uint64_t orders_sent;
    uint64_t orders_unknown;
    uint32_t state;            /* enum abi_venue_state */
    uint32_t feed_up;          /* 1: market data connection established and subscribed */
    uint32_t orders_up;        /* 1: order path logged on / warm */
    uint32_t user_up;          /* 1: private stream established */
    uint32_t feed_connections_up; /* of feed_connections: established and subscribed */
    uint32_t feed_connections; /* market data connections that the symbols of this venue need */
    uint32_t tls;              /* of the feed; 0: plain, 1: TLS */
    uint32_t reserved;
    char reason[96];           /* why not UP, who switched it OFF, what the venue said last */
};

struct abi_quote {
    int64_t bid_price;  /* 0: no bid */
    int64_t bid_qty;
    int64_t ask_price;  /* 0: no ask */
    int64_t ask_qty;
    int64_t recv_mono_ns; /* 0: never */
    uint64_t venue_seq;
    uint64_t count;     /* quotes applied */
    uint32_t flags;     /* enum abi_quote_flag */
    uint32_t reserved;
};

enum abi_quote_flag {
    ABI_QUOTE_CROSSED = 1,
    ABI_QUOTE_QUARANTINED = 2,
};

/* One page of a venue's tops of book. Only the pages that the symbols need are written, each when it has changed. */
struct abi_book {
    struct abi_quote quote[ABI_BOOK_PAGE];
};

struct abi_balance {
    int64_t total_e8;     /* ledger: everything owned at the venue */
    int64_t reserved_e8;  /* held for orders in flight or UNKNOWN */
    int64_t venue_e8;     /* what the venue last said; see venue_wall_ns */
    int64_t venue_wall_ns; /* 0: never asked; where venue and books stay at 0, of the first time it said so */
    int64_t frac_e19;     /* remainder of total below 1e-8, in 1e-19, >= 0 */
};

/* One page of a venue's balances, as struct abi_book. */
struct abi_balances {
    struct abi_balance asset[ABI_BALANCES_PAGE];
};

struct abi_strategy {
    uint64_t seen;       /* episodes */
    uint64_t taken;
    uint64_t refused;
    uint64_t wins;
    uint64_t losses;
    int64_t trading_pnl_e8; /* quote currency of its symbols, after fees */
    int64_t fees_e8;
    int64_t volume_e8;
    int64_t state_since_wall_ns;
    int64_t best_net_bps_e4;   /* best net edge now, whether it qualifies or not; INT64_MIN: none */
    int64_t best_gross_bps_e4;
    int64_t best_need_bps_e4;  /* gross edge that this pair of venues needs */
    uint32_t state;      /* enum abi_strategy_state */
    uint32_t best_symbol;
    uint32_t best_buy_venue;
    uint32_t best_sell_venue;
    char reason[96];
    uint64_t refused_by[ABI_REFUSAL_MAX]; /* enum abi_refusal */
};

/* Trading P&L = equity minus what the starting inventory and net transfers are worth now; holding P&L = the price
 * change of that inventory. Never mixed. Marks are the mean of the mids of the live venues. */
struct abi_pnl {
    int64_t trading_pnl_e8;
    int64_t trading_today_e8;  /* since 00:00 UTC */
    int64_t holding_pnl_e8;
    int64_t fees_e8;
    int64_t hedge_cost_e8;     /* loss against the intended price, hedges and unwinds only */
    int64_t equity_e8;
    int64_t start_equity_e8;   /* the starting inventory at its first marks */
    int64_t peak_e8;           /* of trading P&L */
    int64_t drawdown_e8;       /* peak - now, >= 0 */
    int64_t volume_e8;         /* traded quote volume, both legs */
    int64_t capital_in_use_e8; /* reserved, at marks */
    int64_t unhedged_e8;       /* absolute residuals at marks, worst case of UNKNOWN included */
    int64_t unhedged_since_wall_ns; /* of the oldest; 0: flat */
    int64_t marked_wall_ns;
    uint64_t trades;           /* pairs with at least one fill */
    uint64_t wins;
    uint64_t losses;
    int64_t day_start_wall_ns;
};

struct abi_risk_control {
    int64_t value;   /* last value looked at, unit as in enum abi_refusal */
    int64_t limit;
    uint64_t denied; /* decisions denied, repeats within an episode included */
};

struct abi_risk {
    struct abi_risk_control control[ABI_REFUSAL_MAX];
};

enum abi_exposure_state {
    ABI_EXPOSURE_NONE = 0,
    ABI_EXPOSURE_IN_FLIGHT = 1,
    ABI_EXPOSURE_HEDGING = 2,
    ABI_EXPOSURE_OPEN = 3,    /* the ladder is exhausted: a person decides */
    ABI_EXPOSURE_UNKNOWN = 4,
    ABI_EXPOSURE_DUST = 5,    /* below the least order: booked, not chased */
};

struct abi_exposure {
    uint64_t pair_id;
    int64_t residual_qty;       /* qty units of the symbol, + = bought too much */
    int64_t value_e8;           /* absolute, at marks */
    int64_t since_wall_ns;
    int64_t cost_complete_e8;   /* to fill the missing leg now, against its intended price */
    int64_t cost_unwind_e8;     /* to reverse the filled leg now */
    uint32_t symbol;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t state;             /* enum abi_exposure_state */
    uint32_t hedges;            /* attempts so far */
    uint32_t reserved;
};

struct abi_exposures {
    struct abi_exposure item[ABI_EXPOSURE_MAX]; /* state NONE: free place */
};

enum abi_alarm_severity { ABI_ALARM_ATTENTION = 1, ABI_ALARM_CRITICAL = 2 };

struct abi_alarm {
    uint64_t id;           /* 0: free place */
    int64_t raised_wall_ns;
    int64_t acked_wall_ns; /* 0: open */
    uint32_t severity;
    uint32_t count;        /* times raised since acknowledged */
    char code[32];
    char text[160];
};

struct abi_alarms {
    struct abi_alarm item[ABI_ALARM_MAX];
};

/* ---- ring records (cells) ---- */

struct abi_opportunity {
    uint64_t id;             /* 1, 2, 3 ...; 0: empty */
    int64_t first_wall_ns;
    int64_t last_wall_ns;    /* last quote that still qualified */
    int64_t gross_bps_e4;    /* best of the episode */
    int64_t net_bps_e4;      /* after both taker fees and slippage, best of the episode */
    int64_t buy_price;       /* at the best or, if taken, as sent */
    int64_t sell_price;
    int64_t qty;
    int64_t value;           /* refusal: what was, */
    int64_t limit;           /* and what is allowed; units as in enum abi_refusal */
    int64_t pnl_e8;          /* once both legs are final */
    uint64_t quotes;         /* qualifying quotes in the episode */
    uint64_t pair_id;        /* 0: no order */
    uint32_t symbol;
    uint32_t strategy;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t outcome;        /* enum abi_outcome */
    uint32_t refusal;        /* enum abi_refusal */
};

struct abi_order {
    uint64_t id;             /* 1, 2, 3 ... within the generation; 0: empty */
    uint64_t pair_id;
    int64_t sent_wall_ns;
    int64_t answered_wall_ns; /* 0: not yet */
    int64_t final_wall_ns;
    int64_t price;           /* limit */
    int64_t qty;
    int64_t filled_qty;
    int64_t filled_quote_e8; /* sum of price x qty of its fills */
    int64_t fee_e8;          /* in fee_asset; mixed assets: the last one */
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;           /* enum abi_side */
    uint32_t state;          /* enum abi_order_state */
    uint32_t leg;            /* 0 buy leg, 1 sell leg, 2.. hedges */
    uint32_t fee_asset;
    char client_id[32];
    char venue_id[40];
    char reason[64];         /* the venue's own words or our own */
};

struct abi_fill {
    uint64_t id;             /* 1, 2, 3 ... within the generation; 0: empty */
    uint64_t pair_id;
    int64_t wall_ns;
    int64_t price;
    int64_t qty;
    int64_t quote_e8;        /* price x qty */
    int64_t fee_e8;
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;
    uint32_t leg;
    uint32_t fee_asset;
    uint32_t reserved;
    char client_id[32];
    char trade_id[40];
};

struct abi_pnl_sample {
    uint64_t id;             /* 1, 2, 3 ...; 0: empty */
    int64_t wall_ns;
    int64_t trading_pnl_e8;
    int64_t holding_pnl_e8;
    int64_t fees_e8;
    int64_t unhedged_e8;
    int64_t equity_e8;
    uint64_t trades;
};

/* ---- slots and the segment ---- */

struct abi_status_slot { uint64_t seq; struct abi_status value; };
struct abi_counters_slot { uint64_t seq; struct abi_counters value; };
struct abi_venue_slot { uint64_t seq; struct abi_venue value; };
struct abi_book_slot { uint64_t seq; struct abi_book value; };
struct abi_balances_slot { uint64_t seq; struct abi_balances value; };
struct abi_strategy_slot { uint64_t seq; struct abi_strategy value; };
struct abi_pnl_slot { uint64_t seq; struct abi_pnl value; };
struct abi_risk_slot { uint64_t seq; struct abi_risk value; };
struct abi_exposures_slot { uint64_t seq; struct abi_exposures value; };
struct abi_alarms_slot { uint64_t seq; struct abi_alarms value; };

struct abi_opportunity_cell { uint64_t seq; struct abi_opportunity value; };
struct abi_order_cell { uint64_t seq; struct abi_order value; };
struct abi_fill_cell { uint64_t seq; struct abi_fill value; };
struct abi_pnl_cell { uint64_t seq; struct abi_pnl_sample value; };

struct abi_histogram { uint64_t bucket[ABI_HISTOGRAM_BUCKETS]; };

struct abi_heads {          /* greatest id written to each ring, stored after its cell */
    uint64_t opportunity;
    uint64_t order;
    uint64_t fill;
    uint64_t pnl;
};

struct abi_segment {
    struct abi_header header;
    struct abi_status_slot status[2];
    struct abi_counters_slot counters[2];
    struct abi_pnl_slot pnl[2];
    struct abi_risk_slot risk[2];
    struct abi_exposures_slot exposures[2];
    struct abi_alarms_slot alarms[2];
    struct abi_venue_slot venue[ABI_VENUE_MAX * 2];       /* venue v: slots 2v and 2v+1 */
    struct abi_book_slot book[ABI_VENUE_MAX * ABI_BOOK_PAGES * 2]; /* v, page p: 2 * (v * ABI_BOOK_PAGES + p) and + 1 */
    struct abi_balances_slot balances[ABI_VENUE_MAX * ABI_BALANCES_PAGES * 2];
    struct abi_strategy_slot strategy[ABI_STRATEGY_MAX * 2];
    struct abi_heads heads;
    struct abi_opportunity_cell opportunity[ABI_RING_SIZE];
    struct abi_order_cell order[ABI_RING_SIZE];
    struct abi_fill_cell fill[ABI_RING_SIZE];
    struct abi_pnl_cell pnl_ring[ABI_PNL_RING_SIZE];
    struct abi_histogram stage[ABI_STAGE_MAX];
};
