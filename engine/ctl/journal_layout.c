#include "journal_layout.h"

#include <string.h>

struct strategy_first {
    int64_t param[20];
    uint32_t index;
    uint32_t symbol_mask;
    char name[32];
};

_Static_assert(sizeof(struct strategy_first) <= JOURNAL_PAYLOAD_SIZE, "as it stood in a record");

enum journal_layout journal_layout_of(const char *text) {
    return strstr(text, "uint32_t symbol_mask;") != NULL ? JOURNAL_LAYOUT_FIRST : JOURNAL_LAYOUT_NOW;
}

static void strategy_to_now(struct journal_record *record) {
    struct strategy_first from;
    struct journal_strategy to;
    memcpy(&from, record->payload, sizeof from);
    memset(&to, 0, sizeof to);
    memcpy(to.param, from.param, sizeof to.param); /* there were no more */
    to.symbols[0] = from.symbol_mask;
    to.index = from.index;
    memcpy(to.name, from.name, sizeof to.name);
    memset(record->payload, 0, sizeof record->payload);
    memcpy(record->payload, &to, sizeof to);
}

void journal_layout_to_now(enum journal_layout from, struct journal_record *record) {
    if (from == JOURNAL_LAYOUT_NOW) return;
    struct journal_state *state = (struct journal_state *)record->payload;
    if (record->type == JOURNAL_STRATEGY) strategy_to_now(record);
    if (record->type == JOURNAL_STATE && state->what == JOURNAL_STATE_GATEWAY) state->old_value = 0;
}
