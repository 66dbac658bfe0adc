#include "state.h"

static void intent_emit(struct core *core, const struct pair *pair, const struct candidate *c,
                        struct core_out *out) {
    struct journal_intent *intent = out_record(core, out, JOURNAL_INTENT);
    intent->pair_id = pair->id;
    intent->opportunity_id = pair->opportunity_id;
    intent->buy_quote_seq = c->buy_quote->count;
    intent->sell_quote_seq = c->sell_quote->count;
    intent->buy_price = c->buy_price;
    intent->sell_price = c->sell_price;
    intent->buy_touch = c->buy_quote->ask_price;
    intent->sell_touch = c->sell_quote->bid_price;
    intent->qty = c->qty;
    intent->gross_bps_e4 = c->gross_bps_e4;
    intent->net_bps_e4 = c->net_bps_e4;
    intent->buy_age_ns = c->now - c->buy_quote->recv_mono_ns;
    intent->sell_age_ns = c->now - c->sell_quote->recv_mono_ns;
    intent->reserve_quote_e8 = c->reserve_quote_e8;
    intent->reserve_base_e8 = c->reserve_base_e8;
    intent->symbol = c->symbol;
    intent->strategy = c->strategy;
    intent->buy_venue = c->buy_venue;
    intent->sell_venue = c->sell_venue;
}

static void leg_send(struct core *core, struct pair *pair, const struct candidate *c, uint32_t side,
                     int64_t deadline_ns) {
    bool buy = side == ABI_SIDE_BUY;
    uint32_t leg_index = buy ? 0 : 1;
    struct leg *leg = leg_begin(pair, leg_index);
    leg->price = buy ? c->buy_price : c->sell_price;
    leg->qty = c->qty;
    leg->deadline_ns = deadline_ns;
    leg->sent_ns = c->now;
    leg->venue = buy ? c->buy_venue : c->sell_venue;
    leg->side = side;
    leg->kind = JOURNAL_ORDER_ARB;
    leg->state = ABI_ORDER_CREATED;
    leg_create(core, pair, leg_index, buy ? c->reserve_quote_e8 : c->reserve_base_e8);
}

static void pair_send(struct core *core, struct episode *episode, const struct candidate *c, struct core_out *out) {
    uint64_t id = core->setup.generation << 32 | ++core->pair_counter;
    struct pair *pair = pair_allocate(core, id);
    pair->opportunity_id = episode->view.id;
    pair->symbol = c->symbol;
    pair->strategy = c->strategy;
    pair->buy_venue = c->buy_venue;
    pair->sell_venue = c->sell_venue;
    pair->buy_touch = c->buy_quote->ask_price;
    pair->sell_touch = c->sell_quote->bid_price;
    pair->gross_bps_e4 = c->gross_bps_e4;
    pair->net_bps_e4 = c->net_bps_e4;
    pair->outcome = ABI_OUTCOME_SENT;
    pair->phase = PAIR_WORKING;
    intent_emit(core, pair, c, out);
    int64_t deadline_ns = time_add(c->now, core->setup.limits.answer_timeout_ns);
    leg_send(core, pair, c, ABI_SIDE_BUY, deadline_ns);
    leg_send(core, pair, c, ABI_SIDE_SELL, deadline_ns);
    order_emit(core, pair, 0, out);
    order_emit(core, pair, 1, out);

    struct direction *direction = &core->direction[c->direction];
    direction->buy_count = c->buy_quote->count;
    direction->sell_count = c->sell_quote->count;
    execution_note(core, c->direction, c->now);
    count(core, ABI_COUNTER_PAIRS);
    episode_taken(core, episode, c, id);
    episode_publish(core, episode, out);
    timer_add(core, deadline_ns);
}

static inline void lines_fetch(const void *place, size_t size) {
    for (size_t at = 0; at < size; at += 64)
        __builtin_prefetch((const uint8_t *)place + at, 1);
}

/* A pair takes its place in tables last touched hundreds of pairs ago: they come while the market is judged. */
static void places_fetch(const struct core *core, const struct candidate *c, const struct core_out *out) {
    const struct pair *pair = &core->pair[core->pair_cursor];
    lines_fetch(pair, offsetof(struct pair, leg[2]));
    lines_fetch(&core->order[(core->order_last + 1) % ABI_RING_SIZE], sizeof core->order[0]);
    lines_fetch(&core->order[(core->order_last + 2) % ABI_RING_SIZE], sizeof core->order[0]);
    lines_fetch(&core->execution[core->execution_head % EXECUTION_SLOTS], 1);
    lines_fetch(&core->rate[c->buy_venue].time_ns[core->rate[c->buy_venue].head % RATE_SLOTS], 1);
    lines_fetch(&core->rate[c->sell_venue].time_ns[core->rate[c->sell_venue].head % RATE_SLOTS], 1);
    if (out != NULL && out->count + 3 <= CORE_OUT_MAX)
        lines_fetch(&out->record[out->count], 3 * sizeof out->record[0]);
}

void decide(struct core *core, struct candidate *candidate, struct core_out *out) {
    struct episode *episode = episode_touch(core, candidate, out);
    bool direction_off = core->direction[candidate->direction].off;
    bool own = gates_own_state(core, candidate);
    if (own) places_fetch(core, candidate, out);
    if (own && gates_market(core, candidate) && size_candidate(core, candidate) && gates_account(core, candidate)) {
        pair_send(core, episode, candidate, out);
        return;
    }
    episode_refused(core, episode, candidate, out);
    episode_publish(core, episode, out);
    if (candidate->refusal == ABI_REFUSAL_REPETITION && !direction_off && core->direction[candidate->direction].off)
        alarm_raise(core, out, ABI_ALARM_ATTENTION, "REPETITION",
                    "%s: bought %s, sold %s %lld times within the window; this direction is off until released",
                    symbol_of(core, candidate->symbol)->name, core->setup.venue[candidate->buy_venue].name,
                    core->setup.venue[candidate->sell_venue].name, (long long)candidate->value);
}
