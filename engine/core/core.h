#pragma once
/* The decision core: (state, event, now) -> actions. Deterministic; no clock, no I/O, no allocation, no globals, no
 * floating point in a decision. The engine calls it from the hot thread; replay and backtest call the same code.
 *
 * Events and actions are journal payloads (journal.h). The caller
 *   1. gives each input a sequence number and one time stamp (core time: CLOCK_MONOTONIC of the generation),
 *   2. journals the input (quotes only while recording), calls the core,
 *   3. journals every record of `out` in order, and only then acts on the ORDER ones.
 * So what the journal holds is what happened, and nothing leaves before it is written.
 *
 * Order of the controls: edge, own state, market, sizing (see enum abi_refusal). Two-leg life of a pair:
 *
 *   decide -> both ORDERs out -> reports and fills of each leg -> both final? -> equal: done
 *                 |                                                  `-> residual -> hedge ladder -> done | OPEN
 *                 `-> silent or UNKNOWN: reserved and blocked until a report brings evidence
 *
 * State is one block of core_size() bytes owned by the caller (64-byte aligned, never moved). One thread at a time. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"
#include "../journal.h"
#include "params.h"
#include "setup.h"
#include "symbols.h"

#define CORE_OUT_MAX 24

struct core;

/* What a call asks for, and what it changed (for the publisher). Reset by every core_on_* call. */
struct core_out {
    uint32_t count;             /* records, payload and type filled; seq, crc, time are the caller's */
    uint32_t opportunity_count; /* ids changed by this call */
    uint32_t order_count;
    uint32_t fill_count;
    uint32_t overflow;      /* 1: more happened than fits; a bug, asserted in tests */
    uint32_t state_changed; /* 1: some state word changed: state_version + 1 */
    int64_t detected_ns; /* core_stamp_set: when the first pair that qualified was handed to the controls; else 0 */
    uint64_t opportunity_id[8];
    uint64_t order_id[8];
    uint64_t fill_id[4];
    struct journal_record record[CORE_OUT_MAX];
};

/* Bytes of a core for these tables: they grow with the counts, not with the maxima. Counts beyond the maxima are taken
 * as the maxima (core_init refuses them). */
size_t core_size(const struct core_setup *setup);

/* 0; ERROR_RANGE when a symbol needs more than 2^53 units, p + q > 19, or a table is too large;
 * ERROR_BAD when base and quote assets, ticks or lots make no sense. State STARTING, no balances. */
int core_init(struct core *core, const struct core_setup *setup);

/* ---- inputs. `now` = core time; never decreases (asserted). ---- */

void core_on_quote(struct core *core, const struct journal_quote *quote, int64_t now, struct core_out *out);
/* The two halves of core_on_quote, for a caller that knows all quotes of one instant before anybody decides (bars: the
 * closes of all venues). The market half: false when the quote is older than the one held. */
bool core_on_book(struct core *core, const struct journal_quote *quote, int64_t now);
/* The decision half: every pair of venues of which at least one is in venue_mask (bit v: its book has changed). */
void core_on_books(struct core *core, uint32_t symbol, uint32_t venue_mask, int64_t now, struct core_out *out);
/* Symbols of which some pair of venues and some strategy qualify now, whatever the controls would say; exact. For an
 * audit of all books at once, as after a reconnect. Returns how many. */
uint32_t core_scan(const struct core *core, uint64_t symbols[SYMBOLS_WORDS]);
/* For measuring: called once in a call that finds a pair of venues that qualifies, between detection and controls. What
 * it returns goes to out->detected_ns and nowhere else. NULL, as core_init leaves it: nothing is called. */
void core_stamp_set(struct core *core, int64_t (*stamp)(void));
/* The instruction set that scans use: core_init takes the best one the processor has. Results are the same with all. */
enum abi_detect_kernel core_detect_kernel(const struct core *core);
/* 0; ERROR_NOT_FOUND when this processor or build does not have it. */
int core_detect_kernel_set(struct core *core, enum abi_detect_kernel kind);
void core_on_report(struct core *core, const struct journal_report *report, int64_t now, struct core_out *out);
/* Completes fill->*_after_e8 and fill->booked: journal the fill after this call, before out's records.
 * A duplicate (venue, symbol, trade_id) changes nothing. A fill that arrives after the order was thought final is
 * booked and re-opens the pair. */
void core_on_fill(struct core *core, struct journal_fill *fill, int64_t now, struct core_out *out);
/* Once a second: marks, reference prices, P&L, day change, time-outs, hedge retries, end of episodes.
 * Completes the outputs of mark. */
void core_on_mark(struct core *core, struct journal_mark *mark, int64_t now, struct core_out *out);
void core_on_state(struct core *core, const struct journal_state *state, int64_t now, struct core_out *out);
void core_on_balance(struct core *core, const struct journal_balance *balance, int64_t now, struct core_out *out);
void core_on_params(struct core *core, uint32_t strategy, const struct core_params *params, int64_t now,
                    struct core_out *out);
void core_on_limits(struct core *core, const struct core_limits *limits, int64_t now, struct core_out *out);
/* Timer between marks for what cannot wait a second (answer time-outs, hedge ladder): the earliest instant at which
 * core_on_timer must be called, INT64_MAX: none. */
int64_t core_next_timer(const struct core *core);
void core_on_timer(struct core *core, int64_t now, struct core_out *out);

/* Applies one input record by its type; ERROR_BAD for a type that is no input. Replay is this in a loop. */
int core_apply(struct core *core, struct journal_record *input, struct core_out *out);

/* ---- recovery: rebuild the state of a dead generation from its journal, then carry it into a new one ----
 *
 * Two cores, so that a generation's journal alone gives its state again: restore the dead journal into a scratch core
 * (shift_ns as below), core_snapshot that one into the new journal, and core_restore each snapshot record (shift 0)
 * into the core that will trade. Order ids are given anew in the order of the ORDER records; pair id, leg and client
 * id stay. Tables are matched by name; ERROR_MISMATCH when the new configuration lacks a venue, symbol or asset that
 * the journal has money or orders in, or counts a symbol in other digits. */

/* Applies any record, input or output, as a fact: balances, orders, fills, trades seen, ledger base, states. Nothing
 * is decided. The record's times are of the dead generation; `shift_ns` = its wall offset - ours. */
int core_restore(struct core *core, const struct journal_record *record, int64_t shift_ns);
/* Snapshot for the start of a generation: BALANCE(SNAPSHOT), LEDGER_BASE, ORDER (non-terminal ones, then sent and
 * silent: UNKNOWN), EXPOSURE, TRADE_SEEN; for each open pair its INTENT before its ORDERs (all its legs), dust as
 * EXPOSURE of pair 0, and STATE(KILL) while the kill switch is latched. Calls emit for each record (type and payload
 * filled). */
void core_snapshot(const struct core *core, void (*emit)(void *context, const struct journal_record *record),
                   void *context);

/* Orders whose outcome a person or a query must establish. Returns how many there are; fills at most `cap` ids. */
uint32_t core_unresolved(const struct core *core, uint64_t *order_id, uint32_t cap);

/* ---- views, for the publisher and for tests; NULL when the id has left the ring ---- */

const struct abi_opportunity *core_opportunity(const struct core *core, uint64_t id);
const struct abi_order *core_order(const struct core *core, uint64_t id);
const struct abi_order *core_order_by_client_id(const struct core *core, const char *client_id);
const struct abi_fill *core_fill(const struct core *core, uint64_t id);
uint64_t core_last_opportunity_id(const struct core *core);
uint64_t core_last_order_id(const struct core *core);
uint64_t core_last_fill_id(const struct core *core);

void core_view_counters(const struct core *core, struct abi_counters *out); /* the core's own counters only */
void core_view_pnl(const struct core *core, struct abi_pnl *out);
void core_view_risk(const struct core *core, struct abi_risk *out);
void core_view_exposures(const struct core *core, struct abi_exposures *out);
void core_view_strategy(const struct core *core, uint32_t strategy, struct abi_strategy *out);
/* One page of a venue: symbols page * ABI_BOOK_PAGE .. (balances: assets page * ABI_BALANCES_PAGE ..); what the setup
 * does not have is zero. */
void core_view_book(const struct core *core, uint32_t venue, uint32_t page, struct abi_book *out);
void core_view_balances(const struct core *core, uint32_t venue, uint32_t page, struct abi_balances *out);
/* Bit p: a balance on page p of the venue has changed since the last call. Asking clears it. */
uint64_t core_balances_changed(struct core *core, uint32_t venue);
/* True once the books hold an amount for it, from a venue's first word, a snapshot or a person. */
bool core_account_opened(const struct core *core, uint32_t venue, uint32_t asset);
enum abi_state core_trading_state(const struct core *core);
uint32_t core_open_pairs(const struct core *core);

/* ---- parameters and limits as journal records ---- */

#define CORE_LIMITS_RECORDS                                                                                        \
    4 /* records that hold all limits: codes 0..13 with the named extras, 14.., 38.., 62.. */

void core_params_to_record(uint32_t strategy, const char *name, const struct core_params *params,
                           struct journal_strategy *out);
void core_params_from_record(const struct journal_strategy *record, struct core_params *out);
/* part 0 .. CORE_LIMITS_RECORDS-1 */
void core_limits_to_record(const struct core_limits *limits, uint32_t part, struct journal_limits *out);
/* Sets the limits that this record holds; ERROR_RANGE when first and count make no sense. */
int core_limits_from_record(const struct journal_limits *record, struct core_limits *out);

/* ---- ids ---- */

/* Client order id: 13 characters of base32 (0-9a-v) of the pair id, then 'a' + leg: [0-9a-z]{14}. */
void core_client_id(uint64_t pair_id, uint32_t leg, char out[32]);
/* 0, or ERROR_BAD for a text that is not one of ours. */
int core_client_id_parse(const char *text, size_t size, uint64_t *pair_id, uint32_t *leg);
