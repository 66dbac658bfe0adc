#include "state.h"

static bool side_sane(int64_t price, int64_t qty) {
    return price > 0 && price <= UNITS_MAX && qty > 0;
}

/* false: older than what is held, nothing changed. A side that makes no sense becomes an absent side. */
bool market_quote_apply(struct market *market, const struct journal_quote *quote, int64_t now) {
    struct abi_quote *held = quote_of(market, quote->symbol, quote->venue);
    if (quote->venue_seq != 0 && quote->venue_seq <= held->venue_seq) return false;
    int64_t recv_ns = int64_min(quote->recv_ns, now); /* a time ahead of ours must not look fresher than now */
    if (held->recv_mono_ns != 0 && recv_ns < held->recv_mono_ns) return false;
    bool bid = side_sane(quote->bid_price, quote->bid_qty);
    bool ask = side_sane(quote->ask_price, quote->ask_qty);
    held->bid_price = bid ? quote->bid_price : 0;
    held->bid_qty = bid ? int64_min(quote->bid_qty, UNITS_MAX) : 0;
    held->ask_price = ask ? quote->ask_price : 0;
    held->ask_qty = ask ? int64_min(quote->ask_qty, UNITS_MAX) : 0;
    held->recv_mono_ns = recv_ns;
    held->venue_seq = quote->venue_seq;
    held->count++;
    held->flags = bid && ask && held->bid_price >= held->ask_price ? ABI_QUOTE_CROSSED : 0;
    net_quote_set(market, quote->symbol, quote->venue);
    return true;
}

/* After a lost connection the prices are gone and the venue's numbering may begin anew. */
void market_venue_forget(struct market *market, uint32_t symbol_count, uint32_t venue) {
    for (uint32_t s = 0; s < symbol_count; s++) {
        struct abi_quote *quote = quote_of(market, s, venue);
        *quote = (struct abi_quote){.count = quote->count}; /* numbers the quotes: goes on */
        net_quote_set(market, s, venue);
    }
}

/* Mean of the mids of the live, uncrossed books; 0: there is none. */
static int64_t market_mid(const struct market *market, uint32_t symbol, uint32_t venue_count,
                          const uint32_t *venue_state) {
    int64_t sum = 0, sides = 0;
    for (uint32_t v = 0; v < venue_count; v++) {
        const struct abi_quote *quote = quote_of(market, symbol, v);
        if (venue_state[v] != ABI_VENUE_UP || quote->flags != 0) continue;
        if (quote->bid_price == 0 || quote->ask_price == 0) continue;
        sum += quote->bid_price + quote->ask_price;
        sides += 2;
    }
    return sides == 0 ? 0 : sum / sides;
}

static void reference_sample(struct reference *reference, int64_t mid, int64_t window_ns, int64_t now) {
    while (reference->tail < reference->head) {
        uint32_t oldest = (uint32_t)(reference->tail % REFERENCE_SLOTS);
        bool full = reference->head - reference->tail == REFERENCE_SLOTS;
        if (!full && now - reference->sample[oldest].time_ns < window_ns) break;
        reference->sum -= reference->sample[oldest].price;
        reference->tail++;
    }
    if (mid > 0) {
        uint32_t place = (uint32_t)(reference->head++ % REFERENCE_SLOTS);
        reference->sample[place] = (struct reference_sample){.price = mid, .time_ns = now};
        reference->sum += mid;
    }
    int64_t held = (int64_t)(reference->head - reference->tail);
    reference->price = held == 0 ? 0 : reference->sum / held;
}

void market_mark(struct market *market, const struct facts *setup, const uint32_t *venue_state, int64_t now) {
    for (uint32_t s = 0; s < setup->symbol_count; s++) {
        int64_t mid = market_mid(market, s, setup->venue_count, venue_state);
        if (mid > 0) market->mark[s] = mid; /* no live venue: the last mark stands */
        reference_sample(&market->reference[s], mid, setup->limits.reference_window_ns, now);
    }
}
