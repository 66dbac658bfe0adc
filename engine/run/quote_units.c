#include "quote_units.h"

static int side_units(struct decimal price, struct decimal qty, const struct journal_symbol *symbol,
                      int64_t *price_out, int64_t *qty_out) {
    if (price.mantissa == 0) {
        *price_out = *qty_out = 0;
        return 0;
    }
    int code = decimal_to_units_exact(price, symbol->price_digits, price_out);
    return code != 0 ? code : decimal_to_units_floor(qty, symbol->qty_digits, qty_out);
}

int quote_units(const struct venue_quote *from, const struct journal_symbol *symbol, struct journal_quote *out) {
    int code = side_units(from->bid_price, from->bid_qty, symbol, &out->bid_price, &out->bid_qty);
    return code != 0 ? code : side_units(from->ask_price, from->ask_qty, symbol, &out->ask_price, &out->ask_qty);
}
