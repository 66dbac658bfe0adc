#pragma once
/* A quote as its venue writes it -> integers of the symbol's units. */
#include <stdint.h>

#include "../journal.h"
#include "../venue/venue.h"

/* Fills prices and quantities. Quantities are rounded down, prices never: one that is finer than the symbol's digits is
 * refused. 0, or ERROR_RANGE. A side that is not there (mantissa 0) is 0. */
int quote_units(const struct venue_quote *from, const struct journal_symbol *symbol, struct journal_quote *out);
