#pragma once
/* Tables in the journal: written at the head of a generation, read back for recovery and replay. */
#include "engine.h"

/* Applies a table record (START SYMBOL VENUE ASSET FEE LIMITS STRATEGY) to setup. False: not a table record. */
bool snapshot_table(struct core_setup *setup, const struct journal_record *record);

/* An empty record of this type, version 1. */
void snapshot_record_start(struct journal_record *record, enum journal_type type);
