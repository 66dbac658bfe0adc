#pragma once
/* The journal: the engine's truth. A sequence of 256-byte records, appended by the hot thread alone to a tail in
 * shared memory before the first byte of an order leaves, copied to disk by the control thread.
 *
 * The payload structs are also the decision core's inputs and outputs, so a replay of the inputs through the core
 * must give the outputs again, bit for bit:
 *   inputs   SYMBOL VENUE ASSET FEE LIMITS STRATEGY BALANCE QUOTE REPORT FILL MARK TIMER STATE
 *   outputs  INTENT ORDER REFUSAL EPISODE EXPOSURE ALARM (and the ledger half of FILL)
 * An output carries the input_seq of the input that caused it and stands after it.
 *
 * File: struct journal_file_head, then the text of this header (text_size bytes, zero-padded to a multiple of 256),
 * then records. crc32c covers the whole record with the field itself zero and is seeded with the previous record's
 * (the first one with the head's seed), so a torn or altered record ends the readable part.
 * A generation begins with START, a snapshot of tables, parameters, balances and open orders, and SNAPSHOT_END:
 * it can be read without the generations before it. Units as in abi.h. This text is embedded in every file:
 * the same rules as for abi.h hold (plain fields, literal defines). */

#define JOURNAL_MAGIC 0x314a4b4445425241 /* "ARBEDKJ1" */
#define JOURNAL_RECORD_SIZE 256
#define JOURNAL_PAYLOAD_SIZE 216
#define JOURNAL_PARAM_MAX 24

enum journal_type {
    JOURNAL_START = 1,
    JOURNAL_SYMBOL = 2,
    JOURNAL_VENUE = 3,
    JOURNAL_ASSET = 4,
    JOURNAL_FEE = 5,
    JOURNAL_LIMITS = 6,
    JOURNAL_STRATEGY = 7,
    JOURNAL_BALANCE = 8,
    JOURNAL_LEDGER_BASE = 9,
    JOURNAL_SNAPSHOT_END = 10,
    JOURNAL_QUOTE = 11,
    JOURNAL_INTENT = 12,
    JOURNAL_ORDER = 13,
    JOURNAL_REPORT = 14,
    JOURNAL_FILL = 15,
    JOURNAL_REFUSAL = 16,
    JOURNAL_EPISODE = 17,
    JOURNAL_MARK = 18,
    JOURNAL_STATE = 19,
    JOURNAL_COMMAND = 20,
    JOURNAL_CONFIG = 21,
    JOURNAL_EXPOSURE = 22,
    JOURNAL_ALARM = 23,
    JOURNAL_STOP = 24,
    JOURNAL_TRADE_SEEN = 25,
    JOURNAL_TIMER = 26, /* input without payload: the core asked to be called at this time */
    JOURNAL_STRATEGY_BASE = 27,
};

struct journal_file_head {
    uint64_t magic;
    uint64_t generation;
    uint64_t first_seq;     /* seq of the first record of this file */
    int64_t wall_offset_ns; /* wall = time_ns + this */
    uint32_t record_size;
    uint32_t text_size;     /* bytes of the header text that follows */
    uint32_t crc_seed;
    uint32_t part;          /* 0, 1, 2 ... within the generation */
    char instance[32];
    char version[32];
};

/* ---- inputs: tables ---- */

struct journal_start {
    uint64_t generation;
    uint64_t abi_hash;
    int64_t wall_offset_ns;
    uint64_t previous_generation; /* recovered from; 0: none */
    uint32_t mode;
    uint32_t pid;
    uint32_t venue_count;
    uint32_t symbol_count;
    uint32_t asset_count;
    uint32_t strategy_count;
    uint8_t config_hash[32];
    uint8_t engine_config_hash[32];
    char instance[32];
    char version[32];
};

struct journal_symbol {
    int64_t tick;
    int64_t lot;
    int64_t min_qty;
    int64_t min_notional_e8;
    uint32_t index;
    uint32_t price_digits;
    uint32_t qty_digits;
    uint32_t base_asset;
    uint32_t quote_asset;
    uint32_t venue_mask;
    char name[32];
};

struct journal_venue {
    uint32_t index;
    uint32_t reserved;
    char name[16];
    char kind[16];
};

struct journal_asset {
    uint32_t index;
    uint32_t reserved;
    char name[16];
};

/* Taker fee used in decisions. What is booked is the fee of each fill. */
struct journal_fee {
    int64_t taker_fee_ppm;
    uint32_t venue;
    uint32_t symbol;
};

/* limit[] of consecutive refusal codes first .. first+count-1, then the named extras when first is 0 (see core/limits.h). */
struct journal_limits {
    int64_t limit[JOURNAL_PARAM_MAX];
    uint32_t first;
    uint32_t count;
};

/* Parameters in integer units, in the order of enum core_param. */
struct journal_strategy {
    int64_t param[6];
    uint64_t symbols[16]; /* bit s % 64 of word s / 64: trades symbol s */
    uint32_t index;
    uint32_t reserved;
    char name[32];
};

enum journal_balance_reason {
    JOURNAL_BALANCE_OPENING = 1,  /* first sight of the account: sets the ledger and the starting inventory */
    JOURNAL_BALANCE_SNAPSHOT = 2, /* carried over from the generation before: sets the ledger only */
    JOURNAL_BALANCE_VENUE = 3,    /* what the venue says: compared, never adopted */
    JOURNAL_BALANCE_ADOPT = 4,    /* a person took the venue's figure: the difference is a transfer */
    JOURNAL_BALANCE_TRANSFER = 5, /* a person recorded a deposit (+) or withdrawal (-) */
};

struct journal_balance {
    int64_t amount_e8;   /* total (or, for TRANSFER, the difference) */
    int64_t frac_e19;
    int64_t venue_wall_ns;
    uint32_t venue;
    uint32_t asset;
    uint32_t reason;     /* enum journal_balance_reason */
    uint32_t reserved;
    char actor[32];
};

/* Carries what P&L is measured against, per venue and asset, over a restart. */
struct journal_ledger_base {
    int64_t start_e8;       /* starting inventory + net transfers */
    int64_t start_frac_e19;
    int64_t trading_pnl_e8; /* asset 0 of venue 0 only: totals of the generations before */
    int64_t fees_e8;
    int64_t volume_e8;
    int64_t peak_e8;
    int64_t day_base_e8;
    int64_t day_start_wall_ns;
    int64_t start_equity_e8;
    int64_t hedge_cost_e8;
    uint64_t trades;
    uint64_t wins;
    uint64_t losses;
    uint32_t venue;
    uint32_t asset;
};

/* What a strategy had earned when the generation began. */
struct journal_strategy_base {
    int64_t trading_pnl_e8;
    int64_t fees_e8;
    int64_t volume_e8;
    uint64_t wins;
    uint64_t losses;
    char name[32]; /* instances are matched by name: their order may have changed */
};

/* ---- inputs: the market and the venues ---- */

struct journal_quote {
    int64_t bid_price; /* 0: no bid */
    int64_t bid_qty;
    int64_t ask_price; /* 0: no ask */
    int64_t ask_qty;
    int64_t recv_ns;   /* core time at which the bytes were received */
    uint64_t venue_seq; /* 0: the venue sends none */
    uint32_t symbol;
    uint32_t venue;
};

enum journal_report_kind {
    JOURNAL_REPORT_SENT = 1,     /* first byte handed to the kernel */
    JOURNAL_REPORT_ACK = 2,
    JOURNAL_REPORT_FINAL = 3,    /* state = terminal order state, cum_qty = what the venue says was filled */
    JOURNAL_REPORT_REJECT = 4,   /* the venue proved that it never accepted the order */
    JOURNAL_REPORT_UNKNOWN = 5,  /* time-out, cut connection, 5xx ... : ask, never guess */
    JOURNAL_REPORT_NOT_SENT = 6, /* no byte left: the order never existed */
};

/* What is learned about one of our orders, except its fills. */
struct journal_report {
    uint64_t pair_id;
    uint64_t order_id;
    int64_t cum_qty;       /* -1: the venue did not say */
    int64_t venue_time_ns; /* 0: none */
    uint32_t venue;
    uint32_t leg;
    uint32_t kind;         /* enum journal_report_kind */
    uint32_t state;        /* enum abi_order_state, for FINAL */
    int32_t code;          /* the venue's error code; 0: none */
    uint32_t reserved;
    char venue_order_id[40];
    char reason[64];
};

/* One trade and what it does to the ledger, in one record: there is no moment between the two.
 * The first half is the input; the core completes *_after and `booked`. */
struct journal_fill {
    uint64_t pair_id;      /* 0: not one of our orders */
    uint64_t order_id;
    int64_t price;
    int64_t qty;
    int64_t fee_e8;        /* > 0 paid, < 0 rebate */
    int64_t fee_frac_e19;  /* same sign as the fee */
    int64_t venue_time_ns;
    int64_t quote_e8;      /* price x qty, exact: quote_e8 + quote_frac_e19 */
    int64_t quote_frac_e19;
    int64_t base_after_e8; /* ledger totals of the venue after this fill */
    int64_t quote_after_e8;
    int64_t fee_after_e8;
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;         /* enum abi_side */
    uint32_t leg;
    uint32_t fee_asset;    /* index; 0xffffffff: not in the asset table, see fee_asset_name */
    uint32_t booked;       /* 1: booked; 0: duplicate or foreign, nothing changed */
    char trade_id[40];
    char fee_asset_name[16];
};

struct journal_mark {
    int64_t wall_ns;
    int64_t trading_pnl_e8; /* outputs from here on */
    int64_t holding_pnl_e8;
    int64_t equity_e8;
    int64_t fees_e8;
    int64_t unhedged_e8;
    uint64_t trades;
};

enum journal_state_what {
    JOURNAL_STATE_TRADING = 1,  /* new_value: enum abi_state */
    JOURNAL_STATE_STRATEGY = 2, /* index = strategy, enum abi_strategy_state */
    JOURNAL_STATE_VENUE = 3,    /* index = venue, enum abi_venue_state */
    /* index = venue; new_value = orders that may leave now (free connections), 0: busy; old_value = how many of these
     * arbitrage must leave to hedges */
    JOURNAL_STATE_GATEWAY = 4,
    JOURNAL_STATE_KILL = 5,     /* new_value 1: latched */
    JOURNAL_STATE_RELEASE = 6,  /* index = symbol: a person cleared repetition, quarantine or an open exposure */
    JOURNAL_STATE_JOURNAL = 7,  /* new_value 1: healthy */
};

struct journal_state {
    uint32_t what;
    uint32_t index;
    uint32_t old_value;
    uint32_t new_value;
    char actor[32];
    char reason[96];
};

struct journal_trade_seen { /* snapshot: a trade already booked */
    uint32_t venue;
    uint32_t symbol;
    char trade_id[40];
};

/* ---- outputs ---- */

struct journal_intent {
    uint64_t pair_id;
    uint64_t opportunity_id;
    uint64_t buy_quote_seq; /* per venue and symbol: number of the quote used */
    uint64_t sell_quote_seq;
    int64_t buy_price;      /* limit sent */
    int64_t sell_price;
    int64_t buy_touch;      /* ask and bid seen */
    int64_t sell_touch;
    int64_t qty;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t buy_age_ns;
    int64_t sell_age_ns;
    int64_t reserve_quote_e8; /* at the buying venue */
    int64_t reserve_base_e8;  /* at the selling venue */
    uint32_t symbol;
    uint32_t strategy;
    uint32_t buy_venue;
    uint32_t sell_venue;
};

enum journal_order_kind { JOURNAL_ORDER_ARB = 1, JOURNAL_ORDER_HEDGE = 2, JOURNAL_ORDER_UNWIND = 3 };

/* Always a limit order, immediate-or-cancel. */
struct journal_order {
    uint64_t pair_id;
    uint64_t order_id;
    int64_t price;
    int64_t qty;
    int64_t reserve_e8;
    uint32_t symbol;
    uint32_t venue;
    uint32_t side;
    uint32_t leg;
    uint32_t kind;       /* enum journal_order_kind */
    uint32_t state;      /* snapshot: enum abi_order_state; else CREATED */
    int64_t filled_qty;  /* snapshot only */
    int64_t filled_quote_e8;
    int64_t sent_ns;
    char client_id[32];
};

/* Once per episode and reason. */
struct journal_refusal {
    uint64_t opportunity_id;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t buy_price;
    int64_t sell_price;
    int64_t qty;
    int64_t value;
    int64_t limit;
    uint32_t symbol;
    uint32_t strategy;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t refusal;
    uint32_t reserved;
};

/* An episode of qualifying quotes, less than a second apart, has ended (or its orders are all final). */
struct journal_episode {
    uint64_t opportunity_id;
    uint64_t pair_id;
    int64_t first_ns;
    int64_t last_ns;
    int64_t gross_bps_e4;
    int64_t net_bps_e4;
    int64_t qty;
    int64_t pnl_e8;
    uint64_t quotes;
    uint32_t symbol;
    uint32_t strategy;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t outcome;
    uint32_t refusal;
};

struct journal_exposure {
    uint64_t pair_id;
    int64_t residual_qty;
    int64_t value_e8;
    uint32_t symbol;
    uint32_t buy_venue;
    uint32_t sell_venue;
    uint32_t state;
    uint32_t hedges;
    uint32_t reserved;
};

struct journal_alarm {
    uint32_t severity;
    uint32_t reserved;
    char code[32];
    char text[160];
};

/* ---- operator and life cycle ---- */

struct journal_command {
    uint32_t status;    /* 1 done, 2 accepted, 3 refused */
    uint32_t reserved;
    char id[40];
    char command[24];
    char actor[32];
    char code[24];
    char args[80];      /* JSON text, cut at 79 bytes */
};

struct journal_config {
    uint64_t config_version;
    uint8_t hash[32];
    uint8_t previous_hash[32];
    char actor[32];
};

struct journal_stop {
    uint32_t clean;     /* 1: all orders final, journal synced */
    uint32_t reserved;
    char reason[96];
};

struct journal_record {
    uint64_t seq;       /* 1, 2, 3 ... within the generation, without a hole */
    uint64_t input_seq; /* of the input that this is, or that caused it; 0: none */
    int64_t time_ns;    /* core time (CLOCK_MONOTONIC) at which the core saw it */
    uint32_t crc32c;
    uint16_t type;      /* enum journal_type */
    uint16_t version;   /* of the payload struct, 1 */
    uint64_t generation;
    uint8_t payload[JOURNAL_PAYLOAD_SIZE];
};
