/* The two-leg machine. A leg is closed when the venue has said its last word and every fill that this word implies is
 * booked; a pair is judged when all its legs are closed. Reports and fills come in any order. */
#include "state.h"

_Static_assert((PAIR_SLOTS & (PAIR_SLOTS - 1)) == 0, "slots are counted back across zero");

/* From the latest one back: what is asked for is nearly always among the last few. */
struct pair *pair_find(struct core *core, uint64_t id) {
    for (uint32_t back = 1; back <= PAIR_SLOTS; back++) {
        uint32_t slot = (core->pair_cursor - back) % PAIR_SLOTS;
        if (core->pair_id[slot] == id) return id == 0 ? NULL : &core->pair[slot];
    }
    return NULL;
}

/* Takes the place of the oldest pair that is done; there always is one, as open pairs are far fewer than places. */
struct pair *pair_allocate(struct core *core, uint64_t id) {
    assert(core->open_count < PAIR_SLOTS);
    uint32_t slot = core->pair_cursor;
    while (core->pair[slot].phase != PAIR_NONE && core->pair[slot].phase != PAIR_DONE)
        slot = (slot + 1) % PAIR_SLOTS;
    core->pair_cursor = (slot + 1) % PAIR_SLOTS;
    struct pair *pair = &core->pair[slot];
    /* Hedges are written whole when they begin; the two legs of the decision are read before: a crash can leave a pair
     * that has none. */
    clear(pair, offsetof(struct pair, leg) + 2 * sizeof pair->leg[0]);
    pair->id = id;
    client_id_text(id, pair->id_text);
    pair->hedge_ns = INT64_MIN;
    core->pair_id[slot] = id;
    core->open[core->open_count++] = slot;
    return pair;
}

static void open_remove(struct core *core, const struct pair *pair) {
    uint32_t slot = (uint32_t)(pair - core->pair);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < core->open_count; i++)
        if (core->open[i] != slot) core->open[kept++] = core->open[i];
    core->open_count = kept;
}

static int64_t leg_sign(const struct leg *leg) {
    return leg->side == ABI_SIDE_BUY ? 1 : -1;
}
bool leg_open(const struct leg *leg) {
    return leg->order_id != 0 && !leg->closed;
}

/* Bought minus sold, in qty units of the symbol, as filled. */
int64_t pair_residual(const struct pair *pair) {
    int64_t residual = 0;
    for (uint32_t i = 0; i < pair->leg_count; i++)
        residual += leg_sign(&pair->leg[i]) * pair->leg[i].filled;
    return residual;
}

/* Greatest absolute residual that the UNKNOWN legs can still turn out to mean. */
int64_t pair_residual_worst(const struct pair *pair) {
    int64_t least = 0, greatest = 0;
    for (uint32_t i = 0; i < pair->leg_count; i++) {
        const struct leg *leg = &pair->leg[i];
        int64_t most = leg->state == ABI_ORDER_UNKNOWN ? int64_max(leg->qty, leg->filled) : leg->filled;
        least += leg_sign(leg) > 0 ? leg->filled : -most;
        greatest += leg_sign(leg) > 0 ? most : -leg->filled;
    }
    return int64_max(int64_abs(least), int64_abs(greatest));
}

static void leg_close(struct core *core, struct pair *pair, struct leg *leg, int64_t now) {
    if (leg->state == ABI_ORDER_UNKNOWN) core->venue_unknown[leg->venue]--;
    leg->closed = true;
    leg->state = leg->filled >= leg->qty || leg->final_state == 0 ? ABI_ORDER_FILLED : leg->final_state;
    leg->deadline_ns = INT64_MAX;
    leg_reserve_set(core, pair, leg, 0);
    struct abi_order *order = order_slot(core, leg->order_id);
    if (order != NULL) order->final_wall_ns = wall_ns(core, now);
}

/* After a fill or a report: closed or not, state, and the reservation of what may still fill. */
void leg_update(struct core *core, struct pair *pair, uint32_t leg_index, int64_t now) {
    struct leg *leg = &pair->leg[leg_index];
    if (leg->closed) return;
    bool said = leg->final_state != 0 && leg->cum >= 0 && leg->filled >= leg->cum;
    if (leg->filled >= leg->qty || said) {
        leg_close(core, pair, leg, now);
        return;
    }
    if (leg->state != ABI_ORDER_UNKNOWN && leg->filled > 0) leg->state = ABI_ORDER_PARTIAL;
    int64_t need = 0;
    bool counted =
        reserve_need(core, pair->symbol, leg->venue, leg->side, leg->price, leg->qty - leg->filled, &need);
    if (counted) leg_reserve_set(core, pair, leg, int64_min(need, leg->reserve_e8));
}

void leg_unknown(struct core *core, struct pair *pair, uint32_t leg_index, const char *why, struct core_out *out) {
    struct leg *leg = &pair->leg[leg_index];
    if (leg->closed) return;
    leg->deadline_ns = INT64_MAX;
    if (leg->state == ABI_ORDER_UNKNOWN) return;
    leg->state = ABI_ORDER_UNKNOWN;
    core->venue_unknown[leg->venue]++;
    count(core, ABI_COUNTER_UNKNOWN);
    struct abi_order *order = order_slot(core, leg->order_id);
    char client_id[32];
    core_client_id(pair->id, leg_index, client_id);
    if (order != NULL && order->reason[0] == 0) memcpy(order->reason, why, strnlen(why, sizeof order->reason - 1));
    alarm_raise(core, out, ABI_ALARM_ATTENTION, "ORDER_UNKNOWN",
                "%s %s order %s may or may not exist: %.60s; its amount stays reserved, %s is blocked",
                core->setup.venue[leg->venue].name, symbol_of(core, pair->symbol)->name, client_id, why,
                symbol_of(core, pair->symbol)->name);
}

void exposure_note(struct core *core, struct pair *pair, uint32_t exposure, struct core_out *out) {
    pair->exposure = exposure;
    struct journal_exposure *record = out_record(core, out, JOURNAL_EXPOSURE);
    record->pair_id = pair->id;
    record->residual_qty = pair_residual(pair);
    record->value_e8 = exposure_value_e8(core, pair);
    record->symbol = pair->symbol;
    record->buy_venue = pair->buy_venue;
    record->sell_venue = pair->sell_venue;
    record->state = exposure;
    record->hedges = pair->attempts;
}

void pair_reopen(struct core *core, struct pair *pair, struct core_out *out) {
    assert(pair->phase == PAIR_DONE);
    pair_unsettle(core, pair);
    dust_set(core, pair->symbol, core->dust[pair->symbol] - pair->dust);
    pair->dust = 0;
    pair->phase = PAIR_WORKING;
    pair->hedge_ns = INT64_MIN;
    core->open[core->open_count++] = (uint32_t)(pair - core->pair);
    alarm_raise(core, out, ABI_ALARM_ATTENTION, "LATE_FILL",
                "%s: a fill arrived after its order was thought final; booked, and the pair is open again",
                symbol_of(core, pair->symbol)->name);
}

void pair_finish(struct core *core, struct pair *pair, uint32_t exposure, int64_t now, struct core_out *out) {
    int64_t residual = pair_residual(pair);
    pair->phase = PAIR_DONE;
    pair->hedge_asked_ns = 0;
    pair->outcome = pair_outcome(pair);
    if (exposure == ABI_EXPOSURE_DUST) {
        pair->dust = residual;
        dust_set(core, pair->symbol, core->dust[pair->symbol] + residual);
    }
    pair_settle(core, pair);
    if (exposure != ABI_EXPOSURE_NONE || pair->exposure != ABI_EXPOSURE_NONE)
        exposure_note(core, pair, exposure, out);
    pair->since_ns = 0;
    open_remove(core, pair);
    uint32_t direction = direction_index(core, pair->symbol, pair->buy_venue, pair->sell_venue);
    core->direction[direction].final_ns = now;
    episode_pair_update(core, pair, out);
}

static bool any_leg_unknown(const struct pair *pair) {
    for (uint32_t i = 0; i < pair->leg_count; i++)
        if (pair->leg[i].state == ABI_ORDER_UNKNOWN) return true;
    return false;
}

static bool any_leg_open(const struct pair *pair) {
    for (uint32_t i = 0; i < pair->leg_count; i++)
        if (leg_open(&pair->leg[i])) return true;
    return false;
}

/* Where the pair stands after something happened to it, and the next step it needs. */
void pair_evaluate(struct core *core, struct pair *pair, int64_t now, struct core_out *out) {
    if (pair->phase == PAIR_DONE) return;
    int64_t residual = pair_residual(pair);
    if (residual == 0) pair->since_ns = 0;
    if (residual != 0 && pair->since_ns == 0) pair->since_ns = now;
    pair->outcome = pair_outcome(pair);
    if (any_leg_unknown(pair)) {
        pair->phase = PAIR_UNKNOWN;
        if (pair->exposure != ABI_EXPOSURE_UNKNOWN) exposure_note(core, pair, ABI_EXPOSURE_UNKNOWN, out);
        episode_pair_update(core, pair, out);
        return;
    }
    if (any_leg_open(pair)) {
        if (pair->phase == PAIR_UNKNOWN) pair->phase = PAIR_WORKING;
        return;
    }
    if (residual == 0) {
        pair_finish(core, pair, ABI_EXPOSURE_NONE, now, out);
    } else if (hedge_is_dust(core, pair, residual)) {
        pair_finish(core, pair, ABI_EXPOSURE_DUST, now, out);
    } else {
        episode_pair_update(core, pair, out);
        hedge_try(core, pair, residual, now, out);
    }
}
