#pragma once
/* What a core is made from: tables, fees, parameters, limits. Python reads this text through cffi, so the rules of
 * abi.h hold: fixed-width fields, nothing but plain structs. */
#include <stdint.h>

#include "../abi.h"
#include "../journal.h"
#include "params.h"

struct core_setup {
    uint64_t generation;
    int64_t wall_offset_ns;
    uint32_t mode;
    uint32_t venue_count;
    uint32_t symbol_count;
    uint32_t asset_count;
    uint32_t strategy_count;
    struct journal_venue venue[ABI_VENUE_MAX];
    struct journal_symbol symbol[ABI_SYMBOL_MAX]; /* tick, lot, minima: the coarser of its venues */
    struct journal_asset asset[ABI_ASSET_MAX];
    int64_t taker_fee_ppm[ABI_VENUE_MAX][ABI_SYMBOL_MAX]; /* negative: unknown, the pair is not traded */
    struct core_params params[ABI_STRATEGY_MAX];
    char strategy_name[ABI_STRATEGY_MAX][32];
    struct core_limits limits;
};
