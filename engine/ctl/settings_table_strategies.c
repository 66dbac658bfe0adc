/* strategies.json. */
#include "settings_rows.h"

static const struct setting strategies_rows[] = {
    {.key = "strategies",
     .type = SETTING_PART,
     .required = true,
     .least = 1,
     .greatest = ABI_STRATEGY_MAX,
     .help = "Instances of strategies."},
};

#define ST settings_strategy
static const struct setting strategy_rows[] = {
    {.key = "name",
     TEXT_FIELD(ST, name),
     .required = true,
     .pattern = &settings_instance_name,
     .help = "Name of the instance."},
    {.key = "kind",
     .type = SETTING_CHOICE,
     .store = STORE_TEXT,
     FIELD(ST, kind),
     .cap = CAP(ST, kind),
     .required = true,
     .choice = {"cross_exchange"},
     .help = "What it does; decides which parameters it has."},
    {.key = "enabled",
     .type = SETTING_BOOL,
     .store = STORE_BOOL,
     FIELD(ST, enabled),
     .required = true,
     .help = "RUNNING at start, else STOPPED."},
    {.key = "symbols",
     .type = SETTING_PART,
     .least = 0,
     .greatest = ABI_SYMBOL_MAX,
     .help = "Symbols that it trades; empty: all."},
    {.key = "params", .type = SETTING_PART, .live = true, .help = "Parameters of its kind."},
};
#undef ST

#define PARAM(code) .store = STORE_I64, FIELD(settings_strategy, params.value[CORE_PARAM_##code]), .live = true
static const struct setting cross_exchange_rows[] = {
    {.key = "min_spread_bps",
     PARAM(MIN_SPREAD_BPS_E4),
     BPS,
     RANGE(0, 10000, 30),
     .help = "Gross gap from which a pair is considered: (bid of the seller - ask of the buyer) / ask."},
    {.key = "min_net_edge_bps",
     PARAM(MIN_NET_EDGE_BPS_E4),
     BPS,
     RANGE(-100, 1000, 5),
     .help = "What must be left of the gap after both taker fees and slippage."},
    {.key = "slippage_bps",
     PARAM(SLIPPAGE_BPS_E4),
     BPS,
     RANGE(0, 500, 1),
     .help = "Allowance per leg, in the limit prices and in the net edge."},
    {.key = "max_position_usd",
     PARAM(MAX_POSITION_E8),
     USD,
     RANGE(1, 10000000, 300),
     .help = "Price x quantity of one leg."},
    {.key = "cooldown_ms",
     PARAM(COOLDOWN_NS),
     MS,
     RANGE(0, 3600000, 250),
     .help = "Rest per symbol and direction after a pair is final."},
    {.key = "max_quote_age_ms",
     PARAM(MAX_QUOTE_AGE_NS),
     MS,
     RANGE(1, 60000, 250),
     .help = "Age of either quote at the decision; tightens the risk limit, never loosens it."},
};

_Static_assert(sizeof cross_exchange_rows / sizeof cross_exchange_rows[0] == CORE_PARAM_COUNT,
               "every parameter of the core has a row");

const struct setting_table settings_of_strategies = TABLE_OF(strategies_rows, "strategies");
const struct setting_table settings_of_strategy = TABLE_OF(strategy_rows, "strategy");
const struct setting_table settings_of_cross_exchange = TABLE_OF(cross_exchange_rows, "cross_exchange");
