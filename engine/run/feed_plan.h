#pragma once
/* Which symbols of a venue travel on which market data connection. A function of the settings alone: the courier, who
 * opens the connections, and the hot thread, which subscribes, find the same answer without talking about it.
 *
 * The k-th traded symbol goes to connection k modulo their number, so that the busy ones, which people list first, are
 * spread. */
#include "../ctl/settings.h"
#include "../venue/venue.h"

/* Connections that the traded symbols need: as few as the venue's limit and feed_symbols_max allow, ENGINE_FEED_MAX at
 * most; 0: no symbol. */
uint32_t feed_plan_count(const struct settings_engine *settings, uint32_t venue, const struct venue_ops *ops);

/* Symbols of connection `slot`: the venue's names (they point into the settings) and our indices; either may be NULL.
 * Room for VENUE_FEED_SYMBOLS_MAX. Returns how many. */
uint32_t feed_plan_symbols(const struct settings_engine *settings, uint32_t venue, const struct venue_ops *ops,
                           uint32_t slot, struct venue_text *names, uint32_t *symbols);
