/* Our own trades as a venue lists them: what an order that is UNKNOWN has traded. */
#include <stdio.h>
#include <string.h>

#include "courier.h"

#define TRADES_MARGIN_NS 1000000000 /* of the clocks */
#define TRADES_LATE_NS   5000000000 /* a trade may carry a time so long after the receive window's end */
#define NS_PER_MS        1000000

struct venue_text courier_symbol(const struct courier *courier, const struct to_courier *order) {
    return venue_text_of(courier->engine->settings.symbol[order->symbol].venue[order->venue].name);
}

static bool text_equal(const struct venue_text *text, const char *other) {
    return text->data != NULL && strlen(other) == text->size && memcmp(text->data, other, text->size) == 0;
}

static int book_trade(struct courier *courier, const struct to_courier *order, const struct venue_fill *from,
                      uint32_t side) {
    const struct core_setup *setup = &courier->engine->setup;
    const struct journal_symbol *symbol = &setup->symbol[order->symbol];
    struct journal_fill fill;
    struct amount fee;
    memset(&fill, 0, sizeof fill);
    if (decimal_to_units_exact(from->price, symbol->price_digits, &fill.price) != 0 ||
        decimal_to_units_exact(from->qty, symbol->qty_digits, &fill.qty) != 0 ||
        decimal_to_amount(from->fee, &fee) != 0 || from->trade_id.data == NULL ||
        from->trade_id.size >= sizeof fill.trade_id || from->fee_asset.size >= sizeof fill.fee_asset_name)
        return ERROR_RANGE;
    fill.pair_id = order->pair_id;
    fill.order_id = order->order_id;
    fill.leg = order->leg;
    fill.venue = order->venue;
    fill.symbol = order->symbol;
    fill.side = from->side != 0 ? from->side : side;
    fill.fee_e8 = fee.e8;
    fill.fee_frac_e19 = fee.frac_e19;
    fill.venue_time_ns = from->time_ns;
    memcpy(fill.trade_id, from->trade_id.data, from->trade_id.size);
    if (from->fee_asset.data != NULL) memcpy(fill.fee_asset_name, from->fee_asset.data, from->fee_asset.size);
    fill.fee_asset = from->fee_asset.data == NULL ? symbol->quote_asset : UINT32_MAX;
    for (uint32_t a = 0; a < setup->asset_count; a++)
        if (strcmp(setup->asset[a].name, fill.fee_asset_name) == 0) fill.fee_asset = a;
    if (fill.side == 0) return ERROR_BAD;
    courier_tell_input(courier, JOURNAL_FILL, &fill, sizeof fill);
    return 0;
}

/* One page of own trades into courier->message. */
static int ask_page(struct courier *courier, const struct to_courier *order, struct venue_query_request *request) {
    int code = courier_ask(courier, order->venue, request);
    return code != 0 ? code : courier->message.type == VENUE_TYPE_TRADES ? 0 : ERROR_REFUSED;
}

/* Books those rows of the page that are the order's; adds their quantity. Returns how many, or a negative code. */
static int book_page(struct courier *courier, const struct to_courier *order, const char *venue_order_id,
                     uint32_t side, int64_t *qty) {
    const struct journal_symbol *symbol = &courier->engine->setup.symbol[order->symbol];
    int count = 0;
    for (uint32_t i = 0; i < courier->message.fill_count; i++) {
        const struct venue_fill *fill = &courier->message.fill[i];
        bool ours = venue_order_id[0] != '\0' ? text_equal(&fill->order_id, venue_order_id)
                                              : text_equal(&fill->client_id, order->client_id);
        if (!ours) continue;
        int64_t one = 0;
        int code = book_trade(courier, order, fill, side);
        if (code == 0) code = decimal_to_units_exact(fill->qty, symbol->qty_digits, &one);
        if (code != 0) return code;
        *qty += one;
        count++;
    }
    return count;
}

/* Both ends included, cut into pieces that fit a page: a full page may have a next one and proves nothing, and venues
 * differ in which end of it they cut. */
static int ask_pieces(struct courier *courier, const struct to_courier *order, const char *venue_order_id,
                      uint32_t side, int64_t *qty) {
    int64_t window_ns = (int64_t)courier->engine->settings.venue[order->venue].recv_window_ms * NS_PER_MS;
    int64_t sent_ns = order->sent_wall_ns + courier->desk[order->venue].clock_offset_ns;
    int64_t at_ms = (sent_ns - TRADES_MARGIN_NS) / NS_PER_MS;
    int64_t end_ms = (sent_ns + TRADES_MARGIN_NS + window_ns + TRADES_LATE_NS) / NS_PER_MS;
    int64_t piece_ms = end_ms - at_ms + 1;
    int count = 0;
    while (at_ms <= end_ms) {
        int64_t last_ms = at_ms + piece_ms - 1 < end_ms ? at_ms + piece_ms - 1 : end_ms;
        struct venue_query_request request = {.query = VENUE_QUERY_TRADES,
                                              .symbol = courier_symbol(courier, order),
                                              .since_ns = at_ms * NS_PER_MS,
                                              .until_ns = last_ms * NS_PER_MS};
        int code = ask_page(courier, order, &request);
        if (code != 0) return code;
        if (!courier->message.fills_complete) {
            if (last_ms == at_ms) return ERROR_NEED_MORE; /* a page full of one millisecond */
            piece_ms = (last_ms - at_ms + 1) / 2;
            continue;
        }
        int found = book_page(courier, order, venue_order_id, side, qty);
        if (found < 0) return found;
        count += found;
        at_ms = last_ms + 1;
    }
    return count;
}

int courier_own_trades(struct courier *courier, const struct to_courier *order, const char *venue_order_id,
                       uint32_t side, int64_t *qty) {
    *qty = 0;
    if (venue_order_id[0] == '\0') return ask_pieces(courier, order, venue_order_id, side, qty);
    struct venue_query_request request = {.query = VENUE_QUERY_TRADES,
                                          .symbol = courier_symbol(courier, order),
                                          .order_id = venue_text_of(venue_order_id)};
    int code = ask_page(courier, order, &request);
    if (code != 0) return code;
    return courier->message.fills_complete ? book_page(courier, order, venue_order_id, side, qty)
                                           : ask_pieces(courier, order, venue_order_id, side, qty);
}
