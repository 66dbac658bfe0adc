#pragma once
/* Tables in the journal: written at the head of a generation, read back for recovery and replay. */
#include "engine.h"

/* Applies a table record (SYMBOL VENUE ASSET FEE LIMITS STRATEGY START) to setup. False: not a table record. */
bool snapshot_table(struct core_setup *setup, const struct journal_record *record);

/* limit[] and the named extras as one list: index 0..ABI_REFUSAL_MAX-1, then CORE_LIMITS_EXTRA. */
#define SNAPSHOT_LIMIT_VALUES (ABI_REFUSAL_MAX + CORE_LIMITS_EXTRA)
void snapshot_limits_flatten(const struct core_limits *limits, int64_t value[SNAPSHOT_LIMIT_VALUES]);
void snapshot_limits_restore(struct core_limits *limits, const int64_t value[SNAPSHOT_LIMIT_VALUES]);

/* One STRATEGY record of these parameters. */
void snapshot_strategy_record(uint32_t index, const char *name, const struct core_params *params,
                              struct journal_record *record);
/* LIMITS records; emit is called for each. */
void snapshot_limits_records(const struct core_limits *limits,
                             void (*emit)(void *context, const struct journal_record *record), void *context);
