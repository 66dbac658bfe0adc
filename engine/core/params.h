#pragma once
/* Parameters of a strategy and limits of the risk controls, as the core sees them: integers only. The typed schema
 * (name, unit, range, help) from which settings are read is ctl/settings; the units here are the core's. */
#include <stdint.h>

#include "../abi.h"

/* Index into core_params.value and journal_strategy.param. Values are never re-used. */
enum core_param {
    CORE_PARAM_MIN_SPREAD_BPS_E4 = 0,   /* gross: (bid_sell - ask_buy) / ask_buy */
    CORE_PARAM_MIN_NET_EDGE_BPS_E4 = 1, /* after both taker fees and slippage */
    CORE_PARAM_SLIPPAGE_BPS_E4 = 2,     /* allowance per leg, in the limit prices and in the net edge */
    CORE_PARAM_MAX_POSITION_E8 = 3,     /* notional of one leg, quote currency */
    CORE_PARAM_COOLDOWN_NS = 4,         /* per symbol and direction, after a pair is final */
    CORE_PARAM_MAX_QUOTE_AGE_NS = 5,    /* tightens the risk limit, never loosens it */
    CORE_PARAM_COUNT = 6,
};

struct core_params {
    int64_t value[CORE_PARAM_COUNT];
    uint64_t symbols[16]; /* bit s % 64 of word s / 64: may trade symbol s; see symbols.h */
};

/* limit[code] belongs to enum abi_refusal; codes without a limit hold 0. Fail closed: a limit of 0 where one is
 * needed denies. */
struct core_limits {
    int64_t limit[ABI_REFUSAL_MAX];
    int64_t repetition_window_ns; /* REPETITION counts executions of one symbol and direction in it */
    int64_t order_rate_window_ns; /* ORDER_RATE counts own orders per venue in it */
    int64_t balance_buffer_ppm;   /* kept free beyond the need of a leg */
    int64_t answer_timeout_ns;    /* sent and silent for longer: UNKNOWN */
    int64_t hedge_slip_bps_e4[3]; /* ladder: complete, complete wider, unwind */
    int64_t hedge_attempts;       /* at most, then OPEN exposure */
    int64_t hedge_retry_ns;       /* between attempts */
    int64_t reference_window_ns;  /* of the reference price, sampled once a second */
};

#define CORE_LIMITS_EXTRA 10 /* the named fields above, in their order, journalled after limit[] */
