#pragma once
/* How a simulated venue fills an immediate-or-cancel order: one pure function, for backtests, PAPER and simulation.
 * It knows nothing of our state; when an order meets which quote is the caller's matter. */
#include <stdbool.h>
#include <stdint.h>

#include "../abi.h"
#include "../journal.h"

struct fill_match {
    int64_t price; /* the quote's, never better, never worse */
    int64_t qty;   /* 0: nothing */
};

/* side, limit, qty: the order. taken_qty: what other orders have already taken from this side of this quote.
 * A quote whose bid is not below its ask is no market to trade on: nothing fills. */
struct fill_match fill_model_match(const struct journal_quote *quote, uint32_t side, int64_t limit, int64_t qty,
                                   int64_t taken_qty);

/* Completes price, quantity, side and fee of a fill: the taker fee in the asset received (base of a buy, quote of a
 * sale), rounded up in 1e-19. false: an amount is out of range. */
bool fill_model_fee(const struct journal_symbol *symbol, uint32_t side, const struct fill_match *match,
                    int64_t taker_fee_ppm, struct journal_fill *fill);
