#include "fill_model.h"

#include "money.h"

struct fill_match fill_model_match(const struct journal_quote *quote, uint32_t side, int64_t limit, int64_t qty,
                                   int64_t taken_qty) {
    struct fill_match match = {0};
    bool two_sided = quote->bid_price > 0 && quote->ask_price > 0;
    if (two_sided && quote->bid_price >= quote->ask_price) return match;
    bool buy = side == ABI_SIDE_BUY;
    int64_t price = buy ? quote->ask_price : quote->bid_price;
    int64_t shown = (buy ? quote->ask_qty : quote->bid_qty) - taken_qty;
    bool within = price > 0 && (buy ? price <= limit : price >= limit);
    if (!within || shown <= 0) return match;
    match.price = price;
    match.qty = int64_min(qty, shown);
    return match;
}

bool fill_model_fee(const struct journal_symbol *symbol, uint32_t side, const struct fill_match *match,
                    int64_t taker_fee_ppm, struct journal_fill *fill) {
    bool buy = side == ABI_SIDE_BUY;
    uint32_t digits = buy ? symbol->qty_digits : symbol->price_digits + symbol->qty_digits;
    money received = buy ? match->qty : (money)match->price * match->qty;
    money exact = 0;
    if (!money_from_units(received, digits, &exact)) return false;
    money fee = divide_ceil(exact * taker_fee_ppm, PPM_ONE);
    fill->price = match->price;
    fill->qty = match->qty;
    fill->side = side;
    fill->fee_asset = buy ? symbol->base_asset : symbol->quote_asset;
    fill->fee_e8 = money_e8(fee);
    fill->fee_frac_e19 = money_frac(fee);
    return true;
}
