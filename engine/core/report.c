#include <stdio.h>

#include "state.h"

static bool state_terminal(uint32_t state) {
    return state == ABI_ORDER_FILLED || state == ABI_ORDER_CANCELED || state == ABI_ORDER_EXPIRED ||
           state == ABI_ORDER_REJECTED || state == ABI_ORDER_NEVER_ACCEPTED;
}

static void overfill(struct core *core, const struct pair *pair, const struct leg *leg, struct core_out *out) {
    char text[128];
    snprintf(text, sizeof text, "%.31s on %.15s: more was filled than the order asked for; trading is halted",
             symbol_of(core, pair->symbol)->name, core->setup.venue[leg->venue].name);
    trading_halt(core, out, "OVERFILL", text);
}

/* What the venue's last word says was filled; -1: it does not say. */
static int64_t final_cum(const struct journal_report *report, const struct leg *leg) {
    if (report->cum_qty >= 0) return report->cum_qty;
    if (report->state == ABI_ORDER_FILLED) return leg->qty;
    if (report->state == ABI_ORDER_REJECTED || report->state == ABI_ORDER_NEVER_ACCEPTED) return 0;
    return -1;
}

/* The last word. Fills it implies may still be on their way: the leg waits for them, then asks. Without the amount
 * nothing can be concluded: UNKNOWN, and the question goes to the venue. */
static void leg_final(struct core *core, struct pair *pair, uint32_t index, uint32_t state, int64_t cum,
                      int64_t now, struct core_out *out) {
    struct leg *leg = &pair->leg[index];
    if (!state_terminal(state) || cum < 0) {
        leg_unknown(core, pair, index, "final without the amount filled", out);
        return;
    }
    if (leg->final_state == 0) leg->final_state = state;
    if (cum > leg->qty) overfill(core, pair, leg, out);
    bool rejected = state == ABI_ORDER_REJECTED || state == ABI_ORDER_NEVER_ACCEPTED;
    if (rejected && leg->filled > 0 && !leg->closed)
        alarm_raise(core, out, ABI_ALARM_CRITICAL, "CONTRADICTION",
                    "%s on %s: the venue rejects an order of which fills are booked; the fills stand",
                    symbol_of(core, pair->symbol)->name, core->setup.venue[leg->venue].name);
    leg->cum = int64_max(int64_max(leg->cum, cum), leg->filled); /* only grows */
    if (!leg->closed) {
        leg->deadline_ns =
            leg->state == ABI_ORDER_UNKNOWN ? INT64_MAX : time_add(now, core->setup.limits.answer_timeout_ns);
        return;
    }
    if (leg->cum > leg->filled) { /* thought final, and now there is more: wait for those fills again */
        leg->closed = false;
        leg->state = ABI_ORDER_PARTIAL;
        leg->deadline_ns = time_add(now, core->setup.limits.answer_timeout_ns);
        if (pair->phase == PAIR_DONE) pair_reopen(core, pair, out);
        pair_unsettle(core, pair); /* an OPEN pair is no longer judged either */
    }
}

static void order_note(struct core *core, const struct leg *leg, const struct journal_report *report, int64_t now) {
    struct abi_order *order = order_slot(core, leg->order_id);
    if (order == NULL) return;
    bool answer = report->kind == JOURNAL_REPORT_ACK || report->kind == JOURNAL_REPORT_FINAL ||
                  report->kind == JOURNAL_REPORT_REJECT;
    if (report->kind == JOURNAL_REPORT_SENT) order->sent_wall_ns = wall_ns(core, now);
    if (answer && order->answered_wall_ns == 0) order->answered_wall_ns = wall_ns(core, now);
    if (report->venue_order_id[0] != 0) memcpy(order->venue_id, report->venue_order_id, sizeof order->venue_id);
    if (report->reason[0] != 0) memcpy(order->reason, report->reason, sizeof order->reason);
    order->venue_id[sizeof order->venue_id - 1] = 0;
    order->reason[sizeof order->reason - 1] = 0;
}

static void leg_report(struct core *core, struct pair *pair, uint32_t index, const struct journal_report *report,
                       int64_t now, struct core_out *out) {
    struct leg *leg = &pair->leg[index];
    bool silent = leg->state == ABI_ORDER_CREATED || leg->state == ABI_ORDER_SENT;
    switch (report->kind) {
    case JOURNAL_REPORT_SENT:
        if (leg->state != ABI_ORDER_CREATED) break;
        leg->state = ABI_ORDER_SENT;
        leg->sent_ns = now;
        leg->deadline_ns = time_add(now, core->setup.limits.answer_timeout_ns);
        break;
    case JOURNAL_REPORT_ACK:
        if (silent) leg->state = ABI_ORDER_ACKED;
        count(core, ABI_COUNTER_ACKS);
        break;
    case JOURNAL_REPORT_FINAL:
        leg_final(core, pair, index, report->state, final_cum(report, leg), now, out);
        break;
    case JOURNAL_REPORT_REJECT:
        if (leg->final_state == 0) count(core, ABI_COUNTER_REJECTS);
        leg_final(core, pair, index, ABI_ORDER_REJECTED, 0, now, out);
        break;
    case JOURNAL_REPORT_NOT_SENT:
        leg_final(core, pair, index, ABI_ORDER_NEVER_ACCEPTED, 0, now, out);
        break;
    case JOURNAL_REPORT_UNKNOWN:
        leg_unknown(core, pair, index, report->reason[0] != 0 ? report->reason : "no answer", out);
        break;
    default:
        break;
    }
}

static struct leg *leg_of(struct core *core, uint64_t pair_id, uint32_t leg, struct pair **pair) {
    *pair = pair_find(core, pair_id);
    return *pair == NULL || leg >= (*pair)->leg_count || (*pair)->leg[leg].order_id == 0 ? NULL
                                                                                         : &(*pair)->leg[leg];
}

void report_apply(struct core *core, const struct journal_report *report, int64_t now, struct core_out *out) {
    struct pair *pair = NULL;
    struct leg *leg = leg_of(core, report->pair_id, report->leg, &pair);
    if (leg == NULL || leg->venue != report->venue) {
        alarm_raise(core, out, ABI_ALARM_ATTENTION, "REPORT_STRANGE",
                    "a report about an order that is not held: pair %llx leg %u",
                    (unsigned long long)report->pair_id, report->leg);
        return;
    }
    order_note(core, leg, report, now);
    leg_report(core, pair, report->leg, report, now, out);
    leg_update(core, pair, report->leg, now);
    order_publish(core, pair, report->leg, out);
    pair_evaluate(core, pair, now, out);
}

/* NULL, or why this fill cannot be one of ours. */
static const char *fill_strange(const struct pair *pair, const struct leg *leg, const struct journal_fill *fill) {
    if (leg == NULL) return "its order is not held";
    if (fill->venue != leg->venue || fill->symbol != pair->symbol || fill->side != leg->side)
        return "its order is for another venue, symbol or side";
    if (fill->price <= 0 || fill->qty <= 0 || fill->qty > UNITS_MAX) return "price or quantity makes no sense";
    if (fill->trade_id[0] == 0) return "it has no trade id";
    return NULL;
}

static void fill_publish(struct core *core, const struct pair *pair, const struct leg *leg,
                         const struct journal_fill *fill, int64_t now, struct core_out *out) {
    uint64_t id = ++core->fill_last;
    struct abi_fill *view = &core->fill[id % ABI_RING_SIZE];
    memset(view, 0, sizeof *view);
    view->id = id;
    view->pair_id = pair->id;
    view->wall_ns = wall_ns(core, now);
    view->price = fill->price;
    view->qty = fill->qty;
    view->quote_e8 = fill->quote_e8;
    view->fee_e8 = fill->fee_e8;
    view->symbol = fill->symbol;
    view->venue = fill->venue;
    view->side = fill->side;
    view->leg = fill->leg;
    view->fee_asset = fill->fee_asset;
    core_client_id(pair->id, fill->leg, view->client_id);
    memcpy(view->trade_id, fill->trade_id, strnlen(fill->trade_id, sizeof view->trade_id - 1));
    out_fill(out, id);
    struct abi_order *order = order_slot(core, leg->order_id);
    if (order == NULL) return;
    order->fee_e8 = order->fee_asset == fill->fee_asset ? order->fee_e8 + fill->fee_e8 : fill->fee_e8;
    order->fee_asset = fill->fee_asset;
    if (order->answered_wall_ns == 0) order->answered_wall_ns = view->wall_ns;
}

static void fill_refuse(struct core *core, const struct journal_fill *fill, const char *why, struct core_out *out) {
    count(core, ABI_COUNTER_FILLS_FOREIGN);
    if (fill->pair_id == 0) { /* somebody else trades on this account */
        alarm_raise(core, out, ABI_ALARM_ATTENTION, "FILL_FOREIGN",
                    "%s: a fill that is not of our orders; balances will differ",
                    core->setup.venue[fill->venue].name);
        return;
    }
    char text[160];
    snprintf(text, sizeof text, "%.15s: a fill of ours cannot be booked, %s; trading is halted",
             core->setup.venue[fill->venue].name, why);
    trading_halt(core, out, "FILL_STRANGE", text);
}

void fill_apply(struct core *core, struct journal_fill *fill, int64_t now, struct core_out *out) {
    struct pair *pair = NULL;
    struct leg *leg = fill->pair_id == 0 ? NULL : leg_of(core, fill->pair_id, fill->leg, &pair);
    fill->booked = 0;
    if (fill->trade_id[0] != 0 && trade_seen(core, fill->venue, fill->symbol, fill->trade_id)) {
        count(core, ABI_COUNTER_FILLS_DUPLICATE);
        return;
    }
    const char *why = fill_strange(pair, leg, fill);
    if (why != NULL) {
        fill_refuse(core, fill, why, out);
        return;
    }
    if (pair->phase == PAIR_DONE || pair->settled) {
        if (pair->phase == PAIR_DONE)
            pair_reopen(core, pair, out);
        else
            pair_unsettle(core, pair); /* an OPEN pair: settled again below */
    }
    if (!ledger_fill_book(core, pair, leg, fill, out)) {
        fill_refuse(core, fill, "an amount is out of range", out);
        pair_evaluate(core, pair, now, out);
        return;
    }
    trade_note(core, fill->venue, fill->symbol, fill->trade_id);
    count(core, ABI_COUNTER_FILLS);
    fill->booked = 1;
    leg->filled += fill->qty;
    if (leg->filled > leg->qty) overfill(core, pair, leg, out);
    if (leg->closed) leg->cum = int64_max(leg->cum, leg->filled);
    leg_update(core, pair, fill->leg, now);
    fill_publish(core, pair, leg, fill, now, out);
    order_publish(core, pair, fill->leg, out);
    pair_evaluate(core, pair, now, out);
}
