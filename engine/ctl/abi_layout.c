/* Pins the layout of what other processes and later releases read. A failing line here means: readers of shared memory
 * or of old journals would see something else. Python compares the same numbers (it builds dtypes from the headers). */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi.h"
#include "../base/histogram.h"
#include "../core/params.h"
#include "../journal.h"

static_assert(sizeof(void *) == 8, "a 64-bit engine");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little endian");

/* ---- journal ---- */
static_assert(sizeof(struct journal_record) == JOURNAL_RECORD_SIZE, "record size");
static_assert(offsetof(struct journal_record, crc32c) == 24, "crc32c");
static_assert(offsetof(struct journal_record, type) == 28, "type");
static_assert(offsetof(struct journal_record, version) == 30, "version");
static_assert(offsetof(struct journal_record, generation) == 32, "generation");
static_assert(offsetof(struct journal_record, payload) == JOURNAL_RECORD_SIZE - JOURNAL_PAYLOAD_SIZE, "payload");
static_assert(sizeof(struct journal_file_head) == 112, "file head");
static_assert(offsetof(struct journal_file_head, crc_seed) == 40, "crc_seed");
static_assert(offsetof(struct journal_file_head, instance) == 48, "instance");

#define PAYLOAD(type, size)                                                                                        \
    static_assert(sizeof(struct type) == (size), #type);                                                           \
    static_assert(sizeof(struct type) <= JOURNAL_PAYLOAD_SIZE, #type " does not fit into a record")
PAYLOAD(journal_start, 184);
PAYLOAD(journal_symbol, 88);
PAYLOAD(journal_venue, 40);
PAYLOAD(journal_asset, 24);
PAYLOAD(journal_fee, 16);
PAYLOAD(journal_limits, 200);
PAYLOAD(journal_strategy, 216);
PAYLOAD(journal_balance, 72);
PAYLOAD(journal_ledger_base, 112);
PAYLOAD(journal_quote, 56);
PAYLOAD(journal_report, 160);
PAYLOAD(journal_fill, 176);
PAYLOAD(journal_mark, 56);
PAYLOAD(journal_state, 144);
PAYLOAD(journal_trade_seen, 48);
PAYLOAD(journal_strategy_base, 72);
PAYLOAD(journal_intent, 136);
PAYLOAD(journal_order, 120);
PAYLOAD(journal_refusal, 88);
PAYLOAD(journal_episode, 96);
PAYLOAD(journal_exposure, 48);
PAYLOAD(journal_alarm, 200);
PAYLOAD(journal_command, 208);
PAYLOAD(journal_config, 104);
PAYLOAD(journal_stop, 104);
#undef PAYLOAD
static_assert(JOURNAL_PARAM_MAX >= CORE_PARAM_COUNT, "parameters fit into a record");
static_assert(sizeof(struct core_limits) == (ABI_REFUSAL_MAX + CORE_LIMITS_EXTRA) * sizeof(int64_t),
              "core_limits is limit[] and CORE_LIMITS_EXTRA words");

/* ---- shared memory: static tables ---- */
#define TABLE(type, size) static_assert(sizeof(struct type) == (size) && (size) % 8 == 0, #type)
TABLE(abi_header, 124576);
TABLE(abi_symbol, 88);
TABLE(abi_asset, 16);
TABLE(abi_venue_info, 104);
TABLE(abi_strategy_info, 64);
#undef TABLE
static_assert(offsetof(struct abi_header, magic) == 0, "readers look here first");
static_assert(offsetof(struct abi_header, abi_hash) == 8, "and here before anything else");

static_assert(ABI_BOOK_PAGE * ABI_BOOK_PAGES == ABI_SYMBOL_MAX, "every symbol has a place on a page");
static_assert(ABI_BALANCES_PAGE * ABI_BALANCES_PAGES == ABI_ASSET_MAX, "every asset has a place on a page");
static_assert(ABI_ASSET_MAX == 2 * ABI_SYMBOL_MAX, "settings need not count assets");

/* ---- latched blocks: whole words, at most 4 KiB, so that a copy is short against the time between two writes ---- */
#define LATCHED(type, size)                                                                                        \
    static_assert(sizeof(struct type) == (size), #type);                                                           \
    static_assert((size) <= 4096 && (size) % 8 == 0, #type " is no latched block");                                \
    static_assert(offsetof(struct type##_slot, value) == 8, #type "_slot");                                        \
    static_assert(sizeof(struct type##_slot) == 8 + (size), #type "_slot")
LATCHED(abi_status, 336);
LATCHED(abi_counters, 1024);
LATCHED(abi_venue, 256);
LATCHED(abi_book, 2048);
LATCHED(abi_balances, 1280);
LATCHED(abi_strategy, 720);
LATCHED(abi_pnl, 144);
LATCHED(abi_risk, 1536);
LATCHED(abi_exposures, 2304);
LATCHED(abi_alarms, 3584);
#undef LATCHED

/* ---- ring records ---- */
#define CELL(type, cell, size)                                                                                     \
    static_assert(sizeof(struct type) == (size), #type);                                                           \
    static_assert(offsetof(struct cell, value) == 8 && sizeof(struct cell) == 8 + (size), #cell)
CELL(abi_opportunity, abi_opportunity_cell, 128);
CELL(abi_order, abi_order_cell, 240);
CELL(abi_fill, abi_fill_cell, 152);
CELL(abi_pnl_sample, abi_pnl_cell, 64);
#undef CELL

/* ---- the segment ---- */
static_assert(offsetof(struct abi_segment, header) == 0, "header");
static_assert(offsetof(struct abi_segment, status) == 124576, "status");
static_assert(offsetof(struct abi_segment, counters) == 125264, "counters");
static_assert(offsetof(struct abi_segment, pnl) == 127328, "pnl");
static_assert(offsetof(struct abi_segment, risk) == 127632, "risk");
static_assert(offsetof(struct abi_segment, exposures) == 130720, "exposures");
static_assert(offsetof(struct abi_segment, alarms) == 135344, "alarms");
static_assert(offsetof(struct abi_segment, venue) == 142528, "venue");
static_assert(offsetof(struct abi_segment, book) == 146752, "book");
static_assert(offsetof(struct abi_segment, balances) == 1199424, "balances");
static_assert(offsetof(struct abi_segment, strategy) == 2518336, "strategy");
static_assert(offsetof(struct abi_segment, heads) == 2529984, "heads");
static_assert(offsetof(struct abi_segment, opportunity) == 2530016, "opportunity");
static_assert(offsetof(struct abi_segment, order) == 2599648, "order");
static_assert(offsetof(struct abi_segment, fill) == 2726624, "fill");
static_assert(offsetof(struct abi_segment, pnl_ring) == 2808544, "pnl_ring");
static_assert(offsetof(struct abi_segment, stage) == 3103456, "stage");
static_assert(sizeof(struct abi_segment) == 3627744, "segment");
static_assert(sizeof(struct abi_histogram) == HISTOGRAM_BUCKETS * sizeof(uint64_t), "histogram");
