/* Parameters and limits to journal records and back. */
#include "state.h"

#define FIRST_PART (JOURNAL_PARAM_MAX - CORE_LIMITS_EXTRA)

_Static_assert(CORE_PARAM_COUNT <= sizeof(((struct journal_strategy *)0)->param) / sizeof(int64_t),
               "parameters fit into one record");
_Static_assert(sizeof(((struct journal_strategy *)0)->symbols) == sizeof(((struct core_params *)0)->symbols),
               "sets of symbols are the same");
_Static_assert(FIRST_PART + (CORE_LIMITS_RECORDS - 1) * JOURNAL_PARAM_MAX >= ABI_REFUSAL_MAX, "all limits fit");

void core_params_to_record(uint32_t strategy, const char *name, const struct core_params *params,
                           struct journal_strategy *out) {
    memset(out, 0, sizeof *out);
    memcpy(out->param, params->value, sizeof params->value);
    out->index = strategy;
    memcpy(out->symbols, params->symbols, sizeof out->symbols);
    memcpy(out->name, name, strnlen(name, sizeof out->name - 1));
}

void core_params_from_record(const struct journal_strategy *record, struct core_params *out) {
    memset(out, 0, sizeof *out);
    memcpy(out->value, record->param, sizeof out->value);
    memcpy(out->symbols, record->symbols, sizeof out->symbols);
}

static void extras_get(const struct core_limits *limits, int64_t extra[CORE_LIMITS_EXTRA]) {
    extra[0] = limits->repetition_window_ns;
    extra[1] = limits->order_rate_window_ns;
    extra[2] = limits->balance_buffer_ppm;
    extra[3] = limits->answer_timeout_ns;
    memcpy(&extra[4], limits->hedge_slip_bps_e4, sizeof limits->hedge_slip_bps_e4);
    extra[7] = limits->hedge_attempts;
    extra[8] = limits->hedge_retry_ns;
    extra[9] = limits->reference_window_ns;
}

static void extras_set(struct core_limits *limits, const int64_t extra[CORE_LIMITS_EXTRA]) {
    limits->repetition_window_ns = extra[0];
    limits->order_rate_window_ns = extra[1];
    limits->balance_buffer_ppm = extra[2];
    limits->answer_timeout_ns = extra[3];
    memcpy(limits->hedge_slip_bps_e4, &extra[4], sizeof limits->hedge_slip_bps_e4);
    limits->hedge_attempts = extra[7];
    limits->hedge_retry_ns = extra[8];
    limits->reference_window_ns = extra[9];
}

void core_limits_to_record(const struct core_limits *limits, uint32_t part, struct journal_limits *out) {
    assert(part < CORE_LIMITS_RECORDS);
    memset(out, 0, sizeof *out);
    uint32_t most = part == 0 ? FIRST_PART : JOURNAL_PARAM_MAX;
    out->first = part == 0 ? 0 : FIRST_PART + (part - 1) * JOURNAL_PARAM_MAX;
    out->count = ABI_REFUSAL_MAX - out->first < most ? ABI_REFUSAL_MAX - out->first : most;
    memcpy(out->limit, &limits->limit[out->first], out->count * sizeof out->limit[0]);
    if (part == 0) extras_get(limits, &out->limit[out->count]);
}

int core_limits_from_record(const struct journal_limits *record, struct core_limits *out) {
    uint32_t most = record->first == 0 ? FIRST_PART : JOURNAL_PARAM_MAX;
    if (record->count > most || record->first > ABI_REFUSAL_MAX || record->first + record->count > ABI_REFUSAL_MAX)
        return ERROR_RANGE;
    memcpy(&out->limit[record->first], record->limit, record->count * sizeof record->limit[0]);
    if (record->first == 0) extras_set(out, &record->limit[record->count]);
    return 0;
}
