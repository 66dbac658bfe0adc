#pragma once
/* Records as earlier releases wrote them, read as today's. A file carries the text of the journal.h it was written by,
 * and that text says which layout its records have.
 *
 *   FIRST   STRATEGY names its symbols in one word; STATE of a GATEWAY has the number told before in old_value, where
 *           today's has what is kept for hedges: nothing was */
#include <stdbool.h>
#include <stdint.h>

#include "../journal.h"

enum journal_layout { JOURNAL_LAYOUT_NOW = 0, JOURNAL_LAYOUT_FIRST = 1 };

/* `text`: of a file's head, ended by a zero. */
enum journal_layout journal_layout_of(const char *text);
void journal_layout_to_now(enum journal_layout from, struct journal_record *record);
