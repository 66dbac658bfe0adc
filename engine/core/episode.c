/* Opportunities as people count them: qualifying quotes of one strategy, symbol and direction that are less than a
 * second apart are one episode. A refusal is recorded once per episode and reason, so nothing can flood the journal. */
#include "state.h"

_Static_assert(sizeof(struct episode) % sizeof(clear_lane) == 0, "an episode is cleared in whole lanes");

void episode_publish(struct core *core, const struct episode *episode, struct core_out *out) {
    uint64_t id = episode->view.id;
    if (id + ABI_RING_SIZE > core->opportunity_last) core->opportunity[id % ABI_RING_SIZE] = episode->view;
    out_opportunity(out, id);
}

static void episode_record(struct core *core, const struct abi_opportunity *view, struct core_out *out) {
    struct journal_episode *record = out_record(core, out, JOURNAL_EPISODE);
    record->opportunity_id = view->id;
    record->pair_id = view->pair_id;
    record->first_ns = view->first_wall_ns - core->setup.wall_offset_ns;
    record->last_ns = view->last_wall_ns - core->setup.wall_offset_ns;
    record->gross_bps_e4 = view->gross_bps_e4;
    record->net_bps_e4 = view->net_bps_e4;
    record->qty = view->qty;
    record->pnl_e8 = view->pnl_e8;
    record->quotes = view->quotes;
    record->symbol = view->symbol;
    record->strategy = view->strategy;
    record->buy_venue = view->buy_venue;
    record->sell_venue = view->sell_venue;
    record->outcome = view->outcome;
    record->refusal = view->refusal;
}

static void episode_end(struct core *core, struct episode *episode, struct core_out *out) {
    episode_record(core, &episode->view, out);
    if (!episode->taken) {
        count(core, ABI_COUNTER_REFUSED);
        core->strategy[episode->view.strategy].view.refused++;
    }
    *episode_place(core, episode->view.strategy, episode->direction) = 0;
    uint32_t slot = (uint32_t)(episode - core->episode);
    core->episode_active[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    out_opportunity(out, episode->view.id);
}

/* A free place; when all are taken the episode that has been quiet for longest ends early. */
static uint32_t episode_slot(struct core *core, struct core_out *out) {
    uint32_t quietest = 0;
    for (uint32_t word = 0; word < EPISODE_SLOTS / 64; word++) {
        uint64_t free_bits = ~core->episode_active[word];
        if (free_bits != 0) return word * 64 + (uint32_t)__builtin_ctzll(free_bits);
    }
    for (uint32_t i = 1; i < EPISODE_SLOTS; i++)
        if (core->episode[i].last_ns < core->episode[quietest].last_ns) quietest = i;
    episode_end(core, &core->episode[quietest], out);
    return quietest;
}

static struct episode *episode_begin(struct core *core, const struct candidate *c, struct core_out *out) {
    uint32_t slot = episode_slot(core, out);
    struct episode *episode = &core->episode[slot];
    clear(episode, sizeof *episode);
    core->episode_active[slot / 64] |= UINT64_C(1) << slot % 64;
    episode->first_ns = c->now;
    episode->direction = c->direction;
    episode->view.id = ++core->opportunity_last;
    episode->view.first_wall_ns = wall_ns(core, c->now);
    episode->view.symbol = c->symbol;
    episode->view.strategy = c->strategy;
    episode->view.buy_venue = c->buy_venue;
    episode->view.sell_venue = c->sell_venue;
    episode->view.outcome = ABI_OUTCOME_REFUSED;
    *episode_place(core, c->strategy, c->direction) = (uint16_t)(slot + 1);
    count(core, ABI_COUNTER_OPPORTUNITIES);
    core->strategy[c->strategy].view.seen++;
    return episode;
}

struct episode *episode_touch(struct core *core, const struct candidate *c, struct core_out *out) {
    uint16_t place = *episode_place(core, c->strategy, c->direction);
    struct episode *episode = place == 0 ? NULL : &core->episode[place - 1];
    if (episode != NULL && c->now - episode->last_ns >= EPISODE_GAP_NS) {
        episode_end(core, episode, out);
        episode = NULL;
    }
    if (episode == NULL) episode = episode_begin(core, c, out);
    episode->last_ns = c->now;
    struct abi_opportunity *view = &episode->view;
    view->last_wall_ns = wall_ns(core, c->now);
    view->quotes++;
    if (view->quotes == 1 || c->net_bps_e4 > view->net_bps_e4) {
        view->gross_bps_e4 = c->gross_bps_e4;
        view->net_bps_e4 = c->net_bps_e4;
        if (!episode->taken) {
            view->buy_price = c->buy_price;
            view->sell_price = c->sell_price;
            view->qty = c->qty;
        }
    }
    return episode;
}

void episode_refused(struct core *core, struct episode *episode, const struct candidate *c, struct core_out *out) {
    uint64_t bit = UINT64_C(1) << c->refusal;
    if ((episode->refused_mask & bit) != 0) return;
    episode->refused_mask |= bit;
    core->counters.refused[c->refusal]++;
    core->strategy[c->strategy].view.refused_by[c->refusal]++;
    if (!episode->taken) { /* the page shows the latest reason; one that traded shows its trade */
        episode->view.refusal = c->refusal;
        episode->view.value = c->value;
        episode->view.limit = c->limit;
    }
    struct journal_refusal *record = out_record(core, out, JOURNAL_REFUSAL);
    record->opportunity_id = episode->view.id;
    record->gross_bps_e4 = c->gross_bps_e4;
    record->net_bps_e4 = c->net_bps_e4;
    record->buy_price = c->buy_quote->ask_price;
    record->sell_price = c->sell_quote->bid_price;
    record->qty = c->qty;
    record->value = c->value;
    record->limit = c->limit;
    record->symbol = c->symbol;
    record->strategy = c->strategy;
    record->buy_venue = c->buy_venue;
    record->sell_venue = c->sell_venue;
    record->refusal = c->refusal;
}

void episode_taken(struct core *core, struct episode *episode, const struct candidate *c, uint64_t pair_id) {
    if (!episode->taken) {
        count(core, ABI_COUNTER_TAKEN);
        core->strategy[c->strategy].view.taken++;
    }
    episode->taken = true;
    struct abi_opportunity *view = &episode->view;
    view->outcome = ABI_OUTCOME_SENT;
    view->refusal = ABI_REFUSAL_NONE;
    view->value = view->limit = 0;
    view->pair_id = pair_id;
    view->pnl_e8 = 0;
    view->buy_price = c->buy_price;
    view->sell_price = c->sell_price;
    view->qty = c->qty;
}

static struct episode *episode_live(struct core *core, const struct pair *pair) {
    uint32_t direction = direction_index(core, pair->symbol, pair->buy_venue, pair->sell_venue);
    uint16_t place = *episode_place(core, pair->strategy, direction);
    if (place == 0 || core->episode[place - 1].view.id != pair->opportunity_id) return NULL;
    return &core->episode[place - 1];
}

/* What has become of the pair, once it is final or its outcome changes. An episode that has ended already is
 * journalled again: the later record counts. */
void episode_pair_update(struct core *core, const struct pair *pair, struct core_out *out) {
    if (pair->opportunity_id == 0) return; /* of a generation before */
    struct episode *episode = episode_live(core, pair);
    uint64_t id = pair->opportunity_id;
    struct abi_opportunity *ring = &core->opportunity[id % ABI_RING_SIZE];
    struct abi_opportunity *view = episode != NULL ? &episode->view : ring->id == id ? ring : NULL;
    if (view == NULL || view->pair_id != pair->id) return; /* left the ring, or a later pair is shown */
    if (view->outcome == pair->outcome && view->pnl_e8 == pair->pnl_e8) return;
    view->outcome = pair->outcome;
    view->pnl_e8 = pair->pnl_e8;
    if (episode != NULL) {
        episode_publish(core, episode, out);
    } else {
        episode_record(core, view, out);
        out_opportunity(out, id);
    }
}

void episodes_end(struct core *core, int64_t now, struct core_out *out) {
    core->episodes_due = false;
    for (uint32_t word = 0; word < EPISODE_SLOTS / 64; word++) {
        for (uint64_t left = core->episode_active[word]; left != 0; left &= left - 1) {
            struct episode *episode = &core->episode[word * 64 + (uint32_t)__builtin_ctzll(left)];
            if (now - episode->last_ns < EPISODE_GAP_NS) continue;
            if (!out_has_room(out)) {
                core->episodes_due = true;
                return;
            }
            episode_end(core, episode, out);
        }
    }
}
